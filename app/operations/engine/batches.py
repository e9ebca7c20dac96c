"""Requests that share a transaction: whoever asks waits for their own answer, one fault costs nobody else theirs."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Any, Generic, TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R")

MOST_AT_ONCE = 64
"""Requests in one transaction: more would keep those behind them waiting."""
GATHER_SECONDS = 0.008
"""Batches begin no closer together: under load the next one gathers that long, since a batch of one costs nearly as
much as one of ten. Whoever comes after a pause is served at once."""


class Batches(Generic[T, R]):
    """Collects requests while a batch is under way, and makes the next batch of them."""

    def __init__(
        self,
        apply: Callable[[Sequence[T]], Awaitable[Sequence[R]]],
        key: Callable[[T], Hashable],
        most: int = MOST_AT_ONCE,
    ) -> None:
        """`apply` answers a batch, in its order. Two requests of one `key` are never in the same batch."""
        self._apply = apply
        self._key = key
        self._most = most
        self._waiting: deque[tuple[T, asyncio.Future[R]]] = deque()
        self._work = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    async def ask(self, request: T) -> R:
        """The answer to a request; raises what its own batch of one would raise."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, future))
        self._work.set()
        return await future

    def is_full(self) -> bool:
        """Whether a whole batch waits."""
        return len(self._waiting) >= self._most

    def ring(self, bell: asyncio.Event) -> None:
        """Set `bell` whenever something waits, from now on."""
        self._work = bell
        if self._waiting:
            bell.set()

    async def answer_next(self) -> None:
        """Answer one batch of what waits, if anything does."""
        batch = self._take()
        if self._waiting:
            self._work.set()
        try:
            if batch:
                await self._answer(batch)
        finally:
            for _, future in batch:
                future.cancel()

    def cancel(self) -> None:
        """Nobody is answered any more: whoever waits is cancelled."""
        for _, future in self._waiting:
            future.cancel()
        self._waiting.clear()

    def _take(self) -> list[tuple[T, asyncio.Future[R]]]:
        batch: list[tuple[T, asyncio.Future[R]]] = []
        later: list[tuple[T, asyncio.Future[R]]] = []
        keys: set[Hashable] = set()
        while self._waiting and len(batch) < self._most:
            request, future = self._waiting.popleft()
            if future.done():
                continue
            key = self._key(request)
            (later if key in keys else batch).append((request, future))
            keys.add(key)
        self._waiting.extendleft(reversed(later))
        return batch

    async def _answer(self, batch: Sequence[tuple[T, asyncio.Future[R]]]) -> None:
        try:
            answers = await self._apply([request for request, _ in batch])
        except Exception as error:  # noqa: BLE001 - the boundary of one packet: it comes out where that packet waits
            if len(batch) > 1:
                log.info("A batch of %d is taken apart: %r", len(batch), error)
                for each in batch:
                    await self._answer([each])
            elif not batch[0][1].done():
                batch[0][1].set_exception(error)
            return
        for (_, future), answer in zip(batch, answers, strict=True):
            if not future.done():
                future.set_result(answer)


async def serve_together(*kinds: Batches[Any, Any]) -> None:
    """Answer until cancelled, a batch of each kind at once; whoever waits at the end is cancelled too.

    Their transactions wait for the same commit, where they would else wait for each other's.
    """
    loop = asyncio.get_running_loop()
    bell = asyncio.Event()
    for kind in kinds:
        kind.ring(bell)
    began = -GATHER_SECONDS
    try:
        while True:
            await bell.wait()
            early = began + GATHER_SECONDS - loop.time()
            if early > 0 and not any(kind.is_full() for kind in kinds):
                await asyncio.sleep(early)
            began = loop.time()
            bell.clear()
            await asyncio.gather(*(kind.answer_next() for kind in kinds if len(kind)))
    finally:
        for kind in kinds:
            kind.cancel()
