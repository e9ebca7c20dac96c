"""Live workers over real sockets: units a second from registration to durable receipt, the load in another process.

Run: `python tests/performance/bench_live.py [--window] [--isolated] [--mode rush|calm|both] [--seconds S]`. `rush`: 200
workers without a pause. `calm`: 2 000 workers who think two seconds and read the receipt for 0.4, which asks for 830
units a second. `--window` serves from the window itself, its run page open with charts and tables live, and a 60 Hz
probe tells how long it stalls. Prints a JSON line for each mode, the figures beside their targets.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

if TYPE_CHECKING:  # loaded by the stage that needs them
    from app.data.store import Store
    from app.operations.operator import Operator

MODES: dict[str, dict[str, Any]] = {
    "rush": {"workers": 200, "think": 0.0, "rest": 0.0, "warm_up": 2.0, "targets": {"units_per_second": 1000}},
    "calm": {
        "workers": 2000,
        "think": 2.0,
        "rest": 0.4,
        "warm_up": 6.0,
        "targets": {"registration_p99_ms": 50, "submission_p99_ms": 50},
    },
}
STALL_TARGETS = {"stall_p99_ms": 16, "stall_longest_ms": 50}
FRAME_MS = 1000 / 60


class Stalls:
    """A 60 Hz timer: how late it is, is how long a click would wait. In a window it is Qt's own."""

    def __init__(self) -> None:
        self.late: list[float] = []
        self.counting = False

    async def watch(self, window: bool) -> None:
        """Until cancelled."""
        if window:
            await self._watch_qt()
        while True:
            due = time.perf_counter() + FRAME_MS / 1000
            await asyncio.sleep(FRAME_MS / 1000)
            self._note(max(0.0, (time.perf_counter() - due) * 1000))

    async def _watch_qt(self) -> None:
        from PySide6.QtCore import Qt, QTimer

        timer = QTimer()
        timer.setTimerType(Qt.TimerType.PreciseTimer)
        timer.setInterval(round(FRAME_MS))
        last = time.perf_counter()

        def tick() -> None:
            nonlocal last
            now = time.perf_counter()
            self._note(max(0.0, (now - last) * 1000 - timer.interval()))
            last = now

        timer.timeout.connect(tick)
        timer.start()
        try:
            await asyncio.Event().wait()
        finally:
            timer.stop()

    def _note(self, late: float) -> None:
        if self.counting:
            self.late.append(late)


@dataclass(frozen=True)
class Stage:
    """Who serves; how its window, if it has one, shows a run; how it ends."""

    store: Store
    operator: Operator
    show: Callable[[int], None]
    close: Callable[[], Awaitable[None]]


async def open_operator(folder: Path) -> Stage:
    """The operations alone."""
    from app.data.store import Store
    from app.operations.operator import Operator
    from app.settings import Settings
    from app.vault import FileVault

    settings = Settings(folder, f"sqlite:///{folder / 'bench.db'}")
    store = await Store.open(settings.database_url, locks_dir=settings.locks_dir)
    operator = Operator(store, settings, FileVault(folder / "vault.json"), linger_seconds=0.0)

    async def close() -> None:
        await operator.close()
        await store.close()

    return Stage(store, operator, lambda _run_id: None, close)


async def open_window(folder: Path) -> Stage:
    """The whole window, as the program opens it."""
    from PySide6.QtWidgets import QApplication

    from app.bootstrap import WindowLife
    from app.settings import Settings

    application = QApplication.instance()
    assert isinstance(application, QApplication)
    life = WindowLife(application, Settings(folder, f"sqlite:///{folder / 'bench.db'}"), asyncio.Event())
    life.show()
    await life.open()
    return Stage(
        life.engine.store,
        life.engine.operator,
        lambda run_id: life.window.show_place("runs", {"run_id": run_id}),
        life.end,
    )


