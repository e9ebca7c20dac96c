"""The journal: what happened to runs, workers, work and money, in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from app.data.changes import announce
from app.data.repo.core import (
    EVENTS,
    clean_text,
    insert_of,
    run,
)


@dataclass(frozen=True)
class NewEvent:
    """An entry for the journal. No secrets."""

    kind: str
    level: str
    message: str
    details: Mapping[str, Any] = field(default_factory=dict)
    now: datetime | None = None
    """When it happened; None: when it is written."""
    author: str = ""


@dataclass(frozen=True)
class EventRow:
    """An entry of the journal."""

    event_id: int
    task_run_id: int | None
    kind: str
    level: str
    message: str
    details: Mapping[str, Any]
    author: str
    creation_date: datetime


_ADD_EVENTS = insert_of("events", "task_run_id", "kind", "level", "message", "details", "author", "creation_date")


def add_event(
    session: Session, run_id: int | None, kind: str, level: str, message: str, details: Mapping[str, Any],
    author: str, now: datetime,
) -> None:  # fmt: skip
    """Write one entry into the journal."""
    add_events(session, run_id, [NewEvent(kind, level, message, details, now, author)], now)


def add_events(session: Session, run_id: int | None, events: Sequence[NewEvent], now: datetime) -> None:
    """Write entries into the journal, in their order."""
    rows = [
        {
            "task_run_id": run_id, "kind": event.kind, "level": event.level, "message": clean_text(event.message, 2000),
            "details": dict(event.details), "author": event.author, "creation_date": event.now or now,
        }
        for event in events
    ]  # fmt: skip
    if rows:
        run(session, _ADD_EVENTS, rows)
        announce(session, "events", None)


def list_events(
    session: Session, run_id: int | None = None, after: int = 0, limit: int = 200, kinds: Sequence[str] | None = None
) -> list[EventRow]:
    """Entries of a run (None: of all), oldest first, behind the id `after`."""
    statement = sa.select(*(EVENTS.c[name] for name in EventRow.__dataclass_fields__)).where(EVENTS.c.event_id > after)
    if run_id is not None:
        statement = statement.where(EVENTS.c.task_run_id == run_id)
    if kinds is not None:
        statement = statement.where(EVENTS.c.kind.in_(kinds))
    return [EventRow(*row) for row in run(session, statement.order_by(EVENTS.c.event_id).limit(limit))]
