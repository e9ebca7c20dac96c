"""The context menus of units, agents and workers: each action with its preview, its undo and what it writes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QDate, Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from app.clock import TurnedClock
from app.data.files import agent_folder
from app.data.repo import assignments, listing, people, reviews, subjects
from app.data.repo.listing import ListingQuery
from app.data.states import PaymentState, UnitStatus
from app.viewmodels.worker_actions import Subjects
from app.views.action_sheets import (
    BlockSheet,
    BonusSheet,
    DecisionSheet,
    GrantSheet,
    RevokeSheet,
)
from app.views.page import Page
from app.views.widgets.pills import Chip
from app.views.worker_actions import ActionDesk
from tests.fakes.run_history import Past
from tests.gui.page_case import PageCase, open_page

PAST = Past(items=12, workers=4, done=12, decided=4, at_work=2, task_name="birds")


class Bare(Page):
    """A page with nothing but the actions."""

    def __init__(self, desktop: Any) -> None:
        super().__init__()
        self.desk = ActionDesk(desktop, self)


@pytest.fixture
async def case(qapp: QApplication, tmp_path: Path) -> AsyncIterator[PageCase]:
    async with open_page(tmp_path, "bare", Bare, PAST) as (made, run_id):
        made.begin()
        made.run_id = run_id  # type: ignore[attr-defined] # what the tests below ask for
        yield made


def desk(case: PageCase) -> ActionDesk:
    page = case.window.page()
    assert isinstance(page, Bare)
    return page.desk


def run_of(case: PageCase) -> int:
    return int(case.run_id)  # type: ignore[attr-defined]


async def units(case: PageCase, *statuses: str) -> list[int]:
    query = ListingQuery("units", {"task_run_id": run_of(case)}, {"status": statuses})
    return list(await case.desktop.store.read(listing.list_ids, query))


async def of_units(case: PageCase, *statuses: str, count: int = 1) -> Subjects:
    ids = (await units(case, *statuses))[:count]
    return Subjects("units", ids, run_of(case), f"U-{ids[0]}" if len(ids) == 1 else "")


async def status_of(case: PageCase, unit_id: int) -> UnitStatus:
    return (await case.desktop.store.read(assignments.get_unit, unit_id)).status


async def worker(case: PageCase, name: str = "mira") -> Subjects:
    worker_id = await case.desktop.store.read(people.find_worker, name, "inhouse")
    assert worker_id is not None
    return Subjects("workers", [worker_id], None, name)


async def payments(case: PageCase, kind: str = "bonus") -> list[dict[str, Any]]:
    ids = await case.desktop.store.read(listing.list_ids, ListingQuery("payments", {}, {"kind": (kind,)}))
    rows = await case.desktop.store.read(listing.fetch_rows, "payments", ids)
    names = [column.name for column in listing.LISTINGS["payments"].columns]
    return [dict(zip(names, rows[one], strict=True)) for one in ids]


# decisions


async def test_one_unit_is_approved_at_once_and_paid_when_the_undo_time_is_over(case: PageCase) -> None:
    chosen = await of_units(case, "completed")
    before = len(await payments(case, "approval"))
    desk(case).approve(chosen)
    await case.said("1 unit approved")
    assert await status_of(case, chosen.ids[0]) is UnitStatus.COMPLETED
    await case.let_fall_due()
    assert await status_of(case, chosen.ids[0]) is UnitStatus.ACCEPTED
    assert len(await payments(case, "approval")) == before + 1


async def test_undo_takes_an_approval_back(case: PageCase) -> None:
    chosen = await of_units(case, "completed")
    desk(case).approve(chosen)
    await case.undo("1 unit approved")
    await case.said("1 decision taken back")
    await case.let_fall_due()
    assert await status_of(case, chosen.ids[0]) is UnitStatus.COMPLETED


async def test_many_are_approved_after_a_look_at_how_many_and_how_much(case: PageCase) -> None:
    waiting = await units(case, "completed")
    chosen = Subjects("units", [*waiting, *(await units(case, "assigned"))], run_of(case))
    desk(case).approve(chosen)
    sheet = await case.sheet(DecisionSheet)
    await case.until(sheet.confirm_button.isEnabled, "the preview")
    words = sheet.preview.text().replace("\u00a0", " ")
    assert words.startswith(f"{len(waiting)} units, € {len(waiting) * Decimal('0.12')}, no fees.")
    assert words.endswith("2 units not waiting for review stay as they are.")
    case.confirm(sheet)
    await case.closed(sheet)
    await case.let_fall_due()
    assert {await status_of(case, unit_id) for unit_id in waiting} == {UnitStatus.ACCEPTED}


async def test_a_rejection_needs_a_reason_and_offers_the_last_ones(case: PageCase) -> None:
    first, second = (await units(case, "completed"))[:2]
    desk(case).reject(Subjects("units", [first], run_of(case), f"U-{first}"))
    sheet = await case.sheet(DecisionSheet)
    await case.until(lambda: "rejected" in sheet.preview.text(), "the preview")
    assert not sheet.confirm_button.isEnabled()
    QTest.keyClicks(sheet.note_area, "Not looked at.")
    case.confirm(sheet)
    await case.closed(sheet)
    await case.let_fall_due()
    assert await status_of(case, first) is UnitStatus.REJECTED
    assert (await case.desktop.store.read(reviews.list_reviews, unit_id=first))[0].review_note == "Not looked at."
    desk(case).reject(Subjects("units", [second], run_of(case), f"U-{second}"))
    again = await case.sheet(DecisionSheet)
    chip = next(one for one in again.findChildren(QWidget) if getattr(one, "text", lambda: "")() == "Not looked at.")
    QTest.mouseClick(chip, Qt.MouseButton.LeftButton)
    assert again.text() == "Not looked at."
    QTest.keyClick(again, Qt.Key.Key_Escape)
    await case.closed(again)
    assert await status_of(case, second) is UnitStatus.COMPLETED


async def test_nothing_to_decide_is_said(case: PageCase) -> None:
    desk(case).approve(await of_units(case, "launched"))
    toast = await case.said("not waiting for review")
    assert toast.tone == "bad"


# money


async def test_a_bonus_is_written_at_once_and_paid_when_it_cannot_be_undone_any_more(case: PageCase) -> None:
    desk(case).bonus(await worker(case))
    sheet = await case.sheet(BonusSheet)
    QTest.keyClicks(sheet.amount_edit, "0,50")
    assert sheet.preview.text().replace("\u00a0", " ") == "€ 0.50, no fees"
    assert not sheet.confirm_button.isEnabled(), "the worker reads a reason"
    QTest.keyClicks(sheet.reason_area, "Careful work")
    case.confirm(sheet)
    await case.closed(sheet)
    await case.said("Bonus of")
    (row,) = await payments(case)
    assert row["state"] == PaymentState.INTENDED
    await case.let_fall_due()
    (row,) = await case.sees(lambda: payments(case), lambda rows: rows[0]["state"] == PaymentState.SETTLED, "paid")
    assert (row["amount"], row["reason"], row["state"]) == (
        (Decimal("0.50"), "EUR"),
        "Careful work",
        PaymentState.SETTLED,
    )


async def test_a_bonus_that_is_undone_is_never_paid(case: PageCase) -> None:
    desk(case).bonus(await worker(case))
    sheet = await case.sheet(BonusSheet)
    QTest.keyClicks(sheet.amount_edit, "3")
    QTest.keyClicks(sheet.reason_area, "x")
    case.confirm(sheet)
    await case.closed(sheet)
    await case.undo("Bonus of")
    await case.said("nothing was paid")
    await case.let_fall_due()
    assert [row["state"] for row in await payments(case)] == [PaymentState.CANCELLED]


async def test_a_bonus_for_units_stands_beside_each_unit(case: PageCase) -> None:
    unit_ids = await units(case, "completed")
    places = await case.desktop.store.read(subjects.list_unit_places, unit_ids)
    one_each = list({place.worker_id: place.unit_id for place in places}.values())
    desk(case).bonus(Subjects("units", one_each, run_of(case)))
    sheet = await case.sheet(BonusSheet)
    QTest.keyClicks(sheet.amount_edit, "1")
    assert f"{len(one_each)} workers ×" in sheet.preview.text()
    QTest.keyClicks(sheet.reason_area, "Thank you")
    case.confirm(sheet)
    await case.closed(sheet)
    await case.let_fall_due()
    rows = await case.sees(lambda: payments(case), bool, "the bonuses")
    assert {row["unit"] for row in rows} == {f"U-{unit_id}" for unit_id in one_each}


# bars


async def test_a_block_keeps_its_reason_and_end_and_can_be_undone(case: PageCase) -> None:
    chosen = await worker(case)
    desk(case).block(chosen)
    sheet = await case.sheet(BlockSheet)
    assert not sheet.confirm_button.isEnabled()
    QTest.keyClicks(sheet.reason_area, "Answers without looking")
    sheet.until_chips.setKeys(["7"])
    case.confirm(sheet)
    await case.closed(sheet)
    (block,) = await case.desktop.store.read(subjects.list_standing_blocks, chosen.ids)
    assert (block.hard, block.reason) == (True, "Answers without looking")
    assert block.until is not None
    assert (block.until - case.clock.now()).days == 7
    await case.undo("mira blocked")
    await case.said("can come again")
    assert await case.desktop.store.read(subjects.list_standing_blocks, chosen.ids) == []


async def test_a_soft_block_is_for_one_of_the_tasks_the_worker_did(case: PageCase) -> None:
    chosen = await worker(case)
    desk(case).block(chosen, soft=True)
    sheet = await case.sheet(BlockSheet)
    assert [sheet.task_combo.itemText(n) for n in range(sheet.task_combo.count())] == ["birds"]
    QTest.keyClicks(sheet.reason_area, "Confuses left and right")
    case.confirm(sheet)
    await case.closed(sheet)
    (block,) = await case.desktop.store.read(subjects.list_standing_blocks, chosen.ids)
    assert (block.hard, block.task_name) == (False, "birds")


async def test_a_soft_block_of_one_who_did_nothing_yet_is_still_no_block_from_everything(case: PageCase) -> None:
    new = await case.desktop.store.write(people.get_or_create_worker, "newcomer", "inhouse", case.clock.now())
    desk(case).block(Subjects("workers", [new], None, "newcomer"), soft=True)
    sheet = await case.sheet(BlockSheet)
    assert [sheet.task_combo.itemText(n) for n in range(sheet.task_combo.count())] == ["birds"]
    QTest.keyClicks(sheet.reason_area, "Not yet")
    case.confirm(sheet)
    await case.closed(sheet)
    (block,) = await case.desktop.store.read(subjects.list_standing_blocks, [new])
    assert (block.hard, block.task_name) == (False, "birds")


def test_a_soft_block_without_a_task_cannot_be_confirmed(qapp: QApplication) -> None:
    sheet = BlockSheet("mira", [], "")
    sheet.reason_area.setPlainText("why")
    assert not sheet.confirm_button.isEnabled()
    sheet.deleteLater()


def test_the_durations_of_a_block_are_whole_beside_the_day_of_its_end(qtbot: QtBot) -> None:
    window = QWidget()
    window.resize(1280, 800)
    qtbot.addWidget(window)
    window.show()
    sheet = BlockSheet("mira", None, "Every new unit is refused.")
    sheet.open_over(window)
    chips = sheet.until_chips.findChildren(Chip)
    chips[-1].click()
    QApplication.processEvents()
    assert sheet.until_date.isVisible()
    assert sheet.until_date.width() >= sheet.until_date.sizeHint().width()
    assert all(chip.width() >= chip.sizeHint().width() for chip in chips)


async def test_a_block_may_end_on_a_day_and_is_shown_no_more_then(case: PageCase) -> None:
    chosen = await worker(case)
    desk(case).block(chosen)
    sheet = await case.sheet(BlockSheet)
    QTest.keyClicks(sheet.reason_area, "Holidays")
    assert not sheet.until_date.isVisible()
    next(chip for chip in sheet.findChildren(Chip) if chip.text() == "until …").click()
    assert sheet.until_date.isVisible()
    sheet.until_date.setDate(QDate.currentDate().addDays(3))
    case.confirm(sheet)
    await case.closed(sheet)
    (block,) = await case.desktop.store.read(subjects.list_standing_blocks, chosen.ids)
    assert block.until is not None
    assert (block.until - case.clock.now()).days == 3
    assert isinstance(case.clock, TurnedClock)
    await case.clock.turn(3 * 24 * 3600 + 60)
    await case.sees(
        lambda: case.desktop.store.read(subjects.list_standing_blocks, chosen.ids), lambda found: not found, "no block"
    )


async def test_unblock_lifts_all_blocks_and_its_undo_sets_them_again(case: PageCase) -> None:
    chosen = await worker(case)
    await case.desktop.workers.block(chosen.ids, "why")
    desk(case).unblock(chosen)
    await case.said("1 block of mira lifted")
    assert await case.desktop.store.read(subjects.list_standing_blocks, chosen.ids) == []
    await case.undo("1 block of mira lifted")

    def standing() -> Any:
        return case.desktop.store.read(subjects.list_standing_blocks, chosen.ids)

    assert [block.reason for block in await case.sees(standing, bool, "the block")] == ["why"]


async def test_unblocking_whom_nobody_blocked_is_said(case: PageCase) -> None:
    desk(case).unblock(await worker(case))
    await case.said("there is no block to lift")


# qualifications


async def test_a_grant_makes_a_new_qualification_and_undo_takes_it_away(case: PageCase) -> None:
    chosen = await worker(case)
    desk(case).grant(chosen)
    sheet = await case.sheet(GrantSheet)
    QTest.keyClicks(sheet.name_edit, "bird-expert")
    assert "is new" in sheet.preview.text()
    sheet.value_spin.setValue(3)
    case.confirm(sheet)
    await case.closed(sheet)
    held = await case.desktop.store.read(subjects.list_held_qualifications, chosen.ids)
    assert [(one.name, one.lowest) for one in held] == [("bird-expert", 3)]
    await case.undo("granted to mira")

    def holds() -> Any:
        return case.desktop.store.read(subjects.list_held_qualifications, chosen.ids)

    await case.sees(holds, lambda found: not found, "nothing is held")


async def test_revoking_shows_what_is_held_and_undo_gives_the_old_values_back(case: PageCase) -> None:
    chosen = await worker(case)
    await case.desktop.workers.grant(chosen.ids, "english", 4)
    await case.desktop.workers.grant(chosen.ids, "birds", 1)
    desk(case).revoke(chosen)
    sheet = await case.sheet(RevokeSheet)
    assert not sheet.confirm_button.isEnabled()
    box = next(one for one in sheet._boxes.values() if one.text() == "english (4)")
    box.setFocus()
    QTest.keyClick(box, Qt.Key.Key_Space)
    case.confirm(sheet)
    await case.closed(sheet)
    held = await case.desktop.store.read(subjects.list_held_qualifications, chosen.ids)
    assert [one.name for one in held] == ["birds"]
    await case.undo("“english” taken from mira")

    def grants() -> Any:
        return case.desktop.store.read(subjects.list_grants_of, chosen.ids, "english")

    assert list((await case.sees(grants, bool, "the old value")).values()) == [4]


# the rest of the menu


async def test_the_menu_of_a_unit_has_every_action_and_of_a_worker_no_decision(case: PageCase) -> None:
    menu = desk(case).menu(await of_units(case, "completed"), lambda: None)
    assert case.words_of(menu) == [
        "Approve", "Soft-reject", "Reject …", "Bonus …", "Message …", "Block …", "Soft-block …", "Unblock",
        "Grant a qualification …", "Revoke a qualification …", "History and record", "Open data folder", "Copy",
    ]  # fmt: skip
    menu.deleteLater()
    menu = desk(case).menu(await worker(case))
    assert "Approve" not in case.words_of(menu)
    menu.deleteLater()


async def test_a_message_to_nobody_at_work_is_said(case: PageCase) -> None:
    desk(case).message(await worker(case, "mira"))
    await case.said("not at work now")


async def test_a_unit_that_nobody_took_has_no_worker_to_act_on(case: PageCase) -> None:
    desk(case).bonus(await of_units(case, "launched"))
    await case.said("No worker has taken these units yet")


async def test_the_data_folder_is_opened_when_there_is_one(case: PageCase, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[QUrl] = []

    def open_url(url: QUrl) -> bool:
        opened.append(url)
        return True

    monkeypatch.setattr(QDesktopServices, "openUrl", open_url)
    chosen = await of_units(case, "completed")
    desk(case).open_folder(chosen)
    await case.said("No files were uploaded here")
    (place,) = await case.desktop.store.read(subjects.list_unit_places, chosen.ids)
    assert place.agent_id is not None
    folder = agent_folder(
        case.desktop.settings.runs_dir, place.project_name, place.task_run_id, place.assignment_id, place.agent_id
    )
    folder.mkdir(parents=True)
    desk(case).open_folder(chosen)
    await case.until(lambda: bool(opened), "the folder")
    assert Path(opened[0].toLocalFile()) == folder


async def test_a_sheet_keeps_the_focus_inside_and_escape_leaves_without_doing_anything(case: PageCase) -> None:
    chosen = await worker(case)
    desk(case).block(chosen)
    sheet = await case.sheet(BlockSheet)
    for _ in range(12):
        await case.until(lambda: case.focus() is not None, "a focus")
        focus = case.focus()
        assert focus is not None
        assert sheet.isAncestorOf(focus)
        QTest.keyClick(focus, Qt.Key.Key_Tab)
    QTest.keyClick(sheet, Qt.Key.Key_Escape)
    await case.closed(sheet)
    assert await case.desktop.store.read(subjects.list_standing_blocks, chosen.ids) == []
