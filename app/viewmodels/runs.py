"""The list of runs, and those among them that no program serves any more."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from app.data.repo import tasks
from app.data.repo.tasks import RunRow
from app.data.states import RunState
from app.errors import AppError
from app.viewmodels.action import Action
from app.viewmodels.desktop import Desktop
from app.viewmodels.formats import count_of
from app.viewmodels.record_table import RecordTableModel
from app.viewmodels.shaped_records import shape_records

_WIDTHS = {
    "run": 64,
    "task": 176,
    "project": 112,
    "state": 122,
    "done": 200,
    "to_review": 86,
    "spent": 106,
    "budget": 92,
    "started_at": 112,
}
_NOTHING_LOST = "Nothing that was handed in is lost; workers' pages wait and come back by themselves."


class RunsViewModel(QObject):
    """`records` is the table. `interrupted_changed()`: `interrupted` are runs that can be resumed."""

    interrupted_changed = Signal()

    def __init__(self, desktop: Desktop, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.desktop = desktop
        self.records: RecordTableModel = shape_records(
            desktop,
            "runs",
            parent=self,
            widths=_WIDTHS,
            hidden=("units", "provider", "finished_at"),
            words=("done",),
        )
        self.interrupted: list[RunRow] = []
        self._reader = Action(self._read, self)
        self._reader.failed.connect(desktop.fail)
        self.resumer = Action(self._resume_all, self)
        self.resumer.failed.connect(desktop.fail)
        self.resumer.busy_changed.connect(lambda busy: None if busy else self.look())
        self._feed = desktop.binding(("task_runs",), self)
        self._feed.changed.connect(lambda _changes: self.look())

    def look(self) -> None:
        """Find out which runs wait to be resumed."""
        self._reader.start()

    def words(self) -> str:
        """What the banner says of them; "" when there are none."""
        runs = self.interrupted
        if not runs:
            return ""
        if len(runs) == 1:
            return f"“{runs[0].task_name}” was interrupted. {_NOTHING_LOST}"
        return f"{count_of(len(runs), 'run')} were interrupted. {_NOTHING_LOST}"

    async def _read(self) -> None:
        rows = await self.desktop.store.read(tasks.list_task_runs, (RunState.INTERRUPTED,))
        served = self.desktop.operator.live_runs
        found = [
            row for row in rows if row.task_run_id not in served and not self.desktop.served_elsewhere(row.task_run_id)
        ]
        if found != self.interrupted:
            self.interrupted = found
            self.interrupted_changed.emit()

    async def _resume_all(self) -> None:
        count = 0
        for row in list(self.interrupted):
            try:
                await self.desktop.operator.resume(row.task_run_id)
                count += 1
            except AppError as error:  # the others can go on all the same
                self.desktop.fail(f"“{row.task_name}” was not resumed: {error}")
        if count:
            self.desktop.toasts.say(f"{count_of(count, 'run')} in flight again.", "ok")
