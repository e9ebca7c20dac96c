"""Every table of the window: ids in order, filters, search, pages; the same on every database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from app.data.repo import assignments, blocks, journal, listing, money, onboarding, qualifications, reviews, status
from app.data.repo.core import AGENTS
from app.data.repo.listing import LISTINGS, ListingQuery
from app.data.repo.money import NewPayment
from app.data.states import AgentStatus, PaymentKind, PaymentState
from app.data.store import Session, Store
from app.errors import InvalidEntry
from tests.fakes.data_rows import NOW, add_units, later, make_run, make_worker, submit, take

A = AgentStatus


def fill(session: Session) -> int:
    """Three items, two units each; ada and bob agree on the first and differ on the second; ada is at the third."""
    run_id = make_run(session)
    add_units(session, run_id, 3, units_each=2)
    ada, bob = make_worker(session, "ada"), make_worker(session, "bob 100%")
    for worker_id, answers in ((ada, ("wren", "owl")), (bob, ("wren", "robin"))):
        for number, answer in enumerate(answers):
            agent = take(session, run_id, worker_id)
            submit(session, agent.agent_id, answer, seconds=10 * (number + 1) + worker_id)
    take(session, run_id, ada)
    reviews.add_flag(session, [1], "fast", NOW)
    skill = qualifications.create_qualification(session, "birds", "knows birds", NOW)
    qualifications.grant(session, ada, skill, 3, run_id, NOW)
    qualifications.create_qualification(session, "cats", None, NOW)
    qualifications.grant(session, bob, skill, 1, None, NOW)
    blocks.block_worker(session, bob, hard=True, task_id=None, reason="spam", author="me", until=None, now=NOW)
    status.review_units(session, [1], A.APPROVED, NOW)
    pay(session, "approval:1:1", PaymentKind.APPROVAL, ada, 1, run_id, "0.12")
    pay(session, "bonus:1", PaymentKind.BONUS, ada, None, run_id, "1.3")
    journal.add_event(session, run_id, "run.started", "info", "The run started.", {}, "me", NOW)
    details = {"worker_name": "eve", "code": "blocked"}
    journal.add_event(session, run_id, "worker.refused", "info", "eve: You are blocked.", details, "", later(3))
    begin_onboarding(session, run_id, ada)
    passed = begin_onboarding(session, run_id, bob)
    onboarding.record_onboarding(session, passed, {"sounds": "good", "sure": True}, later(40))
    status.set_onboarding_status(session, passed, A.APPROVED, now=later(40))
    return run_id


def begin_onboarding(session: Session, run_id: int, worker_id: int) -> int:
    made = onboarding.create_onboarding_agent(
        session, run_id=run_id, worker_id=worker_id, registration_id=f"v-{worker_id}", nonce=f"n{worker_id}",
        token_hash=f"h{worker_id}", inputs={}, now=NOW,
    )  # fmt: skip
    return made.onboarding_agent_id


def pay(session: Session, key: str, kind: PaymentKind, worker: int, unit: int | None, run_id: int, amount: str) -> None:
    payment = NewPayment(key, kind, worker, unit, run_id, "inhouse", Decimal(amount), "EUR", reason="well done")
    money.intend_payments(session, [payment], NOW)


@pytest.fixture
async def run_id(store: Store) -> int:
    return await store.write(fill)


async def ids(store: Store, kind: str, run_id: int | None = None, **asked: Any) -> list[int]:
    scope = {} if run_id is None else {"task_run_id": run_id}
    query = ListingQuery(kind, scope, **asked)
    found = list(await store.read(listing.list_ids, query))
    assert len(found) == await store.read(listing.count, query)
    return found


async def row(store: Store, kind: str, row_id: int) -> dict[str, Any]:
    values = await store.read(listing.fetch_rows, kind, [row_id, 10**6], later(100))
    assert list(values) == [row_id]
    names = [column.name for column in LISTINGS[kind].columns]
    assert len(names) == len(values[row_id])
    return dict(zip(names, values[row_id], strict=True))


async def test_every_column_that_sorts_gives_each_id_once_both_ways(store: Store, run_id: int) -> None:
    for kind, shown in LISTINGS.items():
        everything = await ids(store, kind)
        assert everything, kind
        for column in shown.columns:
            if not column.sortable:
                with pytest.raises(InvalidEntry, match=column.name):
                    await ids(store, kind, sort=column.name)
                continue
            up = await ids(store, kind, sort=column.name)
            assert sorted(up) == sorted(everything), (kind, column)
            assert await ids(store, kind, sort=column.name, descending=True) == up[::-1], (kind, column)


async def test_every_page_has_a_value_for_every_column(store: Store, run_id: int) -> None:
    for kind in LISTINGS:
        for found in await ids(store, kind):
            await row(store, kind, found)


async def test_search_and_filters_take_any_text(store: Store, run_id: int) -> None:
    for kind, shown in LISTINGS.items():
        for text in ("%_", "' \" \\", "U-99999999999999999999", "\u00e9 \U0001f426"):
            await ids(store, kind, search=text)
        everything = await ids(store, kind)
        for name in shown.filters:
            assert await ids(store, kind, filters={name: ()}) == everything
            await ids(store, kind, filters={name: ("nonsense", "99999999999999999999")})


async def test_newcomers_tell_how_their_onboarding_goes(store: Store, run_id: int) -> None:
    assert await ids(store, "onboarding", run_id) == [2, 1]
    assert await row(store, "onboarding", 1) == {
        "worker": "ada", "status": "onboarding", "began": NOW, "on_task": 100.0, "last_heard": NOW, "answer": "",
    }  # fmt: skip
    assert await row(store, "onboarding", 2) == {
        "worker": "bob 100%", "status": "approved", "began": NOW, "on_task": 40.0, "last_heard": later(40),
        "answer": "sounds: good · sure: true",
    }  # fmt: skip
    assert await ids(store, "onboarding", filters={"status": ("approved", "rejected")}) == [2]
    assert await ids(store, "onboarding", search="ADA") == [1]


async def test_units_tell_who_answered_what(store: Store, run_id: int) -> None:
    assert await row(store, "units", 1) == {
        "unit": "U-1", "status": "accepted", "worker": "ada", "answer": "wren", "on_task": 11.0,
        "pay": (Decimal("0.12"), "EUR"), "flags": "fast", "item": "0.png",
    }  # fmt: skip
    assert (await row(store, "units", 6))["worker"] is None


FOUND: list[tuple[dict[str, Any], Sequence[int]]] = [
    ({}, [1, 2, 3, 4, 5, 6]),
    ({"descending": True}, [6, 5, 4, 3, 2, 1]),
    ({"sort": "status"}, [1, 5, 2, 3, 4, 6]),
    ({"filters": {"status": ["completed", "launched"]}}, [2, 3, 4, 6]),
    ({"filters": {"flags": ["any"]}}, [1]),
    ({"filters": {"flags": ["slow"]}}, []),
    ({"search": "U-3"}, [3]),
    ({"search": "ADA"}, [1, 3, 5]),
    ({"search": "ada owl"}, [3]),
    ({"search": "100%"}, [2, 4]),
    ({"search": "1.png"}, [3, 4]),
    ({"filters": {"worker": ["ada"]}, "sort": "on_task", "descending": True}, [3, 1, 5]),
]


async def test_units_are_found_and_ordered(store: Store, run_id: int) -> None:
    for asked, expected in FOUND:
        assert await ids(store, "units", run_id, **asked) == expected, asked


async def test_review_shows_what_waits_and_how_the_others_answered(store: Store, run_id: int) -> None:
    assert await ids(store, "review") == [2, 3, 4]
    assert (await row(store, "review", 2))["agreement"] == "2/2"
    assert (await row(store, "review", 3))["agreement"] == "1/2"
    assert await ids(store, "review", run_id, filters={"agreement": ["disputed"]}) == [3, 4]
    assert await ids(store, "review", run_id, filters={"agreement": ["agreed"]}) == [2]
    assert await ids(store, "review", sort="agreement") == [3, 4, 2]


async def test_free_text_neither_agrees_nor_disputes(store: Store, run_id: int) -> None:
    def forget_labels(session: Session) -> None:
        session.execute(sa.update(AGENTS).where(AGENTS.c.unit_id.in_((3, 4))).values(labels=[]))

    await store.write(forget_labels)
    assert (await row(store, "review", 3))["agreement"] == ""
    assert await ids(store, "review", run_id, filters={"agreement": ["disputed"]}) == []
    assert await ids(store, "review", run_id, filters={"agreement": ["agreed"]}) == [2]


async def test_review_leaves_out_what_is_being_decided(store: Store, run_id: int) -> None:
    def decide(session: Session) -> None:
        reviews.add_pending(
            session, "b1", [3], A.APPROVED, review_note=None, bonus=None, author="", due_at=later(8), now=NOW
        )

    await store.write(decide)
    assert await ids(store, "review") == [2, 4]
    await store.write(reviews.remove_pending, "b1")
    assert await ids(store, "review") == [2, 3, 4]


async def test_agents_show_the_newest_first_and_work_in_progress(store: Store, run_id: int) -> None:
    assert await ids(store, "agents", run_id) == [5, 4, 3, 2, 1]
    at_work = await row(store, "agents", 5)
    assert (at_work["status"], at_work["on_task"], at_work["done"]) == ("in task", 100.0, 2)
    assert await ids(store, "agents", run_id, filters={"status": ["in task"]}) == [5]


async def test_refusals_and_the_log_are_apart(store: Store, run_id: int) -> None:
    refused = await ids(store, "refused", run_id)
    assert len(refused) == 1
    assert await row(store, "refused", refused[0]) == {
        "when": NOW + timedelta(seconds=3), "worker": "eve", "reason": "You are blocked.", "code": "blocked",
    }  # fmt: skip
    assert len(await ids(store, "log", run_id)) == 2
    assert await ids(store, "log", run_id + 1) == []


async def test_workers_are_one_row_a_person(store: Store, run_id: int) -> None:
    ada, bob = await ids(store, "workers", sort="worker")
    shown = await row(store, "workers", ada)
    assert (shown["done"], shown["acceptance"], shown["median"], shown["paid"]) == (
        2,
        1.0,
        16.0,
        (Decimal("1.42"), "EUR"),
    )
    assert (shown["agreement"], shown["blocks"], shown["qualifications"]) == (0.5, "", "birds = 3")
    assert (await row(store, "workers", bob))["blocks"] == "blocked"
    assert await ids(store, "workers", filters={"blocks": ["blocked"]}) == [bob]
    assert await ids(store, "workers", filters={"blocks": ["none", "soft-blocked"]}) == [ada]
    assert await ids(store, "workers", filters={"qualifications": ["birds"]}, sort="worker") == [ada, bob]


async def test_payments_show_money_exactly(store: Store, run_id: int) -> None:
    newest, first = await ids(store, "payments", run_id)
    assert (await row(store, "payments", newest))["amount"] == (Decimal("1.30"), "EUR")
    assert (await row(store, "payments", first))["unit"] == "U-1"
    assert await ids(store, "payments", sort="amount") == [first, newest]
    await store.write(money.set_payment_state, first, PaymentState.SETTLED, now=NOW)
    assert await ids(store, "payments", filters={"state": ["intended"]}) == [newest]


async def test_runs_show_how_far_they_are(store: Store, run_id: int) -> None:
    shown = await row(store, "runs", run_id)
    assert (shown["task"], shown["state"], shown["done"], shown["units"], shown["to_review"]) == (
        "birds",
        "in flight",
        4,
        6,
        3,
    )
    assert (shown["spent"], shown["budget"]) == ((Decimal("1.42"), "EUR"), None)


async def test_grants_and_qualifications(store: Store, run_id: int) -> None:
    assert (await row(store, "grants", 1))["run"] == "birds"
    assert await ids(store, "grants", run_id) == [1]
    assert await ids(store, "qualifications", sort="holders") == [2, 1]
    assert (await row(store, "qualifications", 1))["holders"] == 2


async def test_a_scope_that_a_table_does_not_have_is_refused(store: Store, run_id: int) -> None:
    with pytest.raises(InvalidEntry, match="narrowed by unit_id"):
        await store.read(listing.list_ids, ListingQuery("log", {"unit_id": 1}))


async def test_the_ids_of_many_rows_keep_their_order(store: Store) -> None:
    def many(session: Session) -> int:
        run_id = make_run(session)
        assignments.add_assignments(
            session, run_id, [{"shared": {}, "unit_data": [{}] * 500}] * 60, pay_amount=Decimal(1), now=NOW
        )
        add_units(session, run_id, 10)
        return run_id

    run_id = await store.write(many)
    found = await ids(store, "units", run_id, sort="status", descending=True)
    assert found == [*range(30_010, 30_000, -1), *range(30_000, 0, -1)]


async def test_the_first_ids_are_those_that_the_list_begins_with(store: Store, run_id: int) -> None:
    for kind, shown in LISTINGS.items():
        for name in ["", *(column.name for column in shown.columns if column.sortable)]:
            for descending in (False, True):
                query = ListingQuery(kind, {}, sort=name, descending=descending)
                whole = await store.read(listing.list_ids, query)
                first = await store.read(listing.list_first_ids, query, 2)
                assert first is None or first == whole[:2], (kind, name, descending)
    open_units = ListingQuery("units", {"task_run_id": run_id}, {"status": ["launched", "assigned"]})
    whole = await store.read(listing.list_ids, open_units)
    assert await store.read(listing.list_first_ids, open_units, 100) == whole
    assert await store.read(listing.list_first_ids, ListingQuery("units", {}), 100) is not None
    assert await store.read(listing.list_first_ids, ListingQuery("units", {}, search="owl"), 2) is None
