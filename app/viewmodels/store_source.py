"""Rows of the database for the one table model."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from typing import Any

from app.data.repo import listing
from app.data.store import Store
from app.viewmodels.record_table import Column, RecordQuery

_RELATIVE = frozenset({"heard", "heard_at", "last_heard", "last_heard_at", "last_seen", "last_seen_at", "seen_at"})


class StoreSource:
    """A `RecordSource` over one listing of the store. `scope` narrows it, e.g. `{"task_run_id": 3}`.

    `KeyError` for a listing that there is not.
    """

    def __init__(self, store: Store, kind: str, scope: Mapping[str, int] | None = None) -> None:
        self._store = store
        self._kind = kind
        self._scope = dict(scope or {})
        shown = listing.LISTINGS[kind]
        self.columns: Sequence[Column] = tuple(
            Column(c.name, c.label, "ago" if c.name in _RELATIVE else c.kind, c.sortable, c.width)
            for c in shown.columns
        )
        self.tables = frozenset(listing.tables_of(kind))
        self.key_table = shown.key_table

    async def list_ids(self, query: RecordQuery) -> array[int]:
        """The ids of a query in its order."""
        ids: array[int] = await self._store.read(listing.list_ids, self._asked(query))
        return ids

    async def list_first(self, query: RecordQuery, count: int) -> array[int] | None:
        """The first ids of a query, where an index leads to them."""
        ids: array[int] | None = await self._store.read(listing.list_first_ids, self._asked(query), count)
        return ids

    async def fetch(self, ids: Sequence[int]) -> dict[int, tuple[Any, ...]]:
        """The values of rows by id."""
        rows: dict[int, tuple[Any, ...]] = await self._store.read(listing.fetch_rows, self._kind, ids)
        return rows

    async def count(self, query: RecordQuery) -> int:
        """How many rows a query has."""
        number: int = await self._store.read(listing.count, self._asked(query))
        return number

    def _asked(self, query: RecordQuery) -> listing.ListingQuery:
        return listing.ListingQuery(self._kind, self._scope, query.filters, query.search, query.sort, query.descending)
