"""The table of a run's newcomers: who is in the onboarding, who passed it, who left it; and a page of its rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from app.data.repo.core import ONBOARDING, WORKERS, among, run
from app.data.repo.listing_parts import Kind, Rows, Shown, contains, named, one_of
from app.data.states import ONBOARDING_LIVE

_LONGEST_ANSWER = 200

_PAGE = (
    sa.select(
        ONBOARDING.c.onboarding_agent_id, WORKERS.c.worker_name, ONBOARDING.c.status, ONBOARDING.c.creation_date,
        ONBOARDING.c.submitted_at, ONBOARDING.c.data,
    )
    .join(WORKERS, WORKERS.c.worker_id == ONBOARDING.c.worker_id)
    .where(among(ONBOARDING.c.onboarding_agent_id, "ids"))
)  # fmt: skip


def onboarding_rows(session: Session, ids: Sequence[int], now: datetime) -> Rows:
    """worker, status, began, on_task (so far, while they are in it), last_heard, answer"""
    return {
        row.onboarding_agent_id: (
            row.worker_name, row.status, row.creation_date, _seconds_in_it(row, now),
            row.submitted_at or row.creation_date, _answer(row.data),
        )
        for row in run(session, _PAGE, {"ids": ids})
    }  # fmt: skip


def _seconds_in_it(row: Any, now: datetime) -> float | None:
    end = row.submitted_at or (now if row.status in ONBOARDING_LIVE else None)
    return None if end is None else max(0.0, (end - row.creation_date).total_seconds())


def _answer(data: Any) -> str:
    given = data.get("outputs") if isinstance(data, dict) else None
    if isinstance(given, dict):
        return " · ".join(f"{name}: {_word(value)}" for name, value in given.items())[:_LONGEST_ANSWER]
    return "" if given is None else _word(given)[:_LONGEST_ANSWER]


def _word(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


ONBOARDING_TABLE = Kind(
    key=ONBOARDING.c.onboarding_agent_id,
    columns=(
        Shown("worker", "Worker", "text", 160, WORKERS.c.worker_name, ("worker",), True),
        Shown("status", "Status", "status", 130, ONBOARDING.c.status),
        Shown("began", "Began", "datetime", 120, ONBOARDING.c.creation_date),
        Shown("on_task", "In it", "duration", 90),
        Shown("last_heard", "Last heard", "datetime", 110),
        Shown("answer", "Answer", "text", 280),
    ),
    fetch=onboarding_rows,
    tables=("onboarding_agents", "workers"),
    found=lambda word, scope: sa.or_(
        ONBOARDING.c.worker_id.in_(named(WORKERS, "worker_id", "worker_name", word)),
        contains(ONBOARDING.c.status, word),
    ),
    filters={"status": one_of(ONBOARDING.c.status), "worker": one_of(WORKERS.c.worker_name, "worker")},
    scopes={name: (ONBOARDING.c[name], ()) for name in ("task_run_id", "task_id", "worker_id")},
    joins={"worker": (WORKERS, WORKERS.c.worker_id == ONBOARDING.c.worker_id, ())},
    newest_first=True,
)
