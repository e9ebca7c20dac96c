"""A source of table rows in memory, whose answers can be held back and whose calls are counted."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from app.viewmodels.record_table import Column, RecordQuery

STATUSES = ("accepted", "completed", "assigned", "launched")
BEGAN = datetime(2026, 3, 1, tzinfo=UTC)


class FakeRecords:
    """Units 1..count: id, worker, status, seconds on task, last heard, pay, item; `words` renames workers by id."""

    key_table = "units"
    tables = frozenset({"units", "workers"})
    columns: Sequence[Column] = (
        Column("unit", "Unit", "id", width=96),
        Column("worker", "Worker"),
        Column("status", "Status", "status"),
        Column("on_task", "On task", "duration", width=90),
        Column("heard", "Last heard", "ago", sortable=False),
        Column("pay", "Pay", "money", width=90),
        Column("item", "Item", width=200),
    )

    def __init__(self, count: int) -> None:
        self.ids: array[int] = array("q", range(1, count + 1))
        self.words: dict[int, str] = {}
        self.lists = 0
        self.fetched: list[int] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: Exception | None = None
        self.starts = False
        """Whether it tells the first ids of a query before all of them."""

    async def list_ids(self, query: RecordQuery) -> array[int]:
        self.lists += 1
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        ids = self.ids
        if query.filters.get("status"):
            ids = array("q", (i for i in ids if STATUSES[i % 4] in query.filters["status"]))
        if query.search:
            ids = array("q", (i for i in ids if query.search in self._worker(i)))
        return array("q", reversed(ids)) if query.descending else array("q", ids)

    async def list_first(self, query: RecordQuery, count: int) -> array[int] | None:
        if not self.starts:
            return None
        lists = self.lists
        ids = await self.list_ids(query)
        self.lists = lists
        return ids[:count]

    async def fetch(self, ids: Sequence[int]) -> dict[int, tuple[Any, ...]]:
        self.fetched.append(len(ids))
        await self.gate.wait()
        known = set(self.ids) if len(self.ids) < 10_000 else None
        return {i: self._row(i) for i in ids if known is None or i in known}

    def _worker(self, record_id: int) -> str:
        return self.words.get(record_id, f"worker-{record_id % 50}")

    def _row(self, i: int) -> tuple[Any, ...]:
        heard = BEGAN + timedelta(seconds=i)
        return (f"U-{i}", self._worker(i), STATUSES[i % 4], i % 300, heard, (Decimal("0.12"), "EUR"), f"img_{i:04}.png")
