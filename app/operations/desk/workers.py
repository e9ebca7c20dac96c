"""What is done about workers: bar them, let them back, qualify them. Each with author, reason, journal and mirror."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

from app.blueprints.base import RowError
from app.clock import Clock
from app.data.repo import blocks, journal, people, qualifications, reviews, subjects
from app.data.repo.reviews import NewReview
from app.data.repo.subjects import Person
from app.data.store import Session, Store
from app.errors import EntryDoesNotExist, InvalidEntry, ProviderError
from app.operations.desk.authors import author_of
from app.operations.desk.crowd import Crowd
from app.operations.desk.decision_file import CsvOutcome
from app.operations.safe_csv import read_table
from app.providers.base import CrowdWorker
from app.settings import Settings

MOST_WARNINGS = 20
CHUNK = 500


@dataclass(frozen=True)
class Done:
    """What came of it. `warnings`: a provider could not be told; here it holds all the same."""

    changed: int
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Scope:
    """Whom a block bars from what: `task_id` None means everywhere."""

    task_id: int | None
    reason: str
    until: datetime | None
    author: str


class WorkerDesk:
    """Decisions about workers. Our database is what counts; providers that keep such things get a copy."""

    def __init__(self, store: Store, crowd: Crowd, settings: Settings, clock: Clock) -> None:
        self._store, self._crowd, self._settings, self._clock = store, crowd, settings, clock

    async def block(
        self, worker_ids: Sequence[int], reason: str, *, until: datetime | None = None, author: str = ""
    ) -> Done:
        """Bar workers from everything. `InvalidEntry` without a reason, or when nobody has such an id."""
        return await self._bar(worker_ids, Scope(None, _reason(reason), until, author_of(self._settings, author)))

    async def soft_block(
        self, worker_ids: Sequence[int], task_id: int, reason: str, *, until: datetime | None = None, author: str = ""
    ) -> Done:
        """Bar workers from one task, in all its runs. Providers do not hear of it."""
        return await self._bar(worker_ids, Scope(task_id, _reason(reason), until, author_of(self._settings, author)))

    async def unblock(
        self, worker_ids: Sequence[int], reason: str = "", *, task_id: int | None = None, author: str = ""
    ) -> Done:
        """Lift the block (or the soft block of a task); `changed` counts the workers who had one."""
        workers = await self._people(worker_ids)
        writer = author_of(self._settings, author)
        lifted = await self._store.write(_lift, workers, task_id, reason, writer, self._clock.now())
        if task_id is not None:
            return Done(len(lifted))
        return Done(len(lifted), await self._mirror(lifted, lambda worker: worker.unblock_worker(reason)))

    async def lift_ended(self) -> int:
        """Lift the blocks whose time is over, at the providers too; returns how many workers had one."""
        now = self._clock.now()
        end = await self._store.read(blocks.next_end)
        if end is None or end > now:
            return 0
        lifted, hard = await self._store.write(_lift_ended, now)
        await self._mirror(hard, lambda worker: worker.unblock_worker("The time of the block is over."))
        return len(lifted)

    async def grant(
        self, worker_ids: Sequence[int], qualification_name: str, value: int = 1, *, run_id: int | None = None,
        author: str = "",
    ) -> Done:  # fmt: skip
        """Grant a qualification (made when there is none of that name), or give the one that is held a new value."""
        workers = await self._people(worker_ids)
        return await self._grant([(worker, value) for worker in workers], qualification_name, run_id, author)

    async def revoke(self, worker_ids: Sequence[int], qualification_name: str, *, author: str = "") -> Done:
        """Take a qualification away; `changed` counts those who held it. `EntryDoesNotExist`."""
        workers = await self._people(worker_ids)
        writer = author_of(self._settings, author)
        changed = await self._store.write(_revoke, workers, qualification_name, writer, self._clock.now())
        mirrored = await self._mirror(changed, lambda worker: worker.revoke_crowd_qualification(qualification_name))
        return Done(len(changed), mirrored)

    async def grant_from_csv(
        self, path: Path, qualification_name: str, provider_type: str = "inhouse", *, author: str = ""
    ) -> CsvOutcome:
        """Grant by a file with the columns worker_name and, if you like, value (1) and provider.

        Rows that cannot be used are told with their line, and the others are granted. `ConfigError` for what is no
        table, or too large.
        """
        table = await asyncio.to_thread(read_table, path, ("worker_name",), ("value", "provider"))
        found: dict[int, tuple[Person, int]] = {}
        problems = list(table.problems)
        lines: dict[int, int] = {}
        for line, cells in table.rows:
            name, kind = cells["worker_name"], cells.get("provider") or provider_type
            value = _whole(cells.get("value") or "1")
            worker_id = await self._store.read(people.find_worker, name, kind)
            if value is None:
                words = f'"{cells["value"][:40]}" is no whole number between -2147483647 and 2147483647.'
                problems.append(RowError(table.name, line, words))
            elif worker_id is None:
                words = f'there is no {kind} worker "{name}".' if name else "there is no name."
                problems.append(RowError(table.name, line, words))
            elif worker_id in found:
                words = f'"{name}" stands in line {lines[worker_id]} already, whose value is used.'
                problems.append(RowError(table.name, line, words))
            else:
                lines[worker_id] = line
                found[worker_id] = (Person(worker_id, name, kind), value)
        done = await self._grant(list(found.values()), qualification_name, None, author) if found else Done(0)
        problems += [RowError(table.name, 0, warning) for warning in done.warnings]
        return CsvOutcome({"granted": done.changed}, sorted(problems, key=lambda problem: problem.line))

    async def delete_qualification(self, qualification_name: str, author: str = "") -> Done:
        """Delete a qualification with all its grants; `changed` counts those who held it. `EntryDoesNotExist`."""
        row = await self._store.read(qualifications.find_qualification, qualification_name)
        if row is None:
            raise EntryDoesNotExist(f'There is no qualification "{qualification_name}".')
        grants = await self._store.read(_holders_kinds, row.qualification_id)
        writer = author_of(self._settings, author)
        changed = await self._store.write(_delete, row.qualification_id, qualification_name, writer, self._clock.now())
        warnings = []
        for provider_type in grants:
            try:
                await (await self._crowd.of_type(provider_type)).cleanup_qualification(qualification_name)
            except ProviderError as error:
                warnings.append(f"{provider_type}: {error}")
        return Done(changed, warnings)

    async def _bar(self, worker_ids: Sequence[int], scope: Scope) -> Done:
        workers = await self._people(worker_ids)
        await self._store.write(_block, workers, scope, self._clock.now())
        if scope.task_id is not None:
            return Done(len(workers))
        return Done(len(workers), await self._mirror(workers, lambda worker: worker.block_worker(scope.reason)))

    async def _grant(self, grants: Sequence[tuple[Person, int]], name: str, run_id: int | None, author: str) -> Done:
        writer = author_of(self._settings, author)
        for start in range(0, len(grants), CHUNK):
            await self._store.write(_grant, grants[start : start + CHUNK], name, run_id, writer, self._clock.now())
        values = {worker.worker_id: value for worker, value in grants}
        warnings: list[str] = []
        for value in sorted(set(values.values())):
            some = [worker for worker, one in grants if one == value]
            warnings += await self._mirror(some, partial(_mirror_grant, name=name, value=value))
        return Done(len(values), warnings)

    async def _people(self, worker_ids: Sequence[int]) -> list[Person]:
        workers = await self._store.read(subjects.list_people, list(dict.fromkeys(worker_ids)))
        if not workers:
            raise InvalidEntry("worker_id", "there is no such worker.")
        return workers

    async def _mirror(self, workers: Sequence[Person], call: Callable[[CrowdWorker], Awaitable[None]]) -> list[str]:
        """Do the same at the workers' providers; what a provider refuses is told, not undone here."""
        warnings: list[str] = []
        for person in workers:
            try:
                provider = await self._crowd.of_type(person.provider_type)
                if not provider.PAYMENTS_LIVE_HERE:
                    await call(provider.WorkerClass(provider, person.worker_name))
            except ProviderError as error:
                warnings.append(f"{person.worker_name}: {error}")
        if len(warnings) > MOST_WARNINGS:
            warnings = [*warnings[:MOST_WARNINGS], f"and {len(warnings) - MOST_WARNINGS} more."]
        if warnings:
            message = "A provider was not told: " + "; ".join(warnings[:3])
            await self._store.write(
                journal.add_event, None, "provider.not_told", "warning", message, {}, "", self._clock.now()
            )
        return warnings


