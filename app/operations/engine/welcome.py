"""What the welcome page shows a worker: the task, its pay, what is left, what they did and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.blueprints.gates import Refuse
from app.data.repo import dispatch, people
from app.data.repo.people import SubmissionRow
from app.data.states import AgentStatus, UnitStatus
from app.data.store import Session
from app.operations.engine.presence import Presence
from app.operations.engine.run_context import RunContext

SHOWN = 50
"""How many of the worker's own submissions are shown."""
COUNT_SECONDS = 2.0
"""How old the number of units that are left may be."""


class WelcomeDesk:
    """Answers the welcome pages of one run."""

    def __init__(
        self,
        context: RunContext,
        presence: Presence,
        may_register: Callable[[str, str | None], Any],
    ) -> None:
        self._context = context
        self._presence = presence
        self._may_register = may_register
        self._left: int | None = None
        self._counted_at: datetime | None = None

    async def describe(self, worker_name: str, visitor: str | None) -> Mapping[str, Any]:
        """The `worker_state` packet's data, without its request id."""
        context, task = self._context, self._context.config.task
        current = next((a for a in self._presence if a.worker_name == worker_name), None)
        refusal: Refuse | None = await self._may_register(worker_name, visitor)
        submissions: Sequence[SubmissionRow] = ()
        if refusal is None or refusal.code != "name_taken":
            submissions = await context.store.read(list_submissions, context, worker_name)
        return {
            "worker_name": worker_name,
            "title": task.task_title,
            "description": task.task_description,
            "instructions": str(getattr(context.config.blueprint, "instructions", "")),
            "pay": _money(context.pay),
            "currency": context.run.currency,
            "units_left": await self._units_left(),
            "can_take": refusal is None,
            "refusal": refusal.reason if refusal is not None else None,
            "refusal_code": refusal.code if refusal is not None else None,
            "current": current is not None,
            # the page's `id` of the unit they have: it leads back there
            "current_visit": _visit_of(current.registration_id, worker_name) if current is not None else None,
            "submissions": [_shown(row) for row in submissions],
        }

    async def _units_left(self) -> int:
        now = self._context.clock.now()
        if self._left is None or self._counted_at is None or (now - self._counted_at).total_seconds() > COUNT_SECONDS:
            waiting = (UnitStatus.CREATED, UnitStatus.LAUNCHED)
            self._left = await self._context.store.read(dispatch.count_units, self._context.run_id, waiting)
            self._counted_at = now
        return self._left


def list_submissions(session: Session, context: RunContext, worker_name: str) -> Sequence[SubmissionRow]:
    """The worker's own submissions to the task, newest first."""
    worker_id = people.find_worker(session, worker_name, context.run.provider_type)
    if worker_id is None:
        return ()
    return people.list_submissions_of_worker(session, worker_id, task_id=context.run.task_id, limit=SHOWN)


def _shown(row: SubmissionRow) -> dict[str, Any]:
    returned = row.agent_status is AgentStatus.REJECTED
    return {
        "when": row.when.isoformat(),
        "status": str(row.agent_status),
        "reason": (row.note or "") if returned else "",
        "pay": _money(row.pay) if not returned else "0",
        "bonus": _money(row.bonus) if row.bonus else "",
        "currency": row.currency,
    }


def _money(amount: Decimal) -> str:
    return format(amount, "f")


def _visit_of(registration_id: str, worker_name: str) -> str:
    return registration_id.removesuffix(f"-{worker_name}")
