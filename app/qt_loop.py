"""The asyncio loop of the window: qasync on Qt's event loop, with the faults of its timers and queues mended.

Mended: sleeps that end early, cancelled timers that stay alive in Qt, delays of more than 24.8 days or of infinity,
contexts dropped by `call_soon_threadsafe`, a Qt timer for every `call_soon`, a Qt notifier for every socket, and
callbacks that run while the loop does not (Qt's events are also handled outside of it, by a test or at the very end).
"""

from __future__ import annotations

import asyncio
import gc
import math
import os
import selectors
import sys
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from typing import Any, TypeVar, TypeVarTuple, Unpack

os.environ.setdefault("QT_API", "pyside6")

import qasync
from PySide6.QtCore import QObject, QSocketNotifier, Qt, QTimerEvent, Signal
from PySide6.QtWidgets import QApplication
from shiboken6 import isValid

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

LONGEST_QT_TIMER_MS = 2**31 - 1
TURN_SECONDS = 0.004
"""How long callbacks may run before Qt gets its turn to paint and to take input."""
EXECUTOR_THREADS = 8
SWEEP_MS = 50
OLDEST = 2
MIDDLE_EVERY = 2
"""Sweeps of the youngest objects to one of those that outlived one: more rarely would be longer each time."""
FULL_SECONDS = 10.0
MOST_SWEPT = 40_000
"""More objects than this are set aside instead of being looked at: that many take some 15 ms."""
THAW_SECONDS, LATEST_THAW_SECONDS = 300.0, 900.0
"""After so long all objects there are are looked at once more: when nothing else happens, or at the latest then."""
IDLE_SWEEPS = 20
"""So many times without anything to sweep in a row mean that nothing else happens."""


class _TimedCall(asyncio.TimerHandle):
    """A timer handle that remembers the Qt timer that stands for it."""

    __slots__ = ("qt_id",)
    qt_id: int | None


class _Clockwork(QObject):
    """One precise Qt timer for each waiting call: never early, killed when the call is cancelled."""

    def __init__(self, now: Callable[[], float], run: Callable[[asyncio.Handle], None]) -> None:
        super().__init__()
        self._now, self._run = now, run
        self._calls: dict[int, _TimedCall] = {}

    def __len__(self) -> int:
        return len(self._calls)

    def arm(self, call: _TimedCall) -> None:
        """Start (or start again, for what is further away than Qt can count) the timer of a call."""
        milliseconds = (call.when() - self._now()) * 1000
        far = milliseconds >= LONGEST_QT_TIMER_MS  # infinity too
        timer = self.startTimer(
            LONGEST_QT_TIMER_MS if far else max(0, math.ceil(milliseconds)), Qt.TimerType.PreciseTimer
        )
        call.qt_id = timer
        self._calls[timer] = call

    def disarm(self, call: _TimedCall) -> None:
        """Kill the timer of a call that was cancelled."""
        if call.qt_id is not None and self._calls.pop(call.qt_id, None) is not None:
            self.killTimer(call.qt_id)
            call.qt_id = None

    def timerEvent(self, event: QTimerEvent) -> None:
        timer = event.timerId()
        self.killTimer(timer)
        call = self._calls.pop(timer, None)
        if call is None or call.cancelled():
            return
        if call.when() > self._now():
            self.arm(call)
        else:
            call.qt_id = None
            self._run(call)

    def stop(self) -> None:
        """Kill every timer: the loop is closed."""
        for timer in self._calls:
            self.killTimer(timer)
        self._calls.clear()

    def set_debug(self, enabled: bool) -> None:
        """What qasync calls on its timer; nothing differs here."""


class _Bell(QObject):
    """Rings the loop's thread from any thread."""

    rung = Signal()


Ready = Sequence[tuple[selectors.SelectorKey, int]]


