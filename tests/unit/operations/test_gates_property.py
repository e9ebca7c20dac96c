"""Random workers, units and outcomes on the run's own transactions: what always holds, and whether reasons are true."""

from __future__ import annotations

import tempfile
from collections import Counter
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import pytest
import sqlalchemy as sa
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlmodel import SQLModel

from app.blueprints.gates import Refuse, refuse
from app.blueprints.known_rows import KnownRow
from app.blueprints.mock.blueprint import MockBlueprint
from app.clock import TurnedClock
from app.data.engine import make_engine, parse_url
from app.data.repo import assignments, blocks, dispatch, status, tasks
from app.data.states import LEFT_AGENT, LIVE_AGENT, AgentStatus, RunState, UnitStatus
from app.data.store import Session
from app.errors import IllegalTransition
from app.operations.configuration.config import from_values
from app.operations.engine.admission import Admission, Eligible, Given, InOnboarding, Order, Reply, admit
from app.operations.engine.budget import BudgetQuestion
from app.operations.engine.onboarding import judge as judge_onboarding
from app.operations.engine.run_context import RunContext, hash_of
from app.operations.engine.work_intake import HandIn, Intake, take_in
from app.operations.run_life import create_run
from app.providers import registry as providers
from app.settings import Settings

WORKERS = ("ada", "bob", "cyd", "dee")
ROWS = [KnownRow(n, {"question": f"Known {n}?"}, "right") for n in range(1, 4)]
FOLDER = Path(tempfile.gettempdir())
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None

limits = st.fixed_dictionaries(
    {
        "items": st.integers(1, 4),
        "each": st.integers(1, 3),
        "allowed_concurrent": st.integers(0, 2),
        "maximum_units_per_worker": st.sampled_from([0, 0, 1, 3]),
        "max_num_concurrent_units": st.sampled_from([0, 0, 2, 4]),
        "onboarding": st.booleans(),
        "screening": st.booleans(),
        "max_screening_units": st.integers(1, 5),
        "gold": st.booleans(),
        "min_golds": st.integers(0, 2),
        "gold_every": st.integers(0, 2),
        "max_incorrect_golds": st.integers(0, 2),
        "max_gold_units": st.integers(1, 8),
        "wanted": st.sampled_from(["", "", "Exists", "DoesNotExist"]),
    }
)


