"""What every page is given: the operations, the feed, the messages, and the way to other places."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.clock import Clock
from app.data.store import Store
from app.operations.desk.payments import Ledger
from app.operations.desk.review import ReviewDesk
from app.operations.desk.workers import WorkerDesk
from app.operations.holders import held_by_somebody
from app.operations.operator import Operator
from app.settings import Settings
from app.vault import Vault
from app.viewmodels.feed_binding import FeedBinding
from app.viewmodels.record_table import RecordQuery, RecordTableModel
from app.viewmodels.store_source import StoreSource
from app.viewmodels.window_frame import WindowFrame


@dataclass(frozen=True)
class Engine:
    """The operations that the composition root made."""

    store: Store
    settings: Settings
    vault: Vault
    clock: Clock
    operator: Operator
    reviews: ReviewDesk
    ledger: Ledger
    workers: WorkerDesk


class Desktop(QObject):
    """One for each window. `place_asked(str, object)`: a page's key, and where to open it as a mapping."""

    place_asked = Signal(str, object)
    theme_chosen = Signal(str)

    def __init__(self, engine: Engine, frame: WindowFrame) -> None:
        super().__init__(frame)
        self.engine = engine
        self.store = engine.store
        self.settings = engine.settings
        self.vault = engine.vault
        self.clock = engine.clock
        self.operator = engine.operator
        self.reviews = engine.reviews
        self.ledger = engine.ledger
        self.workers = engine.workers
        self.ui_state = frame.ui_state
        self.toasts = frame.toasts
        self.background = frame.background

    def go(self, place: str, **where: Any) -> None:
        """Show a page, opened at what `where` names (`go("runs", run_id=3)`)."""
        self.place_asked.emit(place, where)

    def binding(self, tables: Iterable[str] | None, parent: QObject) -> FeedBinding:
        """The feed of some tables for one page; it ends with `parent`."""
        made = FeedBinding(self.store.feed, tables, parent)
        subscription = made.subscription
        parent.destroyed.connect(subscription.close)
        return made

    def records(
        self, kind: str, scope: Mapping[str, int] | None = None, query: RecordQuery | None = None, *, parent: QObject
    ) -> RecordTableModel:
        """A table model of a listing, live. Call its `refresh` when it is first shown."""
        model = RecordTableModel(StoreSource(self.store, kind, scope), query, parent)
        self.binding(model.source.tables, model).changed.connect(model.apply_changes)
        return model

    def served_elsewhere(self, run_id: int) -> bool:
        """Whether another process on this database serves a run: nothing of it can be steered from here."""
        return run_id not in self.operator.live_runs and held_by_somebody(self.store, run_id)

    def fail(self, sentence: str) -> None:
        """Show a fault: what an action's `failed` is connected to."""
        self.toasts.say(sentence, "bad")
