"""The desks at work: ten thousand decisions through the review desk, their exports, agreement, a bulk grant."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path

from app.data.repo import journal, money
from app.data.states import AgentStatus
from app.operations.export import export_run
from app.operations.quality import run_quality
from tests.fakes.desk_scene import DeskScene, make_scene_run, open_scene
from tests.performance.figures import Figures, percentile, stopwatch

UNITS = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
WORKERS = 200


async def approve(figures: Figures, scene: DeskScene) -> None:
    """Approve everything; meanwhile another write waits its turn now and then, as a worker's submission would."""
    waits: list[float] = []
    over = asyncio.Event()

    async def submit() -> None:
        while not over.is_set():
            start = time.perf_counter()
            await scene.store.write(journal.add_event, scene.run_id, "bench", "info", "", {}, "", scene.clock.now())
            waits.append((time.perf_counter() - start) * 1000)
            await asyncio.sleep(0.005)

    beside = asyncio.create_task(submit())
    with stopwatch() as taken:
        done = await scene.desk.approve_all(scene.run_id)
    over.set()
    await beside
    assert done == UNITS
    assert (await scene.store.read(money.run_spend, scene.run_id)).approved == Decimal("0.50") * UNITS
    figures.add(f"approve {UNITS:,} with ledger and review rows", taken[0], "s", most=UNITS / 10_000)
    figures.add("a submission beside it, p99", percentile(waits, 0.99), "ms", most=50)


async def decide_later(figures: Figures, scene: DeskScene) -> None:
    """The same with the time to take it back: written as pending, applied when due."""
    run_id, units, _ = await scene.store.write(make_scene_run, scene.config, UNITS // 2, 2, WORKERS)
    with stopwatch() as taken:
        await scene.desk.decide(units, AgentStatus.SOFT_REJECTED, "below the bar", Decimal("0.01"))
    figures.add(f"decide about {UNITS:,}, undoable, with a bonus", taken[0], "s", most=UNITS / 10_000)
    with stopwatch() as taken:
        assert await scene.desk.apply_due(everything=True) == UNITS
    figures.add(f"apply those {UNITS:,} decisions", taken[0], "s")
    spend = await scene.store.read(money.run_spend, run_id)
    assert (spend.approved, spend.bonuses) == (Decimal("0.50") * UNITS, Decimal("0.01") * UNITS)


async def write_out(figures: Figures, scene: DeskScene, folder: Path) -> None:
    for layout in ("jsonl", "csv", "mephisto"):
        with stopwatch() as taken:
            report = await export_run(
                scene.store, scene.run_id, folder / f"out-{layout}", layout, settings=scene.settings
            )
        figures.add(f"export as {layout}", report.rows / taken[0], "units/s")


async def main() -> None:
    figures = Figures()
    figures.title("The desks")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with open_scene(folder / "data", items=UNITS // 2, units_each=2, workers=WORKERS) as scene:
            await approve(figures, scene)
            await write_out(figures, scene, folder)
            with stopwatch() as taken:
                found = await run_quality(scene.store, scene.run_id)
            assert found.submissions == UNITS
            figures.add(f"agreement of {UNITS:,} submissions", taken[0], "s")
            with stopwatch() as taken:
                await scene.workers.grant(scene.worker_ids, "trained")
            figures.add(f"grant a qualification to {WORKERS}", taken[0], "s")
            await decide_later(figures, scene)
    if figures.missed:
        print(f"\n   Missed: {', '.join(figures.missed)}")


if __name__ == "__main__":
    asyncio.run(main())
