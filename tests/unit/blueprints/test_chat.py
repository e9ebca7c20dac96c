"""Conversations: what a task file may say, what pages may say, what models and reviewers get."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.args import check
from app.blueprints.base import LiveUpdate
from app.blueprints.chat.answers import spoken_lines
from app.blueprints.chat.blueprint import ChatBlueprint
from app.blueprints.chat.chat_args import ChatArgs
from app.blueprints.chat.messages import message_of, read_form_answers, wish_of
from app.blueprints.chat.voices import AT_A_LOSS, function_voice, scripted_voice
from app.blueprints.live_agent import LiveAgent
from app.blueprints.task_code import TaskCode, TaskCodeError
from app.clock import TurnedClock
from app.errors import ConfigError

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ROWS = {"static_task_data": [{"topic": "tea", "a": "A's secret", "b": "B's secret", "truth": "x"}]}
anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
keys = st.sampled_from(["text", "id", "task_data", "form_responses", "wants_to_end", "question", "response", "model"])
hostile = st.dictionaries(keys, anything | st.dictionaries(keys, anything | st.lists(st.dictionaries(keys, anything))))


def make(tmp_path: Path = Path(), **values: Any) -> ChatBlueprint:
    args, problems = check(ChatArgs, {**ROWS, **values})
    assert args is not None, problems
    ChatBlueprint.assert_task_args(args, tmp_path)
    return ChatBlueprint(args, tmp_path)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"roles": ["Ada"]}, "two roles at least"),
        ({"roles": ["Ada", "Ada"]}, "same name"),
        ({"roles": ["Ada", " "]}, "is no role"),
        ({"roles": [f"r{n}" for n in range(20)]}, "12 can talk"),
        ({"roles": ["Ada", "Ben"], "units_per_assignment": 3}, "2 roles for people"),
        ({"model_roles": ["Ben"]}, "there is none"),
        ({"roles": ["Ada", "Ben"], "model_roles": ["Cleo"], "model": "scripted"}, 'no role "Cleo"'),
        ({"roles": ["Ada", "Ben"], "role_instructions": {"Cleo": "x"}}, 'no role "Cleo"'),
        ({"roles": ["A", "B"], "model_roles": ["A", "B"], "model": "scripted"}, "nobody is left"),
        ({"partner_policy": "model"}, "there is none"),
        ({"model": "answer", "model_roles": []}, 'no Python file with "answer"'),
        ({"runner": "Mine"}, 'no Python file with "Mine"'),
        ({"end_by_agreement": False}, "Nothing ever ends"),
        ({"max_messages": 3, "min_messages": 2}, "ends before everybody"),
        ({"last_questions": {"Why?": ["only"]}}, "two different choices"),
        ({"last_questions": {"Why?": "because"}}, "list of choices"),
        ({"task_source": "gone.js"}, "gone.js"),
    ],
)
def test_what_cannot_be_held_is_told_before_the_launch(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        make(**values)


def test_each_role_reads_its_own_and_gets_nothing_of_the_others() -> None:
    told = {"Ada": "{{a}}", "Ben": "{{ b }} and {{unknown}}"}
    chat = make(roles=["Ada", "Ben"], role_instructions=told, instructions="Talk about {{topic}}.")
    item = next(chat.iter_assignments())
    ada, ben = (chat.initial_data(item.shared, unit)["task_data"] for unit in item.unit_data)
    assert (ada["instructions"], ada["role_instructions"]) == ("Talk about tea.", "A's secret")
    assert ben["role_instructions"] == "B's secret and {{unknown}}"
    assert ("b" in ada, "a" in ben, "truth" in ada) == (False, False, False)
    assert ada["seats"] == [{"name": "Ada", "model": False}, {"name": "Ben", "model": False}]


def test_each_item_can_be_talked_about_more_than_once_and_a_launch_goes_on_where_it_was() -> None:
    chat = make(conversations_per_item=3, static_task_data=[{"n": 1}, {"n": 2}])
    items = list(chat.iter_assignments())
    assert [item.shared["n"] for item in items] == [1, 1, 1, 2, 2, 2]
    assert chat.count_assignments() == 6
    for start in range(8):
        assert list(chat.iter_assignments(start)) == items[start:]


def test_one_person_and_models_need_no_partners() -> None:
    chat = make(roles=["Me", "It"], model_roles=["It"], model="scripted")
    assert (chat.units_per_assignment(), chat.is_concurrent()) == (1, False)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("class Mine:\n    pass\n", "is no runner"),
        ("class Mine:\n    def run_assignment(self, agents): pass\n", "is no runner"),
        ("Mine = 3\n", "is no runner"),
        ("x = 1\n", 'no class "Mine"'),
    ],
)
def test_a_class_that_cannot_lead_is_told_at_the_launch(tmp_path: Path, body: str, words: str) -> None:
    (tmp_path / "code.py").write_text(body, "utf-8")
    chat = make(tmp_path, task_code="code.py", runner="Mine")
    with pytest.raises(ConfigError, match=words):
        chat.load_code()


def test_a_model_that_is_not_in_the_file_is_told_at_the_launch(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text("x = 1\n", "utf-8")
    chat = make(tmp_path, task_code="code.py", model="answer", partner_policy="model")
    with pytest.raises(ConfigError, match='no function "answer"'):
        chat.load_code()


# what pages say


@given(update=hostile)
def test_whatever_a_page_says_is_read_without_a_fault(update: dict[str, Any]) -> None:
    message = message_of(update, 20)
    if message is not None:
        assert 0 < len(message["text"]) <= 20
        assert set(message) == {"text", "task_data"}  # no id, no key of the page's own making
        assert "model" not in message["task_data"]
    assert wish_of(update) in (True, False, None)
    assert all(isinstance(part, str) for pair in read_form_answers(update) for part in pair)
    for inward in (True, False):
        for line in spoken_lines([LiveUpdate(inward, update, NOW)]):
            assert isinstance(line.text, str)
            assert line.who in ("worker", "model", "requester", "task")


def test_a_conversation_is_told_line_by_line_to_the_reviewer() -> None:
    def out(**content: Any) -> LiveUpdate:
        return LiveUpdate(False, content, NOW)

    lines = spoken_lines(
        [
            LiveUpdate(True, {"text": "Hi", "id": "Ada"}, NOW),
            out(text="Hello", id="Ben", task_data={"model": True}),
            out(text="Before", id="Ada", task_data={"former": True}),
            out(text="Be kind", id="Requester", task_data={"requester_message": True}),
            out(text="It is over", id="", task_data={"notice": True}),
            out(task_data={"live_update_requested": True}),
        ]
    )
    assert [(line.speaker, line.who) for line in lines] == [
        ("Ada", "worker"),
        ("Ben", "model"),
        ("Ada (before)", "worker"),
        ("Requester", "requester"),
        ("Task", "task"),
    ]


# models


async def nothing(content: Mapping[str, Any]) -> None:
    """A model has no page."""


def seat(*lines: tuple[bool, str]) -> LiveAgent:
    made = LiveAgent(0, 1, "Ben", {"task_data": {"agent_display_name": "Ben", "k": 1}}, nothing, TurnedClock())
    made.transcript.extend((mine, {"text": text, "id": "Ada"}) for mine, text in lines)
    return made


async def test_a_scripted_model_says_its_lines_and_then_that_it_is_at_a_loss() -> None:
    speak = scripted_voice(["One", "Two"])
    said = [await speak(seat(*[(True, "x")] * count)) for count in range(4)]
    assert [words["text"] for words in said if words] == ["One", "Two", AT_A_LOSS, AT_A_LOSS]
    asked = await scripted_voice([])(seat((False, "I like tea")))
    assert asked is not None
    assert "I like tea" in asked["text"]


@pytest.mark.parametrize("kind", ["def", "async def"])
async def test_a_function_of_the_requester_answers(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "model.py"
    file.write_text(
        f"{kind} reply(conversation, seat):\n"
        "    return f\"{seat['name']} {seat['task_data']['k']} heard {conversation[-1]['text']}\"\n",
        "utf-8",
    )
    code = TaskCode.load(str(file), tmp_path)
    said = await function_voice(code, code.find_function("reply") or len, 10)(seat((False, "tea")))
    assert said == {"text": "Ben 1 heard tea", "id": "Ben", "task_data": {"model": True}}


@pytest.mark.parametrize(
    ("body", "words"),
    [("return 1 / 0", "model.py, line 2, in reply: ZeroDivisionError"), ("return 3", "returned int, not a text")],
)
async def test_a_model_that_fails_is_told_with_its_line(tmp_path: Path, body: str, words: str) -> None:
    file = tmp_path / "model.py"
    file.write_text(f"def reply(conversation, seat):\n    {body}\n", "utf-8")
    code = TaskCode.load(str(file), tmp_path)
    with pytest.raises(TaskCodeError, match=words):
        await function_voice(code, code.find_function("reply") or len, 10)(seat())
