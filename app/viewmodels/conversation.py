"""The conversation that a unit belongs to, as it is held: everybody's lines in one, and a way to speak in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from PySide6.QtCore import QObject, Signal

from app.blueprints.base import LiveUpdate, SpokenLine
from app.blueprints.chat.answers import spoken_line
from app.blueprints.chat.blueprint import ChatBlueprint
from app.data.repo import assignments, live_updates
from app.data.repo.live_updates import INWARD, LiveUpdateRow, SeatRow
from app.data.states import LIVE_AGENT
from app.data.store import Session
from app.errors import EntryDoesNotExist
from app.operations.engine.live_run import LiveTaskRun
from app.viewmodels.action import Action
from app.viewmodels.desktop import Desktop

TABLES = ("live_updates", "agents")
_LIVE = frozenset(str(status) for status in LIVE_AGENT)


@dataclass(frozen=True)
class Said:
    """What a read of a conversation found: its seats, and updates of each agent behind those known."""

    run_id: int
    assignment_id: int
    task_type: str
    seats: Sequence[SeatRow]
    updates: Mapping[int, Sequence[LiveUpdateRow]]


def read_said(session: Session, unit_id: int, after: int) -> Said:
    """What was said in the conversation of a unit, behind the update `after`. `EntryDoesNotExist`."""
    unit = assignments.get_unit(session, unit_id)
    seats = live_updates.list_seats(session, unit.assignment_id)
    found = live_updates.list_of_agents(session, [seat.agent_id for seat in seats], after)
    return Said(unit.task_run_id, unit.assignment_id, unit.task_type, seats, found)


class ConversationViewModel(QObject):
    """One conversation at a time. `changed()` when `lines` or who is there is other; `spoke()` when something was said.

    `failed(str)`.
    """

    changed = Signal()
    spoke = Signal()
    failed = Signal(str)

    def __init__(self, desktop: Desktop, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store, self._operator = desktop.store, desktop.operator
        self.unit_id: int | None = None
        self.lines: tuple[SpokenLine, ...] = ()
        self.at_work = 0
        self.is_conversation = False
        self._said: Said | None = None
        self._known: dict[str, SpokenLine] = {}
        self._names: dict[int, str] = {}
        self._after = 0
        self._again = False
        self._reader = Action(self._read, self)
        self._reader.failed.connect(self.failed)
        self._reader.busy_changed.connect(self._ended)
        self._speaker = Action(self._speak, self)
        self._speaker.failed.connect(self.failed)
        self._speaker.finished.connect(lambda _heard: self.spoke.emit())
        self._feed = desktop.binding(TABLES, self)
        self._feed.changed.connect(self._hear)

    @property
    def may_speak(self) -> bool:
        """Whether the requester can say something in it now."""
        live = self._live()
        return live is not None and live.context.blueprint.live.speak_in and self.at_work > 0

    def show(self, unit_id: int | None) -> None:
        """Show the conversation of another unit; None shows none and rests."""
        if unit_id != self.unit_id:
            self.unit_id, self._said, self._after = unit_id, None, 0
            self._known, self._names, self.lines, self.at_work, self.is_conversation = {}, {}, (), 0, False
            self.changed.emit()
        self._feed.set_active(unit_id is not None)
        self._ask()

    def say(self, text: str) -> None:
        """Say something to everybody in it."""
        if text.strip() and self.may_speak:
            self._speaker.start(text.strip())

    async def _speak(self, text: str) -> int:
        live, said = self._live(), self._said
        if live is None or said is None:
            raise EntryDoesNotExist("The run is not served any more.")
        return await live.speak_in(said.assignment_id, text)

    def _live(self) -> LiveTaskRun | None:
        return self._operator.live_runs.get(self._said.run_id) if self._said is not None else None

    def _hear(self, changes: Mapping[str, frozenset[int] | None]) -> None:
        mine = {seat.agent_id for seat in self._said.seats} if self._said is not None else set()
        spoken, agents = changes.get("live_updates", frozenset()), changes.get("agents", frozenset())
        if spoken is None or agents is None or mine & spoken or agents - mine or mine & agents:
            self._ask()

    def _ask(self) -> None:
        if self.unit_id is not None and not self._reader.start(self.unit_id):
            self._again = True

    def _ended(self, busy: bool) -> None:
        if not busy and self._again:
            self._again = False
            self._ask()

    async def _read(self, unit_id: int) -> None:
        said = await self._store.read(read_said, unit_id, self._after)
        if unit_id != self.unit_id:
            return
        before = (len(self._known), self.at_work, self.is_conversation, self._said is None)
        self._said = said
        for seat in said.seats:
            self._names.setdefault(seat.agent_id, seat.worker_name)
        for row, agent_id in sorted(
            ((row, agent_id) for agent_id, rows in said.updates.items() for row in rows),
            key=lambda pair: pair[0].live_update_id,
        ):
            self._after = max(self._after, row.live_update_id)
            self._take(row, agent_id)
        self.at_work = sum(1 for seat in said.seats if seat.status in _LIVE)
        self.is_conversation = bool(self._known) or said.task_type == ChatBlueprint.BLUEPRINT_TYPE
        if before != (len(self._known), self.at_work, self.is_conversation, False):
            self.lines = tuple(self._known.values())
            self.changed.emit()

    def _take(self, row: LiveUpdateRow, agent_id: int) -> None:
        """Each line once: as its speaker's page said it, with their name; or as the others heard it."""
        if not isinstance(row.content, Mapping) or row.update_id in self._known:
            return
        inward = row.direction == INWARD
        line = spoken_line(LiveUpdate(inward, row.content, row.creation_date))
        if line is not None:
            who = self._names.get(agent_id, "")
            self._known[row.update_id] = replace(line, speaker=f"{line.speaker} · {who}") if inward and who else line
