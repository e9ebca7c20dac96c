"""The table with its filter, chips, views, copy and save."""

from __future__ import annotations

import asyncio
import csv
from array import array
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from app.errors import AppError, StoreError
from app.viewmodels.background import BackgroundWork
from app.viewmodels.record_files import LARGEST_COPY, copy_text, save_csv
from app.viewmodels.record_table import RecordQuery, RecordTableModel
from app.viewmodels.toasts import Toast, Toasts
from app.viewmodels.ui_state import UiState
from app.views.saved_views import NameSheet
from app.views.table_pane import TablePane
from app.views.widgets.panels import EmptyPanel
from tests.fakes.records import FakeRecords
from tests.gui.test_record_table import settle

CHIPS = (("accepted|completed", "done"), ("assigned", "at work"))


def make_pane(records: FakeRecords, state: UiState) -> TablePane:
    pane = TablePane(
        RecordTableModel(records),
        state,
        "units",
        Toasts(),
        BackgroundWork(),
        placeholder="Filter units",
        chips=CHIPS,
        empty=EmptyPanel("ph.list", "No units", "Units appear here."),
        saved_views=True,
    )
    pane.model.setParent(pane)
    return pane


@pytest.fixture
async def pane(qtbot: QtBot) -> TablePane:
    made = make_pane(FakeRecords(400), UiState())
    qtbot.addWidget(made)
    model = made.model
    model.refresh()
    await settle(model)
    return made


async def test_the_count_says_how_many_and_how_many_are_selected(pane: TablePane) -> None:
    assert pane.count.text() == "400"
    pane.view.select_ids([1, 2, 3])
    assert pane.count.text() == "3 of 400 selected"


async def test_chips_and_words_narrow_together_and_are_kept(pane: TablePane, qtbot: QtBot) -> None:
    state = pane._state
    pane.chips._chips["accepted|completed"].click()
    QTest.keyClicks(pane.search, "worker-8")
    pane.search.returnPressed.emit()
    await settle(pane.model)
    assert pane.model.query.filters == {"status": ("accepted", "completed")}
    assert pane.model.rowCount() == len([i for i in range(1, 401) if i % 4 in (0, 1) and i % 50 == 8])
    again = make_pane(FakeRecords(400), state)
    qtbot.addWidget(again)
    assert again.model.query == pane.model.query
    assert again.search.text() == "worker-8"
    assert again.chips.keys() == ["accepted|completed"]


async def test_an_empty_table_says_what_belongs_there_and_a_filter_without_rows_can_be_taken_off(qtbot: QtBot) -> None:
    made = make_pane(FakeRecords(0), UiState())
    qtbot.addWidget(made)
    made.model.refresh()
    await settle(made.model)
    assert made.showing_empty()
    made.model.set_query(RecordQuery(search="nobody"))
    await settle(made.model)
    assert not made.showing_empty()
    assert made._stack.currentWidget() is made.unmatched
    assert made.unmatched.button.isVisibleTo(made.unmatched)
    made.unmatched.button.click()
    await settle(made.model)
    assert made.model.query.search == ""
    assert made.showing_empty()
    made.model.set_query(RecordQuery({"worker": ("nobody",)}))  # asked for by the page, not by the pane
    await settle(made.model)
    assert not made.unmatched.button.isVisibleTo(made.unmatched)


def menu_words(pane: TablePane) -> dict[str, list[str]]:
    """The words of the menu of saved views, by the words of the menu that they stand in; "✓" before what is on."""
    menu = pane.saved_views.menu()
    found: dict[str, list[str]] = {"": []}
    for action in menu.actions():
        inner = action.menu()
        if isinstance(inner, QMenu):
            found[action.text()] = [one.text() for one in inner.actions()]
        elif not action.isSeparator():
            found[""].append(("✓ " if action.isChecked() else "") + action.text())
    menu.close()
    return found


async def test_a_view_is_kept_shown_replaced_and_forgotten(pane: TablePane) -> None:
    assert menu_words(pane) == {"": ["Keep this view as…"]}
    pane.set_filter("status", ["assigned"])
    pane.view._show_column(1, False)
    pane.saved_views.keep("At work & late")
    pane.view.show_columns(None)
    pane.set_filter("status", [])
    views = pane.saved_views
    assert menu_words(pane)[""] == ["At work && late", "Keep this view as…"]
    views.show_view("At work & late")
    assert pane.model.query.filters == {"status": ("assigned",)}
    assert pane.view.isColumnHidden(1)
    assert menu_words(pane) == {
        "": ["✓ At work && late", "Keep this view as…"], "Replace": ["At work && late"],
        "Rename": ["At work && late…"], "Forget": ["At work && late"],
    }  # fmt: skip
    pane.set_filter("status", [])
    views.keep("At work & late")
    assert menu_words(pane)[""][0] == "✓ At work && late"
    views.forget("At work & late")
    assert views.names() == []
    await settle(pane.model)


