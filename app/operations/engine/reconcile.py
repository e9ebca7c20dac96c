"""Compares what we believe with what the provider says: units it offers no longer, payments that are open."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Protocol

from app.data.repo import dispatch, money, status
from app.data.states import UnitStatus
from app.data.store import Session
from app.errors import AppError, ProviderError
from app.operations.engine.run_context import RunContext

log = logging.getLogger(__name__)

EVERY_SECONDS = 60.0
AT_ONCE = 8
"""Calls to a provider under way together."""
PAGE = 200


class OpenPayments(Protocol):
    """The ledger, as far as a run pushes it."""

    async def reconcile(self) -> object:
        """Ask about payments whose outcome is not known, send those that are intended."""
        ...


class Reconciler:
    """Keeps one run in step with its provider, until cancelled."""

    def __init__(
        self, context: RunContext, payments: OpenPayments | None, on_expired: Callable[[], Awaitable[None]]
    ) -> None:
        """`on_expired` is awaited when units turned out to be expired at the provider."""
        self._context = context
        self._payments = payments
        self._on_expired = on_expired
        self._told_fault = ""

    async def run(self) -> None:
        """Compare once a minute. A provider that does not answer is asked again; its fault is journalled once."""
        while True:
            try:
                if not self._context.provider.UNITS_LIVE_HERE:
                    await self.compare_units()
                if self._payments is not None and not self._context.provider.PAYMENTS_LIVE_HERE:
                    await self._payments.reconcile()
                self._told_fault = ""
            except AppError as error:
                await self._tell(error)
            await self._context.clock.sleep(EVERY_SECONDS)

    async def compare_units(self) -> int:
        """Expire the units that the provider offers no longer, though we believe so; returns how many."""
        context = self._context
        gone: list[int] = []
        after = 0
        while ids := await context.store.read(
            dispatch.list_units, context.run_id, UnitStatus.LAUNCHED, after=after, limit=PAGE
        ):
            after = ids[-1]
            for start in range(0, len(ids), AT_ONCE):
                some = ids[start : start + AT_ONCE]
                answers = await asyncio.gather(*(self._is_expired(unit_id) for unit_id in some))
                gone += [unit_id for unit_id, expired in zip(some, answers, strict=True) if expired]
        if gone:
            expired = await context.store.write(expire_launched, context.run_id, gone, context.clock.now())
            if expired:
                message = f"{expired} units were taken back by the provider."
                await context.record("units.expired_elsewhere", message, level="warning", count=expired)
                await self._on_expired()
        return len(gone)

    async def _is_expired(self, unit_id: int) -> bool:
        context = self._context
        kind = context.run.provider_type
        external = await context.store.read(money.get_refs, kind, "units", unit_id)
        return await context.provider.UnitClass(context.provider, str(unit_id), external).is_expired()

    async def _tell(self, error: AppError) -> None:
        sentence = str(error)
        log.info("Run %d could not be compared with its provider: %s", self._context.run_id, sentence)
        if sentence != self._told_fault:
            self._told_fault = sentence
            kind = "provider.away" if isinstance(error, ProviderError) else "reconcile.failed"
            await self._context.record(kind, sentence, level="warning")


def expire_launched(session: Session, run_id: int, unit_ids: Sequence[int], now: datetime) -> int:
    """Expire units that nobody works at: who took one meanwhile keeps it, and may hand in after the expiry."""
    free = dispatch.still_launched(session, unit_ids)
    return status.expire_units(session, run_id, free, now) if free else 0
