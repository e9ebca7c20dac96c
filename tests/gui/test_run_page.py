"""The place of runs, driven by mouse and keys over a real database and, where it must be, a run that is served."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu

from app.blueprints.base import AssignmentData, RowError
from app.clock import SystemClock
from app.data.repo import (
    assignments,
    dispatch,
    journal,
    listing,
    live_updates,
    onboarding,
    people,
    status,
    subjects,
    tasks,
)
from app.data.states import AgentStatus, RunState, UnitStatus
from app.operations.configuration.config import from_yaml
from app.viewmodels.more_units import MoreItems
from app.viewmodels.worker_actions import Subjects
from app.views.action_sheets import MessageSheet
from app.views.run_charts import CardSwitch
from app.views.run_sheets import AddUnitsSheet, BudgetSheet, ExpireSheet, ExportSheet, PersonLinkSheet, StopSheet
from app.views.run_view import RunView
from app.views.runs_page import RunsPage
from tests.fakes.data_rows import hand_in, take
from tests.fakes.run_history import Past, make_past
from tests.gui.page_case import PageCase, open_page

PAST = Past(items=20, workers=6, done=30, decided=18, at_work=3, task_name="birds", project="Nature")


@pytest.fixture
async def case(qapp: QApplication, tmp_path: Path) -> AsyncIterator[PageCase]:
    """The page, opened at a run that no program serves."""
    async with open_page(tmp_path, "runs", RunsPage, PAST) as (made, run_id):
        made.begin(run_id=run_id)
        await shown(made)
        yield made


@pytest.fixture
async def live(qapp: QApplication, tmp_path: Path) -> AsyncIterator[PageCase]:
    """The page, opened at a run that this program serves."""
    async with open_page(tmp_path, "runs", RunsPage, PAST, SystemClock()) as (made, run_id):
        await made.desktop.operator.resume(run_id)
        made.begin(run_id=run_id)
        await shown(made)
        yield made


def page(case: PageCase) -> RunsPage:
    found = case.window.page()
    assert isinstance(found, RunsPage)
    return found


def view(case: PageCase) -> RunView:
    found = page(case).run_view
    assert found is not None
    return found


async def shown(case: PageCase) -> None:
    """Until the run is read and its agents are listed."""
    await case.until(lambda: view(case).run.facts is not None and bool(view(case).run.series.times), "the run")
    await case.rows(view(case).tables.pane().view, 3)


async def counts(case: PageCase) -> dict[UnitStatus, int]:
    return await case.desktop.store.read(assignments.unit_counts, view(case).run.run_id)


async def ids_of(case: PageCase, unit_status: UnitStatus) -> list[int]:
    query = listing.ListingQuery("units", {"task_run_id": view(case).run.run_id}, {"status": [unit_status]})
    return list(await case.desktop.store.read(listing.list_ids, query))


def words(text: str) -> str:
    return text.replace("\u00a0", " ")


# the list


async def test_no_part_of_it_flashes_up_as_a_window(windows_shown: list[str], case: PageCase) -> None:
    assert windows_shown == ["MainWindow"]
    assert view(case).isVisible()


async def test_the_list_shows_every_run_and_a_double_click_opens_one(qapp: QApplication, tmp_path: Path) -> None:
    async with open_page(tmp_path, "runs", RunsPage, PAST) as (made, run_id):
        other = replace(PAST, task_name="cats")
        await made.desktop.store.write(make_past, other, made.clock.now(), 3)
        made.begin()
        pane = page(made).pane
        await made.rows(pane.view, 2)
        assert [pane.model.value(row, "task") for row in (0, 1)] == ["cats", "birds"]
        made.click_row(pane.view, 1, double=True)
        await made.until(lambda: page(made).run_view is not None, "the run")
        assert view(made).run.run_id == run_id
        await shown(made)
        QTest.mouseClick(view(made).header.crumb, Qt.MouseButton.LeftButton)
        assert page(made).run_view is None
        await made.until(lambda: pane.view.isVisible(), "the list again")


async def test_an_interrupted_run_is_offered_and_resumed_from_the_banner(qapp: QApplication, tmp_path: Path) -> None:
    async with open_page(tmp_path, "runs", RunsPage, PAST, SystemClock()) as (made, run_id):
        now = made.clock.now()
        await made.desktop.store.write(status.set_run_state, run_id, RunState.INTERRUPTED, now)
        made.begin()
        banner = page(made).banner
        await made.until(banner.isVisible, "the banner")
        assert banner.text().startswith("“birds” was interrupted. Nothing that was handed in is lost")
        QTest.mouseClick(banner._button, Qt.MouseButton.LeftButton)
        await made.until(lambda: run_id in made.desktop.operator.live_runs, "the run is served")
        await made.said("1 run in flight again")
        await made.until(lambda: not banner.isVisible(), "the banner goes")
        assert (await made.desktop.store.read(tasks.get_task_run, run_id)).state is RunState.IN_FLIGHT


async def test_choosing_the_place_again_leads_back_to_the_list(case: PageCase) -> None:
    case.window.show_place("runs")
    assert page(case).run_view is None
    assert page(case).pane.view.isVisible()


async def test_a_unit_that_was_looked_for_is_shown_beside_its_run(case: PageCase) -> None:
    case.window.show_place("runs", {"run_id": 1, "unit_id": 3})

    def is_shown() -> bool:
        card = view(case).unit_card
        return card is not None and card.isVisible()

    await case.until(is_shown, "the unit's card")


async def test_without_runs_the_first_step_is_offered(qapp: QApplication, tmp_path: Path) -> None:
    async with open_page(tmp_path, "runs", RunsPage) as (made, _):
        made.begin()
        await made.until(page(made).pane.showing_empty, "the empty panel")


async def test_while_nobody_has_come_the_entry_link_is_the_first_step(qapp: QApplication, tmp_path: Path) -> None:
    fresh = replace(PAST, done=0, decided=0, at_work=0)
    async with open_page(tmp_path, "runs", RunsPage, fresh, SystemClock()) as (made, run_id):
        await made.desktop.operator.resume(run_id)
        made.begin(run_id=run_id)
        await made.until(lambda: view(made).tables._nobody.isVisible(), "the first step")
        QTest.mouseClick(view(made).tables._nobody.button, Qt.MouseButton.LeftButton)
        await made.said("The entry link is copied")
        now = made.clock.now()
        worker_id = await made.desktop.store.write(people.get_or_create_worker, "mira", "inhouse", now)
        await made.desktop.store.write(take, run_id, worker_id, now=now)
        await made.rows(view(made).tables.pane().view, 1)
        await made.until(lambda: view(made).tables.pane().isVisible(), "the table")


# head, figures, charts


async def test_head_and_tiles_say_what_the_database_says(case: PageCase) -> None:
    run, seen = view(case), await counts(case)
    done = sum(
        seen[one] for one in (UnitStatus.COMPLETED, UnitStatus.ACCEPTED, UnitStatus.SOFT_REJECTED, UnitStatus.REJECTED)
    )
    assert run.header.title.text() == "Name the birds"
    assert run.header.crumb.text() == "Runs / Nature / birds / Run 1"
    assert run.header.pill.status() == "interrupted", "the database says in flight, but no process serves it"
    assert run.tiles.tile("done").figure() == str(done)
    assert run.tiles.tile("at_work").figure() == "3"
    spend = run.run.facts.spend.total  # type: ignore[union-attr]
    assert words(run.tiles.tile("spent").figure()) == f"€ {spend:.2f}"
    assert run.review_button.text() == f"Review {seen[UnitStatus.COMPLETED]}"
    await case.until(lambda: run.tiles.tile("agreement").figure() not in ("–", ""), "the agreement")


async def test_charts_end_where_the_counts_are(case: PageCase) -> None:
    run, seen = view(case).run, await counts(case)
    for unit_status in (UnitStatus.ACCEPTED, UnitStatus.COMPLETED, UnitStatus.ASSIGNED, UnitStatus.LAUNCHED):
        assert run.series.by_status[str(unit_status)][-1] == seen[unit_status]
    assert sum(run.series.time_counts) == 30
    assert run.series.spent[-1] == pytest.approx(float(run.facts.spend.total))  # type: ignore[union-attr]
    assert list(run.series.spent) == sorted(run.series.spent)
    charts = view(case).charts
    assert charts.left.shown() == 0
    QTest.keyClick(charts.agents.findChildren(CardSwitch)[0], Qt.Key.Key_Right)
    assert charts.left.shown() == 1


async def test_a_submission_moves_tiles_and_tables_by_itself(case: PageCase) -> None:
    agents = [agent for agent, _ in await case.desktop.store.read(dispatch.list_holders, view(case).run.run_id)]
    before = int(view(case).tiles.tile("done").figure())
    now = case.clock.now()
    await case.desktop.store.write(
        hand_in, agents[0].agent_id, {"labels": ["clear"]}, now, answer="clear", labels=["clear"]
    )
    await case.until(lambda: int(view(case).tiles.tile("done").figure()) == before + 1, "the tile")
    await case.rows(view(case).tables.pane().view, 2)


# tables


async def test_tabs_show_units_refusals_and_the_log(case: PageCase) -> None:
    run_id, now, tables = view(case).run.run_id, case.clock.now(), view(case).tables
    details = {"code": "qualification", "worker_name": "guest"}
    await case.desktop.store.write(
        journal.add_event, run_id, "worker.refused", "info", "guest: You need chest-reader.", details, "", now
    )
    tables.tabs.setCurrent("refused")
    await case.rows(tables.pane().view, 1)
    assert tables.pane().model.value(0, "worker") == "guest"
    assert tables.pane().model.value(0, "reason") == "You need chest-reader."
    tables.tabs.setCurrent("log")
    await case.until(lambda: len(tables.pane().model.ids) >= 1, "the log")
    tables.tabs.setCurrent("units")
    await case.rows(tables.pane().view, 60)
    QTest.mouseClick(tables.pane().chips._chips["completed"], Qt.MouseButton.LeftButton)
    await case.rows(tables.pane().view, (await counts(case))[UnitStatus.COMPLETED])


async def test_a_double_click_on_an_agent_shows_its_unit_live(case: PageCase) -> None:
    tables = view(case).tables
    case.click_row(tables.pane().view, 0, double=True)
    await case.until(lambda: view(case).unit_card is not None, "the card")
    card = view(case).unit_card
    assert card is not None
    await case.until(lambda: card.viewmodel.card is not None, "the unit")
    shown_card = card.viewmodel.card
    assert shown_card is not None
    assert shown_card.status == "assigned"
    assert dict(shown_card.item)["site"] == "north"
    assert shown_card.agent_id is not None
    now = case.clock.now()
    await case.desktop.store.write(
        live_updates.append_live_updates,
        [live_updates.NewUpdate(shown_card.agent_id, "in", "1", {"text": "Is this a robin?"})],
        now,
    )
    await case.until(lambda: card.viewmodel.card is not None and bool(card.viewmodel.card.said), "the words")
    assert card.viewmodel.card is not None
    assert card.viewmodel.card.said == (("in", "Is this a robin?"),)


async def test_a_unit_is_approved_from_its_context_menu(case: PageCase) -> None:
    tables = view(case).tables
    tables.tabs.setCurrent("units")
    QTest.mouseClick(tables.pane().chips._chips["completed"], Qt.MouseButton.LeftButton)
    await case.rows(tables.pane().view, 12)
    case.click_row(tables.pane().view, 0)
    (unit_id,) = tables.pane().view.selected_ids()
    case.choose(await case.menu(tables.pane().view), "Approve")
    await case.said("1 unit approved")
    await case.let_fall_due()
    assert (await case.desktop.store.read(assignments.get_unit, unit_id)).status is UnitStatus.ACCEPTED


async def test_a_rejected_unit_is_offered_again(case: PageCase) -> None:
    tables = view(case).tables
    waiting = (await case.desktop.store.read(subjects.list_units_of_worker, 1, view(case).run.run_id))[:1]
    await case.desktop.store.write(status.review_units, waiting, AgentStatus.REJECTED, case.clock.now())
    tables.tabs.setCurrent("units")
    await case.rows(tables.pane().view, 60)
    tables.pane().view.select_ids(waiting, waiting[0])
    case.choose(await case.menu(tables.pane().view), "Offer again (expired or rejected)")
    await case.said("1 unit offered again")
    assert (await case.desktop.store.read(assignments.get_unit, waiting[0])).status is UnitStatus.LAUNCHED


# what one does


async def test_offering_again_leaves_out_what_is_neither_expired_nor_rejected(case: PageCase) -> None:
    asks = view(case).asks
    waiting = await ids_of(case, UnitStatus.COMPLETED)
    asks.relaunch(waiting[:2])
    await case.said("Only units that expired or were rejected can be offered again.")
    rejected = waiting[-1:]
    await case.desktop.store.write(status.review_units, rejected, AgentStatus.REJECTED, case.clock.now())
    asks.relaunch([*waiting[:2], rejected[0]])
    await case.said("1 unit offered again. 2 units left as they are: neither expired nor rejected.")
    assert rejected[0] in await ids_of(case, UnitStatus.LAUNCHED)
    assert set(waiting[:2]) <= set(await ids_of(case, UnitStatus.COMPLETED))


async def test_selected_units_expire_from_their_menu_unless_somebody_has_them(case: PageCase) -> None:
    tables = view(case).tables
    open_ones, waiting = await ids_of(case, UnitStatus.LAUNCHED), await ids_of(case, UnitStatus.COMPLETED)
    chosen = [*open_ones[:2], waiting[0]]
    tables.tabs.setCurrent("units")
    await case.rows(tables.pane().view, 60)
    tables.pane().view.select_ids(chosen, chosen[0])
    case.choose(await case.menu(tables.pane().view), "Expire (not taken yet)")
    await case.said("2 units expired. 1 unit cannot expire any more.")
    assert await ids_of(case, UnitStatus.EXPIRED) == open_ones[:2]
    view(case).asks.expire(waiting[:1])
    await case.said("Only units that nobody has taken can expire.")


async def test_chart_titles_are_shortened_rather_than_cut(case: PageCase) -> None:
    switch = view(case).charts.agents.findChildren(CardSwitch)[0]
    for width, titles in ((400, ["Agents at work", "Throughput"]), (130, ["At work", "Rate"])):
        switch.resize(width, 20)
        assert switch.shown_words() == titles
    switch.resize(70, 20)
    assert all(words.endswith("…") for words in switch.shown_words())


async def test_the_legend_names_whatever_is_drawn_or_nothing(case: PageCase) -> None:
    charts = view(case).charts
    rejected = await ids_of(case, UnitStatus.COMPLETED)
    await case.desktop.store.write(status.review_units, rejected[:4], AgentStatus.REJECTED, case.clock.now())
    await case.until(lambda: bool(charts.units.chart.series["rejected"].any()), "the rejections")
    drawn = {name for name, values in charts.units.chart.series.items() if values.any()}
    for width in (900, 560, 420, 300, 160):
        charts.units.resize(width, 196)
        charts._fit_legend()
        entries = {name for name, entry in charts.units.entries.items() if entry.isVisibleTo(charts.units)}
        assert not entries or drawn <= entries, width


async def test_pause_and_resume_by_the_button(live: PageCase) -> None:
    run = view(live)
    assert run.pause_button.text() == "Pause"
    QTest.mouseClick(run.pause_button, Qt.MouseButton.LeftButton)
    await live.until(lambda: run.header.pill.status() == "paused", "paused")
    assert run.pause_button.text() == "Resume"
    assert (await live.desktop.store.read(tasks.get_task_run, run.run.run_id)).state is RunState.PAUSED
    QTest.mouseClick(run.pause_button, Qt.MouseButton.LeftButton)
    await live.until(lambda: run.header.pill.status() == "in flight", "in flight")


async def test_space_pauses_and_ctrl_r_goes_to_review(live: PageCase) -> None:
    offers = {offer.keys: offer for offer in page(live).offers()}
    assert offers["Space"].words == "Pause the run"
    offers["Ctrl+R"].call()
    assert live.places[-1] == ("review", {"run_id": view(live).run.run_id})
    offers["Space"].call()
    await live.until(lambda: view(live).header.pill.status() == "paused", "paused")
    assert {offer.keys: offer for offer in page(live).offers()}["Space"].words == "Resume the run"


async def test_the_open_link_is_copied_and_one_for_a_person_asks_for_the_name(live: PageCase) -> None:
    QTest.mouseClick(view(live).link_button, Qt.MouseButton.LeftButton)
    await live.said("The entry link is copied")
    open_link = QGuiApplication.clipboard().text()
    assert open_link.startswith(f"{view(live).run.live.url}/enter/")  # type: ignore[union-attr]
    view(live).asks.ask_person()
    sheet = await live.sheet(PersonLinkSheet)
    assert not sheet.confirm_button.isEnabled()
    QTest.keyClicks(sheet.name_edit, "mira")
    live.confirm(sheet)
    await live.closed(sheet)
    await live.said("it admits mira only")
    assert QGuiApplication.clipboard().text() not in ("", open_link)


async def test_a_run_that_is_not_served_has_no_link_and_offers_to_resume(case: PageCase) -> None:
    assert not view(case).link_button.isEnabled()
    view(case).asks.copy_link()
    await case.said("has no entry links")
    assert view(case).pause_button.text() == "Resume"


async def test_stop_says_what_it_means_first(live: PageCase) -> None:
    before = await counts(live)
    QTest.mouseClick(view(live).stop_button, Qt.MouseButton.LeftButton)
    sheet = await live.sheet(StopSheet)
    said = words(" ".join(sheet.body.itemAt(n).widget().text() for n in range(sheet.body.count())))
    assert "3 workers at work now" in said
    assert f"{before[UnitStatus.LAUNCHED] + before[UnitStatus.ASSIGNED]} open units will expire" in said
    assert f"{before[UnitStatus.COMPLETED]} units handed in stay for review" in said
    live.confirm(sheet)
    await live.closed(sheet)
    await live.until(lambda: view(live).header.pill.status() == "completed", "completed")
    after = await counts(live)
    assert after[UnitStatus.COMPLETED] == before[UnitStatus.COMPLETED]
    assert after[UnitStatus.LAUNCHED] == after[UnitStatus.ASSIGNED] == 0
    assert not view(live).stop_button.isVisible()


async def test_expire_leaves_those_at_work_alone(live: PageCase) -> None:
    before = await counts(live)
    view(live).asks.ask_expire()
    sheet = await live.sheet(ExpireSheet)
    live.confirm(sheet)
    await live.closed(sheet)
    after = await counts(live)
    assert (after[UnitStatus.EXPIRED], after[UnitStatus.ASSIGNED]) == (before[UnitStatus.LAUNCHED], 3)


async def test_the_budget_is_raised_from_the_tile_and_what_is_wrong_is_said(case: PageCase) -> None:
    QTest.mouseClick(view(case).tiles.tile("spent"), Qt.MouseButton.LeftButton)
    sheet = await case.sheet(BudgetSheet)
    sheet.amount_edit.setText("a lot")
    assert sheet.amount_field.error()
    assert not sheet.confirm_button.isEnabled()
    sheet.amount_edit.setText("0.01")
    assert "the run pauses at once" in sheet.preview.text()
    sheet.amount_edit.setText("450,50")
    case.confirm(sheet)
    await case.closed(sheet)
    row = await case.desktop.store.read(tasks.get_task_run, view(case).run.run_id)
    assert row.budget == Decimal("450.50")
    await case.until(lambda: "450.50" in view(case).tiles.tile("spent").accessibleName(), "the tile")


async def test_units_are_added_to_the_mock_task_only_from_a_file_it_can_read(live: PageCase, tmp_path: Path) -> None:
    QTest.mouseClick(view(live).units_button, Qt.MouseButton.LeftButton)
    sheet = await live.sheet(AddUnitsSheet)
    sheet.row.edit.setText(str(tmp_path / "none.csv"))
    assert "There is no file" in sheet.field.error()
    path = tmp_path / "rows.csv"
    path.write_text("image\na.png\n", "utf-8")
    sheet.row.edit.setText(str(path))
    await live.until(lambda: "cannot be read as rows" in sheet.field.error(), "the fault")
    assert not sheet.confirm_button.isEnabled(), "nothing that can only fail is offered"
    assert sheet.is_open(), "it can be mended"
    QTest.keyClick(sheet, Qt.Key.Key_Escape)


async def test_a_file_of_rows_is_looked_at_before_it_is_added(
    live: PageCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = MoreItems(
        [AssignmentData({}, [{}])], [RowError("r.csv", 4, "has 1 fields; 2 are named."), RowError("r.csv", 5, "x.")]
    )
    monkeypatch.setattr("app.viewmodels.run_commands.read_items", lambda *_: bad)
    path = tmp_path / "rows.csv"
    path.write_text("a,b\n1\n", "utf-8")
    QTest.mouseClick(view(live).units_button, Qt.MouseButton.LeftButton)
    sheet = await live.sheet(AddUnitsSheet)
    sheet.row.edit.setText(str(path))
    words = "1 item will be added. 2 rows are left out: line 4: has 1 fields; 2 are named; line 5: x."
    await live.until(lambda: sheet.preview.text() == words, "what is in the file")
    live.confirm(sheet)
    await live.said("1 unit added. 2 rows are left out: line 4: has 1 fields; 2 are named; line 5: x.")


async def test_a_folder_with_something_in_it_is_no_place_for_an_export(case: PageCase, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "kept.txt").touch()
    view(case).asks.ask_export()
    sheet = await case.sheet(ExportSheet)
    sheet._formats.button(2).click()
    for name, words in (("out", "something in it"), ("out/kept.txt", "is a file")):
        sheet.row.edit.setText(str(tmp_path / name))
        sheet._typed()
        assert words in sheet.field.error()
        assert not sheet.confirm_button.isEnabled()


async def test_export_writes_every_submission_behind_the_window(case: PageCase, tmp_path: Path) -> None:
    view(case).asks.ask_export()
    sheet = await case.sheet(ExportSheet)
    path = tmp_path / "out.jsonl"
    sheet.row.edit.setText(str(tmp_path / "nowhere" / "out.jsonl"))
    sheet._typed()
    assert "There is no folder" in sheet.field.error()
    sheet.row.edit.setText(str(path))
    sheet._typed()
    case.confirm(sheet)
    await case.said("30 submissions exported")
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert len(lines) == 30
    assert {line["task_name"] for line in lines} == {"birds"}


async def test_the_task_file_is_saved_and_reads_back(case: PageCase, tmp_path: Path) -> None:
    path = tmp_path / "task.yaml"
    await view(case).asks.commands.save_yaml(path)
    assert from_yaml(path.read_text("utf-8")).task.task_name == "birds"


async def test_who_is_in_the_onboarding_is_seen_live(live: PageCase) -> None:
    run = view(live).run.live
    assert run is not None
    store, now, room = live.desktop.store, live.clock.now(), run.engine.onboarding.room
    worker_id = await store.write(people.get_or_create_worker, "nina", "inhouse", now)
    begun = await store.write(
        lambda session: onboarding.create_onboarding_agent(
            session, run_id=run.run_id, worker_id=worker_id, registration_id="v-nina", nonce="n", token_hash="h",
            inputs={}, now=now,
        )
    )  # fmt: skip
    token = run.engine.onboarding.enter(begun.onboarding_agent_id, worker_id, "nina", "n", now)
    view(live).tables.show_tab("onboarding")
    pane = view(live).tables.pane()
    await live.rows(pane.view, 1)
    assert (pane.model.value(0, "worker"), pane.model.value(0, "status")) == ("nina", "onboarding")
    await live.until(lambda: view(live).tables.tabs._counts.get("onboarding") == 1, "the count of the tab")
    live.click_row(pane.view, 0, double=True)
    await live.until(lambda: view(live).dossier is not None, "the dossier")
    room.leave(token)
    await store.write(lambda session: status.set_onboarding_status(session, 1, AgentStatus.TIMEOUT, now=now))
    await live.until(lambda: pane.model.value(0, "status") == "timeout", "the status")
    await live.until(lambda: view(live).tables.tabs._counts.get("onboarding") == 0, "the count of the tab")


async def test_a_message_reaches_the_agents_of_the_run(live: PageCase, monkeypatch: pytest.MonkeyPatch) -> None:
    run = view(live).run.live
    assert run is not None
    sent: list[tuple[int, str]] = []

    async def keep(agent_id: int, text: str) -> None:
        sent.append((agent_id, text))

    monkeypatch.setattr(run, "message_worker", keep)
    tables = view(live).tables
    case_ids = list(tables.pane().model.ids[:2])
    view(live).desk.message(Subjects("agents", case_ids, run.run_id))
    sheet = await live.sheet(MessageSheet)
    QTest.keyClicks(sheet.text_area, "Please zoom in.")
    live.confirm(sheet)
    await live.closed(sheet)
    assert sent == [(agent_id, "Please zoom in.") for agent_id in sorted(case_ids)]


async def test_the_menu_of_more_has_what_has_no_button(case: PageCase) -> None:
    QTest.mouseClick(view(case).more_button, Qt.MouseButton.LeftButton)
    await case.until(lambda: isinstance(QApplication.activePopupWidget(), QMenu), "the menu")
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    assert "Export …" in case.words_of(menu)
    case.choose(menu, "Change the budget …")
    sheet = await case.sheet(BudgetSheet)
    QTest.keyClick(sheet, Qt.Key.Key_Escape)
    await case.closed(sheet)
