"""Work that goes on behind the window: exports, launches, rehearsals. Each with progress, an estimate and cancel."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.viewmodels.action import Action
from app.viewmodels.formats import about

CANCELLED = "Cancelled."

Progress = Callable[[int, int | None], None]
"""Called by the work with how much is done and how much there is (None: not known)."""


class Job(QObject):
    """One piece of work. `changed` when its progress moved; `ended(str)` with "" or the sentence of its fault."""

    changed = Signal()
    ended = Signal(str)

    def __init__(
        self,
        words: str,
        work: Callable[[Progress], Coroutine[Any, Any, Any]],
        parent: QObject | None = None,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(parent)
        self.words = words
        self.done = 0
        self.total: int | None = None
        self.result: Any = None
        self._now = now
        self._began = now()
        self._told = 0.0
        self._action = Action(lambda: work(self.report), self)
        self._action.finished.connect(self._finish)
        self._action.failed.connect(self.ended)
        self._action.cancelled.connect(lambda: self.ended.emit(CANCELLED))

    @property
    def fraction(self) -> float | None:
        """How much is done, 0 to 1; None while the whole is not known."""
        return min(1.0, self.done / self.total) if self.total else None

    def estimate(self) -> str:
        """ "12 s left", or nothing while it cannot be known."""
        fraction, spent = self.fraction, self._now() - self._began
        if not fraction or fraction >= 1 or spent < 0.5:
            return ""
        return f"{about(spent / fraction - spent)} left"

    def start(self) -> None:
        """Begin."""
        self._began = self._now()
        self._action.start()

    def cancel(self) -> None:
        """Ask it to end."""
        self._action.cancel()

    def report(self, done: int, total: int | None) -> None:
        """What the work calls; the window hears of it ten times a second at most."""
        self.done, self.total = done, total
        moment = self._now()
        if moment - self._told >= 0.1 or (total is not None and done >= total):
            self._told = moment
            self.changed.emit()

    def _finish(self, result: Any) -> None:
        self.result = result
        self.ended.emit("")


class BackgroundWork(QObject):
    """The jobs under way. `changed` when one came, moved or went; `failed(str)` and `finished(str)` tell the end."""

    changed = Signal()
    failed = Signal(str)
    finished = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.jobs: list[Job] = []

    def run(self, words: str, work: Callable[[Progress], Coroutine[Any, Any, Any]]) -> Job:
        """Start `work(report)` and show it as `words`. The job is kept until it ends."""
        job = Job(words, work, self)
        self.jobs.append(job)
        job.changed.connect(self.changed)
        job.ended.connect(lambda sentence: self._end(job, sentence))
        job.start()
        self.changed.emit()
        return job

    def _end(self, job: Job, sentence: str) -> None:
        self.jobs.remove(job)
        if not sentence:
            self.finished.emit(f"{job.words}: done.")
        elif sentence != CANCELLED:
            self.failed.emit(f"{job.words}: {sentence}")
        self.changed.emit()
        job.deleteLater()
