"""The engine without the window: store, operator and desks on plain asyncio, closed in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from app.clock import SystemClock
from app.data.store import Store
from app.operations.desk.crowd import Crowd
from app.operations.desk.payments import Ledger
from app.operations.desk.review import ReviewDesk
from app.operations.operator import Operator
from app.settings import Settings
from app.vault import open_vault


@dataclass(frozen=True)
class Desks:
    """What commands that decide and export work with."""

    store: Store
    settings: Settings
    clock: SystemClock
    ledger: Ledger
    reviews: ReviewDesk


@asynccontextmanager
async def open_desks(settings: Settings) -> AsyncIterator[Desks]:
    """The store and the desks. At the end every decision is applied and sent as far as it can be. `StoreError`."""
    clock = SystemClock()
    store = await Store.open(settings.database_url, locks_dir=settings.locks_dir)
    try:
        crowd = Crowd(store, clock)
        ledger = Ledger(store, crowd, settings, clock)
        reviews = ReviewDesk(store, ledger, crowd, settings, clock)
        try:
            yield Desks(store, settings, clock, ledger, reviews)
        finally:
            await reviews.close()
    finally:
        await store.close()


@asynccontextmanager
async def open_operator(desks: Desks, *, linger_seconds: float | None = None) -> AsyncIterator[Operator]:
    """An operator beside the desks. At the end its runs are served no more; they can be resumed."""
    vault = await asyncio.to_thread(open_vault, desks.settings.data_dir)
    more = {} if linger_seconds is None else {"linger_seconds": linger_seconds}
    operator = Operator(desks.store, desks.settings, vault, desks.clock, payments=desks.ledger, **more)
    await operator.start()
    await desks.reviews.start()
    try:
        yield operator
    finally:
        await operator.close()
