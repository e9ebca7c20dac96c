"""How good the work of a run is: agreement between workers, per item, per worker and altogether; who is too fast."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.data.repo import answers
from app.data.repo.answers import LabelledAnswer
from app.data.store import Store
from app.operations.agreement import (
    Alpha,
    Answer,
    by_item,
    confusion,
    fast_below,
    item_agreement,
    krippendorff_alpha,
    rater_agreement,
)

SEPARATOR = " + "
MOST_LABELS = 40
"""The confusion is shown for so many values at most, the most frequent ones."""


@dataclass(frozen=True)
class WorkerAgreement:
    """One worker in one run. `agreement` is None when nobody else did the same items."""

    worker_id: int
    worker_name: str
    units: int
    agreement: float | None
    compared: int
    """Items that others did too."""
    median_seconds: float | None
    fast: int
    """Units done in suspiciously little time."""


@dataclass(frozen=True)
class RunQuality:
    """`confusion[i][j]`: how often `labels[i]` was given where the consensus was `labels[j]`."""

    alpha: Alpha
    workers: tuple[WorkerAgreement, ...]
    labels: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    fast_below_seconds: float | None
    labelled: int
    """Submissions whose answer has labels: the others are free text, which is not compared."""


async def run_quality(store: Store, run_id: int, latest: int | None = None) -> RunQuality:
    """The quality of a run's submissions that were not rejected, of the `latest` so many or of all.

    Counting is done off the loop's thread.
    """
    rows = await store.read(answers.list_labelled, run_id, latest=latest)
    return await asyncio.to_thread(measure, rows)


async def agreement_of_assignments(
    store: Store, run_id: int, assignment_ids: Sequence[int] | None = None
) -> dict[int, float]:
    """Assignment id -> share of pairs of workers that agree; left out where fewer than two answered."""
    rows = await store.read(answers.list_labelled, run_id, assignment_ids)
    values = by_item(_as_answers(rows))
    found = {item: item_agreement(list(given.values())) for item, given in values.items()}
    return {item: share for item, share in found.items() if share is not None}


def value_of(labels: Sequence[str]) -> str:
    """Several labels as one nominal value: the set of them, whatever their order."""
    return SEPARATOR.join(sorted(set(labels)))


def measure(rows: Sequence[LabelledAnswer]) -> RunQuality:
    """The quality of these submissions."""
    values = by_item(_as_answers(rows))
    agreed = rater_agreement(values)
    limit = fast_below([row.time_on_task_ms / 1000 for row in rows if row.time_on_task_ms is not None])
    labels, table = _table(confusion(values))
    return RunQuality(
        alpha=krippendorff_alpha([list(given.values()) for given in values.values()]),
        workers=tuple(_workers(rows, agreed, limit)),
        labels=labels,
        confusion=table,
        fast_below_seconds=limit,
        labelled=sum(bool(row.labels) for row in rows),
    )


def _as_answers(rows: Iterable[LabelledAnswer]) -> list[Answer]:
    return [Answer(row.assignment_id, row.worker_id, value_of(row.labels)) for row in rows if row.labels]


def _workers(
    rows: Sequence[LabelledAnswer], agreed: dict[int, tuple[float, int]], limit: float | None
) -> list[WorkerAgreement]:
    by_worker: dict[int, list[LabelledAnswer]] = {}
    for row in rows:
        by_worker.setdefault(row.worker_id, []).append(row)
    found = []
    for worker_id, done in by_worker.items():
        seconds = [row.time_on_task_ms / 1000 for row in done if row.time_on_task_ms is not None]
        agreement, compared = agreed.get(worker_id, (None, 0))
        found.append(
            WorkerAgreement(
                worker_id=worker_id,
                worker_name=done[0].worker_name,
                units=len(done),
                agreement=agreement,
                compared=compared,
                median_seconds=statistics.median(seconds) if seconds else None,
                fast=0 if limit is None else sum(second < limit for second in seconds),
            )
        )
    return sorted(found, key=lambda worker: (worker.agreement is None, worker.agreement or 0.0, worker.worker_name))


def _table(counts: dict[tuple[object, object], int]) -> tuple[tuple[str, ...], tuple[tuple[int, ...], ...]]:
    total: dict[str, int] = {}
    for (given, agreed), count in counts.items():
        for value in (str(given), str(agreed)):
            total[value] = total.get(value, 0) + count
    most = sorted(total, key=lambda value: (-total[value], value))[:MOST_LABELS]
    labels = tuple(sorted(most))
    return labels, tuple(tuple(counts.get((given, agreed), 0) for agreed in labels) for given in labels)
