"""Home: the first start, what needs attention, the runs in flight, launching again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from app.data.repo import status
from app.data.repo.money import Spend
from app.data.repo.totals import Attention
from app.data.states import RunState, UnitStatus
from app.operations.holders import run_lock
from app.viewmodels.action import end_all_actions
from app.viewmodels.desktop import Desktop
from app.viewmodels.home import HomeViewModel, OpenRun, list_needs
from app.views.home_page import HomePage, NeedRow, RunCard, TemplateRow, WelcomeCard
from app.views.launch_page import LaunchPage
from tests.gui.desk_case import make_run, open_desktop, sample_config, submit


@pytest.fixture
async def desktop(tmp_path: Path) -> AsyncIterator[Desktop]:
    async with open_desktop(tmp_path) as made:
        yield made


@pytest.fixture
def asked(desktop: Desktop) -> list[tuple[str, Mapping[str, Any]]]:
    places: list[tuple[str, Mapping[str, Any]]] = []
    desktop.place_asked.connect(lambda place, where: places.append((place, where)))
    return places


async def shown(qtbot: QtBot, desktop: Desktop) -> HomePage:
    page = HomePage(desktop)
    qtbot.addWidget(page)
    page.resize(1080, 720)
    page.show()
    page.open_at({})
    await settle(page.model)
    return page


async def settle(model: HomeViewModel) -> None:
    for _ in range(6):
        await model._reader.wait()
        await model._resumer.wait()
        await asyncio.sleep(0)


def texts(page: HomePage) -> list[str]:
    return [text.text() for text in page.findChildren(QLabel)]


def open_run(**changes: Any) -> OpenRun:
    values: dict[str, Any] = {
        "run_id": 3,
        "task": "Label shapes",
        "project": "",
        "state": RunState.IN_FLIGHT,
        "counts": {UnitStatus.COMPLETED: 2, UnitStatus.ACCEPTED: 3, UnitStatus.LAUNCHED: 5, UnitStatus.EXPIRED: 9},
        "spend": Spend(Decimal("2.80"), Decimal(0), Decimal(0), "EUR"),
        "budget": None,
        "served": True,
        "elsewhere": False,
        "at_work": 1,
        "pace": (),
    }
    return OpenRun(**{**values, **changes})


async def test_the_first_start_offers_the_sample_and_asks_nothing(
    qtbot: QtBot, desktop: Desktop, asked: list[tuple[str, Mapping[str, Any]]]
) -> None:
    page = await shown(qtbot, desktop)
    welcome = page.findChildren(WelcomeCard)[0]
    welcome.sample.click()
    welcome.own.click()
    assert asked == [("launch", {"sample": True}), ("launch", {})]


async def test_a_run_in_flight_has_a_card_that_opens_it(
    qtbot: QtBot, desktop: Desktop, asked: list[tuple[str, Mapping[str, Any]]]
) -> None:
    config = sample_config()
    run_id = await make_run(desktop, config, project="Shapes")
    await submit(desktop, run_id, config, 12)
    page = await shown(qtbot, desktop)
    card = page.findChildren(RunCard)[0]
    assert any("12 units of 72 done" in text.replace("\u00a0", " ") for text in texts(page))
    QTest.mouseClick(card, Qt.MouseButton.LeftButton, pos=QPoint(20, 20))
    QTest.keyClick(card, Qt.Key.Key_Return)
    card.review.click()
    assert asked == [("runs", {"run_id": run_id}), ("runs", {"run_id": run_id}), ("review", {"run_id": run_id})]
    assert "12 units to review in sample-shapes" in texts(page)


async def test_numbers_move_in_place_while_workers_hand_in(qtbot: QtBot, desktop: Desktop) -> None:
    config = sample_config()
    run_id = await make_run(desktop, config)
    await submit(desktop, run_id, config, 2)
    page = await shown(qtbot, desktop)
    moved = asyncio.Event()
    page.model.changed.connect(lambda _state: moved.set())
    await submit(desktop, run_id, config, 3, names=("late.k", "later.k"), seed=9)
    await asyncio.wait_for(moved.wait(), 5)
    await settle(page.model)
    assert page.run_cards[run_id].review.text() == "Review 5"


async def test_an_interrupted_run_is_offered_and_resumed(
    qtbot: QtBot, desktop: Desktop, asked: list[tuple[str, Mapping[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = await make_run(desktop, sample_config())
    await desktop.store.write(status.set_run_state, run_id, RunState.INTERRUPTED, desktop.clock.now())
    resumed: list[int] = []

    async def resume(wanted: int) -> None:
        resumed.append(wanted)

    monkeypatch.setattr(desktop.operator, "resume", resume)
    page = await shown(qtbot, desktop)
    row = page.findChildren(NeedRow)[0]
    assert row.button.accessibleName() == "Resume: sample-shapes stands still"
    row.button.click()
    await settle(page.model)
    assert (resumed, asked) == ([run_id], [("runs", {"run_id": run_id})])


async def test_a_task_that_was_run_can_be_launched_again(
    qtbot: QtBot, desktop: Desktop, asked: list[tuple[str, Mapping[str, Any]]]
) -> None:
    first = await make_run(desktop, sample_config())
    second = await make_run(desktop, sample_config())
    for run_id in (first, second):
        await desktop.store.write(status.set_run_state, run_id, RunState.COMPLETED, desktop.clock.now())
    page = await shown(qtbot, desktop)
    rows = page.findChildren(TemplateRow)
    assert len(rows) == 1, "one line for a task, not for each of its runs"
    rows[0].button.click()
    assert asked == [("launch", {"run_id": second})]
    assert any("No run is in flight" in text for text in texts(page))


async def test_launching_again_fills_the_form_as_the_run_was(qtbot: QtBot, desktop: Desktop) -> None:
    run_id = await make_run(desktop, sample_config(task_reward="0.17", maximum_units_per_worker=9))
    page = LaunchPage(desktop)
    qtbot.addWidget(page)
    said: list[str] = []
    page.model.said.connect(said.append)
    page.open_at({"run_id": run_id})
    await page.model._copier.wait()
    await asyncio.sleep(0)
    entered = page.model.form.values.entered
    assert (str(entered["task.task_reward"]), str(entered["task.maximum_units_per_worker"])) == ("0.17", "9")
    assert said[0] == f"The form is filled as run {run_id} was. Nothing is launched yet."
    page.model._pause.stop()
    await end_all_actions()


async def test_the_palette_is_offered_what_home_shows(qtbot: QtBot, desktop: Desktop) -> None:
    await make_run(desktop, sample_config())
    page = await shown(qtbot, desktop)
    assert {"Open sample-shapes", "Launch again: sample-shapes"} <= {offer.words for offer in page.offers()}


async def test_a_hidden_home_reads_nothing(qtbot: QtBot, desktop: Desktop) -> None:
    page = await shown(qtbot, desktop)
    page.left()
    await make_run(desktop, sample_config())
    assert not page.model.binding._timer.isActive()


def test_a_run_says_how_far_it_is_and_what_it_cost() -> None:
    run = open_run(budget=Decimal(3))
    assert run.units == 10
    assert run.done == 5
    assert run.words.replace("\u00a0", " ") == "5 units of 10 done · € 2.80 of € 3.00"
    assert sum(fraction for fraction, _ in run.parts) == pytest.approx(0.5)


def test_the_most_urgent_need_is_first() -> None:
    runs = [open_run(run_id=1, budget=Decimal(3)), open_run(run_id=2, state=RunState.PAUSED, served=False)]
    found = [
        Attention("payments", None, "", 2, "2 payments failed"),
        Attention("to_review", 1, "Label shapes", 312, "312 to review"),
    ]
    needs = list_needs(runs, found)
    assert [need.button for need in needs] == ["Resume", "Open the run", "Open payments", "Review"]
    assert needs[1].words == "Label shapes has nearly met its budget"
    assert needs[3].where == {"run_id": 1}


def test_a_run_that_is_served_or_over_its_budget_is_told_apart() -> None:
    assert list_needs([open_run(state=RunState.PAUSED)], []) == []
    met = list_needs([open_run(budget=Decimal("2.80"))], [])[0]
    assert (met.tone, met.words) == ("bad", "Label shapes has met its budget")


async def test_a_run_that_another_process_serves_is_not_offered_for_resuming(qtbot: QtBot, desktop: Desktop) -> None:
    run_id = await make_run(desktop, sample_config())
    await desktop.store.write(status.set_run_state, run_id, RunState.PAUSED, desktop.clock.now())
    hold = desktop.store.try_hold(run_lock(run_id))
    assert hold is not None
    page = await shown(qtbot, desktop)
    assert "served elsewhere" in texts(page)
    assert page.findChildren(NeedRow) == []
    hold.release()
    page.model._look()
    await settle(page.model)
    assert page.findChildren(NeedRow)[0].button.text() == "Resume"


async def test_a_run_whose_process_was_killed_meanwhile_is_offered(qtbot: QtBot, desktop: Desktop) -> None:
    await make_run(desktop, sample_config())
    page = await shown(qtbot, desktop)
    assert page.findChildren(NeedRow)[0].button.accessibleName() == "Resume: sample-shapes stands still"
