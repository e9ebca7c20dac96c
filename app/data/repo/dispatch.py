"""Handing out units, many at once: a few statements for a whole batch of workers.

This is the set-based face of `status.py` for the hot path: each statement moves agents and units together, only along
`states.py`, and only rows that stand where the move begins.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import sqlalchemy as sa
from sqlmodel import Session, SQLModel

from app.data.changes import announce
from app.data.engine import dump_json
from app.data.repo import status
from app.data.repo.core import Batch, all_at_once, among, among_texts, is_postgresql, not_by_index
from app.data.states import LIVE_AGENT, AgentStatus, UnitStatus
from app.data.tables import people, quality, tasks
from app.errors import IllegalTransition

_agents = SQLModel.metadata.tables[str(people.Agent.__tablename__)]
_agent_data = SQLModel.metadata.tables[str(people.AgentData.__tablename__)]
_blocks = SQLModel.metadata.tables[str(people.Block.__tablename__)]
_workers = SQLModel.metadata.tables[str(people.Worker.__tablename__)]
_granted = SQLModel.metadata.tables[str(quality.GrantedQualification.__tablename__)]
_qualifications = SQLModel.metadata.tables[str(quality.Qualification.__tablename__)]
_units = SQLModel.metadata.tables[str(tasks.Unit.__tablename__)]
_assignments = SQLModel.metadata.tables[str(tasks.Assignment.__tablename__)]


@dataclass(frozen=True, slots=True)
class Asker:
    """A worker who may have a unit."""

    worker_id: int
    registration_id: str
    nonce: str
    token_hash: str
    only: Sequence[int] | None = None
    """One of these units, and no other; None: whichever is next."""


class RunKeys(Protocol):
    """The columns of a run that its agents copy."""

    @property
    def task_run_id(self) -> int: ...

    @property
    def task_id(self) -> int: ...

    @property
    def task_type(self) -> str: ...

    @property
    def provider_type(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Claim:
    """A unit that an agent holds now."""

    agent_id: int
    unit_id: int
    unit_index: int
    assignment_id: int


@dataclass(frozen=True, slots=True)
class KnownAgent:
    """An agent that a page speaks for. `unit_free`: its unit is launched, and nobody's."""

    agent_id: int
    worker_id: int
    unit_id: int
    unit_index: int
    assignment_id: int
    status: AgentStatus
    registration_id: str
    nonce: str
    token_hash: str
    started_at: datetime
    unit_free: bool
    left_reason: str


@dataclass(frozen=True, slots=True)
class OpenUnits:
    """Whether there are units of a run that are not done, and where they stand."""

    created: bool
    launched: bool
    assigned: bool
    may_come_back: bool
    """Units are at work that others can have when they are given up: no screening or gold units."""


# agents that pages speak for

_KNOWN = sa.select(
    _agents.c.agent_id,
    _agents.c.worker_id,
    _agents.c.unit_id,
    _units.c.unit_index,
    _agents.c.assignment_id,
    _agents.c.status,
    _agents.c.registration_id,
    _agents.c.nonce,
    _agents.c.token_hash,
    _agents.c.started_at,
    _agents.c.creation_date,
    _agents.c.left_reason,
    _units.c.status.label("unit_status"),
).join(_units, _units.c.unit_id == _agents.c.unit_id)
_OF_REGISTRATIONS = (
    _KNOWN.where(_agents.c.task_run_id == sa.bindparam("run_id"))
    .where(among_texts(_agents.c.registration_id, "keys"))
    .order_by(_agents.c.agent_id)
)
# by the hash alone: with the run beside it SQLite would read all agents of the run
_OF_TOKENS = _KNOWN.add_columns(_agents.c.task_run_id).where(among_texts(_agents.c.token_hash, "keys"))
_OF_IDS = _KNOWN.where(among(_agents.c.agent_id, "keys"))
_LIVE_OF_RUN = _KNOWN.where(_agents.c.task_run_id == sa.bindparam("run_id")).where(
    _agents.c.status.in_(sorted(LIVE_AGENT))
)


