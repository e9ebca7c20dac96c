"""The two doors, the change feed and the holds: the same on every database."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.data.changes import Change
from app.data.repo import journal, people, qualifications, tasks
from app.data.repo.core import PROJECTS, one, run
from app.data.store import Session, Store
from app.errors import AppError, EntryAlreadyExists, EntryDoesNotExist, InvalidEntry, StoreError
from tests.fakes.data_rows import NOW, add_units, make_run, make_worker

ROOT = Path(__file__).resolve().parents[2]


def project_names(session: Session) -> list[str]:
    return [
        row.project_name for row in run(session, sa.select(PROJECTS.c.project_name).order_by(PROJECTS.c.project_name))
    ]


def make_project(session: Session, name: str) -> int:
    return tasks.get_or_create_project(session, name, NOW)


@pytest.fixture
async def neighbour(store: Store, database_url: str, tmp_path: Path) -> AsyncIterator[Store]:
    """Another window on the same database, with a data folder of its own."""
    opened = await Store.open(database_url, locks_dir=tmp_path / "other" / "locks")
    yield opened
    await opened.close()


async def told(store: Store, table: str) -> asyncio.Future[Change]:
    """The next change of a table."""
    future: asyncio.Future[Change] = asyncio.get_running_loop().create_future()

    def listen(changes: Sequence[Change]) -> None:
        if not future.done():
            future.set_result(next(change for change in changes if change.table == table))

    store.feed.subscribe(listen, [table])
    return future


async def test_what_was_written_is_read(store: Store) -> None:
    assert await store.write(make_project, "Wings") == 1
    assert await store.read(project_names) == ["Wings"]


async def test_a_read_cannot_write(store: Store) -> None:
    with pytest.raises((StoreError, sa.exc.DBAPIError)):
        await store.read(make_project, "Wings")
    assert await store.read(project_names) == []


async def test_a_read_sees_one_moment(store: Store) -> None:
    loop = asyncio.get_running_loop()

    def twice(session: Session) -> tuple[list[str], list[str]]:
        before = project_names(session)
        asyncio.run_coroutine_threadsafe(store.write(make_project, "late"), loop).result(20)
        return before, project_names(session)

    assert await store.read(twice) == ([], [])
    assert await store.read(project_names) == ["late"]


async def test_a_write_that_fails_undoes_only_itself(store: Store) -> None:
    def half(session: Session) -> None:
        make_project(session, "half")
        raise ValueError("no further")

    results = await asyncio.gather(
        store.write(make_project, "one"), store.write(half), store.write(make_project, "two"), return_exceptions=True
    )
    assert [type(result) for result in results] == [int, ValueError, int]
    assert await store.read(project_names) == ["one", "two"]


async def test_a_statement_that_fails_undoes_only_its_write(store: Store) -> None:
    def clash(session: Session) -> None:
        run(session, sa.insert(PROJECTS).values(project_name="half", creation_date=NOW))
        run(session, sa.insert(PROJECTS).values(project_name="one", creation_date=NOW))

    await store.write(make_project, "one")
    results = await asyncio.gather(
        store.write(make_project, "two"), store.write(clash), store.write(make_project, "three"), return_exceptions=True
    )
    assert isinstance(results[1], EntryAlreadyExists)
    assert await store.read(project_names) == ["one", "three", "two"]


async def test_waiting_writes_share_a_commit(store: Store) -> None:
    heard: list[Sequence[Change]] = []
    store.feed.subscribe(heard.append)
    await asyncio.gather(*(store.write(make_project, f"p{n}") for n in range(200)))
    assert len(await store.read(project_names)) == 200
    assert len(heard) < 60, "each write had a commit of its own"


async def test_a_dangling_reference_is_refused_with_a_sentence(store: Store) -> None:
    with pytest.raises(EntryDoesNotExist, match="refers to"):
        await store.write(qualifications.grant, 5, 6, 1, None, NOW)


@pytest.mark.parametrize("name", ["", "   ", "NO_PROJECT", "x" * 501])
async def test_names_that_cannot_be_are_refused(store: Store, name: str) -> None:
    with pytest.raises(InvalidEntry, match="project_name"):
        await store.write(make_project, name)


async def test_hostile_text_is_kept_as_text(store: Store) -> None:
    name = "a\0b \ud800 '; DROP TABLE workers; --"
    worker_id = await store.write(people.get_or_create_worker, name, "inhouse", NOW)
    assert await store.write(people.get_or_create_worker, name, "inhouse", NOW) == worker_id
    assert (await store.read(people.get_worker, worker_id)).worker_name == "a\ufffdb ? '; DROP TABLE workers; --"


async def test_data_that_json_cannot_say_are_refused(store: Store) -> None:
    def work(session: Session) -> None:
        run_id = make_run(session)
        journal.add_event(session, run_id, "x", "info", "x", {"n": float("nan")}, "", NOW)

    with pytest.raises(InvalidEntry, match="JSON"):
        await store.write(work)


async def test_a_naive_time_is_refused(store: Store) -> None:
    with pytest.raises(InvalidEntry, match="aware"):
        await store.write(tasks.get_or_create_project, "Wings", NOW.replace(tzinfo=None))


async def test_an_id_of_more_than_64_bits_is_refused(store: Store) -> None:
    with pytest.raises(AppError):
        await store.read(tasks.get_task_run, 2**70)


async def test_changes_are_told_after_the_commit_and_before_the_write_returns(store: Store) -> None:
    heard: list[Change] = []
    store.feed.subscribe(heard.extend, ["projects"])
    project_id = await store.write(make_project, "Wings")
    await store.write(make_worker)
    assert heard == [Change("projects", frozenset({project_id}))]


async def test_a_write_that_fails_tells_nothing(store: Store) -> None:
    heard: list[Sequence[Change]] = []
    store.feed.subscribe(heard.append)

    def half(session: Session) -> None:
        make_project(session, "half")
        raise ValueError

    with pytest.raises(ValueError):
        await store.write(half)
    assert heard == []


async def test_many_rows_are_told_as_many(store: Store) -> None:
    heard: list[Change] = []
    store.feed.subscribe(heard.extend, ["units"])
    await store.write(lambda session: len(add_units(session, make_run(session), 30)))
    assert heard == [Change("units", None)]


async def test_a_closed_subscription_hears_nothing(store: Store) -> None:
    heard: list[Sequence[Change]] = []
    subscription = store.feed.subscribe(heard.append)
    subscription.close()
    subscription.close()
    await store.write(make_project, "Wings")
    assert heard == []


async def test_entities_written_by_the_session_are_told_too(store: Store) -> None:
    from app.data.tables.tasks import Project

    heard: list[Change] = []
    store.feed.subscribe(heard.extend)

    def work(session: Session) -> None:
        session.add(Project(project_name="by hand", creation_date=NOW))
        session.flush()

    await store.write(work)
    assert heard == [Change("projects", frozenset({1}))]


async def test_a_write_that_was_cancelled_before_its_turn_writes_nothing(store: Store) -> None:
    started, go_on = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(session: Session) -> None:
        loop.call_soon_threadsafe(started.set)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(20)

    first = asyncio.ensure_future(store.write(slow))
    await started.wait()
    waiting = asyncio.ensure_future(store.write(make_project, "never"))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    go_on.set()
    await first
    assert await store.read(project_names) == []


async def test_closing_finishes_what_waits(database_url: str, tmp_path: Path) -> None:
    store = await Store.open(database_url, locks_dir=tmp_path / "locks")
    writes = [asyncio.ensure_future(store.write(make_project, f"p{n}")) for n in range(20)]
    await asyncio.sleep(0)
    await store.close()
    await store.close()
    assert len(await asyncio.gather(*writes)) == 20
    with pytest.raises(StoreError, match="closed"):
        await store.write(make_project, "late")
    again = await Store.open(database_url, locks_dir=tmp_path / "locks")
    assert len(await again.read(project_names)) == 20
    await again.close()


async def test_the_second_window_sees_what_the_first_writes(store: Store, neighbour: Store) -> None:
    future = await told(neighbour, "projects")
    await store.write(make_project, "Wings")
    change = await asyncio.wait_for(future, 20)
    assert change.ids in (None, frozenset({1}))
    assert await neighbour.read(project_names) == ["Wings"]


async def test_a_window_hears_its_own_writes_once(store: Store, neighbour: Store) -> None:
    heard: list[Change] = []
    neighbour.feed.subscribe(heard.extend, ["projects"])
    future = await told(store, "projects")
    await neighbour.write(make_project, "Wings")
    await asyncio.wait_for(future, 20)
    assert heard == [Change("projects", frozenset({1}))]


async def test_both_windows_write(store: Store, neighbour: Store) -> None:
    await asyncio.gather(*(door.write(make_project, f"{n}") for n, door in enumerate([store, neighbour] * 40)))
    assert len(await store.read(project_names)) == 80


async def test_a_name_is_held_once(store: Store, neighbour: Store) -> None:
    hold = store.try_hold("run-1")
    assert hold is not None
    assert store.try_hold("run-1") is None
    assert neighbour.try_hold("run-1") is None
    other = neighbour.try_hold("run-2")
    assert other is not None
    hold.release()
    hold.release()
    taken = neighbour.try_hold("run-1")
    assert taken is not None
    taken.release()
    other.release()


def start(command: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


HOLDER = """
import asyncio, sys, pathlib
from app.data.store import Store
async def main():
    store = await Store.open(sys.argv[1], locks_dir=pathlib.Path(sys.argv[2]))
    hold = store.try_hold("run-1")
    print("held" if hold else "refused", flush=True)
    sys.stdin.readline()
