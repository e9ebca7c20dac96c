"""One page in a real window over a real database, driven by mouse and keys."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu, QWidget

from app.clock import Clock, TurnedClock
from app.viewmodels.action import end_all_actions
from app.viewmodels.desktop import Desktop
from app.viewmodels.toasts import Toast
from app.viewmodels.window_frame import WindowFrame
from app.views.main_window import MainWindow
from app.views.page import Page, Place
from app.views.sheet import Sheet
from app.views.table_view import RecordTableView
from tests.fakes.run_history import Past, make_past
from tests.gui.desk_case import open_desktop

V = TypeVar("V")
UNDO = 8


class PageCase:
    """What a test of a page holds: the window, what it said in toasts, and hands to drive it."""

    def __init__(self, desktop: Desktop, clock: Clock, key: str, make: Callable[[Desktop], Page]) -> None:
        self.desktop, self.clock = desktop, clock
        self.toasts: list[Toast] = []
        self.places: list[tuple[str, Any]] = []
        desktop.toasts.added.connect(self.toasts.append)
        desktop.place_asked.connect(lambda place, where: self.places.append((place, dict(where))))
        frame = desktop.parent()
        assert isinstance(frame, WindowFrame)
        self.window = MainWindow(frame, [Place(key, key.capitalize(), "ph.house", lambda: make(desktop))])
        self.window.resize(1280, 800)
        self.window.show()
        self.key = key

    def begin(self, **where: Any) -> Page:
        """Open the page."""
        self.window.begin(self.key, where)
        page = self.window.page()
        assert page is not None
        self.window.activateWindow()
        return page

    async def until(self, true: Callable[[], bool], what: str) -> None:
        """Wait until something holds; fails with `what` after some seconds."""
        for _ in range(1500):
            if true():
                return
            await asyncio.sleep(0.01)
        pytest.fail(f"never came: {what}; said: {[toast.text for toast in self.toasts]}")

    async def sees(self, read: Callable[[], Awaitable[V]], true: Callable[[V], bool], what: str) -> V:
        """What `read()` gives, when it is as `true` wants it; fails with `what` after some seconds."""
        for _ in range(500):
            found = await read()
            if true(found):
                return found
            await asyncio.sleep(0.01)
        pytest.fail(f"never came: {what}; it is {found!r}")

    async def said(self, words: str) -> Toast:
        """The toast with these words, when it has come."""
        await self.until(lambda: any(words in toast.text for toast in self.toasts), f"“{words}”")
        return next(toast for toast in reversed(self.toasts) if words in toast.text)

    async def undo(self, words: str) -> None:
        """Press Undo on the toast with these words."""
        toast = await self.said(words)
        assert toast.action == "Undo"
        self.desktop.toasts.act(toast.number)

    async def sheet(self, kind: type[Sheet] = Sheet) -> Any:
        """The sheet that is open, when it is."""
        await self.until(lambda: self._sheet(kind) is not None, f"a {kind.__name__}")
        return self._sheet(kind)

    async def closed(self, sheet: Sheet) -> None:
        """Until the sheet is gone."""
        await self.until(lambda: not sheet.is_open(), "the sheet goes")

    def _sheet(self, kind: type[Sheet]) -> Sheet | None:
        return next((one for one in self.window.findChildren(kind) if one.is_open()), None)

    async def rows(self, view: RecordTableView, count: int) -> None:
        """Until the table has so many rows and their values."""
        model = view.records
        await self.until(
            lambda: len(model.ids) == count and (not count or model.values_at(0) is not None), f"{count} rows"
        )

    def focus(self) -> QWidget | None:
        """The widget with the focus. The offscreen platform takes it away now and then: it is asked for again."""
        if QApplication.focusWidget() is None:
            self.window.activateWindow()
        return QApplication.focusWidget()

    def click_row(self, view: RecordTableView, row: int, *, double: bool = False, ctrl: bool = False) -> None:
        """Click a row with the mouse."""
        place = view.visualRect(view.records.index(row, view.visible_columns()[0])).center()
        modifier = Qt.KeyboardModifier.ControlModifier if ctrl else Qt.KeyboardModifier.NoModifier
        QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, modifier, place)
        if double:
            QTest.mouseDClick(view.viewport(), Qt.MouseButton.LeftButton, modifier, place)

    async def menu(self, view: RecordTableView) -> QMenu:
        """The context menu of what is selected."""
        place = QPoint(40, 40)
        event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, view.viewport().mapToGlobal(place))
        QApplication.sendEvent(view.viewport(), event)
        await self.until(lambda: isinstance(QApplication.activePopupWidget(), QMenu), "the context menu")
        found = QApplication.activePopupWidget()
        assert isinstance(found, QMenu)
        return found

    def choose(self, menu: QMenu, words: str) -> None:
        """Click an entry of a menu."""
        action = next(one for one in menu.actions() if one.text().split("\t")[0] == words)
        QTest.mouseClick(menu, Qt.MouseButton.LeftButton, pos=menu.actionGeometry(action).center())

    def words_of(self, menu: QMenu) -> list[str]:
        """The entries of a menu."""
        return [one.text().split("\t")[0] for one in menu.actions() if not one.isSeparator()]

    def confirm(self, sheet: Sheet) -> None:
        """Ctrl+Enter in a sheet."""
        QTest.keyClick(sheet, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)

    async def let_fall_due(self) -> None:
        """Let the undo time pass, and what follows from it."""
        assert isinstance(self.clock, TurnedClock)
        await self.clock.turn(UNDO + 1)
        await self.desktop.reviews.apply_due()


@asynccontextmanager
async def open_page(
    folder: Path, key: str, make: Callable[[Desktop], Page], past: Past | None = None, clock: Clock | None = None
) -> AsyncIterator[tuple[PageCase, int]]:
    """A page over a database with a run of that past; gives the case and the run's id (0 without a past)."""
    clock = clock or TurnedClock()
    async with open_desktop(folder, clock, undo_seconds=UNDO) as desktop:
        run_id = await desktop.store.write(make_past, past, clock.now()) if past is not None else 0
        case = PageCase(desktop, clock, key, make)
        try:
            yield case, run_id
        finally:
            case.window.let_close()
            case.window.deleteLater()
            await end_all_actions()
