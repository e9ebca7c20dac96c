"""Launches, resumes and steers task runs; each is a task of its own, and one that breaks reaches no other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

from app.architects import registry as architects
from app.architects.base import ServedTask
from app.blueprints import registry as blueprints
from app.blueprints.base import AssignmentData, Blueprint
from app.blueprints.known_rows import check_known_rows
from app.clock import Clock, SystemClock
from app.data.repo import status, subjects, tasks
from app.data.states import RunState
from app.data.store import Hold, Store
from app.errors import AppError, ConfigError, EntryDoesNotExist, RunHeldElsewhere
from app.operations.configuration.config import RunConfig, from_yaml
from app.operations.engine.hooks import KnownRows, load_known_rows
from app.operations.engine.live_run import LiveTaskRun
from app.operations.engine.notices import Notice, NoticeListener
from app.operations.engine.reconcile import OpenPayments
from app.operations.engine.run_context import RunContext
from app.operations.engine.run_engine import LINGER_SECONDS
from app.operations.holders import run_lock
from app.operations.run_life import create_run, end_run, interrupt, leave_run
from app.providers import registry as providers
from app.providers.base import CrowdProvider
from app.settings import Settings
from app.vault import Vault, get_or_make

__all__ = ["Notice", "Operator"]

log = logging.getLogger(__name__)

UNFINISHED = (RunState.SETUP, RunState.IN_FLIGHT)
"""A run that stands so is served by somebody, or was when its process ended. A paused one may just be closed."""


class Operator:
    """All runs that this process serves."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        vault: Vault,
        clock: Clock | None = None,
        *,
        payments: OpenPayments | None = None,
        linger_seconds: float = LINGER_SECONDS,
    ) -> None:
        """`linger_seconds`: how long the pages of a run are served on when it is complete."""
        self.live_runs: dict[int, LiveTaskRun] = {}
        self._store, self._settings, self._vault = store, settings, vault
        self._clock = clock or SystemClock()
        self._payments = payments
        self._linger_seconds = linger_seconds
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._holds: dict[int, Hold] = {}
        self._listeners: list[NoticeListener] = []
        self._closing: RunState | None = None
        self._resuming: dict[int, asyncio.Lock] = {}
        self._vault_turn = asyncio.Lock()  # two launches at once must not write one file of secrets together

    def subscribe_notices(self, listener: NoticeListener) -> None:
        """Call `listener` with each notice from now on."""
        self._listeners.append(listener)

    async def start(self) -> list[int]:
        """Mark the runs whose process is gone as interrupted; returns which those are."""
        gone = []
        for row in await self._store.read(tasks.list_task_runs, UNFINISHED):
            if row.task_run_id in self.live_runs:
                continue
            hold = self._store.try_hold(run_lock(row.task_run_id))
            if hold is None:
                continue  # another process serves it
            try:
                await self._store.write(interrupt, row.task_run_id, row.state, self._clock.now())
                gone.append(row.task_run_id)
            finally:
                hold.release()
        if self._payments is not None:
            try:
                await self._payments.reconcile()
            except AppError as error:
                log.info("Open payments could not be looked at: %s", error)
        return gone

    async def close(self, *, pause: bool = False) -> None:
        """Stop serving every run; they can be resumed. They count as paused, or else as interrupted."""
        self._closing = RunState.PAUSED if pause else RunState.INTERRUPTED
        serving = list(self._tasks.values())
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)

    # launching and resuming

    async def launch(self, config: RunConfig) -> LiveTaskRun:
        """Check, record, deploy; returns when workers can come. Units go on being made behind it.

        `ConfigError` before anything was made; `ArchitectError` or `ProviderError` leave an interrupted run that can
        be resumed when the cause is mended.
        """
        provider, blueprint = self._check(config)
        await asyncio.to_thread(check_known_rows, blueprint)
        await asyncio.to_thread(blueprint.load_code)
        rows = await load_known_rows(blueprint)
        await asyncio.to_thread(_see_first_item, self._make(config)[1])
        await provider.RequesterClass(provider, config.provider.requester_name).register()
        run_id = await self._store.write(create_run, config, provider.is_sandbox(), self._clock.now())
        hold = self._store.try_hold(run_lock(run_id))
        if hold is None:
            raise RunHeldElsewhere(f"Run {run_id} is held by another process.")
        return await self._serve(run_id, config, provider, blueprint, hold, rows)

    async def resume(self, run_id: int) -> LiveTaskRun:
        """Serve a run again that was interrupted or closed, at its old address where that is free.

        A run that is live here already is unpaused; who asks while it is being resumed gets that run.
        `RunHeldElsewhere` when another process serves it.
        """
        async with self._resuming.setdefault(run_id, asyncio.Lock()):
            return await self._resume(run_id)

    async def _resume(self, run_id: int) -> LiveTaskRun:
        live = self.live_runs.get(run_id)
        if live is not None:
            await live.unpause()
            return live
        row = await self._store.read(tasks.get_task_run, run_id)
        config = from_yaml(row.init_params)
        hold = self._hold(run_id)
        try:
            provider, blueprint = self._make(config)
            await asyncio.to_thread(blueprint.load_code)
            rows = await load_known_rows(blueprint)
            if row.state in (RunState.IN_FLIGHT, RunState.SETUP):  # its process died while this one was running
                await self._store.write(interrupt, run_id, row.state, self._clock.now())
        except BaseException:
            hold.release()
            raise
        return await self._serve(run_id, config, provider, blueprint, hold, rows)

    # steering

    async def pause(self, run_id: int) -> None:
        """Nobody gets a new unit; those at work finish."""
        await self._get(run_id).pause()

    async def unpause(self, run_id: int) -> None:
        """Workers get units again."""
        await self._get(run_id).unpause()

    async def stop(self, run_id: int) -> int:
        """Expire what is open, let those at work go, complete; also a run that is not served.

        Returns how many units were open.
        """
        live = self.live_runs.get(run_id)
        if live is not None:
            return await live.stop()
        with self._held(run_id):
            return await self._store.write(end_run, run_id, self._clock.now())

    async def add_units(self, run_id: int, items: Sequence[AssignmentData] | int) -> int:
        """More units: of these items, or (a number) of the first items of the task's data once more.

        A run that is not served is resumed for it. Returns how many units that makes.
        """
        live = self.live_runs.get(run_id) or await self.resume(run_id)
        if isinstance(items, int):
            items = await asyncio.to_thread(_first_items, live.context.blueprint, items)
        return await live.add_units(items)

    async def set_budget(self, run_id: int, budget: Decimal | None) -> None:
        """What a run may cost in all; None: no limit. `RunHeldElsewhere`: who serves it goes by the budget it knows."""
        live = self.live_runs.get(run_id)
        if live is not None:
            await live.set_budget(budget)
            return
        with self._held(run_id):
            await self._store.write(tasks.set_budget, run_id, budget)

    async def expire_units(self, run_id: int, unit_ids: Sequence[int] | None) -> int:
        """Open units (None: all) can be done no more. Returns how many."""
        live = self.live_runs.get(run_id)
        if live is not None:
            return await live.expire_units(unit_ids)
        with self._held(run_id):
            return await self._store.write(status.expire_units, run_id, unit_ids, self._clock.now())

    async def relaunch_units(self, unit_ids: Sequence[int]) -> int:
        """Expired, rejected or soft-rejected units can be taken again; runs that are not served are resumed for it."""
        of_run: dict[int, list[int]] = {}
        for place in await self._store.read(subjects.list_unit_places, unit_ids):
            of_run.setdefault(place.task_run_id, []).append(place.unit_id)
        count = 0
        for run_id, ids in of_run.items():
            live = self.live_runs.get(run_id) or await self.resume(run_id)
            count += await live.relaunch_units(ids)
        return count

    # inside

    def _get(self, run_id: int) -> LiveTaskRun:
        live = self.live_runs.get(run_id)
        if live is None:
            raise EntryDoesNotExist(f"Run {run_id} is not served by this program.", "Resume it first.")
        return live

    def _hold(self, run_id: int) -> Hold:
        hold = self._store.try_hold(run_lock(run_id))
        if hold is None:
            raise RunHeldElsewhere(
                f"Run {run_id} is served by another process on this database.", "Use the window that shows it live."
            )
        return hold

    @contextmanager
    def _held(self, run_id: int) -> Iterator[None]:
        """Nobody serves the run meanwhile."""
        hold = self._hold(run_id)
        try:
            yield
        finally:
            hold.release()

    def _check(self, config: RunConfig) -> tuple[CrowdProvider, Blueprint]:
        """Everything that can be wrong with a configuration before anything is made. `ConfigError`."""
        blueprint_class = blueprints.get(config.blueprint_type)
        blueprint_class.assert_task_args(config.blueprint, config.base_dir)
        if config.blueprint.onboarding_qualification and not blueprint_class.HAS_ONBOARDING:
            raise ConfigError(
                f"{blueprint_class.TITLE} has no onboarding.",
                key="blueprint.onboarding_qualification",
                advice="Leave it empty, or require a qualification that you grant yourself.",
            )
        providers.get(config.provider_type).assert_task_args(config.task, config.provider)
        architects.get(config.architect_type).assert_task_args(config.architect)
        return self._make(config)

    def _make(self, config: RunConfig) -> tuple[CrowdProvider, Blueprint]:
        provider = providers.get(config.provider_type)(config.provider, self._clock)
        return provider, blueprints.get(config.blueprint_type)(config.blueprint, config.base_dir)

    async def _serve(
        self, run_id: int, config: RunConfig, provider: CrowdProvider, blueprint: Blueprint, hold: Hold, rows: KnownRows
    ) -> LiveTaskRun:
        try:
            row = await self._store.read(tasks.get_task_run, run_id)
            async with self._vault_turn:
                secret = await asyncio.to_thread(get_or_make, self._vault, f"run-{run_id}")
            context = RunContext(
                row, config, provider, blueprint, self._store, self._settings, self._clock, secret, self._tell, rows
            )
            build_dir = self._settings.build_dir / f"run-{run_id}"
            pages = await asyncio.to_thread(_served_task, context, build_dir / "pages")
            kind = architects.get(config.architect_type)
            architect = kind(config.architect, pages, build_dir / "router", context.upload_dir, self._clock)
            live = LiveTaskRun(context, architect, payments=self._payments, linger_seconds=self._linger_seconds)
        except BaseException:
            try:
                await self._store.write(
                    leave_run, run_id, RunState.INTERRUPTED, "The run did not start.", "error", self._clock.now()
                )
            finally:
                hold.release()
            raise
        self.live_runs[run_id] = live
        self._holds[run_id] = hold
        task = asyncio.create_task(self._guard(live), name=f"run {run_id}")
        self._tasks[run_id] = task
        try:
            await asyncio.shield(live.engine.ready)
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            raise
        except BaseException:
            await asyncio.gather(task, return_exceptions=True)
            raise
        return live

    async def _guard(self, live: LiveTaskRun) -> None:
        """The boundary of one run: what breaks it is told, and the run can be resumed."""
        try:
            await live.engine.run()
        except asyncio.CancelledError:
            await self._leave(live, "The run is not served any more: the program was closed.", level="info")
            raise
        except Exception as error:
            sentence = _sentence_of(error)
            if not isinstance(_root(error), AppError):
                log.exception("Run %d broke off.", live.run_id)
            await self._leave(live, f"The run broke off: {sentence}", level="error")
            self._tell(Notice("ended", live.run_id, f"The run broke off: {sentence} It can be resumed."))
        finally:
            self.live_runs.pop(live.run_id, None)
            self._tasks.pop(live.run_id, None)
            self._holds.pop(live.run_id).release()

    async def _leave(self, live: LiveTaskRun, message: str, *, level: str) -> None:
        """A run that is served no more, though it is not complete: interrupted, or paused by closing."""
        new = self._closing if level == "info" and self._closing is not None else RunState.INTERRUPTED
        now = self._clock.now()
        try:
            await self._store.write(leave_run, live.run_id, new, message, level, now)
        except AppError as error:
            log.error("Run %d could not be marked %s: %s", live.run_id, new, error)

    def _tell(self, notice: Notice) -> None:
        for listener in list(self._listeners):
            listener(notice)


