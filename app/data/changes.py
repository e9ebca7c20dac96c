"""What was committed, told to whoever shows it. Repo functions announce; the store publishes after the commit."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import event
from sqlalchemy import inspect as inspect_entity
from sqlalchemy.orm import Session
from sqlmodel import SQLModel

from app.data.tables import money, people, quality, tasks

assert all((money, people, quality, tasks))  # imported so that the metadata is whole

MANY = 500
"""From this many rows on a change says only "many": a listener would read them all again anyway."""

LONGEST_TEXT = 7_000
"""A notification of PostgreSQL holds 8000 bytes, the sender's name included."""

_KEY = "crowdesk_changes"


@dataclass(frozen=True)
class Change:
    """Rows of one table that a commit touched; `ids` None means many, or unknown ones of another process."""

    table: str
    ids: frozenset[int] | None


Listener = Callable[[Sequence[Change]], None]
Touched = dict[str, set[int] | None]


def announce(session: Session, table: str, ids: Iterable[int] | None) -> None:
    """Say that `ids` of `table` were written in this session (None: many). Published if and when it commits."""
    touched: Touched = session.info.setdefault(_KEY, {})
    merge(touched, {table: None if ids is None else set(ids)})


def merge(touched: Touched, more: Mapping[str, set[int] | None]) -> None:
    """Add `more` to `touched`; too many ids of a table become None."""
    for table, ids in more.items():
        known = touched.get(table, set())
        if ids is None or known is None or len(known) + len(ids) > MANY:
            touched[table] = None
        else:
            touched[table] = known | ids


def take(session: Session) -> Touched:
    """What the session announced since the last call; forgets it."""
    touched: Touched = session.info.pop(_KEY, {})
    return touched


def as_changes(touched: Mapping[str, Iterable[int] | None]) -> tuple[Change, ...]:
    """The announcement as it is published."""
    return tuple(Change(table, None if ids is None else frozenset(ids)) for table, ids in touched.items())


def to_text(changes: Sequence[Change], limit: int = LONGEST_TEXT) -> str:
    """Changes as JSON for another process, without ids where they would be longer than `limit` characters."""
    text = json.dumps({c.table: None if c.ids is None else sorted(c.ids) for c in changes}, separators=(",", ":"))
    if len(text) > limit:
        text = json.dumps(dict.fromkeys(c.table for c in changes), separators=(",", ":"))
    return text


def from_text(text: str) -> tuple[Change, ...]:
    """The changes another process wrote with `to_text`."""
    return as_changes(json.loads(text))


def everything() -> tuple[Change, ...]:
    """A change of any row of any table: somebody else wrote, and did not say what."""
    return tuple(Change(name, None) for name in SQLModel.metadata.tables)


class Subscription:
    """A listener's place in the feed, until `close`."""

    def __init__(self, feed: ChangeFeed, listener: Listener, tables: frozenset[str] | None) -> None:
        self._feed = feed
        self.listener = listener
        self.tables = tables

    def close(self) -> None:
        """Stop listening. Idempotent."""
        self._feed._subscriptions.pop(self, None)


class ChangeFeed:
    """Publishes committed changes on the loop thread, one call per listener and commit (or group of commits)."""

    def __init__(self) -> None:
        self._subscriptions: dict[Subscription, None] = {}

    def subscribe(self, listener: Listener, tables: Iterable[str] | None = None) -> Subscription:
        """Call `listener` with the changes of each commit that touched one of `tables` (None: any)."""
        subscription = Subscription(self, listener, None if tables is None else frozenset(tables))
        self._subscriptions[subscription] = None
        return subscription

    def publish(self, changes: Sequence[Change]) -> None:
        """Tell all listeners. A listener that fails keeps none of the others from hearing; then its error goes on."""
        failures: list[BaseException] = []
        for subscription in list(self._subscriptions):
            wanted = [c for c in changes if subscription.tables is None or c.table in subscription.tables]
            if not wanted or subscription not in self._subscriptions:
                continue
            try:
                subscription.listener(wanted)
            except Exception as error:  # noqa: BLE001 - told on below, when everybody has heard
                failures.append(error)
        if failures:
            raise failures[0]


def _announce_flush(session: Session, _context: Any) -> None:
    for entity in (*session.new, *session.dirty, *session.deleted):
        mapper = inspect_entity(entity).mapper
        announce(session, mapper.local_table.name, {int(mapper.primary_key_from_instance(entity)[0])})


def watch_entities(session: Session) -> None:
    """Announce what is written through entities as well, by the session's own flush."""
    event.listen(session, "after_flush", _announce_flush)