asyncio.run(main())
"""


async def test_a_hold_dies_with_its_process(store: Store, database_url: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, database_url, str(tmp_path / "elsewhere" / "locks")]
    holder = start(command)
    assert holder.stdout is not None
    assert holder.stdin is not None
    try:
        assert await asyncio.to_thread(holder.stdout.readline) == "held\n"
        assert store.try_hold("run-1") is None
    finally:
        os.kill(holder.pid, signal.SIGKILL)
        await asyncio.to_thread(holder.communicate)
    for _ in range(200):  # a server needs a moment to see that the connection is gone
        hold = await asyncio.to_thread(store.try_hold, "run-1")
        if hold is not None:
            break
        await store.read(lambda session: one(session, sa.select(sa.literal(1))))
    assert hold is not None
    hold.release()


WRITER = """
import asyncio, sys, pathlib
from datetime import UTC, datetime
from app.data.store import Store
from app.data.repo import tasks
async def main():
    store = await Store.open(sys.argv[1], locks_dir=pathlib.Path(sys.argv[2]))
    async def one(n):
        await store.write(tasks.get_or_create_project, f"p{n}", datetime.now(UTC))
        print(n, flush=True)
    await asyncio.gather(*(one(n) for n in range(100_000)))
asyncio.run(main())
"""


@pytest.mark.kill
async def test_what_was_acknowledged_survives_a_kill(store: Store, database_url: str, tmp_path: Path) -> None:
    writer = start([sys.executable, "-c", WRITER, database_url, str(tmp_path / "locks")])
    assert writer.stdout is not None
    acknowledged = [await asyncio.to_thread(writer.stdout.readline) for _ in range(300)]
    os.kill(writer.pid, signal.SIGKILL)
    acknowledged += await asyncio.to_thread(writer.stdout.readlines)
    await asyncio.to_thread(writer.communicate)
    kept = set(await store.read(project_names))
    lost = [line for line in acknowledged if line.endswith("\n") and f"p{line.strip()}" not in kept]
    assert lost == []
    print(f"{len(acknowledged)} acknowledged, {len(kept)} kept")
