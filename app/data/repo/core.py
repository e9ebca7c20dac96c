"""What all repo modules share: the tables as Core sees them, sets of ids in one parameter, texts any database takes."""

from __future__ import annotations

import json
from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine
from sqlmodel import Session, SQLModel

from app.data.tables import money, people, quality, tasks
from app.errors import EntryDoesNotExist, InvalidEntry

assert all((money, people, quality, tasks))  # imported so that the metadata is whole

_TABLES = SQLModel.metadata.tables
PROJECTS, TASKS, REQUESTERS, RUNS = (_TABLES[n] for n in ("projects", "tasks", "requesters", "task_runs"))
ASSIGNMENTS, UNITS, AGENTS, WORKERS = (_TABLES[n] for n in ("assignments", "units", "agents", "workers"))
ONBOARDING, AGENT_DATA, LIVE_UPDATES = (_TABLES[n] for n in ("onboarding_agents", "agent_data", "live_updates"))
BLOCKS, QUALIFICATIONS, GRANTS = (_TABLES[n] for n in ("blocks", "qualifications", "granted_qualifications"))
REVIEWS, PENDING, FLAGS = (_TABLES[n] for n in ("worker_review", "pending_decisions", "unit_flags"))
EVENTS, PAYMENTS, REFS = (_TABLES[n] for n in ("events", "payments", "external_refs"))

CHUNK = 2_000
"""Rows handled at once where Python sees them: a longer piece would hold the interpreter for a frame of the window."""
COUNTED: dict[str, Any] = {"preserve_rowcount": True}
"""Execution options of an INSERT whose `rowcount` is asked for."""
_SQLITE = sqlite.dialect()


class _Ids(TypeDecorator[Sequence[int]]):
    """Many ids as one parameter: JSON text on SQLite, an array on PostgreSQL. No limit of parameters, one statement."""

    impl = sa.String
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(sa.ARRAY(sa.BigInteger) if dialect.name == "postgresql" else sa.String())

    def process_bind_param(self, value: Sequence[int] | None, dialect: sa.Dialect) -> Any:
        ids = list(value or ())
        return ids if dialect.name == "postgresql" else json.dumps(ids)


class _Texts(TypeDecorator[Sequence[str]]):
    """Many texts as one parameter, as `_Ids`."""

    impl = sa.String
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(sa.ARRAY(sa.Text) if dialect.name == "postgresql" else sa.String())

    def process_bind_param(self, value: Sequence[str] | None, dialect: sa.Dialect) -> Any:
        texts = list(value or ())
        return texts if dialect.name == "postgresql" else json.dumps(texts)


class _IdRows(FunctionElement[int]):
    """The ids, or the texts, of one parameter, as a sub-select."""

    name = "id_rows"
    inherit_cache = True
    type = sa.BigInteger()


@compiles(_IdRows, "sqlite")
def _sqlite_ids(element: _IdRows, compiler: SQLCompiler, **kw: Any) -> str:
    return f"(SELECT value FROM json_each({compiler.process(element.clauses, **kw)}))"  # noqa: S608 - a bound parameter


@compiles(_IdRows, "postgresql")
def _postgresql_ids(element: _IdRows, compiler: SQLCompiler, **kw: Any) -> str:
    return f"(SELECT unnest({compiler.process(element.clauses, **kw)}))"


def constants(statuses: Iterable[str]) -> list[sa.ColumnElement[str]]:
    """Statuses for `in_`, written into the statement: a list of parameters would be spelt out anew at every call."""
    return [sa.literal_column(f"'{status}'", sa.String) for status in sorted(statuses)]


def among(column: sa.ColumnElement[Any], name: str) -> sa.ColumnElement[bool]:
    """`column` is one of the ids in the parameter `name` (any sequence of int, of any length)."""
    return column.op("IN", is_comparison=True)(_IdRows(sa.bindparam(name, type_=_Ids)))


def among_texts(column: sa.ColumnElement[Any], name: str) -> sa.ColumnElement[bool]:
    """`column` is one of the texts in the parameter `name` (any sequence of str, of any length)."""
    return column.op("IN", is_comparison=True)(_IdRows(sa.bindparam(name, type_=_Texts)))


class _JsonRows(FunctionElement[Any]):
    """The objects of a JSON array in one parameter, as rows with the one column `value`."""

    name = "json_rows"
    inherit_cache = True


@compiles(_JsonRows, "sqlite")
def _sqlite_rows(element: _JsonRows, compiler: SQLCompiler, **kw: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **kw)})"


@compiles(_JsonRows, "postgresql")
def _postgresql_rows(element: _JsonRows, compiler: SQLCompiler, **kw: Any) -> str:
    return f"json_array_elements(CAST({compiler.process(element.clauses, **kw)} AS JSON))"


