"""Handing out and taking in many units at once: the same rules as one by one, on every kind of database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from app.data.repo import assignments, dispatch, intake, people, status, tasks
from app.data.repo.dispatch import Asker, Claim
from app.data.repo.intake import Submission
from app.data.states import AgentStatus, UnitStatus
from app.data.store import Session, Store
from app.errors import IllegalTransition, InvalidEntry
from tests.fakes.data_rows import add_units, make_run, make_worker

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
async def store(database_url: str, tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(database_url, locks_dir=tmp_path / "locks")
    yield opened
    await opened.close()


def ask(session: Session, run_id: int, names: str, visit: str = "v", **options: Any) -> list[Claim | None]:
    """A claim for each of the workers named, one letter each."""
    run = tasks.get_task_run(session, run_id)
    askers = [
        Asker(make_worker(session, name), f"{visit}-{name}", f"nonce {name} {visit}", f"hash {name} {visit}")
        for name in names
    ]
    chosen = {"waiting": False, "one_worker_an_item": True, **options}
    return dispatch.claim_units(session, run, askers, now=NOW, **chosen)


def scene(session: Session, items: int = 3, each: int = 1) -> int:
    run_id = make_run(session)
    add_units(session, run_id, items, each)
    return run_id


def hand_in(session: Session, claim: Claim, outputs: Any) -> None:
    done = Submission(claim.agent_id, claim.unit_id, outputs, [{"filename": "f"}], "short", ["b", "a", "b"], 1_500)
    intake.record_submissions(session, [done], NOW + timedelta(seconds=2))


async def test_a_batch_gets_different_units_and_the_last_get_none(store: Store) -> None:
    def play(session: Session) -> list[Claim | None]:
        return ask(session, scene(session, 2), "abc")

    claims = await store.write(play)
    made = [claim for claim in claims if claim is not None]
    assert len({claim.unit_id for claim in made}) == 2
    assert claims[2] is None
    agents = await store.read(dispatch.find_by_ids, [claim.agent_id for claim in made])
    assert {agent.status for agent in agents.values()} == {AgentStatus.IN_TASK}
    assert {agent.started_at for agent in agents.values()} == {NOW}


async def test_what_is_claimed_and_handed_in_is_stored_as_it_is(store: Store) -> None:
    outputs = {
        "answer": 'a "b" \\ ü 漢 😀',
        "number": 12345678901234567890,
        "small": 0.1,
        "none": None,
        "list": [1, {}],
    }

    def play(session: Session) -> Claim:
        claim = ask(session, scene(session), "a")[0]
        assert claim is not None
        dispatch.keep_inputs(session, {claim.agent_id: {"question": outputs}}, NOW)
        hand_in(session, claim, outputs)
        return claim

    claim = await store.write(play)
    kept = await store.read(people.get_agent_data, claim.agent_id)
    assert (kept.inputs, kept.outputs, list(kept.files)) == ({"question": outputs}, outputs, [{"filename": "f"}])
    agent = await store.read(people.get_agent, claim.agent_id)
    unit = await store.read(assignments.get_unit, claim.unit_id)
    assert (agent.status, unit.status) == (AgentStatus.COMPLETED, UnitStatus.COMPLETED)
    assert agent.submitted_at == NOW + timedelta(seconds=2)
    facts = await store.read(
        lambda session: session.execute(sa.text("SELECT time_on_task_ms, answer, labels FROM agents")).one()
    )
    assert (facts[0], facts[1]) == (1_500, "short")
    assert facts[2] in (["a", "b"], '["a","b"]'), "in one order, or the same labels would count as a dispute"


async def test_a_second_submission_of_an_agent_changes_nothing(store: Store) -> None:
    def play(session: Session) -> Claim:
        claim = ask(session, scene(session), "a")[0]
        assert claim is not None
        dispatch.keep_inputs(session, {claim.agent_id: {}}, NOW)
        hand_in(session, claim, {"answer": "first"})
        return claim

    claim = await store.write(play)
    with pytest.raises(IllegalTransition):
        await store.write(hand_in, claim, {"answer": "second"})
    assert (await store.read(people.get_agent_data, claim.agent_id)).outputs == {"answer": "first"}


async def test_what_json_cannot_say_is_refused(store: Store) -> None:
    def play(session: Session) -> Claim:
        claim = ask(session, scene(session), "a")[0]
        assert claim is not None
        dispatch.keep_inputs(session, {claim.agent_id: {}}, NOW)
        return claim

    claim = await store.write(play)
    with pytest.raises(InvalidEntry):
        await store.write(hand_in, claim, {"answer": float("nan")})


async def test_a_unit_that_came_back_is_not_given_to_who_had_done_it(store: Store) -> None:
    def play(session: Session) -> tuple[list[Claim | None], list[Claim | None]]:
        run_id = scene(session, 1)
        claim = ask(session, run_id, "a")[0]
        assert claim is not None
        dispatch.keep_inputs(session, {claim.agent_id: {}}, NOW)
        hand_in(session, claim, {})
        status.review_units(session, [claim.unit_id], AgentStatus.REJECTED, NOW)
        status.relaunch_units(session, [claim.unit_id], NOW)
        return ask(session, run_id, "a", "again"), ask(session, run_id, "b")

    again, other = await store.write(play)
    assert again == [None]
    assert other[0] is not None


async def test_partners_start_when_the_assignment_is_full(store: Store) -> None:
    def play(session: Session) -> tuple[dict[int, list[int]], dict[int, list[int]], list[Claim | None]]:
        run_id = scene(session, 1, 2)
        claims = ask(session, run_id, "a", waiting=True, one_worker_an_item=False)
        assert claims[0] is not None
        item = claims[0].assignment_id
        before = intake.start_full_assignments(session, [item], NOW)
        claims += ask(session, run_id, "b", waiting=True, one_worker_an_item=False)
        return before, intake.start_full_assignments(session, [item], NOW), claims

    before, after, claims = await store.write(play)
    assert before == {}
    assert [sorted(agents) for agents in after.values()] == [[c.agent_id for c in claims if c is not None]]


async def test_who_left_takes_the_unit_back_while_it_is_free(store: Store) -> None:
    def play(session: Session) -> tuple[bool, bool]:
        run_id = scene(session, 1)
        claim = ask(session, run_id, "a")[0]
        assert claim is not None
        status.set_agent_status(session, claim.agent_id, AgentStatus.DISCONNECT, now=NOW)
        back = intake.take_back_unit(session, dispatch.find_by_ids(session, [claim.agent_id])[claim.agent_id])
        status.set_agent_status(session, claim.agent_id, AgentStatus.DISCONNECT, now=NOW)
        ask(session, run_id, "b")
        return back, intake.take_back_unit(session, dispatch.find_by_ids(session, [claim.agent_id])[claim.agent_id])

    assert await store.write(play) == (True, False)


async def test_open_units_are_told_by_their_status(store: Store) -> None:
    def play(session: Session) -> list[tuple[bool, bool, bool]]:
        run_id = scene(session, 2)
        looks = [dispatch.find_open_units(session, run_id)]
        ask(session, run_id, "ab")
        looks.append(dispatch.find_open_units(session, run_id))
        return [(look.created, look.launched, look.assigned) for look in looks]

    assert await store.write(play) == [(False, True, False), (False, False, True)]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_batches_go_by_primary_keys(store: Store) -> None:
    def plans(session: Session) -> list[str]:
        connection = session.connection()
        ran: list[tuple[str, Any]] = []

        def note(_conn: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
            ran.append((statement, parameters))

        sa.event.listen(connection, "before_cursor_execute", note)
        for step in (dispatch._ASSIGN, dispatch._NEW_AGENTS, intake._DONE_AGENT, intake._DONE_UNIT, intake._DONE_DATA):
            connection.execute(step, {"rows": "[]", "now": NOW})
        return [
            " | ".join(str(row[3]) for row in connection.exec_driver_sql("EXPLAIN QUERY PLAN " + text, values))
            for text, values in list(ran)
        ]

    for plan in await store.write(plans):
        first, second = plan.split(" | ")[:2]  # what follows is for foreign keys that are broken: there are none
        assert first.startswith("SCAN batch")
        assert second.endswith("USING INTEGER PRIMARY KEY (rowid=?)")
