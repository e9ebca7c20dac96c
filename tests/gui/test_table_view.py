"""The table over 100 000 rows: it stays quick, and what is selected stays selected.

Quick is told in the processor's time of this thread: it does not depend on what else the machine does.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.viewmodels.record_table import Column, RecordQuery, RecordTableModel
from app.viewmodels.ui_state import UiState
from app.views.table_view import RecordTableView, fitted_widths
from tests.fakes.records import FakeRecords
from tests.gui.test_record_table import settle, source


@pytest.fixture
async def view(qtbot: QtBot) -> AsyncIterator[RecordTableView]:
    model = RecordTableModel(FakeRecords(100_000))
    made = RecordTableView(model, UiState(), "units")
    qtbot.addWidget(made)
    made.resize(900, 600)
    made.show()
    model.refresh()
    await settle(model)
    made.grab()
    await settle(model)
    yield made
    model.stop()
    await settle(model)


async def test_the_first_rows_are_there_and_a_step_of_scroll_is_quick(view: RecordTableView) -> None:
    assert view.records.values_at(0) is not None
    view.verticalScrollBar().setValue(50_000 * 32)
    view.grab()
    await settle(view.records)
    start = time.thread_time()
    view.grab()
    assert time.thread_time() - start < 0.2
    assert view.records.values_at(50_000) is not None


async def test_select_all_selects_the_query_at_once(view: RecordTableView) -> None:
    start = time.thread_time()
    QTest.keySequence(view, "Ctrl+A")
    view.grab()
    assert time.thread_time() - start < 0.3
    assert view.everything
    assert view.selected_count() == 100_000
    assert view.selected_ids() == view.records.ids


async def test_a_selection_by_shift_end_does_not_stand_still(view: RecordTableView) -> None:
    view.setCurrentIndex(view.records.index(0, 0))
    start = time.thread_time()
    QTest.keyClick(view, Qt.Key.Key_End, Qt.KeyboardModifier.ShiftModifier)
    view.grab()
    assert time.thread_time() - start < 0.5
    assert view.selected_count() == 100_000


async def test_letters_neither_move_the_cursor_nor_look_through_all_rows(view: RecordTableView) -> None:
    view.setCurrentIndex(view.records.index(3, 0))
    start = time.thread_time()
    QTest.keyClicks(view, "w9")
    assert time.thread_time() - start < 0.1
    assert view.current_id() == 4


async def test_a_click_after_select_all_selects_one_row(view: RecordTableView) -> None:
    view.selectAll()
    view.clearSelection()
    view.selectAll()
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(30, 3 * 32 + 5))
    assert not view.everything
    assert list(view.selected_ids()) == [4]
    assert view.current_id() == 4


async def test_another_filter_ends_the_selection_of_everything(view: RecordTableView) -> None:
    view.selectAll()
    view.records.set_query(RecordQuery(filters={"status": ("accepted",)}))
    assert not view.everything
    await settle(view.records)
    assert view.records.rowCount() == 25_000


async def test_live_rows_leave_selection_and_scroll_alone(view: RecordTableView) -> None:
    view.verticalScrollBar().setValue(1000 * 32)
    view.select_ids([1003, 1005], current=1005)
    view.grab()
    await settle(view.records)
    before = view.verticalScrollBar().value()
    source(view.records).words[1004] = "somebody"
    view.records.apply_changes({"units": frozenset({1004})})
    await settle(view.records)
    assert list(view.selected_ids()) == [1003, 1005]
    assert view.current_id() == 1005
    assert view.verticalScrollBar().value() == before
    assert view.records.value(1003, "worker") == "somebody"


async def test_a_list_that_is_replaced_keeps_selection_cursor_and_the_row_at_the_top(view: RecordTableView) -> None:
    view.select_ids([500, 502], current=500)
    view.verticalScrollBar().setValue(490 * 32)
    ids = list(source(view.records).ids)
    source(view.records).ids = array("q", [*ids[50_000:], *ids[:50_000]])
    view.records.refresh()
    await settle(view.records)
    assert list(view.selected_ids()) == [500, 502]
    assert view.current_id() == 500
    assert view.records.ids[view.rowAt(0)] == 491


async def test_a_click_on_the_header_sorts_and_again_turns_it_round(view: RecordTableView) -> None:
    view._sort_by(1)
    assert (view.records.query.sort, view.records.query.descending) == ("worker", False)
    view._sort_by(1)
    assert view.records.query.descending
    await settle(view.records)
    view._sort_by(5)
    assert view.records.query == RecordQuery(sort="pay", descending=True), "figures begin with the largest"
    await settle(view.records)


async def test_columns_can_be_hidden_but_never_all_and_are_kept(tmp_path: Path, qtbot: QtBot) -> None:
    state = UiState(tmp_path / "window.json")
    model = RecordTableModel(FakeRecords(3))
    first = RecordTableView(model, state, "units")
    qtbot.addWidget(first)
    for number in range(len(model.columns)):
        first._show_column(number, False)
    assert first.visible_columns() == [6]
    first._show_column(1, True)
    first.setColumnWidth(1, 222)
    state.save()
    again = RecordTableView(model, UiState(tmp_path / "window.json"), "units")
    qtbot.addWidget(again)
    assert again.visible_columns() == [1, 6]
    assert again.columnWidth(1) == 222
    again.show_columns(None)
    assert len(again.visible_columns()) == len(model.columns)
    menu = again.header_menu()
    assert [action.text() for action in menu.actions()][:2] == ["Unit", "Worker"]
    menu.deleteLater()


async def test_where_room_is_short_texts_give_way_and_the_table_is_not_scrolled_sideways(qtbot: QtBot) -> None:
    state = UiState()
    made = RecordTableView(RecordTableModel(FakeRecords(3)), state, "units")
    qtbot.addWidget(made)
    columns = made.records.columns
    wished = sum(column.width for column in columns)
    made.resize(wished - 60, 300)
    made.show()
    assert made.horizontalScrollBar().maximum() == 0
    figures = [number for number, column in enumerate(columns[:-1]) if column.kind != "text"]
    assert [made.columnWidth(number) for number in figures] == [columns[number].width for number in figures]
    made.resize(wished + 200, 300)
    assert [made.columnWidth(number) for number in range(len(columns) - 1)] == [one.width for one in columns[:-1]]
    assert made.columns_kept() == [], "nobody chose a width"
    made.setColumnWidth(1, 300)
    made.resize(wished - 60, 300)
    assert made.columnWidth(1) == 300, "a width that was chosen stays"


def test_a_text_is_never_narrower_than_it_can_be_read() -> None:
    columns = [Column("a", "A", width=200), Column("b", "B", "money", width=90), Column("c", "C", width=60)]
    assert fitted_widths(columns, 350) == [200, 90, 60]
    assert fitted_widths(columns, 300) == [150, 90, 60]
    assert fitted_widths(columns, 10) == [110, 90, 60]


async def test_enter_opens_the_row_with_the_cursor(view: RecordTableView) -> None:
    opened: list[int] = []
    view.opened.connect(opened.append)
    view.select_ids([2], current=2)
    QTest.keyClick(view, Qt.Key.Key_Return)
    assert opened == [2]


async def test_escape_lets_go_of_the_selection(view: RecordTableView) -> None:
    view.select_ids([2, 3])
    QTest.keyClick(view, Qt.Key.Key_Escape)
    assert view.selected_count() == 0


@pytest.fixture
def starting(view: RecordTableView) -> RecordTableView:
    """The same, and the first rows of a query come before the rest."""
    source(view.records).starts = True
    return view


async def test_what_is_selected_far_down_is_selected_again_when_the_list_is_whole(starting: RecordTableView) -> None:
    starting.select_ids([3, 60_000], current=60_000)
    starting.records.set_query(RecordQuery(sort="unit"))
    await settle(starting.records)
    assert list(starting.selected_ids()) == [3, 60_000]
    assert starting.current_id() == 60_000


async def test_a_choice_made_before_the_list_is_whole_stays(starting: RecordTableView) -> None:
    starting.select_ids([60_000])
    starting.records.count_changed.connect(lambda count: starting.select_ids([5]) if count < 1000 else None)
    starting.records.set_query(RecordQuery(sort="unit"))
    await settle(starting.records)
    assert list(starting.selected_ids()) == [5]


async def test_all_is_selected_only_when_all_is_known(starting: RecordTableView) -> None:
    seen: list[int] = []

    def select_early(count: int) -> None:
        if count < 1000:
            starting.selectAll()
            seen.append(starting.selected_count())

    starting.records.count_changed.connect(select_early)
    starting.records.set_query(RecordQuery(sort="unit"))
    await settle(starting.records)
    assert seen == [0]
    assert starting.selected_count() == 100_000


async def test_shift_f10_opens_the_menu_as_the_menu_key_does(view: RecordTableView) -> None:
    asked: list[QPoint] = []
    view.menu_asked.connect(asked.append)
    QTest.keyClick(view, Qt.Key.Key_F10, Qt.KeyboardModifier.ShiftModifier)
    assert asked == [], "there is nothing that it would be about"
    view.selectRow(2)
    QTest.keyClick(view, Qt.Key.Key_F10, Qt.KeyboardModifier.ShiftModifier)
    assert asked == [view.viewport().mapToGlobal(view.visualRect(view.currentIndex()).bottomLeft())]
