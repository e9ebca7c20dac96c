"""Whom a selection is about, and the sums of its pages: the same on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from app.data.repo import blocks, dispatch, ledger, listing, money, people, qualifications, subjects, tasks
from app.data.repo.listing import ListingQuery
from app.data.states import UnitStatus
from app.data.store import Session, Store
from app.errors import EntryDoesNotExist
from tests.fakes.data_rows import hand_in, take
from tests.fakes.run_history import Past, make_past

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PAST = Past(items=12, workers=5, done=20, decided=12, at_work=3, task_name="birds", project="Nature")


async def units(store: Store, run_id: int, *statuses: str) -> list[int]:
    return list(
        await store.read(listing.list_ids, ListingQuery("units", {"task_run_id": run_id}, {"status": statuses}))
    )


async def test_people_behind_units_agents_and_names_come_once_each(store: Store) -> None:
    run_id = await store.write(make_past, PAST, NOW)
    done = await units(store, run_id, "completed", "accepted")
    found = await store.read(subjects.list_people_of_units, done)
    assert len({person.worker_id for person in found}) == len(found) <= PAST.workers
    assert [person.worker_name for person in found] == sorted(person.worker_name for person in found)
    agents = [agent for agent, _ in await store.read(dispatch.list_holders, run_id)]
    of_agents = await store.read(subjects.list_people_of_agents, [agent.agent_id for agent in agents])
    assert {person.worker_id for person in of_agents} == {agent.worker_id for agent in agents}
    named = await store.read(subjects.list_people_named, ["mira", "nobody"])
    assert [person.worker_name for person in named] == ["mira"]
    assert await store.read(subjects.list_people_of_units, await units(store, run_id, "launched")) == []


async def test_places_of_units_name_task_project_and_money(store: Store) -> None:
    run_id = await store.write(make_past, PAST, NOW)
    ids = await units(store, run_id)
    places = await store.read(subjects.list_unit_places, ids)
    assert [place.unit_id for place in places] == sorted(ids)
    assert {(place.task_name, place.project_name, place.currency, place.pay_amount) for place in places} == {
        ("birds", "Nature", "EUR", Decimal("0.12"))
    }


async def test_work_that_waits_and_workers_at_work_are_found(store: Store) -> None:
    run_id = await store.write(make_past, PAST, NOW)
    waiting = set(await units(store, run_id, "completed"))
    workers = await store.read(subjects.list_people_of_units, sorted(waiting))
    found: set[int] = set()
    for person in workers:
        found |= set(await store.read(subjects.list_units_of_worker, person.worker_id, run_id))
        assert await store.read(subjects.list_units_of_worker, person.worker_id, run_id, UnitStatus.EXPIRED) == []
    assert found == waiting
    live = await store.read(subjects.list_live_agents_of_workers, [one.worker_id for one in workers])
    assert {place.status for place in live} <= {"in task"}
    names = await store.read(subjects.list_tasks_of_workers, [workers[0].worker_id])
    assert [name for _, name in names] == ["birds"]


async def test_blocks_and_qualifications_of_some_workers(store: Store) -> None:
    run_id = await store.write(make_past, PAST, NOW)
    task_id = (await store.read(tasks.get_task_run, run_id)).task_id
    one, two = (await store.read(subjects.list_people_named, ["mira", "lena"]))[:2]

    def write(session: Session) -> None:
        blocks.block_worker(
            session, one.worker_id, hard=False, task_id=task_id, reason="why", author="me", until=NOW, now=NOW
        )
        qualification = qualifications.create_qualification(session, "english", None, NOW)
        qualifications.grant(session, one.worker_id, qualification, 2, run_id, NOW)
        qualifications.grant(session, two.worker_id, qualification, 5, None, NOW)

    await store.write(write)
    both = [one.worker_id, two.worker_id]
    (block,) = await store.read(subjects.list_standing_blocks, both)
    assert (block.worker_id, block.hard, block.task_name, block.reason, block.until) == (
        one.worker_id, False, "birds", "why", NOW,
    )  # fmt: skip
    (held,) = await store.read(subjects.list_held_qualifications, both)
    assert (held.name, held.holders, held.lowest, held.highest) == ("english", 2, 2, 5)
    assert await store.read(subjects.list_grants_of, both, "english") == {one.worker_id: 2, two.worker_id: 5}
    assert await store.read(subjects.list_qualification_names) == ["english"]
    grants = await store.read(listing.list_ids, ListingQuery("grants"))
    assert await store.read(subjects.list_workers_of_grants, grants) == sorted(both)
    await store.write(qualifications.describe_qualification, held.qualification_id, " CEFR ")
    row = await store.read(qualifications.get_qualification, held.qualification_id)
    assert row.description == "CEFR"
    with pytest.raises(EntryDoesNotExist):
        await store.write(qualifications.describe_qualification, 999, "x")


async def test_cost_over_time_ends_at_what_was_spent(store: Store) -> None:
    run_id = await store.write(make_past, PAST, NOW)
    spent = (await store.read(money.run_spend, run_id)).total
    times = [NOW - timedelta(minutes=minutes) for minutes in (600, 40, 20, 0)]
    history = await store.read(money.spend_history, run_id, times)
    assert history[0] == 0
    assert history == sorted(history)
    assert history[-1] == spent > 0
    assert await store.read(money.spend_history, run_id, []) == []


async def test_sums_by_state_are_those_of_the_whole_ledger_or_of_some(store: Store) -> None:
    run_id = await store.write(make_past, PAST, NOW)
    ids = await store.read(ledger.list_payment_ids, run_id)
    whole = await store.read(ledger.sums_by_state)
    assert sum(one.payments for one in whole) == len(ids)
    assert sum((one.amount for one in whole), Decimal(0)) == len(ids) * PAST.pay
    (some,) = await store.read(ledger.sums_by_state, ids[:1])
    assert (some.payments, some.amount, some.currency) == (1, PAST.pay, "EUR")
    assert await store.read(ledger.sums_by_state, []) == []


async def test_agreement_of_a_worker_is_the_share_of_equal_answers(store: Store) -> None:
    def answer(session: Session) -> list[int]:
        made = make_past(session, Past(items=2, workers=3, done=0, decided=0, at_work=0), NOW)
        ids = [people.find_worker(session, name, "inhouse") or 0 for name in ("mira", "t.oduya", "lena")]
        for worker_id, labels in zip(ids, (["a", "b"], ["b", "a"], ["c"]), strict=True):
            hand_in(session, take(session, made, worker_id, now=NOW).agent_id, {}, NOW, labels=labels)
        return ids

    ids = await store.write(answer)
    rows = await store.read(listing.fetch_rows, "workers", ids)
    place = [column.name for column in listing.LISTINGS["workers"].columns].index("agreement")
    assert [rows[one][place] for one in ids] == [0.5, 0.5, 0.0]
