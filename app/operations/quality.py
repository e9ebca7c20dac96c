"""How good the work of a run is: how far those agree who did the same items."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from app.data.repo import answers
from app.data.repo.answers import LabelledAnswer
from app.data.store import Store
from app.operations.agreement import Alpha, Answer, by_item, item_agreement, krippendorff_alpha

SEPARATOR = " + "


@dataclass(frozen=True)
class RunQuality:
    """The agreement of a run, and what it was measured on."""

    alpha: Alpha
    submissions: int
    labelled: int
    """Submissions whose answer has labels: the others are free text, which is not compared."""


async def run_quality(store: Store, run_id: int, latest: int | None = None) -> RunQuality:
    """The quality of a run's submissions that were not rejected, of the `latest` so many or of all.

    Counting is done off the loop's thread.
    """
    rows = await store.read(answers.list_labelled, run_id, latest=latest)
    return await asyncio.to_thread(measure, rows)


async def agreement_of_items(store: Store, run_id: int) -> dict[int, float]:
    """Assignment id -> share of pairs of workers that agree; left out where fewer than two answered.

    Counting is done off the loop's thread.
    """
    rows = await store.read(answers.list_labelled, run_id)
    return await asyncio.to_thread(measure_items, rows)


def value_of(labels: Sequence[str]) -> str:
    """Several labels as one nominal value: the set of them, whatever their order."""
    return SEPARATOR.join(sorted(set(labels)))


def measure(rows: Sequence[LabelledAnswer]) -> RunQuality:
    """The quality of these submissions."""
    labelled = _as_answers(rows)
    alpha = krippendorff_alpha([list(given.values()) for given in by_item(labelled).values()])
    return RunQuality(alpha, len(rows), len(labelled))


def measure_items(rows: Sequence[LabelledAnswer]) -> dict[int, float]:
    """How far the workers of each item agree."""
    found = {item: item_agreement(list(given.values())) for item, given in by_item(_as_answers(rows)).items()}
    return {item: share for item, share in found.items() if share is not None}


def _as_answers(rows: Sequence[LabelledAnswer]) -> list[Answer]:
    return [Answer(row.assignment_id, row.worker_id, value_of(row.labels)) for row in rows if row.labels]
