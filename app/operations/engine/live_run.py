"""A task run that this process serves, as the window and the commands see it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from app.architects.base import Architect
from app.architects.router.entry import make_entry_token
from app.blueprints.base import AssignmentData
from app.blueprints.gates import refuse
from app.data.repo import dispatch, status, tasks
from app.data.states import RunState, UnitStatus
from app.errors import EntryDoesNotExist, InvalidEntry
from app.operations.engine.budget import room
from app.operations.engine.launcher import LaunchProgress
from app.operations.engine.reconcile import OpenPayments
from app.operations.engine.run_context import RunContext
from app.operations.engine.run_engine import LINGER_SECONDS, RunEngine

LINK_DAYS = 30


class LiveTaskRun:
    """A run in flight, paused, or just completed. `engine` is what drives it."""

    def __init__(
        self,
        context: RunContext,
        architect: Architect,
        *,
        payments: OpenPayments | None = None,
        linger_seconds: float = LINGER_SECONDS,
    ) -> None:
        self.run_id = context.run_id
        self.task_name = context.run.task_name
        self.context = context
        self.engine = RunEngine(context, architect, payments, linger_seconds)

    # what the window and the commands read

    @property
    def url(self) -> str:
        """Where the pages are served."""
        return self.engine.url

    @property
    def state(self) -> RunState:
        """Where the run stands."""
        return self.engine.state

    @property
    def progress(self) -> LaunchProgress:
        """How far the launch has come."""
        return self.engine.launcher.progress

    @property
    def refusals(self) -> Counter[str]:
        """How many were refused, by the code of the reason."""
        return self.engine.refusals.counts

    @property
    def presence(self) -> Mapping[int, float]:
        """Who is at work now: agent_id -> seconds since the page was heard of."""
        return self.engine.presence.seconds_since_heard()

    @property
    def newcomers(self) -> Mapping[int, float]:
        """Who is in the onboarding now: onboarding_agent_id -> seconds since the page was heard of."""
        return self.engine.onboarding.room.seconds_since_heard()

    @property
    def peak(self) -> int:
        """The most who were at work at once."""
        return self.engine.presence.peak

    @property
    def channels(self) -> list[tuple[str, bool]]:
        """(id, open now) of each way to a router."""
        return self.engine.channels.states()

    def entry_link(self, worker_name: str | None = None, valid_days: float = LINK_DAYS) -> str:
        """A link into the run, signed where workers come by our links: for one person, or (None) for any name."""
        if not self.context.provider.SIGNED_ENTRY:
            return f"{self.url}/welcome"
        name = worker_name.strip() if worker_name is not None else None
        if name == "":
            raise InvalidEntry("worker_name", "a personal link needs a name")
        expires_at = self.context.clock.now().timestamp() + valid_days * 86_400
        return f"{self.url}/enter/{make_entry_token(self.context.secret, str(self.run_id), name, expires_at)}"

    def serve_on(self, seconds: float) -> None:
        """How long the pages are served when the run is complete."""
        self.engine.linger_seconds = seconds

    async def wait_completed(self) -> None:
        """Until the run is served no more: it is complete, or it broke off (`state` tells)."""
        await self.engine.ended.wait()

    # what the requester asks for

    async def message_worker(self, agent_id: int, text: str) -> None:
        """Show a text on the page of somebody at work. `EntryDoesNotExist` when they are not."""
        agent = self.engine.presence.find_agent(agent_id)
        if agent is None:
            raise EntryDoesNotExist("This worker is not at work in the run any more.")
        message: dict[str, Any] = {"id": "requester", "text": text, "task_data": {"requester_message": True}}
        await self.engine.live.say(agent.agent_id, agent.token, message)
        await self.context.record("worker.message", f"To {agent.worker_name}: {text}", agent_id=agent_id)

    async def speak_in(self, assignment_id: int, text: str) -> int:
        """Say something to everybody of a conversation, where the task allows that; returns to how many.

        `EntryDoesNotExist` when nobody is in it now.
        """
        if not self.context.blueprint.live.speak_in:
            raise InvalidEntry("text", "this task does not let you speak in its conversations.")
        heard = await self.engine.live.speak_in(assignment_id, text)
        await self.context.record("conversation.spoken_in", f"To {heard} workers: {text}", assignment_id=assignment_id)
        return heard

    async def pause(self) -> None:
        """Nobody gets a new unit; those at work finish. Idempotent."""
        if await self.engine.set_state(RunState.PAUSED):
            self.engine.paused_for = refuse("paused")
            await self.context.record("run.paused", "The run was paused.")

    async def unpause(self) -> None:
        """Workers get units again; a launch that had stopped is tried again. Idempotent."""
        if self.state is RunState.PAUSED:
            self.engine.budget.forget()
            if await self.engine.set_state(RunState.IN_FLIGHT):
                await self.context.record("run.unpaused", "The run goes on.")
        if self.progress.error:
            self.engine.start_launch()

    async def stop(self) -> int:
        """Expire what is open, let those at work go, complete. Returns how many units were open."""
        await self.engine.stop_launch()
        expired = await self.expire_units(None)
        await self.context.record("run.stopped", f"The run was stopped; {expired} units were open.", count=expired)
        self.engine.look()
        return expired

    async def set_budget(self, budget: Decimal | None) -> None:
        """What the run may cost. It is paused at once where that leaves no room; it goes on when it was for that."""
        await self.context.store.write(tasks.set_budget, self.run_id, budget)
        before = self.engine.budget.amount
        self.engine.budget.set(budget)
        raised = budget is None or (before is not None and budget > before)
        if raised and self.state is RunState.PAUSED and self.engine.paused_for.code == "budget":
            await self.unpause()
        elif not raised and await self.context.store.read(room, self.engine.budget.question(), 1) < 1:
            self.engine.budget_met()

    async def expire_units(self, unit_ids: Sequence[int] | None) -> int:
        """Open units (None: all) can be done no more; who works at them is told. Returns how many."""
        context = self.context
        offered: Sequence[int] = []
        if not context.provider.UNITS_LIVE_HERE:
            offered = await self._offered(unit_ids)
        count = await context.store.write(status.expire_units, self.run_id, unit_ids, context.clock.now())
        await self.engine.departures.forget_those_who_left()
        if count:
            await context.record("units.expired", f"{count} units were expired.", count=count)
        await self.engine.offers.take_back(offered)
        return count

    async def relaunch_units(self, unit_ids: Sequence[int]) -> int:
        """Expired, rejected or soft-rejected units can be taken again. `IllegalTransition` for any other."""
        async with self.engine.reopening:
            count = await self.context.store.write(status.relaunch_units, unit_ids, self.context.clock.now())
            await self._go_on()
        await self.context.record("units.relaunched", f"{count} units can be taken again.", count=count)
        return count

    async def add_units(self, items: Sequence[AssignmentData]) -> int:
        """More items for the run; returns how many units that makes."""
        async with self.engine.reopening:
            added = await self.engine.launcher.add(items)
            await self._go_on()
        await self.context.record("units.added", f"{added} units were added.", count=added)
        return added

    async def _go_on(self) -> None:
        """A run that was complete has units again."""
        if self.state is RunState.COMPLETED:
            await self.engine.set_state(RunState.IN_FLIGHT)

    async def _offered(self, unit_ids: Sequence[int] | None) -> Sequence[int]:
        """The units that the provider offers: it has to be told when they expire."""
        context = self.context
        if unit_ids is not None:
            return await context.store.read(dispatch.still_launched, unit_ids)
        found: list[int] = []
        while some := await context.store.read(
            dispatch.list_units, self.run_id, UnitStatus.LAUNCHED, after=found[-1] if found else 0, limit=1_000
        ):
            found += some
        return found
