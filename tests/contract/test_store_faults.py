"""A database that cannot be used: a clear sentence, nothing written, nothing lost."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sqlite3
import stat
import subprocess
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlmodel import SQLModel

from app.data.engine import make_engine, parse_url
from app.data.migrations import upgrade
from app.data.repo import assignments, tasks
from app.data.repo.core import PROJECTS, run
from app.data.store import Session, Store
from app.errors import StoreError
from tests.fakes.data_rows import NOW, add_units, make_run
from tests.fakes.postgres_server import PostgresServer


@pytest.fixture
def path(sqlite_template: Path, tmp_path: Path) -> Path:
    """A migrated SQLite database with one project in it."""
    target = tmp_path / "data" / "crowdesk.db"
    target.parent.mkdir(mode=0o700)
    target.write_bytes(sqlite_template.read_bytes())
    change(target, "INSERT INTO projects (project_name, creation_date) VALUES ('kept', '2026-01-01T00:00:00.000Z')")
    return target


def change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


async def open_store(path: Path, busy_seconds: float = 0.2) -> Store:
    return await Store.open(f"sqlite:///{path}", locks_dir=path.parent / "locks", busy_seconds=busy_seconds)


async def refusal(path: Path) -> str:
    """The sentence with which a database is refused; the file is untouched by that."""
    before = digest(path) if path.is_file() else None
    with pytest.raises(StoreError) as caught:
        await open_store(path)
    assert (digest(path) if path.is_file() else None) == before
    assert str(path) in caught.value.message
    assert caught.value.advice
    return caught.value.message


def project_names(session: Session) -> list[str]:
    return [
        row.project_name for row in run(session, sa.select(PROJECTS.c.project_name).order_by(PROJECTS.c.project_name))
    ]


async def still_there(path: Path) -> list[str]:
    store = await open_store(path)
    names = await store.read(project_names)
    await store.close()
    return names


# -- what is there is not usable --------------------------------------------------------------------------------------


async def test_a_database_of_a_newer_version_is_refused(path: Path) -> None:
    change(path, "UPDATE alembic_version SET version_num = '9999'")
    assert "newer version" in await refusal(path)


async def test_a_database_of_another_program_is_refused(path: Path) -> None:
    change(path, "DROP TABLE alembic_version")
    assert "another program" in await refusal(path)


async def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.write_bytes(b"Dear diary,\n" * 1000)
    assert "not a database" in await refusal(path)


async def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "crowdesk.db").mkdir()
    assert "not a file" in await refusal(tmp_path / "crowdesk.db")


async def test_a_damaged_page_is_noticed_at_the_start(path: Path) -> None:
    whole = bytearray(path.read_bytes())
    for page in range(2, len(whole) // 4096):
        whole[page * 4096 : page * 4096 + 64] = b"\xff" * 64
    path.write_bytes(whole)
    words = await refusal(path)
    assert "damaged" in words
    assert "safe" not in words


ROOT_PAGE = "SELECT rootpage FROM sqlite_master WHERE name = 'sqlite_autoindex_projects_1'"


async def test_damage_that_is_met_later_is_told_too(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upgrade, "CHECKED_WHOLE_BELOW", 0)
    with closing(sqlite3.connect(path)) as connection:
        root = connection.execute(ROOT_PAGE).fetchone()[0]
    whole = bytearray(path.read_bytes())
    whole[(root - 1) * 4096 : root * 4096] = b"\xff" * 4096
    path.write_bytes(whole)
    store = await open_store(path)
    with pytest.raises(StoreError, match="damaged"):
        await store.read(project_names)
    with pytest.raises(StoreError, match="damaged"):
        await store.write(tasks.get_or_create_project, "Wings", NOW)
    await store.close()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("sqlite://", "in memory"),
        ("sqlite:///:memory:", "in memory"),
        ("mysql://root@localhost/x", "not supported"),
        ("no address", "must look like"),
    ],
)
async def test_an_address_that_cannot_be_used_is_refused(url: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=says):
        await Store.open(url, locks_dir=tmp_path / "locks")


# -- others hold it ---------------------------------------------------------------------------------------------------


async def test_a_locked_database_is_told_and_opens_when_it_is_free(path: Path) -> None:
    change(path, "PRAGMA journal_mode=WAL")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"keeps the database .* locked"):
            await open_store(path)
    assert await still_there(path) == ["kept"]


async def test_writes_wait_for_a_lock_no_longer_than_told_and_lose_nothing(path: Path) -> None:
    store = await open_store(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        results = await asyncio.gather(
            *(store.write(tasks.get_or_create_project, f"p{n}", NOW) for n in range(3)), return_exceptions=True
        )
        assert [type(result) for result in results] == [StoreError] * 3
        assert await store.read(project_names) == ["kept"], "reading goes on"
        other.execute("ROLLBACK")
    await store.write(tasks.get_or_create_project, "after", NOW)
    assert await store.read(project_names) == ["after", "kept"]
    await store.close()


# -- no room, no right ------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one and a half MiB."""
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("only root may mount a small disk; the quota test covers the same code")
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1536k", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.decode()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


