"""A provider in memory whose every answer can be scripted: for tests, demonstrations and rehearsals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar, cast

from app.args import arg
from app.clock import Clock
from app.errors import ProviderError
from app.providers.base import (
    CrowdAgent,
    CrowdProvider,
    CrowdRequester,
    CrowdUnit,
    CrowdWorker,
    ProviderArgs,
    ProviderReceipt,
    RunFacts,
)
from app.providers.mock.account import Call, Fault, FaultKind, MockAccount, MockPayment, open_account

WRAPPER_JS = Path(__file__).resolve().parents[3] / "resources" / "web" / "wrap_mock.js"


@dataclass
class MockProviderArgs(ProviderArgs):
    """What the mock provider can be told."""

    _provider_type: str = arg("mock", help="Where the workers come from.")
    requester_name: str = arg("mock requester", help="Which account in memory is used.")
    fee_percent: Decimal = arg(
        Decimal(0), help="What the provider takes on top of each payment.", minimum=0, maximum=100, unit="%"
    )


class MockRequester(CrowdRequester):
    """The account in memory."""

    async def register(self) -> None:
        """Open the account."""
        account, fault = await _ask(self.provider, "register", requester_name=self.requester_name)
        account.registered = True
        _answer(fault)

    async def is_registered(self) -> bool:
        """Whether `register` was called, or the account was there from the start."""
        account, fault = await _ask(self.provider, "is_registered")
        _answer(fault)
        return account.registered

    async def get_available_budget(self) -> tuple[Decimal, str] | None:
        """The balance."""
        account, fault = await _ask(self.provider, "get_available_budget")
        _answer(fault)
        return account.balance, account.currency


class MockWorker(CrowdWorker):
    """A worker at the account in memory."""

    async def bonus_worker(
        self, amount: Decimal, currency: str, reason: str, idempotency_key: str, unit: Mapping[str, str]
    ) -> ProviderReceipt:
        """Move the money, once per key."""
        name = self.worker_name
        account, fault = await _ask(
            self.provider, "bonus_worker", worker_name=name, amount=amount, key=idempotency_key, unit=dict(unit)
        )
        if amount <= 0:
            raise ProviderError("A bonus must be more than nothing.")
        paid = account.pay(idempotency_key, MockPayment(_pid(account), name, amount, currency, "bonus", reason))
        _answer(fault)
        return ProviderReceipt(external={"payment_id": paid.payment_id})

    async def block_worker(self, reason: str) -> None:
        """Bar the worker."""
        account, fault = await _ask(self.provider, "block_worker", worker_name=self.worker_name, reason=reason)
        account.blocked[self.worker_name] = reason
        _answer(fault)

    async def unblock_worker(self, reason: str) -> None:
        """Lift the bar."""
        account, fault = await _ask(self.provider, "unblock_worker", worker_name=self.worker_name, reason=reason)
        account.blocked.pop(self.worker_name, None)
        _answer(fault)

    async def is_blocked(self) -> bool:
        """Whether the worker is barred."""
        account, fault = await _ask(self.provider, "is_blocked", worker_name=self.worker_name)
        _answer(fault)
        return self.worker_name in account.blocked

    async def is_eligible(self, facts: RunFacts) -> str | None:
        """The scripted reason, when there is one."""
        account, fault = await _ask(self.provider, "is_eligible", worker_name=self.worker_name)
        _answer(fault)
        return account.ineligible.get(self.worker_name)

    async def grant_crowd_qualification(self, name: str, value: int) -> None:
        """Keep the grant."""
        account, fault = await _ask(
            self.provider, "grant_crowd_qualification", worker_name=self.worker_name, name=name, value=value
        )
        account.qualifications[name][self.worker_name] = value
        _answer(fault)

    async def revoke_crowd_qualification(self, name: str) -> None:
        """Forget the grant."""
        account, fault = await _ask(
            self.provider, "revoke_crowd_qualification", worker_name=self.worker_name, name=name
        )
        account.qualifications[name].pop(self.worker_name, None)
        _answer(fault)


class MockUnit(CrowdUnit):
    """A unit at the account in memory."""

    async def launch(self, task_url: str) -> ProviderReceipt:
        """Offer the unit."""
        account, fault = await _ask(self.provider, "launch", unit_id=self.unit_id, task_url=task_url)
        account.launched[self.unit_id] = task_url
        account.expired.discard(self.unit_id)
        _answer(fault)
        return ProviderReceipt(external={"mock_unit_id": f"mock-unit-{self.unit_id}"})

    async def expire(self) -> float:
        """Take it back; `MockAccount.seconds_to_expire` until it is gone."""
        account, fault = await _ask(self.provider, "expire", unit_id=self.unit_id)
        account.expired.add(self.unit_id)
        _answer(fault)
        return account.seconds_to_expire

    async def is_expired(self) -> bool:
        """Whether `expire` was called since the last `launch`."""
        account, fault = await _ask(self.provider, "is_expired", unit_id=self.unit_id)
        _answer(fault)
        return self.unit_id in account.expired


class MockAgent(CrowdAgent):
    """A worker at a unit."""

    @classmethod
    def new_from_provider_data(
        cls, provider: CrowdProvider, worker_name: str, provider_data: Mapping[str, Any]
    ) -> CrowdAgent:
        """Keeps `mock_assignment_id`, the page's `assignment_id`."""
        found = provider_data.get("assignment_id")
        return cls(provider, worker_name, {"mock_assignment_id": found} if isinstance(found, str) and found else {})

    async def approve_work(self, amount: Decimal, currency: str, idempotency_key: str) -> ProviderReceipt:
        """Pay, once per key."""
        name = self.worker_name
        account, fault = await _ask(self.provider, "approve_work", worker_name=name, amount=amount, key=idempotency_key)
        paid = account.pay(idempotency_key, MockPayment(_pid(account), name, amount, currency, "approval"))
        _answer(fault)
        return ProviderReceipt(external={"payment_id": paid.payment_id})

    async def reject_work(self, reason: str) -> ProviderReceipt:
        """Keep the reason."""
        account, fault = await _ask(self.provider, "reject_work", worker_name=self.worker_name, reason=reason)
        account.rejected.append((self.worker_name, reason))
        _answer(fault)
        return ProviderReceipt()

    async def mark_done(self) -> None:
        """Keep that it was taken."""
        account, fault = await _ask(self.provider, "mark_done", worker_name=self.worker_name)
        account.done.append(self.worker_name)
        _answer(fault)


