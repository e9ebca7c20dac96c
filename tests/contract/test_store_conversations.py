"""What is said in live tasks, and seats that change hands, on every kind of database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.data.changes import Change
from app.data.repo import dispatch, intake, live_updates, status, tasks
from app.data.repo.dispatch import Asker, Claim
from app.data.repo.live_updates import INWARD, OUTWARD, NewUpdate
from app.data.states import AgentStatus
from app.data.store import Session, Store
from tests.fakes.data_rows import add_units, make_run, make_worker

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
async def store(database_url: str, tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(database_url, locks_dir=tmp_path / "locks")
    yield opened
    await opened.close()


def make_pair(session: Session, names: str = "ab", items: int = 3) -> list[Claim]:
    """Workers who wait in conversations of two, those that are full begun."""
    run_id = make_run(session)
    add_units(session, run_id, items, 2)
    run = tasks.get_task_run(session, run_id)
    askers = [Asker(make_worker(session, name), f"v-{name}", f"nonce {name}", f"hash {name}") for name in names]
    claims = dispatch.claim_units(session, run, askers, waiting=True, one_worker_an_item=False, now=NOW)
    made = [claim for claim in claims if claim is not None]
    intake.start_full_assignments(session, {claim.assignment_id for claim in made}, NOW)
    dispatch.keep_inputs(session, {claim.agent_id: {"n": claim.unit_index} for claim in made}, NOW)
    return made


def add(session: Session, *said: tuple[int, str, str, Any]) -> list[bool]:
    return live_updates.append_live_updates(session, [NewUpdate(*one) for one in said], NOW)


async def test_updates_are_kept_once_in_their_order_and_told_by_agent(store: Store) -> None:
    one, two = (claim.agent_id for claim in await store.write(make_pair))
    heard: list[Change] = []
    subscription = store.feed.subscribe(lambda changes: heard.extend(changes), ["live_updates"])
    said = [(one, INWARD, "u1", {"text": "a"}), (two, OUTWARD, "u1", {"text": "a"}), (one, INWARD, "u1", {"text": "x"})]
    assert await store.write(add, *said) == [True, True, False]
    assert await store.write(add, (one, OUTWARD, "u1", {"text": "y"}), (one, OUTWARD, "u2", [1, None])) == [False, True]
    subscription.close()
    assert [change.ids for change in heard] == [frozenset({one, two}), frozenset({one})]
    rows = await store.read(live_updates.list_live_updates, one)
    assert [(row.direction, row.update_id, row.content) for row in rows] == [
        (INWARD, "u1", {"text": "a"}),
        (OUTWARD, "u2", [1, None]),
    ]
    found = await store.read(live_updates.list_of_agents, [one, two, 99])
    assert [len(found[agent_id]) for agent_id in (one, two, 99)] == [2, 1, 0]
    behind = await store.read(live_updates.list_of_agents, [one], rows[0].live_update_id)
    assert [row.update_id for row in behind[one]] == ["u2"]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ids=st.lists(st.sampled_from("abcde"), min_size=1, max_size=12), cut=st.integers(0, 12))
async def test_whatever_comes_twice_in_whatever_batches_is_kept_once(
    store: Store, ids: Sequence[str], cut: int
) -> None:
    one, _ = (claim.agent_id for claim in await store.write(make_pair))
    news: list[bool] = []
    for batch in (ids[:cut], ids[cut:]):
        if batch:
            news += await store.write(add, *((one, INWARD, update_id, {"n": update_id}) for update_id in batch))
    rows = await store.read(live_updates.list_live_updates, one)
    assert [row.update_id for row in rows] == list(dict.fromkeys(ids))
    assert [update_id for update_id, is_new in zip(ids, news, strict=True) if is_new] == list(dict.fromkeys(ids))


async def test_who_takes_over_a_seat_gets_all_that_was_said_in_it(store: Store) -> None:
    one, two, three = (claim.agent_id for claim in await store.write(make_pair, "abc"))
    await store.write(add, (one, INWARD, "u1", {"text": "mine", "id": "Ada", "task_data": {"k": 1}}))
    await store.write(
        add, (one, OUTWARD, "u2", {"text": "theirs", "id": "Ben"}), (two, INWARD, "u2", {"text": "theirs"})
    )
    await store.write(live_updates.copy_history, [one], three, "Ada", NOW)
    rows = await store.read(live_updates.list_live_updates, three)
    assert [(row.direction, row.content) for row in rows] == [
        (OUTWARD, {"text": "mine", "id": "Ada", "task_data": {"k": 1, "former": True}}),
        (OUTWARD, {"text": "theirs", "id": "Ben"}),
    ]
    seats = await store.read(live_updates.list_seats, 1)
    assert [(seat.agent_id, seat.unit_index, seat.status) for seat in seats] == [
        (one, 0, "in task"),
        (two, 1, "in task"),
    ]


async def test_somebody_who_waits_takes_an_open_seat_and_leaves_a_free_unit(store: Store) -> None:
    one, two, three = await store.write(make_pair, "abc")
    assert not await store.write(intake.take_seat, three.agent_id, two.unit_id, NOW)  # it is not free
    await store.write(_leave, two.agent_id)
    assert await store.write(intake.take_seat, three.agent_id, two.unit_id, NOW)
    assert not await store.write(intake.take_seat, three.agent_id, two.unit_id, NOW)  # they do not wait any more
    agent = (await store.read(dispatch.find_by_ids, [three.agent_id]))[three.agent_id]
    assert (agent.unit_id, agent.assignment_id, agent.status) == (two.unit_id, one.assignment_id, AgentStatus.IN_TASK)
    freed = (await store.read(dispatch.find_by_ids, [three.agent_id]))[three.agent_id]
    assert not freed.unit_free
    assert await store.read(dispatch.still_launched, [three.unit_id]) == [three.unit_id]
    await store.write(intake.change_inputs, three.agent_id, {"other": True})
    assert await store.read(dispatch.list_inputs, [three.agent_id]) == {three.agent_id: {"other": True}}


async def test_nobody_takes_a_second_seat_in_the_same_conversation(store: Store) -> None:
    def again(session: Session) -> bool:
        claims = make_pair(session, "abc")
        _leave(session, claims[1].agent_id)
        worker = dispatch.find_by_ids(session, [claims[1].agent_id])[claims[1].agent_id].worker_id
        run = tasks.get_task_run(session, 1)
        _leave(session, claims[2].agent_id)  # the second worker comes again, and waits where the third had waited
        asker = Asker(worker, "v2-b", "nonce b2", "hash b2")
        made = dispatch.claim_units(session, run, [asker], waiting=True, one_worker_an_item=False, now=NOW)[0]
        assert made is not None
        if made.assignment_id == claims[0].assignment_id:
            return False  # the claim gave them their old seat: nothing to move
        return intake.take_seat(session, made.agent_id, claims[1].unit_id, NOW)

    assert not await store.write(again)


def _leave(session: Session, agent_id: int) -> None:

    status.set_agent_status(session, agent_id, AgentStatus.DISCONNECT, now=NOW, reason="gone")
