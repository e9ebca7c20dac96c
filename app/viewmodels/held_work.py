"""Work that cannot be taken back once it is done: held for some seconds in which it can."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.clock import Clock
from app.viewmodels.action import Action

Work = Callable[[], Coroutine[Any, Any, Any]]


class HeldWork(QObject):
    """Does `work` after `seconds`, unless `take_back` was called before. Closing the window does it at once.

    `done(object)` with its result, `failed(str)`. The object must be kept until one of them, or `taken_back`, came.
    """

    done = Signal(object)
    failed = Signal(str)
    taken_back = Signal()

    def __init__(self, work: Work, seconds: float, clock: Clock, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._work, self._seconds, self._clock = work, seconds, clock
        self._wanted, self._begun = True, False
        self._action = Action(self._wait_and_do, self)
        self._action.finished.connect(self._tell)
        self._action.failed.connect(self.failed)
        self._action.start()

    def take_back(self) -> bool:
        """Do not do it. False when it is too late: the work has begun."""
        if self._begun:
            return False
        self._wanted = False
        self._action.cancel()
        self.taken_back.emit()
        return True

    async def wait(self) -> None:
        """Until it is done or taken back."""
        await self._action.wait()

    async def _wait_and_do(self) -> Any:
        try:
            await self._clock.sleep(self._seconds)
        except asyncio.CancelledError:
            if not self._wanted:
                raise
            # the window closes: what was promised is done now rather than never
        self._begun = True
        return await self._work()

    def _tell(self, result: Any) -> None:
        self.done.emit(result)
