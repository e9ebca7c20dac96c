"""Which unit a worker gets where the task's own code has a say: `worker_can_do_unit`, asked before the claim.

The code is asked outside of every transaction; the claim then takes one of the units that it said yes to, if one of
them is still there. So it may be asked again, and a unit that it refused is never given.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

from app.blueprints.gates import refuse
from app.blueprints.hook_views import TaskUnit, TaskWorker
from app.data.repo import status
from app.data.repo.assignments import data_of_unit
from app.data.store import Session
from app.operations.engine.admission import Eligible, Missed, Order, Outcome, Reply
from app.operations.engine.hooks import Hooks, worker_of
from app.operations.engine.run_context import RunContext

AT_ONCE = 50
"""Units that are looked at together."""
ENOUGH = 5
"""Units that were said yes to: the first of them that is still free is given."""
LOOKING = timedelta(seconds=20)
"""A worker for whom nothing was found in so long is told to ask again."""


async def choose_unit(
    context: RunContext,
    hooks: Hooks,
    order: Order,
    worker_id: int,
    ask: Callable[[Order], Awaitable[Reply]],
) -> Outcome | None:
    """A unit that the worker may do, or why there is none; None when there is no unit to look at at all."""
    until = context.clock.now() + LOOKING
    after = 0
    looked_at_any = failed = False
    while True:
        worker, units = await context.store.read(list_choices, context, worker_id, after)
        if not units:
            break
        chosen, fault = await hooks.choose(worker, units, ENOUGH)
        failed = failed or fault
        looked_at_any = looked_at_any or len(chosen) < len(units)
        after = units[-1].unit_id
        if chosen:
            order.only = chosen
            reply = await ask(order)
            if not isinstance(reply, Missed | Eligible):
                return reply
            after = chosen[-1]
        if context.clock.now() >= until:
            return refuse("looking")
    if failed:
        return refuse("failed")
    return refuse("not_suitable") if looked_at_any else None


def list_choices(
    session: Session, context: RunContext, worker_id: int, after: int
) -> tuple[TaskWorker, list[TaskUnit]]:
    """The worker, and the next units behind `after` that they could have."""
    rows = status.list_claimable(session, context.run_id, worker_id, after=after, most=AT_ONCE)
    units = []
    for row in rows:
        shared, own = data_of_unit(row.data, row.unit_index)
        units.append(
            TaskUnit(
                row.unit_id,
                row.assignment_id,
                row.unit_index,
                context.run_id,
                context.run.task_name,
                {**shared, **own},
            )
        )
    return worker_of(session, worker_id), units
