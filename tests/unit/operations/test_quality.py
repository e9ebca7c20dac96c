"""The quality of a run, from what is in its database."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.data.repo.answers import LabelledAnswer
from app.operations.agreement import krippendorff_alpha
from app.operations.quality import agreement_of_items, measure, measure_items, run_quality, value_of
from tests.fakes.desk_scene import open_scene


def test_several_labels_are_one_value_in_any_order() -> None:
    assert value_of(["b", "a", "b"]) == value_of(["a", "b"]) == "a + b"


def test_agreement_is_that_of_the_workers_who_did_one_item() -> None:
    given = {1: ["cat", "cat", "cat"], 2: ["cat", "cat", "dog"], 3: ["dog", "dog", "dog"], 9: ["cow"]}
    rows = [
        LabelledAnswer(item, worker, (label,)) for item, labels in given.items() for worker, label in enumerate(labels)
    ]
    found = measure([*rows, LabelledAnswer(1, 7, ())])
    assert (found.submissions, found.labelled, found.alpha.items) == (11, 10, 3)
    assert found.alpha.alpha == pytest.approx(krippendorff_alpha(given.values()).alpha)
    assert measure_items(rows) == {1: 1.0, 2: pytest.approx(1 / 3), 3: 1.0}


def test_nothing_is_measured_of_nothing() -> None:
    found = measure([])
    assert (found.submissions, found.labelled, found.alpha.alpha) == (0, 0, None)


async def test_agreement_is_read_from_the_database(tmp_path: Path) -> None:
    async with open_scene(tmp_path, items=2, units_each=2, workers=2) as scene:
        found = await run_quality(scene.store, scene.run_id)
        assert (found.submissions, found.labelled, found.alpha.items) == (4, 4, 2)
        assert (await run_quality(scene.store, scene.run_id, latest=3)).submissions == 3
        assert set((await agreement_of_items(scene.store, scene.run_id)).values()) == {1.0}
