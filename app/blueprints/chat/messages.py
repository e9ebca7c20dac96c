"""What pages say in a conversation, read with care: messages, answers to forms, the wish to end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.errors import ConfigError

MOST_ANSWERS = 50
LONGEST_ANSWER = 2_000


@dataclass(frozen=True)
class FormQuestion:
    """One question of a form inside a conversation; without choices a text is asked for."""

    question: str
    choices: tuple[str, ...] = ()

    def as_wire(self) -> dict[str, Any]:
        """As pages get it in `task_data.respond_with_form`."""
        if self.choices:
            return {"type": "choices", "question": self.question, "choices": list(self.choices)}
        return {"type": "text", "question": self.question}


def read_questions(given: Mapping[str, Any], key: str) -> tuple[FormQuestion, ...]:
    """The questions of a form as a task file has them: each with a list of choices, empty for a text. `ConfigError`."""
    made = []
    for question, choices in given.items():
        options = [] if choices is None or choices == "" else choices
        if not str(question).strip() or not isinstance(options, list | tuple):
            raise ConfigError(f'"{question}" needs a list of choices; [] asks for a text.', key=key)
        if not all(isinstance(choice, str | int | float) and str(choice).strip() for choice in options):
            raise ConfigError(f'A choice of "{question}" is no text.', key=key)
        if len(options) == 1 or len({str(choice) for choice in options}) < len(options):
            raise ConfigError(f'"{question}" needs two different choices at least.', key=key)
        made.append(FormQuestion(str(question).strip(), tuple(str(choice) for choice in options)))
    if len(made) > MOST_ANSWERS:
        raise ConfigError(f"A form has {MOST_ANSWERS} questions at most; there are {len(made)}.", key=key)
    return tuple(made)


def message_of(update: Mapping[str, Any], longest: int, *, model: bool = False) -> dict[str, Any] | None:
    """The message in what was said: its text and the answers of its form; None when there is none.

    `model`: a model said it. That a page says so of itself means nothing.
    """
    text = update.get("text")
    answers = read_form_answers(update)
    if not isinstance(text, str) or not text.strip():
        return None
    data: dict[str, Any] = {}
    if answers:
        data["form_responses"] = [{"question": question, "response": answer} for question, answer in answers]
    if model:
        data["model"] = True
    return {"text": text.strip()[:longest], "task_data": data}


def read_form_answers(update: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The (question, answer) pairs that a page sent; () when it sent none."""
    data = update.get("task_data")
    given = data.get("form_responses") if isinstance(data, Mapping) else None
    if not isinstance(given, list):
        return ()
    return tuple(
        (_short(entry["question"]), _short(entry.get("response", "")))
        for entry in given[:MOST_ANSWERS]
        if isinstance(entry, Mapping) and "question" in entry
    )


def wish_of(update: Mapping[str, Any]) -> bool | None:
    """Whether a page says that its worker wants to end, or not any more; None: it says something else."""
    data = update.get("task_data")
    wish = data.get("wants_to_end") if isinstance(data, Mapping) else None
    return wish if isinstance(wish, bool) and not update.get("text") else None


def _short(value: Any) -> str:
    return str(value)[:LONGEST_ANSWER]
