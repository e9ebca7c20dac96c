"""A live run: who gets which unit, what is acknowledged, who comes back, what time does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from app.architects.mock import MockArchitect
from app.blueprints.gates import REASONS
from app.blueprints.mock.blueprint import MockBlueprint
from app.data.packets import Packet, PacketType
from app.data.repo import blocks, qualifications, status, tasks
from app.data.states import RunState
from app.errors import ArchitectError, ConfigError, RunHeldElsewhere, StoreError
from tests.fakes.run_stage import Stage, open_stage, until


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with open_stage(tmp_path) as opened:
        yield opened


async def test_a_worker_takes_unit_after_unit_until_the_run_is_complete(stage: Stage) -> None:
    run = await stage.launch(blueprint__num_assignments=3)
    for number in range(3):
        token = await stage.token(run, "ada", f"v{number}")
        assert await stage.submit(run, token, f"answer {number}") is None
    await run.wait_completed()
    assert stage.one("SELECT state FROM task_runs") == "completed"
    assert [row[0] for row in stage.rows("SELECT status FROM units")] == ["completed"] * 3
    assert [n.kind for n in stage.notices] == ["completed"]


async def test_the_same_registration_gets_the_same_token_and_data(stage: Stage) -> None:
    run = await stage.launch()
    first = await stage.register(run, "ada", "v")
    again = await stage.register(run, "ada", "v")
    assert (first["agent_id"], first["init_task_data"]) == (again["agent_id"], again["init_task_data"])
    assert stage.one("SELECT count(*) FROM agents") == 1


async def test_a_registration_of_somebody_else_opens_nothing(stage: Stage) -> None:
    run = await stage.launch()
    await stage.token(run, "b-a", "x")  # its registration id is "x-b-a", which a worker "a" can also make
    stolen = await stage.register(run, "a", "x-b")
    assert stolen["agent_id"] is None
    assert stolen["failure_code"] == "bad_request"


async def test_a_submission_twice_is_acknowledged_twice_and_kept_once(stage: Stage) -> None:
    run = await stage.launch()
    token = await stage.token(run, "ada", "v")
    both = await asyncio.gather(stage.submit(run, token, "one"), stage.submit(run, token, "two"))
    assert set(both) == {None}
    assert stage.rows("SELECT json_extract(outputs, '$.answer') FROM agent_data") == [("one",)]


async def test_a_refused_submission_says_what_is_missing_and_changes_nothing(stage: Stage) -> None:
    run = await stage.launch()
    token = await stage.token(run, "ada", "v")
    assert "text" in (await stage.submit(run, token, 17) or "")
    assert stage.one("SELECT status FROM agents") == "in task"


async def test_an_unknown_token_is_refused(stage: Stage) -> None:
    run = await stage.launch()
    assert await stage.submit(run, "x" * 43) == "No work of this task has this id."
    assert (await stage.ask(run, PacketType.REQUEST_AGENT_STATUS, "x" * 43))["status"] is None


async def test_a_finished_registration_is_told_that_its_work_arrived(stage: Stage) -> None:
    run = await stage.launch()
    token = await stage.token(run, "ada", "v")
    await stage.submit(run, token)
    assert (await stage.register(run, "ada", "v"))["failure_code"] == "already_done"


async def test_a_unit_that_is_given_back_can_be_taken_by_another(stage: Stage) -> None:
    run = await stage.launch(blueprint__num_assignments=1)
    token = await stage.token(run, "ada", "v")
    assert (await stage.register(run, "bob", "w"))["failure_code"] == "all_taken"
    assert (await stage.ask(run, PacketType.RETURN_UNIT, token))["failure_reason"] is None
    assert (await stage.ask(run, PacketType.RETURN_UNIT, token))["failure_reason"] is None
    taken = await stage.token(run, "bob", "w")
    late = await stage.submit(run, token, "late but real")
    assert late is not None
    assert "kept" in late
    assert stage.rows(
        "SELECT json_extract(details, '$.outputs.answer') FROM events WHERE kind = 'submission.refused'"
    ) == [("late but real",)]
    assert await stage.submit(run, taken) is None


async def test_time_is_up_after_the_duration_and_a_late_submission_is_taken_while_the_unit_is_free(
    stage: Stage,
) -> None:
    run = await stage.launch(task__assignment_duration_in_seconds=30, blueprint__num_assignments=1)
    token = await stage.token(run, "ada", "v")
    await stage.pass_time(run, 29)
    assert stage.one("SELECT status FROM agents") == "in task"
    await stage.pass_time(run, 2)
    assert stage.rows("SELECT agents.status, units.status FROM agents, units") == [("timeout", "launched")]
    pushed = [p for p in stage.channel(run).sent if p.packet_type is PacketType.UPDATE_STATUS]
    assert (pushed[-1].subject_id, pushed[-1].data["status"]) == (token, "timeout")
    assert await stage.submit(run, token, "late") is None
    await run.wait_completed()
    assert stage.rows("SELECT agents.status, units.status FROM agents, units") == [("completed", "completed")]


async def test_a_lost_page_has_its_grace(stage: Stage) -> None:
    run = await stage.launch(task__reconnect_grace_in_seconds=10)
    token = await stage.token(run, "ada", "v")
    channel = stage.channel(run)
    for kind in (PacketType.ALIVE, PacketType.DISCONNECTED):
        channel.inject(Packet(kind, token))
    await stage.pass_time(run, 9)
    channel.inject(Packet(PacketType.ALIVE, token))
    await stage.pass_time(run, 20)
    assert stage.one("SELECT status FROM agents") == "in task"
    channel.inject(Packet(PacketType.DISCONNECTED, token))
    await stage.pass_time(run, 11)
    assert stage.rows("SELECT agents.status, units.status FROM agents JOIN units USING (unit_id)") == [
        ("disconnect", "launched")
    ]
    again = await stage.register(run, "ada", "v")
    assert again["agent_id"] == token
    assert stage.one("SELECT status FROM agents") == "in task"


async def test_a_page_without_a_socket_is_never_taken_for_lost(stage: Stage) -> None:
    run = await stage.launch(task__reconnect_grace_in_seconds=5)
    token = await stage.token(run, "ada", "v")
    stage.channel(run).inject(Packet(PacketType.RETURN_STATUSES, "mephisto", {token: "disconnect"}))
    await stage.pass_time(run, 30)
    assert stage.one("SELECT status FROM agents") == "in task"


async def test_nobody_is_timed_out_on_waking_from_sleep(stage: Stage) -> None:
    run = await stage.launch(task__assignment_duration_in_seconds=60)
    await stage.token(run, "ada", "v")
    await stage.clock.wait_asleep(2)
    stage.clock._now += timedelta(hours=1)  # asleep: the steady clock stood still
    await stage.pass_time(run, 30)
    assert stage.one("SELECT status FROM agents") == "in task"
    assert stage.events("run.clock_jumped") != []
    await stage.pass_time(run, 45)
    assert stage.one("SELECT status FROM agents") == "timeout"


async def test_a_paused_run_gives_no_units_and_lets_those_at_work_finish(stage: Stage) -> None:
    run = await stage.launch()
    token = await stage.token(run, "ada", "v")
    await stage.operator.pause(run.run_id)
    assert (await stage.register(run, "bob", "w"))["failure_code"] == "paused"
    assert (await stage.register(run, "ada", "v"))["agent_id"] == token
    assert await stage.submit(run, token) is None
    await stage.operator.unpause(run.run_id)
    assert (await stage.register(run, "bob", "w2"))["agent_id"]


async def test_pausing_twice_at_once_pauses_once(stage: Stage) -> None:
    run = await stage.launch(blueprint__num_assignments=2)
    await asyncio.gather(run.pause(), run.pause(), run.engine._pause_for_budget())
    assert str(run.state) == "paused"
    await asyncio.gather(run.unpause(), run.unpause())
    assert str(run.state) == "in flight"
    assert not run.engine.ended.is_set()


async def test_the_budget_is_never_passed_and_pauses_the_run(stage: Stage) -> None:
    run = await stage.launch(blueprint__num_assignments=10, task__budget="3.50")
    answers = await asyncio.gather(*(stage.register(run, f"w{n}", "v") for n in range(8)))
    assert sorted(bool(a["agent_id"]) for a in answers) == [False] * 5 + [True] * 3
    assert {a["failure_code"] for a in answers if not a["agent_id"]} <= {"budget"}
    await until(lambda: bool(stage.notices))
    assert [n.kind for n in stage.notices] == ["budget"]
    await run.set_budget(None)
    assert stage.one("SELECT state FROM task_runs") == "in flight"
    assert (await stage.register(run, "w9", "v"))["agent_id"]


async def test_a_budget_that_is_lowered_under_what_is_owed_pauses_the_run_at_once(stage: Stage) -> None:
    run = await stage.launch(blueprint__num_assignments=10)
    await stage.submit(run, await stage.token(run, "ada", "v"))
    await run.set_budget(Decimal("99"))
    assert str(run.state) == "in flight"
    await run.set_budget(Decimal("0.05"))
    await until(lambda: bool(stage.notices))
    assert [n.kind for n in stage.notices] == ["budget"]
    assert stage.one("SELECT state FROM task_runs") == "paused"


async def test_a_budget_that_is_met_pauses_the_run_though_nobody_asks_for_a_unit_any_more(stage: Stage) -> None:
    run = await stage.launch(blueprint__num_assignments=10, task__budget="1")
    await stage.submit(run, await stage.token(run, "ada", "v"))
    state = await stage.ask(run, PacketType.REQUEST_WORKER_STATE, provider_data={"worker_name": "ada"})
    assert (state["can_take"], state["refusal"][:26]) == (False, "This task is paused: its b")
    await until(lambda: bool(stage.notices))
    assert [n.kind for n in stage.notices] == ["budget"]
    assert stage.one("SELECT state FROM task_runs") == "paused"


async def test_stopping_expires_what_is_open_and_tells_who_is_at_work(stage: Stage) -> None:
    run = await stage.launch(blueprint__num_assignments=5)
    token = await stage.token(run, "ada", "v")
    done = await stage.token(run, "bob", "w")
    await stage.submit(run, done)
    channel = stage.channel(run)
    assert await stage.operator.stop(run.run_id) == 4
    await run.wait_completed()
    assert stage.rows("SELECT status, count(*) FROM units GROUP BY status") == [("completed", 1), ("expired", 4)]
    pushed = [p for p in channel.sent if p.packet_type is PacketType.UPDATE_STATUS]
    assert (pushed[-1].subject_id, pushed[-1].data["status"]) == (token, "expired")


async def test_units_can_be_added_in_flight(stage: Stage) -> None:
    run = await stage.launch(blueprint__num_assignments=2)
    assert await stage.operator.add_units(run.run_id, 2) == 2
    for number in range(4):
        await stage.submit(run, await stage.token(run, f"w{number}", "v"))
    await run.wait_completed()
    assert stage.one("SELECT count(*) FROM units WHERE status = 'completed'") == 4
    assert stage.one("SELECT launched_through FROM task_runs") == 2


async def test_an_expired_unit_can_be_launched_again_though_the_run_was_complete(stage: Stage) -> None:
    run = await stage.launch(blueprint__num_assignments=1)
    await stage.operator.stop(run.run_id)
    await run.wait_completed()
    assert await stage.operator.relaunch_units([1]) == 1
    again = stage.operator.live_runs[run.run_id]
    await stage.submit(again, await stage.token(again, "ada", "v"))
    await again.wait_completed()
    assert stage.rows("SELECT status FROM units") == [("completed",)]


async def test_a_run_is_resumed_with_its_holders_and_their_tokens(stage: Stage) -> None:
    run = await stage.launch()
    token = await stage.token(run, "ada", "v")
    await stage.operator.close()
    assert stage.one("SELECT state FROM task_runs") == "interrupted"
    resumed = await stage.operator.resume(run.run_id)
    assert (await stage.register(resumed, "ada", "v"))["agent_id"] == token
    assert await stage.submit(resumed, token) is None


async def test_closing_with_pause_leaves_a_paused_run(stage: Stage) -> None:
    await stage.launch()
    await stage.operator.close(pause=True)
    assert stage.one("SELECT state FROM task_runs") == "paused"


async def test_a_run_that_another_process_serves_is_not_resumed(stage: Stage) -> None:
    run = await stage.launch()
    await stage.operator.close()
    hold = stage.store.try_hold(f"run-{run.run_id}")
    assert hold is not None
    with pytest.raises(RunHeldElsewhere):
        await stage.operator.resume(run.run_id)
    with pytest.raises(RunHeldElsewhere):  # who serves it would go on by the budget that it knows
        await stage.operator.set_budget(run.run_id, Decimal(1))
    with pytest.raises(RunHeldElsewhere):
        await stage.operator.expire_units(run.run_id, None)
    hold.release()
    await stage.operator.set_budget(run.run_id, Decimal(1))
    assert (await stage.store.read(tasks.get_task_run, run.run_id)).budget == 1


async def test_blocks_are_enforced_at_every_registration(stage: Stage) -> None:
    run = await stage.launch(blueprint__num_assignments=6)
    await stage.submit(run, await stage.token(run, "ada", "v0"))
    worker = stage.one("SELECT worker_id FROM workers WHERE worker_name = 'ada'")
    now = stage.clock.now()

    async def block(hard: bool, reason: str, until: datetime | None) -> None:
        await stage.store.write(
            blocks.block_worker,
            worker,
            hard=hard,
            task_id=None if hard else 1,
            reason=reason,
            author="",
            until=until,
            now=now,
        )

    await block(False, "", None)
    refused = await stage.register(run, "ada", "v1")
    assert (refused["failure_code"], refused["failure_reason"]) == ("soft_blocked", REASONS["soft_blocked"])
    until = now + timedelta(hours=2)
    await block(True, "Rude words.", until)
    refused = await stage.register(run, "ada", "v2")
    told = f"{REASONS['blocked']} The requester's reason: Rude words. This ends on {until:%d %B %Y, %H:%M} UTC."
    assert (refused["failure_code"], refused["failure_reason"]) == ("blocked", told)
    await stage.store.write(blocks.unblock_worker, worker, task_id=None, now=now)
    await stage.store.write(blocks.unblock_worker, worker, task_id=1, now=now)
    assert (await stage.register(run, "ada", "v3"))["agent_id"]


async def test_a_qualification_nobody_was_granted_refuses_everybody(stage: Stage) -> None:
    required = [{"qualification_name": "expert", "comparator": "!=", "applicable_value": 9}]
    run = await stage.launch(task__qualifications=required)
    assert (await stage.register(run, "ada", "v"))["failure_code"] == "qualification"
    now = stage.clock.now()
    qualification = await stage.store.write(qualifications.get_or_create_qualification, "expert", now)
    worker = stage.one("SELECT worker_id FROM workers")
    await stage.store.write(qualifications.grant, worker, qualification, 1, None, now)
    assert (await stage.register(run, "ada", "v"))["agent_id"]


async def test_limits_of_one_worker_and_of_the_run(stage: Stage) -> None:
    run = await stage.launch(
        blueprint__num_assignments=9,
        task__allowed_concurrent=1,
        task__maximum_units_per_worker=2,
        task__max_num_concurrent_units=2,
    )
    first = await stage.token(run, "ada", "v1")
    assert (await stage.register(run, "ada", "v2"))["failure_code"] == "concurrent_limit"
    await stage.token(run, "bob", "v1")
    assert (await stage.register(run, "cy", "v1"))["failure_code"] == "run_full"
    await stage.submit(run, first)
    await stage.submit(run, await stage.token(run, "ada", "v3"))
    assert (await stage.register(run, "ada", "v4"))["failure_code"] == "unit_limit"


async def test_no_worker_gets_two_units_of_one_item(stage: Stage) -> None:
    run = await stage.launch(blueprint__num_assignments=2, blueprint__units_per_assignment=3)
    for number in range(2):
        await stage.submit(run, await stage.token(run, "ada", f"v{number}"))
    assert (await stage.register(run, "ada", "v9"))["failure_code"] == "none_for_you"
    items = stage.rows("SELECT assignment_id FROM agents ORDER BY 1")
    assert items == [(1,), (2,)]


async def test_a_name_of_the_open_link_belongs_to_its_first_visitor(stage: Stage) -> None:
    run = await stage.launch(blueprint__num_assignments=9)
    assert (await stage.register(run, "ada", "v1", visitor="browser 1"))["agent_id"]
    assert (await stage.register(run, "ada", "v2", visitor="browser 2"))["failure_code"] == "name_taken"
    assert (await stage.register(run, "ada", "v3", visitor="browser 1"))["agent_id"]
    await stage.token(run, "bob", "v1")  # through a link of his own
    assert (await stage.register(run, "bob", "v2", visitor="browser 3"))["failure_code"] == "name_taken"


async def test_a_flood_of_refusals_does_not_flood_the_journal(stage: Stage) -> None:
    run = await stage.launch()
    await stage.operator.pause(run.run_id)
    await asyncio.gather(*(stage.register(run, f"w{n}", "v") for n in range(300)))
    assert run.refusals["paused"] == 300
    await stage.pass_time(run, 62)
    assert len(stage.events("worker.refused")) == 60
    assert stage.events("worker.refused_many") == ["240 more workers were refused within a minute."]


async def test_what_a_page_reports_is_journalled(stage: Stage) -> None:
    run = await stage.launch()
    token = await stage.token(run, "ada", "v")
    stage.channel(run).inject(Packet(PacketType.ERROR, token, {"error_data": {"message": "x is undefined"}}))
    await stage.pass_time(run, 2)
    assert "x is undefined" in stage.events("page.error")[0]


@pytest.mark.logs("could not be handled")
async def test_a_packet_that_breaks_costs_no_other_its_answer(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    run = await stage.launch()
    real = run.context.blueprint.initial_data

    def fragile(shared: object, unit_data: object) -> object:
        if shared == {"index": 0, "question": "What comes to mind at number 0?"}:
            raise RuntimeError("a fault of a blueprint")
        return real(shared, unit_data)  # type: ignore[arg-type]

    monkeypatch.setattr(run.context.blueprint, "initial_data", fragile)
    answers = await asyncio.gather(*(stage.register(run, f"w{n}", "v") for n in range(3)))
    assert [a["failure_code"] for a in answers if not a["agent_id"]] == ["failed"] * 3
    monkeypatch.setattr(run.context.blueprint, "initial_data", real)
    assert (await stage.register(run, "w9", "v"))["agent_id"]


async def test_metadata_is_kept_also_after_the_submission(stage: Stage) -> None:
    run = await stage.launch()
    token = await stage.token(run, "ada", "v")
    await stage.submit(run, token)
    done = await stage.ask(run, PacketType.SUBMIT_METADATA, token, metadata={"tip": "larger images"}, files=[])
    assert done["failure_reason"] is None
    assert "larger images" in stage.one("SELECT metadata FROM agent_data")


async def test_the_welcome_page_says_what_there_is_and_what_became_of_it(stage: Stage) -> None:
    run = await stage.launch(blueprint__num_assignments=2)
    await stage.submit(run, await stage.token(run, "ada", "v1"))
    await stage.token(run, "ada", "v2")
    state = await stage.ask(run, PacketType.REQUEST_WORKER_STATE, provider_data={"worker_name": "ada"})
    assert (state["title"], state["pay"], state["currency"], state["units_left"]) == ("Stage", "1", "EUR", 0)
    assert (state["can_take"], state["current"], state["current_visit"]) == (False, True, "v2")
    assert [each["status"] for each in state["submissions"]] == ["completed"]


async def test_an_uploaded_file_goes_to_its_agents_folder_before_the_acknowledgement(stage: Stage) -> None:
    run = await stage.launch()
    token = await stage.token(run, "ada", "v")
    incoming = run.context.upload_dir
    incoming.mkdir(parents=True, exist_ok=True)
    (incoming / "f00d.png").write_bytes(b"png")
    file = {"filename": "f00d.png", "original_name": "cat.png", "field": "photo", "mimetype": "image/png", "size": 3}
    assert await stage.submit(run, token, files=[file]) is None
    assert (stage.settings.runs_dir / "NO_PROJECT" / "1" / "1" / "1" / "f00d.png").read_bytes() == b"png"
    other = await stage.token(run, "bob", "v")
    assert "did not arrive" in (await stage.submit(run, other, files=[{**file, "filename": "gone.png"}]) or "")


async def test_patience_ends_with_a_notice(stage: Stage) -> None:
    run = await stage.launch(task__no_submission_patience=60)
    await stage.pass_time(run, 62)
    assert [n.kind for n in stage.notices] == ["stalled"]


async def test_the_lifetime_of_a_task_ends(stage: Stage) -> None:
    run = await stage.launch(task__task_lifetime_in_seconds=60)
    await stage.pass_time(run, 59)
    assert run.state is RunState.IN_FLIGHT
    await stage.clock.turn(2)
    await run.wait_completed()
    assert stage.rows("SELECT DISTINCT status FROM units") == [("expired",)]


async def test_a_late_submission_does_not_make_a_worker_twice_in_an_item(stage: Stage) -> None:
    run = await stage.launch(blueprint__num_assignments=1, blueprint__units_per_assignment=2)
    first = await stage.token(run, "ada", "v1")
    await stage.ask(run, PacketType.RETURN_UNIT, first)
    await stage.token(run, "bob", "v1")
    await stage.token(run, "ada", "v2")
    second = stage.rows("SELECT unit_id, worker_id, status FROM units ORDER BY 1")
    assert {row[2] for row in second} == {"assigned"}
    assert "somebody else" in (await stage.submit(run, first) or "")


async def test_a_run_that_breaks_off_is_told_and_reaches_no_other(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = await stage.launch(task__task_name="broken")
    sound = await stage.launch(task__task_name="sound")

    async def fail() -> None:
        raise StoreError("The disk is full.", "Make room.")

    monkeypatch.setattr(broken.engine._watch, "look", fail)
    await stage.clock.turn(1.5)
    await broken.wait_completed()
    await until(lambda: bool(stage.notices))
    assert [(n.kind, n.run_id) for n in stage.notices] == [("ended", broken.run_id)]
    assert "The disk is full." in stage.notices[0].message
    assert stage.rows("SELECT state FROM task_runs ORDER BY 1 DESC") == [("interrupted",), ("in flight",)]
    assert await stage.submit(sound, await stage.token(sound, "ada", "v")) is None
    assert list(stage.operator.live_runs) == [sound.run_id]


async def test_a_deployment_that_fails_leaves_a_run_that_can_be_resumed(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(self: object, preferred_port: int | None = None) -> str:
        raise ArchitectError("The port is taken.")

    with monkeypatch.context() as patch:
        patch.setattr(MockArchitect, "deploy", fail)
        with pytest.raises(ArchitectError):
            await stage.launch()
    assert stage.one("SELECT state FROM task_runs") == "interrupted"
    run = await stage.operator.resume(1)
    await stage.made(run)
    assert (await stage.register(run, "ada", "v"))["agent_id"]


async def test_a_run_whose_process_died_is_marked_at_the_next_start(stage: Stage) -> None:
    run = await stage.launch()
    await stage.operator.close()
    await stage.store.write(status.set_run_state, run.run_id, RunState.IN_FLIGHT, stage.clock.now())  # as after a kill
    assert await stage.operator.start() == [run.run_id]
    assert stage.one("SELECT state FROM task_runs") == "interrupted"


async def test_a_run_that_is_not_served_can_be_stopped(stage: Stage) -> None:
    run = await stage.launch(blueprint__num_assignments=4)
    await stage.operator.close()
    assert await stage.operator.stop(run.run_id) == 4
    assert stage.one("SELECT state FROM task_runs") == "completed"


async def test_pages_that_cannot_be_made_leave_a_run_that_can_be_resumed(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: object, build_dir: Path) -> object:
        raise ConfigError("The template is gone.")

    with monkeypatch.context() as patch:
        patch.setattr(MockBlueprint, "get_pages", fail)
        with pytest.raises(ConfigError, match="template"):
            await stage.launch()
    assert stage.one("SELECT state FROM task_runs") == "interrupted"
    await stage.made(await stage.operator.resume(1))


async def test_runs_launched_together_each_keep_their_secret(stage: Stage) -> None:
    runs = await asyncio.gather(*(stage.launch(task__task_name=f"task {n}") for n in range(6)))
    assert [stage.vault.find(f"run-{run.run_id}") for run in runs] == [run.context.secret for run in runs]
