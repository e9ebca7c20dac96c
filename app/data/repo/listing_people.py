"""The tables of workers, of qualifications, and of who holds them: their columns, and a page of their rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from statistics import median
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from app.data.repo.answers import SUBMITTED
from app.data.repo.core import (
    AGENTS,
    BLOCKS,
    GRANTS,
    PAYMENTS,
    QUALIFICATIONS,
    RUNS,
    TASKS,
    WORKERS,
    among,
    run,
)
from app.data.repo.listing_parts import (
    Chosen,
    Expr,
    Kind,
    Rows,
    Shown,
    contains,
    ids_in,
    one_of,
)
from app.data.states import AgentStatus, PaymentState

P = sa.bindparam
_MEDIAN_OF = 51
"""A worker's median time is that of so many of their latest submissions of each verdict."""

_AGREEMENT_OF = 24
"""A worker's agreement is that of so many of their latest submissions of each verdict."""

_STANDING = (BLOCKS.c.worker_id == WORKERS.c.worker_id) & BLOCKS.c.lifted_at.is_(None)


def _block_is(allowed: list[str]) -> sa.ColumnElement[bool]:
    """ "blocked": barred everywhere; "soft-blocked": barred from a task; "none": neither. Until when is left out."""
    meanings = {
        "blocked": sa.exists().where(_STANDING, BLOCKS.c.hard),
        "soft-blocked": sa.exists().where(_STANDING, ~BLOCKS.c.hard),
        "none": ~sa.exists().where(_STANDING),
    }
    return sa.or_(*(meanings[a] for a in allowed if a in meanings), sa.false())


def _holds_any(allowed: list[str]) -> sa.ColumnElement[bool]:
    """The worker holds one of the qualifications of these names."""
    held = sa.select(GRANTS.c.worker_id).join(
        QUALIFICATIONS, QUALIFICATIONS.c.qualification_id == GRANTS.c.qualification_id
    )
    return WORKERS.c.worker_id.in_(held.where(QUALIFICATIONS.c.qualification_name.in_(allowed)))


_JUDGED = (
    sa.select(AGENTS.c.worker_id, AGENTS.c.status, sa.func.count())
    .where(among(AGENTS.c.worker_id, "ids"), AGENTS.c.status.in_(SUBMITTED))
    .group_by(AGENTS.c.worker_id, AGENTS.c.status)
)

_PAID = (
    sa.select(PAYMENTS.c.worker_id, PAYMENTS.c.currency, PAYMENTS.c.amount, sa.func.count())
    .where(among(PAYMENTS.c.worker_id, "ids"))
    .where(PAYMENTS.c.state.not_in([PaymentState.FAILED, PaymentState.CANCELLED]), PAYMENTS.c.due_at.is_(None))
    .group_by(PAYMENTS.c.worker_id, PAYMENTS.c.currency, PAYMENTS.c.amount)
)


def _latest(*columns: sa.Column[Any], of_each: int) -> sa.CompoundSelect[Any]:
    """Columns of a worker's latest submissions: some of each verdict, each the end of a piece of the index."""
    return sa.union_all(
        *(
            sa.select(
                sa.select(*columns)
                .where(AGENTS.c.worker_id == P("worker"), AGENTS.c.status == status)
                .order_by(AGENTS.c.agent_id.desc())
                .limit(of_each)
                .subquery()
            )
            for status in SUBMITTED
        )
    )


_LATEST_TIMES = _latest(AGENTS.c.time_on_task_ms, of_each=_MEDIAN_OF)

_LATEST_ANSWERS = _latest(AGENTS.c.assignment_id, AGENTS.c.labels, of_each=_AGREEMENT_OF)


def median_seconds(session: Session, worker_id: int) -> float | None:
    """The median time on task of a worker's latest submissions."""
    times = [row[0] for row in run(session, _LATEST_TIMES, {"worker": worker_id}) if row[0] is not None]
    return median(times) / 1000 if times else None


def paid_by_currency(session: Session, worker_ids: Sequence[int]) -> dict[int, dict[str, Decimal]]:
    """What workers were paid or are owed, exactly, by currency; not what is void or can still be taken back."""
    paid: dict[int, dict[str, Decimal]] = {}
    for worker_id, currency, amount, times in run(session, _PAID, {"ids": worker_ids}):
        sums = paid.setdefault(worker_id, {})
        sums[currency] = sums.get(currency, Decimal(0)) + amount * times
    return paid


def worker_rows(session: Session, ids: Sequence[int], now: datetime) -> Rows:
    """worker, provider, done, acceptance, agreement (0 to 1), median, paid, last_seen, blocks, qualifications"""
    judged: dict[int, dict[str, int]] = {}
    for worker_id, status, count in run(session, _JUDGED, {"ids": ids}):
        judged.setdefault(worker_id, {})[status] = count
    paid = paid_by_currency(session, ids)
    blocks = _block_words(session, ids)
    held = _held_words(session, ids)
    agreed = agreement_of(session, ids)
    statement = sa.select(WORKERS).where(among(WORKERS.c.worker_id, "ids"))
    return {
        w.worker_id: (
            w.worker_name, w.provider_type, sum(judged.get(w.worker_id, {}).values()),
            acceptance(judged.get(w.worker_id, {})), agreed.get(w.worker_id), median_seconds(session, w.worker_id),
            _largest(paid.get(w.worker_id, {})), w.last_seen_at, blocks.get(w.worker_id, ""),
            ", ".join(held.get(w.worker_id, ())),
        )
        for w in run(session, statement, {"ids": ids})
    }  # fmt: skip


