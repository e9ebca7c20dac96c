"""Takes work in: checked, committed with its agent's and unit's status, then acknowledged. Never twice, never lost."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.architects.base import Architect
from app.data.repo import dispatch, intake
from app.data.repo.dispatch import KnownAgent
from app.data.repo.intake import Submission
from app.data.states import AgentStatus
from app.data.store import Session
from app.operations.engine import gate_units
from app.operations.engine.batches import Batches
from app.operations.engine.budget import Budget, BudgetQuestion, room
from app.operations.engine.hooks import Hooks
from app.operations.engine.presence import Presence
from app.operations.engine.run_context import RunContext, hash_of
from app.operations.engine.uploads import bring_home

log = logging.getLogger(__name__)

KEPT_IN_JOURNAL = 256 * 1024
"""A refused submission is kept in the journal up to so many characters of JSON."""

UNKNOWN = "No work of this task has this id."
TOO_LATE = {
    AgentStatus.TIMEOUT: "The time for this unit was over, and somebody else has it now. What you sent is kept.",
    AgentStatus.DISCONNECT: "Your connection was lost for too long, and somebody else has this unit now. "
    "What you sent is kept.",
    AgentStatus.RETURNED: "You gave this unit back, and somebody else has it now. What you sent is kept.",
    AgentStatus.EXPIRED: "This unit was taken back by the requester. What you sent is kept.",
    AgentStatus.PARTNER_DISCONNECT: "The person you worked with has left, so this unit has ended. "
    "What you sent is kept.",
}
TOO_LATE_ALONE = "This unit is over, as you had left it. What you sent is kept."
"""For a screening or gold unit, which nobody else has."""
REVIEWED = frozenset({AgentStatus.APPROVED, AgentStatus.SOFT_REJECTED, AgentStatus.REJECTED})
JUDGED = "This work has arrived and was judged already. Nothing was changed."
NOT_STARTED = "The others for this task are not here yet, so nothing can be handed in."


@dataclass(slots=True)
class HandIn:
    """One submission on its way. `inputs` None: they are read from the database."""

    token: str
    outputs: Any
    files: Sequence[Mapping[str, Any]]
    token_hash: str = ""
    inputs: Any = None
    agent_id: int | None = None
    is_right: bool | None = None
    """Of a screening or gold unit: what its judge says, who is asked before the transaction."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What came of a submission: recorded now, recorded before (`again`), or refused with a reason."""

    agent: KnownAgent | None
    failure: str | None = None
    again: bool = False
    came_back: bool = False
    """The unit was free again, and given back to the worker for this."""
    kept: bool = False
    """Refused, but real work: it goes into the journal."""


@dataclass(frozen=True)
class Intake:
    """What a transaction of submissions goes by."""

    context: RunContext
    budget: BudgetQuestion
    now: datetime


