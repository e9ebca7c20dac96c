"""Short messages in the corner of the window, some with Undo and the time that is left for it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.viewmodels.action import Action

UNDO = "Undo"
SECONDS = {"info": 5.0, "ok": 5.0, "warn": 8.0, "bad": 12.0}


@dataclass(frozen=True)
class Toast:
    """One message. `seconds` is how long it stays; `action` the word on its button (empty: none)."""

    number: int
    text: str
    tone: str
    seconds: float
    action: str


class Toasts(QObject):
    """The messages that are shown. `added(Toast)`, `removed(int)`."""

    added = Signal(object)
    removed = Signal(int)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._numbers = itertools.count(1)
        self._undo: dict[int, Action] = {}

    def say(self, text: str, tone: str = "info") -> int:
        """Show a sentence in a tone ("info", "ok", "warn", "bad"); returns its number."""
        return self._add(text, tone, SECONDS[tone], "")

    def offer_undo(self, text: str, seconds: float, undo: Callable[[], Coroutine[Any, Any, Any]]) -> int:
        """Show what was done, with Undo for `seconds`; `undo` is run at most once."""
        return self.offer(text, UNDO, undo, seconds=seconds)

    def offer(
        self,
        text: str,
        word: str,
        work: Callable[[], Coroutine[Any, Any, Any]],
        *,
        tone: str = "info",
        seconds: float = 8.0,
    ) -> int:
        """Show a sentence with a button that runs `work`, at most once."""
        number = self._add(text, tone, seconds, word)
        action = Action(work, self)
        action.failed.connect(lambda sentence: self.say(sentence, "bad"))
        action.busy_changed.connect(lambda busy: None if busy else action.deleteLater())
        self._undo[number] = action
        return number

    def act(self, number: int) -> None:
        """The button of a toast was pressed."""
        action = self._undo.pop(number, None)
        self.remove(number)
        if action is not None:
            action.start()

    def remove(self, number: int) -> None:
        """Take a toast away: its time is over, or it was closed. Idempotent."""
        action = self._undo.pop(number, None)
        if action is not None and not action.busy:
            action.deleteLater()
        self.removed.emit(number)

    def _add(self, text: str, tone: str, seconds: float, action: str) -> int:
        toast = Toast(next(self._numbers), text, tone, seconds, action)
        self.added.emit(toast)
        return toast.number
