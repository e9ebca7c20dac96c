"""Who is at work and whose time is up: by a turned clock, without a run."""

from __future__ import annotations

from datetime import timedelta

from app.clock import TurnedClock
from app.data.states import AgentStatus
from app.operations.engine.presence import CHANCE_SECONDS, AtWork, Presence, TimeRules

RULES = TimeRules(timedelta(seconds=600), timedelta(seconds=10), timedelta(seconds=60), timedelta(seconds=600))


def presence(clock: TurnedClock, *channels: str) -> Presence:
    """One agent with a socket for each channel: "1" at the first, "2" at the second."""
    made = Presence(RULES, clock)
    for number, channel_id in enumerate(channels, 1):
        agent = AtWork(
            str(number), number, number, 0, number, number, f"w{number}", f"v-{number}", AgentStatus.IN_TASK,
            clock.now(), channel_id,
        )  # fmt: skip
        made.add(agent)
        made.connected(str(number))
    return made


def overdue(made: Presence) -> list[tuple[str, AgentStatus]]:
    return [(each.agent.token, each.status) for each in made.list_overdue()]


async def test_a_router_that_is_away_costs_only_its_own_pages() -> None:
    clock = TurnedClock()
    made = presence(clock, "a", "b")
    made.router_lost("a")
    await clock.turn(5)
    assert made.seconds_since_heard() == {1: 5.0, 2: 0.0}
    made.lost("2")
    await clock.turn(10)
    assert overdue(made) == [("2", AgentStatus.DISCONNECT)]
    await clock.turn(1000)
    assert overdue(made) == [("2", AgentStatus.DISCONNECT)]  # the other one is judged when its router is back


async def test_pages_have_a_while_to_come_back_with_their_router() -> None:
    clock = TurnedClock()
    made = presence(clock, "a", "a", "b")
    made.router_lost("a")
    await clock.turn(30)
    made.router_back("a")
    made.is_there("1")
    await clock.turn(CHANCE_SECONDS - 1)
    assert overdue(made) == []
    await clock.turn(1)
    assert overdue(made) == [("2", AgentStatus.DISCONNECT)]
    assert made.seconds_since_heard()[3] == 0.0


async def test_since_when_a_page_is_not_heard_counts_from_its_loss() -> None:
    clock = TurnedClock()
    made = presence(clock, "a")
    await clock.turn(100)
    made.lost("1")
    await clock.turn(3)
    assert made.seconds_since_heard() == {1: 3.0}


async def test_a_clock_that_is_set_takes_no_time_from_anybody_and_gives_none() -> None:
    for hours in (-3, 3):
        clock = TurnedClock()
        made = presence(clock, "a", "a")
        await clock.turn(300)
        made.lost("2")
        made.before_sleep()
        clock._now += timedelta(hours=hours)
        await clock.turn(1)
        assert made.after_sleep(1.0)
        await clock.turn(CHANCE_SECONDS)
        assert overdue(made) == [("2", AgentStatus.DISCONNECT)]
        await clock.turn(600 - 300 - 1 - CHANCE_SECONDS - 1)
        assert overdue(made) == [("2", AgentStatus.DISCONNECT)]
        await clock.turn(1)
        assert overdue(made) == [("1", AgentStatus.TIMEOUT), ("2", AgentStatus.DISCONNECT)]


async def test_a_program_that_was_held_up_judges_nobody_at_once() -> None:
    clock = TurnedClock()
    made = presence(clock, "a")
    made.lost("1")
    made.before_sleep()
    await clock.turn(40)  # the steady clock went on as well
    assert made.after_sleep(1.0)
    assert overdue(made) == []
    await clock.turn(CHANCE_SECONDS)
    assert overdue(made) == [("1", AgentStatus.DISCONNECT)]
