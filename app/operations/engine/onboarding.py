"""What a worker answered in the onboarding: kept, judged by the blueprint, and the verdict granted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.blueprints.gates import Refuse, refuse
from app.data.repo import onboarding, qualifications, status
from app.data.states import ONBOARDING_LIVE, AgentStatus
from app.data.store import Session
from app.operations.engine.run_context import RunContext, hash_of


@dataclass(frozen=True, slots=True)
class Passed:
    """Who passed, and by what registration they asked for a unit."""

    worker_name: str
    registration_id: str


class OnboardingDesk:
    """The onboardings of one run."""

    def __init__(self, context: RunContext) -> None:
        self._context = context

    async def take(self, token: str, outputs: Any) -> Passed | Refuse:
        """Keep and judge an answer; durable when this returns. The same again has the same verdict."""
        context = self._context
        return await context.store.write(judge, context, hash_of(token), outputs, context.clock.now())

    async def statuses(self) -> Mapping[str, str]:
        """token -> status of those who are in the onboarding."""
        context = self._context
        if not context.config.blueprint.onboarding_qualification:
            return {}
        rows = await context.store.read(onboarding.list_onboarding_agents, context.run_id)
        return {context.token_of(row.nonce, onboarding=True): str(row.status) for row in rows}


def judge(session: Session, context: RunContext, token_hash: str, outputs: Any, now: datetime) -> Passed | Refuse:
    """One transaction: the answer, the verdict, and the qualification granted with 1 (passed) or 0 (failed)."""
    row = onboarding.find_onboarding_agent(session, context.run_id, token_hash=token_hash)
    if row is None:
        return refuse("bad_request")
    if row.status in ONBOARDING_LIVE:
        onboarding.record_onboarding(session, row.onboarding_agent_id, outputs, now)
        passed = context.blueprint.check_onboarding(row.data.get("inputs"), outputs)
        verdict = AgentStatus.APPROVED if passed else AgentStatus.REJECTED
        status.set_onboarding_status(session, row.onboarding_agent_id, verdict, now=now)
        name = context.config.blueprint.onboarding_qualification
        qualification = qualifications.get_or_create_qualification(session, name, now)
        qualifications.grant(session, row.worker_id, qualification, int(passed), context.run_id, now)
    else:
        passed = row.status is AgentStatus.APPROVED
    return Passed(row.worker_name, row.registration_id) if passed else refuse("onboarding_failed")
