"""Words on the page: labels by role, elided labels, key caps, hairlines."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QLabel, QSizePolicy, QWidget

from app.views import theme


def label(text: str = "", role: str = "body", tone: str = "", *, wrap: bool = False, select: bool = False) -> QLabel:
    """A label in a font role of the theme; `tone`: "", "dim", "faint", "accent" or of a status ("ok", "bad")."""
    made = QLabel(text)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setFont(theme.font(role))
    made.setWordWrap(wrap)
    if tone:
        made.setProperty("tone", tone)
    if select:
        made.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
    return made


class ElidedLabel(QLabel):
    """A label of one line that ends in an ellipsis when there is no room; the whole text is its tool tip then."""

    def __init__(self, text: str = "", role: str = "body", tone: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setFont(theme.font(role))
        if tone:
            self.setProperty("tone", tone)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def minimumSizeHint(self) -> QSize:
        return QSize(24, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        metrics = self.fontMetrics()
        shown = metrics.elidedText(self.text(), Qt.TextElideMode.ElideRight, self.contentsRect().width())
        tip = self.text() if shown != self.text() else ""
        if self.toolTip() != tip:
            self.setToolTip(tip)
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(self.contentsRect(), int(self.alignment()), shown)


class KeyCap(QWidget):
    """A small drawn key: `Ctrl F`."""

    def __init__(self, keys: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._keys = keys
        self.setFont(theme.font("kbd"))
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAccessibleName(f"Key {keys}")

    def sizeHint(self) -> QSize:
        return QSize(key_cap_width(self.fontMetrics().horizontalAdvance(self._keys)), 18)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        paint_key_cap(painter, self.rect().x(), self.height() // 2, self._keys)


def key_cap_width(text_width: int) -> int:
    """How wide a key cap is around a text of that width, in pixels."""
    return text_width + 10


def paint_key_cap(painter: QPainter, x: int, middle: int, keys: str, tone: str = "dim", *, filled: bool = True) -> int:
    """Draw a key cap with its left edge at `x`, centred on `middle`; returns its width in pixels."""
    look = theme.current()
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setFont(theme.font("kbd"))
    width = key_cap_width(painter.fontMetrics().horizontalAdvance(keys))
    color = look.color(tone)
    edge = look.color("line") if filled else look.color(tone)
    if not filled:
        edge.setAlphaF(0.6)
    painter.setPen(edge)
    painter.setBrush(look.color("panel") if filled else Qt.BrushStyle.NoBrush)
    painter.translate(0.5, 0.5)
    painter.drawRoundedRect(x, middle - 9, width - 1, 17, 4, 4)
    painter.translate(-0.5, -0.5)
    painter.setPen(color)
    painter.drawText(x, middle - 9, width, 18, int(Qt.AlignmentFlag.AlignCenter), keys)
    painter.restore()
    return width


def hairline(*, vertical: bool = False) -> QFrame:
    """A line of one pixel."""
    line = QFrame()
    line.setObjectName("hairline")
    if vertical:
        line.setFixedWidth(1)
    else:
        line.setFixedHeight(1)
    return line
