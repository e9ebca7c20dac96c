"""The qualifications a run asks of its workers, as a task file writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from app.args import Problem

COMPARATORS = ("Exists", "DoesNotExist", "==", "!=", "<", "<=", ">", ">=", "In", "NotIn")
NAMES = {
    "EqualTo": "==",
    "NotEqualTo": "!=",
    "LessThan": "<",
    "LessThanOrEqualTo": "<=",
    "GreaterThan": ">",
    "GreaterThanOrEqualTo": ">=",
}
"""Mephisto's words for the comparators that are signs here."""
KEYS = ("qualification_name", "comparator", "applicable_value")
FIELD = "qualifications"


def check_requirements(items: Sequence[Any]) -> tuple[list[dict[str, Any]], list[Problem]]:
    """Requirements in their one form, and what is wrong with them (problems are named `qualifications`)."""
    made: list[dict[str, Any]] = []
    problems: list[Problem] = []
    for number, item in enumerate(items, start=1):
        try:
            made.append(_requirement(item))
        except ValueError as error:
            problems.append(Problem(FIELD, f"number {number} {error}"))
    return made, problems


def _requirement(item: Any) -> dict[str, Any]:
    if not isinstance(item, Mapping):
        raise ValueError(f"must hold {', '.join(KEYS)}.")
    for key in item:
        if key not in KEYS:
            near = get_close_matches(str(key), KEYS, n=1)
            raise ValueError(f'has no key "{key}".' + (f' Did you mean "{near[0]}"?' if near else ""))
    name = str(item.get("qualification_name") or "").strip()
    if not name:
        raise ValueError("needs a qualification_name.")
    said = str(item.get("comparator") or "Exists")
    comparator = NAMES.get(said, said)
    if comparator not in COMPARATORS:
        raise ValueError(f'has the comparator "{said}"; there are {", ".join(COMPARATORS)}.')
    return {"qualification_name": name, "comparator": comparator, "applicable_value": _value(comparator, item)}


def _value(comparator: str, item: Mapping[str, Any]) -> int | list[int] | None:
    value = item.get("applicable_value")
    if comparator in ("Exists", "DoesNotExist"):
        return None
    if comparator in ("In", "NotIn"):
        if not isinstance(value, list | tuple) or not value:
            raise ValueError(f'needs a list of whole numbers as applicable_value for "{comparator}".')
        return [_whole(part) for part in value]
    return _whole(value)


def _whole(value: Any) -> int:
    try:
        if isinstance(value, bool | float) or value is None:
            raise ValueError
        return int(str(value))
    except ValueError:
        raise ValueError(f"needs a whole number as applicable_value; it is {value!r}.") from None
