"""What a decision does, in one transaction: status, decision row, ledger row, journal. And what it would cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from app.data.repo import journal, money, reviews, status
from app.data.repo.decisions import Standing, list_standings
from app.data.repo.money import NewPayment
from app.data.repo.reviews import NewReview, PendingRow
from app.data.repo.status import ReviewedUnit
from app.data.states import AgentStatus, PaymentKind, PaymentState, UnitStatus
from app.data.store import Session
from app.errors import InvalidEntry
from app.operations.desk.payments import approval_key
from app.providers.base import CrowdProvider

Verdict = AgentStatus
"""`approved`, `soft_rejected` or `rejected`; `check_verdict` refuses the other statuses."""
ZERO = Decimal(0)
_DONE = {AgentStatus.APPROVED: "approved", AgentStatus.SOFT_REJECTED: "soft-rejected", AgentStatus.REJECTED: "rejected"}


@dataclass(frozen=True)
class Decision:
    """One decision about any number of units. `batch` makes the key of its bonuses."""

    verdict: Verdict
    note: str
    bonus: Decimal | None
    author: str
    batch: str


@dataclass(frozen=True)
class DecisionPreview:
    """What a decision would do. Money is in `currency`; with several currencies that is "" and the sums are 0."""

    count: int
    already: int
    """Units of the selection that are left out: not submitted, or decided otherwise."""
    amount: Decimal
    bonus: Decimal
    fee: Decimal
    currency: str
    by_currency: tuple[tuple[str, Decimal, Decimal], ...]
    """(currency, pay and bonuses, fees)."""
    blocked_reason: str
    """Why nothing can be done, "" when something can."""

    @property
    def total(self) -> Decimal:
        """All of it."""
        return self.amount + self.bonus + self.fee


def cannot_take_back(provider: CrowdProvider) -> str:
    """The sentence for a provider that does not let a rejection be taken back."""
    return f"{provider.PROVIDER_TYPE} does not let a rejection be taken back."


def preview(
    standings: Sequence[Standing], asked: int, verdict: Verdict, bonus: Decimal | None,
    providers: Mapping[int, CrowdProvider],
) -> DecisionPreview:  # fmt: skip
    """What the decision would do to these units; `asked` is how many were selected."""
    pays = verdict is not AgentStatus.REJECTED
    extra = bonus or ZERO
    sums: dict[str, list[Decimal]] = {}
    count, refusal = 0, ""
    for unit in standings:
        provider = providers[unit.task_run_id]
        taken_back = unit.status is UnitStatus.REJECTED and verdict is AgentStatus.APPROVED
        if taken_back and not provider.REJECTION_CAN_BE_TAKEN_BACK:
            refusal = cannot_take_back(provider)
            continue
        if unit.status is not UnitStatus.COMPLETED and not taken_back:
            continue
        count += 1
        found = sums.setdefault(unit.currency, [ZERO, ZERO, ZERO])
        if pays:
            found[0] += unit.pay_amount
            found[1] += extra
            found[2] += provider.fee(unit.pay_amount) + (provider.fee(extra) if extra else ZERO)
    single = next(iter(sums.items())) if len(sums) == 1 else ("", [ZERO, ZERO, ZERO])
    if not count and not refusal:
        refusal = "None of these units waits for a decision."
    return DecisionPreview(
        count=count,
        already=asked - count,
        amount=single[1][0],
        bonus=single[1][1],
        fee=single[1][2],
        currency=single[0],
        by_currency=tuple((currency, pay + more, fee) for currency, (pay, more, fee) in sorted(sums.items())),
        blocked_reason="" if count else refusal,
    )


def apply(
    session: Session, unit_ids: Sequence[int], decision: Decision, providers: Mapping[int, CrowdProvider], now: datetime
) -> int:
    """Carry a decision out: statuses, one decision row per unit, what is owed, the journal. Returns the units changed.

    `providers` are those of the units' runs, by run id. Units that are judged already are passed over, so that nothing
    happens twice. What a pending decision said of these units is gone: this one is newer.
    """
    reviews.remove_pending_of_units(session, unit_ids)
    reviewed = status.review_units(session, unit_ids, decision.verdict, now).reviewed
    reviews.add_reviews(session, [_review(unit, decision) for unit in reviewed], now)
    owed = [payment for unit in reviewed for payment in _owed(unit, decision, providers[unit.task_run_id])]
    money.intend_payments(session, owed, now)
    by_run: dict[int, int] = defaultdict(int)
    for unit in reviewed:
        by_run[unit.task_run_id] += 1
    for run_id, count in by_run.items():
        word = _DONE[decision.verdict]
        message = f"{count} unit{' was' if count == 1 else 's were'} {word}."
        details = {"count": count, "note": decision.note, "bonus": str(decision.bonus or "")}
        journal.add_event(
            session, run_id, f"review.{decision.verdict.value}", "info", message, details, decision.author, now
        )
    return len(reviewed)


def apply_pending(
    session: Session, batches: Collection[str], until: datetime, limit: int,
    providers: Mapping[int, CrowdProvider], now: datetime,
) -> tuple[int, int]:  # fmt: skip
    """Carry out what is pending of these batches and due `until` then; returns (units changed, decisions left).

    Read again here, in the transaction: what was taken back in the meantime, or applied by another process, is not
    there any more. Decisions about runs that are not in `providers` are left pending.
    """
    rows = reviews.due_pending(session, until, limit)
    wanted = [row for row in rows if row.batch in batches]
    changed, kept = _apply_rows(session, wanted, providers, now)
    return changed, len(rows) - len(wanted) + kept


def apply_batch(session: Session, batch: str, providers: Mapping[int, CrowdProvider], now: datetime) -> int:
    """Carry out what is pending of one batch, due or not; returns the units changed. As `apply_pending` otherwise."""
    return _apply_rows(session, reviews.list_pending(session, batch), providers, now)[0]


def _apply_rows(
    session: Session, rows: Sequence[PendingRow], providers: Mapping[int, CrowdProvider], now: datetime
) -> tuple[int, int]:
    """(units changed, decisions that were left because their run's provider is not there)."""
    runs = {unit.unit_id: unit.task_run_id for unit in list_standings(session, [row.unit_id for row in rows])}
    groups: dict[Decision, list[int]] = {}
    left = 0
    for row in rows:
        if runs[row.unit_id] in providers:
            decision = Decision(row.status, row.review_note or "", row.bonus, row.author, row.batch)
            groups.setdefault(decision, []).append(row.unit_id)
        else:
            left += 1
    return sum(apply(session, ids, decision, providers, now) for decision, ids in groups.items()), left


def check_verdict(verdict: Verdict) -> None:
    """`InvalidEntry` for a status that is no verdict."""
    if verdict not in _DONE:
        raise InvalidEntry("decision", f'"{verdict}" is no decision; there are {", ".join(_DONE)}.')


def _review(unit: ReviewedUnit, decision: Decision) -> NewReview:
    return NewReview(
        worker_id=unit.worker_id,
        status=decision.verdict.value,
        unit_id=unit.unit_id,
        task_id=unit.task_id,
        review_note=decision.note or None,
        bonus=decision.bonus,
        author=decision.author,
    )


def _owed(unit: ReviewedUnit, decision: Decision, provider: CrowdProvider) -> list[NewPayment]:
    if decision.verdict is AgentStatus.REJECTED:
        return []
    state = PaymentState.SETTLED if provider.PAYMENTS_LIVE_HERE else PaymentState.INTENDED
    owed = [
        NewPayment(
            approval_key(unit.unit_id, unit.agent_id), PaymentKind.APPROVAL, unit.worker_id, unit.unit_id,
            unit.task_run_id, unit.provider_type, unit.pay_amount, unit.currency, provider.fee(unit.pay_amount),
            "", decision.author, state,
        )
    ]  # fmt: skip
    if decision.bonus:
        key = f"bonus:{unit.worker_id}:{decision.batch}:{unit.unit_id}"
        owed.append(
            NewPayment(
                key, PaymentKind.BONUS, unit.worker_id, unit.unit_id, unit.task_run_id, unit.provider_type,
                decision.bonus, unit.currency, provider.fee(decision.bonus), decision.note, decision.author, state,
            )
        )  # fmt: skip
    return owed
