"""Aggregates for the window: a run's tiles and charts, what Home points at, the numbers beside the places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from statistics import median

import sqlalchemy as sa
from sqlmodel import Session

from app.data.repo.assignments import unit_counts
from app.data.repo.core import AGENTS, PAYMENTS, PENDING, RUNS, UNITS, one, run
from app.data.repo.money import Spend, run_spend
from app.data.repo.tasks import RunRow, get_task_run, list_task_runs
from app.data.states import AgentStatus, PaymentState, RunState, UnitStatus

P = sa.bindparam
RATE_OVER = timedelta(minutes=5)
"""Throughput is that of so long."""
_LATEST = 1_001
_COUNTED = 100_000
"""Submissions that the histogram counts at most: the latest."""
_NEAR_BUDGET = Decimal("0.9")
_AT_WORK = UnitStatus.ASSIGNED


@dataclass(frozen=True)
class RunHeader:
    """What the tiles of a run say."""

    run: RunRow
    counts: dict[UnitStatus, int]
    at_work: int
    """Units that somebody holds."""
    to_review: int
    """Completed units with no decision pending."""
    spend: Spend
    per_minute: float
    """Units handed in per minute, over the last five minutes (or since the start)."""
    median_seconds: float | None
    """Median time on task of the latest thousand submissions."""
    last_submission_at: datetime | None


@dataclass(frozen=True)
class Histogram:
    """`edges` (n + 1,) in seconds, ascending from 0; `counts` (n,). The last bin holds all that is longer."""

    edges: Sequence[float]
    counts: Sequence[int]
    median_seconds: float | None


@dataclass(frozen=True)
class StatusHistory:
    """Units by status at each of `times` (n,), ascending, the last one now; every series (n,).

    `submitted` is a running count; `at_work` is how many held a unit.
    """

    times: Sequence[datetime]
    by_status: dict[UnitStatus, list[int]]
    at_work: list[int]
    submitted: list[int]


@dataclass(frozen=True)
class Attention:
    """Something that Home points at. `kind`: to_review, interrupted, over_budget, near_budget, payments."""

    kind: str
    task_run_id: int | None
    task_name: str
    count: int
    message: str


@dataclass(frozen=True)
class Badges:
    """The numbers beside the places of the sidebar."""

    runs_in_flight: int
    to_review: int


def run_header(session: Session, run_id: int, now: datetime) -> RunHeader:
    """The tiles of a run: some 30 ms at a million units."""
    row = get_task_run(session, run_id)
    counts = unit_counts(session, run_id)
    span = RATE_OVER
    if row.started_at is not None:
        span = min(span, max(now - row.started_at, timedelta(seconds=10)))
    recent = _between(session, AGENTS.c.submitted_at, run_id, now - span, now)
    last = one(session, sa.select(sa.func.max(AGENTS.c.submitted_at)).where(AGENTS.c.task_run_id == run_id))
    return RunHeader(
        run=row,
        counts=counts,
        at_work=counts[_AT_WORK],
        to_review=max(0, counts[UnitStatus.COMPLETED] - _pending_in(session, run_id)),
        spend=run_spend(session, run_id),
        per_minute=recent / (span.total_seconds() / 60),
        median_seconds=median_seconds(session, run_id),
        last_submission_at=last[0],
    )


def median_seconds(session: Session, run_id: int) -> float | None:
    """The median time on task of a run's latest submissions."""
    statement = (
        sa.select(AGENTS.c.time_on_task_ms)
        .where(AGENTS.c.task_run_id == run_id, AGENTS.c.submitted_at.is_not(None))
        .order_by(AGENTS.c.submitted_at.desc())
        .limit(_LATEST)
    )
    times = [row[0] for row in run(session, statement) if row[0] is not None]
    return median(times) / 1000 if times else None


