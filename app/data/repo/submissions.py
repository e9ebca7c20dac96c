"""What a reviewer looks at: a submission with all that belongs to it, the others' answers, the worker's own record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import case, func, or_, select
from sqlmodel import Session, col

from app.data.repo.answers import SUBMITTED
from app.data.states import DONE_UNIT, AgentStatus, PaymentKind, PaymentState, UnitStatus
from app.data.tables.money import Payment
from app.data.tables.people import Agent, AgentData, Block, Worker
from app.data.tables.quality import PendingDecision, UnitFlag, WorkerReview
from app.data.tables.tasks import Project, Task, TaskRun, Unit
from app.errors import EntryDoesNotExist

_MOST_COMPARED = 3_000
"""Items of which a worker's answers are compared with the others': the latest."""
_CHUNK = 500


@dataclass(frozen=True)
class SubmissionRow:
    """A unit that was submitted: who, when, what was shown and answered, where it stands."""

    unit_id: int
    unit_index: int
    assignment_id: int
    agent_id: int
    worker_id: int
    worker_name: str
    provider_type: str
    task_run_id: int
    task_id: int
    task_name: str
    project_name: str | None
    currency: str
    init_params: str
    pay_amount: Decimal
    status: UnitStatus
    submitted_at: datetime | None
    time_on_task_ms: int | None
    answer: str
    labels: tuple[str, ...]
    inputs: Any
    outputs: Any
    files: tuple[dict[str, Any], ...]
    flags: tuple[str, ...]
    pending: str | None
    """The decision that waits to be applied, when there is one."""
    note: str
    """What was written to the worker with the last decision."""


@dataclass(frozen=True)
class AnswerRow:
    """What another worker answered to the same item; `earlier`: to this very unit, which was then offered again."""

    unit_id: int
    worker_id: int
    worker_name: str
    answer: str
    labels: tuple[str, ...]
    status: AgentStatus
    earlier: bool


@dataclass(frozen=True)
class WorkRecord:
    """What a worker did over all runs. Money is in the currency of the run that was asked about."""

    worker_id: int
    worker_name: str
    done: int
    runs: int
    accepted: int
    soft_rejected: int
    rejected: int
    waiting: int
    seconds_on_task: tuple[float, ...]
    """Of the latest submissions, in seconds."""
    paid: Decimal
    bonuses: Decimal
    currency: str
    blocked: str | None
    """Why the worker is barred everywhere; None when they are not."""
    soft_blocked: str | None
    answers: tuple[tuple[tuple[str, ...], tuple[tuple[str, ...], ...]], ...]
    """Per item of this task: the worker's labels, and each other worker's."""


def get_submission(session: Session, unit_id: int) -> SubmissionRow:
    """The submission of a unit. `EntryDoesNotExist` when the unit is not there or nobody has submitted it."""
    row = session.execute(_submission_query().where(col(Unit.unit_id) == unit_id)).one_or_none()
    if row is None:
        raise EntryDoesNotExist(f"Unit {unit_id} has no submission.")
    flags = session.scalars(
        select(col(UnitFlag.flag)).where(col(UnitFlag.unit_id) == unit_id).order_by(col(UnitFlag.flag))
    ).all()
    since = () if row.submitted_at is None else (col(WorkerReview.creation_date) >= row.submitted_at,)
    note = session.scalars(
        select(col(WorkerReview.review_note))
        .where(
            col(WorkerReview.unit_id) == unit_id,
            col(WorkerReview.worker_id) == row.worker_id,  # a unit that was offered again has notes to others too
            col(WorkerReview.status).in_(("approved", "soft_rejected", "rejected")),
            *since,
        )
        .order_by(col(WorkerReview.worker_review_id).desc())
        .limit(1)
    ).first()
    values = dict(row._mapping)
    values["status"] = UnitStatus(values["status"])
    values["labels"] = _labels(values["labels"])
    values["files"] = tuple(part for part in values["files"] or () if isinstance(part, dict))
    return SubmissionRow(**values, flags=tuple(flags), note=note or "")


def list_other_answers(session: Session, assignment_id: int, unit_id: int, limit: int = 24) -> list[AnswerRow]:
    """What else was answered to an item than what the unit holds now, the first submission first."""
    rows = session.execute(
        select(
            col(Agent.unit_id), col(Worker.worker_id), col(Worker.worker_name), col(Agent.answer), col(Agent.labels),
            col(Agent.status),
        )
        .join(Unit, col(Unit.unit_id) == col(Agent.unit_id))
        .join(Worker, col(Worker.worker_id) == col(Agent.worker_id))
        .where(
            col(Agent.assignment_id) == assignment_id,
            col(Agent.status).in_([status.value for status in SUBMITTED]),
            or_(
                col(Agent.unit_id) != unit_id, col(Unit.agent_id).is_(None), col(Agent.agent_id) != col(Unit.agent_id)
            ),
        )
        .order_by(col(Agent.submitted_at), col(Agent.agent_id))
        .limit(limit)
    )  # fmt: skip
    return [
        AnswerRow(unit, worker, name, answer, _labels(labels), AgentStatus(status), unit == unit_id)
        for unit, worker, name, answer, labels, status in rows
    ]


def get_work_record(session: Session, worker_id: int, task_run_id: int, latest: int = 400) -> WorkRecord:
    """A worker's record, as it stands beside a submission of the run. `EntryDoesNotExist`."""
    name = session.scalar(select(col(Worker.worker_name)).where(col(Worker.worker_id) == worker_id))
    run = session.execute(
        select(col(TaskRun.task_id), col(TaskRun.currency)).where(col(TaskRun.task_run_id) == task_run_id)
    ).one_or_none()
    if name is None or run is None:
        raise EntryDoesNotExist(f"Worker {worker_id} or run {task_run_id} does not exist.")
    done = [status.value for status in DONE_UNIT]
    by_status = session.execute(
        select(col(Unit.status), func.count())
        .join(Agent, col(Agent.agent_id) == col(Unit.agent_id))
        .where(col(Agent.worker_id) == worker_id, col(Unit.status).in_(done))
        .group_by(col(Unit.status))
    )
    counts = {status: count for status, count in by_status}  # noqa: C416 - rows are no pairs to the type checker
    runs = session.scalar(
        select(func.count(func.distinct(col(Agent.task_run_id)))).where(
            col(Agent.worker_id) == worker_id, col(Agent.submitted_at).is_not(None)
        )
    )
    times = session.scalars(
        select(col(Agent.time_on_task_ms))
        .where(col(Agent.worker_id) == worker_id, col(Agent.time_on_task_ms).is_not(None))
        .order_by(col(Agent.agent_id).desc())
        .limit(latest)
    ).all()
    paid, bonuses = _paid(session, worker_id, run.currency)
    hard, soft = _blocks(session, worker_id, run.task_id)
    return WorkRecord(
        worker_id=worker_id,
        worker_name=name,
        done=sum(counts.values()),
        runs=runs or 0,
        accepted=counts.get(UnitStatus.ACCEPTED, 0),
        soft_rejected=counts.get(UnitStatus.SOFT_REJECTED, 0),
        rejected=counts.get(UnitStatus.REJECTED, 0),
        waiting=counts.get(UnitStatus.COMPLETED, 0),
        seconds_on_task=tuple(time / 1000 for time in times if time is not None),
        paid=paid,
        bonuses=bonuses,
        currency=run.currency,
        blocked=hard,
        soft_blocked=soft,
        answers=tuple(_compared(session, worker_id, run.task_id)),
    )


