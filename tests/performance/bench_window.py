"""The window over a million units: start, memory, tables, the figures of a run.

Run: `python tests/performance/bench_window.py [UNITS]`. The data are made by one process, each part is measured in
another, as the program runs it: the whole window, its run page open. Stalls under load are `bench_live.py --window`'s.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

STARTS, ROUNDS = 3, 5
FRAME_MS = 1000 / 60
RUN_ID = 1


def memory_mib() -> tuple[float, float]:
    """What is resident, and our share of it, of this process."""
    fields = dict(line.split(":", 1) for line in Path("/proc/self/smaps_rollup").read_text().splitlines()[1:])
    return tuple(int(fields[name].split()[0]) / 1024 for name in ("Rss", "Pss"))  # type: ignore[return-value] # two


class Stalls:
    """How late a timer of 60 Hz was at most since `begin`, in milliseconds."""

    def __init__(self) -> None:
        from PySide6.QtCore import Qt, QTimer

        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(round(FRAME_MS))
        self._timer.timeout.connect(self._tick)
        self._timer.start()
        self.begin()

    def begin(self) -> None:
        """Measure from now."""
        self._last, self.longest = time.perf_counter(), 0.0

    def _tick(self) -> None:
        now = time.perf_counter()
        self.longest = max(self.longest, (now - self._last) * 1000 - self._timer.interval())
        self._last = now


class Desk:
    """The open window at the run's table of units."""

    def __init__(self, life: Any) -> None:
        self.life = life
        self.stalls = Stalls()
        self.found: dict[str, float] = {}

    async def measure(self) -> dict[str, float]:
        """All figures, by name."""
        self.found["rss, home open"], self.found["pss, home open"] = memory_mib()
        await self.open_run()
        await self.first_rows()
        self.found["rss, table of units open"], self.found["pss, table of units open"] = memory_mib()
        await self.scroll()
        await self.queries()
        await self.select_all()
        await self.figures()
        self.found["rss, after all this"], self.found["pss, after all this"] = memory_mib()
        return self.found

    async def open_run(self) -> None:
        """The run's page, until its figures stand on it."""
        start = time.perf_counter()
        self.stalls.begin()
        self.life.window.show_place("runs", {"run_id": RUN_ID})
        self.view = self.life.window.page().findChild(_run_view())
        run = self.view.run
        await self.until(run.changed, lambda: run.facts is not None)
        self.view.grab()
        self.found["run page until its figures stand there"] = (time.perf_counter() - start) * 1000
        self.found["run page: longest stall"] = self.stalls.longest
        await self.until(run.series_changed, lambda: len(run.series.times) > 0)
        await self.until(run.changed, lambda: run.quality is not None)

    async def first_rows(self) -> None:
        """From the click on the tab until rows are painted: the first visit, then lists read anew."""
        start = time.perf_counter()
        self.stalls.begin()
        self.view.tables.show_tab("units")
        pane = self.view.tables.pane()
        self.model, self.table = pane.model, pane.view
        await self.until(self.model.rows_fetched, self.painted)
        self.found["first rows, first visit"] = (time.perf_counter() - start) * 1000
        await self.until(self.model.filled, self.complete)
        self.found["whole list, first visit"] = (time.perf_counter() - start) * 1000
        self.found["first visit: longest stall"] = self.stalls.longest

    def painted(self) -> bool:
        """Whether values stand in the first row, painting them."""
        if not len(self.model.ids) or self.model.loading or self.model.values_at(0) is None:
            return False
        self.table.viewport().repaint()
        return True

    def known(self, row: int) -> bool:
        """Whether the values of a row have come."""
        return self.model.values_at(row) is not None

    def complete(self) -> bool:
        """Whether the list is all there."""
        return not self.model.loading and not self.model.filling

    async def scroll(self) -> None:
        """Steps of three rows, and jumps to somewhere else until its rows have come."""
        bar, steps, jumps = self.table.verticalScrollBar(), [], []
        for _ in range(120):
            start = time.perf_counter()
            bar.setValue(bar.value() + 3 * self.table.rowHeight(0))
            self.table.viewport().repaint()
            steps.append((time.perf_counter() - start) * 1000)
            await asyncio.sleep(0)
        for place in range(20):
            start = time.perf_counter()
            bar.setValue(bar.maximum() * ((place * 7) % 20) // 20)
            self.table.viewport().repaint()
            row = self.table.rowAt(0)
            await self.until(self.model.rows_fetched, partial(self.known, row))
            self.table.viewport().repaint()
            jumps.append((time.perf_counter() - start) * 1000)
        self.found["scroll step, median"] = statistics.median(steps)
        self.found["scroll step, p95"] = sorted(steps)[int(0.95 * len(steps))]
        self.found["jump until rows stand there, median"] = statistics.median(jumps)
        bar.setValue(0)

    async def queries(self) -> None:
        """Sort, filter, search: until the first rows are painted, and until the list is whole."""
        from app.viewmodels.record_table import RecordQuery

        asked = {
            "newest first": RecordQuery(sort="unit", descending=True),
            "as it comes": RecordQuery(),
            "sort by status": RecordQuery(sort="status"),
            "filter by status": RecordQuery(filters={"status": ("completed",)}),
            "filter by status, sorted by status": RecordQuery(
                filters={"status": ("completed", "accepted")}, sort="status"
            ),
            "search": RecordQuery(search="img_0000077"),
            "no filter": RecordQuery(),
        }
        for name, query in asked.items():
            first, whole, stalls = [], [], []
            for _ in range(ROUNDS if name != "search" else 2):
                await self.ask(RecordQuery(filters={"status": ("rejected",)}))
                self.stalls.begin()
                shown, complete = await self.ask(query)
                first.append(shown)
                whole.append(complete)
                stalls.append(self.stalls.longest)
            self.found[f"{name}: first rows"] = statistics.median(first)
            self.found[f"{name}: whole list"] = statistics.median(whole)
            self.found[f"{name}: longest stall"] = statistics.median(stalls)

    async def ask(self, query: Any) -> tuple[float, float]:
        """Milliseconds until the first rows of a query stand there, and until its list is whole."""
        start = time.perf_counter()
        self.model.set_query(query)
        await self.until(self.model.loading_changed, lambda: not self.model.loading)
        if len(self.model.ids):
            await self.until(self.model.rows_fetched, self.painted)
        shown = (time.perf_counter() - start) * 1000
        await self.until(self.model.filled, self.complete)
        await asyncio.sleep(2 * FRAME_MS / 1000)
        return shown, (time.perf_counter() - start) * 1000 - 2 * FRAME_MS

    async def select_all(self) -> None:
        """Ctrl+A, painted."""
        from PySide6.QtCore import Qt
        from PySide6.QtTest import QTest

        self.table.setFocus()
        start = time.perf_counter()
        QTest.keyClick(self.table, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
        self.table.viewport().repaint()
        self.found["Ctrl+A"] = (time.perf_counter() - start) * 1000
        assert self.table.selected_count() == len(self.model.ids)
        self.table.clearSelection()

    async def figures(self) -> None:
        """What the tiles and the charts of the run are read by."""
        from app.data.repo import assignments, money
        from app.viewmodels.run import read_facts, read_series

        store, now = self.life.engine.store, self.life.engine.clock.now()

        def counts_and_spend(session: Any) -> None:
            assignments.unit_counts(session, RUN_ID)
            money.run_spend(session, RUN_ID)

        for name, fn, args in (
            ("status counts and spend", counts_and_spend, ()),
            ("all tiles of the run", read_facts, (RUN_ID, now)),
            ("all charts of the run", read_series, (RUN_ID, now)),
        ):
            times = []
            for _ in range(ROUNDS):
                start = time.perf_counter()
                await store.read(fn, *args)
                times.append((time.perf_counter() - start) * 1000)
            self.found[name] = statistics.median(times)

    async def until(self, signal: Any, holds: Callable[[], bool]) -> None:
        """Wait for what a signal may tell; a minute at most."""
        moved = asyncio.Event()
        signal.connect(moved.set)
        try:
            async with asyncio.timeout(60):
                while not holds():
                    moved.clear()
                    await moved.wait()
        finally:
            signal.disconnect(moved.set)


def _run_view() -> Any:
    from app.views.run_view import RunView

    return RunView


def in_window(folder: Path, work: Callable[[Any], Awaitable[dict[str, float]]]) -> dict[str, float]:
    """What `work` measures in a window that is opened as the program opens it."""
    from app.bootstrap import WindowLife, make_application, spare_memory
    from app.qt_loop import QtLoop
    from app.settings import Settings

    settings = Settings(folder, f"sqlite:///{folder / 'crowdesk.db'}")
    spare_memory()
    application = make_application(settings)
    loop = QtLoop(application)
    asyncio.set_event_loop(loop)

    async def live() -> dict[str, float]:
        life = WindowLife(application, settings, asyncio.Event())
        life.show()
        await life.open()
        try:
            return await work(life)
        finally:
            await life.end()

    try:
        return loop.run_until_complete(live())
    finally:
        loop.close()


async def started(life: Any) -> dict[str, float]:
    """Seconds since the process was asked for, once the first page is painted."""
    life.window.grab()
    return {"up": time.time() - float(sys.argv[3])}


async def everything(life: Any) -> dict[str, float]:
    """All that is measured in an open window."""
    return await Desk(life).measure()


def child(part: str, folder: str) -> dict[str, float]:
    """The figures that a process of its own measured."""
    said = subprocess.run(
        [sys.executable, __file__, part, folder, str(time.time())], stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    found: dict[str, float] = json.loads(said.splitlines()[-1])
    return found


def target_of(name: str, units: int) -> tuple[str, float | None]:
    """The unit of a figure, and its target."""
    if "ss, " in name:
        return "MiB", 250 * 1e6 / 2**20 if name == "rss, table of units open" else None
    if name.endswith("first rows") or name == "first rows, first visit":
        return "ms", 500 if "sort" in name or "filter" in name else None if "search" in name else 100
    if name.endswith("whole list"):
        return "ms", 500 if "sort by" in name or "filter by" in name else None
    fixed = {"scroll step, median": FRAME_MS, "scroll step, p95": FRAME_MS, "status counts and spend": 100.0}
    return "ms", 50 if "stall" in name or name == "Ctrl+A" else fixed.get(name)


def main(units: int) -> None:
    """Make the data, measure, print."""
    from tests.performance.figures import Figures

    figures = Figures()
    with tempfile.TemporaryDirectory(prefix="crowdesk-bench-") as folder:
        kept = os.environ.get("BENCH_DATA", "")
        if not kept:
            maker = Path(__file__).with_name("million_run.py")
            subprocess.run([sys.executable, str(maker), str(units), folder], check=True)
        place = kept or folder
        figures.title(f"The window over {units:,} units (load {os.getloadavg()[0]:.1f})")
        starts = [child("start", place)["up"] for _ in range(STARTS)]
        figures.add("window up, first page painted, median", statistics.median(starts), "s", most=1.5)
        for name, value in child("desk", place).items():
            unit, most = target_of(name, units)
            figures.add(name, value, unit, most=most)
    print("\nmissed:", "; ".join(figures.missed) or "nothing")


if __name__ == "__main__":
    parts = {"start": started, "desk": everything}
    if len(sys.argv) > 2:
        print(json.dumps(in_window(Path(sys.argv[2]), parts[sys.argv[1]])), flush=True)
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 999_999)
