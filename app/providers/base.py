"""What a crowd provider is: plain values in, plain values out. It never sees the database."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

from app.args import arg
from app.clock import Clock
from app.errors import ProviderError

SHARED_WRAPPER_JS = Path(__file__).resolve().parents[2] / "resources" / "web" / "wrap_shared.js"


@dataclass
class ProviderArgs:
    """What every provider can be told."""

    _provider_type: str = arg("inhouse", help="Where the workers come from.")
    requester_name: str = arg("in-house", help="The account that asks, by its name at the provider.")


@dataclass(frozen=True)
class RunFacts:
    """What a provider may know of a task run."""

    task_run_id: str
    task_name: str
    task_title: str
    task_description: str
    pay_amount: Decimal
    currency: str
    assignment_duration_in_seconds: int
    task_lifetime_in_seconds: int


@dataclass(frozen=True)
class ProviderReceipt:
    """What came of a call. `external` are the provider's own ids, by their names ("submission_id", "payment_id")."""

    external: Mapping[str, str] = field(default_factory=dict)
    settled: bool = True
    """Money: False when the provider took the order but has not paid yet."""


class CrowdRequester:
    """The account that asks."""

    def __init__(self, provider: CrowdProvider, requester_name: str) -> None:
        self.provider = provider
        self.requester_name = requester_name

    async def register(self) -> None:
        """Check or make the account. `ProviderError` when the provider refuses it."""

    async def is_registered(self) -> bool:
        """Whether the account can be used now."""
        return True

    async def get_available_budget(self) -> tuple[Decimal, str] | None:
        """Balance and currency; None where money is not the provider's business."""
        return None


class CrowdWorker:
    """A person at the provider, by the provider's own identifier."""

    def __init__(self, provider: CrowdProvider, worker_name: str) -> None:
        self.provider = provider
        self.worker_name = worker_name

    async def bonus_worker(
        self, amount: Decimal, currency: str, reason: str, idempotency_key: str, unit: Mapping[str, str]
    ) -> ProviderReceipt:
        """Pay a bonus. `unit` are the external ids of the unit it is for (empty: none).

        `ProviderError` when refused; with `unknown_outcome` when the money may have moved.
        """
        raise ProviderError(f"{self.provider.PROVIDER_TYPE} cannot pay a bonus.")

    async def block_worker(self, reason: str) -> None:
        """Bar the worker at the provider, where it has such a thing."""

    async def unblock_worker(self, reason: str) -> None:
        """Lift the bar at the provider."""

    async def is_blocked(self) -> bool:
        """Whether the provider itself bars the worker."""
        return False

    async def is_eligible(self, facts: RunFacts) -> str | None:
        """None when the worker may come; else the reason, in plain words."""
        return None

    async def grant_crowd_qualification(self, name: str, value: int) -> None:
        """Mirror a grant at the provider."""

    async def revoke_crowd_qualification(self, name: str) -> None:
        """Mirror a revocation at the provider."""


class CrowdUnit:
    """A unit at the provider. `external` are the provider's ids of it, as stored by operations."""

    def __init__(self, provider: CrowdProvider, unit_id: str, external: Mapping[str, str]) -> None:
        self.provider = provider
        self.unit_id = unit_id
        self.external = dict(external)

    async def launch(self, task_url: str) -> ProviderReceipt:
        """Offer the unit to the provider's workers."""
        return ProviderReceipt()

    async def expire(self) -> float:
        """Take the unit back; seconds until no worker can take it any more (0.0: at once)."""
        return 0.0

    async def is_expired(self) -> bool:
        """Whether the provider offers the unit no longer."""
        return False


