"""The ledger as its page shows it: sums by state, totals, and what is safe to do."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from PySide6.QtCore import QObject, Signal

from app.data.repo import ledger, money
from app.data.repo.ledger import StateSum
from app.data.states import PaymentState
from app.data.store import Store
from app.operations.desk.payments import LedgerReport
from app.viewmodels.action import Action
from app.viewmodels.background import Progress
from app.viewmodels.desktop import Desktop
from app.viewmodels.formats import NOTHING, count_of
from app.viewmodels.formats import money as money_text
from app.viewmodels.paced import Paced
from app.viewmodels.record_table import Column, RecordQuery
from app.viewmodels.run_figures import Tile

By = Literal["run", "project", "worker", "currency"]
_READ_MS = 700
_TILES: Mapping[str, tuple[PaymentState, ...]] = {
    "settled": (PaymentState.SETTLED,),
    "waiting": (PaymentState.INTENDED, PaymentState.SENT),
    "failed": (PaymentState.FAILED,),
    "unknown": (PaymentState.UNKNOWN,),
}


class TotalsSource:
    """A `RecordSource` of the sums of the ledger, one row per run, project, worker or currency."""

    key_table = "totals"
    tables = frozenset({"payments"})

    def __init__(self, store: Store, by: By) -> None:
        self._store, self._by = store, by
        self._ids: dict[tuple[str, str], int] = {}
        self._labels: dict[int, str] = {}
        word = {"run": "Run", "project": "Project", "worker": "Worker", "currency": "Currency"}[by]
        self.columns: Sequence[Column] = (
            Column("name", word, width=280),
            Column("payments", "Payments", "number", width=110),
            Column("amount", "Amount", "money", width=140),
            Column("fees", "Fees", "money", width=120),
            Column("open", "Not settled yet", "money", width=140),
            Column("currency", "Currency", width=100),
        )

    async def list_ids(self, query: RecordQuery) -> array[int]:
        """The ids of the sums whose name has every word of the search, in the order that is asked for."""
        rows = await self._read()
        words = query.search.casefold().split()
        ids = [key for key, row in rows.items() if all(word in str(row[0]).casefold() for word in words)]
        names = [column.name for column in self.columns]
        if query.sort in names:
            place = names.index(query.sort)
            ids.sort(key=lambda key: rows[key][place], reverse=query.descending)
        return array("q", ids)

    async def list_first(self, query: RecordQuery, count: int) -> array[int] | None:
        """None: all sums are read at once."""
        return None

    async def fetch(self, ids: Sequence[int]) -> dict[int, tuple[Any, ...]]:
        """The sums of these ids as they are now: a list that stays the same is no reason to keep its figures."""
        rows = await self._read()
        return {row_id: rows[row_id] for row_id in ids if row_id in rows}

    async def _read(self) -> dict[int, tuple[Any, ...]]:
        rows: dict[int, tuple[Any, ...]] = {}
        for total in await self._store.read(money.totals, self._by):
            row_id = self._ids.setdefault((total.key, total.currency), len(self._ids) + 1)
            self._labels[row_id] = total.label
            rows[row_id] = (
                self._name(total),
                total.payments,
                (total.amount, total.currency),
                (total.fees, total.currency),
                (total.open, total.currency),
                total.currency,
            )
        return rows

    def words_to_find(self, row_id: int) -> str:
        """What to search the ledger for to see the payments of a sum; "" where words do not find them."""
        return self._labels.get(row_id, "") if self._by in ("run", "worker") else ""

    def _name(self, total: money.Total) -> str:
        if not total.key:
            return f"without a {self._by}"
        return f"{total.label}, R-{total.key}" if self._by == "run" else total.label


class PaymentsViewModel(QObject):
    """`changed()`: the sums by state are other ones."""

    changed = Signal()

    def __init__(self, desktop: Desktop, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.desktop = desktop
        self.sums: list[StateSum] = []
        action = Action(self._read, self)
        action.failed.connect(desktop.fail)
        self._reader = Paced(action, _READ_MS, self)
        self._feed = desktop.binding(("payments",), self)
        self._feed.changed.connect(lambda _changes: self._reader.ask())

    def set_active(self, active: bool) -> None:
        """Follow the ledger, or rest while the page is hidden."""
        self._feed.set_active(active)
        if active:
            self._reader.ask()

    def tiles(self) -> dict[str, Tile]:
        """The figures of the page, by the key of their tile."""
        return {key: _tile([one for one in self.sums if one.state in states]) for key, states in _TILES.items()}

    def count(self, *states: PaymentState) -> int:
        """How many payments are in one of these states."""
        return sum(one.payments for one in self.sums if one.state in states)

    @property
    def failed(self) -> int:
        """How many payments failed for certain."""
        return self.count(PaymentState.FAILED)

    @property
    def uncertain(self) -> int:
        """How many payments are under way or of unknown outcome."""
        return self.count(PaymentState.UNKNOWN, PaymentState.SENT)

    async def sums_of(self, payment_ids: Sequence[int] | None) -> list[StateSum]:
        """Sums by state of some payments, or of all."""
        return await self.desktop.store.read(ledger.sums_by_state, payment_ids)

    async def reconcile(self) -> None:
        """Ask the providers about what is not certain."""
        self._tell("Reconciled", await self.desktop.ledger.reconcile())

    async def retry(self, payment_ids: Sequence[int] | None) -> None:
        """Send again what failed for certain, of these payments or of all."""
        self._tell("Sent again", await self.desktop.ledger.retry(payment_ids))

    async def call_off(self, payment_ids: Sequence[int]) -> None:
        """Call off what no provider has."""
        count = await self.desktop.ledger.cancel(payment_ids)
        self.desktop.toasts.say(f"{count_of(count, 'payment')} called off.", "ok" if count else "warn")

    def export(self, path: Path) -> None:
        """Write the whole ledger as CSV for accounting, behind the window."""
        desktop = self.desktop

        async def work(report: Progress) -> int:
            written = await desktop.ledger.export_csv(path)
            report(written, written)
            return written

        job = desktop.background.run(f"Export of the ledger to {path.name}", work)
        job.ended.connect(
            lambda fault: None if fault else desktop.toasts.say(f"{count_of(job.result, 'payment')} in {path}.", "ok")
        )

    async def _read(self) -> None:
        sums = await self.sums_of(None)
        if sums != self.sums:
            self.sums = sums
            self.changed.emit()

    def _tell(self, word: str, report: LedgerReport) -> None:
        parts = [
            f"{number} {name}"
            for number, name in (
                (report.settled, "settled"),
                (report.waiting, "waiting"),
                (report.failed, "failed"),
                (report.unknown, "unknown"),
            )
            if number
        ]
        tone = "warn" if report.failed or report.unknown else "ok"
        self.desktop.toasts.say(f"{word}: {', '.join(parts) or 'nothing to do'}.", tone)


def sum_words(sums: Sequence[StateSum]) -> str:
    """ "€ 12.50 and $ 3.00": the amounts of some sums, by currency."""
    amounts: dict[str, Decimal] = {}
    for one in sums:
        amounts[one.currency] = amounts.get(one.currency, Decimal(0)) + one.amount
    return " and ".join(money_text(amount, currency) for currency, amount in sorted(amounts.items()))


def _tile(sums: Sequence[StateSum]) -> Tile:
    payments = sum(one.payments for one in sums)
    fees: dict[str, Decimal] = {}
    for one in sums:
        fees[one.currency] = fees.get(one.currency, Decimal(0)) + one.fees
    extra = " + ".join(money_text(fee, currency) for currency, fee in sorted(fees.items()) if fee)
    return Tile(
        sum_words(sums) if payments else NOTHING,
        count_of(payments, "payment") + (f", {extra} fees" if extra else ""),
    )
