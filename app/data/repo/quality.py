"""Qualifications and who holds them, decisions made and pending, flags, and the journal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from app.data.changes import announce
from app.data.repo.core import (
    COUNTED,
    EVENTS,
    FLAGS,
    GRANTS,
    PENDING,
    QUALIFICATIONS,
    REVIEWS,
    TASKS,
    UNITS,
    WORKERS,
    add,
    among,
    clean_text,
    filled,
    insert_of,
    missing,
    one,
    run,
)
from app.data.states import AgentStatus
from app.errors import EntryAlreadyExists, InvalidEntry

P = sa.bindparam
_BIGGEST_VALUE = 2**31 - 1


@dataclass(frozen=True)
class QualificationRow:
    """A qualification and how many hold it."""

    qualification_id: int
    qualification_name: str
    description: str | None
    creation_date: datetime
    holders: int


@dataclass(frozen=True)
class GrantRow:
    """That a worker holds a qualification."""

    granted_qualification_id: int
    worker_id: int
    worker_name: str
    provider_type: str
    qualification_id: int
    qualification_name: str
    value: int
    task_run_id: int | None
    update_date: datetime


@dataclass(frozen=True)
class NewReview:
    """One decision, as it is written down. `status`: approved, soft_rejected, rejected, bonus, block, unblock, ..."""

    worker_id: int
    status: str
    unit_id: int | None = None
    task_id: int | None = None
    review_note: str | None = None
    bonus: Decimal | None = None
    blocked_worker: bool = False
    updated_qualification_id: int | None = None
    updated_qualification_value: int | None = None
    revoked_qualification_id: int | None = None
    author: str = ""


@dataclass(frozen=True)
class ReviewRow:
    """A decision that was made."""

    worker_review_id: int
    unit_id: int | None
    worker_id: int
    worker_name: str
    task_id: int | None
    task_name: str | None
    status: str
    review_note: str | None
    bonus: Decimal | None
    author: str
    creation_date: datetime


@dataclass(frozen=True)
class PendingRow:
    """A decision that can still be taken back."""

    pending_decision_id: int
    batch: str
    unit_id: int
    status: AgentStatus
    review_note: str | None
    bonus: Decimal | None
    author: str
    due_at: datetime


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


# -- qualifications ---------------------------------------------------------------------------------------------------

_QUALIFICATION = sa.select(
    QUALIFICATIONS.c.qualification_id,
    QUALIFICATIONS.c.qualification_name,
    QUALIFICATIONS.c.description,
    QUALIFICATIONS.c.creation_date,
    sa.select(sa.func.count())
    .where(GRANTS.c.qualification_id == QUALIFICATIONS.c.qualification_id)
    .scalar_subquery()
    .label("holders"),
)


def create_qualification(session: Session, name: str, description: str | None, now: datetime) -> int:
    """Make a qualification. `EntryAlreadyExists` for a name that is there, `InvalidEntry` for an empty one."""
    name = filled("qualification_name", name)
    if find_qualification(session, name) is not None:
        raise EntryAlreadyExists(f"There is a qualification named {name!r} already.")
    values = {"qualification_name": name, "description": description, "creation_date": now}
    made = add(session, QUALIFICATIONS, values)
    announce(session, "qualifications", (made,))
    return made


def find_qualification(session: Session, name: str) -> QualificationRow | None:
    """A qualification by name."""
    row = one(session, _QUALIFICATION.where(QUALIFICATIONS.c.qualification_name == clean_text(name).strip()))
    return None if row is None else QualificationRow(*row)


def get_or_create_qualification(session: Session, name: str, now: datetime) -> int:
    """The id of the qualification of that name."""
    found = find_qualification(session, name)
    return create_qualification(session, name, None, now) if found is None else found.qualification_id


def get_qualification(session: Session, qualification_id: int) -> QualificationRow:
    """A qualification by id."""
    row = one(session, _QUALIFICATION.where(QUALIFICATIONS.c.qualification_id == qualification_id))
    if row is None:
        raise missing("qualification", qualification_id)
    return QualificationRow(*row)


def describe_qualification(session: Session, qualification_id: int, description: str) -> None:
    """Change the description of a qualification; an empty one is none. `EntryDoesNotExist`."""
    where = QUALIFICATIONS.c.qualification_id == qualification_id
    words = clean_text(description, 2000).strip() or None
    if not run(session, sa.update(QUALIFICATIONS).where(where).values(description=words)).rowcount:
        raise missing("qualification", qualification_id)
    announce(session, "qualifications", (qualification_id,))


def delete_qualification(session: Session, qualification_id: int) -> int:
    """Delete a qualification and its grants; returns how many grants that were."""
    row = get_qualification(session, qualification_id)
    run(session, sa.delete(GRANTS).where(GRANTS.c.qualification_id == qualification_id))
    run(session, sa.delete(QUALIFICATIONS).where(QUALIFICATIONS.c.qualification_id == qualification_id))
    announce(session, "qualifications", (qualification_id,))
    announce(session, "granted_qualifications", None)
    return row.holders


def grant(
    session: Session, worker_id: int, qualification_id: int, value: int, task_run_id: int | None, now: datetime
) -> int:
    """Grant a qualification, or give the one that is held another value. Returns the grant's id."""
    if not -_BIGGEST_VALUE <= value <= _BIGGEST_VALUE:
        raise InvalidEntry("value", "it must be a whole number of at most 31 bits")
    held = (GRANTS.c.worker_id == worker_id) & (GRANTS.c.qualification_id == qualification_id)
    changed = one(
        session,
        sa.update(GRANTS)
        .where(held)
        .values(value=value, task_run_id=task_run_id, update_date=now)
        .returning(GRANTS.c.granted_qualification_id),
    )
    if changed is None:
        values = {
            "worker_id": worker_id, "qualification_id": qualification_id, "value": value, "task_run_id": task_run_id,
            "update_date": now, "creation_date": now,
        }  # fmt: skip
        made = add(session, GRANTS, values)
    else:
        made = int(changed[0])
    announce(session, "granted_qualifications", (made,))
    announce(session, "workers", (worker_id,))
    return made


