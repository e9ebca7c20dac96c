"""What decisions are made from: which units wait for one, where they stand, what a rule may go by."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import sqlalchemy as sa
from sqlmodel import Session

from app.data.repo.core import AGENTS, FLAGS, PENDING, REFS, REVIEWS, RUNS, UNITS, WORKERS, among, run
from app.data.states import AgentStatus, UnitStatus

REJECTION_TOLD = "rejection_told"
"""The reference that says a provider has heard of a rejection."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a unit stands, as far as a decision about it goes."""

    unit_id: int
    status: UnitStatus
    worker_id: int | None
    task_run_id: int
    provider_type: str
    pay_amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class RuleFacts:
    """What a rule sees of a unit that waits for a decision."""

    unit_id: int
    assignment_id: int
    worker_id: int
    answer: str
    labels: tuple[str, ...]
    seconds: float | None
    flagged: bool


@dataclass(frozen=True, slots=True)
class UntoldRejection:
    """A rejection that the provider was not told of yet."""

    agent_id: int
    worker_name: str
    task_run_id: int
    note: str


def list_standings(session: Session, unit_ids: Sequence[int]) -> list[Standing]:
    """Where these units stand; ids that are not there are left out."""
    statement = (
        sa.select(
            UNITS.c.unit_id, UNITS.c.status, UNITS.c.worker_id, UNITS.c.task_run_id, UNITS.c.provider_type,
            UNITS.c.pay_amount, RUNS.c.currency,
        )
        .join(RUNS, RUNS.c.task_run_id == UNITS.c.task_run_id)
        .where(among(UNITS.c.unit_id, "ids"))
    )  # fmt: skip
    rows = run(session, statement, {"ids": list(unit_ids)})
    return [Standing(row[0], UnitStatus(row[1]), *row[2:]) for row in rows]


def list_runs_of_units(session: Session, unit_ids: Sequence[int]) -> set[int]:
    """The runs that these units belong to."""
    statement = sa.select(UNITS.c.task_run_id).where(among(UNITS.c.unit_id, "ids")).distinct()
    return {row[0] for row in run(session, statement, {"ids": list(unit_ids)})}


def list_waiting_units(session: Session, run_id: int) -> array[int]:
    """The ids of a run's units that wait for a decision, and about which none is pending."""
    pending = sa.select(PENDING.c.unit_id)
    statement = sa.select(UNITS.c.unit_id).where(
        UNITS.c.task_run_id == run_id, UNITS.c.status == UnitStatus.COMPLETED, UNITS.c.unit_id.not_in(pending)
    )
    return array("q", (row[0] for row in run(session, statement.order_by(UNITS.c.unit_id))))


def list_waiting_of_worker(session: Session, worker_id: int, run_id: int | None) -> list[int]:
    """A worker's units that wait for a decision, in one run or all."""
    statement = sa.select(UNITS.c.unit_id).where(UNITS.c.worker_id == worker_id, UNITS.c.status == UnitStatus.COMPLETED)
    if run_id is not None:
        statement = statement.where(UNITS.c.task_run_id == run_id)
    return [row[0] for row in run(session, statement.order_by(UNITS.c.unit_id))]


def list_rule_facts(session: Session, run_id: int) -> list[RuleFacts]:
    """What a rule may go by, of every unit of a run that waits for a decision."""
    marked = sa.select(FLAGS.c.unit_id)
    statement = (
        sa.select(
            UNITS.c.unit_id, UNITS.c.assignment_id, AGENTS.c.worker_id, AGENTS.c.answer, AGENTS.c.labels,
            AGENTS.c.time_on_task_ms, UNITS.c.unit_id.in_(marked).label("flagged"),
        )
        .join(AGENTS, AGENTS.c.agent_id == UNITS.c.agent_id)
        .where(UNITS.c.task_run_id == run_id, UNITS.c.status == UnitStatus.COMPLETED)
        .order_by(UNITS.c.unit_id)
    )  # fmt: skip
    return [
        RuleFacts(
            unit, assignment, worker, answer, tuple(labels or ()), None if ms is None else ms / 1000, bool(flagged)
        )
        for unit, assignment, worker, answer, labels, ms, flagged in run(session, statement)
    ]


def list_untold_rejections(session: Session, provider_type: str, limit: int = 200) -> list[UntoldRejection]:
    """Rejections at a provider that has not heard of them, oldest first, each with the reason that was given."""
    told = sa.select(REFS.c.row_id).where(
        REFS.c.provider_type == provider_type, REFS.c.table_name == "agents", REFS.c.name == REJECTION_TOLD
    )
    note = (
        sa.select(REVIEWS.c.review_note)
        .where(REVIEWS.c.unit_id == AGENTS.c.unit_id, REVIEWS.c.worker_id == AGENTS.c.worker_id)
        .where(REVIEWS.c.status == AgentStatus.REJECTED)
        .order_by(REVIEWS.c.worker_review_id.desc())
        .limit(1)
        .scalar_subquery()
    )
    statement = (
        sa.select(AGENTS.c.agent_id, WORKERS.c.worker_name, AGENTS.c.task_run_id, note)
        .join(WORKERS, WORKERS.c.worker_id == AGENTS.c.worker_id)
        .where(AGENTS.c.provider_type == provider_type, AGENTS.c.status == AgentStatus.REJECTED)
        .where(AGENTS.c.agent_id.not_in(told))
        .order_by(AGENTS.c.agent_id)
        .limit(limit)
    )
    return [UntoldRejection(row[0], row[1], row[2], row[3] or "") for row in run(session, statement)]
