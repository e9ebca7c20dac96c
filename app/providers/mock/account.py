"""The far side of the mock provider: an account in memory that outlives the client, as a real one does.

Tests and rehearsals script its faults and read what it was asked. Money is kept by idempotency key, as at a careful
provider: the same order twice is one payment.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from app.errors import ProviderError


class FaultKind(StrEnum):
    """How a scripted call goes wrong."""

    REFUSE = "refuse"
    """Answered with a refusal; nothing happens."""
    DISCONNECT = "disconnect"
    """The connection is not made; nothing happens, and the caller knows."""
    LOSE_REQUEST = "lose request"
    """The call never arrives; the caller cannot know (`unknown_outcome`)."""
    LOSE_ANSWER = "lose answer"
    """The call has its whole effect; the caller cannot know (`unknown_outcome`)."""


@dataclass(frozen=True)
class Fault:
    """One scripted fault. `message` is what a refusal says."""

    kind: FaultKind
    message: str = ""


@dataclass(frozen=True)
class Call:
    """One call as it arrived (or was lost): the method's name, its values, when, and the fault it met."""

    method: str
    values: Mapping[str, Any]
    at: datetime
    fault: FaultKind | None = None


@dataclass(frozen=True)
class MockPayment:
    """Money that moved."""

    payment_id: str
    worker_name: str
    amount: Decimal
    currency: str
    kind: str
    reason: str = ""


@dataclass
class MockAccount:
    """A requester's account at the mock provider."""

    requester_name: str
    registered: bool = True
    balance: Decimal = Decimal(1_000_000)
    currency: str = "EUR"
    calls: list[Call] = field(default_factory=list)
    payments: dict[str, MockPayment] = field(default_factory=dict)
    """By idempotency key."""
    blocked: dict[str, str] = field(default_factory=dict)
    ineligible: dict[str, str] = field(default_factory=dict)
    """Worker name -> the reason the provider gives."""
    qualifications: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    """Qualification -> worker name -> value."""
    launched: dict[str, str] = field(default_factory=dict)
    """Unit id -> the page's URL."""
    expired: set[str] = field(default_factory=set)
    rejected: list[tuple[str, str]] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    studies: dict[str, str] = field(default_factory=dict)
    """Task run id -> study id."""
    seconds_to_expire: float = 0.0
    delays: dict[str, float] = field(default_factory=dict)
    """Method -> seconds of the provider's clock before it answers; "*" for every method."""
    _faults: dict[str, deque[Fault]] = field(default_factory=lambda: defaultdict(deque))

    def script(self, method: str, kind: FaultKind | str, *, message: str = "", times: int = 1) -> None:
        """Let the next `times` calls of `method` ("*": any) go wrong, one after the other."""
        self._faults[method].extend([Fault(FaultKind(kind), message)] * times)

    def calls_of(self, method: str) -> list[Call]:
        """What `method` was asked, in order."""
        return [call for call in self.calls if call.method == method]

    def total_paid(self) -> Decimal:
        """All the money that moved."""
        return sum((payment.amount for payment in self.payments.values()), Decimal(0))

    def take_fault(self, method: str) -> Fault | None:
        """The scripted fault that the call meets now, used up."""
        for name in (method, "*"):
            if self._faults[name]:
                return self._faults[name].popleft()
        return None

    def pay(self, key: str, payment: MockPayment) -> MockPayment:
        """Move money once per key. `ProviderError` when the same key comes with another amount, or money lacks."""
        there = self.payments.get(key)
        if there is not None:
            if (there.worker_name, there.amount, there.currency) != (
                payment.worker_name,
                payment.amount,
                payment.currency,
            ):
                raise ProviderError("The mock provider has a different payment under the same key.")
            return there
        if payment.amount > self.balance:
            raise ProviderError("The mock account has too little money.", "Add money to the account.")
        self.balance -= payment.amount
        self.payments[key] = payment
        return payment


_accounts: dict[str, MockAccount] = {}


def open_account(requester_name: str) -> MockAccount:
    """The account of that name; made when there is none. It lives as long as the process."""
    return _accounts.setdefault(requester_name, MockAccount(requester_name))


def close_accounts() -> None:
    """Forget every account (between tests)."""
    _accounts.clear()
