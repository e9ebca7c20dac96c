"""A data folder with one run of many units in it, in all states: what the window's benchmark opens.

Run: `python tests/performance/million_run.py UNITS FOLDER`, in a process of its own, so that making is not measured.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from app.data.repo import people, status, tasks
from app.data.repo.listing import ListingQuery, list_ids
from app.data.states import RunState
from app.data.store import Session, Store
from app.operations.configuration.config import from_values, to_yaml
from app.settings import Settings
from tests.performance.bench_data import NOW, judge, launch, work_through

EACH = 3
JUDGED = 0.2
"""The share of the units that is approved, with its payments and reviews."""


def settings_of(folder: Path) -> Settings:
    """The settings whose data are in a folder."""
    return Settings(folder, f"sqlite:///{folder / 'crowdesk.db'}")


def make_run(session: Session) -> int:
    """A run in flight, without units yet."""
    values = {
        "task": {"task_name": "million", "task_title": "A million units", "task_description": "-", "task_reward": 0.12},
        "blueprint": {"_blueprint_type": "mock", "num_assignments": 1},
        "provider": {"_provider_type": "inhouse"},
        "architect": {"_architect_type": "local"},
    }
    config, problems = from_values(values, Path.cwd())
    assert config is not None, problems
    task_id = tasks.get_or_create_task(session, "million", "mock", None, NOW)
    requester_id = tasks.get_or_create_requester(session, "in-house", "inhouse", NOW)
    run_id = tasks.create_task_run(
        session, task_id=task_id, requester_id=requester_id, init_params=to_yaml(config), provider_type="inhouse",
        task_type="mock", sandbox=False, currency="EUR", budget=None, now=NOW,
    )  # fmt: skip
    status.set_run_state(session, run_id, RunState.IN_FLIGHT, NOW)
    return run_id


async def make(folder: Path, units: int) -> None:
    """Make, work through two of three units of most items, approve some of them."""
    settings = settings_of(folder)
    store = await Store.open(settings.database_url, locks_dir=settings.locks_dir)
    run_id = await store.write(make_run)
    await launch(store, run_id, units, EACH)
    workers = [await store.write(people.get_or_create_worker, f"w{n:03}", "inhouse", NOW) for n in range(60)]
    await store.write(work_through, run_id, workers[0], int(units / EACH * 0.9))
    waiting = list(
        await store.read(list_ids, ListingQuery("units", {"task_run_id": run_id}, {"status": ["completed"]}))
    )
    for start in range(0, int(units * JUDGED), 20_000):
        await store.write(judge, waiting[start : start + 20_000])
    await store.write(tasks.finish_launch, run_id)
    await store.write(status.set_run_state, run_id, RunState.INTERRUPTED, NOW)
    await store.close()


if __name__ == "__main__":
    asyncio.run(make(Path(sys.argv[2]), int(sys.argv[1])))
