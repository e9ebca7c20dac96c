"""Bars on workers: from everything, or softly from one task."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session

from app.data.changes import announce
from app.data.repo.core import BLOCKS, TASKS, WORKERS, add, clean_text, run
from app.errors import EntryDoesNotExist

_ENDS = BLOCKS.c.lifted_at.is_(None) & BLOCKS.c.until.is_not(None)


@dataclass(frozen=True)
class BlockRow:
    """A bar on a worker."""

    block_id: int
    worker_id: int
    worker_name: str
    hard: bool
    task_id: int | None
    task_name: str | None
    reason: str
    author: str
    until: datetime | None
    creation_date: datetime


def block_worker(
    session: Session, worker_id: int, *, hard: bool, task_id: int | None, reason: str, author: str,
    until: datetime | None, now: datetime,
) -> int:  # fmt: skip
    """Bar a worker: everywhere (`hard`) or from one task. A standing block of the same scope is replaced."""
    if not hard and task_id is None:
        raise EntryDoesNotExist("A soft block needs the task it is for.")
    scope = None if hard else task_id
    unblock_worker(session, worker_id, task_id=scope, now=now)
    values = {
        "worker_id": worker_id, "hard": hard, "task_id": scope, "reason": clean_text(reason), "author": author,
        "until": until, "creation_date": now,
    }  # fmt: skip
    block_id = add(session, BLOCKS, values)
    announce(session, "blocks", (block_id,))
    announce(session, "workers", (worker_id,))
    return block_id


def unblock_worker(session: Session, worker_id: int, *, task_id: int | None, now: datetime) -> int:
    """Lift the hard block (`task_id` None) or the soft block of a task. Returns how many blocks that were."""
    scope = BLOCKS.c.hard if task_id is None else ~BLOCKS.c.hard & (BLOCKS.c.task_id == task_id)
    standing = (BLOCKS.c.worker_id == worker_id) & BLOCKS.c.lifted_at.is_(None) & scope
    lifted = run(session, sa.update(BLOCKS).where(standing).values(lifted_at=now)).rowcount
    if lifted:
        announce(session, "blocks", None)
        announce(session, "workers", (worker_id,))
    return lifted


def next_end(session: Session) -> datetime | None:
    """When the first of the blocks that stand ends by itself; None when none does."""
    found: datetime | None = run(session, sa.select(sa.func.min(BLOCKS.c.until)).where(_ENDS)).scalar_one()
    return found


def lift_ended(session: Session, now: datetime) -> dict[int, bool]:
    """Lift the blocks whose time is over, so that nobody is shown as barred who is not.

    Returns the workers, and whether the block of each was one from everything.
    """
    over = _ENDS & (BLOCKS.c.until <= now)
    found: dict[int, bool] = {}
    for worker_id, hard in run(session, sa.select(BLOCKS.c.worker_id, BLOCKS.c.hard).where(over)):
        found[worker_id] = found.get(worker_id, False) or bool(hard)
    if found:
        run(session, sa.update(BLOCKS).where(over).values(lifted_at=BLOCKS.c.until))
        announce(session, "blocks", None)
        announce(session, "workers", found)
    return found


def list_blocks(session: Session, now: datetime, worker_id: int | None = None) -> list[BlockRow]:
    """Blocks that stand, of one worker or of all, newest first."""
    statement = (
        sa.select(
            BLOCKS.c.block_id, BLOCKS.c.worker_id, WORKERS.c.worker_name, BLOCKS.c.hard, BLOCKS.c.task_id,
            TASKS.c.task_name, BLOCKS.c.reason, BLOCKS.c.author, BLOCKS.c.until, BLOCKS.c.creation_date,
        )
        .join(WORKERS, WORKERS.c.worker_id == BLOCKS.c.worker_id)
        .outerjoin(TASKS, TASKS.c.task_id == BLOCKS.c.task_id)
        .where(BLOCKS.c.lifted_at.is_(None), BLOCKS.c.until.is_(None) | (BLOCKS.c.until > now))
        .order_by(BLOCKS.c.block_id.desc())
    )  # fmt: skip
    if worker_id is not None:
        statement = statement.where(BLOCKS.c.worker_id == worker_id)
    return [BlockRow(*row) for row in run(session, statement)]
