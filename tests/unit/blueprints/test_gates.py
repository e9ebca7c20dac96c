"""The gates: who may take a unit, and why not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.blueprints.gates import (
    COMPARATORS,
    Admit,
    Candidate,
    Divert,
    Refuse,
    Requirement,
    RunLimits,
    as_requirements,
    decide,
    is_met,
)

VALUES = st.integers(-5, 5)


def code_of(candidate: Candidate, limits: RunLimits) -> str:
    verdict = decide(candidate, limits)
    assert isinstance(verdict, Refuse)
    assert verdict.reason.endswith((".", "!"))
    return verdict.code


def test_nobody_without_the_qualification_meets_anything_but_its_absence() -> None:
    for comparator in COMPARATORS:
        value = (1, 2) if comparator in ("In", "NotIn") else 1
        assert not is_met(Requirement("q", comparator, value), {})
    assert not is_met(Requirement("q", "Exists"), {"other": 1})
    assert is_met(Requirement("q", "DoesNotExist"), {"other": 1})
    assert not is_met(Requirement("q", "DoesNotExist"), {"q": 0})


@given(value=VALUES, asked=VALUES, among=st.lists(VALUES))
def test_comparators_compare_integers(value: int, asked: int, among: list[int]) -> None:
    held = {"q": value}
    assert is_met(Requirement("q", "==", asked), held) == (value == asked)
    assert is_met(Requirement("q", "!=", asked), held) == (value != asked)
    assert is_met(Requirement("q", "<", asked), held) == (value < asked)
    assert is_met(Requirement("q", "<=", asked), held) == (value <= asked)
    assert is_met(Requirement("q", ">", asked), held) == (value > asked)
    assert is_met(Requirement("q", ">=", asked), held) == (value >= asked)
    assert is_met(Requirement("q", "In", tuple(among)), held) == (value in among)
    assert is_met(Requirement("q", "NotIn", tuple(among)), held) == (value not in among)
    assert is_met(Requirement("q", "Exists"), held)


def test_reasons_come_in_the_order_in_which_they_count() -> None:
    limits = RunLimits((Requirement("q", "Exists"),), 1, 2, 3, "intro")
    everything = {"ineligible": "Not here.", "held_in_run": 1, "taken_in_task": 2, "live_in_run": 3}
    assert code_of(Candidate(blocked=True, soft_blocked=True, **everything), limits) == "blocked"  # type: ignore[arg-type]
    assert code_of(Candidate(soft_blocked=True, **everything), limits) == "soft_blocked"  # type: ignore[arg-type]
    assert code_of(Candidate(**everything), limits) == "ineligible"  # type: ignore[arg-type]
    assert code_of(Candidate(held_in_run=1, taken_in_task=2, live_in_run=3), limits) == "qualification"
    held = {"q": 1}
    assert code_of(Candidate(qualifications=held, held_in_run=1, taken_in_task=2), limits) == "concurrent_limit"
    assert code_of(Candidate(qualifications=held, taken_in_task=2, live_in_run=3), limits) == "unit_limit"
    assert code_of(Candidate(qualifications=held, live_in_run=3), limits) == "run_full"
    assert decide(Candidate(qualifications=held), limits) == Divert("onboarding")
    assert code_of(Candidate(qualifications={**held, "intro": 0}), limits) == "onboarding_failed"
    assert decide(Candidate(qualifications={**held, "intro": 1}), limits) == Admit()


def test_a_limit_of_zero_is_no_limit() -> None:
    assert decide(Candidate(held_in_run=99, taken_in_task=99, live_in_run=99), RunLimits()) == Admit()


def test_requirements_of_a_configuration_become_gates() -> None:
    found = as_requirements(
        [
            {"qualification_name": "a", "comparator": ">=", "applicable_value": 3},
            {"qualification_name": "b", "comparator": "In", "applicable_value": [1, 2]},
            {"qualification_name": "c", "comparator": "Exists", "applicable_value": None},
        ],
        block_qualification="bad",
    )
    assert found == (
        Requirement("a", ">=", 3),
        Requirement("b", "In", (1, 2)),
        Requirement("c", "Exists"),
        Requirement("bad", "DoesNotExist"),
    )
