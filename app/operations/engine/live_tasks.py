"""Live tasks: what pages and the task's logic say to each other, kept in order; the logic of concurrent assignments."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from app.blueprints.base import Blueprint, LiveUpdate
from app.blueprints.live_agent import AbsentAgentError, LiveAgent
from app.data.packets import Packet, PacketType
from app.data.repo import dispatch, live_updates, money
from app.data.repo.dispatch import KnownAgent
from app.data.repo.live_updates import LiveUpdateRow
from app.data.states import AgentStatus
from app.errors import AppError
from app.operations.engine.channels import Channels
from app.operations.engine.page_errors import PageErrors
from app.operations.engine.presence import AtWork, Presence
from app.operations.engine.run_context import RunContext

log = logging.getLogger(__name__)

INWARD, OUTWARD = "in", "out"
MAX_UPDATE_ID = 200


class LiveTasks:
    """The live side of one run."""

    def __init__(self, context: RunContext, presence: Presence, channels: Channels, faults: PageErrors) -> None:
        self._context = context
        self._presence = presence
        self._channels = channels
        self._faults = faults
        blueprint = context.blueprint
        self._has_logic = type(blueprint).run_assignment is not Blueprint.run_assignment
        self._is_live = blueprint.IS_LIVE or blueprint.is_concurrent() or self._has_logic
        self._logics: dict[int, asyncio.Task[None]] = {}
        self._side: set[asyncio.Task[None]] = set()

    # what is said

    async def hear(self, agent: AtWork, data: Mapping[str, Any]) -> None:
        """A page said something: kept once, then given to the logic."""
        update_id = data.get("update_id")
        if not isinstance(update_id, str) or not 0 < len(update_id) <= MAX_UPDATE_ID:
            update_id = f"unnamed-{secrets.token_hex(8)}"
        now = self._context.clock.now()
        is_new = await self._context.store.write(
            live_updates.append_live_update, agent.agent_id, INWARD, update_id, dict(data), now
        )
        if is_new and agent.live is not None:
            agent.live.put_update(data)

    async def say(self, agent_id: int, token: str, content: Mapping[str, Any]) -> None:
        """Say something to a page: kept first, so that it is said again when the page comes back."""
        said = {**content}
        if not isinstance(said.get("update_id"), str):
            said["update_id"] = secrets.token_hex(16)
        now = self._context.clock.now()
        await self._context.store.write(
            live_updates.append_live_update, agent_id, OUTWARD, said["update_id"], said, now
        )
        agent = self._presence.find_agent(agent_id)
        packet = Packet(PacketType.CLIENT_BOUND_LIVE_UPDATE, token, said)
        await self._channels.send(packet, agent.channel_id if agent is not None else "")

    async def replay(self, agent: AtWork) -> None:
        """A page registered again: it hears what was said to it before; it knows each by its id."""
        if not self._is_live:
            return
        for row in await self._updates(agent.agent_id):
            if row.direction == OUTWARD:
                packet = Packet(PacketType.CLIENT_BOUND_LIVE_UPDATE, agent.token, row.content)
                await self._channels.send(packet, agent.channel_id)

    async def inputs_for(self, agent_id: int, inputs: Any) -> Any:
        """What a page that comes back gets as its initial data: with what was said before, where the task has that."""
        blueprint = self._context.blueprint
        if not self._is_live or not isinstance(inputs, Mapping):
            return inputs
        return blueprint.returning_data(inputs, [_as_said(row) for row in await self._updates(agent_id)])

    # the logic of assignments

    async def start_alone(self, agent: AtWork) -> None:
        """A worker of a task with logic but without partners begins."""
        if self._has_logic and not self._context.blueprint.is_concurrent():
            self._begin(agent.agent_id, [agent])

    async def start(self, assignment_id: int, agent_ids: Sequence[int]) -> None:
        """All workers of an assignment are there: tell their pages, begin its logic. Once per assignment."""
        running = self._logics.get(assignment_id)
        if running is not None and not running.done():
            return
        agents = [a for a in self._presence.list_assignment(assignment_id) if a.agent_id in set(agent_ids)]
        if len(agents) < len(agent_ids):
            agents = await self._add_missing(assignment_id, agent_ids)
        now = self._context.clock.now()
        for agent in agents:
            agent.status, agent.started_at = AgentStatus.IN_TASK, now
            await self._channels.push_status(agent.token, AgentStatus.IN_TASK, agent.channel_id)
        self._begin(assignment_id, agents)

    def attach(self, agent: AtWork, past: Sequence[Mapping[str, Any]] = ()) -> None:
        """Give an agent its ear for the logic, at once: what its page says from now on is heard."""
        if agent.live is None and self._has_logic:
            say = partial(self.say, agent.agent_id, agent.token)
            agent.live = LiveAgent(
                agent.agent_id,
                agent.unit_index,
                agent.worker_name,
                agent.inputs or {},
                say,
                self._context.clock,
                past,
                partial(self._report, agent),
            )

    def _report(self, agent: AtWork, message: str) -> None:
        """What the logic has to say of its work with one worker, for the run's log."""
        self._faults.add("logic.report", message, {"agent_id": agent.agent_id, "unit_id": agent.unit_id})

    async def restore(self) -> None:
        """After a restart, before any page is heard: agents at work with what they were given and what was said."""
        if not self._has_logic:
            return
        agents = list(self._presence)
        inputs = await self._context.store.read(dispatch.list_inputs, [agent.agent_id for agent in agents])
        for agent in agents:
            agent.inputs = inputs.get(agent.agent_id)
            self.attach(agent, [row.content for row in await self._updates(agent.agent_id)])

    def go_on(self) -> None:
        """After a restart: the logic of assignments that were under way begins again."""
        if not self._context.blueprint.is_concurrent():
            for agent in self._presence if self._has_logic else ():
                self._begin(agent.agent_id, [agent])
            return
        for assignment_id in {a.assignment_id for a in self._presence if a.status is AgentStatus.IN_TASK}:
            self._begin(assignment_id, self._presence.list_assignment(assignment_id))

    def _begin(self, key: int, agents: Sequence[AtWork]) -> None:
        """`key`: the assignment of partners, the agent of one who works alone."""
        if self._has_logic:
            self._logics[key] = asyncio.create_task(self._run(key, agents), name=f"logic {key}")

    async def _run(self, key: int, agents: Sequence[AtWork]) -> None:
        """The boundary of one assignment: what its logic breaks ends this assignment's logic and nothing else."""
        assignment_id = agents[0].assignment_id
        ordered = sorted(agents, key=lambda agent: agent.unit_index)
        try:
            await self._context.blueprint.run_assignment([a.live for a in ordered if a.live is not None])
        except AbsentAgentError as error:
            log.info("Assignment %d ended: %s", assignment_id, error)
        except Exception as error:
            log.exception("The logic of assignment %d broke off.", assignment_id)
            self._faults.add("assignment.failed", f"The logic of assignment {assignment_id} broke off: {error}", {})
        finally:
            self._logics.pop(key, None)
            for agent in agents:
                agent.logic_ended_at = self._context.clock.now()

    async def _add_missing(self, assignment_id: int, agent_ids: Sequence[int]) -> list[AtWork]:
        """Agents whose registration is answered a moment later than their partner's: they are at work already."""
        found = await self._context.store.read(dispatch.list_holders, self._context.run_id)
        inputs = await self._context.store.read(dispatch.list_inputs, agent_ids)
        for agent, name in found:
            if agent.agent_id in agent_ids:
                self.attach(self._presence.add(at_work_of(self._context, agent, name, inputs.get(agent.agent_id))))
        return self._presence.list_assignment(assignment_id)

    async def _updates(self, agent_id: int) -> list[LiveUpdateRow]:
        return await self._context.store.read(live_updates.list_live_updates, agent_id)

    # the provider's word that the work was taken

    async def mark_done(self, agent: KnownAgent, worker_name: str) -> None:
        """Tell a provider that wants to know; in the background, and its refusal is only journalled."""
        agent_class = self._context.provider.AgentClass
        if all("mark_done" not in vars(cls) for cls in agent_class.__mro__ if not cls.__module__.endswith(".base")):
            return
        task = asyncio.create_task(self._mark_done(agent, worker_name), name=f"mark done {agent.agent_id}")
        self._side.add(task)
        task.add_done_callback(self._side.discard)

    async def _mark_done(self, agent: KnownAgent, worker_name: str) -> None:
        context = self._context
        provider, kind = context.provider, context.run.provider_type
        try:
            external = await context.store.read(money.get_refs, kind, "agents", agent.agent_id)
            await provider.AgentClass(provider, worker_name, external).mark_done()
        except AppError as error:
            self._faults.add("provider.mark_done", str(error), {"agent_id": agent.agent_id})

    async def close(self) -> None:
        """End every logic; nothing is left running."""
        tasks = [*self._logics.values(), *self._side]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _as_said(row: LiveUpdateRow) -> LiveUpdate:
    return LiveUpdate(row.direction == INWARD, row.content, row.creation_date)


def at_work_of(context: RunContext, agent: KnownAgent, worker_name: str, inputs: Any) -> AtWork:
    """The record of an agent that the database knows to be at work."""
    return AtWork(
        token=context.token_of(agent.nonce),
        agent_id=agent.agent_id,
        unit_id=agent.unit_id,
        unit_index=agent.unit_index,
        assignment_id=agent.assignment_id,
        worker_id=agent.worker_id,
        worker_name=worker_name,
        registration_id=agent.registration_id,
        status=agent.status,
        started_at=agent.started_at,
        inputs=inputs,
    )