async def _mirror_grant(worker: CrowdWorker, *, name: str, value: int) -> None:
    await worker.grant_crowd_qualification(name, value)


def _whole(text: str) -> int | None:
    """The value of a grant; None for what is none."""
    try:
        value = int(text)
    except ValueError:
        return None
    return value if -(2**31) < value < 2**31 else None


def _reason(text: str) -> str:
    if not text.strip():
        raise InvalidEntry("reason", "a block needs a reason.")
    return text.strip()


def _names(workers: Sequence[Person]) -> str:
    shown = ", ".join(worker.worker_name for worker in workers[:5])
    return shown if len(workers) <= 5 else f"{shown} and {len(workers) - 5} more"


def _block(session: Session, workers: Sequence[Person], scope: Scope, now: datetime) -> None:
    hard = scope.task_id is None
    for worker in workers:
        blocks.block_worker(
            session, worker.worker_id, hard=hard, task_id=scope.task_id, reason=scope.reason, author=scope.author,
            until=scope.until, now=now,
        )  # fmt: skip
    status = "block" if hard else "soft_block"
    _write_down(session, workers, status, scope.task_id, scope.reason, scope.author, now, blocked=True)
    kind, word = ("worker.blocked", "blocked") if hard else ("worker.soft_blocked", "soft-blocked")
    message = f"{_names(workers)}: {word}. {scope.reason}"
    journal.add_event(session, None, kind, "info", message, _ids(workers), scope.author, now)


