"""How a cell of the one table is drawn: words, figures, status pills; selection and hairlines of the theme."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from app.viewmodels.record_table import RIGHT, RecordTableModel
from app.viewmodels.record_texts import text_of
from app.views import theme
from app.views.widgets.pills import paint_pill, tone_of

ROW_HEIGHT = 32
MARGIN = 12


class RecordDelegate(QStyledItemDelegate):
    """Draws the cells of a `RecordTableModel` straight from its pages: a page of rows costs a few milliseconds."""

    def __init__(self, model: RecordTableModel) -> None:
        super().__init__()
        self._model = model
        self.everything = False
        """Whether all rows count as selected."""
        self.dim_columns: frozenset[str] = frozenset()
        """Names of columns that are drawn in the dim colour."""
        self._restyle()
        theme.current().changed.connect(self._restyle)

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        column = self._model.columns[index.column()]
        text = self._model.data(index, Qt.ItemDataRole.DisplayRole) or ""
        return QSize(QFontMetrics(self._font(column.kind)).horizontalAdvance(text) + 2 * MARGIN + 20, ROW_HEIGHT)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        row, number = index.row(), index.column()
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        selected = self.everything or bool(state & QStyle.StateFlag.State_Selected)
        if selected:
            painter.fillRect(rect, self._select)
        painter.fillRect(rect.left(), rect.bottom(), rect.width(), 1, self._line)
        if state & QStyle.StateFlag.State_HasFocus and number == 0:
            painter.fillRect(rect.left(), rect.top(), 2, rect.height() - 1, self._accent)
        values = self._model.values_at(row)
        if values is None:
            painter.fillRect(rect.left() + MARGIN, rect.center().y() - 3, min(48, rect.width() // 2), 6, self._ghost)
            return
        column = self._model.columns[number]
        value = values[number]
        text = text_of(value, column.kind)
        inner = rect.adjusted(MARGIN, 0, -MARGIN, -1)
        if column.kind == "status" and value:
            paint_pill(painter, inner, text, tone_of(str(value)))
            return
        painter.setFont(self._font(column.kind))
        dim = value is None or column.kind in ("id", "ago", "datetime") or column.name in self.dim_columns
        painter.setPen(self._dim if dim else self._text)
        side = Qt.AlignmentFlag.AlignRight if column.kind in RIGHT else Qt.AlignmentFlag.AlignLeft
        metrics = self._mono_metrics if column.kind == "id" else self._metrics
        if metrics.horizontalAdvance(text) > inner.width():
            text = metrics.elidedText(text.replace("\n", " "), Qt.TextElideMode.ElideRight, inner.width())
        painter.drawText(inner, int(side | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine), text)

    def _font(self, kind: str) -> QFont:
        return self._mono if kind == "id" else self._body

    def _restyle(self) -> None:
        look = theme.current()
        self._body, self._mono = theme.font(), theme.font("mono")
        self._metrics, self._mono_metrics = QFontMetrics(self._body), QFontMetrics(self._mono)
        self._text, self._dim = look.color("text"), look.color("dim")
        self._line, self._select, self._accent = look.color("line"), look.color("select"), look.color("accent")
        self._ghost = look.color("idle-bg")
