"""The router's rules, without a socket: who may say what, who is told what, who waits for what."""

from __future__ import annotations

import json
from typing import Any

import pytest

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
from app.architects.router.agents import FORGET_SECONDS
from app.architects.router.limits import Limits
from app.architects.router.routing import REDELIVER_SECONDS, Routing
from app.architects.router.sockets import EARLY_FRAMES, PROVEN_SECONDS
from app.data.packets import DESKTOP_ID, Packet, PacketType

WALL = 1_800_000_000.0
TOKEN = "A" * 43
OTHER = "B" * 43


def make(*, local: bool = True, spooling: bool = False, **limits: Any) -> Routing:
    return Routing(Limits(**limits), local=local, spooling=spooling)


def attached(*, local: bool = True, spooling: bool = False, **limits: Any) -> Routing:
    routing = make(local=local, spooling=spooling, **limits)
    routing.desktop_opened(0.0, WALL)
    tell(routing, PacketType.RETURN_STATUSES, DESKTOP_ID, {})
    return routing


def tell(routing: Routing, kind: PacketType, subject: str, data: dict[str, Any], now: float = 1.0) -> list[Action]:
    return routing.desktop_packet(Packet(kind, subject, data), now, WALL)


def frame(kind: str, subject: str, data: dict[str, Any] | None = None, stamp: float = 0.0) -> str:
    raw: dict[str, Any] = {"packet_type": kind, "subject_id": subject, "client_timestamp": stamp}
    return json.dumps(raw if data is None else raw | {"data": data})


def say(routing: Routing, socket_id: int, kind: str, subject: str, now: float = 1.0, **data: Any) -> list[Action]:
    return routing.socket_frame(socket_id, frame(kind, subject, data), now, WALL)


def connect(routing: Routing, socket_id: int, token: str, now: float = 1.0) -> list[Action]:
    routing.socket_opened(socket_id, "10.0.0.1", now)
    return say(routing, socket_id, "alive", token, now)


def ask(routing: Routing, kind: PacketType, subject: str = TOKEN, key: str = "r1", now: float = 1.0) -> list[Action]:
    return routing.request(Packet(kind, subject, {"request_id": key}), "10.0.0.1", now, WALL)


def packets(actions: list[Action]) -> list[Packet]:
    return [action.packet for action in actions if isinstance(action, ToDesktop)]


def frames(actions: list[Action], socket_id: int) -> list[dict[str, Any]]:
    found = [action for action in actions if isinstance(action, ToSocket) and action.socket_id == socket_id]
    return [json.loads(action.text) for action in found]


def live_update(routing: Routing, update_id: str, now: float) -> list[Action]:
    return tell(routing, PacketType.CLIENT_BOUND_LIVE_UPDATE, TOKEN, {"update_id": update_id}, now)


def update_ids(actions: list[Action], socket_id: int) -> list[str]:
    got = [each for each in frames(actions, socket_id) if each["packet_type"] == "client_bound_live_update"]
    return [each["data"]["update_id"] for each in got]


def closes(actions: list[Action]) -> list[tuple[int, int]]:
    return [(action.socket_id, action.code) for action in actions if isinstance(action, CloseSocket)]


def refusals(actions: list[Action]) -> list[str]:
    return [action.error for action in actions if isinstance(action, Refused)]


