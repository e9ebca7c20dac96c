"""Whatever happens in whatever order, units and agents keep the rules of their life, on every database."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError

from app.data import states
from app.data.engine import make_engine, parse_url
from app.data.repo import dispatch, intake, status, tasks
from app.data.repo.core import AGENTS, UNITS, run
from app.data.repo.dispatch import Asker
from app.data.states import AgentStatus, RunState, UnitStatus
from app.data.store import Session, Store
from app.errors import IllegalTransition
from tests.fakes.data_rows import NOW, add_units, claim, hand_in, make_run, make_worker, take

A, U = AgentStatus, UnitStatus
HOLDING = {A.ACCEPTED, A.WAITING, A.IN_TASK, A.COMPLETED}


@dataclass
class World:
    """A run with a few units and workers, and all that ever happened in it."""

    session: Session
    run_id: int
    units: list[int]
    workers: list[int]
    agents: list[int] = field(default_factory=list)

    def facts(self) -> tuple[dict[int, Any], dict[int, Any]]:
        units = {
            row.unit_id: row for row in run(self.session, sa.select(UNITS).where(UNITS.c.task_run_id == self.run_id))
        }
        agents = {
            row.agent_id: row for row in run(self.session, sa.select(AGENTS).where(AGENTS.c.task_run_id == self.run_id))
        }
        return units, agents


def check(world: World) -> None:
    """The invariants of the life of units."""
    units, agents = world.facts()
    for unit in units.values():
        holders = [a for a in agents.values() if a.unit_id == unit.unit_id and a.status in HOLDING]
        assert len(holders) <= 1, "two hold one unit"
        assert (unit.agent_id is None) == (unit.worker_id is None)
        if unit.agent_id is None:
            assert not holders
            assert unit.status in (U.CREATED, U.LAUNCHED, U.EXPIRED)
            continue
        agent = agents[unit.agent_id]
        assert agent.worker_id == unit.worker_id
        assert unit.status == states.UNIT_STATUS_OF_AGENT[A(agent.status)]
    for agent in agents.values():
        if agent.status in HOLDING:
            assert units[agent.unit_id].agent_id == agent.agent_id
        assert (agent.submitted_at is not None) == (
            agent.status in (A.COMPLETED, A.APPROVED, A.SOFT_REJECTED, A.REJECTED)
        )
        assert (agent.left_at is not None) == (agent.status in states.LEFT_AGENT)
    both = Counter(
        (units[a.unit_id].assignment_id, a.worker_id) for a in agents.values() if a.status not in states.LEFT_AGENT
    )
    assert not both or max(both.values()) == 1, "a worker has two units of one item"


def attempt(world: World, change: Callable[[], object]) -> None:
    """Make a change, or find it illegal: then everything is as before."""
    before = world.facts()
    savepoint = world.session.begin_nested()
    try:
        change()
    except IllegalTransition:
        assert world.facts() == before, "an illegal move changed something"
        savepoint.rollback()
    else:
        savepoint.commit()
        completed = {unit for unit, row in before[0].items() if row.status in states.DONE_UNIT}
        after = world.facts()[0]
        assert not [unit for unit in completed if after[unit].status == U.EXPIRED], "done work expired"
    check(world)


def act(world: World, draw: random.Random) -> None:
    session, now = world.session, NOW
    agent = draw.choice(world.agents) if world.agents else 1
    some = draw.sample(world.units, draw.randint(1, len(world.units)))
    acts: list[Callable[[], object]] = [
        lambda: (
            world.agents.append(found.agent_id)
            if (found := claim(session, world.run_id, draw.choice(world.workers), in_task=draw.random() < 0.6))
            else None
        ),
        lambda: status.set_agent_status(session, agent, draw.choice(list(A)), now=now),
        lambda: hand_in_whole(session, agent),
        lambda: intake.take_back_unit(session, dispatch.find_by_ids(session, [agent])[agent]),
        lambda: claim_together(world, draw),
        lambda: status.review_units(session, some, draw.choice([A.APPROVED, A.SOFT_REJECTED, A.REJECTED]), now),
        lambda: status.launch_units(session, world.run_id, draw.choice([None, 1])),
        lambda: status.relaunch_units(session, some[:2], now),
    ]
    rare: list[Callable[[], object]] = [
        lambda: status.expire_units(session, world.run_id, draw.choice([None, some]), now),
    ]
    kind = draw.choice(acts if world.agents else acts[:1]) if draw.random() < 0.93 else draw.choice(rare)
    attempt(world, lambda: None if kind is acts[1] and not world.agents else kind())


def hand_in_whole(session: Session, agent_id: int) -> None:
    """As the store does it: a savepoint of its own."""
    with session.begin_nested():
        hand_in(session, agent_id, {"x": 1}, NOW, answer="x", labels=["x"])


def claim_together(world: World, draw: random.Random) -> None:
    """As the router's batches do it: several workers, one call."""
    askers = [
        Asker(worker, f"registration-{(serial := draw.getrandbits(60))}", "", f"hash-{serial}")
        for worker in draw.sample(world.workers, draw.randint(1, 3))
    ]
    run_row = tasks.get_task_run(world.session, world.run_id)
    claims = dispatch.claim_units(
        world.session, run_row, askers, waiting=draw.random() < 0.3, one_worker_an_item=False, now=NOW
    )
    world.agents.extend(made.agent_id for made in claims if made is not None)


