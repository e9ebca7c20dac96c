"""The place of workers, driven by mouse and keys over a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu

from app.data.repo import people, subjects
from app.data.store import Session
from app.viewmodels.dossier import read_dossier
from app.views.action_sheets import BlockSheet, GrantSheet
from app.views.workers_page import WorkersPage
from tests.fakes.run_history import Past
from tests.gui.page_case import PageCase, open_page

PAST = Past(items=20, workers=6, done=30, decided=18, at_work=3, task_name="birds")


@pytest.fixture
async def case(qapp: QApplication, tmp_path: Path) -> AsyncIterator[PageCase]:
    async with open_page(tmp_path, "workers", WorkersPage, PAST) as (made, _):
        made.begin()
        await made.rows(page(made).pane.view, 6)
        yield made


def page(case: PageCase) -> WorkersPage:
    found = case.window.page()
    assert isinstance(found, WorkersPage)
    return found


def names(case: PageCase) -> list[str]:
    model = page(case).pane.model
    return [model.value(row, "worker") for row in range(len(model.ids))]


def blocks(case: PageCase, worker_id: int) -> Any:
    return case.desktop.store.read(subjects.list_standing_blocks, [worker_id])


async def test_every_person_has_a_row_with_the_whole_record(case: PageCase) -> None:
    model = page(case).pane.model
    shown = {column.name: model.value(0, column.name) for column in model.columns}
    assert shown["done"] > 0
    assert 0 <= shown["acceptance"] <= 1
    assert 0 <= shown["agreement"] <= 1
    assert shown["median"] > 0
    assert shown["paid"][1] == "EUR"


async def test_a_double_click_opens_the_dossier_and_another_row_follows(case: PageCase) -> None:
    view = page(case).pane.view
    case.click_row(view, 0, double=True)
    dossier = page(case).dossier
    await case.until(lambda: dossier.name.text() == names(case)[0], "the dossier")
    assert case.window.inspector.isVisible()
    case.click_row(view, 2)
    await case.until(lambda: dossier.name.text() == names(case)[2], "the other dossier")


async def test_of_a_blocked_worker_the_dossier_offers_unblock_where_block_stood(case: PageCase) -> None:
    workers = page(case)
    at = workers.pane.model.ids[0]
    await case.desktop.workers.unblock([at], "")
    workers.open_dossier(at)
    dossier = workers.dossier
    await case.until(lambda: dossier.block.isVisible() and dossier.block.isEnabled(), "the dossier")
    assert not dossier.unblock.isVisible()
    QApplication.processEvents()
    stood = dossier.block.pos()
    await case.desktop.workers.block([at], "Answers without looking")
    await case.until(lambda: dossier.unblock.isVisible() and not dossier.block.isVisible(), "the block")
    QApplication.processEvents()
    assert dossier.unblock.pos() == stood


async def test_the_dossier_tells_work_payments_blocks_and_qualifications(case: PageCase) -> None:
    worker_id = page(case).pane.model.ids[0]
    await case.desktop.workers.block([worker_id], "Answers without looking")
    await case.desktop.workers.grant([worker_id], "chest-reader", 2)

    def read(session: Session) -> Any:
        return read_dossier(session, worker_id, case.clock.now())

    dossier = await case.desktop.store.read(read)
    assert dossier.tasks == ("birds",)
    assert [block.reason for block in dossier.blocks] == ["Answers without looking"]
    assert [(grant.qualification_name, grant.value) for grant in dossier.grants] == [("chest-reader", 2)]
    assert dossier.work
    assert dossier.payments
    assert {"block", "grant"} <= {row.status for row in dossier.decisions}


async def test_block_from_the_context_menu_shows_in_the_row_and_can_be_undone(case: PageCase) -> None:
    view, worker_id = page(case).pane.view, page(case).pane.model.ids[1]
    case.click_row(view, 1)
    case.choose(await case.menu(view), "Block …")
    sheet = await case.sheet(BlockSheet)
    QTest.keyClicks(sheet.reason_area, "spam")
    case.confirm(sheet)
    await case.closed(sheet)
    await case.until(lambda: page(case).pane.model.value(1, "blocks") == "blocked", "the row shows it")
    await case.undo("blocked")
    await case.sees(lambda: blocks(case, worker_id), lambda found: not found, "no block")
    await case.until(lambda: not page(case).pane.model.value(1, "blocks"), "the row shows it no more")


async def test_several_get_a_qualification_at_once(case: PageCase) -> None:
    view = page(case).pane.view
    case.click_row(view, 0)
    case.click_row(view, 3, ctrl=True)
    QTest.mouseClick(page(case).grant_button, Qt.MouseButton.LeftButton)
    sheet = await case.sheet(GrantSheet)
    QTest.keyClicks(sheet.name_edit, "english")
    case.confirm(sheet)
    await case.closed(sheet)
    chosen = [page(case).pane.model.ids[row] for row in (0, 3)]
    grants = await case.desktop.store.read(subjects.list_grants_of, chosen, "english")
    assert grants == dict.fromkeys(chosen, 1)


async def test_chips_and_words_narrow_the_table(case: PageCase) -> None:
    worker_id = page(case).pane.model.ids[1]
    await case.desktop.workers.block([worker_id], "spam")
    pane = page(case).pane
    QTest.mouseClick(pane.chips._chips["blocked"], Qt.MouseButton.LeftButton)
    await case.rows(pane.view, 1)
    assert list(pane.model.ids) == [worker_id]
    QTest.mouseClick(pane.chips._chips["blocked"], Qt.MouseButton.LeftButton)
    await case.rows(pane.view, 6)
    QTest.keyClicks(pane.search, "mir")
    QTest.keyClick(pane.search, Qt.Key.Key_Return)
    await case.rows(pane.view, 1)
    assert names(case) == ["mira"]


async def test_the_buttons_wait_for_a_selection(case: PageCase) -> None:
    assert not page(case).block_button.isEnabled()
    assert page(case).offers() == []
    case.click_row(page(case).pane.view, 0)
    assert page(case).block_button.isEnabled()
    assert "Block …" in [offer.words for offer in page(case).offers()]


async def test_opened_at_a_name_it_finds_the_worker(case: PageCase) -> None:
    case.begin(name="lena")
    await case.rows(page(case).pane.view, 1)
    assert names(case) == ["lena"]


async def test_a_worker_who_comes_meanwhile_appears_without_losing_the_selection(case: PageCase) -> None:
    view = page(case).pane.view
    case.click_row(view, 2)
    chosen = list(view.selected_ids())
    now = case.clock.now()
    await case.desktop.store.write(people.get_or_create_worker, "aaron", "inhouse", now)
    await case.rows(view, 7)
    assert list(view.selected_ids()) == chosen


async def test_an_empty_place_says_what_belongs_there(qapp: QApplication, tmp_path: Path) -> None:
    async with open_page(tmp_path, "workers", WorkersPage) as (made, _):
        made.begin()
        await made.until(page(made).pane.showing_empty, "the empty panel")


async def test_the_arrow_key_leads_from_the_filter_to_the_rows_and_the_menu_key_opens_the_menu(case: PageCase) -> None:
    pane = page(case).pane
    pane.search.setFocus()
    QTest.keyClick(pane.search, Qt.Key.Key_Down)
    assert pane.view.selected_ids().tolist() == [pane.model.ids[0]]
    await case.until(lambda: case.focus() is pane.view, "the focus on the table")
    place = pane.view.viewport().rect().center()
    event = QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, place, pane.view.viewport().mapToGlobal(place))
    QApplication.sendEvent(pane.view.viewport(), event)
    await case.until(lambda: isinstance(QApplication.activePopupWidget(), QMenu), "the context menu")
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    assert "Block …" in case.words_of(menu)
    menu.close()


async def test_whoever_is_found_by_name_can_be_acted_on_without_a_click(case: PageCase) -> None:
    """The palette opens a dossier; what can be done to a worker is then offered about that one."""
    assert page(case).offers() == []
    worker_id = page(case).pane.model.ids[3]
    case.window.show_place("workers", {"worker_id": worker_id})
    await case.until(lambda: bool(page(case).offers()), "offers about the one who is shown")
    offers = {offer.words: offer for offer in page(case).offers()}
    assert {offer.detail for offer in offers.values()} == {names(case)[3]}
    offers["Soft-block …"].call()
    sheet = await case.sheet(BlockSheet)
    assert sheet.task_id() is not None
    assert names(case)[3] in sheet.title.text()
    sheet.dismiss()


async def test_the_buttons_act_on_nobody_once_the_dossier_is_closed(case: PageCase) -> None:
    case.window.show_place("workers", {"worker_id": page(case).pane.model.ids[3]})
    await case.until(page(case).bonus_button.isEnabled, "the buttons are about the one who is shown")
    case.window.inspector.hide()
    assert not page(case).bonus_button.isEnabled()
    assert page(case).offers() == []
