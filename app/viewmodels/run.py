"""One run as its page shows it: state, figures, charts, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from app.data.repo import answers, listing, money, totals
from app.data.repo.assignments import agent_counts
from app.data.repo.totals import RunHeader
from app.data.states import DONE_UNIT, OPEN_UNIT, RESUMABLE_RUN, RunState, UnitStatus
from app.data.store import Session
from app.operations.configuration.config import title_of
from app.operations.engine.live_run import LiveTaskRun
from app.operations.quality import RunQuality, run_quality
from app.viewmodels import run_figures as figures
from app.viewmodels.action import Action
from app.viewmodels.desktop import Desktop
from app.viewmodels.formats import NOTHING, digits
from app.viewmodels.paced import Paced
from app.viewmodels.run_figures import Tile
from app.viewmodels.run_gates import GateCounts, read_gates
from app.viewmodels.run_series import RunSeries, rate_per_minute

TABLES = ("task_runs", "units", "agents", "onboarding_agents", "payments", "events", "pending_decisions")
_TICK_MS = 1000
_FACTS_MS = 500
_SERIES_MS = 1500
_QUALITY_MS = 20_000
_SERIES_TICKS = 10
STEPS = 50
"""Points of the charts over time: more are not seen, and each costs a look into an index."""
COST_STEPS = 24
RATED = 20_000
"""Submissions whose agreement is told, the latest: all of a million would take a gigabyte and the window's breath."""
_INTERRUPTED = (
    "The program that served this run is gone. Nothing that was handed in is lost; resume it, and workers' pages come "
    "back by themselves."
)
_ELSEWHERE = (
    "This run is served by another Crowdesk on this database. What you see is live; pause, stop or extend it in the "
    "window that serves it."
)


def read_facts(session: Session, run_id: int, now: datetime) -> tuple[RunHeader, int, bool, GateCounts]:
    """The tiles of a run, how many refusals its journal has, whether anybody has ever taken a unit, and its gates."""
    refused = listing.ListingQuery("refused", {"task_run_id": run_id})
    header = totals.run_header(session, run_id, now)
    somebody = header.last_submission_at is not None or header.at_work > 0
    if not somebody:
        somebody = any(agent_counts(session, run_id).values())
    return header, listing.count(session, refused), somebody, read_gates(session, run_id)


