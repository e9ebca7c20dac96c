"""Other programs on the same PostgreSQL database: what they changed, and which names they hold."""

from __future__ import annotations

import hashlib
import logging
import threading
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import LiteralString, TypeVar

import psycopg
import sqlalchemy as sa
from sqlalchemy.engine import URL

from app.data.engine import place_of
from app.data.faults import explain_driver_error

T = TypeVar("T")

log = logging.getLogger(__name__)

CHANNEL = "crowdesk_changes"
_NOTIFY = sa.select(sa.func.pg_notify(CHANNEL, sa.bindparam("payload")))


def connect(url: URL) -> psycopg.Connection:
    """A plain connection in autocommit, for listening or holding."""
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(
        plain, autocommit=True, connect_timeout=10, keepalives_idle=30, keepalives_interval=10, keepalives_count=3
    )


class NeighbourListener:
    """A thread that hears of the commits of other programs.

    It calls `hear` with what they said, or with None when it may have missed something.
    """

    def __init__(self, url: URL, hear: Callable[[str | None], None]) -> None:
        self.name = uuid.uuid4().hex
        self._url = url
        self._hear = hear
        self._closing = threading.Event()
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._listen_forever, name="store-neighbours", daemon=True)
        self._thread.start()
        self._listening.wait(timeout=10)

    def say(self, connection: sa.Connection, text: str) -> None:
        """Have the other programs told `text` when this transaction commits."""
        connection.execute(_NOTIFY, {"payload": f"{self.name} {text}"})

    def close(self) -> None:
        """Stop listening and wait for the thread. Idempotent."""
        self._closing.set()
        self._thread.join(timeout=10)

    def _listen_forever(self) -> None:
        missed = False
        while not self._closing.is_set():
            try:
                with connect(self._url) as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    self._listening.set()
                    if missed:
                        self._hear(None)
                    self._listen(connection)
            except psycopg.Error as error:
                log.info("The database server does not tell of changes for a moment: %s", error)
                missed = True
                self._closing.wait(1.0)

    def _listen(self, connection: psycopg.Connection) -> None:
        while not self._closing.is_set():
            for notice in connection.notifies(timeout=0.2):
                sender, _, text = notice.payload.partition(" ")
                if sender != self.name:
                    self._hear(text)
                if self._closing.is_set():
                    return


class ServerHold:
    """A name held by an advisory lock, which the server gives back when the connection or the process ends."""

    def __init__(self, holds: ServerHolds, name: str) -> None:
        self._holds = holds
        self.name = name

    def release(self) -> None:
        """Let go of the name. Idempotent."""
        self._holds.release(self.name)


class ServerHolds:
    """The names this program holds on a PostgreSQL database, all on one connection of their own."""

    def __init__(self, url: URL) -> None:
        self._place = place_of(url)
        self._url = url
        self._connection = connect(url)
        self._held: set[str] = set()

    def try_hold(self, name: str) -> ServerHold | None:
        """The hold, or None when anybody has it, ourselves included. `StoreError` when the server cannot be asked."""
        if name in self._held:
            return None
        try:
            got = self._call("pg_try_advisory_lock", name)
        except psycopg.OperationalError:
            got = self._ask(lambda: self._take_again(name))
        if not got:
            return None
        self._held.add(name)
        return ServerHold(self, name)

    def _take_again(self, name: str) -> bool:
        """The connection broke, and its holds with it: take those we had on a new one, then this one."""
        self._connection.close()
        self._connection = connect(self._url)
        self._held = {held for held in self._held if self._call("pg_try_advisory_lock", held)}
        return self._call("pg_try_advisory_lock", name)

    def release(self, name: str) -> None:
        """Give a name back. Idempotent."""
        if name not in self._held:
            return
        self._held.discard(name)
        with suppress(psycopg.OperationalError):  # a connection that is gone holds nothing
            self._call("pg_advisory_unlock", name)

    def close(self) -> None:
        """Give back all names."""
        self._held.clear()
        self._connection.close()

    def _call(self, function: LiteralString, name: str) -> bool:
        key = int.from_bytes(hashlib.blake2b(f"crowdesk:{name}".encode(), digest_size=8).digest(), "big", signed=True)
        row = self._connection.execute(f"SELECT {function}(%s)", (key,)).fetchone()
        return bool(row and row[0])

    def _ask(self, question: Callable[[], T]) -> T:
        try:
            return question()
        except psycopg.Error as error:
            raise explain_driver_error(error, self._place) or error from error
