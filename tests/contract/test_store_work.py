"""Units, agents and submissions: the same on every database."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from app.data.repo import assignments, blocks, dispatch, people, standings, status, tasks
from app.data.repo.people import AgentRow
from app.data.states import AgentStatus, RunState, UnitStatus
from app.data.store import Session, Store
from app.errors import EntryDoesNotExist, IllegalTransition, InvalidEntry
from tests.fakes.data_rows import (
    NOW,
    add_units,
    claim,
    hand_in,
    later,
    make_run,
    make_worker,
    statuses,
    submit,
    submitted_units,
    take,
)

A, U = AgentStatus, UnitStatus


async def test_a_run_comes_back_as_it_was_made(store: Store) -> None:
    def make(session: Session) -> int:
        project_id = tasks.get_or_create_project(session, "Wings", NOW)
        task_id = tasks.get_or_create_task(session, "birds", "image_label", project_id, NOW)
        requester_id = tasks.get_or_create_requester(session, "in-house", "inhouse", NOW)
        return tasks.create_task_run(
            session, task_id=task_id, requester_id=requester_id, init_params="a: é", provider_type="inhouse",
            task_type="image_label", sandbox=False, currency="EUR", budget=Decimal("12.30"), now=NOW,
        )  # fmt: skip

    run_id = await store.write(make)
    row = await store.read(tasks.get_task_run, run_id)
    assert (row.task_name, row.project_name, row.requester_name) == ("birds", "Wings", "in-house")
    assert (row.state, row.budget, row.creation_date) == (RunState.SETUP, Decimal("12.30"), NOW)
    assert (row.init_params, row.is_completed, row.launched_through) == ("a: é", False, 0)


async def test_assignments_keep_their_data_and_units_their_order(store: Store) -> None:
    items: list[dict[str, Any]] = [
        {"shared": {"word": "naïve \ud83d \U0001f426 \0"}, "unit_data": [{"i": 0}, {"i": 1}]},
        {"shared": {}, "unit_data": [{"i": 2}]},
        {"shared": {"deep": [1, {"a": None}]}, "unit_data": [{"i": 3}, {"i": 4}]},
    ]

    def make(session: Session) -> tuple[int, tuple[int, int]]:
        run_id = make_run(session)
        return run_id, assignments.add_assignments(session, run_id, items, pay_amount=Decimal("0.1"), now=NOW)

    run_id, made = await store.write(make)
    assert made == (3, 5)

    def look(session: Session) -> list[tuple[object, int, Decimal, UnitStatus]]:
        found = []
        for unit_id in range(1, 6):
            unit = assignments.get_unit(session, unit_id)
            own = assignments.get_assignment_data(session, unit.assignment_id)["unit_data"][unit.unit_index]
            found.append((own, unit.unit_index, unit.pay_amount, unit.status))
        return found

    assert await store.read(look) == [
        ({"i": n}, index, Decimal("0.1"), U.CREATED) for n, index in enumerate((0, 1, 0, 0, 1))
    ]
    assert (await store.read(assignments.get_assignment_data, 1))["shared"] == items[0]["shared"]
    assert (await store.read(tasks.get_task_run, run_id)).launched_through == 3


async def test_units_of_given_indices_are_made_without_moving_the_launch_on(store: Store) -> None:
    def make(session: Session) -> tuple[int, tuple[int, int]]:
        run_id = make_run(session)
        item: dict[str, Any] = {"shared": {}, "unit_data": [{}]}
        made = assignments.add_assignments(
            session, run_id, [item], pay_amount=Decimal(1), unit_indices=(-2,), from_data=False, now=NOW
        )
        return run_id, made

    run_id, made = await store.write(make)
    assert made == (1, 1)
    assert (await store.read(assignments.get_unit, 1)).unit_index == -2
    assert (await store.read(tasks.get_task_run, run_id)).launched_through == 0


@pytest.mark.parametrize("pay", [Decimal("-0.01"), Decimal("NaN"), Decimal("Infinity")])
async def test_a_pay_that_is_no_amount_is_refused(store: Store, pay: Decimal) -> None:
    def make(session: Session) -> None:
        add_units(session, make_run(session), 1, pay=pay)

    with pytest.raises(InvalidEntry, match="pay_amount"):
        await store.write(make)


async def test_assignments_for_a_run_that_is_not_there_are_refused(store: Store) -> None:
    with pytest.raises(EntryDoesNotExist, match="task run 7"):
        await store.write(
            assignments.add_assignments, 7, [{"shared": {}, "unit_data": [{}]}], pay_amount=Decimal(1), now=NOW
        )


async def test_a_claimed_unit_is_assigned_to_its_agent(store: Store) -> None:
    def work(session: Session) -> tuple[AgentRow, object]:
        run_id = make_run(session)
        add_units(session, run_id, 2)
        agent = take(session, run_id, make_worker(session), in_task=False)
        return agent, assignments.get_unit(session, agent.unit_id)

    agent, unit = await store.write(work)
    assert (agent.status, agent.worker_name, agent.unit_index, agent.pay_amount) == (
        A.ACCEPTED,
        "ada",
        0,
        Decimal("0.12"),
    )
    assert agent.holds_unit
    assert (unit.status, unit.agent_id, unit.worker_id) == (U.ASSIGNED, agent.agent_id, agent.worker_id)  # type: ignore[attr-defined]
    assert [(held.agent_id, name) for held, name in await store.read(dispatch.list_holders, agent.task_run_id)] == [
        (agent.agent_id, "ada")
    ]


async def test_a_worker_gets_one_unit_of_an_assignment(store: Store) -> None:
    def work(session: Session) -> list[int | None]:
        run_id = make_run(session)
        add_units(session, run_id, 3, units_each=2)
        worker_id = make_worker(session)
        agents = [claim(session, run_id, worker_id) for _ in range(4)]
        return [agent.assignment_id if agent else None for agent in agents]

    assert await store.write(work) == [1, 2, 3, None]


async def test_a_unit_that_came_back_goes_to_a_worker_who_is_past_it(store: Store) -> None:
    def work(session: Session) -> tuple[int, int | None]:
        run_id = make_run(session)
        add_units(session, run_id, 3)
        first = take(session, run_id, make_worker(session, "ada"))
        bob = make_worker(session, "bob")
        take(session, run_id, bob)
        take(session, run_id, bob)
        assert claim(session, run_id, bob) is None
        status.set_agent_status(session, first.agent_id, A.RETURNED, now=NOW, reason="changed my mind")
        again = claim(session, run_id, bob)
        return first.unit_id, again.unit_id if again else None

    freed, taken = await store.write(work)
    assert taken == freed


async def test_the_other_units_of_an_assignment_that_was_given_up_are_open_again(store: Store) -> None:
    """Ada passes over the second unit of her first assignment; when she gives the first up, the second is hers."""

    def work(session: Session) -> tuple[int, int | None]:
        run_id = make_run(session)
        units = add_units(session, run_id, 2, units_each=2)
        ada, bob = make_worker(session, "ada"), make_worker(session, "bob")
        first = take(session, run_id, ada)
        take(session, run_id, ada)
        status.set_agent_status(session, first.agent_id, A.RETURNED, now=NOW)
        assert take(session, run_id, bob).unit_id == units[0]
        again = claim(session, run_id, ada)
        return units[1], again.unit_id if again else None

    second, taken = await store.write(work)
    assert taken == second


async def test_units_of_negative_index_are_never_handed_out_as_work(store: Store) -> None:
    def work(session: Session) -> AgentRow | None:
        run_id = make_run(session)
        assignments.add_assignments(
            session, run_id, [{"shared": {}, "unit_data": [{}]}], pay_amount=Decimal(1), unit_indices=(-3,),
            unit_status=U.LAUNCHED, now=NOW,
        )  # fmt: skip
        return claim(session, run_id, make_worker(session))

    assert await store.write(work) is None


async def test_who_left_neither_comes_back_by_a_status_nor_hands_in(store: Store) -> None:
    def work(session: Session) -> tuple[int, int]:
        run_id = make_run(session)
        add_units(session, run_id, 2)
        lost = take(session, run_id, make_worker(session))
        status.set_agent_status(session, lost.agent_id, A.DISCONNECT, now=NOW)
        return lost.agent_id, lost.unit_id

    lost, unit = await store.write(work)
    with pytest.raises(IllegalTransition):
        await store.write(status.set_agent_status, lost, A.IN_TASK, now=NOW)
    with pytest.raises(IllegalTransition):
        await store.write(hand_in, lost, {}, NOW)
    assert await store.read(statuses, unit, lost) == (U.LAUNCHED, A.DISCONNECT)


async def test_expiring_a_run_leaves_what_was_done(store: Store) -> None:
    def work(session: Session) -> tuple[int, int]:
        run_id = make_run(session)
        add_units(session, run_id, 4)
        done = submitted_units(session, run_id, make_worker(session, "ada"), 1)
        take(session, run_id, make_worker(session, "bob"))
        status.review_units(session, done, A.APPROVED, NOW)
        submitted_units(session, run_id, make_worker(session, "eve"), 1)
        return run_id, status.expire_units(session, run_id, None, NOW)

    run_id, expired = await store.write(work)
    counts = await store.read(assignments.unit_counts, run_id)
    assert expired == 2
    assert (counts[U.EXPIRED], counts[U.ACCEPTED], counts[U.COMPLETED]) == (2, 1, 1)
    assert (await store.read(assignments.agent_counts, run_id))[A.EXPIRED] == 1


async def test_review_moves_what_can_be_judged_and_names_the_rest(store: Store) -> None:
    def work(session: Session) -> tuple[list[int], status.ReviewResult]:
        run_id = make_run(session)
        units = add_units(session, run_id, 3)
        submitted_units(session, run_id, make_worker(session), 2)
        return units, status.review_units(session, [*units, 99], A.SOFT_REJECTED, NOW)

    units, result = await store.write(work)
    assert [unit.unit_id for unit in result.reviewed] == units[:2]
    assert result.skipped == [units[2], 99]
    assert {unit.currency for unit in result.reviewed} == {"EUR"}
    assert (await store.read(assignments.get_unit, units[0])).status is U.SOFT_REJECTED


async def test_only_a_rejection_can_be_taken_back(store: Store) -> None:
    def work(session: Session) -> list[list[int]]:
        run_id = make_run(session)
        add_units(session, run_id, 2)
        first, second = submitted_units(session, run_id, make_worker(session), 2)
        status.review_units(session, [first], A.REJECTED, NOW)
        status.review_units(session, [second], A.APPROVED, NOW)
        back = status.review_units(session, [first], A.APPROVED, NOW)
        down = status.review_units(session, [second], A.REJECTED, NOW)
        return [[unit.unit_id for unit in back.reviewed], down.skipped, [first], [second]]

    back, down, first, second = await store.write(work)
    assert (back, down) == (first, second)


async def test_relaunched_units_are_free_and_their_record_stays(store: Store) -> None:
    def work(session: Session) -> tuple[int, int, AgentRow | None, AgentRow | None]:
        run_id = make_run(session)
        add_units(session, run_id, 1)
        ada = make_worker(session, "ada")
        agent = take(session, run_id, ada)
        submit(session, agent.agent_id)
        status.review_units(session, [agent.unit_id], A.REJECTED, NOW)
        assert status.relaunch_units(session, [agent.unit_id], NOW) == 1
        return (
            agent.agent_id,
            agent.unit_id,
            claim(session, run_id, ada),
            claim(session, run_id, make_worker(session, "bob")),
        )

    agent_id, unit_id, same_worker, another = await store.write(work)
    assert same_worker is None, "who was rejected does not get the same item again"
    assert another is not None
    assert another.unit_id == unit_id
    assert (await store.read(people.get_agent, agent_id)).status is A.REJECTED


async def test_a_relaunch_of_anything_else_changes_nothing(store: Store) -> None:
    def prepare(session: Session) -> list[int]:
        run_id = make_run(session)
        units = add_units(session, run_id, 2)
        status.expire_units(session, run_id, units[:1], NOW)
        return units

    units = await store.write(prepare)
    with pytest.raises(IllegalTransition):
        await store.write(status.relaunch_units, units, NOW)
    assert (await store.read(assignments.get_unit, units[0])).status is U.EXPIRED


async def test_units_launched_behind_a_worker_are_found_by_them(store: Store) -> None:
    def work(session: Session) -> tuple[int | None, list[int]]:
        run_id = make_run(session)
        units = add_units(session, run_id, 3, launched=False)
        ada = make_worker(session)
        assert status.launch_units(session, run_id, unit_ids=units[2:]) == 1
        take(session, run_id, ada)
        assert status.launch_units(session, run_id, 1) == 1
        again = claim(session, run_id, ada)
        return again.unit_id if again else None, units

    taken, units = await store.write(work)
    assert taken == units[0]


async def test_a_workers_standing_tells_what_the_gates_ask(store: Store) -> None:
    from app.data.repo import qualifications

    def work(session: Session) -> standings.Standing:
        run_id = make_run(session)
        row = tasks.get_task_run(session, run_id)
        add_units(session, run_id, 5)
        ada, bob = make_worker(session, "ada"), make_worker(session, "bob")
        submitted_units(session, run_id, ada, 2)
        take(session, run_id, ada)
        take(session, run_id, bob)
        skill = qualifications.create_qualification(session, "birds", None, NOW)
        qualifications.grant(session, ada, skill, 1, None, NOW)
        qualifications.grant(session, ada, skill, 7, run_id, NOW)
        blocks.block_worker(
            session, ada, hard=False, task_id=row.task_id, reason="too fast", author="me", until=None, now=NOW
        )
        blocks.block_worker(session, ada, hard=True, task_id=None, reason="past", author="me", until=later(-5), now=NOW)
        return standings.standings(
            session, task_id=row.task_id, run_id=run_id, worker_ids=[ada, bob], qualification_names=["birds"],
            count_held=True, count_taken=True, now=NOW,
        )[ada]  # fmt: skip

    standing = await store.write(work)
    assert (standing.held_in_run, standing.taken_in_task) == (1, 3)
    assert standing.qualifications == {"birds": 7}
    assert (standing.blocked, standing.soft_blocked) == (False, True)
