"""The assignments and units of a run: made many at once, counted, read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from app.data.changes import announce
from app.data.engine import dump_json
from app.data.repo.core import (
    AGENTS,
    ASSIGNMENTS,
    COUNTED,
    RUNS,
    UNITS,
    is_postgresql,
    missing,
    one,
    run,
)
from app.data.states import AgentStatus, UnitStatus
from app.data.tables.columns import Amount, UtcDateTime
from app.errors import InvalidEntry

MOST_UNITS_OF_AN_ITEM = 1_000
P = sa.bindparam
AssignmentItem = Mapping[str, Any]
"""`{"shared": {...}, "unit_data": [{...}, ...]}`: one assignment, and one unit per entry of unit_data.

A screening or gold unit's item has `gate` besides: what the program itself must know of it, which no page is given.
"""
_KEPT = ("shared", "unit_data", "gate")


@dataclass(frozen=True)
class UnitRow:
    """A unit and who has it."""

    unit_id: int
    assignment_id: int
    unit_index: int
    pay_amount: Decimal
    provider_type: str
    status: UnitStatus
    agent_id: int | None
    worker_id: int | None
    task_type: str
    task_id: int
    task_run_id: int
    sandbox: bool
    requester_id: int
    creation_date: datetime


def add_assignments(
    session: Session, run_id: int, items: Sequence[AssignmentItem], *, pay_amount: Decimal,
    unit_status: UnitStatus = UnitStatus.CREATED, unit_indices: Sequence[int] | None = None,
    from_data: bool = True, now: datetime,
) -> tuple[int, int]:  # fmt: skip
    """Make assignments and their units, in a few statements however many; returns how many of each.

    `unit_status` is `created` or `launched`. A unit per entry of unit_data with indices 0.., or one per index of
    `unit_indices` (below zero: screening, gold, compensation). With `from_data` the run's `launched_through` moves on
    by the number of items, in the same transaction, so that a resumed launch leaves none out and makes none twice.
    """
    if unit_status not in (UnitStatus.CREATED, UnitStatus.LAUNCHED):
        raise InvalidEntry("status", f"a unit cannot begin as {unit_status}")
    if not (pay_amount.is_finite() and pay_amount >= 0):
        raise InvalidEntry("pay_amount", "it must be an amount of money, not below zero")
    if not items:
        return 0, 0
    indices = [_indices_of(item, unit_indices) for item in items]
    ids = _insert_assignments(session, run_id, items, now)
    units = 0
    for shape, group in groupby(range(len(ids)), key=lambda position: indices[position]):
        positions = list(group)
        low, high = ids[positions[0]], ids[positions[-1]]
        units += _insert_units(session, run_id, (low, high), shape, unit_status, pay_amount, now)
    if from_data:
        moved = RUNS.c.launched_through + len(items)
        run(session, sa.update(RUNS).where(RUNS.c.task_run_id == run_id).values(launched_through=moved))
        announce(session, "task_runs", (run_id,))
    announce(session, "assignments", None)
    announce(session, "units", None)
    return len(ids), units


def add_test_unit(
    session: Session, run_id: int, item: AssignmentItem, unit_index: int, *, pay_amount: Decimal, now: datetime
) -> int:
    """An assignment with the one unit of that index (below zero), to be claimed in this transaction; the unit's id."""
    (assignment_id,) = _insert_assignments(session, run_id, [item], now)
    both = (assignment_id, assignment_id)
    _insert_units(session, run_id, both, (unit_index,), UnitStatus.LAUNCHED, pay_amount, now)
    announce(session, "assignments", (assignment_id,))
    return int(one(session, sa.select(UNITS.c.unit_id).where(UNITS.c.assignment_id == assignment_id))[0])


def _insert_units(
    session: Session, run_id: int, span: tuple[int, int], shape: Sequence[int], unit_status: UnitStatus,
    pay_amount: Decimal, now: datetime,
) -> int:  # fmt: skip
    values = {
        "run": run_id, "low": span[0], "high": span[1], "pay": pay_amount,
        "status": unit_status, "now": now, "indices": json.dumps(shape),
    }  # fmt: skip
    return run(session, _unit_insert(is_postgresql(session)), values).rowcount


def _indices_of(item: AssignmentItem, given: Sequence[int] | None) -> tuple[int, ...]:
    indices = tuple(given) if given is not None else tuple(range(len(item["unit_data"])))
    if not 0 < len(indices) <= MOST_UNITS_OF_AN_ITEM:
        raise InvalidEntry("unit_data", f"an assignment has 1 to {MOST_UNITS_OF_AN_ITEM} units, not {len(indices)}")
    return indices


def _insert_assignments(session: Session, run_id: int, items: Sequence[AssignmentItem], now: datetime) -> list[int]:
    texts = [dump_json({name: item[name] for name in _KEPT if name in item}) for item in items]
    if is_postgresql(session):
        reserve = sa.text(
            "SELECT nextval(pg_get_serial_sequence('assignments', 'assignment_id')) FROM generate_series(1, :n)"
        )
        ids = [int(row[0]) for row in run(session, reserve, {"n": len(items)})]
        values = {"run": run_id, "now": now, "ids": ids, "texts": texts}
    else:
        last = one(session, sa.select(sa.func.coalesce(sa.func.max(ASSIGNMENTS.c.assignment_id), 0)))[0]
        ids = list(range(last + 1, last + 1 + len(items)))
        values = {"run": run_id, "now": now, "first": last + 1, "texts": json.dumps(texts)}
    inserted = run(session, _assignment_insert(is_postgresql(session)), values).rowcount
    if inserted != len(items):
        raise missing("task run", run_id)
    return ids


