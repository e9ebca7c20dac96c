"""Aggregates of runs and of the ledger: exact, and the same on every database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from app.data.repo import assignments, money, reviews, status, totals
from app.data.repo.money import NewPayment, Spend
from app.data.states import AgentStatus, PaymentKind, PaymentState, RunState, UnitStatus
from app.data.store import Session, Store
from app.errors import EntryDoesNotExist, InvalidEntry
from tests.fakes.data_rows import NOW, add_units, later, make_run, make_worker, submit, submitted_units, take

U = UnitStatus
TENTH = NewPayment("", PaymentKind.APPROVAL, 1, None, 1, "inhouse", Decimal("0.1"), "EUR", fee=Decimal("0.01"))


def pay(session: Session, *payments: NewPayment) -> int:
    return money.intend_payments(session, payments, NOW)


async def test_sums_are_exact_however_many_tenths_there_are(store: Store) -> None:
    def work(session: Session) -> Spend:
        run_id = make_run(session)
        make_worker(session)
        pay(session, *(replace(TENTH, idempotency_key=f"a{n}") for n in range(1000)))
        pay(session, *(replace(TENTH, idempotency_key=f"b{n}", kind=PaymentKind.BONUS) for n in range(7)))
        return money.run_spend(session, run_id)

    spend = await store.write(work)
    assert spend == Spend(Decimal("100.0"), Decimal("0.7"), Decimal("10.07"), "EUR")
    assert spend.total == Decimal("110.77")


async def test_void_payments_cost_nothing(store: Store) -> None:
    def work(session: Session) -> Spend:
        run_id = make_run(session)
        make_worker(session)
        pay(session, *(replace(TENTH, idempotency_key=f"{n}") for n in range(3)))
        money.set_payment_state(session, 1, PaymentState.FAILED, now=NOW, error="no funds", attempted=True)
        money.set_payment_state(session, 2, PaymentState.CANCELLED, now=NOW)
        assert money.list_payments(session, [1])[0].attempts == 1
        assert [row.payment_id for row in money.list_open_payments(session)] == [3]
        return money.run_spend(session, run_id)

    assert (await store.write(work)).total == Decimal("0.11")


async def test_a_key_is_paid_once_also_within_one_call(store: Store) -> None:
    def work(session: Session) -> tuple[int, int]:
        make_run(session)
        make_worker(session)
        twice = [replace(TENTH, idempotency_key="x"), replace(TENTH, idempotency_key="x", amount=Decimal(5))]
        return pay(session, *twice), pay(session, *twice, replace(TENTH, idempotency_key="y"))

    assert await store.write(work) == (1, 1)
    payment = await store.read(money.find_payment, "x")
    assert payment is not None
    assert payment.amount == Decimal("0.1")


@pytest.mark.parametrize("amount", [Decimal("-1"), Decimal("NaN"), Decimal("Infinity")])
async def test_what_is_no_amount_is_never_owed(store: Store, amount: Decimal) -> None:
    with pytest.raises(InvalidEntry):
        await store.write(pay, replace(TENTH, idempotency_key="x", amount=amount))


async def test_money_for_nobody_is_refused(store: Store) -> None:
    with pytest.raises(EntryDoesNotExist):
        await store.write(pay, replace(TENTH, idempotency_key="x", worker_id=77))


async def test_totals_by_run_project_worker_and_currency(store: Store) -> None:
    def work(session: Session) -> dict[str, list[tuple[str, str, int, Decimal, Decimal]]]:
        make_run(session)
        make_worker(session, "ada")
        make_worker(session, "bob")
        pay(
            session,
            replace(TENTH, idempotency_key="1"),
            replace(TENTH, idempotency_key="2", worker_id=2, amount=Decimal("2.50"), state=PaymentState.SETTLED),
            replace(TENTH, idempotency_key="3", task_run_id=None, currency="USD"),
            replace(TENTH, idempotency_key="4", state=PaymentState.CANCELLED),
        )
        return {
            by: [(t.label, t.currency, t.payments, t.amount, t.open) for t in money.totals(session, by)]
            for by in ("run", "project", "worker", "currency")
        }

    found = await store.write(work)
    one, two = Decimal("0.1"), Decimal("2.6")
    assert found["run"] == [("birds", "EUR", 2, two, one), ("", "USD", 1, one, one)]
    assert found["project"] == [("", "EUR", 2, two, one), ("", "USD", 1, one, one)]
    assert found["currency"] == [("EUR", "EUR", 2, two, one), ("USD", "USD", 1, one, one)]
    assert found["worker"] == [
        ("bob", "EUR", 1, Decimal("2.50"), Decimal(0)), ("ada", "EUR", 1, one, one), ("ada", "USD", 1, one, one),
    ]  # fmt: skip


def a_run_of_a_minute(session: Session) -> int:
    """Ten units; ada submits five, one each ten seconds; bob holds one; eve left; two approved, one rejected."""
    run_id = make_run(session)
    add_units(session, run_id, 10)
    ada = make_worker(session, "ada")
    for n in range(5):
        submit(session, take(session, run_id, ada).agent_id, seconds=10 * (n + 1))
    take(session, run_id, make_worker(session, "bob"))
    gone = take(session, run_id, make_worker(session, "eve"))
    status.set_agent_status(session, gone.agent_id, AgentStatus.RETURNED, now=later(30))
    status.review_units(session, [1, 2], AgentStatus.APPROVED, later(40))
    status.review_units(session, [3], AgentStatus.REJECTED, later(55))
    return run_id


async def test_the_tiles_of_a_run(store: Store) -> None:
    run_id = await store.write(a_run_of_a_minute)
    header = await store.read(totals.run_header, run_id, later(60))
    assert (header.at_work, header.to_review, header.counts[U.LAUNCHED]) == (1, 2, 4)
    assert header.per_minute == 5
    assert (header.median_seconds, header.last_submission_at) == (30.0, later(50))
    assert (await store.read(totals.run_header, run_id, later(3600))).per_minute == 0


async def test_the_history_of_a_run_ends_where_it_stands(store: Store) -> None:
    run_id = await store.write(a_run_of_a_minute)
    history = await store.read(totals.status_history, run_id, 7, later(60))
    assert list(history.times) == [NOW + timedelta(seconds=10 * n) for n in range(7)]
    assert history.submitted == [0, 1, 2, 3, 4, 5, 5]
    assert history.at_work == [7, 6, 5, 3, 2, 1, 1]
    assert history.by_status[U.ACCEPTED] == [0, 0, 0, 0, 2, 2, 2]
    assert history.by_status[U.REJECTED] == [0, 0, 0, 0, 0, 0, 1]
    counts = await store.read(assignments.unit_counts, run_id)
    assert {s: series[-1] for s, series in history.by_status.items()} == counts
    assert all(sum(series[n] for series in history.by_status.values()) == 10 for n in range(7))


async def test_the_history_of_a_run_without_units_is_empty(store: Store) -> None:
    run_id = await store.write(make_run)
    history = await store.read(totals.status_history, run_id, 3, later(2))
    assert all(series == [0, 0, 0] for series in history.by_status.values())


async def test_the_histogram_counts_everybody(store: Store) -> None:
    run_id = await store.write(a_run_of_a_minute)
    shown = await store.read(totals.time_on_task_histogram, run_id, 4)
    assert list(shown.edges) == [0, 10, 20, 30, 40]
    assert list(shown.counts) == [0, 1, 1, 3]
    assert shown.median_seconds == 30
    empty = await store.read(totals.time_on_task_histogram, run_id + 1, 4)
    assert (list(empty.counts), empty.median_seconds) == ([], None)


async def test_a_sparkline_of_submissions(store: Store) -> None:
    run_id = await store.write(a_run_of_a_minute)
    steps = await store.read(totals.submissions_per_step, run_id, NOW, later(60), 3)
    assert steps == [2, 2, 1]


async def test_home_points_at_what_needs_attention(store: Store) -> None:
    def work(session: Session) -> None:
        waiting = make_run(session, "birds", budget=Decimal("0.1"))
        add_units(session, waiting, 3)
        units = submitted_units(session, waiting, make_worker(session), 3)
        reviews.add_pending(
            session, "b", units[:1], AgentStatus.APPROVED, review_note=None, bonus=None, author="", due_at=NOW, now=NOW
        )
        pay(session, replace(TENTH, idempotency_key="1"))
        money.set_payment_state(session, 1, PaymentState.UNKNOWN, now=NOW)
        broken = make_run(session, "cats")
        status.set_run_state(session, broken, RunState.INTERRUPTED, NOW)

    await store.write(work)
    found = await store.read(totals.attention)
    assert [(item.kind, item.task_name, item.count) for item in found] == [
        ("interrupted", "cats", 1), ("over_budget", "birds", 1), ("payments", "", 1), ("to_review", "birds", 2),
    ]  # fmt: skip
    assert await store.read(totals.badges) == totals.Badges(runs_in_flight=1, to_review=2)
