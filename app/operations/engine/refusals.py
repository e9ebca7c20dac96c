"""Refused workers: counted all, journalled as far as a person could want to read it."""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from app.blueprints.gates import Refuse
from app.clock import Clock
from app.data.repo.journal import NewEvent

SAME_SECONDS = 60.0
"""The same worker refused for the same reason is written down once in so long."""
PER_MINUTE = 60
"""Events of refusals in a minute; more are counted, and the count is written down at the minute's end."""
REMEMBERED = 10_000


@dataclass
class RefusalLog:
    """The refusals of one run."""

    clock: Clock
    counts: Counter[str] = field(default_factory=Counter)
    """code -> how often, since the program has run this run."""
    _due: list[NewEvent] = field(default_factory=list)
    _last: OrderedDict[tuple[str, str], datetime] = field(default_factory=OrderedDict)
    _minute: datetime | None = None
    _written: int = 0
    _left_out: Counter[str] = field(default_factory=Counter)

    def add(self, worker_name: str, verdict: Refuse) -> None:
        """Count a refusal; keep it for the journal unless there are too many."""
        now = self.clock.now()
        self.counts[verdict.code] += 1
        self._turn_minute(now)
        key = (worker_name, verdict.code)
        before = self._last.get(key)
        if before is not None and now - before < timedelta(seconds=SAME_SECONDS):
            return
        if self._written >= PER_MINUTE:
            self._left_out[verdict.code] += 1
            return
        self._last[key] = now
        self._last.move_to_end(key)
        while len(self._last) > REMEMBERED:
            self._last.popitem(last=False)
        self._written += 1
        details: dict[str, Any] = {"code": verdict.code, "worker_name": worker_name, **verdict.details}
        self._due.append(NewEvent("worker.refused", "info", f"{worker_name}: {verdict.reason}", details, now))

    def take_due(self) -> list[NewEvent]:
        """The events to write now."""
        self._turn_minute(self.clock.now())
        due, self._due = self._due, []
        return due

    def _turn_minute(self, now: datetime) -> None:
        if self._minute is not None and now - self._minute < timedelta(minutes=1):
            return
        if self._left_out:
            total = sum(self._left_out.values())
            message = f"{total} more workers were refused within a minute."
            self._due.append(NewEvent("worker.refused_many", "warning", message, dict(self._left_out), now))
        self._minute, self._written = now, 0
        self._left_out.clear()
