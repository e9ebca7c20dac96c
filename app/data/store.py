"""The two doors to the database: `read` on a small pool, `write` on one thread that commits whatever waits together."""

from __future__ import annotations

import asyncio
import logging
import queue
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeVar

from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, StatementError
from sqlmodel import Session

from app.data.changes import (
    Change,
    ChangeFeed,
    Touched,
    as_changes,
    everything,
    from_text,
    merge,
    take,
    to_text,
    watch_entities,
)
from app.data.engine import BUSY_SECONDS, make_engine, parse_url, place_of
from app.data.faults import explain
from app.data.files import hold_file
from app.data.migrations.upgrade import bring_up_to_date, prepare_folder
from app.errors import StoreError

if TYPE_CHECKING:
    from app.data.neighbours import NeighbourListener, ServerHolds

__all__ = ["Session", "Store"]

log = logging.getLogger(__name__)

READERS = 3
GROUP = 256
"""Most writes in one commit."""
GROUP_SECONDS = 0.02
"""A group that has taken this long takes no more in: those in it are waiting."""
NEIGHBOUR_POLL_SECONDS = 0.4
SWITCH_SECONDS = 0.0005
"""How long the writer waits for the interpreter while the loop is busy, after each statement; Python's own wait is ten
times that, and workers wait with it."""
UNKNOWN_ADVICE = "Look whether the last change is there before you make it again."

P = ParamSpec("P")
T = TypeVar("T")


class Hold(Protocol):
    """A name that this process holds, until `release` or its own end."""

    def release(self) -> None:
        """Let go. Idempotent."""
        ...


class _Job:
    """One write that waits for the writer thread."""

    __slots__ = ("error", "future", "result", "run")

    def __init__(self, run: Callable[[Session], Any], future: asyncio.Future[Any]) -> None:
        self.run = run
        self.future = future
        self.result: Any = None
        self.error: BaseException | None = None

    def settle(self) -> None:
        """Let the caller go on. On the loop's thread."""
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class _Group:
    """The writes of one commit, and how far it came."""

    def __init__(self, first: _Job, waiting: queue.SimpleQueue[_Job | None]) -> None:
        self._first = first
        self._waiting = waiting
        self.jobs: list[_Job] = []
        self.touched: Touched = {}
        self.begun = self.committing = self.ended = False

    def members(self) -> Iterator[_Job]:
        """The first, then what waits, as long as the group is neither too big nor too old."""
        started = time.monotonic()
        job: _Job | None = self._first
        while job is not None:
            if not job.future.cancelled():
                self.jobs.append(job)
                yield job
            if len(self.jobs) >= GROUP or time.monotonic() - started > GROUP_SECONDS:
                return
            try:
                job = self._waiting.get_nowait()
            except queue.Empty:
                return
            self.ended = job is None

    def fail(self, error: BaseException) -> None:
        """Nothing of the group was written, for this reason."""
        self.jobs = self.jobs or [self._first]
        self.touched.clear()
        for job in self.jobs:
            job.error = error