def find_by_registrations(session: Session, run_id: int, registration_ids: Collection[str]) -> dict[str, KnownAgent]:
    """The latest agent of each registration that is known in the run."""
    rows = all_at_once(session, _OF_REGISTRATIONS, {"run_id": run_id, "keys": list(registration_ids)})
    return {row.registration_id: _known(row) for row in rows}


def find_by_tokens(session: Session, run_id: int, token_hashes: Collection[str]) -> dict[str, KnownAgent]:
    """The agents of the run with these tokens, by hash."""
    rows = all_at_once(session, _OF_TOKENS, {"keys": list(token_hashes)})
    return {row.token_hash: _known(row) for row in rows if row.task_run_id == run_id}


def find_by_ids(session: Session, agent_ids: Collection[int]) -> dict[int, KnownAgent]:
    """The agents of these ids."""
    rows = all_at_once(session, _OF_IDS, {"keys": list(agent_ids)})
    return {row.agent_id: _known(row) for row in rows}


def list_holders(session: Session, run_id: int) -> list[tuple[KnownAgent, str]]:
    """Every agent of the run that holds a unit and may still submit, with its worker's name."""
    held = {row.agent_id: _known(row) for row in session.connection().execute(_LIVE_OF_RUN, {"run_id": run_id})}
    names = sa.select(_workers.c.worker_id, _workers.c.worker_name).where(
        _workers.c.worker_id.in_(
            sa.select(_agents.c.worker_id)
            .where(_agents.c.task_run_id == run_id)
            .where(_agents.c.status.in_(sorted(LIVE_AGENT)))
        )
    )
    by_id = {row.worker_id: row.worker_name for row in session.connection().execute(names)}
    return [(agent, by_id[agent.worker_id]) for agent in held.values()]


def _known(row: Any) -> KnownAgent:
    return KnownAgent(
        row.agent_id,
        row.worker_id,
        row.unit_id,
        row.unit_index,
        row.assignment_id,
        AgentStatus(row.status),
        row.registration_id,
        row.nonce,
        row.token_hash,
        row.started_at or row.creation_date,
        row.unit_status == UnitStatus.LAUNCHED,
        row.left_reason,
    )


# units by status

_COUNT_STATUS = (
    sa.select(sa.func.count())
    .select_from(_units)
    .where(_units.c.task_run_id == sa.bindparam("run_id"))
    .where(_units.c.status.in_(sa.bindparam("statuses", expanding=True)))
)


def count_units(session: Session, run_id: int, statuses: Collection[UnitStatus]) -> int:
    """How many units of the run stand at one of these statuses."""
    found = session.connection().execute(_COUNT_STATUS, {"run_id": run_id, "statuses": [str(s) for s in statuses]})
    return int(found.scalar_one())


def list_units(session: Session, run_id: int, status_: UnitStatus, *, after: int, limit: int) -> list[int]:
    """The first `limit` units of the run at a status, behind the unit `after`."""
    statement = (
        sa.select(_units.c.unit_id)
        .where(_units.c.task_run_id == run_id, _units.c.status == status_, _units.c.unit_id > after)
        .order_by(_units.c.unit_id)
        .limit(limit)
    )
    return [row.unit_id for row in session.connection().execute(statement)]


def still_launched(session: Session, unit_ids: Collection[int]) -> list[int]:
    """Those of the units that nobody has taken."""
    statement = sa.select(_units.c.unit_id).where(
        among(_units.c.unit_id, "ids"), _units.c.status == UnitStatus.LAUNCHED
    )
    return [row.unit_id for row in session.connection().execute(statement, {"ids": list(unit_ids)})]


def find_open_units(session: Session, run_id: int) -> OpenUnits:
    """Which statuses of open units occur in the run; three looks at an index, at any size."""

    def occurs(status: UnitStatus) -> Any:
        return sa.exists().where(_units.c.task_run_id == run_id).where(_units.c.status == status)

    statement = sa.select(
        *(occurs(s) for s in (UnitStatus.CREATED, UnitStatus.LAUNCHED, UnitStatus.ASSIGNED)),
        occurs(UnitStatus.ASSIGNED).where(_units.c.unit_index >= 0),
    )
    return OpenUnits(*(bool(each) for each in session.connection().execute(statement).one()))


