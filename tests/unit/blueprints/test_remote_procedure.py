"""A task with remote procedures: what it needs to be launched, and what its simulated pages call."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.args import check
from app.blueprints.base import Blueprint
from app.blueprints.remote_procedure.blueprint import RemoteProcedureArgs, RemoteProcedureBlueprint
from app.errors import ConfigError

PAGE = '<p>Is ${item} good?</p><input name="answer" aria-label="Answer">'


def make(folder: Path, code: str = "functions = {'f': print}", **changes: Any) -> Blueprint:
    (folder / "page.html").write_text(PAGE, "utf-8")
    (folder / "task.py").write_text(code, "utf-8")
    given = {"task_source": "page.html", "task_code": "task.py", "static_task_data": [{"item": "lamp"}], **changes}
    args, problems = check(RemoteProcedureArgs, given)
    assert args is not None, problems
    RemoteProcedureBlueprint.assert_task_args(args, folder)
    return RemoteProcedureBlueprint(args, folder)


@pytest.mark.parametrize(
    "code",
    [
        "functions = {}",
        "functions: dict = {}",
        "from mine import functions",
        "def function_registry(): ...",
        "import a as functions",
    ],
)
def test_the_file_is_looked_at_and_not_run(tmp_path: Path, code: str) -> None:
    make(tmp_path, f"{code}\nraise SystemExit('ran')")


@pytest.mark.parametrize(
    ("code", "told"), [("x = 1", "names no functions for the page"), ("def f(:", r"task\.py:1: This is no Python")]
)
def test_a_file_without_functions_is_told_before_the_launch(tmp_path: Path, code: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        make(tmp_path, code)


def test_a_task_without_a_file_is_told() -> None:
    args, problems = check(RemoteProcedureArgs, {"task_source": "page.html"})
    assert args is None
    assert [problem.name for problem in problems] == ["task_code"]


def test_the_page_gets_its_row_and_no_calls_yet(tmp_path: Path) -> None:
    data = make(tmp_path).initial_data({"item": "lamp", "truth": "yes"}, {})
    assert (data["task_data"], data["previous_requests"]) == ({"item": "lamp"}, [])
    assert "Is lamp good?" in data["html"]


@pytest.mark.parametrize("calls", [["f"], [{"args": 1}], [{"target": 1}], [{"target": "f", "more": 2}]])
def test_calls_for_rehearsals_that_are_none_are_told(tmp_path: Path, calls: list[Any]) -> None:
    with pytest.raises(ConfigError, match="is no call"):
        make(tmp_path, rehearsal_calls=calls)


def test_a_simulated_page_calls_one_after_the_other(tmp_path: Path) -> None:
    calls = [{"target": "f", "args": {"text": "good"}}, {"target": "g"}]
    simulate = make(tmp_path, rehearsal_calls=calls).live.simulate
    assert simulate is not None
    page = simulate({}, 0.5)
    (first,) = page.hear({})
    assert (first["target"], json.loads(first["args"])) == ("f", {"text": "good"})
    assert page.hear({"handles": "another", "response": "1"}) == []
    (second,) = page.hear({"handles": first["request_id"], "response": "1"})
    assert (second["target"], second["args"], page.is_over) == ("g", "null", False)
    assert page.hear({"handles": second["request_id"], "response": "2"}) == []
    assert page.is_over


def test_a_rehearsal_without_calls_makes_none(tmp_path: Path) -> None:
    assert make(tmp_path).live.simulate is None