_PEERS = sa.select(AGENTS.c.assignment_id, AGENTS.c.worker_id, AGENTS.c.labels).where(
    among(AGENTS.c.assignment_id, "ids"), AGENTS.c.status.in_(SUBMITTED)
)


def agreement_of(session: Session, worker_ids: Sequence[int]) -> dict[int, float]:
    """Worker -> the share (0 to 1) of others' answers to their latest items that are the same as theirs.

    Left out are workers whose latest items nobody else answered.
    """
    own = {worker: run(session, _LATEST_ANSWERS, {"worker": worker}).all() for worker in worker_ids}
    items = sorted({row.assignment_id for rows in own.values() for row in rows if row.labels})
    peers: dict[int, list[tuple[int, Any]]] = {}
    for item, peer, labels in run(session, _PEERS, {"ids": items}) if items else ():
        if labels:
            peers.setdefault(item, []).append((peer, set(labels)))
    found: dict[int, float] = {}
    for worker, rows in own.items():
        same = [
            set(row.labels) == labels
            for row in rows
            if row.labels
            for peer, labels in peers.get(row.assignment_id, ())
            if peer != worker
        ]
        if same:
            found[worker] = sum(same) / len(same)
    return found


def acceptance(judged: Mapping[str, int]) -> float | None:
    """The share of reviewed work that was paid; None before the first review."""
    paid = judged.get(AgentStatus.APPROVED, 0) + judged.get(AgentStatus.SOFT_REJECTED, 0)
    reviewed = paid + judged.get(AgentStatus.REJECTED, 0)
    return paid / reviewed if reviewed else None


def _largest(sums: Mapping[str, Decimal]) -> tuple[Decimal, str] | None:
    return max(((amount, currency) for currency, amount in sums.items()), default=None)


def _block_words(session: Session, ids: Sequence[int]) -> dict[int, str]:
    statement = sa.select(BLOCKS.c.worker_id, sa.func.max(sa.cast(BLOCKS.c.hard, sa.Integer)))
    standing = statement.where(among(BLOCKS.c.worker_id, "ids"), BLOCKS.c.lifted_at.is_(None))
    found = run(session, standing.group_by(BLOCKS.c.worker_id), {"ids": ids})
    return {worker_id: "blocked" if hard else "soft-blocked" for worker_id, hard in found}


def _held_words(session: Session, ids: Sequence[int]) -> dict[int, list[str]]:
    statement = (
        sa.select(GRANTS.c.worker_id, QUALIFICATIONS.c.qualification_name, GRANTS.c.value)
        .join(QUALIFICATIONS, QUALIFICATIONS.c.qualification_id == GRANTS.c.qualification_id)
        .where(among(GRANTS.c.worker_id, "ids"))
        .order_by(QUALIFICATIONS.c.qualification_name)
    )
    held: dict[int, list[str]] = {}
    for worker_id, name, value in run(session, statement, {"ids": ids}):
        held.setdefault(worker_id, []).append(name if value == 1 else f"{name} = {value}")
    return held


_DONE_BY = (
    sa.select(sa.func.count())
    .where(AGENTS.c.worker_id == WORKERS.c.worker_id, AGENTS.c.status.in_(SUBMITTED))
    .scalar_subquery()
)


def _judged(*statuses: AgentStatus) -> Expr:
    return (
        sa.select(sa.func.count())
        .where(AGENTS.c.worker_id == WORKERS.c.worker_id, AGENTS.c.status.in_(statuses))
        .scalar_subquery()
    )


_ACCEPTANCE = (
    _judged(AgentStatus.APPROVED, AgentStatus.SOFT_REJECTED) * 1000 / sa.func.nullif(_judged(*SUBMITTED[1:]), 0)
)

WORKER_TABLE = Kind(
    key=WORKERS.c.worker_id,
    columns=(
        Shown("worker", "Worker", "text", 160, WORKERS.c.worker_name),
        Shown("provider", "Provider", "text", 100, WORKERS.c.provider_type),
        Shown("done", "Units", "number", 80, _DONE_BY),
        Shown("acceptance", "Accepted", "percent", 90, _ACCEPTANCE, (), True),
        Shown("agreement", "Agreement", "percent", 95),
        Shown("median", "Median time", "duration", 100),
        Shown("paid", "Paid", "money", 100),
        Shown("last_seen", "Last seen", "datetime", 120, WORKERS.c.last_seen_at, (), True),
        Shown("blocks", "Blocks", "status", 110),
        Shown("qualifications", "Qualifications", "text", 220),
    ),
    fetch=worker_rows,
    tables=("workers", "agents", "payments", "blocks", "granted_qualifications"),
    found=lambda word, _scope: sa.or_(
        contains(WORKERS.c.worker_name, word), contains(WORKERS.c.provider_type, word)
    ),
    filters={
        "worker": one_of(WORKERS.c.worker_name), "provider": one_of(WORKERS.c.provider_type),
        "blocks": Chosen(_block_is), "qualifications": Chosen(_holds_any),
    },
    scopes={"worker_id": (WORKERS.c.worker_id, ())},
)  # fmt: skip


