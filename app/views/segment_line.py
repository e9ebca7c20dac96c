"""The timeline of a video in review: tracks as rows, segments in the colours of their labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from app.viewmodels.formats import count_of
from app.viewmodels.video_player import clock, rows_of
from app.views import theme
from app.views.image_canvas import BOX_COLORS

_ROW = 26
_GAP = 3
_INK = "#14161a"


class SegmentLine(QWidget):
    """The timeline: a row for each track. `asked(int)`: play that segment. `sought(float)`: go to a time."""

    asked = Signal(int)
    sought = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.segments: Sequence[Any] = ()
        self.rows: list[str] = [""]
        self.chosen = -1
        self._colors: dict[str, str] = {}
        self._length = 0.0
        self._at = 0.0
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(False)
        self.setAccessibleName("Timeline: left and right choose a segment, Enter plays it")
        theme.current().changed.connect(self.update)

    def setSegments(self, segments: Sequence[Any], order: Sequence[str], tracks: Sequence[str] = ()) -> None:
        """Show segments; `order` gives labels their colours, `tracks` are the task's rows."""
        self.segments, self.rows, self.chosen = segments, rows_of(tracks, segments), -1
        words = list(dict.fromkeys([*order, *(segment.label for segment in segments)]))
        self._colors = {word: BOX_COLORS[place % len(BOX_COLORS)] for place, word in enumerate(words)}
        self._length = max((segment.end for segment in segments), default=0.0)
        self._at = 0.0
        self.setFixedHeight(len(self.rows) * _ROW + 8)
        self.setAccessibleDescription(count_of(len(segments), "segment"))
        self.update()

    def setLength(self, seconds: float) -> None:
        """How long the video is."""
        self._length = max(seconds, self._length)
        self.update()

    def setTime(self, seconds: float) -> None:
        """Where the video stands."""
        self._at = seconds
        self.update()

    def choose(self, index: int) -> None:
        """Mark one segment."""
        self.chosen = index
        if 0 <= index < len(self.segments):
            self.setAccessibleDescription(words_of(index, self.segments[index]))
        self.update()

    def place_of(self, index: int) -> QRectF:
        """Where a segment is drawn."""
        segment = self.segments[index]
        left, right = self._x(segment.start), self._x(segment.end)
        top = 4 + self.rows.index(segment.track) * _ROW
        return QRectF(left, top + _GAP, max(3.0, right - left), _ROW - 2 * _GAP)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        for index in reversed(range(len(self.segments))):
            if self.place_of(index).contains(event.position()):
                self.asked.emit(index)
                return
        if self._length:
            self.sought.emit(self._time(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._length:
            self.sought.emit(self._time(event.position().x()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, last = event.key(), len(self.segments) - 1
        if key in (Qt.Key.Key_Left, Qt.Key.Key_Right) and last >= 0:
            step = 1 if key == Qt.Key.Key_Right else -1
            index = min(max(self.chosen + step, 0), last)
            self.choose(index)
            self.sought.emit(self.segments[index].start)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and 0 <= self.chosen <= last:
            self.asked.emit(self.chosen)
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, look = QPainter(self), theme.current()
        painter.setFont(theme.font("small-medium"))
        left, right = self._names_width(), float(self.width() - 8)
        for row, track in enumerate(self.rows):
            top = 4 + row * _ROW
            painter.fillRect(QRectF(left, top + _GAP, right - left, _ROW - 2 * _GAP), look.color("line"))
            if track:
                painter.setPen(look.color("dim"))
                words = painter.fontMetrics().elidedText(track, Qt.TextElideMode.ElideRight, int(left) - 22)
                painter.drawText(QRectF(14, top, left - 20, _ROW), int(Qt.AlignmentFlag.AlignVCenter), words)
        for index, segment in enumerate(self.segments):
            place = self.place_of(index)
            painter.fillRect(place, QColor(self._colors[segment.label]))
            painter.setPen(
                QPen(look.color("text") if index == self.chosen else QColor(_INK), 2 if index == self.chosen else 1)
            )
            painter.drawRect(place)
            painter.setPen(QColor(_INK))
            words = painter.fontMetrics().elidedText(
                f"{index + 1} {segment.label}", Qt.TextElideMode.ElideRight, int(place.width()) - 6
            )
            painter.drawText(place.adjusted(4, 0, -2, 0), int(Qt.AlignmentFlag.AlignVCenter), words)
        if self._length:
            painter.setPen(QPen(look.color("bad"), 2))
            x = self._x(self._at)
            painter.drawLine(int(x), 2, int(x), self.height() - 2)
        if self.hasFocus():
            painter.setPen(QPen(look.color("accent"), 1))
            painter.drawRect(self.rect().adjusted(1, 1, -2, -2))

    def _names_width(self) -> float:
        if self.rows == [""]:
            return 14.0
        longest = max(self.fontMetrics().horizontalAdvance(row) for row in self.rows)
        return float(min(160, longest + 28))

    def _x(self, seconds: float) -> float:
        left = self._names_width()
        share = seconds / self._length if self._length else 0.0
        return left + share * (self.width() - 8 - left)

    def _time(self, x: float) -> float:
        left = self._names_width()
        return min(max((x - left) / max(1.0, self.width() - 8 - left), 0.0), 1.0) * self._length


def words_of(index: int, segment: Any) -> str:
    """A segment for a screen reader."""
    where = f", {segment.track}" if segment.track else ""
    return f"segment {index + 1}: {segment.label}{where}, {clock(segment.start)} to {clock(segment.end)}"