def _served_task(context: RunContext, build_dir: Any) -> ServedTask:
    """What the router serves. Reads files: not for the loop's thread."""
    build_dir.mkdir(parents=True, exist_ok=True)
    pages = context.blueprint.get_pages(build_dir)
    wrapper = context.provider.write_wrapper_js(build_dir / "provider")
    return ServedTask(
        task_run_id=str(context.run_id),
        task_title=context.config.task.task_title,
        provider_type=context.config.provider_type,
        secret=context.secret,
        pages=pages.pages,
        static={**pages.static, "/wrap_crowd_source.js": wrapper},
        static_folders=pages.static_folders,
        task_config={"task_title": context.config.task.task_title, **pages.task_config},
        image_sources=pages.image_sources,
        media_sources=pages.media_sources,
        entry_required=context.provider.SIGNED_ENTRY,
    )


def _see_first_item(blueprint: Blueprint) -> None:
    """Data of which no row can be used are told before a run is made. `ConfigError`."""
    next(iter(blueprint.iter_assignments()), None)


def _first_items(blueprint: Blueprint, number: int) -> list[AssignmentData]:
    found = [item for item, _ in zip(blueprint.iter_assignments(), range(number), strict=False)]
    return [replace(item) for item in found]


def _root(error: BaseException) -> BaseException:
    """The first fault inside of a group of them."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _sentence_of(error: BaseException) -> str:
    root = _root(error)
    return str(root) if isinstance(root, AppError) else f"a fault of the program ({type(root).__name__}: {root})."
