"""The only functions that assign a status, with `dispatch` and `intake`, driven by `app.data.states`.

A move that is not legal changes nothing. An agent that leaves gives its unit up: it comes back only by
`intake.take_back_unit`, while nobody else has taken the unit.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.dml import ReturningInsert
from sqlmodel import Session

from app.data import states
from app.data.changes import announce
from app.data.repo.core import (
    AGENTS,
    ASSIGNMENTS,
    ONBOARDING,
    RUNS,
    UNITS,
    WORKERS,
    among,
    constants,
    missing,
    one,
    run,
)
from app.data.states import AgentStatus, RunState, UnitStatus
from app.errors import IllegalTransition

_A, _U = AgentStatus, UnitStatus
P = sa.bindparam
_FREE = {"status": _U.LAUNCHED, "agent_id": None, "worker_id": None, "requeued": True}
_TAKE_BACK = {"status": _U.EXPIRED, "agent_id": None, "worker_id": None}

_AGENT_AND_UNIT = (
    sa.select(
        AGENTS.c.status, AGENTS.c.unit_id, AGENTS.c.started_at, UNITS.c.agent_id.label("holder"),
        UNITS.c.status.label("unit_status"), UNITS.c.unit_index,
    )
    .join_from(AGENTS, UNITS, UNITS.c.unit_id == AGENTS.c.unit_id)
    .where(AGENTS.c.agent_id == P("agent"))
    .with_for_update()
)  # fmt: skip
_SET_AGENT = sa.update(AGENTS).where(AGENTS.c.agent_id == P("agent")).values(status=P("new"))
_LEAVE = _SET_AGENT.values(left_reason=P("reason"), left_at=P("now"))
_REVIEW = _SET_AGENT.values(reviewed_at=P("now"))
_COMPLETE = _SET_AGENT.values(
    submitted_at=P("now"),
    time_on_task_ms=P("ms"),
)
_SET_UNIT = sa.update(UNITS).where(UNITS.c.unit_id == P("unit")).values(status=P("new"))
_FREE_UNIT = sa.update(UNITS).where(UNITS.c.unit_id == P("unit")).values(_FREE)
_EXPIRE_UNIT = sa.update(UNITS).where(UNITS.c.unit_id == P("unit")).values(_TAKE_BACK)


@dataclass(frozen=True)
class ReviewedUnit:
    """A unit that was just reviewed, with what its payment needs."""

    unit_id: int
    agent_id: int
    worker_id: int
    worker_name: str
    task_id: int
    task_run_id: int
    provider_type: str
    currency: str
    pay_amount: Decimal
    verdict: AgentStatus
    was: AgentStatus
    """What the agent was before: `completed`, or `rejected` when a rejection was taken back."""


@dataclass(frozen=True)
class ReviewResult:
    """What a review did: the units it changed, and the ids of those it could not."""

    reviewed: list[ReviewedUnit]
    skipped: list[int]


# -- one agent -------------------------------------------------------------------------------------------------------


def set_agent_status(
    session: Session, agent_id: int, new: AgentStatus, *, now: datetime, reason: str = ""
) -> AgentStatus:
    """Move an agent, and its unit with it; returns what it was. Raises `IllegalTransition` or `EntryDoesNotExist`."""
    row = _agent(session, agent_id)
    old = _A(row.status)
    if old in states.LEFT_AGENT or new not in states.AGENT_TRANSITIONS[old]:
        raise IllegalTransition("agent", old, new)
    if new in states.LEFT_AGENT:
        run(session, _LEAVE, {"agent": agent_id, "new": new, "reason": reason[:500], "now": now})
    elif new is _A.COMPLETED:
        spent = None if row.started_at is None else max(0, int((now - row.started_at).total_seconds() * 1000))
        run(session, _COMPLETE, {"agent": agent_id, "new": new, "now": now, "ms": spent})
    elif new in states.FINAL_AGENT:
        run(session, _REVIEW, {"agent": agent_id, "new": new, "now": now})
    else:
        run(session, _SET_AGENT, {"agent": agent_id, "new": new})
    announce(session, "agents", (agent_id,))
    if row.holder == agent_id:
        _follow(session, row.unit_id, new, row.unit_status, row.unit_index)
    return old


def _agent(session: Session, agent_id: int) -> Any:
    row = one(session, _AGENT_AND_UNIT, {"agent": agent_id})
    if row is None:
        raise missing("agent", agent_id)
    return row


def _follow(session: Session, unit_id: int, agent: AgentStatus, old: str, index: int) -> None:
    """Give a unit the status that its holder's makes of it; one that was made for its holder alone comes to an end."""
    new = states.UNIT_STATUS_OF_AGENT[agent]
    if new is _U.LAUNCHED and index < 0:
        new = _U.EXPIRED
    if new == old:
        return
    if new not in states.UNIT_TRANSITIONS[_U(old)]:
        raise IllegalTransition("unit", old, new)
    if new is _U.LAUNCHED:
        run(session, _FREE_UNIT, {"unit": unit_id})
    elif new is _U.EXPIRED:
        run(session, _EXPIRE_UNIT, {"unit": unit_id})
    else:
        run(session, _SET_UNIT, {"unit": unit_id, "new": new})
    announce(session, "units", (unit_id,))


