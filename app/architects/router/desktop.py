"""The router's view of the desktop: whether it is there, when it was heard of, and what waits for it. Sans I/O."""

from __future__ import annotations

from collections import deque

from app.architects.router.limits import Limits
from app.data.packets import Packet


class DesktopLink:
    """One desktop. `local`: it lives on the router's own loop, so it is alive whenever it is attached."""

    def __init__(self, limits: Limits, *, local: bool) -> None:
        self._limits = limits
        self.local = local
        self.is_open = False
        self._heard_at: float | None = None
        self._held: deque[Packet] = deque()

    def open(self, now: float) -> list[Packet]:
        """The desktop attached; returns the packets that waited for it, oldest first."""
        self.is_open = True
        self._heard_at = now
        held = list(self._held)
        self._held.clear()
        return held

    def close(self, now: float) -> None:
        """The desktop is away."""
        self.is_open = False
        if self.local:
            self._heard_at = now

    def heard(self, now: float) -> None:
        """A packet of the desktop came."""
        self._heard_at = now

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
