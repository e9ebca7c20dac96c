"""The window: sidebar, page, inspector, status bar; the palette and the toasts over them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from PySide6.QtCore import QByteArray, Qt, Signal
from PySide6.QtGui import QCloseEvent, QIcon, QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from app.viewmodels.window_frame import FrameStatus, WindowFrame
from app.views import theme
from app.views.inspector import Inspector
from app.views.page import Offer, Page, Place
from app.views.palette import Palette
from app.views.sidebar import Sidebar
from app.views.status_bar import HEIGHT, StatusBar
from app.views.toast_stack import UNDO_KEYS, ToastStack
from app.views.widgets.labels import hairline, label


class MainWindow(QWidget):
    """Shows the pages of `places`, each made on its first visit. `close_asked()`: whoever made the window decides."""

    close_asked = Signal()

    def __init__(self, frame: WindowFrame, places: Sequence[Place]) -> None:
        super().__init__()
        self.frame = frame
        self.places = {place.key: place for place in places}
        self.pages: dict[str, Page] = {}
        self.current_key = ""
        self.opening = True
        """While the data is being opened no page can be made."""
        self._may_close = False
        self._page_shortcuts: list[QShortcut] = []
        self.setWindowTitle("Crowdesk")
        self.setWindowIcon(QIcon(str(theme.RESOURCES / "icons" / "crowdesk.svg")))
        self.setObjectName("backdrop")
        self.setMinimumSize(960, 600)
        self.sidebar = Sidebar(places)
        self.stack = QStackedWidget()
        self._wait = label("Opening the data…", tone="dim")
        self._wait.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.stack.addWidget(self._wait)
        self.inspector = Inspector()
        self.status_bar = StatusBar(frame.background)
        self._lay_out()
        self.toasts = ToastStack(frame.toasts, self, HEIGHT)
        self.toasts.find_place = lambda: page.toast_place() if (page := self.page()) is not None else None
        self.palette_panel = Palette(frame, self.offers, self)
        self.palette_panel.closed.connect(self._focus_page)
        self._connect()
        self._bind_keys()
        self._restore()

    def show_place(self, key: str, where: Mapping[str, Any] | None = None) -> None:
        """Show a page, making it when it is visited for the first time, opened at `where`."""
        if key not in self.places or self.opening:
            return
        page = self._page_of(key)
        if key != self.current_key:
            before = self.pages.get(self.current_key)
            self.current_key = key
            self.inspector.inspect(None)
            if before is not None:
                before.left()
            self.stack.setCurrentWidget(page)
            self.toasts.place()
            self.sidebar.setCurrent(key)
            self.setWindowTitle(f"{self.places[key].word} – Crowdesk")
            self.frame.ui_state.put("window.place", key)
            self._focus_page()  # else Qt takes the next field in line, and the letters of the page's keys go into it
        page.open_at(where or {})
        self._bind_page_keys()

    def _page_of(self, key: str) -> Page:
        self.palette_panel.shut()
        page = self.pages.get(key)
        if page is None:
            page = self.places[key].make()
            page.inspector_changed.connect(lambda widget, key=key: self._inspect(key, widget))
            page.offers_changed.connect(lambda key=key: self._bind_page_keys() if key == self.current_key else None)
            self.pages[key] = page
            self.stack.addWidget(page)
        return page

    def begin(self, key: str, where: Mapping[str, Any] | None = None) -> None:
        """The data is open: show the first page."""
        self.opening = False
        self.show_place(key, where)
        focus = self.focusWidget()
        if focus is None or self.sidebar.isAncestorOf(focus):
            self._focus_page()  # Tab begins on the page, not on the button that folds the sidebar

    def page(self) -> Page | None:
        """The page that is shown."""
        return self.pages.get(self.current_key)

    def offers(self) -> list[Offer]:
        """All that can be done now: the page's own first, then the places and the window."""
        page = self.page()
        ready = {} if self.opening else self.places
        elsewhere = [key for key, place in ready.items() if place.offers_everywhere and key != self.current_key]
        go = [
            Offer(f"Go to {place.word}", partial(self.show_place, key), f"Ctrl+{number}", place.icon)
            for number, (key, place) in enumerate(self.places.items(), start=1)
        ]
        return [
            *(page.offers() if page is not None else []),
            *go,
            *(replace(offer, keys="") for key in elsewhere for offer in self._page_of(key).lasting_offers()),
            *self.toasts.offers(),
            Offer("Collapse or widen the sidebar", self._fold_sidebar, "Ctrl+B", "ph.list"),
            Offer("Show or hide the inspector", self._toggle_inspector, "Ctrl+I", "ph.info"),
            Offer("Close Crowdesk", self.close, "Ctrl+Q", "ph.sign-out"),
        ]

    def let_close(self) -> None:
        """Close without asking: what had to be decided was."""
        self._may_close = True
        self.keep_state()
        self.close()

    def keep_state(self) -> None:
        """Keep geometry and sidebar for the next start."""
        state = self.frame.ui_state
        state.put("window.geometry", bytes(self.saveGeometry().toBase64().data()).decode("ascii"))
        state.put("window.sidebar_narrow", self.sidebar.isNarrow())
        state.save()

    def closeEvent(self, event: QCloseEvent) -> None:
        if self._may_close:
            super().closeEvent(event)
        else:
            event.ignore()
            self.close_asked.emit()

    def _lay_out(self) -> None:
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        middle = QHBoxLayout()
        middle.setSpacing(0)
        middle.addWidget(self.sidebar)
        middle.addWidget(hairline(vertical=True))
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        split.setHandleWidth(1)
        split.addWidget(self.stack)
        split.addWidget(self.inspector)
        split.setStretchFactor(0, 1)
        split.setStretchFactor(1, 0)
        middle.addWidget(split, 1)
        outer.addLayout(middle, 1)
        outer.addWidget(hairline())
        outer.addWidget(self.status_bar)

    def _connect(self) -> None:
        self.sidebar.chosen.connect(self.show_place)
        self.frame.place_asked.connect(self.show_place)
        self.frame.status_changed.connect(self._show_status)
        self._show_status(self.frame.status)

    def _bind_keys(self) -> None:
        bind = self._shortcut
        bind("Ctrl+K", self.palette_panel.open)
        bind("Ctrl+F", self._find)
        bind("Ctrl+B", self._fold_sidebar)
        bind("Ctrl+I", self._toggle_inspector)
        bind("Ctrl+Q", self.close)
        bind(UNDO_KEYS, self.toasts.act_on_last)
        for number, key in enumerate(self.places, start=1):
            bind(f"Ctrl+{number}", partial(self.show_place, key))

    def _bind_page_keys(self) -> None:
        for shortcut in self._page_shortcuts:
            shortcut.setEnabled(False)
            shortcut.deleteLater()
        page = self.page()
        offers = page.offers() if page is not None else []
        self._page_shortcuts = [self._shortcut(offer.keys, offer.call) for offer in offers if offer.keys]

    def _shortcut(self, keys: str, call: Callable[[], object]) -> QShortcut:
        shortcut = QShortcut(QKeySequence(keys.replace(" ", "+")), self)
        shortcut.activated.connect(lambda: call() and None)
        return shortcut

    def _show_status(self, status: FrameStatus) -> None:
        self.status_bar.show_status(status)
        self.sidebar.setBadges(dict(status.badges))

    def _find(self) -> None:
        page = self.page()
        field = page.search_field() if page is not None else None
        if field is not None:
            field.setFocus(Qt.FocusReason.ShortcutFocusReason)
            field.selectAll()

    def _fold_sidebar(self) -> None:
        self.sidebar.setNarrow(not self.sidebar.isNarrow())

    def _toggle_inspector(self) -> None:
        self.inspector.setVisible(not self.inspector.isVisible() and self.inspector.holds_something())

    def _inspect(self, key: str, widget: QWidget | None) -> None:
        if key == self.current_key:
            self.inspector.inspect(widget)

    def _focus_page(self) -> None:
        page = self.page()
        if page is not None:
            page.setFocus(Qt.FocusReason.OtherFocusReason)

    def _restore(self) -> None:
        state = self.frame.ui_state
        kept = state.get("window.geometry", "")
        if not (isinstance(kept, str) and kept and self.restoreGeometry(QByteArray.fromBase64(kept.encode("ascii")))):
            self.resize(1280, 800)
        self.sidebar.setNarrow(bool(state.get("window.sidebar_narrow", False)))
