"""Offers units at a provider that has to be told of each, and takes them back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from app.data.repo import dispatch, money, status
from app.data.states import UnitStatus
from app.data.store import Session
from app.errors import ProviderError
from app.operations.engine.run_context import RunContext

AT_ONCE = 8
"""Calls to a provider under way together."""


class Offers:
    """Offers and takes back units at a provider that has to be told of each."""

    def __init__(self, context: RunContext, task_url: Callable[[], str], on_units: Callable[[], None]) -> None:
        self._context = context
        self._task_url = task_url
        self._on_units = on_units

    async def run(self) -> None:
        """Offer created units, up to `max_num_concurrent_units` at once (0: all), until cancelled."""
        pause = 1.0
        while True:
            try:
                offered = await self._offer_some()
                pause = 1.0 if offered or pause <= 1.0 else pause
            except ProviderError as error:
                await self._context.record(
                    "provider.launch_failed", f"A unit was not offered: {error}", level="warning"
                )
                pause = min(pause * 2, 60.0)
                offered = 0
            if not offered:
                await self._context.clock.sleep(pause)

    async def take_back(self, unit_ids: Sequence[int]) -> None:
        """Tell the provider that units are expired here. What it does not take is journalled."""
        for start in range(0, len(unit_ids), AT_ONCE):
            some = unit_ids[start : start + AT_ONCE]
            answers = await asyncio.gather(*(self._expire(unit_id) for unit_id in some), return_exceptions=True)
            for unit_id, answer in zip(some, answers, strict=True):
                if isinstance(answer, ProviderError):
                    message = f"Unit {unit_id} could not be taken back at the provider: {answer}"
                    await self._context.record("provider.expire_failed", message, level="warning", unit_id=unit_id)
                elif isinstance(answer, BaseException):
                    raise answer

    async def _offer_some(self) -> int:
        context = self._context
        room = AT_ONCE
        limit = context.config.task.max_num_concurrent_units
        if limit:
            out = (UnitStatus.LAUNCHED, UnitStatus.ASSIGNED)
            room = min(room, limit - await context.store.read(dispatch.count_units, context.run_id, out))
        if room <= 0:
            return 0
        ids = await context.store.read(dispatch.list_units, context.run_id, UnitStatus.CREATED, after=0, limit=room)
        if not ids:
            return 0
        answers = await asyncio.gather(*(self._launch(unit_id) for unit_id in ids), return_exceptions=True)
        done = {u: a for u, a in zip(ids, answers, strict=True) if not isinstance(a, BaseException)}
        if done:
            await context.store.write(keep_offers, context, done, context.clock.now())
            self._on_units()
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return len(done)

    async def _launch(self, unit_id: int) -> dict[str, str]:
        provider = self._context.provider
        receipt = await provider.UnitClass(provider, str(unit_id), {}).launch(self._task_url())
        return dict(receipt.external)

    async def _expire(self, unit_id: int) -> None:
        context = self._context
        external = await context.store.read(money.get_refs, context.run.provider_type, "units", unit_id)
        await context.provider.UnitClass(context.provider, str(unit_id), external).expire()


def keep_offers(session: Session, context: RunContext, offers: Mapping[int, Mapping[str, str]], now: datetime) -> None:
    """Units that the provider offers now, with its own ids of them."""
    for unit_id, external in offers.items():
        money.put_refs(session, context.run.provider_type, "units", unit_id, external, now)
    status.launch_units(session, context.run_id, unit_ids=sorted(offers))
