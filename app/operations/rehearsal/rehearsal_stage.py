"""A rehearsal aside: the task is launched in a data folder of its own, done by simulated workers, and swept away."""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from app.architects import registry as architects
from app.blueprints import registry as blueprints
from app.clock import Clock
from app.data.store import Store
from app.operations.configuration.config import RunConfig
from app.operations.operator import Operator
from app.operations.rehearsal.rehearsal import Crew, RehearsalReport, rehearse
from app.operations.rehearsal.simulated_worker import Tally
from app.providers import registry as providers
from app.settings import Settings
from app.vault import FileVault

LINK_DAYS = 1


async def rehearse_aside(
    config: RunConfig,
    crew: Crew,
    units: int,
    settings: Settings,
    clock: Clock,
    on_counts: Callable[[Tally], None] | None = None,
) -> RehearsalReport:
    """Let a crew do up to `units` units of a configuration; nothing of it touches the requester's own data.

    Served from this computer for in-house workers, whatever the configuration says of the two; qualifications and
    the budget are left out, since nobody holds any and nothing is paid. Raises what a launch raises.
    """
    loop = asyncio.get_running_loop()
    folder = Path(await loop.run_in_executor(None, lambda: tempfile.mkdtemp(prefix="crowdesk-rehearsal-")))
    try:
        return await _play(_for_stage(config), crew, units, _stage_settings(settings, folder), clock, on_counts)
    finally:
        await loop.run_in_executor(None, shutil.rmtree, folder, True)


def _for_stage(config: RunConfig) -> RunConfig:
    task = dataclasses.replace(config.task, qualifications=[], budget=None)
    blueprint = dataclasses.replace(config.blueprint, block_qualification="")
    return dataclasses.replace(
        config,
        task=task,
        blueprint=blueprint,
        provider=providers.get("inhouse").ArgsClass(),
        architect=architects.get("local").ArgsClass(),
    )


def _stage_settings(settings: Settings, folder: Path) -> Settings:
    return Settings(folder, f"sqlite:///{folder / 'rehearsal.db'}", settings.preferences)


async def _play(
    config: RunConfig,
    crew: Crew,
    units: int,
    settings: Settings,
    clock: Clock,
    on_counts: Callable[[Tally], None] | None,
) -> RehearsalReport:
    enough = asyncio.Event()

    def count(tally: Tally) -> None:
        if tally.submitted >= units:
            enough.set()
        if on_counts is not None:
            on_counts(tally)

    store = await Store.open(settings.database_url, locks_dir=settings.locks_dir)
    try:
        operator = Operator(store, settings, FileVault(settings.data_dir / "vault.json"), clock)
        await operator.start()
        try:
            run = await operator.launch(config)
            blueprint = blueprints.get(config.blueprint_type)(config.blueprint, config.base_dir)
            report = await rehearse([run.entry_link(None, LINK_DAYS)], crew, blueprint, on_counts=count, until=enough)
        finally:
            await operator.close()
    finally:
        await store.close()
    return report
