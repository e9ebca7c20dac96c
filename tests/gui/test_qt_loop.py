"""One test for each fault of qasync that the window's loop mends."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import math
import os
import signal
import socket
import threading
import time
import weakref

import pytest
from PySide6.QtWidgets import QApplication

from app import qt_loop
from app.qt_loop import QtLoop


def _loop() -> QtLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, QtLoop)
    return loop


async def test_a_sleep_never_ends_early() -> None:
    loop = _loop()

    async def early(delay: float) -> bool:
        start = loop.time()
        await asyncio.sleep(delay)
        return bool(loop.time() - start < delay)

    results = await asyncio.gather(*(early(0.001 + index * 0.0007) for index in range(150)))
    assert not any(results)


async def test_a_cancelled_timer_is_gone_from_qt() -> None:
    loop = _loop()
    before = loop.timers_armed()
    for _ in range(500):
        await asyncio.wait_for(asyncio.sleep(0), timeout=60)
    assert loop.timers_armed() <= before


@pytest.mark.parametrize("delay", [math.inf, 60 * 86400.0])
async def test_a_delay_longer_than_qt_can_count_is_armed_and_can_be_cancelled(delay: float) -> None:
    loop = _loop()
    before = loop.timers_armed()
    handle = loop.call_later(delay, pytest.fail, "came too early")
    assert loop.timers_armed() == before + 1
    await asyncio.sleep(0.002)
    handle.cancel()
    assert loop.timers_armed() == before


async def test_a_call_from_another_thread_keeps_its_context() -> None:
    loop = _loop()
    word: contextvars.ContextVar[str] = contextvars.ContextVar("word", default="none")
    seen: asyncio.Future[str] = loop.create_future()
    context = contextvars.copy_context()
    context.run(word.set, "kept")
    thread = threading.Thread(
        target=lambda: loop.call_soon_threadsafe(lambda: seen.set_result(word.get()), context=context)
    )
    thread.start()
    assert await seen == "kept"
    thread.join()


async def test_calls_run_in_order_and_a_cancelled_one_never() -> None:
    loop = _loop()
    ran: list[int] = []
    handles = [loop.call_soon(ran.append, number) for number in range(100)]
    handles[50].cancel()
    done = loop.create_future()
    loop.call_soon(done.set_result, None)
    await done
    assert ran == [number for number in range(100) if number != 50]


async def test_ten_thousand_calls_from_a_thread_arrive_in_order_within_a_second() -> None:
    loop = _loop()
    arrived: list[int] = []
    done = loop.create_future()

    def send() -> None:
        for number in range(10_000):
            loop.call_soon_threadsafe(arrived.append, number)
        loop.call_soon_threadsafe(done.set_result, None)

    start = time.process_time()
    thread = threading.Thread(target=send)
    thread.start()
    await done
    thread.join()
    assert arrived == list(range(10_000))
    assert time.process_time() - start < 2


async def test_a_callback_that_raises_is_reported_and_the_next_ones_run() -> None:
    loop = _loop()
    reported: list[str] = []
    loop.set_exception_handler(lambda _loop, context: reported.append(repr(context["exception"])))
    done = loop.create_future()
    loop.call_soon(int, "x")
    loop.call_soon(done.set_result, None)
    await done
    loop.set_exception_handler(None)
    assert len(reported) == 1
    assert "ValueError" in reported[0]


async def test_a_timed_call_knows_its_moment() -> None:
    loop = _loop()
    handle = loop.call_later(30, print)
    assert 29 < handle.when() - loop.time() <= 30
    handle.cancel()


async def test_a_signal_reaches_its_handler_at_once() -> None:
    loop = _loop()
    came = asyncio.Event()
    loop.add_signal_handler(signal.SIGUSR1, came.set)
    os.kill(os.getpid(), signal.SIGUSR1)
    await asyncio.wait_for(came.wait(), 2)
    loop.remove_signal_handler(signal.SIGUSR1)


async def test_blocking_work_runs_in_our_threads() -> None:
    name = await _loop().run_in_executor(None, lambda: threading.current_thread().name)
    assert name.startswith("crowdesk")


def test_nothing_runs_while_the_loop_does_not_and_all_of_it_afterwards(qapp: QApplication) -> None:
    loop = QtLoop(qapp)
    ran: list[str] = []
    loop.call_soon(ran.append, "soon")
    loop.call_later(0, ran.append, "timed")
    for _ in range(3):
        qapp.processEvents()
    assert ran == []
    loop.run_until_complete(asyncio.sleep(0.005))
    assert sorted(ran) == ["soon", "timed"]
    loop.close()


def test_a_future_that_is_not_done_when_the_loop_is_stopped_is_told(qapp: QApplication) -> None:
    loop = QtLoop(qapp)
    loop.call_later(0.001, loop.stop)
    future = loop.create_future()
    with pytest.raises(RuntimeError, match="stopped before"):
        loop.run_until_complete(future)
    loop.close()


async def test_many_sockets_are_heard_each_once_and_not_after_they_were_removed() -> None:
    loop = _loop()
    pairs = [socket.socketpair() for _ in range(300)]
    heard: list[int] = []
    all_heard = loop.create_future()

    def hear(number: int) -> None:
        heard.append(number)
        pairs[number][0].recv(1)
        if len(heard) == len(pairs):
            all_heard.set_result(None)

    try:
        for number, (near, _) in enumerate(pairs):
            near.setblocking(False)
            loop.add_reader(near, hear, number)
        for _, far in pairs:
            far.send(b"x")
        await asyncio.wait_for(all_heard, 5)
        assert sorted(heard) == list(range(len(pairs)))
        assert loop.remove_reader(pairs[0][0])
        written = loop.create_future()
        pairs[0][1].send(b"x")
        loop.add_writer(pairs[1][0], lambda: written.done() or written.set_result(None))
        await asyncio.wait_for(written, 5)
        assert len(heard) == len(pairs)
    finally:
        for near, far in pairs:
            loop.remove_reader(near)
            loop.remove_writer(near)
            near.close()
            far.close()


class Cycle:
    """Garbage that only the cyclic collector finds; writes down on which thread it went."""

    def __init__(self, gone: list[str]) -> None:
        self.me, self.gone = self, gone

    def __del__(self) -> None:
        self.gone.append(threading.current_thread().name)


async def test_cyclic_garbage_goes_on_the_thread_of_the_loop_only() -> None:
    gone: list[str] = []
    Cycle(gone)
    churned = await _loop().run_in_executor(None, lambda: [[[number]] for number in range(50_000)])
    assert len(churned) == 50_000
    assert set(gone) <= {threading.main_thread().name}, "a collection was triggered on another thread"
    deadline = _loop().time() + 3
    while not gone and _loop().time() < deadline:
        churned = [[[number]] for number in range(2_000)]
        await asyncio.sleep(0.02)
    assert gone == [threading.main_thread().name]


class _Ring:
    """Holds itself."""

    def __init__(self) -> None:
        self.me = self


@pytest.mark.parametrize("set_aside", [False, True])
async def test_rings_go_on_the_loops_thread_also_those_set_aside(
    set_aside: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if set_aside:
        monkeypatch.setattr(qt_loop, "THAW_SECONDS", 0.0)
        monkeypatch.setattr(qt_loop, "IDLE_SWEEPS", 0)
    else:
        monkeypatch.setattr(qt_loop, "FULL_SECONDS", 0.0)
        monkeypatch.setattr(qt_loop, "MOST_SWEPT", 10**9)  # however much the tests before this one have left alive
    gone = asyncio.Event()
    threads: list[int] = []

    def note_end() -> None:
        threads.append(threading.get_ident())
        gone.set()

    ring = _Ring()
    if set_aside:
        gc.freeze()
    weakref.finalize(ring, note_end)
    del ring
    litter: list[list[object]] = [] if set_aside else [[] for _ in range(5000)]  # there is something to sweep
    await asyncio.wait_for(gone.wait(), 5)
    assert threads == [threading.get_ident()]
    assert len(litter) in (0, 5000)
