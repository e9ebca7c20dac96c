"""Workers who leave without handing in: recorded, told to their page and to their partners, the unit free again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.data.repo import dispatch, status
from app.data.states import LEFT_AGENT, AgentStatus
from app.data.store import Session
from app.errors import IllegalTransition
from app.operations.engine.channels import Channels
from app.operations.engine.presence import AtWork, Overdue, Presence
from app.operations.engine.run_context import RunContext

log = logging.getLogger(__name__)

PARTNER_LEFT = "The person you worked with has left, so this unit has ended."


@dataclass
class Departures:
    """Lets the workers of one run go."""

    context: RunContext
    presence: Presence
    channels: Channels
    on_freed: Callable[[], None]
    """Called when units came back: the run may look whether it is over, and whom it had refused may come again."""

    async def let_go(self, leaving: Sequence[Overdue]) -> list[AtWork]:
        """Agents leave, with partners of those who were in a task together. Who handed in meanwhile does not.

        Returns those who left.
        """
        everybody = self._with_partners(leaving)
        if not everybody:
            return []
        plan = [(each.agent.agent_id, each.status, each.reason) for each in everybody]
        left = set(await self.context.store.write(leave, plan, self.context.clock.now()))
        gone = [each for each in everybody if each.agent.agent_id in left]
        for each in gone:
            self.presence.remove(each.agent.agent_id)
            each.agent.status = each.status
            if each.agent.live is not None:
                each.agent.live.leave(each.status)
        for each in gone:
            await self.channels.push_status(each.agent.token, each.status, each.agent.channel_id, each.reason)
        if gone:
            self.on_freed()
        return [each.agent for each in gone]

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

    def _with_partners(self, leaving: Sequence[Overdue]) -> list[Overdue]:
        found = {each.agent.agent_id: each for each in leaving}
        if not self.context.blueprint.is_concurrent():
            return list(found.values())
        for each in leaving:
            if each.agent.status is AgentStatus.WAITING:
                continue
            for partner in self.presence.list_assignment(each.agent.assignment_id):
                found.setdefault(partner.agent_id, Overdue(partner, AgentStatus.PARTNER_DISCONNECT, PARTNER_LEFT))
        return list(found.values())


def leave(session: Session, plan: Sequence[tuple[int, AgentStatus, str]], now: datetime) -> list[int]:
    """Move agents, and free their units; returns those that were moved: the others are not at work any more."""
    left = []
    for agent_id, new, reason in plan:
        try:
            status.set_agent_status(session, agent_id, new, now=now, reason=reason)
        except IllegalTransition:
            continue
        left.append(agent_id)
    return left
