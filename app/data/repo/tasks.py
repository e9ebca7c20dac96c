"""Projects, tasks, requesters and task runs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from app.data.changes import announce
from app.data.files import NO_PROJECT
from app.data.repo.core import (
    PROJECTS,
    REQUESTERS,
    RUNS,
    TASKS,
    add,
    filled,
    missing,
    one,
    run,
)
from app.data.states import RunState
from app.errors import InvalidEntry


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


def finish_launch(session: Session, run_id: int) -> None:
    """All assignment data were made into units."""
    _change_run(session, run_id, launch_finished=True)


def _change_run(session: Session, run_id: int, **values: Any) -> None:
    if not run(session, sa.update(RUNS).where(RUNS.c.task_run_id == run_id).values(values)).rowcount:
        raise missing("task run", run_id)
    announce(session, "task_runs", (run_id,))