class Store:
    """The database of one installation. Made by `open`, on the loop whose thread the feed speaks on."""

    def __init__(self, url: URL, locks_dir: Path, busy_seconds: float) -> None:
        self.url = place_of(url)
        self.dialect = "sqlite" if url.drivername.startswith("sqlite") else "postgresql"
        self.feed = ChangeFeed()
        self._loop = asyncio.get_running_loop()
        self._reading = make_engine(url, readers=READERS, busy_seconds=busy_seconds)
        self._writing = make_engine(url, readers=0, busy_seconds=busy_seconds)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write_forever, name="store-writer", daemon=True)
        self._closed = False
        self._locks_dir, self._locks_prefix = locks_dir, ""
        if self.dialect == "sqlite":  # beside the file, so that all its users meet there, whatever their data folder
            self._locks_dir, self._locks_prefix = Path(self.url).parent / "locks", Path(self.url).name + "."
        self._holds: ServerHolds | None = None
        self._neighbours: NeighbourListener | None = None
        self._data_version: int | None = None

    @classmethod
    async def open(cls, url: str, *, locks_dir: Path, busy_seconds: float = BUSY_SECONDS) -> Store:
        """Open, check and upgrade the database. `StoreError` with nothing written when it cannot be used."""
        parsed = parse_url(url)
        store = cls(parsed, locks_dir, busy_seconds)
        try:
            await store._loop.run_in_executor(store._readers, store._prepare, parsed)
        except BaseException:
            store._readers.shutdown(wait=False)
            store._dispose()
            raise
        sys.setswitchinterval(min(SWITCH_SECONDS, sys.getswitchinterval()))
        store._writer.start()
        return store

    def _prepare(self, url: URL) -> None:
        try:
            prepare_folder(url)
            bring_up_to_date(self._writing, url)
            if self.dialect == "postgresql":
                from app.data.neighbours import NeighbourListener, ServerHolds  # 0.1 s of driver

                self._holds = ServerHolds(url)
                self._neighbours = NeighbourListener(url, self._hear)
            else:
                self._look_for_neighbours()
        except StatementError as error:
            raise explain(error, self.url) or error from None

    async def read(self, fn: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `fn(session, ...)` off the loop's thread in a read-only snapshot. Raises what `fn` raises."""
        if self._closed:
            raise StoreError("The database is closed.")

        def job() -> T:
            with Session(self._reading, autoflush=False) as session:
                try:
                    return fn(session, *args, **kwargs)
                except (StatementError, OverflowError) as error:
                    raise explain(error, self.url) or error from error

        return await self._loop.run_in_executor(self._readers, job)

    async def write(self, fn: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `fn(session, ...)` on the writer thread; durable on disk when this returns.

        It shares its commit with the writes that wait beside it. What it raises undoes only its own writes and comes
        out here. `fn` may be run a second time, when its group could not be committed or another of the group raised,
        so it must do nothing but write through its session. A caller that is cancelled before its turn writes nothing;
        later the write goes on.
        """
        if self._closed:
            raise StoreError("The database is closed.")
        future: asyncio.Future[T] = self._loop.create_future()
        self._jobs.put(_Job(lambda session: fn(session, *args, **kwargs), future))
        return await future

    def try_hold(self, name: str) -> Hold | None:
        """Hold a name, such as "run-12", against every other holder on this database; None when it is held.

        The hold ends with `release`, or with this process, however that ends.
        """
        if self._holds is not None:
            return self._holds.try_hold(name)
        return hold_file(self._locks_dir / f"{self._locks_prefix}{name}.lock")

    async def close(self) -> None:
        """Finish the writes that wait, then let go of the database. Idempotent."""
        if self._closed:
            return
        self._closed = True
        self._jobs.put(None)
        await self._loop.run_in_executor(self._readers, self._writer.join)
        await self._loop.run_in_executor(self._readers, self._dispose)
        self._readers.shutdown(wait=True)

    def _dispose(self) -> None:
        if self._neighbours is not None:
            self._neighbours.close()
        if self._holds is not None:
            self._holds.close()
        self._reading.dispose()
        self._writing.dispose()

    def _write_forever(self) -> None:
        next_look = 0.0
        while True:
            try:
                job = self._jobs.get(timeout=NEIGHBOUR_POLL_SECONDS)
                if job is None or self._write_group(job):
                    return
            except queue.Empty:
                next_look = 0.0
            if self.dialect == "sqlite" and time.monotonic() >= next_look:
                self._look_for_neighbours()
                next_look = time.monotonic() + NEIGHBOUR_POLL_SECONDS

    def _write_group(self, first: _Job) -> bool:
        """Write `first` and what waits behind it in one commit; True when the end of all writing was among them."""
        group = _Group(first, self._jobs)
        try:
            if not self._write_together(group):
                self._write_apart(group)
        except DBAPIError as error:
            self._mend(group, error)
        except Exception as error:  # noqa: BLE001 - a bug here must reach the callers, not end all writing
            group.fail(error)
        self._report(group)
        return group.ended

    def _write_together(self, group: _Group) -> bool:
        """All in one transaction, committed. False, with nothing written, when one of several raised."""
        with Session(self._writing, expire_on_commit=False) as session:
            watch_entities(session)
            session.connection()  # begins, which is where another program's lock stops us
            group.begun = True
            for job in group.members():
                try:
                    job.result, job.error = job.run(session), None
                    session.flush()
                except BaseException as error:
                    if isinstance(error, DBAPIError) and not _transaction_lives(session, error):
                        raise
                    job.error = explain(error, self.url) or error
                    return len(group.jobs) == 1
                merge(group.touched, take(session))
            self._commit(session, group)
        return True

    def _write_apart(self, group: _Group) -> None:
        """The same writes with a savepoint each, so that what one of them raised undoes its own alone."""
        group.touched.clear()
        with Session(self._writing, expire_on_commit=False) as session:
            watch_entities(session)
            session.connection()
            for job in group.jobs:
                self._run_in_savepoint(session, job, group.touched)
            self._commit(session, group)

    def _run_in_savepoint(self, session: Session, job: _Job, touched: Touched) -> None:
        savepoint = session.begin_nested()
        try:
            job.result, job.error = job.run(session), None
            savepoint.commit()
        except DBAPIError as error:
            if not _transaction_lives(session, error):
                raise
            savepoint.rollback()
            job.error = explain(error, self.url) or error
        except BaseException as error:  # noqa: BLE001 - it comes out at the caller's `await`, whatever it is
            savepoint.rollback()
            job.error = explain(error, self.url) or error
        announced = take(session)
        if job.error is None:
            merge(touched, announced)

    def _commit(self, session: Session, group: _Group) -> None:
        if group.touched and self._neighbours is not None:
            self._neighbours.say(session.connection(), to_text(as_changes(group.touched)))
        group.committing = True
        session.commit()

    def _mend(self, group: _Group, error: DBAPIError) -> None:
        """The group failed as a whole, so nothing of it was written: give each write a transaction of its own."""
        lost = error.connection_invalidated
        if lost and group.committing:
            group.fail(StoreError(f"The connection to the database {self.url} broke while it saved.", UNKNOWN_ADVICE))
            return
        if not group.begun or (len(group.jobs) == 1 and not lost):
            group.fail(explain(error, self.url) or error)
            return
        group.touched.clear()
        for position, job in enumerate(group.jobs):
            alone = _Group(job, queue.SimpleQueue())
            try:
                with Session(self._writing, expire_on_commit=False) as session:
                    watch_entities(session)
                    session.connection()
                    alone.begun = True
                    self._run_in_savepoint(session, job, alone.touched)
                    self._commit(session, alone)
                merge(group.touched, alone.touched)
            except DBAPIError as again:
                job.error = explain(again, self.url) or again
                if not alone.begun:  # locked or gone: the others would only wait as long for the same
                    for later in group.jobs[position:]:
                        later.error = job.error
                    return

    def _report(self, group: _Group) -> None:
        changes = as_changes(group.touched)

        def settle() -> None:
            try:
                if changes:
                    self.feed.publish(changes)
            finally:
                for job in group.jobs:
                    job.settle()

        self._call_on_loop(settle)

    def _look_for_neighbours(self) -> None:
        """SQLite counts the commits of other connections than ours: when it has moved, anything may have changed."""
        try:
            pooled = self._writing.raw_connection()
            try:
                seen = int(pooled.cursor().execute("PRAGMA data_version").fetchone()[0])
            finally:
                pooled.close()
        except (DBAPIError, sqlite3.Error) as error:
            log.debug("The database could not be looked at: %s", error)
            return
        if self._data_version is not None and seen != self._data_version:
            self._publish_from_thread(everything())
        self._data_version = seen

    def _hear(self, text: str | None) -> None:
        self._publish_from_thread(everything() if text is None else from_text(text))

    def _publish_from_thread(self, changes: tuple[Change, ...]) -> None:
        self._call_on_loop(lambda: self.feed.publish(changes))

    def _call_on_loop(self, callback: Callable[[], None]) -> None:
        try:
            self._loop.call_soon_threadsafe(callback)
        except RuntimeError:  # the loop is closed: nobody is left to be told
            log.debug("The loop was closed before a change could be told.")


def _transaction_lives(session: Session, error: DBAPIError) -> bool:
    """Whether a savepoint can still be rolled back alone: a full disk, for one, ends SQLite's whole transaction."""
    if error.connection_invalidated:
        return False
    driver = session.connection().connection.driver_connection
    return driver.in_transaction if isinstance(driver, sqlite3.Connection) else True
