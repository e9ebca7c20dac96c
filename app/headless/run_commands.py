"""Commands that serve a run: launch, resume, rehearse."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import sys
import time
from typing import Any

from app.blueprints import registry as blueprints
from app.data.repo import assignments, money, tasks
from app.data.states import RunState
from app.errors import InvalidEntry
from app.headless.engine import Desks, open_desks, open_operator
from app.headless.exit_codes import ExitCode
from app.headless.output import Output
from app.headless.signals import StopSignal
from app.operations.configuration.config import RunConfig, load_task_file
from app.operations.engine.live_run import LiveTaskRun
from app.operations.engine.notices import Notice
from app.operations.rehearsal.rehearsal import Crew, RehearsalReport
from app.operations.rehearsal.rehearsal import rehearse as play
from app.providers import registry as providers
from app.settings import Settings

PROGRESS_SECONDS = 1.0
REHEARSAL_LINGER_SECONDS = 0.5


async def launch(arguments: argparse.Namespace, settings: Settings, output: Output, stop: StopSignal) -> ExitCode:
    """`launch TASK.yaml [key=value ...] --headless`."""
    config = await asyncio.to_thread(load_task_file, arguments.task, arguments.overrides)
    async with open_desks(settings) as desks, open_operator(desks) as operator:
        operator.subscribe_notices(lambda notice: _tell(output, notice))
        live = await operator.launch(config)
        return await _Serving(live, desks, output, stop, arguments.workers).until_the_end()


async def resume(arguments: argparse.Namespace, settings: Settings, output: Output, stop: StopSignal) -> ExitCode:
    """`resume RUN`."""
    async with open_desks(settings) as desks, open_operator(desks) as operator:
        operator.subscribe_notices(lambda notice: _tell(output, notice))
        row = await desks.store.read(tasks.get_task_run, arguments.run)
        if row.state is RunState.COMPLETED:
            raise InvalidEntry("run", f"run {arguments.run} is complete; there is nothing to resume.")
        live = await operator.resume(arguments.run)
        if live.state is RunState.PAUSED:
            await live.unpause()
        return await _Serving(live, desks, output, stop, arguments.workers).until_the_end()


async def rehearse(arguments: argparse.Namespace, settings: Settings, output: Output, stop: StopSignal) -> ExitCode:
    """`rehearse TASK.yaml --workers N`: the task is launched for simulated workers only."""
    crew = Crew(
        arguments.workers, arguments.accuracy, arguments.speed, arguments.drop_out, arguments.rudeness, arguments.seed
    )
    crew.check()
    config = _for_rehearsal(await asyncio.to_thread(load_task_file, arguments.task, arguments.overrides))
    async with (
        open_desks(settings) as desks,
        open_operator(desks, linger_seconds=REHEARSAL_LINGER_SECONDS) as operator,
    ):
        operator.subscribe_notices(lambda notice: _tell(output, notice))
        live = await operator.launch(config)
        return await _Rehearsing(live, desks, output, stop, crew).until_the_end()


def _for_rehearsal(config: RunConfig) -> RunConfig:
    """Simulated workers are nobody's crowd: they come in-house, unqualified, and are paid by no budget."""
    task = dataclasses.replace(config.task, qualifications=[], budget=None)
    blueprint = dataclasses.replace(config.blueprint, block_qualification="")
    provider = config.provider
    if config.provider_type not in ("inhouse", "mock"):
        provider = providers.get("inhouse").ArgsClass()
    return dataclasses.replace(config, task=task, blueprint=blueprint, provider=provider)


