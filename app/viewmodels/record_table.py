"""The one table model: millions of rows by their ids, pages of values fetched off the thread, live.

Held are the ids of the current filter and sort (an array of 64-bit integers) and the pages that were looked at last.
No proxy, no OFFSET. Committed changes alter the rows that are shown in place, and the list is read again at a pace
that its length allows.
"""

from __future__ import annotations

import asyncio
from array import array
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from PySide6.QtCore import (
    QAbstractTableModel,
    QElapsedTimer,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    QTimer,
    Signal,
)
from shiboken6 import isValid

from app.viewmodels.action import Action
from app.viewmodels.id_lists import Patch, find_patch
from app.viewmodels.record_texts import text_of

PAGE = 200
PAGES_KEPT = 64
FIRST = 2 * PAGE
"""Rows of a new query that are shown before its whole list is read."""
BIG = 20_000
"""Lists of more rows are compared off the thread, and replaced when the query is another."""
RELIST_MS = 400
"""The shortest time between two readings of the list; long lists wait ten times what one reading takes."""

RAW = Qt.ItemDataRole.UserRole
ID = Qt.ItemDataRole.UserRole + 1
Index = QModelIndex | QPersistentModelIndex
NUMERIC = frozenset({"number", "money", "duration", "percent"})
RIGHT = NUMERIC | {"ago"}


@dataclass(frozen=True)
class Column:
    """One column, `width` pixels wide.

    `kind`: text, id, number, money, duration, percent, datetime, ago (a moment told from now), status, bool.
    """

    name: str
    label: str
    kind: str = "text"
    sortable: bool = True
    width: int = 120
    hidden: bool = False


@dataclass(frozen=True)
class RecordQuery:
    """Which rows, in which order: `filters` allows values by column, `search` is in words, `sort` a column's name."""

    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    search: str = ""
    sort: str = ""
    descending: bool = False


class RecordSource(Protocol):
    """Where the rows come from. `key_table` is the table whose ids the rows have; `tables` all that they show."""

    columns: Sequence[Column]
    key_table: str
    tables: frozenset[str]

    async def list_ids(self, query: RecordQuery) -> array[int]:
        """The ids of a query in its order."""
        ...

    async def list_first(self, query: RecordQuery, count: int) -> array[int] | None:
        """The first `count` of these ids (fewer: there are no more); None where that is no quicker than all."""
        ...

    async def fetch(self, ids: Sequence[int]) -> dict[int, tuple[Any, ...]]:
        """The values of rows by id, in the order of `columns`; rows that are gone are left out."""
        ...


