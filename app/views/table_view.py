"""The one table: a view of a `RecordTableModel` that stays quick and calm over millions of live rows."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

from PySide6.QtCore import (
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPoint,
    QSize,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QContextMenuEvent, QHideEvent, QKeyEvent, QKeySequence, QMouseEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QMenu, QTableView, QWidget

from app.viewmodels.id_lists import find_rows, ranges_of, take_ranges
from app.viewmodels.record_table import NUMERIC, Column, RecordTableModel
from app.viewmodels.ui_state import UiState
from app.views import theme
from app.views.delegates import ROW_HEIGHT, RecordDelegate

LEAST_TEXT = 72
"""Pixels that a column of text keeps."""


@dataclass(frozen=True)
class _Kept:
    """What a view keeps by id while its list is replaced."""

    selected: array[int]
    current: int | None
    top: int | None


def fitted_widths(columns: Sequence[Column], room: int) -> list[int]:
    """Widths of columns side by side: those they ask for; where room is short, texts share what is missing.

    A text keeps a part that can still be read: what does not fit even so is scrolled to.
    """
    spare = [
        column.width - max(LEAST_TEXT, column.width * 11 // 20) if column.kind == "text" else 0 for column in columns
    ]
    spare = [max(0, some) for some in spare]
    missing = sum(column.width for column in columns) - room
    if missing <= 0 or not sum(spare):
        return [column.width for column in columns]
    share = min(1.0, missing / sum(spare))
    return [column.width - ceil(some * share) for column, some in zip(columns, spare, strict=True)]


class RecordTableView(QTableView):
    """Shows a `RecordTableModel`; what is selected is asked for by id.

    `selection_changed()`; `current_changed(object)` with an id or None; `opened(int)` on Enter or double click;
    `menu_asked(QPoint)` where a context menu is wanted (global place); `copy_asked()` on Ctrl+C.
    """

    selection_changed = Signal()
    current_changed = Signal(object)
    opened = Signal(int)
    menu_asked = Signal(QPoint)
    copy_asked = Signal()

    def __init__(
        self, model: RecordTableModel, state: UiState | None = None, key: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.records = model
        self._state, self._key = state, key
        self._kept: _Kept | None = None
        self._late: tuple[_Kept, array[int]] | None = None
        self._all_wanted = False
        self._other_query = False
        self._delegate = RecordDelegate(model)
        self.setModel(model)
        self.setItemDelegate(self._delegate)
        self._set_manners()
        self._set_header()
        self._restore_columns()
        model.about_to_relist.connect(self._keep)
        model.relisted.connect(self._put_back)
        model.filled.connect(self._put_back_rest)
        model.query_changed.connect(self._query_changed)
        self.selectionModel().selectionChanged.connect(self._selection_moved)
        self.selectionModel().currentRowChanged.connect(self._current_moved)
        self._tick = QTimer(self)
        self._tick.setInterval(1000)
        self._tick.timeout.connect(self.viewport().update)
        theme.current().changed.connect(self.viewport().update)

    # What is selected

    @property
    def everything(self) -> bool:
        """Whether "all of this query" is selected, rows that are still to come included."""
        return self._delegate.everything

    def selected_count(self) -> int:
        """How many rows are selected."""
        return len(self.records.ids) if self.everything else sum(stop - start for start, stop in self.selected_ranges())

    def selected_ranges(self) -> list[tuple[int, int]]:
        """The selected rows as half-open ranges, ascending."""
        if self.everything:
            return [(0, len(self.records.ids))] if len(self.records.ids) else []
        parts = self.selectionModel().selection().toList()
        return sorted((part.top(), part.bottom() + 1) for part in parts if part.isValid())

    def selected_ids(self) -> array[int]:
        """The ids of the selected rows, in the order of the table."""
        return take_ranges(self.records.ids, self.selected_ranges())

    def current_id(self) -> int | None:
        """The id of the row with the cursor, or None."""
        row = self.currentIndex().row()
        return self.records.ids[row] if 0 <= row < len(self.records.ids) else None

    def select_ids(self, ids: Iterable[int], current: int | None = None) -> None:
        """Select the rows of these ids that are in the list, and put the cursor on one of them."""
        self._set_everything(False)
        self._select_rows(ranges_of(find_rows(self.records.ids, ids)))
        row = None if current is None else self.records.row_of(current)
        if row is not None:
            self.selectionModel().setCurrentIndex(
                self.records.index(row, 0), QItemSelectionModel.SelectionFlag.NoUpdate
            )
            self.scrollTo(self.records.index(row, 0))

    def selectAll(self) -> None:
        """Select all of this query, once its list is whole: what is then done with it must not be done to a part.

        Qt's own way asks every row of every column and stands still for seconds.
        """
        self._all_wanted = self.records.filling
        if self._all_wanted:
            return
        self.selectionModel().clearSelection()
        self._set_everything(bool(len(self.records.ids)))
        self.selection_changed.emit()

    def clearSelection(self) -> None:
        """Select nothing."""
        self._set_everything(False)
        super().clearSelection()

    # Qt's events

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_asked.emit()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and (chosen := self.current_id()) is not None:
            self.opened.emit(chosen)
        elif event.key() == Qt.Key.Key_F10 and event.modifiers() == Qt.KeyboardModifier.ShiftModifier:
            self._ask_menu_by_key()  # for keyboards without a menu key; Qt knows the other one only
        elif event.key() == Qt.Key.Key_Escape and (self.everything or self.selectionModel().hasSelection()):
            self.clearSelection()
            self.selection_changed.emit()
        else:
            super().keyPressEvent(event)

    def moveCursor(self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier) -> QModelIndex:
        rows = len(self.records.ids)
        if rows and action in (QAbstractItemView.CursorAction.MoveHome, QAbstractItemView.CursorAction.MoveEnd):
            first = action == QAbstractItemView.CursorAction.MoveHome
            return self.records.index(0 if first else rows - 1, self.visible_columns()[0])
        return super().moveCursor(action, modifiers)

    def keyboardSearch(self, search: str) -> None:
        """Letters are keys of the page. Qt would look for a row that begins with them, through millions on the thread
        of the window, and a decision would then be about another row than the one that was looked at."""

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        super().mouseDoubleClickEvent(event)
        index = self.indexAt(event.position().toPoint())
        if index.isValid() and event.button() == Qt.MouseButton.LeftButton:
            self.opened.emit(self.records.ids[index.row()])

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            self._ask_menu_by_key()
        elif self.selected_count():
            self.menu_asked.emit(event.globalPos())

    def _ask_menu_by_key(self) -> None:
        if self.selected_count():
            self.menu_asked.emit(self.viewport().mapToGlobal(self.visualRect(self.currentIndex()).bottomLeft()))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if any(column.kind == "ago" for column in self.records.columns):
            self._tick.start()

    def hideEvent(self, event: QHideEvent) -> None:
        self._tick.stop()
        super().hideEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_columns()

    def sizeHint(self) -> QSize:
        return QSize(640, 10 * ROW_HEIGHT)

    # The header

    def header_menu(self) -> QMenu:
        """The column chooser, as it opens on the header."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for number, column in enumerate(self.records.columns):
            action = menu.addAction(column.label)
            action.setCheckable(True)
            action.setChecked(not self.isColumnHidden(number))
            action.toggled.connect(lambda on, number=number: self._show_column(number, on))
        menu.addSeparator()
        menu.addAction("Usual columns").triggered.connect(lambda: self.show_columns(None))
        return menu

    def visible_columns(self) -> list[int]:
        """The numbers of the columns that are shown, in the order they are shown in."""
        header = self.horizontalHeader()
        order = [header.logicalIndex(place) for place in range(header.count())]
        return [number for number in order if not self.isColumnHidden(number)]

    def _set_manners(self) -> None:
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setCornerButtonEnabled(False)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        rows = self.verticalHeader()
        rows.setVisible(False)
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setMinimumSectionSize(ROW_HEIGHT)
        rows.setDefaultSectionSize(ROW_HEIGHT)
        # A header asks of each of its sections whether all of it is selected: a row at a time, over all rows.
        rows.setSelectionModel(QItemSelectionModel(self.records, rows))

    def _set_header(self) -> None:
        header = self.horizontalHeader()
        header.setSelectionModel(QItemSelectionModel(self.records, header))
        header.setHighlightSections(False)
        header.setFont(theme.font("small-medium"))
        header.setFixedHeight(31)
        header.setMinimumSectionSize(48)
        header.setSectionsMovable(True)
        header.setStretchLastSection(True)
        header.setSectionsClickable(True)
        header.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        header.customContextMenuRequested.connect(lambda at: self.header_menu().popup(header.mapToGlobal(at)))
        header.sectionClicked.connect(self._sort_by)
        header.sectionResized.connect(self._column_resized)
        header.sectionMoved.connect(self._columns_changed)
        header.setSortIndicatorShown(True)
        self._show_sort()

    def _sort_by(self, number: int) -> None:
        column, query = self.records.columns[number], self.records.query
        if not column.sortable:
            return
        again = query.sort == column.name
        down = not query.descending if again else column.kind in NUMERIC
        self.records.sort(number, Qt.SortOrder.DescendingOrder if down else Qt.SortOrder.AscendingOrder)

    def _show_sort(self) -> None:
        names = [column.name for column in self.records.columns]
        query = self.records.query
        number = names.index(query.sort) if query.sort in names else -1
        order = Qt.SortOrder.DescendingOrder if query.descending else Qt.SortOrder.AscendingOrder
        self.horizontalHeader().setSortIndicator(number, order)

    def _show_column(self, number: int, on: bool) -> None:
        if not on and len(self.visible_columns()) == 1:
            return  # a table without a column cannot be brought back
        self.setColumnHidden(number, not on)
        self._columns_changed()

    def columns_kept(self) -> list[list[Any]]:
        """Name, width and whether it is hidden, of the columns in their order; empty while they are the usual ones."""
        kept: list[list[Any]] = self._state.get(f"{self._key}.columns", []) if self._state is not None else []
        return kept

    def show_columns(self, kept: list[list[Any]] | None) -> None:
        """Show the columns as `columns_kept` once gave them; None or nothing: the usual ones."""
        if self._state is not None:
            self._state.put(f"{self._key}.columns", kept or None)
        header = self.horizontalHeader()
        header.blockSignals(True)
        for number in range(header.count()):
            header.moveSection(header.visualIndex(number), number)
        header.blockSignals(False)
        self._restore_columns()

    def _column_resized(self, number: int, _old: int, _new: int) -> None:
        if number != self.visible_columns()[-1]:  # the last one goes with the window; nobody chose its width
            self._columns_changed()

    def _columns_changed(self) -> None:
        if self._state is None:
            return
        columns = self.records.columns
        order = [self.horizontalHeader().logicalIndex(place) for place in range(len(columns))]
        kept = [[columns[n].name, self.columnWidth(n), self.isColumnHidden(n)] for n in order]
        self._state.put(f"{self._key}.columns", kept)

    def _restore_columns(self) -> None:
        header = self.horizontalHeader()
        header.blockSignals(True)
        kept: list[Any] = self._state.get(f"{self._key}.columns", []) if self._state is not None else []
        known = {entry[0]: (place, *entry[1:]) for place, entry in enumerate(kept) if len(entry) == 3}
        for number, column in enumerate(self.records.columns):
            _, width, hidden = known.get(column.name, (0, column.width, column.hidden))
            self.setColumnWidth(number, max(48, int(width)) if not hidden else column.width)
            self.setColumnHidden(number, bool(hidden))
        names = [column.name for column in self.records.columns]
        for place, name in enumerate(name for name in known if name in names):
            header.moveSection(header.visualIndex(names.index(name)), place)
        header.blockSignals(False)
        self._fit_columns()

    def _fit_columns(self) -> None:
        """While nobody chose widths, texts give way before the table has to be scrolled sideways."""
        visible = self.visible_columns()
        if visible and not self.columns_kept():
            header = self.horizontalHeader()
            header.blockSignals(True)
            widths = fitted_widths([self.records.columns[number] for number in visible], self.viewport().width())
            for number, width in zip(visible, widths, strict=True):
                if number != visible[-1] or sum(widths) > self.viewport().width():
                    self.setColumnWidth(number, width)
            header.blockSignals(False)
            self.updateGeometries()
        self._fit_last_column()

    def _fit_last_column(self) -> None:
        """After a reset Qt takes the stretched width of the last column for its own and never narrows it again."""
        visible = self.visible_columns()
        room = self.viewport().width()
        if not visible or sum(self.columnWidth(number) for number in visible) <= room:
            return
        header, last = self.horizontalHeader(), visible[-1]
        others = sum(self.columnWidth(number) for number in visible[:-1])
        if self.columnWidth(last) > max(self.records.columns[last].width, room - others):
            header.blockSignals(True)
            header.setStretchLastSection(False)
            self.setColumnWidth(last, self.records.columns[last].width)
            header.setStretchLastSection(True)
            header.blockSignals(False)
            self.updateGeometries()

    # Selection by id while the list is replaced

    def _keep(self) -> None:
        late, self._late = self._late, None
        selected = array("q") if self.everything else self.selected_ids()
        if late is not None and late[1] == selected:  # nothing was selected since, and not all was put back
            self._other_query = False
            self._kept = late[0]
            return
        top = self.rowAt(0)
        at_top = self._other_query or self.verticalScrollBar().value() == 0
        self._other_query = False
        self._kept = _Kept(selected, self.current_id(), None if at_top or top < 0 else self.records.ids[top])

    def _put_back(self) -> None:
        kept, self._kept = self._kept, None
        if kept is None:
            return
        if len(kept.selected):
            self._select_rows(ranges_of(find_rows(self.records.ids, kept.selected)))
        row = None if kept.current is None else self.records.row_of(kept.current)
        if row is not None:
            self.selectionModel().setCurrentIndex(
                self.records.index(row, 0), QItemSelectionModel.SelectionFlag.NoUpdate
            )
        top = None if kept.top is None else self.records.row_of(kept.top)
        if top is not None:
            self.scrollTo(self.records.index(top, 0), QAbstractItemView.ScrollHint.PositionAtTop)
        if self.records.filling:
            self._late = kept, self.selected_ids()

    def _put_back_rest(self) -> None:
        """The list is whole: select what was not among its first rows, unless something else was selected since."""
        late, self._late = self._late, None
        if self._all_wanted:
            self.selectAll()
        elif late is not None and self.selected_ids() == late[1] and (late[0].selected or late[0].current is not None):
            self._kept = replace(late[0], top=None)
            self._put_back()

    def _select_rows(self, ranges: list[tuple[int, int]]) -> None:
        last = len(self.records.columns) - 1
        selection = QItemSelection()
        for start, stop in ranges:
            selection.select(self.records.index(start, 0), self.records.index(stop - 1, last))
        self.selectionModel().select(selection, QItemSelectionModel.SelectionFlag.ClearAndSelect)

    def _set_everything(self, on: bool) -> None:
        if self._delegate.everything != on:
            self._delegate.everything = on
            self.viewport().update()

    def _query_changed(self) -> None:
        self._all_wanted = False
        self._set_everything(False)
        self._show_sort()
        self._other_query = True

    def _selection_moved(self) -> None:
        if self.selectionModel().hasSelection():
            self._set_everything(False)
        self.selection_changed.emit()

    def _current_moved(self, current: QModelIndex, _before: QModelIndex) -> None:
        row = current.row()
        self.current_changed.emit(self.records.ids[row] if 0 <= row < len(self.records.ids) else None)
