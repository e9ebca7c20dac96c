"""The numbers of a run's charts, as plain sequences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class RunSeries:
    """Shapes: `times` (n,) in seconds since 1970, ascending; series (n,); `time_edges` one more than counts."""

    times: Sequence[float] = ()
    by_status: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """Units by status at each time."""
    at_work: Sequence[float] = ()
    per_minute: Sequence[float] = ()
    """Units handed in per minute, over the step that ends at each time."""
    cost_times: Sequence[float] = ()
    """Times of `spent`, fewer than `times`."""
    spent: Sequence[float] = ()
    """Money up to each of `cost_times`, in the run's currency."""
    time_edges: Sequence[float] = ()
    """Edges of the bars of time on task, in seconds."""
    time_counts: Sequence[float] = ()
    median_seconds: float | None = None


def rate_per_minute(times: Sequence[float], done: Sequence[float]) -> list[float]:
    """How fast a running count grows: per minute, over the step before each time; the first is 0. Never negative."""
    rates = [0.0] if len(times) else []
    for index in range(1, len(times)):
        minutes = (times[index] - times[index - 1]) / 60
        rates.append(max(0.0, done[index] - done[index - 1]) / minutes if minutes > 0 else 0.0)
    return rates
