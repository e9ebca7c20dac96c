"""Whether one answer fits its field. The worker's page asks the same questions in the same order (form_rules.js)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from app.blueprints.form.conditions import chosen, is_blank
from app.blueprints.form.model import NUMBER_TYPES, TEXT_TYPES, Field
from app.blueprints.form.pattern_syntax import SPACES

MAX_ANSWER = 100_000
"""Characters of one answer."""
_EMAIL = re.compile(f"[^{re.escape(SPACES)}@]{{1,200}}@[^{re.escape(SPACES)}@]{{1,200}}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def field_fault(field: Field, answer: Any) -> str | None:
    """What is wrong with an answer, as a sentence for the worker; None when it can be taken. Hostile input."""
    if not _has_shape(field, answer):
        return "This answer did not arrive as the field sends it. Please answer it again."
    if is_blank(answer):
        return "Please answer this." if field.rules.required else None
    if field.type in NUMBER_TYPES or field.type == "date":
        return _bounds_fault(field, answer)
    if field.is_choice:
        return _choice_fault(field, answer)
    return _text_fault(field, answer) if field.type in TEXT_TYPES else None


def file_fault(field: Field, names: list[str]) -> str | None:
    """What is wrong with the files of a field, by their names."""
    rules = field.rules
    if not names:
        return "Please choose a file." if rules.required else None
    if len(names) > 1 and not field.multiple:
        return "Please choose one file."
    if rules.extensions and not all(
        name.lower().endswith(tuple(f".{end}" for end in rules.extensions)) for name in names
    ):
        return f"Please choose a file that ends in {_or(list(rules.extensions))}."
    return _length_fault(field, len(names), "file")


def usual_answer(field: Field, value: Any) -> Any:
    """A value in the shape that the page sends, or None when it cannot be one: for first and right answers."""
    if field.takes_several:
        values = [value] if isinstance(value, str) else chosen(value)
        texts = [str(each).lower() if isinstance(each, bool) else str(each) for each in values]
        if not all(text in field.option_labels for text in texts):
            return None
        if field.type == "checkbox":
            return {option.value: option.value in texts for option in field.options}
        return [option.value for option in field.options if option.value in texts]
    if field.type == "ranking":
        texts = [str(each) for each in value] if isinstance(value, list) else []
        return texts if sorted(texts) == sorted(field.option_labels) else None
    if field.type in NUMBER_TYPES:
        return value if _is_number(value) else None
    if isinstance(value, bool):
        value = "true" if value else "false"
    if isinstance(value, int | float):
        value = str(value)
    if not isinstance(value, str) or (field.is_choice and value not in field.option_labels):
        return None
    return value if field.type != "date" or is_date(value) else None


def is_date(text: str) -> bool:
    """Whether a text is a date as browsers write it."""
    if not _DATE.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _has_shape(field: Field, answer: Any) -> bool:
    if answer is None:
        return True
    if field.type in NUMBER_TYPES:
        return _is_number(answer) or answer == ""
    if field.type == "checkbox":
        return isinstance(answer, Mapping) and all(
            name in field.option_labels and isinstance(is_on, bool) for name, is_on in answer.items()
        )
    if field.takes_several or field.type == "ranking":
        return isinstance(answer, list) and all(isinstance(each, str) for each in answer)
    return isinstance(answer, str) and len(answer) <= MAX_ANSWER


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) < 1e15 and (isinstance(value, int) or math.isfinite(value))


def _bounds_fault(field: Field, answer: Any) -> str | None:
    least, most = field.rules.least, field.rules.most
    if field.type == "date" and not is_date(answer):
        return "Please give a date that exists."
    word = ("not before", "not after") if field.type == "date" else ("at least", "at most")
    if least is not None and answer < least:
        return f"Please give a {_noun(field)} that is {word[0]} {least}."
    if most is not None and answer > most:
        return f"Please give a {_noun(field)} that is {word[1]} {most}."
    return None


def _noun(field: Field) -> str:
    return "date" if field.type == "date" else "number"


def _choice_fault(field: Field, answer: Any) -> str | None:
    values = list(answer) if isinstance(answer, Mapping) else chosen(answer)
    if not all(value in field.option_labels for value in values) or len(set(values)) != len(values):
        return "This answer is none of its options. Please choose again."
    if field.type == "ranking":
        return None if len(values) == len(field.options) else "Please put all of these in order."
    return _length_fault(field, len(chosen(answer)), "option") if field.takes_several else None


def _text_fault(field: Field, answer: str) -> str | None:
    fault = _length_fault(field, len(answer), "character")
    if fault is not None:
        return fault
    text = answer.strip(SPACES)
    if field.type == "email" and not _EMAIL.fullmatch(text):
        return "Please give an email address, like name@example.org."
    pattern = field.rules.pattern
    if pattern is None:
        return None
    if len(text) > pattern.longest:
        return f"Please use at most {pattern.longest} characters."
    return None if pattern.matches(text) else "This does not have the form that is asked for."


def _length_fault(field: Field, length: int, noun: str) -> str | None:
    least, most = field.rules.min_length, field.rules.max_length
    verb = "use" if noun == "character" else "choose"
    if least is not None and length < least:
        return f"Please {verb} at least {least} {noun}{'' if least == 1 else 's'}; there {_is(length)}."
    if most is not None and length > most:
        return f"Please {verb} at most {most} {noun}{'' if most == 1 else 's'}; there {_is(length)}."
    return None


def _is(number: int) -> str:
    return f"is {number}" if number == 1 else f"are {number}"


def _or(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
