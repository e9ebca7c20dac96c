"""The clock that tests turn by hand."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from app.clock import TurnedClock


async def test_sleepers_wake_in_order_at_their_own_moment() -> None:
    clock = TurnedClock()
    woken: list[tuple[str, float]] = []

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append((name, clock.monotonic()))

    tasks = [asyncio.create_task(sleeper("late", 5)), asyncio.create_task(sleeper("early", 2))]
    await clock.turn(4)
    assert woken == [("early", 2.0)]
    await clock.turn(1)
    await asyncio.gather(*tasks)
    assert woken == [("early", 2.0), ("late", 5.0)]


async def test_now_moves_with_the_turn() -> None:
    clock = TurnedClock()
    start = clock.now()
    await clock.turn(90)
    assert clock.now() - start == timedelta(seconds=90)


async def test_a_cancelled_sleeper_is_passed_over() -> None:
    clock = TurnedClock()
    task = asyncio.create_task(clock.sleep(1))
    await asyncio.sleep(0)
    task.cancel()
    await clock.turn(2)
    assert task.cancelled()
