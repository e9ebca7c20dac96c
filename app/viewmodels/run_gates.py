"""Who waits at which gate of a run, and why workers were refused: one line for the run page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.data.repo import gate_units
from app.data.repo.gate_units import TestUnitCounts
from app.data.states import UnitIndex
from app.data.store import Session
from app.viewmodels.formats import digits

MOST_REASONS = 4
_REASONS = {
    "blocked": "blocked",
    "soft_blocked": "blocked from this task",
    "ineligible": "not eligible",
    "qualification": "lack a qualification",
    "onboarding_failed": "failed the onboarding",
    "onboarding_elsewhere": "in the onboarding elsewhere",
    "screening_over": "no screening units left",
    "gold_over": "no gold units left",
    "gold_disqualified": "too many wrong golds",
    "test_open": "have a test unit open",
    "concurrent_limit": "hold enough units",
    "unit_limit": "have done enough units",
    "run_full": "all places taken",
    "paused": "paused",
    "budget": "budget used up",
    "not_ready": "units not ready",
    "all_taken": "all units taken",
    "none_for_you": "did each item already",
    "not_suitable": "no unit meant for them",
    "looking": "asked to come again",
    "finished": "no units left",
    "already_done": "came twice",
    "unit_gone": "unit had ended",
    "name_taken": "name taken",
    "bad_request": "without a proper link",
    "failed": "a fault on our side",
}


@dataclass(frozen=True)
class GateCounts:
    """Workers at the gates now, and the test units so far."""

    onboarding: int = 0
    screening: TestUnitCounts = field(default_factory=TestUnitCounts)
    gold: TestUnitCounts = field(default_factory=TestUnitCounts)
    partners: int = 0
    """Workers who wait for the others of their item."""


def read_gates(session: Session, run_id: int) -> GateCounts:
    """The counts of a run."""
    tests = gate_units.count_test_units(session, run_id)
    newcomers, partners = gate_units.count_waiting(session, run_id)
    return GateCounts(newcomers, tests[UnitIndex.SCREENING], tests[UnitIndex.GOLD], partners)


def gate_words(counts: GateCounts, refusals: Mapping[str, int]) -> str:
    """ "In the onboarding 2 · screening 1 at work, 7 done · refused: 3 lack a qualification"; "" when nobody is there.

    `refusals` by the code of their reason, as far as this program has served the run.
    """
    parts = []
    if counts.onboarding:
        parts.append(f"{digits(counts.onboarding)} in the onboarding")
    for name, tests in (("screening", counts.screening), ("gold", counts.gold)):
        if tests.used:
            parts.append(f"{name} units: {digits(tests.at_work)} at work, {digits(tests.done)} done")
    if counts.partners:
        parts.append(f"{digits(counts.partners)} waiting for partners")
    if refusals:
        often = sorted(refusals.items(), key=lambda item: (-item[1], item[0]))
        reasons = [f"{digits(count)} {_REASONS.get(code, code)}" for code, count in often[:MOST_REASONS]]
        more = sum(count for _, count in often[MOST_REASONS:])
        reasons += [f"{digits(more)} for other reasons"] if more else []
        parts.append(f"refused: {', '.join(reasons)}")
    line = " · ".join(parts)
    return line[:1].upper() + line[1:]
