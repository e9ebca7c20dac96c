"""Whom and what a selection is about: the people, tasks, blocks and qualifications behind ids of units or agents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlmodel import Session, col

from app.data.states import LIVE_AGENT, UnitStatus
from app.data.tables.people import Agent, Block, OnboardingAgent, Worker
from app.data.tables.quality import GrantedQualification, Qualification
from app.data.tables.tasks import Project, Task, TaskRun, Unit

_CHUNK = 5_000


@dataclass(frozen=True)
class Person:
    """A worker as an action names them."""

    worker_id: int
    worker_name: str
    provider_type: str


@dataclass(frozen=True)
class HeldQualification:
    """A qualification that some of the workers hold. `lowest` and `highest` are the values among them."""

    qualification_id: int
    name: str
    holders: int
    lowest: int
    highest: int


@dataclass(frozen=True)
class StandingBlock:
    """A block that is not lifted. `task_id` and `task_name` are None for a hard one."""

    worker_id: int
    hard: bool
    task_id: int | None
    task_name: str | None
    reason: str
    until: datetime | None


@dataclass(frozen=True)
class AgentPlace:
    """Where an agent works: its unit, worker and run."""

    agent_id: int
    unit_id: int
    worker_id: int
    task_run_id: int
    status: str


@dataclass(frozen=True)
class UnitPlace:
    """A unit as an action sees it."""

    unit_id: int
    assignment_id: int
    worker_id: int | None
    agent_id: int | None
    task_run_id: int
    task_id: int
    task_name: str
    project_name: str | None
    status: str
    pay_amount: Decimal
    currency: str


def list_people(session: Session, worker_ids: Sequence[int]) -> list[Person]:
    """The workers of these ids, by name; ids that are not there are left out."""
    found: list[Person] = []
    for some in _chunks(worker_ids):
        statement = select(col(Worker.worker_id), col(Worker.worker_name), col(Worker.provider_type)).where(
            col(Worker.worker_id).in_(some)
        )
        found += [Person(*row) for row in session.execute(statement)]
    return sorted(found, key=lambda person: person.worker_name)


def list_people_named(session: Session, names: Sequence[str]) -> list[Person]:
    """The workers of these names, of any provider; names that nobody has are left out."""
    found: list[Person] = []
    for start in range(0, len(names), _CHUNK):
        statement = select(col(Worker.worker_id), col(Worker.worker_name), col(Worker.provider_type)).where(
            col(Worker.worker_name).in_(list(names[start : start + _CHUNK]))
        )
        found += [Person(*row) for row in session.execute(statement)]
    return sorted(found, key=lambda person: (person.worker_name, person.provider_type))


def list_people_of_units(session: Session, unit_ids: Sequence[int]) -> list[Person]:
    """The workers who hold or did these units, each once, by name."""
    worker_ids: set[int] = set()
    for some in _chunks(unit_ids):
        statement = select(col(Unit.worker_id)).where(col(Unit.unit_id).in_(some)).distinct()
        worker_ids.update(row[0] for row in session.execute(statement) if row[0] is not None)
    return list_people(session, sorted(worker_ids))


def list_people_of_newcomers(session: Session, onboarding_agent_ids: Sequence[int]) -> list[Person]:
    """The workers of these onboardings, each once, by name."""
    workers: set[int] = set()
    for some in _chunks(onboarding_agent_ids):
        statement = select(col(OnboardingAgent.worker_id)).where(col(OnboardingAgent.onboarding_agent_id).in_(some))
        workers.update(session.execute(statement).scalars())
    return list_people(session, sorted(workers))


def list_people_of_agents(session: Session, agent_ids: Sequence[int]) -> list[Person]:
    """The workers that these agents are, each once, by name."""
    return list_people(session, sorted({place.worker_id for place in list_agent_places(session, agent_ids)}))


def list_agent_places(session: Session, agent_ids: Sequence[int]) -> list[AgentPlace]:
    """Unit, worker, run and status of agents, in the order of their ids."""
    found: list[AgentPlace] = []
    for some in _chunks(agent_ids):
        statement = select(
            col(Agent.agent_id), col(Agent.unit_id), col(Agent.worker_id), col(Agent.task_run_id), col(Agent.status)
        ).where(col(Agent.agent_id).in_(some))
        found += [AgentPlace(*row) for row in session.execute(statement)]
    return sorted(found, key=lambda place: place.agent_id)


def list_unit_places(session: Session, unit_ids: Sequence[int]) -> list[UnitPlace]:
    """Where units stand, in the order of their ids."""
    found: list[UnitPlace] = []
    for some in _chunks(unit_ids):
        statement = (
            select(
                col(Unit.unit_id),
                col(Unit.assignment_id),
                col(Unit.worker_id),
                col(Unit.agent_id),
                col(Unit.task_run_id),
                col(Unit.task_id),
                col(Task.task_name),
                col(Project.project_name),
                col(Unit.status),
                col(Unit.pay_amount),
                col(TaskRun.currency),
            )
            .join(Task, col(Task.task_id) == col(Unit.task_id))
            .outerjoin(Project, col(Project.project_id) == col(Task.project_id))
            .join(TaskRun, col(TaskRun.task_run_id) == col(Unit.task_run_id))
            .where(col(Unit.unit_id).in_(some))
        )
        found += [UnitPlace(*row) for row in session.execute(statement)]
    return sorted(found, key=lambda place: place.unit_id)


def list_units_of_worker(
    session: Session, worker_id: int, task_run_id: int | None, status: UnitStatus = UnitStatus.COMPLETED
) -> list[int]:
    """Ids of a worker's units in a status, in one run or (None) in all."""
    statement = select(col(Unit.unit_id)).where(col(Unit.worker_id) == worker_id, col(Unit.status) == status)
    if task_run_id is not None:
        statement = statement.where(col(Unit.task_run_id) == task_run_id)
    return [row[0] for row in session.execute(statement.order_by(col(Unit.unit_id)))]


