"""The agents a router knows: what the desktop told it about their tokens, and what waits for their pages. Sans I/O."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field

from app.architects.router.limits import Bucket, Limits
from app.data.packets import ONBOARDING_PREFIX

LIVE_STATUSES = frozenset({"none", "accepted", "onboarding", "waiting", "in task"})
"""Statuses of a page that is at work: its silence is news for the desktop."""

FORGET_SECONDS = 60.0
"""An agent that is done, with no socket for so long, is forgotten; the desktop is asked if its page comes back."""

DENIED_SECONDS = 60.0
MAX_DENIED = 10_000


@dataclass(frozen=True, slots=True)
class Said:
    """A live update for a page, as a frame; pages know it by its id and show it once, however often it comes."""

    update_id: str
    text: str


@dataclass(slots=True)
class Agent:
    """One token. `sockets` are ids in the order they said `alive`; `held` are frames for a page that is away."""

    token: str
    status: str
    idle_since: float
    sockets: dict[int, None] = field(default_factory=dict)
    held: deque[Said] | None = None
    held_bytes: int = 0
    updates: Bucket | None = None
    volume: Bucket | None = None
    """What its page may say: how often, and how much; None until it says something."""

    def may_say(self, size: int, limits: Limits, now: float) -> bool:
        """Whether the page may say something of that size now."""
        if self.updates is None or self.volume is None:
            self.updates = Bucket(limits.frames_per_second, limits.frame_burst, now)
            self.volume = Bucket(limits.live_bytes_per_second, limits.live_burst_bytes, now)
        return self.updates.take(now) and self.volume.take(now, size)

    @property
    def is_live(self) -> bool:
        """Whether the agent is at work, as far as the router was told."""
        return self.status in LIVE_STATUSES


class AgentBook:
    """Known tokens, and tokens that the desktop denied lately.

    Those at work and those that are done are kept apart: a run of a million units has few of the first.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._live: dict[str, Agent] = {}
        self._done: dict[str, Agent] = {}
        self._denied: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._live) + len(self._done)

    def find(self, token: str) -> Agent | None:
        """The agent of a token, or None when the desktop has not spoken of it."""
        return self._live.get(token) or self._done.get(token)

    def learn(self, token: str, status: str | None, now: float) -> Agent:
        """The desktop named this token: it is an agent's. `status` None keeps the one known."""
        agent = self.find(token)
        if agent is None:
            self._denied.pop(token, None)
            first = "onboarding" if token.startswith(ONBOARDING_PREFIX) else "accepted"
            agent = self._live[token] = Agent(token, first, now)
        if status:
            self.set_status(agent, status, now)
        return agent

    def set_status(self, agent: Agent, status: str, now: float) -> None:
        """The agent stands here now."""
        agent.status = status
        if agent.is_live:
            if self._done.pop(agent.token, None) is not None:
                self._live[agent.token] = agent
        elif self._live.pop(agent.token, None) is not None:
            agent.idle_since = now
            self._done[agent.token] = agent

    def deny(self, token: str, now: float) -> None:
        """The desktop has no agent of this token: nobody asks it again for a minute."""
        self._live.pop(token, None)
        self._done.pop(token, None)
        self._denied.pop(token, None)
        if len(self._denied) >= MAX_DENIED:
            del self._denied[next(iter(self._denied))]
        self._denied[token] = now + DENIED_SECONDS

    def is_denied(self, token: str, now: float) -> bool:
        """Whether the desktop denied this token within the last minute."""
        until = self._denied.get(token)
        return until is not None and until > now

    def hold(self, agent: Agent, said: Said) -> int:
        """Keep a frame for an agent with no socket; returns how many older ones had to go for it."""
        held = agent.held
        if held is None:
            held = agent.held = deque()
        held.append(said)
        agent.held_bytes += len(said.text)
        dropped = 0
        while len(held) > self._limits.held_packets or agent.held_bytes > self._limits.held_bytes:
            agent.held_bytes -= len(held.popleft().text)
            dropped += 1
        return dropped

    def take_held(self, agent: Agent) -> list[Said]:
        """The frames kept for an agent, oldest first; they are no longer kept."""
        held = list(agent.held or ())
        agent.held = None
        agent.held_bytes = 0
        return held

    def drop_held(self, agent: Agent, update_ids: Collection[str]) -> None:
        """The page has these by another way."""
        for said in self.take_held(agent):
            if said.update_id not in update_ids:
                self.hold(agent, said)

    def list_live(self) -> list[str]:
        """The tokens of all agents at work."""
        return list(self._live)

    def statuses(self, now: float) -> dict[str, str]:
        """What `return_statuses` says: live agents, `disconnect` for those silent longer than the heartbeat allows."""
        silent = self._limits.heartbeat_seconds
        return {
            agent.token: agent.status if agent.sockets or now - agent.idle_since < silent else "disconnect"
            for agent in self._live.values()
        }

    def forget(self, now: float) -> None:
        """Drop agents that are done and away, and denials that are old. Both are in the order of their time."""
        for _ in range(len(self._done)):
            token, agent = next(iter(self._done.items()))
            if now - agent.idle_since <= FORGET_SECONDS:
                break
            del self._done[token]
            if agent.sockets:
                agent.idle_since = now
                self._done[token] = agent
        while self._denied:
            token, until = next(iter(self._denied.items()))
            if until > now:
                break
            del self._denied[token]