class MockProvider(CrowdProvider):
    """A provider in memory. `account` is its far side: script faults there and read what was asked.

    Units are launched and expired one call at a time, as at a real panel, so that this path is exercised too.
    """

    PROVIDER_TYPE: ClassVar[str] = "mock"
    RequesterClass: ClassVar[type[CrowdRequester]] = MockRequester
    WorkerClass: ClassVar[type[CrowdWorker]] = MockWorker
    UnitClass: ClassVar[type[CrowdUnit]] = MockUnit
    AgentClass: ClassVar[type[CrowdAgent]] = MockAgent
    ArgsClass: ClassVar[type[ProviderArgs]] = MockProviderArgs
    UNITS_LIVE_HERE: ClassVar[bool] = False

    def __init__(self, args: ProviderArgs, clock: Clock) -> None:
        super().__init__(args, clock)
        self.account = open_account(args.requester_name)

    def is_sandbox(self) -> bool:
        """Nothing here is real."""
        return True

    def get_wrapper_js_path(self) -> Path:
        """Reads `worker_id` and `assignment_id`; stays on the page after a submission."""
        return WRAPPER_JS

    def fee(self, amount: Decimal) -> Decimal:
        """`fee_percent` of the amount."""
        percent = self.args.fee_percent if isinstance(self.args, MockProviderArgs) else Decimal(0)
        return amount * percent / 100

    async def find_payment(self, idempotency_key: str, external: Mapping[str, str]) -> ProviderReceipt | None:
        """The payment under that key, when money moved."""
        account, fault = await _ask(self, "find_payment", key=idempotency_key)
        _answer(fault)
        paid = account.payments.get(idempotency_key)
        return ProviderReceipt(external={"payment_id": paid.payment_id}) if paid else None

    async def setup_resources_for_task_run(self, facts: RunFacts, server_url: str) -> ProviderReceipt:
        """Make a study; the same run again has the same study."""
        account, fault = await _ask(
            self, "setup_resources_for_task_run", task_run_id=facts.task_run_id, server_url=server_url
        )
        study = account.studies.setdefault(facts.task_run_id, f"mock-study-{facts.task_run_id}")
        _answer(fault)
        return ProviderReceipt(external={"study_id": study})

    async def cleanup_resources_from_task_run(self, facts: RunFacts, server_url: str) -> None:
        """Take the study down."""
        account, fault = await _ask(self, "cleanup_resources_from_task_run", task_run_id=facts.task_run_id)
        account.studies.pop(facts.task_run_id, None)
        _answer(fault)

    async def cleanup_qualification(self, name: str) -> None:
        """Forget the qualification."""
        account, fault = await _ask(self, "cleanup_qualification", name=name)
        account.qualifications.pop(name, None)
        _answer(fault)


async def _ask(provider: CrowdProvider, method: str, **values: Any) -> tuple[MockAccount, Fault | None]:
    """Record a call, wait its delay, meet the faults that come before the effect; what is left comes after it."""
    account = cast(MockProvider, provider).account
    fault = account.take_fault(method)
    account.calls.append(Call(method, values, provider.clock.now(), fault.kind if fault else None))
    delay = account.delays.get(method, account.delays.get("*", 0.0))
    if delay > 0:
        await provider.clock.sleep(delay)
    if fault is None or fault.kind is FaultKind.LOSE_ANSWER:
        return account, fault
    if fault.kind is FaultKind.REFUSE:
        raise ProviderError(fault.message or f"The mock provider refused {method}.")
    if fault.kind is FaultKind.DISCONNECT:
        raise ProviderError("The mock provider cannot be reached; nothing was sent.", "Try again later.")
    raise ProviderError("The mock provider did not answer.", "Ask it what happened.", unknown_outcome=True)


def _answer(fault: Fault | None) -> None:
    """Lose the answer, when the script says so."""
    if fault is not None:
        raise ProviderError("The mock provider did not answer.", "Ask it what happened.", unknown_outcome=True)


def _pid(account: MockAccount) -> str:
    return f"mock-payment-{len(account.payments) + 1}"
