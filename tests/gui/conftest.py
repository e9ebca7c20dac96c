"""Tests with widgets run on the window's own loop, and leave no window behind."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("QT_API", "pyside6")

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QObject
from PySide6.QtWidgets import QApplication, QWidget

from app.qt_loop import QtLoop
from app.views import theme


def _application() -> QApplication:
    app = QApplication.instance()
    return app if isinstance(app, QApplication) else QApplication(["crowdesk"])


def _qt_loop() -> asyncio.AbstractEventLoop:
    loop: asyncio.AbstractEventLoop = QtLoop(_application())
    return loop


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"qt": _qt_loop}


@pytest.fixture(scope="session")
def qapp() -> QApplication:
    """The one application, in the light theme."""
    app = _application()
    app.setQuitOnLastWindowClosed(False)
    theme.apply(app, "light")
    return app


class _Windows(QObject):
    """Notes each widget that is shown while it has no parent: it is a window then, if only for an instant."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[str] = []

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Show and isinstance(watched, QWidget) and watched.parentWidget() is None:
            self.shown.append(type(watched).__name__)
        return False


@pytest.fixture
def windows_shown(qapp: QApplication) -> Iterator[list[str]]:
    """The kinds of the windows that were shown since the test began."""
    windows = _Windows()
    qapp.installEventFilter(windows)
    yield windows.shown
    qapp.removeEventFilter(windows)


@pytest.fixture(autouse=True)
def no_window_left_behind(qapp: QApplication) -> Iterator[None]:
    """Fail a test that leaves a window on the screen."""
    before = {id(widget) for widget in qapp.topLevelWidgets()}
    yield
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    left = [repr(w) for w in qapp.topLevelWidgets() if id(w) not in before and w.isVisible()]
    if left:
        pytest.fail("windows left behind: " + ", ".join(left))
