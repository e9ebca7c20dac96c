"""Workers, the agents they become, what the agents were shown and said."""

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
    AGENT_DATA,
    AGENTS,
    PAYMENTS,
    REVIEWS,
    RUNS,
    TASKS,
    UNITS,
    WORKERS,
    add,
    clean_text,
    filled,
    missing,
    one,
    run,
)
from app.data.states import AgentStatus, PaymentKind, PaymentState, UnitStatus

P = sa.bindparam


@dataclass(frozen=True)
class AgentRow:
    """An agent, its worker and its unit."""

    agent_id: int
    worker_id: int
    worker_name: str
    unit_id: int
    unit_index: int
    assignment_id: int
    task_id: int
    task_run_id: int
    status: AgentStatus
    registration_id: str
    nonce: str
    token_hash: str
    started_at: datetime | None
    submitted_at: datetime | None
    pay_amount: Decimal
    left_reason: str
    holds_unit: bool
    """The unit is still this agent's."""


@dataclass(frozen=True)
class SubmissionRow:
    """One piece of work as its worker may see it."""

    when: datetime
    unit_status: UnitStatus
    agent_status: AgentStatus
    note: str | None
    pay: Decimal
    bonus: Decimal
    currency: str
    unit_id: int
    task_name: str


@dataclass(frozen=True)
class WorkerRow:
    """A worker."""

    worker_id: int
    worker_name: str
    provider_type: str
    visitor: str | None
    last_seen_at: datetime | None
    creation_date: datetime


# -- workers ----------------------------------------------------------------------------------------------------------

_SEE = (
    sa.update(WORKERS)
    .where(WORKERS.c.worker_name == P("name"), WORKERS.c.provider_type == P("provider"))
    .values(last_seen_at=P("now"))
    .returning(WORKERS.c.worker_id)
)
_WORKER_ROW = sa.select(*(WORKERS.c[name] for name in WorkerRow.__dataclass_fields__))


def get_or_create_worker(session: Session, worker_name: str, provider_type: str, now: datetime) -> int:
    """The worker of that name at that provider; seen now. `InvalidEntry` for an empty or overlong name."""
    name = filled("worker_name", worker_name)
    seen = one(session, _SEE, {"name": name, "provider": provider_type, "now": now})
    if seen is not None:
        return int(seen[0])
    values = {"worker_name": name, "provider_type": provider_type, "creation_date": now, "last_seen_at": now}
    worker_id = add(session, WORKERS, values)
    announce(session, "workers", (worker_id,))
    return worker_id


def find_worker(session: Session, worker_name: str, provider_type: str) -> int | None:
    """The id of a worker by name, or None."""
    where = (WORKERS.c.worker_name == clean_text(worker_name).strip()) & (WORKERS.c.provider_type == provider_type)
    row = one(session, sa.select(WORKERS.c.worker_id).where(where))
    return None if row is None else int(row[0])


def get_worker(session: Session, worker_id: int) -> WorkerRow:
    """A worker by id."""
    row = one(session, _WORKER_ROW.where(WORKERS.c.worker_id == worker_id))
    if row is None:
        raise missing("worker", worker_id)
    return WorkerRow(*row)


def bind_visitor(session: Session, worker_id: int, visitor: str, now: datetime) -> bool:
    """Give an open link's name to its first visitor. False: the name belongs to another, or a personal link's."""
    nobodys = (WORKERS.c.worker_id == worker_id) & WORKERS.c.visitor.is_(None)
    if get_worker(session, worker_id).visitor is None:
        run(session, sa.update(WORKERS).where(nobodys).values(visitor=clean_text(visitor, 200)))
        announce(session, "workers", (worker_id,))
        return True
    return get_worker(session, worker_id).visitor == clean_text(visitor, 200)


# -- agents -----------------------------------------------------------------------------------------------------------

_AGENT_ROW = (
    sa.select(
        AGENTS.c.agent_id, AGENTS.c.worker_id, WORKERS.c.worker_name, AGENTS.c.unit_id, UNITS.c.unit_index,
        AGENTS.c.assignment_id, AGENTS.c.task_id, AGENTS.c.task_run_id, AGENTS.c.status, AGENTS.c.registration_id,
        AGENTS.c.nonce, AGENTS.c.token_hash, AGENTS.c.started_at, AGENTS.c.submitted_at, UNITS.c.pay_amount,
        AGENTS.c.left_reason, (sa.func.coalesce(UNITS.c.agent_id, 0) == AGENTS.c.agent_id).label("holds_unit"),
    )
    .join(UNITS, UNITS.c.unit_id == AGENTS.c.unit_id)
    .join(WORKERS, WORKERS.c.worker_id == AGENTS.c.worker_id)
)  # fmt: skip
_BY_ID = _AGENT_ROW.where(AGENTS.c.agent_id == P("agent"))


