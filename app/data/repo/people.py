"""Workers, the agents they become, what the agents were shown and said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session

from app.data.changes import announce
from app.data.repo import status
from app.data.repo.core import (
    AGENT_DATA,
    AGENTS,
    BLOCKS,
    GRANTS,
    PAYMENTS,
    QUALIFICATIONS,
    REVIEWS,
    RUNS,
    UNITS,
    WORKERS,
    add,
    clean_text,
    filled,
    is_postgresql,
    missing,
    one,
    run,
)
from app.data.states import DONE_UNIT, LIVE_AGENT, AgentStatus, PaymentKind, PaymentState, UnitStatus

P = sa.bindparam
_TAKEN = sorted({UnitStatus.ASSIGNED, *DONE_UNIT})
_LIVE = sorted(LIVE_AGENT)


@dataclass(frozen=True)
class WorkerFacts:
    """What decides whether a worker may have a unit. `blocked` and `soft_blocked` are reasons, or None."""

    worker_id: int
    worker_name: str
    visitor: str | None
    blocked: str | None
    soft_blocked: str | None
    qualifications: Mapping[str, int]
    held_in_run: int
    """Units of the run that the worker holds now."""
    done_in_task: int
    """Units of all runs of the task that the worker holds or has done."""
    live_in_run: int
    """Units of the run that anybody holds now."""


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


def _count(table: sa.FromClause, *conditions: sa.ColumnElement[bool]) -> sa.ScalarSelect[int]:
    return sa.select(sa.func.count()).select_from(table).where(*conditions).scalar_subquery()


_FACTS = sa.select(
    WORKERS.c.worker_name,
    WORKERS.c.visitor,
    _count(
        UNITS,
        UNITS.c.task_run_id == P("run"),
        UNITS.c.worker_id == P("worker"),
        UNITS.c.status == UnitStatus.ASSIGNED,
    ).label("held_in_run"),
    _count(UNITS, UNITS.c.task_id == P("task"), UNITS.c.worker_id == P("worker"), UNITS.c.status.in_(_TAKEN)).label(
        "done_in_task"
    ),
    _count(UNITS, UNITS.c.task_run_id == P("run"), UNITS.c.status == UnitStatus.ASSIGNED).label("live_in_run"),
).where(WORKERS.c.worker_id == P("worker"))
_HOLDINGS = (
    sa.select(QUALIFICATIONS.c.qualification_name, GRANTS.c.value)
    .join(QUALIFICATIONS, QUALIFICATIONS.c.qualification_id == GRANTS.c.qualification_id)
    .where(GRANTS.c.worker_id == P("worker"))
)
_STANDING = sa.select(BLOCKS.c.hard, BLOCKS.c.task_id, BLOCKS.c.reason).where(
    BLOCKS.c.worker_id == P("worker"),
    BLOCKS.c.lifted_at.is_(None),
    BLOCKS.c.until.is_(None) | (BLOCKS.c.until > P("now")),
)


def worker_facts(session: Session, worker_id: int, task_id: int, task_run_id: int, now: datetime) -> WorkerFacts:
    """What the gates ask about a worker, in three indexed statements."""
    facts = one(session, _FACTS, {"worker": worker_id, "task": task_id, "run": task_run_id})
    if facts is None:
        raise missing("worker", worker_id)
    blocked = soft_blocked = None
    for block in run(session, _STANDING, {"worker": worker_id, "now": now}):
        if block.hard:
            blocked = block.reason
        elif block.task_id in (None, task_id):
            soft_blocked = block.reason
    held = {row[0]: row[1] for row in run(session, _HOLDINGS, {"worker": worker_id})}
    return WorkerFacts(worker_id, facts[0], facts[1], blocked, soft_blocked, held, facts[2], facts[3], facts[4])


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
_LIVE_OF_RUN = _AGENT_ROW.where(AGENTS.c.task_run_id == P("run"), AGENTS.c.status.in_(_LIVE))


def claim_unit(
    session: Session, *, run_id: int, worker_id: int, registration_id: str, nonce: str, token_hash: str,
    now: datetime, in_task: bool = False,
) -> AgentRow | None:  # fmt: skip
    """Take the next unit of a run for a worker and make the agent who holds it; None when there is none for them.

    Atomic between threads and processes. Never a unit of an assignment of which the worker has another. With `in_task`
    a one-worker unit begins at once. Takes the same time at any size of the run and any number of units done.
    """
    values = {
        "worker_id": worker_id, "creation_date": now, "started_at": now, "nonce": nonce, "token_hash": token_hash,
        "registration_id": clean_text(registration_id, 500),
    }  # fmt: skip
    made = status.claim(session, run_id, values, in_task=in_task)
    return None if made is None else get_agent(session, made)


def get_agent(session: Session, agent_id: int) -> AgentRow:
    """An agent by id."""
    row = one(session, _BY_ID, {"agent": agent_id})
    if row is None:
        raise missing("agent", agent_id)
    return _agent_row(row)


def list_live_agents(session: Session, run_id: int) -> list[AgentRow]:
    """All who hold a unit of the run and may still submit."""
    return [_agent_row(row) for row in run(session, _LIVE_OF_RUN, {"run": run_id})]


def _agent_row(row: Any) -> AgentRow:
    return AgentRow(**{**row._mapping, "status": AgentStatus(row.status), "holds_unit": bool(row.holds_unit)})


def _upsert(*columns: str) -> tuple[sa.Insert, sa.Insert]:
    """Write columns of an agent's data, whether or not there is a row yet: for SQLite, for PostgreSQL."""
    values = {name: P(name, type_=AGENT_DATA.c[name].type) for name in ("agent_id", "creation_date", *columns)}
    made = []
    for dialect in (sqlite, postgresql):
        statement = dialect.insert(AGENT_DATA).values(values)
        new = {name: statement.excluded[name] for name in columns}
        made.append(statement.on_conflict_do_update(index_elements=["agent_id"], set_=new))
    return made[0], made[1]


