"""The hooks of a task's own code in a live run, and what becomes of workers when they fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from app.blueprints import registry as blueprints
from app.data.packets import PacketType
from app.errors import ConfigError
from app.operations.engine import hooks as engine_hooks
from app.operations.engine.live_run import LiveTaskRun
from tests.fakes.run_stage import Stage, make_template, open_stage
from tests.unit.operations.test_onboarding import IntroBlueprint


@pytest.fixture(scope="session")
async def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return await make_template(tmp_path_factory.mktemp("template"))


@pytest.fixture
async def stage(tmp_path: Path, template: Path) -> AsyncIterator[Stage]:
    blueprints.register(IntroBlueprint)
    async with open_stage(tmp_path, template) as opened:
        yield opened
    blueprints.classes.pop("intro")


async def launch(stage: Stage, code: str, **values: Any) -> LiveTaskRun:
    (stage.folder / "task.py").write_text(code, "utf-8")
    return await stage.launch(blueprint__task_code="task.py", **values)


SCREENING = {"blueprint__use_screening_task": True, "blueprint__passed_qualification_name": "screened"}
GOLD = {"blueprint__use_golds": True, "blueprint__gold_qualification_base": "stage", "blueprint__gold_every": 0}


def questions(details: dict[str, Any]) -> str:
    return str(details["init_task_data"]["question"])


# -- worker_can_do_unit ------------------------------------------------------------------------------------------------

ODD_ONLY = """
def worker_can_do_unit(worker, unit):
    return worker.worker_name != "ada" or unit.data["index"] % 2 == 1