class _Descriptors:
    """All sockets and pipes behind one notifier of Qt's.

    Qt goes through all its notifiers at each of its turns: with a notifier for each of four thousand sockets that was
    a fifth of what the interpreter did. The system keeps such a list itself, and the list's own descriptor says when
    one is ready.
    """

    def __init__(
        self,
        selector: Any,  # epoll's or kqueue's: the type checker knows one of them only, after the system it runs on
        run: Callable[[Ready], None],
        later: Callable[[Callable[[], None]], object],
    ) -> None:
        """`run` queues the calls for what is ready; `later` queues one more, to come after those."""
        self._selector, self._run, self._later = selector, run, later
        self._notifier = QSocketNotifier(selector.fileno(), QSocketNotifier.Type.Read)
        self._notifier.activated.connect(self._wake)

    def _wake(self) -> None:
        self._notifier.setEnabled(False)  # until what is ready now was dealt with: it would be told again and again
        self._look()

    def _look(self) -> None:
        ready = self._selector.select(0)
        if ready:
            self._run(ready)
            self._later(self._look)
        else:
            self._notifier.setEnabled(True)

    def stop(self) -> None:
        """The loop is closed."""
        self._notifier.setEnabled(False)


class _Sweeper(QObject):
    """Collects cyclic garbage, on the loop's thread and nowhere else.

    Python collects on whichever thread allocates; a widget in a cycle would be destroyed on a thread of the database,
    and the process with it. What lives long (the program, its pages, two thousand workers' connections) takes a
    quarter of a second to look at: it is set aside, and looked at again when nobody waits. Set aside, objects still go
    when nothing holds them; only rings of them stay until the next thaw, and steady work makes next to none.
    """

    def __init__(self) -> None:
        super().__init__()
        self._was_enabled = gc.isenabled()
        gc.disable()
        gc.freeze()  # what the program is made of stays: full collections need not look at it
        self._full_at = self._thawed_at = time.monotonic()
        self._idle = 0
        self._timer = self.startTimer(SWEEP_MS, Qt.TimerType.CoarseTimer)

    def timerEvent(self, event: QTimerEvent) -> None:
        young, middle, _ = gc.get_count()
        now = time.monotonic()
        busy = young > gc.get_threshold()[0]
        self._idle = 0 if busy else self._idle + 1
        since_thaw = now - self._thawed_at
        if since_thaw > LATEST_THAW_SECONDS or (since_thaw > THAW_SECONDS and self._idle > IDLE_SWEEPS):
            self._thawed_at = self._full_at = now
            gc.unfreeze()
            gc.collect()
            gc.freeze()
        elif busy and now - self._full_at > FULL_SECONDS:
            self._full_at = now
            if len(gc.get_objects(generation=OLDEST)) > MOST_SWEPT:
                gc.freeze()
            else:
                gc.collect()
        elif busy:
            gc.collect(1 if middle >= MIDDLE_EVERY else 0)

    def stop(self) -> None:
        """Let Python collect by itself again."""
        self.killTimer(self._timer)
        gc.unfreeze()
        gc.collect()
        if self._was_enabled:
            gc.enable()


if sys.platform == "win32":  # waits for completions instead, in a thread of qasync's
    _Loop = qasync.QEventLoop
else:

    class _Loop(qasync.QEventLoop):  # type: ignore[misc] # qasync ships no types
        """asyncio's own care for sockets, in place of qasync's notifier for each."""

        # asyncio promises none of these names to anybody, so the type checker is not told of them
        _add_reader, _remove_reader, _add_writer, _remove_writer = (
            getattr(asyncio.SelectorEventLoop, name)
            for name in ("_add_reader", "_remove_reader", "_add_writer", "_remove_writer")
        )
        _selector: Any

        def __init__(self, app: QApplication) -> None:
            super().__init__(app)
            self._close_self_pipe()
            self._selector.close()
            self._selector = selectors.DefaultSelector()
            self._make_self_pipe()
            self._descriptors = _Descriptors(self._selector, self._process_events, self.call_soon)

        def close(self) -> None:
            """The loop cannot be used again."""
            if not self.is_closed() and not self.is_running():
                self._descriptors.stop()
            super().close()


