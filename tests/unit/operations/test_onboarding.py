"""The onboarding of a live run: its verdict, who leaves it, who comes back late, and what routers are told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from app.args import arg
from app.blueprints import registry as blueprints
from app.blueprints.base import BlueprintArgs
from app.blueprints.mock.blueprint import MockBlueprint, MockBlueprintArgs
from app.data.packets import Packet, PacketType
from app.operations.engine.live_run import LiveTaskRun
from tests.fakes.run_stage import Stage, open_stage, until


@dataclass
class IntroArgs(MockBlueprintArgs):
    """A mock task with an introduction."""

    _blueprint_type: str = arg("intro", help="The kind of task.")


class IntroBlueprint(MockBlueprint):
    """Who says yes has passed."""

    BLUEPRINT_TYPE: ClassVar[str] = "intro"
    ArgsClass: ClassVar[type[BlueprintArgs]] = IntroArgs
    HAS_ONBOARDING: ClassVar[bool] = True

    def onboarding_data(self) -> Mapping[str, Any]:
        return {"question": "Is this an introduction?"}

    def check_onboarding(self, inputs: Any, outputs: Any) -> bool:
        return bool(outputs == {"answer": "yes"})


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    blueprints.register(IntroBlueprint)
    async with open_stage(tmp_path) as opened:
        yield opened
    blueprints.classes.pop("intro")


async def launch(stage: Stage, **values: Any) -> LiveTaskRun:
    intro = {"blueprint___blueprint_type": "intro", "blueprint__onboarding_qualification": "intro"}
    return await stage.launch(**{**intro, "task__assignment_duration_in_seconds": 300, **values})


async def answer(stage: Stage, run: LiveTaskRun, token: str, said: str = "yes") -> dict[str, Any]:
    return await stage.ask(run, PacketType.SUBMIT_ONBOARDING, token, onboarding_data={"answer": said})


def states(stage: Stage) -> list[str]:
    return [row[0] for row in stage.rows("SELECT status FROM onboarding_agents ORDER BY onboarding_agent_id")]


def told(stage: Stage, run: LiveTaskRun, token: str, kind: PacketType) -> list[Any]:
    return [p.data.get("status") for p in stage.channel(run).sent if p.packet_type is kind and p.subject_id == token]


async def open_socket(stage: Stage, run: LiveTaskRun, token: str) -> None:
    stage.channel(run).inject(Packet(PacketType.ALIVE, token))
    room = run.engine.onboarding.room
    await until(lambda: any(one.token == token and one.had_socket and one.lost_at is None for one in room))


async def test_who_has_answered_is_in_the_room_no_more(stage: Stage) -> None:
    run = await launch(stage)
    token = await stage.token(run, "ada", "v")
    await open_socket(stage, run, token)
    assert run.newcomers == {1: 0.0}
    assert (await stage.ask(run, PacketType.REQUEST_AGENT_STATUS, token))["status"] == "onboarding"
    assert (await answer(stage, run, token))["status"] == "in task"
    assert run.newcomers == {}
    assert told(stage, run, token, PacketType.AGENT_STATUS) == ["onboarding", "completed"]  # routers may forget it
    assert told(stage, run, token, PacketType.UPDATE_STATUS) == []  # its page has gone on
    assert (await stage.ask(run, PacketType.REQUEST_AGENT_STATUS, token))["status"] == "approved"


async def test_a_router_asks_for_those_in_the_onboarding_alone(stage: Stage) -> None:
    run = await launch(stage, blueprint__num_assignments=5)
    tokens = [await stage.token(run, name, "v") for name in ("ada", "ben", "cleo")]
    await answer(stage, run, tokens[0])
    await answer(stage, run, tokens[1], "no")
    stage.channel(run).sent.clear()
    stage.channel(run).inject(Packet(PacketType.REQUEST_STATUSES, "mephisto"))
    sent = stage.channel(run).sent
    await until(lambda: any(p.packet_type is PacketType.RETURN_STATUSES for p in sent))
    (statuses,) = [p.data for p in sent if p.packet_type is PacketType.RETURN_STATUSES]
    assert {token for token in statuses if token.startswith("onboarding_")} == {tokens[2]}


async def test_who_never_answers_is_timed_out_and_may_begin_again(stage: Stage) -> None:
    run = await launch(stage)
    token = await stage.token(run, "ada", "v")
    await stage.pass_time(run, 301)
    assert states(stage) == ["timeout"]
    assert told(stage, run, token, PacketType.UPDATE_STATUS) == ["timeout"]
    assert run.newcomers == {}
    again = await stage.token(run, "ada", "v2")
    assert again != token
    assert (await answer(stage, run, again))["status"] == "in task"
    assert states(stage) == ["timeout", "approved"]


async def test_a_lost_page_is_told_when_it_comes_back(stage: Stage) -> None:
    run = await launch(stage, task__reconnect_grace_in_seconds=10)
    token = await stage.token(run, "ada", "v")
    await open_socket(stage, run, token)
    stage.channel(run).inject(Packet(PacketType.DISCONNECTED, token))
    await until(lambda: any(one.lost_at is not None for one in run.engine.onboarding.room))
    await stage.pass_time(run, 9)
    assert states(stage) == ["onboarding"]
    await open_socket(stage, run, token)
    await stage.pass_time(run, 15)
    assert states(stage) == ["onboarding"]
    stage.channel(run).inject(Packet(PacketType.DISCONNECTED, token))
    await until(lambda: any(one.lost_at is not None for one in run.engine.onboarding.room))
    await stage.pass_time(run, 12)
    assert states(stage) == ["disconnect"]
    assert (await stage.ask(run, PacketType.REQUEST_AGENT_STATUS, token))["status"] == "disconnect"


async def test_a_late_answer_counts(stage: Stage) -> None:
    run = await launch(stage)
    token = await stage.token(run, "ada", "v")
    await stage.pass_time(run, 301)
    assert (await answer(stage, run, token))["status"] == "in task"
    assert states(stage) == ["approved"]


async def test_an_answer_to_an_introduction_that_was_begun_anew_gives_no_false_reason(stage: Stage) -> None:
    run = await launch(stage)
    first = await stage.token(run, "ada", "v")
    await stage.pass_time(run, 301)
    second = await stage.token(run, "ada", "v2")
    assert (await answer(stage, run, first))["failure_code"] == "onboarding_elsewhere"
    assert (await answer(stage, run, second, "no"))["failure_code"] == "onboarding_failed"
    assert (await answer(stage, run, first))["failure_code"] == "onboarding_failed"
    assert states(stage) == ["timeout", "rejected"]


async def test_another_visit_goes_on_with_the_same_introduction(stage: Stage) -> None:
    run = await launch(stage)
    token = await stage.token(run, "ada", "v")
    assert await stage.token(run, "ada", "v2") == token
    real = await answer(stage, run, token)
    assert (await stage.register(run, "ada", "v2"))["agent_id"] == real["agent_id"]  # a reload finds the unit
    assert stage.one("SELECT count(*) FROM agents") == 1


async def test_after_a_restart_they_are_there_again(stage: Stage) -> None:
    run = await launch(stage)
    token = await stage.token(run, "ada", "v")
    await stage.operator.close()
    run = await stage.operator.resume(run.run_id)
    assert run.newcomers.keys() == {1}
    assert (await stage.ask(run, PacketType.REQUEST_AGENT_STATUS, token))["status"] == "onboarding"
    assert (await answer(stage, run, token))["status"] == "in task"


async def test_when_the_run_ends_they_are_told(stage: Stage) -> None:
    run = await launch(stage, blueprint__num_assignments=1)
    token = await stage.token(run, "ada", "v")
    run.serve_on(60)
    await run.stop()
    await until(lambda: states(stage) == ["expired"])
    await until(lambda: bool(told(stage, run, token, PacketType.UPDATE_STATUS)))
    assert told(stage, run, token, PacketType.UPDATE_STATUS) == ["expired"]
    assert (await answer(stage, run, token))["failure_code"] == "finished"


async def test_nobody_is_judged_while_no_router_can_be_reached(stage: Stage) -> None:
    run = await launch(stage)
    await stage.token(run, "ada", "v")
    run.engine.presence.give_chance(1000)
    await stage.pass_time(run, 400)
    assert states(stage) == ["onboarding"]
