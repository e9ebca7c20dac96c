"""Projects, tasks, requesters, task runs, and the assignments and units of a run."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from app.data.changes import announce
from app.data.engine import dump_json
from app.data.files import NO_PROJECT
from app.data.repo.core import (
    AGENTS,
    ASSIGNMENTS,
    COUNTED,
    PROJECTS,
    REQUESTERS,
    RUNS,
    TASKS,
    UNITS,
    add,
    filled,
    is_postgresql,
    missing,
    one,
    run,
)
from app.data.states import AgentStatus, RunState, UnitStatus
from app.data.tables.columns import Amount, UtcDateTime
from app.errors import InvalidEntry

MOST_UNITS_OF_AN_ITEM = 1_000
P = sa.bindparam
AssignmentItem = Mapping[str, Any]
"""`{"shared": {...}, "unit_data": [{...}, ...]}`: one assignment, and one unit per entry of unit_data."""


@dataclass(frozen=True)
class RunRow:
    """A task run, with the names it goes by."""

    task_run_id: int
    task_id: int
    task_name: str
    project_name: str | None
    requester_id: int
    requester_name: str
    init_params: str
    provider_type: str
    task_type: str
    sandbox: bool
    state: RunState
    currency: str
    budget: Decimal | None
    url: str | None
    is_completed: bool
    launched_through: int
    launch_finished: bool
    creation_date: datetime
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True)
class UnitRow:
    """A unit and who has it."""

    unit_id: int
    assignment_id: int
    unit_index: int
    pay_amount: Decimal
    provider_type: str
    status: UnitStatus
    agent_id: int | None
    worker_id: int | None
    task_type: str
    task_id: int
    task_run_id: int
    sandbox: bool
    requester_id: int
    creation_date: datetime


# -- projects, tasks, requesters --------------------------------------------------------------------------------------


def get_or_create_project(session: Session, name: str, now: datetime) -> int:
    """The project of that name. `InvalidEntry` for an empty or reserved name."""
    name = _project_name(name)
    found = one(session, sa.select(PROJECTS.c.project_id).where(PROJECTS.c.project_name == name))
    if found is not None:
        return int(found[0])
    project_id = add(session, PROJECTS, {"project_name": name, "creation_date": now})
    announce(session, "projects", (project_id,))
    return project_id


def get_or_create_task(session: Session, task_name: str, task_type: str, project_id: int | None, now: datetime) -> int:
    """The task of that name. A task that has runs keeps its type and project; before, it takes the new ones."""
    task_name = filled("task_name", task_name)
    found = one(session, _TASK_ROW.where(TASKS.c.task_name == task_name))
    if found is None:
        values = {"task_name": task_name, "task_type": task_type, "project_id": project_id, "creation_date": now}
        task_id = add(session, TASKS, values)
        announce(session, "tasks", (task_id,))
        return task_id
    if (found.task_type, found.project_id) != (task_type, project_id):
        if found.runs:
            raise InvalidEntry("task_name", _kept(found))
        run(
            session,
            sa.update(TASKS).where(TASKS.c.task_id == found.task_id).values(task_type=task_type, project_id=project_id),
        )
        announce(session, "tasks", (found.task_id,))
    return int(found.task_id)


def _kept(task: Any) -> str:
    where = f"the project {task.project_name!r}" if task.project_name else "no project"
    return (
        f"the task {task.task_name!r} has runs of the kind {task.task_type!r} in {where}, and keeps both: "
        "choose another name"
    )


def get_or_create_requester(session: Session, name: str, provider_type: str, now: datetime) -> int:
    """The requester of that name. `InvalidEntry` when the name is taken by an account at another provider."""
    name = filled("requester_name", name)
    statement = sa.select(REQUESTERS.c.requester_id, REQUESTERS.c.provider_type)
    found = one(session, statement.where(REQUESTERS.c.requester_name == name))
    if found is None:
        values = {"requester_name": name, "provider_type": filled("provider_type", provider_type)}
        requester_id = add(session, REQUESTERS, {**values, "creation_date": now})
        announce(session, "requesters", (requester_id,))
        return requester_id
    if found.provider_type != provider_type:
        raise InvalidEntry("requester_name", f"{name!r} is an account at {found.provider_type}")
    return int(found.requester_id)


_TASK_ROW = sa.select(
    TASKS.c.task_id,
    TASKS.c.task_name,
    TASKS.c.task_type,
    TASKS.c.project_id,
    PROJECTS.c.project_name,
    sa.select(sa.func.count()).where(RUNS.c.task_id == TASKS.c.task_id).scalar_subquery().label("runs"),
).outerjoin(PROJECTS, PROJECTS.c.project_id == TASKS.c.project_id)


def list_projects(session: Session) -> list[tuple[int, str]]:
    """(id, name) of all projects, by name."""
    statement = sa.select(PROJECTS.c.project_id, PROJECTS.c.project_name).order_by(PROJECTS.c.project_name)
    return [(row.project_id, row.project_name) for row in run(session, statement)]


def _project_name(name: str) -> str:
    name = filled("project_name", name)
    if name == NO_PROJECT:
        raise InvalidEntry("project_name", f"{NO_PROJECT} is reserved for runs of no project")
    return name


# -- task runs --------------------------------------------------------------------------------------------------------

_RUN_ROW = (
    sa.select(
        RUNS.c.task_run_id, RUNS.c.task_id, TASKS.c.task_name, PROJECTS.c.project_name, RUNS.c.requester_id,
        REQUESTERS.c.requester_name, RUNS.c.init_params, RUNS.c.provider_type, RUNS.c.task_type, RUNS.c.sandbox,
        RUNS.c.state, RUNS.c.currency, RUNS.c.budget, RUNS.c.url, RUNS.c.is_completed, RUNS.c.launched_through,
        RUNS.c.launch_finished, RUNS.c.creation_date, RUNS.c.started_at, RUNS.c.finished_at,
    )
    .join(TASKS, TASKS.c.task_id == RUNS.c.task_id)
    .join(REQUESTERS, REQUESTERS.c.requester_id == RUNS.c.requester_id)
    .outerjoin(PROJECTS, PROJECTS.c.project_id == TASKS.c.project_id)
)  # fmt: skip


def create_task_run(
    session: Session, *, task_id: int, requester_id: int, init_params: str, provider_type: str, task_type: str,
    sandbox: bool, currency: str, budget: Decimal | None, now: datetime,
) -> int:  # fmt: skip
    """A run in the state `setup`, without assignments."""
    if budget is not None and not budget >= 0:
        raise InvalidEntry("budget", "it may not be negative")
    values = {
        "task_id": task_id, "requester_id": requester_id, "init_params": init_params, "is_completed": False,
        "provider_type": filled("provider_type", provider_type), "task_type": filled("task_type", task_type),
        "sandbox": sandbox, "creation_date": now, "state": RunState.SETUP, "currency": filled("currency", currency),
        "budget": budget, "launched_through": 0, "launch_finished": False,
    }  # fmt: skip
    run_id = add(session, RUNS, values)
    announce(session, "task_runs", (run_id,))
    return run_id


def get_task_run(session: Session, run_id: int) -> RunRow:
    """A run by its id. `EntryDoesNotExist`."""
    row = one(session, _RUN_ROW.where(RUNS.c.task_run_id == run_id))
    if row is None:
        raise missing("task run", run_id)
    return _run_row(row)


def list_task_runs(session: Session, states: Collection[RunState] | None = None) -> list[RunRow]:
    """Runs in one of `states` (None: any), newest first."""
    statement = _RUN_ROW.order_by(RUNS.c.task_run_id.desc())
    if states is not None:
        statement = statement.where(RUNS.c.state.in_(sorted(states)))
    return [_run_row(row) for row in run(session, statement)]


def _run_row(row: Any) -> RunRow:
    return RunRow(**{**row._mapping, "state": RunState(row.state)})


def set_run_url(session: Session, run_id: int, url: str | None) -> None:
    """Where the pages of a run are served now."""
    _change_run(session, run_id, url=url)


def set_budget(session: Session, run_id: int, budget: Decimal | None) -> None:
    """What a run may cost; None: no limit."""
    if budget is not None and not budget >= 0:
        raise InvalidEntry("budget", "it may not be negative")
    _change_run(session, run_id, budget=budget)


def set_init_params(session: Session, run_id: int, init_params: str) -> None:
    """The configuration of a run, when something that may change in flight has changed."""
    _change_run(session, run_id, init_params=init_params)


def finish_launch(session: Session, run_id: int) -> None:
    """All assignment data were made into units."""
    _change_run(session, run_id, launch_finished=True)


def _change_run(session: Session, run_id: int, **values: Any) -> None:
    if not run(session, sa.update(RUNS).where(RUNS.c.task_run_id == run_id).values(values)).rowcount:
        raise missing("task run", run_id)
    announce(session, "task_runs", (run_id,))


# -- assignments and units --------------------------------------------------------------------------------------------


def add_assignments(
    session: Session, run_id: int, items: Sequence[AssignmentItem], *, pay_amount: Decimal,
    unit_status: UnitStatus = UnitStatus.CREATED, unit_indices: Sequence[int] | None = None,
    from_data: bool = True, now: datetime,
) -> tuple[int, int]:  # fmt: skip
    """Make assignments and their units, in a few statements however many; returns how many of each.

    `unit_status` is `created` or `launched`. A unit per entry of unit_data with indices 0.., or one per index of
    `unit_indices` (below zero: screening, gold, compensation). With `from_data` the run's `launched_through` moves on
    by the number of items, in the same transaction, so that a resumed launch leaves none out and makes none twice.
    """
    if unit_status not in (UnitStatus.CREATED, UnitStatus.LAUNCHED):
        raise InvalidEntry("status", f"a unit cannot begin as {unit_status}")
    if not (pay_amount.is_finite() and pay_amount >= 0):
        raise InvalidEntry("pay_amount", "it must be an amount of money, not below zero")
    if not items:
        return 0, 0
    indices = [_indices_of(item, unit_indices) for item in items]
    ids = _insert_assignments(session, run_id, items, now)
    units = 0
    for shape, group in groupby(range(len(ids)), key=lambda position: indices[position]):
        positions = list(group)
        values = {
            "run": run_id, "low": ids[positions[0]], "high": ids[positions[-1]], "pay": pay_amount,
            "status": unit_status, "now": now, "indices": json.dumps(shape),
        }  # fmt: skip
        units += run(session, _unit_insert(is_postgresql(session)), values).rowcount
    if from_data:
        moved = RUNS.c.launched_through + len(items)
        run(session, sa.update(RUNS).where(RUNS.c.task_run_id == run_id).values(launched_through=moved))
        announce(session, "task_runs", (run_id,))
    announce(session, "assignments", None)
    announce(session, "units", None)
    return len(ids), units


def _indices_of(item: AssignmentItem, given: Sequence[int] | None) -> tuple[int, ...]:
    indices = tuple(given) if given is not None else tuple(range(len(item["unit_data"])))
    if not 0 < len(indices) <= MOST_UNITS_OF_AN_ITEM:
        raise InvalidEntry("unit_data", f"an assignment has 1 to {MOST_UNITS_OF_AN_ITEM} units, not {len(indices)}")
    return indices


def _insert_assignments(session: Session, run_id: int, items: Sequence[AssignmentItem], now: datetime) -> list[int]:
    texts = [dump_json({"shared": item["shared"], "unit_data": item["unit_data"]}) for item in items]
    if is_postgresql(session):
        reserve = sa.text(
            "SELECT nextval(pg_get_serial_sequence('assignments', 'assignment_id')) FROM generate_series(1, :n)"
        )
        ids = [int(row[0]) for row in run(session, reserve, {"n": len(items)})]
        values = {"run": run_id, "now": now, "ids": ids, "texts": texts}
    else:
        last = one(session, sa.select(sa.func.coalesce(sa.func.max(ASSIGNMENTS.c.assignment_id), 0)))[0]
        ids = list(range(last + 1, last + 1 + len(items)))
        values = {"run": run_id, "now": now, "first": last + 1, "texts": json.dumps(texts)}
    inserted = run(session, _assignment_insert(is_postgresql(session)), values).rowcount
    if inserted != len(items):
        raise missing("task run", run_id)
    return ids


_COMMON = ("task_id", "task_run_id", "requester_id", "task_type", "provider_type", "sandbox")


@cache
def _assignment_insert(postgresql: bool) -> sa.Insert:
    """One statement for all items: the database takes the texts apart, without the interpreter's lock."""
    if postgresql:
        item = (
            sa.func.unnest(sa.cast(P("ids"), sa.ARRAY(sa.BigInteger)), sa.cast(P("texts"), sa.ARRAY(sa.Text)))
            .table_valued("id", "text")
            .render_derived(name="item")
        )
        columns: tuple[sa.ColumnElement[Any], ...] = (item.c.id, sa.cast(item.c.text, sa.JSON))
    else:
        item = sa.func.json_each(P("texts")).table_valued("key", "value", name="item")
        columns = (item.c.key + sa.cast(P("first"), sa.Integer), item.c.value)
    key, data = columns
    copied = [RUNS.c[name] for name in _COMMON]
    rows = sa.select(key, *copied, sa.cast(P("now", type_=UtcDateTime), UtcDateTime), data)
    rows = rows.select_from(RUNS.join(item, sa.true())).where(RUNS.c.task_run_id == P("run")).order_by(key)
    return (
        sa.insert(ASSIGNMENTS)
        .from_select(["assignment_id", *_COMMON, "creation_date", "data"], rows, False)
        .execution_options(**COUNTED)
    )


