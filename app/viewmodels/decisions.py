"""What the window says of decisions, and the reasons that it remembers: the same on every page."""

from __future__ import annotations

from typing import Final

from app.data.states import AgentStatus
from app.operations.desk.verdicts import DecisionPreview, Verdict
from app.viewmodels.formats import count_of, money
from app.viewmodels.ui_state import UiState

DONE_WORDS: Final = {
    AgentStatus.APPROVED: "approved",
    AgentStatus.SOFT_REJECTED: "soft-rejected",
    AgentStatus.REJECTED: "rejected",
}
REASONS_KEPT = 3
_REASONS = "decisions.reasons"


def recent_reasons(state: UiState) -> list[str]:
    """The reasons of the last rejections, newest first."""
    return [str(reason) for reason in state.get(_REASONS, [])]


def keep_reason(state: UiState, note: str) -> None:
    """Remember the reason of a rejection."""
    kept = [note, *(reason for reason in recent_reasons(state) if reason != note)]
    state.put(_REASONS, kept[:REASONS_KEPT])


def cost_words(preview: DecisionPreview, verdict: Verdict) -> str:
    """What a decision will do and cost, or why it cannot be made (`count` is 0), in a sentence."""
    if not preview.count:
        return preview.blocked_reason
    units = count_of(preview.count, "unit")
    stays = "stays as it is" if preview.already == 1 else "stay as they are"
    left = f" {count_of(preview.already, 'unit')} not waiting for review {stays}." if preview.already else ""
    if verdict is AgentStatus.REJECTED:
        return f"{units} rejected, nothing is paid.{left}"
    costs = " and ".join(
        money(amount, currency) + (f" with {money(fee, currency)} fees on top" if fee else ", no fees")
        for currency, amount, fee in preview.by_currency
    )
    return f"{units}, {costs}.{left}"
