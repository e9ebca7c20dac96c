"""Fields: search with its key cap, and a form field with the label above and the error below."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QLineEdit, QSizePolicy, QVBoxLayout, QWidget

from app.views import theme
from app.views.widgets.labels import ElidedLabel, label, paint_key_cap

_SEARCH_PAUSE_MS = 180


class SearchField(QLineEdit):
    """A filter in words. `searched` comes when typing pauses, at once on Enter; Escape empties it.

    `left_downwards` comes on the arrow key that leads to what is filtered, and on Escape when it is empty.

    The key cap `Ctrl F` is drawn while it is empty; the main window sends Ctrl+F to the visible field.
    """

    searched = Signal(str)
    left_downwards = Signal()

    def __init__(self, placeholder: str, keys: str = "Ctrl F", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._keys = keys
        self._last = ""
        self.setPlaceholderText(placeholder)
        self.setAccessibleName(placeholder)
        self.setClearButtonEnabled(True)
        self.setMinimumWidth(120)
        self.setMaximumWidth(320)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_SEARCH_PAUSE_MS)
        self._pause.timeout.connect(self._send)
        self.textChanged.connect(lambda _text: self._pause.start())
        self.returnPressed.connect(self._send)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
            self._send()
        elif event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Escape):
            self._send()
            self.left_downwards.emit()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.text() or self.hasFocus() or not self._keys:
            return
        x = 22 + self.fontMetrics().horizontalAdvance(self.placeholderText())
        width = QFontMetrics(theme.font("kbd")).horizontalAdvance(self._keys) + 10
        if x + width < self.width() - 8:
            paint_key_cap(QPainter(self), x, self.height() // 2, self._keys)

    def _send(self) -> None:
        self._pause.stop()
        if self.text() != self._last:
            self._last = self.text()
            self.searched.emit(self._last)


class FormField(QWidget):
    """A label above an editor, and below it a hint or, in its place, what is wrong."""

    def __init__(self, text: str, editor: QWidget, hint: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.editor = editor
        self._hint = hint
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        self.label = ElidedLabel(text, "small", "dim")
        self.label.setBuddy(editor)
        layout.addWidget(self.label)
        layout.addWidget(editor)
        self.message = label(hint, "small", "faint", wrap=True)
        layout.addWidget(self.message)
        self.message.setVisible(bool(hint))
        layout.addStretch(1)
        editor.setAccessibleName(text)
        if hint:
            editor.setAccessibleDescription(hint)

    def setError(self, message: str) -> None:
        """Say what is wrong under the field and frame it; empty: all is well."""
        theme.set_property(self.editor, "invalid", "true" if message else "false")
        theme.set_property(self.message, "tone", "bad" if message else "faint")
        self.message.setText(message or self._hint)
        self.message.setVisible(bool(message or self._hint))
        self.editor.setAccessibleDescription(message or self._hint)

    def error(self) -> str:
        """The message shown, empty when there is none."""
        return self.message.text() if self.message.property("tone") == "bad" else ""
