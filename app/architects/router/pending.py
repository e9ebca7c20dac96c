"""Requests of pages that wait for the desktop, and tokens of which the desktop is being asked. Sans I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from app.architects.router.limits import Bucket, Limits, is_loopback
from app.data.packets import Packet, PacketType

STATUSES_GRACE_SECONDS = 1.0
"""After a channel opened, tokens are asked about one by one only when `return_statuses` had time to name them all."""


@dataclass(slots=True)
class Pending:
    """A page's request that waits for the desktop."""

    request_id: str
    packet: Packet
    address: str
    deadline: float


class PendingRequests:
    """What waits, in the order of its deadlines: all requests have the same patience."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._waiting: dict[str, Pending] = {}
        self._per_address: Counter[str] = Counter()

    def __contains__(self, request_id: str) -> bool:
        return request_id in self._waiting

    def __iter__(self) -> Iterator[Pending]:
        return iter(self._waiting.values())

    def __len__(self) -> int:
        return len(self._waiting)

    def is_full(self, address: str) -> bool:
        """Whether no more may wait, at all or from this address."""
        limits = self._limits
        mine = limits.pending_requests if is_loopback(address) else limits.pending_per_address
        return len(self._waiting) >= limits.pending_requests or self._per_address[address] >= mine

    def add(self, request_id: str, packet: Packet, address: str, now: float) -> None:
        """A request waits from now on."""
        self._waiting[request_id] = Pending(request_id, packet, address, now + self._limits.answer_seconds)
        self._per_address[address] += 1

    def find(self, request_id: str) -> Pending | None:
        """The request of that id while it waits, or None."""
        return self._waiting.get(request_id)

    def take(self, request_id: str) -> Pending | None:
        """The request is answered or given up; None when it does not wait."""
        pending = self._waiting.pop(request_id, None)
        if pending is not None:
            self._per_address[pending.address] -= 1
            if self._per_address[pending.address] <= 0:
                del self._per_address[pending.address]
        return pending

    def expired(self, now: float) -> list[Pending]:
        """The requests whose deadline has come, no longer waiting."""
        late = []
        for pending in self._waiting.values():
            if pending.deadline > now:
                break
            late.append(pending)
        for pending in late:
            self.take(pending.request_id)
        return late


@dataclass(slots=True)
class Ask:
    """A token of which the desktop is asked; `asked_at` None: not yet. `requests` wait for it, beside sockets."""

    token: str
    asked_at: float | None = None
    requests: list[str] = field(default_factory=list)


class TokenAsks:
    """Tokens the router was not told of. Each is asked about once, at a bounded rate, while somebody waits for it."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._asks: dict[str, Ask] = {}
        self._from = 0.0
        self._bucket = Bucket(limits.unknown_tokens_per_second, limits.unknown_token_burst, 0.0)

    def __len__(self) -> int:
        return len(self._asks)

    def opened(self, now: float) -> None:
        """A channel opened: what was asked before is asked again, unless `return_statuses` says it all."""
        self._from = now + STATUSES_GRACE_SECONDS
        for ask in self._asks.values():
            ask.asked_at = None

    def statuses_came(self, now: float) -> None:
        """The desktop named its agents: what is still unknown may be asked about."""
        self._from = now

    def want(self, token: str, request_id: str | None = None) -> None:
        """Somebody waits for this token."""
        ask = self._asks.setdefault(token, Ask(token))
        if request_id is not None:
            ask.requests.append(request_id)

    def question(self, token: str, now: float, wall: float) -> Packet | None:
        """The packet that asks about a token, when it is to be asked now."""
        ask = self._asks.get(token)
        if ask is None or ask.asked_at is not None or now < self._from or not self._bucket.take(now):
            return None
        ask.asked_at = now
        data = {"request_id": f"ask-{token[:16]}"}
        return Packet(PacketType.REQUEST_AGENT_STATUS, token, data, router_outgoing_timestamp=wall)

    def questions(self, now: float, wall: float) -> list[Packet]:
        """All packets that are to be sent now."""
        found = [self.question(token, now, wall) for token in list(self._asks)]
        return [packet for packet in found if packet is not None]

    def settle(self, token: str) -> list[str]:
        """The desktop spoke of a token; returns the requests that waited for it."""
        ask = self._asks.pop(token, None)
        return [] if ask is None else ask.requests

    def late(self, now: float, is_wanted: Callable[[Ask], bool]) -> list[str]:
        """Tokens of which the desktop said nothing in time. Those that nobody wants any more are forgotten."""
        self._asks = {token: ask for token, ask in self._asks.items() if is_wanted(ask)}
        patience = self._limits.answer_seconds
        late = [ask.token for ask in self._asks.values() if ask.asked_at is not None and now - ask.asked_at > patience]
        for token in late:
            del self._asks[token]
        return late
