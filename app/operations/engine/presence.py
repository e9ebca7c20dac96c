"""Who is at work in a run, by token; and the rules of time: too long, gone too long, waited too long, silent too long.

All times of rules are wall-clock, because they are kept through restarts. A machine that slept judges nobody until the
pages had a chance to come back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.blueprints.live_agent import LiveAgent
from app.clock import Clock
from app.data.states import AgentStatus

JUMP_SECONDS = 15.0
"""A pause that took this much longer than asked for: the machine slept, or the clock was set."""

CHANCE_SECONDS = 60.0
"""After a sleep or a restart nobody is judged for so long."""


@dataclass(slots=True)
class AtWork:
    """One worker who holds a unit. `heard_at` is None until something came from the page in this process's life."""

    token: str
    agent_id: int
    unit_id: int
    unit_index: int
    assignment_id: int
    worker_id: int
    worker_name: str
    registration_id: str
    status: AgentStatus
    started_at: datetime
    channel_id: str = ""
    connected: bool = False
    had_socket: bool = False
    lost_at: datetime | None = None
    """When the last socket was lost, or the run was resumed without one; None while the page is there."""
    heard_at: datetime | None = None
    logic_ended_at: datetime | None = None
    """A live task's logic is over: the worker has `submission_timeout` to hand in."""
    inputs: Any = None
    """What the page was given, when it is at hand."""
    live: LiveAgent | None = None
    told: object = None
    """What the page was last told of its place in the waiting room."""


@dataclass(frozen=True, slots=True)
class TimeRules:
    """How long things may take."""

    assignment_duration: timedelta
    reconnect_grace: timedelta
    submission_timeout: timedelta
    waiting_limit: timedelta


@dataclass(frozen=True, slots=True)
class Overdue:
    """An agent whose time is up: what becomes of it, and why (for the journal and the worker)."""

    agent: AtWork
    status: AgentStatus
    reason: str


