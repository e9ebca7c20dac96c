"""What can be done to units, agents and workers, wherever they are listed: decide, pay, bar, qualify, write to them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from PySide6.QtCore import QObject, Signal

from app.data.files import agent_folder
from app.data.repo import listing
from app.data.repo import subjects as places
from app.data.repo.subjects import AgentPlace, HeldQualification, Person, StandingBlock
from app.data.states import AgentStatus, UnitStatus
from app.errors import EntryDoesNotExist
from app.operations.desk.crowd import Crowd
from app.operations.desk.verdicts import DecisionPreview
from app.operations.desk.verdicts import Verdict as Verdict
from app.operations.desk.workers import Done
from app.viewmodels.decisions import DONE_WORDS, keep_reason, recent_reasons
from app.viewmodels.desktop import Desktop
from app.viewmodels.formats import clock_time, count_of, digits, money
from app.viewmodels.id_lists import find_rows

APPROVED: Final = AgentStatus.APPROVED
SOFT_REJECTED: Final = AgentStatus.SOFT_REJECTED
REJECTED: Final = AgentStatus.REJECTED
MANY = 5_000
"""A selection of more units is narrowed in the database before anything is worked out about it."""
LINK_DAYS = 31
NOTHING_THERE = "Nothing of this waits for review."


@dataclass(frozen=True)
class Subjects:
    """What an action is about, as a table selected it. `kind`: "units", "agents" or "workers"; `run_id` of the table.

    `word` is what a single one is called ("U-18240", "mira.k"); many are counted.
    """

    kind: str
    ids: Sequence[int]
    run_id: int | None = None
    word: str = ""

    @property
    def words(self) -> str:
        """ "U-18240", or "312 units"."""
        return self.word if self.word and len(self.ids) == 1 else count_of(len(self.ids), self.kind[:-1])


@dataclass(frozen=True)
class BonusTerms:
    """Whom a bonus would go to; `unit_ids` are the units it is for, one of each person, or none are meant."""

    people: tuple[Person, ...]
    unit_ids: tuple[int, ...]
    currency: str
    fee: Callable[[Decimal], Decimal]


@dataclass(frozen=True)
class BlockTerms:
    """Whom a block would bar, what they do now, and the tasks that a soft block could be for.

    `tasks` are those that the people worked at; all there are, when they did none yet.
    """

    people: tuple[Person, ...]
    at_work: int
    tasks: tuple[tuple[int, str], ...]


def words_for(people: Sequence[Person]) -> str:
    """ "mira.k", "mira.k and dara", "5 workers"."""
    names = [person.worker_name for person in people]
    return " and ".join(names) if 0 < len(names) <= 2 else count_of(len(names), "worker")


class WorkerActions(QObject):
    """The actions on units, agents and workers. Each coroutine raises `AppError` for the world's faults.

    What was done is said in a toast, with Undo for as long as the settings say. `done()` comes after each.
    """

    done = Signal()

    def __init__(self, desktop: Desktop, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store, self._operator = desktop.store, desktop.operator
        self._desk, self._workers = desktop.reviews, desktop.workers
        self._settings, self._clock = desktop.settings, desktop.clock
        self._toasts, self._state = desktop.toasts, desktop.ui_state
        self._crowd = Crowd(desktop.store, desktop.clock)

    # who and what

    async def people(self, subjects: Subjects) -> list[Person]:
        """The workers that the subjects are, hold or did, each once. `EntryDoesNotExist` when there is none."""
        of = {
            "units": places.list_people_of_units,
            "agents": places.list_people_of_agents,
            "workers": places.list_people,
            "onboarding": places.list_people_of_newcomers,
        }[subjects.kind]
        found = await self._store.read(of, subjects.ids)
        if not found:
            raise EntryDoesNotExist("No worker has taken these units yet.")
        return found

    async def unit_ids(self, subjects: Subjects) -> list[int]:
        """The units that the subjects are or hold. For workers: what waits for review, of the run or of all."""
        if subjects.kind == "units":
            return [int(unit_id) for unit_id in subjects.ids]
        if subjects.kind == "agents":
            return [place.unit_id for place in await self._store.read(places.list_agent_places, subjects.ids)]
        found: list[int] = []
        for worker_id in subjects.ids:
            found += await self._store.read(places.list_units_of_worker, worker_id, subjects.run_id)
        return found

    # decisions

    async def preview(self, subjects: Subjects, verdict: Verdict) -> DecisionPreview:
        """How many units a decision is about, and what it costs."""
        unit_ids, left_out = await self._to_decide(subjects, verdict)
        preview = await self._desk.preview(unit_ids, verdict)
        return replace(preview, already=preview.already + left_out)

    def recent_reasons(self) -> list[str]:
        """The reasons of the last rejections, newest first."""
        return recent_reasons(self._state)

    async def decide(self, subjects: Subjects, verdict: Verdict, note: str = "") -> int:
        """Decide about all of the subjects that wait for it; returns how many. Can be undone for some seconds."""
        unit_ids, left_out = await self._to_decide(subjects, verdict)
        preview = await self._desk.preview(unit_ids, verdict)
        if not preview.count:
            raise EntryDoesNotExist(_nothing_to_decide(len(unit_ids) + left_out))
        decided = await self._desk.decide(unit_ids, verdict, note=note)
        if verdict is AgentStatus.REJECTED:
            keep_reason(self._state, note)

        async def undo() -> None:
            taken_back = await self._desk.undo(decided.batch)
            late = len(decided.unit_ids) - taken_back
            end = f", too late for {digits(late)}." if late else "."
            self._toasts.say(f"{count_of(taken_back, 'decision')} taken back{end}", "warn" if late else "info")
            self.done.emit()

        self._say(f"{count_of(len(decided.unit_ids), 'unit')} {DONE_WORDS[verdict]}.", undo)
        return len(decided.unit_ids)

    async def _to_decide(self, subjects: Subjects, verdict: Verdict) -> tuple[Sequence[int], int]:
        """The units to decide about, and how many were left out: of "all of a million" only those that can wait."""
        if subjects.kind != "units" or len(subjects.ids) <= MANY:
            return await self.unit_ids(subjects), 0
        scope = {} if subjects.run_id is None else {"task_run_id": subjects.run_id}
        statuses = (UnitStatus.COMPLETED, *((UnitStatus.REJECTED,) if verdict is APPROVED else ()))
        query = listing.ListingQuery("units", scope, {"status": statuses})
        waiting = await self._store.read(listing.list_ids, query)
        chosen = await asyncio.to_thread(find_rows, waiting, subjects.ids)
        unit_ids = [waiting[row] for row in chosen]
        return unit_ids, len(subjects.ids) - len(unit_ids)

    # money

    async def bonus_terms(self, subjects: Subjects) -> BonusTerms:
        """Whom a bonus for the subjects goes to, in which currency, and what the provider takes."""
        people = await self.people(subjects)
        unit_ids: list[int] = []
        currency = self._settings.preferences.currency
        if subjects.kind != "workers":
            found = await self._store.read(places.list_unit_places, (await self.unit_ids(subjects))[:MANY])
            held = [place for place in found if place.worker_id is not None]
            currency = held[0].currency if held else currency
            if len(subjects.ids) <= MANY and len({place.worker_id for place in held}) == len(held):
                unit_ids = [place.unit_id for place in held]
        provider = await self._crowd.of_type(people[0].provider_type)
        return BonusTerms(tuple(people), tuple(unit_ids), currency, provider.fee)

    async def pay_bonus(self, terms: BonusTerms, amount: Decimal, reason: str) -> None:
        """Pay each of the people a bonus. It is written down at once and sent when it cannot be undone any more."""
        worker_ids = [person.worker_id for person in terms.people]
        payment_ids = await self._desk.give_bonus(worker_ids, terms.unit_ids, amount, reason, terms.currency)
        each = " each" if len(worker_ids) > 1 else ""
        words = f"Bonus of {money(amount, terms.currency)}{each} for {words_for(terms.people)}"
        seconds = self._settings.preferences.undo_seconds

        async def undo() -> None:
            taken_back = await self._desk.take_bonus_back(payment_ids)
            said = (
                "The bonus was taken back; nothing was paid."
                if taken_back
                else "Too late: the bonus is paid or called off already."
            )
            self._toasts.say(said, "info" if taken_back else "warn")
            self.done.emit()

        self._say(f"{words}, paid in {seconds} s." if seconds else f"{words}.", undo)

    # bars

    async def block_terms(self, subjects: Subjects) -> BlockTerms:
        """Whom a block would bar, and the tasks that a soft block could be for."""
        people = await self.people(subjects)
        worker_ids = [person.worker_id for person in people]
        live = await self._store.read(places.list_live_agents_of_workers, worker_ids)
        tasks = await self._store.read(places.list_tasks_of_workers, worker_ids)
        tasks = tasks or await self._store.read(places.list_tasks)
        return BlockTerms(tuple(people), len({place.worker_id for place in live}), tuple(tasks))

    async def block(self, people: Sequence[Person], reason: str, days: int | None, task_id: int | None) -> None:
        """Bar the people everywhere, or (with a task) from one task; for `days`, or until it is lifted."""
        until = None if days is None else self._clock.now() + timedelta(days=days)
        worker_ids = [person.worker_id for person in people]
        done = await self._bar(worker_ids, reason, task_id, until)

        async def undo() -> None:
            await self._workers.unblock(worker_ids, "The block was taken back.", task_id=task_id)
            self._toasts.say(f"{words_for(people)} can come again.", "info")
            self.done.emit()

        verb = "blocked" if task_id is None else "soft-blocked"
        end = "" if until is None else f" until {clock_time(until)}"
        self._say(f"{words_for(people)} {verb}{end}.", undo, done)

    async def _bar(self, worker_ids: Sequence[int], reason: str, task_id: int | None, until: datetime | None) -> Done:
        if task_id is None:
            return await self._workers.block(worker_ids, reason, until=until)
        return await self._workers.soft_block(worker_ids, task_id, reason, until=until)

    async def blocks(self, subjects: Subjects) -> list[StandingBlock]:
        """The blocks of the people that nobody lifted."""
        worker_ids = [person.worker_id for person in await self.people(subjects)]
        return await self._store.read(places.list_standing_blocks, worker_ids)

    async def unblock(self, subjects: Subjects) -> int:
        """Lift every block of the people; returns how many. Undo sets them again, with their reasons."""
        people = await self.people(subjects)
        lifted = await self.blocks(subjects)
        if not lifted:
            raise EntryDoesNotExist(f"{words_for(people)}: there is no block to lift.")
        for task_id in {block.task_id for block in lifted}:
            worker_ids = [block.worker_id for block in lifted if block.task_id == task_id]
            await self._workers.unblock(worker_ids, "", task_id=task_id)

        async def undo() -> None:
            for block in lifted:
                await self._bar([block.worker_id], block.reason, block.task_id, block.until)
            self.done.emit()

        self._say(f"{count_of(len(lifted), 'block')} of {words_for(people)} lifted.", undo)
        return len(lifted)

    # qualifications

    async def qualification_names(self) -> list[str]:
        """The names there are, in order."""
        return await self._store.read(places.list_qualification_names)

    async def held(self, subjects: Subjects) -> list[HeldQualification]:
        """What the people hold."""
        worker_ids = [person.worker_id for person in await self.people(subjects)]
        return await self._store.read(places.list_held_qualifications, worker_ids)

    async def grant_terms(self, subjects: Subjects) -> tuple[list[Person], list[str]]:
        """The people, and the names that are there to grant."""
        return await self.people(subjects), await self.qualification_names()

    async def revoke_terms(self, subjects: Subjects) -> tuple[list[Person], list[HeldQualification]]:
        """The people and what they hold. `EntryDoesNotExist` when they hold nothing."""
        people, held = await self.people(subjects), await self.held(subjects)
        if not held:
            raise EntryDoesNotExist(f"{words_for(people)}: no qualification is held.")
        return people, held

    async def grant(self, people: Sequence[Person], name: str, value: int) -> None:
        """Grant a qualification; a name that is new makes it. Undo restores what each held before."""
        worker_ids = [person.worker_id for person in people]
        before = await self._store.read(places.list_grants_of, worker_ids, name)
        done = await self._workers.grant(worker_ids, name, value)

        async def undo() -> None:
            await self._restore_grants(worker_ids, name, before)

        self._say(f"“{name}” ({value}) granted to {words_for(people)}.", undo, done)

    async def revoke(self, people: Sequence[Person], names: Sequence[str]) -> None:
        """Take qualifications back. Undo gives each person the value that was held."""
        worker_ids = [person.worker_id for person in people]
        before = {name: await self._store.read(places.list_grants_of, worker_ids, name) for name in names}
        for name in names:
            await self._workers.revoke(sorted(before[name]), name)

        async def undo() -> None:
            for name in names:
                await self._restore_grants(worker_ids, name, before[name])

        self._say(f"{' and '.join(f'“{name}”' for name in names)} taken from {words_for(people)}.", undo)

    async def _restore_grants(self, worker_ids: Sequence[int], name: str, before: Mapping[int, int]) -> None:
        for value in sorted(set(before.values())):
            await self._workers.grant([one for one, held in before.items() if held == value], name, value)
        await self._workers.revoke([one for one in worker_ids if one not in before], name)
        self.done.emit()

    # messages, links, folders

    async def message_agents(self, subjects: Subjects) -> list[AgentPlace]:
        """The agents through which the subjects are at work now, in runs that this program serves."""
        people = await self.people(subjects)
        live = await self._store.read(places.list_live_agents_of_workers, [person.worker_id for person in people])
        if subjects.kind == "agents":
            live = [place for place in live if place.agent_id in set(subjects.ids)]
        reachable = [place for place in live if place.task_run_id in self._operator.live_runs]
        if not reachable:
            raise EntryDoesNotExist(f"{words_for(people)}: not at work now, so no page is there to show a message.")
        return reachable

    async def message(self, agents: Sequence[AgentPlace], text: str) -> None:
        """Show a text on the pages of agents who are at work."""
        for place in agents:
            run = self._operator.live_runs.get(place.task_run_id)
            if run is not None:
                await run.message_worker(place.agent_id, text)
        self._toasts.say(f"Sent to {count_of(len(agents), 'worker')}.", "ok")

    async def personal_link(self, subjects: Subjects, run_id: int) -> str:
        """A link that admits one person to a run that this program serves. `EntryDoesNotExist` for any other run."""
        run = self._operator.live_runs.get(run_id)
        if run is None:
            raise EntryDoesNotExist("The run is not in flight here, so it has no entry links.", "Resume it first.")
        people = await self.people(subjects)
        return run.entry_link(people[0].worker_name, LINK_DAYS)

    def serving(self) -> list[tuple[int, str]]:
        """The runs that this program serves: id and task name."""
        return [(run_id, run.task_name) for run_id, run in sorted(self._operator.live_runs.items())]

    async def folder(self, subjects: Subjects) -> Path:
        """The folder with what was uploaded for the first of the units that has files. `EntryDoesNotExist`: none."""
        for place in await self._store.read(places.list_unit_places, await self.unit_ids(subjects)):
            if place.agent_id is None:
                continue
            folder = agent_folder(
                self._settings.runs_dir, place.project_name, place.task_run_id, place.assignment_id, place.agent_id
            )
            if await asyncio.to_thread(folder.is_dir):
                return folder
        raise EntryDoesNotExist(
            "No files were uploaded here.", "The answers themselves are in the database: export them."
        )

    def _say(self, text: str, undo: Callable[[], Coroutine[Any, Any, None]], done: Done | None = None) -> None:
        for warning in done.warnings if done is not None else ():
            self._toasts.say(warning, "warn")
        seconds = self._settings.preferences.undo_seconds
        if seconds:
            self._toasts.offer_undo(text, float(seconds), undo)
        else:
            self._toasts.say(text, "ok")
        self.done.emit()


def _nothing_to_decide(count: int) -> str:
    if count == 1:
        return "This unit is not waiting for review, so nothing was decided."
    return f"None of these {count} units is waiting for review, so nothing was decided." if count else NOTHING_THERE