class QtLoop(_Loop):
    """An asyncio loop that runs inside Qt's. Make it after the QApplication; one for each application."""

    def __init__(self, app: QApplication) -> None:
        self._waiting: deque[asyncio.Handle] = deque()
        self._ringing = False
        self._lock = threading.Lock()
        self._bell = _Bell()
        self._bell.rung.connect(self._take_turn, Qt.ConnectionType.QueuedConnection)
        super().__init__(app)
        self._timer = _Clockwork(self.time, self._run_timed)
        self._sweeper = _Sweeper()
        self.set_default_executor(ThreadPoolExecutor(EXECUTOR_THREADS, "crowdesk"))

    def call_soon(
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """Run a callback in the next turn, in order."""
        self._check_closed()
        handle = asyncio.Handle(callback, args, self, context)
        self._enqueue(handle)
        return handle

    def call_soon_threadsafe(
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """`call_soon` from any thread, in the context that is given or that the caller is in."""
        return self.call_soon(callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Run a callback at a moment of `time()`, not before it; `when` may be infinite."""
        self._check_closed()
        call = _TimedCall(when, callback, args, self, context)
        call.qt_id = None
        call._scheduled = True  # type: ignore[attr-defined] # so that cancel() tells us, as asyncio's own loops do
        self._timer.arm(call)
        return call

    def call_later(
        self, delay: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Run a callback after `delay` seconds."""
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def run_forever(self) -> Any:
        """Run until `stop`; what came in meanwhile first."""
        self._ring_if_waiting()
        return super().run_forever()

    def run_until_complete(self, future: Awaitable[T]) -> T:
        """Run until a future is done, and give its result."""
        self._check_closed()
        task = asyncio.ensure_future(future, loop=self)

        def stop(_done: object) -> None:
            self.stop()

        task.add_done_callback(stop)
        try:
            self.run_forever()
        finally:
            task.remove_done_callback(stop)
        if not task.done():
            raise RuntimeError("The loop was stopped before the future was done.")
        return task.result()

    def close(self) -> None:
        """Give back timers and threads. The loop cannot be used again."""
        if not self.is_closed() and not self.is_running():
            self._waiting.clear()
            if isValid(self._bell):  # not when the application was taken down before
                self._bell.rung.disconnect(self._take_turn)
                self._sweeper.stop()
        super().close()

    def timers_armed(self) -> int:
        """How many timed calls wait."""
        return len(self._timer)

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        if isinstance(handle, _TimedCall):
            self._timer.disarm(handle)

    def _add_callback(self, handle: asyncio.Handle, delay: float = 0) -> asyncio.Handle:
        """How asyncio's signal handlers enter the queue."""
        self._enqueue(handle)
        return handle

    def _enqueue(self, handle: asyncio.Handle) -> None:
        with self._lock:
            self._waiting.append(handle)
            ring = not self._ringing
            self._ringing = True
        if ring:
            self._bell.rung.emit()

    def _take_turn(self) -> None:
        """Run what was waiting when the turn began, but not for longer than a turn may last."""
        end = time.monotonic() + TURN_SECONDS
        if not self.is_running():
            self._ringing = False
            return
        try:
            for _ in range(len(self._waiting)):
                handle = self._waiting.popleft()
                if not handle.cancelled():
                    handle._run()
                if time.monotonic() >= end:
                    break
        finally:
            self._ring_if_waiting()

    def _ring_if_waiting(self) -> None:
        with self._lock:
            self._ringing = bool(self._waiting)
            ring = self._ringing
        if ring and not self.is_closed():
            self._bell.rung.emit()

    def _run_timed(self, call: asyncio.Handle) -> None:
        if self.is_running():
            call._run()
        else:
            self._waiting.append(call)
