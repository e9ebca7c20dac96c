"""What live tasks said and were told: append-only, in order, each update once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from app.data.changes import announce
from app.data.repo.core import (
    LIVE_UPDATES,
    clean_text,
    insert_of,
    one,
    run,
)

P = sa.bindparam

_HAS_UPDATE = sa.select(LIVE_UPDATES.c.live_update_id).where(
    LIVE_UPDATES.c.agent_id == P("agent"), LIVE_UPDATES.c.update_id == P("update")
)
_ADD_UPDATE = insert_of("live_updates", "agent_id", "direction", "update_id", "content", "creation_date")


def append_live_update(
    session: Session, agent_id: int, direction: str, update_id: str, content: Any, now: datetime
) -> bool:
    """Add to what was said between a page and us ("in" or "out"). False: that update was there already."""
    update_id = clean_text(update_id, 200)
    if one(session, _HAS_UPDATE, {"agent": agent_id, "update": update_id}) is not None:
        return False
    values = {"agent_id": agent_id, "direction": direction, "update_id": update_id, "content": content}
    run(session, _ADD_UPDATE, {**values, "creation_date": now})
    announce(session, "live_updates", None)
    return True


@dataclass(frozen=True)
class LiveUpdateRow:
    """One thing that was said."""

    live_update_id: int
    direction: str
    update_id: str
    content: Any
    creation_date: datetime


def list_live_updates(session: Session, agent_id: int, after: int = 0) -> list[LiveUpdateRow]:
    """What was said, in order, behind the update with the id `after`."""
    columns = (LIVE_UPDATES.c[name] for name in LiveUpdateRow.__dataclass_fields__)
    statement = sa.select(*columns).where(LIVE_UPDATES.c.agent_id == agent_id, LIVE_UPDATES.c.live_update_id > after)
    return [LiveUpdateRow(*row) for row in run(session, statement.order_by(LIVE_UPDATES.c.live_update_id))]
