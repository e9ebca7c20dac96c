"""Decisions of the review page: each is sent at once, in order, and can be taken back while there is time."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from PySide6.QtCore import QObject, Signal

from app.data.states import AgentStatus
from app.errors import AppError
from app.operations.desk.review import ReviewDesk
from app.operations.desk.verdicts import DecisionPreview, Verdict
from app.viewmodels import formats
from app.viewmodels.action import Action
from app.viewmodels.decisions import DONE_WORDS
from app.viewmodels.toasts import Toasts

VERDICTS: dict[str, Verdict] = {
    "approve": AgentStatus.APPROVED,
    "soft_reject": AgentStatus.SOFT_REJECTED,
    "reject": AgentStatus.REJECTED,
}
_KEPT = 200


@dataclass(frozen=True)
class _Waiting:
    unit_ids: tuple[int, ...]
    verdict: str
    note: str
    words: str


@dataclass(frozen=True)
class _Sent:
    batch: str
    unit_ids: tuple[int, ...]
    words: str


class ReviewDecisions(QObject):
    """Sends decisions without keeping the reviewer waiting.

    `sent(object)`: ids that were decided; `taken_back(object)`: ids of what was undone; `failed(str)`.
    """

    sent = Signal(object)
    taken_back = Signal(object)
    failed = Signal(str)

    def __init__(self, desk: ReviewDesk, toasts: Toasts, undo_seconds: int, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk, self._toasts, self._undo_seconds = desk, toasts, undo_seconds
        self._waiting: deque[_Waiting] = deque()
        self._sent: deque[_Sent] = deque(maxlen=_KEPT)
        self._toast: int | None = None
        self._sender = Action(self._send_all, self)
        self._sender.failed.connect(self.failed)
        self._sender.finished.connect(self._go_on)
        self._undoer = Action(self._undo_last, self)
        self._undoer.failed.connect(self.failed)

    def decide(self, unit_ids: Sequence[int], verdict: str, note: str = "", words: str = "") -> None:
        """Decide "approve", "soft_reject" or "reject" (which needs a note) about units; returns at once.

        `words` name what is decided ("U-18240 of mira.k") for the message.
        """
        if unit_ids:
            self._waiting.append(_Waiting(tuple(unit_ids), verdict, note, words))
            self._sender.start()

    def undo(self) -> None:
        """Take back the last decision that was not taken back yet."""
        if self._waiting:
            dropped = self._waiting.pop()
            self.taken_back.emit(dropped.unit_ids)
        else:
            self._undoer.start()

    async def preview(self, unit_ids: Sequence[int], verdict: str, bonus: Decimal | None = None) -> DecisionPreview:
        """What a decision would do and cost."""
        return await self._desk.preview(unit_ids, VERDICTS[verdict], bonus)

    async def settle(self) -> None:
        """Until everything that was decided is sent."""
        while self._waiting or self._sender.busy:
            self._sender.start()
            await self._sender.wait()

    def _go_on(self) -> None:
        if self._waiting:
            self._sender.start()

    async def _send_all(self) -> None:
        while self._waiting:
            next_one = self._waiting.popleft()
            try:
                done = await self._desk.decide(next_one.unit_ids, VERDICTS[next_one.verdict], next_one.note)
            except AppError as error:
                self.failed.emit(f"{next_one.words}: {error}" if next_one.words else str(error))
                self.taken_back.emit(next_one.unit_ids)
                continue
            count, asked = len(done.unit_ids), len(next_one.unit_ids)
            what = next_one.words if count == asked == 1 and next_one.words else formats.count_of(count, "unit")
            words = f"{what} {DONE_WORDS[VERDICTS[next_one.verdict]]}."
            if count < asked:
                words += f" {formats.count_of(asked - count, 'unit')} did not wait for it."
            sent = _Sent(done.batch, done.unit_ids, words)
            self._sent.append(sent)
            self.sent.emit(next_one.unit_ids)
            self._offer_undo(sent)

    def _offer_undo(self, sent: _Sent) -> None:
        """One message at a time: the newest decision replaces the one before."""
        if self._toast is not None:
            self._toasts.remove(self._toast)
        if not self._undo_seconds:
            self._toast = self._toasts.say(sent.words, "ok")
            return

        async def undo() -> None:
            if sent in self._sent:
                self._sent.remove(sent)
                await self._undo_one(sent)

        self._toast = self._toasts.offer_undo(sent.words, float(self._undo_seconds), undo)

    async def _undo_last(self) -> None:
        await self._sender.wait()  # a large one takes its time: it is what is meant, not the one before
        if not self._sent:
            self._toasts.say("There is nothing to take back.", "info")
            return
        await self._undo_one(self._sent.pop())

    async def _undo_one(self, sent: _Sent) -> None:
        count = await self._desk.undo(sent.batch)
        if self._toast is not None:
            self._toasts.remove(self._toast)
            self._toast = None
        late = len(sent.unit_ids) - count
        if count:
            some = f"Taken back for {formats.digits(count)} of them, too late for {formats.digits(late)}: {sent.words}"
            self._toasts.say(some if late > 0 else f"Taken back: {sent.words}", "warn" if late > 0 else "info")
            self.taken_back.emit(sent.unit_ids)
        else:
            self._toasts.say(f"Too late to take back: {sent.words} Decide again, if the provider lets you.", "warn")
