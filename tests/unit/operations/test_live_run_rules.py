"""Whatever workers, pages, the network and the requester do in whatever order, the rules of a run hold."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.data.packets import Packet, PacketType
from app.data.states import RunState
from app.operations.engine.live_run import LiveTaskRun
from tests.fakes.run_stage import Stage, make_template, open_stage

WORKERS = ("ada", "bob", "cy", "dot")
DURATION, GRACE = 40, 5

worker = st.sampled_from(WORKERS)
step = st.one_of(
    st.tuples(st.just("register"), worker, st.integers(0, 4)),
    st.tuples(st.just("register"), worker, st.integers(0, 4)),
    st.tuples(st.just("submit"), worker, st.integers(0, 4)),
    st.tuples(st.just("submit"), worker, st.integers(0, 4)),
    st.tuples(st.just("submit twice"), worker, st.integers(0, 4)),
    st.tuples(st.just("return"), worker, st.integers(0, 4)),
    st.tuples(st.just("come"), worker, st.integers(0, 4)),
    st.tuples(st.just("go"), worker, st.integers(0, 4)),
    st.tuples(st.just("wait"), st.sampled_from([1, 6, 45]), st.just(0)),
    st.tuples(st.just("rush"), st.just(""), st.integers(0, 4)),
    st.tuples(st.just("pause"), st.just(""), st.just(0)),
    st.tuples(st.just("unpause"), st.just(""), st.just(0)),
    st.tuples(st.just("expire"), st.just(""), st.integers(1, 6)),
    st.tuples(st.just("resume"), st.just(""), st.just(0)),
)
limits = st.fixed_dictionaries(
    {
        "blueprint__num_assignments": st.integers(1, 4),
        "blueprint__units_per_assignment": st.integers(1, 2),
        "task__allowed_concurrent": st.sampled_from([0, 1, 2]),
        "task__maximum_units_per_worker": st.sampled_from([0, 1, 3]),
        "task__max_num_concurrent_units": st.sampled_from([0, 1, 2]),
        "task__budget": st.sampled_from([None, "2", "3.5"]),
    }
)


class Play:
    """One example: what was done, what was promised."""

    def __init__(self, stage: Stage, run: LiveTaskRun, asked: dict[str, Any]) -> None:
        self.stage, self.run, self.asked = stage, run, asked
        self.tokens: dict[tuple[str, int], str] = {}
        self.promised: dict[str, str] = {}
        """token -> the answer that was acknowledged."""
        self.refused: Counter[str] = Counter()

    async def do(self, what: str, who: Any, visit: int) -> None:
        stage, run = self.stage, self.run
        token = self.tokens.get((str(who), visit), "")
        if run.run_id not in stage.operator.live_runs:
            return
        if what == "register":
            await self.register(str(who), visit)
        elif what == "rush":
            await asyncio.gather(*(self.register(name, visit) for name in WORKERS))
        elif what == "wait":
            await stage.pass_time(run, float(who))
        elif what in ("pause", "unpause"):
            if run.state is not RunState.COMPLETED:
                await getattr(stage.operator, what)(run.run_id)
        elif what == "expire":
            await stage.operator.expire_units(run.run_id, [visit])
        elif what == "resume":
            await stage.operator.close()
            if stage.one("SELECT state FROM task_runs") != "completed":
                stage.operator._closing = None
                self.run = await stage.operator.resume(run.run_id)
                await stage.made(self.run)
        elif token:
            await self.use(what, token)

    async def use(self, what: str, token: str) -> None:
        stage, run = self.stage, self.run
        if what == "submit":
            await self.submit(token, f"answer {len(self.promised)}")
        elif what == "submit twice":
            await asyncio.gather(*(self.submit(token, f"answer {len(self.promised)}") for _ in range(2)))
        elif what == "return":
            await stage.ask(run, PacketType.RETURN_UNIT, token)
        else:
            kind = PacketType.ALIVE if what == "come" else PacketType.DISCONNECTED
            stage.channel(run).inject(Packet(kind, token))

    async def register(self, who: str, visit: int) -> None:
        details = await self.stage.register(self.run, who, f"v{visit}")
        if details["agent_id"]:
            self.tokens[who, visit] = details["agent_id"]
        else:
            self.refused[details["failure_code"]] += 1

    async def submit(self, token: str, answer: str) -> None:
        if await self.stage.submit(self.run, token, answer) is None:
            self.promised.setdefault(token, answer)

    def check(self) -> None:
        """The rules, read past all of our own code."""
        stage, asked = self.stage, self.asked
        live = "('accepted', 'waiting', 'in task')"
        holders = stage.rows(f"SELECT unit_id, count(*) FROM agents WHERE status IN {live} GROUP BY unit_id")
        assert all(count == 1 for _, count in holders), "a unit with two holders"
        assigned = stage.rows("SELECT unit_id, agent_id FROM units WHERE status = 'assigned' ORDER BY 1")
        assert assigned == stage.rows(f"SELECT unit_id, agent_id FROM agents WHERE status IN {live} ORDER BY 1"), (
            "units and holders differ"
        )
        twice = stage.rows(
            "SELECT assignment_id, worker_id FROM agents WHERE status IN ('in task', 'completed') "
            "GROUP BY assignment_id, worker_id HAVING count(*) > 1"
        )
        assert twice == [], "a worker twice in an assignment"
        done = stage.one("SELECT count(*) FROM units WHERE status = 'completed'")
        assert done == stage.one("SELECT count(*) FROM agents WHERE status = 'completed'") == len(self.promised)
        kept = stage.rows("SELECT json_extract(outputs, '$.answer') FROM agent_data WHERE outputs IS NOT NULL")
        assert sorted(row[0] for row in kept) == sorted(self.promised.values()), "a promise was broken"
        if asked["task__budget"]:
            assert done + len(assigned) <= Decimal(asked["task__budget"]), "more than the budget"
        at_work = {agent.agent_id for agent in self.run.engine.presence}
        if self.run.run_id in stage.operator.live_runs:
            assert at_work == {row[1] for row in assigned}, "memory and database differ"

    def check_gates(self) -> None:
        """Limits bind when a unit is given out; who comes back late to a unit of their own is let finish it."""
        asked = self.asked
        taken = self.stage.rows(
            "SELECT worker_id, sum(status = 'assigned'), count(*) FROM units WHERE worker_id IS NOT NULL GROUP BY 1"
        )
        if asked["task__maximum_units_per_worker"]:
            assert all(row[2] <= asked["task__maximum_units_per_worker"] for row in taken)
        if asked["task__allowed_concurrent"]:
            assert all(row[1] <= asked["task__allowed_concurrent"] for row in taken)
        if asked["task__max_num_concurrent_units"]:
            assert sum(row[1] for row in taken) <= asked["task__max_num_concurrent_units"]

    def check_reason(self, code: str) -> None:
        """A refusal says what is so."""
        counts = dict(self.stage.rows("SELECT status, count(*) FROM units GROUP BY status"))
        launched, assigned = counts.get("launched", 0), counts.get("assigned", 0)
        truth = {
            "none_for_you": launched > 0,
            "all_taken": launched == 0 and assigned > 0,
            "finished": launched == 0 and assigned == 0,
            "budget": launched > 0 and bool(self.asked["task__budget"]),
            "unit_limit": bool(self.asked["task__maximum_units_per_worker"]),
            "concurrent_limit": bool(self.asked["task__allowed_concurrent"]) and assigned > 0,
            "run_full": bool(self.asked["task__max_num_concurrent_units"]) and assigned > 0,
        }
        assert truth.get(code, True), f"{code} is not so: {counts}"


@pytest.fixture(scope="session")
async def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return await make_template(tmp_path_factory.mktemp("template"))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=limits, steps=st.lists(step, max_size=25))
async def test_the_rules_hold_in_whatever_order_things_happen(
    template: Path, asked: dict[str, Any], steps: list[tuple[str, Any, int]]
) -> None:
    values = {key: value for key, value in asked.items() if value is not None}
    with tempfile.TemporaryDirectory() as folder:
        # a run that is complete is served on to the end: whoever asks is answered
        async with open_stage(Path(folder), template, linger_seconds=1e9) as stage:
            times = {"task__assignment_duration_in_seconds": DURATION, "task__reconnect_grace_in_seconds": GRACE}
            play = Play(stage, await stage.launch(**values, **times), asked)
            for what, who, visit in steps:
                before = Counter(play.refused)
                await play.do(what, who, visit)
                play.check()
                if what == "register":
                    play.check_gates()
                    for code in play.refused - before:
                        play.check_reason(code)
