"""The table of a run's agents: rows of the database, with what only the live run knows put in as they are painted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from PySide6.QtCore import QObject, QTimer

from app.data.states import LIVE_AGENT, ONBOARDING_LIVE
from app.data.store import Store
from app.viewmodels.record_table import RecordQuery, RecordTableModel
from app.viewmodels.store_source import StoreSource

_LIVE = {
    "agents": frozenset(str(status) for status in LIVE_AGENT),
    "onboarding": frozenset(str(status) for status in ONBOARDING_LIVE),
}
_TICK_MS = 1000


class LiveAgentsModel(RecordTableModel):
    """Agents of one run, or its newcomers (`kind` "onboarding"). While one is at work the time on task runs, and "last
    heard" is what the page told.

    `presence` gives the id -> seconds since heard, empty when the run is not served here; asked once a second.
    """

    def __init__(
        self,
        store: Store,
        run_id: int,
        presence: Callable[[], Mapping[int, float]],
        now: Callable[[], datetime],
        query: RecordQuery | None = None,
        parent: QObject | None = None,
        *,
        kind: str = "agents",
    ) -> None:
        super().__init__(StoreSource(store, kind, {"task_run_id": run_id}), query, parent)
        self._live = _LIVE[kind]
        self._presence, self._now = presence, now
        self._heard: Mapping[int, float] = {}
        self._looked_at = now()
        self._status = self.column_number("status")
        self._on_task = self.column_number("on_task")
        self._last_heard = self.column_number("last_heard")
        self._tick = QTimer(self)
        self._tick.setInterval(_TICK_MS)
        self._tick.timeout.connect(self.look)
        self.look()
        self._tick.start()

    def look(self) -> None:
        """Ask who was heard of when."""
        self._heard, self._looked_at = self._presence(), self._now()

    def stop(self) -> None:
        """End what is being read, and ask no more."""
        self._tick.stop()
        super().stop()

    def values_at(self, row: int) -> tuple[Any, ...] | None:
        values = super().values_at(row)
        if values is None or values[self._status] not in self._live:
            return values
        shown = list(values)
        started_at = values[self._last_heard]  # of an agent at work the listing gives when it began
        if isinstance(started_at, datetime):
            shown[self._on_task] = self._now() - started_at
        heard = self._heard.get(self.ids[row])
        if heard is not None:
            shown[self._last_heard] = self._looked_at - timedelta(seconds=heard)
        elif not isinstance(started_at, datetime) or started_at < self._looked_at:
            shown[self._last_heard] = None  # not served here, so nobody knows
        return tuple(shown)