_COMMON = ("task_id", "task_run_id", "requester_id", "task_type", "provider_type", "sandbox")


@cache
def _assignment_insert(postgresql: bool) -> sa.Insert:
    """One statement for all items: the database takes the texts apart, without the interpreter's lock."""
    if postgresql:
        item = (
            sa.func.unnest(sa.cast(P("ids"), sa.ARRAY(sa.BigInteger)), sa.cast(P("texts"), sa.ARRAY(sa.Text)))
            .table_valued("id", "text")
            .render_derived(name="item")
        )
        columns: tuple[sa.ColumnElement[Any], ...] = (item.c.id, sa.cast(item.c.text, sa.JSON))
    else:
        item = sa.func.json_each(P("texts")).table_valued("key", "value", name="item")
        columns = (item.c.key + sa.cast(P("first"), sa.Integer), item.c.value)
    key, data = columns
    copied = [RUNS.c[name] for name in _COMMON]
    rows = sa.select(key, *copied, sa.cast(P("now", type_=UtcDateTime), UtcDateTime), data)
    rows = rows.select_from(RUNS.join(item, sa.true())).where(RUNS.c.task_run_id == P("run")).order_by(key)
    return (
        sa.insert(ASSIGNMENTS)
        .from_select(["assignment_id", *_COMMON, "creation_date", "data"], rows, False)
        .execution_options(**COUNTED)
    )


@cache
def _unit_insert(postgresql: bool) -> sa.Insert:
    """One statement for the units of a range of assignments that have the same number of units."""
    if postgresql:
        each = sa.func.json_array_elements_text(sa.cast(P("indices", type_=sa.Text), sa.JSON))
        index = each.table_valued("value").render_derived(name="unit_index")
    else:
        index = sa.func.json_each(P("indices")).table_valued("value", name="unit_index")
    number = sa.cast(index.c.value, sa.Integer)
    given = [
        sa.cast(P("pay", type_=Amount), Amount), sa.cast(P("status", type_=sa.String), sa.String),
        sa.cast(P("now", type_=UtcDateTime), UtcDateTime), sa.false(),
    ]  # fmt: skip
    rows = sa.select(ASSIGNMENTS.c.assignment_id, number, *(ASSIGNMENTS.c[name] for name in _COMMON), *given)
    rows = rows.select_from(ASSIGNMENTS.join(index, sa.true()))
    rows = rows.where(ASSIGNMENTS.c.assignment_id.between(P("low"), P("high")), ASSIGNMENTS.c.task_run_id == P("run"))
    columns = ["assignment_id", "unit_index", *_COMMON, "pay_amount", "status", "creation_date", "requeued"]
    return (
        sa.insert(UNITS)
        .from_select(columns, rows.order_by(ASSIGNMENTS.c.assignment_id), False)
        .execution_options(**COUNTED)
    )


# a count of each status by itself: half the time of grouping, for the index need not be read as text
_UNIT_COUNTS = sa.select(
    *(
        sa.select(sa.func.count())
        .select_from(UNITS)
        .where(UNITS.c.task_run_id == P("run"), UNITS.c.status == status)
        .scalar_subquery()
        for status in UnitStatus
    )
)


def unit_counts(session: Session, run_id: int) -> dict[UnitStatus, int]:
    """How many units of a run stand where; every status is there, with 0 where there are none."""
    row = one(session, _UNIT_COUNTS, {"run": run_id})
    return dict(zip(UnitStatus, row, strict=True))


def agent_counts(session: Session, run_id: int) -> dict[AgentStatus, int]:
    """How many agents of a run stand where; only statuses that occur."""

    statement = sa.select(AGENTS.c.status, sa.func.count()).where(AGENTS.c.task_run_id == run_id)
    return {AgentStatus(row[0]): row[1] for row in run(session, statement.group_by(AGENTS.c.status))}


def data_of_unit(item: Mapping[str, Any], unit_index: int) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """What all units of an item share, and what is the unit's own.

    A unit that is no role of its assignment (index below zero: screening, gold, compensation) has the first entry.
    """
    entries = item.get("unit_data") or [{}]
    place = max(0, unit_index)
    return item.get("shared") or {}, entries[place] if place < len(entries) else {}


def get_assignment_data(session: Session, assignment_id: int) -> dict[str, Any]:
    """`{"shared": {...}, "unit_data": [...]}` of an assignment."""
    row = one(session, sa.select(ASSIGNMENTS.c.data).where(ASSIGNMENTS.c.assignment_id == assignment_id))
    if row is None:
        raise missing("assignment", assignment_id)
    data: dict[str, Any] = row.data
    return data


_UNIT_ROW = sa.select(*(UNITS.c[name] for name in UnitRow.__dataclass_fields__))


def get_unit(session: Session, unit_id: int) -> UnitRow:
    """A unit by its id."""
    row = one(session, _UNIT_ROW.where(UNITS.c.unit_id == unit_id))
    if row is None:
        raise missing("unit", unit_id)
    return _unit_row(row)


def _unit_row(row: Any) -> UnitRow:
    return UnitRow(**{**row._mapping, "status": UnitStatus(row.status)})