class TestRequests:
    def test_a_registration_goes_to_the_desktop_and_is_answered_with_the_whole_packet(self) -> None:
        routing = attached()
        assert packets(ask(routing, PacketType.REGISTER_AGENT))[0].packet_type is PacketType.REGISTER_AGENT
        data = {"request_id": "r1", "agent_id": TOKEN, "failure_reason": None}
        [answer] = tell(routing, PacketType.AGENT_DETAILS, "channel", data)
        assert isinstance(answer, Answer)
        assert (answer.status, answer.body["packet_type"], answer.body["data"]) == (200, "agent_details", data)
        assert routing.knows(TOKEN)

    def test_a_refused_registration_makes_no_agent(self) -> None:
        routing = attached()
        ask(routing, PacketType.REGISTER_AGENT)
        data = {"request_id": "r1", "agent_id": None, "failure_reason": "No more units."}
        [answer] = tell(routing, PacketType.AGENT_DETAILS, "channel", data)
        assert isinstance(answer, Answer)
        assert answer.body["data"]["failure_reason"] == "No more units."
        assert len(routing.agents) == 0

    @pytest.mark.parametrize(
        ("kind", "body", "status"),
        [
            (PacketType.SUBMIT_UNIT, {"status": "Submitted!"}, "completed"),
            (PacketType.SUBMIT_METADATA, {"status": "Submitted metadata"}, "in task"),
            (PacketType.RETURN_UNIT, {"status": "Returned"}, "returned"),
        ],
    )
    def test_an_acknowledged_submission_is_answered_with_the_exact_text(
        self, kind: PacketType, body: dict[str, str], status: str
    ) -> None:
        routing = attached()
        tell(routing, PacketType.UPDATE_STATUS, TOKEN, {"status": "in task"})
        ask(routing, kind)
        actions = tell(routing, PacketType.SUBMIT_ACKNOWLEDGED, TOKEN, {"request_id": "r1", "failure_reason": None})
        assert actions == [Answer("r1", 200, body)]
        agent = routing.agents.find(TOKEN)
        assert agent is not None
        assert agent.status == status

    def test_a_refused_submission_is_a_conflict_with_the_reason(self) -> None:
        routing = attached()
        ask(routing, PacketType.SUBMIT_UNIT)
        data = {"request_id": "r1", "failure_reason": "The time was over.", "failure_code": "timeout"}
        actions = tell(routing, PacketType.SUBMIT_ACKNOWLEDGED, TOKEN, data)
        assert actions[1] == Answer("r1", 409, {"error": "timeout", "detail": "The time was over."}, taken=False)
        assert refusals(actions) == ["timeout"]

    def test_a_request_that_nobody_answers_is_told_so_at_its_deadline(self) -> None:
        routing = attached(answer_seconds=15.0)
        ask(routing, PacketType.REGISTER_AGENT, now=1.0)
        assert routing.tick(15.9, WALL) == []
        actions = routing.tick(16.1, WALL)
        [answer] = [action for action in actions if isinstance(action, Answer)]
        assert (answer.status, answer.body["error"]) == (503, "desktop_away")

    def test_a_late_answer_still_makes_its_agent_known(self) -> None:
        routing = attached(answer_seconds=15.0)
        ask(routing, PacketType.REGISTER_AGENT, now=1.0)
        routing.tick(17.0, WALL)
        assert tell(routing, PacketType.AGENT_DETAILS, "channel", {"request_id": "r1", "agent_id": TOKEN}) == []
        assert routing.knows(TOKEN)

    def test_an_answer_of_the_wrong_kind_answers_nothing(self) -> None:
        routing = attached()
        ask(routing, PacketType.REGISTER_AGENT)
        assert tell(routing, PacketType.SUBMIT_ACKNOWLEDGED, TOKEN, {"request_id": "r1"}) == []
        assert tell(routing, PacketType.WORKER_STATE, TOKEN, {"request_id": "r1"}) == []

    def test_a_worker_state_is_passed_on_without_its_request_id(self) -> None:
        routing = attached()
        ask(routing, PacketType.REQUEST_WORKER_STATE)
        actions = tell(routing, PacketType.WORKER_STATE, "x", {"request_id": "r1", "units_left": 3})
        assert actions == [Answer("r1", 200, {"units_left": 3})]

    def test_pending_requests_are_bounded_for_all_and_for_each_address(self) -> None:
        routing = attached(pending_requests=3, pending_per_address=2)
        for key in ("a", "b"):
            assert packets(ask(routing, PacketType.REGISTER_AGENT, key=key))
        assert refusals(ask(routing, PacketType.REGISTER_AGENT, key="c")) == ["too_many_pending"]
        other = Packet(PacketType.REGISTER_AGENT, "x", {"request_id": "d"})
        assert packets(routing.request(other, "10.0.0.2", 1.0, WALL))
        last = Packet(PacketType.REGISTER_AGENT, "x", {"request_id": "e"})
        assert refusals(routing.request(last, "10.0.0.3", 1.0, WALL)) == ["too_many_pending"]
        routing.abandoned("a")
        assert packets(ask(routing, PacketType.REGISTER_AGENT, key="f"))

    def test_without_a_desktop_a_request_is_told_at_once_that_it_is_away(self) -> None:
        actions = ask(make(), PacketType.REGISTER_AGENT)
        assert [type(action) for action in actions] == [Refused, Answer]
        assert refusals(actions) == ["desktop_away"]


