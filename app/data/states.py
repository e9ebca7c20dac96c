"""Statuses, the legal transitions between them, and the one map from an agent's status to its unit's. Pure data."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class AgentStatus(StrEnum):
    """Where one worker stands with one unit. The values are on the wire and in the database."""

    NONE = "none"
    ACCEPTED = "accepted"
    ONBOARDING = "onboarding"
    WAITING = "waiting"
    IN_TASK = "in task"
    COMPLETED = "completed"
    DISCONNECT = "disconnect"
    TIMEOUT = "timeout"
    PARTNER_DISCONNECT = "partner disconnect"
    EXPIRED = "expired"
    RETURNED = "returned"
    APPROVED = "approved"
    SOFT_REJECTED = "soft_rejected"
    REJECTED = "rejected"


class UnitStatus(StrEnum):
    """Where one unit of work stands."""

    CREATED = "created"
    LAUNCHED = "launched"
    ASSIGNED = "assigned"
    COMPLETED = "completed"
    ACCEPTED = "accepted"
    SOFT_REJECTED = "soft_rejected"
    REJECTED = "rejected"
    EXPIRED = "expired"


MIXED = "mixed"
"""Status of an assignment whose units were accepted and rejected."""


class RunState(StrEnum):
    """Where a task run stands."""

    SETUP = "setup"
    IN_FLIGHT = "in flight"
    PAUSED = "paused"
    INTERRUPTED = "interrupted"
    COMPLETED = "completed"


class PaymentState(StrEnum):
    """Where a row of the ledger stands at its provider."""

    INTENDED = "intended"
    SENT = "sent"
    SETTLED = "settled"
    FAILED = "failed"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"


class PaymentKind(StrEnum):
    """What a payment is for."""

    APPROVAL = "approval"
    BONUS = "bonus"
    COMPENSATION = "compensation"


class UnitIndex:
    """Indices below zero mark units that are no role of an assignment."""

    SCREENING = -1
    GOLD = -2
    COMPENSATION = -3


UNIT_KINDS = {UnitIndex.SCREENING: "screening", UnitIndex.GOLD: "gold", UnitIndex.COMPENSATION: "compensation"}
"""What units are called that are no role of an assignment."""


def unit_kind(unit_index: int) -> str:
    """What a unit is by its index: "task", "screening", "gold" or "compensation"."""
    return UNIT_KINDS.get(unit_index, "task")


_A = AgentStatus
_LEFT = frozenset({_A.DISCONNECT, _A.TIMEOUT, _A.RETURNED, _A.EXPIRED, _A.PARTNER_DISCONNECT})

AGENT_TRANSITIONS: dict[AgentStatus, frozenset[AgentStatus]] = {
    _A.NONE: frozenset({_A.ACCEPTED}),
    _A.ACCEPTED: frozenset({_A.IN_TASK, _A.WAITING}) | _LEFT,
    _A.ONBOARDING: frozenset(),
    _A.WAITING: frozenset({_A.IN_TASK}) | _LEFT,
    _A.IN_TASK: frozenset({_A.COMPLETED}) | _LEFT,
    _A.COMPLETED: frozenset({_A.APPROVED, _A.SOFT_REJECTED, _A.REJECTED}),
    _A.DISCONNECT: frozenset({_A.IN_TASK}),
    _A.TIMEOUT: frozenset({_A.IN_TASK}),
    _A.RETURNED: frozenset({_A.IN_TASK}),
    _A.PARTNER_DISCONNECT: frozenset(),
    _A.EXPIRED: frozenset(),
    _A.APPROVED: frozenset(),
    _A.SOFT_REJECTED: frozenset(),
    _A.REJECTED: frozenset({_A.APPROVED}),
}
"""Legal moves of an agent that holds a unit."""

ONBOARDING_TRANSITIONS: dict[AgentStatus, frozenset[AgentStatus]] = {
    _A.NONE: frozenset({_A.ONBOARDING}),
    _A.ONBOARDING: frozenset({_A.WAITING}) | _LEFT,
    _A.WAITING: frozenset({_A.APPROVED, _A.REJECTED}) | _LEFT,
    _A.DISCONNECT: frozenset({_A.ONBOARDING}),
    _A.TIMEOUT: frozenset({_A.ONBOARDING}),
    _A.RETURNED: frozenset({_A.ONBOARDING}),
}
"""Legal moves of an onboarding agent."""

_U = UnitStatus
UNIT_TRANSITIONS: dict[UnitStatus, frozenset[UnitStatus]] = {
    _U.CREATED: frozenset({_U.LAUNCHED, _U.EXPIRED}),
    _U.LAUNCHED: frozenset({_U.ASSIGNED, _U.EXPIRED}),
    _U.ASSIGNED: frozenset({_U.COMPLETED, _U.LAUNCHED, _U.EXPIRED}),
    _U.COMPLETED: frozenset({_U.ACCEPTED, _U.SOFT_REJECTED, _U.REJECTED}),
    _U.ACCEPTED: frozenset(),
    _U.SOFT_REJECTED: frozenset({_U.LAUNCHED}),
    _U.REJECTED: frozenset({_U.ACCEPTED, _U.LAUNCHED}),
    _U.EXPIRED: frozenset({_U.LAUNCHED}),
}
"""Legal moves of a unit. The last three moves to `launched` are an explicit relaunch."""

RUN_TRANSITIONS: dict[RunState, frozenset[RunState]] = {
    RunState.SETUP: frozenset({RunState.IN_FLIGHT, RunState.INTERRUPTED, RunState.COMPLETED}),
    RunState.IN_FLIGHT: frozenset({RunState.PAUSED, RunState.INTERRUPTED, RunState.COMPLETED}),
    RunState.PAUSED: frozenset({RunState.IN_FLIGHT, RunState.INTERRUPTED, RunState.COMPLETED}),
    RunState.INTERRUPTED: frozenset({RunState.IN_FLIGHT, RunState.PAUSED, RunState.COMPLETED}),
    RunState.COMPLETED: frozenset({RunState.IN_FLIGHT}),
}
"""Legal moves of a task run. Completed -> in flight: units were added or relaunched."""

UNIT_STATUS_OF_AGENT: dict[AgentStatus, UnitStatus] = {
    _A.ACCEPTED: _U.ASSIGNED,
    _A.WAITING: _U.ASSIGNED,
    _A.IN_TASK: _U.ASSIGNED,
    _A.COMPLETED: _U.COMPLETED,
    _A.APPROVED: _U.ACCEPTED,
    _A.SOFT_REJECTED: _U.SOFT_REJECTED,
    _A.REJECTED: _U.REJECTED,
    _A.DISCONNECT: _U.LAUNCHED,
    _A.TIMEOUT: _U.LAUNCHED,
    _A.RETURNED: _U.LAUNCHED,
    _A.PARTNER_DISCONNECT: _U.LAUNCHED,
    _A.EXPIRED: _U.EXPIRED,
}
"""What the status of the agent that holds a unit makes of the unit, when the run's policy frees what is left."""

