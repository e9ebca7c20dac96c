"""Makes assignments and units out of a blueprint's data, in chunks, while workers take the first of them already."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from app.blueprints.base import AssignmentData
from app.data.repo import assignments, tasks
from app.data.states import UnitStatus
from app.errors import AppError
from app.operations.engine.run_context import RunContext

log = logging.getLogger(__name__)

FIRST_ITEMS = 50
"""The first chunk is small: somebody may be waiting for a unit."""
MOST_ITEMS = 4_000
QUIET_SECONDS = 0.08
"""How long one chunk may keep the writer when nobody is at work, and"""
BUSY_SECONDS = 0.008
"""how long when registrations and submissions wait beside it."""
ROW_ERRORS_SHOWN = 200


@dataclass
class LaunchProgress:
    """How far a launch has come. `total` units are expected, None when that is not known before the end."""

    made: int = 0
    total: int | None = None
    finished: bool = False
    error: str = ""
    """Why it stopped before its end; "" while it has not."""


class TaskLauncher:
    """Makes the units of one run; goes on after a crash where the last commit left it."""

    def __init__(self, context: RunContext, is_busy: Callable[[], bool], on_units: Callable[[], None]) -> None:
        """`is_busy` tells whether workers wait for the writer; `on_units` is called after each commit of new units."""
        self._context = context
        self._is_busy = is_busy
        self._on_units = on_units
        self._size = FIRST_ITEMS
        self._told_errors = 0
        self.progress = LaunchProgress()
        self._status = UnitStatus.LAUNCHED if context.provider.UNITS_LIVE_HERE else UnitStatus.CREATED

    async def run(self) -> None:
        """Make what is not made yet. A fault of the data stops it, is journalled and told, and leaves what was made."""
        context = self._context
        row = await context.store.read(tasks.get_task_run, context.run_id)
        counts = await context.store.read(assignments.unit_counts, context.run_id)
        self.progress = LaunchProgress(made=sum(counts.values()), finished=row.launch_finished)
        if row.launch_finished:
            self.progress.total = self.progress.made
            self._on_units()
            return
        try:
            await self._make_all(row.launched_through)
        except AppError as error:
            self.progress.error = str(error)
            await context.record("run.launch_failed", f"The launch stopped: {error}", level="error")
            context.notify("launch_failed", f"The launch stopped after {self.progress.made} units: {error}")
            return
        await self.finish()

    async def finish(self) -> None:
        """All units that there will be are made."""
        await self._context.store.write(tasks.finish_launch, self._context.run_id)
        self.progress.finished, self.progress.total, self.progress.error = True, self.progress.made, ""
        self._on_units()

    async def add(self, items: Sequence[AssignmentData]) -> int:
        """Add items to a run that goes on; returns how many units that makes."""
        added = 0
        for start in range(0, len(items), 500):
            added += await self._write(items[start : start + 500], from_data=False)
        if self.progress.total is not None:
            self.progress.total += added
        return added

    async def _make_all(self, start: int) -> None:
        blueprint = self._context.blueprint
        count = await asyncio.to_thread(blueprint.count_assignments)
        if count is not None:
            self.progress.total = self.progress.made + max(0, count - start) * blueprint.units_per_assignment()
        source = await asyncio.to_thread(blueprint.iter_assignments, start)
        chunk = await asyncio.to_thread(_read, source, self._size)
        while chunk:
            # the next chunk is read while this one is written
            reading = asyncio.ensure_future(asyncio.to_thread(_read, source, self._size))
            try:
                await self._write(chunk, from_data=True)
            finally:
                chunk = await reading
            await self._tell_row_errors()
        await self._tell_row_errors()

    async def _write(self, items: Sequence[AssignmentData], *, from_data: bool) -> int:
        context = self._context
        clock = asyncio.get_running_loop()
        started = clock.time()
        _, units = await context.store.write(
            assignments.add_assignments,
            context.run_id,
            [_as_item(item) for item in items],
            pay_amount=context.pay,
            unit_status=self._status,
            unit_indices=None,
            from_data=from_data,
            now=context.clock.now(),
        )
        self._fit_size(len(items), clock.time() - started)
        self.progress.made += units
        self._on_units()
        return units

    def _fit_size(self, items: int, seconds: float) -> None:
        """The next chunk takes the writer about as long as it may, and never grows by more than three times."""
        allowed = BUSY_SECONDS if self._is_busy() else QUIET_SECONDS
        fitting = int(items * allowed / max(seconds, 1e-4))
        self._size = max(20, min(fitting, 3 * max(items, FIRST_ITEMS), MOST_ITEMS))

    async def _tell_row_errors(self) -> None:
        """Rows of the data that were left out become events, the first of them one by one."""
        errors = self._context.blueprint.row_errors()
        new, self._told_errors = errors[self._told_errors :], len(errors)
        shown = new[: max(0, ROW_ERRORS_SHOWN - (len(errors) - len(new)))]
        for error in shown:
            message = f"{error.source}, line {error.line}, was left out: {error.message}"
            await self._context.record("launch.row_left_out", message, level="warning", line=error.line)
        if len(new) > len(shown):
            message = f"{len(new) - len(shown)} more rows of the data were left out."
            await self._context.record("launch.rows_left_out", message, level="warning", count=len(new) - len(shown))


def _read(source: Iterator[AssignmentData], size: int) -> list[AssignmentData]:
    return list(islice(source, size))


def _as_item(item: AssignmentData) -> dict[str, Any]:
    return {"shared": dict(item.shared), "unit_data": [dict(each) for each in item.unit_data]}
