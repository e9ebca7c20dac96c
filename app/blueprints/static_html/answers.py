"""What was submitted with a form: checked as hostile input, described for review, made up for rehearsals."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.blueprints.static_html.form import FormField, humanise
from app.errors import ConfigError

MAX_FIELDS = 2000
MAX_TEXT = 1_000_000
_SHORT = 120


@dataclass(frozen=True)
class DescribedAnswers:
    """A submission in words."""

    short: str
    labels: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]
    """(question, answer), in the order of the form, then what the form did not have."""
    texts_by_name: dict[str, list[str]]


def check_answers(
    fields: Sequence[FormField], outputs: Any, files: Sequence[Mapping[str, Any]], *, strict: bool
) -> str | None:
    """None when the answers can be taken, else what is wrong, for the worker.

    `strict`: the page has no code of its own, so that what it can send is known. `outputs` is hostile.
    """
    if not isinstance(outputs, dict):
        return "The answers did not arrive as a form. Please reload the page and send them again."
    if len(outputs) > MAX_FIELDS:
        return f"There are more than {MAX_FIELDS} answers."
    for name, value in outputs.items():
        if not _is_answer(name) or not _is_answer(value):
            return f'The answer to "{str(name)[:80]}" is not a text that can be kept.'
    by_name = {field.name: field for field in fields}
    sent_files = {str(file.get("field", "")) for file in files}
    if not strict:
        return None
    for name in (*outputs, *sent_files):
        if name not in by_name:
            return f'The page has no field "{str(name)[:80]}".'
    for field in fields:
        fault = _check_field(field, _values(outputs.get(field.name)), field.name in sent_files)
        if fault:
            return fault
    return None


def _check_field(field: FormField, values: list[str], has_file: bool) -> str | None:
    question = f'"{field.question}"'
    if field.kind == "file":
        return f"Please choose a file for {question}." if field.required and not has_file else None
    if field.required and not any(value.strip() for value in values):
        return f"Please answer {question}."
    if len(values) > 1 and not field.multiple:
        return f"{question} takes one answer; there are {len(values)}."
    if field.is_choice:
        for value in values:
            if value not in field.options:
                return f"The answer to {question} is none of its options."
    if field.kind in ("number", "range"):
        for value in values:
            if value and not _is_number(value):
                return f"The answer to {question} must be a number."
    return None


def describe_answers(fields: Sequence[FormField], outputs: Any, files: Sequence[Mapping[str, Any]]) -> DescribedAnswers:
    """A submission in words; takes rubbish too."""
    if not isinstance(outputs, dict):
        text = "" if outputs is None else str(outputs)
        return DescribedAnswers(text[:_SHORT] or "no answer", (), (("Answer", text),) if text else (), {})
    by_name = {field.name: field for field in fields}
    texts: dict[str, list[str]] = {}
    for name in (*by_name, *(str(name) for name in outputs if str(name) not in by_name)):
        texts[name] = _values(outputs.get(name))
    for file in files:
        if isinstance(file, Mapping):
            texts.setdefault(str(file.get("field", "")), []).append(_file_text(file))
    for field in fields:
        if field.kind == "file":
            sent = {str(f.get("original_name", "")) for f in files if isinstance(f, Mapping)}
            texts[field.name] = [text for text in texts[field.name] if text not in sent]
    pairs, labels = [], []
    for name, values in list(texts.items()):
        known = by_name.get(name)
        shown = [known.options.get(value, value) for value in values] if known else values
        if known is not None and known.kind == "select":
            texts[name] = shown
        pairs.append((known.question if known else humanise(name), ", ".join(shown)))
        if known is not None and known.is_choice and known.kind != "checkbox":
            labels.extend(shown if sum(f.is_choice for f in fields) == 1 else [f"{known.question}: {s}" for s in shown])
        elif known is not None and known.is_choice:
            labels.extend(shown)
    short = " · ".join(answer for _, answer in pairs if answer.strip())
    short = " ".join(short.split())
    short = short if len(short) <= _SHORT else short[: _SHORT - 1] + "…"
    return DescribedAnswers(short or "nothing was filled in", tuple(labels), tuple(pairs), texts)


def simulate_answers(fields: Sequence[FormField], row: Mapping[str, Any], accuracy: float, draw: float) -> Any:
    """What a simulated worker fills in. A field of the row named `truth` holds what is right: for a choice, or for
    fields by their names."""
    seed = hashlib.sha256(repr(sorted((k, str(v)) for k, v in row.items() if k != "html")).encode()).digest()
    answers: dict[str, Any] = {}
    for place, field in enumerate(fields):
        if field.kind in ("file", "hidden"):
            continue
        said = row.get("truth", "")
        truth = str(said.get(field.name, "") if isinstance(said, Mapping) else said)
        if not field.is_choice:
            named = isinstance(said, Mapping) and truth and draw < accuracy
            answers[field.name] = truth if named else _made_up(field, seed[place % len(seed)])
            continue
        options = [value for value in field.options if value] or list(field.options)
        if not options:
            continue
        right = truth if truth in options else options[seed[place % len(seed)] % len(options)]
        wrong = [value for value in options if value != right]
        chosen = right if draw < accuracy or not wrong else wrong[int(draw * 1000) % len(wrong)]
        answers[field.name] = chosen
    return answers


def check_truth(fields: Sequence[FormField], truth: Any, *, strict: bool) -> None:
    """`ConfigError` for a truth that no answer to these fields can be; `strict`: no script adds fields of its own."""
    names = {field.name for field in fields}
    if isinstance(truth, Mapping):
        for name in truth:
            if strict and name not in names:
                raise ConfigError(f'The truth names the field "{name}"; the page has {", ".join(sorted(names))}.')
    elif truth is not None and strict and not _fields_of(fields, str(truth)):
        raise ConfigError(
            f'The truth "{truth}" is an option of no choice of the page. Name the field: truth.{fields[0].name}.'
            if fields
            else "The page has no field that the truth could be of."
        )


def holds_truth(fields: Sequence[FormField], outputs: Any, truth: Any) -> bool:
    """Whether the answers are right: each named field, or every choice that has a single truth as an option."""
    if not isinstance(outputs, Mapping):
        return False
    wanted = truth if isinstance(truth, Mapping) else dict.fromkeys(_fields_of(fields, str(truth)), truth)
    return bool(wanted) and all(_as_set(outputs.get(name)) == _as_set(right) for name, right in wanted.items())


def _fields_of(fields: Sequence[FormField], truth: str) -> list[str]:
    """The choices that have it as an option; else the one field there is."""
    known = [field.name for field in fields if field.is_choice and truth in field.options]
    asked = [field.name for field in fields if field.kind not in ("file", "hidden")]
    return known or (asked if len(asked) == 1 and not any(field.is_choice for field in fields) else [])


def _as_set(value: Any) -> set[str]:
    """One answer or several, as texts."""
    parts = value if isinstance(value, list) else str("" if value is None else value).split("|")
    return {str(part).strip() for part in parts}


def _made_up(field: FormField, number: int) -> str:
    made = {
        "number": str(number),
        "range": str(number % 100),
        "email": "rehearsal@example.org",
        "url": "https://example.org/",
        "date": f"2026-01-{number % 28 + 1:02d}",
        "time": f"{number % 24:02d}:00",
        "color": "#336699",
        "tel": "5550100",
    }
    return made.get(field.kind, f"A rehearsed answer, number {number}")


def _is_answer(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= MAX_TEXT and "\0" not in value and _is_unicode(value)
    if isinstance(value, bool) or value is None:
        return True
    if isinstance(value, int | float):
        return abs(value) < 1e15
    return (
        isinstance(value, list)
        and len(value) <= MAX_FIELDS
        and all(isinstance(v, str) and _is_answer(v) for v in value)
    )


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _values(value: Any) -> list[str]:
    if value is None:
        return []
    if isinstance(value, list | tuple):
        return [str(item) for item in value]
    return [str(value)]


def _file_text(file: Mapping[str, Any]) -> str:
    size = file.get("size")
    told = f" ({max(1, round(size / 1024))} KB)" if isinstance(size, int) else ""
    return f"{file.get('original_name') or file.get('filename') or 'a file'}{told}"


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