@cache
def _unit_insert(postgresql: bool) -> sa.Insert:
    """One statement for the units of a range of assignments that have the same number of units."""
    if postgresql:
        each = sa.func.json_array_elements_text(sa.cast(P("indices", type_=sa.Text), sa.JSON))
        index = each.table_valued("value").render_derived(name="unit_index")
    else:
        index = sa.func.json_each(P("indices")).table_valued("value", name="unit_index")
    number = sa.cast(index.c.value, sa.Integer)
    given = [
        sa.cast(P("pay", type_=Amount), Amount), sa.cast(P("status", type_=sa.String), sa.String),
        sa.cast(P("now", type_=UtcDateTime), UtcDateTime), sa.false(),
    ]  # fmt: skip
    rows = sa.select(ASSIGNMENTS.c.assignment_id, number, *(ASSIGNMENTS.c[name] for name in _COMMON), *given)
    rows = rows.select_from(ASSIGNMENTS.join(index, sa.true()))
    rows = rows.where(ASSIGNMENTS.c.assignment_id.between(P("low"), P("high")), ASSIGNMENTS.c.task_run_id == P("run"))
    columns = ["assignment_id", "unit_index", *_COMMON, "pay_amount", "status", "creation_date", "requeued"]
    return (
        sa.insert(UNITS)
        .from_select(columns, rows.order_by(ASSIGNMENTS.c.assignment_id), False)
        .execution_options(**COUNTED)
    )


