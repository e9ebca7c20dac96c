"""Calls of a page: answered once, told when they fail, made again after a restart, and never too many."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.blueprints.base import LiveUpdate
from app.blueprints.live_agent import AgentCompleted, AgentReturned, LiveAgent
from app.blueprints.remote_procedure.calls import (
    CallDesk,
    CallRules,
    describe_calls,
    find_functions,
    list_requests,
    read_call,
)
from app.blueprints.task_code import TaskCode
from app.clock import TurnedClock
from app.data.states import AgentStatus
from app.errors import ConfigError

CODE = """
import threading
made = []
gate = threading.Event()

def double(n):
    made.append(n)
    return 2 * n

async def greet(args, caller):
    return {"hello": caller.worker_name, "row": dict(caller.task_data)}

def broken(args):
    return args["nothing"]

def odd(args):
    return {1, 2}

def long(args):
    return "x" * 2_000_000

def hang(args):
    gate.wait()

functions = {"double": double, "greet": greet, "broken": broken, "odd": odd, "long": long, "hang": hang}
"""


RULES = CallRules(per_minute=60, seconds=5)


class Desk:
    """A call desk with the page and the requester at hand."""

    def __init__(self, folder: Path, rules: CallRules, past: Sequence[Mapping[str, Any]]) -> None:
        (folder / "task.py").write_text(CODE, "utf-8")
        self.code = TaskCode.load("task.py", folder)
        self.said: list[Mapping[str, Any]] = []
        self.reports: list[str] = []
        self.clock = TurnedClock()
        self._news = asyncio.Event()

        async def say(content: Mapping[str, Any]) -> None:
            self.said.append(content)
            self._news.set()

        inputs = {"task_data": {"product": "lamp"}, "previous_requests": []}
        self.agent = LiveAgent(7, 0, "ada", inputs, say, self.clock, past, self.reports.append)
        self.desk = CallDesk(self.agent, self.code, find_functions(self.code), rules)

    def call(self, target: str, args: Any, request_id: str) -> None:
        self.agent.put_update({"request_id": request_id, "target": target, "args": json.dumps(args)})

    async def answers(self, count: int) -> list[tuple[str, Any]]:
        """The first `count` answers, once they are there."""
        while len(self.said) < count:
            self._news.clear()
            await asyncio.wait_for(self._news.wait(), 10)
        return [(str(each["handles"]), json.loads(str(each["response"]))) for each in self.said]


OpenDesk = Callable[..., Any]


@pytest.fixture
def open_desk(tmp_path: Path) -> OpenDesk:
    @asynccontextmanager
    async def open_it(*past: Mapping[str, Any], rules: CallRules = RULES) -> AsyncIterator[Desk]:
        desk = Desk(tmp_path, rules, past)
        serving = asyncio.create_task(desk.desk.serve())
        try:
            yield desk
        finally:
            desk.code.find("gate").set()  # type: ignore[union-attr]  # it is in the text above
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)

    return open_it


async def test_a_function_is_called_and_its_answer_given(open_desk: OpenDesk) -> None:
    async with open_desk() as desk:
        desk.call("double", 21, "r1")
        assert await desk.answers(1) == [("r1", 42)]
        desk.call("greet", None, "r2")
        assert (await desk.answers(2))[1] == ("r2", {"hello": "ada", "row": {"product": "lamp"}})
        assert desk.reports == []


@pytest.mark.parametrize(
    ("target", "told", "report"),
    [
        ("broken", "The call of broken failed", "in broken: TypeError"),
        ("odd", "The call of odd failed", "what odd gave holds a value that cannot be kept as JSON"),
        ("long", "The call of long failed", "what long gave is 2000002 characters long"),
        ("nothing", 'There is no function "nothing"', ""),
    ],
)
async def test_a_call_that_fails_is_told_to_both(open_desk: OpenDesk, target: str, told: str, report: str) -> None:
    async with open_desk() as desk:
        desk.call(target, None, "r1")
        ((request_id, answer),) = await desk.answers(1)
        assert request_id == "r1"
        assert answer["error"].startswith(told)
        assert all(report in each for each in desk.reports)
        assert bool(desk.reports) == bool(report)
        desk.call("double", 1, "r2")  # and the desk goes on
        assert (await desk.answers(2))[1] == ("r2", 2)


async def test_a_function_that_hangs_is_given_up_and_holds_up_no_other(open_desk: OpenDesk) -> None:
    async with open_desk(rules=CallRules(per_minute=60, seconds=0.05)) as desk:
        desk.call("hang", None, "slow")
        desk.call("double", 2, "quick")
        answers = dict(await desk.answers(2))
        assert answers["quick"] == 4
        assert "failed" in answers["slow"]["error"]
        assert "gave no answer within 0.05 s" in desk.reports[0]


async def test_arguments_that_are_no_json_are_told(open_desk: OpenDesk) -> None:
    async with open_desk() as desk:
        for number, text in enumerate(("{", "[" * 100_000)):
            desk.agent.put_update({"request_id": f"r{number}", "target": "double", "args": text})
        assert [answer for _, answer in await desk.answers(2)] == [{"error": "The arguments are not JSON."}] * 2


async def test_the_same_call_again_has_the_same_answer_and_is_not_made_again(open_desk: OpenDesk) -> None:
    async with open_desk() as desk:
        desk.call("double", 3, "r1")
        await desk.answers(1)
        desk.call("double", 3, "r1")
        assert await desk.answers(2) == [("r1", 6), ("r1", 6)]
        assert desk.code.find("made") == [3]


async def test_after_a_restart_what_was_not_answered_is_answered(open_desk: OpenDesk) -> None:
    past = [
        {"request_id": "done", "target": "double", "args": "1"},
        {"handles": "done", "response": "2"},
        {"request_id": "open", "target": "double", "args": "5"},
    ]
    async with open_desk(*past) as desk:
        assert await desk.answers(1) == [("open", 10)]
        desk.call("double", 1, "done")
        assert (await desk.answers(2))[1] == ("done", 2)
        assert desk.code.find("made") == [5]


async def test_calls_have_a_rate(open_desk: OpenDesk) -> None:
    async with open_desk(rules=CallRules(per_minute=2, seconds=5)) as desk:
        for number in range(3):
            desk.call("double", number, f"r{number}")
        answers = dict(await desk.answers(3))
        assert [answers["r0"], answers["r1"]] == [0, 2]
        assert answers["r2"] == {"error": "That was too often. Please wait 60 seconds."}
        await desk.clock.turn(61)
        desk.call("double", 2, "r2")  # a refusal is no answer: the same call may come again
        assert (await desk.answers(4))[3] == ("r2", 4)


@pytest.mark.parametrize("error", [AgentReturned, AgentCompleted])
async def test_it_ends_when_the_worker_leaves(tmp_path: Path, error: type[Exception]) -> None:
    desk = Desk(tmp_path, RULES, ())
    serving = asyncio.create_task(desk.desk.serve())
    desk.call("hang", None, "r1")
    await asyncio.sleep(0)
    if error is AgentCompleted:
        desk.agent.put_submission({})
    else:
        desk.agent.leave(AgentStatus.RETURNED)
    with pytest.raises(error):
        await serving
    desk.code.find("gate").set()  # type: ignore[union-attr]  # it is in the text above


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x = 1", "names no functions"),
        ("functions = {}", "names no functions"),
        ("functions = [print]", "names no functions"),
        ("functions = {'a': 1}", '"a" in the functions of task.py is no function'),
    ],
)
def test_a_file_without_functions_is_told(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "task.py").write_text(text, "utf-8")
    with pytest.raises(ConfigError, match=told):
        find_functions(TaskCode.load("task.py", tmp_path))


def test_the_name_of_mephisto_will_do(tmp_path: Path) -> None:
    (tmp_path / "task.py").write_text("function_registry = {'a': print}", "utf-8")
    assert list(find_functions(TaskCode.load("task.py", tmp_path))) == ["a"]


NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_calls_are_listed_with_their_answers() -> None:
    history = [
        LiveUpdate(True, {"request_id": "a", "target": "double", "args": "1"}, NOW),
        LiveUpdate(True, {"request_id": "b", "target": "broken", "args": "{}"}, NOW + timedelta(seconds=1)),
        LiveUpdate(False, {"handles": "b", "response": '{"error": "no"}'}, NOW + timedelta(seconds=2)),
        LiveUpdate(False, {"handles": "a", "response": "2"}, NOW + timedelta(seconds=3)),
        LiveUpdate(True, {"handles": "a", "response": "forged"}, NOW + timedelta(seconds=4)),
        LiveUpdate(False, {"text": "Take your time."}, NOW),
    ]
    assert [(each["target"], each["response_json"]) for each in list_requests(history)] == [
        ("double", "2"),
        ("broken", '{"error": "no"}'),
    ]
    calls = describe_calls(history)
    assert [(call.target, call.args, call.answer, call.failed, call.at) for call in calls] == [
        ("double", "1", "2", False, NOW),
        ("broken", "{}", '{"error": "no"}', True, NOW + timedelta(seconds=1)),
    ]


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
keys = st.sampled_from(["request_id", "target", "args", "handles", "response", "text"])


@given(st.lists(st.tuples(st.booleans(), st.dictionaries(keys, json_values, max_size=4)), max_size=6))
def test_rubbish_of_a_page_is_read_without_a_fault(updates: list[tuple[bool, dict[str, Any]]]) -> None:
    history = [LiveUpdate(inward, content, NOW) for inward, content in updates]
    assert len(describe_calls(history)) == len(list_requests(history)) <= len(history)
    for _, content in updates:
        call = read_call(content)
        assert call is None or (call.request_id and isinstance(call.args, str))
