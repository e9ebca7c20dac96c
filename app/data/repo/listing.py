"""Tables of any size for the window: the ids of a query in its order, then rows by id, a page at a time.

What each table shows is in `listing_work`, `listing_people` and `listing_runs`.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlmodel import Session

from app.data.repo.core import one, run
from app.data.repo.listing_onboarding import ONBOARDING_TABLE
from app.data.repo.listing_parts import Kind, Shown
from app.data.repo.listing_people import GRANT_TABLE, QUALIFICATION_TABLE, WORKER_TABLE
from app.data.repo.listing_runs import LOG_TABLE, PAYMENT_TABLE, REFUSED_TABLE, RUN_TABLE
from app.data.repo.listing_work import AGENT_TABLE, REVIEW_TABLE, UNIT_TABLE
from app.errors import InvalidEntry

KINDS: dict[str, Kind] = {
    "units": UNIT_TABLE,
    "agents": AGENT_TABLE,
    "onboarding": ONBOARDING_TABLE,
    "refused": REFUSED_TABLE,
    "log": LOG_TABLE,
    "workers": WORKER_TABLE,
    "review": REVIEW_TABLE,
    "grants": GRANT_TABLE,
    "qualifications": QUALIFICATION_TABLE,
    "payments": PAYMENT_TABLE,
    "runs": RUN_TABLE,
}
"""The tables of the window, by name."""

_PIECE = 60_000
"""Characters of ids that are read at once, so that the interpreter is free again every half millisecond."""


@dataclass(frozen=True)
class ListingColumn:
    """A column of a table.

    `kind`: text, id, number, money (Decimal and currency), duration (seconds), percent (0 to 1), datetime, status.
    """

    name: str
    label: str
    kind: str = "text"
    sortable: bool = True
    width: int = 120


@dataclass(frozen=True)
class Listing:
    """A table: its columns, the table whose ids its rows have, and all tables that it shows something of."""

    kind: str
    columns: tuple[ListingColumn, ...]
    key_table: str
    tables: frozenset[str]
    filters: frozenset[str]
    """What `ListingQuery.filters` may be about: columns, and names of its own such as `flagged`."""


@dataclass(frozen=True)
class ListingQuery:
    """Which rows of a table, in which order.

    `scope` narrows by an id (`{"task_run_id": 3}`); `filters` allows values by column; every word of `search` must be
    found; `sort` is the name of a sortable column, "" for the table's own order.
    """

    kind: str
    scope: Mapping[str, int] = field(default_factory=dict)
    filters: Mapping[str, Sequence[str]] = field(default_factory=dict)
    search: str = ""
    sort: str = ""
    descending: bool = False


def _listing(name: str, kind: Kind) -> Listing:
    columns = tuple(ListingColumn(c.name, c.label, c.kind, c.order is not None, c.width) for c in kind.columns)
    return Listing(name, columns, kind.key.table.name, frozenset(kind.tables), frozenset(kind.filters))


LISTINGS: dict[str, Listing] = {name: _listing(name, kind) for name, kind in KINDS.items()}


def tables_of(kind: str) -> frozenset[str]:
    """The tables a listing shows something of: a change of any of them may change it."""
    return LISTINGS[kind].tables


def list_ids(session: Session, query: ListingQuery) -> array[int]:
    """The ids of a query in its order. `InvalidEntry` for a column, filter or scope that the table does not have."""
    kind = KINDS[query.kind]
    statement = _matching(kind, query)
    by_key = not query.sort or _column(kind, query.sort).order is kind.key
    if not by_key:
        statement = _ordered(kind, statement, _column(kind, query.sort), descending=query.descending)
    ids = _ids(session, statement)
    if by_key:
        # sorted here, which takes 5 ms for a million and needs no index
        np.frombuffer(ids, dtype=np.int64).sort()
        if query.descending != (not query.sort and kind.newest_first):
            ids.reverse()
    return ids


def list_first_ids(session: Session, query: ListingQuery, count: int) -> array[int] | None:
    """The first `count` ids of a query (fewer: there are no more); None where only the whole list tells them.

    That is so for a search, and for an order by what another table holds.
    """
    kind = KINDS[query.kind]
    by_key = not query.sort or _column(kind, query.sort).order is kind.key
    if query.search or (not by_key and _column(kind, query.sort).needs):
        return None
    if not by_key:
        statement = _ordered(kind, _matching(kind, query), _column(kind, query.sort), descending=query.descending)
        return array("q", (row[0] for row in run(session, statement.limit(count))))
    descending = query.descending != (not query.sort and kind.newest_first)
    parts = [query]
    if kind.in_parts is not None and not query.filters.get(kind.in_parts[0]):
        name, values = kind.in_parts
        parts = [replace(query, filters={**query.filters, name: [value]}) for value in values]
    order = kind.key.desc() if descending else kind.key.asc()
    found = [row[0] for part in parts for row in run(session, _matching(kind, part).order_by(order).limit(count))]
    return array("q", sorted(found, reverse=descending)[:count])


def count(session: Session, query: ListingQuery) -> int:
    """How many rows a query has."""
    matching = _matching(KINDS[query.kind], query).subquery()
    return int(one(session, sa.select(sa.func.count()).select_from(matching))[0])


def fetch_rows(
    session: Session, kind: str, ids: Sequence[int], now: datetime | None = None
) -> dict[int, tuple[Any, ...]]:
    """The values of rows by id, in the order of the listing's columns. Ids that are gone are left out.

    `now` is what the time of work in progress runs to; None: the machine's clock.
    """
    return KINDS[kind].fetch(session, list(ids), now or datetime.now(UTC))


def _ids(session: Session, statement: sa.Select[Any]) -> array[int]:
    """The database writes the ids into one text: a row each would fight for the interpreter a million times."""
    rows = statement.subquery()
    text = one(session, sa.select(sa.func.aggregate_strings(sa.cast(rows.c[0], sa.Text), ",")))[0]
    ids = array("q")
    start = 0
    while text and start < len(text):
        end = text.find(",", start + _PIECE)
        end = len(text) if end < 0 else end
        ids.frombytes(np.fromstring(text[start:end], dtype=np.int64, sep=",").tobytes())
        start = end + 1
    return ids


def _matching(kind: Kind, query: ListingQuery) -> sa.Select[Any]:
    conditions: list[sa.ColumnElement[bool]] = list(kind.always)
    needed: set[str] = set(kind.always_needs)
    for name, value in query.scope.items():
        if name not in kind.scopes:
            raise InvalidEntry("scope", f"this table cannot be narrowed by {name}")
        expression, needs = kind.scopes[name]
        conditions.append(expression == value)
        needed.update(needs)
    for name, allowed in query.filters.items():
        if name not in kind.filters:
            raise InvalidEntry("filters", f"this table cannot be filtered by {name}")
        chosen = kind.filters[name]
        if allowed:
            conditions.append(chosen.condition(list(allowed)))
            needed.update(chosen.needs)
    for word in query.search.split()[:8]:
        conditions.append(kind.found(word, query.scope))
        needed.update(kind.found_needs)
    if query.sort:
        needed.update(_column(kind, query.sort).needs)
    return sa.select(kind.key).select_from(kind.joined(needed)).where(*conditions)


def _ordered(kind: Kind, statement: sa.Select[Any], column: Shown, *, descending: bool) -> sa.Select[Any]:
    """Both directions by the same index; empty values first when ascending, on every database."""
    assert column.order is not None
    if descending:
        order = column.order.desc()
        return statement.order_by(order.nulls_last() if column.nullable else order, kind.key.desc())
    order = column.order.asc()
    return statement.order_by(order.nulls_first() if column.nullable else order, kind.key)


def _column(kind: Kind, name: str) -> Shown:
    found = next((c for c in kind.columns if c.name == name), None)
    if found is None or found.order is None:
        raise InvalidEntry("sort", f"this table cannot be sorted by {name}")
    return found
