"""Who may come to a rehearsal, and what a simulated worker makes of what it is answered."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.blueprints import registry
from app.errors import InvalidEntry
from app.operations.rehearsal import Crew, RehearsalReport, rehearse
from app.operations.simulated_worker import Habits, SimulatedWorker, Tally
from tests.fakes.desk_scene import scene_config

CONFIG = scene_config("inhouse")
BLUEPRINT = registry.get("mock")(CONFIG.blueprint, Path("/"))
GOOD = Crew(3)


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


def test_a_report_is_plain_values() -> None:
    tally = Tally(submitted=10, register_seconds=[0.001 * n for n in range(1, 101)])
    found = RehearsalReport(3, 2.0, tally).as_dict()
    assert (found["units_per_second"], found["register_ms_p50"], found["register_ms_p99"]) == (5.0, 51.0, 100.0)
    assert found["submit_ms_p50"] is None


def worker(tally: Tally, answer: Any) -> SimulatedWorker:
    """A worker whose requests are answered by a function."""
    return SimulatedWorker(
        "ada", "http://router/enter/token", Habits(), BLUEPRINT, tally, "1", httpx.MockTransport(answer), lambda: None
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
