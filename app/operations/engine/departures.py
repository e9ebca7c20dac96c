"""Workers who leave without handing in: recorded, told to their page and to their partners, the unit free again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from app.blueprints.task_runner import Fate
from app.data.repo import dispatch, money, status
from app.data.repo.money import NewPayment
from app.data.states import LEFT_AGENT, AgentStatus, PaymentKind, PaymentState
from app.data.store import Session
from app.errors import IllegalTransition
from app.operations.engine.channels import Channels
from app.operations.engine.partners import Partners
from app.operations.engine.presence import AtWork, Overdue, Presence
from app.operations.engine.run_context import RunContext

log = logging.getLogger(__name__)

PARTNER_LEFT = "The person you worked with has left, so this unit has ended."
NOBODY_CAME = "The person you worked with has left, and nobody took their place, so this unit has ended."
CENTS = Decimal("0.01")


@dataclass(frozen=True)
class Parting:
    """One worker who leaves, and what goes with it. `expires`: the unit is offered to nobody again."""

    agent_id: int
    status: AgentStatus
    reason: str
    expires: bool = False
    owed: NewPayment | None = None


@dataclass
class Departures:
    """Lets the workers of one run go."""

    context: RunContext
    presence: Presence
    channels: Channels
    on_freed: Callable[[], None]
    """Called when units came back: the run may look whether it is over, and whom it had refused may come again."""
    partners: Partners = field(init=False)

    def __post_init__(self) -> None:
        self.partners = Partners(self.context, self.presence, self.channels)

    async def let_go(self, leaving: Sequence[Overdue], *, over: bool = False) -> list[AtWork]:
        """Agents leave; what becomes of their partners is the policy of the run. Who handed in meanwhile stays.

        `over`: the conversation is at its end, whoever leaves. Returns those who left.
        """
        fates = self._fates(leaving, over=over)
        for each in leaving:
            if fates[each.agent.agent_id] is Fate.HOLD:
                await self.partners.hold(each.agent)
        going = {each.agent.agent_id: each for each in leaving if fates[each.agent.agent_id] is not Fate.HOLD}
        for each in list(going.values()):
            if fates[each.agent.agent_id] is Fate.END:
                for partner in self.presence.list_assignment(each.agent.assignment_id):
                    if partner.agent_id not in going and partner.status is not AgentStatus.WAITING:
                        going[partner.agent_id] = Overdue(partner, AgentStatus.PARTNER_DISCONNECT, PARTNER_LEFT)
                        fates[partner.agent_id] = Fate.END
        return await self._part(list(going.values()), fates)

    async def release(self, agents: Sequence[AtWork], new: AgentStatus, reason: str) -> list[AtWork]:
        """These leave through no fault of theirs, whatever the policy about partners; paid for it if the run does."""
        partings = [Parting(a.agent_id, new, reason, owed=self._owed(a)) for a in agents]
        return await self._apply(partings, dict.fromkeys((a.agent_id for a in agents), Fate.END))

    async def look(self) -> None:
        """Once a second: who waits for partners, and conversations whose open seat nobody took."""
        for seat in await self.partners.look():
            stayed = [
                Overdue(agent, AgentStatus.PARTNER_DISCONNECT, NOBODY_CAME)
                for agent in self.presence.list_assignment(seat.assignment_id)
                if agent.status is AgentStatus.IN_TASK
            ]
            await self.let_go(stayed, over=True)

    async def forget_those_who_left(self) -> None:
        """Somebody else (an expiry, another window) moved agents that were at work here: follow them."""
        at_work = list(self.presence)
        if not at_work:
            self.on_freed()
            return
        agents = await self.context.store.read(dispatch.find_by_ids, [agent.agent_id for agent in at_work])
        for agent in at_work:
            found = agents.get(agent.agent_id)
            if found is None or found.status not in LEFT_AGENT:
                continue  # at work still, or its submission is being acknowledged this very moment
            self.presence.remove(agent.agent_id)
            if agent.live is not None:
                agent.live.leave(found.status)
            await self.channels.push_status(agent.token, found.status, agent.channel_id, found.left_reason)
        self.on_freed()

    def _fates(self, leaving: Sequence[Overdue], *, over: bool) -> dict[int, Fate]:
        going = {each.agent.agent_id for each in leaving}
        fates = {}
        for each in leaving:
            agent = each.agent
            if not self.context.blueprint.is_concurrent() or agent.status is AgentStatus.WAITING:
                fates[agent.agent_id] = Fate.ALONE
            elif over:
                fates[agent.agent_id] = Fate.END
            else:
                fates[agent.agent_id] = self.partners.fate_of(agent, each.status, going)
        return fates

    async def _part(self, leaving: Sequence[Overdue], fates: dict[int, Fate]) -> list[AtWork]:
        partings = [
            Parting(
                each.agent.agent_id,
                each.status,
                each.reason,
                expires=fates[each.agent.agent_id] is Fate.MODEL,
                owed=self._owed(each.agent) if each.status is AgentStatus.PARTNER_DISCONNECT else None,
            )
            for each in leaving
        ]
        return await self._apply(partings, fates)

    async def _apply(self, partings: Sequence[Parting], fates: dict[int, Fate]) -> list[AtWork]:
        if not partings:
            return []
        now = self.context.clock.now()
        left = set(await self.context.store.write(leave, self.context.run_id, partings, now))
        gone: list[AtWork] = []
        for parting in partings:
            agent = self.presence.remove(parting.agent_id) if parting.agent_id in left else None
            if agent is None:
                continue
            agent.status = parting.status
            gone.append(agent)
            await self.partners.parted(agent, fates[agent.agent_id])
            reason = parting.reason
            if parting.owed is not None:
                reason += f" You are paid {parting.owed.amount:f} {parting.owed.currency} for it."
            await self.channels.push_status(agent.token, agent.status, agent.channel_id, reason)
        if gone:
            self.on_freed()
        return gone

    def _owed(self, agent: AtWork) -> NewPayment | None:
        """What somebody is paid whose work broke off because of others."""
        context, rules = self.context, self.context.blueprint.live.partners
        amount = (context.pay * rules.compensation_percent / 100).quantize(CENTS)
        if not rules.pays_those_who_stayed or amount <= 0 or agent.status is not AgentStatus.IN_TASK:
            return None
        settled = context.provider.PAYMENTS_LIVE_HERE
        return NewPayment(
            f"compensation:{agent.unit_id}:{agent.agent_id}", PaymentKind.COMPENSATION, agent.worker_id, agent.unit_id,
            context.run_id, context.provider.PROVIDER_TYPE, amount, context.run.currency, context.provider.fee(amount),
            "The conversation broke off through no fault of yours.", "",
            PaymentState.SETTLED if settled else PaymentState.INTENDED,
        )  # fmt: skip


def leave(session: Session, run_id: int, partings: Sequence[Parting], now: datetime) -> list[int]:
    """Move agents, free or expire their units, write down what is owed; returns those that were moved.

    The others are not at work any more.
    """
    left = []
    for parting in partings:
        try:
            status.set_agent_status(session, parting.agent_id, parting.status, now=now, reason=parting.reason)
        except IllegalTransition:
            continue
        left.append(parting.agent_id)
    moved = [parting for parting in partings if parting.agent_id in set(left)]
    money.intend_payments(session, [parting.owed for parting in moved if parting.owed is not None], now)
    agents = dispatch.find_by_ids(session, [parting.agent_id for parting in moved if parting.expires])
    if agents:
        status.expire_units(session, run_id, [agent.unit_id for agent in agents.values()], now)
    return left