# -- the claim -------------------------------------------------------------------------------------------------------

_HELD = AGENTS.alias("held")
_MINE = AGENTS.alias("mine")
_LEFT = AGENTS.alias("gone")
_SIBLING = UNITS.alias("sibling")
_COPIED = ("unit_id", "task_id", "task_run_id", "assignment_id", "task_type", "provider_type")
_GIVEN = ("worker_id", "status", "creation_date", "started_at", "registration_id", "nonce", "token_hash")
_EMPTY: dict[str, Any] = {"answer": "", "left_reason": "", "connection": {}}

# Theirs is a unit that they hold, or one that they have handed in before.
# A count compared with 0, not NOT EXISTS: PostgreSQL would turn that into a join with all agents of the run.
_NOT_HELD = (
    sa.select(sa.func.count())
    .select_from(_HELD)
    .where(_HELD.c.assignment_id == UNITS.c.assignment_id, _HELD.c.worker_id == P("worker_id"))
    .where(_HELD.c.status.not_in(constants(states.LEFT_AGENT)))
    .scalar_subquery()
    == 0
)
_CAN_BE_TAKEN = (UNITS.c.task_run_id == P("run")) & (UNITS.c.status == _U.LAUNCHED) & _NOT_HELD
_TAKEN = UNITS.alias("taken")
_INDEX_OF_MINE = sa.select(_TAKEN.c.unit_index).where(_TAKEN.c.unit_id == _MINE.c.unit_id).scalar_subquery()
# a screening or gold unit was made later than units that its worker has not come to
_FARTHEST = sa.func.coalesce(
    sa.select(_MINE.c.unit_id)
    .where(_MINE.c.task_run_id == P("run"), _MINE.c.worker_id == P("worker_id"), _INDEX_OF_MINE >= 0)
    .order_by(_MINE.c.unit_id.desc())
    .limit(1)
    .scalar_subquery(),
    0,
)
_OF_ASSIGNMENTS_LEFT = (
    sa.select(_SIBLING.c.unit_id)
    .join(_LEFT, _LEFT.c.assignment_id == _SIBLING.c.assignment_id)
    .where(_LEFT.c.worker_id == P("worker_id"), _LEFT.c.status.in_(constants(states.LEFT_AGENT)))
    .where(_LEFT.c.task_run_id + 0 == P("run"))  # + 0: by the index of a worker's statuses, not through all they did
)


def _claim(
    condition: sa.ColumnElement[bool] | sa.TextClause, roles: sa.ColumnElement[bool] = UNITS.c.unit_index >= 0
) -> ReturningInsert[Any]:
    """One statement: the first unit that fits becomes an agent's; rows other programs hold are passed over."""
    values = [P(name, type_=AGENTS.c[name].type).label(name) for name in _GIVEN]
    rest = [sa.literal(value, AGENTS.c[name].type).label(name) for name, value in _EMPTY.items()]
    unit = (
        sa.select(*(UNITS.c[name] for name in _COPIED), *values, *rest)
        .where(_CAN_BE_TAKEN, roles, condition)
        .order_by(UNITS.c.unit_id)
        .limit(1)
        .with_for_update(of=UNITS, skip_locked=True)
    )
    insert = sa.insert(AGENTS).from_select([*_COPIED, *_GIVEN, *_EMPTY], unit, include_defaults=False)
    return insert.returning(AGENTS.c.agent_id, AGENTS.c.unit_id)