def get_agent(session: Session, agent_id: int) -> AgentRow:
    """An agent by id."""
    row = one(session, _BY_ID, {"agent": agent_id})
    if row is None:
        raise missing("agent", agent_id)
    return _agent_row(row)


def _agent_row(row: Any) -> AgentRow:
    return AgentRow(**{**row._mapping, "status": AgentStatus(row.status), "holds_unit": bool(row.holds_unit)})


def record_metadata(session: Session, agent_id: int, metadata: Any) -> None:
    """Tips, feedback, the worker's opinion, in place of what was there. `EntryDoesNotExist` before it has inputs."""
    kept = sa.update(AGENT_DATA).where(AGENT_DATA.c.agent_id == agent_id).values(metadata=metadata)
    if not run(session, kept).rowcount:
        raise missing("agent", agent_id)


@dataclass(frozen=True)
class AgentDataRow:
    """What an agent was shown and answered."""

    inputs: Any
    outputs: Any
    metadata: Any
    files: Sequence[Mapping[str, Any]] = field(default_factory=tuple)


def get_agent_data(session: Session, agent_id: int) -> AgentDataRow:
    """What an agent was shown and answered; all None when nothing was recorded yet."""
    columns = (AGENT_DATA.c.inputs, AGENT_DATA.c.outputs, AGENT_DATA.c.metadata, AGENT_DATA.c.files)
    row = one(session, sa.select(*columns).where(AGENT_DATA.c.agent_id == agent_id))
    return AgentDataRow(None, None, None) if row is None else AgentDataRow(row[0], row[1], row[2], row[3] or ())


# -- what a worker has done -------------------------------------------------------------------------------------------

_VOID = (PaymentState.FAILED, PaymentState.CANCELLED)


def list_submissions_of_worker(
    session: Session, worker_id: int, *, task_run_id: int | None = None, task_id: int | None = None, limit: int = 20
) -> list[SubmissionRow]:
    """The worker's work, newest first, in a run or a task or anywhere: its state, the note beside the last verdict."""
    note = (
        sa.select(REVIEWS.c.review_note)
        .where(REVIEWS.c.unit_id == AGENTS.c.unit_id, REVIEWS.c.worker_id == AGENTS.c.worker_id)
        .where(REVIEWS.c.status.in_([AgentStatus.APPROVED, AgentStatus.SOFT_REJECTED, AgentStatus.REJECTED]))
        .order_by(REVIEWS.c.worker_review_id.desc())
        .limit(1)
        .scalar_subquery()
    )
    statement = (
        sa.select(AGENTS.c.submitted_at, UNITS.c.status, AGENTS.c.status, note, UNITS.c.pay_amount, RUNS.c.currency)
        .add_columns(AGENTS.c.unit_id, TASKS.c.task_name)
        .join(TASKS, TASKS.c.task_id == AGENTS.c.task_id)
        .join(UNITS, UNITS.c.unit_id == AGENTS.c.unit_id)
        .join(RUNS, RUNS.c.task_run_id == AGENTS.c.task_run_id)
        .where(AGENTS.c.worker_id == worker_id, AGENTS.c.submitted_at.is_not(None))
        .order_by(AGENTS.c.submitted_at.desc(), AGENTS.c.agent_id.desc())
        .limit(limit)
    )
    if task_run_id is not None:
        statement = statement.where(AGENTS.c.task_run_id == task_run_id)
    if task_id is not None:
        statement = statement.where(AGENTS.c.task_id == task_id)
    rows = run(session, statement).all()
    bonuses = _bonuses(session, worker_id, [row.unit_id for row in rows])
    return [
        SubmissionRow(r[0], UnitStatus(r[1]), AgentStatus(r[2]), r[3], r[4], bonuses.get(r.unit_id, Decimal(0)), *r[5:])
        for r in rows
    ]


def _bonuses(session: Session, worker_id: int, unit_ids: Sequence[int]) -> dict[int, Decimal]:
    statement = sa.select(PAYMENTS.c.unit_id, PAYMENTS.c.amount).where(
        PAYMENTS.c.worker_id == worker_id,
        PAYMENTS.c.unit_id.in_(unit_ids),
        PAYMENTS.c.kind == PaymentKind.BONUS,
        PAYMENTS.c.state.not_in(_VOID),
    )
    sums: dict[int, Decimal] = {}
    for unit_id, amount in run(session, statement):
        sums[unit_id] = sums.get(unit_id, Decimal(0)) + amount
    return sums
