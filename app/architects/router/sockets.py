"""The pages' sockets: which agent each speaks for, and what it may say. Sans I/O: frames in, actions out."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from app.architects.router.actions import Action, CloseSocket, Refused, ToDesktop, ToSocket
from app.architects.router.agents import Agent, AgentBook, Said
from app.architects.router.desktop import DesktopLink
from app.architects.router.limits import Bucket, Limits
from app.data.packets import DESKTOP_ID, ONBOARDING_PREFIX, Packet, PacketError, PacketType

CLOSE_MALFORMED = 1007
CLOSE_POLICY = 1008
CLOSE_TRY_LATER = 1013
CLOSE_UNKNOWN_AGENT = 4404
CLOSE_SILENT = 4408
CLOSE_FLOOD = 4429

PAGE_TYPES = frozenset(
    {PacketType.ALIVE, PacketType.HEARTBEAT, PacketType.MEPHISTO_BOUND_LIVE_UPDATE, PacketType.ERROR}
)
"""What a page may send; everything else is the desktop's or the router's word."""

EARLY_FRAMES = 32
"""What a page says before its token is confirmed is kept, up to so much."""

LEFT_BEHIND_SECONDS = 3600.0

PROVEN_SECONDS = 10.0
"""A page that is heard has got what was sent so long before. A connection may die without a word: what went into it
later is sent again by the next one."""

TOKEN_SHAPE = re.compile(r"[A-Za-z0-9_-]{20,120}")


@dataclass(slots=True)
class PageSocket:
    """One socket. `token` is what it claims to be, None before its first frame; `agent` once that is confirmed."""

    socket_id: int
    address: str
    seen_at: float
    bucket: Bucket
    token: str | None = None
    agent: Agent | None = None
    early: list[Packet] = field(default_factory=list)
    """Said before the token was confirmed: passed on then."""
    unproven: deque[tuple[float, Said]] = field(default_factory=deque)
    """What was sent lately, and may have been lost with the connection."""

    def sent(self, said: Said, now: float, most: int) -> ToSocket:
        """Send a live update; the oldest that is not proven is given up beyond `most`."""
        self.unproven.append((now, said))
        if len(self.unproven) > most:
            self.unproven.popleft()
        return ToSocket(self.socket_id, said.text)

    def proven(self, now: float) -> None:
        """The page was heard: its connection carries."""
        while self.unproven and now - self.unproven[0][0] > PROVEN_SECONDS:
            self.unproven.popleft()


class PageSockets:
    """All sockets of one router's pages."""

    def __init__(self, limits: Limits, book: AgentBook, desktop: DesktopLink) -> None:
        self._limits, self._book, self._desktop = limits, book, desktop
        self._sockets: dict[int, PageSocket] = {}
        self._claims: dict[str, set[int]] = {}
        self._unconfirmed = 0

    def __len__(self) -> int:
        return len(self._sockets)

    def open(self, socket_id: int, address: str, now: float) -> None:
        """A socket was accepted."""
        bucket = Bucket(self._limits.frames_per_second, self._limits.frame_burst, now)
        self._sockets[socket_id] = PageSocket(socket_id, address, now, bucket)

    def frame(self, socket_id: int, text: str, now: float, wall: float) -> tuple[list[Action], str | None]:
        """A frame came; returns what to do, and a token of which the desktop should be asked."""
        socket = self._sockets.get(socket_id)
        if socket is None:
            return [], None
        socket.seen_at = now
        if not socket.bucket.take(now):
            return self._refuse(socket, "frame_flood", "too many frames in a second", CLOSE_FLOOD, now), None
        try:
            packet = Packet.from_json(text)
        except PacketError as error:
            return self._refuse(socket, "malformed_frame", str(error), CLOSE_MALFORMED, now), None
        if packet.packet_type not in PAGE_TYPES or packet.subject_id == DESKTOP_ID:
            detail = f"a page may not send {packet.packet_type} for {packet.subject_id[:12]}"
            return self._refuse(socket, "channel_hijack", detail, CLOSE_POLICY, now), None
        packet.router_incoming_timestamp = wall
        if packet.packet_type is PacketType.ALIVE:
            return self._alive(socket, packet.subject_id, now, wall)
        if socket.token is not None:
            return self._speak(socket, packet, len(text), now, wall), None
        # Bundles send what they queued before their socket was open ahead of their `alive`: who speaks is here as well.
        actions, asked = self._alive(socket, packet.subject_id, now, wall)
        if socket_id in self._sockets:
            actions += self._speak(socket, packet, len(text), now, wall)
        return actions, asked

    def _speak(self, socket: PageSocket, packet: Packet, size: int, now: float, wall: float) -> list[Action]:
        if packet.subject_id != socket.token:
            detail = "a packet for an agent that this socket has not said alive for"
            return self._refuse(socket, "foreign_agent", detail, CLOSE_POLICY, now)
        if packet.packet_type is PacketType.HEARTBEAT:
            socket.proven(now)
            return [] if socket.agent is None else [self._beat(socket.agent, socket.socket_id, packet, now, wall)]
        if socket.agent is not None:
            if not socket.agent.may_say(size, self._limits, now):
                return self._refuse(socket, "frame_flood", "the page says too much", CLOSE_FLOOD, now)
            return self._to_desktop(socket, packet, now)
        if len(socket.early) >= EARLY_FRAMES:
            return self._refuse(
                socket, "early_frames", "too much was said before the token was known", CLOSE_POLICY, now
            )
        socket.early.append(packet)
        return []

    def close(self, socket_id: int, now: float) -> list[Action]:
        """A socket was closed by the page or the network."""
        socket = self._sockets.pop(socket_id, None)
        return [] if socket is None else self._release(socket, now)

    def confirm(self, agent: Agent, now: float, wall: float) -> list[Action]:
        """The desktop knows this token: the sockets that claimed it are its agent's."""
        actions: list[Action] = []
        for socket_id in sorted(self._claims.pop(agent.token, ())):
            self._unconfirmed -= 1
            actions += self._join(self._sockets[socket_id], agent, now, wall)
        return actions

    def say(self, agent: Agent, said: Said, now: float) -> list[Action]:
        """A live update for an agent's page: sent to each of its sockets, or kept until it has one."""
        if agent.sockets:
            most = self._limits.held_packets
            return [self._sockets[socket_id].sent(said, now, most) for socket_id in agent.sockets]
        if self._book.hold(agent, said):
            return [Refused("held_overflow", "a page is away and too much waits for it", agent.token[:8])]
        return []

    def forget_said(self, agent: Agent, update_ids: Collection[str]) -> None:
        """The page was given these with its data: they are not sent again."""
        self._book.drop_held(agent, update_ids)
        for socket_id in agent.sockets:
            socket = self._sockets[socket_id]
            socket.unproven = deque(each for each in socket.unproven if each[1].update_id not in update_ids)

    def reject(self, token: str, error: str, detail: str, code: int, now: float) -> list[Action]:
        """The sockets that claimed this token are closed."""
        actions: list[Action] = []
        for socket_id in sorted(self._claims.get(token, ())):
            actions += self._refuse(self._sockets[socket_id], error, detail, code, now)
        return actions

    def is_claimed(self, token: str) -> bool:
        """Whether a socket waits for this token's confirmation."""
        return token in self._claims

    def silent(self, now: float) -> list[Action]:
        """Close the sockets that have said nothing for too long."""
        actions: list[Action] = []
        for socket in list(self._sockets.values()):
            age = now - socket.seen_at
            if socket.token is None and age > self._limits.alive_seconds:
                actions += self._refuse(socket, "never_alive", "no alive packet in time", CLOSE_SILENT, now)
            elif socket.token is not None and age > self._patience(socket):
                actions += self._drop(socket, CLOSE_SILENT, "no heartbeat", now)
        return actions

    def _patience(self, socket: PageSocket) -> float:
        """How long a socket may be silent. A live bundle opens another one for its unit and leaves that of its
        onboarding open and silent; to it, one that is closed means that the connection is lost.
        """
        agent = socket.agent
        if agent is not None and not agent.is_live and agent.token.startswith(ONBOARDING_PREFIX):
            return LEFT_BEHIND_SECONDS
        return self._limits.heartbeat_seconds

    def drop(self, socket_id: int, error: str, detail: str, now: float) -> list[Action]:
        """The shell found fault with a socket (frame too large, binary, unread): refuse and forget it."""
        socket = self._sockets.get(socket_id)
        return [] if socket is None else self._refuse(socket, error, detail, CLOSE_POLICY, now)

    def _alive(self, socket: PageSocket, token: str, now: float, wall: float) -> tuple[list[Action], str | None]:
        if socket.token == token:
            return ([_status_frame(socket.socket_id, socket.agent, wall)] if socket.agent is not None else []), None
        actions = self._release(socket, now)
        agent = self._book.find(token)
        if agent is not None:
            return actions + self._join(socket, agent, now, wall), None
        if TOKEN_SHAPE.fullmatch(token) is None or self._book.is_denied(token, now):
            detail = "no agent has this token"
            return actions + self._refuse(socket, "unknown_agent", detail, CLOSE_UNKNOWN_AGENT, now), None
        if self._unconfirmed >= self._limits.unconfirmed_sockets:
            detail = "too many sockets wait for a confirmation"
            return actions + self._refuse(socket, "too_many_unconfirmed", detail, CLOSE_TRY_LATER, now), None
        socket.token = token
        self._unconfirmed += 1
        self._claims.setdefault(token, set()).add(socket.socket_id)
        return actions, token

    def _join(self, socket: PageSocket, agent: Agent, now: float, wall: float) -> list[Action]:
        socket.token, socket.agent = agent.token, agent
        actions: list[Action] = []
        if not agent.sockets and agent.is_live and self._desktop.is_open:
            actions.append(ToDesktop(Packet(PacketType.ALIVE, agent.token, router_outgoing_timestamp=wall)))
        # a page comes by a new connection before it is known here that the one before is dead
        missed = {said.update_id: said for each in agent.sockets for _, said in self._sockets[each].unproven}
        missed.update((said.update_id, said) for said in self._book.take_held(agent))
        agent.sockets[socket.socket_id] = None
        if len(agent.sockets) > self._limits.sockets_per_agent:
            oldest = self._sockets[next(iter(agent.sockets))]
            actions += self._refuse(oldest, "too_many_sockets", "the page is open too often", CLOSE_POLICY, now)
        actions.append(_status_frame(socket.socket_id, agent, wall))
        actions += [socket.sent(said, now, self._limits.held_packets) for said in missed.values()]
        early, socket.early = socket.early, []
        for packet in early:
            actions += self._to_desktop(socket, packet, now)
        return actions

    def _beat(self, agent: Agent, socket_id: int, packet: Packet, now: float, wall: float) -> ToSocket:
        # A page closes its socket for good when the desktop's last ping looks older than 20 s by the page's own clock:
        # the ping's true age is taken from the page's own time, so that a wrong clock there cuts nobody off.
        client = packet.client_timestamp or wall
        client_ms = client if client > 1e11 else client * 1000.0  # bundles send seconds, some old ones milliseconds
        ping = client_ms - self._desktop.ping_age(now) * 1000.0
        data: dict[str, Any] = {"last_mephisto_ping": ping, "status": agent.status}
        if not self._desktop.is_open:  # known before its last ping is old
            data["away"] = True
        beat = Packet(PacketType.HEARTBEAT, agent.token, data, router_outgoing_timestamp=wall)
        beat.router_incoming_timestamp = packet.router_incoming_timestamp
        return ToSocket(socket_id, beat.to_json())

    def _to_desktop(self, socket: PageSocket, packet: Packet, now: float) -> list[Action]:
        if self._desktop.is_open:
            self._desktop.sent(packet)
            return [ToDesktop(packet)]
        if self._desktop.hold(packet):
            return []
        detail = "the desktop is away and too much waits for it"
        return self._refuse(socket, "desktop_backlog", detail, CLOSE_TRY_LATER, now)

    def _refuse(self, socket: PageSocket, error: str, detail: str, code: int, now: float) -> list[Action]:
        return [Refused(error, detail, socket.address), *self._drop(socket, code, detail, now)]

    def _drop(self, socket: PageSocket, code: int, reason: str, now: float) -> list[Action]:
        self._sockets.pop(socket.socket_id, None)
        return [CloseSocket(socket.socket_id, code, reason), *self._release(socket, now)]

    def _release(self, socket: PageSocket, now: float) -> list[Action]:
        """The socket speaks for its agent no longer."""
        agent, token = socket.agent, socket.token
        socket.agent = socket.token = None
        socket.early = []
        if agent is None:
            if token is not None:
                self._unclaim(token, socket.socket_id)
            return []
        agent.sockets.pop(socket.socket_id, None)
        held = self._book.take_held(agent)
        for said in (*(said for _, said in socket.unproven), *held):
            self._book.hold(agent, said)
        socket.unproven.clear()
        if agent.sockets:
            return []
        agent.idle_since = now
        if not agent.is_live or not self._desktop.is_open:
            return []
        return [ToDesktop(Packet(PacketType.DISCONNECTED, agent.token))]

    def _unclaim(self, token: str, socket_id: int) -> None:
        claims = self._claims.get(token)
        if claims is not None and socket_id in claims:
            self._unconfirmed -= 1
            claims.discard(socket_id)
            if not claims:
                del self._claims[token]


def _status_frame(socket_id: int, agent: Agent, wall: float) -> ToSocket:
    packet = Packet(PacketType.UPDATE_STATUS, agent.token, {"status": agent.status}, router_outgoing_timestamp=wall)
    return ToSocket(socket_id, packet.to_json())
