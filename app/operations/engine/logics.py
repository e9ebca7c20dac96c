"""The logic of live assignments: begun when all are there, ended with them, bounded in time, its faults its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from app.blueprints.base import Blueprint
from app.blueprints.live_agent import AbsentAgentError, AgentTimeout, LiveAgent
from app.blueprints.task_code import TaskCodeError, as_fault
from app.data.repo import dispatch, live_updates
from app.data.repo.dispatch import KnownAgent
from app.data.repo.live_updates import INWARD, LiveUpdateRow
from app.data.states import AgentStatus
from app.operations.engine.bridged_agent import BridgedAgent
from app.operations.engine.channels import Channels
from app.operations.engine.departures import PARTNER_LEFT, Departures
from app.operations.engine.logic_loop import LogicLoop, LoopGivenUp
from app.operations.engine.page_errors import PageErrors
from app.operations.engine.presence import AtWork, Overdue, Presence
from app.operations.engine.run_context import RunContext

log = logging.getLogger(__name__)

BROKE_OFF = "The program of this task broke off. That was no fault of yours."
SILENT = "Nothing came from you for too long, so this unit has ended."
TASK_DONE: Mapping[str, Any] = {"task_data": {"task_done": True, "live_update_requested": False}}


@dataclass(eq=False)
class Logic:
    """One logic under way. `seats` are its agents, those of models among them."""

    key: int
    assignment_id: int
    seats: Sequence[LiveAgent]
    began_at: datetime
    task: asyncio.Task[None] | None = None


class Logics:
    """Runs the logic of one run's assignments."""

    def __init__(
        self,
        context: RunContext,
        presence: Presence,
        channels: Channels,
        faults: PageErrors,
        departures: Departures,
        on_missing: Callable[[AtWork], None],
    ) -> None:
        """`on_missing` gives its ear to an agent that was not known to be at work."""
        self._on_missing = on_missing
        self._context, self._presence, self._channels = context, presence, channels
        self._faults, self._departures = faults, departures
        blueprint = context.blueprint
        self._rules = blueprint.live
        self.has_logic = type(blueprint).run_assignment is not Blueprint.run_assignment or bool(self._rules.own_runner)
        self._running: dict[int, Logic] = {}
        self._starting: set[int] = set()
        self._loop = LogicLoop(blueprint.code.path if blueprint.code is not None else None)
        departures.partners.is_under_way = self.is_under_way

    def is_under_way(self, assignment_id: int) -> bool:
        """Whether partners of that assignment are in the middle of it: where there is no logic, until they hand in."""
        return not self.has_logic or assignment_id in self._running

    def is_talking(self, agent: AtWork) -> bool:
        """Whether the agent can hand in nothing yet."""
        key = agent.assignment_id if self._context.blueprint.is_concurrent() else agent.agent_id
        return self._rules.submit_when_over and key in self._running

    # beginning

    async def start_alone(self, agent: AtWork) -> None:
        """A worker of a task with logic but without partners begins."""
        if self.has_logic and not self._context.blueprint.is_concurrent():
            self._begin(agent.agent_id, [agent])

    async def start(self, assignment_id: int, agent_ids: Sequence[int]) -> None:
        """All workers of an assignment are there: tell their pages, begin its logic. Once per assignment.

        Workers who came at the same moment are each told so: the first one begins it for all.
        """
        if assignment_id in self._starting:
            return
        self._starting.add(assignment_id)
        try:
            await self._start(assignment_id, agent_ids)
        finally:
            self._starting.discard(assignment_id)

    async def _start(self, assignment_id: int, agent_ids: Sequence[int]) -> None:
        running = self._running.get(assignment_id)
        if running is not None and {seat.agent_id for seat in running.seats} & set(agent_ids):
            return
        if running is not None:  # of others, who have left
            await self._cancel(running)
        agents = [a for a in self._presence.list_assignment(assignment_id) if a.agent_id in set(agent_ids)]
        if len(agents) < len(agent_ids):
            agents = await self._add_missing(assignment_id, agent_ids)
        if len(agents) < len(agent_ids):  # the others left at this very moment
            left = AgentStatus.PARTNER_DISCONNECT
            await self._departures.let_go([Overdue(agent, left, PARTNER_LEFT) for agent in agents], over=True)
            return
        now = self._context.clock.now()
        for agent in agents:
            agent.status, agent.started_at = AgentStatus.IN_TASK, now
            await self._channels.push_status(agent.token, AgentStatus.IN_TASK, agent.channel_id)
        self._begin(assignment_id, agents)

    async def go_on(self) -> None:
        """After a restart: the logic of assignments that were under way begins again."""
        if not self.has_logic:
            return
        if not self._context.blueprint.is_concurrent():
            for agent in self._presence:
                self._go_on_with(agent.agent_id, [agent])
            return
        for assignment_id in {a.assignment_id for a in self._presence if a.status is AgentStatus.IN_TASK}:
            agents = self._presence.list_assignment(assignment_id)
            self._go_on_with(assignment_id, [a for a in agents if a.status is AgentStatus.IN_TASK])
            await self._reopen_seats(assignment_id)

    async def _reopen_seats(self, assignment_id: int) -> None:
        """Seats whose worker had left before the restart are open again, as long as at their beginning."""
        logic = self._running.get(assignment_id)
        vacant = [seat for seat in logic.seats if seat.is_vacant] if logic is not None else []
        if not vacant:
            return
        known = await self._context.store.read(live_updates.list_seats, assignment_id)
        for seat in vacant:
            last = [row for row in known if row.unit_index == seat.unit_index]
            if last:
                seat.agent_id = last[-1].agent_id  # what was said to them is kept with it
                self._departures.partners.open_seat(assignment_id, last[-1].unit_id, seat.unit_index, seat)

    def attach(self, agent: AtWork, say: Any, past: Sequence[LiveUpdateRow] = ()) -> None:
        """Give an agent its ear for the logic, at once: what its page says from now on is heard."""
        if agent.live is not None or not self.has_logic:
            return
        agent.live = LiveAgent(
            agent.agent_id,
            agent.unit_index,
            agent.worker_name,
            agent.inputs or {},
            say,
            self._context.clock,
            [row.content for row in past],
            partial(self._report, agent),
        )
        agent.live.transcript.extend((row.direction == INWARD, row.content) for row in past)

    def _go_on_with(self, key: int, agents: Sequence[AtWork]) -> None:
        if self._rules.submit_when_over and any(_was_over(a.live) for a in agents if a.live is not None):
            for agent in agents:
                agent.logic_ended_at = self._context.clock.now()
        else:
            self._begin(key, agents)

    def _begin(self, key: int, agents: Sequence[AtWork]) -> None:
        """`key`: the assignment of partners, the agent of one who works alone."""
        if not self.has_logic or not agents:
            return
        own = [a.live for a in sorted(agents, key=lambda agent: agent.unit_index) if a.live is not None]
        logic = Logic(key, agents[0].assignment_id, self._rules.seats(own), self._context.clock.now())
        self._running[key] = logic
        logic.task = asyncio.create_task(self._run(logic), name=f"logic {key}")

    # the logic

    async def _run(self, logic: Logic) -> None:
        """The boundary of one assignment: what its logic breaks ends this assignment and nothing else."""
        try:
            await self._run_it(logic)
        except AbsentAgentError as error:
            log.info("Assignment %d ended: %s", logic.assignment_id, error)
            self._leave(logic)
            await self._part(logic, error)
        except Exception as error:  # noqa: BLE001 - the boundary of one logic: it is told with its place
            self._leave(logic)
            await self._break_off(logic, error)
        else:
            self._leave(logic)
            await self._over(logic)
        finally:
            self._leave(logic)
            for agent in self._workers(logic):
                agent.logic_ended_at = self._context.clock.now()

    async def _run_it(self, logic: Logic) -> None:
        make = self._rules.own_runner
        if make is None:
            await self._context.blueprint.run_assignment(list(logic.seats))
            return
        home = asyncio.get_running_loop()
        while True:
            bridged = [BridgedAgent(seat, home) for seat in logic.seats]

            async def work(agents: Sequence[BridgedAgent] = bridged) -> None:
                await make().run_assignment(agents)

            try:
                await self._loop.run(logic.key, work)
            except LoopGivenUp:
                log.info("The logic of assignment %d begins again on another loop.", logic.assignment_id)
                await self._read_past(logic)
                continue
            finally:
                for each in bridged:
                    each.let_go()
            return

    async def _read_past(self, logic: Logic) -> None:
        ids = [seat.agent_id for seat in logic.seats if not seat.is_model]
        said = await self._context.store.read(live_updates.list_of_agents, ids)
        for seat in logic.seats:
            seat.past_updates = tuple(row.content for row in said.get(seat.agent_id, ()))

    async def _over(self, logic: Logic) -> None:
        """It ended by itself: the pages are told that they can hand in."""
        if not self._rules.submit_when_over:
            return
        for agent in self._workers(logic):
            if agent.live is not None:
                await agent.live.observe({**TASK_DONE, "update_id": f"over-{logic.key}"})

    async def _part(self, logic: Logic, error: AbsentAgentError) -> None:
        """It ended because somebody is not there: those who are still here are let go."""
        leaving = []
        for agent in self._workers(logic):
            silent = isinstance(error, AgentTimeout) and agent.agent_id == error.agent_id
            new = AgentStatus.TIMEOUT if silent else AgentStatus.PARTNER_DISCONNECT
            leaving.append(Overdue(agent, new, SILENT if silent else PARTNER_LEFT))
        if leaving and self._context.blueprint.is_concurrent():
            await self._departures.let_go(leaving, over=True)

    async def _break_off(self, logic: Logic, error: Exception) -> None:
        told = self._told(error)
        if not isinstance(told, TaskCodeError):
            log.error("The logic of assignment %d broke off.", logic.assignment_id, exc_info=error)
        message = f"The logic of assignment {logic.assignment_id} broke off: {told}"
        self._faults.add("assignment.failed", message, {"assignment_id": logic.assignment_id})
        await self._departures.release(self._workers(logic), AgentStatus.EXPIRED, BROKE_OFF)

    def _told(self, error: Exception) -> Exception:
        """The fault with its place in the requester's file, when it was theirs."""
        code = self._context.blueprint.code
        if isinstance(error, TaskCodeError) or code is None or self._rules.own_runner is None:
            return error
        return as_fault(error, code.path)

    def _workers(self, logic: Logic) -> list[AtWork]:
        """Those of its workers who have neither left nor handed in."""
        found = (self._presence.find_agent(seat.agent_id) for seat in logic.seats if not seat.is_model)
        return [agent for agent in found if agent is not None]

    def _leave(self, logic: Logic) -> None:
        if self._running.get(logic.key) is logic:
            del self._running[logic.key]
            self._departures.partners.close_seats(logic.assignment_id)

    def _report(self, agent: AtWork, message: str) -> None:
        """What the logic has to say of its work with one worker, for the run's log."""
        self._faults.add("logic.report", message, {"agent_id": agent.agent_id, "unit_id": agent.unit_id})

    # time

    async def look(self) -> None:
        """Once a second: a logic that goes on far beyond the time of its unit is ended."""
        rules = self._presence.rules
        now = self._context.clock.now()
        for logic in list(self._running.values()):
            begun = max((agent.started_at for agent in self._workers(logic)), default=logic.began_at)
            if now - begun > rules.assignment_duration + rules.submission_timeout + timedelta(seconds=1):
                hours = (rules.assignment_duration + rules.submission_timeout).total_seconds() / 3600
                await self._cancel(logic)
                await self._break_off(logic, TaskCodeError(f"it did not end within {hours:.1f} hours."))

    async def _cancel(self, logic: Logic) -> None:
        self._leave(logic)
        if logic.task is not None and logic.task is not asyncio.current_task():
            logic.task.cancel()
            await asyncio.wait([logic.task])

    async def close(self) -> None:
        """End every logic; nothing is left running."""
        tasks = [logic.task for logic in self._running.values() if logic.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._loop.close()

    async def _add_missing(self, assignment_id: int, agent_ids: Sequence[int]) -> list[AtWork]:
        """Agents whose registration is answered a moment later than their partner's: they are at work already."""
        found = await self._context.store.read(dispatch.list_holders, self._context.run_id)
        inputs = await self._context.store.read(dispatch.list_inputs, agent_ids)
        for agent, name in found:
            if agent.agent_id in agent_ids:
                self._on_missing(self._presence.add(at_work_of(self._context, agent, name, inputs.get(agent.agent_id))))
        return self._presence.list_assignment(assignment_id)


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


def _was_over(live: LiveAgent) -> bool:
    """Whether its page was told that the task is done."""
    given = (update.get("task_data") for update in live.past_updates if isinstance(update, Mapping))
    return any(isinstance(data, Mapping) and data.get("task_done") is True for data in given)
