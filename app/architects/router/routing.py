"""The router as a state machine: facts in (packets, frames, requests, time), actions out. No socket, no clock.

Time is passed in twice where both matter: `now` only goes forward and measures, `wall` is seconds since the epoch and
is written on packets.
"""

from __future__ import annotations

import itertools
from typing import Any

from app.architects.router.actions import (
    Action,
    Answer,
    CloseSocket,
    DropDesktop,
    Keep,
    Redeliver,
    Refused,
    ToDesktop,
    ToSocket,
    Unkeep,
)
from app.architects.router.agents import AgentBook, Said
from app.architects.router.desktop import DesktopLink
from app.architects.router.limits import Limits
from app.architects.router.pending import Ask, Pending, PendingRequests, TokenAsks
from app.architects.router.sockets import CLOSE_TRY_LATER, CLOSE_UNKNOWN_AGENT, TOKEN_SHAPE, PageSockets
from app.data.packets import DESKTOP_ID, Packet, PacketType

DONE_BODY: dict[PacketType, dict[str, Any]] = {
    PacketType.SUBMIT_UNIT: {"status": "Submitted!"},
    PacketType.SUBMIT_METADATA: {"status": "Submitted metadata"},
    PacketType.RETURN_UNIT: {"status": "Returned"},
}
"""The exact answers that front-end bundles expect (wire protocol)."""

DONE_STATUS = {PacketType.SUBMIT_UNIT: "completed", PacketType.RETURN_UNIT: "returned"}

KEPT_TYPES = frozenset({PacketType.SUBMIT_UNIT, PacketType.SUBMIT_METADATA})
"""Requests that a spooling router may acknowledge by itself."""

REDELIVER_SECONDS = 30.0
UNKNOWN = "No work of this task has this id."


