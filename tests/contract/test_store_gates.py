"""Screening and gold units in the store: made for one worker, counted, over when left, and theirs again."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from app.data.repo import assignments, dispatch, gate_units, intake, people, qualifications, standings, status
from app.data.repo.gate_units import TestUnitCounts
from app.data.states import AgentStatus, UnitIndex
from app.data.store import Session, Store
from app.errors import IllegalTransition
from tests.fakes.data_rows import NOW, add_units, hand_in, make_run, make_worker, take

GOLD = {"shared": {"q": "G?"}, "unit_data": [{}], "gate": {"row": 2, "truth": "g"}}
_serial = iter(range(1, 10**6))


def hand_out(session: Session, run_id: int, worker_id: int, index: int = UnitIndex.GOLD) -> int:
    """A test unit in a worker's hands; the agent's id."""
    unit_id = assignments.add_test_unit(session, run_id, GOLD, index, pay_amount=Decimal("0.12"), now=NOW)
    serial = f"test-{next(_serial)}"
    values = {
        "worker_id": worker_id, "creation_date": NOW, "started_at": NOW, "registration_id": serial,
        "nonce": serial.rjust(32, "0"), "token_hash": serial,
    }  # fmt: skip
    agent_id = status.claim_test_unit(session, run_id, unit_id, values)
    dispatch.keep_inputs(session, {agent_id: {"q": "G?"}}, NOW)
    return agent_id


async def test_counting_up_loses_nothing_however_many_count_at_once(store: Store) -> None:
    worker = await store.write(make_worker)
    name = await store.write(qualifications.create_qualification, "stage-correct-golds", None, NOW)
    counted = await asyncio.gather(*(store.write(qualifications.count_up, worker, name, None, NOW) for _ in range(20)))
    assert sorted(counted) == list(range(1, 21))
    await store.write(qualifications.grant, worker, name, 2**31 - 1, None, NOW)
    assert await store.write(qualifications.count_up, worker, name, None, NOW) == 2**31 - 1


async def test_a_test_unit_is_at_work_done_or_over_and_never_open(store: Store) -> None:
    def scene(session: Session) -> tuple[dict[int, TestUnitCounts], list[int], dict[str, object], bool]:
        run_id = make_run(session)
        add_units(session, run_id, 2)
        ada, bob = make_worker(session), make_worker(session, "bob")
        done, left = hand_out(session, run_id, ada), hand_out(session, run_id, bob)
        hand_out(session, run_id, bob, UnitIndex.SCREENING)
        hand_in(session, done, {"a": 1}, NOW)
        status.set_agent_status(session, left, AgentStatus.RETURNED, now=NOW)
        unit = assignments.get_unit(session, people.get_agent(session, left).unit_id)
        gate = gate_units.get_gate(session, unit.assignment_id)
        open_units = dispatch.find_open_units(session, run_id)
        assert (unit.status, open_units.assigned, open_units.may_come_back) == ("expired", True, False)
        with pytest.raises(IllegalTransition):
            status.relaunch_units(session, [unit.unit_id], NOW)
        rows = gate_units.rows_had(session, run_id, bob, UnitIndex.GOLD)
        again = intake.take_back_unit(session, dispatch.find_by_ids(session, [left])[left])
        return gate_units.count_test_units(session, run_id), rows, gate, again

    counts, rows, gate, again = await store.write(scene)
    assert counts == {UnitIndex.SCREENING: TestUnitCounts(1, 0), UnitIndex.GOLD: TestUnitCounts(0, 1)}
    assert (rows, gate) == ([2], {"row": 2, "truth": "g"})
    assert not again, "they have had another unit since"


async def test_who_left_a_test_unit_has_it_again_while_they_had_no_other(store: Store) -> None:
    def scene(session: Session) -> tuple[bool, str, tuple[int, int]]:
        run_id = make_run(session)
        left = hand_out(session, run_id, make_worker(session))
        status.set_agent_status(session, left, AgentStatus.DISCONNECT, now=NOW)
        again = intake.take_back_unit(session, dispatch.find_by_ids(session, [left])[left])
        unit = assignments.get_unit(session, people.get_agent(session, left).unit_id)
        return again, unit.status, gate_units.count_waiting(session, run_id)

    assert await store.write(scene) == (True, "assigned", (0, 0))


async def test_a_worker_of_a_test_unit_still_comes_to_the_units_before_it(store: Store) -> None:
    def scene(session: Session) -> tuple[int, standings.Standing]:
        run_id = make_run(session)
        first, *_ = add_units(session, run_id, 3, 2)
        ada = make_worker(session)
        hand_out(session, run_id, ada)
        assert take(session, run_id, ada).unit_id == first
        task_id = assignments.get_unit(session, first).task_id
        found = standings.standings(
            session, task_id=task_id, run_id=run_id, worker_ids=[ada], qualification_names=[], count_held=True,
            count_taken=True, now=NOW,
        )  # fmt: skip
        return first, found[ada]

    _, standing = await store.write(scene)
    assert (standing.held_in_run, standing.test_units_held, standing.taken_in_task) == (2, 1, 1)


async def test_only_the_units_that_were_chosen_are_claimed(store: Store) -> None:
    def scene(session: Session) -> list[int | None]:
        run_id = make_run(session)
        units = add_units(session, run_id, 3)
        row = assignments.get_unit(session, units[0])
        claims = []
        for number, only in enumerate(([units[2]], [units[2]], None)):
            worker = make_worker(session, f"worker {number}")
            rows = status.list_claimable(session, run_id, worker, after=0, most=9)
            assert [each.unit_id for each in rows][:2] == units[:2]
            asker = dispatch.Asker(worker, f"v{number}", f"n{number}", f"h{number}", only)
            claims += dispatch.claim_units(session, row, [asker], waiting=False, one_worker_an_item=True, now=NOW)
        return [None if claim is None else units.index(claim.unit_id) for claim in claims]

    assert await store.write(scene) == [2, None, 0]
