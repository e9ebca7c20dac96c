"""The tables of runs, of payments, and of the journal: their columns, and a page of their rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlmodel import Session

from app.data.repo.core import (
    EVENTS,
    PAYMENTS,
    PROJECTS,
    RUNS,
    TASKS,
    UNITS,
    WORKERS,
    among,
    run,
)
from app.data.repo.listing_parts import (
    Expr,
    Kind,
    Rows,
    Scope,
    Shown,
    contains,
    id_is,
    named,
    one_of,
)
from app.data.states import DONE_UNIT, PaymentState, UnitStatus

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


RUN_TABLE = Kind(
    key=RUNS.c.task_run_id,
    columns=(
        Shown("run", "Run", "id", 80, RUNS.c.task_run_id),
        Shown("task", "Task", "text", 220, TASKS.c.task_name, ("task",), True),
        Shown("project", "Project", "text", 140, PROJECTS.c.project_name, ("project",), True),
        Shown("state", "State", "status", 110, RUNS.c.state),
        Shown("done", "Done", "number", 90),
        Shown("units", "Units", "number", 90),
        Shown("to_review", "To review", "number", 90),
        Shown("spent", "Spent", "money", 110),
        Shown("budget", "Budget", "money", 110, sa.cast(RUNS.c.budget, sa.Float), (), True),
        Shown("provider", "Provider", "text", 100, RUNS.c.provider_type),
        Shown("started_at", "Started", "datetime", 140, RUNS.c.started_at, (), True),
        Shown("finished_at", "Finished", "datetime", 140, RUNS.c.finished_at, (), True),
    ),
    fetch=run_rows,
    tables=("task_runs", "tasks", "projects", "units", "payments"),
    found=lambda word, _scope: sa.or_(
        contains(TASKS.c.task_name, word),
        contains(PROJECTS.c.project_name, word),
        contains(RUNS.c.state, word),
        id_is(RUNS.c.task_run_id, word, "R-"),
    ),
    found_needs=("task", "project"),
    filters={
        "state": one_of(RUNS.c.state), "task": one_of(TASKS.c.task_name, "task"),
        "provider": one_of(RUNS.c.provider_type), "project": one_of(PROJECTS.c.project_name, "project"),
    },
    scopes={"task_id": (RUNS.c.task_id, ())},
    joins={
        "task": (TASKS, TASKS.c.task_id == RUNS.c.task_id, ()),
        "project": (PROJECTS, PROJECTS.c.project_id == TASKS.c.project_id, ("task",)),
    },
    newest_first=True,
)  # fmt: skip


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


PAYMENT_TABLE = Kind(
    key=PAYMENTS.c.payment_id,
    columns=(
        Shown("when", "When", "datetime", 140, PAYMENTS.c.payment_id),
        Shown("worker", "Worker", "text", 140, WORKERS.c.worker_name, ("worker",), True),
        Shown("kind", "For", "text", 100, PAYMENTS.c.kind),
        Shown("amount", "Amount", "money", 100, sa.cast(PAYMENTS.c.amount, sa.Float)),
        Shown("fee", "Fee", "money", 80, sa.cast(PAYMENTS.c.fee, sa.Float)),
        Shown("state", "State", "status", 110, PAYMENTS.c.state),
        Shown("task", "Task", "text", 160, TASKS.c.task_name, ("task",), True),
        Shown("unit", "Unit", "id", 96, PAYMENTS.c.unit_id, (), True),
        Shown("provider", "Provider", "text", 100, PAYMENTS.c.provider_type),
        Shown("reason", "Reason", "text", 200, PAYMENTS.c.reason),
        Shown("error", "Error", "text", 200, PAYMENTS.c.error),
        Shown("attempts", "Attempts", "number", 80, PAYMENTS.c.attempts),
        Shown("author", "Author", "text", 100, PAYMENTS.c.author),
    ),
    fetch=payment_rows,
    tables=("payments",),
    found=lambda word, _scope: sa.or_(
        PAYMENTS.c.worker_id.in_(named(WORKERS, "worker_id", "worker_name", word)),
        contains(PAYMENTS.c.reason, word),
        contains(TASKS.c.task_name, word),
        contains(PAYMENTS.c.kind, word),
        contains(PAYMENTS.c.state, word),
        id_is(PAYMENTS.c.unit_id, word, "U-"),
    ),
    found_needs=("task",),
    filters={
        "state": one_of(PAYMENTS.c.state), "kind": one_of(PAYMENTS.c.kind),
        "provider": one_of(PAYMENTS.c.provider_type), "worker": one_of(WORKERS.c.worker_name, "worker"),
        "task": one_of(TASKS.c.task_name, "task"), "currency": one_of(PAYMENTS.c.currency),
    },
    scopes={name: (PAYMENTS.c[name], ()) for name in ("task_run_id", "worker_id", "unit_id")},
    joins={
        "worker": (WORKERS, WORKERS.c.worker_id == PAYMENTS.c.worker_id, ()),
        "run": (RUNS, RUNS.c.task_run_id == PAYMENTS.c.task_run_id, ()),
        "task": (TASKS, TASKS.c.task_id == RUNS.c.task_id, ("run",)),
    },
    newest_first=True,
)  # fmt: skip


def _find_event(word: str, _scope: Scope) -> sa.ColumnElement[bool]:
    return sa.or_(contains(EVENTS.c.message, word), contains(EVENTS.c.kind, word))


_EVENT_SCOPES: dict[str, tuple[Expr, tuple[str, ...]]] = {"task_run_id": (EVENTS.c.task_run_id, ())}


def log_rows(session: Session, ids: Sequence[int], now: datetime) -> Rows:
    """when, level, kind, message, author"""
    columns = (EVENTS.c[name] for name in ("event_id", "creation_date", "level", "kind", "message", "author"))
    statement = sa.select(*columns).where(among(EVENTS.c.event_id, "ids"))
    return {r[0]: tuple(r[1:]) for r in run(session, statement, {"ids": ids})}


LOG_TABLE = Kind(
    key=EVENTS.c.event_id,
    columns=(
        Shown("when", "When", "datetime", 140, EVENTS.c.event_id),
        Shown("level", "Level", "status", 90, EVENTS.c.level),
        Shown("kind", "Kind", "text", 140, EVENTS.c.kind),
        Shown("message", "What happened", "text", 420, EVENTS.c.message),
        Shown("author", "Author", "text", 100, EVENTS.c.author),
    ),
    fetch=log_rows,
    tables=("events",),
    found=_find_event,
    filters={"level": one_of(EVENTS.c.level), "kind": one_of(EVENTS.c.kind), "author": one_of(EVENTS.c.author)},
    scopes=_EVENT_SCOPES,
    newest_first=True,
)


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


REFUSED_TABLE = Kind(
    key=EVENTS.c.event_id,
    columns=(
        Shown("when", "When", "datetime", 140, EVENTS.c.event_id),
        Shown("worker", "Worker", "text", 140),
        Shown("reason", "Reason", "text", 420, EVENTS.c.message),
        Shown("code", "Code", "text", 140),
    ),
    fetch=refused_rows,
    tables=("events",),
    found=_find_event,
    filters={"kind": one_of(EVENTS.c.kind)},
    scopes=_EVENT_SCOPES,
    always=(EVENTS.c.kind.startswith("worker.refused"),),
    newest_first=True,
)
