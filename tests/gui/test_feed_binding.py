"""Changes for the eye: coalesced, ten times a second at most, held back while nobody looks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest

from app.data.changes import Change, ChangeFeed
from app.viewmodels.feed_binding import FeedBinding


class Heard:
    """What a binding told, and a way to wait for the next time."""

    def __init__(self, binding: FeedBinding) -> None:
        self.changes: list[dict[str, frozenset[int] | None]] = []
        self.times: list[float] = []
        self._came = asyncio.Event()
        binding.changed.connect(self._hear)

    async def next(self) -> None:
        self._came.clear()
        await asyncio.wait_for(self._came.wait(), 2)

    def _hear(self, changes: dict[str, frozenset[int] | None]) -> None:
        self.changes.append(changes)
        self.times.append(time.monotonic())
        self._came.set()


@pytest.fixture
def feed() -> ChangeFeed:
    return ChangeFeed()


@pytest.fixture
def binding(feed: ChangeFeed) -> Iterator[FeedBinding]:
    made = FeedBinding(feed, {"units", "agents"})
    yield made
    made.close()


async def test_many_commits_become_one_signal(feed: ChangeFeed, binding: FeedBinding) -> None:
    heard = Heard(binding)
    for number in range(100):
        feed.publish([Change("units", frozenset({number}))])
    feed.publish([Change("agents", None), Change("payments", frozenset({1}))])
    await heard.next()
    assert heard.changes == [{"units": frozenset(range(100)), "agents": None}]


async def test_unknown_ids_stay_unknown(feed: ChangeFeed, binding: FeedBinding) -> None:
    heard = Heard(binding)
    feed.publish([Change("units", None)])
    feed.publish([Change("units", frozenset({1}))])
    await heard.next()
    assert heard.changes == [{"units": None}]


async def test_signals_are_a_tenth_of_a_second_apart(feed: ChangeFeed, binding: FeedBinding) -> None:
    heard = Heard(binding)
    for _ in range(3):
        feed.publish([Change("units", frozenset({1}))])
        await heard.next()
    gaps = [later - sooner for sooner, later in zip(heard.times, heard.times[1:], strict=False)]
    assert min(gaps) >= 0.09


async def test_a_hidden_page_hears_all_of_it_when_it_is_seen_again(feed: ChangeFeed, binding: FeedBinding) -> None:
    heard = Heard(binding)
    binding.set_active(False)
    feed.publish([Change("units", frozenset({1}))])
    feed.publish([Change("units", frozenset({2}))])
    assert not binding._timer.isActive()
    binding.set_active(True)
    await heard.next()
    assert heard.changes == [{"units": frozenset({1, 2})}]


async def test_a_closed_binding_hears_nothing(feed: ChangeFeed, binding: FeedBinding) -> None:
    binding.close()
    feed.publish([Change("units", frozenset({1}))])
    assert not binding._timer.isActive()
