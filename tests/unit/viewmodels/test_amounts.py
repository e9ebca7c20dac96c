"""Amounts as people type them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from app.viewmodels.amounts import read_amount


@pytest.mark.parametrize(
    ("text", "amount"),
    [("0.50", Decimal("0.50")), ("0,5", Decimal("0.5")), (" 2 ", Decimal(2)), ("12", Decimal(12)), ("0", None),
     ("-1", None), ("0.005", None), ("nan", None), ("1e9", None), ("", None), ("five", None)],
)  # fmt: skip
def test_an_amount_is_above_zero_with_two_decimals_at_most(text: str, amount: Decimal | None) -> None:
    assert read_amount(text) == amount
