"""Requests that share a transaction: each has its own answer and its own failure."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from app.operations.engine.batches import Batches, serve_together


async def test_what_waits_together_is_answered_together_but_never_twice_for_one_key() -> None:
    seen: list[list[str]] = []

    async def apply(requests: Sequence[str]) -> Sequence[str]:
        seen.append(list(requests))
        await asyncio.sleep(0)
        return [request.upper() for request in requests]

    batches: Batches[str, str] = Batches(apply, lambda request: request[0])
    serving = asyncio.create_task(serve_together(batches))
    answers = await asyncio.gather(*(batches.ask(each) for each in ("a1", "b1", "a2", "c1", "a3")))
    assert answers == ["A1", "B1", "A2", "C1", "A3"]
    assert seen == [["a1", "b1", "c1"], ["a2"], ["a3"]]
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


async def test_one_that_fails_costs_no_other_its_answer() -> None:
    async def apply(requests: Sequence[int]) -> Sequence[int]:
        return [10 // request for request in requests]

    batches: Batches[int, int] = Batches(apply, lambda request: request)
    serving = asyncio.create_task(serve_together(batches))
    answers = await asyncio.gather(*(batches.ask(each) for each in (1, 0, 5)), return_exceptions=True)
    assert answers[0::2] == [10, 2]
    assert isinstance(answers[1], ZeroDivisionError)
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


async def test_whoever_waits_when_serving_ends_is_cancelled() -> None:
    never = asyncio.Event()

    async def apply(requests: Sequence[int]) -> Sequence[int]:
        await never.wait()
        return requests

    batches: Batches[int, int] = Batches(apply, lambda request: request, most=1)
    serving = asyncio.create_task(serve_together(batches))
    asking = [asyncio.create_task(batches.ask(each)) for each in (1, 2)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking[0]
    with pytest.raises(asyncio.CancelledError):
        await asking[1]
    await asyncio.gather(serving, return_exceptions=True)


async def test_kinds_that_wait_are_answered_at_once_and_one_of_them_may_be_alone() -> None:
    under_way: list[str] = []
    together: list[list[str]] = []

    def make(name: str) -> Batches[int, int]:
        async def apply(requests: Sequence[int]) -> Sequence[int]:
            under_way.append(name)
            await asyncio.sleep(0)
            together.append(sorted(under_way))
            await asyncio.sleep(0)
            under_way.remove(name)
            return requests

        return Batches(apply, lambda request: request)

    left, right = make("left"), make("right")
    early = asyncio.create_task(left.ask(0))
    await asyncio.sleep(0)  # it waits before anybody serves
    serving = asyncio.create_task(serve_together(left, right))
    assert await early == 0
    assert list(await asyncio.gather(left.ask(1), right.ask(2))) == [1, 2]
    assert together == [["left"], ["left", "right"], ["left", "right"]]
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