# A worker goes through a run's units in their order. Behind the farthest unit they ever took there is nothing for them
# but units that came back, and the other units of assignments that they gave up: so a claim looks at a few rows however
# many units there are and however many the worker has done.
_CLAIMS = (
    _claim(UNITS.c.unit_id > _FARTHEST),
    _claim(sa.text("units.requeued")),
    _claim(UNITS.c.unit_id.in_(_OF_ASSIGNMENTS_LEFT)),
)
_CLAIM_SOME = _claim(among(UNITS.c.unit_id, "only"))
_CLAIM_TEST_UNIT = _claim(UNITS.c.unit_id == P("unit"), UNITS.c.unit_index < 0)
_ASSIGN = (
    sa.update(UNITS)
    .where(UNITS.c.unit_id == P("unit"), UNITS.c.status == _U.LAUNCHED)
    .values(status=_U.ASSIGNED, agent_id=P("agent"), worker_id=P("worker"))
)


def claim(
    session: Session, run_id: int, values: dict[str, Any], *, in_task: bool, only: Sequence[int] | None = None
) -> int | None:
    """Make the agent `values` tells of and assign it the next unit; its id, or None when there is none for them.

    `only`: one of these units, and no other.
    """
    parameters = {**values, "run": run_id, "status": _A.IN_TASK if in_task else _A.ACCEPTED}
    if only is not None:
        made = one(session, _CLAIM_SOME, {**parameters, "only": only})
    else:
        made = next((row for claim in _CLAIMS if (row := one(session, claim, parameters)) is not None), None)
    return None if made is None else _assign(session, made, values)


_CLAIMABLE = (
    sa.select(UNITS.c.unit_id, UNITS.c.assignment_id, UNITS.c.unit_index, ASSIGNMENTS.c.data)
    .join(ASSIGNMENTS, ASSIGNMENTS.c.assignment_id == UNITS.c.assignment_id)
    .where(_CAN_BE_TAKEN, UNITS.c.unit_index >= 0, UNITS.c.unit_id > P("after"))
    .order_by(UNITS.c.unit_id)
    .limit(P("most"))
)


def list_claimable(session: Session, run_id: int, worker_id: int, *, after: int, most: int) -> Sequence[Any]:
    """Units behind `after` that a worker could claim: unit_id, assignment_id, unit_index, and the item's data."""
    return run(session, _CLAIMABLE, {"run": run_id, "worker_id": worker_id, "after": after, "most": most}).all()


def claim_test_unit(session: Session, run_id: int, unit_id: int, values: dict[str, Any]) -> int:
    """Make the agent `values` tells of and assign it a unit that was made for it; the agent's id."""
    parameters = {**values, "run": run_id, "status": _A.IN_TASK, "unit": unit_id}
    made = one(session, _CLAIM_TEST_UNIT, parameters)
    if made is None:
        raise IllegalTransition("unit", "taken", _U.ASSIGNED)
    return _assign(session, made, values)


def _assign(session: Session, made: Any, values: dict[str, Any]) -> int:
    assigned = run(session, _ASSIGN, {"unit": made.unit_id, "agent": made.agent_id, "worker": values["worker_id"]})
    if assigned.rowcount != 1:  # cannot be: the claim holds the row
        raise IllegalTransition("unit", "taken", _U.ASSIGNED)
    announce(session, "agents", (made.agent_id,))
    announce(session, "units", (made.unit_id,))
    return int(made.agent_id)


# -- runs and onboarding ---------------------------------------------------------------------------------------------