def revoke(session: Session, worker_id: int, qualification_id: int) -> bool:
    """Take a qualification from a worker. False when the worker does not hold it."""
    held = (GRANTS.c.worker_id == worker_id) & (GRANTS.c.qualification_id == qualification_id)
    if not run(session, sa.delete(GRANTS).where(held)).rowcount:
        return False
    announce(session, "granted_qualifications", None)
    announce(session, "workers", (worker_id,))
    return True


def list_grants(
    session: Session, *, worker_id: int | None = None, qualification_id: int | None = None
) -> list[GrantRow]:
    """Who holds what, by qualification and worker."""
    statement = (
        sa.select(
            GRANTS.c.granted_qualification_id, GRANTS.c.worker_id, WORKERS.c.worker_name, WORKERS.c.provider_type,
            GRANTS.c.qualification_id, QUALIFICATIONS.c.qualification_name, GRANTS.c.value, GRANTS.c.task_run_id,
            GRANTS.c.update_date,
        )
        .join(WORKERS, WORKERS.c.worker_id == GRANTS.c.worker_id)
        .join(QUALIFICATIONS, QUALIFICATIONS.c.qualification_id == GRANTS.c.qualification_id)
        .order_by(QUALIFICATIONS.c.qualification_name, WORKERS.c.worker_name)
    )  # fmt: skip
    if worker_id is not None:
        statement = statement.where(GRANTS.c.worker_id == worker_id)
    if qualification_id is not None:
        statement = statement.where(GRANTS.c.qualification_id == qualification_id)
    return [GrantRow(*row) for row in run(session, statement)]


# -- decisions --------------------------------------------------------------------------------------------------------

_REVIEW_COLUMNS = tuple(NewReview.__dataclass_fields__)
_ADD_REVIEWS = insert_of("worker_review", *_REVIEW_COLUMNS, "creation_date")


def add_reviews(session: Session, reviews: Sequence[NewReview], now: datetime) -> None:
    """Write decisions down, any number in one statement."""
    rows = [{**{name: getattr(r, name) for name in _REVIEW_COLUMNS}, "creation_date": now} for r in reviews]
    if rows:
        run(session, _ADD_REVIEWS, rows)
        announce(session, "worker_review", None)


def list_reviews(
    session: Session, *, unit_id: int | None = None, worker_id: int | None = None, limit: int = 200
) -> list[ReviewRow]:
    """Decisions about a unit or a worker, newest first."""
    statement = (
        sa.select(
            REVIEWS.c.worker_review_id, REVIEWS.c.unit_id, REVIEWS.c.worker_id, WORKERS.c.worker_name,
            REVIEWS.c.task_id, TASKS.c.task_name, REVIEWS.c.status, REVIEWS.c.review_note, REVIEWS.c.bonus,
            REVIEWS.c.author, REVIEWS.c.creation_date,
        )
        .join(WORKERS, WORKERS.c.worker_id == REVIEWS.c.worker_id)
        .outerjoin(TASKS, TASKS.c.task_id == REVIEWS.c.task_id)
        .order_by(REVIEWS.c.worker_review_id.desc())
        .limit(limit)
    )  # fmt: skip
    if unit_id is not None:
        statement = statement.where(REVIEWS.c.unit_id == unit_id)
    if worker_id is not None:
        statement = statement.where(REVIEWS.c.worker_id == worker_id)
    return [ReviewRow(*row) for row in run(session, statement)]


_ADD_PENDING = insert_of(
    "pending_decisions", "batch", "unit_id", "status", "review_note", "bonus", "author", "due_at", "creation_date"
)
_PENDING_ROW = sa.select(*(PENDING.c[name] for name in PendingRow.__dataclass_fields__))


