"""Who may take a unit: pure rules over plain facts. No clock, no database, no provider is asked here."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Requirement:
    """A qualification the run asks for. `applicable_value` is an integer, or integers for In and NotIn."""

    qualification_name: str
    comparator: str
    applicable_value: int | tuple[int, ...] | None = None


SCREENING, GOLD, ONBOARDING = "screening", "gold", "onboarding"


@dataclass(frozen=True, slots=True)
class ScreeningRule:
    """New workers do a test unit first. Who passed holds `qualification`; who failed is blocked from the task."""

    qualification: str
    most: int
    """Test units of the run in all."""


@dataclass(frozen=True, slots=True)
class GoldRule:
    """Units with a known answer, mixed in. The counts are qualifications: they hold over all runs that share them."""

    base: str
    min_golds: int = 1
    every: int = 0
    max_incorrect: int = 0
    most_per_worker: int = 0
    most: int = 0
    """Gold units of the run in all; 0: no limit."""

    @property
    def correct(self) -> str:
        """The qualification that counts right answers."""
        return f"{self.base}-correct-golds"

    @property
    def wrong(self) -> str:
        """The qualification that counts wrong answers."""
        return f"{self.base}-wrong-golds"

    @property
    def disqualified(self) -> str:
        """The qualification of those who have had too many wrong."""
        return f"{self.base}-disqualified"

    def is_too_many(self, wrong: int) -> bool:
        """Whether a worker with so many wrong golds gets no more units."""
        return wrong > self.max_incorrect


@dataclass(frozen=True, slots=True)
class RunLimits:
    """What a run allows. 0 means no limit; an empty name means no such gate."""

    requirements: tuple[Requirement, ...] = ()
    allowed_concurrent: int = 0
    """Units one worker may hold at once in the run."""
    maximum_units_per_worker: int = 0
    """Units one worker may take over all runs of the task name."""
    max_num_concurrent_units: int = 0
    """Units that may be at work at once, over all workers of the run."""
    onboarding_qualification: str = ""
    screening: ScreeningRule | None = None
    gold: GoldRule | None = None

    @property
    def has_test_units(self) -> bool:
        """Whether workers do units that are no work of the task, but show what the worker can do."""
        return self.screening is not None or self.gold is not None

    def qualification_names(self) -> set[str]:
        """The qualifications whose values `decide` looks at."""
        names = {requirement.qualification_name for requirement in self.requirements}
        if self.onboarding_qualification:
            names.add(self.onboarding_qualification)
        if self.screening is not None:
            names.add(self.screening.qualification)
        if self.gold is not None:
            names |= {self.gold.correct, self.gold.wrong, self.gold.disqualified}
        return names


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is known of a worker who asks for a unit."""

    blocked: bool = False
    soft_blocked: bool = False
    block_reason: str = ""
    """Why the worker is blocked, as the requester wrote it: the worker reads it."""
    block_until: datetime | None = None
    ineligible: str | None = None
    """What the provider has against the worker, in plain words."""
    qualifications: Mapping[str, int] = field(default_factory=dict)
    held_in_run: int = 0
    taken_in_task: int = 0
    live_in_run: int = 0
    holds_test_unit: bool = False
    """A screening or gold unit of the run is in their hands: what it says of them is not known yet."""
    screening_used: int = 0
    """Screening units of the run so far, by anybody."""
    gold_used: int = 0


@dataclass(frozen=True, slots=True)
class Admit:
    """The worker may take a unit."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """The worker may not. `code` is counted, `reason` is what the worker reads."""

    code: str
    reason: str
    details: Mapping[str, Any] = field(default_factory=dict)
    """For the requester's journal only."""


@dataclass(frozen=True, slots=True)
class Divert:
    """The worker has to do something else first: "onboarding", "screening" or "gold"."""

    kind: str


Verdict = Admit | Refuse | Divert

# What a refused worker reads. Codes are stable: pages, counts and the journal go by them.
REASONS: dict[str, str] = {
    "blocked": "You can take no tasks of this requester.",
    "soft_blocked": "You can take no more units of this task.",
    "ineligible": "You cannot take part in this task.",
    "qualification": "This task needs a qualification that you do not hold.",
    "onboarding_failed": "You did not pass the introduction to this task, so you cannot take part in it.",
    "onboarding_elsewhere": "You have begun this introduction again on another page. Please go on there.",
    "screening_over": "New workers of this task do a test unit first, and there are no more of them. Thank you!",
    "gold_disqualified": "Too many of your units whose answer is known were wrong, so there are no more units of this "
    "task for you.",
    "gold_over": "New workers of this task do units with a known answer first, and there are no more of them. "
    "Thank you!",
    "test_open": "Please finish the unit that you are working on first: what comes next depends on it.",
    "concurrent_limit": "Please finish the unit that you are working on before you take another one.",
    "unit_limit": "You have done as many units of this task as one person may do. Thank you!",
    "run_full": "All places are taken at the moment. Please try again in a few minutes.",
    "paused": "This task is paused. Please come back later.",
    "budget": "This task is paused: its budget is used up for now. Please come back later.",
    "not_ready": "The units of this task are still being prepared. Please try again in a moment.",
    "all_taken": "All units are being worked on. One may become free again: please try again in a few minutes.",
    "none_for_you": "There are units left, but none for you: you have worked on each of these items already.",
    "not_suitable": "There are units left, but none of them is meant for you.",
    "looking": "We are still looking for a unit for you. Please try again in a moment.",
    "finished": "This task is finished: no units are left. Thank you!",
    "already_done": "Your answer to this unit has arrived and is kept. You need not do it again.",
    "unit_gone": "This unit is not yours any more.",
    "name_taken": "Somebody else takes part under this name. Please choose another one.",
    "bad_request": "This page did not say who you are. Please open the link that you were given once more.",
    "failed": "Something went wrong on our side and no unit was given out. Please try again in a moment.",
}


