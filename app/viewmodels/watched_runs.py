"""The live frame: routers and workers of the runs in flight, badges, objects for the palette, notices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from urllib.parse import urlsplit

from PySide6.QtCore import QObject, QTimer

from app.data.repo import assignments, totals
from app.data.states import RunState
from app.errors import EntryDoesNotExist
from app.operations.engine.notices import Notice
from app.viewmodels.action import Action
from app.viewmodels.desktop import Desktop
from app.viewmodels.formats import digits
from app.viewmodels.record_table import RecordQuery
from app.viewmodels.record_texts import text_of
from app.viewmodels.store_source import StoreSource
from app.viewmodels.window_frame import Found, FrameStatus, RouterLine, WindowFrame

_LOOK_MS = 1000
_FOUND_OF_A_KIND = 6
_LONGEST_NUMBER = 15
_KINDS = (
    ("runs", "run", "ph.chart-line", "runs", "run_id", "task"),
    ("workers", "worker", "ph.user", "workers", "worker_id", "worker"),
    ("qualifications", "qualification", "ph.star", "qualifications", "qualification_id", "qualification"),
)
_NOTICE_TITLES = {
    "stalled": "A run stands still",
    "budget": "Budget met",
    "completed": "A run is complete",
    "ended": "A run broke off",
    "launch_failed": "Units could not be made",
    "router_lost": "Router lost",
    "router_back": "Router back",
}
_BAD_NOTICES = frozenset({"ended", "launch_failed", "router_lost"})
_WARN_NOTICES = frozenset({"stalled", "budget"})


@dataclass(frozen=True)
class InFlight:
    """What would be left behind if the window closed now."""

    runs: int
    at_work: int


class WatchedRuns(QObject):
    """Fills a frame: looks once a second at the runs that this process serves, at the badges after a commit."""

    def __init__(self, desktop: Desktop, frame: WindowFrame) -> None:
        super().__init__(frame)
        self._desktop, self._frame = desktop, frame
        self._badges: dict[str, str] = {}
        desktop.place_asked.connect(frame.place_asked)
        frame.finder = self.find
        self._counter = Action(self._count, self)
        self._counter.failed.connect(desktop.fail)
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK_MS)
        self._timer.timeout.connect(self.look)
        self._again = True
        desktop.binding(("units", "task_runs", "agents"), self).changed.connect(self._count_soon)
        desktop.operator.subscribe_notices(self._take_notice)

    def start(self) -> None:
        """Begin to look."""
        self._timer.start()
        self.look()

    def stop(self) -> None:
        """Stop looking."""
        self._timer.stop()
        self._counter.cancel()

    def look(self) -> None:
        """Take the present state of the runs that are served."""
        if self._again and self._counter.start():
            self._again = False
        runs = list(self._desktop.operator.live_runs.values())
        routers = []
        for run in runs:
            address = urlsplit(run.url).netloc
            states = [is_open for _, is_open in run.channels]
            if address:
                routers.append(RouterLine("Local router", address, "ok" if all(states) else "bad"))
        self._frame.set_status(
            FrameStatus(
                tuple(routers),
                sum(len(run.presence) for run in runs),
                len(self.open_runs()),
                database_words(self._desktop.settings.database_url),
                "In-house · no balance needed",
                self._badges,
            )
        )

    def in_flight(self) -> InFlight:
        """How many runs this process serves that are not over, and who is at work in them."""
        live = self._desktop.operator.live_runs
        runs = [live[run_id] for run_id in self.open_runs()]
        return InFlight(len(runs), sum(len(run.presence) for run in runs))

    def open_runs(self) -> tuple[int, ...]:
        """The runs that this process serves and that are not over."""
        live = self._desktop.operator.live_runs
        return tuple(run_id for run_id, run in live.items() if run.state != RunState.COMPLETED)

    async def find(self, words: str) -> Sequence[Found]:
        """Runs, workers and qualifications whose names hold these words, and the unit of that number (U-17)."""
        if not words:
            return []
        found = await self._find_unit(words)
        for kind, noun, icon, place, key, name in _KINDS:
            source = StoreSource(self._desktop.store, kind)
            ids = (await source.list_ids(RecordQuery(search=words)))[:_FOUND_OF_A_KIND]
            rows = await source.fetch(ids)
            number = next((n for n, column in enumerate(source.columns) if column.name == name), 0)
            for record_id in ids:
                if record_id in rows:
                    text = text_of(rows[record_id][number], "text")
                    detail = f"{noun} {record_id}" if kind == "runs" else noun
                    found.append(Found(text, detail, icon, place, {key: record_id}))
        return found

    async def _find_unit(self, words: str) -> list[Found]:
        number = words.strip().upper().removeprefix("U-")
        if not (number.isascii() and number.isdecimal() and len(number) <= _LONGEST_NUMBER):
            return []
        try:
            unit = await self._desktop.store.read(assignments.get_unit, int(number))
        except EntryDoesNotExist:
            return []
        where = {"run_id": unit.task_run_id, "unit_id": unit.unit_id}
        return [Found(f"U-{unit.unit_id}", f"unit of run {unit.task_run_id}", "ph.stack", "runs", where)]

    async def _count(self) -> None:
        found = await self._desktop.store.read(totals.badges)
        counts = {"review": found.to_review, "runs": found.runs_in_flight}
        self._badges = {place: digits(number) for place, number in counts.items() if number}
        self.look()

    def _count_soon(self, _changes: object) -> None:
        self._again = True

    def _take_notice(self, notice: Notice) -> None:
        title = _NOTICE_TITLES.get(notice.kind, "Crowdesk")
        tone = "bad" if notice.kind in _BAD_NOTICES else "warn" if notice.kind in _WARN_NOTICES else "ok"
        self._frame.toasts.say(notice.message, tone)
        self._frame.notice.emit(title, notice.message)


def database_words(url: str) -> str:
    """A database as the status bar names it: the file, or host and name."""
    parts = urlsplit(url)
    if parts.scheme.startswith("sqlite"):
        return PurePath(parts.path).name or "in memory"
    return f"{parts.hostname or 'local'}{parts.path}"
