"""The review page's model: the queue, the submission that is shown, the worker beside it, decisions about many."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from PySide6.QtCore import QElapsedTimer, QObject, QTimer, Signal

from app.data.repo import submissions, tasks
from app.data.store import Store
from app.errors import EntryDoesNotExist
from app.operations.desk.decision_rule import DecisionRule
from app.operations.desk.verdicts import DecisionPreview
from app.viewmodels import formats
from app.viewmodels.action import Action
from app.viewmodels.decisions import keep_reason, recent_reasons
from app.viewmodels.desktop import Desktop
from app.viewmodels.paced import Paced
from app.viewmodels.record_table import RecordQuery, RecordTableModel
from app.viewmodels.review_decisions import ReviewDecisions
from app.viewmodels.review_submission import AHEAD, RecordView, Submission, SubmissionShelf, describe_record
from app.viewmodels.store_source import StoreSource
from app.viewmodels.worker_actions import BonusTerms, Subjects, WorkerActions

RECORD_PAUSE_MS = 80
"""The worker's record is read when the reviewer rests this long on a submission."""
RECOUNT_MS = 300
"""The shortest time between two counts; over a large queue, ten times what one count takes."""
RECORDS_KEPT = 64
OTHERS_MS = 1000
"""What others answered to the item that is shown is read again after a commit, at this pace at most."""


@dataclass(frozen=True)
class Queue:
    """What a chip of the page shows: the listing, and what it allows in its columns."""

    words: str
    listing: str = "review"
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


QUEUES: dict[str, Queue] = {
    "to_review": Queue("to review"),
    "disputed": Queue("disputed", filters={"agreement": ("disputed",)}),
    "flagged": Queue("flagged", filters={"flags": ("any",)}),
    "decided": Queue("decided", "units", {"status": ("accepted", "soft_rejected", "rejected")}),
}
"""The chips of the page."""

_WIDTHS = {"worker": 84, "answer": 92, "on_task": 72, "agreement": 64, "flags": 76, "item": 160, "status": 112}
_SHOWN = {
    "review": ("worker", "answer", "on_task", "agreement", "flags"),
    "units": ("status", "worker", "answer", "on_task"),
}


_KINDS = {"flags": "status", "agreement": "number"}
"""Flags are drawn as pills; "2/3" stands at the right."""


class QueueSource(StoreSource):
    """A listing with the widths of a narrow column; what does not fit there is hidden until it is asked for."""

    def __init__(self, store: Store, kind: str, scope: Mapping[str, int]) -> None:
        super().__init__(store, kind, scope)
        self.columns = tuple(
            replace(
                column,
                kind=_KINDS.get(column.name, column.kind),
                width=_WIDTHS.get(column.name, column.width),
                hidden=column.name not in _SHOWN[kind],
            )
            for column in self.columns
        )


