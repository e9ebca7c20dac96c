"""The line of a run's gates."""

from __future__ import annotations

from app.blueprints.gates import REASONS
from app.data.repo.gate_units import TestUnitCounts
from app.viewmodels import run_gates
from app.viewmodels.run_gates import GateCounts, gate_words


def test_a_run_without_gates_and_refusals_says_nothing() -> None:
    assert gate_words(GateCounts(), {}) == ""


def test_who_waits_where_and_who_was_refused_why() -> None:
    counts = GateCounts(2, TestUnitCounts(1, 7), TestUnitCounts(0, 12), 3)
    assert gate_words(counts, {"qualification": 4, "soft_blocked": 1}) == (
        "2 in the onboarding · screening units: 1 at work, 7 done · gold units: 0 at work, 12 done · "
        "3 waiting for partners · refused: 4 lack a qualification, 1 blocked from this task"
    )


def test_the_most_frequent_reasons_are_named_and_the_rest_is_counted() -> None:
    refusals = {"blocked": 1, "qualification": 9, "unit_limit": 5, "finished": 3, "failed": 2, "budget": 1}
    assert gate_words(GateCounts(), refusals) == (
        "Refused: 9 lack a qualification, 5 have done enough units, 3 no units left, 2 a fault on our side, "
        "2 for other reasons"
    )


def test_every_reason_has_its_words() -> None:
    assert set(run_gates._REASONS) == set(REASONS)
