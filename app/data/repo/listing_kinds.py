"""What each table of the window shows: its columns, how they sort, filter and search, and how a page is read."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from app.data.repo import listing_rows as rows
from app.data.repo.core import (
    AGENTS,
    ASSIGNMENTS,
    EVENTS,
    FLAGS,
    GRANTS,
    PAYMENTS,
    PENDING,
    PROJECTS,
    QUALIFICATIONS,
    RUNS,
    TASKS,
    UNITS,
    WORKERS,
)
from app.data.states import AgentStatus, UnitStatus

Expr = sa.ColumnElement[Any]
Scope = Mapping[str, int]
Join = tuple[sa.FromClause, sa.ColumnElement[bool], tuple[str, ...]]
"""A table, how it is joined, and the joins that it needs before it."""


@dataclass(frozen=True)
class Shown:
    """A column: `order` is what it sorts by (None: it does not), `needs` the joins for that."""

    name: str
    label: str
    kind: str = "text"
    width: int = 120
    order: Expr | None = None
    needs: tuple[str, ...] = ()
    nullable: bool = False


@dataclass(frozen=True)
class Chosen:
    """A filter: the condition for the allowed values, and the joins it needs."""

    condition: Callable[[list[str]], sa.ColumnElement[bool]]
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Kind:
    """A table of the window. `joins` are outer joins by name; only those that a query needs are made."""

    key: sa.Column[Any]
    columns: tuple[Shown, ...]
    fetch: Callable[[Session, Sequence[int], datetime], dict[int, tuple[Any, ...]]]
    tables: Collection[str]
    found: Callable[[str, Scope], sa.ColumnElement[bool]]
    found_needs: tuple[str, ...] = ()
    filters: Mapping[str, Chosen] = field(default_factory=dict)
    scopes: Mapping[str, tuple[Expr, tuple[str, ...]]] = field(default_factory=dict)
    joins: Mapping[str, Join] = field(default_factory=dict)
    always: tuple[sa.ColumnElement[bool], ...] = ()
    always_needs: tuple[str, ...] = ()
    newest_first: bool = False
    in_parts: tuple[str, tuple[str, ...]] | None = None
    """A filter and all its values, where an index keeps the rows of each in the order of the key: the first rows of
    all are then found among the first of each."""

    def joined(self, needed: Iterable[str]) -> sa.FromClause:
        """The key's table with the joins that are needed, each once, in an order that works."""
        source: sa.FromClause = self.key.table
        made: set[str] = set()

        def join(name: str) -> None:
            nonlocal source
            if name in made:
                return
            table, condition, before = self.joins[name]
            for other in before:
                join(other)
            made.add(name)
            source = sa.outerjoin(source, table, condition)

        for name in sorted(needed):
            join(name)
        return source


def _in(column: Expr, *needs: str) -> Chosen:
    return Chosen(lambda allowed: column.in_(allowed), needs)


def _ids_in(column: Expr, *needs: str) -> Chosen:
    return Chosen(lambda allowed: column.in_([int(a) for a in allowed if a.isdecimal() and len(a) < 19]), needs)


def _contains(column: Expr, word: str) -> sa.ColumnElement[bool]:
    return sa.type_coerce(column, sa.Text).icontains(word, autoescape=True)


def _id_is(column: Expr, word: str, prefix: str) -> sa.ColumnElement[bool]:
    digits = word.upper().removeprefix(prefix)
    return column == int(digits) if digits.isdecimal() and len(digits) < 19 else sa.false()


def _named(table: sa.Table, key: str, name: str, word: str) -> sa.Select[Any]:
    """The few rows of a small table whose name has the word: its ids are then looked up in the big one's index."""
    return sa.select(table.c[key]).where(_contains(table.c[name], word))


