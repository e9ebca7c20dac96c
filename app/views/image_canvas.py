"""An image with the boxes that a worker drew on it: zoomed with the wheel or + and -, moved by dragging."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.views import theme

GROUND = QColor("#0c0d10")
"""Images are judged on a dark ground, in both themes."""
BOX_COLORS = ("#ffd166", "#6bbcf2", "#5fd08a", "#ff8a80", "#c79bf2", "#f0b45b")
_STEP = 1.25
_MOST_ZOOM = 40.0


@dataclass(frozen=True)
class Box:
    """A box in image pixels, with the word over it and the number of its colour."""

    word: str
    left: float
    top: float
    width: float
    height: float
    color: int = 0


class ImageCanvas(QWidget):
    """Shows an image fitted into the widget, or zoomed. `zoom_changed(float)`: screen pixels per image pixel."""

    zoom_changed = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pixmap = QPixmap()
        self._boxes: tuple[Box, ...] = ()
        self._message = ""
        self._zoom = 0.0  # 0: fitted
        self._center = QPointF()
        self._grip: QPointF | None = None
        self._round = 8
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setMinimumHeight(160)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Image")

    def setImage(
        self, image: QImage | None, boxes: Sequence[Box] = (), message: str = "", *, same: bool = False
    ) -> None:
        """Show an image with boxes, or a message when there is none. The zoom starts anew, unless it is the same."""
        size = self._pixmap.size()
        self._pixmap = QPixmap() if image is None or image.isNull() else QPixmap.fromImage(image)
        self._boxes = tuple(boxes)
        self._message = message
        names = ", ".join(box.word for box in boxes)
        self.setAccessibleDescription(f"{len(boxes)} boxes: {names}" if boxes else message or "no boxes")
        if not (same and size == self._pixmap.size()):
            self.fit()
        self.update()

    def boxes(self) -> tuple[Box, ...]:
        """The boxes shown, in image pixels."""
        return self._boxes

    def has_image(self) -> bool:
        """Whether there is an image."""
        return not self._pixmap.isNull()

    def scale(self) -> float:
        """Screen pixels per image pixel."""
        return self._zoom or self._fitting()

    def fit(self) -> None:
        """Show the whole image."""
        self._zoom = 0.0
        self._center = QPointF(self._pixmap.width() / 2, self._pixmap.height() / 2)
        self._moved()

    def zoom_by(self, factor: float, at: QPointF | None = None) -> None:
        """Zoom around a point of the widget (default: its middle)."""
        if self._pixmap.isNull():
            return
        anchor = at or QPointF(self.width() / 2, self.height() / 2)
        before = self._to_image(anchor)
        wanted = min(max(self.scale() * factor, self._fitting()), max(_MOST_ZOOM, self._fitting()))
        if wanted <= self._fitting() * 1.001:
            self.fit()
            return
        self._zoom = wanted
        after = self._to_image(anchor)
        self._center += before - after
        self._moved()

    def to_screen(self, point: QPointF) -> QPointF:
        """Where a point of the image is in the widget."""
        middle = QPointF(self.width() / 2, self.height() / 2)
        return middle + (point - self._center) * self.scale()

    def sizeHint(self) -> QSize:
        return QSize(480, 220)

    def wheelEvent(self, event: QWheelEvent) -> None:
        self.zoom_by(_STEP ** (event.angleDelta().y() / 120), event.position())
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._grip = event.position()
        if self._zoom:
            self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._grip is not None and self._zoom:
            self._center -= (event.position() - self._grip) / self.scale()
            self._grip = event.position()
            self._moved()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._grip = None
        self._moved()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self._zoom:
            self.fit()
        else:
            self.zoom_by(max(2.0, 1 / self.scale()), event.position())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.text() in ("+", "="):
            self.zoom_by(_STEP)
        elif event.text() == "-":
            self.zoom_by(1 / _STEP)
        elif event.text() == "0":
            self.fit()
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        if not self._zoom:
            self.fit()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, self.scale() < 4)
        clip = QPainterPath()
        clip.addRoundedRect(QRectF(self.rect()).adjusted(0, 0, 0, 8), self._round, self._round)
        painter.setClipPath(clip)
        painter.fillRect(self.rect(), GROUND)
        if self._pixmap.isNull():
            painter.setPen(QColor("#98a1b3"))
            painter.drawText(
                self.rect().adjusted(24, 0, -24, 0),
                int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap),
                self._message or "No image",
            )
            return
        corner = self.to_screen(QPointF(0, 0))
        size = self._pixmap.size().toSizeF() * self.scale()
        painter.drawPixmap(QRectF(corner, size), self._pixmap, QRectF(self._pixmap.rect()))
        painter.setFont(theme.font("small-medium"))
        for box in self._boxes:
            self._paint_box(painter, box)

    def _paint_box(self, painter: QPainter, box: Box) -> None:
        color = QColor(BOX_COLORS[box.color % len(BOX_COLORS)])
        corner = self.to_screen(QPointF(box.left, box.top))
        place = QRectF(corner.x(), corner.y(), box.width * self.scale(), box.height * self.scale())
        shade = QColor(0, 0, 0, 150)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(shade, 4))
        painter.drawRect(place)
        painter.setPen(QPen(color, 2))
        painter.drawRect(place)
        if not box.word:
            return
        width = painter.fontMetrics().horizontalAdvance(box.word) + 10
        above = place.top() >= 20
        sign = QRectF(place.left() - 1, place.top() - 19 if above else place.top() + 1, width, 18)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(12, 13, 16, 200))
        painter.drawRoundedRect(sign, 3, 3)
        painter.setPen(color)
        painter.drawText(sign, int(Qt.AlignmentFlag.AlignCenter), box.word)

    def _fitting(self) -> float:
        if self._pixmap.isNull() or not self.width() or not self.height():
            return 1.0
        fitting = min(self.width() / self._pixmap.width(), self.height() / self._pixmap.height())
        return min(fitting, 4.0)  # a small image is not blown up into a blur

    def _to_image(self, point: QPointF) -> QPointF:
        middle = QPointF(self.width() / 2, self.height() / 2)
        return self._center + (point - middle) / self.scale()

    def _moved(self) -> None:
        self.setCursor(Qt.CursorShape.OpenHandCursor if self._zoom else Qt.CursorShape.ArrowCursor)
        self.zoom_changed.emit(self.scale())
        self.update()
