"""What can be done with one run: pause, resume, stop, expire, budget, units, links, export, its task file."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from app.data.files import written_whole
from app.data.repo import listing, tasks
from app.data.states import UnitStatus
from app.errors import EntryDoesNotExist
from app.operations import export
from app.viewmodels.background import Job, Progress
from app.viewmodels.desktop import Desktop
from app.viewmodels.formats import count_of
from app.viewmodels.more_units import MoreItems, read_items

LINK_DAYS = 31
_UNTAKEN = (UnitStatus.CREATED, UnitStatus.LAUNCHED)
_AGAIN = (UnitStatus.EXPIRED, UnitStatus.REJECTED, UnitStatus.SOFT_REJECTED)


class RunCommands:
    """The commands of one run; each coroutine raises `AppError` for the world's faults and says what was done."""

    def __init__(self, desktop: Desktop, run_id: int) -> None:
        self._desktop, self._run_id = desktop, run_id
        self._operator, self._toasts = desktop.operator, desktop.toasts

    async def pause(self) -> None:
        """No new agents; those at work finish."""
        await self._operator.pause(self._run_id)

    async def go_on(self) -> None:
        """Let workers come again; a run that this program does not serve is resumed."""
        if self._run_id in self._operator.live_runs:
            await self._operator.unpause(self._run_id)
        else:
            await self._operator.resume(self._run_id)
            self._toasts.say("The run is in flight again. Workers' pages come back by themselves.", "ok")

    async def stop(self) -> None:
        """Expire what is open and complete the run."""
        await self._operator.stop(self._run_id)
        self._toasts.say("The run is stopped. What was handed in is kept.", "ok")

    async def expire_open(self) -> None:
        """Offer the units that nobody has taken no longer; those at work go on."""
        untaken = listing.ListingQuery("units", {"task_run_id": self._run_id}, {"status": _UNTAKEN})
        unit_ids = await self._desktop.store.read(listing.list_ids, untaken)
        count = await self._operator.expire_units(self._run_id, unit_ids)
        self._toasts.say(f"{count_of(count, 'unit')} expired.", "ok")

    async def expire(self, unit_ids: Sequence[int]) -> None:
        """Offer these units no longer, those of them that nobody has taken."""
        fit, others = await self._split(unit_ids, _UNTAKEN)
        if not fit:
            self._toasts.say("Only units that nobody has taken can expire.", "warn")
            return
        count = await self._operator.expire_units(self._run_id, fit)
        left_out = f" {count_of(others, 'unit')} cannot expire any more." if others else ""
        self._toasts.say(f"{count_of(count, 'unit')} expired.{left_out}", "ok")

    async def relaunch(self, unit_ids: list[int]) -> None:
        """Offer expired or rejected units again; the old agents' records are kept."""
        fit, others = await self._split(unit_ids, _AGAIN)
        if not fit:
            self._toasts.say("Only units that expired or were rejected can be offered again.", "warn")
            return
        count = await self._operator.relaunch_units(fit)
        left_out = f" {count_of(others, 'unit')} left as they are: neither expired nor rejected." if others else ""
        self._toasts.say(f"{count_of(count, 'unit')} offered again.{left_out}", "ok")

    async def _split(self, unit_ids: Sequence[int], statuses: Sequence[UnitStatus]) -> tuple[list[int], int]:
        """Those of these units that stand so, and how many the others are."""
        query = listing.ListingQuery("units", {"task_run_id": self._run_id}, {"status": statuses})
        standing = set(await self._desktop.store.read(listing.list_ids, query))
        fit = [unit_id for unit_id in unit_ids if unit_id in standing]
        return fit, len(unit_ids) - len(fit)

    async def set_budget(self, budget: Decimal | None) -> None:
        """Change the cap; None for no cap."""
        await self._operator.set_budget(self._run_id, budget)

    async def add_units(self, path: Path) -> None:
        """More units, from a file of rows."""
        found = await self._read(path)
        added = await self._operator.add_units(self._run_id, found.items)
        words = f"{count_of(added, 'unit')} added. {found.left_out}".strip()
        self._toasts.say(words, "warn" if found.errors else "ok")

    async def look_at_rows(self, path: Path) -> tuple[str, str]:
        """What adding a file of rows would do, and which of its rows would be left out."""
        found = await self._read(path)
        return f"{count_of(len(found.items), 'item')} will be added.", found.left_out

    async def _read(self, path: Path) -> MoreItems:
        row = await self._desktop.store.read(tasks.get_task_run, self._run_id)
        return await asyncio.to_thread(read_items, row.init_params, path, row.started_at or row.creation_date)

    async def entry_link(self, name: str | None = None, days: int = LINK_DAYS) -> str:
        """A link for one person, or (None) the open one. `EntryDoesNotExist` when the run is not served here."""
        live = self._operator.live_runs.get(self._run_id)
        if live is None:
            raise EntryDoesNotExist("The run is not served here, so it has no entry links.", "Resume it first.")
        return live.entry_link(name, days)

    def export(self, title: str, path: Path, kind: str) -> Job:
        """Write the run to a file, behind the window."""
        desktop = self._desktop

        async def work(report: Progress) -> export.ExportReport:
            return await export.export_run(
                desktop.store, self._run_id, path, kind, settings=desktop.settings, progress=report
            )

        job = desktop.background.run(f"Export “{title}”", work)
        job.ended.connect(lambda fault: None if fault else self._toasts.say(_exported(job.result), "ok"))
        return job

    async def save_yaml(self, path: Path) -> None:
        """Write the configuration of the run as a task file."""
        row = await self._desktop.store.read(tasks.get_task_run, self._run_id)
        await asyncio.to_thread(_write, path, row.init_params)
        self._toasts.say(f"Saved in {path}.", "ok")


def _exported(report: export.ExportReport) -> str:
    files = f" and {count_of(report.files, 'file')}" if report.files else ""
    return f"{count_of(report.rows, 'submission')}{files} exported to {report.paths[0]}."


def _write(path: Path, text: str) -> None:
    with written_whole(path) as file:
        file.write(text.encode())
