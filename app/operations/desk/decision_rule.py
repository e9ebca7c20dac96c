"""Decide by rule: which submissions of a run a rule holds of."""

from __future__ import annotations

from dataclasses import dataclass

from app.data.repo import decisions
from app.data.repo.decisions import RuleFacts
from app.data.store import Store
from app.operations.quality import agreement_of_items


@dataclass(frozen=True)
class DecisionRule:
    """What has to hold of a submission; what is not given is not asked. Agreement is that of its item, 0 to 1."""

    answer: str = ""
    """The answer, or one of its labels, without regard to case."""
    min_agreement: float | None = None
    max_agreement: float | None = None
    min_seconds: float | None = None
    max_seconds: float | None = None
    flagged: bool | None = None
    worker_ids: frozenset[int] = frozenset()


async def choose(store: Store, run_id: int, rule: DecisionRule) -> list[int]:
    """The ids of the run's submissions that wait for a decision and of which the whole rule holds."""
    facts = await store.read(decisions.list_rule_facts, run_id)
    agreement: dict[int, float] = {}
    if rule.min_agreement is not None or rule.max_agreement is not None:
        agreement = await agreement_of_items(store, run_id)
    return [one.unit_id for one in facts if holds(rule, one, agreement.get(one.assignment_id))]


def holds(rule: DecisionRule, facts: RuleFacts, agreement: float | None) -> bool:
    """Whether every given part of the rule holds; a time or an agreement that is not known meets no bound."""
    said = {facts.answer.casefold(), *(label.casefold() for label in facts.labels)}
    return (
        (not rule.answer or rule.answer.casefold() in said)
        and _within(agreement, rule.min_agreement, rule.max_agreement)
        and _within(facts.seconds, rule.min_seconds, rule.max_seconds)
        and (rule.flagged is None or rule.flagged == facts.flagged)
        and (not rule.worker_ids or facts.worker_id in rule.worker_ids)
    )


def _within(value: float | None, low: float | None, high: float | None) -> bool:
    if low is None and high is None:
        return True
    return value is not None and (low is None or value >= low) and (high is None or value <= high)
