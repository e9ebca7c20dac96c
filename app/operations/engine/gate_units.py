"""Screening and gold units: made when they are handed out, judged as they are handed in. For the writer's thread."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.blueprints.gates import GOLD, SCREENING
from app.blueprints.known_rows import KnownRow
from app.data.repo import assignments, blocks, dispatch, gate_units, intake, journal, people, qualifications, status
from app.data.repo.dispatch import Asker, Claim, KnownAgent
from app.data.states import UnitIndex
from app.data.store import Session
from app.operations.engine.run_context import RunContext

INDEX = {SCREENING: UnitIndex.SCREENING, GOLD: UnitIndex.GOLD}
FAILED = "The test unit of this task was not right."


@dataclass(frozen=True, slots=True)
class TestUnit:
    """A test unit in somebody's hands, and what its page gets."""

    __test__ = False  # no test of pytest's

    claim: Claim
    inputs: Any


@dataclass(frozen=True, slots=True)
class Usage:
    """Test units of a run that are paid for, or may be."""

    screening: int = 0
    gold: int = 0

    def with_one_more(self, kind: str) -> Usage:
        """One more of a kind."""
        return Usage(self.screening + (kind == SCREENING), self.gold + (kind == GOLD))


def usage(session: Session, run_id: int) -> Usage:
    """How many there are."""
    counts = gate_units.count_test_units(session, run_id)
    return Usage(counts[UnitIndex.SCREENING].used, counts[UnitIndex.GOLD].used)


def hand_out(session: Session, context: RunContext, kind: str, asker: Asker, now: datetime) -> TestUnit:
    """Make a unit of a row that the worker knows least, and claim it for them."""
    index = INDEX[kind]
    had = gate_units.rows_had(session, context.run_id, asker.worker_id, index)
    row = choose_row(context.known_rows[kind], had, f"{context.run_id} {asker.worker_id} {kind}")
    item = {"shared": dict(row.shared), "unit_data": [{}], "gate": {"row": row.number, "truth": row.truth}}
    unit_id = assignments.add_test_unit(session, context.run_id, item, index, pay_amount=context.pay, now=now)
    values = {
        "worker_id": asker.worker_id,
        "creation_date": now,
        "started_at": now,
        "registration_id": asker.registration_id,
        "nonce": asker.nonce,
        "token_hash": asker.token_hash,
    }
    agent_id = status.claim_test_unit(session, context.run_id, unit_id, values)
    agent = dispatch.find_by_ids(session, [agent_id])[agent_id]
    inputs = context.blueprint.initial_data(row.shared, {})
    return TestUnit(Claim(agent_id, unit_id, index, agent.assignment_id), inputs)


def choose_row(rows: Sequence[KnownRow], had: Sequence[int], seed: str) -> KnownRow:
    """One of the rows that a worker had least often: in another order for each worker, and the same again after a
    restart."""
    times = {row.number: 0 for row in rows}
    for number in had:
        if number in times:
            times[number] += 1
    least = min(times.values())
    open_rows = [row for row in rows if times[row.number] == least]
    digest = hashlib.sha256(f"{seed} {len(had)}".encode()).digest()
    return open_rows[int.from_bytes(digest[:8], "big") % len(open_rows)]


def take_back(session: Session, context: RunContext, agent: KnownAgent) -> bool:
    """As `intake.take_back_unit`; a test unit only while the run may have another one of its kind."""
    limits = context.limits()
    if agent.unit_index == UnitIndex.SCREENING:
        rule = limits.screening
        if rule is None or usage(session, context.run_id).screening >= rule.most:
            return False
    if agent.unit_index == UnitIndex.GOLD:
        gold = limits.gold
        if gold is None or 0 < gold.most <= usage(session, context.run_id).gold:
            return False
    return intake.take_back_unit(session, agent)


def judge(session: Session, context: RunContext, agent: KnownAgent, is_right: bool | None, now: datetime) -> None:
    """What a test unit that was handed in says of its worker; `is_right` None: nothing, for it could not be judged."""
    kind = next((kind for kind, index in INDEX.items() if index == agent.unit_index), None)
    if kind is None:
        return
    if is_right is None:
        message = f"The {kind} unit {agent.unit_id} could not be judged: it counts for nothing."
        _record(session, context, agent, f"gate.{kind}_unjudged", "warning", message, now)
    elif kind == SCREENING:
        _judge_screening(session, context, agent, is_right, now)
    else:
        _judge_gold(session, context, agent, is_right, now)


def _judge_screening(session: Session, context: RunContext, agent: KnownAgent, is_right: bool, now: datetime) -> None:
    args = context.config.blueprint
    if is_right:
        _grant(session, context, agent, args.passed_qualification_name, 1, now)
        _record(session, context, agent, "gate.screening_passed", "info", "passed the screening", now)
        return
    if args.block_qualification:
        _grant(session, context, agent, args.block_qualification, 1, now)
    blocks.block_worker(
        session,
        agent.worker_id,
        hard=False,
        task_id=context.run.task_id,
        reason=FAILED,
        author="screening",
        until=None,
        now=now,
    )
    _record(session, context, agent, "gate.screening_failed", "info", "failed the screening", now)


def _judge_gold(session: Session, context: RunContext, agent: KnownAgent, is_right: bool, now: datetime) -> None:
    rule = context.limits().gold
    if rule is None:
        return
    counter = qualifications.get_or_create_qualification(session, rule.correct if is_right else rule.wrong, now)
    count = qualifications.count_up(session, agent.worker_id, counter, context.run_id, now)
    what = "right" if is_right else "wrong"
    words = f"had a gold unit {what}; that makes {count} {what}"
    _record(session, context, agent, f"gate.gold_{what}", "info", words, now)
    if not is_right and rule.is_too_many(count):
        _grant(session, context, agent, rule.disqualified, 1, now)
        words = f"gets no more units: {count} gold units were wrong, {rule.max_incorrect} may be"
        _record(session, context, agent, "gate.gold_disqualified", "warning", words, now)


def _grant(session: Session, context: RunContext, agent: KnownAgent, name: str, value: int, now: datetime) -> None:
    qualification = qualifications.get_or_create_qualification(session, name, now)
    qualifications.grant(session, agent.worker_id, qualification, value, context.run_id, now)


def _record(
    session: Session, context: RunContext, agent: KnownAgent, kind: str, level: str, words: str, now: datetime
) -> None:
    name = people.get_worker(session, agent.worker_id).worker_name
    message = words if words[0].isupper() else f"{name} {words}."
    details = {"agent_id": agent.agent_id, "unit_id": agent.unit_id, "worker_id": agent.worker_id, "worker_name": name}
    journal.add_event(session, context.run_id, kind, level, message, details, "", now)