class Routing:
    """All that one router knows and decides."""

    def __init__(self, limits: Limits, *, local: bool, spooling: bool = False) -> None:
        """`local`: the desktop lives on the router's loop. `spooling`: submissions may wait on disk for it."""
        self.agents = AgentBook(limits)
        self.desktop = DesktopLink(limits, local=local)
        self.sockets = PageSockets(limits, self.agents, self.desktop)
        self._spooling = spooling
        self._pending = PendingRequests(limits)
        self._asks = TokenAsks(limits)
        self._redeliver_at = 0.0
        asks = self._asks
        self._words = DesktopWords(self.agents, self.sockets, self._pending, asks, self.desktop, spooling=spooling)

    def desktop_opened(self, now: float, wall: float) -> list[Action]:
        """The desktop attached: it is asked for its agents and gets what waited for it."""
        held = self.desktop.open(now)
        self._asks.opened(now)
        self._redeliver_at = now + REDELIVER_SECONDS
        request = Packet(PacketType.REQUEST_STATUSES, DESKTOP_ID, router_outgoing_timestamp=wall)
        actions: list[Action] = [ToDesktop(request)]
        if len(self.agents):
            actions += self._words.request_statuses(request, now, wall)
        actions += [ToDesktop(packet) for packet in held]
        actions += [
            ToDesktop(pending.packet)
            for pending in self._pending
            if pending.packet.packet_type is not PacketType.REQUEST_AGENT_STATUS
        ]
        if self._spooling:
            actions.append(Redeliver())
        return actions

    def desktop_closed(self, now: float) -> list[Action]:
        """The desktop is away: submissions under way are kept on disk, other requests wait out their deadline."""
        self.desktop.close(now)
        if not self._spooling:
            return []
        kept = [pending for pending in self._pending if pending.packet.packet_type in KEPT_TYPES]
        for pending in kept:
            self._pending.take(pending.request_id)
        return [_keep(pending.packet) for pending in kept]

    def desktop_packet(self, packet: Packet, now: float, wall: float) -> list[Action]:
        """The desktop says something. A type that is not its to send is refused, and nothing else happens."""
        self.desktop.heard(now)
        actions = self._words.hear(packet, now, wall)
        if packet.packet_type is PacketType.RETURN_STATUSES and self.desktop.is_open:
            actions += [ToDesktop(question) for question in self._asks.questions(now, wall)]
        return actions

    def socket_opened(self, socket_id: int, address: str, now: float) -> list[Action]:
        """A page's socket was accepted."""
        self.sockets.open(socket_id, address, now)
        return []

    def socket_frame(self, socket_id: int, text: str, now: float, wall: float) -> list[Action]:
        """A page's socket sent a text frame."""
        actions, token = self.sockets.frame(socket_id, text, now, wall)
        if token is not None:
            self._asks.want(token)
            actions += self._question(token, now, wall)
        return actions

    def socket_closed(self, socket_id: int, now: float) -> list[Action]:
        """A page's socket is gone."""
        return self.sockets.close(socket_id, now)

    def socket_dropped(self, socket_id: int, error: str, detail: str, now: float) -> list[Action]:
        """The shell found fault with a page's socket."""
        return self.sockets.drop(socket_id, error, detail, now)

    def knows(self, token: str) -> bool:
        """Whether the desktop has named this token."""
        return self.agents.find(token) is not None

    def confirm(self, request_id: str, token: str, address: str, now: float, wall: float) -> list[Action]:
        """A request needs this token's agent: answered 200 when the desktop knows it, else with the refusal."""
        if self.agents.find(token) is not None:
            return [Answer(request_id, 200, {})]
        if TOKEN_SHAPE.fullmatch(token) is None or self.agents.is_denied(token, now):
            return refusal(request_id, 404, "unknown_agent", UNKNOWN, address)
        if not self.desktop.is_open:
            return away(request_id, address)
        if self._pending.is_full(address):
            return _full(request_id, address)
        packet = Packet(PacketType.REQUEST_AGENT_STATUS, token, {"request_id": request_id})
        self._pending.add(request_id, packet, address, now)
        self._asks.want(token, request_id)
        return self._question(token, now, wall)

    def request(self, packet: Packet, address: str, now: float, wall: float) -> list[Action]:
        """A page's request, as the packet that the desktop gets; `packet.data["request_id"]` names it."""
        request_id: str = packet.data["request_id"]
        packet.router_incoming_timestamp = packet.router_outgoing_timestamp = wall
        if not self.desktop.is_open:
            if self._spooling and packet.packet_type in KEPT_TYPES:
                return [_keep(packet)]
            return away(request_id, address, taken=False)
        if self._pending.is_full(address):
            return _full(request_id, address)
        self._pending.add(request_id, packet, address, now)
        return [ToDesktop(packet)]

    def note(self, packet: Packet, address: str) -> list[Action]:
        """Something a page tells the desktop that wants no answer."""
        if self.desktop.is_open:
            return [ToDesktop(packet)]
        if self.desktop.hold(packet):
            return []
        return [Refused("desktop_backlog", "the desktop is away and too much waits for it", address)]

    def abandoned(self, request_id: str) -> None:
        """Nobody waits for that request any more. Idempotent."""
        self._pending.take(request_id)

    def tick(self, now: float, wall: float) -> list[Action]:
        """Time has passed: deadlines, silence, questions that wait, spool."""
        actions: list[Action] = []
        for pending in self._pending.expired(now):
            if self._spooling and pending.packet.packet_type in KEPT_TYPES:
                actions.append(_keep(pending.packet))
            else:
                actions += away(pending.request_id, pending.address)
        actions += self.sockets.silent(now)
        if self.desktop.is_silent(now):
            actions.append(DropDesktop("the desktop has been silent for too long"))
        for token in self._asks.late(now, self._is_wanted):
            detail = "the desktop did not say whether it knows this token"
            actions += self.sockets.reject(token, "desktop_away", detail, CLOSE_TRY_LATER, now)
        if self.desktop.is_open:
            actions += [ToDesktop(question) for question in self._asks.questions(now, wall)]
            if self._spooling and now >= self._redeliver_at:
                self._redeliver_at = now + REDELIVER_SECONDS
                actions.append(Redeliver())
        self.agents.forget(now)
        return actions

    def _question(self, token: str, now: float, wall: float) -> list[Action]:
        question = self._asks.question(token, now, wall) if self.desktop.is_open else None
        return [] if question is None else [ToDesktop(question)]

    def _is_wanted(self, ask: Ask) -> bool:
        agent = self.agents.find(ask.token)
        if agent is not None and agent.is_live:
            return True
        return self.sockets.is_claimed(ask.token) or any(key in self._pending for key in ask.requests)


