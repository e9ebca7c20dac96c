"""What every part of a live run works with: its row, configuration, adapters, store, clock, and the journal."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

from app.blueprints.base import Blueprint
from app.blueprints.gate_args import GateArgs
from app.blueprints.gates import GoldRule, RunLimits, ScreeningRule, as_requirements
from app.blueprints.known_rows import KnownRow
from app.clock import Clock
from app.data.files import agent_folder, run_folder
from app.data.packets import ONBOARDING_PREFIX
from app.data.repo import journal
from app.data.repo.tasks import RunRow
from app.data.store import Store
from app.operations.configuration.config import RunConfig
from app.operations.engine.notices import Notice, NoticeListener
from app.providers.base import CrowdProvider, RunFacts
from app.settings import Settings


@dataclass(frozen=True)
class RunContext:
    """One run, as its parts see it."""

    run: RunRow
    config: RunConfig
    provider: CrowdProvider
    blueprint: Blueprint
    store: Store
    settings: Settings
    clock: Clock
    secret: str
    tell: NoticeListener
    known_rows: Mapping[str, Sequence[KnownRow]] = field(default_factory=dict)
    """The rows of screening and gold units, by kind."""

    @property
    def run_id(self) -> int:
        return self.run.task_run_id

    @property
    def pay(self) -> Decimal:
        """Pay for one unit."""
        return self.config.task.task_reward

    @property
    def cost(self) -> Decimal:
        """What one approved unit costs: pay and the provider's fee."""
        return self.pay + self.provider.fee(self.pay)

    @property
    def run_dir(self) -> Path:
        """The folder of the files that workers of this run upload."""
        return run_folder(self.settings.runs_dir, self.run.project_name, self.run_id)

    @property
    def upload_dir(self) -> Path:
        """Where the router streams uploads, before they belong to an agent."""
        return self.run_dir / "incoming"

    def agent_dir(self, assignment_id: int, agent_id: int) -> Path:
        """The folder of the files that one worker uploaded for one unit."""
        return agent_folder(self.settings.runs_dir, self.run.project_name, self.run_id, assignment_id, agent_id)

    def facts(self) -> RunFacts:
        """What the provider may know of the run."""
        task = self.config.task
        return RunFacts(
            task_run_id=str(self.run_id),
            task_name=task.task_name,
            task_title=task.task_title,
            task_description=task.task_description,
            pay_amount=self.pay,
            currency=self.run.currency,
            assignment_duration_in_seconds=task.assignment_duration_in_seconds,
            task_lifetime_in_seconds=task.task_lifetime_in_seconds,
        )

    def limits(self) -> RunLimits:
        """What the gates go by."""
        task, blueprint = self.config.task, self.config.blueprint
        return RunLimits(
            requirements=as_requirements(self.config.qualifications, blueprint.block_qualification),
            allowed_concurrent=task.allowed_concurrent,
            maximum_units_per_worker=task.maximum_units_per_worker,
            max_num_concurrent_units=task.max_num_concurrent_units,
            onboarding_qualification=blueprint.onboarding_qualification,
            screening=_screening_of(blueprint),
            gold=_gold_of(blueprint),
        )

    def notify(self, kind: str, message: str) -> None:
        """Tell whoever listens for notices."""
        self.tell(Notice(kind, self.run_id, message))

    async def record(self, kind: str, message: str, *, level: str = "info", **details: Any) -> None:
        """Write an event into the journal of the run."""
        now = self.clock.now()
        await self.store.write(journal.add_event, self.run_id, kind, level, message, details, "", now)

    def new_nonce(self) -> str:
        """16 random bytes, hexadecimal; with the run's secret they make a token."""
        return secrets.token_hex(16)

    def token_of(self, nonce: str, *, onboarding: bool = False) -> str:
        """The dispatch token of a nonce: the same again whenever it is asked for, also after a crash."""
        # a keyed copy, not hmac.digest: that lets go of the interpreter, and the writer's thread is always waiting
        keyed = self._keyed.copy()
        keyed.update(nonce.encode())
        token = base64.urlsafe_b64encode(keyed.digest()).decode().rstrip("=")
        return ONBOARDING_PREFIX + token if onboarding else token

    @cached_property
    def _keyed(self) -> hmac.HMAC:
        return hmac.new(self.secret.encode(), b"agent:", "sha256")


def _screening_of(args: GateArgs) -> ScreeningRule | None:
    if not args.use_screening_task:
        return None
    return ScreeningRule(args.passed_qualification_name, args.max_screening_units)


def _gold_of(args: GateArgs) -> GoldRule | None:
    if not args.use_golds:
        return None
    return GoldRule(
        args.gold_qualification_base,
        min_golds=args.min_golds,
        every=args.gold_every,
        max_incorrect=args.max_incorrect_golds,
        most_per_worker=args.max_golds_per_worker,
        most=args.max_gold_units,
    )


def hash_of(token: str) -> str:
    """How a token is kept."""
    return hashlib.sha256(token.encode()).hexdigest()
