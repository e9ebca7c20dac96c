"""What the slots of one page start: coroutines whose faults are told, and sheets that stay until their work is done."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from app.viewmodels.action import Action
from app.viewmodels.toasts import Toasts
from app.views.sheet import Sheet

Work = Callable[..., Coroutine[Any, Any, Any]]
Then = Callable[[Any], object]


class Errands(QObject):
    """Each errand has its own action, so that several may be under way. `ended()` after each, however it ended."""

    ended = Signal()

    def __init__(self, toasts: Toasts, host: QWidget) -> None:
        super().__init__(host)
        self._toasts, self._host = toasts, host
        self.sheet: Sheet | None = None

    def run(
        self, work: Work, *args: Any, then: Then | None = None, failed: Callable[[str], object] | None = None
    ) -> Action:
        """Start `work(*args)`; `then` gets its result, `failed` the sentence of a fault (default: a toast)."""
        action = Action(work, self)
        if then is not None:
            action.finished.connect(then)
        action.failed.connect(failed or (lambda sentence: self._toasts.say(sentence, "bad")))
        action.busy_changed.connect(lambda busy: None if busy else self._end(action))
        action.start(*args)
        return action

    def open(self, sheet: Sheet) -> None:
        """Show a sheet over the page."""
        self.sheet = sheet
        sheet.open_over(self._host)

    def confirm(self, sheet: Sheet, confirmed: Callable[[], tuple[Work, tuple[Any, ...]]]) -> None:
        """Show a sheet; when it is confirmed run the work that `confirmed()` gives, and keep it until that is done."""

        def start() -> None:
            work, args = confirmed()
            sheet.setBusy(True)
            self.run(work, *args, then=lambda _result: sheet.finish(), failed=sheet.fail)

        sheet.confirmed.connect(start)
        self.open(sheet)

    def _end(self, action: Action) -> None:
        self.ended.emit()
        action.deleteLater()