def set_run_state(session: Session, run_id: int, new: RunState, now: datetime) -> RunState:
    """Move a task run; returns what it was. Raises `IllegalTransition` or `EntryDoesNotExist`."""
    row = one(session, sa.select(RUNS.c.state, RUNS.c.started_at).where(RUNS.c.task_run_id == run_id).with_for_update())
    if row is None:
        raise missing("task run", run_id)
    old = RunState(row.state)
    if new not in states.RUN_TRANSITIONS[old]:
        raise IllegalTransition("task run", old, new)
    values: dict[str, Any] = {"state": new, "is_completed": new is RunState.COMPLETED}
    values["finished_at"] = now if new is RunState.COMPLETED else None
    if new is RunState.IN_FLIGHT and row.started_at is None:
        values["started_at"] = now
    run(session, sa.update(RUNS).where(RUNS.c.task_run_id == run_id).values(values))
    announce(session, "task_runs", (run_id,))
    return old


def set_onboarding_status(
    session: Session, onboarding_agent_id: int, new: AgentStatus, *, now: datetime
) -> AgentStatus:
    """Move an onboarding agent; returns what it was."""
    where = ONBOARDING.c.onboarding_agent_id == onboarding_agent_id
    row = one(session, sa.select(ONBOARDING.c.status).where(where).with_for_update())
    if row is None:
        raise missing("onboarding agent", onboarding_agent_id)
    old = _A(row.status)
    if new not in states.ONBOARDING_TRANSITIONS.get(old, ()):
        raise IllegalTransition("onboarding agent", old, new)
    values: dict[str, Any] = {"status": new}
    if new is _A.WAITING:
        values["submitted_at"] = now
    run(session, sa.update(ONBOARDING).where(where).values(values))
    announce(session, "onboarding_agents", (onboarding_agent_id,))
    return old


# -- many at once ----------------------------------------------------------------------------------------------------

_LIVE = constants(states.LIVE_AGENT)


def launch_units(
    session: Session, run_id: int, limit: int | None = None, *, unit_ids: Sequence[int] | None = None
) -> int:
    """Created units of a run become launched: those of `unit_ids`, or the first `limit`, or all. Returns how many."""
    of_run = UNITS.c.task_run_id == run_id
    farthest = 0
    for status in set(_U) - {_U.CREATED}:  # one step into the index each
        last = one(session, sa.select(sa.func.max(UNITS.c.unit_id)).where(of_run, UNITS.c.status == status))
        farthest = max(farthest, last[0] or 0)
    chosen = sa.select(UNITS.c.unit_id).where(of_run, UNITS.c.status == _U.CREATED).order_by(UNITS.c.unit_id)
    chosen = chosen.limit(limit) if limit is not None else chosen
    where: sa.ColumnElement[bool] = UNITS.c.unit_id.in_(chosen)
    if unit_ids is not None:
        where = among(UNITS.c.unit_id, "ids") & of_run & (UNITS.c.status == _U.CREATED)
    values = {"status": _U.LAUNCHED, "requeued": UNITS.c.unit_id < farthest}
    done = run(session, sa.update(UNITS).where(where).values(values), {"ids": unit_ids} if unit_ids is not None else {})
    _announce_many(session, "units", unit_ids)
    return done.rowcount


def expire_units(session: Session, run_id: int, unit_ids: Sequence[int] | None, now: datetime) -> int:
    """Open units of a run (of `unit_ids`, or all) become expired, and who works at them too. Returns how many units.

    Units that are completed or reviewed are left alone: they never expire.
    """
    ids = {} if unit_ids is None else {"ids": unit_ids}
    agents = sa.update(AGENTS).where(AGENTS.c.task_run_id == run_id, AGENTS.c.status.in_(_LIVE))
    units = sa.update(UNITS).where(UNITS.c.task_run_id == run_id)
    if unit_ids is not None:
        agents = agents.where(among(AGENTS.c.unit_id, "ids"))
        units = units.where(among(UNITS.c.unit_id, "ids"))
    run(session, agents.values(status=_A.EXPIRED, left_reason="The unit was taken back.", left_at=now), ids)
    waiting = units.where(UNITS.c.status.in_([_U.CREATED, _U.LAUNCHED])).values(status=_U.EXPIRED)
    taken = units.where(UNITS.c.status == _U.ASSIGNED).values(_TAKE_BACK)
    count = run(session, waiting, ids).rowcount + run(session, taken, ids).rowcount
    _announce_many(session, "units", unit_ids)
    announce(session, "agents", None)
    return count


