"""The words of a table's cell, by the kind of its column. Raw values never leave the model as `repr`."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from app.viewmodels import formats


def text_of(value: Any, kind: str) -> str:
    """A value as the table shows and copies it. Money is a `Decimal` or a (`Decimal`, currency) pair."""
    if value is None or value == "":
        return "" if kind == "text" or (kind == "status" and value == "") else formats.NOTHING
    if kind == "status":
        return str(value).replace("_", "-")
    if kind == "bool":
        return "yes" if value else "no"
    if kind == "money":
        return formats.money(*value) if isinstance(value, tuple) else formats.money(_exact(value))
    if isinstance(value, timedelta) or kind == "duration":
        return formats.duration(value)
    if isinstance(value, datetime):
        return formats.ago(value) if kind == "ago" else formats.clock_time(value)
    if kind == "percent":
        return formats.percent(float(value))
    if kind == "number" and isinstance(value, int):
        return formats.digits(value)
    return str(value)


def file_text_of(value: Any) -> str:
    """A value as a file keeps it: exact, ISO 8601 moments, seconds, no grouping."""
    if value is None:
        return ""
    if isinstance(value, tuple):
        return " ".join(file_text_of(part) for part in value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return f"{value.total_seconds():g}"
    return str(value)


def _exact(value: Any) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(str(value))
