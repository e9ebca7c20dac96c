"""The ledger, and the providers' own ids of our rows."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import Column, ForeignKey, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from app.data.states import PaymentState
from app.data.tables.columns import Amount, BigId, UtcDateTime


class Payment(SQLModel, table=True):
    """One amount owed to one worker. Written before the provider is called; its key makes a second one impossible."""

    __tablename__ = "payments"
    __table_args__ = (
        Index("ix_payments_run_amount", "task_run_id", "kind", "state", "currency", "amount", "fee"),
        Index("ix_payments_worker", "worker_id"),
        Index("ix_payments_unit", "unit_id"),
        Index("ix_payments_state", "state"),
        Index(
            "ix_payments_due_at",
            "due_at",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
    )
    payment_id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    idempotency_key: str = Field(unique=True)
    """Deterministic: "approval:<unit_id>:<agent_id>", "bonus:<worker_id>:<request id>"."""
    kind: str
    worker_id: int = Field(sa_column=Column(BigId, ForeignKey("workers.worker_id"), nullable=False))
    unit_id: int | None = Field(default=None, sa_column=Column(BigId, ForeignKey("units.unit_id")))
    task_run_id: int | None = Field(default=None, sa_column=Column(BigId, ForeignKey("task_runs.task_run_id")))
    provider_type: str
    amount: Decimal = Field(sa_type=Amount)
    fee: Decimal = Field(default=Decimal(0), sa_type=Amount)
    currency: str
    state: str = PaymentState.INTENDED
    reason: str = ""
    """What the worker reads beside a bonus."""
    error: str = ""
    """What the provider said last, when it failed."""
    attempts: int = 0
    settled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    due_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """Until when an intended payment can be taken back and is not sent; None once it may be (ours)."""
    author: str = ""
    creation_date: datetime = Field(sa_type=UtcDateTime)


class ExternalRef(SQLModel, table=True):
    """A provider's own id of one of our rows."""

    __tablename__ = "external_refs"
    __table_args__ = (
        UniqueConstraint("provider_type", "table_name", "row_id", "name", name="uq_external_refs_row"),
        Index("ix_external_refs_external", "provider_type", "name", "external_id"),
    )
    external_ref_id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    provider_type: str
    table_name: str
    row_id: int = Field(sa_type=BigId)
    name: str
    """What kind of id: hit_id, study_id, submission_id, payment_id, ..."""
    external_id: str
    creation_date: datetime = Field(sa_type=UtcDateTime)
