"""How values read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from app.viewmodels import formats

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0.12", "€ 0.12"),
        ("3", "€ 3.00"),
        ("0", "€ 0.00"),
        ("1234.5", "€ 1 234.50"),
        ("0.125", "€ 0.125"),
        ("-2", "€ -2.00"),
    ],
)
def test_money_shows_cents_and_what_the_amount_has_beyond_them(amount: str, text: str) -> None:
    assert formats.money(Decimal(amount)) == text.replace(" ", formats.SPACE)


def test_money_of_an_unknown_currency_is_written_with_its_code() -> None:
    assert formats.money(Decimal(1), "SEK") == f"SEK{formats.SPACE}1.00"
    assert formats.money(None) == formats.NOTHING


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (35, "0:35"),
        (727, "12:07"),
        (11049, "3:04:09"),
        (97200, "1 d 3 h"),
        (0, "0:00"),
        (0.42, "0.4 s"),
        (0.004, "0.1 s"),
        (0.99, "0.9 s"),
        (None, "–"),
        (-4, "–"),
    ],
)
def test_durations_read_as_a_clock_does(seconds: float | None, text: str) -> None:
    assert formats.duration(seconds) == text


def test_a_duration_may_be_a_timedelta() -> None:
    assert formats.duration(timedelta(minutes=2, seconds=16)) == "2:16"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "now"),
        (7, "7 s ago"),
        (300, "5 min ago"),
        (3 * 3600, "3 h ago"),
        (5 * 86400, "5 days ago"),
        (-300, "in 5 min"),
    ],
)
def test_moments_are_told_from_now(seconds: int, text: str) -> None:
    assert formats.ago(NOW - timedelta(seconds=seconds), NOW) == text


def test_a_moment_of_another_day_names_the_day() -> None:
    assert formats.clock_time(datetime(2001, 3, 12, 12, tzinfo=UTC)).startswith("12 Mar 2001")
    assert len(formats.clock_time(datetime.now(UTC))) == 5
    assert formats.clock_time(None) == formats.NOTHING


def test_percentages_keep_one_decimal_where_it_says_something() -> None:
    assert formats.percent(0.972) == "97.2 %"
    assert formats.percent(0.5) == "50 %"
    assert formats.percent(None) == formats.NOTHING


def test_counts_agree_with_their_noun() -> None:
    assert formats.count_of(1, "unit") == "1 unit"
    assert formats.count_of(2400, "unit") == f"2{formats.SPACE}400 units"
    assert formats.count_of(2, "entry", "entries") == "2 entries"