def time_on_task_histogram(session: Session, run_id: int, bins: int = 32) -> Histogram:
    """How long the latest submissions took, in `bins` bars as wide as shows all but the slowest hundredth."""
    latest = (
        sa.select(AGENTS.c.time_on_task_ms)
        .where(AGENTS.c.task_run_id == run_id, AGENTS.c.submitted_at.is_not(None))
        .order_by(AGENTS.c.submitted_at.desc())
        .limit(_LATEST)
    )
    times = sorted(row[0] for row in run(session, latest) if row[0] is not None)
    if not times:
        return Histogram([], [], None)
    width = max(1, -(-times[int(0.99 * (len(times) - 1))] // bins))
    recent = (
        sa.select(AGENTS.c.time_on_task_ms.label("ms"))
        .where(AGENTS.c.task_run_id == run_id, AGENTS.c.submitted_at.is_not(None))
        .order_by(AGENTS.c.submitted_at.desc())
        .limit(_COUNTED)
        .subquery()
    )
    bar = sa.case((recent.c.ms >= width * bins, bins - 1), else_=recent.c.ms // sa.literal(width, sa.Integer))
    counted = sa.select(bar.label("bar"), sa.func.count()).where(recent.c.ms.is_not(None)).group_by(sa.text("bar"))
    counts = [0] * bins
    for place, count in run(session, counted):
        counts[min(max(int(place), 0), bins - 1)] += count
    return Histogram([width * n / 1000 for n in range(bins + 1)], counts, median(times) / 1000)


def status_history(session: Session, run_id: int, buckets: int, now: datetime) -> StatusHistory:
    """Units by status from the run's start to now, at `buckets` equal steps.

    Read from the agents' times, each counted once in an index. Units that expired or were relaunched have no time
    that says so: they show at the last step only.
    """
    row = get_task_run(session, run_id)
    start = row.started_at or row.creation_date
    step = max((now - start) / max(1, buckets - 1), timedelta(milliseconds=1))
    times = [start + step * n for n in range(buckets - 1)] + [max(now, start)]
    submitted = _running(session, AGENTS.c.submitted_at, run_id, times)
    taken = _running(session, AGENTS.c.started_at, run_id, times)
    gone = _running(session, AGENTS.c.left_at, run_id, times)
    at_work = [max(0, t - s - g) for t, s, g in zip(taken, submitted, gone, strict=True)]
    verdicts = {
        unit: _running(session, AGENTS.c.reviewed_at, run_id, times, AGENTS.c.status == agent)
        for unit, agent in (
            (UnitStatus.ACCEPTED, AgentStatus.APPROVED),
            (UnitStatus.SOFT_REJECTED, AgentStatus.SOFT_REJECTED),
            (UnitStatus.REJECTED, AgentStatus.REJECTED),
        )
    }
    reviewed = [sum(values) for values in zip(*verdicts.values(), strict=True)]
    completed = [max(0, s - r) for s, r in zip(submitted, reviewed, strict=True)]
    counts = unit_counts(session, run_id)
    made = _made(session, run_id, times, sum(counts.values()))
    launched = [max(0, m - w - s) for m, w, s in zip(made, at_work, submitted, strict=True)]
    by_status = {
        **verdicts, UnitStatus.COMPLETED: completed, UnitStatus.ASSIGNED: at_work, UnitStatus.LAUNCHED: launched,
        UnitStatus.CREATED: [0] * len(times), UnitStatus.EXPIRED: [0] * len(times),
    }  # fmt: skip
    for status, series in by_status.items():
        series[-1] = counts[status]
    return StatusHistory(times, by_status, [*at_work[:-1], counts[UnitStatus.ASSIGNED]], submitted)


def submissions_per_step(session: Session, run_id: int, start: datetime, end: datetime, steps: int) -> list[int]:
    """Units handed in during each of `steps` equal steps from `start` to `end`: a sparkline."""
    width = (end - start) / steps
    return [
        _between(session, AGENTS.c.submitted_at, run_id, start + width * n, start + width * (n + 1))
        for n in range(steps)
    ]


def _between(
    session: Session, column: sa.Column[datetime], run_id: int, after: datetime, until: datetime,
    *conditions: sa.ColumnElement[bool],
) -> int:  # fmt: skip
    statement = sa.select(sa.func.count()).select_from(AGENTS).where(AGENTS.c.task_run_id == run_id, *conditions)
    return int(one(session, statement.where(column > after, column <= until))[0])


def _running(
    session: Session, column: sa.Column[datetime], run_id: int, times: Sequence[datetime],
    *conditions: sa.ColumnElement[bool],
) -> list[int]:  # fmt: skip
    """How many agents of the run have a time in `column` up to each of `times`; every index entry is read once."""
    statement = sa.select(sa.func.count()).select_from(AGENTS).where(AGENTS.c.task_run_id == run_id, *conditions)
    first = one(session, statement.where(column <= times[0]))[0]
    series = [int(first)]
    for before, until in pairwise(times):
        series.append(series[-1] + _between(session, column, run_id, before, until, *conditions))
    return series


def _made(session: Session, run_id: int, times: Sequence[datetime], total: int) -> list[int]:
    """How many units there were at each time. Ids ascend with time, so a few looks find the place; no scan."""
    of_run = UNITS.c.task_run_id == run_id
    ends = [
        one(session, sa.select(UNITS.c.unit_id).where(of_run, UNITS.c.status == status).order_by(order).limit(1))
        for status in UnitStatus
        for order in (UNITS.c.unit_id, UNITS.c.unit_id.desc())
    ]
    found = sorted(row[0] for row in ends if row is not None)
    if not found:
        return [0] * len(times)
    low, high = found[0], found[-1]
    when = sa.select(UNITS.c.creation_date).where(UNITS.c.unit_id >= P("id")).order_by(UNITS.c.unit_id).limit(1)

    def made_until(moment: datetime, left: int) -> int:
        right = high + 1
        while left < right:
            middle = (left + right) // 2
            if one(session, when, {"id": middle})[0] <= moment:
                left = middle + 1
            else:
                right = middle
        return left

    series: list[int] = []
    place = low
    for moment in times:
        place = made_until(moment, place)
        series.append(round(total * (place - low) / (high + 1 - low)))
    return series


def _pending_in(session: Session, run_id: int) -> int:
    waiting = sa.select(sa.func.count()).select_from(PENDING).join(UNITS, UNITS.c.unit_id == PENDING.c.unit_id)
    return int(one(session, waiting.where(UNITS.c.task_run_id == run_id, UNITS.c.status == UnitStatus.COMPLETED))[0])


# -- Home and the sidebar ---------------------------------------------------------------------------------------------

_TO_REVIEW = (
    sa.select(UNITS.c.task_run_id, sa.func.count())
    .where(UNITS.c.status == UnitStatus.COMPLETED)
    .where(~sa.exists().where(PENDING.c.unit_id == UNITS.c.unit_id))
    .group_by(UNITS.c.task_run_id)
)


def attention(session: Session) -> list[Attention]:
    """What needs the requester first, the most pressing first."""
    runs = {row.task_run_id: row for row in list_task_runs(session)}
    found = [
        Attention("interrupted", row.task_run_id, row.task_name, 1, "was interrupted and can go on")
        for row in runs.values()
        if row.state is RunState.INTERRUPTED
    ]
    found += [item for row in runs.values() if (item := _budget_of(session, row)) is not None]
    troubled = sa.select(PAYMENTS.c.state, sa.func.count()).where(
        PAYMENTS.c.state.in_([PaymentState.FAILED, PaymentState.UNKNOWN])
    )
    for state, count in run(session, troubled.group_by(PAYMENTS.c.state)):
        says = "failed" if state == PaymentState.FAILED else "have an unknown outcome"
        found.append(Attention("payments", None, "", count, f"{count} payments {says}"))
    waiting = sorted(run(session, _TO_REVIEW), key=lambda row: -row[1])
    for run_id, count in waiting:
        message = f"{count} to review"
        found.append(Attention("to_review", run_id, runs[run_id].task_name, count, message))
    return found


def _budget_of(session: Session, row: RunRow) -> Attention | None:
    if row.budget is None or row.state not in (RunState.IN_FLIGHT, RunState.PAUSED):
        return None
    spent = run_spend(session, row.task_run_id).total
    if spent < row.budget * _NEAR_BUDGET:
        return None
    over = spent >= row.budget
    kind, says = ("over_budget", "has met its budget") if over else ("near_budget", "is near its budget")
    return Attention(kind, row.task_run_id, row.task_name, 1, f"{says}: {spent} of {row.budget} {row.currency}")


def badges(session: Session) -> Badges:
    """The numbers beside the places."""
    flying = sa.select(sa.func.count()).select_from(RUNS).where(RUNS.c.state.in_([RunState.IN_FLIGHT, RunState.PAUSED]))
    done = sa.select(sa.func.count()).select_from(UNITS).where(UNITS.c.status == UnitStatus.COMPLETED)
    decided = sa.select(sa.func.count()).select_from(PENDING).join(UNITS, UNITS.c.unit_id == PENDING.c.unit_id)
    decided = decided.where(UNITS.c.status == UnitStatus.COMPLETED)
    values = [int(one(session, statement)[0]) for statement in (flying, done, decided)]
    return Badges(values[0], max(0, values[1] - values[2]))
