"""What the requester should hear of although nobody is looking: the window shows it as a desktop notification."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Notice:
    """Something happened to a run.

    `kind` is stalled, budget, launch_failed, router_lost, router_back, completed or ended (it broke off).
    """

    kind: str
    run_id: int
    message: str


NoticeListener = Callable[[Notice], None]
