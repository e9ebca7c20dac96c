"""One worker for the inspector: what was done and decided over all runs, blocks, qualifications, payments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.clock import Clock
from app.data.repo import blocks, listing, people, qualifications, reviews, subjects
from app.data.repo.blocks import BlockRow
from app.data.repo.people import SubmissionRow
from app.data.repo.qualifications import GrantRow
from app.data.repo.reviews import ReviewRow
from app.data.store import Session
from app.errors import EntryDoesNotExist
from app.viewmodels.action import Action
from app.viewmodels.desktop import Desktop

TABLES = ("workers", "agents", "units", "payments", "blocks", "granted_qualifications", "worker_review")
_LATEST = 12


@dataclass(frozen=True)
class Dossier:
    """A worker's record. Times on task in seconds; acceptance and agreement 0 to 1, None when there is nothing."""

    worker_id: int
    worker_name: str
    provider: str
    done: int
    acceptance: float | None
    agreement: float | None
    median_seconds: float | None
    paid: tuple[Decimal, str] | None
    last_seen: datetime | None
    tasks: tuple[str, ...]
    blocks: tuple[BlockRow, ...]
    grants: tuple[GrantRow, ...]
    decisions: tuple[ReviewRow, ...]
    work: tuple[SubmissionRow, ...]
    payments: tuple[Mapping[str, Any], ...]
    """The latest rows of the ledger, by the names of the columns of the listing."""


def read_dossier(session: Session, worker_id: int, now: datetime) -> Dossier:
    """The record of a worker. `EntryDoesNotExist`."""
    row = _row(session, "workers", worker_id)
    query = listing.ListingQuery("payments", {"worker_id": worker_id})
    payment_ids = listing.list_ids(session, query)[:_LATEST]
    return Dossier(
        worker_id=worker_id,
        worker_name=row["worker"],
        provider=row["provider"],
        done=row["done"],
        acceptance=row["acceptance"],
        agreement=row["agreement"],
        median_seconds=row["median"],
        paid=row["paid"],
        last_seen=row["last_seen"],
        tasks=tuple(name for _, name in subjects.list_tasks_of_workers(session, [worker_id])),
        blocks=tuple(blocks.list_blocks(session, now, worker_id)),
        grants=tuple(qualifications.list_grants(session, worker_id=worker_id)),
        decisions=tuple(reviews.list_reviews(session, worker_id=worker_id, limit=_LATEST)),
        work=tuple(people.list_submissions_of_worker(session, worker_id, limit=_LATEST)),
        payments=tuple(_rows(session, "payments", payment_ids)),
    )


def _row(session: Session, kind: str, row_id: int) -> Mapping[str, Any]:
    for row in _rows(session, kind, [row_id]):
        return row
    raise EntryDoesNotExist(f"There is no worker {row_id}.")


def _rows(session: Session, kind: str, ids: Any) -> list[Mapping[str, Any]]:
    names = [column.name for column in listing.LISTINGS[kind].columns]
    found = listing.fetch_rows(session, kind, ids)
    return [dict(zip(names, found[row_id], strict=True)) for row_id in ids if row_id in found]


class DossierViewModel(QObject):
    """The dossier of one worker at a time, live. `changed()` when `dossier` is another; `failed(str)`."""

    changed = Signal()
    failed = Signal(str)

    def __init__(self, desktop: Desktop, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = desktop.store
        self._clock: Clock = desktop.clock
        self.worker_id: int | None = None
        self.dossier: Dossier | None = None
        self._again = False
        self._reader = Action(self._read, self)
        self._reader.failed.connect(self.failed)
        self._reader.busy_changed.connect(self._ended)
        self._feed = desktop.binding(TABLES, self)
        self._feed.changed.connect(lambda _changes: self._ask())

    def show(self, worker_id: int) -> None:
        """Show another worker."""
        self.worker_id = worker_id
        self._ask()

    def set_active(self, active: bool) -> None:
        """Follow, or rest while the dossier is hidden."""
        self._feed.set_active(active)

    def _ask(self) -> None:
        if self.worker_id is not None and not self._reader.start(self.worker_id):
            self._again = True

    def _ended(self, busy: bool) -> None:
        if not busy and self._again:
            self._again = False
            self._ask()

    async def _read(self, worker_id: int) -> None:
        dossier = await self._store.read(read_dossier, worker_id, self._clock.now())
        if worker_id == self.worker_id and dossier != self.dossier:
            self.dossier = dossier
            self.changed.emit()
