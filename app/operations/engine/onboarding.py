"""The onboardings of a run: who begins one, what they answered, judged by the blueprint, and those who never answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.blueprints.gates import Refuse, refuse
from app.data.packets import DESKTOP_ID, Packet, PacketType
from app.data.repo import onboarding, qualifications, status
from app.data.repo.onboarding import OnboardingRow
from app.data.states import LEFT_AGENT, ONBOARDING_LIVE, AgentStatus
from app.data.store import Session
from app.errors import IllegalTransition
from app.operations.engine.channels import Channels
from app.operations.engine.hooks import ONBOARDING as VALIDATE_ONBOARDING
from app.operations.engine.hooks import Hooks
from app.operations.engine.onboarding_room import Newcomer, OnboardingRoom, OverdueNewcomer
from app.operations.engine.presence import Presence
from app.operations.engine.run_context import RunContext, hash_of

ASK_SECONDS = 15.0
"""How often routers are asked whom they hear, while somebody is in the onboarding."""
NOT_JUDGED = "Something went wrong on our side, and your answer could not be judged. Please send it again in a moment."
RUN_ENDED = "The task has ended."


@dataclass(frozen=True, slots=True)
class Passed:
    """Who passed, and by what registration they asked for a unit."""

    worker_name: str
    registration_id: str


class OnboardingDesk:
    """The onboardings of one run."""

    def __init__(self, context: RunContext, presence: Presence, channels: Channels, hooks: Hooks) -> None:
        self._hooks = hooks
        self.room = OnboardingRoom(presence.rules, context.clock)
        self._context = context
        self._presence = presence
        self._channels = channels
        self._asked_at = context.clock.now()
        presence.when_shifted.append(self._shift)

    async def restore(self) -> None:
        """After a restart: those who were in the onboarding are in it again, with time to come back."""
        if self._context.config.blueprint.onboarding_qualification:
            for row in await self._context.store.read(onboarding.list_onboarding_agents, self._context.run_id):
                self.enter(row.onboarding_agent_id, row.worker_id, row.worker_name, row.nonce, row.creation_date)
            if len(self.room):
                self._presence.give_chance()

    def enter(
        self, onboarding_agent_id: int, worker_id: int, worker_name: str, nonce: str, started_at: datetime, by: str = ""
    ) -> str:
        """Somebody is in the onboarding, and came by that channel; returns their token."""
        token = self._context.token_of(nonce, onboarding=True)
        self.room.enter(Newcomer(token, onboarding_agent_id, worker_id, worker_name, started_at))
        if by:
            self.room.heard(token, by)
        return token

    async def take(self, token: str, outputs: Any) -> Passed | Refuse:
        """Keep and judge an answer; durable when this returns. The same again has the same verdict."""
        context = self._context
        token_hash, passed = hash_of(token), None
        if self._hooks.has(VALIDATE_ONBOARDING):
            row = await context.store.read(_find, context.run_id, token_hash)
            if row is not None and row.status not in (AgentStatus.APPROVED, AgentStatus.REJECTED):
                data = {"inputs": row.data.get("inputs"), "outputs": outputs, "worker_name": row.worker_name}
                passed = await self._hooks.passed_onboarding(data)
                if passed is None:  # nothing is kept: the same answer may be sent again
                    return refuse("failed", reason=NOT_JUDGED)
        return await context.store.write(judge, context, token_hash, outputs, passed, context.clock.now())

    async def answered(self, token: str) -> None:
        """The page has its verdict: the token is of no more use, and routers may forget it.

        Told to routers alone: the page has gone on with its unit, or says why there is none.
        """
        newcomer = self.room.leave(token)
        if newcomer is not None:
            data = {"status": str(AgentStatus.COMPLETED)}
            await self._channels.send(Packet(PacketType.AGENT_STATUS, token, data), newcomer.channel_id)

    async def status_of(self, token: str) -> str | None:
        """Where an onboarding stands; None for a token that is nobody's."""
        if self.room.find(token) is not None:
            return AgentStatus.ONBOARDING
        row = await self._context.store.read(_find, self._context.run_id, hash_of(token))
        return None if row is None else row.status

    # time

    async def look(self) -> None:
        """Let those go whose time is up; ask routers now and then whom they hear."""
        if not len(self.room):
            return
        if self._presence.is_judging:
            overdue = self.room.list_overdue()
            await self.let_go([each for each in overdue if not self._presence.is_excused(each.newcomer.channel_id)])
        now = self._context.clock.now()
        if now - self._asked_at >= timedelta(seconds=ASK_SECONDS):
            self._asked_at = now
            await self._channels.broadcast(Packet(PacketType.REQUEST_STATUSES, DESKTOP_ID))

    def _shift(self, drift: timedelta) -> None:
        self.room.shift(drift)
        self._asked_at += drift

    async def end(self) -> None:
        """The run is over: who is still in the onboarding is told so."""
        await self.let_go([OverdueNewcomer(newcomer, AgentStatus.EXPIRED, RUN_ENDED) for newcomer in self.room])

    async def let_go(self, leaving: Sequence[OverdueNewcomer]) -> None:
        """Newcomers leave without a verdict; who has answered meanwhile has theirs. They may begin again."""
        if not leaving:
            return
        context = self._context
        plan = [(each.newcomer.onboarding_agent_id, each.status) for each in leaving]
        left = set(await context.store.write(leave, plan, context.clock.now()))
        for each in leaving:
            newcomer = each.newcomer
            self.room.leave(newcomer.token)
            if newcomer.onboarding_agent_id in left:
                await self._channels.push_status(newcomer.token, each.status, newcomer.channel_id, each.reason)


