"""One unit for the inspector: where it stands, who has it, what it is about, what was said and decided."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.data.repo import assignments, live_updates, people, reviews, submissions, tasks
from app.data.store import Session
from app.viewmodels.action import Action
from app.viewmodels.desktop import Desktop
from app.viewmodels.formats import NOTHING

TABLES = ("units", "agents", "agent_data", "live_updates", "worker_review", "pending_decisions")
_LONGEST = 400
_MOST_LINES = 60


@dataclass(frozen=True)
class UnitCard:
    """What the inspector shows of a unit. Texts are cut to what can be read there."""

    unit_id: int
    task_run_id: int
    status: str
    pay_amount: Decimal
    currency: str
    worker_id: int | None
    worker_name: str
    agent_id: int | None
    agent_status: str
    left_reason: str
    started_at: datetime | None
    submitted_at: datetime | None
    item: tuple[tuple[str, str], ...]
    """Fields of the item, (name, value)."""
    answer: tuple[tuple[str, str], ...]
    """Fields of the answer; empty until it is handed in."""
    files: tuple[str, ...]
    said: tuple[tuple[str, str], ...]
    """A conversation, (who: "in" from the worker, "out" to the worker; words)."""
    decisions: tuple[tuple[str, str, str, datetime], ...]
    """(what, about whom, note, when), newest first."""
    earlier: tuple[tuple[str, str], ...]
    """Answers to it before it was offered again: (worker, answer), with what became of them."""


def read_card(session: Session, unit_id: int) -> UnitCard:
    """Everything about a unit. `EntryDoesNotExist`."""
    unit = assignments.get_unit(session, unit_id)
    run = tasks.get_task_run(session, unit.task_run_id)
    data = assignments.get_assignment_data(session, unit.assignment_id)
    agent = people.get_agent(session, unit.agent_id) if unit.agent_id is not None else None
    work = people.get_agent_data(session, agent.agent_id) if agent is not None else None
    said = live_updates.list_live_updates(session, agent.agent_id)[-_MOST_LINES:] if agent is not None else []
    return UnitCard(
        unit_id=unit.unit_id,
        task_run_id=unit.task_run_id,
        status=str(unit.status),
        pay_amount=unit.pay_amount,
        currency=run.currency,
        worker_id=agent.worker_id if agent is not None else None,
        worker_name=agent.worker_name if agent is not None else "",
        agent_id=agent.agent_id if agent is not None else None,
        agent_status=str(agent.status) if agent is not None else "",
        left_reason=agent.left_reason if agent is not None else "",
        started_at=agent.started_at if agent is not None else None,
        submitted_at=agent.submitted_at if agent is not None else None,
        item=_fields(_item_of(data, unit.unit_index)),
        answer=_fields(work.outputs) if work is not None and work.outputs is not None else (),
        files=tuple(str(file.get("original_name", "")) for file in work.files) if work is not None else (),
        said=tuple((line.direction, short(line.content)) for line in said),
        decisions=tuple(
            (row.status, row.worker_name, row.review_note or "", row.creation_date)
            for row in reviews.list_reviews(session, unit_id=unit_id, limit=10)
        ),
        earlier=tuple(
            (row.worker_name, f"{row.answer or NOTHING} · {row.status}")
            for row in submissions.list_other_answers(session, unit.assignment_id, unit_id)
            if row.earlier
        ),
    )


def short(value: Any) -> str:
    """A value as a line that can be read: text as it is, all else as JSON; long ones are cut."""
    if isinstance(value, Mapping) and isinstance(value.get("text"), str):
        value = value["text"]
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _item_of(data: Mapping[str, Any], unit_index: int) -> dict[str, Any]:
    shared, own = assignments.data_of_unit(data, unit_index)
    return {**shared, **own}


def _fields(values: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(values, Mapping):
        return (("answer", short(values)),)
    return tuple((str(name), short(value)) for name, value in list(values.items())[:24])


class UnitCardViewModel(QObject):
    """The card of one unit at a time, live. `changed()` when `card` is another; `failed(str)`."""

    changed = Signal()
    failed = Signal(str)

    def __init__(self, desktop: Desktop, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = desktop.store
        self.unit_id: int | None = None
        self.card: UnitCard | None = None
        self._reader = Action(self._read, self)
        self._reader.failed.connect(self.failed)
        self._reader.busy_changed.connect(self._ended)
        self._again = False
        self._feed = desktop.binding(TABLES, self)
        self._feed.changed.connect(self._hear)

    def show(self, unit_id: int | None) -> None:
        """Show another unit; None shows none and rests."""
        self.unit_id = unit_id
        self._feed.set_active(unit_id is not None)
        self._ask()

    def _hear(self, changes: Mapping[str, frozenset[int] | None]) -> None:
        units = changes.get("units", frozenset())
        if len(changes) > ("units" in changes) or units is None or self.unit_id in units:
            self._ask()

    def _ask(self) -> None:
        if self.unit_id is not None and not self._reader.start(self.unit_id):
            self._again = True

    def _ended(self, busy: bool) -> None:
        if not busy and self._again:
            self._again = False
            self._ask()

    async def _read(self, unit_id: int) -> None:
        card = await self._store.read(read_card, unit_id)
        if unit_id == self.unit_id and card != self.card:
            self.card = card
            self.changed.emit()
