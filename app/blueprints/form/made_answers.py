"""Answers that fit: what a simulated worker fills in, and the proof that a form can be answered at all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from app.blueprints.form.checks import field_fault, usual_answer
from app.blueprints.form.model import NUMBER_TYPES, Field, Fieldset, Form
from app.blueprints.form.shown import holds, shown_places

_SENTENCE = "This is what a rehearsed worker wrote here. "


def an_answer(field: Field, seed: int) -> Any:
    """An answer that fits the field's rules; None when none was found. The same for the same seed."""
    for candidate in _candidates(field, seed):
        if field_fault(field, candidate) is None:
            return candidate
    return None


def made_answers(form: Form, row: Mapping[str, Any], accuracy: float, draw: float) -> dict[str, Any]:
    """What a simulated worker sends. A field `truth` of the row holds what is right: by name, or one text for
    every choice that has it.

    Required files cannot be part of it: a simulated worker sends those beside (`made_files`).
    """
    return _Worker(row, accuracy, draw).answer(form)


def made_files(form: Form, answers: Mapping[str, Any]) -> list[tuple[str, str, bytes]]:
    """The files of a simulated worker, where files are required: (field on the wire, name, content)."""
    found = []
    for place in shown_places(form, answers, assume_files=True):
        field, wire = place.field, place.wire
        if field.type == "file" and field.rules.required:
            ending = field.rules.extensions[0] if field.rules.extensions else "txt"
            numbers = range(1, max(1, field.rules.min_length or 1) + 1)
            found += [(wire, f"rehearsed-{number}.{ending}", b"Made by a rehearsal.\n") for number in numbers]
    return found


class _Worker:
    """One simulated worker with one form."""

    def __init__(self, row: Mapping[str, Any], accuracy: float, draw: float) -> None:
        self._truth = row.get("truth")
        known = sorted((key, str(value)) for key, value in row.items() if key not in ("form", "truth"))
        self._seed = hashlib.sha256(repr(known).encode("utf-8", "replace")).digest()
        self._is_right = draw < accuracy
        self._draw = draw
        self._place = 0

    def answer(self, form: Form) -> dict[str, Any]:
        answers: dict[str, Any] = {}
        seen: dict[str, Any] = {}
        for section in form.sections:
            if not holds(section.show_if, seen):
                continue
            for fieldset in section.fieldsets:
                if not holds(fieldset.show_if, seen):
                    continue
                if fieldset.repeat is None:
                    answers |= self._fill(fieldset, seen)
                else:
                    times = max(1, fieldset.repeat.minimum)
                    answers[fieldset.name] = [self._fill(fieldset, dict(seen)) for _ in range(times)]
        return answers

    def _fill(self, fieldset: Fieldset, seen: dict[str, Any]) -> dict[str, Any]:
        answers: dict[str, Any] = {}
        for row in fieldset.rows:
            if not holds(row.show_if, seen):
                continue
            for field in row.fields:
                if not holds(field.show_if, seen):
                    continue
                if field.type == "file":
                    seen[field.name] = ["file"] if field.rules.required else None
                    continue
                answer = self._one(field)
                if answer is not None:
                    seen[field.name] = answers[field.name] = answer
        return answers

    def _one(self, field: Field) -> Any:
        self._place += 1
        if field.type == "hidden":
            return field.value if field.value is not None else ""
        seed = self._seed[self._place % len(self._seed)]
        right = self._true_answer(field)
        if right is None or field_fault(field, right) is not None:
            right = an_answer(field, seed)
        if self._is_right or not field.is_choice:
            return right
        others = (an_answer(field, seed + 1 + number + int(self._draw * 50)) for number in range(8))
        return next((other for other in others if other is not None and other != right), right)

    def _true_answer(self, field: Field) -> Any:
        """What the row says is right: by the field's name, or one text for every choice that has it."""
        if isinstance(self._truth, Mapping):
            return usual_answer(field, self._truth.get(field.name))
        return usual_answer(field, self._truth) if field.is_choice and isinstance(self._truth, str) else None


def _candidates(field: Field, seed: int) -> Iterator[Any]:
    if field.type in NUMBER_TYPES:
        yield from _numbers(field, seed)
    elif field.type == "date":
        yield from _dates(field, seed)
    elif field.is_choice:
        yield from _choices(field, seed)
    elif field.type == "hidden":
        yield field.value if field.value is not None else ""
    else:
        yield from _texts(field, seed)
    if not field.rules.required:
        yield None


def _numbers(field: Field, seed: int) -> Iterator[float]:
    least, most = field.rules.least, field.rules.most
    low = float(least) if least is not None else (min(0.0, float(most)) if most is not None else 0.0)
    high = float(most) if most is not None else low + 100
    steps = int(max(0.0, min(10_000.0, (high - low) / field.step)))
    for number in (low + field.step * (seed % (steps + 1)), low, high):
        rounded = round(number, 9)
        yield int(rounded) if rounded.is_integer() else rounded
        yield number


def _dates(field: Field, seed: int) -> Iterator[str]:
    least, most = field.rules.least, field.rules.most
    if isinstance(least, str):
        start = date.fromisoformat(least)
        yield (start + timedelta(days=min(seed % 28, (date.max - start).days))).isoformat()
        yield least
    elif isinstance(most, str):
        end = date.fromisoformat(most)
        yield (end - timedelta(days=min(seed % 28, (end - date.min).days))).isoformat()
    else:
        yield (date(2026, 1, 1) + timedelta(days=seed % 365)).isoformat()


def _choices(field: Field, seed: int) -> Iterator[Any]:
    values = [option.value for option in field.options]
    if not values:
        return
    if field.type == "ranking":
        turn = seed % len(values)
        yield values[turn:] + values[:turn]
        return
    start = seed % len(values)
    turned = values[start:] + values[:start]
    if not field.takes_several:
        yield from turned
        return
    least = max(1, field.rules.min_length or 0)
    most = min(len(values), field.rules.max_length if field.rules.max_length is not None else len(values))
    for size in dict.fromkeys((min(most, least + seed % 3), least, most)):
        picked = set(turned[:size])
        yield usual_answer(field, [value for value in values if value in picked])


def _texts(field: Field, seed: int) -> Iterator[str]:
    rules = field.rules
    least = rules.min_length or 0
    most = rules.max_length if rules.max_length is not None else max(least, 200)
    if rules.pattern is not None and rules.pattern.is_decidable:
        yield from rules.pattern.examples(seed, least)
        for text in rules.pattern.examples(seed, least) if field.type == "email" else ():
            yield f"{text}@example.org"
            yield f"a@{text}"
    if field.type == "email":
        local = "rehearsal" + str(seed)
        for address in (f"{local}@example.org", "r@e.org", "a@b"):
            yield address
            missing = least - len(address)
            if missing > 0:
                name, _, host = address.partition("@")
                front = min(missing, 200 - len(name))
                yield f"{name}{'a' * front}@{host}{'b' * min(missing - front, 200 - len(host))}"
        return
    text = f"{_SENTENCE}Number {seed}."
    if len(text) < least:
        text += _SENTENCE * (least // len(_SENTENCE) + 1)
        text = text[: max(least, 1)]
    text = text[:most]
    yield text
    yield "a" * max(1, min(most, least or 1))
    yield "a" * most