"""


async def test_a_worker_gets_only_units_that_the_code_lets_them_do(stage: Stage) -> None:
    run = await launch(stage, ODD_ONLY, blueprint__num_assignments=4)
    found = [await stage.register(run, "ada", visit) for visit in "ab"]
    assert [details["init_task_data"]["index"] for details in found] == [1, 3]
    refused = await stage.register(run, "ada", "c")
    assert refused["failure_code"] == "not_suitable"
    assert (await stage.register(run, "bob", "a"))["init_task_data"]["index"] == 0


async def test_the_same_visit_has_its_unit_again_without_asking_the_code(stage: Stage) -> None:
    run = await launch(stage, ODD_ONLY)
    first = await stage.register(run, "ada", "a")
    again = await stage.register(run, "ada", "a")
    assert again["agent_id"] == first["agent_id"]


async def test_many_who_ask_at_once_get_different_units(stage: Stage) -> None:
    run = await launch(stage, ODD_ONLY, blueprint__num_assignments=12)
    found = await asyncio.gather(*(stage.register(run, f"worker {n}", "a") for n in range(12)))
    assert sorted(details["init_task_data"]["index"] for details in found) == list(range(12))
    assert (await stage.register(run, "late", "a"))["failure_code"] == "all_taken"


async def test_a_blocked_worker_is_refused_before_the_code_is_asked(stage: Stage) -> None:
    code = "def worker_can_do_unit(worker, unit):\n    raise ValueError(worker.worker_name)\n"
    wanted = [{"qualification_name": "reader", "comparator": "Exists"}]
    run = await launch(stage, code, task__qualifications=wanted)
    assert (await stage.register(run, "ada", "a"))["failure_code"] == "qualification"
    assert stage.events("hook.failed") == []


async def test_a_fault_gives_no_unit_and_is_told_with_its_line(stage: Stage) -> None:
    code = (
        "def worker_can_do_unit(worker, unit):\n    if unit.data['index'] < 2:\n        raise KeyError('x')\n"
        "    return True\n"
    )
    run = await launch(stage, code, blueprint__num_assignments=3)
    assert (await stage.register(run, "ada", "a"))["init_task_data"]["index"] == 2, "the others go on"
    details = await stage.register(run, "ada", "b")
    assert details["failure_code"] == "failed"
    (message, *_) = stage.events("hook.failed")
    assert "task.py, line 3, in worker_can_do_unit: KeyError" in message
    assert len(stage.events("hook.failed")) == 1, "the same is told once a minute"
    assert any(notice.kind == "hook" for notice in stage.notices)


async def test_a_hook_that_hangs_is_given_up_and_nobody_else_waits(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.blueprints.task_code.HOOK_SECONDS", 0.05)
    monkeypatch.setattr(engine_hooks, "HOOK_SECONDS", 0.05)
    code = (
        "import threading\nforever = threading.Event()\n\n"
        "def worker_can_do_unit(worker, unit):\n    return worker.worker_name == 'bob' or forever.wait(30)\n"
    )
    run = await launch(stage, code)
    waiting = asyncio.create_task(stage.register(run, "ada", "a"))
    assert (await stage.register(run, "bob", "a"))["agent_id"]
    assert (await waiting)["failure_code"] == "failed"
    assert "gave no answer within" in stage.events("hook.failed")[0]


async def test_a_coroutine_may_be_a_hook(stage: Stage) -> None:
    run = await launch(stage, "async def worker_can_do_unit(worker, unit):\n    return unit.data['index'] == 1\n")
    assert (await stage.register(run, "ada", "a"))["init_task_data"]["index"] == 1


# -- on_unit_submitted -------------------------------------------------------------------------------------------------


async def test_what_is_handed_in_is_told_to_the_code(stage: Stage) -> None:
    code = (
        "from pathlib import Path\n\ndef on_unit_submitted(unit):\n"
        '    line = f\'{unit.worker.worker_name} {unit.outputs["answer"]} {unit.inputs["index"]} {unit.kind}\\n\'\n'
        "    Path(__file__).with_name('said.txt').write_text(line)\n"
    )
    run = await launch(stage, code)
    assert await stage.submit(run, await stage.token(run, "ada", "a"), "hello") is None
    await run.engine.hooks.close()
    assert (stage.folder / "said.txt").read_text() == "ada hello 0 task\n"


async def test_work_is_kept_when_the_code_fails_over_it(stage: Stage) -> None:
    run = await launch(stage, "def on_unit_submitted(unit):\n    return 1 / 0\n")
    token = await stage.token(run, "ada", "a")
    assert await stage.submit(run, token) is None
    assert await stage.submit(run, token) is None, "acknowledged again, and the code not asked again"
    await run.engine.hooks.close()
    assert len(stage.events("hook.failed")) == 1
    assert stage.one("SELECT count(*) FROM units WHERE status = 'completed'") == 1


# -- validate_onboarding -----------------------------------------------------------------------------------------------

INTRO = {"blueprint___blueprint_type": "intro", "blueprint__onboarding_qualification": "intro"}


async def answer(stage: Stage, run: LiveTaskRun, token: str, said: str) -> dict[str, Any]:
    return await stage.ask(run, PacketType.SUBMIT_ONBOARDING, token, onboarding_data={"answer": said})


async def test_the_code_judges_the_onboarding(stage: Stage) -> None:
    code = "def validate_onboarding(data):\n    return data['outputs']['answer'] == 'maybe'\n"
    run = await launch(stage, code, **INTRO)
    passed = await answer(stage, run, await stage.token(run, "ada", "a"), "maybe")
    assert passed["init_task_data"]["index"] == 0
    failed = await answer(stage, run, await stage.token(run, "bob", "a"), "yes")
    assert failed["failure_code"] == "onboarding_failed"


async def test_an_onboarding_that_could_not_be_judged_may_be_sent_again(stage: Stage) -> None:
    code = (
        "faults = [1]\n\ndef validate_onboarding(data):\n    if faults:\n        faults.pop()\n"
        "        raise OSError('model')\n    return True\n"
    )
    run = await launch(stage, code, **INTRO)
    token = await stage.token(run, "ada", "a")
    assert (await answer(stage, run, token, "yes"))["failure_code"] == "failed"
    assert stage.rows("SELECT status FROM onboarding_agents") == [("onboarding",)]
    assert (await answer(stage, run, token, "yes"))["init_task_data"]["index"] == 0
    assert "OSError: model" in stage.events("hook.failed")[0]


# -- screening and gold ------------------------------------------------------------------------------------------------


async def test_the_code_gives_and_judges_screening_units(stage: Stage) -> None:
    code = (
        "def screening_data():\n    n = 0\n    while True:\n        n += 1\n"
        "        yield {'question': f'Screening {n}'}\n\n"
        "def validate_screening_unit(unit):\n    assert unit.kind == 'screening'\n"
        "    return unit.outputs['answer'] == 'right'\n"
    )
    run = await launch(stage, code, **SCREENING, blueprint__max_screening_units=5)
    details = await stage.register(run, "ada", "a")
    assert questions(details).startswith("Screening ")
    assert await stage.submit(run, details["agent_id"], "right") is None
    assert questions(await stage.register(run, "ada", "b")).startswith("What comes")
    assert await stage.submit(run, await stage.token(run, "bob", "a"), "wrong") is None
    assert (await stage.register(run, "bob", "b"))["failure_code"] == "soft_blocked"


async def test_a_unit_that_cannot_be_judged_counts_for_nothing(stage: Stage) -> None:
    code = (
        "gold_data = [{'question': 'G?', 'truth': 'g'}]\n\n"
        "def validate_gold_unit(unit):\n    raise RuntimeError(unit.truth)\n"
    )
    run = await launch(stage, code, **GOLD)
    assert await stage.submit(run, await stage.token(run, "ada", "a"), "g") is None
    assert stage.rows("SELECT * FROM granted_qualifications") == []
    assert "RuntimeError: g" in stage.events("hook.failed")[0]
    assert "could not be judged" in stage.events("gate.gold_unjudged")[0]
    assert questions(await stage.register(run, "ada", "b")) == "G?", "they may show it with another one"


async def test_gold_rows_of_the_code_are_judged_by_their_truth(stage: Stage) -> None:
    run = await launch(stage, "gold_data = [{'question': 'G?', 'truth': 'g'}]\n", **GOLD)
    assert await stage.submit(run, await stage.token(run, "ada", "a"), "G") is None
    assert stage.rows("SELECT value FROM granted_qualifications") == [(1,)]


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("", "neither a file nor gold_data"),
        ("gold_data = []\n", "gold_data gives no row"),
        ("def gold_data():\n    return 5\n", "must give a list of rows, not int"),
        (
            "def gold_data():\n    yield {'truth': 1}\n    raise OSError('disk')\n",
            "line 3, in gold_data: OSError: disk",
        ),
        ("gold_data = [{'question': 'Q?'}]\n", 'Row 1 has no "truth"'),
        ("gold_data = ['Q?']\n", "Row 1 "),
        ("gold_data = [{'truth': 1}]\nvalidate_gold_unit = 7\n", '"validate_gold_unit" in task.py is no function'),
    ],
)
async def test_rows_that_the_code_cannot_give_are_told_at_launch(stage: Stage, code: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        await launch(stage, code, **GOLD)
    assert stage.rows("SELECT * FROM task_runs") == []


async def test_no_hook_is_called_in_the_writers_thread(stage: Stage) -> None:
    code = (
        "import threading\nseen = set()\n\n"
        "def note(*_):\n    seen.add(threading.current_thread().name)\n    return True\n\n"
        "worker_can_do_unit = on_unit_submitted = validate_gold_unit = note\n"
        "gold_data = [{'question': 'G?'}]\n"
    )
    run = await launch(stage, code, **GOLD)
    for visit in "ab":
        assert await stage.submit(run, await stage.token(run, "ada", visit), "g") is None
    await run.engine.hooks.close()
    task_code = run.context.blueprint.code
    assert task_code is not None
    seen = task_code.find("seen")
    assert seen
    assert all(name.startswith("task code") for name in seen), seen