# a count of each status by itself: half the time of grouping, for the index need not be read as text
_UNIT_COUNTS = sa.select(
    *(
        sa.select(sa.func.count())
        .select_from(UNITS)
        .where(UNITS.c.task_run_id == P("run"), UNITS.c.status == status)
        .scalar_subquery()
        for status in UnitStatus
    )
)


def unit_counts(session: Session, run_id: int) -> dict[UnitStatus, int]:
    """How many units of a run stand where; every status is there, with 0 where there are none."""
    row = one(session, _UNIT_COUNTS, {"run": run_id})
    return dict(zip(UnitStatus, row, strict=True))


def agent_counts(session: Session, run_id: int) -> dict[AgentStatus, int]:
    """How many agents of a run stand where; only statuses that occur."""

    statement = sa.select(AGENTS.c.status, sa.func.count()).where(AGENTS.c.task_run_id == run_id)
    return {AgentStatus(row[0]): row[1] for row in run(session, statement.group_by(AGENTS.c.status))}


def get_assignment_data(session: Session, assignment_id: int) -> dict[str, Any]:
    """`{"shared": {...}, "unit_data": [...]}` of an assignment."""
    row = one(session, sa.select(ASSIGNMENTS.c.data).where(ASSIGNMENTS.c.assignment_id == assignment_id))
    if row is None:
        raise missing("assignment", assignment_id)
    data: dict[str, Any] = row.data
    return data


_UNIT_ROW = sa.select(*(UNITS.c[name] for name in UnitRow.__dataclass_fields__))


def get_unit(session: Session, unit_id: int) -> UnitRow:
    """A unit by its id."""
    row = one(session, _UNIT_ROW.where(UNITS.c.unit_id == unit_id))
    if row is None:
        raise missing("unit", unit_id)
    return _unit_row(row)


def _unit_row(row: Any) -> UnitRow:
    return UnitRow(**{**row._mapping, "status": UnitStatus(row.status)})
