"""How often a process that serves pages looks for cyclic garbage, when it has no window that says it otherwise."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

YOUNG, MIDDLE, OLD = 2_000, 10, 5_000
"""Allocations to a sweep of the young, such sweeps to one of the middle-aged, and those to one of everything."""


@contextmanager
def seldom_swept() -> Iterator[None]:
    """Leave what the program is made of out of every sweep, and sweep over all the rest once in many minutes.

    To look at the connections of 2 000 workers takes a quarter of a second, in which nobody is answered, and Python
    would do so every three seconds. Rings that live until then are kept longer: that is the price.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
