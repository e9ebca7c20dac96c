"""Decisions: what they cost, when they are applied, how they are taken back, that each is paid once."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from app.data.repo import assignments, decisions, listing_people, money, reviews, submissions
from app.data.states import AgentStatus, PaymentState, UnitStatus
from app.errors import ConfigError, InvalidEntry
from app.operations.desk.decision_rule import DecisionRule
from tests.fakes.desk_scene import PAY, DeskScene, open_scene

ROOT = Path(__file__).resolve().parents[3]
APPROVED, SOFT, REJECTED = AgentStatus.APPROVED, AgentStatus.SOFT_REJECTED, AgentStatus.REJECTED
GIVE_AND_DIE = """
import asyncio, os, signal, sys
from decimal import Decimal
from pathlib import Path
from app.clock import TurnedClock
from app.data.store import Store
from app.operations.desk.crowd import Crowd
from app.operations.desk.payments import Ledger
from app.operations.desk.review import ReviewDesk
from app.settings import Preferences, Settings
from tests.fakes.data_rows import NOW

async def give() -> None:
    folder = Path(sys.argv[1])
    settings = Settings(folder, f"sqlite:///{folder / 'crowdesk.db'}", Preferences(author="rita", undo_seconds=8))
    store = await Store.open(settings.database_url, locks_dir=settings.locks_dir)
    clock = TurnedClock(NOW)
    crowd = Crowd(store, clock)
    desk = ReviewDesk(store, Ledger(store, crowd, settings, clock), crowd, settings, clock)
    await desk.give_bonus([int(sys.argv[2])], (), Decimal(3), "careful", "EUR")
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(give())
"""


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[DeskScene]:
    async with open_scene(tmp_path) as made:
        yield made


@pytest.fixture
async def paid(tmp_path: Path) -> AsyncIterator[DeskScene]:
    """At a provider that has to be called, and takes a fee."""
    async with open_scene(tmp_path, "mock", fee_percent=20) as made:
        yield made


async def status_of(scene: DeskScene, unit_id: int) -> UnitStatus:
    return (await scene.store.read(assignments.get_unit, unit_id)).status


async def spend(scene: DeskScene) -> money.Spend:
    return await scene.store.read(money.run_spend, scene.run_id)


async def test_a_preview_counts_pay_bonus_and_fee(paid: DeskScene) -> None:
    found = await paid.desk.preview(paid.units, APPROVED, Decimal(1))
    assert (found.count, found.already, found.currency) == (4, 0, "EUR")
    assert (found.amount, found.bonus, found.fee, found.total) == (
        4 * PAY,
        Decimal(4),
        Decimal("1.20"),
        Decimal("7.20"),
    )
    assert (await paid.desk.preview(paid.units, REJECTED)).total == 0
    assert "None of these" in (await paid.desk.preview([999], APPROVED)).blocked_reason


async def test_a_decision_waits_for_its_undo_time(scene: DeskScene) -> None:
    await scene.desk.start()
    await scene.desk.decide(scene.units[:2], APPROVED)
    await scene.clock.turn(7.9)
    assert await status_of(scene, scene.units[0]) is UnitStatus.COMPLETED
    await scene.clock.turn(0.2)
    await scene.desk.apply_due()
    assert await status_of(scene, scene.units[0]) is UnitStatus.ACCEPTED
    assert (await spend(scene)).approved == 2 * PAY
    made = await scene.store.read(reviews.list_reviews, unit_id=scene.units[0])
    assert [(review.status, review.author) for review in made] == [("approved", "rita")]


async def test_a_decision_can_be_taken_back_in_time_only(scene: DeskScene) -> None:
    batch = (await scene.desk.decide(scene.units, REJECTED, "empty")).batch
    assert await scene.desk.undo(batch) == 4
    assert await scene.desk.apply_due(everything=True) == 0
    batch = (await scene.desk.decide(scene.units, SOFT, undoable=False)).batch
    assert await scene.desk.undo(batch) == 0
    assert await status_of(scene, scene.units[3]) is UnitStatus.SOFT_REJECTED
    assert (await spend(scene)).approved == 4 * PAY


async def test_a_newer_decision_replaces_one_that_is_pending(scene: DeskScene) -> None:
    await scene.desk.decide(scene.units[:1], REJECTED, "no")
    await scene.desk.decide(scene.units[:1], APPROVED)
    assert await scene.desk.apply_due(everything=True) == 1
    assert await status_of(scene, scene.units[0]) is UnitStatus.ACCEPTED


async def test_closing_applies_what_was_decided_here(scene: DeskScene) -> None:
    await scene.desk.decide(scene.units[:1], APPROVED)
    await scene.desk.close()
    assert await status_of(scene, scene.units[0]) is UnitStatus.ACCEPTED


async def test_what_another_process_decided_stays_pending_until_it_is_due(scene: DeskScene) -> None:
    batch = (await scene.desk.decide(scene.units[:1], APPROVED)).batch
    await scene.desk.decide(scene.units[1:2], APPROVED)
    _, other = scene.new_process()
    await other.start()
    await other.close()
    assert await status_of(scene, scene.units[0]) is UnitStatus.COMPLETED
    assert await scene.desk.undo(batch) == 1
    await scene.clock.turn(9)
    await other.start()  # as after a crash of the one that decided
    assert await status_of(scene, scene.units[1]) is UnitStatus.ACCEPTED
    await other.close()


@pytest.mark.parametrize("note", ["", "  \n"])
async def test_a_rejection_needs_a_reason(scene: DeskScene, note: str) -> None:
    with pytest.raises(InvalidEntry, match="reason"):
        await scene.desk.decide(scene.units, REJECTED, note)


@pytest.mark.parametrize("bonus", [Decimal(0), Decimal(-1), Decimal("NaN"), Decimal("0.0000001"), Decimal("1e12")])
async def test_a_bonus_must_be_an_amount(scene: DeskScene, bonus: Decimal) -> None:
    with pytest.raises(InvalidEntry):
        await scene.desk.decide(scene.units, APPROVED, bonus=bonus)
    with pytest.raises(InvalidEntry):
        await scene.desk.decide(scene.units, REJECTED, "no", bonus=Decimal(1))
    with pytest.raises(InvalidEntry, match="no decision"):
        await scene.desk.decide(scene.units, AgentStatus.COMPLETED)


async def test_work_that_is_decided_is_not_decided_again(scene: DeskScene) -> None:
    await scene.desk.decide(scene.units, APPROVED, undoable=False)
    with pytest.raises(InvalidEntry, match="none of these"):
        await scene.desk.decide(scene.units, REJECTED, "changed my mind")
    assert await scene.desk.approve_all(scene.run_id) == 0
    assert (await spend(scene)).approved == 4 * PAY


async def test_a_bonus_comes_with_the_decision_and_once(scene: DeskScene) -> None:
    await scene.desk.decide(scene.units[:2], APPROVED, "very good", Decimal("0.25"), undoable=False)
    found = await spend(scene)
    assert (found.approved, found.bonuses) == (2 * PAY, Decimal("0.50"))


async def test_a_rejection_is_taken_back_and_paid(scene: DeskScene) -> None:
    await scene.desk.decide(scene.units[:1], REJECTED, "blurred", undoable=False)
    assert (await spend(scene)).approved == 0
    await scene.desk.decide(scene.units[:1], APPROVED, undoable=False)
    assert await status_of(scene, scene.units[0]) is UnitStatus.ACCEPTED
    assert (await spend(scene)).approved == PAY


async def test_a_rejection_stays_where_the_provider_wants_it_so(
    scene: DeskScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = await scene.crowd.of_run(scene.run_id)
    monkeypatch.setattr(type(provider), "REJECTION_CAN_BE_TAKEN_BACK", False)
    await scene.desk.decide(scene.units[:1], REJECTED, "blurred", undoable=False)
    with pytest.raises(InvalidEntry, match="taken back"):
        await scene.desk.decide(scene.units[:1], APPROVED)
    assert "taken back" in (await scene.desk.preview(scene.units[:1], APPROVED)).blocked_reason


async def test_approve_all_leaves_pending_decisions_alone(scene: DeskScene) -> None:
    await scene.desk.decide(scene.units[:1], REJECTED, "no")
    seen: list[tuple[int, int]] = []
    assert await scene.desk.approve_all(scene.run_id, progress=lambda done, total: seen.append((done, total))) == 3
    assert seen == [(3, 3)]
    await scene.desk.apply_due(everything=True)
    assert await status_of(scene, scene.units[0]) is UnitStatus.REJECTED


async def test_apply_to_all_of_a_worker(scene: DeskScene) -> None:
    ids = await scene.desk.units_of_worker(scene.worker_ids[0], scene.run_id)
    assert ids == [scene.units[0], scene.units[2]]
    assert await scene.desk.units_of_worker(scene.worker_ids[0], 99) == []


async def test_a_rule_chooses_units(scene: DeskScene) -> None:
    await scene.desk.flag(scene.units[:1])
    choose = scene.desk.units_by_rule
    assert await choose(scene.run_id, DecisionRule(flagged=True)) == scene.units[:1]
    assert await choose(scene.run_id, DecisionRule(answer="WREN", flagged=False)) == scene.units[1:]
    assert await choose(scene.run_id, DecisionRule(max_seconds=11)) == scene.units[:2]
    assert await choose(scene.run_id, DecisionRule(min_agreement=0.5)) == []
    assert await choose(scene.run_id, DecisionRule(worker_ids=frozenset(scene.worker_ids[1:]))) == scene.units[1::2]
    await scene.desk.flag(scene.units[:1], on=False)
    assert await choose(scene.run_id, DecisionRule(flagged=True)) == []


async def test_decisions_come_from_a_csv_file(scene: DeskScene, tmp_path: Path) -> None:
    one, two, three, four = scene.units
    path = tmp_path / "decisions.csv"
    path.write_text(
        f"Unit_ID,decision,note,bonus\n{one},approve,,0.25\n{two},Soft-Reject,ok,\n{three},reject,,\n{three},reject,bad,\n"
        f"{four},aprove,,\n999,approve,,\n{one},reject,no,\nx,approve,,\n{four},approve,,1,1\n{four},approve,,minus\n",
        "utf-8",
    )
    outcome = await scene.desk.decide_from_csv(path, scene.run_id)
    assert outcome.decided == {"approved": 1, "soft_rejected": 1, "rejected": 1}
    assert [(problem.line, problem.message.split(":")[0]) for problem in outcome.problems] == [
        (4, "a rejection needs a note"),
        (6, '"aprove" is no decision. Is "approve" meant?'),
        (7, f"run {scene.run_id} has no unit 999."),
        (8, f"unit {one} has a decision in line 2 already."),
        (9, '"x" is no unit id.'),
        (10, "has more cells than the head line."),
        (11, '"minus" is no amount.'),
    ]
    assert await status_of(scene, four) is UnitStatus.COMPLETED
    assert (await spend(scene)).bonuses == Decimal("0.25")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"unit,decision\n1,approve\n", 'no column "unit_id"'),
        (b"\xff\xfe", "UTF-8"),
        (b'unit_id,decision\n"1', "not CSV"),
    ],
)
async def test_a_file_that_is_no_table_of_decisions_is_refused(
    scene: DeskScene, tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "decisions.csv"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=words):
        await scene.desk.decide_from_csv(path, scene.run_id)
    with pytest.raises(ConfigError, match="no such file"):
        await scene.desk.decide_from_csv(tmp_path / "none.csv", scene.run_id)


async def test_approvals_are_sent_to_the_provider_behind_the_decision(paid: DeskScene) -> None:
    assert await paid.desk.approve_all(paid.run_id) == 4
    await paid.desk.close()
    assert len(paid.account.payments) == 4
    assert paid.account.total_paid() == 4 * PAY
    assert await paid.store.read(money.list_open_payments) == []
    assert (await spend(paid)).fees == Decimal("0.40")


@pytest.mark.logs("not told of a rejection")
async def test_a_provider_hears_of_a_rejection_until_it_has(paid: DeskScene) -> None:
    paid.account.script("reject_work", "disconnect")
    await paid.desk.decide(paid.units[:1], REJECTED, "blurred", undoable=False)
    await paid.desk.close()
    assert len(await paid.store.read(decisions.list_untold_rejections, "mock")) == 1
    ledger, _ = paid.new_process()
    assert await ledger.tell_rejections() == 1
    assert paid.account.rejected == [("worker 0", "blurred")]
    assert await ledger.tell_rejections() == 0


async def test_a_provider_that_fails_leaves_the_payment_in_the_ledger(paid: DeskScene) -> None:
    paid.account.script("approve_work", "refuse", message="no money")
    await paid.desk.decide(paid.units[:1], APPROVED, undoable=False)
    await paid.desk.close()
    failed = await paid.store.read(money.list_open_payments, None, 10, (PaymentState.FAILED,))
    assert [row.error for row in failed] == ["no money"]
    assert (await paid.ledger.retry()).settled == 1
    assert paid.account.total_paid() == PAY


async def bonuses_of(scene: DeskScene) -> list[tuple[PaymentState, Decimal]]:
    rows = await scene.store.read(money.list_open_payments, None, 100, tuple(PaymentState))
    return [(row.state, row.amount) for row in rows if row.kind == "bonus"]


async def given(scene: DeskScene) -> int:
    made = [await scene.store.read(reviews.list_reviews, worker_id=worker) for worker in scene.worker_ids]
    return sum(review.status == "bonus" for one in made for review in one)


async def test_a_bonus_is_sent_and_told_when_its_undo_time_is_over(paid: DeskScene) -> None:
    await paid.desk.give_bonus(paid.worker_ids, (), Decimal(2), "careful", "EUR")
    await paid.desk.apply_due()
    await paid.ledger.send_open()
    assert await bonuses_of(paid) == [(PaymentState.INTENDED, Decimal(2))] * 2
    assert (paid.account.calls, await given(paid)) == ([], 0)
    await paid.clock.turn(9)
    await paid.desk.apply_due()
    await paid.desk.close()
    assert await bonuses_of(paid) == [(PaymentState.SETTLED, Decimal(2))] * 2
    assert (paid.account.total_paid(), await given(paid)) == (Decimal(4), 2)


async def paid_words(scene: DeskScene, worker: int, unit_id: int) -> tuple[dict[str, Decimal], Decimal]:
    """What the list of workers and the record beside a submission say was paid."""
    listed = await scene.store.read(listing_people.paid_by_currency, [worker])
    row = await scene.store.read(submissions.get_submission, unit_id)
    record = await scene.store.read(submissions.get_work_record, worker, row.task_run_id)
    return listed.get(worker, {}), record.paid + record.bonuses


async def test_a_bonus_that_can_still_be_taken_back_is_not_called_paid(paid: DeskScene) -> None:
    unit = paid.units[0]
    worker = (await paid.store.read(submissions.get_submission, unit)).worker_id
    await paid.desk.give_bonus((), [unit], Decimal(2), "careful")
    assert await paid_words(paid, worker, unit) == ({}, Decimal(0))
    await paid.clock.turn(9)
    await paid.desk.apply_due()
    assert await paid_words(paid, worker, unit) == ({"EUR": Decimal(2)}, Decimal(2))


async def test_a_bonus_that_is_taken_back_is_never_sent(paid: DeskScene) -> None:
    ids = await paid.desk.give_bonus((), paid.units[:1], Decimal(2), "careful")
    assert await paid.desk.take_bonus_back(ids) == 1
    assert await paid.desk.take_bonus_back(ids) == 0
    await paid.clock.turn(9)
    await paid.desk.apply_due()
    await paid.desk.close()
    assert await bonuses_of(paid) == [(PaymentState.CANCELLED, Decimal(2))]
    assert (paid.account.calls, await given(paid)) == ([], 0)


async def test_a_bonus_is_too_late_to_take_back_once_it_is_due(paid: DeskScene) -> None:
    ids = await paid.desk.give_bonus((), paid.units[:1], Decimal(2), "careful")
    await paid.clock.turn(9)
    await paid.desk.apply_due()
    assert await paid.desk.take_bonus_back(ids) == 0
    await paid.desk.close()
    assert paid.account.total_paid() == Decimal(2)


async def test_closing_pays_the_bonuses_that_were_given_here(paid: DeskScene) -> None:
    await paid.desk.give_bonus(paid.worker_ids[:1], (), Decimal(2), "careful", "EUR")
    await paid.desk.close()
    assert paid.account.total_paid() == Decimal(2)


async def test_a_bonus_outlives_a_program_that_dies_within_its_undo_time(tmp_path: Path) -> None:
    """Given by a process that is killed at once: the next start keeps it until it is due, then pays it, once."""
    async with open_scene(tmp_path, "mock") as scene:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", GIVE_AND_DIE, str(tmp_path), str(scene.worker_ids[0]), cwd=ROOT
        )
        assert await child.wait() == -signal.SIGKILL
        assert await bonuses_of(scene) == [(PaymentState.INTENDED, Decimal(3))]
        _, desk = scene.new_process()
        await desk.start()
        assert scene.account.total_paid() == 0, "it can still be taken back"
        await scene.clock.turn(9)
        await desk.apply_due()
        await desk.close()
        assert await bonuses_of(scene) == [(PaymentState.SETTLED, Decimal(3))]
        assert (scene.account.total_paid(), await given(scene)) == (Decimal(3), 1)