def judge(
    session: Session, context: RunContext, token_hash: str, outputs: Any, passed: bool | None, now: datetime
) -> Passed | Refuse:
    """One transaction: the answer, the verdict, and the qualification granted with 1 (passed) or 0 (failed).

    `passed` is what the task's own code says, which was asked before; None: it has no say, the blueprint judges.

    An answer that comes after its time counts, unless its worker has begun anew.
    """
    row = _find(session, context.run_id, token_hash)
    if row is None:
        return refuse("bad_request")
    newest = onboarding.find_onboarding_agent(session, context.run_id, worker_id=row.worker_id) or row
    if newest.onboarding_agent_id != row.onboarding_agent_id:
        return _judged(newest, refuse("onboarding_elsewhere"))
    if row.status in LEFT_AGENT and row.status is not AgentStatus.EXPIRED:
        status.set_onboarding_status(session, row.onboarding_agent_id, AgentStatus.ONBOARDING, now=now)
    elif row.status not in ONBOARDING_LIVE:
        return _judged(row, refuse("finished"))
    onboarding.record_onboarding(session, row.onboarding_agent_id, outputs, now)
    if passed is None:
        passed = context.blueprint.check_onboarding(row.data.get("inputs"), outputs)
    verdict = AgentStatus.APPROVED if passed else AgentStatus.REJECTED
    status.set_onboarding_status(session, row.onboarding_agent_id, verdict, now=now)
    name = context.config.blueprint.onboarding_qualification
    qualification = qualifications.get_or_create_qualification(session, name, now)
    qualifications.grant(session, row.worker_id, qualification, int(passed), context.run_id, now)
    return Passed(row.worker_name, row.registration_id) if passed else refuse("onboarding_failed")


def leave(session: Session, plan: Sequence[tuple[int, AgentStatus]], now: datetime) -> list[int]:
    """Move onboarding agents that did not answer; returns those that were moved."""
    left = []
    for onboarding_agent_id, new in plan:
        try:
            status.set_onboarding_status(session, onboarding_agent_id, new, now=now)
        except IllegalTransition:
            continue
        left.append(onboarding_agent_id)
    return left


def _judged(row: OnboardingRow, otherwise: Refuse) -> Passed | Refuse:
    """The verdict that an onboarding has; `otherwise` when it has none."""
    if row.status is AgentStatus.APPROVED:
        return Passed(row.worker_name, row.registration_id)
    return refuse("onboarding_failed") if row.status is AgentStatus.REJECTED else otherwise


def _find(session: Session, run_id: int, token_hash: str) -> OnboardingRow | None:
    return onboarding.find_onboarding_agent(session, run_id, token_hash=token_hash)
