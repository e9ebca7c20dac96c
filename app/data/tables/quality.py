"""Qualifications, who holds them, and every decision that was made about work or a worker."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, Column, ForeignKey, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from app.data.tables.columns import Amount, BigId, UtcDateTime


class Qualification(SQLModel, table=True):
    """Something a worker can be known for, by a name."""

    __tablename__ = "qualifications"
    qualification_id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    qualification_name: str = Field(unique=True)
    description: str | None = None
    creation_date: datetime = Field(sa_type=UtcDateTime)


class GrantedQualification(SQLModel, table=True):
    """That a worker holds a qualification, with an integer value. Granting again updates the value."""

    __tablename__ = "granted_qualifications"
    __table_args__ = (UniqueConstraint("worker_id", "qualification_id", name="uq_granted_worker_qualification"),)
    granted_qualification_id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    worker_id: int = Field(sa_column=Column(BigId, ForeignKey("workers.worker_id"), nullable=False))
    qualification_id: int = Field(
        sa_column=Column(
            BigId, ForeignKey("qualifications.qualification_id", ondelete="CASCADE"), nullable=False, index=True
        )
    )
    value: int = 1
    task_run_id: int | None = Field(default=None, sa_column=Column(BigId, ForeignKey("task_runs.task_run_id")))
    """The run that granted it, if one did (ours)."""
    update_date: datetime = Field(sa_type=UtcDateTime)
    creation_date: datetime = Field(sa_type=UtcDateTime)


class WorkerReview(SQLModel, table=True):
    """One decision of the requester; never changed.

    `status` is approved, soft_rejected, rejected, bonus, block, unblock, soft_block, grant, revoke or flag.
    """

    __tablename__ = "worker_review"
    __table_args__ = (Index("ix_worker_review_unit", "unit_id"), Index("ix_worker_review_worker", "worker_id"))
    worker_review_id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    unit_id: int | None = Field(default=None, sa_column=Column(BigId, ForeignKey("units.unit_id")))
    worker_id: int = Field(sa_column=Column(BigId, ForeignKey("workers.worker_id"), nullable=False))
    task_id: int | None = Field(default=None, sa_column=Column(BigId, ForeignKey("tasks.task_id")))
    status: str
    review_note: str | None = None
    bonus: Decimal | None = Field(default=None, sa_type=Amount)
    blocked_worker: bool = False
    updated_qualification_id: int | None = Field(default=None, sa_type=BigId)
    updated_qualification_value: int | None = None
    revoked_qualification_id: int | None = Field(default=None, sa_type=BigId)
    author: str = ""
    creation_date: datetime = Field(sa_type=UtcDateTime)


class PendingDecision(SQLModel, table=True):
    """A decision that can still be taken back: applied once `due_at` has passed, also after a crash (ours)."""

    __tablename__ = "pending_decisions"
    pending_decision_id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    batch: str = Field(index=True)
    """Decisions of one keystroke or one bulk action share a batch; undo takes back a batch."""
    unit_id: int = Field(sa_column=Column(BigId, ForeignKey("units.unit_id"), nullable=False, unique=True))
    status: str
    review_note: str | None = None
    bonus: Decimal | None = Field(default=None, sa_type=Amount)
    author: str = ""
    due_at: datetime = Field(sa_type=UtcDateTime, index=True)
    creation_date: datetime = Field(sa_type=UtcDateTime)


class UnitFlag(SQLModel, table=True):
    """A mark on a unit for a second look: put by the requester or by a rule such as "fast" (ours)."""

    __tablename__ = "unit_flags"
    __table_args__ = (UniqueConstraint("unit_id", "flag", name="uq_unit_flags_unit_flag"),)
    unit_flag_id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    unit_id: int = Field(sa_column=Column(BigId, ForeignKey("units.unit_id"), nullable=False))
    flag: str
    creation_date: datetime = Field(sa_type=UtcDateTime)


class Event(SQLModel, table=True):
    """Append-only journal: decisions, money, refusals, states of runs (ours). Secrets never stand here."""

    __tablename__ = "events"
    __table_args__ = (Index("ix_events_run", "task_run_id", "event_id"),)
    event_id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    task_run_id: int | None = Field(default=None, sa_column=Column(BigId, ForeignKey("task_runs.task_run_id")))
    kind: str
    """Dotted: run.paused, worker.refused, payment.settled, ..."""
    level: str = "info"
    """"info", "warning" or "error"."""
    message: str
    details: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    author: str = ""
    creation_date: datetime = Field(sa_type=UtcDateTime)
