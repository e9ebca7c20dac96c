"""What the gates want to know of the workers who ask for a unit: blocks, qualifications, how many units they have."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, SQLModel

from app.data.repo.core import among
from app.data.states import DONE_UNIT, UnitStatus
from app.data.tables import people, quality, tasks

_blocks = SQLModel.metadata.tables[str(people.Block.__tablename__)]
_granted = SQLModel.metadata.tables[str(quality.GrantedQualification.__tablename__)]
_qualifications = SQLModel.metadata.tables[str(quality.Qualification.__tablename__)]
_units = SQLModel.metadata.tables[str(tasks.Unit.__tablename__)]

TAKEN = tuple(sorted({UnitStatus.ASSIGNED, *DONE_UNIT}))
"""Units of these statuses count against what one worker may take."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the gates want to know of a worker; counts that nobody asked for are 0."""

    blocked: bool = False
    soft_blocked: bool = False
    block_reason: str = ""
    block_until: datetime | None = None
    qualifications: Mapping[str, int] = field(default_factory=dict)
    held_in_run: int = 0
    test_units_held: int = 0
    """Screening and gold units among those."""
    taken_in_task: int = 0
    """Units that are work of the task: screening and gold units aside."""


_BLOCKS = (
    sa.select(_blocks.c.worker_id, _blocks.c.hard, _blocks.c.reason, _blocks.c.until)
    .where(among(_blocks.c.worker_id, "workers"))
    .where(_blocks.c.lifted_at.is_(None))
    .where(sa.or_(_blocks.c.until.is_(None), _blocks.c.until > sa.bindparam("now", type_=_blocks.c.until.type)))
    .where(sa.or_(_blocks.c.hard, _blocks.c.task_id.is_(None), _blocks.c.task_id == sa.bindparam("task_id")))
)
_GRANTS = (
    sa.select(_granted.c.worker_id, _qualifications.c.qualification_name, _granted.c.value)
    .join(_qualifications, _qualifications.c.qualification_id == _granted.c.qualification_id)
    .where(_granted.c.worker_id.in_(sa.bindparam("workers", expanding=True)))
    .where(_qualifications.c.qualification_name.in_(sa.bindparam("names", expanding=True)))
)
_HELD = (
    sa.select(_units.c.worker_id, sa.func.count(), sa.func.sum(sa.case((_units.c.unit_index < 0, 1), else_=0)))
    .where(_units.c.task_run_id == sa.bindparam("run_id"))
    .where(_units.c.worker_id.in_(sa.bindparam("workers", expanding=True)))
    .where(_units.c.status == UnitStatus.ASSIGNED)
    .group_by(_units.c.worker_id)
)
_TAKEN = (
    sa.select(_units.c.worker_id, sa.func.count())
    .where(_units.c.task_id == sa.bindparam("task_id"))
    .where(_units.c.worker_id.in_(sa.bindparam("workers", expanding=True)))
    .where(_units.c.status.in_(TAKEN), _units.c.unit_index >= 0)
    .group_by(_units.c.worker_id)
)


def standings(
    session: Session,
    *,
    task_id: int,
    run_id: int,
    worker_ids: Collection[int],
    qualification_names: Collection[str],
    count_held: bool,
    count_taken: bool,
    now: datetime,
) -> dict[int, Standing]:
    """What the gates want to know of some workers, one statement a question and none for what is not asked."""
    connection = session.connection()
    workers = list(worker_ids)
    asked: dict[str, Any] = {"workers": workers, "task_id": task_id, "run_id": run_id}
    barred: dict[int, Any] = {}
    for row in connection.execute(_BLOCKS, {"workers": workers, "task_id": task_id, "now": now}):
        if row.hard or row.worker_id not in barred:  # of several the hard one counts
            barred[row.worker_id] = row
    grants: dict[int, dict[str, int]] = {}
    if qualification_names:
        for worker_id, name, value in connection.execute(
            _GRANTS, {"workers": workers, "names": list(qualification_names)}
        ):
            grants.setdefault(worker_id, {})[name] = value
    held: dict[int, tuple[int, int]] = {}
    if count_held:
        for worker_id, units, tests in connection.execute(_HELD, _only(asked, "workers", "run_id")):
            held[worker_id] = (units, int(tests or 0))
    taken = _counts(connection.execute(_TAKEN, _only(asked, "workers", "task_id"))) if count_taken else {}
    return {
        worker_id: Standing(
            blocked=worker_id in barred and bool(barred[worker_id].hard),
            soft_blocked=worker_id in barred and not barred[worker_id].hard,
            block_reason=barred[worker_id].reason if worker_id in barred else "",
            block_until=barred[worker_id].until if worker_id in barred else None,
            qualifications=grants.get(worker_id, {}),
            held_in_run=held.get(worker_id, (0, 0))[0],
            test_units_held=held.get(worker_id, (0, 0))[1],
            taken_in_task=taken.get(worker_id, 0),
        )
        for worker_id in workers
    }


def _counts(rows: Any) -> dict[int, int]:
    return {worker_id: count for worker_id, count in rows}  # noqa: C416 - rows are not pairs to dict()


def _only(values: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: values[name] for name in names}
