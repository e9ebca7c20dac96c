"""A small line without axes, for cards and rows: cheap enough for the first page."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.views import theme


class Sparkline(QWidget):
    """Values from left to right; the ground is 0 or the least value, the top the largest."""

    def __init__(self, tint: str = "accent", height: int = 36, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._values: tuple[float, ...] = ()
        self._tint = tint
        self.setFixedHeight(height)
        self.setMinimumWidth(60)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.current().changed.connect(self.update)

    def setValues(self, values: Sequence[float]) -> None:
        """Draw these values; more than there are pixels are thinned out."""
        step = max(1, len(values) // 400)
        self._values = tuple(values[::step])
        last = f"; now {values[-1]:g}, most {max(values):g}" if values else ""
        self.setAccessibleName(f"A line of {len(values)} values{last}")
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(160, self.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        if len(self._values) < 2:
            return
        low, high = min(0.0, *self._values), max(self._values)
        span = (high - low) or 1.0
        width, height = self.width() - 2, self.height() - 4
        count = len(self._values) - 1
        points = [
            QPointF(1 + index * width / count, 2 + height * (1 - (value - low) / span))
            for index, value in enumerate(self._values)
        ]
        look = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ground = look.color(self._tint)
        ground.setAlphaF(0.12)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ground)
        painter.drawPolygon(QPolygonF([QPointF(1, height + 2), *points, QPointF(1 + width, height + 2)]))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(look.color(self._tint), 1.5))
        painter.drawPolyline(QPolygonF(points))
