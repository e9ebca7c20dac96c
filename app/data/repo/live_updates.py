"""What live tasks said and were told: append-only, in order, each update once.

Changes of this table are announced with the ids of the agents they belong to: that is what an open conversation asks.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from app.data.changes import announce
from app.data.engine import dump_json
from app.data.repo.core import AGENTS, LIVE_UPDATES, UNITS, WORKERS, Batch, all_at_once, among, clean_text, run

INWARD, OUTWARD = "in", "out"
LONGEST_ID = 200


@dataclass(frozen=True, slots=True)
class NewUpdate:
    """Something that is said: by the page of an agent ("in") or to it ("out")."""

    agent_id: int
    direction: str
    update_id: str
    content: Any


@dataclass(frozen=True)
class LiveUpdateRow:
    """One thing that was said."""

    live_update_id: int
    direction: str
    update_id: str
    content: Any
    creation_date: datetime


@dataclass(frozen=True)
class SeatRow:
    """An agent of a conversation, whoever of them: its seat, its worker, where it stands."""

    agent_id: int
    unit_id: int
    unit_index: int
    worker_name: str
    status: str
    started_at: datetime | None


_batch = Batch()
_KNOWN = sa.select(LIVE_UPDATES.c.agent_id, LIVE_UPDATES.c.update_id).join(
    _batch.rows,
    (LIVE_UPDATES.c.agent_id == _batch.integer("agent")) & (LIVE_UPDATES.c.update_id == _batch.text("update")),
)
_ADD = sa.insert(LIVE_UPDATES).from_select(
    ["agent_id", "direction", "update_id", "content", "creation_date"],
    sa.select(
        _batch.integer("agent"),
        _batch.text("direction"),
        _batch.text("update"),
        _batch.json("content"),
        sa.bindparam("now", type_=LIVE_UPDATES.c.creation_date.type),
    ),
    include_defaults=False,
)
_COLUMNS = [LIVE_UPDATES.c[name] for name in LiveUpdateRow.__dataclass_fields__]
_OF_AGENTS = (
    sa.select(LIVE_UPDATES.c.agent_id, *_COLUMNS)
    .where(among(LIVE_UPDATES.c.agent_id, "agents"), LIVE_UPDATES.c.live_update_id > sa.bindparam("after"))
    .order_by(LIVE_UPDATES.c.live_update_id)
)
_SEATS = (
    sa.select(
        AGENTS.c.agent_id, AGENTS.c.unit_id, UNITS.c.unit_index, WORKERS.c.worker_name, AGENTS.c.status,
        AGENTS.c.started_at,
    )
    .join(UNITS, UNITS.c.unit_id == AGENTS.c.unit_id)
    .join(WORKERS, WORKERS.c.worker_id == AGENTS.c.worker_id)
    .order_by(UNITS.c.unit_index, AGENTS.c.agent_id)
)  # fmt: skip


def append_live_updates(session: Session, updates: Sequence[NewUpdate], now: datetime) -> list[bool]:
    """Add to what was said, in their order, all in two statements; which of them are new.

    An update of an id that its agent has already is there already, and is left as it is.
    """
    keys = [(each.agent_id, clean_text(each.update_id, LONGEST_ID)) for each in updates]
    rows = [
        {"agent": agent_id, "update": update_id, "direction": each.direction, "content": each.content}
        for (agent_id, update_id), each in zip(keys, updates, strict=True)
    ]
    names = dump_json([{"agent": row["agent"], "update": row["update"]} for row in rows])
    seen = {(row.agent_id, row.update_id) for row in all_at_once(session, _KNOWN, {"rows": names})}
    is_new = []
    for key in keys:
        is_new.append(key not in seen)
        seen.add(key)
    fresh = [row for row, new in zip(rows, is_new, strict=True) if new]
    if fresh:
        run(session, _ADD, {"rows": dump_json(fresh), "now": now})
        announce(session, "live_updates", {row["agent"] for row in fresh})
    return is_new


def list_live_updates(session: Session, agent_id: int, after: int = 0) -> list[LiveUpdateRow]:
    """What was said, in order, behind the update with the id `after`."""
    statement = sa.select(*_COLUMNS).where(LIVE_UPDATES.c.agent_id == agent_id, LIVE_UPDATES.c.live_update_id > after)
    return [LiveUpdateRow(*row) for row in run(session, statement.order_by(LIVE_UPDATES.c.live_update_id))]


def list_of_agents(session: Session, agent_ids: Collection[int], after: int = 0) -> dict[int, list[LiveUpdateRow]]:
    """What was said by and to some agents, in order, behind the update `after`; one read for any number of them."""
    found: dict[int, list[LiveUpdateRow]] = {agent_id: [] for agent_id in agent_ids}
    for agent_id, *row in all_at_once(session, _OF_AGENTS, {"agents": list(agent_ids), "after": after}):
        found[agent_id].append(LiveUpdateRow(*row))
    return found


def list_seats(session: Session, assignment_id: int) -> list[SeatRow]:
    """Everybody who ever had a seat in the conversation of an assignment, in the order of seats."""
    rows = run(session, _SEATS.where(AGENTS.c.assignment_id == assignment_id))
    return [SeatRow(**row._mapping) for row in rows]


def copy_history(session: Session, from_agents: Collection[int], to_agent: int, name: str, now: datetime) -> None:
    """Give a worker who takes over a seat all that was said in it: what its holders said comes under `name`."""
    history = [row for rows in list_of_agents(session, from_agents).values() for row in rows]
    history.sort(key=lambda row: row.live_update_id)
    copies = [NewUpdate(to_agent, OUTWARD, row.update_id, _as_told(row, name)) for row in history]
    if copies:
        append_live_updates(session, copies, now)


def _as_told(row: LiveUpdateRow, name: str) -> Any:
    if row.direction != INWARD or not isinstance(row.content, Mapping):
        return row.content
    given = row.content.get("task_data")
    return {**row.content, "id": name, "task_data": {**(given if isinstance(given, Mapping) else {}), "former": True}}
