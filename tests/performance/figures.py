"""Figures beside their targets: what every benchmark prints."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")


@dataclass
class Figures:
    """Collects figures and prints each at once; `missed` names those that miss their target."""

    missed: list[str] = field(default_factory=list)

    def add(self, name: str, value: float, unit: str, *, least: float | None = None, most: float | None = None) -> None:
        """One figure. `least` and `most` are its target."""
        met = (least is None or value >= least) and (most is None or value <= most)
        target = f"at least {least:,g}" if least is not None else f"at most {most:,g}" if most is not None else ""
        shown = f"{value:,.0f}" if value >= 100 else f"{value:,.2f}"
        print(f"{'   ' if met else '!! '}{name:<66}{shown:>12} {unit:<9}{target}", flush=True)
        if not met:
            self.missed.append(name)

    def title(self, text: str) -> None:
        """A heading."""
        print(f"\n   {text}", flush=True)


@contextmanager
def stopwatch() -> Iterator[list[float]]:
    """Seconds that the block took, in the list's only item, once it has ended."""
    taken = [0.0]
    start = time.perf_counter()
    yield taken
    taken[0] = time.perf_counter() - start


def best_of(times: int, fn: Callable[[], T]) -> tuple[float, T]:
    """The shortest of some runs, in seconds, and the last result: other programs only ever make a run longer."""
    shortest = float("inf")
    for _ in range(times):
        with stopwatch() as taken:
            result = fn()
        shortest = min(shortest, taken[0])
    return shortest, result


def percentile(values: list[float], share: float) -> float:
    """The value that `share` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
