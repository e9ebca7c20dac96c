"""A table with what belongs to it: filter, chips, saved views, the count, copy and save, words for an empty one."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QMenu, QStackedLayout, QVBoxLayout, QWidget

from app.viewmodels.action import Action
from app.viewmodels.background import BackgroundWork, Progress
from app.viewmodels.formats import count_of, digits
from app.viewmodels.record_files import copy_text, save_csv
from app.viewmodels.record_table import RecordQuery, RecordTableModel
from app.viewmodels.toasts import Toasts
from app.viewmodels.ui_state import UiState
from app.views.saved_views import SavedViews, View
from app.views.table_view import RecordTableView
from app.views.widgets.buttons import IconButton
from app.views.widgets.fields import SearchField
from app.views.widgets.file_dialog import FileDialog
from app.views.widgets.labels import label
from app.views.widgets.panels import EmptyPanel
from app.views.widgets.pills import ChipRow


class TablePane(QWidget):
    """`view` is the table, `search` its filter, `bar` the line above it (add to it), `chips` the filter chips.

    `empty` stands where there are no rows at all; `unmatched`, title and text, where the filter leaves none.
    `chips` are (key, words): a key is one or several values of `chip_column`, joined by "|". Sort, filters and saved
    views are kept in `state` under `key`.
    """

    def __init__(
        self,
        model: RecordTableModel,
        state: UiState,
        key: str,
        toasts: Toasts,
        background: BackgroundWork,
        *,
        placeholder: str,
        chips: Sequence[tuple[str, str]] = (),
        chip_column: str = "status",
        empty: EmptyPanel | None = None,
        unmatched: tuple[str, str] = ("Nothing matches", "No row has what is asked for here."),
        saved_views: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.model, self._state, self._key = model, state, key
        self._toasts, self._background = toasts, background
        self._chip_column = chip_column
        self._empty, self._unmatched_words = empty, unmatched
        self._restore_query()
        self.view = RecordTableView(model, state, key)
        self.view.setAccessibleName(placeholder.removeprefix("Filter ").capitalize())
        self.search = SearchField(placeholder)
        self.chips = ChipRow(chips)
        self.count = label("", tone="dim")
        self.bar = QHBoxLayout()
        self.saved_views = SavedViews(state, key, toasts, self._present_view, self._bring_back)
        self._lay_out(empty)
        self.chips.setVisible(bool(chips))  # not before it has its place: it would be a window for an instant
        self.saved_views.setVisible(saved_views)
        self._copier = Action(self._copy, self)
        self._connect()
        self._show_query()

    def showing_empty(self) -> bool:
        """Whether the empty panel stands in place of the table."""
        return self._empty is not None and self._stack.currentWidget() is self._empty

    def show_all(self) -> None:
        """Take off what the filter and the chips ask for; what the page itself asks for stays."""
        query, own = self.model.query, self._chipped()
        filters = {name: values for name, values in query.filters.items() if not (own and name == self._chip_column)}
        self.model.set_query(RecordQuery(filters, "", query.sort, query.descending))
        self.view.setFocus(Qt.FocusReason.OtherFocusReason)

    def more_menu(self) -> QMenu:
        """Copy, save as CSV, select all, columns."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        some = self.view.selected_count()
        known = "" if self.model.filling else f" {digits(len(self.model.ids))}"
        words = f"{digits(some)} selected rows" if some else f"all{known} rows"
        words = "the selected row" if some == 1 else words
        menu.addAction(f"Copy {words}\tCtrl+C").triggered.connect(self.copy)
        menu.addAction(f"Save {words} as CSV…").triggered.connect(self.ask_csv)
        menu.addAction("Select all\tCtrl+A").triggered.connect(self.view.selectAll)
        menu.addSeparator()
        columns = self.view.header_menu()
        columns.setTitle("Columns")
        columns.setParent(menu, columns.windowFlags())
        menu.addMenu(columns)
        return menu

    def copy(self) -> None:
        """Put the selected rows (none: all) on the clipboard."""
        self._copier.start()

    def ask_csv(self) -> None:
        """Ask for a file and save the selected rows (none: all) in it."""
        dialog = FileDialog(self, "Save rows as CSV")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(FileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("csv")
        dialog.selectFile(f"{self._key}.csv")
        dialog.fileSelected.connect(lambda path: self.save_to(Path(path)))
        dialog.open()

    def save_to(self, path: Path) -> None:
        """Save the selected rows (none: all) in a CSV file, behind the window."""
        columns = self.view.visible_columns()
        selected = self.view.selected_ids()

        async def save(report: Progress) -> int:
            await self.model.whole()
            return await save_csv(self.model.source, selected or self.model.ids[:], columns, path, report)

        job = self._background.run(f"Saving {path.name}", save)
        job.ended.connect(
            lambda fault: fault or self._toasts.say(f"{count_of(job.result, 'row')} saved in {path}.", "ok")
        )

    def set_filter(self, column: str, values: Sequence[str]) -> None:
        """Allow only these values in a column (none: all)."""
        filters = {name: chosen for name, chosen in self.model.query.filters.items() if name != column}
        if values:
            filters[column] = tuple(values)
        query = self.model.query
        self.model.set_query(RecordQuery(filters, query.search, query.sort, query.descending))

    def _lay_out(self, empty: EmptyPanel | None) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        self.bar.setContentsMargins(20, 8, 12, 8)
        self.bar.setSpacing(8)
        self.bar.addWidget(self.search, 2)
        self.bar.addWidget(self.chips)
        self.bar.addWidget(self.saved_views)
        self.bar.addStretch(1)
        self.bar.addWidget(self.count)
        self._more = IconButton("ph.dots-three-bold", "More for this table")
        self.bar.addWidget(self._more)
        layout.addLayout(self.bar)
        self._stack = QStackedLayout()
        layout.addLayout(self._stack, 1)  # before it has widgets: it shows the first one
        self._stack.addWidget(self.view)
        if empty is not None:
            self._stack.addWidget(empty)
        self.unmatched = EmptyPanel("ph.funnel", *self._unmatched_words, "Show all")
        self.unmatched.activated.connect(self.show_all)
        self._stack.addWidget(self.unmatched)

    def _connect(self) -> None:
        self.search.searched.connect(self._search_for)
        self.search.left_downwards.connect(self._go_to_rows)
        self.chips.changed.connect(self._filter_by_chips)
        self.model.count_changed.connect(self._show_count)
        self.model.query_changed.connect(self._query_changed)
        self.model.loading_changed.connect(self._show_count)
        self.model.filled.connect(self._show_count)
        self.model.failed.connect(lambda sentence: self._toasts.say(sentence, "bad"))
        self.view.selection_changed.connect(self._show_count)
        self.view.copy_asked.connect(self.copy)
        self._copier.failed.connect(lambda sentence: self._toasts.say(sentence, "bad"))
        self._copier.finished.connect(self._copied)
        self._more.clicked.connect(lambda: self.more_menu().popup(_below(self._more)))

    def _chipped(self) -> bool:
        """Whether a chip of this pane narrows the table."""
        return bool(self.chips.all_keys() and self.model.query.filters.get(self._chip_column))

    def _search_for(self, words: str) -> None:
        query = self.model.query
        self.model.set_query(RecordQuery(query.filters, words.strip(), query.sort, query.descending))

    def _go_to_rows(self) -> None:
        """From the filter to the rows, by the arrow key or by Escape."""
        if len(self.model.ids):
            self.view.setFocus(Qt.FocusReason.OtherFocusReason)
            if not self.view.selected_count():
                self.view.select_ids([self.model.ids[0]], self.model.ids[0])

    def _filter_by_chips(self, keys: list[str]) -> None:
        self.set_filter(self._chip_column, [value for key in keys for value in key.split("|")])

    def _show_query(self) -> None:
        query = self.model.query
        if self.search.text().strip() != query.search:
            self.search.setText(query.search)
        on = set(query.filters.get(self._chip_column, ()))
        self.chips.setKeys([key for key in self.chips.all_keys() if on and set(key.split("|")) <= on])

    def _query_changed(self) -> None:
        self._state.put(f"{self._key}.query", _plain(self.model.query))
        self._show_query()
        self._show_count()

    def _restore_query(self) -> None:
        kept = self._state.get(f"{self._key}.query")
        if kept is not None:
            self.model.start_with(_query(kept, self.model))

    def _show_count(self, *_: object) -> None:
        rows, some = len(self.model.ids), self.view.selected_count()
        words = f"{digits(some)} of {digits(rows)} selected" if some > 1 or self.view.everything else digits(rows)
        self.count.setText("…" if self.model.loading or self.model.filling else words)
        narrowed = bool(self.model.query.search or self.model.query.filters)
        if rows or self.model.loading:
            self._stack.setCurrentWidget(self.view)
        elif narrowed:
            self.unmatched.button.setVisible(bool(self.model.query.search or self._chipped()))
            self._stack.setCurrentWidget(self.unmatched)
        elif self._empty is not None:
            self._stack.setCurrentWidget(self._empty)

    def _chosen_ids(self) -> array[int]:
        return self.view.selected_ids() if self.view.selected_count() else self.model.ids[:]

    async def _copy(self) -> tuple[str, int]:
        await self.model.whole()
        ids = self._chosen_ids()
        return await copy_text(self.model.source, ids, self.view.visible_columns()), len(ids)

    def _copied(self, result: tuple[str, int]) -> None:
        text, count = result
        QGuiApplication.clipboard().setText(text)
        self._toasts.say(f"{count_of(count, 'row')} copied.", "ok")

    def _present_view(self) -> View:
        return {**_plain(self.model.query), "columns": self.view.columns_kept()}

    def _bring_back(self, view: View) -> None:
        self.view.show_columns(view.get("columns"))
        self.model.set_query(_query(view, self.model))


def _below(widget: QWidget) -> QPoint:
    return widget.mapToGlobal(widget.rect().bottomLeft())


def _plain(query: RecordQuery) -> dict[str, object]:
    filters = {column: list(values) for column, values in query.filters.items()}
    return {"filters": filters, "search": query.search, "sort": query.sort, "descending": query.descending}


def _query(kept: object, model: RecordTableModel) -> RecordQuery:
    """A query as it was kept, without columns that there are no more."""
    values = kept if isinstance(kept, dict) else {}
    names = {column.name for column in model.columns}
    filters = {str(column): tuple(map(str, chosen)) for column, chosen in dict(values.get("filters") or {}).items()}
    sort = str(values.get("sort") or "")
    return RecordQuery(
        filters, str(values.get("search") or ""), sort if sort in names else "", bool(values.get("descending"))
    )
