"""Workers in the onboarding of a run: begun, answered, judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from app.data.changes import announce
from app.data.repo import status
from app.data.repo.core import ONBOARDING, RUNS, WORKERS, add, clean_text, missing, one, run
from app.data.states import ONBOARDING_LIVE, AgentStatus


@dataclass(frozen=True)
class OnboardingRow:
    """A worker's onboarding. `data` is `{"inputs": ..., "outputs": ...}`."""

    onboarding_agent_id: int
    worker_id: int
    worker_name: str
    task_id: int
    task_run_id: int
    status: AgentStatus
    registration_id: str
    nonce: str
    token_hash: str
    data: Mapping[str, Any]
    creation_date: datetime


_ONBOARDING_ROW = sa.select(
    ONBOARDING.c.onboarding_agent_id, ONBOARDING.c.worker_id, WORKERS.c.worker_name, ONBOARDING.c.task_id,
    ONBOARDING.c.task_run_id, ONBOARDING.c.status, ONBOARDING.c.registration_id, ONBOARDING.c.nonce,
    ONBOARDING.c.token_hash, ONBOARDING.c.data, ONBOARDING.c.creation_date,
).join(WORKERS, WORKERS.c.worker_id == ONBOARDING.c.worker_id)  # fmt: skip


def create_onboarding_agent(
    session: Session, *, run_id: int, worker_id: int, registration_id: str, nonce: str, token_hash: str,
    inputs: Any, now: datetime,
) -> OnboardingRow:  # fmt: skip
    """Begin a worker's onboarding in a run."""
    of_run = one(session, sa.select(RUNS.c.task_id, RUNS.c.task_type).where(RUNS.c.task_run_id == run_id))
    if of_run is None:
        raise missing("task run", run_id)
    values = {
        "worker_id": worker_id, "task_id": of_run.task_id, "task_run_id": run_id, "task_type": of_run.task_type,
        "status": AgentStatus.ONBOARDING, "creation_date": now, "registration_id": clean_text(registration_id, 500),
        "nonce": nonce, "token_hash": token_hash, "data": {"inputs": inputs, "outputs": None},
    }  # fmt: skip
    made = add(session, ONBOARDING, values)
    announce(session, "onboarding_agents", (made,))
    return get_onboarding_agent(session, made)


def get_onboarding_agent(session: Session, onboarding_agent_id: int) -> OnboardingRow:
    """An onboarding agent by id."""
    row = one(session, _ONBOARDING_ROW.where(ONBOARDING.c.onboarding_agent_id == onboarding_agent_id))
    if row is None:
        raise missing("onboarding agent", onboarding_agent_id)
    return _onboarding_row(row)


def find_onboarding_agent(
    session: Session, run_id: int, *, worker_id: int | None = None, registration_id: str | None = None,
    token_hash: str | None = None,
) -> OnboardingRow | None:  # fmt: skip
    """The newest onboarding agent of a run with these values, or None."""
    statement = _ONBOARDING_ROW.where(ONBOARDING.c.task_run_id == run_id)
    for column, value in (("worker_id", worker_id), ("registration_id", registration_id), ("token_hash", token_hash)):
        if value is not None:
            statement = statement.where(ONBOARDING.c[column] == value)
    row = one(session, statement.order_by(ONBOARDING.c.onboarding_agent_id.desc()).limit(1))
    return None if row is None else _onboarding_row(row)


def list_onboarding_agents(session: Session, run_id: int) -> list[OnboardingRow]:
    """All who are in the onboarding of a run, not judged yet."""
    live = sorted(ONBOARDING_LIVE)
    statement = _ONBOARDING_ROW.where(ONBOARDING.c.task_run_id == run_id, ONBOARDING.c.status.in_(live))
    return [_onboarding_row(row) for row in run(session, statement)]


def follow_registration(session: Session, onboarding_agent_id: int, registration_id: str) -> None:
    """The worker goes on with their onboarding by another registration."""
    where = ONBOARDING.c.onboarding_agent_id == onboarding_agent_id
    run(session, sa.update(ONBOARDING).where(where).values(registration_id=clean_text(registration_id, 500)))


def record_onboarding(session: Session, onboarding_agent_id: int, outputs: Any, now: datetime) -> bool:
    """What the worker answered: the onboarding waits for its verdict. False: an answer was there already."""
    row = get_onboarding_agent(session, onboarding_agent_id)
    if row.status in (AgentStatus.WAITING, AgentStatus.APPROVED, AgentStatus.REJECTED):
        return False
    status.set_onboarding_status(session, onboarding_agent_id, AgentStatus.WAITING, now=now)
    where = ONBOARDING.c.onboarding_agent_id == onboarding_agent_id
    run(session, sa.update(ONBOARDING).where(where).values(data={**row.data, "outputs": outputs}))
    return True


def _onboarding_row(row: Any) -> OnboardingRow:
    return OnboardingRow(**{**row._mapping, "status": AgentStatus(row.status)})