async def fill(store: Store) -> int:
    """Write until the disk is full; returns how many writes were acknowledged."""
    run_id = await store.write(make_run)
    acknowledged: list[int] = []

    async def forever() -> None:
        while True:
            acknowledged.append(await store.write(lambda session: len(add_units(session, run_id, 20))))

    with pytest.raises(StoreError, match=r"disk is full.* Nothing was written"):
        await forever()
    return len(acknowledged)


async def test_a_full_disk_is_told_and_nothing_acknowledged_is_lost(small_disk: Path, path: Path) -> None:
    database = small_disk / "data" / "crowdesk.db"
    store = await open_store(database)
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 200_000)
    done = await fill(store)
    assert sum((await store.read(assignments.unit_counts, 1)).values()) == 20 * done
    ballast.unlink()
    await store.write(tasks.get_or_create_project, "after", NOW)
    await store.close()
    assert await still_there(database) == ["after"]


async def test_a_full_database_refuses_one_write_and_takes_the_small_ones_beside_it(path: Path) -> None:
    """The same by SQLite's own quota, where nobody may mount; the whole transaction is gone then, not one savepoint."""
    store = await open_store(path)

    def limit(session: Session) -> None:
        connection = session.connection()
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 3}")

    await store.write(limit)
    run_id = await store.write(make_run)
    results = await asyncio.gather(
        store.write(tasks.get_or_create_project, "one", NOW),
        store.write(lambda session: len(add_units(session, run_id, 2000))),
        store.write(tasks.get_or_create_project, "two", NOW),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [int, StoreError, int]
    assert await store.read(project_names) == ["kept", "one", "two"]
    assert sum((await store.read(assignments.unit_counts, run_id)).values()) == 0
    await store.close()


async def test_a_disk_without_room_for_a_new_database_is_told(small_disk: Path) -> None:
    with suppress(OSError), (small_disk / "ballast").open("wb") as file:
        while True:
            file.write(b"x" * 4096)
            file.flush()
    with pytest.raises(StoreError) as caught:
        await open_store(small_disk / "data" / "crowdesk.db")
    assert "othing was written" in caught.value.message


@pytest.fixture
def write_protected(path: Path) -> Iterator[Path]:
    """The database in a folder that nobody may write to, root included where it can be arranged."""
    folder = path.parent
    if os.geteuid() == 0:
        bound = subprocess.run(["mount", "--bind", str(folder), str(folder)], capture_output=True)
        if bound.returncode:
            pytest.skip(f"root writes everywhere, and no read-only disk can be mounted: {bound.stderr.decode()}")
        subprocess.run(["mount", "-o", "remount,bind,ro", str(folder)], check=True)
        yield path
        subprocess.run(["umount", "-l", str(folder)], check=True)
        return
    path.chmod(0o400)
    folder.chmod(0o500)
    yield path
    folder.chmod(0o700)


async def test_a_write_protected_folder_is_told(write_protected: Path) -> None:
    assert "may only be read" in await refusal(write_protected)


async def test_a_new_database_in_a_write_protected_folder_is_told(write_protected: Path) -> None:
    target = write_protected.parent / "new" / "crowdesk.db"
    with pytest.raises(StoreError, match="cannot be made"):
        await open_store(target)
    assert not target.parent.exists()


async def test_only_the_owner_can_read_what_is_made(tmp_path: Path) -> None:
    previous = os.umask(0)
    try:
        store = await open_store(tmp_path / "data" / "crowdesk.db")
        await store.write(tasks.get_or_create_project, "Wings", NOW)
        hold = store.try_hold("run-1")
    finally:
        os.umask(previous)
    assert hold is not None
    made = [tmp_path / "data", *(tmp_path / "data").rglob("*")]
    assert len(made) == 6, "the folder, the database, its journal and index, the locks and a lock"
    assert {str(p): oct(stat.S_IMODE(p.stat().st_mode) & 0o077) for p in made} == {str(p): "0o0" for p in made}
    hold.release()
    await store.close()


# -- changes of the schema --------------------------------------------------------------------------------------------


def pretend_an_upgrade(monkeypatch: pytest.MonkeyPatch, statement: str) -> None:
    def run_it(connection: sa.Connection) -> None:
        connection.exec_driver_sql("CREATE TABLE added (x INTEGER)")
        connection.exec_driver_sql(statement)
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")

    monkeypatch.setattr(upgrade, "REVISIONS", (*upgrade.REVISIONS, "9999"))
    monkeypatch.setattr(upgrade, "HEAD", "9999")
    monkeypatch.setattr(upgrade, "_run_alembic", run_it)


async def test_before_an_upgrade_a_copy_is_made(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = upgrade.HEAD
    pretend_an_upgrade(monkeypatch, "DELETE FROM projects")
    store = await open_store(path)
    assert await store.read(project_names) == []
    await store.close()
    (copy,) = path.parent.glob(f"crowdesk.db.before-upgrade-from-{before}-*")
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT project_name FROM projects").fetchall() == [("kept",)]


async def test_an_upgrade_that_fails_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_an_upgrade(monkeypatch, "INSERT INTO projects (project_name) VALUES ('no date')")
    with pytest.raises(Exception, match="may not be empty"):
        await open_store(path)
    monkeypatch.undo()
    assert await still_there(path) == ["kept"]


async def test_without_room_for_the_copy_nothing_is_upgraded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_an_upgrade(monkeypatch, "DELETE FROM projects")

    def no_room(_path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(upgrade, "make_private_file", no_room)
    with pytest.raises(StoreError):
        await open_store(path)
    monkeypatch.undo()
    assert await still_there(path) == ["kept"]
    assert [p.name for p in path.parent.iterdir() if "before-upgrade" in p.name] == []


async def test_two_programs_that_start_at_once_make_one_database(tmp_path: Path, database_url: str) -> None:
    stores = await asyncio.gather(*(Store.open(database_url, locks_dir=tmp_path / "locks") for _ in range(3)))
    await stores[0].write(tasks.get_or_create_project, "Wings", NOW)
    assert [await store.read(project_names) for store in stores] == [["Wings"]] * 3
    for store in stores:
        await store.close()


async def test_the_migrations_make_what_the_tables_say(database_url: str) -> None:
    engine = make_engine(parse_url(database_url), readers=1)
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), SQLModel.metadata)
    engine.dispose()
    assert differences == []


async def test_the_revisions_that_the_program_knows_are_those_there_are(database_url: str) -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(upgrade.__file__).parent))
    config.set_main_option("path_separator", "os")
    found = [revision.revision for revision in ScriptDirectory.from_config(config).walk_revisions()]
    assert tuple(reversed(found)) == upgrade.REVISIONS
    engine = make_engine(parse_url(database_url), readers=0)
    with engine.connect() as connection:
        from alembic import command

        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        connection.commit()
        assert sa.inspect(connection).get_table_names() == ["alembic_version"]
    engine.dispose()


# -- PostgreSQL -------------------------------------------------------------------------------------------------------


@pytest.mark.postgres
async def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be reached") as caught:
        await Store.open("postgresql://ada:secret@127.0.0.1:1/crowdesk", locks_dir=tmp_path)
    assert "secret" not in str(caught.value)


@pytest.mark.postgres
async def test_a_database_that_the_server_does_not_have_is_told(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    url = postgres_server.new_database()
    postgres_server.drop_database(url)
    with pytest.raises(StoreError, match=r"does not exist|cannot be reached"):
        await Store.open(url, locks_dir=tmp_path)


@pytest.mark.postgres
async def test_after_the_server_cut_all_connections_the_store_goes_on(
    postgres_server: PostgresServer, postgres_template: str, tmp_path: Path
) -> None:
    url = postgres_server.new_database(postgres_template)
    store = await Store.open(url, locks_dir=tmp_path)
    await store.write(tasks.get_or_create_project, "before", NOW)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    await store.write(tasks.get_or_create_project, "after", NOW)
    assert await store.read(project_names) == ["after", "before"]
    hold = store.try_hold("run-1")
    assert hold is not None
    hold.release()
    await store.close()
    postgres_server.drop_database(url)
