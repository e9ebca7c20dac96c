"""What the window says of decisions, and which reasons it remembers."""

from __future__ import annotations

from decimal import Decimal

import pytest

from app.data.states import AgentStatus
from app.operations.desk.verdicts import DecisionPreview, Verdict
from app.viewmodels.decisions import cost_words, keep_reason, recent_reasons
from app.viewmodels.ui_state import UiState


def preview(count: int, already: int = 0, fee: str = "0", refusal: str = "") -> DecisionPreview:
    pay = Decimal("0.12") * count
    costs = (("EUR", pay, Decimal(fee)),)
    return DecisionPreview(count, already, pay, Decimal(0), Decimal(fee), "EUR", costs, refusal)


@pytest.mark.parametrize(
    ("found", "verdict", "words"),
    [
        (preview(1), AgentStatus.APPROVED, "1 unit, € 0.12, no fees."),
        (preview(2, fee="0.05"), AgentStatus.SOFT_REJECTED, "2 units, € 0.24 with € 0.05 fees on top."),
        (preview(2), AgentStatus.REJECTED, "2 units rejected, nothing is paid."),
        (preview(1, 1), AgentStatus.REJECTED,
         "1 unit rejected, nothing is paid. 1 unit not waiting for review stays as it is."),
        (preview(0, 3, refusal="None of these."), AgentStatus.APPROVED, "None of these."),
    ],
)  # fmt: skip
def test_a_decision_is_told_with_what_it_costs(found: DecisionPreview, verdict: Verdict, words: str) -> None:
    assert cost_words(found, verdict).replace("\u00a0", " ") == words


def test_the_last_three_reasons_are_remembered_each_once() -> None:
    state = UiState()
    for note in ("blurred", "empty", "blurred", "too fast", "wrong image"):
        keep_reason(state, note)
    assert recent_reasons(state) == ["wrong image", "too fast", "blurred"]
