"""The tables of units, of those that wait for review, and of agents: their columns, and a page of their rows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlmodel import Session

from app.data.engine import dump_json
from app.data.repo.answers import SUBMITTED
from app.data.repo.assignments import data_of_unit
from app.data.repo.core import (
    AGENTS,
    ASSIGNMENTS,
    FLAGS,
    PENDING,
    RUNS,
    TASKS,
    UNITS,
    WORKERS,
    Batch,
    all_at_once,
    among,
    run,
)
from app.data.repo.listing_parts import (
    Chosen,
    Expr,
    Join,
    Kind,
    Rows,
    Scope,
    Shown,
    contains,
    id_is,
    ids_in,
    named,
    one_of,
)
from app.data.states import DONE_UNIT, LIVE_AGENT, UnitStatus, unit_kind

P = sa.bindparam
_LONGEST_ITEM = 80


def item_text(data: Mapping[str, Any], unit_index: int) -> str:
    """An item in a few words: its first plain value; of a path or an address the last part. A unit that is no role of
    its item says so first."""
    kind = f"{unit_kind(unit_index).capitalize()}: " if unit_index < 0 else ""
    for values in data_of_unit(data, unit_index):
        for value in values.values():
            if isinstance(value, str | int | float) and not isinstance(value, bool) and str(value).strip():
                return kind + _last_part(str(value))[:_LONGEST_ITEM]
    return kind.removesuffix(": ")


def _last_part(text: str) -> str:
    first = " ".join(text.split())
    if "://" in first:
        path = urlsplit(first).path.rstrip("/")
        return path.rsplit("/", 1)[-1] or first
    return first.rsplit("/", 1)[-1] or first if " " not in first else first


def _seconds(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


_WORKER_OF_UNIT: Join = (WORKERS, WORKERS.c.worker_id == UNITS.c.worker_id, ())
_AGENT_OF_UNIT: Join = (AGENTS, AGENTS.c.agent_id == UNITS.c.agent_id, ())
_TASK_OF_UNIT: Join = (TASKS, TASKS.c.task_id == UNITS.c.task_id, ())
_UNIT_JOINS = {"worker": _WORKER_OF_UNIT, "agent": _AGENT_OF_UNIT, "task": _TASK_OF_UNIT}
_UNIT_SCOPES: dict[str, tuple[Expr, tuple[str, ...]]] = {
    name: (UNITS.c[name], ()) for name in ("task_run_id", "task_id", "worker_id", "assignment_id")
}


def _items_with(word: str, scope: Scope) -> sa.Select[Any]:
    """The items whose data have the word, each looked at once; their data are kept as ASCII with escapes."""
    has = contains(sa.cast(ASSIGNMENTS.c.data, sa.Text), json.dumps(word)[1:-1])
    return sa.select(ASSIGNMENTS.c.assignment_id).where(has, *_of_run(ASSIGNMENTS, scope))


def _of_run(table: sa.Table, scope: Scope) -> list[sa.ColumnElement[bool]]:
    return [table.c.task_run_id == scope["task_run_id"]] if "task_run_id" in scope else []


def _find_unit(word: str, scope: Scope) -> sa.ColumnElement[bool]:
    answered = sa.select(AGENTS.c.agent_id).where(contains(AGENTS.c.answer, word), *_of_run(AGENTS, scope))
    return sa.or_(
        id_is(UNITS.c.unit_id, word, "U-"),
        UNITS.c.worker_id.in_(named(WORKERS, "worker_id", "worker_name", word)),
        UNITS.c.agent_id.in_(answered),
        UNITS.c.assignment_id.in_(_items_with(word, scope)),
    )


def _flag_is(allowed: list[str]) -> sa.ColumnElement[bool]:
    """ "any": any flag; else one of those."""
    flagged = sa.exists().where(FLAGS.c.unit_id == UNITS.c.unit_id)
    return flagged if "any" in allowed else flagged.where(FLAGS.c.flag.in_(allowed))


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
        for r in all_at_once(session, _UNIT_PAGE, {"ids": ids})
    }  # fmt: skip


def _flags(session: Session, unit_ids: Sequence[int]) -> dict[int, str]:
    statement = sa.select(FLAGS.c.unit_id, FLAGS.c.flag).where(among(FLAGS.c.unit_id, "ids")).order_by(FLAGS.c.flag)
    found: dict[int, str] = {}
    for unit_id, flag in run(session, statement, {"ids": unit_ids}):
        found[unit_id] = f"{found[unit_id]}, {flag}" if unit_id in found else flag
    return found


UNIT_TABLE = Kind(
    key=UNITS.c.unit_id,
    columns=(
        Shown("unit", "Unit", "id", 96, UNITS.c.unit_id),
        Shown("status", "Status", "status", 120, UNITS.c.status),
        Shown("worker", "Worker", "text", 140, WORKERS.c.worker_name, ("worker",), True),
        Shown("answer", "Answer", "text", 160, AGENTS.c.answer, ("agent",), True),
        Shown("on_task", "On task", "duration", 90, AGENTS.c.time_on_task_ms, ("agent",), True),
        Shown("pay", "Pay", "money", 90, sa.cast(UNITS.c.pay_amount, sa.Float)),
        Shown("flags", "Flags", "text", 110),
        Shown("item", "Item", "text", 200),
    ),
    fetch=unit_rows,
    tables=("units", "agents", "unit_flags", "workers"),
    found=_find_unit,
    filters={
        "status": one_of(UNITS.c.status), "worker": one_of(WORKERS.c.worker_name, "worker"), "flags": Chosen(_flag_is),
        "unit": ids_in(UNITS.c.unit_id), "answer": one_of(AGENTS.c.answer, "agent"),
    },
    scopes=_UNIT_SCOPES,
    joins=_UNIT_JOINS,
    in_parts=("status", tuple(UnitStatus)),
)  # fmt: skip

_PEER = AGENTS.alias("peer")


def _peers(*conditions: sa.ColumnElement[bool]) -> Expr:
    return (
        sa.select(sa.func.count())
        .where(_PEER.c.assignment_id == UNITS.c.assignment_id, _PEER.c.status.in_(SUBMITTED), *conditions)
        .scalar_subquery()
    )


_AGREEING = _peers(sa.cast(_PEER.c.labels, sa.Text) == sa.cast(AGENTS.c.labels, sa.Text))
_ANSWERS = _peers()
_LABELLED = sa.cast(AGENTS.c.labels, sa.Text) != "[]"
"""Free text has no labels: no two are the same, and none disputes another."""

_AGREED = sa.case((_LABELLED, _AGREEING * 1000 / sa.func.nullif(_ANSWERS, 0)))


def _agreement_is(allowed: list[str]) -> sa.ColumnElement[bool]:
    """ "disputed": others answered otherwise; "agreed": all answered alike; "alone": nobody else answered yet."""
    meanings = {
        "disputed": _LABELLED & (_AGREEING < _ANSWERS),
        "agreed": _LABELLED & (_AGREEING == _ANSWERS) & (_ANSWERS > 1),
        "alone": _ANSWERS == 1,
    }
    return sa.or_(*(meanings[a] for a in allowed if a in meanings), sa.false())


_NOT_PENDING = ~sa.exists().where(PENDING.c.unit_id == UNITS.c.unit_id)

_OF_ASSIGNMENTS = sa.select(AGENTS.c.assignment_id, AGENTS.c.labels).where(
    among(AGENTS.c.assignment_id, "ids"), AGENTS.c.status.in_(SUBMITTED)
)


def review_rows(session: Session, ids: Sequence[int], now: datetime) -> Rows:
    """worker, answer, on_task, agreement ("2/3"), flags, item, unit, task, pay, submitted_at"""
    page = all_at_once(session, _UNIT_PAGE, {"ids": ids})
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


REVIEW_TABLE = Kind(
    key=UNITS.c.unit_id,
    columns=(
        Shown("worker", "Worker", "text", 120, WORKERS.c.worker_name, ("worker",), True),
        Shown("answer", "Answer", "text", 150, AGENTS.c.answer, ("agent",), True),
        Shown("on_task", "Time", "duration", 80, AGENTS.c.time_on_task_ms, ("agent",), True),
        Shown("agreement", "Agree", "text", 70, _AGREED, ("agent",), True),
        Shown("flags", "Flags", "text", 110),
        Shown("item", "Item", "text", 160),
        Shown("unit", "Unit", "id", 96, UNITS.c.unit_id),
        Shown("task", "Task", "text", 140, TASKS.c.task_name, ("task",), True),
        Shown("pay", "Pay", "money", 90, sa.cast(UNITS.c.pay_amount, sa.Float)),
        Shown("submitted_at", "Submitted", "datetime", 130, AGENTS.c.submitted_at, ("agent",), True),
    ),
    fetch=review_rows,
    tables=("units", "agents", "unit_flags", "pending_decisions", "workers"),
    found=_find_unit,
    filters={
        "worker": one_of(WORKERS.c.worker_name, "worker"), "worker_id": ids_in(UNITS.c.worker_id),
        "answer": one_of(AGENTS.c.answer, "agent"), "flags": Chosen(_flag_is),
        "agreement": Chosen(_agreement_is, ("agent",)), "task": one_of(TASKS.c.task_name, "task"),
        "unit": ids_in(UNITS.c.unit_id),
    },
    scopes=_UNIT_SCOPES,
    joins=_UNIT_JOINS,
    always=(UNITS.c.status == UnitStatus.COMPLETED, _NOT_PENDING),
)  # fmt: skip

_AGENT_JOINS = {
    "worker": (WORKERS, WORKERS.c.worker_id == AGENTS.c.worker_id, ()),
    "unit": (UNITS, UNITS.c.unit_id == AGENTS.c.unit_id, ()),
}

_HEARD = sa.func.coalesce(AGENTS.c.submitted_at, AGENTS.c.started_at)

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

_pairs = Batch()
_DONE_IN_RUN = sa.select(
    _pairs.integer("run").label("run"),
    _pairs.integer("worker").label("worker"),
    sum(
        (
            sa.select(sa.func.count())
            .select_from(UNITS)
            .where(UNITS.c.task_run_id == _pairs.integer("run"))
            .where(UNITS.c.worker_id == _pairs.integer("worker"), UNITS.c.status == status)
            .correlate(_pairs.rows)
            .scalar_subquery()
            for status in sorted(DONE_UNIT)
        ),
        start=sa.literal(0),
    ).label("done"),
).select_from(_pairs.rows)


def agent_rows(session: Session, ids: Sequence[int], now: datetime) -> Rows:
    """unit, worker, status, on_task (so far, while at work), last_heard, done, pay, item, left_reason"""
    page = all_at_once(session, _AGENT_PAGE, {"ids": ids})
    pairs = [{"run": run_id, "worker": worker_id} for run_id, worker_id in {(r.task_run_id, r.worker_id) for r in page}]
    done = {(r.run, r.worker): r.done for r in all_at_once(session, _DONE_IN_RUN, {"rows": dump_json(pairs)})}
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


AGENT_TABLE = Kind(
    key=AGENTS.c.agent_id,
    columns=(
        Shown("unit", "Unit", "id", 96, AGENTS.c.unit_id),
        Shown("worker", "Worker", "text", 140, WORKERS.c.worker_name, ("worker",), True),
        Shown("status", "Status", "status", 130, AGENTS.c.status),
        Shown("on_task", "On task", "duration", 90, AGENTS.c.started_at, (), True),
        Shown("last_heard", "Last heard", "datetime", 110, _HEARD, (), True),
        Shown("done", "Done by worker", "number", 120),
        Shown("pay", "Pay", "money", 90, sa.cast(UNITS.c.pay_amount, sa.Float), ("unit",), True),
        Shown("item", "Item", "text", 200),
        Shown("left_reason", "Reason", "text", 200, AGENTS.c.left_reason),
    ),
    fetch=agent_rows,
    tables=("agents", "units", "workers"),
    found=lambda word, scope: sa.or_(
        id_is(AGENTS.c.unit_id, word, "U-"),
        AGENTS.c.worker_id.in_(named(WORKERS, "worker_id", "worker_name", word)),
        contains(AGENTS.c.answer, word),
        contains(AGENTS.c.status, word),
        AGENTS.c.assignment_id.in_(_items_with(word, scope)),
    ),
    filters={"status": one_of(AGENTS.c.status), "worker": one_of(WORKERS.c.worker_name, "worker")},
    scopes={name: (AGENTS.c[name], ()) for name in ("task_run_id", "task_id", "worker_id", "unit_id", "assignment_id")},
    joins=_AGENT_JOINS,
    newest_first=True,
)  # fmt: skip
