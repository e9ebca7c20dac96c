"""Who is in the onboarding of a run, by token, and when their time is up. They hold no unit: they have a room apart.

The times are those of units: as long as a unit may take, and the same grace for a connection that was lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.clock import Clock
from app.data.states import AgentStatus
from app.operations.engine.presence import TimeRules

LOST = "The connection to your page was lost for too long. You can begin this introduction again."
TOO_LONG = "The time for this introduction is over. You can begin it again."


@dataclass(slots=True)
class Newcomer:
    """One worker in the onboarding. `lost_at`: since when their page, which had a socket, is away."""

    token: str
    onboarding_agent_id: int
    worker_id: int
    worker_name: str
    started_at: datetime
    channel_id: str = ""
    had_socket: bool = False
    lost_at: datetime | None = None
    heard_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OverdueNewcomer:
    """A newcomer whose time is up: what becomes of them, and why, for their page."""

    newcomer: Newcomer
    status: AgentStatus
    reason: str


class OnboardingRoom:
    """The newcomers of one run: those who have begun the onboarding and not answered."""

    def __init__(self, rules: TimeRules, clock: Clock) -> None:
        self.rules = rules
        self.peak = 0
        self._clock = clock
        self._by_token: dict[str, Newcomer] = {}

    def __len__(self) -> int:
        return len(self._by_token)

    def __iter__(self) -> Iterator[Newcomer]:
        return iter(list(self._by_token.values()))

    def enter(self, newcomer: Newcomer) -> Newcomer:
        """Somebody begins; who is known already stays as they are."""
        known = self._by_token.setdefault(newcomer.token, newcomer)
        self.peak = max(self.peak, len(self._by_token))
        return known

    def leave(self, token: str) -> Newcomer | None:
        """They have answered, or are gone."""
        return self._by_token.pop(token, None)

    def find(self, token: str) -> Newcomer | None:
        """The newcomer of a token."""
        return self._by_token.get(token)

    def statuses(self) -> dict[str, str]:
        """token -> status, for routers."""
        return dict.fromkeys(self._by_token, str(AgentStatus.ONBOARDING))

    def seconds_since_heard(self) -> Mapping[int, float]:
        """onboarding_agent_id -> seconds since the page was heard of: 0 while its socket is open, since the beginning
        if never."""
        now = self._clock.now()
        return {
            one.onboarding_agent_id: 0.0
            if one.had_socket and one.lost_at is None
            else max(0.0, (now - (one.heard_at or one.started_at)).total_seconds())
            for one in self._by_token.values()
        }

    # what is heard

    def heard(self, token: str, channel_id: str) -> None:
        """The page asked for something."""
        newcomer = self._by_token.get(token)
        if newcomer is not None:
            newcomer.channel_id = channel_id
            newcomer.heard_at = self._clock.now()

    def connected(self, token: str, channel_id: str) -> None:
        """The page has a socket."""
        newcomer = self._by_token.get(token)
        if newcomer is not None:
            self.heard(token, channel_id)
            newcomer.had_socket, newcomer.lost_at = True, None

    def is_there(self, token: str) -> None:
        """A router says that it hears the page, or did a moment ago."""
        newcomer = self._by_token.get(token)
        if newcomer is not None:
            newcomer.heard_at, newcomer.lost_at = self._clock.now(), None

    def lost(self, token: str, channel_id: str) -> None:
        """The page's last socket is gone; not of one who moved to another router, or never had one."""
        newcomer = self._by_token.get(token)
        if newcomer is not None and newcomer.channel_id in ("", channel_id) and newcomer.had_socket:
            newcomer.lost_at = newcomer.lost_at or self._clock.now()

    def all_lost(self) -> None:
        """No router could be reached: whoever had a socket has to come back."""
        now = self._clock.now()
        for newcomer in self._by_token.values():
            if newcomer.had_socket:
                newcomer.lost_at = newcomer.lost_at or now

    # time

    def shift(self, drift: timedelta) -> None:
        """The clock was set, or the computer slept: that is nobody's time."""
        for newcomer in self._by_token.values():
            newcomer.started_at += drift
            newcomer.lost_at = newcomer.lost_at and newcomer.lost_at + drift
            newcomer.heard_at = newcomer.heard_at and newcomer.heard_at + drift

    def list_overdue(self) -> Sequence[OverdueNewcomer]:
        """Those whose time is up now."""
        now = self._clock.now()
        found = []
        for newcomer in self._by_token.values():
            if newcomer.lost_at is not None and now - newcomer.lost_at >= self.rules.reconnect_grace:
                found.append(OverdueNewcomer(newcomer, AgentStatus.DISCONNECT, LOST))
            elif now - newcomer.started_at >= self.rules.assignment_duration:
                found.append(OverdueNewcomer(newcomer, AgentStatus.TIMEOUT, TOO_LONG))
        return found
