"""Qualifications: who holds which, what requires them, and what one does with them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.data.repo import qualifications, subjects, tasks
from app.data.repo.qualifications import QualificationRow
from app.data.repo.tasks import RunRow
from app.errors import AppError, EntryDoesNotExist, InvalidEntry
from app.operations.configuration.config import from_yaml
from app.operations.desk.decision_file import CsvOutcome
from app.viewmodels.action import Action
from app.viewmodels.desktop import Desktop
from app.viewmodels.formats import count_of

TABLES = ("qualifications", "granted_qualifications", "task_runs")
_COMPARATORS = {"Exists": "held", "DoesNotExist": "not held"}


@dataclass(frozen=True)
class Requirement:
    """A run that asks for a qualification. `words`: "held", "≥ 1"."""

    task_run_id: int
    task_name: str
    state: str
    words: str


@dataclass(frozen=True)
class QualificationFacts:
    """A qualification, how many hold it, and the runs that require it, the latest first."""

    row: QualificationRow
    required_by: tuple[Requirement, ...]


class QualificationsViewModel(QObject):
    """`changed()`: `facts` of the chosen qualification are other ones (None: it is gone, or none is chosen)."""

    changed = Signal()

    def __init__(self, desktop: Desktop, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.desktop = desktop
        self.chosen: int | None = None
        self.facts: QualificationFacts | None = None
        self._asked_of: dict[int, Mapping[str, str]] = {}
        self._again = False
        self._reader = Action(self._read, self)
        self._reader.failed.connect(desktop.fail)
        self._reader.busy_changed.connect(self._ended)
        self._feed = desktop.binding(TABLES, self)
        self._feed.changed.connect(lambda _changes: self._ask())

    def choose(self, qualification_id: int | None) -> None:
        """Show another qualification."""
        if qualification_id != self.chosen:
            self.chosen = qualification_id
            self._ask()

    async def create(self, name: str, description: str) -> int:
        """Make a qualification; its id. `EntryAlreadyExists`, `InvalidEntry`."""
        now = self.desktop.clock.now()
        made = await self.desktop.store.write(qualifications.create_qualification, name, description or None, now)
        self.desktop.toasts.say(f"“{name}” is made. Nobody holds it yet.", "ok")
        return made

    async def describe(self, qualification_id: int, description: str) -> None:
        """Change what stands below the name."""
        await self.desktop.store.write(qualifications.describe_qualification, qualification_id, description)

    async def delete(self, name: str) -> None:
        """Delete a qualification with all its grants."""
        done = await self.desktop.workers.delete_qualification(name)
        for warning in done.warnings:
            self.desktop.toasts.say(warning, "warn")
        self.desktop.toasts.say(f"“{name}” is deleted, and {count_of(done.changed, 'grant')} of it.", "ok")

    async def grant_to(self, name: str, workers: Sequence[str], value: int) -> None:
        """Grant by names of workers. `InvalidEntry` names those that nobody has; the others are granted."""
        people = await self.desktop.store.read(subjects.list_people_named, list(workers))
        known = {person.worker_name for person in people}
        unknown = [worker for worker in workers if worker not in known]
        if people:
            await self.desktop.workers.grant([person.worker_id for person in people], name, value)
            self.desktop.toasts.say(f"“{name}” ({value}) granted to {count_of(len(people), 'worker')}.", "ok")
        if unknown:
            shown = ", ".join(unknown[:8]) + (f" and {len(unknown) - 8} more" if len(unknown) > 8 else "")
            raise InvalidEntry("worker_name", f"nobody is called {shown}. The others were granted.")

    async def grant_from_csv(self, name: str, path: Path) -> CsvOutcome:
        """Grant by a file of worker_name and value; rows that cannot be used are told with their line."""
        return await self.desktop.workers.grant_from_csv(path, name)

    async def workers_of(self, grant_ids: Sequence[int]) -> list[int]:
        """The workers of some grants, each once."""
        return await self.desktop.store.read(subjects.list_workers_of_grants, grant_ids)

    async def _read(self, chosen: int | None) -> None:
        facts = None
        if chosen is not None:
            try:
                row = await self.desktop.store.read(qualifications.get_qualification, chosen)
            except EntryDoesNotExist:
                self.chosen = None
            else:
                facts = QualificationFacts(row, await self._required_by(row.qualification_name))
        if chosen in (self.chosen, None) or facts is None:
            self.facts = facts
            self.changed.emit()

    async def _required_by(self, name: str) -> tuple[Requirement, ...]:
        rows = await self.desktop.store.read(tasks.list_task_runs)
        fresh = [row for row in rows if row.task_run_id not in self._asked_of]
        if fresh:
            self._asked_of.update(await asyncio.to_thread(_requirements_of, fresh))
        found = [
            Requirement(row.task_run_id, row.task_name, str(row.state), self._asked_of[row.task_run_id][name])
            for row in rows
            if name in self._asked_of[row.task_run_id]
        ]
        return tuple(sorted(found, key=lambda one: -one.task_run_id))

    def _ask(self) -> None:
        if not self._reader.start(self.chosen):
            self._again = True

    def _ended(self, busy: bool) -> None:
        if not busy and self._again:
            self._again = False
            self._ask()


def _requirements_of(rows: Sequence[RunRow]) -> dict[int, Mapping[str, str]]:
    """run id -> {qualification: what is asked of it}; a configuration that cannot be read asks for nothing."""
    found: dict[int, Mapping[str, str]] = {}
    for row in rows:
        try:
            config = from_yaml(row.init_params)
        except AppError:
            found[row.task_run_id] = {}
            continue
        asked = {str(one["qualification_name"]): _words(one) for one in config.qualifications}
        if config.blueprint.block_qualification:
            asked[config.blueprint.block_qualification] = "bars who holds it"
        if config.blueprint.onboarding_qualification:
            asked[config.blueprint.onboarding_qualification] = "granted by onboarding"
        found[row.task_run_id] = asked
    return found


def _words(requirement: Mapping[str, object]) -> str:
    comparator = str(requirement.get("comparator", "Exists"))
    if comparator in _COMPARATORS:
        return _COMPARATORS[comparator]
    sign = {">=": "≥", "<=": "≤", "!=": "≠", "==": "="}.get(comparator, comparator)
    return f"{sign} {requirement.get('applicable_value')}"