@cache
def template() -> bytes:
    """A database with all tables, made once."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "template.db"
        engine = make_engine(parse_url(f"sqlite:///{path}"), readers=0)
        SQLModel.metadata.create_all(engine)
        engine.dispose()
        return path.read_bytes()


class GatesMachine(RuleBasedStateMachine):
    """One run; what the engine says is compared with what a plain count of the outcomes says."""

    TEXTS: ClassVar[dict[str, str]] = {"right": "right", "wrong": "no idea"}

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(dir=MEMORY)
        path = Path(self.folder.name) / "run.db"
        path.write_bytes(template())
        self.engine = make_engine(parse_url(f"sqlite:///{path}"), readers=0)
        self.clock = TurnedClock()
        self.visits = 0
        self.golds: Counter[tuple[str, str]] = Counter()
        self.screened: dict[str, bool] = {}
        self.introduced: dict[str, bool] = {}
        self.barred: set[str] = set()

    def teardown(self) -> None:
        self.engine.dispose()
        self.folder.cleanup()

    # -- the stage

    @initialize(given=limits)
    def launch(self, given: dict[str, Any]) -> None:
        self.given = given
        task = {name: given[name] for name in ("allowed_concurrent", "maximum_units_per_worker")}
        task |= {"max_num_concurrent_units": given["max_num_concurrent_units"], "task_name": "s", "task_title": "S"}
        if given["wanted"]:
            task["qualifications"] = [{"qualification_name": "reader", "comparator": given["wanted"]}]
        gates = {name: given[name] for name in ("min_golds", "gold_every", "max_incorrect_golds", "max_gold_units")}
        values = {
            "task": {**task, "task_description": "S.", "task_reward": "1"},
            "blueprint": {
                "_blueprint_type": "mock",
                "num_assignments": given["items"],
                "units_per_assignment": given["each"],
                "onboarding_qualification": "intro" if given["onboarding"] else "",
                "max_screening_units": given["max_screening_units"],
                **gates,
            },
            "architect": {"_architect_type": "mock"},
        }
        config, problems = from_values(values, FOLDER)
        assert config is not None, problems
        config.blueprint.use_screening_task = given["screening"]
        config.blueprint.passed_qualification_name = "screened"
        config.blueprint.use_golds = given["gold"]
        config.blueprint.gold_qualification_base = "stage"
        self.now = self.clock.now()
        provider = providers.get("inhouse")(config.provider, self.clock)
        with Session(self.engine) as session:
            run_id = create_run(session, config, False, self.now)
            status.set_run_state(session, run_id, RunState.IN_FLIGHT, self.now)
            blueprint = MockBlueprint(config.blueprint, FOLDER)
            items = [{"shared": item.shared, "unit_data": item.unit_data} for item in blueprint.iter_assignments()]
            pay, launched = config.task.task_reward, UnitStatus.LAUNCHED
            assignments.add_assignments(session, run_id, items, pay_amount=pay, unit_status=launched, now=self.now)
            row = tasks.get_task_run(session, run_id)
            session.commit()
        store: Any = None
        self.context = RunContext(
            row, config, provider, blueprint, store, Settings(FOLDER, "sqlite://"), self.clock, "secret",
            lambda _: None, {"screening": ROWS, "gold": ROWS},
        )  # fmt: skip

    def _write(self, function: Any, *args: Any) -> Any:
        with Session(self.engine) as session:
            answer = function(session, *args)
            session.commit()
            return answer

    def _rows(self, statement: str) -> list[Any]:
        with self.engine.connect() as connection:
            return list(connection.execute(sa.text(statement)))

    def _one(self, statement: str) -> int:
        return int(self._rows(statement)[0][0] or 0)

    def _admission(self) -> Admission:
        question = BudgetQuestion(self.context.run_id, None, self.context.cost, None)
        return Admission(self.context, self.context.limits(), None, True, question, self.clock.now())

    def _order(self, worker: str, visit: str, only: tuple[int, ...] | None = None) -> Order:
        nonce = self.context.new_nonce()
        return Order(worker, visit, None, nonce, hash_of(self.context.token_of(nonce)), {}, None, True, only)

    # -- what happens

    @rule(workers=st.lists(st.sampled_from(WORKERS), min_size=1, max_size=3, unique=True))
    def ask(self, workers: list[str]) -> None:
        """Workers ask for a unit in one transaction."""
        orders = []
        for worker in workers:
            self.visits += 1
            orders.append(self._order(worker, f"{worker}-{self.visits}"))
        before = {worker: self._facts(worker) for worker in workers}
        batch = self._write(admit, self._admission(), orders)
        for worker, reply in zip(workers, batch.outcomes, strict=True):
            self._is_true(worker, reply, before[worker], alone=len(workers) == 1)

    @rule(worker=st.sampled_from(WORKERS))
    def ask_in_two_steps(self, worker: str) -> None:
        """Where the task's code chooses: eligible first, and then only what was chosen."""
        self.visits += 1
        visit = f"{worker}-{self.visits}"
        facts = self._facts(worker)
        (reply,) = self._write(admit, self._admission(), [self._order(worker, visit, ())]).outcomes
        if not isinstance(reply, Eligible):
            self._is_true(worker, reply, facts, alone=True)
            return
        self._may_work(worker, facts)
        rows = self._write(lambda s: status.list_claimable(s, self.context.run_id, reply.worker_id, after=0, most=9))
        chosen = tuple(row.unit_id for row in rows[1:])
        (second,) = self._write(admit, self._admission(), [self._order(worker, visit, chosen or (0,))]).outcomes
        if isinstance(second, Given):
            assert second.agent.unit_id in chosen

    @precondition(lambda self: self._agents(LIVE_AGENT))
    @rule(data=st.data(), right=st.booleans(), again=st.booleans())
    def hand_in(self, data: Any, right: bool, again: bool) -> None:
        agent = data.draw(st.sampled_from(self._agents(LIVE_AGENT)))
        self._hand_in(agent, right)
        if again:
            receipt = self._submit(agent, right)
            assert receipt.again or receipt.failure, "a second submission counts for nothing"

    @precondition(lambda self: self._agents(LEFT_AGENT))
    @rule(data=st.data(), right=st.booleans())
    def hand_in_late(self, data: Any, right: bool) -> None:
        self._hand_in(data.draw(st.sampled_from(self._agents(LEFT_AGENT))), right)

    @precondition(lambda self: self._agents(LIVE_AGENT))
    @rule(data=st.data(), how=st.sampled_from(["disconnect", "timeout", "returned"]))
    def leave(self, data: Any, how: str) -> None:
        agent = data.draw(st.sampled_from(self._agents(LIVE_AGENT)))
        self._write(
            lambda s: status.set_agent_status(s, agent.agent_id, AgentStatus(how), now=self.clock.now(), reason="left")
        )

    @precondition(lambda self: self._agents(LEFT_AGENT))
    @rule(data=st.data())
    def come_back(self, data: Any) -> None:
        agent = data.draw(st.sampled_from(self._agents(LEFT_AGENT)))
        name = self._name(agent.worker_id)
        facts = self._facts(name)
        (reply,) = self._write(admit, self._admission(), [self._order(name, agent.registration_id)]).outcomes
        if isinstance(reply, Refuse) and reply.code == "already_done":
            visit = f"registration_id = '{agent.registration_id}' AND status = 'completed'"
            assert self._one(f"SELECT count(*) FROM agents WHERE {visit}") > 0
        elif isinstance(reply, Given) and reply.again:
            assert reply.agent.registration_id == agent.registration_id
        else:
            self._is_true(name, reply, facts, alone=True)

    @rule(worker=st.sampled_from(WORKERS), passed=st.booleans())
    def answer_onboarding(self, worker: str, passed: bool) -> None:
        found = self._rows(
            "SELECT nonce FROM onboarding_agents o JOIN workers w USING (worker_id) "
            f"WHERE worker_name = '{worker}' AND status = 'onboarding'"
        )
        for (nonce,) in found:
            token = hash_of(self.context.token_of(nonce, onboarding=True))
            self._write(judge_onboarding, self.context, token, {}, passed, self.clock.now())
            self.introduced[worker] = passed

    @rule(worker=st.sampled_from(WORKERS))
    def block(self, worker: str) -> None:
        worker_id = self._worker_id(worker)
        if worker_id is not None:
            self._write(
                lambda s: blocks.block_worker(
                    s, worker_id, hard=True, task_id=None, reason="rude", author="me", until=None, now=self.clock.now()
                )
            )
            self.barred.add(worker)

    @rule(data=st.data())
    def expire_or_relaunch(self, data: Any) -> None:
        unit_id, unit_status, index = data.draw(st.sampled_from(
            [tuple(row) for row in self._rows("SELECT unit_id, status, unit_index FROM units")]
        ))  # fmt: skip
        if unit_status in ("created", "launched", "assigned"):
            self._write(lambda s: status.expire_units(s, self.context.run_id, [unit_id], self.clock.now()))
        elif unit_status == "expired":
            if index < 0:
                with pytest.raises(IllegalTransition):
                    self._write(lambda s: status.relaunch_units(s, [unit_id], self.clock.now()))
            else:
                self._write(lambda s: status.relaunch_units(s, [unit_id], self.clock.now()))

    @rule(seconds=st.integers(1, 900))
    def wait(self, seconds: int) -> None:
        self.clock._now += timedelta(seconds=seconds)

    # -- helpers

    def _agents(self, statuses: Any) -> list[dispatch.KnownAgent]:
        rows = self._rows("SELECT agent_id, status FROM agents ORDER BY agent_id")
        ids = [row[0] for row in rows if row[1] in statuses]
        found = self._write(lambda s: dispatch.find_by_ids(s, ids)) if ids else {}
        return [found[agent_id] for agent_id in ids]

    def _name(self, worker_id: int) -> str:
        return str(self._rows(f"SELECT worker_name FROM workers WHERE worker_id = {worker_id}")[0][0])

    def _worker_id(self, worker: str) -> int | None:
        rows = self._rows(f"SELECT worker_id FROM workers WHERE worker_name = '{worker}'")
        return int(rows[0][0]) if rows else None

    def _submit(self, agent: dispatch.KnownAgent, right: bool) -> Any:
        work = HandIn("", {"answer": self.TEXTS["right" if right else "wrong"]}, [], agent.token_hash)
        work.is_right = right if agent.unit_index < 0 else None
        plan = Intake(
            self.context, BudgetQuestion(self.context.run_id, None, self.context.cost, None), self.clock.now()
        )
        (receipt,) = self._write(take_in, plan, [work])
        return receipt

    def _hand_in(self, agent: dispatch.KnownAgent, right: bool) -> None:
        receipt = self._submit(agent, right)
        if receipt.failure is not None or receipt.again:
            return
        name = self._name(agent.worker_id)
        if agent.unit_index == -1:
            self.screened[name] = self.screened.get(name, False) or right
            if not right:
                self.barred.add(name)
        elif agent.unit_index == -2:
            self.golds[name, "correct" if right else "wrong"] += 1

    def _facts(self, worker: str) -> dict[str, int]:
        """Plain counts of before the transaction."""
        w = f"u.worker_id = (SELECT worker_id FROM workers WHERE worker_name = '{worker}')"
        units = "SELECT count(*) FROM units u WHERE "
        at_work = "u.status = 'assigned'"
        done = "u.status IN ('assigned', 'completed')"
        mine = (
            "SELECT count(*) FROM agents a JOIN workers w USING (worker_id) WHERE a.assignment_id = u.assignment_id "
            f"AND w.worker_name = '{worker}' "
            "AND a.status NOT IN ('disconnect', 'timeout', 'returned', 'expired', 'partner disconnect')"
        )
        return {
            "held": self._one(f"{units}{w} AND {at_work}"),
            "tests": self._one(f"{units}{w} AND {at_work} AND u.unit_index < 0"),
            "taken": self._one(f"{units}{w} AND {done} AND u.unit_index >= 0"),
            "live": self._one(f"{units}{at_work}"),
            "live_roles": self._one(f"{units}{at_work} AND u.unit_index >= 0"),
            "launched": self._one(f"{units}u.status = 'launched'"),
            "for_me": self._one(f"{units}u.status = 'launched' AND u.unit_index >= 0 AND ({mine}) = 0"),
            "screening": self._one(f"{units}u.unit_index = -1 AND u.status <> 'expired'"),
            "gold": self._one(f"{units}u.unit_index = -2 AND u.status <> 'expired'"),
        }

    def _may_work(self, worker: str, facts: dict[str, int]) -> None:
        """Every gate before the work itself is behind the worker."""
        given = self.given
        assert worker not in self.barred
        assert given["wanted"] != "Exists"
        if given["allowed_concurrent"]:
            assert facts["held"] < given["allowed_concurrent"]
        if given["maximum_units_per_worker"]:
            assert facts["taken"] < given["maximum_units_per_worker"]
        if given["onboarding"]:
            assert self.introduced.get(worker) is True
        if given["screening"]:
            assert self.screened.get(worker) is True
        if given["gold"]:
            assert self.golds[worker, "correct"] >= given["min_golds"]
            assert self.golds[worker, "wrong"] <= given["max_incorrect_golds"]

    def _is_true(self, worker: str, reply: Reply, facts: dict[str, int], *, alone: bool) -> None:
        """What a worker was told fits what is so. Others in the same transaction may have changed counts before."""
        given = self.given
        if isinstance(reply, InOnboarding):
            assert given["onboarding"]
            assert self.introduced.get(worker) is None
            return
        if isinstance(reply, Given):
            if reply.agent.unit_index >= 0:
                self._may_work(worker, facts)
            elif reply.agent.unit_index == -1:
                assert self.screened.get(worker) is None
                assert self.introduced.get(worker, True)
                assert "truth" not in reply.inputs
            else:
                assert not given["screening"] or self.screened.get(worker) is True, "screening comes first"
            return
        assert isinstance(reply, Refuse)
        correct, wrong = self.golds[worker, "correct"], self.golds[worker, "wrong"]
        true = {
            "blocked": worker in self.barred,
            "soft_blocked": worker in self.barred and given["screening"],
            "qualification": given["wanted"] == "Exists",
            "onboarding_failed": self.introduced.get(worker) is False,
            "concurrent_limit": 0 < given["allowed_concurrent"] <= facts["held"],
            "unit_limit": 0 < given["maximum_units_per_worker"] <= facts["taken"],
            "run_full": not alone or 0 < given["max_num_concurrent_units"] <= facts["live"],
            "test_open": facts["tests"] > 0,
            "screening_over": not alone or facts["screening"] >= given["max_screening_units"],
            "gold_over": not alone or (facts["gold"] >= given["max_gold_units"] and correct < given["min_golds"]),
            "gold_disqualified": wrong > given["max_incorrect_golds"],
            "none_for_you": not alone or (facts["launched"] > 0 and facts["for_me"] == 0),
            "all_taken": not alone or (facts["launched"] == 0 and facts["live_roles"] > 0),
            "finished": not alone or facts["launched"] + facts["live_roles"] == 0,
        }
        assert true[reply.code], f"{worker} was told {reply.code}, which is not so: {facts}"
        assert reply.reason == refuse(reply.code).reason or reply.code in ("blocked", "soft_blocked")

    # -- what always holds

    @invariant()
    def no_unit_is_held_twice(self) -> None:
        twice = (
            "SELECT unit_id FROM agents WHERE status IN ('accepted', 'waiting', 'in task', 'completed') "
            "GROUP BY unit_id HAVING count(*) > 1"
        )
        assert self._rows(twice) == []

    @invariant()
    def no_worker_is_twice_in_an_item(self) -> None:
        twice = (
            "SELECT assignment_id, worker_id FROM units WHERE worker_id IS NOT NULL AND status <> 'expired' "
            "GROUP BY 1, 2 HAVING count(*) > 1"
        )
        assert self._rows(twice) == []

    @invariant()
    def no_test_unit_lies_open(self) -> None:
        assert self._one("SELECT count(*) FROM units WHERE unit_index < 0 AND status IN ('created', 'launched')") == 0

    @invariant()
    def the_caps_hold(self) -> None:
        if not hasattr(self, "given"):
            return
        used = Counter(row[0] for row in self._rows("SELECT unit_index FROM units WHERE status <> 'expired'"))
        assert used[-1] <= self.given["max_screening_units"] * self.given["screening"]
        assert used[-2] <= self.given["max_gold_units"] * self.given["gold"]

    @invariant()
    def the_counts_of_golds_are_exact(self) -> None:
        counted = {
            (name, qualification.removeprefix("stage-").removesuffix("-golds")): value
            for name, qualification, value in self._rows(
                "SELECT worker_name, qualification_name, value FROM granted_qualifications JOIN qualifications "
                "USING (qualification_id) JOIN workers USING (worker_id) WHERE qualification_name LIKE '%-golds'"
            )
        }
        assert counted == {key: count for key, count in self.golds.items() if count}


TestGates = GatesMachine.TestCase
TestGates.settings = settings(
    max_examples=40, stateful_step_count=40, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate]
)