def _submission_query() -> Any:
    return (
        select(
            col(Unit.unit_id), col(Unit.unit_index), col(Unit.assignment_id), col(Agent.agent_id),
            col(Worker.worker_id), col(Worker.worker_name), col(Worker.provider_type), col(Unit.task_run_id),
            col(Unit.task_id), col(Task.task_name), col(Project.project_name), col(TaskRun.currency),
            col(TaskRun.init_params), col(Unit.pay_amount), col(Unit.status), col(Agent.submitted_at),
            col(Agent.time_on_task_ms), col(Agent.answer), col(Agent.labels), col(AgentData.inputs),
            col(AgentData.outputs), col(AgentData.files), col(PendingDecision.status).label("pending"),
        )
        .join(Agent, col(Agent.agent_id) == col(Unit.agent_id))
        .join(Worker, col(Worker.worker_id) == col(Agent.worker_id))
        .join(TaskRun, col(TaskRun.task_run_id) == col(Unit.task_run_id))
        .join(Task, col(Task.task_id) == col(Unit.task_id))
        .outerjoin(Project, col(Project.project_id) == col(Task.project_id))
        .outerjoin(AgentData, col(AgentData.agent_id) == col(Agent.agent_id))
        .outerjoin(PendingDecision, col(PendingDecision.unit_id) == col(Unit.unit_id))
        .where(col(Unit.status).in_([status.value for status in DONE_UNIT]))
    )  # fmt: skip


