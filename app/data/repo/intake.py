"""Taking in work, many submissions at once; workers who come back, and assignments that start when all are there.

Set-based, as `dispatch.py`: agents and units move together, only along `states.py`, and only from where a move begins.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, SQLModel

from app.data.changes import announce
from app.data.engine import dump_json
from app.data.repo.core import Batch, clean_text, not_by_index
from app.data.repo.dispatch import KnownAgent
from app.data.states import AGENT_TRANSITIONS, LIVE_AGENT, AgentStatus, UnitStatus
from app.data.tables import people, tasks
from app.errors import IllegalTransition

_agents = SQLModel.metadata.tables[str(people.Agent.__tablename__)]
_agent_data = SQLModel.metadata.tables[str(people.AgentData.__tablename__)]
_units = SQLModel.metadata.tables[str(tasks.Unit.__tablename__)]


@dataclass(frozen=True, slots=True)
class Submission:
    """Work that is handed in. `answer` and `labels` are the blueprint's short account of it."""

    agent_id: int
    unit_id: int
    outputs: Any
    files: Sequence[Mapping[str, Any]]
    answer: str
    labels: Sequence[str]
    time_on_task_ms: int


_ASSIGN = (
    sa.update(_units)
    .where(_units.c.unit_id == sa.bindparam("b_unit"))
    .where(_units.c.status == UnitStatus.LAUNCHED)
    .values(status=UnitStatus.ASSIGNED, agent_id=sa.bindparam("b_agent"), worker_id=sa.bindparam("b_worker"))
)
_ON_ITEM = sa.select(_units.c.assignment_id, _units.c.status, _units.c.agent_id).where(
    _units.c.assignment_id.in_(sa.bindparam("keys", expanding=True)), _units.c.unit_index >= 0
)
_START = (
    sa.update(_agents)
    .where(_agents.c.agent_id == sa.bindparam("b_agent"))
    .where(_agents.c.status == AgentStatus.WAITING)
    .values(status=AgentStatus.IN_TASK, started_at=sa.bindparam("b_now", type_=_agents.c.started_at.type))
)
_MAY_COME_BACK = sorted(
    status for status, moves in AGENT_TRANSITIONS.items() if status not in LIVE_AGENT and AgentStatus.IN_TASK in moves
)
_BACK_AGENT = (
    sa.update(_agents)
    .where(_agents.c.agent_id == sa.bindparam("b_agent"))
    .where(_agents.c.status.in_(_MAY_COME_BACK))
    .values(status=AgentStatus.IN_TASK, left_reason="", left_at=None)
)
_own = _agents.alias("own")
_SINCE = sa.select(_agents.c.agent_id).where(
    _agents.c.worker_id == sa.bindparam("b_worker"),
    _agents.c.agent_id > sa.bindparam("b_agent"),
    _agents.c.task_run_id
    == sa.select(_own.c.task_run_id).where(_own.c.agent_id == sa.bindparam("b_agent")).scalar_subquery(),
)
_REOPEN = (
    sa.update(_units)
    .where(_units.c.unit_id == sa.bindparam("b_unit"), _units.c.unit_index < 0)
    .where(_units.c.status == UnitStatus.EXPIRED)
    .values(status=UnitStatus.LAUNCHED)
)
_batch = Batch()
_DONE_AGENT = (
    sa.update(_agents)
    .where(_agents.c.agent_id == _batch.integer("agent"))
    .where(_agents.c.status.in_([AgentStatus.IN_TASK, AgentStatus.ACCEPTED]))
    .values(
        status=AgentStatus.COMPLETED,
        submitted_at=sa.bindparam("now", type_=_agents.c.submitted_at.type),
        time_on_task_ms=_batch.integer("ms"),
        answer=_batch.text("answer"),
        labels=_batch.json("labels"),
    )
)
_DONE_UNIT = (
    sa.update(_units)
    .where(_units.c.unit_id == _batch.integer("unit"))
    .where(_units.c.agent_id == _batch.integer("agent"))
    .where(not_by_index(_units.c.status) == UnitStatus.ASSIGNED)
    .values(status=UnitStatus.COMPLETED)
)
_DONE_DATA = (
    sa.update(_agent_data)
    .where(_agent_data.c.agent_id == _batch.integer("agent"))
    .values(outputs=_batch.json("outputs"), files=_batch.json("files"))
)


def start_full_assignments(session: Session, assignment_ids: Collection[int], now: datetime) -> dict[int, list[int]]:
    """Concurrent assignments of which every unit has its worker start: waiting -> in task.

    Returns the agents that started, by assignment.
    """
    connection = session.connection()
    agents: dict[int, list[int]] = {}
    short: set[int] = set()
    for row in connection.execute(_ON_ITEM, {"keys": list(assignment_ids)}):
        if row.status == UnitStatus.ASSIGNED and row.agent_id is not None:
            agents.setdefault(row.assignment_id, []).append(row.agent_id)
        else:
            short.add(row.assignment_id)
    started = {item: ids for item, ids in agents.items() if item not in short}
    everybody = [agent_id for ids in started.values() for agent_id in ids]
    if everybody:
        connection.execute(_START, [{"b_agent": agent_id, "b_now": now} for agent_id in everybody])
        announce(session, "agents", everybody)
    return started


