"""Bonuses: what may be paid, the row of the ledger that one is, and the decision that is kept once it is final."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from app.data.repo import journal, ledger, money, reviews
from app.data.repo.money import NewPayment, PaymentRow
from app.data.repo.reviews import NewReview
from app.data.states import PaymentKind, PaymentState
from app.data.store import Session
from app.errors import InvalidEntry
from app.providers.base import CrowdProvider

MOST_DECIMALS = 6


def check_bonus(amount: Decimal, reason: str) -> None:
    """`InvalidEntry` for an amount that cannot be paid, or without the reason that the worker reads."""
    check_amount(amount)
    if not reason.strip():
        raise InvalidEntry("reason", "a bonus needs a reason: the worker reads it.")


def check_amount(amount: Decimal) -> None:
    """`InvalidEntry` for a bonus that cannot be paid."""
    if not amount.is_finite() or amount <= 0:
        raise InvalidEntry("bonus", "it must be an amount above zero.")
    if int(amount.as_tuple().exponent) < -MOST_DECIMALS or amount >= 1_000_000_000:
        raise InvalidEntry("bonus", f"it has {MOST_DECIMALS} decimals and 9 digits before them at most.")


def make_bonus(
    key: str, whose: tuple[int, int | None, int | None], provider: CrowdProvider, amount: Decimal, currency: str,
    reason: str, author: str, due_at: datetime | None,
) -> NewPayment:  # fmt: skip
    """The row of one bonus; `whose` is worker, unit, run. What can be taken back is never settled yet."""
    worker_id, unit_id, run_id = whose
    settled = provider.PAYMENTS_LIVE_HERE and due_at is None
    return NewPayment(
        key, PaymentKind.BONUS, worker_id, unit_id, run_id, provider.PROVIDER_TYPE, amount, currency,
        provider.fee(amount), reason, author, PaymentState.SETTLED if settled else PaymentState.INTENDED, due_at,
    )  # fmt: skip


def write(session: Session, rows: Sequence[NewPayment], now: datetime) -> list[int]:
    """Write bonuses of one request down, with their decisions where they are final; returns the ids of the payments.

    Keys that are there already are passed over.
    """
    known = ledger.ids_by_key(session, [row.idempotency_key for row in rows])
    fresh = [row for row in rows if row.idempotency_key not in known]
    money.intend_payments(session, fresh, now)
    _keep_decisions(session, [row for row in fresh if row.due_at is None], now)
    return list(ledger.ids_by_key(session, [row.idempotency_key for row in rows]).values())


def release(session: Session, until: datetime, payment_ids: Sequence[int] | None, now: datetime) -> int:
    """Make bonuses final that are due by `until`, of these payments or all, with their decisions; returns how many."""
    released = money.list_payments(session, ledger.release_held(session, until, payment_ids))
    by_request: dict[str, list[PaymentRow]] = {}
    for row in released:
        by_request.setdefault(row.idempotency_key.split(":")[2], []).append(row)
    for rows in by_request.values():
        _keep_decisions(session, rows, now)
    return len(released)


def _keep_decisions(session: Session, rows: Sequence[NewPayment] | Sequence[PaymentRow], now: datetime) -> None:
    """The decisions that bonuses of one request are, and a line of the journal."""
    reviews.add_reviews(
        session,
        [
            NewReview(row.worker_id, "bonus", row.unit_id, review_note=row.reason, bonus=row.amount, author=row.author)
            for row in rows
        ],
        now,
    )
    for row in rows[:1]:
        message = f"A bonus of {row.amount} {row.currency} was given to {len(rows)} workers."
        details = {"workers": [one.worker_id for one in rows[:200]], "reason": row.reason}
        journal.add_event(session, row.task_run_id, "payment.bonus", "info", message, details, row.author, now)
