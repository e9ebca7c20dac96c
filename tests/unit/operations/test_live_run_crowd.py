"""Runs with partners, with an onboarding, at a provider that must be told of each unit, and with routers that fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pytest

from app.args import arg
from app.blueprints import registry as blueprints
from app.blueprints.base import BlueprintArgs
from app.blueprints.live_agent import LiveAgent
from app.blueprints.mock.blueprint import MockBlueprint, MockBlueprintArgs
from app.data.packets import Packet, PacketType
from app.data.repo import live_updates
from app.errors import ConfigError
from app.operations.engine.live_run import LiveTaskRun
from app.providers.mock.account import FaultKind, close_accounts, open_account
from tests.fakes.run_stage import Stage, open_stage, until


@dataclass
class TalkArgs(MockBlueprintArgs):
    """A mock task whose logic talks."""

    _blueprint_type: str = arg("talk", help="The kind of task.")


class TalkBlueprint(MockBlueprint):
    """Passes what each says to the other, until somebody says "bye"."""

    BLUEPRINT_TYPE: ClassVar[str] = "talk"
    ArgsClass: ClassVar[type[BlueprintArgs]] = TalkArgs
    HAS_ONBOARDING: ClassVar[bool] = True
    heard: ClassVar[list[str]] = []

    async def run_assignment(self, agents: Sequence[LiveAgent]) -> None:
        turn = sum(len([u for u in agent.past_updates if u.get("said")]) for agent in agents)
        while True:
            said = await agents[turn % len(agents)].get_live_update(timeout=60)
            assert agent_inputs(agents)
            self.heard.append(str(said["said"]))
            for agent in agents:
                await agent.observe({"text": said["said"]})
            if said["said"] == "bye":
                return
            turn += 1

    def onboarding_data(self) -> Mapping[str, Any]:
        return {"question": "Is this an introduction?"}

    def check_onboarding(self, inputs: Any, outputs: Any) -> bool:
        return bool(outputs == {"answer": "yes"})


def agent_inputs(agents: Sequence[LiveAgent]) -> bool:
    """Whether the logic knows what the pages were given."""
    return all("question" in agent.inputs for agent in agents)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    close_accounts()
    blueprints.register(TalkBlueprint)
    TalkBlueprint.heard.clear()
    async with open_stage(tmp_path) as opened:
        yield opened
    blueprints.classes.pop("talk")
    close_accounts()


async def launch_talk(stage: Stage, **values: Any) -> LiveTaskRun:
    two = {"blueprint___blueprint_type": "talk", "blueprint__is_concurrent": True, "blueprint__units_per_assignment": 2}
    return await stage.launch(**{**two, "blueprint__num_assignments": 1, **values})


def statuses(stage: Stage, run: LiveTaskRun, token: str) -> list[str]:
    sent = [p for p in stage.channel(run).sent if p.packet_type is PacketType.UPDATE_STATUS and p.subject_id == token]
    return [str(packet.data["status"]) for packet in sent]


def texts(stage: Stage, run: LiveTaskRun, token: str) -> list[Any]:
    kind = PacketType.CLIENT_BOUND_LIVE_UPDATE
    return [p.data.get("text") for p in stage.channel(run).sent if p.packet_type is kind and p.subject_id == token]


def say(stage: Stage, run: LiveTaskRun, token: str, text: str, update_id: str) -> None:
    data = {"said": text, "update_id": update_id}
    stage.channel(run).inject(Packet(PacketType.MEPHISTO_BOUND_LIVE_UPDATE, token, data))


async def test_partners_wait_for_each_other_and_then_talk(stage: Stage) -> None:
    run = await launch_talk(stage)
    first = await stage.register(run, "ada", "v")
    assert first["status"] == "waiting"
    assert await stage.submit(run, first["agent_id"]) is not None  # nothing to hand in yet
    second = await stage.token(run, "bob", "v")
    ada = str(first["agent_id"])
    await until(lambda: statuses(stage, run, second) == ["in task"])
    assert statuses(stage, run, ada) == ["in task"]
    say(stage, run, ada, "hello", "u1")
    say(stage, run, ada, "hello", "u1")  # packets may come twice
    await until(lambda: texts(stage, run, second) == ["hello"])
    say(stage, run, second, "bye", "u2")
    await until(lambda: texts(stage, run, ada) == ["hello", "bye"])
    assert TalkBlueprint.heard == ["hello", "bye"]
    assert [await stage.submit(run, token) for token in (ada, second)] == [None, None]
    await run.wait_completed()


async def test_waiting_has_a_limit(stage: Stage) -> None:
    run = await launch_talk(stage, task__assignment_duration_in_seconds=20)
    token = await stage.token(run, "ada", "v")
    await stage.pass_time(run, 21)
    assert statuses(stage, run, token) == ["timeout"]
    assert stage.rows("SELECT status FROM units ORDER BY unit_id") == [("launched",), ("launched",)]


async def test_a_partner_who_leaves_ends_the_others_unit(stage: Stage) -> None:
    run = await launch_talk(stage)
    ada, bob = await stage.token(run, "ada", "v"), await stage.token(run, "bob", "v")
    await stage.ask(run, PacketType.RETURN_UNIT, ada)
    assert statuses(stage, run, bob)[-1] == "partner disconnect"
    assert stage.rows("SELECT status FROM units ORDER BY unit_id") == [("launched",), ("launched",)]


async def test_the_logic_goes_on_after_a_restart_with_what_was_said(stage: Stage) -> None:
    run = await launch_talk(stage)
    ada, bob = await stage.token(run, "ada", "v"), await stage.token(run, "bob", "v")
    say(stage, run, ada, "hello", "u1")
    await until(lambda: texts(stage, run, bob) == ["hello"])
    await stage.operator.close()
    resumed = await stage.operator.resume(run.run_id)
    assert (await stage.register(resumed, "bob", "v"))["agent_id"] == bob
    await until(lambda: texts(stage, resumed, bob) == ["hello"])  # said again to the page that came back
    say(stage, resumed, bob, "bye", "u2")
    await until(lambda: texts(stage, resumed, ada) == ["bye"])
    assert TalkBlueprint.heard == ["hello", "bye"]


async def test_the_time_to_hand_in_begins_when_the_logic_is_over(stage: Stage) -> None:
    run = await launch_talk(stage, task__submission_timeout=10, task__assignment_duration_in_seconds=1000)
    ada, bob = await stage.token(run, "ada", "v"), await stage.token(run, "bob", "v")
    say(stage, run, ada, "bye", "u1")
    await until(lambda: texts(stage, run, bob) == ["bye"])
    await stage.submit(run, ada)
    await stage.pass_time(run, 12)
    assert statuses(stage, run, bob)[-1] == "timeout"


async def test_one_who_works_alone_has_a_logic_too(stage: Stage) -> None:
    alone = {"blueprint__is_concurrent": False, "blueprint__units_per_assignment": 2}
    run = await launch_talk(stage, **alone)
    ada, bob = await stage.token(run, "ada", "v"), await stage.token(run, "bob", "v")
    say(stage, run, ada, "hello", "u1")
    await until(lambda: texts(stage, run, ada) == ["hello"])
    say(stage, run, bob, "good day", "u1")
    await until(lambda: texts(stage, run, bob) == ["good day"])  # each has a logic of their own
    await stage.operator.close()
    resumed = await stage.operator.resume(run.run_id)
    assert (await stage.register(resumed, "bob", "v"))["agent_id"] == bob
    say(stage, resumed, bob, "still here", "u2")
    await until(lambda: texts(stage, resumed, bob) == ["good day", "still here"])
    assert [await stage.submit(resumed, token) for token in (ada, bob)] == [None, None]
    await resumed.wait_completed()


async def test_a_message_of_the_requester_is_kept_and_shown(stage: Stage) -> None:
    run = await stage.launch()
    token = await stage.token(run, "ada", "v")
    await run.message_worker(1, "Take your time.")
    assert texts(stage, run, token) == ["Take your time."]
    assert stage.rows("SELECT direction FROM live_updates") == [("out",)]


async def test_an_onboarding_comes_first_and_decides(stage: Stage) -> None:
    intro = {"blueprint___blueprint_type": "talk", "blueprint__onboarding_qualification": "intro"}
    run = await stage.launch(**intro)
    first = await stage.register(run, "ada", "v")
    assert str(first["agent_id"]).startswith("onboarding_")
    assert first["init_task_data"] == {"question": "Is this an introduction?"}
    token = str(first["agent_id"])
    assert (await stage.ask(run, PacketType.REQUEST_AGENT_STATUS, token))["status"] == "onboarding"
    answer = {"onboarding_data": {"answer": "yes"}}
    real = await stage.ask(run, PacketType.SUBMIT_ONBOARDING, token, **answer)
    assert real["status"] == "in task"
    assert (await stage.ask(run, PacketType.SUBMIT_ONBOARDING, token, **answer))["agent_id"] == real["agent_id"]
    other = await stage.register(run, "bob", "v")
    refused = await stage.ask(
        run, PacketType.SUBMIT_ONBOARDING, str(other["agent_id"]), onboarding_data={"answer": "no"}
    )
    assert refused["failure_code"] == "onboarding_failed"
    assert (await stage.register(run, "bob", "v2"))["failure_code"] == "onboarding_failed"


async def test_a_kind_without_an_onboarding_is_not_launched_with_one(stage: Stage) -> None:
    with pytest.raises(ConfigError, match="no onboarding"):
        await stage.launch(blueprint__onboarding_qualification="intro")
    assert stage.rows("SELECT count(*) FROM task_runs") == [(0,)]


MOCK = {"provider___provider_type": "mock", "provider__requester_name": "lab"}


async def launched(stage: Stage, number: int) -> None:
    while stage.one("SELECT count(*) FROM units WHERE status IN ('launched', 'assigned', 'completed')") < number:
        await stage.clock.wait_asleep(2)
        await stage.clock.turn(1)


async def test_units_are_offered_one_by_one_where_the_provider_wants_it(stage: Stage) -> None:
    run = await stage.launch(**MOCK, blueprint__num_assignments=3, task__max_num_concurrent_units=2)
    await launched(stage, 2)
    assert sorted(open_account("lab").launched) == ["1", "2"]
    assert stage.rows("SELECT external_id FROM external_refs WHERE table_name = 'units' ORDER BY row_id") == [
        ("mock-unit-1",),
        ("mock-unit-2",),
    ]
    await stage.submit(run, await stage.token(run, "ada", "v"))
    await launched(stage, 3)
    assert open_account("lab").done == ["ada"]
    assert await stage.operator.expire_units(run.run_id, None) == 2
    assert open_account("lab").expired == {"2", "3"}


async def test_a_provider_that_refuses_a_unit_is_asked_again(stage: Stage) -> None:
    open_account("lab").script("launch", FaultKind.REFUSE, message="Not now.")
    await stage.launch(**MOCK, blueprint__num_assignments=1)
    await launched(stage, 1)
    assert "Not now." in stage.events("provider.launch_failed")[0]


async def test_units_that_the_provider_took_back_are_expired_here(stage: Stage) -> None:
    run = await stage.launch(**MOCK, blueprint__num_assignments=2)
    await launched(stage, 2)
    token = await stage.token(run, "ada", "v")
    open_account("lab").expired.update({"1", "2"})
    await stage.pass_time(run, 61, sleepers=3)
    assert stage.rows("SELECT status FROM units ORDER BY unit_id") == [("assigned",), ("expired",)]
    assert await stage.submit(run, token) is None  # who was at work hands in after the expiry


async def test_a_worker_whom_the_provider_bars_is_refused(stage: Stage) -> None:
    run = await stage.launch(**MOCK)
    await launched(stage, 1)
    open_account("lab").blocked["ada"] = "spam"
    open_account("lab").ineligible["bob"] = "Only people over 18."
    assert (await stage.register(run, "ada", "v"))["failure_code"] == "blocked"
    assert (await stage.register(run, "bob", "v"))["failure_reason"] == "Only people over 18."


async def test_the_fee_counts_for_the_budget(stage: Stage) -> None:
    run = await stage.launch(**MOCK, provider__fee_percent=Decimal(50), task__budget="3.10")
    await launched(stage, 3)
    answers = await asyncio.gather(*(stage.register(run, f"w{n}", "v") for n in range(3)))
    assert len([a for a in answers if a["agent_id"]]) == 2


async def test_nobody_is_timed_out_for_a_router_that_is_away(stage: Stage) -> None:
    run = await stage.launch(task__reconnect_grace_in_seconds=5)
    token = await stage.token(run, "ada", "v")
    channel = stage.channel(run)
    channel.inject(Packet(PacketType.ALIVE, token))
    await stage.pass_time(run, 1)
    channel.lose()
    await stage.pass_time(run, 90)
    channel.restore()
    await stage.pass_time(run, 50)
    assert stage.one("SELECT status FROM agents") == "in task"
    assert [n.kind for n in stage.notices] == ["router_lost", "router_back"]
    asked = [p for p in channel.sent if p.packet_type is PacketType.REQUEST_STATUSES]
    assert asked
    channel.inject(Packet(PacketType.RETURN_STATUSES, "mephisto", {token: "in task"}))
    await stage.pass_time(run, 60)
    assert stage.one("SELECT status FROM agents") == "in task"


async def test_what_was_said_while_a_router_was_away_is_said_when_it_is_back(stage: Stage) -> None:
    run = await launch_talk(stage)
    ada, bob = await stage.token(run, "ada", "v"), await stage.token(run, "bob", "v")
    channel = stage.channel(run)
    channel.lose()
    say(stage, run, ada, "hello", "u1")  # it came by before, and is committed now
    agents = [1, 2]
    while [len(rows) for rows in (await stage.store.read(live_updates.list_of_agents, agents)).values()] != [2, 1]:
        pass
    assert texts(stage, run, bob) == []
    channel.restore()
    # once or, when the router comes back at that very moment, twice: pages know each by its id
    await until(lambda: set(texts(stage, run, bob)) == set(texts(stage, run, ada)) == {"hello"})


async def test_what_was_handed_in_cannot_be_given_back(stage: Stage) -> None:
    run = await stage.launch()
    token = await stage.token(run, "ada", "v")
    assert await stage.submit(run, token) is None
    told = await stage.ask(run, PacketType.RETURN_UNIT, token)
    assert "handed in already" in told["failure_reason"]
    assert stage.one("SELECT status FROM agents") == "completed"
    given_back = await stage.token(run, "bob", "v")
    for _ in range(2):
        assert (await stage.ask(run, PacketType.RETURN_UNIT, given_back))["failure_reason"] is None


async def come_back(stage: Stage, run: LiveTaskRun, worker: str) -> dict[str, Any]:
    """What a page that had a unit in its visit asks for after a while away."""
    provider_data = {"worker_name": worker, "agent_registration_id": f"v-{worker}", "returning": True}
    return await stage.ask(run, PacketType.REGISTER_AGENT, provider_data=provider_data)


async def test_who_was_away_gets_their_own_unit_back_or_none(stage: Stage) -> None:
    run = await stage.launch(task__reconnect_grace_in_seconds=5, blueprint__num_assignments=1)
    ada = await stage.token(run, "ada", "v")
    for kind in (PacketType.ALIVE, PacketType.DISCONNECTED):
        stage.channel(run).inject(Packet(kind, ada))
    await stage.pass_time(run, 7)
    assert statuses(stage, run, ada)[-1] == "disconnect"
    assert (await come_back(stage, run, "ada"))["agent_id"] == ada
    stage.channel(run).inject(Packet(PacketType.ALIVE, ada))
    stage.channel(run).inject(Packet(PacketType.DISCONNECTED, ada))
    await stage.pass_time(run, 7)
    bob = await stage.token(run, "bob", "v")
    told = await come_back(stage, run, "ada")
    assert (told["agent_id"], told["failure_code"]) == (None, "unit_gone")
    await stage.ask(run, PacketType.RETURN_UNIT, bob)
    told = await come_back(stage, run, "bob")  # a reload of the page that gave it back takes no other
    assert (told["agent_id"], told["failure_reason"]) == (None, "You gave this unit back. You can take another.")
    assert (await stage.register(run, "bob", "w"))["agent_id"] not in (None, bob)


async def test_a_router_is_told_who_is_at_work(stage: Stage) -> None:
    run = await stage.launch()
    token = await stage.token(run, "ada", "v")
    channel = stage.channel(run)
    channel.inject(Packet(PacketType.REQUEST_STATUSES, "mephisto"))
    told = await channel.sent_packet(PacketType.RETURN_STATUSES)
    assert told.data == {token: "in task"}
    await stage.submit(run, token)
    assert (await stage.ask(run, PacketType.REQUEST_AGENT_STATUS, token))["status"] == "completed"
