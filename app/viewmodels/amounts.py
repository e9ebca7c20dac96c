"""Amounts of money as people type them."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Final

AMOUNT_HINT: Final = "An amount above zero with at most two decimals, such as 0.50."
_MOST = Decimal(1_000_000)


def read_amount(text: str) -> Decimal | None:
    """An amount above zero with at most two decimals, "0.50" or "0,50"; None for anything else."""
    try:
        amount = Decimal(text.strip().replace(",", "."))
    except InvalidOperation:
        return None
    exponent = amount.as_tuple().exponent
    if not amount.is_finite() or not 0 < amount <= _MOST or (isinstance(exponent, int) and exponent < -2):
        return None
    return amount