def take_back_unit(session: Session, agent: KnownAgent) -> bool:
    """A worker who left is back, and the unit is still free: it is theirs again, and they are in task.

    A screening or gold unit came to its end when they left, but nobody else had it: it is theirs again unless they have
    had another unit since. False, with nothing changed, when the unit is not free, or an agent that left so does not
    come back.
    """
    if agent.status not in _MAY_COME_BACK:
        return False
    connection = session.connection()
    if agent.unit_index < 0:
        if connection.execute(_SINCE, {"b_agent": agent.agent_id, "b_worker": agent.worker_id}).first() is not None:
            return False
        connection.execute(_REOPEN, {"b_unit": agent.unit_id})
    unit = {"b_unit": agent.unit_id, "b_agent": agent.agent_id, "b_worker": agent.worker_id}
    theirs_besides = sa.select(_units.c.unit_id).where(
        _units.c.assignment_id == agent.assignment_id,
        _units.c.worker_id == agent.worker_id,
        _units.c.unit_id != agent.unit_id,
    )
    if connection.execute(theirs_besides).first() is not None or connection.execute(_ASSIGN, unit).rowcount != 1:
        return False
    connection.execute(_BACK_AGENT, {"b_agent": agent.agent_id})
    announce(session, "agents", [agent.agent_id])
    announce(session, "units", [agent.unit_id])
    return True


_WAITS = sa.select(_agents.c.unit_id, _agents.c.worker_id).where(
    _agents.c.agent_id == sa.bindparam("b_agent"), _agents.c.status == AgentStatus.WAITING
)
_OF_UNIT = sa.select(_units.c.assignment_id, _units.c.status, _units.c.agent_id).where(
    _units.c.unit_id == sa.bindparam("b_unit")
)
_WAS_THERE = sa.select(_agents.c.agent_id).where(
    _agents.c.assignment_id == sa.bindparam("b_item"), _agents.c.worker_id == sa.bindparam("b_worker")
)
_FREE = (
    sa.update(_units)
    .where(_units.c.unit_id == sa.bindparam("b_unit"), _units.c.agent_id == sa.bindparam("b_agent"))
    .values(status=UnitStatus.LAUNCHED, agent_id=None, worker_id=None, requeued=True)
)
_TAKE_SEAT = _START.values(unit_id=sa.bindparam("b_unit"), assignment_id=sa.bindparam("b_item"))


def take_seat(session: Session, agent_id: int, unit_id: int, now: datetime) -> bool:
    """Somebody in the waiting room takes the seat of one who left a running assignment: waiting -> in task, at once.

    The unit that they waited with is free again, unless it is that seat itself. False, with nothing changed, when they
    do not wait any more, the seat is not free, or they have been in that assignment before.
    """
    connection = session.connection()
    waits = connection.execute(_WAITS, {"b_agent": agent_id}).first()
    seat = connection.execute(_OF_UNIT, {"b_unit": unit_id}).first()
    if waits is None or seat is None:
        return False
    units = [unit_id]
    if waits.unit_id != unit_id:
        been = {"b_item": seat.assignment_id, "b_worker": waits.worker_id}
        if seat.status != UnitStatus.LAUNCHED or connection.execute(_WAS_THERE, been).first() is not None:
            return False
        connection.execute(_FREE, {"b_unit": waits.unit_id, "b_agent": agent_id})
        connection.execute(_ASSIGN, {"b_unit": unit_id, "b_agent": agent_id, "b_worker": waits.worker_id})
        units.append(waits.unit_id)
    taken = {"b_agent": agent_id, "b_unit": unit_id, "b_item": seat.assignment_id, "b_now": now}
    connection.execute(_TAKE_SEAT, taken)
    announce(session, "agents", [agent_id])
    announce(session, "units", units)
    return True


def change_inputs(session: Session, agent_id: int, inputs: Any) -> None:
    """An agent whose page gets other data than it was given first."""
    changed = sa.update(_agent_data).where(_agent_data.c.agent_id == agent_id).values(inputs=inputs)
    session.connection().execute(changed)


def record_submissions(session: Session, done: Sequence[Submission], now: datetime) -> None:
    """Work of agents that are in task (or just accepted): data, agent and unit together, `completed`.

    `IllegalTransition`, with nothing changed, when one of them is not, or its unit is not theirs.
    """
    connection = session.connection()
    rows = dump_json(
        [
            {
                "agent": each.agent_id,
                "unit": each.unit_id,
                "outputs": each.outputs,
                "files": list(each.files),
                "ms": each.time_on_task_ms,
                "answer": clean_text(each.answer),
                "labels": sorted({clean_text(label, 500) for label in each.labels}),  # SQL compares them as they stand
            }
            for each in done
        ]
    )
    changed = [
        connection.execute(s, {"rows": rows, "now": now}).rowcount for s in (_DONE_DATA, _DONE_AGENT, _DONE_UNIT)
    ]
    if changed != [len(done)] * 3:
        raise IllegalTransition("agent", "not at work", AgentStatus.COMPLETED)
    announce(session, "agents", [each.agent_id for each in done])
    announce(session, "units", [each.unit_id for each in done])
