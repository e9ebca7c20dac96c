"""The table of transitions is the one of the specification, and whole."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from app.data import states
from app.data.states import AgentStatus, RunState, UnitStatus, assignment_status

A, U = AgentStatus, UnitStatus
LEFT = {A.DISCONNECT, A.TIMEOUT, A.RETURNED, A.EXPIRED, A.PARTNER_DISCONNECT}


def test_every_status_has_its_moves() -> None:
    assert set(states.AGENT_TRANSITIONS) == set(A)
    assert set(states.UNIT_TRANSITIONS) == set(U)
    assert set(states.RUN_TRANSITIONS) == set(RunState)


def test_every_agent_that_holds_a_unit_gives_it_a_status() -> None:
    assert set(states.UNIT_STATUS_OF_AGENT) == set(A) - {A.NONE, A.ONBOARDING}


def test_a_move_of_an_agent_is_a_legal_move_of_its_unit() -> None:
    for old, moves in states.AGENT_TRANSITIONS.items():
        if old in LEFT or old in (A.NONE, A.ONBOARDING):
            continue
        for new in moves:
            before, after = states.UNIT_STATUS_OF_AGENT[old], states.UNIT_STATUS_OF_AGENT[new]
            assert before == after or after in states.UNIT_TRANSITIONS[before], (old, new)


def test_what_is_done_never_expires() -> None:
    for status in states.DONE_UNIT:
        assert U.EXPIRED not in states.UNIT_TRANSITIONS[status]
    assert A.EXPIRED not in states.AGENT_TRANSITIONS[A.COMPLETED]


def test_only_a_rejection_leaves_a_final_status() -> None:
    leaving = {status: set(states.AGENT_TRANSITIONS[status]) for status in states.FINAL_AGENT}
    assert leaving == {A.APPROVED: set(), A.SOFT_REJECTED: set(), A.EXPIRED: set(), A.REJECTED: {A.APPROVED}}


def test_only_three_ways_of_leaving_can_be_taken_back() -> None:
    back = {status for status in LEFT if states.AGENT_TRANSITIONS[status]}
    assert back == {A.DISCONNECT, A.TIMEOUT, A.RETURNED}
    assert all(states.AGENT_TRANSITIONS[status] == {A.IN_TASK} for status in back)


@given(st.lists(st.sampled_from(sorted(U)), min_size=1, max_size=6))
def test_an_assignment_stands_where_its_slowest_unit_stands(units: list[UnitStatus]) -> None:
    order = [U.CREATED, U.LAUNCHED, U.ASSIGNED, U.COMPLETED]
    status = assignment_status(units)
    if len(set(units)) == 1:
        assert status == units[0]
    elif set(units) & set(order):
        assert status == min((u for u in units if u in order), key=order.index)
    else:
        assert status == "mixed"


def test_the_order_of_units_does_not_matter_to_the_assignment() -> None:
    for units in itertools.combinations(U, 3):
        found = {assignment_status(order) for order in itertools.permutations(units)}
        assert len(found) == 1


def test_an_assignment_without_units_is_created() -> None:
    assert assignment_status([]) == U.CREATED
