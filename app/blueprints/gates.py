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
    in_onboarding: bool = False


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
    """The worker has to do something else first: "onboarding"."""

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
    "concurrent_limit": "Please finish the unit that you are working on before you take another one.",
    "unit_limit": "You have done as many units of this task as one person may do. Thank you!",
    "run_full": "All places are taken at the moment. Please try again in a few minutes.",
    "paused": "This task is paused. Please come back later.",
    "budget": "This task is paused: its budget is used up for now. Please come back later.",
    "not_ready": "The units of this task are still being prepared. Please try again in a moment.",
    "all_taken": "All units are being worked on. One may become free again: please try again in a few minutes.",
    "none_for_you": "There are units left, but none for you: you have worked on each of these items already.",
    "finished": "This task is finished: no units are left. Thank you!",
    "already_done": "Your answer to this unit has arrived and is kept. You need not do it again.",
    "name_taken": "Somebody else takes part under this name. Please choose another one.",
    "bad_request": "This page did not say who you are. Please open the link that you were given once more.",
    "failed": "Something went wrong on our side and no unit was given out. Please try again in a moment.",
}


def refuse(code: str, *, reason: str = "", **details: Any) -> Refuse:
    """The refusal of that code, with its usual words unless `reason` has better ones."""
    return Refuse(code, reason or REASONS[code], details)


def decide(candidate: Candidate, limits: RunLimits) -> Verdict:
    """Blocks, the provider's word, qualifications, limits and onboarding, in the order in which they count."""
    if candidate.blocked:
        return _barred("blocked", candidate)
    if candidate.soft_blocked:
        return _barred("soft_blocked", candidate)
    if candidate.ineligible is not None:
        return refuse("ineligible", reason=candidate.ineligible)
    for requirement in limits.requirements:
        if not is_met(requirement, candidate.qualifications):
            return refuse("qualification", qualification=requirement.qualification_name)
    return _within_limits(candidate, limits) or _onboarding(candidate, limits) or Admit()


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
