"""What is said is kept in batches: each once, in order, one fault costs nobody else theirs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from app.clock import TurnedClock
from app.data.repo.live_updates import INWARD, NewUpdate
from app.errors import InvalidEntry, StoreError
from app.operations.engine.live_log import LiveLog


class Desk:
    """A store that notes what it was given, and may refuse."""

    def __init__(self, refuse: Callable[[NewUpdate], Exception | None] = lambda update: None) -> None:
        self.batches: list[list[str]] = []
        self._refuse = refuse

    async def write(self, fn: Any, updates: Sequence[NewUpdate], now: Any) -> list[bool]:
        await asyncio.sleep(0)
        for update in updates:
            if (error := self._refuse(update)) is not None:
                raise error
        self.batches.append([update.update_id for update in updates])
        return [update.update_id != "again" for update in updates]

    def log(self) -> LiveLog:
        return LiveLog(cast(Any, SimpleNamespace(store=self, clock=TurnedClock())))


def update(name: str) -> NewUpdate:
    return NewUpdate(1, INWARD, name, {})


async def test_what_comes_while_one_is_kept_shares_the_next_transaction() -> None:
    desk = Desk()
    log = desk.log()
    first = log.put(update("a"))
    await asyncio.sleep(0)  # it is on its way
    rest = [log.put(update(name)) for name in ("b", "again", "c")]
    assert [await one for one in (first, *rest)] == [True, True, False, True]
    assert desk.batches == [["a"], ["b", "again", "c"]]
    await log.close()


async def test_one_that_cannot_be_kept_costs_nobody_else_theirs() -> None:
    desk = Desk(lambda one: InvalidEntry("data", "no") if one.update_id == "bad" else None)
    log = desk.log()
    given = [log.put(update(name)) for name in ("a", "bad", "b")]
    kept = await asyncio.gather(*given, return_exceptions=True)
    assert [kept[0], kept[2]] == [True, True]
    assert isinstance(kept[1], InvalidEntry)
    assert desk.batches == [["a"], ["b"]]
    await log.close()


async def test_after_a_bug_nobody_waits_for_ever_and_the_next_are_kept() -> None:
    bugs = [RuntimeError("a bug")]
    desk = Desk(lambda one: bugs.pop() if bugs else None)
    log = desk.log()
    kept = log.put(update("a"))
    with pytest.raises(StoreError, match="could not be kept"):
        await kept
    pump = log._pump
    assert pump is not None
    with pytest.raises(RuntimeError):
        await pump
    assert await log.keep(update("b"))
    await log.close()
