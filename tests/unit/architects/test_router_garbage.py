"""While pages are served, a sweep over everything is rare; afterwards all is as it was."""

from __future__ import annotations

import gc

from app.architects.router.garbage import OLD, seldom_swept


class _Ring:
    def __init__(self) -> None:
        self.me = self


def _full_sweeps() -> int:
    return int(gc.get_stats()[2]["collections"])


def test_many_objects_that_stay_are_not_swept_over_and_all_is_as_before_at_the_end() -> None:
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    with seldom_swept():
        assert gc.get_freeze_count() > frozen
        swept = _full_sweeps()
        kept = [[[number]] for number in range(200_000)]
        assert _full_sweeps() == swept
        assert gc.get_threshold()[2] == OLD
    assert len(kept) == 200_000
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0


def test_young_garbage_still_goes() -> None:
    with seldom_swept():
        swept = gc.get_stats()[0]["collected"]
        for _ in range(10_000):
            _Ring()
        assert gc.get_stats()[0]["collected"] > swept
