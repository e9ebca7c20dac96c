"""What a run had cost at points of time, for its chart."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from itertools import accumulate

import sqlalchemy as sa
from sqlmodel import Session

from app.data.repo.core import PAYMENTS, run
from app.data.repo.money import VOID


def spend_history(session: Session, run_id: int, times: Sequence[datetime]) -> list[Decimal]:
    """Exact cost (amounts and fees; void payments left out) up to each of `times` (n,), ascending. Reads once."""
    if not times:
        return []
    when = PAYMENTS.c.creation_date
    steps = [(when <= sa.literal(moment, when.type), sa.literal(place)) for place, moment in enumerate(times)]
    step = sa.case(*steps, else_=sa.literal(len(times))).label("step")
    grouped = (sa.text("step"), PAYMENTS.c.amount, PAYMENTS.c.fee)
    statement = (
        sa.select(step, PAYMENTS.c.amount, PAYMENTS.c.fee, sa.func.count())
        .where(PAYMENTS.c.task_run_id == run_id, PAYMENTS.c.state.not_in(VOID))
        .group_by(*grouped)
    )
    sums = [Decimal(0)] * (len(times) + 1)
    for place, amount, fee, count in run(session, statement):
        sums[place] += (amount + fee) * count
    return list(accumulate(sums[:-1]))