LIVE_AGENT = frozenset({_A.ACCEPTED, _A.WAITING, _A.IN_TASK})
"""The agent holds its unit and may still submit."""

ONBOARDING_LIVE = frozenset({_A.ONBOARDING, _A.WAITING})
LEFT_AGENT = _LEFT
"""The agent left without a submission."""

FINAL_AGENT = frozenset({_A.APPROVED, _A.SOFT_REJECTED, _A.REJECTED, _A.EXPIRED})
OPEN_UNIT = frozenset({_U.CREATED, _U.LAUNCHED, _U.ASSIGNED})
DONE_UNIT = frozenset({_U.COMPLETED, _U.ACCEPTED, _U.SOFT_REJECTED, _U.REJECTED})
RESUMABLE_RUN = frozenset({RunState.INTERRUPTED, RunState.PAUSED})

_PROGRESS = (_U.CREATED, _U.LAUNCHED, _U.ASSIGNED, _U.COMPLETED)


def assignment_status(units: Iterable[UnitStatus]) -> str:
    """The status of an assignment, computed from its units' (never stored).

    The one status if all share it; else the earliest of created < launched < assigned < completed that occurs; reviewed
    units that differ are `mixed`. An assignment without units is `created`.
    """
    seen = set(units)
    if not seen:
        return _U.CREATED
    if len(seen) == 1:
        return next(iter(seen))
    for status in _PROGRESS:
        if status in seen:
            return status
    return MIXED
