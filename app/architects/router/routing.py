"""The router as a state machine: facts in (packets, frames, requests, time), actions out. No socket, no clock.

Time is passed in twice where both matter: `now` only goes forward and measures, `wall` is seconds since the epoch and
is written on packets.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
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
from app.architects.router.agents import AgentBook
from app.architects.router.desktop import DesktopLink
from app.architects.router.limits import Bucket, Limits, is_loopback
from app.architects.router.sockets import CLOSE_TRY_LATER, CLOSE_UNKNOWN_AGENT, TOKEN_SHAPE, PageSockets
from app.data.packets import DESKTOP_ID, Packet, PacketType

DONE_BODY: dict[PacketType, dict[str, Any]] = {
    PacketType.SUBMIT_UNIT: {"status": "Submitted!"},
    PacketType.SUBMIT_METADATA: {"status": "Submitted metadata"},
    PacketType.RETURN_UNIT: {"status": "Returned"},
}
"""The exact answers that front-end bundles expect (wire protocol)."""

KEPT_TYPES = frozenset({PacketType.SUBMIT_UNIT, PacketType.SUBMIT_METADATA})
"""Requests that a spooling router may acknowledge by itself."""

STATUSES_GRACE_SECONDS = 1.0
"""After a channel opened, tokens are asked about one by one only when `return_statuses` had time to name them all."""

REDELIVER_SECONDS = 30.0


@dataclass(slots=True)
class Pending:
    """A page's request that waits for the desktop."""

    packet: Packet
    address: str
    deadline: float


@dataclass(slots=True)
class Ask:
    """A token of which the desktop is asked; `asked_at` None: not yet. `requests` wait for it beside sockets."""

    token: str
    asked_at: float | None = None
    requests: list[str] = field(default_factory=list)


