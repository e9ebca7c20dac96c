"""Screening and gold units in a live run: made, judged, counted, and what workers are told."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from app.data.packets import PacketType
from app.errors import IllegalTransition
from app.operations.configuration.config import from_values
from app.operations.engine.live_run import LiveTaskRun
from tests.fakes.run_stage import Stage, make_template, open_stage

SCREENING = {
    "blueprint__use_screening_task": True,
    "blueprint__passed_qualification_name": "screened",
    "blueprint__screening_data": "screening.csv",
    "blueprint__max_screening_units": 3,
}
GOLD = {
    "blueprint__use_golds": True,
    "blueprint__gold_qualification_base": "stage",
    "blueprint__gold_data": "gold.csv",
    "blueprint__gold_every": 2,
    "blueprint__max_incorrect_golds": 1,
}


@pytest.fixture(scope="session")
async def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return await make_template(tmp_path_factory.mktemp("template"))


@pytest.fixture
async def stage(tmp_path: Path, template: Path) -> AsyncIterator[Stage]:
    (tmp_path / "screening.csv").write_text("question,truth\nTwo and two?,four\nThree and three?,six\n", "utf-8")
    (tmp_path / "gold.csv").write_text("question,truth\nOne and one?,two\nFive and five?,ten\n", "utf-8")
    async with open_stage(tmp_path, template) as opened:
        yield opened


TRUTHS = {"Two and two?": "four", "Three and three?": "six", "One and one?": "two", "Five and five?": "ten"}


async def do_one(stage: Stage, run: LiveTaskRun, worker: str, visit: str, *, right: bool = True) -> str:
    """A worker takes a unit and hands it in; what it was ("" when they were refused, with its code)."""
    details = await stage.register(run, worker, visit)
    if not details["agent_id"]:
        return str(details["failure_code"])
    shown = details["init_task_data"]
    assert "truth" not in shown
    assert "gate" not in shown
    question = shown["question"]
    answer = TRUTHS.get(question, "anything") if right else "no idea"
    assert await stage.submit(run, details["agent_id"], answer) is None
    kind = stage.one("SELECT unit_index FROM units ORDER BY unit_id DESC LIMIT 1")
    return {-1: "screening", -2: "gold"}.get(kind, "task") if question in TRUTHS else "task"


def held(stage: Stage, worker: str) -> dict[str, int]:
    statement = (
        "SELECT q.qualification_name, g.value FROM granted_qualifications g JOIN qualifications q USING "
        "(qualification_id) JOIN workers w USING (worker_id) WHERE w.worker_name = ?"
    )
    return dict(stage.rows(statement, worker))


def open_tests(stage: Stage) -> int:
    return int(stage.one("SELECT count(*) FROM units WHERE unit_index < 0 AND status IN ('created', 'launched')"))


async def test_who_passes_the_screening_goes_on_and_is_not_screened_again(stage: Stage) -> None:
    run = await stage.launch(**SCREENING)
    assert [await do_one(stage, run, "ada", visit) for visit in "abc"] == ["screening", "task", "task"]
    assert held(stage, "ada") == {"screened": 1}
    assert stage.events("gate.screening_passed") == ["ada passed the screening."]
    assert stage.rows("SELECT unit_index, status FROM units WHERE unit_index < 0") == [(-1, "completed")]
    pay = stage.rows("SELECT DISTINCT pay_amount FROM units")
    assert len(pay) == 1, "a test unit is paid as any other"
    assert open_tests(stage) == 0


async def test_who_fails_the_screening_is_blocked_from_the_task_and_told_why(stage: Stage) -> None:
    run = await stage.launch(**SCREENING, blueprint__block_qualification="failed-stage")
    assert await do_one(stage, run, "ada", "a", right=False) == "screening"
    details = await stage.register(run, "ada", "b")
    assert details["failure_code"] == "soft_blocked"
    assert "The test unit of this task was not right." in details["failure_reason"]
    assert held(stage, "ada") == {"failed-stage": 1}
    assert await do_one(stage, run, "bob", "a") == "screening", "others are not touched by it"


async def test_nobody_holds_two_test_units_and_nothing_else_before_the_verdict(stage: Stage) -> None:
    run = await stage.launch(**SCREENING)
    token = await stage.token(run, "ada", "a")
    assert (await stage.register(run, "ada", "b"))["failure_code"] == "test_open"
    assert await stage.submit(run, token, "four") is None
    assert stage.one("SELECT count(*) FROM units WHERE unit_index = -1") == 1


async def test_screening_units_are_capped_over_the_run_and_those_given_up_do_not_count(stage: Stage) -> None:
    run = await stage.launch(**{**SCREENING, "blueprint__max_screening_units": 1})
    token = await stage.token(run, "ada", "a")
    assert (await stage.register(run, "bob", "a"))["failure_code"] == "screening_over"
    await stage.ask(run, PacketType.RETURN_UNIT, token)
    assert stage.rows("SELECT status FROM units WHERE unit_index = -1") == [("expired",)]
    assert await do_one(stage, run, "bob", "b") == "screening"
    assert (await stage.register(run, "cyd", "a"))["failure_code"] == "screening_over"
    assert (await stage.submit(run, token, "four")) == "This unit is over, as you had left it. What you sent is kept."
    assert stage.one("SELECT count(*) FROM units WHERE unit_index = -1 AND status <> 'expired'") == 1


async def test_who_left_a_test_unit_hands_it_in_late_while_they_had_no_other(stage: Stage) -> None:
    run = await stage.launch(**SCREENING)
    token = await stage.token(run, "ada", "a")
    await stage.ask(run, PacketType.RETURN_UNIT, token)
    question = stage.rows("SELECT data FROM assignments ORDER BY assignment_id DESC LIMIT 1")[0][0]
    right = "four" if "Two" in question else "six"
    assert await stage.submit(run, token, right) is None
    assert held(stage, "ada") == {"screened": 1}
    assert stage.rows("SELECT status FROM units WHERE unit_index = -1") == [("completed",)]


async def test_golds_come_first_and_then_now_and_then(stage: Stage) -> None:
    run = await stage.launch(**GOLD, blueprint__num_assignments=9)
    done = [await do_one(stage, run, "ada", f"v{n}") for n in range(7)]
    assert done == ["gold", "task", "task", "gold", "task", "task", "gold"]
    assert held(stage, "ada") == {"stage-correct-golds": 3}
    golds = "SELECT a.data FROM assignments a JOIN units u USING (assignment_id) WHERE unit_index = -2 ORDER BY unit_id"
    rows = [json.loads(row[0])["gate"]["row"] for row in stage.rows(golds)]
    assert sorted(rows[:2]) == [1, 2], "no gold comes again before all were there"


async def test_too_many_wrong_golds_disqualify(stage: Stage) -> None:
    run = await stage.launch(**GOLD, blueprint__num_assignments=9)
    assert await do_one(stage, run, "ada", "a", right=False) == "gold"
    assert held(stage, "ada") == {"stage-wrong-golds": 1}, "one may be wrong"
    assert await do_one(stage, run, "ada", "b", right=False) == "gold", "none was right yet"
    assert held(stage, "ada") == {"stage-wrong-golds": 2, "stage-disqualified": 1}
    assert await do_one(stage, run, "ada", "c") == "gold_disqualified"
    assert len(stage.events("gate.gold_disqualified")) == 1


async def test_golds_and_screening_go_together(stage: Stage) -> None:
    run = await stage.launch(**SCREENING, **GOLD)
    assert [await do_one(stage, run, "ada", v) for v in "abcd"] == ["screening", "gold", "task", "task"]


async def test_when_the_golds_are_used_up_only_those_who_had_theirs_go_on(stage: Stage) -> None:
    run = await stage.launch(**GOLD, blueprint__max_gold_units=1, blueprint__num_assignments=9)
    assert [await do_one(stage, run, "ada", v) for v in "abcde"] == ["gold", "task", "task", "task", "task"]
    assert await do_one(stage, run, "bob", "a") == "gold_over"


async def test_a_worker_does_no_more_golds_than_they_may(stage: Stage) -> None:
    run = await stage.launch(**GOLD, blueprint__max_golds_per_worker=2, blueprint__num_assignments=9)
    done = [await do_one(stage, run, "ada", f"v{n}") for n in range(8)]
    assert done.count("gold") == 2
    assert "gold" not in done[5:]


async def test_test_units_are_no_units_of_the_task_for_its_limit(stage: Stage) -> None:
    run = await stage.launch(**SCREENING, **GOLD, task__maximum_units_per_worker=1)
    assert [await do_one(stage, run, "ada", v) for v in "abcd"] == ["screening", "gold", "task", "unit_limit"]


async def test_no_test_unit_is_made_when_there_is_no_work(stage: Stage) -> None:
    run = await stage.launch(**SCREENING, blueprint__num_assignments=1)
    ada = [await stage.token(run, "ada", "a")]
    assert await stage.submit(run, ada[0], _right(stage)) is None
    ada.append(await stage.token(run, "ada", "b"))
    assert (await stage.register(run, "bob", "a"))["failure_code"] == "all_taken"
    assert stage.one("SELECT count(*) FROM units WHERE unit_index < 0") == 1
    assert await stage.submit(run, ada[1]) is None
    await run.wait_completed()


def _right(stage: Stage) -> str:
    data = stage.rows("SELECT data FROM assignments ORDER BY assignment_id DESC LIMIT 1")[0][0]
    return next(right for question, right in TRUTHS.items() if question in data)


async def test_a_run_waits_for_a_test_unit_at_work_and_then_for_nothing(stage: Stage) -> None:
    run = await stage.launch(**SCREENING, blueprint__num_assignments=1)
    bob = await stage.token(run, "bob", "a")
    assert await do_one(stage, run, "ada", "a") == "screening"
    assert await do_one(stage, run, "ada", "b") == "task"
    assert (await stage.register(run, "cyd", "a"))["failure_code"] == "finished", "a test unit comes back to nobody"
    assert run.run_id in stage.operator.live_runs
    await stage.ask(run, PacketType.RETURN_UNIT, bob)
    await run.wait_completed()
    assert open_tests(stage) == 0


async def test_a_test_unit_is_not_launched_again(stage: Stage) -> None:
    run = await stage.launch(**SCREENING)
    token = await stage.token(run, "ada", "a")
    await stage.ask(run, PacketType.RETURN_UNIT, token)
    unit_id = stage.one("SELECT unit_id FROM units WHERE unit_index = -1")
    with pytest.raises(IllegalTransition, match="screening or gold"):
        await run.relaunch_units([unit_id])


async def test_test_units_count_for_the_budget(stage: Stage) -> None:
    run = await stage.launch(**SCREENING, task__budget="1")
    token = await stage.token(run, "ada", "a")
    assert (await stage.register(run, "bob", "a"))["failure_code"] == "budget"
    assert await stage.submit(run, token, "four") is None


async def test_a_resumed_run_goes_on_with_the_test_unit_in_hand(stage: Stage) -> None:
    run = await stage.launch(**SCREENING)
    token = await stage.token(run, "ada", "a")
    right = _right(stage)
    await stage.operator.close()
    stage.operator._closing = None
    again = await stage.operator.resume(run.run_id)
    assert await stage.submit(again, token, right) is None
    assert held(stage, "ada") == {"screened": 1}


async def test_two_resumes_at_once_are_one(stage: Stage) -> None:
    run = await stage.launch()
    await stage.operator.close()
    stage.operator._closing = None
    one, two = await asyncio.gather(*(stage.operator.resume(run.run_id) for _ in range(2)))
    assert one is two


@pytest.mark.parametrize(
    ("values", "key", "says"),
    [
        ({"blueprint__passed_qualification_name": ""}, "passed_qualification_name", "needs a qualification"),
        ({"blueprint__screening_data": ""}, "screening_data", "needs a file"),
        ({"blueprint__screening_data": "missing.csv"}, "screening_data", "no file"),
        ({"blueprint__screening_data": "no_truth.csv"}, "screening_data", "no_truth.csv:3.*no .truth."),
        ({"blueprint__is_concurrent": True}, "use_screening_task", "work together"),
        ({"blueprint__onboarding_qualification": "screened"}, "", "qualification each|no onboarding"),
        ({"blueprint__block_qualification": "screened"}, "block_qualification", "keep them out"),
        (
            {**GOLD, "blueprint__max_golds_per_worker": 1, "blueprint__min_golds": 3},
            "max_golds_per_worker",
            "more than the 1",
        ),
    ],
)
async def test_gates_that_cannot_be_are_told_before_anything_is_made(
    stage: Stage, values: dict[str, Any], key: str, says: str
) -> None:
    (stage.folder / "no_truth.csv").write_text("question,truth\nA?,a\nB?,\n", "utf-8")
    merged = {**SCREENING, **values}
    blueprint = {name.removeprefix("blueprint__"): value for name, value in merged.items()}
    task = {"task_name": "s", "task_title": "S", "task_description": "S.", "task_reward": "1"}
    kinds = {"blueprint": {"_blueprint_type": "mock", **blueprint}, "architect": {"_architect_type": "mock"}}
    given = {"task": task, **kinds}
    config, problems = from_values(given, stage.folder)
    assert config is None
    (problem,) = problems
    assert key in problem.name
    assert re.search(says, problem.message)
