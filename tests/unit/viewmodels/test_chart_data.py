"""Thinning loses no peak, no end and no sum."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from app.viewmodels.chart_data import as_csv, floats, nearest, stack, thin_by_extremes, thin_by_last

numbers = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=500)


@given(numbers, st.integers(2, 60))
def test_extremes_and_ends_stay(values: list[float], most: int) -> None:
    y = floats(values)
    x = np.arange(len(y), dtype=np.float64)
    kept_x, kept_y = thin_by_extremes(x, y, most)
    assert kept_y.max() == y.max()
    assert kept_y.min() == y.min()
    assert (kept_x[0], kept_x[-1]) == (x[0], x[-1])
    assert np.all(np.diff(kept_x) > 0)


@given(numbers, st.integers(2, 60))
def test_areas_keep_points_of_the_original(values: list[float], most: int) -> None:
    y = floats(values)
    x = np.arange(len(y), dtype=np.float64)
    kept_x, (kept_y,) = thin_by_last(x, [y], most)
    assert len(kept_x) <= max(most, 2)
    assert np.array_equal(kept_y, y[kept_x.astype(int)])
    assert (kept_x[0], kept_x[-1]) == (x[0], x[-1])


def test_a_long_line_becomes_as_short_as_asked() -> None:
    x = np.arange(50_000, dtype=np.float64)
    kept, _ = thin_by_extremes(x, np.sin(x), 600)
    assert 500 <= len(kept) <= 760


def test_tops_are_running_sums() -> None:
    tops = stack([floats([1, 2]), floats([10, 20]), floats([100, 200])])
    assert [list(top) for top in tops] == [[1, 2], [11, 22], [111, 222]]
    assert stack([]) == []


def test_the_nearest_point_is_found() -> None:
    x = floats([0, 10, 20])
    assert [nearest(x, place) for place in (-5, 4, 6, 16, 99)] == [0, 0, 1, 2, 2]
    assert nearest(floats([]), 1) == -1


def test_numbers_are_written_with_their_place() -> None:
    text = as_csv("time", floats([0, 60]), {"accepted": floats([1, 2.5])}, lambda value: f"t{value:g}")
    assert text == "time,accepted\nt0,1\nt60,2.5\n"
