"""A sheet: a small panel inside the window that asks for what an action needs and says what it will do."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from app.views import theme
from app.views.widgets.buttons import Button, IconButton
from app.views.widgets.labels import label

WIDTH = 440
_TOP = 84


class Sheet(QWidget):
    """A panel over the window it belongs to, the window dimmed behind it.

    `body` holds the fields; `setPreview` says what confirming will do; `confirmed` comes on the button or Ctrl+Enter
    (Enter alone where no field takes several lines), `dismissed` on Escape, Cancel or a click beside the panel.
    The sheet stays until `finish` (done) or `fail` (say what is wrong and let the person mend it).
    """

    confirmed = Signal()
    dismissed = Signal()
    _over: QWidget | None = None  # of the class: the event filter is still called while a window is taken apart

    def __init__(self, title: str, confirm: str, kind: str = "primary", note: str = "", width: int = WIDTH) -> None:
        super().__init__()
        self._before: QWidget | None = None
        self.setObjectName("sheet-backdrop")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.panel = QFrame(self)
        self.panel.setObjectName("card")
        self.panel.setFixedWidth(width)
        self.panel.setAccessibleName(title)
        self.panel.installEventFilter(self)
        layout = QVBoxLayout(self.panel)
        layout.setContentsMargins(20, 16, 20, 16)
        layout.setSpacing(12)
        head = QHBoxLayout()
        self.title = label(title, "name", wrap=True)
        head.addWidget(self.title, 1)
        close = IconButton("ph.x", "Close")
        close.clicked.connect(self.dismiss)
        head.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(head)
        self.note = label(note, "body", "dim", wrap=True)
        layout.addWidget(self.note)
        self.note.setVisible(bool(note))
        self.body = QVBoxLayout()
        self.body.setSpacing(10)
        layout.addLayout(self.body)
        self.preview = label("", "medium", wrap=True)
        self.preview.setVisible(False)
        layout.addWidget(self.preview)
        self.error = label("", "body", "bad", wrap=True, select=True)
        self.error.setVisible(False)
        layout.addWidget(self.error)
        buttons = QHBoxLayout()
        buttons.setSpacing(10)
        buttons.addStretch(1)
        self.cancel_button = Button("Cancel", keys="Esc")
        self.cancel_button.clicked.connect(self.dismiss)
        buttons.addWidget(self.cancel_button)
        self.confirm_button = Button(confirm, kind, keys="Ctrl ⏎")
        self.confirm_button.clicked.connect(self._confirm)
        buttons.addWidget(self.confirm_button)
        layout.addSpacing(2)
        layout.addLayout(buttons)
        self.hide()

    def open_over(self, widget: QWidget, focus: QWidget | None = None) -> None:
        """Show the sheet over the window of `widget` and put the focus on `focus` (default: the first field)."""
        window = widget.window()
        self._before = QApplication.focusWidget()
        self._over = window
        self.setParent(window)
        window.installEventFilter(self)
        self._place()
        self.show()
        self.raise_()
        target = focus or self._first_field()
        target.setFocus(Qt.FocusReason.PopupFocusReason)

    def setPreview(self, text: str, tone: str = "") -> None:
        """Say what confirming will do: how many, how much. Empty hides the line."""
        theme.set_property(self.preview, "tone", tone)
        self.preview.setText(text)
        self.preview.setVisible(bool(text))
        self._place()

    def setReady(self, ready: bool) -> None:
        """Whether the action can be confirmed as the fields stand."""
        self.confirm_button.setEnabled(ready)

    def setBusy(self, busy: bool) -> None:
        """While the action runs, nothing can be confirmed twice."""
        self.panel.setEnabled(not busy)

    def fail(self, message: str) -> None:
        """Say what went wrong; the sheet stays and what was typed is kept."""
        self.setBusy(False)
        self.error.setText(message)
        self.error.setVisible(bool(message))
        self._place()
        self._first_field().setFocus()

    def dismiss(self) -> None:
        """Go away without doing anything."""
        if self._over is None:
            return
        self._leave()
        self.dismissed.emit()

    def finish(self) -> None:
        """Go away: what was asked for is done."""
        if self._over is not None:
            self._leave()

    def is_open(self) -> bool:
        """Whether the sheet is shown."""
        return self._over is not None

    def sizeHint(self) -> QSize:
        return self.panel.sizeHint()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride:
            # what is typed here is the sheet's: a shortcut of the page behind would decide about what is not seen
            event.accept()
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        shade = QColor("#000000") if theme.current().scheme == "dark" else QColor("#1a1d23")
        shade.setAlphaF(0.45 if theme.current().scheme == "dark" else 0.22)
        painter = QPainter(self)
        painter.fillRect(self.rect(), shade)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(0, 0, 0, 5))
        for spread in range(1, 17, 2):  # a soft shadow; an effect would paint through a pixmap
            painter.drawRoundedRect(self.panel.geometry().adjusted(-spread, 4 - spread, spread, 6 + spread), 14, 14)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if not self.panel.geometry().contains(event.position().toPoint()):
            self.dismiss()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if event.key() == Qt.Key.Key_Escape:
            self.dismiss()
        elif enter and (event.modifiers() & Qt.KeyboardModifier.ControlModifier or not self._has_text_area()):
            self._confirm()
        # every other key ends here: the page behind must not act on it

    def focusNextPrevChild(self, forward: bool) -> bool:
        inside = [w for w in self.panel.findChildren(QWidget) if self._takes_focus(w)]
        if not inside:
            return False
        current = QApplication.focusWidget()
        at = inside.index(current) if current in inside else (-1 if forward else 0)
        reason = Qt.FocusReason.TabFocusReason if forward else Qt.FocusReason.BacktabFocusReason
        inside[(at + (1 if forward else -1)) % len(inside)].setFocus(reason)
        return True

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._over and event.type() == QEvent.Type.Resize:
            self._place()
        elif event.type() == QEvent.Type.LayoutRequest and watched is not self._over:
            self._place()  # a field has an error to show, or a line is longer than it was
        return False

    def _confirm(self) -> None:
        if self.confirm_button.isEnabled() and self.panel.isEnabled():
            self.error.setVisible(False)
            self.confirmed.emit()

    def _leave(self) -> None:
        assert self._over is not None
        self._over.removeEventFilter(self)
        self._over = None
        self.hide()
        if self._before is not None and self._before.isVisible():
            self._before.setFocus(Qt.FocusReason.PopupFocusReason)
        self.setParent(None)
        self.deleteLater()

    def _place(self) -> None:
        if self._over is None:
            return
        self.setGeometry(self._over.rect())
        layout = self.panel.layout()
        assert layout is not None
        layout.activate()
        height = layout.totalHeightForWidth(self.panel.width()) if layout.hasHeightForWidth() else -1
        height = min(max(height, layout.totalMinimumSize().height()), self.height() - 2 * 12)
        top = max(12, min(_TOP, (self.height() - height) // 2))
        self.panel.resize(self.panel.width(), height)
        self.panel.move(QPoint((self.width() - self.panel.width()) // 2, top))

    def _has_text_area(self) -> bool:
        return isinstance(QApplication.focusWidget(), QPlainTextEdit)

    def _takes_focus(self, widget: QWidget) -> bool:
        return widget.isVisible() and widget.isEnabled() and bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus)

    def _first_field(self) -> QWidget:
        for index in range(self.body.count()):
            item = self.body.itemAt(index)
            widget = item.widget() if item is not None else None
            for candidate in [widget, *widget.findChildren(QWidget)] if widget is not None else []:
                if (
                    candidate is not None
                    and candidate.isEnabled()
                    and candidate.focusPolicy() & Qt.FocusPolicy.TabFocus
                ):
                    return candidate
        return self.confirm_button
