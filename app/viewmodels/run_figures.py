"""The figures of a run in words: what each tile of the run page and each row of the list of runs says. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from app.data.states import DONE_UNIT, OPEN_UNIT, RunState, UnitStatus
from app.viewmodels.formats import NOTHING, about, clock_time, count_of, digits, money

BAR_TOKENS: tuple[tuple[UnitStatus, str], ...] = (
    (UnitStatus.ACCEPTED, "u0"),
    (UnitStatus.SOFT_REJECTED, "u4"),
    (UnitStatus.REJECTED, "u5"),
    (UnitStatus.COMPLETED, "u1"),
    (UnitStatus.ASSIGNED, "u2"),
)
"""The parts of a bar of progress, from the left, with the colours that the charts use too."""
_NEAR_BUDGET = Decimal("0.9")


@dataclass(frozen=True)
class Tile:
    """A figure, the note beside it, and the parts of its bar (fraction of the whole, colour token)."""

    figure: str
    note: str = ""
    parts: tuple[tuple[float, str], ...] = ()


def done_of(counts: Mapping[UnitStatus, int]) -> int:
    """How many units were handed in, reviewed or not."""
    return sum(counts.get(status, 0) for status in DONE_UNIT)


def open_of(counts: Mapping[UnitStatus, int]) -> int:
    """How many units are still to be done."""
    return sum(counts.get(status, 0) for status in OPEN_UNIT)


def total_of(counts: Mapping[UnitStatus, int]) -> int:
    """How many units can still be done or were: all but the expired ones."""
    return sum(counts.values()) - counts.get(UnitStatus.EXPIRED, 0)


def progress_parts(counts: Mapping[UnitStatus, int]) -> tuple[tuple[float, str], ...]:
    """The parts of the bar of progress; empty for a run without units."""
    total = sum(counts.values())
    if not total:
        return ()
    return tuple((counts.get(status, 0) / total, token) for status, token in BAR_TOKENS if counts.get(status, 0))


def done_tile(counts: Mapping[UnitStatus, int]) -> Tile:
    """ "1 488", "of 2 400 · 62 %" and the bar of what is accepted, waits, is at work."""
    done, total = done_of(counts), total_of(counts)
    if not sum(counts.values()):
        return Tile("0", "no units yet")
    share = f" · {100 * done // total} %" if total else ""
    expired = counts.get(UnitStatus.EXPIRED, 0)
    left_out = f", {digits(expired)} expired" if expired else ""
    return Tile(digits(done), f"of {digits(total)}{share}{left_out}", progress_parts(counts))


def at_work_tile(at_work: int, peak: int | None) -> Tile:
    """ "47", "peak 61"."""
    return Tile(digits(at_work), f"peak {digits(peak)}" if peak else "")


def throughput_tile(per_minute: float | None) -> Tile:
    """ "38.4", "units/min"; slow runs per hour."""
    if per_minute is None or per_minute <= 0:
        return Tile("0", "units/min")
    if per_minute < 1:
        return Tile(f"{per_minute * 60:.1f}", "units/h")
    return Tile(digits(round(per_minute)) if per_minute >= 100 else f"{per_minute:.1f}", "units/min")


def finish_tile(state: RunState, remaining: int | None, per_minute: float | None, now: datetime) -> Tile:
    """ "14:52", "in 24 min"; why it cannot be said, where it cannot. `remaining` is None while no unit was made."""
    if state is RunState.COMPLETED:
        return Tile("done")
    if state in (RunState.PAUSED, RunState.INTERRUPTED):
        return Tile(NOTHING, str(state))
    if remaining is None:
        return Tile(NOTHING, "no units yet")
    if not remaining:
        return Tile("done", "all handed in")
    if not per_minute or per_minute <= 0:
        return Tile(NOTHING, f"{count_of(remaining, 'unit')} open")
    span = timedelta(minutes=remaining / per_minute)
    if span > timedelta(days=365):
        return Tile(NOTHING, "more than a year")
    return Tile(clock_time(now + span), f"in {about(span)}")


def spent_tile(spent: Decimal, budget: Decimal | None, currency: str) -> Tile:
    """ "€ 178.56", "of € 300 cap", and how much of it is gone; the bar turns near the cap."""
    if budget is None:
        return Tile(money(spent, currency), "no cap")
    share = float(spent / budget) if budget else 1.0
    token = "bad" if spent >= budget else "warn" if budget and spent / budget >= _NEAR_BUDGET else "accent"
    return Tile(money(spent, currency), f"of {short_money(budget, currency)} cap", ((min(1.0, share), token),))


def no_agreement_tile(each: int, submitted: int, labelled: int, compared: int) -> Tile:
    """A dash, and why there is no coefficient.

    `each`: workers per item; `submitted`, of them `labelled`: answers so far; `compared`: items with several of them.
    """
    if each == 1:
        return Tile(NOTHING, "one answer each")
    if submitted and not labelled:
        return Tile(NOTHING, "free answers")  # words of one's own are not counted as the same or another
    return Tile(NOTHING, "all alike" if compared else "no item has two yet")


def agreement_tile(alpha: float, low: float | None, high: float | None, latest: int | None = None) -> Tile:
    """ "0.81", "± 0.03". `latest`: so many were looked at, not all."""
    spread = "" if low is None or high is None else f"± {(high - low) / 2:.2f}"
    return Tile(f"{alpha:.2f}", spread if latest is None else f"{spread} · latest {digits(latest)}")


def short_money(amount: Decimal, currency: str) -> str:
    """A whole amount without its zero cents: "€ 300", "€ 12.50"."""
    words = money(amount, currency)
    return words[:-3] if words.endswith(".00") else words
