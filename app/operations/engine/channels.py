"""The channels of one run, as one thing to send to; which of them are open."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

from app.architects.base import Channel
from app.data.packets import Packet, PacketType

log = logging.getLogger(__name__)

OnPacket = Callable[[Packet, str], Awaitable[None]]
"""Gets a packet and the id of the channel it came by."""


class Channels:
    """All ways to the routers of one run."""

    def __init__(self) -> None:
        self._channels: Mapping[str, Channel] = {}

    def use(self, channels: Sequence[Channel]) -> None:
        """These are the channels from now on."""
        self._channels = {channel.channel_id: channel for channel in channels}

    def states(self) -> list[tuple[str, bool]]:
        """(id, open now) of each channel."""
        return [(channel_id, channel.is_alive()) for channel_id, channel in self._channels.items()]

    def any_alive(self) -> bool:
        """Whether some router can be reached."""
        return any(channel.is_alive() for channel in self._channels.values())

    async def open(self, on_packet: OnPacket, on_state: Callable[[str, bool], None]) -> None:
        """Open all. `on_state` gets the channel's id and whether it is open."""
        for channel_id, channel in self._channels.items():
            await channel.open(partial(_deliver, on_packet, channel_id), partial(on_state, channel_id))

    async def send(self, packet: Packet, channel_id: str = "") -> bool:
        """Send by one channel; without an id by all. False when no router took it.

        A page has its connections to one router: another that is told of it would keep what it can give to nobody.
        """
        channel = self._channels.get(channel_id)
        if channel is not None:
            return await channel.send(packet)
        return any([await each.send(packet) for each in self._channels.values()])

    async def broadcast(self, packet: Packet) -> None:
        """Send to every router that can be reached."""
        for channel in self._channels.values():
            await channel.send(packet)

    async def push_status(
        self, token: str, status: str, channel_id: str = "", reason: str = "", news: Mapping[str, Any] | None = None
    ) -> None:
        """Tell a page where its agent stands; `news` is what else is worth knowing now, and is kept nowhere."""
        data: dict[str, Any] = {"status": status, **(news or {})}
        if reason:
            data["reason"] = reason
        await self.send(Packet(PacketType.UPDATE_STATUS, token, data), channel_id)

    async def close(self) -> None:
        """Close all for good."""
        for channel in self._channels.values():
            await channel.close()


async def _deliver(on_packet: OnPacket, channel_id: str, packet: Packet) -> None:
    await on_packet(packet, channel_id)
