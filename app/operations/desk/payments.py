"""The ledger at work: every amount is written down before its provider is called, and is paid once.

A row is `intended` until the call begins and `sent` while it lasts. What comes back settles it, or fails it when it is
certain that nothing moved. When nothing comes back it is `unknown`: then the provider is asked, and only when it says
that no such payment exists is the row sent again, under the same key. A row found `sent` when nobody is sending (the
process died in between) is asked about in the same way.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from app.clock import Clock
from app.data.repo import decisions, journal, ledger, money, people, subjects
from app.data.repo.money import NewPayment, PaymentRow
from app.data.states import AgentStatus, PaymentKind, PaymentState
from app.data.store import Session, Store
from app.errors import InvalidEntry, ProviderError
from app.operations.desk import bonuses
from app.operations.desk.authors import author_of
from app.operations.desk.crowd import Crowd
from app.operations.desk.ledger_file import write_ledger
from app.providers.base import CrowdProvider, ProviderReceipt
from app.settings import Settings

log = logging.getLogger(__name__)

AT_ONCE = 200
"""Rows of the ledger that are read at once while payments are sent."""


@dataclass(frozen=True)
class LedgerReport:
    """Where payments stand after an attempt. `waiting`: another process sends, or the provider has not paid yet."""

    settled: int = 0
    waiting: int = 0
    failed: int = 0
    unknown: int = 0

    def __add__(self, other: LedgerReport) -> LedgerReport:
        return LedgerReport(
            self.settled + other.settled,
            self.waiting + other.waiting,
            self.failed + other.failed,
            self.unknown + other.unknown,
        )


_REPORTS = {
    PaymentState.SETTLED: LedgerReport(settled=1),
    PaymentState.SENT: LedgerReport(waiting=1),
    PaymentState.INTENDED: LedgerReport(waiting=1),
    PaymentState.FAILED: LedgerReport(failed=1),
    PaymentState.UNKNOWN: LedgerReport(unknown=1),
    PaymentState.CANCELLED: LedgerReport(),
}


class Ledger:
    """Pays what was decided, once."""

    def __init__(self, store: Store, crowd: Crowd, settings: Settings, clock: Clock) -> None:
        self._store, self._crowd, self._settings, self._clock = store, crowd, settings, clock
        self._locks: dict[str, asyncio.Lock] = {}

    async def pay_bonus(
        self, worker_ids: Sequence[int], amount: Decimal, reason: str, *, unit_id: int | None = None,
        currency: str = "", author: str = "", request_id: str = "", due_at: datetime | None = None,
    ) -> list[int]:  # fmt: skip
        """Pay each of the workers a bonus; returns the ids of the payments.

        The same `request_id` again pays nobody twice. `currency` "" is the unit's run's, else the preferences'. The
        rows are written when this returns; a provider's failure stands in the row, not here. With `due_at` nothing is
        sent before `release`, and `take_back` voids it until then. `InvalidEntry`.
        """
        bonuses.check_bonus(amount, reason)
        request = request_id or secrets.token_hex(8)
        writer = author_of(self._settings, author)
        run_id = None
        places = await self._store.read(subjects.list_unit_places, [unit_id]) if unit_id is not None else []
        for place in places:
            run_id, currency = place.task_run_id, currency or place.currency
        currency = currency or self._settings.preferences.currency
        rows = []
        for person in await self._store.read(subjects.list_people, list(dict.fromkeys(worker_ids))):
            provider = await (self._crowd.of_run(run_id) if run_id else self._crowd.of_type(person.provider_type))
            key = f"bonus:{person.worker_id}:{request}"
            whose = (person.worker_id, unit_id, run_id)
            rows.append(bonuses.make_bonus(key, whose, provider, amount, currency, reason, writer, due_at))
        if not rows:
            raise InvalidEntry("worker_id", "there is no such worker.")
        return await self._pay_bonuses(rows)

    async def pay_unit_bonuses(
        self, unit_ids: Sequence[int], amount: Decimal, reason: str, *, author: str = "", request_id: str = "",
        due_at: datetime | None = None,
    ) -> list[int]:  # fmt: skip
        """Pay a bonus for each of the units, to whoever did it; returns the ids of the payments. As `pay_bonus`."""
        bonuses.check_bonus(amount, reason)
        request = request_id or secrets.token_hex(8)
        writer = author_of(self._settings, author)
        rows = []
        for unit in await self._store.read(decisions.list_standings, unit_ids):
            if unit.worker_id is None:
                continue
            provider = await self._crowd.of_run(unit.task_run_id)
            key = f"bonus:{unit.worker_id}:{request}:{unit.unit_id}"
            whose = (unit.worker_id, unit.unit_id, unit.task_run_id)
            rows.append(bonuses.make_bonus(key, whose, provider, amount, unit.currency, reason, writer, due_at))
        if not rows:
            raise InvalidEntry("unit_id", "nobody has done any of these units.")
        return await self._pay_bonuses(rows)

    async def release(self, until: datetime, payment_ids: Sequence[int] | None = None) -> int:
        """Make bonuses final that are due by `until`, of these payments or all: `send_open` then sends them.

        Returns how many.
        """
        return await self._store.write(bonuses.release, until, payment_ids, self._clock.now())

    async def take_back(self, payment_ids: Sequence[int]) -> int:
        """Void those of these bonuses that are not final yet; returns how many (0: too late)."""
        return await self._store.write(ledger.take_held_back, payment_ids)

    async def send_open(self) -> LedgerReport:
        """Send what is intended, provider by provider. Safe at any time, also from two processes at once."""
        report = LedgerReport()
        for provider_type in await self._store.read(ledger.list_provider_types, (PaymentState.INTENDED,)):
            report += await self._send_of(provider_type)
        return report

    async def reconcile(self) -> LedgerReport:
        """Ask the providers about every payment whose outcome is not known; then send what turned out not to exist.

        Nothing is sent again before its provider has said that it has no such payment.
        """
        asked = LedgerReport()
        lost = (PaymentState.SENT, PaymentState.UNKNOWN)
        for provider_type in await self._store.read(ledger.list_provider_types, lost):
            async with self._hold(provider_type) as held:
                if not held:
                    continue
                rows = await self._store.read(money.list_open_payments, provider_type, 100_000, lost)
                for row in rows:
                    asked += await self._ask(row)
        return asked + await self.send_open()

    async def retry(self, payment_ids: Sequence[int] | None = None) -> LedgerReport:
        """Send again what failed for certain: of these payments, or all. Others are left alone."""
        if payment_ids is None:
            rows = await self._store.read(money.list_open_payments, None, 100_000, (PaymentState.FAILED,))
            payment_ids = [row.payment_id for row in rows]
        await self._store.write(ledger.move, payment_ids, PaymentState.FAILED, PaymentState.INTENDED)
        return await self.send_open()

    async def cancel(self, payment_ids: Sequence[int]) -> int:
        """Call off payments that no provider has: intended or failed ones. Returns how many."""
        called_off = 0
        for state in (PaymentState.FAILED, PaymentState.INTENDED):
            called_off += await self._store.write(ledger.move, payment_ids, state, PaymentState.CANCELLED)
        if called_off:
            message = f"{called_off} payments were called off."
            writer = author_of(self._settings)
            await self._store.write(
                journal.add_event, None, "payment.cancelled", "info", message, {}, writer, self._clock.now()
            )
        return called_off

    async def export_csv(self, path: Path, *, task_run_id: int | None = None) -> int:
        """Write the ledger, of one run or whole, as CSV for accounting. Returns the rows written. `StoreError`."""
        return await write_ledger(self._store, path, task_run_id)

    async def tell_rejections(self) -> int:
        """Tell providers of rejections that they have not heard of; returns how many heard now."""
        told = 0
        for provider_type in await self._store.read(ledger.list_rejecting_providers):
            if (await self._crowd.of_type(provider_type)).PAYMENTS_LIVE_HERE:
                continue
            async with self._hold(provider_type) as held:
                rows = await self._store.read(decisions.list_untold_rejections, provider_type) if held else []
                for row in rows:
                    told += await self._tell_rejection(provider_type, row)
        return told

    async def _tell_rejection(self, provider_type: str, row: decisions.UntoldRejection) -> bool:
        provider = await self._crowd.of_run(row.task_run_id)
        refs = await self._store.read(money.get_refs, provider_type, "agents", row.agent_id)
        try:
            await provider.AgentClass(provider, row.worker_name, refs).reject_work(row.note)
        except ProviderError as error:
            log.warning("the provider was not told of a rejection: %s", error)
            return False
        mark = {decisions.REJECTION_TOLD: "yes"}
        await self._store.write(money.put_refs, provider_type, "agents", row.agent_id, mark, self._clock.now())
        return True

    async def _pay_bonuses(self, rows: Sequence[NewPayment]) -> list[int]:
        ids = await self._store.write(bonuses.write, rows, self._clock.now())
        if any(row.state is PaymentState.INTENDED and row.due_at is None for row in rows):
            await self.send_open()
        return ids

    async def _send_of(self, provider_type: str) -> LedgerReport:
        report = LedgerReport()
        async with self._hold(provider_type) as held:
            if not held:
                return LedgerReport(waiting=1)
            # rows that stay intended (called off by somebody in between) must not be read for ever
            seen: set[int] = set()
            while True:
                rows = await self._store.read(
                    money.list_open_payments, provider_type, AT_ONCE + len(seen), (PaymentState.INTENDED,)
                )
                fresh = [row for row in rows if row.payment_id not in seen]
                if not fresh:
                    return report
                for row in fresh:
                    seen.add(row.payment_id)
                    report += await self._send(row)

    @asynccontextmanager
    async def _hold(self, provider_type: str) -> AsyncIterator[bool]:
        """Money calls to one provider come one after the other, over all processes on this database.

        False when another process has the word: it does what is to be done.
        """
        async with self._locks.setdefault(provider_type, asyncio.Lock()):
            hold = self._store.try_hold(f"money-{provider_type}")
            try:
                yield hold is not None
            finally:
                if hold is not None:
                    hold.release()

    async def _send(self, row: PaymentRow) -> LedgerReport:
        if not await self._store.write(ledger.begin_sending, row.payment_id):
            return LedgerReport()
        state, error, external = PaymentState.SENT, "", {}
        try:
            receipt = await self._call(row)
            state = PaymentState.SETTLED if receipt.settled else PaymentState.SENT
            external = dict(receipt.external)
        except ProviderError as fault:
            state = PaymentState.UNKNOWN if fault.unknown_outcome else PaymentState.FAILED
            error = str(fault)
        await self._store.write(_note_outcome, row, state, error, external, self._clock.now())
        return _REPORTS[state]

    async def _call(self, row: PaymentRow) -> ProviderReceipt:
        provider = await self._provider_of(row)
        agent_id = _agent_of(row)
        refs = await self._store.read(money.get_refs, row.provider_type, "agents", agent_id) if agent_id else {}
        if row.kind is PaymentKind.APPROVAL and agent_id:
            agent = provider.AgentClass(provider, row.worker_name, refs)
            status = (await self._store.read(people.get_agent, agent_id)).status
            pay = agent.soft_reject_work if status is AgentStatus.SOFT_REJECTED else agent.approve_work
            return await pay(row.amount, row.currency, row.idempotency_key)
        if row.unit_id is not None:
            refs = await self._store.read(ledger.refs_of_unit, row.provider_type, row.unit_id, row.worker_id)
        worker = provider.WorkerClass(provider, row.worker_name)
        return await worker.bonus_worker(row.amount, row.currency, row.reason, row.idempotency_key, refs)

    async def _ask(self, row: PaymentRow) -> LedgerReport:
        refs = await self._store.read(money.get_refs, row.provider_type, "payments", row.payment_id)
        try:
            receipt = await (await self._provider_of(row)).find_payment(row.idempotency_key, refs)
        except ProviderError as fault:
            await self._store.write(_note_outcome, row, PaymentState.UNKNOWN, str(fault), {}, self._clock.now())
            return _REPORTS[PaymentState.UNKNOWN]
        if receipt is not None:
            state, error = PaymentState.SETTLED if receipt.settled else PaymentState.SENT, ""
        elif refs:  # the provider had taken it and now knows nothing of it: a person should look
            state, error = PaymentState.FAILED, "The provider took this payment and does not know it any more."
        else:
            state, error = PaymentState.INTENDED, "The provider says that it never arrived."
        external = dict(receipt.external) if receipt else {}
        await self._store.write(_note_outcome, row, state, error, external, self._clock.now())
        return LedgerReport() if state is PaymentState.INTENDED else _REPORTS[state]

    async def _provider_of(self, row: PaymentRow) -> CrowdProvider:
        if row.task_run_id is not None:
            return await self._crowd.of_run(row.task_run_id)
        return await self._crowd.of_type(row.provider_type)


def approval_key(unit_id: int, agent_id: int) -> str:
    """The key under which an approval is paid: there is one per agent at a unit, whatever is retried."""
    return f"approval:{unit_id}:{agent_id}"


def _agent_of(row: PaymentRow) -> int | None:
    parts = row.idempotency_key.split(":")
    return int(parts[2]) if parts[0] == "approval" and len(parts) == 3 else None


def _note_outcome(
    session: Session, row: PaymentRow, state: PaymentState, error: str, external: dict[str, str], now: datetime
) -> None:
    money.set_payment_state(session, row.payment_id, state, now=now, error=error)
    money.put_refs(session, row.provider_type, "payments", row.payment_id, external, now)
    if state in (PaymentState.FAILED, PaymentState.UNKNOWN):
        message = f"A payment of {row.amount} {row.currency} to {row.worker_name} is {state}: {error}"
        details = {"payment_id": row.payment_id}
        journal.add_event(session, row.task_run_id, f"payment.{state}", "warning", message, details, "", now)