class WorkIntake:
    """Takes in the work of one run."""

    def __init__(
        self, context: RunContext, presence: Presence, budget: Budget, architect: Architect, hooks: Hooks
    ) -> None:
        self._hooks = hooks
        self._context = context
        self._presence = presence
        self._budget = budget
        self._architect = architect
        # the second of two submissions with one token has to see what became of the first
        self.batches: Batches[HandIn, Receipt] = Batches(self._record, lambda work: work.token)

    @property
    def is_busy(self) -> bool:
        """Whether submissions wait for the writer."""
        return bool(self.batches)

    async def hand_in(self, work: HandIn) -> Receipt:
        """Record a submission; durable when this returns without a failure. The same again is acknowledged again."""
        work.token_hash = hash_of(work.token)
        at_work = self._presence.find_token(work.token)
        if at_work is not None:
            work.agent_id, work.inputs = at_work.agent_id, at_work.inputs
        if work.files:
            problem = await self._bring_files(work)
            if problem is not None:
                return Receipt(None, problem)
        if self._hooks.judges and (at_work is None or at_work.unit_index < 0):
            work.is_right = await self._verdict(work)
        receipt = await self.batches.ask(work)
        if receipt.agent is not None and receipt.failure is None and not receipt.again:
            self._hooks.submitted(receipt.agent, work.inputs, work.outputs, work.files)
        if receipt.kept and receipt.agent is not None:
            await self._keep_in_journal(work, receipt.agent, receipt.failure or "")
        return receipt

    async def _verdict(self, work: HandIn) -> bool | None:
        agents = await self._context.store.read(dispatch.find_by_tokens, self._context.run_id, [work.token_hash])
        agent = agents.get(work.token_hash)
        if agent is None or agent.unit_index >= 0:
            return None
        if work.inputs is None:
            inputs = await self._context.store.read(dispatch.list_inputs, [agent.agent_id])
            work.inputs = inputs.get(agent.agent_id)
        return await self._hooks.verdict(agent, work.inputs, work.outputs, work.files)

    async def _record(self, works: Sequence[HandIn]) -> Sequence[Receipt]:
        plan = Intake(self._context, self._budget.question(), self._context.clock.now())
        receipts = await self._context.store.write(take_in, plan, works)
        if any(receipt.came_back for receipt in receipts):
            self._budget.forget()  # more was given than the last count knows
        return receipts

    async def _bring_files(self, work: HandIn) -> str | None:
        agents = await self._context.store.read(dispatch.find_by_tokens, self._context.run_id, [work.token_hash])
        agent = agents.get(work.token_hash)
        if agent is None:
            return UNKNOWN
        if agent.status in (AgentStatus.COMPLETED, *REVIEWED):
            return None  # it was recorded with the files it had then
        folder = self._context.agent_dir(agent.assignment_id, agent.agent_id)
        return await bring_home(self._architect, folder, work.files)

    async def _keep_in_journal(self, work: HandIn, agent: KnownAgent, reason: str) -> None:
        text = json.dumps(work.outputs, ensure_ascii=False)
        kept = work.outputs if len(text) <= KEPT_IN_JOURNAL else text[:KEPT_IN_JOURNAL]
        await self._context.record(
            "submission.refused",
            f"A submission of agent {agent.agent_id} for unit {agent.unit_id} was not taken: {reason}",
            level="warning",
            agent_id=agent.agent_id,
            unit_id=agent.unit_id,
            worker_id=agent.worker_id,
            outputs=kept,
            files=[dict(file) for file in work.files],
        )


# in the writer's thread


def take_in(session: Session, plan: Intake, works: Sequence[HandIn]) -> list[Receipt]:
    """One transaction: what each submission's agent and unit allow now, all that can be recorded together."""
    agents = dispatch.find_by_tokens(session, plan.context.run_id, [work.token_hash for work in works])
    missing = [a.agent_id for w in works if w.inputs is None and (a := agents.get(w.token_hash)) is not None]
    inputs = dispatch.list_inputs(session, missing) if missing else {}
    receipts: list[Receipt] = []
    recorded: list[Submission] = []
    tests: list[tuple[KnownAgent, bool | None]] = []
    for work in works:
        agent = agents.get(work.token_hash)
        if agent is None:
            receipts.append(Receipt(None, UNKNOWN))
            continue
        given = work.inputs if work.inputs is not None else inputs.get(agent.agent_id)
        receipt = _judge(session, plan, agent, work, given)
        receipts.append(receipt)
        if receipt.failure is None and not receipt.again:
            recorded.append(_as_submission(plan, agent, work, given))
            if agent.unit_index < 0:
                tests.append((agent, work.is_right))
    if recorded:
        intake.record_submissions(session, recorded, plan.now)
    for agent, is_right in tests:
        gate_units.judge(session, plan.context, agent, is_right, plan.now)
    return receipts


def _judge(session: Session, plan: Intake, agent: KnownAgent, work: HandIn, inputs: Any) -> Receipt:
    if agent.status is AgentStatus.COMPLETED:
        return Receipt(agent, again=True)
    if agent.status in REVIEWED:  # its token is dead
        return Receipt(agent, JUDGED)
    if agent.status is AgentStatus.WAITING:
        return Receipt(agent, NOT_STARTED)
    problem = plan.context.blueprint.check_submission(inputs or {}, work.outputs, work.files)
    if problem is not None:
        return Receipt(agent, problem)
    if agent.status in (AgentStatus.IN_TASK, AgentStatus.ACCEPTED):
        return Receipt(agent)
    if room(session, plan.budget, 1) >= 1 and gate_units.take_back(session, plan.context, agent):
        return Receipt(agent, came_back=True)
    reason = TOO_LATE_ALONE if agent.unit_index < 0 else TOO_LATE.get(agent.status, UNKNOWN)
    return Receipt(agent, reason, kept=True)


def _as_submission(plan: Intake, agent: KnownAgent, work: HandIn, inputs: Any) -> Submission:
    answer, labels = plan.context.blueprint.summarize_submission(inputs, work.outputs, work.files)
    spent = max(0, int((plan.now - agent.started_at).total_seconds() * 1000))
    return Submission(agent.agent_id, agent.unit_id, work.outputs, work.files, answer[:200], labels, spent)
