"""Whatever pages and desktop send, in any order: nothing crashes, nobody speaks or hears for another."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.architects.router.actions import Action, Answer, CloseSocket, Keep, ToDesktop, ToSocket
from app.architects.router.limits import Limits
from app.architects.router.routing import Routing
from app.data.packets import DESKTOP_ID, Packet, PacketType

WALL = 1_800_000_000.0
TOKENS = ["a" * 43, "b" * 43, "onboarding_" + "c" * 43]
SUBJECTS = st.sampled_from([*TOKENS, DESKTOP_ID, "forged" * 8, "x", "ünïcode" * 5])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
DATA = st.fixed_dictionaries(
    {},
    optional={
        "request_id": st.sampled_from(["r0", "r1", "r2"]) | JSON,
        "agent_id": SUBJECTS | JSON,
        "status": st.sampled_from(["in task", "completed", "approved", "waiting"]) | JSON,
        "failure_reason": st.none() | st.text(max_size=5),
        **{token: st.sampled_from(["in task", "expired"]) | JSON for token in TOKENS},
    },
)
RAW_FRAMES = st.text(max_size=40) | JSON.map(json.dumps)
FRAMES = st.one_of(
    RAW_FRAMES,
    st.builds(
        lambda kind, subject, data, stamp: json.dumps(
            {"packet_type": kind, "subject_id": subject, "data": data, "client_timestamp": stamp}
        ),
        st.sampled_from([*PacketType, "bogus"]),
        SUBJECTS | JSON,
        DATA | JSON,
        st.floats(allow_nan=False, allow_infinity=False) | st.none() | st.text(max_size=3),
    ),
    st.builds(
        lambda kind, subject: json.dumps({"packet_type": kind, "subject_id": subject}),
        st.sampled_from(["alive", "heartbeat", "mephisto_bound_live_update", "client_bound_live_update"]),
        st.sampled_from(TOKENS),
    ),
)
SOCKETS = st.integers(0, 4)
REQUESTS = st.sampled_from(
    [
        PacketType.REGISTER_AGENT,
        PacketType.SUBMIT_UNIT,
        PacketType.SUBMIT_METADATA,
        PacketType.SUBMIT_ONBOARDING,
        PacketType.RETURN_UNIT,
        PacketType.REQUEST_WORKER_STATE,
    ]
)
STEPS = st.one_of(
    st.tuples(st.just("open"), SOCKETS),
    st.tuples(st.just("frame"), SOCKETS, FRAMES),
    st.tuples(st.just("frame"), SOCKETS, FRAMES),
    st.tuples(st.just("close"), SOCKETS),
    st.tuples(st.just("desktop"), st.sampled_from(PacketType), SUBJECTS, DATA),
    st.tuples(st.just("desktop"), st.sampled_from(PacketType), SUBJECTS, DATA),
    st.tuples(st.just("request"), REQUESTS, SUBJECTS, st.sampled_from(["r0", "r1", "r2"])),
    st.tuples(st.just("confirm"), SUBJECTS, st.sampled_from(["r3", "r4"])),
    st.tuples(st.just("attach")),
    st.tuples(st.just("detach")),
    st.tuples(st.just("tick"), st.floats(0, 400)),
)

FROM_PAGES = {PacketType.ALIVE, PacketType.DISCONNECTED, PacketType.MEPHISTO_BOUND_LIVE_UPDATE, PacketType.ERROR}
SAID_FIRST = {PacketType.HEARTBEAT, PacketType.MEPHISTO_BOUND_LIVE_UPDATE, PacketType.ERROR}
FROM_PAGES |= {PacketType.REQUEST_AGENT_STATUS}


class World:
    """A router, what each socket last claimed to be, and what the desktop has named."""

    def __init__(self, *, local: bool, spooling: bool) -> None:
        limits = Limits(held_packets=3, sockets_per_agent=2, unconfirmed_sockets=3, pending_requests=4, frame_burst=9)
        self.routing = Routing(limits, local=local, spooling=spooling)
        self.now = 0.0
        self.open: set[int] = set()
        self.claims: dict[int, str] = {}
        self.named: set[str] = set()

    def step(self, step: tuple[Any, ...]) -> None:
        routing, kind = self.routing, step[0]
        self.now += 0.25
        if kind == "open" and step[1] not in self.open:
            self.open.add(step[1])
            self.check(routing.socket_opened(step[1], "10.0.0.1", self.now))
        elif kind == "frame":
            self.frame(step[1], step[2])
        elif kind == "close":
            self.open.discard(step[1])
            self.claims.pop(step[1], None)
            self.check(routing.socket_closed(step[1], self.now))
        elif kind == "desktop":
            self.desktop(Packet(step[1], step[2], dict(step[3])))
        elif kind == "request":
            self.check(routing.request(Packet(step[1], step[2], {"request_id": step[3]}), "a", self.now, WALL))
        elif kind == "confirm":
            self.check(routing.confirm(step[2], step[1], "a", self.now, WALL))
        elif kind == "attach":
            self.check(routing.desktop_opened(self.now, WALL))
        elif kind == "detach":
            self.check(routing.desktop_closed(self.now))
        elif kind == "tick":
            self.now += step[1]
            self.check(routing.tick(self.now, WALL))

    def frame(self, socket_id: int, text: str) -> None:
        try:
            packet = Packet.from_json(text)
        except ValueError:
            packet = None
        if packet is not None and packet.packet_type is PacketType.ALIVE and socket_id in self.open:
            before = self.claims.get(socket_id)
            self.claims[socket_id] = packet.subject_id
        else:
            before = self.claims.get(socket_id)
            if packet is not None and before is None and packet.packet_type in SAID_FIRST and socket_id in self.open:
                before = self.claims[socket_id] = packet.subject_id  # who speaks is here as well
        actions = self.routing.socket_frame(socket_id, text, self.now, WALL)
        for action in actions:
            if isinstance(action, ToDesktop):
                assert action.packet.packet_type in FROM_PAGES
                assert action.packet.packet_type is not PacketType.ALIVE or action.packet.subject_id in self.named
                if action.packet.packet_type in (PacketType.MEPHISTO_BOUND_LIVE_UPDATE, PacketType.ERROR):
                    assert action.packet.subject_id == before
                    assert before in self.named
        self.check(actions)

    def desktop(self, packet: Packet) -> None:
        if packet.packet_type in (PacketType.UPDATE_STATUS, PacketType.AGENT_STATUS):
            if isinstance(packet.data.get("status"), str):
                self.named.add(packet.subject_id)
            elif packet.packet_type is PacketType.AGENT_STATUS:
                self.named.discard(packet.subject_id)
        if packet.packet_type is PacketType.CLIENT_BOUND_LIVE_UPDATE:
            self.named.add(packet.subject_id)
        if packet.packet_type is PacketType.AGENT_DETAILS and isinstance(packet.data.get("agent_id"), str):
            self.named.add(packet.data["agent_id"])
        if packet.packet_type is PacketType.RETURN_STATUSES:
            self.named |= {token for token, status in packet.data.items() if isinstance(status, str)}
        self.check(self.routing.desktop_packet(packet, self.now, WALL))

    def check(self, actions: list[Action]) -> None:
        for action in actions:
            if isinstance(action, ToSocket):
                assert action.socket_id in self.open
                subject = json.loads(action.text)["subject_id"]
                assert self.claims.get(action.socket_id) == subject
                assert subject in self.named
            elif isinstance(action, CloseSocket):
                assert action.socket_id in self.open
                self.open.remove(action.socket_id)
                self.claims.pop(action.socket_id, None)
            elif isinstance(action, Keep):
                assert action.packet.packet_type in (PacketType.SUBMIT_UNIT, PacketType.SUBMIT_METADATA)


@settings(max_examples=400, deadline=None)
@given(steps=st.lists(STEPS, max_size=40), local=st.booleans())
def test_any_sequence_keeps_everybody_to_their_own(steps: list[tuple[Any, ...]], local: bool) -> None:
    world = World(local=local, spooling=not local)
    world.routing.desktop_opened(0.0, WALL)
    for socket_id, token in enumerate(TOKENS):  # everybody at work to begin with
        world.desktop(Packet(PacketType.UPDATE_STATUS, token, {"status": "in task"}))
        world.step(("open", socket_id))
        world.frame(socket_id, json.dumps({"packet_type": "alive", "subject_id": token}))
    for step in steps:
        world.step(step)
    assert len(world.routing.sockets) == len(world.open)


@settings(max_examples=150, deadline=None)
@given(orders=st.lists(st.sampled_from(["submit", "details", "away", "back", "tick", "ack"]), max_size=25))
def test_every_request_is_answered_exactly_once(orders: list[str]) -> None:
    routing = Routing(Limits(), local=False, spooling=True)
    routing.desktop_opened(0.0, WALL)
    now = 0.0
    asked: list[str] = []
    answered: list[str] = []
    for order in [*orders, "tick"]:
        now += 20.0 if order == "tick" else 0.1
        actions: list[Action] = []
        if order in ("submit", "details"):
            kind = PacketType.SUBMIT_UNIT if order == "submit" else PacketType.REGISTER_AGENT
            asked.append(f"r{len(asked)}")
            actions = routing.request(Packet(kind, TOKENS[0], {"request_id": asked[-1]}), "a", now, WALL)
        elif order == "away":
            actions = routing.desktop_closed(now)
        elif order == "back":
            actions = routing.desktop_opened(now, WALL)
        elif order == "ack" and asked:
            data = {"request_id": asked[-1], "failure_reason": None}
            actions = routing.desktop_packet(Packet(PacketType.SUBMIT_ACKNOWLEDGED, TOKENS[0], data), now, WALL)
        else:
            actions = routing.tick(now, WALL)
        answered += [action.request_id for action in actions if isinstance(action, Answer)]
        answered += [action.packet.data["request_id"] for action in actions if isinstance(action, Keep)]
    assert sorted(answered) == sorted(asked)
