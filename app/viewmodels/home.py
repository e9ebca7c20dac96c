"""Home's model: what needs attention first, the runs in flight, tasks to launch again, and the first start."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from app.data.repo import assignments, money, tasks, totals
from app.data.repo.money import Spend
from app.data.repo.tasks import RunRow
from app.data.states import RunState, UnitStatus
from app.data.store import Session
from app.viewmodels.action import Action
from app.viewmodels.desktop import Desktop
from app.viewmodels.formats import ago, count_of
from app.viewmodels.formats import money as money_words

OPEN_STATES = (RunState.SETUP, RunState.IN_FLIGHT, RunState.PAUSED, RunState.INTERRUPTED)
NEARLY_SPENT = Decimal("0.9")
LOOK_BACK = timedelta(minutes=60)
PACE_STEPS = 40
MOST_TEMPLATES = 6
MOST_RUNS = 12
LOOK_MS = 3000
_DONE = (UnitStatus.COMPLETED, UnitStatus.ACCEPTED, UnitStatus.SOFT_REJECTED, UnitStatus.REJECTED)
_PARTS = (
    (UnitStatus.ACCEPTED, "u0"),
    (UnitStatus.COMPLETED, "u1"),
    (UnitStatus.ASSIGNED, "u2"),
    (UnitStatus.SOFT_REJECTED, "u4"),
    (UnitStatus.REJECTED, "u5"),
)


@dataclass(frozen=True)
class OpenRun:
    """A run that is not over. `served`: by this process, `elsewhere`: by another.

    `pace`: units handed in, in steps of the last hour.
    """

    run_id: int
    task: str
    project: str
    state: RunState
    counts: Mapping[UnitStatus, int]
    spend: Spend
    budget: Decimal | None
    served: bool
    elsewhere: bool
    at_work: int
    pace: tuple[float, ...]

    @property
    def units(self) -> int:
        """All units that are there, expired ones left out."""
        return sum(number for status, number in self.counts.items() if status is not UnitStatus.EXPIRED)

    @property
    def done(self) -> int:
        """Units that were handed in."""
        return sum(self.counts.get(status, 0) for status in _DONE)

    @property
    def to_review(self) -> int:
        """Units that wait for a decision."""
        return self.counts.get(UnitStatus.COMPLETED, 0)

    @property
    def parts(self) -> list[tuple[float, str]]:
        """The bar: fractions and colour tokens."""
        whole = self.units or 1
        return [(self.counts.get(status, 0) / whole, tint) for status, tint in _PARTS]

    @property
    def standing(self) -> RunState:
        """Where it stands: one in flight that nobody serves lost its process."""
        return RunState.INTERRUPTED if self.resumable and self.state is not RunState.PAUSED else self.state

    @property
    def resumable(self) -> bool:
        """Whether it stands still because the process that served it ended, whatever that left in the database."""
        return not self.served and not self.elsewhere

    @property
    def words(self) -> str:
        """How far it is and what it cost: "1 488 of 2 400 done · € 178.56 of € 300.00"."""
        spent = money_words(self.spend.total, self.spend.currency)
        cap = f" of {money_words(self.budget, self.spend.currency)}" if self.budget is not None else " spent"
        return f"{count_of(self.done, 'unit')} of {self.units:,} done · {spent}{cap}".replace(",", "\u00a0")


@dataclass(frozen=True)
class Need:
    """Something that waits for the requester. `run_id` is set when the button resumes that run; else it leads away."""

    tone: str
    icon: str
    words: str
    detail: str
    button: str
    place: str = ""
    where: Mapping[str, Any] = field(default_factory=dict)
    resumes: int | None = None


@dataclass(frozen=True)
class Template:
    """A task that was run before, ready to be launched again like its latest run."""

    task: str
    detail: str
    run_id: int


@dataclass(frozen=True)
class HomeState:
    """All that Home shows. `first_start`: no run was ever made here."""

    first_start: bool = False
    needs: tuple[Need, ...] = ()
    runs: tuple[OpenRun, ...] = ()
    templates: tuple[Template, ...] = ()


class HomeViewModel(QObject):
    """`changed(HomeState)`; `failed(str)`; `busy_changed(bool)` while a run is being resumed."""

    changed = Signal(object)
    failed = Signal(str)
    busy_changed = Signal(bool)

    def __init__(self, desktop: Desktop, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desktop = desktop
        self.state: HomeState | None = None
        self._again = False
        self._reader = Action(self._read, self)
        self._reader.finished.connect(self._take)
        self._reader.failed.connect(self.failed)
        self._resumer = Action(self._resume, self)
        self._resumer.failed.connect(self.failed)
        self._resumer.busy_changed.connect(self.busy_changed)
        tables = ("units", "task_runs", "agents", "payments")
        self.binding = desktop.binding(tables, self)
        self.binding.changed.connect(self.refresh)
        self._tick = QTimer(self)
        self._tick.setInterval(LOOK_MS)
        self._tick.timeout.connect(self._look)

    def refresh(self, _changes: object = None) -> None:
        """Read again; once more afterwards if it is being read now."""
        if not self._reader.start():
            self._again = True

    def set_active(self, active: bool) -> None:
        """Follow what is committed, or rest while the page is hidden."""
        self.binding.set_active(active)
        if active:
            self._tick.start()
            self.refresh()
        else:
            self._tick.stop()

    def _look(self) -> None:
        """Nobody tells when another process lets go of a run, least of all one that was killed."""
        runs = self.state.runs if self.state is not None else ()
        if any(run.elsewhere != self._desktop.served_elsewhere(run.run_id) for run in runs):
            self.refresh()

    def resume(self, run_id: int) -> None:
        """Go on with a run whose process is gone; then show it."""
        self._resumer.start(run_id)

    async def _read(self) -> HomeState:
        now = self._desktop.clock.now()
        live = self._desktop.operator.live_runs
        at_work = {run_id: len(run.presence) for run_id, run in live.items()}
        going = await self._desktop.store.read(tasks.list_task_runs, OPEN_STATES)
        elsewhere = {row.task_run_id for row in going if self._desktop.served_elsewhere(row.task_run_id)}
        state: HomeState = await self._desktop.store.read(read_home, at_work, now, elsewhere)
        return state

    def _take(self, state: HomeState) -> None:
        if state != self.state:
            self.state = state
            self.changed.emit(state)
        if self._again:
            self._again = False
            self.refresh()

    async def _resume(self, run_id: int) -> None:
        await self._desktop.operator.resume(run_id)
        self._desktop.go("runs", run_id=run_id)


def read_home(
    session: Session, at_work: Mapping[int, int], now: datetime, elsewhere: Collection[int] = ()
) -> HomeState:
    """What Home shows. `at_work`: workers at work in each run that this process serves; `elsewhere`: others serve."""
    rows = tasks.list_task_runs(session)
    newest_first = sorted(rows, key=lambda row: row.task_run_id, reverse=True)
    going = [row for row in newest_first if row.state in OPEN_STATES][:MOST_RUNS]
    runs = tuple(_open_run(session, row, at_work, now, row.task_run_id in elsewhere) for row in going)
    needs = list_needs(runs, totals.attention(session))
    return HomeState(not rows, tuple(needs), runs, tuple(_templates(newest_first, now)))


def list_needs(runs: Sequence[OpenRun], found: Sequence[totals.Attention]) -> list[Need]:
    """What waits for the requester, the most urgent first."""
    needs = [
        Need(
            "warn",
            "ph.pause-circle",
            f"{run.task} stands still",
            "The program ended while it ran. Nothing was lost; workers' pages reconnect by themselves."
            if run.state is not RunState.PAUSED
            else "It was paused when the window closed.",
            "Resume",
            resumes=run.run_id,
        )
        for run in runs
        if run.resumable
    ]
    for run in runs:
        if run.budget and run.spend.total >= run.budget * NEARLY_SPENT:
            met = run.spend.total >= run.budget
            needs.append(
                Need(
                    "bad" if met else "warn",
                    "ph.coin",
                    f"{run.task} has {'met' if met else 'nearly met'} its budget",
                    f"{money_words(run.spend.total, run.spend.currency)} of "
                    f"{money_words(run.budget, run.spend.currency)} are spent.",
                    "Open the run",
                    "runs",
                    {"run_id": run.run_id},
                )
            )
    for thing in found:
        if thing.kind == "payments":
            detail = "Nothing is paid twice: those with an unknown outcome are asked for, not sent again."
            needs.append(Need("bad", "ph.credit-card", thing.message, detail, "Open payments", "payments"))
        elif thing.kind == "to_review":
            words = f"{count_of(thing.count, 'unit')} to review in {thing.task_name}"
            where = {"run_id": thing.task_run_id}
            detail = "Workers wait for your decision."
            needs.append(Need("info", "ph.checks", words, detail, "Review", "review", where))
    return needs


def _open_run(session: Session, row: RunRow, at_work: Mapping[int, int], now: datetime, elsewhere: bool) -> OpenRun:
    since = max(now - LOOK_BACK, min(row.started_at or row.creation_date, now - timedelta(seconds=PACE_STEPS)))
    return OpenRun(
        row.task_run_id,
        row.task_name,
        row.project_name or "",
        row.state,
        assignments.unit_counts(session, row.task_run_id),
        money.run_spend(session, row.task_run_id),
        row.budget,
        row.task_run_id in at_work,
        elsewhere,
        at_work.get(row.task_run_id, 0),
        tuple(totals.submissions_per_step(session, row.task_run_id, since, now, PACE_STEPS)),
    )


def _templates(newest_first: Sequence[RunRow], now: datetime) -> list[Template]:
    latest: dict[int, RunRow] = {}
    for row in newest_first:
        latest.setdefault(row.task_id, row)
    return [
        Template(
            row.task_name,
            f"{row.task_type.replace('_', ' ')} · last run {ago(row.creation_date, now)}",
            row.task_run_id,
        )
        for row in list(latest.values())[:MOST_TEMPLATES]
    ]