_PUT_INPUTS = _upsert("inputs")
_PUT_SUBMISSION = _upsert("outputs", "files")
_PUT_METADATA = _upsert("metadata")


def _put(
    session: Session, statements: tuple[sa.Insert, sa.Insert], agent_id: int, now: datetime, **values: Any
) -> None:
    run(session, statements[is_postgresql(session)], {"agent_id": agent_id, "creation_date": now, **values})


def record_inputs(session: Session, agent_id: int, inputs: Any, now: datetime) -> None:
    """What the agent was shown."""
    _put(session, _PUT_INPUTS, agent_id, now, inputs=inputs)


def record_submission(
    session: Session, agent_id: int, outputs: Any, files: Sequence[Mapping[str, Any]], now: datetime, *,
    answer: str = "", labels: Sequence[str] = (),
) -> bool:  # fmt: skip
    """What the agent answered, and its status `completed`, in one. False: a submission was there; nothing is changed.

    Raises `IllegalTransition` when the unit is no longer theirs.
    """
    kept = sorted({clean_text(label, 500) for label in labels})  # in one order: SQL compares them for agreement
    if not status.complete_agent(session, agent_id, now=now, answer=clean_text(answer, 500), labels=kept):
        return False
    _put(session, _PUT_SUBMISSION, agent_id, now, outputs=outputs, files=list(files))
    return True


def record_metadata(session: Session, agent_id: int, metadata: Any, now: datetime) -> None:
    """Tips, feedback, the worker's opinion."""
    _put(session, _PUT_METADATA, agent_id, now, metadata=metadata)


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
        .add_columns(AGENTS.c.unit_id)
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
        SubmissionRow(r[0], UnitStatus(r[1]), AgentStatus(r[2]), r[3], r[4], bonuses.get(r.unit_id, Decimal(0)), r[5])
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
