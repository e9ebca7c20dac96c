"""Arguments: conversion, bounds, choices, unknown names."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.args import arg, check, convert, describe


@dataclass
class PaintArgs:
    """An example of every type."""

    title: str = arg("", help="What it is called.", required=True)
    coats: int = arg(2, help="How many.", minimum=1, maximum=5)
    price: Decimal = arg(Decimal("0.10"), help="Per wall.", minimum=0, kind="money")
    finish: str = arg("matt", help="How it shines.", choices=("matt", "gloss"))
    wet: bool = arg(False, help="Still wet.")
    colours: list[str] = arg(factory=list, help="Which.", kind="labels")
    port: int | None = arg(None, help="Optional number.")
    _kind: str = arg("paint", help="Begins with an underscore.")
    hidden: int = 3


def test_fields_without_arg_are_no_arguments() -> None:
    assert "hidden" not in [spec.name for spec in describe(PaintArgs)]


def test_label_is_made_of_the_name() -> None:
    assert {spec.name: spec.label for spec in describe(PaintArgs)}["_kind"] == "Kind"


def test_texts_become_the_types_of_the_fields() -> None:
    made, problems = check(
        PaintArgs, {"title": "Hall", "coats": "3", "price": "0.25", "wet": "yes", "colours": "red, blue", "port": ""}
    )
    assert problems == []
    assert made == PaintArgs("Hall", 3, Decimal("0.25"), "matt", True, ["red", "blue"], None)


@pytest.mark.parametrize(
    ("values", "name", "words"),
    [
        ({"title": "x", "coats": 9}, "coats", "at most 5"),
        ({"title": "x", "coats": 0}, "coats", "at least 1"),
        ({"title": "x", "coats": 1.5}, "coats", "whole number"),
        ({"title": "x", "coats": True}, "coats", "whole number"),
        ({"title": "x", "coats": None}, "coats", "needs a value"),
        ({"title": "x", "price": "NaN"}, "price", "an amount"),
        ({"title": "x", "price": "many"}, "price", "an amount"),
        ({"title": "x", "finish": "glossy"}, "finish", "one of matt, gloss"),
        ({"title": "x", "wet": "perhaps"}, "wet", "true or false"),
        ({"title": ["x"]}, "title", "a text"),
        ({"title": "x", "colours": 4}, "colours", "a list"),
        ({}, "title", "required"),
    ],
)
def test_wrong_value_is_said_in_words(values: dict[str, object], name: str, words: str) -> None:
    made, problems = check(PaintArgs, values)
    assert made is None
    assert [problem.name for problem in problems] == [name]
    assert words in problems[0].message


def test_unknown_name_suggests_the_nearest() -> None:
    _, problems = check(PaintArgs, {"title": "x", "colour": "red"})
    assert problems[0].nearest == "colours"
    assert 'Did you mean "colours"?' in problems[0].message


@given(
    st.dictionaries(st.text(max_size=8), st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists))
)
def test_rubbish_never_raises(values: dict[str, object]) -> None:
    made, problems = check(PaintArgs, values)
    assert (made is None) == bool(problems)


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=0, max_value=10**9))
def test_an_amount_survives_its_text(amount: Decimal) -> None:
    spec = next(spec for spec in describe(PaintArgs) if spec.name == "price")
    assert convert(spec, str(amount)) == amount