class TestSockets:
    def test_alive_is_answered_with_the_status_and_told_to_the_desktop(self) -> None:
        routing = attached()
        tell(routing, PacketType.UPDATE_STATUS, TOKEN, {"status": "in task"})
        actions = connect(routing, 1, TOKEN)
        assert [(packet.packet_type, packet.subject_id) for packet in packets(actions)] == [(PacketType.ALIVE, TOKEN)]
        [status] = frames(actions, 1)
        assert (status["packet_type"], status["data"]) == ("update_status", {"status": "in task"})

    def test_a_second_socket_of_an_agent_is_no_news_and_only_the_last_close_is(self) -> None:
        routing = attached()
        tell(routing, PacketType.UPDATE_STATUS, TOKEN, {"status": "in task"})
        connect(routing, 1, TOKEN)
        assert packets(connect(routing, 2, TOKEN)) == []
        assert routing.socket_closed(1, 2.0) == []
        [packet] = packets(routing.socket_closed(2, 2.0))
        assert (packet.packet_type, packet.subject_id) == (PacketType.DISCONNECTED, TOKEN)

    def test_a_page_that_is_done_may_leave_without_notice(self) -> None:
        routing = attached()
        tell(routing, PacketType.UPDATE_STATUS, TOKEN, {"status": "completed"})
        connect(routing, 1, TOKEN)
        assert routing.socket_closed(1, 2.0) == []

    @pytest.mark.parametrize("stamp", [1_700_000_000.0, 1_700_000_000_000.0])
    def test_a_heartbeat_is_answered_in_the_pages_own_time(self, stamp: float) -> None:
        routing = attached(local=False)
        tell(routing, PacketType.UPDATE_STATUS, TOKEN, {"status": "in task"}, now=100.0)
        connect(routing, 1, TOKEN, now=101.0)
        [beat] = frames(routing.socket_frame(1, frame("heartbeat", TOKEN, None, stamp), 104.0, WALL), 1)
        assert beat["data"] == {"last_mephisto_ping": 1_700_000_000_000.0 - 4000.0, "status": "in task"}

    def test_a_local_desktop_is_alive_now(self) -> None:
        routing = attached(local=True)
        tell(routing, PacketType.UPDATE_STATUS, TOKEN, {"status": "in task"})
        connect(routing, 1, TOKEN)
        [beat] = frames(routing.socket_frame(1, frame("heartbeat", TOKEN, None, 50.0), 900.0, WALL), 1)
        assert beat["data"]["last_mephisto_ping"] == 50_000.0

    def test_updates_of_the_desktop_reach_all_sockets_of_the_agent_and_no_other(self) -> None:
        routing = attached()
        for token in (TOKEN, OTHER):
            tell(routing, PacketType.UPDATE_STATUS, token, {"status": "in task"})
        connect(routing, 1, TOKEN)
        connect(routing, 2, TOKEN)
        connect(routing, 3, OTHER)
        actions = tell(routing, PacketType.CLIENT_BOUND_LIVE_UPDATE, TOKEN, {"text": "hi"})
        assert [frames(actions, each)[0]["data"] for each in (1, 2)] == [{"text": "hi"}, {"text": "hi"}]
        assert frames(actions, 3) == []

    def test_updates_for_a_page_that_is_away_wait_for_it_in_order_and_bounded(self) -> None:
        routing = attached(held_packets=3)
        tell(routing, PacketType.UPDATE_STATUS, TOKEN, {"status": "in task"})
        words = [tell(routing, PacketType.CLIENT_BOUND_LIVE_UPDATE, TOKEN, {"n": n}) for n in range(4)]
        assert [refusals(actions) for actions in words] == [[], [], [], ["held_overflow"]]
        got = frames(connect(routing, 1, TOKEN), 1)
        assert [item["data"] for item in got] == [{"status": "in task"}, {"n": 1}, {"n": 2}, {"n": 3}]
        routing.socket_closed(1, 1.0 + PROVEN_SECONDS + 1)
        assert [item["data"] for item in frames(connect(routing, 2, TOKEN), 2)][1:] == [{"n": 1}, {"n": 2}, {"n": 3}]

    def test_what_went_into_a_connection_that_was_dead_is_sent_again_by_the_next(self) -> None:
        routing = attached()
        tell(routing, PacketType.UPDATE_STATUS, TOKEN, {"status": "in task"})
        connect(routing, 1, TOKEN)
        live_update(routing, "a", 1.0)
        say(routing, 1, "heartbeat", TOKEN, 2.0 + PROVEN_SECONDS)  # the page has got this one
        live_update(routing, "b", 14.0)
        assert closes(routing.tick(30.0, WALL)) == [(1, 4408)]
        live_update(routing, "c", 31.0)
        assert update_ids(connect(routing, 2, TOKEN, 32.0), 2) == ["b", "c"]
        routing.socket_closed(2, 33.0)  # at once: nobody knows whether they arrived
        assert update_ids(connect(routing, 3, TOKEN, 34.0), 3) == ["b", "c"]
        say(routing, 3, "heartbeat", TOKEN, 35.0 + PROVEN_SECONDS)
        routing.socket_closed(3, 50.0)
        assert update_ids(connect(routing, 4, TOKEN, 51.0), 4) == []

    def test_a_page_that_comes_by_a_new_connection_before_the_dead_one_is_noticed_misses_nothing(self) -> None:
        routing = attached()
        tell(routing, PacketType.UPDATE_STATUS, TOKEN, {"status": "in task"})
        connect(routing, 1, TOKEN)
        live_update(routing, "a", 2.0)
        assert update_ids(connect(routing, 2, TOKEN, 3.0), 2) == ["a"]
        assert len(update_ids(live_update(routing, "b", 4.0), 2)) == 1

    def test_what_a_page_was_given_with_its_data_is_not_sent_again(self) -> None:
        routing = attached()
        tell(routing, PacketType.UPDATE_STATUS, TOKEN, {"status": "in task"})
        connect(routing, 1, TOKEN)
        live_update(routing, "a", 2.0)
        routing.socket_closed(1, 3.0)
        live_update(routing, "b", 3.0)
        live_update(routing, "c", 3.0)
        ask(routing, PacketType.REGISTER_AGENT)
        [answer] = tell(
            routing, PacketType.AGENT_DETAILS, "channel", {"request_id": "r1", "agent_id": TOKEN, "said": ["a", "b"]}
        )
        assert isinstance(answer, Answer)
        assert "said" not in answer.body["data"]
        assert update_ids(connect(routing, 2, TOKEN, 4.0), 2) == ["c"]

    def test_live_updates_that_the_desktop_has_not_read_go_out_again(self) -> None:
        routing = attached(local=False)
        tell(routing, PacketType.UPDATE_STATUS, TOKEN, {"status": "in task"})
        connect(routing, 1, TOKEN)
        for number in range(4):
            say(routing, 1, "mephisto_bound_live_update", TOKEN, n=number)
        tell(routing, PacketType.ALIVE, DESKTOP_ID, {"read": 2})
        routing.desktop_closed(2.0)
        say(routing, 1, "mephisto_bound_live_update", TOKEN, n=4)
        for _ in range(2):  # the second channel dies as well, before it has read anything
            held = packets(routing.desktop_opened(3.0, WALL))
            said = [each.data["n"] for each in held if each.packet_type is PacketType.MEPHISTO_BOUND_LIVE_UPDATE]
            assert said == [2, 3, 4]
            routing.desktop_closed(4.0)

    def test_agents_that_the_desktop_does_not_name_when_it_is_back_are_asked_about_and_their_pages_told(self) -> None:
        routing = attached(local=False)
        for token in (TOKEN, OTHER):
            tell(routing, PacketType.UPDATE_STATUS, token, {"status": "in task"})
        connect(routing, 1, TOKEN)
        routing.desktop_closed(2.0)
        routing.desktop_opened(60.0, WALL)
        asked = packets(tell(routing, PacketType.RETURN_STATUSES, DESKTOP_ID, {OTHER: "in task"}, 60.0))
        assert [(each.packet_type, each.subject_id) for each in asked] == [(PacketType.REQUEST_AGENT_STATUS, TOKEN)]
        said = {"request_id": asked[0].data["request_id"], "status": "expired"}
        told = frames(tell(routing, PacketType.AGENT_STATUS, TOKEN, said, 60.0), 1)
        assert [(each["packet_type"], each["data"]["status"]) for each in told] == [("update_status", "expired")]

    def test_live_updates_of_pages_go_to_the_desktop_or_wait_for_it(self) -> None:
        routing = attached(local=False, desktop_held_packets=2)
        tell(routing, PacketType.UPDATE_STATUS, TOKEN, {"status": "in task"})
        connect(routing, 1, TOKEN)
        [packet] = packets(say(routing, 1, "mephisto_bound_live_update", TOKEN, update_id="u", text="x"))
        assert packet.data == {"update_id": "u", "text": "x"}
        routing.desktop_closed(2.0)
        assert say(routing, 1, "mephisto_bound_live_update", TOKEN, n=1) == []
        assert closes(say(routing, 1, "mephisto_bound_live_update", TOKEN, n=2)) == [(1, 1013)]
        held = packets(routing.desktop_opened(3.0, WALL))
        assert [packet.data for packet in held if packet.packet_type is PacketType.MEPHISTO_BOUND_LIVE_UPDATE] == [
            {"update_id": "u", "text": "x"},  # nobody knows whether it was read
            {"n": 1},
        ]

    @pytest.mark.parametrize(
        "kind", sorted(set(PacketType) - {"alive", "heartbeat", "log_error", "mephisto_bound_live_update"})
    )
    def test_a_page_may_send_none_of_the_desktops_or_routers_packets(self, kind: str) -> None:
        routing = attached()
        tell(routing, PacketType.UPDATE_STATUS, TOKEN, {"status": "in task"})
        connect(routing, 1, TOKEN)
        actions = say(routing, 1, kind, TOKEN, status="approved")
        assert refusals(actions) == ["channel_hijack"]
        assert closes(actions) == [(1, 1008)]
        assert [packet.packet_type for packet in packets(actions)] == [PacketType.DISCONNECTED]

    def test_a_page_may_not_be_the_desktop(self) -> None:
        routing = attached()
        actions = connect(routing, 1, DESKTOP_ID)
        assert refusals(actions) == ["channel_hijack"]
        assert closes(actions) == [(1, 1008)]

    def test_a_page_speaks_only_for_the_agent_it_holds_the_token_of(self) -> None:
        routing = attached()
        for token in (TOKEN, OTHER):
            tell(routing, PacketType.UPDATE_STATUS, token, {"status": "in task"})
        connect(routing, 1, TOKEN)
        actions = say(routing, 1, "mephisto_bound_live_update", OTHER, text="stolen")
        assert refusals(actions) == ["foreign_agent"]
        assert [packet.subject_id for packet in packets(actions)] == [TOKEN]  # that it is disconnected

    def test_a_page_that_speaks_before_it_says_alive_is_there_as_well(self) -> None:
        routing = attached()
        tell(routing, PacketType.UPDATE_STATUS, TOKEN, {"status": "in task"})
        routing.socket_opened(1, "10.0.0.1", 1.0)
        heard = packets(say(routing, 1, "mephisto_bound_live_update", TOKEN, text="early"))
        assert [packet.packet_type for packet in heard] == [PacketType.ALIVE, PacketType.MEPHISTO_BOUND_LIVE_UPDATE]
        assert refusals(say(routing, 1, "mephisto_bound_live_update", OTHER, text="stolen")) == ["foreign_agent"]

    def test_what_a_page_says_before_its_token_is_known_waits_for_that(self) -> None:
        routing = attached()
        routing.socket_opened(1, "10.0.0.1", 1.0)
        asked = packets(say(routing, 1, "mephisto_bound_live_update", TOKEN, n=1))
        assert [packet.packet_type for packet in asked] == [PacketType.REQUEST_AGENT_STATUS]
        assert say(routing, 1, "mephisto_bound_live_update", TOKEN, n=2) == []
        told = packets(tell(routing, PacketType.AGENT_STATUS, TOKEN, {"status": "in task"}))
        assert [packet.data for packet in told if packet.packet_type is PacketType.MEPHISTO_BOUND_LIVE_UPDATE] == [
            {"n": 1},
            {"n": 2},
        ]

    def test_a_page_that_speaks_for_nobody_is_not_listened_to_without_end(self) -> None:
        routing = attached()
        routing.socket_opened(1, "10.0.0.1", 1.0)
        told = [refusals(say(routing, 1, "mephisto_bound_live_update", TOKEN, n=n)) for n in range(EARLY_FRAMES + 1)]
        assert told == [[]] * EARLY_FRAMES + [["early_frames"]]
        told_no = tell(routing, PacketType.AGENT_STATUS, TOKEN, {"status": None})
        assert PacketType.MEPHISTO_BOUND_LIVE_UPDATE not in [packet.packet_type for packet in packets(told_no)]

    @pytest.mark.parametrize("text", ["", "{", "[]", "null", '"x"', '{"packet_type": "nothing"}', "[" * 100_000])
    def test_what_is_no_packet_closes_the_socket(self, text: str) -> None:
        routing = attached()
        routing.socket_opened(1, "10.0.0.1", 1.0)
        actions = routing.socket_frame(1, text, 1.0, WALL)
        assert refusals(actions) == ["malformed_frame"]
        assert closes(actions) == [(1, 1007)]
        assert routing.socket_frame(1, text, 1.0, WALL) == []

    def test_too_many_frames_at_once_close_the_socket(self) -> None:
        routing = attached(frames_per_second=1.0, frame_burst=3)
        tell(routing, PacketType.UPDATE_STATUS, TOKEN, {"status": "in task"})
        connect(routing, 1, TOKEN)
        beats = [refusals(say(routing, 1, "heartbeat", TOKEN)) for _ in range(3)]
        assert beats == [[], [], ["frame_flood"]]

    def test_a_page_open_too_often_loses_its_oldest_socket(self) -> None:
        routing = attached(sockets_per_agent=2)
        tell(routing, PacketType.UPDATE_STATUS, TOKEN, {"status": "in task"})
        connect(routing, 1, TOKEN)
        connect(routing, 2, TOKEN)
        actions = connect(routing, 3, TOKEN)
        assert closes(actions) == [(1, 1008)]
        assert packets(actions) == []

    def test_the_socket_of_a_finished_onboarding_may_be_silent(self) -> None:
        routing = attached()
        token = "onboarding_" + TOKEN
        tell(routing, PacketType.AGENT_DETAILS, "local", {"agent_id": token, "status": "onboarding"})
        connect(routing, 1, token, now=1.0)
        tell(routing, PacketType.AGENT_STATUS, token, {"status": "completed"}, now=2.0)
        assert not [each for each in routing.tick(600.0, WALL) if isinstance(each, CloseSocket)]
        assert [each for each in routing.tick(4000.0, WALL) if isinstance(each, CloseSocket)]

    def test_a_silent_socket_is_closed_and_told(self) -> None:
        routing = attached(heartbeat_seconds=15.0, alive_seconds=10.0)
        tell(routing, PacketType.UPDATE_STATUS, TOKEN, {"status": "in task"})
        connect(routing, 1, TOKEN, now=1.0)
        routing.socket_opened(2, "10.0.0.9", 1.0)
        say(routing, 1, "heartbeat", TOKEN, now=8.0)
        assert closes(routing.tick(11.5, WALL)) == [(2, 4408)]
        actions = routing.tick(23.5, WALL)
        assert closes(actions) == [(1, 4408)]
        assert [packet.packet_type for packet in packets(actions)] == [PacketType.DISCONNECTED]

    def test_a_page_may_go_on_to_its_next_agent_on_the_same_socket(self) -> None:
        routing = attached()
        for token in (TOKEN, OTHER):
            tell(routing, PacketType.UPDATE_STATUS, token, {"status": "in task"})
        connect(routing, 1, TOKEN)
        told = [(packet.packet_type, packet.subject_id) for packet in packets(say(routing, 1, "alive", OTHER))]
        assert told == [(PacketType.DISCONNECTED, TOKEN), (PacketType.ALIVE, OTHER)]
        assert frames(tell(routing, PacketType.UPDATE_STATUS, TOKEN, {"status": "waiting"}), 1) == []