class ReviewViewModel(QObject):
    """The queue of one run, or of all.

    `submission_changed(object)`: a `Submission` or None; `record_changed(object)`: a `RecordView` or None;
    `counts_changed(object)`: queue -> count; `scope_changed()`: `table` is another; `runs_changed()`; `failed(str)`.
    """

    submission_changed = Signal(object)
    record_changed = Signal(object)
    counts_changed = Signal(object)
    scope_changed = Signal()
    runs_changed = Signal()
    failed = Signal(str)

    def __init__(self, desktop: Desktop, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.desktop = desktop
        self.run_id: int | None = None
        self.run_words = "All runs"
        self.runs: list[tuple[int, str]] = []
        self.queue = "to_review"
        self.table = self._make_table()
        self.shelf = SubmissionShelf(desktop.store, desktop.settings)
        preferences = desktop.settings.preferences
        self.decisions = ReviewDecisions(desktop.reviews, desktop.toasts, preferences.undo_seconds, self)
        self.decisions.failed.connect(self.failed)
        self.decisions.taken_back.connect(self._changed_units)
        self.actions = WorkerActions(desktop, self)
        self._wanted: int | None = None
        self._records: OrderedDict[tuple[int, int], RecordView] = OrderedDict()
        self._shower = self._action(self._show)
        self._recorder = self._action(self._read_record)
        self._counter = self._action(self._count)
        self._scoper = self._action(self._read_runs)
        self._flagger = self._action(self._flag)
        self._others = Paced(self._action(self._read_others), OTHERS_MS, self)
        self._recount = QTimer(self)
        self._recount.setSingleShot(True)
        self._recount.timeout.connect(self._counter.start)
        self._count_cost_ms = 0
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(RECORD_PAUSE_MS)
        self._rest.timeout.connect(self._recorder.start)
        tables = ("units", "agents", "unit_flags", "pending_decisions", "payments", "blocks", "task_runs")
        self._binding = desktop.binding(tables, self)
        self._binding.changed.connect(self._committed)

    # What is listed

    def set_scope(self, run_id: int | None) -> None:
        """Show the queue of a run, or of all runs."""
        if run_id != self.run_id:
            self.run_id = run_id
            self.run_words = dict(self.runs).get(run_id, f"Run {run_id}") if run_id is not None else "All runs"
            self._replace_table()
        self.refresh()

    def set_queue(self, queue: str) -> None:
        """Show one of `QUEUES`."""
        if queue != self.queue:
            kind_before = QUEUES[self.queue].listing
            self.queue = queue
            if QUEUES[queue].listing != kind_before:
                self._replace_table()
        query = self.table.query
        self.table.set_query(RecordQuery(dict(QUEUES[queue].filters), query.search, query.sort, query.descending))

    def refresh(self) -> None:
        """The page is shown: list, count, and which runs there are."""
        self._binding.set_active(True)
        self.table.refresh()
        self._counter.start()
        self._scoper.start()

    def rest(self) -> None:
        """The page is hidden: changes are kept for its return."""
        self._binding.set_active(False)

    # What is shown

    @property
    def shown(self) -> int | None:
        """The unit that is wanted on the page."""
        return self._wanted

    def show(self, unit_id: int | None, following: Sequence[int] = ()) -> None:
        """Show a submission, at once when it is at hand; then read those that follow."""
        self._wanted = unit_id
        if unit_id is None:
            self.submission_changed.emit(None)
            self.record_changed.emit(None)
            return
        found = self.shelf.find(unit_id)
        if found is not None:
            self._present(found)
        if found is None or self.shelf.is_old(unit_id):
            self.shelf.forget((unit_id,))
            self._shower.start()
        self.shelf.read_ahead(following[:AHEAD])

    async def settle(self) -> None:
        """Until what is wanted is shown and what was decided is sent."""
        await self._shower.wait()
        await self.decisions.settle()
        await self._recorder.wait()
        await self.shelf.settle()

    # What is decided

    def recent_reasons(self) -> list[str]:
        """The reasons of the last rejections, the newest first."""
        return recent_reasons(self.desktop.ui_state)

    def decide(self, unit_ids: Sequence[int], verdict: str, note: str = "", words: str = "") -> None:
        """Decide about units; returns at once. See `ReviewDecisions`."""
        if verdict == "reject" and note:
            keep_reason(self.desktop.ui_state, note)
        self.decisions.decide(unit_ids, verdict, note, words)

    def flag(self, unit_ids: Sequence[int]) -> None:
        """Put a flag on units, or take it off when the shown one has it."""
        self._flagger.start(tuple(unit_ids))

    async def preview(self, unit_ids: Sequence[int], verdict: str) -> DecisionPreview:
        """What a decision would do and cost."""
        return await self.decisions.preview(unit_ids, verdict)

    async def units_of_worker(self, worker_id: int) -> list[int]:
        """What of a worker waits for review, in the run that is shown (or all)."""
        return await self.desktop.reviews.units_of_worker(worker_id, self.run_id)

    async def units_by_rule(self, rule: DecisionRule) -> list[int]:
        """What waits for review and meets a rule. `EntryDoesNotExist` while no run is chosen: a rule is of one task."""
        if self.run_id is None:
            raise EntryDoesNotExist("Choose a run first: a rule is about the answers of one task.")
        return await self.desktop.reviews.units_by_rule(self.run_id, rule)

    async def bonus_terms(self, submission: Submission) -> BonusTerms:
        """Whom a bonus goes to, in which currency, and what the provider takes of it."""
        row = submission.row
        return await self.actions.bonus_terms(Subjects("units", (row.unit_id,), row.task_run_id))

    async def pay_bonus(self, terms: BonusTerms, amount: Decimal, reason: str) -> None:
        """Pay a bonus; nothing is sent while it can be undone."""
        await self.actions.pay_bonus(terms, amount, reason)

    # Inside

    def _action(self, work: object) -> Action:
        action = Action(work, self)  # type: ignore[arg-type]  # bound coroutines of several shapes
        action.failed.connect(self.failed)
        return action

    def _make_table(self) -> RecordTableModel:
        queue = QUEUES[self.queue]
        model = RecordTableModel(self._source(queue), RecordQuery(dict(queue.filters)), self)
        self.desktop.binding(model.source.tables, model).changed.connect(model.apply_changes)
        return model

    def _source(self, queue: Queue) -> QueueSource:
        return QueueSource(
            self.desktop.store, queue.listing, {} if self.run_id is None else {"task_run_id": self.run_id}
        )

    def _replace_table(self) -> None:
        before, self.table = self.table, self._make_table()
        self.show(None)
        self.scope_changed.emit()
        before.stop()
        before.deleteLater()

    async def _show(self) -> None:
        """Read what is wanted until it is what is wanted."""
        while (unit_id := self._wanted) is not None:
            try:
                found = await self.shelf.get(unit_id)
            except EntryDoesNotExist:
                if unit_id == self._wanted:
                    self.submission_changed.emit(None)
                    raise
                continue
            if unit_id == self._wanted:
                self._present(found)
                return

    def _present(self, submission: Submission) -> None:
        self.submission_changed.emit(submission)
        key = (submission.row.worker_id, submission.row.task_run_id)
        known = self._records.get(key)
        if known is not None:
            self.record_changed.emit(known)
        else:
            self._rest.start()

    async def _read_others(self) -> None:
        """Somebody may have answered the item that is shown, or an answer to it may have been rejected."""
        unit_id = self._wanted
        found = None if unit_id is None else await self.shelf.read_others(unit_id)
        if found is not None and unit_id == self._wanted:
            self.submission_changed.emit(found)

    async def _read_record(self) -> None:
        unit_id = self._wanted
        shown = None if unit_id is None else self.shelf.find(unit_id)
        if shown is None:
            return
        key = (shown.row.worker_id, shown.row.task_run_id)
        record = describe_record(await self.desktop.store.read(submissions.get_work_record, *key))
        self._records[key] = record
        while len(self._records) > RECORDS_KEPT:
            self._records.popitem(last=False)
        if self._wanted == unit_id:
            self.record_changed.emit(record)
        elif self._wanted is not None:
            self._rest.start()

    async def _count(self) -> None:
        clock = QElapsedTimer()
        clock.start()
        counts = {}
        for key, queue in QUEUES.items():
            counts[key] = await self._source(queue).count(RecordQuery(dict(queue.filters)))
        self._count_cost_ms = clock.elapsed()
        self.counts_changed.emit(counts)

    async def _read_runs(self) -> None:
        rows = await self.desktop.store.read(tasks.list_task_runs)
        names = [(row.task_run_id, _run_words(row.project_name, row.task_name, row.task_run_id)) for row in rows]
        self.runs = sorted(names, reverse=True)
        if self.run_id is not None:
            self.run_words = dict(self.runs).get(self.run_id, self.run_words)
        self.runs_changed.emit()

    async def _flag(self, unit_ids: tuple[int, ...]) -> None:
        shown = None if self._wanted is None else self.shelf.find(self._wanted)
        on = shown is None or "flag" not in shown.row.flags
        count = await self.desktop.reviews.flag(unit_ids, on)
        self.desktop.toasts.say(f"{formats.count_of(count, 'unit')} {'flagged' if on else 'without flag now'}.", "info")
        self._changed_units(unit_ids)

    def _committed(self, changes: Mapping[str, frozenset[int] | None]) -> None:
        """Something was committed: counts, the shown submission and the record may be others."""
        if changes.keys() & {"units", "agents", "unit_flags", "pending_decisions"} and not self._recount.isActive():
            self._recount.start(min(30_000, max(RECOUNT_MS, 10 * self._count_cost_ms)))
        if changes.keys() & {"payments", "blocks", "units", "agents"}:
            self._records.clear()
            self._rest.start()
        if self._wanted is not None and "agents" in changes:
            self._others.ask()
        units = changes.get("units", frozenset())  # whatever belongs to a unit is told with its id
        self._changed_units(None if units is None else tuple(units))

    def _changed_units(self, unit_ids: Sequence[int] | None) -> None:
        """These submissions (None: any) are out of date; the one that is shown is read again."""
        self.shelf.forget(unit_ids)
        if self._wanted is not None and self.shelf.find(self._wanted) is None:
            self._shower.start()


def _run_words(project: str | None, task: str, run_id: int) -> str:
    return f"{project} / {task} · run {run_id}" if project else f"{task} · run {run_id}"
