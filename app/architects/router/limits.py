"""What a router takes from the world before it refuses: every limit and the buckets that measure rates."""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MIB = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """Limits of one router. Rates are a second's worth; a burst is what may come at once after a pause."""

    json_body_bytes: int = 10 * MIB
    file_bytes: int = 200 * MIB
    upload_bytes: int = 1024 * MIB
    """All files of one submission together."""
    files_per_submission: int = 50
    frame_bytes: int = MIB
    channel_frame_bytes: int = 64 * MIB
    """Frames between desktop and router hold whole submissions."""
    requests_per_second: float = 100.0
    request_burst: int = 1000
    """Per address. A lecture hall behind one address may open the page at once; a flood may not go on."""
    loopback_requests_per_second: float = 5000.0
    loopback_request_burst: int = 20_000
    """For this machine itself: rehearsals and reverse proxies."""
    worker_requests_per_second: float = 20.0
    worker_request_burst: int = 100
    """Per worker name (registrations) and per agent (submissions)."""
    pending_requests: int = 4096
    """Requests waiting for the desktop, over all addresses."""
    pending_per_address: int = 1024
    connections: int = 20_000
    connections_per_address: int = 1000
    """Not for loopback, which has the whole number."""
    sockets_per_agent: int = 8
    frames_per_second: float = 50.0
    frame_burst: int = 500
    """Per socket; live updates also per agent, by however many connections they come."""
    live_bytes_per_second: float = 1.0 * MIB
    live_burst_bytes: int = 8 * MIB
    """Of one agent's live updates."""
    outbox_bytes: int = 8 * MIB
    """Frames waiting for a socket whose page does not read; beyond, it is closed."""
    held_packets: int = 200
    held_bytes: int = MIB
    """Live updates kept for an agent while it has no socket."""
    desktop_held_packets: int = 10_000
    """Live updates of pages kept while the desktop is away."""
    unknown_tokens_per_second: float = 200.0
    unknown_token_burst: int = 2000
    """Tokens of which the desktop is asked."""
    unconfirmed_sockets: int = 4000
    """Sockets whose token the desktop has not confirmed yet."""
    spool_bytes: int = 4096 * MIB
    answer_seconds: float = 15.0
    """How long the desktop has for an answer."""
    alive_seconds: float = 15.0
    """How long a socket has to say which agent it is."""
    heartbeat_seconds: float = 15.0
    """A socket silent for longer is closed (a page beats every 6 s)."""
    desktop_silent_seconds: float = 30.0
    """A dialled channel silent for longer is closed (the desktop pings every 5 s)."""
    request_seconds: float = 15.0
    """How long a request may take to arrive, besides what `slowest_bytes_per_second` allows its body."""
    slowest_bytes_per_second: float = 4096.0
    stalled_seconds: float = 20.0
    """How long a client may leave what was sent to it unread."""

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Limits:
        """Limits with some changed; `ValueError` names a key that is none, or a value that is no positive number."""
        known = {field.name: field.default for field in dataclasses.fields(cls)}
        made: dict[str, Any] = {}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f'there is no limit "{name}"; there are {", ".join(known)}')
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e15:
                raise ValueError(f'the limit "{name}" must be a number above 0; it is {value!r}')
            made[name] = int(value) if isinstance(known[name], int) else float(value)
        return cls(**made)


class Bucket:
    """A token bucket: `rate` tokens a second up to `burst`; time is passed in."""

    __slots__ = ("burst", "rate", "stamp", "tokens")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self.rate, self.burst, self.stamp, self.tokens = rate, burst, now, float(burst)

    def take(self, now: float, cost: float = 1.0) -> bool:
        """Take a token, or as many as something costs; False, with nothing taken, when there are not so many."""
        tokens = self.tokens + (now - self.stamp) * self.rate
        self.stamp = now
        self.tokens = tokens = min(tokens, self.burst)
        if tokens < cost:
            return False
        self.tokens = tokens - cost
        return True

    def seconds_until_next(self) -> int:
        """Whole seconds after which a token will be there (for Retry-After), at least 1."""
        return max(1, round((1.0 - self.tokens) / self.rate + 0.5))


class RateLimiter:
    """A bucket per key (an address, a worker, an agent). Full buckets are forgotten; at most `max_keys` are kept."""

    def __init__(self, rate: float, burst: int, max_keys: int = 50_000) -> None:
        self._rate, self._burst, self._max_keys = rate, burst, max_keys
        self._buckets: dict[str, Bucket] = {}

    def take(self, key: str, now: float) -> int:
        """Take one token of `key`: 0, or the seconds after which to come again."""
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= self._max_keys:
                del self._buckets[next(iter(self._buckets))]
            bucket = self._buckets[key] = Bucket(self._rate, self._burst, now)
        return 0 if bucket.take(now) else bucket.seconds_until_next()

    def forget_idle(self, now: float) -> None:
        """Drop the buckets that are full again."""
        refill = self._burst / self._rate
        self._buckets = {key: bucket for key, bucket in self._buckets.items() if now - bucket.stamp < refill}

    def __len__(self) -> int:
        return len(self._buckets)


def address_key(address: str) -> str:
    """What counts as one address: an IPv4 address, or the /64 network that one IPv6 customer has."""
    if ":" not in address:
        return address
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        if not parsed.is_loopback:
            return str(ipaddress.ip_network((parsed, 64), strict=False).network_address) + "/64"
    return str(parsed)


def is_loopback(address: str) -> bool:
    """Whether a key of `address_key` is this machine itself."""
    return address.startswith("127.") or address == "::1"
