"""Who may come to a rehearsal, and what a simulated worker makes of what it is answered."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.blueprints import registry
from app.data.store import Store
from app.errors import InvalidEntry
from app.operations.configuration.config import load_task_file
from app.operations.operator import Operator
from app.operations.rehearsal import rehearsal
from app.operations.rehearsal.rehearsal import Crew, RehearsalReport, rehearse
from app.operations.rehearsal.simulated_worker import Habits, SimulatedWorker, Tally
from app.settings import Settings
from app.vault import FileVault
from tests.fakes.desk_scene import scene_config

ROOT = Path(__file__).resolve().parents[3]

CONFIG = scene_config("inhouse")
BLUEPRINT = registry.get("mock")(CONFIG.blueprint, Path("/"))
GOOD = Crew(3)
NORMAL = Habits()
NEVER = asyncio.Event()


@pytest.mark.parametrize(
    "wrong",
    [{"workers": 0}, {"workers": 100_000}, {"accuracy": 1.1}, {"drop_out": 0.95}, {"rudeness": -0.1},
     {"units_per_minute": -1}],
)  # fmt: skip
async def test_a_crew_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidEntry):
        await rehearse(["http://127.0.0.1:1/enter/x"], replace(GOOD, **wrong), BLUEPRINT)


async def test_a_rehearsal_needs_a_link() -> None:
    with pytest.raises(InvalidEntry, match="no link"):
        await rehearse([], GOOD, BLUEPRINT)


async def test_nobody_there_sends_everybody_home() -> None:
    report = await rehearse(["http://127.0.0.1:1/enter/x"], GOOD, BLUEPRINT)
    assert (report.tally.submitted, report.tally.entered) == (0, 0)


async def test_a_rehearsal_ends_when_it_is_told_so() -> None:
    over = asyncio.Event()
    over.set()
    assert (await rehearse(["http://127.0.0.1:1/enter/x"], GOOD, BLUEPRINT, until=over)).workers == 3


async def test_whoever_is_sent_home_has_ended_when_the_rehearsal_has(monkeypatch: pytest.MonkeyPatch) -> None:
    come, over, ended = [0], asyncio.Event(), [0]

    class Lingering:
        """A worker who needs some turns of the loop to leave: the later they came, the longer."""

        def __init__(self, *_: object) -> None:
            come[0] += 1
            self.turns = come[0] * 100

        async def work(self) -> bool:
            if come[0] == GOOD.workers:
                over.set()
            try:
                return await NEVER.wait()
            finally:
                for _ in range(self.turns):
                    await asyncio.sleep(0)
                ended[0] += 1

    monkeypatch.setattr(rehearsal, "SimulatedWorker", Lingering)
    await rehearse(["http://127.0.0.1:1/enter/x"], GOOD, BLUEPRINT, until=over)
    assert ended == [GOOD.workers]


async def test_a_bug_of_a_worker_comes_out_and_the_others_go_home(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def __init__(self, name: str, *_: object) -> None:
            self.broken = name.endswith(" 2")

        async def work(self) -> bool:
            if self.broken:
                raise RuntimeError("a bug")
            return await NEVER.wait()

    monkeypatch.setattr(rehearsal, "SimulatedWorker", Broken)
    with pytest.raises(RuntimeError, match="a bug"):
        await rehearse(["http://127.0.0.1:1/enter/x"], GOOD, BLUEPRINT)


async def test_a_double_submission_that_breaks_leaves_no_request_behind() -> None:
    ended = []

    async def answer(request: httpx.Request) -> httpx.Response:
        ended.append(request)
        if len(ended) == 1:
            raise httpx.ConnectError("gone")
        for _ in range(100):
            await asyncio.sleep(0)
        ended.append(request)
        return httpx.Response(200, json={"status": "Submitted!"})

    rude = worker(Tally(), answer, Habits(rudeness=2))
    with pytest.raises(httpx.ConnectError):
        await rude._submit("token", {})
    assert len(ended) == 3, "the second request came to its end first"


def test_a_report_is_plain_values() -> None:
    tally = Tally(submitted=10, register_seconds=[0.001 * n for n in range(1, 101)])
    found = RehearsalReport(3, 2.0, tally).as_dict()
    assert (found["units_per_second"], found["register_ms_p50"], found["register_ms_p99"]) == (5.0, 51.0, 100.0)
    assert found["submit_ms_p50"] is None


def worker(tally: Tally, answer: Any, habits: Habits = NORMAL) -> SimulatedWorker:
    """A worker whose requests are answered by a function."""
    return SimulatedWorker(
        "ada", "http://router/enter/token", habits, BLUEPRINT, tally, "1", httpx.MockTransport(answer), lambda: None
    )


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (403, {"error": "entry_expired", "detail": "This link has expired."}, "entry_expired"),
        (500, "no JSON at all", "HTTP 500"),
        (403, [1], "HTTP 403"),
    ],
)
async def test_a_link_that_lets_nobody_in_is_counted(status: int, body: Any, code: str) -> None:
    tally = Tally()
    answer = httpx.Response(status, json=body) if not isinstance(body, str) else httpx.Response(status, text=body)
    assert await worker(tally, lambda request: answer).work() is False
    assert (tally.refusals, tally.entered) == ({code: 1}, 0)


async def test_a_refused_worker_goes_home_with_the_reason() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(f"{request.method} {request.url.path}")
        if request.url.path == "/enter/token":
            return httpx.Response(303, headers={"location": "/welcome"})
        if request.url.path == "/worker_state":
            return httpx.Response(200, json={"worker_name": "ada l."})
        return httpx.Response(200, json={"data": {"agent_id": None, "failure_code": "blocked"}})

    tally = Tally()
    assert await worker(tally, answer).work() is False
    assert asked == ["GET /enter/token", "GET /worker_state", "POST /request_agent"]
    assert (tally.entered, tally.refusals) == (1, {"blocked": 1})


@pytest.mark.parametrize("drop_out", [0.0, 0.3])
async def test_simulated_people_hold_conversations_and_hand_them_in(drop_out: float, tmp_path: Path) -> None:
    quick = ["mephisto.task.reconnect_grace_in_seconds=0", "mephisto.blueprint.partner_wait_in_seconds=2"]
    config = load_task_file(ROOT / "examples" / "chat" / "task.yaml", quick)
    settings = Settings(tmp_path, f"sqlite:///{tmp_path / 'run.db'}")
    store = await Store.open(settings.database_url, locks_dir=settings.locks_dir)
    operator = Operator(store, settings, FileVault(tmp_path / "vault.json"), linger_seconds=0.0)
    try:
        run = await operator.launch(config)
        over = asyncio.Event()

        def count(tally: Tally) -> None:
            if tally.submitted >= 6:
                over.set()

        async with asyncio.timeout(60):
            report = await rehearse(
                [run.entry_link()], Crew(4, drop_out=drop_out), run.context.blueprint, on_counts=count, until=over
            )
        assert report.tally.faults == []
        assert report.tally.submitted >= 6
    finally:
        await operator.close()
        await store.close()