def _lift(
    session: Session, workers: Sequence[Person], task_id: int | None, reason: str, author: str, now: datetime
) -> list[Person]:
    lifted = [one for one in workers if blocks.unblock_worker(session, one.worker_id, task_id=task_id, now=now)]
    if lifted:
        _write_down(session, lifted, "unblock", task_id, reason, author, now)
        message = f"{_names(lifted)}: unblocked. {reason}".strip()
        journal.add_event(session, None, "worker.unblocked", "info", message, _ids(lifted), author, now)
    return lifted


def _lift_ended(session: Session, now: datetime) -> tuple[list[Person], list[Person]]:
    ended = blocks.lift_ended(session, now)
    lifted = subjects.list_people(session, list(ended))
    if lifted:
        message = f"{_names(lifted)}: the time of the block is over."
        journal.add_event(session, None, "worker.unblocked", "info", message, _ids(lifted), "", now)
    return lifted, [one for one in lifted if ended[one.worker_id]]


def _write_down(
    session: Session, workers: Sequence[Person], status: str, task_id: int | None, note: str, author: str,
    now: datetime, *, blocked: bool = False,
) -> None:  # fmt: skip
    rows = [
        NewReview(
            worker.worker_id, status, task_id=task_id, review_note=note or None, blocked_worker=blocked, author=author
        )
        for worker in workers
    ]
    reviews.add_reviews(session, rows, now)


def _grant(
    session: Session, grants: Sequence[tuple[Person, int]], name: str, run_id: int | None, author: str, now: datetime
) -> None:
    qualification_id = qualifications.get_or_create_qualification(session, name, now)
    rows = []
    for worker, value in grants:
        qualifications.grant(session, worker.worker_id, qualification_id, value, run_id, now)
        rows.append(
            NewReview(
                worker.worker_id, "grant", updated_qualification_id=qualification_id,
                updated_qualification_value=value, author=author,
            )
        )  # fmt: skip
    reviews.add_reviews(session, rows, now)
    workers = [worker for worker, _ in grants]
    message = f'{_names(workers)}: granted "{name}".'
    journal.add_event(session, run_id, "qualification.granted", "info", message, _ids(workers), author, now)


def _revoke(session: Session, workers: Sequence[Person], name: str, author: str, now: datetime) -> list[Person]:
    row = qualifications.find_qualification(session, name)
    if row is None:
        raise EntryDoesNotExist(f'There is no qualification "{name}".')
    changed = [one for one in workers if qualifications.revoke(session, one.worker_id, row.qualification_id)]
    rows = [
        NewReview(one.worker_id, "revoke", revoked_qualification_id=row.qualification_id, author=author)
        for one in changed
    ]
    reviews.add_reviews(session, rows, now)
    if changed:
        message = f'{_names(changed)}: "{name}" was taken away.'
        journal.add_event(session, None, "qualification.revoked", "info", message, _ids(changed), author, now)
    return changed


def _holders_kinds(session: Session, qualification_id: int) -> list[str]:
    return sorted({row.provider_type for row in qualifications.list_grants(session, qualification_id=qualification_id)})


def _delete(session: Session, qualification_id: int, name: str, author: str, now: datetime) -> int:
    holders = qualifications.delete_qualification(session, qualification_id)
    message = f'The qualification "{name}" was deleted; {holders} held it.'
    journal.add_event(session, None, "qualification.deleted", "info", message, {}, author, now)
    return holders


def _ids(workers: Sequence[Person]) -> dict[str, object]:
    return {"workers": [str(worker.worker_id) for worker in workers[:200]]}
