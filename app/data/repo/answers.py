"""What was answered, in order and in pieces: for agreement and for exports."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from app.data.repo.core import AGENT_DATA, AGENTS, ASSIGNMENTS, PAYMENTS, REVIEWS, UNITS, WORKERS, among, one, run
from app.data.repo.live_updates import LiveUpdateRow, list_of_agents
from app.data.states import AgentStatus, PaymentKind, PaymentState

SUBMITTED = (AgentStatus.COMPLETED, AgentStatus.APPROVED, AgentStatus.SOFT_REJECTED, AgentStatus.REJECTED)
_PAID_OR_OWED = (PaymentState.INTENDED, PaymentState.SENT, PaymentState.SETTLED, PaymentState.UNKNOWN)


@dataclass(frozen=True, slots=True)
class LabelledAnswer:
    """One submission as agreement sees it. `labels` is empty for free text."""

    assignment_id: int
    worker_id: int
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExportedAnswer:
    """One submission with all that belongs to it. `bonus` is what was paid or is owed beside the pay."""

    agent_id: int
    unit_id: int
    unit_index: int
    assignment_id: int
    worker_id: int
    worker_name: str
    status: AgentStatus
    started_at: datetime | None
    submitted_at: datetime | None
    time_on_task_ms: int | None
    pay_amount: Decimal
    bonus: Decimal
    review_note: str
    answer: str
    labels: tuple[str, ...]
    inputs: Any
    outputs: Any
    metadata: Any
    files: tuple[Mapping[str, Any], ...]
    said: tuple[LiveUpdateRow, ...] = ()
    """What the page and the task said to each other, in order: conversations and remote calls."""


_OF_FIRST_ITEM = sa.select(sa.func.count()).where(
    UNITS.c.assignment_id
    == sa.select(sa.func.min(ASSIGNMENTS.c.assignment_id))
    .where(ASSIGNMENTS.c.task_run_id == sa.bindparam("run"))
    .scalar_subquery()
)


def workers_per_item(session: Session, run_id: int) -> int:
    """How many units the first item of a run has: so many workers answer it. 0 while nothing is made."""
    return int(one(session, _OF_FIRST_ITEM, {"run": run_id})[0])


def list_labelled(session: Session, run_id: int, *, latest: int | None = None) -> list[LabelledAnswer]:
    """The submissions of a run that were not rejected; `latest`: only so many, those that were handed in last.

    Screening and gold units are left out: nobody else answers them.
    """
    own = sa.select(UNITS.c.assignment_id).where(UNITS.c.task_run_id == run_id, UNITS.c.unit_index < 0)
    statement = sa.select(AGENTS.c.assignment_id, AGENTS.c.worker_id, AGENTS.c.labels).where(
        AGENTS.c.task_run_id == run_id, AGENTS.c.status.in_(SUBMITTED[:3]), AGENTS.c.assignment_id.not_in(own)
    )
    if latest is not None:
        statement = statement.where(AGENTS.c.submitted_at.is_not(None))
        statement = statement.order_by(AGENTS.c.submitted_at.desc()).limit(latest)
    return [LabelledAnswer(item, worker, tuple(labels or ())) for item, worker, labels in run(session, statement)]


def list_submitted_agents(session: Session, run_id: int) -> array[int]:
    """The ids of all agents of a run who submitted, reviewed or not, in order."""
    statement = sa.select(AGENTS.c.agent_id).where(AGENTS.c.task_run_id == run_id, AGENTS.c.status.in_(SUBMITTED))
    return array("q", sorted(row[0] for row in run(session, statement)))


def list_exported(session: Session, agent_ids: Sequence[int]) -> list[ExportedAnswer]:
    """The submissions of these agents, in order of their ids. Give a few hundred at a time: answers can be long."""
    statement = (
        sa.select(
            AGENTS.c.agent_id, AGENTS.c.unit_id, UNITS.c.unit_index, AGENTS.c.assignment_id, AGENTS.c.worker_id,
            WORKERS.c.worker_name, AGENTS.c.status, AGENTS.c.started_at, AGENTS.c.submitted_at,
            AGENTS.c.time_on_task_ms, UNITS.c.pay_amount, AGENTS.c.answer, AGENTS.c.labels, AGENT_DATA.c.inputs,
            AGENT_DATA.c.outputs, AGENT_DATA.c.metadata.label("agent_metadata"), AGENT_DATA.c.files,
        )
        .join(UNITS, UNITS.c.unit_id == AGENTS.c.unit_id)
        .join(WORKERS, WORKERS.c.worker_id == AGENTS.c.worker_id)
        .outerjoin(AGENT_DATA, AGENT_DATA.c.agent_id == AGENTS.c.agent_id)
        .where(among(AGENTS.c.agent_id, "ids"))
        .order_by(AGENTS.c.agent_id)
    )  # fmt: skip
    rows = run(session, statement, {"ids": list(agent_ids)}).all()
    units = sorted({row.unit_id for row in rows})
    bonuses, notes = _bonuses(session, units), _notes(session, units)
    said = list_of_agents(session, agent_ids)
    return [
        ExportedAnswer(
            agent_id=row.agent_id,
            unit_id=row.unit_id,
            unit_index=row.unit_index,
            assignment_id=row.assignment_id,
            worker_id=row.worker_id,
            worker_name=row.worker_name,
            status=AgentStatus(row.status),
            started_at=row.started_at,
            submitted_at=row.submitted_at,
            time_on_task_ms=row.time_on_task_ms,
            pay_amount=row.pay_amount,
            bonus=bonuses.get((row.unit_id, row.worker_id), Decimal(0)),
            review_note=notes.get((row.unit_id, row.worker_id), ""),
            answer=row.answer,
            labels=tuple(row.labels or ()),
            inputs=row.inputs,
            outputs=row.outputs,
            metadata=row.agent_metadata,
            files=tuple(row.files or ()),
            said=tuple(said.get(row.agent_id, ())),
        )
        for row in rows
    ]


def list_assignment_data(session: Session, assignment_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Assignment id -> `{"shared": ..., "unit_data": [...]}`."""
    statement = sa.select(ASSIGNMENTS.c.assignment_id, ASSIGNMENTS.c.data).where(
        among(ASSIGNMENTS.c.assignment_id, "ids")
    )
    return {row.assignment_id: row.data for row in run(session, statement, {"ids": list(assignment_ids)})}