def grant_rows(session: Session, ids: Sequence[int], now: datetime) -> Rows:
    """worker, qualification, value, since, run, provider"""
    statement = (
        sa.select(
            GRANTS.c.granted_qualification_id, WORKERS.c.worker_name, QUALIFICATIONS.c.qualification_name,
            GRANTS.c.value, GRANTS.c.update_date, TASKS.c.task_name, WORKERS.c.provider_type,
        )
        .join(WORKERS, WORKERS.c.worker_id == GRANTS.c.worker_id)
        .join(QUALIFICATIONS, QUALIFICATIONS.c.qualification_id == GRANTS.c.qualification_id)
        .outerjoin(RUNS, RUNS.c.task_run_id == GRANTS.c.task_run_id)
        .outerjoin(TASKS, TASKS.c.task_id == RUNS.c.task_id)
        .where(among(GRANTS.c.granted_qualification_id, "ids"))
    )  # fmt: skip
    return {r[0]: tuple(r[1:]) for r in run(session, statement, {"ids": ids})}


GRANT_TABLE = Kind(
    key=GRANTS.c.granted_qualification_id,
    columns=(
        Shown("worker", "Worker", "text", 160, WORKERS.c.worker_name, ("worker",), True),
        Shown("qualification", "Qualification", "text", 200, QUALIFICATIONS.c.qualification_name, ("name",), True),
        Shown("value", "Value", "number", 80, GRANTS.c.value),
        Shown("since", "Since", "datetime", 140, GRANTS.c.update_date),
        Shown("run", "From run", "text", 160, TASKS.c.task_name, ("task",), True),
        Shown("provider", "Provider", "text", 100, WORKERS.c.provider_type, ("worker",), True),
    ),
    fetch=grant_rows,
    tables=("granted_qualifications", "qualifications", "workers"),
    found=lambda word, _scope: sa.or_(
        contains(WORKERS.c.worker_name, word), contains(QUALIFICATIONS.c.qualification_name, word)
    ),
    found_needs=("worker", "name"),
    filters={
        "worker": one_of(WORKERS.c.worker_name, "worker"),
        "qualification": one_of(QUALIFICATIONS.c.qualification_name, "name"),
        "value": ids_in(GRANTS.c.value),
    },
    scopes={
        "qualification_id": (GRANTS.c.qualification_id, ()), "worker_id": (GRANTS.c.worker_id, ()),
        "task_run_id": (GRANTS.c.task_run_id, ()),
    },
    joins={
        "worker": (WORKERS, WORKERS.c.worker_id == GRANTS.c.worker_id, ()),
        "name": (QUALIFICATIONS, QUALIFICATIONS.c.qualification_id == GRANTS.c.qualification_id, ()),
        "run": (RUNS, RUNS.c.task_run_id == GRANTS.c.task_run_id, ()),
        "task": (TASKS, TASKS.c.task_id == RUNS.c.task_id, ("run",)),
    },
)  # fmt: skip


def qualification_rows(session: Session, ids: Sequence[int], now: datetime) -> Rows:
    """qualification, holders, description, since"""
    holders = sa.select(sa.func.count()).where(GRANTS.c.qualification_id == QUALIFICATIONS.c.qualification_id)
    statement = sa.select(
        QUALIFICATIONS.c.qualification_id, QUALIFICATIONS.c.qualification_name, holders.scalar_subquery(),
        QUALIFICATIONS.c.description, QUALIFICATIONS.c.creation_date,
    ).where(among(QUALIFICATIONS.c.qualification_id, "ids"))  # fmt: skip
    return {r[0]: tuple(r[1:]) for r in run(session, statement, {"ids": ids})}


_HOLDERS = (
    sa.select(sa.func.count()).where(GRANTS.c.qualification_id == QUALIFICATIONS.c.qualification_id).scalar_subquery()
)

QUALIFICATION_TABLE = Kind(
    key=QUALIFICATIONS.c.qualification_id,
    columns=(
        Shown("qualification", "Qualification", "text", 220, QUALIFICATIONS.c.qualification_name),
        Shown("holders", "Holders", "number", 90, _HOLDERS),
        Shown("description", "Description", "text", 320, QUALIFICATIONS.c.description, (), True),
        Shown("since", "Made", "datetime", 140, QUALIFICATIONS.c.creation_date),
    ),
    fetch=qualification_rows,
    tables=("qualifications", "granted_qualifications"),
    found=lambda word, _scope: sa.or_(
        contains(QUALIFICATIONS.c.qualification_name, word), contains(QUALIFICATIONS.c.description, word)
    ),
    filters={"qualification": one_of(QUALIFICATIONS.c.qualification_name)},
)
