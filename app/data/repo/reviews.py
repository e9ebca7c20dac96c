"""Decisions about work and workers that were made, those that can still be taken back, and marks on units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from app.data.changes import announce
from app.data.repo.core import (
    COUNTED,
    FLAGS,
    PENDING,
    REVIEWS,
    TASKS,
    UNITS,
    WORKERS,
    among,
    filled,
    insert_of,
    one,
    run,
)
from app.data.states import AgentStatus


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


# -- made -------------------------------------------------------------------------------------------------------------

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


# -- pending ----------------------------------------------------------------------------------------------------------

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


# -- marks for a second look ------------------------------------------------------------------------------------------


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


def _announce_flags(session: Session, unit_ids: Sequence[int]) -> None:
    announce(session, "unit_flags", None)
    announce(session, "units", unit_ids if len(unit_ids) <= 500 else None)