def _any_of(*conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return sa.or_(*conditions)


_WORKER_OF_UNIT: Join = (WORKERS, WORKERS.c.worker_id == UNITS.c.worker_id, ())
_AGENT_OF_UNIT: Join = (AGENTS, AGENTS.c.agent_id == UNITS.c.agent_id, ())
_TASK_OF_UNIT: Join = (TASKS, TASKS.c.task_id == UNITS.c.task_id, ())
_UNIT_JOINS = {"worker": _WORKER_OF_UNIT, "agent": _AGENT_OF_UNIT, "task": _TASK_OF_UNIT}
_UNIT_SCOPES: dict[str, tuple[Expr, tuple[str, ...]]] = {
    name: (UNITS.c[name], ()) for name in ("task_run_id", "task_id", "worker_id", "assignment_id")
}


def _items_with(word: str, scope: Scope) -> sa.Select[Any]:
    """The items whose data have the word, each looked at once; their data are kept as ASCII with escapes."""
    has = _contains(sa.cast(ASSIGNMENTS.c.data, sa.Text), json.dumps(word)[1:-1])
    return sa.select(ASSIGNMENTS.c.assignment_id).where(has, *_of_run(ASSIGNMENTS, scope))


def _of_run(table: sa.Table, scope: Scope) -> list[sa.ColumnElement[bool]]:
    return [table.c.task_run_id == scope["task_run_id"]] if "task_run_id" in scope else []


def _find_unit(word: str, scope: Scope) -> sa.ColumnElement[bool]:
    answered = sa.select(AGENTS.c.agent_id).where(_contains(AGENTS.c.answer, word), *_of_run(AGENTS, scope))
    return _any_of(
        _id_is(UNITS.c.unit_id, word, "U-"),
        UNITS.c.worker_id.in_(_named(WORKERS, "worker_id", "worker_name", word)),
        UNITS.c.agent_id.in_(answered),
        UNITS.c.assignment_id.in_(_items_with(word, scope)),
    )


def _flag_is(allowed: list[str]) -> sa.ColumnElement[bool]:
    """ "any": any flag; else one of those."""
    flagged = sa.exists().where(FLAGS.c.unit_id == UNITS.c.unit_id)
    return flagged if "any" in allowed else flagged.where(FLAGS.c.flag.in_(allowed))


_PEER = AGENTS.alias("peer")
_SUBMITTED = [AgentStatus.COMPLETED, AgentStatus.APPROVED, AgentStatus.SOFT_REJECTED, AgentStatus.REJECTED]


def _peers(*conditions: sa.ColumnElement[bool]) -> Expr:
    return (
        sa.select(sa.func.count())
        .where(_PEER.c.assignment_id == UNITS.c.assignment_id, _PEER.c.status.in_(_SUBMITTED), *conditions)
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
    return _any_of(*(meanings[a] for a in allowed if a in meanings), sa.false())


_NOT_PENDING = ~sa.exists().where(PENDING.c.unit_id == UNITS.c.unit_id)

_UNITS = Kind(
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
    fetch=rows.unit_rows,
    tables=("units", "agents", "unit_flags", "workers"),
    found=_find_unit,
    filters={
        "status": _in(UNITS.c.status), "worker": _in(WORKERS.c.worker_name, "worker"), "flags": Chosen(_flag_is),
        "unit": _ids_in(UNITS.c.unit_id), "answer": _in(AGENTS.c.answer, "agent"),
    },
    scopes=_UNIT_SCOPES,
    joins=_UNIT_JOINS,
    in_parts=("status", tuple(UnitStatus)),
)  # fmt: skip

_REVIEW = Kind(
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
    fetch=rows.review_rows,
    tables=("units", "agents", "unit_flags", "pending_decisions", "workers"),
    found=_find_unit,
    filters={
        "worker": _in(WORKERS.c.worker_name, "worker"), "worker_id": _ids_in(UNITS.c.worker_id),
        "answer": _in(AGENTS.c.answer, "agent"), "flags": Chosen(_flag_is),
        "agreement": Chosen(_agreement_is, ("agent",)), "task": _in(TASKS.c.task_name, "task"),
        "unit": _ids_in(UNITS.c.unit_id),
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

_AGENTS = Kind(
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
    fetch=rows.agent_rows,
    tables=("agents", "units", "workers"),
    found=lambda word, scope: _any_of(
        _id_is(AGENTS.c.unit_id, word, "U-"),
        AGENTS.c.worker_id.in_(_named(WORKERS, "worker_id", "worker_name", word)),
        _contains(AGENTS.c.answer, word),
        _contains(AGENTS.c.status, word),
        AGENTS.c.assignment_id.in_(_items_with(word, scope)),
    ),
    filters={"status": _in(AGENTS.c.status), "worker": _in(WORKERS.c.worker_name, "worker")},
    scopes={name: (AGENTS.c[name], ()) for name in ("task_run_id", "task_id", "worker_id", "unit_id", "assignment_id")},
    joins=_AGENT_JOINS,
    newest_first=True,
)  # fmt: skip


def _find_event(word: str, _scope: Scope) -> sa.ColumnElement[bool]:
    return _any_of(_contains(EVENTS.c.message, word), _contains(EVENTS.c.kind, word))


_EVENT_SCOPES: dict[str, tuple[Expr, tuple[str, ...]]] = {"task_run_id": (EVENTS.c.task_run_id, ())}

_LOG = Kind(
    key=EVENTS.c.event_id,
    columns=(
        Shown("when", "When", "datetime", 140, EVENTS.c.event_id),
        Shown("level", "Level", "status", 90, EVENTS.c.level),
        Shown("kind", "Kind", "text", 140, EVENTS.c.kind),
        Shown("message", "What happened", "text", 420, EVENTS.c.message),
        Shown("author", "Author", "text", 100, EVENTS.c.author),
    ),
    fetch=rows.log_rows,
    tables=("events",),
    found=_find_event,
    filters={"level": _in(EVENTS.c.level), "kind": _in(EVENTS.c.kind), "author": _in(EVENTS.c.author)},
    scopes=_EVENT_SCOPES,
    newest_first=True,
)

_REFUSED = Kind(
    key=EVENTS.c.event_id,
    columns=(
        Shown("when", "When", "datetime", 140, EVENTS.c.event_id),
        Shown("worker", "Worker", "text", 140),
        Shown("reason", "Reason", "text", 420, EVENTS.c.message),
        Shown("code", "Code", "text", 140),
    ),
    fetch=rows.refused_rows,
    tables=("events",),
    found=_find_event,
    filters={"kind": _in(EVENTS.c.kind)},
    scopes=_EVENT_SCOPES,
    always=(EVENTS.c.kind.startswith("worker.refused"),),
    newest_first=True,
)

_DONE_BY = (
    sa.select(sa.func.count())
    .where(AGENTS.c.worker_id == WORKERS.c.worker_id, AGENTS.c.status.in_(_SUBMITTED))
    .scalar_subquery()
)


def _judged(*statuses: AgentStatus) -> Expr:
    return (
        sa.select(sa.func.count())
        .where(AGENTS.c.worker_id == WORKERS.c.worker_id, AGENTS.c.status.in_(statuses))
        .scalar_subquery()
    )


_ACCEPTANCE = (
    _judged(AgentStatus.APPROVED, AgentStatus.SOFT_REJECTED) * 1000 / sa.func.nullif(_judged(*_SUBMITTED[1:]), 0)
)

_WORKERS = Kind(
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
    fetch=rows.worker_rows,
    tables=("workers", "agents", "payments", "blocks", "granted_qualifications"),
    found=lambda word, _scope: _any_of(
        _contains(WORKERS.c.worker_name, word), _contains(WORKERS.c.provider_type, word)
    ),
    filters={
        "worker": _in(WORKERS.c.worker_name), "provider": _in(WORKERS.c.provider_type), "blocks": Chosen(rows.block_is),
        "qualifications": Chosen(rows.holds_any),
    },
    scopes={"worker_id": (WORKERS.c.worker_id, ())},
)  # fmt: skip

_GRANTS = Kind(
    key=GRANTS.c.granted_qualification_id,
    columns=(
        Shown("worker", "Worker", "text", 160, WORKERS.c.worker_name, ("worker",), True),
        Shown("qualification", "Qualification", "text", 200, QUALIFICATIONS.c.qualification_name, ("name",), True),
        Shown("value", "Value", "number", 80, GRANTS.c.value),
        Shown("since", "Since", "datetime", 140, GRANTS.c.update_date),
        Shown("run", "From run", "text", 160, TASKS.c.task_name, ("task",), True),
        Shown("provider", "Provider", "text", 100, WORKERS.c.provider_type, ("worker",), True),
    ),
    fetch=rows.grant_rows,
    tables=("granted_qualifications", "qualifications", "workers"),
    found=lambda word, _scope: _any_of(
        _contains(WORKERS.c.worker_name, word), _contains(QUALIFICATIONS.c.qualification_name, word)
    ),
    found_needs=("worker", "name"),
    filters={
        "worker": _in(WORKERS.c.worker_name, "worker"),
        "qualification": _in(QUALIFICATIONS.c.qualification_name, "name"),
        "value": _ids_in(GRANTS.c.value),
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

_HOLDERS = (
    sa.select(sa.func.count()).where(GRANTS.c.qualification_id == QUALIFICATIONS.c.qualification_id).scalar_subquery()
)

_QUALIFICATIONS = Kind(
    key=QUALIFICATIONS.c.qualification_id,
    columns=(
        Shown("qualification", "Qualification", "text", 220, QUALIFICATIONS.c.qualification_name),
        Shown("holders", "Holders", "number", 90, _HOLDERS),
        Shown("description", "Description", "text", 320, QUALIFICATIONS.c.description, (), True),
        Shown("since", "Made", "datetime", 140, QUALIFICATIONS.c.creation_date),
    ),
    fetch=rows.qualification_rows,
    tables=("qualifications", "granted_qualifications"),
    found=lambda word, _scope: _any_of(
        _contains(QUALIFICATIONS.c.qualification_name, word), _contains(QUALIFICATIONS.c.description, word)
    ),
    filters={"qualification": _in(QUALIFICATIONS.c.qualification_name)},
)

_PAYMENTS = Kind(
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
    fetch=rows.payment_rows,
    tables=("payments",),
    found=lambda word, _scope: _any_of(
        PAYMENTS.c.worker_id.in_(_named(WORKERS, "worker_id", "worker_name", word)),
        _contains(PAYMENTS.c.reason, word),
        _contains(TASKS.c.task_name, word),
        _contains(PAYMENTS.c.kind, word),
        _contains(PAYMENTS.c.state, word),
        _id_is(PAYMENTS.c.unit_id, word, "U-"),
    ),
    found_needs=("task",),
    filters={
        "state": _in(PAYMENTS.c.state), "kind": _in(PAYMENTS.c.kind), "provider": _in(PAYMENTS.c.provider_type),
        "worker": _in(WORKERS.c.worker_name, "worker"), "task": _in(TASKS.c.task_name, "task"),
        "currency": _in(PAYMENTS.c.currency),
    },
    scopes={name: (PAYMENTS.c[name], ()) for name in ("task_run_id", "worker_id", "unit_id")},
    joins={
        "worker": (WORKERS, WORKERS.c.worker_id == PAYMENTS.c.worker_id, ()),
        "run": (RUNS, RUNS.c.task_run_id == PAYMENTS.c.task_run_id, ()),
        "task": (TASKS, TASKS.c.task_id == RUNS.c.task_id, ("run",)),
    },
    newest_first=True,
)  # fmt: skip

_RUNS = Kind(
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
    fetch=rows.run_rows,
    tables=("task_runs", "tasks", "projects", "units", "payments"),
    found=lambda word, _scope: _any_of(
        _contains(TASKS.c.task_name, word),
        _contains(PROJECTS.c.project_name, word),
        _contains(RUNS.c.state, word),
        _id_is(RUNS.c.task_run_id, word, "R-"),
    ),
    found_needs=("task", "project"),
    filters={
        "state": _in(RUNS.c.state), "task": _in(TASKS.c.task_name, "task"), "provider": _in(RUNS.c.provider_type),
        "project": _in(PROJECTS.c.project_name, "project"),
    },
    scopes={"task_id": (RUNS.c.task_id, ())},
    joins={
        "task": (TASKS, TASKS.c.task_id == RUNS.c.task_id, ()),
        "project": (PROJECTS, PROJECTS.c.project_id == TASKS.c.project_id, ("task",)),
    },
    newest_first=True,
)  # fmt: skip

KINDS: dict[str, Kind] = {
    "units": _UNITS,
    "agents": _AGENTS,
    "refused": _REFUSED,
    "log": _LOG,
    "workers": _WORKERS,
    "review": _REVIEW,
    "grants": _GRANTS,
    "qualifications": _QUALIFICATIONS,
    "payments": _PAYMENTS,
    "runs": _RUNS,
}
