"""The quality of a run, from what is in its database."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.data.repo.answers import LabelledAnswer
from app.operations.quality import agreement_of_assignments, measure, run_quality, value_of
from tests.fakes.desk_scene import open_scene


def answer(item: int, worker: int, *labels: str, ms: int | None = 30_000) -> LabelledAnswer:
    return LabelledAnswer(item * 10 + worker, item, worker, f"worker {worker}", labels, labels[0] if labels else "", ms)


def test_several_labels_are_one_value_in_any_order() -> None:
    assert value_of(["b", "a", "b"]) == value_of(["a", "b"]) == "a + b"


def test_workers_are_ranked_by_agreement_the_lowest_first() -> None:
    rows = [
        answer(item, worker, "cat" if worker < 3 or item == 1 else "dog") for item in (1, 2, 3) for worker in (1, 2, 3)
    ]
    found = measure([*rows, answer(9, 7, "cow")])
    assert [(one.worker_id, one.agreement, one.compared) for one in found.workers] == [
        (3, pytest.approx(1 / 3), 3), (1, pytest.approx(2 / 3), 3), (2, pytest.approx(2 / 3), 3), (7, None, 0),
    ]  # fmt: skip
    assert found.labels == ("cat", "dog")
    assert found.confusion == ((7, 0), (2, 0))
    assert found.alpha.alpha is not None


def test_fast_work_is_counted_by_the_median() -> None:
    rows = [answer(item, 1, "cat", ms=30_000) for item in range(12)] + [answer(20, 2, "cat", ms=2_000)]
    found = measure(rows)
    assert found.fast_below_seconds == pytest.approx(10)
    assert {one.worker_id: one.fast for one in found.workers} == {1: 0, 2: 1}


def test_nothing_is_measured_of_nothing() -> None:
    found = measure([])
    assert (found.workers, found.labels, found.alpha.alpha, found.fast_below_seconds) == ((), (), None, None)


async def test_agreement_is_read_from_the_database(tmp_path: Path) -> None:
    async with open_scene(tmp_path, items=2, units_each=2, workers=2) as scene:
        shares = await agreement_of_assignments(scene.store, scene.run_id)
        assert set(shares.values()) == {1.0}
        assert len(shares) == 2
        some = await agreement_of_assignments(scene.store, scene.run_id, list(shares)[:1])
        assert len(some) == 1
        assert [one.units for one in (await run_quality(scene.store, scene.run_id)).workers] == [2, 2]
        latest = await run_quality(scene.store, scene.run_id, latest=3)
        assert sum(one.units for one in latest.workers) == 3
