"""A desk over a real store, with a run of the sample task and what workers sent: for tests of whole pages."""

from __future__ import annotations

import itertools
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from app.blueprints import registry as blueprints
from app.blueprints.base import Blueprint
from app.clock import Clock, TurnedClock
from app.data.repo import assignments, people, status, tasks
from app.data.states import RunState, UnitStatus
from app.data.store import Session, Store
from app.operations.configuration import config as configs
from app.operations.configuration.config import RunConfig
from app.operations.desk.crowd import Crowd
from app.operations.desk.payments import Ledger
from app.operations.desk.review import ReviewDesk
from app.operations.desk.workers import WorkerDesk
from app.operations.operator import Operator
from app.settings import Preferences, Settings
from app.vault import FileVault
from app.viewmodels.desktop import Desktop, Engine
from app.viewmodels.ui_state import UiState
from app.viewmodels.window_frame import WindowFrame
from tests.fakes.data_rows import claim, hand_in

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "resources" / "samples" / "label_shapes.yaml"
NAMES = ("mira.k", "t.oduya", "lena-w", "p_haas", "jun.ito", "a.costa", "r.singh", "sofie", "mbeki", "k.novak")


@asynccontextmanager
async def open_desktop(folder: Path, clock: Clock | None = None, *, undo_seconds: int = 8) -> AsyncIterator[Desktop]:
    """A desktop on a new SQLite database in `folder`, without a window; the review desk applies what falls due."""
    settings = Settings(folder, f"sqlite:///{folder / 'crowdesk.db'}", Preferences(undo_seconds=undo_seconds))
    clock = clock or TurnedClock()
    store = await Store.open(settings.database_url, locks_dir=settings.locks_dir)
    vault = FileVault(folder / "vault.json")
    crowd = Crowd(store, clock)
    ledger = Ledger(store, crowd, settings, clock)
    reviews = ReviewDesk(store, ledger, crowd, settings, clock)
    operator = Operator(store, settings, vault, clock)
    engine = Engine(store, settings, vault, clock, operator, reviews, ledger, WorkerDesk(store, crowd, settings, clock))
    await reviews.start()
    try:
        yield Desktop(engine, WindowFrame(UiState()))
    finally:
        await reviews.close()
        await operator.close()
        await store.close()


def sample_config(**task: Any) -> RunConfig:
    """The configuration of the sample task, with other values for its task where given."""
    return configs.load_task_file(SAMPLE, [f"mephisto.task.{name}={value}" for name, value in task.items()])


async def make_run(desktop: Desktop, config: RunConfig, *, project: str = "", rounds: int = 1) -> int:
    """A run in flight with the items of a configuration, `rounds` times over; nobody has taken one yet."""
    blueprint = blueprints.get(config.blueprint_type)(config.blueprint, config.base_dir)
    once = [{"shared": dict(one.shared), "unit_data": list(one.unit_data)} for one in blueprint.iter_assignments()]
    items = list(itertools.chain.from_iterable([once] * rounds))
    now = desktop.clock.now()

    def make(session: Session) -> int:
        project_id = tasks.get_or_create_project(session, project, now) if project else None
        task_id = tasks.get_or_create_task(session, config.task.task_name, config.blueprint_type, project_id, now)
        requester = tasks.get_or_create_requester(session, "me", config.provider_type, now)
        run_id = tasks.create_task_run(
            session, task_id=task_id, requester_id=requester, init_params=configs.to_yaml(config),
            provider_type=config.provider_type, task_type=config.blueprint_type, sandbox=False,
            currency=config.currency, budget=config.budget, now=now,
        )  # fmt: skip
        assignments.add_assignments(
            session, run_id, items, pay_amount=config.task.task_reward, unit_status=UnitStatus.LAUNCHED, now=now
        )

        status.set_run_state(session, run_id, RunState.IN_FLIGHT, now)
        return run_id

    return await desktop.store.write(make)


async def submit(
    desktop: Desktop, run_id: int, config: RunConfig, count: int, names: Sequence[str] = NAMES, seed: int = 4
) -> list[int]:
    """Let workers in turn take and answer units; returns the ids of the units, in order. Some answers are wrong."""
    blueprint = blueprints.get(config.blueprint_type)(config.blueprint, config.base_dir)
    chance = random.Random(seed)
    return await desktop.store.write(_submit, run_id, blueprint, count, names, chance, desktop.clock.now())


def _submit(
    session: Session, run_id: int, blueprint: Blueprint, count: int, names: Sequence[str], chance: random.Random,
    now: Any,
) -> list[int]:  # fmt: skip
    made: list[int] = []
    turns = itertools.cycle(names)
    for number in range(count):
        worker = people.get_or_create_worker(session, next(turns), "inhouse", now)
        began = now - timedelta(seconds=(count - number) * 7)
        agent = claim(session, run_id, worker, now=began)
        if agent is None:
            continue
        data = assignments.get_assignment_data(session, agent.assignment_id)
        shown = blueprint.initial_data(data["shared"], data["unit_data"][agent.unit_index])
        inputs = {**data["shared"], **data["unit_data"][agent.unit_index]}
        outputs = blueprint.simulate_answer(inputs, 0.88, chance.random())
        view = blueprint.describe_submission(shown, outputs, [])
        done = began + timedelta(seconds=max(3.0, chance.lognormvariate(4.2, 0.5)))
        hand_in(session, agent.agent_id, outputs, done, inputs=shown, answer=view.answer, labels=view.labels)
        made.append(agent.unit_id)
    return made
