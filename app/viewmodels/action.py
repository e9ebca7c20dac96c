"""One click: a coroutine that a slot starts, whose task is kept, whose fault becomes a sentence."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from PySide6.QtCore import QObject, Signal
from shiboken6 import isValid

from app.errors import AppError

log = logging.getLogger(__name__)

BUG = "Something went wrong inside the program; nothing that was saved is lost. The log says more."
_running: set[asyncio.Task[tuple[Any, str]]] = set()


class Action(QObject):
    """Runs `work(*args)` when started, one run at a time.

    `busy_changed(bool)`; `finished(object)` carries the result; `failed(str)` a sentence for the requester.
    `cancelled()`.
    """

    busy_changed = Signal(bool)
    finished = Signal(object)
    failed = Signal(str)
    cancelled = Signal()

    def __init__(self, work: Callable[..., Coroutine[Any, Any, Any]], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._work = work
        self._task: asyncio.Task[tuple[Any, str]] | None = None

    @property
    def busy(self) -> bool:
        """Whether a run is under way."""
        return self._task is not None and not self._task.done()

    def start(self, *args: Any) -> bool:
        """Begin a run and return at once. False, and nothing done, while one is under way, or while no loop runs."""
        if self.busy:
            return False
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # an event of Qt at the very start or the very end
            return False
        task = loop.create_task(self._guard(args))
        self._task = task
        _running.add(task)
        task.add_done_callback(self._tell)
        self.busy_changed.emit(True)
        return True

    def cancel(self) -> None:
        """Ask the run under way to end. Idempotent."""
        if self._task is not None:
            self._task.cancel()

    async def wait(self) -> None:
        """Until the run under way has ended, whatever its end."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _guard(self, args: tuple[Any, ...]) -> tuple[Any, str]:
        """The result and no sentence, or the sentence of what went wrong."""
        try:
            return await self._work(*args), ""
        except AppError as error:
            return None, str(error)
        except Exception as error:
            if isinstance(error, RuntimeError) and not isValid(self):  # its page was closed: nobody is left to tell
                log.info("A click was worked on while its page was closed: %s", error)
            else:
                log.exception("A click ended in a bug")
            return None, BUG

    def _tell(self, task: asyncio.Task[tuple[Any, str]]) -> None:
        _running.discard(task)
        if not isValid(self):  # its page was closed meanwhile
            return
        if self._task is task:  # else it was started again already
            self._task = None
            self.busy_changed.emit(False)
        if task.cancelled():
            self.cancelled.emit()
            return
        result, sentence = task.result()
        if sentence:
            self.failed.emit(sentence)
        else:
            self.finished.emit(result)


async def end_all_actions(patience: float = 5.0) -> None:
    """Cancel every run under way and wait, `patience` seconds at most: the window closes."""
    tasks = [task for task in _running if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=patience)
