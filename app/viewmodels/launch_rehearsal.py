"""A rehearsal from the launch page: started, followed, cancelled, its result in words."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.operations.configuration.config import RunConfig
from app.viewmodels.background import Job, Progress
from app.viewmodels.desktop import Desktop
from app.viewmodels.formats import count_of, digits

if TYPE_CHECKING:  # loaded when a rehearsal begins: the simulated workers' HTTP client takes 14 MiB and 0.2 s
    from app.operations.rehearsal.rehearsal import RehearsalReport
    from app.operations.rehearsal.simulated_worker import Tally

NO_RESULT: tuple[tuple[str, str], ...] = ()


class LaunchRehearsal(QObject):
    """One rehearsal at a time. `changed()` when something of it moved; `ended()` when it came to its end.

    `rows` are (name, value) of the result; `faults` are sentences of what the pages or the program did wrong.
    """

    changed = Signal()
    ended = Signal()

    def __init__(self, desktop: Desktop, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desktop = desktop
        self._job: Job | None = None
        self.submitted = 0
        self.wanted = 0
        self.problem = ""
        self.faults: tuple[str, ...] = ()
        self.rows = NO_RESULT

    @property
    def running(self) -> bool:
        """Whether one is under way."""
        return self._job is not None

    @property
    def fraction(self) -> float:
        """How much of it is done, 0 to 1."""
        return min(1.0, self.submitted / self.wanted) if self.wanted else 0.0

    def start(
        self,
        make_config: Callable[[], Awaitable[RunConfig]],
        workers: int,
        units: int,
        accuracy: float,
        drop_out: float,
        rudeness: float,
    ) -> None:
        """Begin, when none is under way. Shares are 0 to 1."""
        if self._job is not None:
            return
        self.submitted, self.wanted = 0, units
        self.problem, self.faults, self.rows = "", (), NO_RESULT
        words = f"Rehearsal with {count_of(workers, 'simulated worker')}"
        work = partial(self._rehearse, make_config, (workers, accuracy, drop_out, rudeness))
        self._job = self._desktop.background.run(words, work)
        self._job.changed.connect(self._moved)
        self._job.ended.connect(self._end)
        self.changed.emit()

    def cancel(self) -> None:
        """Send the simulated workers home."""
        if self._job is not None:
            self._job.cancel()

    async def _rehearse(
        self, make_config: Callable[[], Awaitable[RunConfig]], who: tuple[int, float, float, float], report: Progress
    ) -> RehearsalReport:
        await asyncio.to_thread(_load_workers)
        from app.operations.rehearsal.rehearsal import Crew
        from app.operations.rehearsal.rehearsal_stage import rehearse_aside

        workers, accuracy, drop_out, rudeness = who
        crew = Crew(workers, accuracy=accuracy, drop_out=drop_out, rudeness=rudeness)
        config = await make_config()
        wanted = self.wanted

        def count(tally: Tally) -> None:
            report(tally.submitted, wanted)

        return await rehearse_aside(config, crew, wanted, self._desktop.settings, self._desktop.clock, count)

    def _moved(self) -> None:
        if self._job is not None:
            self.submitted = self._job.done
            self.changed.emit()

    def _end(self, sentence: str) -> None:
        job, self._job = self._job, None
        self.problem = sentence
        if job is not None and job.result is not None:
            self._take(job.result)
        self.changed.emit()
        self.ended.emit()

    def _take(self, result: RehearsalReport) -> None:
        tally = result.tally
        self.submitted = tally.submitted
        self.faults = tuple(tally.faults)
        values = result.as_dict()
        rows = [
            ("Units done", digits(tally.submitted)),
            ("Throughput", f"{result.units_per_second:.0f} units/s"),
            ("Until a unit", _milliseconds(values["register_ms_p50"])),
            ("Until saved", _milliseconds(values["submit_ms_p50"])),
        ]
        if tally.dropped:
            rows.append(("Dropped out", digits(tally.dropped)))
        if tally.refusals:
            rows.append(("Sent home", digits(sum(tally.refusals.values()))))
        rude = tally.double_submits + tally.malformed_frames + tally.forged_submits + tally.sudden_closes
        if rude:
            rows.append(("Bad manners met", digits(rude)))
        self.rows = tuple(rows)


def _milliseconds(value: object) -> str:
    return f"{value:.0f} ms" if isinstance(value, int | float) else "–"


def _load_workers() -> None:
    """Import the simulated workers, on a thread."""
    import app.operations.rehearsal.rehearsal_stage  # noqa: F401 - loaded here, named where it is used
