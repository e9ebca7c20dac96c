"""A cell that shows how far something is: a bar and the words "1 488 of 2 400"."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPainterPath
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from app.viewmodels.formats import digits
from app.views import theme
from app.views.delegates import MARGIN, ROW_HEIGHT
from app.views.table_view import RecordTableView

_BAR, _SHORTEST, _GAP = 64, 20, 10


class ProgressDelegate(QStyledItemDelegate):
    """For the column `done` of a table that has the whole in the column `whole`."""

    def __init__(self, view: RecordTableView, done: str, whole: str) -> None:
        super().__init__(view)
        self._view, self._done, self._whole = view, done, whole

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(_BAR + 140, ROW_HEIGHT)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        look, rect = theme.current(), option.rect
        if self._view.everything or option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, look.color("select"))
        painter.fillRect(rect.left(), rect.bottom(), rect.width(), 1, look.color("line"))
        done = self._view.records.value(index.row(), self._done)
        whole = self._view.records.value(index.row(), self._whole)
        if done is None or whole is None:
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        metrics = QFontMetrics(theme.font())
        text = metrics.horizontalAdvance(f"{digits(done)} of {digits(whole)}")
        length = max(_SHORTEST, min(_BAR, rect.width() - 2 * MARGIN - _GAP - text))  # the numbers come first
        bar = QRectF(rect.left() + MARGIN, rect.center().y() - 2, length, 4)
        shape = QPainterPath()
        shape.addRoundedRect(bar, 2, 2)
        painter.setClipPath(shape)
        painter.fillRect(bar, look.color("idle-bg"))
        bar.setWidth(length * min(1.0, done / whole) if whole else 0.0)
        painter.fillRect(bar, look.color("u1" if done < whole else "u0"))
        painter.restore()
        painter.setFont(theme.font())
        words = rect.adjusted(MARGIN + length + _GAP, 0, -MARGIN, -1)
        painter.setPen(look.color("text"))
        painter.drawText(words, int(Qt.AlignmentFlag.AlignVCenter), digits(done))
        offset = painter.fontMetrics().horizontalAdvance(digits(done))
        painter.setPen(look.color("dim"))
        painter.drawText(words.adjusted(offset, 0, 0, 0), int(Qt.AlignmentFlag.AlignVCenter), f" of {digits(whole)}")
