"""Reading again and again, at a pace that the reading itself allows."""

from __future__ import annotations

import time

from PySide6.QtCore import QObject, QTimer

from app.viewmodels.action import Action

_BUSY_SHARE = 10
"""What is read takes at most about one tenth of the time: after a long reading comes a pause ten times as long."""


class Paced(QObject):
    """Starts an action when it is asked for, again and again, but never more often than its length allows."""

    def __init__(self, action: Action, least_ms: int, parent: QObject) -> None:
        super().__init__(parent)
        self._action, self._least_ms = action, least_ms
        self._began, self._took_ms = 0.0, 0
        self._again = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._start)
        action.busy_changed.connect(self._ended)

    def ask(self) -> None:
        """Start as soon as it is due."""
        if self._action.busy:
            self._again = True
        elif not self._timer.isActive():
            pause = max(self._least_ms, _BUSY_SHARE * self._took_ms)
            passed = int((time.monotonic() - self._began) * 1000)
            self._timer.start(max(0, pause - passed) if self._began else 0)

    def stop(self) -> None:
        """Start nothing more, and end what runs."""
        self._again = False
        self._timer.stop()
        self._action.cancel()

    def _start(self) -> None:
        self._began = time.monotonic()
        self._action.start()

    def _ended(self, busy: bool) -> None:
        if busy:
            return
        self._took_ms = int((time.monotonic() - self._began) * 1000)
        if self._again:
            self._again = False
            self.ask()
