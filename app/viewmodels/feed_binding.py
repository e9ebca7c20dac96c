"""Committed changes for the eye: the change feed, coalesced to five signals a second.

Each signal has rows and counts read anew, which competes with the workers for the interpreter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PySide6.QtCore import QElapsedTimer, QObject, QTimer, Signal

from app.data.changes import Change, ChangeFeed

INTERVAL_MS = 200


class FeedBinding(QObject):
    """Emits `changed({table: frozenset of ids, or None for many})`, at most every 200 ms; the first comes at once.

    While it is not active (its page is hidden) changes are kept, and told in one signal when it is again.
    """

    changed = Signal(object)

    def __init__(self, feed: ChangeFeed, tables: Iterable[str] | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pending: dict[str, set[int] | None] = {}
        self._active = True
        self._since = QElapsedTimer()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._tell)
        self.subscription = feed.subscribe(self._hear, tables)

    def set_active(self, active: bool) -> None:
        """Hold the signals back, or let them come again."""
        self._active = active
        if active and self._pending:
            self._schedule()

    def close(self) -> None:
        """Stop listening. Idempotent."""
        self.subscription.close()
        self._timer.stop()
        self._pending.clear()

    def _hear(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if change.ids is None:
                self._pending[change.table] = None
            elif (known := self._pending.setdefault(change.table, set())) is not None:
                known |= change.ids
        if self._active:
            self._schedule()

    def _schedule(self) -> None:
        if not self._timer.isActive():
            elapsed = self._since.elapsed() if self._since.isValid() else INTERVAL_MS
            self._timer.start(max(0, INTERVAL_MS - elapsed))

    def _tell(self) -> None:
        if not self._pending or not self._active:
            return
        told, self._pending = self._pending, {}
        self._since.start()
        self.changed.emit({table: None if ids is None else frozenset(ids) for table, ids in told.items()})
