"""What the frame around the pages shows and asks. `watched_runs` fills it; this part knows no operation."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.viewmodels.background import BackgroundWork
from app.viewmodels.toasts import Toasts
from app.viewmodels.ui_state import UiState


@dataclass(frozen=True)
class RouterLine:
    """One router of the status bar: what it is, where it listens, and how it is ("ok", "warn", "bad")."""

    words: str
    address: str
    tone: str = "ok"


@dataclass(frozen=True)
class FrameStatus:
    """The status bar and the badges of the sidebar (place -> short text)."""

    routers: tuple[RouterLine, ...] = ()
    at_work: int = 0
    runs_in_flight: int = 0
    database: str = ""
    accounts: str = ""
    badges: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """An object that the palette found: its words, what it is, and the place to open it at."""

    words: str
    detail: str
    icon: str
    place: str
    where: Mapping[str, Any]


Finder = Callable[[str], Awaitable[Sequence[Found]]]


class WindowFrame(QObject):
    """`status_changed(FrameStatus)`; `place_asked(str, object)`; `notice(str, str)`: title and text for the desktop.

    It stands before the data is open: `WatchedRuns` fills it afterwards.
    """

    status_changed = Signal(object)
    place_asked = Signal(str, object)
    notice = Signal(str, str)

    def __init__(self, ui_state: UiState) -> None:
        super().__init__()
        self.ui_state = ui_state
        self.toasts = Toasts(self)
        self.background = BackgroundWork(self)
        self.background.failed.connect(lambda sentence: self.toasts.say(sentence, "bad"))
        self.status = FrameStatus()
        self.finder: Finder | None = None

    def set_status(self, status: FrameStatus) -> None:
        """Show another status."""
        if status != self.status:
            self.status = status
            self.status_changed.emit(status)

    async def find(self, words: str) -> Sequence[Found]:
        """Objects whose names hold these words."""
        return await self.finder(words) if self.finder is not None and words else ()
