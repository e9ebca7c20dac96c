"""Patches between lists of ids, as rules."""

from __future__ import annotations

from array import array

from hypothesis import given
from hypothesis import strategies as st

from app.viewmodels.id_lists import find_patch, find_rows, ranges_of, take_ranges

unique_ids = st.lists(st.integers(0, 60), unique=True, max_size=40)


@given(unique_ids, unique_ids)
def test_a_patch_turns_the_old_list_into_the_new_one_and_touches_no_row_that_stays(
    old: list[int], new: list[int]
) -> None:
    patch = find_patch(array("q", old), array("q", new))
    stays = [i for i in old if i in new]
    if patch is None:
        assert stays != [i for i in new if i in old]
        return
    made = list(old)
    for start, stop in reversed(patch.removed):
        assert not set(made[start:stop]) & set(new)
        del made[start:stop]
    for start, stop in patch.inserted:
        made[start:start] = new[start:stop]
    assert made == new


def test_equal_lists_need_no_patch() -> None:
    patch = find_patch(array("q", range(1000)), array("q", range(1000)))
    assert patch is not None
    assert (patch.removed, patch.inserted) == ((), ())


def test_too_many_ranges_are_no_patch() -> None:
    assert find_patch(array("q", range(1000)), array("q", range(0, 1000, 2))) is None


def test_rows_are_found_and_grouped_and_taken() -> None:
    ids = array("q", [10, 20, 30, 40, 50])
    rows = find_rows(ids, [20, 30, 50, 999])
    assert list(rows) == [1, 2, 4]
    assert ranges_of(rows) == [(1, 3), (4, 5)]
    assert list(take_ranges(ids, [(1, 3), (4, 5)])) == [20, 30, 50]
    assert ranges_of(find_rows(ids, [])) == []