def list_live_agents_of_workers(session: Session, worker_ids: Sequence[int]) -> list[AgentPlace]:
    """The agents through which these workers are at work now, in any run."""
    agent_ids: list[int] = []
    for some in _chunks(worker_ids):
        statement = select(col(Agent.agent_id)).where(
            col(Agent.worker_id).in_(some), col(Agent.status).in_(sorted(LIVE_AGENT))
        )
        agent_ids += [row[0] for row in session.execute(statement)]
    return list_agent_places(session, agent_ids)


def list_tasks_of_workers(session: Session, worker_ids: Sequence[int]) -> list[tuple[int, str]]:
    """Tasks (id, name) that any of these workers worked at, by name."""
    found: dict[int, str] = {}
    for some in _chunks(worker_ids):
        tasks = select(col(Agent.task_id)).where(col(Agent.worker_id).in_(some)).distinct()
        statement = select(col(Task.task_id), col(Task.task_name)).where(col(Task.task_id).in_(tasks))
        found.update((row[0], row[1]) for row in session.execute(statement))
    return sorted(found.items(), key=lambda item: item[1])


def list_tasks(session: Session) -> list[tuple[int, str]]:
    """All tasks (id, name), by name."""
    statement = select(col(Task.task_id), col(Task.task_name)).order_by(col(Task.task_name))
    return [(row[0], row[1]) for row in session.execute(statement)]


def list_held_qualifications(session: Session, worker_ids: Sequence[int]) -> list[HeldQualification]:
    """What these workers hold, one row per qualification, by name."""
    merged: dict[int, HeldQualification] = {}
    for some in _chunks(worker_ids):
        value = col(GrantedQualification.value)
        statement = (
            select(
                col(Qualification.qualification_id),
                col(Qualification.qualification_name),
                func.count(),
                func.min(value),
                func.max(value),
            )
            .join(
                GrantedQualification,
                col(GrantedQualification.qualification_id) == col(Qualification.qualification_id),
            )
            .where(col(GrantedQualification.worker_id).in_(some))
            .group_by(col(Qualification.qualification_id), col(Qualification.qualification_name))
        )
        for row in session.execute(statement):
            merged[row[0]] = _join(merged.get(row[0]), HeldQualification(*row))
    return sorted(merged.values(), key=lambda held: held.name)


def list_qualification_names(session: Session) -> list[str]:
    """The names of all qualifications, in order."""
    name = col(Qualification.qualification_name)
    return [row[0] for row in session.execute(select(name).order_by(name))]


def list_grants_of(session: Session, worker_ids: Sequence[int], name: str) -> dict[int, int]:
    """worker_id -> value, of those among the workers who hold the qualification of that name."""
    found: dict[int, int] = {}
    for some in _chunks(worker_ids):
        statement = (
            select(col(GrantedQualification.worker_id), col(GrantedQualification.value))
            .join(Qualification, col(Qualification.qualification_id) == col(GrantedQualification.qualification_id))
            .where(col(Qualification.qualification_name) == name, col(GrantedQualification.worker_id).in_(some))
        )
        found.update((row[0], row[1]) for row in session.execute(statement))
    return found


def list_workers_of_grants(session: Session, grant_ids: Sequence[int]) -> list[int]:
    """The ids of the workers who hold these grants, ascending, each once."""
    found: set[int] = set()
    for some in _chunks(grant_ids):
        statement = select(col(GrantedQualification.worker_id)).where(
            col(GrantedQualification.granted_qualification_id).in_(some)
        )
        found.update(row[0] for row in session.execute(statement))
    return sorted(found)


def list_standing_blocks(session: Session, worker_ids: Sequence[int]) -> list[StandingBlock]:
    """Blocks of these workers that nobody lifted (one that has ended by itself may be among them)."""
    found: list[StandingBlock] = []
    for some in _chunks(worker_ids):
        statement = (
            select(
                col(Block.worker_id),
                col(Block.hard),
                col(Block.task_id),
                col(Task.task_name),
                col(Block.reason),
                col(Block.until),
            )
            .outerjoin(Task, col(Task.task_id) == col(Block.task_id))
            .where(col(Block.worker_id).in_(some), col(Block.lifted_at).is_(None))
            .order_by(col(Block.block_id))
        )
        found += [StandingBlock(*row) for row in session.execute(statement)]
    return found


def _join(one: HeldQualification | None, other: HeldQualification) -> HeldQualification:
    if one is None:
        return other
    return HeldQualification(
        one.qualification_id,
        one.name,
        one.holders + other.holders,
        min(one.lowest, other.lowest),
        max(one.highest, other.highest),
    )


def _chunks(ids: Sequence[Any]) -> Iterator[list[int]]:
    for start in range(0, len(ids), _CHUNK):
        yield [int(one) for one in ids[start : start + _CHUNK]]


def count_holders(session: Session) -> dict[str, int]:
    """Every qualification by its name, with how many workers hold it."""
    query = (
        select(col(Qualification.qualification_name), func.count(col(GrantedQualification.worker_id)))
        .outerjoin(
            GrantedQualification, col(GrantedQualification.qualification_id) == col(Qualification.qualification_id)
        )
        .group_by(col(Qualification.qualification_name))
        .order_by(col(Qualification.qualification_name))
    )
    return {name: count for name, count in session.execute(query)}  # noqa: C416 - rows are no pairs to the checker
