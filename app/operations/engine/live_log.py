"""What is said in live tasks, kept: many updates share a transaction, and each is on the disk before it goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from app.data.repo import live_updates
from app.data.repo.live_updates import NewUpdate
from app.errors import AppError, StoreError
from app.operations.engine.run_context import RunContext

MOST_AT_ONCE = 1_000
GATHER_SECONDS = 0.004
"""Transactions begin no closer together: one of a single update costs nearly as much as one of ten."""
BUSY_SECONDS = 0.016
"""As long, while many speak: whoever speaks then waits a little, and the program keeps up."""
MANY = 24
"""Updates in one transaction from which on that is so."""

_Waiting = list[tuple[NewUpdate, "asyncio.Future[bool]"]]


class LiveLog:
    """Keeps the updates of one run, in the order in which they were given."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._waiting: _Waiting = []
        self._pump: asyncio.Task[None] | None = None

    async def keep(self, update: NewUpdate) -> bool:
        """Durable when this returns. False: the agent has an update of this id already."""
        return await self.put(update)

    def put(self, update: NewUpdate) -> asyncio.Future[bool]:
        """As `keep`, for who waits for several at once."""
        loop = asyncio.get_running_loop()
        kept: asyncio.Future[bool] = loop.create_future()
        self._waiting.append((update, kept))
        if self._pump is None or self._pump.done():
            self._pump = loop.create_task(self._keep_all(), name="live log")
        return kept

    async def close(self) -> None:
        """Keep what was given; nothing is left running."""
        if self._pump is not None:
            await asyncio.wait([self._pump])

    async def _keep_all(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            began = loop.time()
            batch, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
            await self._keep(batch)
            pause = GATHER_SECONDS if len(batch) < MANY else BUSY_SECONDS
            early = began + pause - loop.time()
            if early > 0 and len(self._waiting) < MOST_AT_ONCE:
                await asyncio.sleep(early)

    async def _keep(self, batch: Sequence[tuple[NewUpdate, asyncio.Future[bool]]]) -> None:
        try:
            are_new = await self._context.store.write(
                live_updates.append_live_updates, [update for update, _ in batch], self._context.clock.now()
            )
        except AppError as error:
            if len(batch) > 1:  # one that cannot be kept costs nobody else theirs
                for each in batch:
                    await self._keep([each])
            elif not batch[0][1].done():
                batch[0][1].set_exception(error)
            return
        except BaseException:  # a bug, or the end of the loop: nobody is left waiting
            for _, kept in batch:
                if not kept.done():
                    kept.set_exception(StoreError("What was said could not be kept."))
            raise
        for (_, kept), is_new in zip(batch, are_new, strict=True):
            if not kept.done():
                kept.set_result(is_new)
