"""The router's view of the desktop: whether it is there, when it was heard of, and what waits for it. Sans I/O."""

from __future__ import annotations

from collections import deque

from app.architects.router.limits import Limits
from app.data.packets import Packet, PacketType


class DesktopLink:
    """One desktop. `local`: it lives on the router's own loop, so it is alive whenever it is attached."""

    def __init__(self, limits: Limits, *, local: bool) -> None:
        self._limits = limits
        self.local = local
        self.is_open = False
        self._heard_at: float | None = None
        self._held: deque[Packet] = deque()
        self._unread: deque[Packet] = deque()
        self._sent = self._read = 0

    def open(self, now: float) -> list[Packet]:
        """The desktop attached; returns the packets that waited for it, oldest first."""
        self.is_open = True
        self._heard_at = now
        held = list(self._held)
        self._held.clear()
        self._sent = self._read = 0
        for packet in held:
            self.sent(packet)
        return held

    def close(self, now: float) -> None:
        """The desktop is away. What went into its connection unread goes out again: it takes each once."""
        self.is_open = False
        self._held.extendleft(reversed(self._unread))
        self._unread.clear()
        if self.local:
            self._heard_at = now

    def heard(self, now: float) -> None:
        """A packet of the desktop came."""
        self._heard_at = now

    def sent(self, packet: Packet) -> None:
        """A packet went into the channel: a page's live update is kept until the desktop has read it."""
        if self.local or packet.packet_type is not PacketType.MEPHISTO_BOUND_LIVE_UPDATE:
            return
        self._sent += 1
        self._unread.append(packet)
        if len(self._unread) > self._limits.desktop_held_packets:
            self._unread.popleft()
            self._read += 1

    def has_read(self, count: int) -> None:
        """The desktop has read so many live updates since the channel opened."""
        while self._unread and self._read < min(count, self._sent):
            self._unread.popleft()
            self._read += 1

    def hold(self, packet: Packet) -> bool:
        """Keep a page's packet until the desktop is back; False when too many are kept."""
        if len(self._held) >= self._limits.desktop_held_packets:
            return False
        self._held.append(packet)
        return True

    def ping_age(self, now: float) -> float:
        """Seconds since the desktop was certainly alive; a day when it never was."""
        if self.local and self.is_open:
            return 0.0
        return 86_400.0 if self._heard_at is None else max(0.0, now - self._heard_at)

    def is_silent(self, now: float) -> bool:
        """Whether a dialled channel is open but has said nothing for too long."""
        return self.is_open and not self.local and self.ping_age(now) > self._limits.desktop_silent_seconds
