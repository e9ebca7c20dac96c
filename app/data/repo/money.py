"""The ledger: what is owed, sent, settled; what a run has cost; the providers' ids of our rows.

Sums are exact: amounts are grouped by their value in SQL and added up here as decimals, whatever the database does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import accumulate
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session

from app.data.changes import announce
from app.data.repo.core import (
    COUNTED,
    PAYMENTS,
    PROJECTS,
    REFS,
    RUNS,
    TASKS,
    WORKERS,
    among,
    clean_text,
    is_postgresql,
    missing,
    one,
    run,
)
from app.data.states import PaymentKind, PaymentState
from app.errors import InvalidEntry

P = sa.bindparam
VOID = (PaymentState.FAILED, PaymentState.CANCELLED)
"""Payments of these states cost nothing."""
OPEN = (PaymentState.INTENDED, PaymentState.SENT, PaymentState.UNKNOWN)
ZERO = Decimal(0)


@dataclass(frozen=True)
class NewPayment:
    """An amount that is owed. `idempotency_key` is what makes a second payment of it impossible."""

    idempotency_key: str
    kind: PaymentKind
    worker_id: int
    unit_id: int | None
    task_run_id: int | None
    provider_type: str
    amount: Decimal
    currency: str
    fee: Decimal = ZERO
    reason: str = ""
    author: str = ""
    state: PaymentState = PaymentState.INTENDED
    """`settled` where no provider has to be called."""
    due_at: datetime | None = None
    """Not sent, and can be taken back, until then."""


@dataclass(frozen=True)
class PaymentRow:
    """A row of the ledger."""

    payment_id: int
    idempotency_key: str
    kind: PaymentKind
    worker_id: int
    worker_name: str
    unit_id: int | None
    task_run_id: int | None
    provider_type: str
    amount: Decimal
    fee: Decimal
    currency: str
    state: PaymentState
    reason: str
    error: str
    attempts: int
    settled_at: datetime | None
    author: str
    creation_date: datetime


@dataclass(frozen=True)
class Spend:
    """What a run has cost so far, failed and cancelled payments left out. Bonuses include compensations."""

    approved: Decimal
    bonuses: Decimal
    fees: Decimal
    currency: str

    @property
    def total(self) -> Decimal:
        """All of it."""
        return self.approved + self.bonuses + self.fees


@dataclass(frozen=True)
class Total:
    """A sum of the ledger. `key` is an id as text, a name or a currency; `label` is how a person reads it."""

    key: str
    label: str
    currency: str
    payments: int
    amount: Decimal
    fees: Decimal
    open: Decimal
    """The part that is not settled yet."""


_COLUMNS = tuple(name for name in NewPayment.__dataclass_fields__)
_VALUES = {
    name: P(name, type_=PAYMENTS.c[name].type)
    for name in (*_COLUMNS, "error", "attempts", "settled_at", "creation_date")
}
_INTEND = tuple(
    dialect.insert(PAYMENTS)
    .values(_VALUES)
    .on_conflict_do_nothing(index_elements=["idempotency_key"])
    .execution_options(**COUNTED)
    for dialect in (sqlite, postgresql)
)


def intend_payments(session: Session, payments: Sequence[NewPayment], now: datetime) -> int:
    """Write down what is owed, before any provider is called; a key that is there already is passed over.

    Returns how many were new. `InvalidEntry` for an amount that is none.
    """
    rows = []
    for payment in payments:
        if not (payment.amount.is_finite() and payment.amount >= 0 and payment.fee.is_finite() and payment.fee >= 0):
            raise InvalidEntry("amount", "it must be an amount of money, not below zero")
        settled_at = now if payment.state is PaymentState.SETTLED else None
        values = {name: getattr(payment, name) for name in _COLUMNS}
        values |= {"reason": clean_text(payment.reason, 2000), "error": "", "attempts": 0, "settled_at": settled_at}
        rows.append({**values, "creation_date": now})
    if not rows:
        return 0
    made = run(session, _INTEND[is_postgresql(session)], rows).rowcount
    announce(session, "payments", None)
    return made


def set_payment_state(
    session: Session, payment_id: int, state: PaymentState, *, now: datetime, error: str = "", attempted: bool = False
) -> None:
    """Where a payment stands now. `attempted` counts a call of the provider."""
    values: dict[str, Any] = {"state": state, "error": clean_text(error, 2000)}
    if state is PaymentState.SETTLED:
        values["settled_at"] = now
    if attempted:
        values["attempts"] = PAYMENTS.c.attempts + 1
    if not run(session, sa.update(PAYMENTS).where(PAYMENTS.c.payment_id == payment_id).values(values)).rowcount:
        raise missing("payment", payment_id)
    announce(session, "payments", (payment_id,))


_ROW = sa.select(
    *(WORKERS.c.worker_name if name == "worker_name" else PAYMENTS.c[name] for name in PaymentRow.__dataclass_fields__)
).join(WORKERS, WORKERS.c.worker_id == PAYMENTS.c.worker_id)


def find_payment(session: Session, idempotency_key: str) -> PaymentRow | None:
    """A payment by its key."""
    row = one(session, _ROW.where(PAYMENTS.c.idempotency_key == idempotency_key))
    return None if row is None else _payment_row(row)


def list_payments(session: Session, payment_ids: Sequence[int]) -> list[PaymentRow]:
    """The payments of these ids, in the order they were made."""
    statement = _ROW.where(among(PAYMENTS.c.payment_id, "ids")).order_by(PAYMENTS.c.payment_id)
    return [_payment_row(row) for row in run(session, statement, {"ids": payment_ids})]


def list_open_payments(
    session: Session, provider_type: str | None = None, limit: int = 1_000,
    states: Sequence[PaymentState] = OPEN,
) -> list[PaymentRow]:  # fmt: skip
    """Payments that are neither settled nor void, oldest first."""
    statement = _ROW.where(PAYMENTS.c.state.in_(states)).order_by(PAYMENTS.c.payment_id).limit(limit)
    if provider_type is not None:
        statement = statement.where(PAYMENTS.c.provider_type == provider_type)
    return [_payment_row(row) for row in run(session, statement)]


def _payment_row(row: Any) -> PaymentRow:
    return PaymentRow(**{**row._mapping, "kind": PaymentKind(row.kind), "state": PaymentState(row.state)})


_GROUP = (PAYMENTS.c.kind, PAYMENTS.c.state, PAYMENTS.c.currency, PAYMENTS.c.amount, PAYMENTS.c.fee)
_KEYS = ("kind", "state", "currency", "amount", "fee")
_SPEND = (
    sa.select(*_GROUP, sa.func.count()).where(PAYMENTS.c.task_run_id == P("run")).group_by(*_GROUP)
)  # fmt: skip
_FIRST_GROUP = sa.select(*_GROUP).where(PAYMENTS.c.task_run_id == P("run")).order_by(*_GROUP).limit(1)
# The next group has the longest part in common with this one: SQLite finds it by five looks, not by comparing rows.
_NEXT_GROUPS = [
    _FIRST_GROUP.where(
        *(PAYMENTS.c[name] == P(name) for name in _KEYS[:same]), PAYMENTS.c[_KEYS[same]] > P(_KEYS[same])
    )
    for same in reversed(range(len(_KEYS)))
]
_IN_GROUP = (
    sa.select(sa.func.count())
    .select_from(PAYMENTS)
    .where(PAYMENTS.c.task_run_id == P("run"), *(PAYMENTS.c[name] == P(name) for name in _KEYS))
)
_FEW_GROUPS = 40


def _grouped(session: Session, run_id: int) -> list[tuple[Any, ...]]:
    """(kind, state, currency, amount, fee, how many) of a run's payments.

    A run mostly pays a few different amounts: stepping from one to the next in the index and counting between takes
    a third of the time of grouping. With many different amounts it is grouped after all.
    """
    found: list[tuple[Any, ...]] = []
    row = one(session, _FIRST_GROUP, {"run": run_id})
    while row is not None:
        if len(found) == _FEW_GROUPS:
            return [tuple(group) for group in run(session, _SPEND, {"run": run_id})]
        place = {"run": run_id, **dict(zip(_KEYS, row, strict=True))}
        found.append((*row, one(session, _IN_GROUP, place)[0]))
        row = next((after for step in _NEXT_GROUPS if (after := one(session, step, place)) is not None), None)
    return found


def run_spend(session: Session, run_id: int) -> Spend:
    """What a run has cost, exactly."""
    currency = one(session, sa.select(RUNS.c.currency).where(RUNS.c.task_run_id == run_id))
    if currency is None:
        raise missing("task run", run_id)
    approved = bonuses = fees = ZERO
    for kind, state, _currency, amount, fee, times in _grouped(session, run_id):
        if state in VOID:
            continue
        fees += fee * times
        if kind == PaymentKind.APPROVAL:
            approved += amount * times
        else:
            bonuses += amount * times
    return Spend(approved, bonuses, fees, currency[0])


def spend_history(session: Session, run_id: int, times: Sequence[datetime]) -> list[Decimal]:
    """Exact cost (amounts and fees; void payments left out) up to each of `times` (n,), ascending. Reads once."""
    if not times:
        return []
    when = PAYMENTS.c.creation_date
    steps = [(when <= sa.literal(moment, when.type), sa.literal(place)) for place, moment in enumerate(times)]
    step = sa.case(*steps, else_=sa.literal(len(times))).label("step")
    grouped = (sa.text("step"), PAYMENTS.c.amount, PAYMENTS.c.fee)
    statement = (
        sa.select(step, PAYMENTS.c.amount, PAYMENTS.c.fee, sa.func.count())
        .where(PAYMENTS.c.task_run_id == run_id, PAYMENTS.c.state.not_in(VOID))
        .group_by(*grouped)
    )
    sums = [Decimal(0)] * (len(times) + 1)
    for place, amount, fee, count in run(session, statement):
        sums[place] += (amount + fee) * count
    return list(accumulate(sums[:-1]))


def totals(session: Session, by: Literal["run", "project", "worker", "currency"]) -> list[Total]:
    """Sums of the ledger, void payments left out, the dearest first within a currency."""
    keys: dict[str, tuple[sa.ColumnElement[Any], sa.ColumnElement[Any]]] = {
        "run": (PAYMENTS.c.task_run_id, sa.func.coalesce(TASKS.c.task_name, "")),
        "project": (PROJECTS.c.project_id, sa.func.coalesce(PROJECTS.c.project_name, "")),
        "worker": (PAYMENTS.c.worker_id, WORKERS.c.worker_name),
        "currency": (PAYMENTS.c.currency, PAYMENTS.c.currency),
    }
    key, label = keys[by]
    grouped = (key, label, PAYMENTS.c.currency, PAYMENTS.c.state, PAYMENTS.c.amount, PAYMENTS.c.fee)
    source = PAYMENTS
    if by in ("run", "project"):
        joined = sa.outerjoin(source, RUNS, RUNS.c.task_run_id == PAYMENTS.c.task_run_id)
        joined = sa.outerjoin(joined, TASKS, TASKS.c.task_id == RUNS.c.task_id)
        statement = sa.select(*grouped, sa.func.count()).select_from(
            sa.outerjoin(joined, PROJECTS, PROJECTS.c.project_id == TASKS.c.project_id)
        )
    elif by == "worker":
        statement = sa.select(*grouped, sa.func.count()).join(WORKERS, WORKERS.c.worker_id == PAYMENTS.c.worker_id)
    else:
        statement = sa.select(*grouped, sa.func.count())
    sums: dict[tuple[str, str, str], list[Any]] = {}
    for row in run(session, statement.where(PAYMENTS.c.state.not_in(VOID)).group_by(*grouped)):
        found = sums.setdefault((str(row[0] or ""), row[1], row[2]), [0, ZERO, ZERO, ZERO])
        found[0] += row[6]
        found[1] += row[4] * row[6]
        found[2] += row[5] * row[6]
        if row[3] != PaymentState.SETTLED:
            found[3] += row[4] * row[6]
    made = [Total(*names, *values) for names, values in sums.items()]
    return sorted(made, key=lambda total: (total.currency, -total.amount, total.label))


# -- providers' ids ---------------------------------------------------------------------------------------------------

_PUT_REF = tuple(
    statement.on_conflict_do_update(
        index_elements=["provider_type", "table_name", "row_id", "name"],
        set_={"external_id": statement.excluded.external_id},
    )
    for statement in (
        dialect.insert(REFS).values(
            {
                name: P(name, type_=REFS.c[name].type)
                for name in ("provider_type", "table_name", "row_id", "name", "external_id", "creation_date")
            }
        )
        for dialect in (sqlite, postgresql)
    )
)


def put_refs(
    session: Session, provider_type: str, table_name: str, row_id: int, ids: Mapping[str, str], now: datetime
) -> None:
    """Keep a provider's ids of one of our rows, by their names; a name that is there gets the new id."""
    shared = {"provider_type": provider_type, "table_name": table_name, "row_id": row_id, "creation_date": now}
    rows = [{**shared, "name": name, "external_id": external} for name, external in ids.items()]
    if rows:
        run(session, _PUT_REF[is_postgresql(session)], rows)
        announce(session, "external_refs", None)


def get_refs(session: Session, provider_type: str, table_name: str, row_id: int) -> dict[str, str]:
    """A provider's ids of one of our rows, by their names."""
    where = (REFS.c.provider_type == provider_type) & (REFS.c.table_name == table_name) & (REFS.c.row_id == row_id)
    return {row.name: row.external_id for row in run(session, sa.select(REFS.c.name, REFS.c.external_id).where(where))}
