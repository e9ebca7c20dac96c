"""The loop that requesters' own runners run on: a thread beside the program, watched from it.

A runner that keeps its loop from going on is found by a beat that does not come back. It is broken off where it stands,
with file and line; where that does not help (it sleeps, or waits for a network without asyncio) its loop is given up,
and the other conversations of it begin again on a new one, with what was said before.
"""

from __future__ import annotations

import asyncio
import ctypes
import logging
import sys
import threading
import traceback
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from app.blueprints.task_code import TaskCodeError

log = logging.getLogger(__name__)

BEAT_SECONDS = 0.5
HANG_SECONDS = 5.0
"""A runner that lets nothing else run for so long hangs."""
BREAK_SECONDS = 2.0
"""So long it has to end once it was broken off."""


class LogicHangs(BaseException):
    """Thrown into a runner that lets nothing else run; no `except Exception` of it catches this."""


class LoopGivenUp(Exception):
    """The loop was given up because another runner hangs: begin again on a new one."""


class _Thread:
    """One thread with a loop. `current` is the key of the logic that runs on it."""

    def __init__(self, name: str) -> None:
        self.loop = asyncio.new_event_loop()
        self.keys: dict[asyncio.Task[Any], int] = {}
        self.waiting: set[asyncio.Future[Any]] = set()
        self._ended = False
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.thread.start()

    def current(self) -> int | None:
        """The key of the logic that holds the loop now."""
        task = asyncio.current_task(self.loop)
        return self.keys.get(task) if task is not None else None

    def place(self, file: Path | None) -> str:
        """Where it stands now: the innermost line in the requester's file, else anywhere."""
        frame = sys._current_frames().get(self.thread.ident or 0)
        frames = traceback.extract_stack(frame) if frame is not None else []
        own = [each for each in frames if file is not None and each.filename == str(file)] or frames
        return f"{Path(own[-1].filename).name}, line {own[-1].lineno}, in {own[-1].name}" if own else ""

    def break_off(self) -> None:
        """Throw `LogicHangs` into what runs now; it comes out at the next line of Python."""
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self.thread.ident or 0), ctypes.py_object(LogicHangs))

    def stop(self) -> None:
        """End everything on it, as soon as it can."""
        self._ended = True
        self.loop.call_soon_threadsafe(self.loop.stop)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        while not self._ended:
            try:
                self.loop.run_forever()
            except LogicHangs:
                log.info("A runner was broken off at the moment when it went on.")
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        if tasks:
            self.loop.run_until_complete(asyncio.wait(tasks, timeout=1.0))
        self.loop.close()


class LogicLoop:
    """Runs the runners of one run, and sees to it that one that hangs costs the others nothing."""

    def __init__(
        self, file: Path | None, hang_seconds: float = HANG_SECONDS, break_seconds: float = BREAK_SECONDS
    ) -> None:
        """`file`: the requester's own, to name the line in."""
        self._file = file
        self._hang, self._break = hang_seconds, break_seconds
        self._thread: _Thread | None = None
        self._watching: asyncio.Task[None] | None = None
        self._hung: dict[int, str] = {}
        self._last_place = ""

    async def run(self, key: int, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run a logic to its end. What it raises comes out here; `TaskCodeError` with its place when it hung.

        `LoopGivenUp` when another one hung and could not be broken off. Cancelling this cancels the logic.
        """
        thread = self._thread = self._thread or _Thread("task logic")
        if self._watching is None or self._watching.done():
            self._watching = asyncio.create_task(self._watch(), name="logic watch")
        running = asyncio.run_coroutine_threadsafe(_named(thread, key, work), thread.loop)
        waiting = asyncio.wrap_future(running)
        thread.waiting.add(waiting)
        try:
            await waiting
        except LogicHangs:
            place = self._hung.pop(key, self._last_place)
            raise TaskCodeError("it let nothing else run, so it was broken off.", place) from None
        except asyncio.CancelledError:
            if key in self._hung:
                raise TaskCodeError("it hangs, and was given up.", self._hung.pop(key)) from None
            if thread is not self._thread and not _is_cancelling():
                raise LoopGivenUp from None
            running.cancel()
            raise
        finally:
            thread.waiting.discard(waiting)

    async def close(self) -> None:
        """End what runs, without waiting for what hangs."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.stop()
            await asyncio.get_running_loop().run_in_executor(None, thread.thread.join, 1.0)

    async def _watch(self) -> None:
        """As long as a logic runs: does the loop answer?"""
        while (thread := self._thread) is not None and thread.waiting:
            await asyncio.sleep(min(BEAT_SECONDS, self._hang))
            if not await _answers(thread, self._hang):
                await self._free(thread)

    async def _free(self, thread: _Thread) -> None:
        """Break off what holds the loop; where that does not help, give the loop up."""
        key, place = thread.current(), thread.place(self._file)
        self._last_place = place
        if key is not None:
            self._hung[key] = place
        log.info("A runner hangs: %s", place)
        thread.break_off()
        if await _answers(thread, self._break):
            return
        self._thread = None
        for waiting in list(thread.waiting):
            waiting.cancel()
        thread.stop()


async def _named(thread: _Thread, key: int, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """On the thread: run the logic so that it is known whose turn it is."""
    task = asyncio.current_task()
    assert task is not None
    thread.keys[task] = key
    try:
        await work()
    finally:
        del thread.keys[task]


async def _answers(thread: _Thread, seconds: float) -> bool:
    """Whether the loop goes on within so long."""
    beat = asyncio.wrap_future(asyncio.run_coroutine_threadsafe(asyncio.sleep(0), thread.loop))
    try:
        async with asyncio.timeout(seconds):
            await beat
    except TimeoutError:
        return False
    return True


def _is_cancelling() -> bool:
    """Whether it is this very task that is cancelled."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