class TestUnknownTokens:
    def test_the_desktop_is_asked_and_the_page_let_in(self) -> None:
        routing = attached()
        [question] = packets(connect(routing, 1, TOKEN))
        assert (question.packet_type, question.subject_id) == (PacketType.REQUEST_AGENT_STATUS, TOKEN)
        assert packets(connect(routing, 2, TOKEN)) == []
        actions = tell(routing, PacketType.AGENT_STATUS, TOKEN, {"status": "in task"})
        assert frames(actions, 1)[0]["data"] == frames(actions, 2)[0]["data"] == {"status": "in task"}

    def test_a_forged_token_is_closed_and_costs_the_desktop_one_question_a_minute(self) -> None:
        routing = attached()
        connect(routing, 1, TOKEN)
        actions = tell(routing, PacketType.AGENT_STATUS, TOKEN, {"status": None})
        assert closes(actions) == [(1, 4404)]
        assert refusals(actions) == ["unknown_agent"]
        again = connect(routing, 2, TOKEN, now=30.0)
        assert (closes(again), packets(again)) == ([(2, 4404)], [])
        assert len(packets(connect(routing, 3, TOKEN, now=90.0))) == 1

    @pytest.mark.parametrize("token", ["short", "with space " * 4, "../../../../etc/passwd", "é" * 40, "A" * 150])
    def test_what_cannot_be_a_token_is_not_even_asked_about(self, token: str) -> None:
        routing = attached()
        actions = connect(routing, 1, token)
        assert (closes(actions), packets(actions)) == ([(1, 4404)], [])

    def test_the_desktop_is_asked_at_a_bounded_rate(self) -> None:
        routing = attached(unknown_tokens_per_second=1.0, unknown_token_burst=2)
        asked = [len(packets(connect(routing, n, f"{n:_>30}", now=5.0))) for n in range(5)]
        assert asked == [1, 1, 0, 0, 0]
        assert len(packets(routing.tick(6.1, WALL))) == 1

    def test_sockets_that_wait_are_bounded(self) -> None:
        routing = attached(unconfirmed_sockets=2)
        codes = [closes(connect(routing, n, f"{n:_>30}")) for n in range(3)]
        assert codes == [[], [], [(2, 1013)]]
        routing.socket_closed(0, 2.0)
        assert closes(connect(routing, 9, f"{9:_>30}")) == []

    def test_a_desktop_that_does_not_say_ends_the_wait(self) -> None:
        routing = attached(answer_seconds=15.0, heartbeat_seconds=60.0)
        connect(routing, 1, TOKEN, now=1.0)
        assert closes(routing.tick(17.0, WALL)) == [(1, 1013)]

    def test_after_a_restart_return_statuses_lets_everybody_in_without_a_question(self) -> None:
        routing = make(local=True)
        connect(routing, 1, TOKEN)
        opened = packets(routing.desktop_opened(2.0, WALL))
        assert [packet.packet_type for packet in opened] == [PacketType.REQUEST_STATUSES]
        connect(routing, 2, OTHER, now=2.1)
        actions = tell(routing, PacketType.RETURN_STATUSES, DESKTOP_ID, {TOKEN: "in task"}, now=2.2)
        assert frames(actions, 1)[0]["data"] == {"status": "in task"}
        asked = [packet.subject_id for packet in packets(actions) if packet.packet_type == "request_agent_status"]
        assert asked == [OTHER]

    def test_a_desktop_that_names_nobody_is_asked_after_a_moment(self) -> None:
        routing = make(local=True)
        routing.desktop_opened(2.0, WALL)
        assert packets(connect(routing, 1, TOKEN, now=2.1)) == []
        assert [packet.subject_id for packet in packets(routing.tick(3.2, WALL))] == [TOKEN]

    def test_a_request_of_an_unknown_agent_waits_for_the_desktops_word(self) -> None:
        routing = attached()
        assert len(packets(routing.confirm("r1", TOKEN, "10.0.0.1", 1.0, WALL))) == 1
        assert Answer("r1", 200, {}) in tell(routing, PacketType.AGENT_STATUS, TOKEN, {"status": "in task"})
        routing.confirm("r2", OTHER, "10.0.0.1", 1.0, WALL)
        denied = tell(routing, PacketType.AGENT_STATUS, OTHER, {"status": None})
        assert [action.status for action in denied if isinstance(action, Answer)] == [404]
        again = routing.confirm("r3", OTHER, "10.0.0.1", 2.0, WALL)
        assert [action.status for action in again if isinstance(action, Answer)] == [404]

    def test_questions_that_nobody_waits_for_are_forgotten(self) -> None:
        routing = make(local=True)
        connect(routing, 1, TOKEN)
        routing.socket_closed(1, 2.0)
        routing.tick(2.5, WALL)
        assert packets(routing.desktop_opened(3.0, WALL))[0].packet_type is PacketType.REQUEST_STATUSES
        assert packets(routing.tick(9.0, WALL)) == []

    def test_an_agent_that_the_desktop_disowns_is_closed(self) -> None:
        routing = attached()
        tell(routing, PacketType.UPDATE_STATUS, TOKEN, {"status": "in task"})
        connect(routing, 1, TOKEN)
        assert closes(tell(routing, PacketType.AGENT_STATUS, TOKEN, {"status": None})) == [(1, 4404)]
        assert not routing.knows(TOKEN)