def add_pending(
    session: Session, batch: str, unit_ids: Sequence[int], status: AgentStatus, *, review_note: str | None,
    bonus: Decimal | None, author: str, due_at: datetime, now: datetime,
) -> int:  # fmt: skip
    """Keep a decision about units until it is due; one that a unit has already is replaced. Returns how many."""
    ids = list(dict.fromkeys(unit_ids))
    if not ids:
        return 0
    run(session, sa.delete(PENDING).where(among(PENDING.c.unit_id, "ids")), {"ids": ids})
    shared = {
        "batch": batch, "status": status, "review_note": review_note, "bonus": bonus, "author": author,
        "due_at": due_at, "creation_date": now,
    }  # fmt: skip
    run(session, _ADD_PENDING, [{**shared, "unit_id": unit_id} for unit_id in ids])
    _announce_pending(session, ids)
    return len(ids)


def remove_pending(session: Session, batch: str) -> list[PendingRow]:
    """Take the decisions of a batch back, or out to be applied; returns those that were still there."""
    rows = [_pending_row(row) for row in run(session, _PENDING_ROW.where(PENDING.c.batch == batch))]
    run(session, sa.delete(PENDING).where(PENDING.c.batch == batch))
    _announce_pending(session, [row.unit_id for row in rows])
    return rows


def remove_pending_of_units(session: Session, unit_ids: Sequence[int]) -> int:
    """Take back what is pending about these units."""
    gone = run(session, sa.delete(PENDING).where(among(PENDING.c.unit_id, "ids")), {"ids": unit_ids}).rowcount
    _announce_pending(session, unit_ids)
    return gone


def due_pending(session: Session, now: datetime, limit: int | None = None) -> list[PendingRow]:
    """Decisions whose time to be taken back is over, oldest first."""
    statement = _PENDING_ROW.where(PENDING.c.due_at <= now).order_by(PENDING.c.due_at, PENDING.c.pending_decision_id)
    return [_pending_row(row) for row in run(session, statement.limit(limit) if limit is not None else statement)]


def next_due(session: Session) -> datetime | None:
    """When the next pending decision is due."""
    row = one(session, sa.select(PENDING.c.due_at).order_by(PENDING.c.due_at).limit(1))
    return None if row is None else row[0]


def list_pending(session: Session, batch: str | None = None) -> list[PendingRow]:
    """Pending decisions, of a batch or all."""
    statement = _PENDING_ROW.order_by(PENDING.c.pending_decision_id)
    return [
        _pending_row(r) for r in run(session, statement if batch is None else statement.where(PENDING.c.batch == batch))
    ]


def _pending_row(row: Any) -> PendingRow:
    return PendingRow(**{**row._mapping, "status": AgentStatus(row.status)})


def _announce_pending(session: Session, unit_ids: Sequence[int]) -> None:
    announce(session, "pending_decisions", None)
    announce(session, "units", unit_ids if len(unit_ids) <= 500 else None)


# -- flags ------------------------------------------------------------------------------------------------------------


def add_flag(session: Session, unit_ids: Sequence[int], flag: str, now: datetime) -> int:
    """Mark units; those that carry the flag already keep it. Returns how many were newly marked."""
    flag = filled("flag", flag, 60)
    marked = sa.select(FLAGS.c.unit_id).where(FLAGS.c.flag == flag)
    fresh = sa.select(UNITS.c.unit_id, sa.literal(flag), sa.literal(now, FLAGS.c.creation_date.type))
    fresh = fresh.where(among(UNITS.c.unit_id, "ids"), UNITS.c.unit_id.not_in(marked))
    insert = sa.insert(FLAGS).from_select(["unit_id", "flag", "creation_date"], fresh).execution_options(**COUNTED)
    made = run(session, insert, {"ids": unit_ids}).rowcount
    _announce_flags(session, unit_ids)
    return made


def remove_flag(session: Session, unit_ids: Sequence[int], flag: str) -> int:
    """Take a mark from units. Returns how many carried it."""
    where = among(FLAGS.c.unit_id, "ids") & (FLAGS.c.flag == flag)
    gone = run(session, sa.delete(FLAGS).where(where), {"ids": unit_ids}).rowcount
    _announce_flags(session, unit_ids)
    return gone


def list_flags(session: Session, unit_ids: Sequence[int]) -> dict[int, list[str]]:
    """The marks of units; only of those that carry one."""
    statement = sa.select(FLAGS.c.unit_id, FLAGS.c.flag).where(among(FLAGS.c.unit_id, "ids")).order_by(FLAGS.c.flag)
    found: dict[int, list[str]] = {}
    for unit_id, flag in run(session, statement, {"ids": unit_ids}):
        found.setdefault(unit_id, []).append(flag)
    return found


def _announce_flags(session: Session, unit_ids: Sequence[int]) -> None:
    announce(session, "unit_flags", None)
    announce(session, "units", unit_ids if len(unit_ids) <= 500 else None)


# -- the journal ------------------------------------------------------------------------------------------------------

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
