"""Numbers for charts: thinned to the pixels there are, and written as CSV. Shapes: x (n,), each series (n,)."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def floats(values: Sequence[float] | Floats) -> Floats:
    """Any sequence of numbers as 64-bit floats."""
    return np.asarray(values, dtype=np.float64)


def thin_by_last(x: Floats, series: Sequence[Floats], most: int) -> tuple[Floats, list[Floats]]:
    """Keep at most `most` points, the first and the last among them: for areas, whose sums must stay sums."""
    if len(x) <= most or most < 2:
        return x, list(series)
    kept = np.unique(np.linspace(0, len(x) - 1, most).round().astype(np.int64))
    return x[kept], [values[kept] for values in series]


def thin_by_extremes(x: Floats, y: Floats, most: int) -> tuple[Floats, Floats]:
    """Keep the least and the greatest value of each of `most`/2 stretches, in order: no peak is lost."""
    buckets = most // 2
    if len(x) <= most or buckets < 1:
        return x, y
    size = -(-len(x) // buckets)
    rows = np.pad(y, (0, -len(y) % size), mode="edge").reshape(-1, size)
    starts = np.arange(len(rows)) * size
    picked = np.concatenate((starts + rows.argmin(axis=1), starts + rows.argmax(axis=1), [0, len(x) - 1]))
    kept = np.unique(np.minimum(picked, len(x) - 1))
    return x[kept], y[kept]


def stack(series: Sequence[Floats]) -> list[Floats]:
    """Running sums: what lies under the top edge of each area."""
    tops: list[Floats] = []
    for values in series:
        tops.append(values if not tops else tops[-1] + values)
    return tops


def nearest(x: Floats, place: float) -> int:
    """The index of the value of ascending `x` that is nearest to a place; -1 for an empty x."""
    if len(x) == 0:
        return -1
    right = int(np.searchsorted(x, place))
    if right == 0:
        return 0
    if right == len(x):
        return len(x) - 1
    return right if x[right] - place < place - x[right - 1] else right - 1


def as_csv(x_name: str, x: Floats, series: Mapping[str, Floats], x_text: Callable[[float], str]) -> str:
    """One line for each x: its text, then each series' value."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([x_name, *series])
    columns = list(series.values())
    for index, place in enumerate(x):
        writer.writerow([x_text(float(place)), *(f"{column[index]:.10g}" for column in columns)])
    return text.getvalue()