def make_world(session: Session) -> World:
    run_id = make_run(session)
    units = add_units(session, run_id, 2, units_each=2)
    units = [*units, *add_units(session, run_id, 1, units_each=2, launched=False)[4:]]
    return World(session, run_id, units, [make_worker(session, name) for name in ("ada", "bob", "eve")])


@pytest.fixture
def engine(database_url: str) -> Any:
    made = make_engine(parse_url(database_url), readers=0)
    yield made
    made.dispose()


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)  # fmt: skip
@given(seed=st.integers(0, 2**32), length=st.integers(5, 40))
def test_no_order_of_events_breaks_the_rules(engine: sa.Engine, seed: int, length: int) -> None:
    draw = random.Random(seed)
    with Session(engine) as session:
        world = make_world(session)
        check(world)
        for _ in range(length):
            act(world, draw)
        session.rollback()


def test_every_pair_of_agent_statuses_follows_the_table(engine: sa.Engine) -> None:
    """From each status that an agent can be brought to, every other is tried."""
    with Session(engine) as session:
        world = make_world(session)
        agent = take(session, world.run_id, world.workers[0], in_task=False)
        for old in sorted(states.UNIT_STATUS_OF_AGENT):
            for new in A:
                savepoint = session.begin_nested()
                bring_to(session, agent.agent_id, old)
                legal = new in states.AGENT_TRANSITIONS[old] and old not in states.LEFT_AGENT
                if legal:
                    assert status.set_agent_status(session, agent.agent_id, new, now=NOW) is old
                    check(world)
                else:
                    before = world.facts()
                    with pytest.raises(IllegalTransition):
                        status.set_agent_status(session, agent.agent_id, new, now=NOW)
                    assert world.facts() == before
                savepoint.rollback()
        session.rollback()


PATHS: dict[AgentStatus, tuple[AgentStatus, ...]] = {
    A.ACCEPTED: (), A.WAITING: (A.WAITING,), A.IN_TASK: (A.IN_TASK,), A.COMPLETED: (A.IN_TASK, A.COMPLETED),
    **{left: (left,) for left in states.LEFT_AGENT},
    **{judged: (A.IN_TASK, A.COMPLETED, judged) for judged in (A.APPROVED, A.SOFT_REJECTED, A.REJECTED)},
}  # fmt: skip


def bring_to(session: Session, agent_id: int, target: AgentStatus) -> None:
    for step in PATHS[target]:
        status.set_agent_status(session, agent_id, step, now=NOW)


def test_runs_follow_their_table(engine: sa.Engine) -> None:
    with Session(engine) as session:
        for old in RunState:
            for new in RunState:
                savepoint = session.begin_nested()
                run_id = make_run(session, f"{old} {new}")
                from app.data.repo.core import RUNS

                run(session, sa.update(RUNS).where(RUNS.c.task_run_id == run_id).values(state=old))
                if new in states.RUN_TRANSITIONS[old]:
                    assert status.set_run_state(session, run_id, new, NOW) is old
                else:
                    with pytest.raises(IllegalTransition):
                        status.set_run_state(session, run_id, new, NOW)
                savepoint.rollback()
        session.rollback()


def test_the_database_itself_refuses_a_second_holder(engine: sa.Engine) -> None:
    with Session(engine) as session:
        world = make_world(session)
        agent = take(session, world.run_id, world.workers[0])
        copied = [c for c in AGENTS.c if c.name != "agent_id"]
        second = sa.insert(AGENTS).from_select(
            [c.name for c in copied], sa.select(*copied).where(AGENTS.c.agent_id == agent.agent_id)
        )
        with pytest.raises(sa.exc.IntegrityError):
            run(session, second)
        session.rollback()


def test_claims_of_many_threads_never_meet(database_url: str) -> None:
    """Eight connections at once, as eight programs would: every unit once, and nobody two of one item."""
    url = parse_url(database_url)
    first = make_engine(url, readers=0)
    with Session(first) as session:
        run_id = make_run(session)
        units = add_units(session, run_id, 40, units_each=2)
        workers = [make_worker(session, f"w{n}") for n in range(8)]
        session.commit()
    taken: list[tuple[int, int, int]] = []
    failures: list[BaseException] = []
    start = threading.Barrier(8)

    def work(worker_id: int) -> None:
        engine = make_engine(url, readers=0)
        try:
            start.wait()
            misses = 0
            while misses < 3:
                with Session(engine) as session:
                    agent = claim(session, run_id, worker_id)
                    session.commit()
                if agent is None:
                    misses += 1  # another may be holding the last rows for a moment
                else:
                    taken.append((agent.unit_id, agent.assignment_id, worker_id))
        except (DBAPIError, IllegalTransition) as error:
            failures.append(error)
        finally:
            engine.dispose()

    threads = [threading.Thread(target=work, args=(worker_id,)) for worker_id in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    first.dispose()
    assert failures == []
    assert sorted(unit for unit, _, _ in taken) == units
    assert max(Counter((item, worker) for _, item, worker in taken).values()) == 1


async def test_claims_through_the_store_never_meet(store: Store) -> None:
    import asyncio

    run_id = await store.write(make_run)
    units = await store.write(lambda session: add_units(session, run_id, 30, units_each=2))
    workers = [await store.write(make_worker, f"w{n}") for n in range(6)]
    agents = await asyncio.gather(*(store.write(claim, run_id, workers[n % 6]) for n in range(90)))
    assert sorted(agent.unit_id for agent in agents if agent) == units
