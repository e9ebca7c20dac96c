"""Work behind the window: progress, estimate, cancel; and the toasts that tell of it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from app.errors import StoreError
from app.viewmodels.background import BackgroundWork, Job, Progress
from app.viewmodels.toasts import Toast, Toasts
from app.viewmodels.ui_state import UiState


async def _end(job: Job) -> str:
    ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    job.ended.connect(ended.set_result)
    return await asyncio.wait_for(ended, 2)


async def test_a_job_is_listed_until_it_ends_and_its_result_is_kept() -> None:
    background = BackgroundWork()
    told: list[str] = []
    background.finished.connect(told.append)

    async def work(report: Progress) -> int:
        report(1, 2)
        await asyncio.sleep(0)
        report(2, 2)
        return 7

    job = background.run("Export", work)
    assert background.jobs == [job]
    assert await _end(job) == ""
    assert (job.result, job.fraction, background.jobs) == (7, 1.0, [])
    assert told == ["Export: done."]


async def test_the_estimate_follows_the_pace() -> None:
    moment = [0.0]

    async def work(report: Progress) -> None:
        moment[0] = 10.0
        report(25, 100)

    job = Job("Export", work, now=lambda: moment[0])
    job.start()
    await _end(job)
    assert job.estimate() == "30 s left"


async def test_a_cancelled_job_is_no_failure() -> None:
    background = BackgroundWork()
    told: list[str] = []
    background.failed.connect(told.append)

    async def work(_report: Progress) -> None:
        await asyncio.Event().wait()

    job = background.run("Export", work)
    await asyncio.sleep(0)
    job.cancel()
    assert await _end(job) == "Cancelled."
    assert told == []


async def test_a_fault_names_the_work() -> None:
    background = BackgroundWork()
    told: list[str] = []
    background.failed.connect(told.append)

    async def work(_report: Progress) -> None:
        raise StoreError("The disk is full.")

    await _end(background.run("Export", work))
    assert told == ["Export: The disk is full."]


async def test_progress_is_told_ten_times_a_second_at_most() -> None:
    moment = [1.0]
    told: list[int] = []

    async def work(report: Progress) -> None:
        for number in range(1000):
            moment[0] += 0.001
            report(number, None)

    job = Job("Launch", work, now=lambda: moment[0])
    job.changed.connect(lambda: told.append(job.done))
    job.start()
    await _end(job)
    assert 8 <= len(told) <= 12
    assert job.fraction is None


async def test_undo_runs_once_and_takes_the_toast_away() -> None:
    toasts = Toasts()
    shown: list[Toast] = []
    gone: list[int] = []
    undone: list[str] = []
    done = asyncio.Event()
    toasts.added.connect(shown.append)
    toasts.removed.connect(gone.append)

    async def undo() -> None:
        undone.append("undone")
        done.set()

    number = toasts.offer_undo("12 units approved.", 8, undo)
    assert (shown[0].action, shown[0].seconds) == ("Undo", 8)
    toasts.act(number)
    toasts.act(number)
    await asyncio.wait_for(done.wait(), 2)
    await asyncio.sleep(0)
    assert undone == ["undone"]
    assert gone[0] == number


async def test_an_undo_that_fails_says_so() -> None:
    toasts = Toasts()
    shown: list[str] = []
    said = asyncio.Event()
    toasts.added.connect(lambda toast: shown.append(toast.text))

    async def undo() -> None:
        raise StoreError("Too late: it was sent.")

    number = toasts.offer_undo("1 unit approved.", 8, undo)
    toasts.added.connect(lambda _toast: said.set())
    toasts.act(number)
    await asyncio.wait_for(said.wait(), 2)
    assert shown[-1] == "Too late: it was sent."


def test_the_state_of_the_window_survives(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "window.json"
    state = UiState(path)
    state.put("units.sort", ["pay", True])
    state.put("gone", 1)
    state.put("gone", None)
    state.save()
    assert UiState(path).get("units.sort") == ["pay", True]
    assert json.loads(path.read_text("utf-8")) == {"units.sort": ["pay", True]}


@pytest.mark.parametrize("content", ["not json", "[1, 2]", ""])
def test_a_broken_state_file_counts_as_empty(tmp_path: Path, content: str) -> None:
    path = tmp_path / "window.json"
    path.write_text(content, "utf-8")
    assert UiState(path).get("anything", "usual") == "usual"


def test_a_state_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    state = UiState(tmp_path / "file" / "window.json")
    state.put("a", 1)
    state.save()
    assert state.get("a") == 1