class TestDesktop:
    @pytest.mark.parametrize("kind", ["register_agent", "submit_unit", "mephisto_bound_live_update", "disconnected"])
    def test_packets_that_are_not_the_desktops_are_refused(self, kind: str) -> None:
        assert refusals(tell(attached(), PacketType(kind), TOKEN, {})) == ["channel_packet"]

    def test_statuses_say_who_has_been_silent(self) -> None:
        routing = attached(heartbeat_seconds=15.0)
        for token in (TOKEN, OTHER):
            tell(routing, PacketType.UPDATE_STATUS, token, {"status": "in task"}, now=1.0)
        connect(routing, 1, TOKEN, now=2.0)
        [packet] = packets(tell(routing, PacketType.REQUEST_STATUSES, DESKTOP_ID, {}, now=20.0))
        assert packet.data == {TOKEN: "in task", OTHER: "disconnect"}

    def test_a_silent_dialled_channel_is_dropped(self) -> None:
        routing = attached(local=False, desktop_silent_seconds=30.0)
        assert routing.tick(30.5, WALL) == []
        assert [type(action) for action in routing.tick(31.5, WALL)] == [DropDesktop]

    def test_requests_under_way_are_sent_again_on_return(self) -> None:
        routing = attached(local=False)
        ask(routing, PacketType.REGISTER_AGENT, "x")
        assert routing.desktop_closed(2.0) == []
        kinds = [packet.packet_type for packet in packets(routing.desktop_opened(3.0, WALL))]
        assert kinds == [PacketType.REQUEST_STATUSES, PacketType.REGISTER_AGENT]

    def test_agents_that_are_done_and_away_are_forgotten(self) -> None:
        routing = attached()
        tell(routing, PacketType.UPDATE_STATUS, TOKEN, {"status": "approved"}, now=1.0)
        tell(routing, PacketType.UPDATE_STATUS, OTHER, {"status": "in task"}, now=1.0)
        routing.tick(FORGET_SECONDS + 2.0, WALL)
        assert (routing.knows(TOKEN), routing.knows(OTHER)) == (False, True)