def refuse(code: str, *, reason: str = "", **details: Any) -> Refuse:
    """The refusal of that code, with its usual words unless `reason` has better ones."""
    return Refuse(code, reason or REASONS[code], details)


def decide(candidate: Candidate, limits: RunLimits) -> Verdict:
    """Blocks, the provider's word, qualifications, limits, onboarding, screening, gold: in the order that counts."""
    if candidate.blocked:
        return _barred("blocked", candidate)
    if candidate.soft_blocked:
        return _barred("soft_blocked", candidate)
    if candidate.ineligible is not None:
        return refuse("ineligible", reason=candidate.ineligible)
    for requirement in limits.requirements:
        if not is_met(requirement, candidate.qualifications):
            return refuse("qualification", qualification=requirement.qualification_name)
    return (
        _within_limits(candidate, limits)
        or _onboarding(candidate, limits)
        or _screening(candidate, limits)
        or _gold(candidate, limits)
        or Admit()
    )


def _barred(code: str, candidate: Candidate) -> Refuse:
    words = [REASONS[code]]
    if candidate.block_reason:
        words.append(f"The requester's reason: {candidate.block_reason.rstrip('.')}.")
    if candidate.block_until is not None:
        words.append(f"This ends on {candidate.block_until:%d %B %Y, %H:%M} UTC.")
    return refuse(code, reason=" ".join(words))


def _within_limits(candidate: Candidate, limits: RunLimits) -> Refuse | None:
    if 0 < limits.allowed_concurrent <= candidate.held_in_run:
        return refuse("concurrent_limit", held=candidate.held_in_run)
    if 0 < limits.maximum_units_per_worker <= candidate.taken_in_task:
        return refuse("unit_limit", taken=candidate.taken_in_task)
    if 0 < limits.max_num_concurrent_units <= candidate.live_in_run:
        return refuse("run_full", live=candidate.live_in_run)
    return None


def _onboarding(candidate: Candidate, limits: RunLimits) -> Refuse | Divert | None:
    if not limits.onboarding_qualification:
        return None
    passed = candidate.qualifications.get(limits.onboarding_qualification)
    if passed is None:
        return Divert("onboarding")
    return None if passed > 0 else refuse("onboarding_failed")


def _screening(candidate: Candidate, limits: RunLimits) -> Refuse | Divert | None:
    rule = limits.screening
    if rule is None or candidate.qualifications.get(rule.qualification, 0) > 0:
        return None
    if candidate.holds_test_unit:
        return refuse("test_open")
    if candidate.screening_used >= rule.most:
        return refuse("screening_over", used=candidate.screening_used)
    return Divert(SCREENING)


def _gold(candidate: Candidate, limits: RunLimits) -> Refuse | Divert | None:
    rule = limits.gold
    if rule is None:
        return None
    held = candidate.qualifications
    if held.get(rule.disqualified, 0) > 0:
        return refuse("gold_disqualified", wrong=held.get(rule.wrong, 0))
    correct, wrong = held.get(rule.correct, 0), held.get(rule.wrong, 0)
    if candidate.holds_test_unit and (correct < rule.min_golds or rule.is_too_many(wrong + 1)):
        return refuse("test_open")  # the answer that is not there yet decides
    used_up = 0 < rule.most <= candidate.gold_used
    if correct < rule.min_golds:
        return refuse("gold_over", used=candidate.gold_used) if used_up else Divert(GOLD)
    at_limit = 0 < rule.most_per_worker <= correct + wrong
    due = rule.every > 0 and correct + wrong < rule.min_golds + candidate.taken_in_task // rule.every
    return Divert(GOLD) if due and not (used_up or at_limit or candidate.holds_test_unit) else None


def is_met(requirement: Requirement, qualifications: Mapping[str, int]) -> bool:
    """Whether the worker's grants meet a requirement.

    A worker without the qualification meets `DoesNotExist` only: not "!=", not "NotIn". So a qualification that nobody
    was granted refuses everybody.
    """
    value = qualifications.get(requirement.qualification_name)
    if requirement.comparator == "DoesNotExist":
        return value is None
    if value is None:
        return False
    if requirement.comparator == "Exists":
        return True
    return COMPARATORS[requirement.comparator](value, requirement.applicable_value)


COMPARATORS: dict[str, Callable[[int, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "In": lambda value, among: value in among,
    "NotIn": lambda value, among: value not in among,
}
"""The comparators that look at the value; `Exists` and `DoesNotExist` do not."""


def as_requirements(items: Iterable[Mapping[str, Any]], block_qualification: str = "") -> tuple[Requirement, ...]:
    """Requirements of a checked configuration: `{qualification_name, comparator, applicable_value}` each.

    `block_qualification` adds "must not hold it".
    """
    found = []
    for item in items:
        value = item.get("applicable_value")
        asked = tuple(value) if isinstance(value, list | tuple) else value
        found.append(Requirement(item["qualification_name"], item["comparator"], asked))
    if block_qualification:
        found.append(Requirement(block_qualification, "DoesNotExist"))
    return tuple(found)
