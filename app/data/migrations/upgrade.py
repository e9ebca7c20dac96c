"""Before a database is used: is it ours, whole, of our version? If older: a backup, then an upgrade, all or nothing."""

from __future__ import annotations

import logging
import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import URL

from app.data.engine import make_private_file, place_of
from app.errors import StoreError

log = logging.getLogger(__name__)

REVISIONS = ("0001", "0002")
"""All revisions, oldest first; kept here too so that a start with a current database need not load alembic."""

HEAD = REVISIONS[-1]
CHECKED_WHOLE_BELOW = 16 * 1024 * 1024
"""SQLite files up to this size are checked page by page at every start (about 0.1 s)."""
_MAGIC = b"SQLite format 3\0"
_UPGRADE_LOCK = 7_203_518_114


def prepare_folder(url: URL) -> None:
    """Make the folder and the file of a SQLite database, for the owner only; see that both can be written."""
    if not url.drivername.startswith("sqlite"):
        return
    path = Path(str(url.database))
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if path.exists():
            _check_file(path)
        make_private_file(path)
    except OSError as error:
        raise StoreError(
            f"The database {path} cannot be made or opened: {error.strerror or error}. Nothing was written.",
            "Choose a data folder on a disk with free space where you may write.",
        ) from None


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise StoreError(f"{path} is not a file.", "Choose another data folder.")
    for place in (path, path.parent):
        if (
            not os.access(place, os.W_OK) or os.statvfs(place).f_flag & os.ST_RDONLY
            if hasattr(os, "statvfs")
            else False
        ):
            raise StoreError(
                f"The database {path} may only be read: {place} is write-protected. Nothing was written.",
                "Give yourself the right to write there, or choose another data folder.",
            )
    with path.open("rb") as file:
        start = file.read(len(_MAGIC))
    if start and start != _MAGIC:
        raise StoreError(
            f"The file {path} is not a database of Crowdesk, or it is damaged. Nothing was written.",
            "Move it away, put a backup in its place, or choose another data folder.",
        )


def check_whole(connection: sa.Connection, url: URL) -> None:
    """Read a small SQLite file through; `StoreError` when a page is damaged."""
    path = Path(str(url.database))
    if connection.dialect.name != "sqlite" or path.stat().st_size > CHECKED_WHOLE_BELOW:
        return
    found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
    if found != "ok":
        raise StoreError(
            f"The database {path} is damaged ({str(found).splitlines()[0]}). Nothing was written.",
            "Keep a copy of the file, and put a backup in its place.",
        )


def bring_up_to_date(engine: sa.Engine, url: URL) -> None:
    """Upgrade the schema in one transaction, under the write lock, so that two starting programs do it once.

    Raises `StoreError` for a database of a newer version or of another program; it is then unchanged.
    """
    with engine.connect() as connection:  # the transaction: SQLite holds the write lock from its begin on
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_UPGRADE_LOCK)))
        else:
            check_whole(connection, url)
        revision = _revision_of(connection, url)
        if revision == HEAD:
            return
        if revision is not None and connection.dialect.name == "sqlite":
            _back_up(Path(str(url.database)), revision)
        _run_alembic(connection)
        connection.commit()
        log.info("The database is at revision %s (it was at %s).", HEAD, revision or "none")


def _revision_of(connection: sa.Connection, url: URL) -> str | None:
    tables = set(sa.inspect(connection).get_table_names())
    if not tables:
        return None
    revision = None
    if "alembic_version" in tables:
        revision = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    if revision is None:
        raise StoreError(
            f"The database {place_of(url)} belongs to another program: Crowdesk did not make its tables. "
            "Nothing was written.",
            "Give Crowdesk a database of its own.",
        )
    if revision not in REVISIONS:
        raise StoreError(
            f"The database {place_of(url)} was written by a newer version of Crowdesk (its tables are {revision}, "
            f"this program knows {HEAD}). Nothing was written.",
            "Install the newer version, or choose another data folder.",
        )
    return str(revision)


def _back_up(path: Path, revision: str) -> Path:
    """Copy the database as it is, side journal included, to a file beside it that only the owner may read."""
    stamp = f"{datetime.now(UTC):%Y%m%d-%H%M%S}"
    target = path.with_name(f"{path.name}.before-upgrade-from-{revision}-{stamp}")
    partial = target.with_name(target.name + ".partial")
    try:
        partial.unlink(missing_ok=True)
        make_private_file(partial)
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(partial)) as copy:
            source.backup(copy)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(partial, target)
    except (OSError, sqlite3.Error) as error:
        partial.unlink(missing_ok=True)
        raise StoreError(
            f"The database {path} must be upgraded, but the backup copy that is made first failed: {error}. "
            "Nothing was changed.",
            "Free some space on that disk and try again.",
        ) from None
    log.info("A backup of the database is at %s.", target)
    return target


def _run_alembic(connection: sa.Connection) -> None:
    from alembic import command  # 0.2 s, and only needed when tables change
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, HEAD)