def _bonuses(session: Session, unit_ids: Sequence[int]) -> dict[tuple[int, int], Decimal]:
    statement = sa.select(PAYMENTS.c.unit_id, PAYMENTS.c.worker_id, PAYMENTS.c.amount).where(
        among(PAYMENTS.c.unit_id, "ids"), PAYMENTS.c.kind == PaymentKind.BONUS, PAYMENTS.c.state.in_(_PAID_OR_OWED)
    )
    sums: dict[tuple[int, int], Decimal] = {}
    for unit_id, worker_id, amount in run(session, statement, {"ids": unit_ids}):
        sums[unit_id, worker_id] = sums.get((unit_id, worker_id), Decimal(0)) + amount
    return sums


def _notes(session: Session, unit_ids: Sequence[int]) -> dict[tuple[int, int], str]:
    """The note of the last decision about each submission."""
    statement = (
        sa.select(REVIEWS.c.unit_id, REVIEWS.c.worker_id, REVIEWS.c.review_note)
        .where(among(REVIEWS.c.unit_id, "ids"), REVIEWS.c.status.in_([status.value for status in SUBMITTED[1:]]))
        .order_by(REVIEWS.c.worker_review_id)
    )
    return {(unit, worker): note or "" for unit, worker, note in run(session, statement, {"ids": unit_ids})}
