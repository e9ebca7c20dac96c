"""Agreement is computed as the textbook says."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.operations.agreement import (
    Answer,
    by_item,
    consensus,
    item_agreement,
    krippendorff_alpha,
    rater_agreement,
)

KRIPPENDORFF = """
A: * * * * * 3 4 1 2 1 1 3 3 * 3
B: 1 * 2 1 3 3 4 3 * * * * * * *
C: * * 2 1 3 4 4 * 2 1 1 3 3 * 4
"""
"""Krippendorff's own worked example (three coders, fifteen units, missing values)."""


def table(text: str) -> list[list[str]]:
    rows = [line.split(":")[1].split() for line in text.strip().splitlines()]
    return [[value for value in column if value != "*"] for column in zip(*rows, strict=True)]


def test_alpha_of_the_published_example_is_0_691() -> None:
    found = krippendorff_alpha(table(KRIPPENDORFF))
    assert found.alpha is not None
    assert found.alpha == pytest.approx(0.691, abs=0.0005)
    assert (found.items, found.values) == (12, 26)
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.alpha < found.high


def test_alpha_is_one_when_all_agree_and_values_vary() -> None:
    found = krippendorff_alpha([["a", "a"], ["b", "b"], ["a", "a", "a"]])
    assert found.alpha == pytest.approx(1)


def test_alpha_is_not_defined_without_comparisons_or_variation() -> None:
    assert krippendorff_alpha([]).alpha is None
    assert krippendorff_alpha([["a"], ["b"]]).alpha is None
    assert krippendorff_alpha([["a", "a"], ["a", "a"]]).alpha is None


def test_alpha_is_about_zero_when_two_raters_are_independent() -> None:
    assert krippendorff_alpha([[a, b] for a, b in itertools.product("xyz", repeat=2)] * 30).alpha == pytest.approx(
        0, abs=0.01
    )


@given(st.lists(st.lists(st.sampled_from("abc"), max_size=4), max_size=12), st.permutations("abc"))
def test_alpha_knows_no_names_and_no_order(items: list[list[str]], names: list[str]) -> None:
    renamed = [[names["abc".index(value)] for value in reversed(values)] for values in reversed(items)]
    one, two = krippendorff_alpha(items).alpha, krippendorff_alpha(renamed).alpha
    assert (one is None) == (two is None)
    if one is not None and two is not None:
        assert one == pytest.approx(two)
        assert one <= 1 + 1e-9


def test_alpha_of_a_hundred_thousand_items_has_an_interval() -> None:
    found = krippendorff_alpha([["a", "a"] if number % 3 else ["a", "b"] for number in range(100_000)])
    assert found.alpha is not None
    assert found.low is not None
    assert found.high is not None
    assert found.high - found.low < 0.02


def test_item_agreement_counts_pairs() -> None:
    assert item_agreement(["a"]) is None
    assert item_agreement(["a", "a", "b"]) == pytest.approx(1 / 3)
    assert item_agreement([("a",), ("a",)]) == 1


def test_a_rater_agrees_with_the_others_of_each_item() -> None:
    items = by_item([Answer(1, 1, "a"), Answer(1, 2, "a"), Answer(1, 3, "b"), Answer(2, 1, "a"), Answer(3, 9, "x")])
    assert rater_agreement(items) == {1: (0.5, 1), 2: (0.5, 1), 3: (0.0, 1)}


def test_consensus_needs_a_single_most_given_value() -> None:
    assert consensus(["a", "b"]) is None
    assert consensus(["a"]) is None
    assert consensus([]) is None
    assert consensus(["a", "b", "a"]) == "a"
