"""Moves of ledger rows, each only from where it may begin; and what sending them needs to know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlmodel import Session

from app.data.changes import announce
from app.data.repo.core import AGENTS, PAYMENTS, REFS, among, one, run
from app.data.states import AgentStatus, PaymentState


def begin_sending(session: Session, payment_id: int) -> bool:
    """An intended payment becomes sent, and the attempt is counted. False when it is not intended, or held back."""
    statement = sa.update(PAYMENTS).where(
        PAYMENTS.c.payment_id == payment_id, PAYMENTS.c.state == PaymentState.INTENDED, PAYMENTS.c.due_at.is_(None)
    )
    values = {"state": PaymentState.SENT, "attempts": PAYMENTS.c.attempts + 1, "error": ""}
    begun = run(session, statement.values(values)).rowcount == 1
    announce(session, "payments", (payment_id,))
    return begun


def move(session: Session, payment_ids: Sequence[int], old: PaymentState, new: PaymentState) -> int:
    """Those of the payments that are `old` become `new`. Returns how many."""
    where = among(PAYMENTS.c.payment_id, "ids") & (PAYMENTS.c.state == old)
    statement = sa.update(PAYMENTS).where(where).values(state=new, due_at=None)
    moved = run(session, statement, {"ids": list(payment_ids)}).rowcount
    announce(session, "payments", None)
    return moved


_HELD = (PAYMENTS.c.state == PaymentState.INTENDED) & PAYMENTS.c.due_at.is_not(None)


def next_due(session: Session) -> datetime | None:
    """When the next payment that can still be taken back is due."""
    row = one(session, sa.select(PAYMENTS.c.due_at).where(_HELD).order_by(PAYMENTS.c.due_at).limit(1))
    return None if row is None else row[0]


def release_held(session: Session, until: datetime, payment_ids: Sequence[int] | None = None) -> list[int]:
    """Let payments be sent that are due by `until`: of these, or all. Returns their ids, oldest first."""
    which = sa.select(PAYMENTS.c.payment_id).where(_HELD, PAYMENTS.c.due_at <= until).order_by(PAYMENTS.c.payment_id)
    found = [row[0] for row in run(session, which)]
    if payment_ids is not None:
        found = sorted(set(found) & set(payment_ids))
    if found:
        some = among(PAYMENTS.c.payment_id, "ids")
        run(session, sa.update(PAYMENTS).where(some).values(due_at=None), {"ids": found})
        announce(session, "payments", found)
    return found


def take_held_back(session: Session, payment_ids: Sequence[int]) -> int:
    """Void those of the payments that can still be taken back. Returns how many."""
    where = among(PAYMENTS.c.payment_id, "ids") & _HELD
    values = {"state": PaymentState.CANCELLED, "due_at": None}
    voided = run(session, sa.update(PAYMENTS).where(where).values(values), {"ids": list(payment_ids)}).rowcount
    announce(session, "payments", payment_ids)
    return voided


def list_provider_types(session: Session, states: Sequence[PaymentState]) -> list[str]:
    """The providers that have payments in one of these states."""
    statement = sa.select(PAYMENTS.c.provider_type).where(PAYMENTS.c.state.in_(states)).distinct()
    return sorted(row[0] for row in run(session, statement))


def list_rejecting_providers(session: Session) -> list[str]:
    """The providers at which work was rejected."""
    statement = sa.select(AGENTS.c.provider_type).where(AGENTS.c.status == AgentStatus.REJECTED).distinct()
    return sorted(row[0] for row in run(session, statement))


def ids_by_key(session: Session, keys: Sequence[str]) -> dict[str, int]:
    """Idempotency key -> payment id, of those keys that are there, in the order given."""
    found: dict[str, int] = {}
    for start in range(0, len(keys), 500):
        some = PAYMENTS.c.idempotency_key.in_(keys[start : start + 500])
        found.update(
            (row[0], row[1])
            for row in run(session, sa.select(PAYMENTS.c.idempotency_key, PAYMENTS.c.payment_id).where(some))
        )
    return {key: found[key] for key in keys if key in found}


def refs_of_unit(session: Session, provider_type: str, unit_id: int, worker_id: int) -> dict[str, str]:
    """A provider's ids of the submission that a worker made for a unit (the last one, if there were several)."""
    agent = (
        sa.select(sa.func.max(AGENTS.c.agent_id))
        .where(AGENTS.c.unit_id == unit_id, AGENTS.c.worker_id == worker_id)
        .scalar_subquery()
    )
    statement = sa.select(REFS.c.name, REFS.c.external_id).where(
        REFS.c.provider_type == provider_type, REFS.c.table_name == "agents", REFS.c.row_id == agent
    )
    return {row.name: row.external_id for row in run(session, statement)}


def list_payment_ids(session: Session, task_run_id: int | None) -> list[int]:
    """The ids of all payments, of one run or whole, in the order they were made."""
    statement = sa.select(PAYMENTS.c.payment_id).order_by(PAYMENTS.c.payment_id)
    if task_run_id is not None:
        statement = statement.where(PAYMENTS.c.task_run_id == task_run_id)
    return [row[0] for row in run(session, statement)]


@dataclass(frozen=True)
class StateSum:
    """Payments of one state and currency: how many, how much, the fees on top."""

    state: PaymentState
    currency: str
    payments: int
    amount: Decimal
    fees: Decimal


def sums_by_state(session: Session, payment_ids: Sequence[int] | None = None) -> list[StateSum]:
    """Exact sums of the whole ledger, or of these payments, by state and currency."""
    grouped = (PAYMENTS.c.state, PAYMENTS.c.currency, PAYMENTS.c.amount, PAYMENTS.c.fee)
    statement = sa.select(*grouped, sa.func.count()).group_by(*grouped)
    if payment_ids is not None:
        statement = statement.where(among(PAYMENTS.c.payment_id, "ids"))
    sums: dict[tuple[str, str], StateSum] = {}
    parameters = {} if payment_ids is None else {"ids": list(payment_ids)}
    for state, currency, amount, fee, times in run(session, statement, parameters):
        old = sums.get((state, currency)) or StateSum(PaymentState(state), currency, 0, Decimal(0), Decimal(0))
        sums[state, currency] = replace(
            old, payments=old.payments + times, amount=old.amount + amount * times, fees=old.fees + fee * times
        )
    return sorted(sums.values(), key=lambda found: (found.state, found.currency))