class Routing:
    """All that one router knows and decides."""

    def __init__(self, limits: Limits, *, local: bool, spooling: bool = False) -> None:
        self.limits = limits
        self.agents = AgentBook(limits)
        self.desktop = DesktopLink(limits, local=local)
        self.sockets = PageSockets(limits, self.agents, self.desktop)
        self._spooling = spooling
        self._pending: dict[str, Pending] = {}
        self._per_address: Counter[str] = Counter()
        self._asks: dict[str, Ask] = {}
        self._asks_from = 0.0
        self._redeliver_at = 0.0
        self._unknown = Bucket(limits.unknown_tokens_per_second, limits.unknown_token_burst, 0.0)
        self._handlers = {
            PacketType.AGENT_DETAILS: self._agent_details,
            PacketType.SUBMIT_ACKNOWLEDGED: self._submit_acknowledged,
            PacketType.WORKER_STATE: self._worker_state,
            PacketType.AGENT_STATUS: self._agent_status,
            PacketType.UPDATE_STATUS: self._update_status,
            PacketType.CLIENT_BOUND_LIVE_UPDATE: self._live_update,
            PacketType.RETURN_STATUSES: self._return_statuses,
            PacketType.REQUEST_STATUSES: self._request_statuses,
            PacketType.ALIVE: self._nothing,
            PacketType.HEARTBEAT: self._nothing,
        }

    # the desktop

    def desktop_opened(self, now: float, wall: float) -> list[Action]:
        """The desktop attached: it is asked for its agents and gets what waited for it."""
        held = self.desktop.open(now)
        self._asks_from = now + STATUSES_GRACE_SECONDS
        self._redeliver_at = now + REDELIVER_SECONDS
        for ask in self._asks.values():
            ask.asked_at = None
        actions: list[Action] = [ToDesktop(_stamped(PacketType.REQUEST_STATUSES, DESKTOP_ID, {}, wall))]
        if len(self.agents):
            actions += self._request_statuses(Packet(PacketType.REQUEST_STATUSES, DESKTOP_ID), now, wall)
        actions += [ToDesktop(packet) for packet in held]
        actions += [ToDesktop(pending.packet) for pending in self._pending.values()]
        if self._spooling:
            actions.append(Redeliver())
        return actions

    def desktop_closed(self, now: float) -> list[Action]:
        """The desktop is away: submissions under way are kept on disk, other requests wait out their deadline."""
        self.desktop.close(now)
        if not self._spooling:
            return []
        kept = [key for key, pending in self._pending.items() if pending.packet.packet_type in KEPT_TYPES]
        return [self._keep(self._take(key)) for key in kept]

    def desktop_packet(self, packet: Packet, now: float, wall: float) -> list[Action]:
        """The desktop says something. A type that is not its to send is refused, and nothing else happens."""
        self.desktop.heard(now)
        handler = self._handlers.get(packet.packet_type)
        if handler is None:
            return [Refused("channel_packet", f"{packet.packet_type} is not the desktop's to send", "channel")]
        return handler(packet, now, wall)

    # the pages' sockets

    def socket_opened(self, socket_id: int, address: str, now: float) -> list[Action]:
        """A page's socket was accepted."""
        self.sockets.open(socket_id, address, now)
        return []

    def socket_frame(self, socket_id: int, text: str, now: float, wall: float) -> list[Action]:
        """A page's socket sent a text frame."""
        actions, token = self.sockets.frame(socket_id, text, now, wall)
        return actions if token is None else actions + self._ask(token, now, wall)

    def socket_closed(self, socket_id: int, now: float) -> list[Action]:
        """A page's socket is gone."""
        return self.sockets.close(socket_id, now)

    def socket_dropped(self, socket_id: int, error: str, detail: str, now: float) -> list[Action]:
        """The shell found fault with a page's socket."""
        return self.sockets.drop(socket_id, error, detail, now)

    # the pages' requests

    def knows(self, token: str) -> bool:
        """Whether the desktop has named this token."""
        return self.agents.find(token) is not None

    def confirm(self, request_id: str, token: str, address: str, now: float, wall: float) -> list[Action]:
        """A request needs this token's agent: answered 200 when the desktop knows it, else with the refusal."""
        if self.agents.find(token) is not None:
            return [Answer(request_id, 200, {})]
        if TOKEN_SHAPE.fullmatch(token) is None or self.agents.is_denied(token, now):
            return _refusal(request_id, 404, "unknown_agent", "No work of this task has this id.", address)
        if not self.desktop.is_open:
            return self._away(request_id, address)
        busy = self._busy(request_id, address)
        if busy:
            return busy
        self._add(request_id, Packet(PacketType.REQUEST_AGENT_STATUS, token, {"request_id": request_id}), address, now)
        self._asks.setdefault(token, Ask(token)).requests.append(request_id)
        return self._ask(token, now, wall)

    def request(self, packet: Packet, address: str, now: float, wall: float) -> list[Action]:
        """A page's request, as the packet that the desktop gets; `packet.data["request_id"]` names it."""
        request_id: str = packet.data["request_id"]
        if not self.desktop.is_open:
            if self._spooling and packet.packet_type in KEPT_TYPES:
                return [self._keep(Pending(packet, address, now))]
            return self._away(request_id, address)
        busy = self._busy(request_id, address)
        if busy:
            return busy
        packet.router_incoming_timestamp = packet.router_outgoing_timestamp = wall
        self._add(request_id, packet, address, now)
        return [ToDesktop(packet)]

    def note(self, packet: Packet, address: str) -> list[Action]:
        """Something a page tells the desktop that wants no answer."""
        if self.desktop.is_open:
            return [ToDesktop(packet)]
        if self.desktop.hold(packet):
            return []
        return [Refused("desktop_backlog", "the desktop is away and too much waits for it", address)]

    def abandoned(self, request_id: str) -> None:
        """Nobody waits for that request any more."""
        if request_id in self._pending:
            self._take(request_id)

    def tick(self, now: float, wall: float) -> list[Action]:
        """Time has passed: deadlines, silence, questions that wait, spool."""
        actions: list[Action] = []
        expired = []
        for key, pending in self._pending.items():  # in order of their deadlines: all have the same patience
            if pending.deadline > now:
                break
            expired.append(key)
        for key in expired:
            actions += self._expire(key)
        actions += self.sockets.silent(now)
        if self.desktop.is_silent(now):
            actions.append(DropDesktop("the desktop has been silent for too long"))
        actions += self._forget_asks(now)
        actions += self._ask_all(now, wall)
        if self._spooling and self.desktop.is_open and now >= self._redeliver_at:
            self._redeliver_at = now + REDELIVER_SECONDS
            actions.append(Redeliver())
        self.agents.forget(now)
        return actions

    # what the desktop says

    def _agent_details(self, packet: Packet, now: float, wall: float) -> list[Action]:
        token = packet.data.get("agent_id")
        actions: list[Action] = []
        if isinstance(token, str) and token:
            status = packet.data.get("status")
            actions += self._learn(token, status if isinstance(status, str) else None, now, wall)
        request_id = _request_id(packet)
        if request_id in self._pending:
            self._take(request_id)
            packet.router_outgoing_timestamp = wall
            actions.append(Answer(request_id, 200, packet.to_dict()))
        return actions

    def _submit_acknowledged(self, packet: Packet, now: float, wall: float) -> list[Action]:
        request_id = _request_id(packet)
        actions: list[Action] = [Unkeep(request_id)] if self._spooling else []
        if request_id not in self._pending:
            return actions
        pending = self._take(request_id)
        reason = packet.data.get("failure_reason")
        if reason:
            code = str(packet.data.get("failure_code") or "refused")
            return actions + _refusal(request_id, 409, code, str(reason), pending.address)
        agent = self.agents.find(pending.packet.subject_id)
        if agent is not None and agent.is_live and pending.packet.packet_type is not PacketType.SUBMIT_METADATA:
            returned = pending.packet.packet_type is PacketType.RETURN_UNIT
            agent.status = "returned" if returned else "completed"
        actions.append(Answer(request_id, 200, DONE_BODY[pending.packet.packet_type]))
        return actions

    def _worker_state(self, packet: Packet, now: float, wall: float) -> list[Action]:
        request_id = _request_id(packet)
        if request_id not in self._pending:
            return []
        self._take(request_id)
        return [Answer(request_id, 200, {key: value for key, value in packet.data.items() if key != "request_id"})]

    def _agent_status(self, packet: Packet, now: float, wall: float) -> list[Action]:
        status = packet.data.get("status")
        if isinstance(status, str):
            return self._learn(packet.subject_id, status, now, wall)
        return self._deny(packet.subject_id, now)

    def _update_status(self, packet: Packet, now: float, wall: float) -> list[Action]:
        status = packet.data.get("status")
        if not isinstance(status, str):
            return [Refused("channel_packet", "update_status without a status", "channel")]
        actions = self._learn(packet.subject_id, status, now, wall)
        agent = self.agents.learn(packet.subject_id, status, now)
        packet.router_outgoing_timestamp = wall
        text = packet.to_json()
        return actions + [ToSocket(socket_id, text) for socket_id in agent.sockets]

    def _live_update(self, packet: Packet, now: float, wall: float) -> list[Action]:
        agent = self.agents.learn(packet.subject_id, None, now)
        packet.router_outgoing_timestamp = wall
        text = packet.to_json()
        if agent.sockets:
            return [ToSocket(socket_id, text) for socket_id in agent.sockets]
        if self.agents.hold(agent, text):
            return [Refused("held_overflow", "a page is away and too much waits for it", agent.token[:8])]
        return []

    def _return_statuses(self, packet: Packet, now: float, wall: float) -> list[Action]:
        actions: list[Action] = []
        for token, status in packet.data.items():
            if isinstance(status, str):
                actions += self._learn(token, status, now, wall)
        self._asks_from = now
        return actions + self._ask_all(now, wall)

    def _request_statuses(self, packet: Packet, now: float, wall: float) -> list[Action]:
        statuses: dict[str, Any] = dict(self.agents.statuses(now))
        return [ToDesktop(_stamped(PacketType.RETURN_STATUSES, DESKTOP_ID, statuses, wall))]

    def _nothing(self, packet: Packet, now: float, wall: float) -> list[Action]:
        return []

    # tokens the router was not told of

    def _ask(self, token: str, now: float, wall: float) -> list[Action]:
        ask = self._asks.setdefault(token, Ask(token))
        if ask.asked_at is not None or not self.desktop.is_open or now < self._asks_from:
            return []
        if not self._unknown.take(now):
            return []  # it is asked when the bucket has filled, or given up with the socket or the request
        ask.asked_at = now
        data = {"request_id": f"ask-{token[:16]}"}
        return [ToDesktop(_stamped(PacketType.REQUEST_AGENT_STATUS, token, data, wall))]

    def _ask_all(self, now: float, wall: float) -> list[Action]:
        return [action for token in list(self._asks) for action in self._ask(token, now, wall)]

    def _learn(self, token: str, status: str | None, now: float, wall: float) -> list[Action]:
        agent = self.agents.learn(token, status, now)
        ask = self._asks.pop(token, None)
        actions: list[Action] = []
        if ask is not None:
            for request_id in ask.requests:
                if request_id in self._pending:
                    self._take(request_id)
                    actions.append(Answer(request_id, 200, {}))
        return actions + self.sockets.confirm(agent, now, wall)

    def _deny(self, token: str, now: float) -> list[Action]:
        agent = self.agents.find(token)
        actions: list[Action] = []
        if agent is not None:
            for socket_id in list(agent.sockets):
                self.sockets.close(socket_id, now)
                actions.append(CloseSocket(socket_id, CLOSE_UNKNOWN_AGENT, "no agent has this token"))
        self.agents.deny(token, now)
        ask = self._asks.pop(token, None)
        for request_id in ask.requests if ask is not None else ():
            if request_id in self._pending:
                address = self._take(request_id).address
                detail = "No work of this task has this id."
                actions += _refusal(request_id, 404, "unknown_agent", detail, address)
        reason = "no agent has this token"
        return actions + self.sockets.reject(token, "unknown_agent", reason, CLOSE_UNKNOWN_AGENT, now)

    def _forget_asks(self, now: float) -> list[Action]:
        actions: list[Action] = []
        late = self.limits.answer_seconds
        for ask in list(self._asks.values()):
            ask.requests = [request_id for request_id in ask.requests if request_id in self._pending]
            if not ask.requests and not self.sockets.is_claimed(ask.token):
                del self._asks[ask.token]
            elif ask.asked_at is not None and now - ask.asked_at > late:
                del self._asks[ask.token]
                detail = "the desktop did not say whether it knows this token"
                actions += self.sockets.reject(ask.token, "desktop_away", detail, CLOSE_TRY_LATER, now)
        return actions

    # pending requests

    def _busy(self, request_id: str, address: str) -> list[Action]:
        limits = self.limits
        mine = limits.pending_requests if is_loopback(address) else limits.pending_per_address
        if len(self._pending) < limits.pending_requests and self._per_address[address] < mine:
            return []
        return _refusal(request_id, 429, "too_many_pending", "Too many requests wait for an answer.", address)

    def _add(self, request_id: str, packet: Packet, address: str, now: float) -> None:
        self._pending[request_id] = Pending(packet, address, now + self.limits.answer_seconds)
        self._per_address[address] += 1

    def _take(self, request_id: str) -> Pending:
        pending = self._pending.pop(request_id)
        self._per_address[pending.address] -= 1
        if self._per_address[pending.address] <= 0:
            del self._per_address[pending.address]
        return pending

    def _expire(self, request_id: str) -> list[Action]:
        pending = self._take(request_id)
        if self._spooling and pending.packet.packet_type in KEPT_TYPES:
            return [self._keep(pending)]
        return self._away(request_id, pending.address)

    def _keep(self, pending: Pending) -> Keep:
        return Keep(pending.packet, DONE_BODY[pending.packet.packet_type])

    def _away(self, request_id: str, address: str) -> list[Action]:
        detail = "The requester's program does not answer just now. Your work is kept here; this page tries again."
        return _refusal(request_id, 503, "desktop_away", detail, address)


def _refusal(request_id: str, status: int, error: str, detail: str, address: str) -> list[Action]:
    return [Refused(error, detail, address), Answer(request_id, status, {"error": error, "detail": detail})]


def _request_id(packet: Packet) -> str:
    request_id = packet.data.get("request_id")
    return request_id if isinstance(request_id, str) else ""


def _stamped(kind: PacketType, subject_id: str, data: dict[str, Any], wall: float) -> Packet:
    return Packet(kind, subject_id, data, router_outgoing_timestamp=wall)
