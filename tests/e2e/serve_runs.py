"""The program without a window, for the test that kills it: resumes what was interrupted, else launches a run.

    python serve_runs.py DATA_DIR ITEMS WORKERS [finish]

Prints a JSON line when workers can come, `{"run", "url", "links"}`, and `{"completed": run}` when a run is over; then
goes on with the next one, or with `finish` ends when there is nothing to resume.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from app import settings as app_settings
from app.data.repo import tasks
from app.data.states import RunState
from app.data.store import Store
from app.operations.config import from_values
from app.operations.live_run import LiveTaskRun
from app.operations.operator import Operator
from app.vault import open_vault


async def main(data_dir: Path, items: int, workers: int, finish: bool) -> None:
    """Serve runs until killed, or until all are complete."""
    settings = app_settings.load(data_dir)
    store = await Store.open(settings.database_url, locks_dir=settings.locks_dir)
    operator = Operator(store, settings, open_vault(data_dir, prefer_file=True), linger_seconds=0.1)
    await operator.start()
    while (run := await find_work(store, operator, items, finish)) is not None:
        links = [run.entry_link(f"worker {number}") for number in range(workers)]
        print(json.dumps({"run": run.run_id, "url": run.url, "links": links}), flush=True)
        await run.wait_completed()
        print(json.dumps({"completed": run.run_id}), flush=True)
    await operator.close()
    await store.close()


async def find_work(store: Store, operator: Operator, items: int, finish: bool) -> LiveTaskRun | None:
    """The run that was interrupted, or a new one; None when there is none and none is wanted."""
    for row in await store.read(tasks.list_task_runs, (RunState.INTERRUPTED, RunState.PAUSED)):
        return await operator.resume(row.task_run_id)
    if finish:
        return None
    config, problems = from_values(
        {
            "task": {
                "task_name": "survive",
                "task_title": "Survive",
                "task_description": "Answer.",
                "task_reward": "0.1",
            },
            "blueprint": {"_blueprint_type": "mock", "num_assignments": items, "units_per_assignment": 2},
            "provider": {"_provider_type": "inhouse"},
            "architect": {"_architect_type": "local"},
        },
        Path.cwd(),
    )
    assert config is not None, problems
    return await operator.launch(config)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), "finish" in sys.argv))