class _Serving:
    """A run from "launched" to its end, told as it goes."""

    def __init__(self, live: LiveTaskRun, desks: Desks, output: Output, stop: StopSignal, names: str = "") -> None:
        self._live, self._desks, self._output, self._stop = live, desks, output, stop
        self._names = [name.strip() for name in names.split(",") if name.strip()]
        self._started = time.monotonic()
        self._changed = asyncio.Event()

    async def until_the_end(self) -> ExitCode:
        links = [self._live.entry_link(name) for name in self._names] or [self._live.entry_link()]
        values = {"task_run_id": str(self._live.run_id), "url": self._live.url, "entry_links": links}
        text = f"Run {self._live.run_id} is served at {self._live.url}. Workers enter by:\n  " + "\n  ".join(links)
        self._output.event("launched", text, values)
        feed = self._desks.store.feed.subscribe(self._heard, ("units",))
        telling = asyncio.ensure_future(self._tell_progress())
        waits = {
            asyncio.ensure_future(self._work(links)),
            asyncio.ensure_future(self._stop.wait()),
            telling,
        }
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            if telling.done():
                telling.result()  # a broken pipe
        finally:
            feed.close()
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
        for wait in waits:
            if not wait.cancelled() and (error := wait.exception()) is not None:
                raise error
        if self._stop.code is not None and self._live.state is not RunState.COMPLETED:
            return await self._stopped(self._stop.code)
        return await self._ended()

    async def _work(self, links: list[str]) -> None:
        await self._live.wait_completed()

    async def _stopped(self, code: ExitCode) -> ExitCode:
        run_id = self._live.run_id
        text = f"Run {run_id} is not served any more. Go on with: main.py resume {run_id}"
        self._output.event("stopped", text, {"task_run_id": str(run_id), "resumable": True, **await self._facts()})
        return code

    async def _ended(self) -> ExitCode:
        facts = await self._facts()
        run_id = self._live.run_id
        if self._live.state is not RunState.COMPLETED:
            text = f"Run {run_id} broke off; it can be resumed."
            self._output.event("ended", text, {"task_run_id": str(run_id), "resumable": True, **facts})
            return ExitCode.UNFINISHED
        text = f"Run {run_id} is complete: {_words(facts['units'])}."
        self._output.event("completed", text, {"task_run_id": str(run_id), **facts})
        return ExitCode.DONE

    async def _facts(self) -> dict[str, Any]:
        store, run_id = self._desks.store, self._live.run_id
        counts = await store.read(assignments.unit_counts, run_id)
        spend = await store.read(money.run_spend, run_id)
        return {
            "state": str(self._live.state),
            "units": {str(status): count for status, count in counts.items()},
            "refusals": dict(self._live.refusals),
            "peak_workers": self._live.peak,
            "spend": str(spend.total),
            "currency": spend.currency,
            "seconds": round(time.monotonic() - self._started, 3),
        }

    def _heard(self, changes: object) -> None:
        self._changed.set()

    async def _tell_progress(self) -> None:
        last: dict[str, int] = {}
        while True:
            await self._changed.wait()
            self._changed.clear()
            counts = await self._desks.store.read(assignments.unit_counts, self._live.run_id)
            now = {str(status): count for status, count in counts.items()}
            if now != last:
                last = now
                values = {"task_run_id": str(self._live.run_id), "units": now, "at_work": len(self._live.presence)}
                self._output.event("progress", _words(now), values)
            await asyncio.sleep(PROGRESS_SECONDS)


class _Rehearsing(_Serving):
    """The same, with simulated workers doing the work."""

    def __init__(self, live: LiveTaskRun, desks: Desks, output: Output, stop: StopSignal, crew: Crew) -> None:
        super().__init__(live, desks, output, stop)
        self._crew = crew
        self._report: RehearsalReport | None = None

    async def _work(self, links: list[str]) -> None:
        over = asyncio.Event()
        watching = asyncio.ensure_future(self._watch(over))
        context = self._live.context
        blueprint = blueprints.get(context.config.blueprint_type)(context.config.blueprint, context.config.base_dir)
        try:
            self._report = await play(links, self._crew, blueprint, until=over)
            if self._live.state is not RunState.COMPLETED:  # everybody went home: what is left nobody will do
                await self._live.stop()
            await self._live.wait_completed()
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def _watch(self, over: asyncio.Event) -> None:
        await self._live.wait_completed()
        over.set()

    async def _facts(self) -> dict[str, Any]:
        return {**await super()._facts(), "rehearsal": self._report.as_dict() if self._report else None}

    async def _ended(self) -> ExitCode:
        code = await super()._ended()
        faults = self._report.tally.faults if self._report else []
        for fault in faults[:10]:
            print(f"Fault met in the rehearsal: {fault}", file=sys.stderr)
        return ExitCode.UNFINISHED if faults else code


def _tell(output: Output, notice: Notice) -> None:
    if notice.kind != "completed":  # the last line says it
        values = {"kind": notice.kind, "task_run_id": str(notice.run_id), "message": notice.message}
        output.event("notice", notice.message, values)


def _words(units: dict[str, int]) -> str:
    return ", ".join(f"{count} {status}" for status, count in units.items() if count) or "no units"
