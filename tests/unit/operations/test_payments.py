"""The ledger: nobody is paid twice, nobody who was approved goes unpaid, whatever is lost and whenever it dies."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import AsyncIterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from app.data.repo import ledger as ledger_rows
from app.data.repo import money, reviews
from app.data.states import AgentStatus, PaymentState
from app.errors import InvalidEntry, StoreError
from tests.fakes.desk_scene import PAY, DeskScene, open_scene

ALL_STATES = tuple(PaymentState)


@pytest.fixture
async def paid(tmp_path: Path) -> AsyncIterator[DeskScene]:
    async with open_scene(tmp_path, "mock", fee_percent=20) as made:
        yield made


async def rows(scene: DeskScene) -> list[money.PaymentRow]:
    return await scene.store.read(money.list_open_payments, None, 1000, ALL_STATES)


async def test_a_bonus_is_written_down_and_paid(paid: DeskScene) -> None:
    ids = await paid.ledger.pay_bonus(paid.worker_ids, Decimal("1.5"), "thank you", unit_id=paid.units[0])
    assert len(ids) == 2
    found = await rows(paid)
    assert [(row.kind, row.amount, row.fee, row.state, row.author) for row in found] == [
        ("bonus", Decimal("1.5"), Decimal("0.30"), PaymentState.SETTLED, "rita")
    ] * 2
    made = await paid.store.read(reviews.list_reviews, worker_id=paid.worker_ids[0])
    assert [(review.status, review.review_note, review.bonus) for review in made] == [
        ("bonus", "thank you", Decimal("1.5"))
    ]


async def test_the_same_request_pays_nobody_twice(paid: DeskScene) -> None:
    for _ in range(2):
        await paid.ledger.pay_bonus(paid.worker_ids, Decimal(1), "x", request_id="r1")
        await paid.ledger.pay_unit_bonuses(paid.units[:1], Decimal(2), "x", request_id="r2")
    assert paid.account.total_paid() == Decimal(4)
    assert len(await paid.store.read(reviews.list_reviews, worker_id=paid.worker_ids[1])) == 1


async def test_a_bonus_that_cannot_be_is_refused(paid: DeskScene) -> None:
    with pytest.raises(InvalidEntry, match="above zero"):
        await paid.ledger.pay_bonus(paid.worker_ids, Decimal(0), "x")
    with pytest.raises(InvalidEntry, match="reason"):
        await paid.ledger.pay_bonus(paid.worker_ids, Decimal(1), " ")
    with pytest.raises(InvalidEntry, match="no such worker"):
        await paid.ledger.pay_bonus([999], Decimal(1), "x")
    with pytest.raises(InvalidEntry, match="nobody"):
        await paid.ledger.pay_unit_bonuses([999], Decimal(1), "x")
    assert paid.account.payments == {}


async def test_an_in_house_bonus_settles_at_once(tmp_path: Path) -> None:
    async with open_scene(tmp_path) as scene:
        await scene.ledger.pay_bonus(scene.worker_ids[:1], Decimal(2), "well done")
        assert [(row.state, row.attempts, row.currency) for row in await rows(scene)] == [
            (PaymentState.SETTLED, 0, "EUR")
        ]


async def test_a_lost_answer_is_asked_about_and_not_paid_again(paid: DeskScene) -> None:
    paid.account.script("bonus_worker", "lose answer")
    await paid.ledger.pay_bonus(paid.worker_ids[:1], Decimal(3), "x")
    assert (await rows(paid))[0].state is PaymentState.UNKNOWN
    assert (await paid.ledger.send_open()).settled == 0
    report = await paid.ledger.reconcile()
    assert (report.settled, report.unknown) == (1, 0)
    assert len(paid.account.calls_of("bonus_worker")) == 1
    assert paid.account.total_paid() == Decimal(3)


async def test_a_lost_request_is_asked_about_and_then_paid(paid: DeskScene) -> None:
    paid.account.script("bonus_worker", "lose request")
    await paid.ledger.pay_bonus(paid.worker_ids[:1], Decimal(3), "x")
    paid.account.script("find_payment", "disconnect")
    assert (await paid.ledger.reconcile()).unknown == 1
    assert (await paid.ledger.reconcile()).settled == 1
    assert [call.fault for call in paid.account.calls_of("bonus_worker")] == ["lose request", None]
    assert paid.account.total_paid() == Decimal(3)


async def test_a_payment_that_the_provider_has_lost_waits_for_a_person(paid: DeskScene) -> None:
    ids = await paid.ledger.pay_bonus(paid.worker_ids[:1], Decimal(3), "x")
    await paid.store.write(ledger_rows.move, ids, PaymentState.SETTLED, PaymentState.UNKNOWN)
    paid.account.payments.clear()
    assert (await paid.ledger.reconcile()).failed == 1
    assert "does not know it" in (await rows(paid))[0].error


async def test_what_failed_is_retried_or_called_off(paid: DeskScene) -> None:
    paid.account.script("bonus_worker", "refuse", message="no money", times=2)
    ids = await paid.ledger.pay_bonus(paid.worker_ids, Decimal(3), "x")
    assert {row.state for row in await rows(paid)} == {PaymentState.FAILED}
    assert await paid.ledger.cancel(ids[:1]) == 1
    assert (await paid.ledger.retry()).settled == 1
    assert (await paid.ledger.retry(ids)).settled == 0
    assert paid.account.total_paid() == Decimal(3)
    assert [row.attempts for row in await rows(paid)] == [1, 2]


async def test_only_one_process_at_a_time_speaks_to_a_provider(paid: DeskScene) -> None:
    hold = paid.store.try_hold("money-mock")
    assert hold is not None
    await paid.ledger.pay_bonus(paid.worker_ids, Decimal(1), "x")
    assert paid.account.calls == []
    assert (await paid.ledger.reconcile()).waiting == 1
    hold.release()
    assert (await paid.ledger.send_open()).settled == 2


async def test_two_senders_at_once_pay_once(paid: DeskScene) -> None:
    other, _ = paid.new_process()
    await paid.desk.approve_all(paid.run_id)
    await asyncio.gather(paid.ledger.send_open(), other.send_open(), paid.ledger.reconcile(), other.reconcile())
    await paid.ledger.send_open()
    await paid.desk.close()
    assert paid.account.total_paid() == 4 * PAY
    assert len(paid.account.calls_of("approve_work")) == 4


async def test_the_ledger_is_written_for_accounting(paid: DeskScene, tmp_path: Path) -> None:
    await paid.ledger.pay_bonus(paid.worker_ids, Decimal("1.50"), "=SUM(A1)")
    path = tmp_path / "ledger.csv"
    assert await paid.ledger.export_csv(path) == 2
    with path.open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    assert [(row["amount"], row["currency"], row["state"], row["reason"]) for row in found] == [
        ("1.50", "EUR", "settled", "'=SUM(A1)")
    ] * 2
    assert await paid.ledger.export_csv(tmp_path / "none.csv", task_run_id=paid.run_id) == 0
    with pytest.raises(StoreError):
        await paid.ledger.export_csv(path / "below.csv")


class Crash(Exception):
    """The process dies here."""


class DyingStore:
    """The store of a process that dies at its n-th step: before it, or right after it was committed."""

    def __init__(self, store: Any, steps: int) -> None:
        self._store, self._left = store, steps

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def write(self, fn: Any, *args: Any, **kwargs: Any) -> Any:
        self.step()
        done = await self._store.write(fn, *args, **kwargs)
        self.step()
        return done

    def step(self) -> None:
        self._left -= 1
        if self._left == 0:
            raise Crash


QUICK_PHASES = (Phase.explicit, Phase.reuse, Phase.generate)  # an example takes 0.2 s: shrinking it takes minutes
_faults = st.lists(st.sampled_from(["", "", "refuse", "disconnect", "lose request", "lose answer"]), max_size=8)


@given(deaths=st.lists(st.integers(1, 14), max_size=5), pays=_faults, bonuses=_faults, asks=_faults)
@settings(
    max_examples=30, deadline=None, phases=QUICK_PHASES, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_no_order_of_crashes_and_losses_pays_twice_or_leaves_unpaid(
    tmp_path_factory: pytest.TempPathFactory, deaths: list[int], pays: list[str], bonuses: list[str], asks: list[str]
) -> None:
    async with open_scene(tmp_path_factory.mktemp("ledger"), "mock", items=3, workers=1) as scene:
        for method, faults in (("approve_work", pays), ("bonus_worker", bonuses), ("find_payment", asks)):
            for fault in faults:
                if fault:
                    scene.account.script(method, fault)
        await scene.desk.decide(scene.units[:2], AgentStatus.APPROVED, "good", Decimal(1))
        await scene.desk.decide(scene.units[2:], AgentStatus.REJECTED, "bad")
        for steps in deaths:
            await live_until_death(scene, steps)
        ledger, desk = scene.new_process()
        await scene.clock.turn(9)  # the time to take a decision back is over
        await desk.start()
        await desk.close()
        for _ in range(30):  # each round uses up scripted faults; in the end the provider is well
            if {row.state for row in await rows(scene)} == {PaymentState.SETTLED}:
                break
            await ledger.reconcile()
            await ledger.retry()
        assert {row.state for row in await rows(scene)} == {PaymentState.SETTLED}
        paid = sorted((payment.kind, payment.amount) for payment in scene.account.payments.values())
        assert paid == [("approval", PAY)] * 2 + [("bonus", Decimal(1))] * 2
        assert set(scene.account.rejected) == {("worker 0", "bad")}


async def live_until_death(scene: DeskScene, steps: int) -> None:
    """A process that applies, sends, reconciles and retries, and dies at its n-th step."""
    ledger, desk = scene.new_process()
    dying: Any = DyingStore(scene.store, steps)
    ledger._store = desk._store = dying
    with suppress(Crash), patch.object(desk, "_send_behind"):  # the ledger is sent here, where death is noticed
        await desk.apply_due(everything=True)
        await ledger.reconcile()
        await ledger.tell_rejections()
        await ledger.retry()
