"""One run as the page shows it: what is said while units are made, of trouble, of the router; the pace of reading."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication

from app.data.repo import money, status, tasks
from app.data.states import RunState
from app.operations.engine.launcher import LaunchProgress
from app.operations.holders import run_lock
from app.viewmodels.action import Action, end_all_actions
from app.viewmodels.desktop import Desktop
from app.viewmodels.paced import Paced
from app.viewmodels.run import RunViewModel
from app.viewmodels.run_series import rate_per_minute
from tests.fakes.run_history import Past, make_past
from tests.fakes.run_stage import until
from tests.gui.desk_case import open_desktop

PAST = Past(items=8, workers=4, done=12, decided=8, at_work=2, budget=Decimal(5))


@dataclass(frozen=True)
class Cost:
    """What one approved unit costs."""

    cost: Decimal = Decimal("0.12")


@dataclass
class Served:
    """As much of a live run as the page looks at."""

    progress: LaunchProgress = field(default_factory=lambda: LaunchProgress(24, 24, finished=True))
    channels: list[tuple[str, bool]] = field(default_factory=lambda: [("c1", True)])
    presence: dict[int, float] = field(default_factory=dict)
    peak: int = 7
    state: RunState = RunState.IN_FLIGHT
    context: Cost = Cost()


@pytest.fixture
async def desktop(qapp: QApplication, tmp_path: Path) -> AsyncIterator[Desktop]:
    async with open_desktop(tmp_path) as made:
        yield made
        made.operator.live_runs.clear()


@pytest.fixture
async def run(desktop: Desktop) -> AsyncIterator[RunViewModel]:
    run_id = await desktop.store.write(make_past, PAST, desktop.clock.now())
    made = RunViewModel(desktop, run_id)
    await made._read_facts()
    yield made
    made.close()
    await end_all_actions()


def serve(run: RunViewModel, served: Any) -> None:
    run.desktop.operator.live_runs[run.run_id] = served


def words(text: str) -> str:
    return text.replace("\u00a0", " ")


async def test_while_units_are_made_it_says_how_far(run: RunViewModel) -> None:
    serve(run, Served(LaunchProgress(120, 2400)))
    said, fraction = run.launch_words()
    assert words(said) == "Making units: 120 of 2 400. Workers can begin."
    assert fraction == pytest.approx(0.05)
    serve(run, Served(LaunchProgress(120, None)))
    assert run.launch_words() == ("Making units: 120. Workers can begin.", None)
    serve(run, Served())
    assert run.launch_words() == ("", None)


async def test_a_launch_that_stopped_is_told_with_its_reason(run: RunViewModel) -> None:
    serve(run, Served(LaunchProgress(120, 2400, error="rows.csv cannot be read.")))
    assert run.launch_words() == ("", None)
    assert run.trouble() == ("Making the units stopped: rows.csv cannot be read.", "bad", "")


async def test_a_lost_router_is_told_beside_the_state_and_in_the_banner(run: RunViewModel) -> None:
    serve(run, Served(channels=[("c1", False)]))
    assert run.router_words() == ("router lost", "bad")
    assert run.trouble()[1] == "bad"
    serve(run, Served())
    assert run.router_words() == ("", "")
    assert run.trouble()[0] == ""


async def test_an_interrupted_run_offers_to_resume(run: RunViewModel) -> None:
    await run.desktop.store.write(status.set_run_state, run.run_id, RunState.INTERRUPTED, run.desktop.clock.now())
    await run._read_facts()
    said, tone, action = run.trouble()
    assert "Nothing that was handed in is lost" in said
    assert (tone, action) == ("warn", "Resume")
    assert run.router_words() == ("not served", "idle")


async def test_a_met_budget_offers_to_raise_it(run: RunViewModel) -> None:
    spent = (await run.desktop.store.read(money.run_spend, run.run_id)).total
    await run.desktop.store.write(tasks.set_budget, run.run_id, spent)
    await run._read_facts()
    serve(run, Served(state=RunState.PAUSED))
    assert run.trouble()[2] == "Raise budget"
    waiting = spent + 6 * Decimal("0.12")  # four wait for review, two are at work
    await run.desktop.store.write(tasks.set_budget, run.run_id, waiting)
    await run._read_facts()
    assert run.trouble()[2] == "Raise budget", "what waits will cost its pay"
    await run.desktop.store.write(tasks.set_budget, run.run_id, waiting + 1)
    await run._read_facts()
    assert run.trouble()[2] == ""


async def test_the_peak_is_the_highest_of_the_run_and_of_what_was_seen(run: RunViewModel) -> None:
    serve(run, Served(presence={1: 0.0, 2: 3.0}))
    assert (run.at_work, run.tiles()["at_work"].note) == (2, "peak 7")


def test_a_rate_is_the_growth_of_a_count_per_minute() -> None:
    assert rate_per_minute([0, 30, 60, 120], [0, 5, 5, 25]) == [0.0, 10.0, 0.0, 20.0]
    assert rate_per_minute([], []) == []
    assert rate_per_minute([5, 5], [1, 2]) == [0.0, 0.0]


async def test_reading_again_waits_until_the_last_one_is_over(qapp: QApplication) -> None:
    gate, runs = asyncio.Event(), 0

    async def read() -> None:
        nonlocal runs
        runs += 1
        await gate.wait()

    action = Action(read)
    paced = Paced(action, 0, action)
    for _ in range(5):
        paced.ask()
    await until(lambda: runs == 1)
    for _ in range(5):
        paced.ask()
    assert runs == 1
    gate.set()
    await until(lambda: runs == 2 and not action.busy)
    for _ in range(20):
        await asyncio.sleep(0)
    assert runs == 2, "many wishes are one reading"
    paced.stop()
    await end_all_actions()


async def test_a_run_that_another_process_serves_is_told_and_not_steered(run: RunViewModel) -> None:
    hold = run.desktop.store.try_hold(run_lock(run.run_id))
    assert hold is not None
    await run._read_facts()
    assert (run.state, run.steerable, run.resumable) == (RunState.IN_FLIGHT, False, False)
    assert run.router_words() == ("served by another Crowdesk", "idle")
    assert run.trouble()[0].startswith("This run is served by another Crowdesk")
    assert run.trouble()[2] == "", "a button that can only fail is not offered"
    hold.release()
    run._look()
    assert (run.state, run.steerable, run.resumable) == (RunState.INTERRUPTED, True, True), "its process is gone"
    assert run.trouble()[2] == "Resume"
