"""What a database error means, as a sentence for the requester."""

from __future__ import annotations

import re
import sqlite3

from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError

from app.errors import AppError, EntryAlreadyExists, EntryDoesNotExist, InvalidEntry, StoreError

NOTHING_WRITTEN = "Nothing was written, and what was saved before is safe."

_SQLITE: dict[int, tuple[str, str]] = {
    sqlite3.SQLITE_BUSY: (
        "Another program keeps the database {place} locked.",
        "Close the other program, or wait until it has finished, and try again.",
    ),
    sqlite3.SQLITE_LOCKED: (
        "Another program keeps the database {place} locked.",
        "Close the other program, or wait until it has finished, and try again.",
    ),
    sqlite3.SQLITE_FULL: (
        "The disk is full: the database {place} cannot grow.",
        "Free some space on that disk and try again.",
    ),
    sqlite3.SQLITE_CORRUPT: (
        "The database {place} is damaged.",
        "Keep a copy of the file, and put a backup in its place.",
    ),
    sqlite3.SQLITE_NOTADB: (
        "The file {place} is not a database of Crowdesk.",
        "Move it away, or choose another data folder.",
    ),
    sqlite3.SQLITE_READONLY: (
        "The database {place} may only be read.",
        "Give yourself the right to write the file and its folder, or choose another data folder.",
    ),
    sqlite3.SQLITE_PERM: (
        "The database {place} may not be opened by you.",
        "Give yourself the right to read and write the file and its folder.",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "The database {place} cannot be opened.",
        "See that its folder exists and that you may write there, or choose another data folder.",
    ),
    sqlite3.SQLITE_IOERR: (
        "The disk that holds the database {place} does not work as it should.",
        "See that the disk is connected, has space and is not worn out.",
    ),
}

_POSTGRES: dict[str, tuple[str, str]] = {
    "08": ("The database server of {place} cannot be reached.", "See that it runs, and try again."),
    "28": ("The database server refused the login for {place}.", "See that user name and password are right."),
    "3D": ("The database {place} does not exist on its server.", "Create it, or mend the address."),
    "42501": ("The database user may not do this in {place}.", "Give the user the right to create and change tables."),
    "25006": ("The database {place} may only be read.", "Connect to the server that takes writes."),
    "53100": ("The disk of the database server is full: {place} cannot grow.", "Free some space on the server."),
    "53": ("The database server of {place} has no resources left.", "Close other connections and try again."),
    "55P03": ("Another program keeps the database {place} locked.", "Wait until it has finished, and try again."),
    "57": ("The database server of {place} is shutting down or starting.", "Wait a moment and try again."),
    "58": ("The disk of the database server of {place} does not work.", "Look at the server."),
    "XX": ("The database {place} is damaged.", "Look at the server's log, and restore a backup."),
}


def explain(error: BaseException, place: str) -> AppError | None:
    """The fault of the world behind an error of the database or its driver, or None when it is a bug of ours."""
    if not isinstance(error, StatementError):
        too_big = isinstance(error, OverflowError) and "SQLite INTEGER" in str(error)
        return explain_driver_error(error, place) if too_big else None
    if isinstance(error, IntegrityError):
        return _explain_integrity(str(error.orig), getattr(error.orig, "sqlstate", None))
    if isinstance(error.orig, AppError):  # raised while a value was made ready, and wrapped on its way out
        return error.orig
    if not isinstance(error, DBAPIError):
        return InvalidEntry("value", str(error.orig)) if isinstance(error.orig, ValueError | TypeError) else None
    return explain_driver_error(error.orig, place)


def explain_driver_error(error: BaseException | None, place: str) -> AppError | None:
    """The same for an error as sqlite3 or psycopg raise it."""
    if isinstance(error, OverflowError):
        return InvalidEntry("number", "it does not fit into 64 bits")
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", None)
        return None if code is None else _sentence(_SQLITE.get(code & 0xFF), place)
    if type(error).__module__.startswith("psycopg"):
        return _explain_server_error(error, place)
    return None


def _explain_server_error(error: BaseException | None, place: str) -> AppError | None:
    import psycopg  # loaded already, as it raised this; 0.1 s that a start with SQLite need not take

    if isinstance(error, psycopg.DataError):
        return InvalidEntry("value", str(error).split("\n", 1)[0])
    if isinstance(error, psycopg.Error):
        state = error.sqlstate or ("08" if isinstance(error, psycopg.OperationalError) else "")
        return _sentence(_POSTGRES.get(state) or _POSTGRES.get(state[:2]), place)
    return None


def _sentence(found: tuple[str, str] | None, place: str) -> StoreError | None:
    if found is None:
        return None
    message, advice = found
    said = "Nothing was written." if "damaged" in message else NOTHING_WRITTEN  # what is damaged is not called safe
    return StoreError(f"{message.format(place=place)} {said}", advice)


def _explain_integrity(text: str, sqlstate: str | None) -> AppError | None:
    first = text.split("\n", 1)[0]
    if sqlstate == "23505" or "UNIQUE constraint failed" in text:
        key = re.search(r"UNIQUE constraint failed: (.*)", first) or re.search(r"Key \((.*?)\)=", text)
        what = key.group(1) if key else "a unique value"
        return EntryAlreadyExists(f"There is an entry with the same {what} already.")
    if sqlstate == "23503" or "FOREIGN KEY constraint failed" in text:
        return EntryDoesNotExist("What this entry refers to does not exist, or is still referred to.")
    if sqlstate == "23502" or "NOT NULL constraint failed" in text:
        column = re.search(r"(?:failed: |column \")([\w.]+)", text)
        return InvalidEntry(column.group(1) if column else "value", "it may not be empty")
    return None
