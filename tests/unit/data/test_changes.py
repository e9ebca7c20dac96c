"""What a commit touched, told once, to those who asked for it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from app.data import changes
from app.data.changes import MANY, Change, ChangeFeed, Subscription, Touched


def test_ids_of_a_table_come_together_and_many_become_all() -> None:
    touched: Touched = {}
    changes.merge(touched, {"units": {1, 2}})
    changes.merge(touched, {"units": {2, 3}, "agents": None})
    assert touched == {"units": {1, 2, 3}, "agents": None}
    changes.merge(touched, {"agents": {1}, "units": set(range(MANY))})
    assert touched == {"units": None, "agents": None}


def test_changes_survive_the_way_to_another_process() -> None:
    told = (Change("units", frozenset({3, 1})), Change("agents", None))
    assert changes.from_text(changes.to_text(told, 1000)) == told
    assert changes.from_text(changes.to_text(told, 10)) == (Change("units", None), Change("agents", None))


def test_listeners_hear_of_their_tables_only() -> None:
    feed = ChangeFeed()
    units: list[Change] = []
    everything: list[Change] = []
    feed.subscribe(units.extend, ["units"])
    feed.subscribe(everything.extend)
    feed.publish([Change("units", None), Change("agents", None)])
    feed.publish([Change("agents", None)])
    assert units == [Change("units", None)]
    assert len(everything) == 3


def test_a_listener_that_fails_keeps_nobody_from_hearing() -> None:
    feed = ChangeFeed()
    heard: list[Change] = []

    def fail(_changes: Sequence[Change]) -> None:
        raise ZeroDivisionError

    feed.subscribe(fail)
    feed.subscribe(heard.extend)
    with pytest.raises(ZeroDivisionError):
        feed.publish([Change("units", None)])
    assert heard == [Change("units", None)]


def test_a_listener_may_end_others_while_it_is_told() -> None:
    feed = ChangeFeed()
    heard: list[Change] = []
    later: list[Subscription] = []

    def end_the_other(_changes: Sequence[Change]) -> None:
        later[0].close()

    feed.subscribe(end_the_other)
    later.append(feed.subscribe(heard.extend))
    feed.publish([Change("units", None)])
    assert heard == []
