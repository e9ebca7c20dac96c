"""The screening and gold units of a run: how many there are, and which of them a worker has had."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from app.data.repo.core import AGENTS, ASSIGNMENTS, ONBOARDING, UNITS, constants, one, run
from app.data.states import ONBOARDING_LIVE, AgentStatus, UnitIndex, UnitStatus

P = sa.bindparam
# the index of such units is used only where the statement says that they are below zero
_TESTS = (UNITS.c.task_run_id == P("run")) & (UNITS.c.unit_index < 0)
_COUNTED = (
    sa.select(UNITS.c.unit_index, UNITS.c.status, sa.func.count())
    .where(_TESTS, UNITS.c.unit_index.in_([UnitIndex.SCREENING, UnitIndex.GOLD]))
    .group_by(UNITS.c.unit_index, UNITS.c.status)
)
_HAD = (
    sa.select(ASSIGNMENTS.c.data)
    .select_from(AGENTS)
    .join(UNITS, UNITS.c.unit_id == AGENTS.c.unit_id)
    .join(ASSIGNMENTS, ASSIGNMENTS.c.assignment_id == UNITS.c.assignment_id)
    .where(AGENTS.c.task_run_id == P("run"), AGENTS.c.worker_id == P("worker"), UNITS.c.unit_index == P("index"))
    .order_by(AGENTS.c.agent_id)
)


@dataclass(frozen=True, slots=True)
class TestUnitCounts:
    """How many test units of one kind a run has, those that nobody finished aside."""

    __test__ = False  # no test of pytest's

    at_work: int = 0
    done: int = 0

    @property
    def used(self) -> int:
        """Units that are paid for, or may be."""
        return self.at_work + self.done


def count_test_units(session: Session, run_id: int) -> dict[int, TestUnitCounts]:
    """The counts of a run by unit index, for screening and gold."""
    at_work = dict.fromkeys((UnitIndex.SCREENING, UnitIndex.GOLD), 0)
    done = dict(at_work)
    for index, status, number in run(session, _COUNTED, {"run": run_id}):
        if status in (UnitStatus.CREATED, UnitStatus.LAUNCHED, UnitStatus.ASSIGNED):
            at_work[index] += number
        elif status != UnitStatus.EXPIRED:
            done[index] += number
    return {index: TestUnitCounts(at_work[index], done[index]) for index in at_work}


_WAITING = sa.select(
    sa.select(sa.func.count())
    .select_from(ONBOARDING)
    .where(ONBOARDING.c.task_run_id == P("run"), ONBOARDING.c.status.in_(constants(ONBOARDING_LIVE)))
    .scalar_subquery(),
    sa.select(sa.func.count())
    .select_from(AGENTS)
    .where(AGENTS.c.task_run_id == P("run"), AGENTS.c.status == AgentStatus.WAITING)
    .scalar_subquery(),
)


def count_waiting(session: Session, run_id: int) -> tuple[int, int]:
    """How many are in the onboarding of a run, and how many wait for the others of their item."""
    newcomers, partners = one(session, _WAITING, {"run": run_id})
    return int(newcomers), int(partners)


def rows_had(session: Session, run_id: int, worker_id: int, unit_index: int) -> list[int]:
    """The numbers of the test rows that a worker was given in a run, in their order, one as often as it was given."""
    asked = {"run": run_id, "worker": worker_id, "index": unit_index}
    gates = [(row.data or {}).get("gate") or {} for row in run(session, _HAD, asked)]
    return [int(gate["row"]) for gate in gates if isinstance(gate.get("row"), int)]


def get_gate(session: Session, assignment_id: int) -> dict[str, Any]:
    """What the program knows of a test unit: `{"row": ..., "truth": ...}`; empty for any other."""
    row = one(session, sa.select(ASSIGNMENTS.c.data).where(ASSIGNMENTS.c.assignment_id == assignment_id))
    found = {} if row is None else (row.data or {}).get("gate")
    return found if isinstance(found, dict) else {}
