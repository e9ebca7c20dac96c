"""In-house: people who come through links that we sign. No account, no network beyond our own router.

Who may come, who is blocked and what was paid is in our own database, which operations asks at entry and at every
registration; so launching, expiring and paying need no call at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

from app.args import arg
from app.errors import ProviderError
from app.providers.base import CrowdAgent, CrowdProvider, CrowdWorker, ProviderArgs, ProviderReceipt

WRAPPER_JS = Path(__file__).resolve().parents[3] / "resources" / "web" / "wrap_inhouse.js"


@dataclass
class InhouseArgs(ProviderArgs):
    """What the in-house provider can be told."""

    _provider_type: str = arg("inhouse", help="Where the workers come from.")


class InhouseWorker(CrowdWorker):
    """A person by the name that their link or their own entry gave."""

    async def bonus_worker(
        self, amount: Decimal, currency: str, reason: str, idempotency_key: str, unit: Mapping[str, str]
    ) -> ProviderReceipt:
        """The ledger's own row is the payment: it is settled as soon as it is written."""
        if amount <= 0:
            raise ProviderError("A bonus must be more than nothing.")
        return ProviderReceipt(external={"payment_id": idempotency_key})


class InhouseAgent(CrowdAgent):
    """A person at a unit. A visit to the page is known by the random id that the welcome page gave it."""

    @classmethod
    def new_from_provider_data(
        cls, provider: CrowdProvider, worker_name: str, provider_data: Mapping[str, Any]
    ) -> CrowdAgent:
        """Keeps `visit_id`, the page's `assignment_id`."""
        visit = provider_data.get("assignment_id")
        return cls(provider, worker_name, {"visit_id": visit} if isinstance(visit, str) and visit else {})

    async def approve_work(self, amount: Decimal, currency: str, idempotency_key: str) -> ProviderReceipt:
        """Settled as it is written, like every in-house payment."""
        return ProviderReceipt(external={"payment_id": idempotency_key})


class InhouseProvider(CrowdProvider):
    """Signed links, our own people."""

    PROVIDER_TYPE: ClassVar[str] = "inhouse"
    WorkerClass: ClassVar[type[CrowdWorker]] = InhouseWorker
    AgentClass: ClassVar[type[CrowdAgent]] = InhouseAgent
    ArgsClass: ClassVar[type[ProviderArgs]] = InhouseArgs
    SIGNED_ENTRY: ClassVar[bool] = True
    PAYMENTS_LIVE_HERE: ClassVar[bool] = True

    def get_wrapper_js_path(self) -> Path:
        """Reads `worker_id` and `id`; goes back to the welcome page after a submission."""
        return WRAPPER_JS

    async def find_payment(self, idempotency_key: str, external: Mapping[str, str]) -> ProviderReceipt | None:
        """Every in-house payment that is in the ledger is settled."""
        return ProviderReceipt(external={"payment_id": idempotency_key})
