"""A desktop for routers to talk to: it takes registrations and submissions, and remembers what it was told."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from typing import Any

from app.architects.base import Channel
from app.data.packets import DESKTOP_ID, Packet, PacketType

ANSWERS = {
    PacketType.REGISTER_AGENT: PacketType.AGENT_DETAILS,
    PacketType.SUBMIT_ONBOARDING: PacketType.AGENT_DETAILS,
    PacketType.SUBMIT_UNIT: PacketType.SUBMIT_ACKNOWLEDGED,
    PacketType.SUBMIT_METADATA: PacketType.SUBMIT_ACKNOWLEDGED,
    PacketType.RETURN_UNIT: PacketType.SUBMIT_ACKNOWLEDGED,
    PacketType.REQUEST_WORKER_STATE: PacketType.WORKER_STATE,
    PacketType.REQUEST_AGENT_STATUS: PacketType.AGENT_STATUS,
    PacketType.REQUEST_STATUSES: PacketType.RETURN_STATUSES,
}


class Desk:
    """Answers every request at once, as a desktop that has committed it; one token per registration id, for ever."""

    def __init__(self) -> None:
        self.packets: list[Packet] = []
        self.agents: dict[str, str] = {}
        """Status by token."""
        self.submissions: dict[str, Any] = {}
        """What was handed in, by token; a repetition changes nothing."""
        self.states: list[bool] = []
        """What the channel said of itself."""
        self.silent: set[PacketType] = set()
        """Requests that are left without an answer."""
        self.channel: Channel | None = None
        self._heard = asyncio.Condition()

    async def open(self, channel: Channel) -> None:
        """Work behind this channel."""
        self.channel = channel
        await channel.open(self._take, self._state)

    async def heard(self, kind: PacketType, matches: Callable[[Packet], bool] = lambda packet: True) -> Packet:
        """Wait for the first packet of a kind that matches (it may have come already)."""
        async with asyncio.timeout(15), self._heard:
            while True:
                for packet in self.packets:
                    if packet.packet_type is kind and matches(packet):
                        return packet
                await self._heard.wait()

    async def saw_state(self, alive: bool) -> None:
        """Wait until the channel has said this of itself as its latest word."""
        async with asyncio.timeout(15), self._heard:
            while not self.states or self.states[-1] is not alive:
                await self._heard.wait()

    async def send(self, kind: PacketType, subject: str, data: dict[str, Any]) -> bool:
        """Say something to the router."""
        assert self.channel is not None
        return await self.channel.send(Packet(kind, subject, data))

    def tell(self, kind: PacketType) -> list[Packet]:
        """All packets of a kind so far."""
        return [packet for packet in self.packets if packet.packet_type is kind]

    async def _take(self, packet: Packet) -> None:
        async with self._heard:
            self.packets.append(packet)
            self._heard.notify_all()
        if packet.packet_type not in ANSWERS or packet.packet_type in self.silent:
            return
        data = self._answer(packet)
        if packet.packet_type is not PacketType.REQUEST_STATUSES:
            data = {"request_id": packet.data["request_id"]} | data
        subject = packet.subject_id if packet.packet_type is not PacketType.REQUEST_STATUSES else DESKTOP_ID
        await self.send(ANSWERS[packet.packet_type], subject, data)

    def _answer(self, packet: Packet) -> dict[str, Any]:
        match packet.packet_type:
            case PacketType.REGISTER_AGENT:
                token = hashlib.sha256(str(packet.data["provider_data"]).encode()).hexdigest()[:43]
                self.agents.setdefault(token, "in task")
                return self._details(token)
            case PacketType.SUBMIT_ONBOARDING:
                self.agents[packet.subject_id] = "approved"
                token = packet.subject_id.removeprefix("onboarding_")
                self.agents.setdefault(token, "in task")
                return self._details(token)
            case PacketType.SUBMIT_UNIT:
                if packet.subject_id not in self.agents:
                    return {"failure_reason": "This work is not known."}
                self.submissions.setdefault(packet.subject_id, packet.data)
                self.agents[packet.subject_id] = "completed"
                return {"failure_reason": None}
            case PacketType.REQUEST_WORKER_STATE:
                return {"worker_name": packet.data["provider_data"]["worker_name"], "units_left": 3}
            case PacketType.REQUEST_AGENT_STATUS:
                return {"status": self.agents.get(packet.subject_id)}
            case PacketType.REQUEST_STATUSES:
                return {token: status for token, status in self.agents.items() if status == "in task"}
            case _:
                return {"failure_reason": None}

    def _details(self, token: str) -> dict[str, Any]:
        facts = {"worker_id": "1", "agent_id": token, "init_task_data": {"text": "hello"}, "failure_reason": None}
        return facts | {"status": self.agents[token]}

    def _state(self, alive: bool) -> None:
        self.states.append(alive)
        task = asyncio.ensure_future(self._tell_all())
        task.add_done_callback(lambda done: None)

    async def _tell_all(self) -> None:
        async with self._heard:
            self._heard.notify_all()
