"""Registration: many workers share one transaction, each has an answer of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from app.blueprints.gates import Refuse, refuse
from app.data.repo.core import clean_text
from app.operations.engine.admission import (
    Admission,
    Batch,
    Eligible,
    Given,
    Missed,
    Order,
    Outcome,
    Reply,
    admit,
    look_ahead,
    why_none,
)
from app.operations.engine.batches import Batches
from app.operations.engine.budget import Budget
from app.operations.engine.hooks import CAN_DO, Hooks
from app.operations.engine.run_context import RunContext, hash_of
from app.operations.engine.unit_choice import choose_unit

MOST_NAMES = 100_000
SEEN_EVERY = timedelta(minutes=1)
"""When a worker was last seen is known as closely as this."""
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class WorkerPool:
    """Gives out the units of one run."""

    def __init__(
        self,
        context: RunContext,
        budget: Budget,
        is_closed: Callable[[], Refuse | None],
        on_budget_met: Callable[[], None],
        hooks: Hooks,
    ) -> None:
        """`is_closed` is why nobody gets a new unit now, or None."""
        self._hooks = hooks
        self._on_budget_met = on_budget_met
        self._context = context
        self._budget = budget
        self._is_closed = is_closed
        # what a worker is given counts for their next request: it waits for the next transaction
        self.batches: Batches[Order, Reply] = Batches(self._admit, lambda order: order.worker_name)
        self._ids: dict[str, int] = {}
        self._seen: dict[str, datetime] = {}
        self._visitors: set[tuple[str, str]] = set()
        self.limits = context.limits()
        self.launch_finished = False
        worker_class = context.provider.WorkerClass
        self._asks_provider = _overrides(worker_class, "is_eligible") or _overrides(worker_class, "is_blocked")

    def closed(self) -> Refuse | None:
        """Why nobody gets a new unit now; None when workers may come."""
        return self._is_closed()

    @property
    def is_busy(self) -> bool:
        """Whether registrations wait for the writer."""
        return bool(self.batches)

    def make_order(
        self,
        worker_name: str,
        registration_id: str,
        visitor: str | None,
        external: Mapping[str, str],
        *,
        is_back: bool = False,
    ) -> Order:
        """An order with a nonce of its own."""
        nonce = self._context.new_nonce()
        token_hash = hash_of(self._context.token_of(nonce))
        return Order(
            clean_text(worker_name, 500).strip(),
            clean_text(registration_id, 500),
            visitor,
            nonce,
            token_hash,
            external,
            only=() if self._hooks.has(CAN_DO) else None,
            is_back=is_back,
        )

    async def register(self, order: Order) -> Outcome:
        """A unit for a worker, or why not. The same registration again has the same answer."""
        if self._asks_provider:
            objection = await self._ask_provider(order.worker_name)
            if objection is not None:
                return objection
        reply = await self.batches.ask(order)
        if isinstance(reply, Eligible):
            chosen = await choose_unit(self._context, self._hooks, order, reply.worker_id, self.batches.ask)
            return await self._context.store.read(why_none, self._admission()) if chosen is None else chosen
        assert not isinstance(reply, Missed), "nothing was chosen yet"
        return reply

    async def may_register(self, worker_name: str, visitor: str | None) -> Refuse | None:
        """Why this worker would be refused now; None when there is a unit for them. Takes nothing.

        Whoever reads that the budget is met does not ask for a unit any more: the run is paused from here too.
        """
        if self._asks_provider:
            objection = await self._ask_provider(worker_name)
            if objection is not None:
                return objection
        refusal = await self._context.store.read(look_ahead, self._admission(), worker_name, visitor)
        if refusal is not None and refusal.code == "budget" and not self._is_closed():
            self._on_budget_met()
        return refusal

    def forget(self) -> None:
        """Money moved elsewhere: count anew before the next unit is given."""
        self._budget.forget()

    async def _ask_provider(self, worker_name: str) -> Refuse | None:
        provider = self._context.provider
        worker = provider.WorkerClass(provider, worker_name)
        if await worker.is_blocked():
            return refuse("blocked")
        reason = await worker.is_eligible(self._context.facts())
        return None if reason is None else refuse("ineligible", reason=reason)

    def _admission(self) -> Admission:
        return Admission(
            self._context,
            self.limits,
            self._is_closed(),
            self.launch_finished,
            self._budget.question(),
            self._context.clock.now(),
        )

    async def _admit(self, orders: Sequence[Order]) -> Sequence[Reply]:
        for order in orders:
            order.worker_id = self._ids.get(order.worker_name)
            order.visitor_known = order.visitor is None or (order.worker_name, order.visitor) in self._visitors
        now = self._context.clock.now()
        unseen = frozenset(o.worker_name for o in orders if now - self._seen.get(o.worker_name, _LONG_AGO) > SEEN_EVERY)
        admission = replace(self._admission(), unseen=unseen)
        result = await self._context.store.write(admit, admission, orders)
        self._seen.update(dict.fromkeys(unseen, now))
        self._budget.gave(result.counted, result.given)
        self._learn(orders, result)
        if any(isinstance(outcome, Refuse) and outcome.code == "budget" for outcome in result.outcomes):
            self._on_budget_met()
        return result.outcomes

    def _learn(self, orders: Sequence[Order], result: Batch) -> None:
        if len(self._ids) > MOST_NAMES:
            self._ids.clear()
            self._seen.clear()
            self._visitors.clear()
        self._ids.update(result.worker_ids)
        for order, outcome in zip(orders, result.outcomes, strict=True):
            if order.visitor is not None and isinstance(outcome, Given):
                self._visitors.add((order.worker_name, order.visitor))


def _overrides(cls: type, name: str) -> bool:
    """Whether a provider's worker class has its own answer: those that have none are not asked."""
    return any(name in vars(base) for base in cls.__mro__ if not base.__module__.endswith("providers.base"))