# the claim

_FREE = (
    sa.select(_units.c.unit_id, _units.c.assignment_id, _units.c.unit_index, _units.c.requeued)
    .where(_units.c.task_run_id == sa.bindparam("run_id"))
    .where(_units.c.status == UnitStatus.LAUNCHED)
    .where(_units.c.unit_index >= 0)
    .order_by(_units.c.unit_id)
    .limit(sa.bindparam("number"))
    .with_for_update(skip_locked=True)
)
_batch = Batch()
_ASSIGN = (
    sa.update(_units)
    .where(_units.c.unit_id == _batch.integer("unit"))
    .where(not_by_index(_units.c.status) == UnitStatus.LAUNCHED)
    .values(status=UnitStatus.ASSIGNED, agent_id=_batch.integer("agent"), worker_id=_batch.integer("worker"))
)
_COPIED = ("unit_id", "task_id", "task_run_id", "assignment_id", "task_type", "provider_type")
_NEW_AGENTS = sa.insert(_agents).from_select(
    [
        *("agent_id", "worker_id", "registration_id", "nonce", "token_hash", *_COPIED),
        *("status", "creation_date", "started_at", "answer", "left_reason", "connection"),
    ],
    sa.select(
        _batch.integer("agent"),
        _batch.integer("worker"),
        *(_batch.text(name) for name in ("registration", "nonce", "hash")),
        *(_units.c[name] for name in _COPIED),
        sa.literal(AgentStatus.IN_TASK, sa.String),
        *(sa.bindparam("now", type_=_agents.c.started_at.type) for _ in range(2)),
        sa.literal("", sa.String),
        sa.literal("", sa.String),
        sa.literal({}, _agents.c.connection.type),
    ).where(_units.c.unit_id == _batch.integer("unit")),
    include_defaults=False,
)
_RESERVE = sa.text("SELECT nextval(pg_get_serial_sequence('agents', 'agent_id')) FROM generate_series(1, :number)")
_LAST = sa.select(sa.func.coalesce(sa.func.max(_agents.c.agent_id), 0))
_WAIT = (
    sa.update(_agents)
    .where(_agents.c.agent_id == sa.bindparam("b_agent"))
    .where(_agents.c.status == AgentStatus.ACCEPTED)
    .values(status=AgentStatus.WAITING)
)


def claim_units(
    session: Session, run: RunKeys, askers: Sequence[Asker], *, waiting: bool, one_worker_an_item: bool, now: datetime
) -> list[Claim | None]:
    """A unit for each asker, in their order, and the agent that holds it; None where there is none for them.

    The askers are different workers. Their agents start `in task`, or `waiting` for the others of the assignment.
    Where each item has one unit, and none of those that are next ever came back, whom a unit goes to does not matter:
    the whole batch is served by three statements. Else each asker's claim is a statement of its own.
    """
    if one_worker_an_item and not waiting and all(asker.only is None for asker in askers):
        asked = {"run_id": run.task_run_id, "number": len(askers)}
        picks = all_at_once(session, _FREE, asked)
        if len(picks) == len(askers) and not any(pick.requeued for pick in picks):
            return [*_assign_together(session, askers, picks, now)]
    made = [
        status.claim(
            session, run.task_run_id, _new_agent(asker, AgentStatus.ACCEPTED, now), in_task=not waiting, only=asker.only
        )
        for asker in askers
    ]
    agent_ids = [agent_id for agent_id in made if agent_id is not None]
    if waiting and agent_ids:
        session.connection().execute(_WAIT, [{"b_agent": agent_id} for agent_id in agent_ids])
    agents = find_by_ids(session, agent_ids) if agent_ids else {}
    return [None if agent_id is None else _as_claim(agents[agent_id]) for agent_id in made]


