"""Panels that speak: an empty place that offers the first step, a banner across a page."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from app.views import theme
from app.views.widgets.buttons import Button, IconButton
from app.views.widgets.labels import label

_MARGIN = 32
_LEAST_TEXT, _MOST_TEXT = 160, 440


class IconMark(QWidget):
    """An icon in a tinted round, or bare."""

    def __init__(
        self, icon: str, tint: str = "accent", size: int = 40, ground: str = "", parent: QWidget | None = None
    ):
        super().__init__(parent)
        self._icon, self._tint, self._ground = icon, tint, ground
        self.setFixedSize(QSize(size, size))

    def setIcon(self, icon: str, tint: str) -> None:
        """Show another icon."""
        self._icon, self._tint = icon, tint
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        size = self.width()
        inset = 0
        if self._ground:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.current().color(self._ground))
            painter.drawEllipse(self.rect())
            inset = size // 4
        theme.current().icon(self._icon, self._tint).paint(painter, self.rect().adjusted(inset, inset, -inset, -inset))


class EmptyPanel(QWidget):
    """What an empty place says: what belongs there, and a button for the first step (`activated`)."""

    activated = Signal()

    def __init__(
        self, icon: str, title: str, text: str, action: str = "", keys: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(_MARGIN, _MARGIN, _MARGIN, _MARGIN)
        layout.setSpacing(6)
        layout.addStretch(1)
        layout.addWidget(IconMark(icon, "accent", 48, "accent-bg"), 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addSpacing(8)
        self.title = label(title, "name")
        self.title.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        layout.addWidget(self.title)
        self.text = label(text, "body", "dim", wrap=True)
        self.text.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._fit_text()
        layout.addWidget(self.text, 0, Qt.AlignmentFlag.AlignHCenter)
        self.button = Button(action, "primary", keys)
        self.button.clicked.connect(self.activated)
        layout.addSpacing(10)
        layout.addWidget(self.button, 0, Qt.AlignmentFlag.AlignHCenter)
        self.button.setVisible(bool(action))
        layout.addStretch(2)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_text()

    def _fit_text(self) -> None:
        """The text in lines that fit, in narrow places too."""
        whole = self.text.fontMetrics().horizontalAdvance(self.text.text()) + 8
        width = max(_LEAST_TEXT, min(_MOST_TEXT, whole, self.width() - 2 * _MARGIN))
        self.text.setFixedWidth(width)
        self.text.setFixedHeight(self.text.heightForWidth(width))


class Banner(QWidget):
    """One line across a page in a tone: what happened, what was not lost, what to do. May be closed."""

    activated = Signal()
    _ICONS = {"info": "ph.info", "warn": "ph.warning", "bad": "ph.warning-circle", "ok": "ph.check-circle"}

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tone = "info"
        layout = QHBoxLayout(self)
        layout.setContentsMargins(20, 6, 14, 6)
        layout.setSpacing(10)
        self._mark = IconMark("ph.info", "info", 18)
        layout.addWidget(self._mark)
        self._text = label("", "body", wrap=True, select=True)
        layout.addWidget(self._text, 1)
        self._button = Button("", "plain")
        self._button.clicked.connect(self.activated)
        layout.addWidget(self._button)
        self._close = IconButton("ph.x", "Close this message")
        self._close.clicked.connect(self.hide)
        layout.addWidget(self._close)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        self.hide()

    def say(self, text: str, tone: str = "info", action: str = "", *, closable: bool = True) -> None:
        """Show a sentence in a tone ("info", "warn", "bad", "ok"); `action` is a button that emits `activated`."""
        self._tone = tone
        self._mark.setIcon(self._ICONS[tone], tone)
        self._text.setText(text)
        self._button.setText(action)
        self._button.setVisible(bool(action))
        self._close.setVisible(closable)
        self.setAccessibleName(text)
        self.show()
        self.update()

    def text(self) -> str:
        """The sentence shown."""
        return self._text.text()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.current().color(f"{self._tone}-bg"))
