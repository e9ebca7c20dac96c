"""The hard budget of a run: how many more units may be given out before what is owed could pass it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal

from app.data.repo import dispatch, money
from app.data.states import UnitStatus
from app.data.store import Session

MARGIN = 500
"""With more room than this the last count is trusted; nearer to the budget each batch counts anew."""
UNLIMITED = 2**62


@dataclass(frozen=True, slots=True)
class BudgetQuestion:
    """What one transaction needs to know. `counted` is the room by the last count, None when it is void."""

    run_id: int
    budget: Decimal | None
    cost: Decimal
    counted: int | None


def room(session: Session, question: BudgetQuestion, wanted: int) -> int:
    """How many of `wanted` units may be given out (it may say more).

    What is owed: payments that are not cancelled, bonuses and fees, and pay and fee of every unit that is assigned or
    waits for review.
    """
    if question.budget is None or question.cost <= 0:
        return UNLIMITED
    if question.counted is not None and question.counted >= wanted + MARGIN:
        return question.counted
    spend = money.run_spend(session, question.run_id)
    open_units = dispatch.count_units(session, question.run_id, (UnitStatus.ASSIGNED, UnitStatus.COMPLETED))
    left = question.budget - spend.approved - spend.bonuses - spend.fees - open_units * question.cost
    return max(0, int((left / question.cost).to_integral_value(ROUND_FLOOR)))


class Budget:
    """The budget of one live run, with the last count of its room."""

    def __init__(self, run_id: int, budget: Decimal | None, cost: Decimal) -> None:
        self.run_id = run_id
        self.cost = cost
        self._budget = budget
        self._counted: int | None = None

    @property
    def amount(self) -> Decimal | None:
        """The budget; None: none."""
        return self._budget

    def set(self, budget: Decimal | None) -> None:
        """The requester changed it."""
        self._budget, self._counted = budget, None

    def forget(self) -> None:
        """Money moved (a bonus, a decision): the count is void."""
        self._counted = None

    def question(self) -> BudgetQuestion:
        """For a transaction."""
        return BudgetQuestion(self.run_id, self._budget, self.cost, self._counted)

    def gave(self, counted: int, units: int) -> None:
        """A transaction that counted `counted` gave out so many units."""
        self._counted = counted - units if counted < UNLIMITED else None
