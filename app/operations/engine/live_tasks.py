"""Live tasks: what pages and the task's logic say to each other, kept in order before it goes on."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from app.blueprints.base import Blueprint, LiveUpdate
from app.blueprints.row import json_fault
from app.data.packets import Packet, PacketType
from app.data.repo import dispatch, live_updates, money
from app.data.repo.dispatch import KnownAgent
from app.data.repo.live_updates import INWARD, LONGEST_ID, OUTWARD, LiveUpdateRow, NewUpdate
from app.errors import AppError, EntryDoesNotExist
from app.operations.engine.channels import Channels
from app.operations.engine.departures import Departures
from app.operations.engine.live_log import LiveLog
from app.operations.engine.logics import Logics
from app.operations.engine.page_errors import PageErrors
from app.operations.engine.presence import AtWork, Presence
from app.operations.engine.run_context import RunContext

log = logging.getLogger(__name__)

REQUESTER = "Requester"
MOST_TOLD = 1_000
"""Of what a page is given with its data, so many ids are named to its router; it keeps fewer."""


class LiveTasks:
    """The live side of one run. `logics` runs the logic of its assignments."""

    def __init__(
        self,
        context: RunContext,
        presence: Presence,
        channels: Channels,
        faults: PageErrors,
        departures: Departures,
    ) -> None:
        self._context, self._presence, self._channels, self._faults = context, presence, channels, faults
        self.logics = Logics(context, presence, channels, faults, departures, self.attach)
        blueprint = context.blueprint
        self._is_live = blueprint.IS_LIVE or blueprint.is_concurrent() or self.logics.has_logic
        self._gives_history = type(blueprint).returning_data is not Blueprint.returning_data
        self._log = LiveLog(context)
        self._partners = departures.partners
        self._partners.say = self._say_to
        self._side: set[asyncio.Task[None]] = set()

    # what is said

    async def hear(self, agent: AtWork, data: Mapping[str, Any]) -> None:
        """A page said something: kept once, then given to the logic. With `receipt` the page is told when it is kept.

        That somebody writes is told to the others, and kept nowhere.
        """
        if "typing" in data and "text" not in data:
            await self._show_typing(agent, bool(data["typing"]))
            return
        said = {key: value for key, value in data.items() if key != "receipt"}
        fault = json_fault(said)
        if fault is not None:
            self._faults.add("page.said", f"{agent.worker_name} said something that {fault}", {})
            return
        update_id = said.get("update_id")
        if not isinstance(update_id, str) or not 0 < len(update_id) <= LONGEST_ID:
            update_id = f"unnamed-{secrets.token_hex(8)}"
        if said.get("id") == agent.token:  # others may see it: a token is nobody else's to know
            said["id"] = _name_of(agent)
        keeping = self._log.put(NewUpdate(agent.agent_id, INWARD, update_id, said))
        at_once = self._context.blueprint.live.heard_at_once
        if at_once and agent.live is not None:
            agent.live.put_update(said)
        is_new = await keeping
        if data.get("receipt"):
            await self._channels.push_status(agent.token, agent.status, agent.channel_id, news={"heard": update_id})
        if is_new and agent.live is not None and not at_once:
            agent.live.put_update(said)

    async def say(self, agent_id: int, token: str, content: Mapping[str, Any]) -> None:
        """Say something to a page: kept first, so that it is said again when the page comes back."""
        said = {**content}
        if not isinstance(said.get("update_id"), str):
            said["update_id"] = secrets.token_hex(16)
        is_new = await self._log.keep(NewUpdate(agent_id, OUTWARD, said["update_id"], said))
        agent = self._presence.find_agent(agent_id)
        if is_new and agent is not None:
            packet = Packet(PacketType.CLIENT_BOUND_LIVE_UPDATE, token, said)
            await self._channels.send(packet, agent.channel_id)

    async def speak_in(self, assignment_id: int, text: str) -> int:
        """The requester says something to everybody of an assignment; returns to how many.

        `EntryDoesNotExist` when nobody works at it now.
        """
        agents = self._presence.list_assignment(assignment_id)
        if not agents:
            raise EntryDoesNotExist("Nobody works at this any more.")
        content: dict[str, Any] = {"id": REQUESTER, "text": text, "update_id": secrets.token_hex(16)}
        content["task_data"] = {"requester_message": True}
        for agent in agents:
            if agent.live is not None:
                agent.live.transcript.append((False, content))
        await asyncio.gather(*(self._say_to(agent, content) for agent in agents))
        return len(agents)

    async def replay(self, agent: AtWork) -> None:
        """A page registered again: it hears what was said to it before; it knows each by its id.

        Where the task gives the history with the initial data, nothing is said twice.
        """
        if not self._is_live or self._gives_history:
            return
        for row in await self._updates(agent.agent_id):
            if row.direction == OUTWARD:
                packet = Packet(PacketType.CLIENT_BOUND_LIVE_UPDATE, agent.token, row.content)
                await self._channels.send(packet, agent.channel_id)

    async def inputs_for(self, agent: AtWork, inputs: Any) -> tuple[Any, list[str]]:
        """What a page that comes back gets as its initial data: with what was said before, where the task has that.

        With it the ids of what was said to it: its router need not say these again.
        """
        if not self._gives_history or not isinstance(inputs, Mapping):
            return inputs, []
        rows = await self._updates(agent.agent_id)
        told = [row.update_id for row in rows if row.direction == OUTWARD]
        history = [_as_said(row, agent) for row in rows]
        return self._context.blueprint.returning_data(inputs, history), told[-MOST_TOLD:]

    async def say_again(self, channel_id: str, since: datetime) -> None:
        """A router is back: its pages are told what was said to them since it was last sure to be there."""
        agents = {agent.agent_id: agent for agent in self._presence if agent.channel_id in ("", channel_id)}
        said = await self._context.store.read(live_updates.list_of_agents, list(agents))
        for agent_id, rows in said.items():
            agent = agents[agent_id]
            for row in rows:
                if row.direction == OUTWARD and row.creation_date >= since:
                    packet = Packet(PacketType.CLIENT_BOUND_LIVE_UPDATE, agent.token, row.content)
                    await self._channels.send(packet, channel_id)

    # who comes and goes

    def attach(self, agent: AtWork, past: Sequence[LiveUpdateRow] = ()) -> None:
        """Give an agent its ear for the logic, at once: what its page says from now on is heard."""
        self.logics.attach(agent, partial(self.say, agent.agent_id, agent.token), past)

    async def restore(self) -> None:
        """After a restart, before any page is heard: agents at work with what they were given and what was said."""
        if not self.logics.has_logic:
            return
        agents = list(self._presence)
        ids = [agent.agent_id for agent in agents]
        inputs = await self._context.store.read(dispatch.list_inputs, ids)
        said = await self._context.store.read(live_updates.list_of_agents, ids)
        for agent in agents:
            agent.inputs = inputs.get(agent.agent_id)
            self.attach(agent, said[agent.agent_id])

    async def _say_to(self, agent: AtWork, content: Mapping[str, Any]) -> None:
        await self.say(agent.agent_id, agent.token, content)

    async def _show_typing(self, agent: AtWork, writes: bool) -> None:
        if not self._context.blueprint.live.typing:
            return
        news = {"typing": {"name": _name_of(agent), "seat": agent.unit_index, "writes": writes}}
        for partner in self._presence.list_assignment(agent.assignment_id):
            if partner is not agent:
                await self._channels.push_status(partner.token, partner.status, partner.channel_id, news=news)

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
        """End every logic, keep what was said; nothing is left running."""
        await self.logics.close()
        tasks = list(self._side)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._log.close()


def _name_of(agent: AtWork) -> str:
    """What others call an agent: never its worker's own name."""
    return agent.live.name if agent.live is not None else f"Worker {agent.unit_index + 1}"


def _as_said(row: LiveUpdateRow, agent: AtWork) -> LiveUpdate:
    """An update as its page knows it: what the page said itself comes under its own id."""
    content, inward = row.content, row.direction == INWARD
    if inward and isinstance(content, Mapping) and content.get("id") == _name_of(agent):
        content = {**content, "id": agent.token}
    return LiveUpdate(inward, content, row.creation_date)
