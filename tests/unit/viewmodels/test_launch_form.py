"""The launch form as data."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.args import arg
from app.viewmodels.launch_form import (
    Editor,
    FormValues,
    field_specs,
    make_requirement,
    parts_of,
    requirement_text,
    span_seconds,
    span_text,
)


@dataclass
class _Args:
    _blueprint_type: str = arg("sort", help="The kind.")
    title: str = arg("", help="The title.", required=True)
    reward: Decimal = arg(Decimal("0.10"), help="Pay.", kind="money")
    duration_in_seconds: int = arg(1800, help="Time.")
    boxes: str = arg("optional", help="Boxes.", choices=("optional", "never"))
    sure: bool = arg(False, help="Sure?")
    labels: list[str] = arg(factory=list, help="Labels.", kind="labels")
    extra: dict[str, Any] = arg(factory=dict, help="More.", group="advanced")
    most: int | None = arg(None, help="At most.")
    folder: str = arg("", help="Where.", kind="folder")


def test_every_type_and_kind_of_argument_has_its_editor() -> None:
    editors = {spec.name: spec.editor for spec in field_specs("blueprint", _Args)}
    assert editors == {
        "title": Editor.TEXT,
        "reward": Editor.MONEY,
        "duration_in_seconds": Editor.SECONDS,
        "boxes": Editor.CHOICE,
        "sure": Editor.FLAG,
        "labels": Editor.LABELS,
        "extra": Editor.MAPPING,
        "most": Editor.NUMBER,
        "folder": Editor.FOLDER,
    }


def test_a_label_does_not_repeat_the_unit() -> None:
    specs = {spec.name: spec for spec in field_specs("task", _Args)}
    assert specs["duration_in_seconds"].label == "Duration"
    assert specs["boxes"].choices == (("optional", "Optional"), ("never", "Never"))
    assert specs["most"].optional


def test_only_what_differs_from_the_defaults_is_said() -> None:
    specs = field_specs("blueprint", _Args)
    values = FormValues("sort", "inhouse", "local", Path("/tmp"))
    values.put("blueprint.title", "Cats")
    values.put("blueprint.reward", "0.10")
    values.put("blueprint.duration_in_seconds", "1800")
    values.put("blueprint.labels", [])
    values.put("blueprint.most", "")
    values.put("blueprint.gone", "a field of another kind")
    assert values.mapping(specs)["blueprint"] == {"_blueprint_type": "sort", "title": "Cats", "most": None}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30 min", 1800), ("1 h 30 min", 5400), ("1h30m", 5400), ("90", 90), ("2 days", 172_800), ("0.5 h", 1800),
     ("", None), ("soon", None), ("3 apples", None), ("-5", None)],
)  # fmt: skip
def test_a_span_is_read_as_people_write_it(text: str, seconds: int | None) -> None:
    assert span_seconds(text) == seconds


@given(st.integers(min_value=0, max_value=10**8))
def test_a_span_written_is_the_span_read(seconds: int) -> None:
    assert span_seconds(span_text(seconds)) == seconds


def test_requirements_read_as_a_sentence() -> None:
    assert requirement_text(make_requirement(" reader ", ">=", "1")) == "reader ≥ 1"
    assert requirement_text(make_requirement("reader", "Exists", "")) == "reader is held"
    assert requirement_text(make_requirement("reader", "In", "1, 2")) == "reader is one of 1, 2"


@pytest.mark.parametrize(("name", "comparator", "value"), [("", ">=", "1"), ("q", ">=", ""), ("q", "In", "1,x")])
def test_a_requirement_that_cannot_be_is_refused_in_words(name: str, comparator: str, value: str) -> None:
    with pytest.raises(ValueError, match=r"^[A-Z].*\.$"):
        make_requirement(name, comparator, value)


@pytest.mark.parametrize(
    ("value", "parts"),
    [(None, []), ("", []), ("cat, dog", ["cat", "dog"]), (["cat", 5], ["cat", "5"]), (7, ["7"]), (("a",), ["a"])],
)
def test_a_list_is_read_from_whatever_a_file_holds(value: Any, parts: list[str]) -> None:
    assert parts_of(value) == parts
