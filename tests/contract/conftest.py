"""Stores on every kind of database that Crowdesk supports."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from app.data.engine import make_engine, parse_url
from app.data.migrations.upgrade import bring_up_to_date, prepare_folder
from app.data.store import Store
from tests.fakes.postgres_server import PostgresServer, running_server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One PostgreSQL server for the session, started when the first test asks for it."""
    with running_server() as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database with all tables and no rows, SQLite and PostgreSQL in turn; copied, as making one takes 0.3 s."""
    if request.param == "sqlite":
        path = tmp_path / "data" / "crowdesk.db"
        path.parent.mkdir(mode=0o700)
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    url = server.new_database(request.getfixturevalue("postgres_template"))
    yield url
    server.drop_database(url)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer) -> str:
    """The name of a migrated PostgreSQL database."""
    url = postgres_server.new_database()
    migrate(url)
    return postgres_server.name_of(url)


def migrate(url: str) -> None:
    """Make all tables, as the store does when it is opened."""
    parsed = parse_url(url)
    prepare_folder(parsed)
    engine = make_engine(parsed, readers=0)
    bring_up_to_date(engine, parsed)
    engine.dispose()


@pytest.fixture
async def store(database_url: str, tmp_path: Path) -> AsyncIterator[Store]:
    """An open store, migrated, empty."""
    opened = await Store.open(database_url, locks_dir=tmp_path / "data" / "locks")
    yield opened
    await opened.close()
