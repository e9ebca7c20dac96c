"""Limits, buckets, and what counts as one address."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.architects.router.limits import Bucket, Limits, RateLimiter, address_key, is_loopback


def test_a_burst_is_let_through_and_then_the_rate() -> None:
    rates = RateLimiter(rate=2.0, burst=3)
    assert [rates.take("a", 0.0) for _ in range(3)] == [0, 0, 0]
    assert rates.take("a", 0.0) >= 1
    assert rates.take("b", 0.0) == 0
    assert rates.take("a", 0.6) == 0
    assert rates.take("a", 0.6) >= 1


@given(gaps=st.lists(st.floats(0, 5), min_size=1, max_size=60), rate=st.floats(0.5, 20), burst=st.integers(1, 20))
def test_never_more_than_the_burst_and_the_rate_allow(gaps: list[float], rate: float, burst: int) -> None:
    bucket, now, taken = Bucket(rate, burst, 0.0), 0.0, 0
    for gap in gaps:
        now += gap
        taken += bucket.take(now)
    assert taken <= burst + rate * now + 1e-6


def test_idle_keys_are_forgotten_and_the_number_of_keys_is_bounded() -> None:
    rates = RateLimiter(rate=1.0, burst=2, max_keys=2)
    for key in ("a", "b", "c"):
        rates.take(key, 0.0)
    assert len(rates) == 2
    rates.forget_idle(1.0)
    assert len(rates) == 2
    rates.forget_idle(2.5)
    assert len(rates) == 0


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("::1", "::1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("not:an:address", "not:an:address"),
    ],
)
def test_one_customer_of_a_network_counts_as_one_address(address: str, key: str) -> None:
    assert address_key(address) == key


def test_loopback_is_this_machine() -> None:
    assert [is_loopback(each) for each in ("127.0.0.1", "127.5.5.5", "::1", "10.0.0.1")] == [True, True, True, False]


def test_limits_are_set_by_name() -> None:
    limits = Limits.from_mapping({"frame_bytes": 5.0, "answer_seconds": 1})
    assert (limits.frame_bytes, limits.answer_seconds) == (5, 1.0)
    assert isinstance(limits.frame_bytes, int)


@pytest.mark.parametrize(
    ("values", "complaint"),
    [({"frames": 1}, 'no limit "frames"'), ({"frame_bytes": 0}, "above 0"), ({"frame_bytes": True}, "above 0")],
)
def test_a_wrong_limit_is_named(values: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Limits.from_mapping(values)