async def measure(mode: str, seconds: float, *, isolated: bool, window: bool) -> dict[str, Any]:
    """Serve a run to the workers of a mode and count."""
    from app.operations.configuration.config import from_values

    plan = MODES[mode]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stage = await (open_window(folder) if window else open_operator(folder))
        store, operator = stage.store, stage.operator
        limits = {"worker_requests_per_second": 1e6, "worker_request_burst": 1e6, "loopback_requests_per_second": 1e6}
        config, problems = from_values(
            {
                "task": {"task_name": "bench", "task_title": "Bench", "task_description": "-", "task_reward": "0.1"},
                "blueprint": {"_blueprint_type": "mock", "num_assignments": 100_000},
                "provider": {"_provider_type": "inhouse"},
                "architect": {"_architect_type": "local", "limits": limits, "isolated": isolated},
            },
            folder,
        )
        assert config is not None, problems
        began = time.perf_counter()
        run = await operator.launch(config)
        while True:
            await asyncio.sleep(0.01)
            if run.progress.finished:
                break
        launched = time.perf_counter() - began
        stage.show(run.run_id)
        paths = [urlsplit(run.entry_link(f"worker {number}")).path for number in range(plan["workers"])]
        place = urlsplit(run.url)
        load = {
            "host": place.hostname,
            "port": place.port,
            "paths": paths,
            "think": plan["think"],
            "rest": plan["rest"],
        }
        load |= {"seconds": seconds, "warm_up": plan["warm_up"]}
        (folder / "plan.json").write_text(json.dumps(load))
        stalls = Stalls()
        watching = asyncio.create_task(stalls.watch(window))
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(Path(__file__).with_name("load_workers.py")),
            str(folder / "plan.json"),
            stdout=asyncio.subprocess.PIPE,
            limit=2**28,
        )
        assert process.stdout is not None
        await asyncio.sleep(plan["warm_up"])
        stalls.counting = True
        cpu, done = time.process_time(), await store.read(count_done)
        said = await process.stdout.read()
        await process.wait()
        stalls.counting = False
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        result = json.loads(said)
        stored = await store.read(count_done)
        cpu = (time.process_time() - cpu) / max(1, stored - done)
        await stage.close()
    figures = {
        "mode": mode,
        "workers": plan["workers"],
        "units_per_second": round(result["units"] / result["seconds"]),
        "registration_p50_ms": at(result["registered"], 0.5),
        "registration_p99_ms": at(result["registered"], 0.99),
        "submission_p50_ms": at(result["submitted"], 0.5),
        "submission_p99_ms": at(result["submitted"], 0.99),
        "stall_p99_ms": at(stalls.late, 0.99),
        "stall_longest_ms": round(max(stalls.late), 1),
        "load_busy_percent": round(100 * result["busy"]),
        "load_late_p99_ms": at(result["late"], 0.99),
        "launch_units_per_second": round(100_000 / launched),
        "cpu_ms_per_unit": round(cpu * 1000, 2),
        "stored": stored,
        "refused": result["refused"],
        "failures": result["failures"],
    }
    figures["targets"] = {**plan["targets"], **STALL_TARGETS}
    return figures


def count_done(session: Any) -> int:
    """How many units were done."""
    from app.data.repo import dispatch
    from app.data.states import UnitStatus

    return dispatch.count_units(session, 1, (UnitStatus.COMPLETED,))


def at(values: Sequence[float], share: float) -> float:
    """The value below which that share of them lies, in milliseconds."""
    if not values:
        return math.nan
    return round(sorted(values)[min(len(values) - 1, int(len(values) * share))], 1)


async def main(options: argparse.Namespace) -> None:
    """Measure the modes that were asked for."""
    for mode in MODES if options.mode == "both" else [options.mode]:
        figures = await measure(mode, options.seconds, isolated=options.isolated, window=options.window)
        print(json.dumps({**figures, "window": options.window, "isolated": options.isolated}), flush=True)


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
    parser.add_argument("--mode", choices=[*MODES, "both"], default="both")
    parser.add_argument("--seconds", type=float, default=15.0)
    chosen = parser.parse_args()
    if chosen.window:
        run_in_window(chosen)
    else:
        from app.architects.router.garbage import seldom_swept

        with seldom_swept():  # as every command without a window
            asyncio.run(main(chosen))