class DesktopWords:
    """What each packet of the desktop does."""

    def __init__(
        self,
        agents: AgentBook,
        sockets: PageSockets,
        pending: PendingRequests,
        asks: TokenAsks,
        desktop: DesktopLink,
        *,
        spooling: bool,
    ) -> None:
        self._agents, self._sockets, self._pending, self._asks = agents, sockets, pending, asks
        self._spooling = spooling
        self._desktop = desktop
        self._unnamed = itertools.count()
        self._hearers = {
            PacketType.AGENT_DETAILS: self._agent_details,
            PacketType.SUBMIT_ACKNOWLEDGED: self._submit_acknowledged,
            PacketType.WORKER_STATE: self._worker_state,
            PacketType.AGENT_STATUS: self._agent_status,
            PacketType.UPDATE_STATUS: self._update_status,
            PacketType.CLIENT_BOUND_LIVE_UPDATE: self._live_update,
            PacketType.RETURN_STATUSES: self._return_statuses,
            PacketType.REQUEST_STATUSES: self.request_statuses,
            PacketType.ALIVE: self._alive,
            PacketType.HEARTBEAT: _nothing,
        }

    def hear(self, packet: Packet, now: float, wall: float) -> list[Action]:
        """One packet of the desktop."""
        hearer = self._hearers.get(packet.packet_type)
        if hearer is None:
            return [Refused("channel_packet", f"{packet.packet_type} is not the desktop's to send", "channel")]
        return hearer(packet, now, wall)

    def request_statuses(self, packet: Packet, now: float, wall: float) -> list[Action]:
        """The desktop wants to know who is there."""
        statuses: dict[str, Any] = dict(self._agents.statuses(now))
        return [ToDesktop(Packet(PacketType.RETURN_STATUSES, DESKTOP_ID, statuses, router_outgoing_timestamp=wall))]

    def _agent_details(self, packet: Packet, now: float, wall: float) -> list[Action]:
        token, status = packet.data.get("agent_id"), packet.data.get("status")
        actions: list[Action] = []
        given = packet.data.pop("said", None)
        if isinstance(token, str) and token:
            actions += self._learn(token, status if isinstance(status, str) else None, now, wall)
            agent = self._agents.find(token)
            if isinstance(given, list) and agent is not None:
                self._sockets.forget_said(agent, set(map(str, given)))
        pending = self._take(packet, PacketType.REGISTER_AGENT, PacketType.SUBMIT_ONBOARDING)
        if pending is not None:
            packet.router_outgoing_timestamp = wall
            actions.append(Answer(pending.request_id, 200, packet.to_dict()))
        return actions

    def _submit_acknowledged(self, packet: Packet, now: float, wall: float) -> list[Action]:
        actions: list[Action] = [Unkeep(_request_id(packet))] if self._spooling else []
        pending = self._take(packet, *DONE_BODY)
        if pending is None:
            return actions
        reason, kind = packet.data.get("failure_reason"), pending.packet.packet_type
        if reason:
            code = str(packet.data.get("failure_code") or "refused")
            return actions + refusal(pending.request_id, 409, code, str(reason), pending.address)
        agent = self._agents.find(pending.packet.subject_id)
        if agent is not None and agent.is_live and kind in DONE_STATUS:
            self._agents.set_status(agent, DONE_STATUS[kind], now)
        actions.append(Answer(pending.request_id, 200, DONE_BODY[kind]))
        return actions

    def _worker_state(self, packet: Packet, now: float, wall: float) -> list[Action]:
        pending = self._take(packet, PacketType.REQUEST_WORKER_STATE)
        if pending is None:
            return []
        state = {key: value for key, value in packet.data.items() if key != "request_id"}
        return [Answer(pending.request_id, 200, state)]

    def _agent_status(self, packet: Packet, now: float, wall: float) -> list[Action]:
        status, token = packet.data.get("status"), packet.subject_id
        if not isinstance(status, str):
            return self._deny(token, now)
        agent = self._agents.find(token)
        is_news = agent is not None and agent.status != status
        actions = self._learn(token, status, now, wall)
        if is_news and agent is not None and _request_id(packet):  # it was asked for: the page was not told
            told = Packet(PacketType.UPDATE_STATUS, token, {"status": status}, router_outgoing_timestamp=wall).to_json()
            actions += [ToSocket(socket_id, told) for socket_id in agent.sockets]
        return actions

    def _update_status(self, packet: Packet, now: float, wall: float) -> list[Action]:
        status = packet.data.get("status")
        if not isinstance(status, str):
            return [Refused("channel_packet", "update_status without a status", "channel")]
        actions = self._learn(packet.subject_id, status, now, wall)
        agent = self._agents.learn(packet.subject_id, status, now)
        packet.router_outgoing_timestamp = wall
        text = packet.to_json()
        return actions + [ToSocket(socket_id, text) for socket_id in agent.sockets]

    def _live_update(self, packet: Packet, now: float, wall: float) -> list[Action]:
        actions = self._learn(packet.subject_id, None, now, wall)
        agent = self._agents.learn(packet.subject_id, None, now)
        packet.router_outgoing_timestamp = wall
        update_id = packet.data.get("update_id")
        said = Said(update_id if isinstance(update_id, str) else f"unnamed-{next(self._unnamed)}", packet.to_json())
        return actions + self._sockets.say(agent, said, now)

    def _return_statuses(self, packet: Packet, now: float, wall: float) -> list[Action]:
        actions: list[Action] = []
        for token, status in packet.data.items():
            if isinstance(status, str):
                actions += self._learn(token, status, now, wall)
        self._asks.statuses_came(now)
        for token in self._agents.list_live():
            if token not in packet.data:  # it may have been let go while the desktop could not say so here
                self._asks.want(token)
        return actions

    def _alive(self, packet: Packet, now: float, wall: float) -> list[Action]:
        read = packet.data.get("read")
        if isinstance(read, int):
            self._desktop.has_read(read)
        return []

    def _learn(self, token: str, status: str | None, now: float, wall: float) -> list[Action]:
        """The desktop spoke of a token: whoever waited for that goes on."""
        agent = self._agents.learn(token, status, now)
        waiting = [key for key in self._asks.settle(token) if self._pending.take(key) is not None]
        return [Answer(key, 200, {}) for key in waiting] + self._sockets.confirm(agent, now, wall)

    def _deny(self, token: str, now: float) -> list[Action]:
        """The desktop has no agent of this token."""
        reason = "no agent has this token"
        agent = self._agents.find(token)
        self._agents.deny(token, now)
        actions: list[Action] = []
        for socket_id in list(agent.sockets) if agent is not None else ():
            self._sockets.close(socket_id, now)
            actions.append(CloseSocket(socket_id, CLOSE_UNKNOWN_AGENT, reason))
        for key in self._asks.settle(token):
            pending = self._pending.take(key)
            if pending is not None:
                actions += refusal(key, 404, "unknown_agent", UNKNOWN, pending.address)
        return actions + self._sockets.reject(token, "unknown_agent", reason, CLOSE_UNKNOWN_AGENT, now)

    def _take(self, packet: Packet, *kinds: PacketType) -> Pending | None:
        """The pending request that this packet answers, when it is of a kind that such a packet can answer."""
        pending = self._pending.find(_request_id(packet))
        if pending is None or pending.packet.packet_type not in kinds:
            return None
        return self._pending.take(pending.request_id)


def refusal(
    request_id: str, status: int, error: str, detail: str, address: str, *, taken: bool = False
) -> list[Action]:
    """Count a refusal and answer the request with it."""
    return [Refused(error, detail, address), Answer(request_id, status, {"error": error, "detail": detail}, taken)]


def away(request_id: str, address: str, *, taken: bool = True) -> list[Action]:
    """The desktop does not answer."""
    detail = "The requester's program does not answer just now. Your work is kept here; this page tries again."
    return refusal(request_id, 503, "desktop_away", detail, address, taken=taken)


def _full(request_id: str, address: str) -> list[Action]:
    return refusal(request_id, 429, "too_many_pending", "Too many requests wait for an answer.", address)


def _keep(packet: Packet) -> Keep:
    return Keep(packet, DONE_BODY[packet.packet_type])


def _request_id(packet: Packet) -> str:
    request_id = packet.data.get("request_id")
    return request_id if isinstance(request_id, str) else ""


def _nothing(packet: Packet, now: float, wall: float) -> list[Action]:
    return []
