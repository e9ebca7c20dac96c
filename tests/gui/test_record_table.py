"""The one table model, over a fake source: pages, queries, live changes."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import AsyncIterator

import pytest
from PySide6.QtCore import Qt

from app.errors import StoreError
from app.viewmodels.record_table import BIG, FIRST, PAGE, PAGES_KEPT, RecordQuery, RecordTableModel
from tests.fakes.records import FakeRecords


async def settle(model: RecordTableModel) -> None:
    """Until the model reads nothing any more."""
    for _ in range(20):
        await model._lister.wait()
        await model._fetcher.wait()
        await asyncio.sleep(0)
        if not model._lister.busy and not model._fetcher.busy:
            return


@pytest.fixture
async def model() -> AsyncIterator[RecordTableModel]:
    made = RecordTableModel(FakeRecords(1000))
    made.refresh()
    await settle(made)
    yield made
    made.stop()
    await settle(made)


def source(model: RecordTableModel) -> FakeRecords:
    assert isinstance(model.source, FakeRecords)
    return model.source


def text(model: RecordTableModel, row: int, column: int) -> str:
    return str(model.data(model.index(row, column), Qt.ItemDataRole.DisplayRole))


async def test_a_row_is_asked_for_when_it_is_looked_at(model: RecordTableModel) -> None:
    assert model.rowCount() == 1000
    assert text(model, 3, 0) == ""
    await settle(model)
    assert text(model, 3, 0) == "U-4"
    assert text(model, 3, 5) == "€\u00a00.12"
    assert source(model).fetched == [PAGE]


async def test_figures_stand_at_the_right(model: RecordTableModel) -> None:
    side = model.data(model.index(0, 5), Qt.ItemDataRole.TextAlignmentRole)
    assert side & int(Qt.AlignmentFlag.AlignRight)
    assert model.headerData(5, Qt.Orientation.Horizontal) == "Pay"


async def test_what_flew_by_in_a_fast_scroll_is_not_read() -> None:
    model = RecordTableModel(FakeRecords(100_000))
    model.refresh()
    await settle(model)
    source(model).gate.clear()
    for row in range(0, 100_000, PAGE):
        model.values_at(row)
    source(model).gate.set()
    await settle(model)
    assert len(source(model).fetched) <= 7
    assert model.values_at(99_999) is not None


async def test_only_so_many_pages_are_kept() -> None:
    model = RecordTableModel(FakeRecords(PAGE * (PAGES_KEPT + 20)))
    model.refresh()
    await settle(model)
    for page in range(PAGES_KEPT + 20):
        model.values_at(page * PAGE)
        await settle(model)
    assert len(model._pages) == PAGES_KEPT


async def test_sorting_asks_the_source_and_keeps_the_old_rows_until_it_answers(model: RecordTableModel) -> None:
    loading: list[bool] = []
    model.loading_changed.connect(loading.append)
    source(model).gate.clear()
    model.sort(1, Qt.SortOrder.DescendingOrder)
    await asyncio.sleep(0)
    assert loading == [True]
    assert model.id_at(0) == 1
    source(model).gate.set()
    await settle(model)
    assert loading == [True, False]
    assert model.id_at(0) == 1000


async def test_a_column_that_cannot_be_sorted_is_not(model: RecordTableModel) -> None:
    model.sort(4)
    assert model.query.sort == ""


async def test_the_answer_to_an_older_query_is_dropped(model: RecordTableModel) -> None:
    source(model).gate.clear()
    model.set_query(RecordQuery(descending=True))
    await asyncio.sleep(0)
    model.set_query(RecordQuery(search="worker-7"))
    source(model).gate.set()
    await settle(model)
    assert model.rowCount() == 20
    assert all(record_id % 50 == 7 for record_id in model.ids)


async def test_a_changed_row_is_read_again_in_place(model: RecordTableModel) -> None:
    model.values_at(0)
    await settle(model)
    seen: list[tuple[int, int]] = []
    model.dataChanged.connect(lambda top, bottom: seen.append((top.row(), bottom.row())))
    source(model).words[7] = "somebody"
    source(model).fetched.clear()
    model.apply_changes({"units": frozenset({7, 900})})
    await settle(model)
    assert seen == [(6, 6)]
    assert source(model).fetched == [1], "row 900 is in no page: nobody looks at it"
    assert text(model, 6, 1) == "somebody"


async def test_a_change_of_a_table_that_is_not_shown_is_nothing(model: RecordTableModel) -> None:
    model.apply_changes({"payments": None})
    assert not model._pause.isActive()
    assert not model._fetcher.busy


async def test_a_change_of_another_shown_table_reads_the_visible_rows_again(model: RecordTableModel) -> None:
    model.values_at(0)
    await settle(model)
    source(model).words[7] = "renamed"
    model.apply_changes({"workers": frozenset({7})})
    await settle(model)
    assert text(model, 6, 1) == "renamed"


async def test_new_rows_are_inserted_and_gone_ones_removed_without_a_reset(model: RecordTableModel) -> None:
    resets: list[None] = []
    inserted: list[tuple[int, int]] = []
    removed: list[tuple[int, int]] = []
    model.modelReset.connect(lambda: resets.append(None))
    model.rowsInserted.connect(lambda _parent, first, last: inserted.append((first, last)))
    model.rowsRemoved.connect(lambda _parent, first, last: removed.append((first, last)))
    model.values_at(0)
    await settle(model)
    ids = [record_id for record_id in source(model).ids if record_id not in (5, 6, 400)]
    source(model).ids = array("q", [5000, *ids, 5001, 5002])
    model.refresh()
    await settle(model)
    assert (inserted, removed, resets) == ([(0, 0), (998, 999)], [(399, 399), (4, 5)], [])
    assert model.ids == source(model).ids
    assert text(model, 1, 0) == "U-1", "what was known is still there"


async def test_a_list_in_another_order_is_replaced(model: RecordTableModel) -> None:
    told: list[str] = []
    model.about_to_relist.connect(lambda: told.append("about"))
    model.relisted.connect(lambda: told.append("done"))
    source(model).ids = array("q", reversed(source(model).ids))
    model.refresh()
    await settle(model)
    assert told == ["about", "done"]


async def test_the_list_is_read_again_once_for_many_changes(model: RecordTableModel) -> None:
    before = source(model).lists
    for record_id in range(50):
        model.apply_changes({"units": frozenset({record_id})})
    assert model._pause.isActive()
    await settle(model)
    assert source(model).lists == before
    model.refresh()
    await settle(model)
    assert source(model).lists == before + 1


async def test_a_fault_of_the_store_is_told_and_the_rows_stay(model: RecordTableModel) -> None:
    told: list[str] = []
    model.failed.connect(told.append)
    source(model).error = StoreError("The database is locked.", "Close the other program.")
    model.refresh()
    await settle(model)
    assert told == ["The database is locked. Close the other program."]
    assert model.rowCount() == 1000


async def test_the_first_rows_of_a_query_come_before_its_list() -> None:
    model = RecordTableModel(FakeRecords(1000))
    source(model).starts = True
    counts: list[int] = []
    model.count_changed.connect(counts.append)
    model.filled.connect(lambda: counts.append(-1))
    model.refresh()
    await settle(model)
    model.set_query(RecordQuery(descending=True))
    await settle(model)
    assert counts == [FIRST, 1000, -1, FIRST, 1000, -1]
    assert list(model.ids) == list(range(1000, 0, -1))
    assert not model.filling


async def test_a_list_that_ends_among_the_first_rows_is_read_once() -> None:
    model = RecordTableModel(FakeRecords(FIRST - 1))
    source(model).starts = True
    model.refresh()
    await settle(model)
    assert (len(model.ids), source(model).lists, model.filling) == (FIRST - 1, 0, False)


async def test_a_list_that_cannot_be_read_to_its_end_says_so() -> None:
    model = RecordTableModel(FakeRecords(1000))
    source(model).starts = True
    said: list[str] = []
    model.failed.connect(said.append)
    model.count_changed.connect(lambda _count: setattr(source(model), "error", StoreError("The disk is gone.")))
    model.refresh()
    await settle(model)
    assert said == ["The disk is gone."]
    assert not model.filling
    await asyncio.wait_for(model.whole(), 1)


async def test_a_long_list_keeps_its_rows_when_it_is_read_again() -> None:
    model = RecordTableModel(FakeRecords(BIG + 1))
    model.refresh()
    await settle(model)
    resets: list[int] = []
    model.modelReset.connect(lambda: resets.append(1))
    source(model).ids = array("q", [*source(model).ids[:7], *source(model).ids[8:], BIG + 5])
    model.refresh()
    await settle(model)
    assert (len(model.ids), model.ids[7], model.ids[-1], resets) == (BIG + 1, 9, BIG + 5, [])