class CrowdAgent:
    """A worker at a unit, at the provider."""

    def __init__(self, provider: CrowdProvider, worker_name: str, external: Mapping[str, str]) -> None:
        self.provider = provider
        self.worker_name = worker_name
        self.external = dict(external)

    @classmethod
    def new_from_provider_data(
        cls, provider: CrowdProvider, worker_name: str, provider_data: Mapping[str, Any]
    ) -> CrowdAgent:
        """The agent that a page's `provider_data` speaks of; keeps the external ids it finds there."""
        return cls(provider, worker_name, {})

    async def approve_work(self, amount: Decimal, currency: str, idempotency_key: str) -> ProviderReceipt:
        """Accept and pay."""
        return ProviderReceipt()

    async def soft_reject_work(self, amount: Decimal, currency: str, idempotency_key: str) -> ProviderReceipt:
        """Pay, though the work is below the bar."""
        return await self.approve_work(amount, currency, idempotency_key)

    async def reject_work(self, reason: str) -> ProviderReceipt:
        """Refuse the work; nothing is paid."""
        return ProviderReceipt()

    async def mark_done(self) -> None:
        """Tell the provider that the submission was taken."""


class CrowdProvider(ABC):
    """A source of workers: its four parts, its page wrapper, what it sets up for a run."""

    PROVIDER_TYPE: ClassVar[str]
    RequesterClass: ClassVar[type[CrowdRequester]] = CrowdRequester
    WorkerClass: ClassVar[type[CrowdWorker]] = CrowdWorker
    UnitClass: ClassVar[type[CrowdUnit]] = CrowdUnit
    AgentClass: ClassVar[type[CrowdAgent]] = CrowdAgent
    ArgsClass: ClassVar[type[ProviderArgs]] = ProviderArgs

    UNITS_LIVE_HERE: ClassVar[bool] = True
    """True: launching and expiring a unit is ours alone, so it is done set-based, without a call per unit."""
    PAYMENTS_LIVE_HERE: ClassVar[bool] = False
    """True: a payment is a row of our ledger and nothing else, settled as it is written, without a call per payment."""
    SIGNED_ENTRY: ClassVar[bool] = False
    """True: workers come through links that we sign (in-house); the router believes its cookie, not the page."""
    REJECTION_CAN_BE_TAKEN_BACK: ClassVar[bool] = True

    def __init__(self, args: ProviderArgs, clock: Clock) -> None:
        self.args = args
        self.clock = clock

    @classmethod
    def assert_task_args(cls, task_args: Any, provider_args: ProviderArgs) -> None:
        """Raise `ConfigError` when the task cannot be run at this provider as it is configured."""

    def is_sandbox(self) -> bool:
        """Whether nothing here is real: no money, no people."""
        return False

    @abstractmethod
    def get_wrapper_js_path(self) -> Path:
        """The provider's own part of the script that tells a task page who the worker is: `crowdProvider`."""

    def write_wrapper_js(self, folder: Path) -> Path:
        """Write `wrap_crowd_source.js` into a folder, whole: the provider's own part, then what all providers share.

        One script, for the pages of task bundles load no other before the bundle.
        """
        folder.mkdir(parents=True, exist_ok=True)
        script = folder / "wrap_crowd_source.js"
        parts = (self.get_wrapper_js_path(), SHARED_WRAPPER_JS)
        script.write_text("\n".join(part.read_text("utf-8") for part in parts), "utf-8")
        return script

    def fee(self, amount: Decimal) -> Decimal:
        """What the provider takes on top of a payment of `amount`."""
        return Decimal(0)

    async def find_payment(self, idempotency_key: str, external: Mapping[str, str]) -> ProviderReceipt | None:
        """What became of a payment order; None when the provider knows of none, so that it is safe to send it.

        `external` are the ids that are stored of it. `ProviderError` when the provider does not answer.
        """
        raise ProviderError(
            f"{self.PROVIDER_TYPE} cannot look up a payment.", "Compare with the provider's own statement."
        )

    async def setup_resources_for_task_run(self, facts: RunFacts, server_url: str) -> ProviderReceipt:
        """Make at the provider what the run needs (a study, a HIT type)."""
        return ProviderReceipt()

    async def cleanup_resources_from_task_run(self, facts: RunFacts, server_url: str) -> None:
        """Take down what `setup_resources_for_task_run` made. Idempotent."""

    async def cleanup_qualification(self, name: str) -> None:
        """Remove the mirror of a qualification. Idempotent."""