class RecordTableModel(QAbstractTableModel):
    """Rows of a `RecordSource`. `loading_changed(bool)`; `count_changed(int)`; `failed(str)`; `query_changed()`.

    Of a new query the first rows come before the rest: while `filling` there are more, then `filled()` is emitted.

    Before the list is replaced out of order `about_to_relist` is emitted and `relisted` after, so that the view can
    keep what is selected by id.
    """

    loading_changed = Signal(bool)
    count_changed = Signal(int)
    failed = Signal(str)
    query_changed = Signal()
    about_to_relist = Signal()
    relisted = Signal()
    rows_fetched = Signal()
    filled = Signal()

    def __init__(self, source: RecordSource, query: RecordQuery | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.source = source
        self.columns = tuple(source.columns)
        self.query = query or RecordQuery()
        self.ids = array("q")
        self._generation = 0
        self._pages: OrderedDict[int, list[tuple[Any, ...] | None]] = OrderedDict()
        self._stale: set[int] = set()
        self._wanted: OrderedDict[int, None] = OrderedDict()
        self._lister = Action(self._list, self)
        self._lister.failed.connect(self.failed)
        self._lister.busy_changed.connect(self._listing_changed)
        self._fetcher = Action(self._fetch_wanted, self)
        self._fetcher.failed.connect(self.failed)
        self._listed_generation = -1
        self._list_again = False
        self.filling = False
        """Whether the first rows of a query are there, and the rest is being read."""
        self._list_cost_ms = 0
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.timeout.connect(self.refresh)
        self._changed_rows: set[int] = set()

    # Qt's questions

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.ids)

    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.columns)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        column = self.columns[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            row = self.values_at(index.row())
            return "" if row is None else text_of(row[index.column()], column.kind)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if column.kind in RIGHT else Qt.AlignmentFlag.AlignLeft
            return int(side | Qt.AlignmentFlag.AlignVCenter)
        if role == RAW:
            row = self.values_at(index.row())
            return None if row is None else row[index.column()]
        if role == ID:
            return self.ids[index.row()]
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        column = self.columns[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.label
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if column.kind in RIGHT else Qt.AlignmentFlag.AlignLeft
            return int(side | Qt.AlignmentFlag.AlignVCenter)
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        chosen = self.columns[column]
        if chosen.sortable:
            descending = order == Qt.SortOrder.DescendingOrder
            self.set_query(RecordQuery(self.query.filters, self.query.search, chosen.name, descending))

    # What pages ask

    @property
    def loading(self) -> bool:
        """Whether the list of a new query is being read."""
        return self._listed_generation != self._generation

    def set_query(self, query: RecordQuery) -> None:
        """Show the rows of another query. The old rows stay until the new list is there."""
        if query == self.query and self._listed_generation >= 0:
            return
        self.query = query
        self._generation += 1
        self.query_changed.emit()
        self.refresh()

    async def whole(self) -> None:
        """Until all rows of the query are in the list."""
        while self.filling:
            await self._lister.wait()

    def start_with(self, query: RecordQuery) -> None:
        """Take a query that was kept, before the first list is read."""
        self.query = query

    def refresh(self) -> None:
        """Read the list again; rows that stay keep their place, selection and scroll."""
        self._pause.stop()
        if not self._lister.start(self._generation, self.query):
            self._list_again = True

    def values_at(self, row: int) -> tuple[Any, ...] | None:
        """The values of a row, or None until they have come (they are asked for)."""
        number, offset = divmod(row, PAGE)
        page = self._pages.get(number)
        if page is None:
            self._want(number)
            return None
        self._pages.move_to_end(number)
        if number in self._stale:
            self._want(number)
        return page[offset] if offset < len(page) else None

    def id_at(self, row: int) -> int:
        """The id of a row."""
        return self.ids[row]

    def row_of(self, record_id: int) -> int | None:
        """The row of an id, or None. Looks through the whole list."""
        try:
            return self.ids.index(record_id)
        except ValueError:
            return None

    def value(self, row: int, column: str) -> Any:
        """One value of a row by the column's name; None until it has come."""
        values = self.values_at(row)
        return None if values is None else values[self.column_number(column)]

    def column_number(self, name: str) -> int:
        """The place of a column. `StopIteration` never: an unknown name is a `KeyError`."""
        for number, column in enumerate(self.columns):
            if column.name == name:
                return number
        raise KeyError(name)

    def apply_changes(self, changes: Mapping[str, frozenset[int] | None]) -> None:
        """Take in what was committed (a `FeedBinding`'s signal): shown rows are read again, the list after a pause."""
        touched = {table: ids for table, ids in changes.items() if table in self.source.tables}
        if not touched:
            return
        ids = touched.pop(self.source.key_table, frozenset())
        if touched or ids is None:
            self._stale.update(self._pages)
            for number in list(self._pages)[-2:]:
                self._want(number)
        elif ids:
            self._changed_rows |= ids
            self._schedule_fetch()
        if not self._pause.isActive():
            self._pause.start(max(RELIST_MS, min(30_000, 10 * self._list_cost_ms)))

    def stop(self) -> None:
        """End what is being read; the table is taken down."""
        self._pause.stop()
        self._lister.cancel()
        self._fetcher.cancel()

    # The list

    async def _list(self, generation: int, query: RecordQuery) -> None:
        try:
            if self._listed_generation != generation:
                first = await self.source.list_first(query, FIRST)
                self.filling = first is not None and len(first) == FIRST
                if first is not None and not (await self._take(generation, first) and self.filling):
                    return
            clock = QElapsedTimer()
            clock.start()
            ids = await self.source.list_ids(query)
            self._list_cost_ms = clock.elapsed()
            await self._take(generation, ids)
        finally:
            if self.filling and isValid(self):
                self.filling = False
                self.filled.emit()

    async def _take(self, generation: int, ids: array[int]) -> bool:
        """Show this list; False when it is no longer wanted."""
        if not isValid(self):
            return False
        if generation != self._generation:
            self._list_again = True
            return False
        first = self._listed_generation < 0
        moved = self._listed_generation != generation
        before = len(self.ids)
        patch = None
        if before <= BIG:
            patch = None if first else find_patch(self.ids, ids)
        elif not moved:
            patch = await asyncio.to_thread(find_patch, self.ids, ids)
            if not isValid(self):
                return False
        self._listed_generation = generation
        if patch is None:
            self._replace(ids)
        else:
            self._patch(patch, ids)
        if before != len(self.ids) or first:
            self.count_changed.emit(len(self.ids))
        if moved:
            self.loading_changed.emit(False)
        return True

    def _listing_changed(self, busy: bool) -> None:
        if busy and self.loading:
            self.loading_changed.emit(True)
        if not busy and self._list_again:
            self._list_again = False
            self.refresh()

    def _replace(self, ids: array[int]) -> None:
        self.about_to_relist.emit()
        self.beginResetModel()
        self.ids = ids
        self._forget_pages()
        self.endResetModel()
        self.relisted.emit()

    def _patch(self, patch: Patch, ids: array[int]) -> None:
        """Remove and insert ranges of rows; the pages from the first of them on are read again."""
        nowhere = QModelIndex()
        if not patch.removed and not patch.inserted:
            return
        kept: dict[int, tuple[Any, ...]] = {}
        for number, page in self._pages.items():
            for offset, values in enumerate(page):
                if values is not None:
                    kept[self.ids[number * PAGE + offset]] = values
        numbers = list(self._pages)
        self._pages.clear()
        for start, stop in reversed(patch.removed):
            self.beginRemoveRows(nowhere, start, stop - 1)
            del self.ids[start:stop]
            self.endRemoveRows()
        for start, stop in patch.inserted:
            self.beginInsertRows(nowhere, start, stop - 1)
            self.ids[start:start] = ids[start:stop]
            self.endInsertRows()
        self._lay_out(numbers, kept)

    def _lay_out(self, numbers: Sequence[int], kept: Mapping[int, tuple[Any, ...]]) -> None:
        """Lay the values that are known over the rows as they stand now; pages with gaps are read again when seen."""
        for number in numbers:
            if number * PAGE >= len(self.ids):
                continue
            page = [kept.get(record_id) for record_id in self.ids[number * PAGE : (number + 1) * PAGE]]
            self._pages[number] = page
            if None in page or len(page) < PAGE:
                self._stale.add(number)

    def _forget_pages(self) -> None:
        self._pages.clear()
        self._stale.clear()
        self._wanted.clear()
        self._changed_rows.clear()

    # The pages

    def _want(self, number: int) -> None:
        self._wanted[number] = None
        self._wanted.move_to_end(number)
        while len(self._wanted) > 6:  # a fast scroll: what flew by is not read
            self._wanted.popitem(last=False)
        self._schedule_fetch()

    def _schedule_fetch(self) -> None:
        self._fetcher.start()

    async def _fetch_wanted(self) -> None:
        while self._wanted or self._changed_rows:
            if self._wanted:
                number, _ = self._wanted.popitem()
                await self._fetch_page(number)
            if self._changed_rows:
                changed, self._changed_rows = self._changed_rows, set()
                await self._fetch_changed(changed)

    async def _fetch_page(self, number: int) -> None:
        ids = self.ids[number * PAGE : (number + 1) * PAGE]
        if not ids:
            return
        self._stale.discard(number)
        rows = await self.source.fetch(ids)
        if not isValid(self):  # its page went meanwhile
            return
        if self.ids[number * PAGE : (number + 1) * PAGE] != ids:
            self._stale.add(number)  # the list moved meanwhile; whoever still looks asks again
            return
        self._pages[number] = [rows.get(record_id) for record_id in ids]
        self._pages.move_to_end(number)
        while len(self._pages) > PAGES_KEPT:
            gone, _ = self._pages.popitem(last=False)
            self._stale.discard(gone)
        self._tell_changed(number * PAGE, number * PAGE + len(ids) - 1)
        self.rows_fetched.emit()

    async def _fetch_changed(self, changed: set[int]) -> None:
        """Read again the changed rows that are in a page; one signal for each page that holds some."""
        places = {}
        for number in self._pages:
            for offset, record_id in enumerate(self.ids[number * PAGE : (number + 1) * PAGE]):
                if record_id in changed:
                    places[record_id] = (number, offset)
        if not places:
            return
        rows = await self.source.fetch(array("q", places))
        if not isValid(self):
            return
        touched: dict[int, list[int]] = {}
        for record_id, (number, offset) in places.items():
            page, row = self._pages.get(number), number * PAGE + offset
            if page is None or offset >= len(page) or row >= len(self.ids) or self.ids[row] != record_id:
                continue
            if record_id in rows and page[offset] != rows[record_id]:
                page[offset] = rows[record_id]
                touched.setdefault(number, []).append(row)
        for changed_rows in touched.values():
            self._tell_changed(min(changed_rows), max(changed_rows))
        if touched:
            self.rows_fetched.emit()

    def _tell_changed(self, first: int, last: int) -> None:
        self.dataChanged.emit(self.index(first, 0), self.index(last, len(self.columns) - 1))
