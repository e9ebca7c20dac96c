"""A store with a run that was worked at, and the desks that decide about it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from app.clock import TurnedClock
from app.data.repo import assignments, people, status, tasks
from app.data.states import RunState, UnitStatus
from app.data.store import Session, Store
from app.operations.configuration.config import RunConfig, from_values, to_yaml
from app.operations.desk.crowd import Crowd
from app.operations.desk.payments import Ledger
from app.operations.desk.review import ReviewDesk
from app.operations.desk.workers import WorkerDesk
from app.providers.mock.account import MockAccount, close_accounts, open_account
from app.settings import Preferences, Settings
from tests.fakes.data_rows import NOW, claim, submit

PAY = Decimal("0.50")


@dataclass
class DeskScene:
    """What tests of the desks hold in their hands."""

    store: Store
    settings: Settings
    clock: TurnedClock
    crowd: Crowd
    ledger: Ledger
    desk: ReviewDesk
    workers: WorkerDesk
    config: RunConfig
    account: MockAccount
    run_id: int
    units: list[int]
    worker_ids: list[int]

    def new_process(self) -> tuple[Ledger, ReviewDesk]:
        """The desks as another start of the program makes them, on the same database."""
        crowd = Crowd(self.store, self.clock)
        ledger = Ledger(self.store, crowd, self.settings, self.clock)
        return ledger, ReviewDesk(self.store, ledger, crowd, self.settings, self.clock)


def scene_config(provider: str, fee_percent: int = 0) -> RunConfig:
    args = {"_provider_type": provider} | ({"fee_percent": fee_percent} if provider == "mock" else {})
    config, problems = from_values(
        {
            "task": {"task_name": "birds", "task_title": "t", "task_description": "d", "task_reward": PAY},
            "blueprint": {"_blueprint_type": "mock", "num_assignments": 2},
            "provider": args,
        },
        Path("/"),
    )
    assert config is not None, problems
    return config


def make_scene_run(
    session: Session, config: RunConfig, items: int, units_each: int, workers: int, answers: str = "wren"
) -> tuple[int, list[int], list[int]]:
    """A run of `items` items, done by `workers` people as far as they may; returns run, units done, workers."""
    kind = config.provider_type
    task_id = tasks.get_or_create_task(session, "birds", "mock", None, NOW)
    requester_id = tasks.get_or_create_requester(session, f"{kind} requester", kind, NOW)
    run_id = tasks.create_task_run(
        session, task_id=task_id, requester_id=requester_id, init_params=to_yaml(config), provider_type=kind,
        task_type="mock", sandbox=False, currency="EUR", budget=None, now=NOW,
    )  # fmt: skip
    status.set_run_state(session, run_id, RunState.IN_FLIGHT, NOW)
    data = [{"shared": {"index": n}, "unit_data": [{}] * units_each} for n in range(items)]
    assignments.add_assignments(session, run_id, data, pay_amount=PAY, unit_status=UnitStatus.LAUNCHED, now=NOW)
    worker_ids = [people.get_or_create_worker(session, f"worker {n}", kind, NOW) for n in range(workers)]
    done = []
    for number in range(items * units_each):
        agent = claim(session, run_id, worker_ids[number % workers])
        if agent is not None:
            submit(session, agent.agent_id, answers, seconds=10 + number % 7, inputs={"index": number})
            done.append(agent.unit_id)
    return run_id, sorted(done), worker_ids


@asynccontextmanager
async def open_scene(
    folder: Path,
    provider: str = "inhouse",
    *,
    items: int = 4,
    units_each: int = 1,
    workers: int = 2,
    fee_percent: int = 0,
    url: str = "",
) -> AsyncIterator[DeskScene]:
    """A fresh scene in `folder` (or in the empty database at `url`); everything is closed at its end."""
    close_accounts()
    url = url or f"sqlite:///{folder / 'crowdesk.db'}"
    settings = Settings(folder, url, Preferences(author="rita", undo_seconds=8))
    store = await Store.open(settings.database_url, locks_dir=settings.locks_dir)
    clock = TurnedClock(NOW)
    config = scene_config(provider, fee_percent)
    try:
        run_id, units, worker_ids = await store.write(make_scene_run, config, items, units_each, workers)
        crowd = Crowd(store, clock)
        ledger = Ledger(store, crowd, settings, clock)
        desk = ReviewDesk(store, ledger, crowd, settings, clock)
        try:
            yield DeskScene(
                store, settings, clock, crowd, ledger, desk, WorkerDesk(store, crowd, settings, clock), config,
                open_account(config.provider.requester_name), run_id, units, worker_ids,
            )  # fmt: skip
        finally:
            await desk.close()
    finally:
        await store.close()
        close_accounts()
