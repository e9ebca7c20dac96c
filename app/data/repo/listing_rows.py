"""One page of each table of the window: values by id, in the order of its columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlmodel import Session

from app.data.repo.core import (
    AGENTS,
    ASSIGNMENTS,
    BLOCKS,
    EVENTS,
    FLAGS,
    GRANTS,
    PAYMENTS,
    PROJECTS,
    QUALIFICATIONS,
    RUNS,
    TASKS,
    UNITS,
    WORKERS,
    among,
    one,
    run,
)
from app.data.states import DONE_UNIT, LIVE_AGENT, AgentStatus, PaymentState, UnitStatus

Rows = dict[int, tuple[Any, ...]]
P = sa.bindparam
SUBMITTED = [AgentStatus.COMPLETED, AgentStatus.APPROVED, AgentStatus.SOFT_REJECTED, AgentStatus.REJECTED]
_MEDIAN_OF = 51
"""A worker's median time is that of so many of their latest submissions of each verdict."""
_AGREEMENT_OF = 24
"""A worker's agreement is that of so many of their latest submissions of each verdict."""
_LONGEST_ITEM = 80


def item_text(data: Mapping[str, Any], unit_index: int) -> str:
    """An item in a few words: its first plain value; of a path or an address the last part."""
    units = data.get("unit_data") or [{}]
    own = units[unit_index] if 0 <= unit_index < len(units) else {}
    for values in (data.get("shared"), own):
        if not isinstance(values, Mapping):
            continue
        for value in values.values():
            if isinstance(value, str | int | float) and not isinstance(value, bool) and str(value).strip():
                return _last_part(str(value))[:_LONGEST_ITEM]
    return ""


def _last_part(text: str) -> str:
    first = " ".join(text.split())
    if "://" in first:
        path = urlsplit(first).path.rstrip("/")
        return path.rsplit("/", 1)[-1] or first
    return first.rsplit("/", 1)[-1] or first if " " not in first else first


_UNIT_PAGE = (
    sa.select(
        UNITS.c.unit_id, UNITS.c.unit_index, UNITS.c.status, UNITS.c.pay_amount, RUNS.c.currency, TASKS.c.task_name,
        WORKERS.c.worker_name, AGENTS.c.answer, AGENTS.c.labels, AGENTS.c.time_on_task_ms, AGENTS.c.submitted_at,
        ASSIGNMENTS.c.data, UNITS.c.assignment_id,
    )
    .join(RUNS, RUNS.c.task_run_id == UNITS.c.task_run_id)
    .join(TASKS, TASKS.c.task_id == UNITS.c.task_id)
    .join(ASSIGNMENTS, ASSIGNMENTS.c.assignment_id == UNITS.c.assignment_id)
    .outerjoin(WORKERS, WORKERS.c.worker_id == UNITS.c.worker_id)
    .outerjoin(AGENTS, AGENTS.c.agent_id == UNITS.c.agent_id)
    .where(among(UNITS.c.unit_id, "ids"))
)  # fmt: skip


def unit_rows(session: Session, ids: Sequence[int], now: datetime) -> Rows:
    """unit, status, worker, answer, on_task, pay, flags, item"""
    flags = _flags(session, ids)
    return {
        r.unit_id: (
            f"U-{r.unit_id}", r.status, r.worker_name, r.answer, _seconds(r.time_on_task_ms),
            (r.pay_amount, r.currency), flags.get(r.unit_id, ""), item_text(r.data, r.unit_index),
        )
        for r in run(session, _UNIT_PAGE, {"ids": ids})
    }  # fmt: skip


_OF_ASSIGNMENTS = sa.select(AGENTS.c.assignment_id, AGENTS.c.labels).where(
    among(AGENTS.c.assignment_id, "ids"), AGENTS.c.status.in_(SUBMITTED)
)


def review_rows(session: Session, ids: Sequence[int], now: datetime) -> Rows:
    """worker, answer, on_task, agreement ("2/3"), flags, item, unit, task, pay, submitted_at"""
    page = run(session, _UNIT_PAGE, {"ids": ids}).all()
    flags = _flags(session, ids)
    answers: dict[int, list[Any]] = {}
    for assignment_id, labels in run(session, _OF_ASSIGNMENTS, {"ids": sorted({r.assignment_id for r in page})}):
        answers.setdefault(assignment_id, []).append(labels)
    return {
        r.unit_id: (
            r.worker_name, r.answer, _seconds(r.time_on_task_ms),
            _agreement(r.labels, answers.get(r.assignment_id, [])),
            flags.get(r.unit_id, ""), item_text(r.data, r.unit_index), f"U-{r.unit_id}", r.task_name,
            (r.pay_amount, r.currency), r.submitted_at,
        )
        for r in page
    }  # fmt: skip