def relaunch_units(session: Session, unit_ids: Sequence[int], now: datetime) -> int:
    """Expired, rejected or soft-rejected units can be taken again; the record of who had them stays.

    Raises `IllegalTransition` when one of them is anything else; nothing is changed then. Returns how many. A screening
    or gold unit was made for one worker alone, and comes back to nobody.
    """
    ids = {"ids": unit_ids}
    own = sa.select(UNITS.c.unit_index).where(among(UNITS.c.unit_id, "ids"), UNITS.c.unit_index < 0).limit(1)
    if one(session, own, ids) is not None:
        raise IllegalTransition("unit", "a screening or gold unit", _U.LAUNCHED)
    again = [_U.EXPIRED, _U.REJECTED, _U.SOFT_REJECTED]
    statement = sa.select(UNITS.c.status).where(among(UNITS.c.unit_id, "ids"), UNITS.c.status.not_in(again)).limit(1)
    wrong = one(session, statement, ids)
    if wrong is not None:
        raise IllegalTransition("unit", wrong.status, _U.LAUNCHED)
    done = run(session, sa.update(UNITS).where(among(UNITS.c.unit_id, "ids")).values(_FREE), ids).rowcount
    _announce_many(session, "units", unit_ids)
    return done


_REVIEWED = (
    sa.select(
        UNITS.c.unit_id, UNITS.c.agent_id, UNITS.c.worker_id, WORKERS.c.worker_name, UNITS.c.task_id,
        UNITS.c.task_run_id, UNITS.c.provider_type, RUNS.c.currency, UNITS.c.pay_amount, AGENTS.c.status.label("was"),
    )
    .join(AGENTS, AGENTS.c.agent_id == UNITS.c.agent_id)
    .join(WORKERS, WORKERS.c.worker_id == AGENTS.c.worker_id)
    .join(RUNS, RUNS.c.task_run_id == UNITS.c.task_run_id)
    .where(among(UNITS.c.unit_id, "ids"))
    .order_by(UNITS.c.unit_id)
)  # fmt: skip


def review_units(session: Session, unit_ids: Sequence[int], verdict: AgentStatus, now: datetime) -> ReviewResult:
    """Judge submissions: `approved`, `soft_rejected` or `rejected`. Approving also takes a rejection back.

    Units that are not there to be judged so (open, judged otherwise, unknown) come back as `skipped`, unchanged.
    """
    if verdict not in (_A.APPROVED, _A.SOFT_REJECTED, _A.REJECTED):
        raise IllegalTransition("agent", _A.COMPLETED, verdict)
    reviewed = [
        ReviewedUnit(**{**row, "verdict": verdict, "was": _A(row["was"])})
        for row in run(session, _REVIEWED, {"ids": unit_ids}).mappings()
        if verdict in states.AGENT_TRANSITIONS[_A(row["was"])]
    ]
    done = {unit.unit_id for unit in reviewed}
    if reviewed:
        units = sa.update(UNITS).where(among(UNITS.c.unit_id, "ids"))
        agents = sa.update(AGENTS).where(among(AGENTS.c.agent_id, "ids"))
        run(session, agents.values(status=verdict, reviewed_at=now), {"ids": [unit.agent_id for unit in reviewed]})
        run(session, units.values(status=states.UNIT_STATUS_OF_AGENT[verdict]), {"ids": sorted(done)})
        _announce_many(session, "units", done)
        _announce_many(session, "agents", [unit.agent_id for unit in reviewed])
    return ReviewResult(reviewed, [unit_id for unit_id in dict.fromkeys(unit_ids) if unit_id not in done])


def _announce_many(session: Session, table: str, ids: Collection[int] | None) -> None:
    announce(session, table, ids if ids is not None and len(ids) <= 500 else None)
