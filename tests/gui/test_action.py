"""A click: busy, finished, failed, cancelled."""

from __future__ import annotations

import asyncio

import pytest
from PySide6.QtCore import QObject
from shiboken6 import delete

from app.errors import StoreError
from app.viewmodels.action import BUG, Action, end_all_actions


async def test_a_result_is_told_after_the_work() -> None:
    told: list[object] = []

    async def work(number: int) -> int:
        return number * 2

    action = Action(work)
    action.busy_changed.connect(told.append)
    action.finished.connect(told.append)
    assert action.start(21)
    assert action.busy
    await action.wait()
    await asyncio.sleep(0)
    assert told == [True, False, 42]


async def test_a_second_click_does_nothing_while_the_first_is_under_way() -> None:
    gate = asyncio.Event()
    runs: list[int] = []

    async def work() -> None:
        runs.append(1)
        await gate.wait()

    action = Action(work)
    assert action.start()
    assert not action.start()
    gate.set()
    await action.wait()
    await asyncio.sleep(0)
    assert runs == [1]
    assert action.start()
    await action.wait()


async def test_a_fault_of_the_world_is_a_sentence() -> None:
    told: list[str] = []

    async def work() -> None:
        raise StoreError("The disk is full.", "Make room.")

    action = Action(work)
    action.failed.connect(told.append)
    action.start()
    await action.wait()
    await asyncio.sleep(0)
    assert told == ["The disk is full. Make room."]


@pytest.mark.logs("A click ended in a bug")
async def test_a_bug_is_logged_and_told_without_its_traceback() -> None:
    told: list[str] = []

    async def work() -> None:
        raise ZeroDivisionError

    action = Action(work)
    action.failed.connect(told.append)
    action.start()
    await action.wait()
    await asyncio.sleep(0)
    assert told == [BUG]


async def test_cancelling_is_told_and_is_no_failure() -> None:
    told: list[str] = []
    action = Action(asyncio.Event().wait)
    action.failed.connect(told.append)
    action.cancelled.connect(lambda: told.append("cancelled"))
    action.start()
    action.cancel()
    await action.wait()
    await asyncio.sleep(0)
    assert told == ["cancelled"]
    assert not action.busy


async def test_the_end_of_the_program_ends_every_action() -> None:
    actions = [Action(asyncio.Event().wait) for _ in range(3)]
    for action in actions:
        action.start()
    await end_all_actions()
    assert not any(action.busy for action in actions)


async def test_an_action_whose_page_is_gone_ends_quietly() -> None:
    gate = asyncio.Event()
    parent = QObject()
    action = Action(gate.wait, parent)
    action.start()
    task = action._task
    assert task is not None
    delete(parent)
    gate.set()
    await task
    await asyncio.sleep(0)


async def test_a_page_that_is_gone_before_its_click_is_done_is_no_bug(caplog: pytest.LogCaptureFixture) -> None:
    page, gate = QObject(), asyncio.Event()

    async def work() -> None:
        await gate.wait()
        page.setObjectName("done")

    action = Action(work, page)
    action.start()
    await asyncio.sleep(0)
    task = action._task
    assert task is not None
    delete(page)
    gate.set()
    await task
    assert "click ended in a bug" not in caplog.text
