"""SIGINT and SIGTERM as something to wait for."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from app.headless.exit_codes import ExitCode

CODES = {signal.SIGINT: ExitCode.INTERRUPTED, signal.SIGTERM: ExitCode.TERMINATED}


class StopSignal:
    """Set by the first SIGINT or SIGTERM; `code` is the exit code it asks for."""

    def __init__(self) -> None:
        self.code: ExitCode | None = None
        self._set = asyncio.Event()

    def stop(self, code: ExitCode) -> None:
        """Ask to stop. The first reason counts."""
        if self.code is None:
            self.code = code
        self._set.set()

    async def wait(self) -> ExitCode:
        """Until somebody asks to stop; the exit code for it."""
        await self._set.wait()
        assert self.code is not None
        return self.code


@contextmanager
def watched() -> Iterator[StopSignal]:
    """Catch the two signals while the block runs. A second one ends the process."""
    stop = StopSignal()
    loop = asyncio.get_running_loop()
    before = {}

    def caught(number: int) -> None:
        signal.signal(number, signal.SIG_DFL)  # whoever asks twice wants it now
        stop.stop(CODES[signal.Signals(number)])

    for number in CODES:
        before[number] = signal.getsignal(number)
        # a handler of the C level wakes the loop through its self-pipe; so it works on Windows too
        signal.signal(number, lambda caught_number, _frame: loop.call_soon_threadsafe(caught, caught_number))
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
