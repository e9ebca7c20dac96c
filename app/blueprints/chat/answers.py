"""What is handed in at the end of a conversation, and the conversation as a reviewer reads it. Hostile input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.blueprints.base import LiveUpdate, SpokenLine
from app.blueprints.chat.messages import read_form_answers
from app.blueprints.row import json_fault

MAX_COMMENT = 5_000
MOST_LINES = 5_000
LONGEST_LINE = 4_000


def check_answer(outputs: Any, files: Sequence[Mapping[str, Any]]) -> str | None:
    """Why it cannot be taken, for the worker; None when it can."""
    if files:
        return "This task takes no files."
    if not isinstance(outputs, dict):
        return "What was handed in did not arrive whole. Please send it again."
    fault = json_fault(outputs)
    if fault is not None:
        return f"What was handed in {fault}"
    comment = outputs.get("comment", "")
    if not isinstance(comment, str):
        return "The comment did not arrive as a text. Please send it again."
    if len(comment) > MAX_COMMENT:
        return f"The comment is longer than {MAX_COMMENT} characters."
    return None


def final_answers(outputs: Any) -> tuple[tuple[str, str], ...]:
    """The (question, answer) pairs of the last questions, as the page handed them in once more."""
    given = outputs.get("answers") if isinstance(outputs, dict) else None
    return read_form_answers({"task_data": {"form_responses": given}})


def spoken_lines(history: Sequence[LiveUpdate]) -> tuple[SpokenLine, ...]:
    """The conversation, line by line; what is no line of it is passed over."""
    lines = []
    for update in history[:MOST_LINES]:
        line = spoken_line(update)
        if line is not None:
            lines.append(line)
    return tuple(lines)


def spoken_line(update: LiveUpdate) -> SpokenLine | None:
    """One update as a line; None when nothing was said with it."""
    content = update.content if isinstance(update.content, Mapping) else {}
    given = content.get("task_data")
    data = given if isinstance(given, Mapping) else {}
    text = content.get("text")
    form = read_form_answers(content)
    if (not isinstance(text, str) or not text.strip()) and not form:
        return None
    speaker = content.get("id")
    name = speaker if isinstance(speaker, str) else ""
    return SpokenLine(
        speaker=_speaker(name, data, inward=update.inward),
        text="" if form else str(text).strip()[:LONGEST_LINE],
        who=_who(name, data, inward=update.inward),
        at=update.at,
        form=form,
    )


def _speaker(name: str, data: Mapping[str, Any], *, inward: bool) -> str:
    if data.get("former") is True:
        return f"{name} (before)"
    return name[:100] or ("Worker" if inward else "Task")


def _who(name: str, data: Mapping[str, Any], *, inward: bool) -> str:
    if inward:
        return "worker"
    if data.get("requester_message") is True:
        return "requester"
    if data.get("model") is True:
        return "model"
    return "worker" if name and data.get("notice") is not True else "task"
