"""Toasts in the corner of the window: a sentence, Undo, and a line that says how long Undo is there."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QElapsedTimer, QEvent, QObject, QPoint, QRectF, Qt, QTimer
from PySide6.QtGui import QEnterEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.viewmodels.toasts import UNDO, Toast, Toasts
from app.views import theme
from app.views.page import Offer
from app.views.widgets.buttons import Button, IconButton
from app.views.widgets.labels import label

WIDTH = 400
MOST = 4
UNDO_KEYS = "Ctrl+Z"
_TICK_MS = 100
_ICONS = {"info": "ph.info", "ok": "ph.check-circle", "warn": "ph.warning", "bad": "ph.warning-circle"}


class ToastPanel(QWidget):
    """One toast. Its time stands still while the mouse is over it."""

    def __init__(self, toast: Toast, toasts: Toasts, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.toast, self._toasts = toast, toasts
        self._left_ms = toast.seconds * 1000
        self._since = QElapsedTimer()
        self._since.start()
        self.setFixedWidth(WIDTH)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(40, 10, 8, 12)
        layout.setSpacing(8)
        layout.addWidget(label(toast.text, wrap=True, select=True), 1)
        if toast.action:
            button = Button(toast.action, "quiet")
            button.clicked.connect(lambda: toasts.act(toast.number))
            layout.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        close = IconButton("ph.x", "Close this message", "faint")
        close.clicked.connect(lambda: toasts.remove(toast.number))
        layout.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)
        self._tick = QTimer(self)
        self._tick.setInterval(_TICK_MS)
        self._tick.timeout.connect(self.pass_time)
        self._tick.start()
        self.setAccessibleName(toast.text)

    def pass_time(self) -> None:
        """Take off what has passed; at the end the toast goes."""
        self._left_ms -= self._since.restart()
        if self._left_ms <= 0:
            self._tick.stop()
            self._toasts.remove(self.toast.number)
        elif self.toast.action:
            self.update()

    def enterEvent(self, event: QEnterEvent) -> None:
        self._tick.stop()
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        self._since.restart()
        self._tick.start()
        super().leaveEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        look = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(look.color("line"))
        painter.setBrush(look.color("raised"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)
        tone = self.toast.tone
        look.icon(_ICONS[tone], "accent" if tone == "info" else tone).paint(painter, 13, 15, 18, 18)
        if self.toast.action:
            width = (self.width() - 24) * max(0.0, self._left_ms / (self.toast.seconds * 1000))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(look.color("accent"))
            painter.drawRoundedRect(QRectF(12, self.height() - 5, width, 2), 1, 1)


class ToastStack(QWidget):
    """The toasts of a window, the newest lowest, in its lower right corner above the status bar."""

    def __init__(self, toasts: Toasts, window: QWidget, above: int) -> None:
        super().__init__(window)
        self._above = above
        self.find_place: Callable[[], QWidget | None] = lambda: None
        """Gives the widget in whose lower right corner the toasts stand; None: the window's."""
        self.panels: dict[int, ToastPanel] = {}
        self._toasts = toasts
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(8)
        toasts.added.connect(self._add)
        toasts.removed.connect(self._remove)
        window.installEventFilter(self)
        self.hide()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self._place()
        return super().eventFilter(watched, event)

    def _add(self, toast: Toast) -> None:
        panel = ToastPanel(toast, self._toasts)
        self.panels[toast.number] = panel
        self._layout.addWidget(panel)
        for number in list(self.panels)[: -MOST or None]:
            if len(self.panels) > MOST and not self.panels[number].toast.action:
                self._toasts.remove(number)
        self._place()

    def _remove(self, number: int) -> None:
        panel = self.panels.pop(number, None)
        if panel is not None:
            self._layout.removeWidget(panel)
            panel.hide()
            panel.deleteLater()
            self._place()

    def offers(self) -> list[Offer]:
        """What the toasts offer now, the newest first: what the mouse can press, the keyboard can do."""
        acting = [panel.toast for panel in reversed(self.panels.values()) if panel.toast.action]
        return [
            Offer(
                toast.action,
                partial(self._toasts.act, toast.number),
                UNDO_KEYS if toast.number == self._undoable() else "",
                "ph.arrow-u-up-left",
                toast.text,
            )
            for toast in acting
        ]

    def act_on_last(self) -> None:
        """Undo what was done last and can still be undone."""
        number = self._undoable()
        if number is not None:
            self._toasts.act(number)

    def _undoable(self) -> int | None:
        found = [number for number, panel in self.panels.items() if panel.toast.action == UNDO]
        return found[-1] if found else None

    def place(self) -> None:
        """Stand where there is room now."""
        self._place()

    def _place(self) -> None:
        self.setVisible(bool(self.panels))
        parent = self.parentWidget()
        if parent is None or not self.panels:
            return
        place = self.find_place()
        corner = QPoint(parent.width(), parent.height() - self._above)
        width = WIDTH
        if place is not None:
            corner = place.mapTo(parent, QPoint(place.width(), place.height()))
            width = min(WIDTH, place.width() - 32)
        for panel in self.panels.values():
            panel.setFixedWidth(width)
        height = sum(max(48, panel.heightForWidth(width)) + 8 for panel in self.panels.values()) - 8
        self.setGeometry(corner.x() - width - 16, corner.y() - height - 12, width, height)
        self.raise_()
