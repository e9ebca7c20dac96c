"""Conversations over real sockets, from page to page, each message on the disk before it is shown.

Run: `python tests/performance/bench_chat.py [--window] [--isolated] [--mode rooms|flood|idle|all] [--seconds S]`.
`rooms`: 100 conversations of two, 500 messages a second, each with its receipt as our page wants it. `flood`: 3 000
messages a second through one router, without receipts, as bundles send them. `idle`:
1 000 people in conversations who say nothing. `--window` serves from the window itself, its run page open with one
conversation shown. The load is another process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.performance.bench_live import Stage, Stalls, at, open_operator, open_window
from tests.performance.figures import Figures

MODES: dict[str, dict[str, Any]] = {
    "rooms": {"rooms": 100, "rate": 500, "warm_up": 3.0, "receipts": True},
    "flood": {"rooms": 200, "rate": 3000, "warm_up": 3.0, "receipts": False},
    "idle": {"rooms": 500, "rate": 0, "warm_up": 12.0, "receipts": True},
}
MIB = 1024 * 1024


def resident_mib() -> float:
    """Memory of this process that is in use."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MIB


def values(rooms: int, folder: Path, *, isolated: bool) -> dict[str, Any]:
    """The task of a bench."""
    limits = {"worker_requests_per_second": 1e6, "worker_request_burst": 1e6, "loopback_requests_per_second": 1e6}
    return {
        "task": {"task_name": "bench", "task_title": "Bench", "task_description": "-", "task_reward": "0.1"},
        "blueprint": {"_blueprint_type": "chat", "static_task_data": [{"n": n} for n in range(rooms)]},
        "provider": {"_provider_type": "inhouse"},
        "architect": {"_architect_type": "local", "limits": limits, "isolated": isolated},
    }


async def measure(mode: str, seconds: float, *, isolated: bool, window: bool) -> dict[str, Any]:
    """Serve conversations to the people of a mode and count."""
    from app.operations.configuration.config import from_values

    plan = MODES[mode]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stage: Stage = await (open_window(folder) if window else open_operator(folder))
        config, problems = from_values(values(plan["rooms"], folder, isolated=isolated), folder)
        assert config is not None, problems
        run = await stage.operator.launch(config)
        await until(lambda: run.progress.finished)
        stage.show(run.run_id)
        place = urlsplit(run.url)
        paths = [urlsplit(run.entry_link(f"worker {number}")).path for number in range(2 * plan["rooms"])]
        load = {"host": place.hostname, "port": place.port, "paths": paths, "seconds": seconds}
        load["receipts"] = plan["receipts"]
        (folder / "plan.json").write_text(json.dumps({**load, "rate": plan["rate"], "warm_up": plan["warm_up"]}))
        stalls = Stalls()
        watching = asyncio.create_task(stalls.watch(window))
        before = resident_mib()
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(Path(__file__).with_name("load_talkers.py")),
            str(folder / "plan.json"),
            stdout=asyncio.subprocess.PIPE,
            limit=2**28,
        )
        assert process.stdout is not None
        await until(lambda: len(run.presence) == len(paths))
        if window:
            show_conversation()
        await asyncio.sleep(plan["warm_up"] / 2)
        stalls.counting = True
        cpu, began = time.process_time(), time.perf_counter()
        await process.stdout.readline()
        cpu = (time.process_time() - cpu) / (time.perf_counter() - began)
        stalls.counting = False
        memory = resident_mib()
        said = await process.stdout.read()
        await process.wait()
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        kept = await stage.store.read(count_kept)
        await stage.close()
    result = json.loads(said)
    return {**result, "kept": kept, "cpu": cpu, "memory": memory, "before": before, "stalls": stalls.late}


def show_conversation() -> None:
    """Open the first conversation beside the run, as a click on its row does."""
    from PySide6.QtWidgets import QApplication

    from app.views.run_view import RunView

    (view,) = (widget for widget in QApplication.allWidgets() if isinstance(widget, RunView))
    view.show_unit(1)


async def until(condition: Callable[[], bool]) -> None:
    """Look again and again, seldom enough to cost nothing."""
    while True:
        if condition():
            return
        await asyncio.sleep(0.05)


def count_kept(session: Any) -> int:
    """How many messages of pages were kept."""
    import sqlalchemy as sa

    statement = sa.text("SELECT count(*) FROM live_updates WHERE direction = 'in'")
    return int(session.connection().execute(statement).scalar_one())


def tell(mode: str, result: dict[str, Any], figures: Figures) -> None:
    """The figures of a mode beside their targets."""
    figures.title(f"{mode}: {MODES[mode]['rooms']} conversations of two, {MODES[mode]['rate']} messages a second")
    lost = result["sent"] - result["heard"]
    if mode != "idle":
        rate = len(result["took"]) / result["seconds"]
        figures.add("messages a second, page to page", rate, "/s", least=0.97 * MODES[mode]["rate"])
        figures.add("work of this process for one message", 1000 * result["cpu"] / max(1.0, rate), "ms")
        figures.add("page to page, p50", at(result["took"], 0.5), "ms")
        most = 50 if mode == "rooms" else None
        figures.add("page to page, p99", at(result["took"], 0.99), "ms", most=most)
        figures.add("messages lost", lost, "", most=0)
        figures.add("messages sent that are not on the disk", result["sent"] - result["kept"], "", most=0)
    else:
        figures.add("memory of the whole program", result["memory"], "MiB", most=400)
        figures.add("of it for these people", result["memory"] - result["before"], "MiB")
        figures.add("share of a core", 100 * result["cpu"], "%", most=10)
    figures.add("registration, p50", at(result["registered"], 0.5), "ms")
    figures.add("busy: this process", 100 * result["cpu"], "% core")
    figures.add("busy: the load", 100 * result["busy"], "% core")
    figures.add("a click waits, p99", at(result["stalls"], 0.99), "ms")


async def main(options: argparse.Namespace) -> None:
    """Measure the modes that were asked for."""
    figures = Figures()
    for mode in MODES if options.mode == "all" else [options.mode]:
        tell(mode, await measure(mode, options.seconds, isolated=options.isolated, window=options.window), figures)


def run_in_window(options: argparse.Namespace) -> None:
    """The same on the loop of a window."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from app.bootstrap import make_application
    from app.qt_loop import QtLoop
    from app.settings import Settings

    application = make_application(Settings(Path(), ""))
    loop = QtLoop(application)
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(main(options))
    finally:
        loop.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--window", action="store_true")
    parser.add_argument("--isolated", action="store_true")
    parser.add_argument("--mode", choices=[*MODES, "all"], default="all")
    parser.add_argument("--seconds", type=float, default=15.0)
    chosen = parser.parse_args()
    if chosen.window:
        run_in_window(chosen)
    else:
        from app.architects.router.garbage import seldom_swept

        with seldom_swept():  # as every command without a window
            asyncio.run(main(chosen))
