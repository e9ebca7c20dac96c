"""The live frame: badges, routers, workers at work, notices, and what the palette finds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app.data.states import RunState
from app.operations.engine.notices import Notice
from app.viewmodels.desktop import Desktop
from app.viewmodels.watched_runs import InFlight, WatchedRuns
from app.viewmodels.window_frame import FrameStatus, WindowFrame
from tests.gui.desk_case import make_run, open_desktop, sample_config, submit


@pytest.fixture
async def desktop(tmp_path: Path) -> AsyncIterator[Desktop]:
    async with open_desktop(tmp_path) as made:
        yield made


@pytest.fixture
def frame(desktop: Desktop) -> WindowFrame:
    frame = desktop.parent()
    assert isinstance(frame, WindowFrame)
    return frame


@pytest.fixture
async def watched(desktop: Desktop, frame: WindowFrame) -> AsyncIterator[WatchedRuns]:
    made = WatchedRuns(desktop, frame)
    yield made
    made.stop()
    await made._counter.wait()


def live_run(
    url: str = "http://127.0.0.1:41873", *, open_now: bool = True, at_work: int = 3, over: bool = False
) -> Any:
    state = RunState.COMPLETED if over else RunState.IN_FLIGHT
    presence = dict.fromkeys(range(at_work), 1.0)
    return SimpleNamespace(url=url, channels=[("c", open_now)], presence=presence, state=state)


async def test_badges_follow_what_is_committed(desktop: Desktop, frame: WindowFrame, watched: WatchedRuns) -> None:
    config = sample_config()
    run_id = await make_run(desktop, config)
    await submit(desktop, run_id, config, 4)
    watched.look()
    await watched._counter.wait()
    await asyncio.sleep(0)
    assert dict(frame.status.badges) == {"review": "4", "runs": "1"}


async def test_routers_and_workers_are_those_of_the_runs_served(
    desktop: Desktop, frame: WindowFrame, watched: WatchedRuns
) -> None:
    told: list[FrameStatus] = []
    frame.status_changed.connect(told.append)
    desktop.operator.live_runs.update({1: live_run(), 2: live_run("http://127.0.0.1:5", open_now=False, at_work=1)})
    watched.look()
    status = told[-1]
    assert [(router.address, router.tone) for router in status.routers] == [
        ("127.0.0.1:41873", "ok"),
        ("127.0.0.1:5", "bad"),
    ]
    assert (status.at_work, status.runs_in_flight, status.database) == (4, 2, "crowdesk.db")
    desktop.operator.live_runs.clear()


async def test_a_run_that_is_over_does_not_hold_the_window(desktop: Desktop, watched: WatchedRuns) -> None:
    desktop.operator.live_runs.update({1: live_run(at_work=2), 2: live_run(over=True, at_work=0)})
    assert watched.in_flight() == InFlight(1, 2)
    desktop.operator.live_runs.clear()
    assert watched.in_flight() == InFlight(0, 0)


async def test_objects_are_found_by_their_names(desktop: Desktop, frame: WindowFrame, watched: WatchedRuns) -> None:
    config = sample_config()
    run_id = await make_run(desktop, config)
    await submit(desktop, run_id, config, 3)
    found = await frame.find("mira")
    assert [(thing.words, thing.detail, thing.place) for thing in found] == [("mira.k", "worker", "workers")]
    runs = await frame.find("sample")
    assert [(thing.place, dict(thing.where)) for thing in runs] == [("runs", {"run_id": run_id})]
    for words in ("U-3", "u-3", "3"):
        units = [thing for thing in await frame.find(words) if thing.words == "U-3"]
        assert [(thing.place, dict(thing.where)) for thing in units] == [("runs", {"run_id": run_id, "unit_id": 3})]
    assert await frame.find("U-999999999") == []
    assert await frame.find("") == ()


async def test_a_notice_is_a_toast_and_a_word_to_the_desktop(frame: WindowFrame, watched: WatchedRuns) -> None:
    toasts: list[tuple[str, str]] = []
    words: list[tuple[str, str]] = []
    frame.toasts.added.connect(lambda toast: toasts.append((toast.text, toast.tone)))
    frame.notice.connect(lambda title, text: words.append((title, text)))
    watched._take_notice(Notice("router_lost", 1, "The router of “Shapes” is away; nothing was lost."))
    watched._take_notice(Notice("completed", 1, "“Shapes” is complete."))
    assert [tone for _, tone in toasts] == ["bad", "ok"]
    assert words[0] == ("Router lost", "The router of “Shapes” is away; nothing was lost.")