def read_series(session: Session, run_id: int, now: datetime) -> RunSeries:
    """The numbers of all charts of a run."""
    history = totals.status_history(session, run_id, STEPS, now)
    bars = totals.time_on_task_histogram(session, run_id)
    times = [moment.timestamp() for moment in history.times]
    coarse = history.times[:: max(1, len(times) // COST_STEPS)]
    known = money.spend_history(session, run_id, [*coarse, history.times[-1]])
    at = [moment.timestamp() for moment in (*coarse, history.times[-1])]
    return RunSeries(
        times=times,
        by_status={str(status): numbers for status, numbers in history.by_status.items() if status != "created"},
        at_work=history.at_work,
        per_minute=rate_per_minute(times, history.submitted),
        cost_times=at,
        spent=[float(amount) for amount in known],
        time_edges=bars.edges,
        time_counts=bars.counts,
        median_seconds=bars.median_seconds,
    )


class RunViewModel(QObject):
    """`changed()` when state or figures moved, `series_changed()` when the charts have new numbers.

    Everything is read again when the feed tells of this run, at the pace that its size allows, and only while active.
    """

    changed = Signal()
    series_changed = Signal()

    def __init__(self, desktop: Desktop, run_id: int, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.desktop, self.run_id = desktop, run_id
        self.facts: RunHeader | None = None
        self.refused = 0
        self.gates = GateCounts()
        self.elsewhere = False
        self.somebody_came = True
        self.series = RunSeries()
        self.quality: RunQuality | None = None
        self._each = 0
        self._peak = self._ticks = 0
        self._facts_reader = self._reader(self._read_facts, _FACTS_MS)
        self._series_reader = self._reader(self._read_series, _SERIES_MS)
        self._quality_reader = self._reader(self._read_quality, _QUALITY_MS)
        self._feed = desktop.binding(TABLES, self)
        self._feed.changed.connect(self._hear)
        self._tick = QTimer(self)
        self._tick.setInterval(_TICK_MS)
        self._tick.timeout.connect(self._look)

    # being shown

    def set_active(self, active: bool) -> None:
        """Read and follow, or rest while the page is hidden."""
        self._feed.set_active(active)
        if active:
            self._tick.start()
            for reader in (self._facts_reader, self._series_reader, self._quality_reader):
                reader.ask()
        else:
            self._tick.stop()

    def close(self) -> None:
        """Follow no longer; the page shows another run."""
        self._feed.close()
        self._tick.stop()
        for reader in (self._facts_reader, self._series_reader, self._quality_reader):
            reader.stop()

    # what it is

    @property
    def live(self) -> LiveTaskRun | None:
        """The run as this program serves it; None when it does not."""
        return self.desktop.operator.live_runs.get(self.run_id)

    @property
    def title(self) -> str:
        """What workers read first, where it is another than the name of the task; else empty."""
        if self.facts is None:
            return ""
        title = title_of(self.facts.run.init_params)
        return "" if title == self.facts.run.task_name else title

    @property
    def state(self) -> RunState:
        """Where the run stands. One in flight that nobody serves lost its process: it is interrupted."""
        if self.facts is None:
            return RunState.SETUP
        if self.live is not None:
            return self.live.state
        stored = self.facts.run.state
        lost = stored in (RunState.SETUP, RunState.IN_FLIGHT) and not self.elsewhere
        return RunState.INTERRUPTED if lost else stored

    @property
    def at_work(self) -> int:
        """How many are at work now."""
        if self.live is not None:
            return len(self.live.presence)
        return self.facts.at_work if self.facts is not None else 0

    @property
    def newcomers(self) -> int | None:
        """How many are in the onboarding now; None where the run is not served here."""
        return len(self.live.newcomers) if self.live is not None else None

    @property
    def resumable(self) -> bool:
        """Whether the run stands still because no program serves it."""
        return self.live is None and not self.elsewhere and self.state in RESUMABLE_RUN

    @property
    def steerable(self) -> bool:
        """Whether it can be paused, resumed, stopped, extended from here."""
        return not self.elsewhere and self.state is not RunState.COMPLETED

    @property
    def waiting(self) -> int:
        """How many units wait for review."""
        return self.facts.to_review if self.facts is not None else 0

    @property
    def done(self) -> int:
        """How many units were handed in."""
        return self._count(*DONE_UNIT)

    @property
    def open_units(self) -> int:
        """How many units are still to be done, those at work among them."""
        return self._count(*OPEN_UNIT)

    @property
    def untaken(self) -> int:
        """How many open units nobody has taken."""
        return self._count(UnitStatus.CREATED, UnitStatus.LAUNCHED)

    def counts(self) -> dict[str, int]:
        """Units by the word of their status."""
        return {str(status): number for status, number in self.facts.counts.items()} if self.facts is not None else {}

    def tiles(self) -> dict[str, Tile]:
        """The figures of the page, by the key of their tile."""
        facts = self.facts
        if facts is None:
            return {}
        self._peak = max(self._peak, self.live.peak if self.live is not None else 0, self.at_work)
        remaining = figures.open_of(facts.counts) if any(facts.counts.values()) else None
        return {
            "done": figures.done_tile(facts.counts),
            "at_work": figures.at_work_tile(self.at_work, self._peak or None),
            "rate": figures.throughput_tile(facts.per_minute if self.state is not RunState.COMPLETED else None),
            "finish": figures.finish_tile(self.state, remaining, facts.per_minute, self.desktop.clock.now()),
            "spent": figures.spent_tile(facts.spend.total, facts.run.budget, facts.run.currency),
            "agreement": self._agreement(),
        }

    def _agreement(self) -> Tile:
        quality = self.quality
        if quality is None:
            return Tile(NOTHING)
        alpha = quality.alpha
        if alpha.alpha is not None:
            return figures.agreement_tile(alpha.alpha, alpha.low, alpha.high, RATED if self.done > RATED else None)
        return figures.no_agreement_tile(self._each, quality.submissions, quality.labelled, alpha.items)

    def trouble(self) -> tuple[str, str, str]:
        """What a banner must say: sentence, tone, word of its button ("" for nothing)."""
        facts, live = self.facts, self.live
        if facts is None:
            return "", "info", ""
        if self.elsewhere:
            return _ELSEWHERE, "info", ""
        if self.state is RunState.INTERRUPTED:
            return _INTERRUPTED, "warn", "Resume"
        if self.resumable:
            return "This run is paused and not being served. Its units and workers are kept.", "info", "Resume"
        if live is not None and live.progress.error:
            return f"Making the units stopped: {live.progress.error}", "bad", ""
        if live is not None and live.channels and not any(is_open for _, is_open in live.channels):
            return "The router cannot be reached; it is tried again and again. Workers' pages wait for it.", "bad", ""
        if live is not None and self.state is RunState.PAUSED and self._budget_is_met(live.context.cost):
            return "The budget is met, so the run is paused. Raise it to go on.", "warn", "Raise budget"
        return "", "info", ""

    def _budget_is_met(self, cost: Decimal) -> bool:
        """Whether what is spent, and what is owed once all that is at work or waits is approved, leaves no unit."""
        facts = self.facts
        if facts is None or facts.run.budget is None:
            return False
        owed = cost * self._count(UnitStatus.COMPLETED, UnitStatus.ASSIGNED)
        return facts.spend.total + owed + cost > facts.run.budget

    def launch_words(self) -> tuple[str, float | None]:
        """What is said while units are made, and how far that is (None: not known); "" when all are made."""
        live = self.live
        if live is None or live.progress.finished or live.progress.error:
            return "", None
        made, total = live.progress.made, live.progress.total
        of = f" of {digits(total)}" if total else ""
        return f"Making units: {digits(made)}{of}. Workers can begin.", min(1.0, made / total) if total else None

    def router_words(self) -> tuple[str, str]:
        """How the way to the router is, when that is worth a word, and its tone; ("", "") while all is well."""
        live = self.live
        if live is None:
            if self.elsewhere:
                return "served by another Crowdesk", "idle"
            return ("", "") if self.state is RunState.COMPLETED else ("not served", "idle")
        if live.channels and not any(is_open for _, is_open in live.channels):
            return "router lost", "bad"
        return "", ""

    def read_again(self) -> None:
        """Something was done with the run: read its facts as soon as it is due."""
        self._facts_reader.ask()

    # reading

    def _count(self, *statuses: UnitStatus) -> int:
        return sum(self.facts.counts.get(status, 0) for status in statuses) if self.facts is not None else 0

    def _reader(self, work: Callable[[], Coroutine[Any, Any, None]], least_ms: int) -> Paced:
        action = Action(work, self)
        action.failed.connect(self.desktop.fail)
        return Paced(action, least_ms, self)

    def _hear(self, changes: Mapping[str, frozenset[int] | None]) -> None:
        self._facts_reader.ask()
        if changes.keys() & {"units", "agents", "payments"}:
            self._series_reader.ask()
            self._quality_reader.ask()

    def _look(self) -> None:
        """Once a second: what moves without a commit, such as who is at work and how far a launch is."""
        if self.facts is not None:
            self._look_who()
            self.changed.emit()
        self._ticks += 1
        if self.live is not None and self._ticks % _SERIES_TICKS == 0:  # time passes also while nothing is committed
            self._series_reader.ask()

    def _look_who(self) -> None:
        """Nobody tells when another process lets go of the run, least of all one that was killed."""
        over = self.facts is None or self.facts.run.state is RunState.COMPLETED
        self.elsewhere = not over and self.desktop.served_elsewhere(self.run_id)

    async def _read_facts(self) -> None:
        found = await self.desktop.store.read(read_facts, self.run_id, self.desktop.clock.now())
        self.facts, self.refused, self.somebody_came, self.gates = found
        self._look_who()
        self.changed.emit()

    async def _read_series(self) -> None:
        self.series = await self.desktop.store.read(read_series, self.run_id, self.desktop.clock.now())
        self.series_changed.emit()

    async def _read_quality(self) -> None:
        self._each = await self.desktop.store.read(answers.workers_per_item, self.run_id)
        self.quality = await run_quality(self.desktop.store, self.run_id, RATED)
        self._look()
