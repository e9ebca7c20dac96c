"""What a table of the window is made of: columns, filters, joins, and the conditions that they use."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

Expr = sa.ColumnElement[Any]
Scope = Mapping[str, int]
Rows = dict[int, tuple[Any, ...]]
"""Rows by id, each in the order of its table's columns."""
Join = tuple[sa.FromClause, sa.ColumnElement[bool], tuple[str, ...]]
"""A table, how it is joined, and the joins that it needs before it."""


@dataclass(frozen=True)
class Shown:
    """A column: `order` is what it sorts by (None: it does not), `needs` the joins for that."""

    name: str
    label: str
    kind: str = "text"
    width: int = 120
    order: Expr | None = None
    needs: tuple[str, ...] = ()
    nullable: bool = False


@dataclass(frozen=True)
class Chosen:
    """A filter: the condition for the allowed values, and the joins it needs."""

    condition: Callable[[list[str]], sa.ColumnElement[bool]]
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Kind:
    """A table of the window. `joins` are outer joins by name; only those that a query needs are made."""

    key: sa.Column[Any]
    columns: tuple[Shown, ...]
    fetch: Callable[[Session, Sequence[int], datetime], Rows]
    tables: Collection[str]
    found: Callable[[str, Scope], sa.ColumnElement[bool]]
    found_needs: tuple[str, ...] = ()
    filters: Mapping[str, Chosen] = field(default_factory=dict)
    scopes: Mapping[str, tuple[Expr, tuple[str, ...]]] = field(default_factory=dict)
    joins: Mapping[str, Join] = field(default_factory=dict)
    always: tuple[sa.ColumnElement[bool], ...] = ()
    always_needs: tuple[str, ...] = ()
    newest_first: bool = False
    in_parts: tuple[str, tuple[str, ...]] | None = None
    """A filter and all its values, where an index keeps the rows of each in the order of the key: the first rows of
    all are then found among the first of each."""

    def joined(self, needed: Iterable[str]) -> sa.FromClause:
        """The key's table with the joins that are needed, each once, in an order that works."""
        source: sa.FromClause = self.key.table
        made: set[str] = set()

        def join(name: str) -> None:
            nonlocal source
            if name in made:
                return
            table, condition, before = self.joins[name]
            for other in before:
                join(other)
            made.add(name)
            source = sa.outerjoin(source, table, condition)

        for name in sorted(needed):
            join(name)
        return source


def one_of(column: Expr, *needs: str) -> Chosen:
    """The column has one of the allowed values."""
    return Chosen(lambda allowed: column.in_(allowed), needs)


def ids_in(column: Expr, *needs: str) -> Chosen:
    """The column has one of the allowed ids; what is no id is left out."""
    return Chosen(lambda allowed: column.in_([int(a) for a in allowed if a.isdecimal() and len(a) < 19]), needs)


def contains(column: Expr, word: str) -> sa.ColumnElement[bool]:
    """The column has the word somewhere in it, in capitals or not."""
    return sa.type_coerce(column, sa.Text).icontains(word, autoescape=True)


def id_is(column: Expr, word: str, prefix: str) -> sa.ColumnElement[bool]:
    """The word is the id of the row, as the window writes it ("U-17") or as a number."""
    digits = word.upper().removeprefix(prefix)
    return column == int(digits) if digits.isdecimal() and len(digits) < 19 else sa.false()


def named(table: sa.Table, key: str, name: str, word: str) -> sa.Select[Any]:
    """The few rows of a small table whose name has the word: its ids are then looked up in the big one's index."""
    return sa.select(table.c[key]).where(contains(table.c[name], word))
