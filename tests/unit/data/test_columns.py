"""Times and amounts come back from SQLite exactly as they were."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite

from app.data.tables.columns import Amount, UtcDateTime

DIALECT = sqlite.dialect()
amounts = st.decimals(min_value=0, max_value=10**15, places=6, allow_nan=False, allow_infinity=False)
times = st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(amounts)
def test_an_amount_comes_back_equal(amount: Decimal) -> None:
    stored = Amount().process_bind_param(amount, DIALECT)
    assert Amount().process_result_value(stored, DIALECT) == amount


def test_an_amount_is_plain_text_that_people_and_sum_understand() -> None:
    assert Amount().process_bind_param(Decimal("1E+2"), DIALECT) == "100"
    assert Amount().process_bind_param(Decimal("0.10"), DIALECT) == "0.10"


@pytest.mark.parametrize("wrong", [Decimal("NaN"), Decimal("Infinity"), 0.5])
def test_what_is_no_exact_amount_is_refused(wrong: Decimal) -> None:
    with pytest.raises(ValueError, match="finite Decimal"):
        Amount().process_bind_param(wrong, DIALECT)


@given(times)
def test_a_time_comes_back_to_the_millisecond(moment: datetime) -> None:
    stored = UtcDateTime().process_bind_param(moment, DIALECT)
    back = UtcDateTime().process_result_value(stored, DIALECT)
    assert back is not None
    assert timedelta(0) <= moment - back < timedelta(milliseconds=1)


@given(times, times)
def test_times_sort_as_texts(one: datetime, other: datetime) -> None:
    texts = [UtcDateTime().process_bind_param(moment, DIALECT) for moment in (one, other)]
    if abs(one - other) >= timedelta(milliseconds=1):
        assert (texts[0] < texts[1]) == (one < other)


def test_a_time_of_another_zone_is_kept_as_utc() -> None:
    moment = datetime(2026, 1, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    assert UtcDateTime().process_bind_param(moment, DIALECT) == "2025-12-31T23:30:00.000Z"


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        UtcDateTime().process_bind_param(datetime(2026, 1, 1), DIALECT)  # noqa: DTZ001