class Batch:
    """Many rows of values in one parameter, for one statement.

    A statement that is run once for each row lets go of the interpreter for each, and waits for it again behind a busy
    loop; one statement for all of them waits once.
    """

    def __init__(self, parameter: str = "rows") -> None:
        self.rows = _JsonRows(sa.bindparam(parameter, type_=sa.Text)).table_valued("value", name="batch")

    def integer(self, name: str) -> sa.ColumnElement[int]:
        """A whole number of each row."""
        return sa.cast(self.text(name), sa.BigInteger)

    def text(self, name: str) -> sa.ColumnElement[str]:
        """A text of each row."""
        return self.rows.c.value.op("->>", return_type=sa.String())(sa.literal_column(f"'{name}'"))

    def json(self, name: str) -> sa.ColumnElement[Any]:
        """Any JSON value of each row."""
        return self.rows.c.value.op("->", return_type=sa.JSON())(sa.literal_column(f"'{name}'"))


def not_by_index(column: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
    """A text column as a condition that must not choose the plan: SQLite thinks little of looking up by primary key."""
    return column.concat("")


def run(session: Session, statement: sa.Executable, parameters: Any = None) -> sa.CursorResult[*tuple[Any, ...]]:
    """Execute a Core statement in the session's transaction."""
    return session.connection().execute(statement, parameters or {})


def all_at_once(session: Session, statement: sa.Select[Any], parameters: Mapping[str, Any]) -> Sequence[Any]:
    """The rows of a query that is kept and asked again and again, each with its columns by name.

    SQLite's driver lets go of the interpreter for each row, and waits for it again behind a busy loop: it is asked for
    all rows as one text.
    """
    if is_postgresql(session):
        return run(session, statement, parameters).all()
    whole, make_row, readers = _as_one_row(statement)
    rows = json.loads(run(session, whole, parameters).scalar_one())
    for row in rows:
        for place, read in readers:
            row[place] = read(row[place])
    return [make_row(*row) for row in rows]


@cache
def _as_one_row(statement: sa.Select[Any]) -> tuple[sa.Select[Any], Callable[..., Any], list[tuple[int, Any]]]:
    """The query for one JSON text, what makes a row, and how to read the values of types that JSON does not have."""
    rows = statement.subquery("all_rows")
    columns = list(rows.columns)
    whole = sa.select(sa.func.json_group_array(sa.func.json_array(*(sa.type_coerce(c, sa.String) for c in columns))))
    processors = [column.type.dialect_impl(_SQLITE).result_processor(_SQLITE, None) for column in columns]
    readers = [(place, read) for place, read in enumerate(processors) if read is not None]
    return whole.select_from(rows), namedtuple("Row", [column.name for column in columns]), readers


def one(session: Session, statement: sa.Executable, parameters: Any = None) -> Any:
    """The first row, or None."""
    return run(session, statement, parameters).first()


@cache
def insert_of(name: str, *columns: str) -> sa.Insert:
    """An INSERT of those columns that returns nothing; for one row or a list of rows."""
    table = _TABLES[name]
    return sa.insert(table).values({c: sa.bindparam(c, type_=table.c[c].type) for c in columns})


def add(session: Session, table: sa.Table, values: Mapping[str, Any]) -> int:
    """Insert one row and return its id."""
    key = next(iter(table.primary_key.columns))
    row = run(session, _returning_insert(table.name, tuple(values)), dict(values)).one()
    assert key.name in row._fields
    return int(row[0])


@cache
def _returning_insert(name: str, columns: tuple[str, ...]) -> sa.Insert:
    table = _TABLES[name]
    key = next(iter(table.primary_key.columns))
    values = {c: sa.bindparam(c, type_=table.c[c].type) for c in columns}
    return sa.insert(table).values(values).returning(key)


def pieces(ids: Sequence[int], size: int = CHUNK) -> Iterable[Sequence[int]]:
    """`ids` in pieces of at most `size`."""
    return (ids[start : start + size] for start in range(0, len(ids), size))


def is_postgresql(session: Session) -> bool:
    """Whether this is PostgreSQL; else it is SQLite."""
    return session.connection().dialect.name == "postgresql"


def clean_text(text: str, limit: int = 10_000) -> str:
    """A text from outside as any database takes it: no NUL, no half surrogate, at most `limit` characters."""
    return text[:limit].replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def filled(column: str, text: str, limit: int = 500) -> str:
    """A name that must not be empty. `InvalidEntry` says which column and why."""
    cleaned = clean_text(text, limit + 1).strip()
    if not cleaned:
        raise InvalidEntry(column, "it may not be empty")
    if len(cleaned) > limit:
        raise InvalidEntry(column, f"it may not be longer than {limit} characters")
    return cleaned


def missing(kind: str, value: object) -> EntryDoesNotExist:
    """The error for an id that nothing has."""
    return EntryDoesNotExist(f"There is no {kind.removesuffix('_id').replace('_', ' ')} {value}.")
