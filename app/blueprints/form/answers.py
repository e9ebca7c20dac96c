"""A whole submission: whether it fits the form as this worker saw it. Everything that comes in is hostile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.blueprints.form.checks import field_fault, file_fault, usual_answer
from app.blueprints.form.conditions import is_blank
from app.blueprints.form.model import Form
from app.blueprints.form.shown import Place, shown_blocks, shown_places
from app.blueprints.row import json_fault
from app.errors import ConfigError

AGAIN = "Please reload the page and send them again."


def check_answers(form: Form, outputs: Any, files: Sequence[Mapping[str, Any]]) -> str | None:
    """None when it can be taken; else what is missing, for the worker.

    Answers to fields that are not shown are refused, so that what is kept is what the worker saw. `files` are the
    uploaded ones: `{"field": wire name, "original_name": ...}`.
    """
    if not isinstance(outputs, dict):
        return f"The answers did not arrive as a form. {AGAIN}"
    fault = json_fault(outputs)
    if fault is not None:
        return f"The answers hold something that cannot be kept: it {fault}"
    sent = file_names(files)
    fault = _blocks_fault(form, outputs, frozenset(sent))
    if fault is not None:
        return fault
    places = list(shown_places(form, outputs, frozenset(sent)))
    known = {(place.block, place.entry, place.field.name) for place in places if place.field.type != "file"}
    stray = _stray(form, outputs, known)
    if stray is not None:
        return f'The form shows no field "{stray[:80]}". {AGAIN}'
    wires = {place.wire for place in places if place.field.type == "file"}
    for wire in sent:
        if wire not in wires:
            return f'The form takes no file "{wire[:80]}". {AGAIN}'
    for place in places:
        fault = place_fault(place, sent)
        if fault is not None:
            return f"{_title(place)}: {fault}"
    return None


def place_fault(place: Place, sent: Mapping[str, list[str]]) -> str | None:
    """What is wrong with one field that is shown; `sent` are the names of files by wire name."""
    field = place.field
    if field.type == "file":
        return file_fault(field, sent.get(place.wire, []))
    if field.type == "hidden":
        wanted = field.value if field.value is not None else ""
        return None if place.answer in (wanted, None) else "A hidden value was changed. Please reload the page."
    return field_fault(field, place.answer)


def file_names(files: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """The names of uploaded files, by the wire names of their fields."""
    found: dict[str, list[str]] = {}
    for file in files:
        if isinstance(file, Mapping):
            name = str(file.get("original_name") or file.get("filename") or "")
            found.setdefault(str(file.get("field", "")), []).append(name)
    return found


def is_right(form: Form, outputs: Any) -> bool:
    """Whether each field that is shown and has a right answer was answered so."""
    if not isinstance(outputs, dict):
        return False
    for place in shown_places(form, outputs):
        wanted = place.field.correct
        if wanted is not None and _plain(place.answer) != _plain(wanted):
            return False
    return True


def check_truth(form: Form, truth: Any) -> None:
    """`ConfigError` for a truth that no answer to the form can be."""
    if isinstance(truth, Mapping):
        known = {field.name: field for field in form.fields}
        for name, right in truth.items():
            if name not in known:
                raise ConfigError(f'The truth names the field "{name}"; the form has {", ".join(known)}.')
            if usual_answer(known[name], right) is None:
                raise ConfigError(f'The truth of "{name}" is no answer that can be given there.')
    elif truth is not None and not any(field.is_choice and usual_answer(field, truth) for field in form.fields):
        raise ConfigError(f'The truth "{truth}" is an option of no choice of the form; name the field: truth.NAME.')


def holds_truth(form: Form, outputs: Any, truth: Any) -> bool:
    """Whether the answers are right: each field that the truth names, or every choice that has it as an option."""
    if not isinstance(outputs, dict):
        return False
    wanted = dict(truth) if isinstance(truth, Mapping) else {}
    judged = set()
    for place in shown_places(form, outputs):
        field = place.field
        if not isinstance(truth, Mapping) and field.is_choice:
            right = usual_answer(field, truth)
        else:
            right = usual_answer(field, wanted[field.name]) if field.name in wanted else None
        if right is None:
            continue
        judged.add(field.name)
        if _plain(place.answer) != _plain(right):
            return False
    return bool(judged) and judged >= set(wanted)


def _plain(answer: Any) -> Any:
    if isinstance(answer, str):
        return answer.strip().casefold()
    if isinstance(answer, Mapping):
        return {name for name, is_on in answer.items() if is_on is True}
    return answer


def _blocks_fault(form: Form, outputs: Mapping[str, Any], files: frozenset[str]) -> str | None:
    for fieldset in shown_blocks(form, outputs, files):
        entries = outputs.get(fieldset.name, [])
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            return f'The answers to "{fieldset.name}" did not arrive as a list. {AGAIN}'
        block = fieldset.repeat
        if block is not None and not block.minimum <= len(entries) <= block.maximum:
            wanted = f"{block.minimum} to {block.maximum}" if block.minimum != block.maximum else str(block.minimum)
            return f"{block.label or fieldset.name}: Please fill in {wanted}; there are {len(entries)}."
    return None


def _stray(form: Form, outputs: Mapping[str, Any], known: set[tuple[str, int, str]]) -> str | None:
    """The name of an answer to a field that is not shown."""
    blocks = {fieldset.name for fieldset in form.fieldsets() if fieldset.repeat is not None}
    for name, answer in outputs.items():
        if name in blocks:
            for number, entry in enumerate(answer if isinstance(answer, list) else [None]):
                for inner in entry if isinstance(entry, Mapping) else [name]:
                    if (name, number, inner) not in known:
                        return str(inner)
        elif ("", 0, name) not in known and not is_blank(answer):
            return name
    return None


def _title(place: Place) -> str:
    if not place.block:
        return place.field.label or place.field.name
    block = place.fieldset.repeat if place.fieldset is not None else None
    return f"{(block.label if block else '') or place.block} {place.entry + 1}, {place.field.label}"
