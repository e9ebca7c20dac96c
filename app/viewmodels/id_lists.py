"""Long lists of ids: what differs between two of them, and where ids stand. Shapes: one dimension, 64-bit integers."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
LARGEST_PATCH = 64
"""With more ranges than this a view is quicker with a list that is replaced."""


@dataclass(frozen=True)
class Patch:
    """Half-open ranges of rows: `removed` counted in the old list, `inserted` in the new one; both ascending."""

    removed: tuple[tuple[int, int], ...]
    inserted: tuple[tuple[int, int], ...]


def find_patch(old: array[int], new: array[int]) -> Patch | None:
    """How to come from `old` to `new` by removing and inserting ranges; None when rows that stay change their order,
    or when there would be more than `LARGEST_PATCH` ranges."""
    before, after = _view(old), _view(new)
    start = _common_prefix(before, after)
    end = _common_prefix(before[start:][::-1], after[start:][::-1])
    middle_before, middle_after = before[start : len(before) - end], after[start : len(after) - end]
    if not len(middle_before) or not len(middle_after):  # as when the rest of a list comes: nothing to compare
        return Patch(_range(start, len(middle_before)), _range(start, len(middle_after)))
    stays_before = np.isin(middle_before, middle_after)
    stays_after = np.isin(middle_after, middle_before)
    if not np.array_equal(middle_before[stays_before], middle_after[stays_after]):
        return None
    removed, inserted = ranges_of(np.flatnonzero(~stays_before)), ranges_of(np.flatnonzero(~stays_after))
    if len(removed) + len(inserted) > LARGEST_PATCH:
        return None
    return Patch(
        tuple((first + start, last + start) for first, last in removed),
        tuple((first + start, last + start) for first, last in inserted),
    )


def find_rows(ids: array[int], wanted: Iterable[int]) -> Ints:
    """The rows, ascending, at which the `wanted` ids stand; those that are gone are left out."""
    return np.flatnonzero(np.isin(_view(ids), np.fromiter(wanted, np.int64)))


def ranges_of(rows: Ints) -> list[tuple[int, int]]:
    """Ascending rows as half-open ranges: [3, 4, 5, 9] gives [(3, 6), (9, 10)]."""
    if len(rows) == 0:
        return []
    breaks = np.flatnonzero(np.diff(rows) != 1)
    firsts = rows[np.concatenate(([0], breaks + 1))]
    lasts = rows[np.concatenate((breaks, [len(rows) - 1]))]
    return [(int(first), int(last) + 1) for first, last in zip(firsts, lasts, strict=True)]


def take_ranges(ids: array[int], ranges: Sequence[tuple[int, int]]) -> array[int]:
    """The ids of half-open ranges of rows."""
    taken: array[int] = array("q")
    for first, last in ranges:
        taken.extend(ids[first:last])
    return taken


def _range(start: int, length: int) -> tuple[tuple[int, int], ...]:
    return ((start, start + length),) if length else ()


def _view(ids: array[int]) -> Ints:
    return np.frombuffer(ids, np.int64) if len(ids) else np.empty(0, np.int64)


def _common_prefix(one: Ints, other: Ints) -> int:
    length = min(len(one), len(other))
    differs = one[:length] != other[:length]
    first = int(differs.argmax()) if length else 0
    return first if length and differs[first] else length