async def test_a_view_gets_another_name_in_a_sheet_that_takes_none_twice(pane: TablePane) -> None:
    views = pane.saved_views
    for name in ("Fast", "Slow"):
        views.keep(name)
    views.ask_name("Slow")
    sheet = pane.window().findChild(NameSheet)
    assert sheet is not None
    sheet.edit.setText(" fast ")
    assert not sheet.confirm_button.isEnabled()
    sheet.edit.setText("  Very   slow ")
    sheet.confirm_button.click()
    assert views.names() == ["Fast", "Very slow"]
    assert not sheet.is_open()
    await settle(pane.model)


async def test_what_was_done_to_a_view_is_undone_from_its_message(pane: TablePane) -> None:
    shown: list[Toast] = []
    pane._toasts.added.connect(shown.append)
    pane.saved_views.keep("Fast")
    pane.saved_views.forget("Fast")
    pane._toasts.act(shown[-1].number)
    await asyncio.sleep(0)  # it runs as a task
    await asyncio.sleep(0)
    assert pane.saved_views.names() == ["Fast"]


async def test_a_kept_sort_by_a_column_that_is_gone_is_dropped(qtbot: QtBot) -> None:
    state = UiState()
    state.put("units.query", {"sort": "mood", "descending": True, "filters": None, "search": None})
    made = make_pane(FakeRecords(1), state)
    qtbot.addWidget(made)
    assert made.model.query == RecordQuery(descending=True)


async def test_one_row_is_one_row(pane: TablePane) -> None:
    shown: list[Toast] = []
    pane._toasts.added.connect(shown.append)
    pane.view.select_ids([2])
    menu = pane.more_menu()
    assert menu.actions()[0].text() == "Copy the selected row\tCtrl+C"
    menu.close()
    pane.copy()
    await pane._copier.wait()
    await asyncio.sleep(0)
    assert shown[-1].text.replace("\u00a0", " ") == "1 row copied."


async def test_selected_rows_are_copied_as_tab_separated_text(pane: TablePane) -> None:
    pane.view.select_ids([2, 3])
    pane.copy()
    await pane._copier.wait()
    await asyncio.sleep(0)
    lines = QGuiApplication.clipboard().text().splitlines()
    assert lines[0].split("\t")[:3] == ["Unit", "Worker", "Status"]
    assert [line.split("\t")[0] for line in lines[1:]] == ["U-2", "U-3"]


async def test_all_rows_are_saved_when_none_is_selected(pane: TablePane, tmp_path: Path) -> None:
    said: list[str] = []
    pane._toasts.added.connect(lambda toast: said.append(toast.text))
    path = tmp_path / "units.csv"
    pane.save_to(path)
    ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    pane._background.jobs[0].ended.connect(ended.set_result)
    assert await asyncio.wait_for(ended, 5) == ""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert len(rows) == 401
    assert rows[1][:4] == ["U-1", "worker-1", "completed", "1"]
    assert rows[1][5] == "0.12 EUR"
    assert said == [f"400 rows saved in {path}."]


async def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    records = FakeRecords(3)
    with pytest.raises(StoreError, match="cannot be written"):
        await save_csv(records, records.ids, [0], tmp_path / "none" / "units.csv", lambda _done, _total: None)
    assert list(tmp_path.iterdir()) == []


async def test_what_a_worker_wrote_is_no_formula_in_a_spreadsheet(tmp_path: Path) -> None:
    records = FakeRecords(3)
    records.words = {1: "=HYPERLINK(1)", 2: "-3.5", 3: "-cmd"}
    path = tmp_path / "units.csv"
    await save_csv(records, records.ids, [1], path, lambda _done, _total: None)
    assert path.read_text("utf-8-sig").splitlines() == ["Worker", "'=HYPERLINK(1)", "-3.5", "'-cmd"]


async def test_cells_keep_to_their_line_and_column_on_the_clipboard() -> None:
    records = FakeRecords(1)
    records.words = {1: "two\nlines\tand a tab"}
    assert await copy_text(records, records.ids, [1]) == "Worker\ntwo lines and a tab\n"


async def test_too_many_rows_for_the_clipboard_are_refused_with_a_way_out() -> None:
    records = FakeRecords(1)
    with pytest.raises(AppError, match="Save them as CSV"):
        await copy_text(records, array("q", range(LARGEST_COPY + 1)), [0])


async def test_rows_that_are_gone_meanwhile_are_left_out() -> None:
    records = FakeRecords(3)
    assert (await copy_text(records, array("q", [2, 77]), [0])).splitlines() == ["Unit", "U-2"]


async def test_the_menu_offers_copy_save_and_columns(pane: TablePane) -> None:
    menu = pane.more_menu()
    words = [action.text().split("\t")[0] for action in menu.actions()]
    assert words == ["Copy all 400 rows", "Save all 400 rows as CSV…", "Select all", "", "Columns"]


def test_a_query_is_a_value() -> None:
    query = RecordQuery({"status": ("a",)}, "x", "pay", True)
    assert replace(query) == query
