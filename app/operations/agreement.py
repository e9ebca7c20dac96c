"""How far people agree who answered the same question: pure functions over nominal values.

An item is the sequence of values that its raters gave. Krippendorff's alpha for nominal data: K. Krippendorff, "Content
Analysis", ch. 11 (alpha = 1 - Do/De over the coincidences of values); its interval is a bootstrap over items.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DRAWS = 1_000
DRAWN_ITEMS = 2_000_000
"""Bootstrap draws times items that are worth the time; fewer draws beyond it."""
FEWEST_DRAWS = 100
CHUNK = 2_000_000


@dataclass(frozen=True)
class Alpha:
    """Krippendorff's alpha with its 95 % interval.

    `items` and `values` count what could be compared. `alpha` is None when nothing could be, or when all raters always
    gave one and the same value: then there was no disagreement to be expected, and the coefficient is not defined.
    """

    alpha: float | None
    low: float | None
    high: float | None
    items: int
    values: int


@dataclass(frozen=True)
class Answer:
    """One rater's value for one item."""

    item: int
    rater: int
    value: Hashable


def item_agreement(values: Sequence[Hashable]) -> float | None:
    """The share of pairs of raters that agree, 0 to 1; None with fewer than two values."""
    count = len(values)
    if count < 2:
        return None
    same = sum(times * (times - 1) for times in Counter(values).values())
    return same / (count * (count - 1))


def krippendorff_alpha(items: Iterable[Sequence[Hashable]], *, seed: int = 0) -> Alpha:
    """Alpha of nominal values, with a percentile interval from a bootstrap over items; `seed` makes it repeatable."""
    pairable = [values for values in items if len(values) > 1]
    total = sum(len(values) for values in pairable)
    categories: dict[Hashable, int] = {}
    for values in pairable:
        for value in values:
            categories.setdefault(value, len(categories))
    if len(categories) < 2:
        return Alpha(None, None, None, len(pairable), total)
    counts = np.zeros((len(pairable), len(categories)))
    for row, values in enumerate(pairable):
        for value in values:
            counts[row, categories[value]] += 1
    size = counts.sum(axis=1)
    apart = (size**2 - (counts**2).sum(axis=1)) / (size - 1)
    alpha = _alpha(counts.sum(axis=0)[None, :], np.array([apart.sum()]))[0]
    low, high = _interval(counts, apart, seed)
    return Alpha(float(alpha), low, high, len(pairable), total)


def _alpha(per_value: NDArray[np.float64], apart: NDArray[np.float64]) -> NDArray[np.float64]:
    """Alpha for each row: value counts (draws, categories) and observed coincidences that differ (draws,)."""
    n = per_value.sum(axis=1)
    expected = (n**2 - (per_value**2).sum(axis=1)) / np.maximum(n - 1, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(expected > 0, 1 - apart / expected, np.nan)


def _interval(counts: NDArray[np.float64], apart: NDArray[np.float64], seed: int) -> tuple[float | None, float | None]:
    items = len(counts)
    if items < 2:
        return None, None
    draws = max(FEWEST_DRAWS, min(DRAWS, DRAWN_ITEMS // items))
    chance = np.random.default_rng(seed)
    found = []
    step = max(1, CHUNK // items)
    for start in range(0, draws, step):
        # drawing items with replacement, as weights: so a draw is one product with the counts
        weights = chance.multinomial(items, np.full(items, 1 / items), size=min(step, draws - start)).astype(np.float64)
        found.append(_alpha(weights @ counts, weights @ apart))
    drawn = np.concatenate(found)
    drawn = drawn[~np.isnan(drawn)]
    if len(drawn) == 0:
        return None, None
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)


def by_item(answers: Iterable[Answer]) -> dict[int, dict[int, Hashable]]:
    """Item -> rater -> value; a rater's later value replaces an earlier one."""
    items: dict[int, dict[int, Hashable]] = {}
    for answer in answers:
        items.setdefault(answer.item, {})[answer.rater] = answer.value
    return items


def rater_agreement(items: Mapping[int, Mapping[int, Hashable]]) -> dict[int, tuple[float, int]]:
    """Rater -> (mean share of the others who gave the same value, items that had others)."""
    sums: dict[int, list[float]] = {}
    for values in items.values():
        if len(values) < 2:
            continue
        counts = Counter(values.values())
        for rater, value in values.items():
            sums.setdefault(rater, []).append((counts[value] - 1) / (len(values) - 1))
    return {rater: (sum(shares) / len(shares), len(shares)) for rater, shares in sums.items()}


def consensus(values: Iterable[Hashable]) -> Hashable | None:
    """The value most raters gave; None when two or more are level, or there is but one answer."""
    ranked = Counter(values).most_common(2)
    if not ranked or sum(count for _, count in ranked) < 2:
        return None
    return ranked[0][0] if len(ranked) == 1 or ranked[0][1] > ranked[1][1] else None
