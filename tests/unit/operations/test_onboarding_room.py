"""Who is in the onboarding, and when their time is up: by a turned clock, without a run."""

from __future__ import annotations

from datetime import timedelta

from app.clock import TurnedClock
from app.data.states import AgentStatus
from app.operations.engine.onboarding_room import Newcomer, OnboardingRoom
from app.operations.engine.presence import TimeRules

RULES = TimeRules(timedelta(seconds=600), timedelta(seconds=10), timedelta(seconds=60), timedelta(seconds=600))


def room(clock: TurnedClock, *names: str) -> OnboardingRoom:
    made = OnboardingRoom(RULES, clock)
    for number, name in enumerate(names, 1):
        made.enter(Newcomer(f"onboarding_{name}", number, number, name, clock.now()))
    return made


def overdue(made: OnboardingRoom) -> list[tuple[str, AgentStatus]]:
    return [(each.newcomer.worker_name, each.status) for each in made.list_overdue()]


async def test_who_comes_twice_is_there_once() -> None:
    clock = TurnedClock()
    made = room(clock, "ada", "ben")
    first = made.find("onboarding_ada")
    assert made.enter(Newcomer("onboarding_ada", 1, 1, "ada", clock.now())) is first
    assert (len(made), made.peak) == (2, 2)
    assert made.leave("onboarding_ada") is first
    assert made.leave("onboarding_ada") is None
    assert (len(made), made.peak) == (1, 2)
    assert made.statuses() == {"onboarding_ben": "onboarding"}


async def test_a_page_without_a_socket_has_the_whole_time() -> None:
    clock = TurnedClock()
    made = room(clock, "ada")
    made.heard("onboarding_ada", "c1")
    made.lost("onboarding_ada", "c1")  # it never had one
    await clock.turn(599)
    assert overdue(made) == []
    await clock.turn(1)
    assert overdue(made) == [("ada", AgentStatus.TIMEOUT)]


async def test_a_lost_page_has_its_grace() -> None:
    clock = TurnedClock()
    made = room(clock, "ada", "ben")
    for token in ("onboarding_ada", "onboarding_ben"):
        made.connected(token, "c1")
        made.lost(token, "c1")
    await clock.turn(9)
    made.shift(timedelta(hours=3))  # the clock was set: three hours ahead, and everybody with it
    clock._now += timedelta(hours=3)
    assert overdue(made) == []
    made.connected("onboarding_ben", "c2")
    made.lost("onboarding_ben", "c1")  # the router that it has left
    await clock.turn(1)
    assert overdue(made) == [("ada", AgentStatus.DISCONNECT)]
    made.is_there("onboarding_ada")
    assert overdue(made) == []


async def test_after_a_router_was_away_only_those_with_a_socket_have_to_come_back() -> None:
    clock = TurnedClock()
    made = room(clock, "ada", "ben")
    made.connected("onboarding_ada", "c1")
    made.all_lost()
    await clock.turn(10)
    assert overdue(made) == [("ada", AgentStatus.DISCONNECT)]


async def test_since_when_nothing_was_heard() -> None:
    clock = TurnedClock()
    made = room(clock, "ada", "ben", "cleo")
    await clock.turn(5)
    made.connected("onboarding_ada", "c1")
    made.heard("onboarding_ben", "c1")
    await clock.turn(7)
    assert made.seconds_since_heard() == {1: 0.0, 2: 7.0, 3: 12.0}


async def test_words_for_nobody_change_nothing() -> None:
    made = room(TurnedClock())
    for act in (made.heard, made.connected, made.lost):
        act("onboarding_nobody", "c1")
    made.is_there("onboarding_nobody")
    assert len(made) == 0
