"""Engines for the two doors: what every connection is told before it is used."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import ConnectionPoolEntry

from app.errors import InvalidEntry, StoreError

BUSY_SECONDS = 10.0
"""How long a statement waits for another program's lock."""


_JSON = json.JSONEncoder(separators=(",", ":"), allow_nan=False)


def dump_json(value: Any) -> str:
    """Compact JSON, ASCII only (any database takes it). `InvalidEntry` for what JSON cannot say, such as NaN."""
    try:
        return _JSON.encode(value)
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidEntry("data", f"it cannot be written as JSON ({error})") from None


def parse_url(url: str) -> URL:
    """The database's address, with the driver we use. `StoreError` for what cannot be one."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise StoreError(
            "The address of the database is not one: it must look like sqlite:///path/to/file.db or "
            "postgresql://user@host/name.",
            "Mend CROWDESK_DATABASE_URL.",
        ) from None
    if parsed.drivername in ("postgres", "postgresql", "postgresql+psycopg"):
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername in ("sqlite", "sqlite+pysqlite"):
        if not parsed.database or parsed.database == ":memory:" or "mode=memory" in url:
            raise StoreError(
                "A database in memory would lose everything: give it a file.", "Mend CROWDESK_DATABASE_URL."
            )
        return parsed.set(drivername="sqlite+pysqlite", database=str(Path(parsed.database).expanduser().resolve()))
    raise StoreError(
        f"Databases of the kind {parsed.drivername!r} are not supported; SQLite and PostgreSQL are.",
        "Mend CROWDESK_DATABASE_URL.",
    )


def place_of(url: URL) -> str:
    """How a sentence names the database: never with a password."""
    if url.drivername.startswith("sqlite"):
        return str(url.database)
    return url.render_as_string(hide_password=True).replace("+psycopg", "")


def make_engine(url: URL, *, readers: int, busy_seconds: float = BUSY_SECONDS) -> sa.Engine:
    """An engine: for reading with up to `readers` connections at once, or, with 0, for the one writer."""
    shared: dict[str, Any] = {"json_serializer": dump_json, "pool_size": max(readers, 1), "max_overflow": 0}
    if url.drivername.startswith("sqlite"):
        engine = sa.create_engine(url, connect_args={"timeout": busy_seconds, "check_same_thread": False}, **shared)
        event.listen(engine, "connect", _sqlite_setup(reading=readers > 0))
        event.listen(engine, "begin", _sqlite_begin("BEGIN" if readers else "BEGIN IMMEDIATE"))
        return engine
    options = f"-c lock_timeout={int(busy_seconds * 1000)} -c timezone=UTC -c idle_in_transaction_session_timeout=0"
    engine = sa.create_engine(
        url,
        pool_pre_ping=True,
        connect_args={"options": options, "connect_timeout": 10, "prepare_threshold": 2},
        **shared,
    )
    if readers:
        return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return engine


def _sqlite_setup(*, reading: bool) -> Callable[[sqlite3.Connection, ConnectionPoolEntry], None]:
    def setup(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves: the driver's own way breaks savepoints
        connection.execute("PRAGMA foreign_keys=ON")
        if reading:
            connection.execute("PRAGMA query_only=ON")
        else:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA wal_autocheckpoint=4000")
            connection.execute("PRAGMA journal_size_limit=67108864")
        # small on purpose: the system caches the file anyway, and what is here counts as the window's memory
        connection.execute(f"PRAGMA cache_size=-{2_000 if reading else 24_000}")

    return setup


def _sqlite_begin(statement: str) -> Callable[[sa.Connection], None]:
    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql(statement)

    return begin


def make_private_file(path: Path) -> None:
    """Create an empty file that only its owner may read, unless it is there. SQLite's side files take its rights."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        return