def _assign_together(session: Session, askers: Sequence[Asker], picks: Sequence[Any], now: datetime) -> list[Claim]:
    agent_ids = _reserve_agents(session, len(picks))
    rows = dump_json(
        [
            {
                "agent": agent_id,
                "worker": asker.worker_id,
                "unit": pick.unit_id,
                "registration": asker.registration_id,
                "nonce": asker.nonce,
                "hash": asker.token_hash,
            }
            for agent_id, asker, pick in zip(agent_ids, askers, picks, strict=True)
        ]
    )
    session.connection().execute(_NEW_AGENTS, {"rows": rows, "now": now})
    if session.connection().execute(_ASSIGN, {"rows": rows}).rowcount != len(
        picks
    ):  # cannot be: the picks are locked, or nobody else writes
        raise IllegalTransition("unit", "taken", UnitStatus.ASSIGNED)
    announce(session, "agents", agent_ids)
    announce(session, "units", [pick.unit_id for pick in picks])
    return [
        Claim(agent_id, pick.unit_id, pick.unit_index, pick.assignment_id)
        for agent_id, pick in zip(agent_ids, picks, strict=True)
    ]


def _reserve_agents(session: Session, number: int) -> list[int]:
    """Ids for new agents: a statement that also asked for the ids it makes would run once for each row."""
    if is_postgresql(session):
        return [int(row[0]) for row in session.connection().execute(_RESERVE, {"number": number})]
    last = int(session.connection().execute(_LAST).scalar_one())
    return list(range(last + 1, last + 1 + number))


def _as_claim(agent: KnownAgent) -> Claim:
    return Claim(agent.agent_id, agent.unit_id, agent.unit_index, agent.assignment_id)


def _new_agent(asker: Asker, status: AgentStatus, now: datetime) -> dict[str, Any]:
    return {
        "worker_id": asker.worker_id,
        "status": status,
        "creation_date": now,
        "started_at": now,
        "registration_id": asker.registration_id,
        "nonce": asker.nonce,
        "token_hash": asker.token_hash,
    }


# what the page is given

_ITEMS = sa.select(_assignments.c.assignment_id, _assignments.c.data).where(among(_assignments.c.assignment_id, "keys"))
_INPUTS = sa.select(_agent_data.c.agent_id, _agent_data.c.inputs).where(among(_agent_data.c.agent_id, "keys"))
_SEEN = (
    sa.update(_workers)
    .where(_workers.c.worker_id == sa.bindparam("b_worker"))
    .values(last_seen_at=sa.bindparam("b_now", type_=_workers.c.last_seen_at.type))
)


def list_items(session: Session, assignment_ids: Collection[int]) -> dict[int, Mapping[str, Any]]:
    """The data of assignments: `{"shared": {...}, "unit_data": [{...}, ...]}` each."""
    rows = all_at_once(session, _ITEMS, {"keys": list(assignment_ids)})
    return {row.assignment_id: row.data for row in rows}


_NEW_DATA = sa.insert(_agent_data).from_select(
    ["agent_id", "inputs", "creation_date"],
    sa.select(
        _batch.integer("agent"), _batch.json("inputs"), sa.bindparam("now", type_=_agent_data.c.creation_date.type)
    ),
    include_defaults=False,
)


def keep_inputs(session: Session, inputs: Mapping[int, Any], now: datetime) -> None:
    """Keep what the pages of new agents are given, by agent."""
    if inputs:
        rows = dump_json([{"agent": agent_id, "inputs": given} for agent_id, given in inputs.items()])
        session.connection().execute(_NEW_DATA, {"rows": rows, "now": now})


def list_inputs(session: Session, agent_ids: Collection[int]) -> dict[int, Any]:
    """What the pages of agents were given, by agent."""
    rows = all_at_once(session, _INPUTS, {"keys": list(agent_ids)})
    return {row.agent_id: row.inputs for row in rows}


def has_worked(session: Session, worker_id: int) -> bool:
    """Whether the worker ever had a unit, of any run."""
    found = sa.select(_agents.c.agent_id).where(_agents.c.worker_id == worker_id).limit(1)
    return session.connection().execute(found).first() is not None


def mark_seen(session: Session, worker_ids: Collection[int], now: datetime) -> None:
    """These workers were here."""
    if worker_ids:
        session.connection().execute(_SEEN, [{"b_worker": worker_id, "b_now": now} for worker_id in worker_ids])
        announce(session, "workers", worker_ids)
