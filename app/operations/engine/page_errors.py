"""What pages report and what packets break: into the journal, as far as a person could want to read it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from app.data.repo.core import clean_text
from app.data.repo.journal import NewEvent
from app.operations.engine.run_context import RunContext

PER_MINUTE = 30
LONGEST_DETAIL = 4_000


class PageErrors:
    """The faults of one run's pages, at most `PER_MINUTE` of them a minute, the others counted."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._due: list[NewEvent] = []
        self._minute: datetime | None = None
        self._written = 0
        self._left_out = 0

    def add(self, kind: str, message: str, details: Mapping[str, Any]) -> None:
        """Keep a fault for the journal."""
        now = self._context.clock.now()
        self._turn_minute(now)
        if self._written >= PER_MINUTE:
            self._left_out += 1
            return
        self._written += 1
        kept = {key: _short(value) for key, value in details.items()}
        self._due.append(NewEvent(kind, "warning", clean_text(message, 1_000), kept, now))

    def take_due(self) -> list[NewEvent]:
        """The events to write now."""
        self._turn_minute(self._context.clock.now())
        due, self._due = self._due, []
        return due

    def _turn_minute(self, now: datetime) -> None:
        if self._minute is not None and now - self._minute < timedelta(minutes=1):
            return
        if self._left_out:
            message = f"{self._left_out} more faults of pages were reported within a minute."
            self._due.append(NewEvent("page.errors", "warning", message, {"count": self._left_out}, now))
        self._minute, self._written, self._left_out = now, 0, 0


def _short(value: Any) -> Any:
    if isinstance(value, bool | int | float) or value is None:
        return value
    return clean_text(value if isinstance(value, str) else str(value), LONGEST_DETAIL)
