"""One row of the requester's data: plain values that JSON and every database can hold, and where it came from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.blueprints.base import RowError


@dataclass(frozen=True, slots=True)
class Row:
    """One usable row. `line` is 1-based in `source` (the position, for rows that come from no file)."""

    source: str
    line: int
    values: dict[str, Any]


def make_row(source: str, line: int, values: Any) -> Row | RowError:
    """A row of plain values, or why it is none. Keys must be texts, values what JSON and a database can hold."""
    if not isinstance(values, Mapping):
        return RowError(source, line, f"is {_kind_of(values)}, not a set of named values.")
    if not values:
        return RowError(source, line, "is empty.")
    plain: dict[str, Any] = {}
    for key, value in values.items():
        if not isinstance(key, str) or not key.strip():
            return RowError(source, line, f"has a field whose name is {key!r}; names are texts.")
        plain[key] = value
    fault = json_fault(plain)
    return Row(source, line, plain) if fault is None else RowError(source, line, fault)


def json_fault(value: Any) -> str | None:
    """Why a value cannot be kept as JSON in any database, or None when it can."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode("utf-8")
    except UnicodeEncodeError:
        return "holds characters that are no Unicode text."
    except (TypeError, ValueError, RecursionError) as error:
        return f"holds a value that cannot be kept as JSON ({error})."
    if "\\u0000" in text and _has_zero(value):
        return "holds a zero character, which no database keeps."
    return None


def _has_zero(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, Mapping):
        return any(_has_zero(key) or _has_zero(item) for key, item in value.items())
    if isinstance(value, list | tuple):
        return any(_has_zero(item) for item in value)
    return False


def _kind_of(value: Any) -> str:
    names = {str: "a text", list: "a list", tuple: "a list", bool: "true or false", type(None): "nothing"}
    return names.get(type(value), "a number" if isinstance(value, int | float) else f"a {type(value).__name__}")