class Presence:
    """The agents at work, found by token, agent, registration, assignment or worker."""

    def __init__(self, rules: TimeRules, clock: Clock) -> None:
        self.rules = rules
        self.peak = 0
        self._clock = clock
        self._by_token: dict[str, AtWork] = {}
        self._by_agent: dict[int, AtWork] = {}
        self._by_registration: dict[str, AtWork] = {}
        self._by_assignment: defaultdict[int, dict[int, AtWork]] = defaultdict(dict)
        self._not_before = clock.now()
        self._routers: dict[str, datetime | None] = {}
        self.when_shifted: list[Callable[[timedelta], None]] = []
        """Called when the clock was set, or the computer slept: others who keep moments move them along as well."""
        self._slept_from: tuple[datetime, float] = (clock.now(), 0.0)

    def __len__(self) -> int:
        return len(self._by_token)

    def __iter__(self) -> Iterator[AtWork]:
        return iter(list(self._by_token.values()))

    def add(self, agent: AtWork) -> AtWork:
        """An agent is at work; one that is known already stays as it is."""
        known = self._by_token.get(agent.token)
        if known is not None:
            return known
        self._by_token[agent.token] = agent
        self._by_agent[agent.agent_id] = agent
        self._by_registration[agent.registration_id] = agent
        self._by_assignment[agent.assignment_id][agent.agent_id] = agent
        self.peak = max(self.peak, len(self._by_token))
        return agent

    def remove(self, agent_id: int) -> AtWork | None:
        """The agent works no longer."""
        agent = self._by_agent.pop(agent_id, None)
        if agent is None:
            return None
        del self._by_token[agent.token]
        if self._by_registration.get(agent.registration_id) is agent:
            del self._by_registration[agent.registration_id]
        group = self._by_assignment[agent.assignment_id]
        del group[agent_id]
        if not group:
            del self._by_assignment[agent.assignment_id]
        return agent

    def move(self, agent: AtWork, unit_id: int, unit_index: int, assignment_id: int) -> None:
        """The agent has another unit now."""
        self.remove(agent.agent_id)
        agent.unit_id, agent.unit_index, agent.assignment_id = unit_id, unit_index, assignment_id
        self.add(agent)

    def find_token(self, token: str) -> AtWork | None:
        """The agent at work with that token."""
        return self._by_token.get(token)

    def find_agent(self, agent_id: int) -> AtWork | None:
        """The agent at work with that id."""
        return self._by_agent.get(agent_id)

    def find_registration(self, registration_id: str) -> AtWork | None:
        """The agent at work that came with that registration."""
        return self._by_registration.get(registration_id)

    def list_assignment(self, assignment_id: int) -> list[AtWork]:
        """The agents at work on one assignment."""
        return list(self._by_assignment.get(assignment_id, {}).values())

    def seconds_since_heard(self) -> Mapping[int, float]:
        """agent_id -> seconds since its page was heard of: 0 while its socket is open; since its start if never."""
        now = self._clock.now()
        return {
            agent.agent_id: 0.0
            if agent.connected
            else max(0.0, (now - (agent.heard_at or agent.started_at)).total_seconds())
            for agent in self._by_token.values()
        }

    # what is heard

    def heard(self, token: str) -> AtWork | None:
        """Something came from the page."""
        agent = self._by_token.get(token)
        if agent is not None:
            agent.heard_at = self._clock.now()
        return agent

    def connected(self, token: str) -> AtWork | None:
        """The page has a socket."""
        agent = self.heard(token)
        if agent is not None:
            agent.connected = agent.had_socket = True
            agent.lost_at = None
        return agent

    def is_there(self, token: str) -> None:
        """A router says that it hears the page, or did a moment ago."""
        agent = self.heard(token)
        if agent is not None:
            agent.lost_at = None
            agent.connected = agent.had_socket

    def lost(self, token: str) -> None:
        """The page's last socket is gone: its grace begins, unless it has begun."""
        agent = self._by_token.get(token)
        if agent is not None and agent.lost_at is None:
            now = self._clock.now()
            agent.heard_at = now if agent.connected else agent.heard_at
            agent.connected, agent.had_socket = False, True
            agent.lost_at = now

    def all_lost(self, *, only_with_socket: bool) -> None:
        """The run was resumed: whoever was connected has to come back.

        After a restart it is not known who had a socket: `only_with_socket` False where all pages have one.
        """
        now = self._clock.now()
        for agent in self._by_token.values():
            if agent.had_socket or not only_with_socket:
                agent.connected = False
                agent.lost_at = agent.lost_at or now

    def router_lost(self, channel_id: str) -> None:
        """A router cannot be reached: its pages are heard of no more, and judged by nobody until it is back."""
        self._routers[channel_id] = None
        now = self._clock.now()
        for agent in self._by_token.values():
            if agent.connected and agent.channel_id == channel_id:
                agent.connected, agent.heard_at = False, now

    def router_back(self, channel_id: str) -> None:
        """A router can be reached again: its pages have to come back, and have a while for it."""
        now = self._clock.now()
        self._routers[channel_id] = now + timedelta(seconds=CHANCE_SECONDS)
        for agent in self._by_token.values():
            if agent.had_socket and agent.channel_id in ("", channel_id):
                agent.connected = False
                agent.lost_at = agent.lost_at or now

    def is_excused(self, channel_id: str) -> bool:
        """Whether the pages of this router are judged by nobody now, for what the router suffered."""
        if channel_id not in self._routers:
            return False
        until = self._routers[channel_id]
        return until is None or self._clock.now() < until

    # time

    def give_chance(self, seconds: float = CHANCE_SECONDS) -> None:
        """Judge nobody for so long."""
        self._not_before = max(self._not_before, self._clock.now() + timedelta(seconds=seconds))

    def before_sleep(self) -> None:
        """The watch is about to sleep."""
        self._slept_from = (self._clock.now(), self._clock.monotonic())

    def after_sleep(self, asked_seconds: float) -> bool:
        """The watch woke up. True when far more time passed than it asked for: everybody gets a new chance.

        Time that this computer slept, or that its clock was set by, is nobody's working time.
        """
        wall, steady = self._slept_from
        slept = (self._clock.now() - wall).total_seconds()
        drift = slept - (self._clock.monotonic() - steady)
        if slept - asked_seconds <= JUMP_SECONDS and abs(drift) <= JUMP_SECONDS:
            return False
        if abs(drift) > JUMP_SECONDS:
            self._shift(timedelta(seconds=drift))
        self.give_chance()
        return True

    def _shift(self, drift: timedelta) -> None:
        self._not_before += drift
        self._routers = {key: until and until + drift for key, until in self._routers.items()}
        for agent in self._by_token.values():
            agent.started_at += drift
            agent.lost_at = agent.lost_at and agent.lost_at + drift
            agent.heard_at = agent.heard_at and agent.heard_at + drift
            agent.logic_ended_at = agent.logic_ended_at and agent.logic_ended_at + drift
        for move in self.when_shifted:
            move(drift)

    @property
    def is_judging(self) -> bool:
        """Whether anybody is judged now: not while everybody has a chance to come back."""
        return self._clock.now() >= self._not_before

    def list_overdue(self) -> Sequence[Overdue]:
        """The agents whose time is up now; none while everybody has a chance to come back."""
        if not self.is_judging:
            return ()
        now = self._clock.now()
        found = []
        for agent in self._by_token.values():
            verdict = None if self.is_excused(agent.channel_id) else self._judge(agent, now)
            if verdict is not None:
                found.append(Overdue(agent, *verdict))
        return found

    def _judge(self, agent: AtWork, now: datetime) -> tuple[AgentStatus, str] | None:
        rules = self.rules
        if agent.lost_at is not None and now - agent.lost_at >= rules.reconnect_grace:
            return AgentStatus.DISCONNECT, "The connection to your page was lost for too long."
        if agent.status is AgentStatus.WAITING:
            if now - agent.started_at >= rules.waiting_limit:
                return AgentStatus.TIMEOUT, "Nobody came to do this task with you. Thank you for waiting."
            return None
        if agent.logic_ended_at is not None and now - agent.logic_ended_at >= rules.submission_timeout:
            return AgentStatus.TIMEOUT, "The task was over, and nothing was handed in in time."
        if now - agent.started_at >= rules.assignment_duration:
            return AgentStatus.TIMEOUT, "The time for this unit is over."
        return None