class TestSpooling:
    def test_a_submission_while_the_desktop_is_away_is_kept_and_acknowledged(self) -> None:
        routing = make(local=False, spooling=True)
        [keep] = ask(routing, PacketType.SUBMIT_UNIT)
        assert isinstance(keep, Keep)
        assert keep.body == {"status": "Submitted!"}
        assert refusals(ask(routing, PacketType.SUBMIT_ONBOARDING)) == ["desktop_away"]

    def test_submissions_under_way_are_kept_when_the_desktop_goes(self) -> None:
        routing = attached(local=False, spooling=True)
        ask(routing, PacketType.SUBMIT_UNIT, key="s")
        ask(routing, PacketType.REGISTER_AGENT, key="r")
        kept = routing.desktop_closed(2.0)
        assert [action.packet.data["request_id"] for action in kept if isinstance(action, Keep)] == ["s"]

    def test_a_submission_the_desktop_is_slow_with_is_kept_at_its_deadline(self) -> None:
        routing = attached(local=False, spooling=True, answer_seconds=15.0, desktop_silent_seconds=99.0)
        ask(routing, PacketType.SUBMIT_UNIT, now=1.0)
        assert [type(action) for action in routing.tick(16.5, WALL)] == [Keep]

    def test_what_is_kept_is_delivered_on_return_and_again_until_it_is_acknowledged(self) -> None:
        routing = make(local=False, spooling=True, desktop_silent_seconds=1e6)
        ask(routing, PacketType.SUBMIT_UNIT)
        assert Redeliver() in routing.desktop_opened(5.0, WALL)
        assert Redeliver() not in routing.tick(6.0, WALL)
        assert Redeliver() in routing.tick(6.0 + REDELIVER_SECONDS, WALL)
        assert tell(routing, PacketType.SUBMIT_ACKNOWLEDGED, TOKEN, {"request_id": "r1"}) == [Unkeep("r1")]


def test_an_agent_that_is_done_is_kept_while_its_page_is_open() -> None:
    routing = attached(heartbeat_seconds=1e9)
    tell(routing, PacketType.UPDATE_STATUS, TOKEN, {"status": "completed"}, now=1.0)
    connect(routing, 1, TOKEN, now=1.0)
    routing.tick(FORGET_SECONDS * 3, WALL)
    assert routing.knows(TOKEN)
    routing.socket_closed(1, FORGET_SECONDS * 3)
    routing.tick(FORGET_SECONDS * 3 + 1, WALL)
    assert routing.knows(TOKEN)
    routing.tick(FORGET_SECONDS * 5, WALL)
    assert not routing.knows(TOKEN)


def test_an_agent_that_is_taken_back_to_work_is_live_again() -> None:
    routing = attached()
    tell(routing, PacketType.UPDATE_STATUS, TOKEN, {"status": "disconnect"}, now=1.0)
    tell(routing, PacketType.UPDATE_STATUS, TOKEN, {"status": "in task"}, now=2.0)
    routing.tick(FORGET_SECONDS * 3, WALL)
    assert routing.knows(TOKEN)