def _agreement(own: Any, answers: Sequence[Any]) -> str:
    """How many of the answers to an item are this one; "" for free text, of which no two are the same."""
    return f"{sum(labels == own for labels in answers)}/{len(answers)}" if own and answers else ""


def _seconds(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def _flags(session: Session, unit_ids: Sequence[int]) -> dict[int, str]:
    statement = sa.select(FLAGS.c.unit_id, FLAGS.c.flag).where(among(FLAGS.c.unit_id, "ids")).order_by(FLAGS.c.flag)
    found: dict[int, str] = {}
    for unit_id, flag in run(session, statement, {"ids": unit_ids}):
        found[unit_id] = f"{found[unit_id]}, {flag}" if unit_id in found else flag
    return found


_AGENT_PAGE = (
    sa.select(
        AGENTS.c.agent_id, AGENTS.c.unit_id, AGENTS.c.worker_id, AGENTS.c.task_run_id, WORKERS.c.worker_name,
        AGENTS.c.status, AGENTS.c.time_on_task_ms, AGENTS.c.started_at, AGENTS.c.submitted_at, UNITS.c.pay_amount,
        RUNS.c.currency, UNITS.c.unit_index, ASSIGNMENTS.c.data, AGENTS.c.left_reason,
    )
    .join(WORKERS, WORKERS.c.worker_id == AGENTS.c.worker_id)
    .join(UNITS, UNITS.c.unit_id == AGENTS.c.unit_id)
    .join(RUNS, RUNS.c.task_run_id == AGENTS.c.task_run_id)
    .join(ASSIGNMENTS, ASSIGNMENTS.c.assignment_id == AGENTS.c.assignment_id)
    .where(among(AGENTS.c.agent_id, "ids"))
)  # fmt: skip
_DONE_IN_RUN = sa.select(
    sum(
        (
            sa.select(sa.func.count())
            .select_from(UNITS)
            .where(UNITS.c.task_run_id == P("run"), UNITS.c.worker_id == P("worker"), UNITS.c.status == status)
            .scalar_subquery()
            for status in sorted(DONE_UNIT)
        ),
        start=sa.literal(0),
    )
)


def agent_rows(session: Session, ids: Sequence[int], now: datetime) -> Rows:
    """unit, worker, status, on_task (so far, while at work), last_heard, done, pay, item, left_reason"""
    page = run(session, _AGENT_PAGE, {"ids": ids}).all()
    done = {
        (run_id, worker_id): one(session, _DONE_IN_RUN, {"run": run_id, "worker": worker_id})[0]
        for run_id, worker_id in {(r.task_run_id, r.worker_id) for r in page}
    }
    return {
        r.agent_id: (
            f"U-{r.unit_id}", r.worker_name, r.status, _time_on_task(r, now), r.submitted_at or r.started_at,
            done[r.task_run_id, r.worker_id], (r.pay_amount, r.currency), item_text(r.data, r.unit_index),
            r.left_reason,
        )
        for r in page
    }  # fmt: skip


def _time_on_task(agent: Any, now: datetime) -> float | None:
    if agent.time_on_task_ms is not None:
        return _seconds(agent.time_on_task_ms)
    at_work = agent.status in LIVE_AGENT and agent.started_at is not None
    return max(0.0, (now - agent.started_at).total_seconds()) if at_work else None


def log_rows(session: Session, ids: Sequence[int], now: datetime) -> Rows:
    """when, level, kind, message, author"""
    columns = (EVENTS.c[name] for name in ("event_id", "creation_date", "level", "kind", "message", "author"))
    statement = sa.select(*columns).where(among(EVENTS.c.event_id, "ids"))
    return {r[0]: tuple(r[1:]) for r in run(session, statement, {"ids": ids})}


def refused_rows(session: Session, ids: Sequence[int], now: datetime) -> Rows:
    """when, worker, reason, code"""
    columns = (EVENTS.c.event_id, EVENTS.c.creation_date, EVENTS.c.details, EVENTS.c.message)
    found = {}
    for event_id, when, details, message in run(
        session, sa.select(*columns).where(among(EVENTS.c.event_id, "ids")), {"ids": ids}
    ):
        worker = str(details.get("worker_name", ""))
        found[event_id] = (when, worker, message.removeprefix(f"{worker}: "), str(details.get("code", "")))
    return found


# -- workers ----------------------------------------------------------------------------------------------------------

_STANDING = (BLOCKS.c.worker_id == WORKERS.c.worker_id) & BLOCKS.c.lifted_at.is_(None)


def block_is(allowed: list[str]) -> sa.ColumnElement[bool]:
    """ "blocked": barred everywhere; "soft-blocked": barred from a task; "none": neither. Until when is left out."""
    meanings = {
        "blocked": sa.exists().where(_STANDING, BLOCKS.c.hard),
        "soft-blocked": sa.exists().where(_STANDING, ~BLOCKS.c.hard),
        "none": ~sa.exists().where(_STANDING),
    }
    return sa.or_(*(meanings[a] for a in allowed if a in meanings), sa.false())


def holds_any(allowed: list[str]) -> sa.ColumnElement[bool]:
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
    .where(PAYMENTS.c.state.not_in([PaymentState.FAILED, PaymentState.CANCELLED]))
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
    """What workers were paid or are owed, exactly, by currency; void payments left out."""
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


# -- qualifications, payments, runs -----------------------------------------------------------------------------------


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


def qualification_rows(session: Session, ids: Sequence[int], now: datetime) -> Rows:
    """qualification, holders, description, since"""
    holders = sa.select(sa.func.count()).where(GRANTS.c.qualification_id == QUALIFICATIONS.c.qualification_id)
    statement = sa.select(
        QUALIFICATIONS.c.qualification_id, QUALIFICATIONS.c.qualification_name, holders.scalar_subquery(),
        QUALIFICATIONS.c.description, QUALIFICATIONS.c.creation_date,
    ).where(among(QUALIFICATIONS.c.qualification_id, "ids"))  # fmt: skip
    return {r[0]: tuple(r[1:]) for r in run(session, statement, {"ids": ids})}


def payment_rows(session: Session, ids: Sequence[int], now: datetime) -> Rows:
    """when, worker, kind, amount, fee, state, task, unit, provider, reason, error, attempts, author"""
    statement = (
        sa.select(PAYMENTS, WORKERS.c.worker_name, TASKS.c.task_name)
        .join(WORKERS, WORKERS.c.worker_id == PAYMENTS.c.worker_id)
        .outerjoin(RUNS, RUNS.c.task_run_id == PAYMENTS.c.task_run_id)
        .outerjoin(TASKS, TASKS.c.task_id == RUNS.c.task_id)
        .where(among(PAYMENTS.c.payment_id, "ids"))
    )
    return {
        r.payment_id: (
            r.creation_date, r.worker_name, r.kind, (r.amount, r.currency), (r.fee, r.currency), r.state, r.task_name,
            f"U-{r.unit_id}" if r.unit_id else None, r.provider_type, r.reason, r.error, r.attempts, r.author,
        )
        for r in run(session, statement, {"ids": ids})
    }  # fmt: skip


_RUN_UNITS = (
    sa.select(UNITS.c.task_run_id, UNITS.c.status, sa.func.count())
    .where(among(UNITS.c.task_run_id, "ids"))
    .group_by(UNITS.c.task_run_id, UNITS.c.status)
)
_RUN_COSTS = (
    sa.select(PAYMENTS.c.task_run_id, PAYMENTS.c.amount, PAYMENTS.c.fee, sa.func.count())
    .where(among(PAYMENTS.c.task_run_id, "ids"))
    .where(PAYMENTS.c.state.not_in([PaymentState.FAILED, PaymentState.CANCELLED]))
    .group_by(PAYMENTS.c.task_run_id, PAYMENTS.c.amount, PAYMENTS.c.fee)
)


def run_rows(session: Session, ids: Sequence[int], now: datetime) -> Rows:
    """run, task, project, state, done, units, to_review, spent, budget, provider, started_at, finished_at"""
    counts: dict[int, dict[str, int]] = {}
    for run_id, status, count in run(session, _RUN_UNITS, {"ids": ids}):
        counts.setdefault(run_id, {})[status] = count
    spent: dict[int, Decimal] = {}
    for run_id, amount, fee, times in run(session, _RUN_COSTS, {"ids": ids}):
        spent[run_id] = spent.get(run_id, Decimal(0)) + (amount + fee) * times
    statement = (
        sa.select(RUNS, TASKS.c.task_name, PROJECTS.c.project_name)
        .join(TASKS, TASKS.c.task_id == RUNS.c.task_id)
        .outerjoin(PROJECTS, PROJECTS.c.project_id == TASKS.c.project_id)
        .where(among(RUNS.c.task_run_id, "ids"))
    )
    found = {}
    for r in run(session, statement, {"ids": ids}):
        units = counts.get(r.task_run_id, {})
        found[r.task_run_id] = (
            f"R-{r.task_run_id}", r.task_name, r.project_name, r.state, sum(units.get(s, 0) for s in DONE_UNIT),
            sum(units.values()) - units.get(UnitStatus.EXPIRED, 0), units.get(UnitStatus.COMPLETED, 0),
            (spent.get(r.task_run_id, Decimal(0)), r.currency), None if r.budget is None else (r.budget, r.currency),
            r.provider_type, r.started_at, r.finished_at,
        )  # fmt: skip
    return found
