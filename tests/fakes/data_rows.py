"""Short ways to rows that many tests of the store need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from app.data.repo import assignments, dispatch, intake, people, status, tasks
from app.data.repo.intake import Submission
from app.data.repo.people import AgentRow
from app.data.states import AgentStatus, RunState, UnitStatus
from app.data.store import Session

NOW = datetime(2026, 3, 4, 5, 6, 7, 89_000, tzinfo=UTC)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def make_run(session: Session, name: str = "birds", *, budget: Decimal | None = None) -> int:
    """A run in flight, without units."""
    task_id = tasks.get_or_create_task(session, name, "image_label", None, NOW)
    requester_id = tasks.get_or_create_requester(session, "in-house", "inhouse", NOW)
    run_id = tasks.create_task_run(
        session,
        task_id=task_id,
        requester_id=requester_id,
        init_params="mephisto: {}",
        provider_type="inhouse",
        task_type="image_label",
        sandbox=False,
        currency="EUR",
        budget=budget,
        now=NOW,
    )
    status.set_run_state(session, run_id, RunState.IN_FLIGHT, NOW)
    return run_id


def add_units(
    session: Session,
    run_id: int,
    items: int,
    units_each: int = 1,
    *,
    launched: bool = True,
    pay: Decimal = Decimal("0.12"),
) -> list[int]:
    """Assignments of `units_each` units; returns the ids of the run's units."""
    data = [{"shared": {"image": f"{n}.png"}, "unit_data": [{"n": n}] * units_each} for n in range(items)]
    begin = UnitStatus.LAUNCHED if launched else UnitStatus.CREATED
    assignments.add_assignments(session, run_id, data, pay_amount=pay, unit_status=begin, now=NOW)
    return unit_ids(session, run_id)


def unit_ids(session: Session, run_id: int) -> list[int]:
    from sqlmodel import col, select

    from app.data.tables.tasks import Unit

    found = session.exec(select(Unit.unit_id).where(col(Unit.task_run_id) == run_id).order_by(col(Unit.unit_id)))
    return [unit_id for unit_id in found if unit_id is not None]


def make_worker(session: Session, name: str = "ada") -> int:
    return people.get_or_create_worker(session, name, "inhouse", NOW)


_serial = iter(range(1, 10**9))


def claim(
    session: Session, run_id: int, worker_id: int, *, in_task: bool = True, now: datetime = NOW
) -> AgentRow | None:
    """The worker's next unit, under a registration and a token that nobody has."""
    serial = f"{next(_serial):09d}"
    values = {
        "worker_id": worker_id,
        "creation_date": now,
        "started_at": now,
        "registration_id": f"registration-{serial}",
        "nonce": f"{serial:0>32}",
        "token_hash": f"hash-{serial}",
    }
    made = status.claim(session, run_id, values, in_task=in_task)
    return None if made is None else people.get_agent(session, made)


def take(session: Session, run_id: int, worker_id: int, *, in_task: bool = True, now: datetime = NOW) -> AgentRow:
    """The same, where there must be one."""
    agent = claim(session, run_id, worker_id, in_task=in_task, now=now)
    assert agent is not None
    return agent


def hand_in(
    session: Session,
    agent_id: int,
    outputs: Any,
    when: datetime,
    *,
    inputs: Any = None,
    files: Sequence[Mapping[str, Any]] = (),
    answer: str = "",
    labels: Sequence[str] = (),
) -> None:
    """What the agent answers, to a page that was given `inputs` unless that is known already."""
    agent = people.get_agent(session, agent_id)
    if agent_id not in dispatch.list_inputs(session, [agent_id]):
        dispatch.keep_inputs(session, {agent_id: inputs}, when)
    took = 0 if agent.started_at is None else max(0, int((when - agent.started_at).total_seconds() * 1000))
    done = Submission(agent_id, agent.unit_id, outputs, files, answer, labels, took)
    intake.record_submissions(session, [done], when)


def submit(session: Session, agent_id: int, answer: str = "wren", seconds: float = 30, inputs: Any = None) -> None:
    hand_in(session, agent_id, {"answer": answer}, later(seconds), inputs=inputs, answer=answer, labels=[answer])


def submitted_units(session: Session, run_id: int, worker_id: int, count: int) -> Sequence[int]:
    """Units that the worker took and handed in."""
    done = []
    for _ in range(count):
        agent = take(session, run_id, worker_id)
        submit(session, agent.agent_id)
        done.append(agent.unit_id)
    return done


def statuses(session: Session, unit_id: int, agent_id: int) -> tuple[UnitStatus, AgentStatus]:
    return assignments.get_unit(session, unit_id).status, people.get_agent(session, agent_id).status