def _paid(session: Session, worker_id: int, currency: str) -> tuple[Decimal, Decimal]:
    """What was paid for units, and what as bonuses and compensation.

    Payments that failed, were cancelled or can still be taken back do not count.
    """
    paid = {kind: Decimal(0) for kind in PaymentKind}
    rows = session.execute(
        select(col(Payment.kind), col(Payment.amount)).where(
            col(Payment.worker_id) == worker_id,
            col(Payment.currency) == currency,
            col(Payment.state).not_in([PaymentState.FAILED.value, PaymentState.CANCELLED.value]),
            col(Payment.due_at).is_(None),
        )
    )
    for kind, amount in rows:
        paid[PaymentKind(kind)] += amount
    return paid[PaymentKind.APPROVAL], paid[PaymentKind.BONUS] + paid[PaymentKind.COMPENSATION]


def _blocks(session: Session, worker_id: int, task_id: int) -> tuple[str | None, str | None]:
    rows = session.execute(
        select(col(Block.hard), col(Block.reason))
        .where(
            col(Block.worker_id) == worker_id,
            col(Block.lifted_at).is_(None),
            case((col(Block.hard), True), else_=col(Block.task_id) == task_id),
        )
        .order_by(col(Block.block_id))
    ).all()
    hard = next((reason or "blocked" for is_hard, reason in rows if is_hard), None)
    soft = next((reason or "blocked for this task" for is_hard, reason in rows if not is_hard), None)
    return hard, soft


def _compared(
    session: Session, worker_id: int, task_id: int
) -> list[tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]]:
    """The worker's labels beside the others', for the latest items of a task that several workers did."""
    own: dict[int, tuple[str, ...]] = {}
    for assignment_id, labels in session.execute(
        select(col(Agent.assignment_id), col(Agent.labels))
        .where(
            col(Agent.worker_id) == worker_id,
            col(Agent.task_id) == task_id,
            col(Agent.submitted_at).is_not(None),
        )
        .order_by(col(Agent.agent_id).desc())
        .limit(_MOST_COMPARED)
    ):
        if labels:
            own.setdefault(assignment_id, _labels(labels))
    others: dict[int, list[tuple[str, ...]]] = {}
    ids = list(own)
    for start in range(0, len(ids), _CHUNK):
        rows = session.execute(
            select(col(Agent.assignment_id), col(Agent.labels)).where(
                col(Agent.assignment_id).in_(ids[start : start + _CHUNK]),
                col(Agent.worker_id) != worker_id,
                col(Agent.submitted_at).is_not(None),
            )
        )
        for assignment_id, labels in rows:
            if labels:
                others.setdefault(assignment_id, []).append(_labels(labels))
    return [(own[key], tuple(found)) for key, found in others.items()]


def _labels(labels: Sequence[Any] | None) -> tuple[str, ...]:
    return tuple(str(part) for part in labels or ())
