"""The one coroutine of a live run: deploy, open the channels, launch, serve and reconcile together, shut down."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from app.architects.base import Architect
from app.blueprints.gates import Refuse, refuse
from app.data.changes import Change
from app.data.packets import DESKTOP_ID, Packet, PacketType
from app.data.repo import assignments, dispatch, money, status, tasks
from app.data.states import RunState, UnitStatus
from app.data.store import Session
from app.errors import AppError
from app.operations.engine.batches import serve_together
from app.operations.engine.budget import Budget
from app.operations.engine.channels import Channels
from app.operations.engine.client_io import ClientIOHandler
from app.operations.engine.departures import Departures
from app.operations.engine.hooks import Hooks
from app.operations.engine.launcher import TaskLauncher
from app.operations.engine.live_tasks import LiveTasks
from app.operations.engine.logics import at_work_of
from app.operations.engine.offers import Offers
from app.operations.engine.onboarding import OnboardingDesk
from app.operations.engine.page_errors import PageErrors
from app.operations.engine.presence import Presence, TimeRules
from app.operations.engine.reconcile import OpenPayments, Reconciler
from app.operations.engine.refusals import RefusalLog
from app.operations.engine.run_context import RunContext
from app.operations.engine.watch import RunWatch
from app.operations.engine.welcome import WelcomeDesk
from app.operations.engine.work_intake import WorkIntake
from app.operations.engine.worker_pool import WorkerPool

log = logging.getLogger(__name__)

MONEY_TABLES = ("payments", "worker_review")
LINGER_SECONDS = 3.0
"""How long the pages are served on when the run is over: the last workers read that they are done."""
AWAY_PATIENCE_SECONDS = 900.0
"""So long a run that is over waits for a router that is away."""
UNSURE_SECONDS = 60.0
"""A connection that died may have carried nothing for so long before that was noticed."""
LOOK_SECONDS = 0.1
"""Whether the run is over is looked at no more often than this, however fast work comes in."""


class RunEngine:
    """The parts of one run and what drives them. `LiveTaskRun` is its face."""

    def __init__(
        self, context: RunContext, architect: Architect, payments: OpenPayments | None, linger_seconds: float
    ) -> None:
        self.context = context
        self.architect = architect
        self.url = context.run.url or ""
        self.state = context.run.state
        self.paused_for = refuse("paused")
        self.presence = Presence(_rules(context), context.clock)
        self.refusals = RefusalLog(context.clock)
        self.budget = Budget(context.run_id, context.run.budget, context.cost)
        self.channels = Channels()
        self.ended = asyncio.Event()
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.hooks = Hooks(context)
        self.pool = WorkerPool(context, self.budget, self._closed, self.budget_met, self.hooks)
        self.launcher = TaskLauncher(context, self._is_busy, self.look)
        self.offers = Offers(context, lambda: f"{self.url}/task", self.look)
        self.departures = Departures(context, self.presence, self.channels, self.look)
        self.onboarding = OnboardingDesk(context, self.presence, self.channels, self.hooks)
        self._faults = PageErrors(context)
        self.live = LiveTasks(context, self.presence, self.channels, self._faults, self.departures)
        self._intake = WorkIntake(context, self.presence, self.budget, architect, self.hooks)
        self._watch = RunWatch(
            context, self.presence, self.channels, self.departures, self.onboarding, self.live.logics, self.refusals,
            self._faults, lambda: self.state, self._lifetime_over, lambda: architect.refusals,
        )  # fmt: skip
        self._reconciler = Reconciler(context, payments, self.departures.forget_those_who_left)
        self.client_io = ClientIOHandler(
            context, self.presence, self.channels, self.pool, self._intake, self.departures, self.live,
            WelcomeDesk(context, self.presence, self.pool.may_register), self.onboarding, self.refusals, self._faults,
            self._work_came,
        )  # fmt: skip
        self.linger_seconds = linger_seconds
        self._over_budget = False
        self._lost_at: dict[str, datetime] = {}
        self._changed = asyncio.Event()
        self._moving = asyncio.Lock()
        self.reopening = asyncio.Lock()
        """Held while units come back or are added: nobody must find the run complete in between."""
        self._over = asyncio.Event()
        self._group: asyncio.TaskGroup | None = None
        self._launching: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """From deployment to the end. Cancelling it is stopping to serve; it shuts down whatever happens."""
        try:
            await self._open()
            self.ready.set_result(None)
            await self._serve()
        except BaseException as error:
            if not self.ready.done():
                self.ready.set_exception(error)
                self.ready.exception()  # whoever waits gets it; if nobody does, it is told by the run itself
            raise
        finally:
            try:
                await self._shut()
            finally:
                self.ended.set()

    def look(self) -> None:
        """Something changed: look whether the run is over."""
        self._changed.set()

    async def set_state(self, new: RunState) -> bool:
        """Move the run; False when it is there already, as when the requester pauses while the budget is met."""
        context = self.context
        async with self._moving:
            if self.state is new:
                return False
            await context.store.write(status.set_run_state, context.run_id, new, context.clock.now())
            self.state = new
        self.look()
        return True

    def start_launch(self) -> None:
        """Make the units that are not made yet, beside everything else; once at a time."""
        if self._group is not None and (self._launching is None or self._launching.done()):
            self._launching = self._group.create_task(self.launcher.run())

    async def stop_launch(self) -> None:
        """Make no more units: the run is what it is now."""
        if self._launching is not None and not self._launching.done():
            self._launching.cancel()
            await asyncio.gather(self._launching, return_exceptions=True)
        await self.launcher.finish()

    # its life

    async def _open(self) -> None:
        context = self.context
        for agent, name in await context.store.read(dispatch.list_holders, context.run_id):
            self.presence.add(at_work_of(context, agent, name, None))
        if len(self.presence):  # they keep their units and tokens, and get time to come back
            self.presence.give_chance()
            self.presence.all_lost(only_with_socket=not context.blueprint.is_concurrent())
        await self.live.restore()
        await self.onboarding.restore()
        await self.architect.prepare()
        self.url = await self.architect.deploy(_port_of(context.run.url))
        self.channels.use(await self.architect.get_channels())
        receipt = await context.provider.setup_resources_for_task_run(context.facts(), self.url)
        await context.store.write(keep_deployment, context, self.url, receipt.external)
        await self.set_state(RunState.IN_FLIGHT)
        await self.channels.open(self.client_io.on_packet, self._router_state)
        await context.record("run.serving", f"The pages are served at {self.url}.", url=self.url)

    async def _serve(self) -> None:
        subscription = self.context.store.feed.subscribe(self._money_moved, MONEY_TABLES)
        batches = serve_together(self.pool.batches, self._intake.batches)
        parts = [batches, self._watch.run(), self._reconciler.run(), self._attend()]
        if not self.context.provider.UNITS_LIVE_HERE:
            parts.append(self.offers.run())
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                serving = [group.create_task(part) for part in parts]
                self.start_launch()
                await self.live.logics.go_on()
                await self._over.wait()
                for each in (*serving, self._launching):
                    if each is not None:
                        each.cancel()
        finally:
            self._group = None
            subscription.close()

    async def _shut(self) -> None:
        """Close everything, whatever came before. What was acknowledged is on disk."""
        await self.channels.close()
        await self.live.close()
        await self.hooks.close()
        with suppress(AppError):  # a journal that cannot be written is no reason to leave a server running
            await self._watch.write_journal()
        await self.architect.shutdown()
        if self.state is RunState.COMPLETED:
            try:
                await self.context.provider.cleanup_resources_from_task_run(self.context.facts(), self.url)
            except AppError as error:
                await self.context.record("provider.cleanup_failed", str(error), level="warning")
            await self.architect.cleanup()

    async def _attend(self) -> None:
        """Whenever something changed: is the budget met, is the run over?"""
        while True:
            await self._changed.wait()
            self._changed.clear()
            self.pool.launch_finished = self.launcher.progress.finished
            if self._over_budget:
                self._over_budget = False
                await self._pause_for_budget()
            async with self.reopening:
                if self.state is not RunState.COMPLETED and self.launcher.progress.finished and await self._is_done():
                    await self._complete()
            await asyncio.sleep(LOOK_SECONDS)

    async def _is_done(self) -> bool:
        units = await self.context.store.read(dispatch.find_open_units, self.context.run_id)
        return not (units.created or units.launched or units.assigned)

    async def _complete(self) -> None:
        context = self.context
        await self.set_state(RunState.COMPLETED)
        counts = await context.store.read(assignments.unit_counts, context.run_id)
        expired = counts[UnitStatus.EXPIRED]
        message = f"The run is complete: {sum(counts.values()) - expired} units were done, {expired} expired."
        await context.record("run.completed", message)
        context.notify("completed", message)
        await self.onboarding.end()
        assert self._group is not None
        self._group.create_task(self._linger())

    async def _linger(self) -> None:
        """Workers see what became of their work; a provider with pages of its own is let go soon."""
        live_here = self.context.provider.UNITS_LIVE_HERE
        await self.context.clock.sleep(self.linger_seconds if live_here else min(self.linger_seconds, LINGER_SECONDS))
        waited = 0.0
        while not all(alive for _, alive in self.channels.states()) and waited < AWAY_PATIENCE_SECONDS:
            waited += LINGER_SECONDS  # a router that is away may have acknowledged work that is not here yet
            await self.context.clock.sleep(LINGER_SECONDS)
        if self.state is RunState.COMPLETED:
            self._over.set()

    # what the parts report

    def _closed(self) -> Refuse | None:
        if self.state is RunState.IN_FLIGHT:
            return None
        return self.paused_for if self.state is RunState.PAUSED else refuse("finished")

    def _is_busy(self) -> bool:
        return self.pool.is_busy or self._intake.is_busy or len(self.presence) > 0

    def _work_came(self) -> None:
        self._watch.submission_came()
        self.look()

    def budget_met(self) -> None:
        """There is no room for another unit: the run is paused."""
        self._over_budget = True
        self.look()

    async def _pause_for_budget(self) -> None:
        if self.state is not RunState.IN_FLIGHT:
            return
        if not await self.set_state(RunState.PAUSED):
            return
        self.paused_for = refuse("budget")
        context = self.context
        amount = f"{self.budget.amount:f} {context.run.currency}" if self.budget.amount is not None else "nothing"
        message = f"The budget of {amount} is met: the run is paused. Raise the budget to go on."
        await context.record("run.budget_met", message, level="warning")
        context.notify("budget", message)

    def _money_moved(self, changes: Sequence[Change]) -> None:
        self.budget.forget()

    async def _lifetime_over(self) -> None:
        context = self.context
        await self.stop_launch()
        await context.store.write(status.expire_units, context.run_id, None, context.clock.now())
        await self.departures.forget_those_who_left()

    def _router_state(self, channel_id: str, alive: bool) -> None:
        """A router was lost or is there again. Nobody is timed out for what the router suffered."""
        since = None
        if not alive:
            self.presence.router_lost(channel_id)
            self._lost_at.setdefault(channel_id, self.context.clock.now())
            self.context.notify("router_lost", "The server of the pages cannot be reached. Workers' pages wait for it.")
        else:
            since = self._lost_at.pop(channel_id, None)
            self.presence.router_back(channel_id)
            for newcomer in self.onboarding.room:
                self.onboarding.room.lost(newcomer.token, channel_id)
            self.context.notify("router_back", "The server of the pages is there again.")
        if self._group is not None:
            self._group.create_task(self._ask_router(channel_id, alive, since))

    async def _ask_router(self, channel_id: str, alive: bool, since: datetime | None) -> None:
        kind, level = ("router.back", "info") if alive else ("router.lost", "warning")
        await self.context.record(kind, f"Channel {channel_id} is {'open' if alive else 'lost'}.", level=level)
        if alive:
            await self.channels.send(Packet(PacketType.REQUEST_STATUSES, DESKTOP_ID), channel_id)
        if since is not None:
            await self.live.say_again(channel_id, since - timedelta(seconds=UNSURE_SECONDS))


def keep_deployment(session: Session, context: RunContext, url: str, external: Mapping[str, str]) -> None:
    """Where the pages are served, and the provider's own ids of the run."""
    tasks.set_run_url(session, context.run_id, url)
    money.put_refs(session, context.run.provider_type, "task_runs", context.run_id, external, context.clock.now())


def _rules(context: RunContext) -> TimeRules:
    task = context.config.task
    duration = timedelta(seconds=task.assignment_duration_in_seconds)
    limit = context.blueprint.live.partners.waiting_limit_seconds
    return TimeRules(
        assignment_duration=duration,
        reconnect_grace=timedelta(seconds=task.reconnect_grace_in_seconds),
        submission_timeout=timedelta(seconds=task.submission_timeout),
        waiting_limit=duration if limit is None else timedelta(seconds=limit),
    )


def _port_of(url: str | None) -> int | None:
    """The port that an interrupted run was served on."""
    return urlsplit(url).port if url else None
