"""A form while it is edited: its parts are put in, moved, doubled and taken out; properties and conditions as text."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.blueprints.form.model import FIELD_TYPES
from app.blueprints.form.parse import look_over
from app.blueprints.form.tokens import fill_form, sample_row
from app.errors import ConfigError
from app.viewmodels.form_document import KINDS, LISTS, FormDocument, new_form, new_node, path_text, title_of
from app.viewmodels.form_history import MAX_STEPS, FormHistory
from app.viewmodels.form_properties import (
    Property,
    answer_of,
    answer_text,
    condition_of,
    condition_rows,
    number_of,
    operators_for,
    options_of,
    options_text,
    pattern_text,
    properties_of,
)


def names(document: FormDocument) -> list[str]:
    return [document.node(path)["name"] for path in document.walk() if len(path) == 4]


@pytest.mark.parametrize("kind", FIELD_TYPES)
def test_a_new_part_of_any_kind_is_in_order(kind: str) -> None:
    document = FormDocument()
    path = document.add(kind, ())
    assert document.node(path)["type"] == kind
    assert look_over(document.value)[1] == []
    for other in FIELD_TYPES:
        document.set_type(path, other)
        assert look_over(document.value)[1] == [], other


def test_parts_go_behind_what_is_chosen() -> None:
    document = FormDocument()
    assert document.add("email", (0, 0, 0, 0)) == (0, 0, 0, 1)
    assert document.add("row", (0, 0, 0, 1)) == (0, 0, 1)
    assert document.add("date", (0, 0)) == (0, 0, 1, 1)
    assert document.add("section", (0, 0, 0, 0)) == (1,)
    assert document.add("fieldset", ()) == (1, 1)
    assert look_over(document.value)[1] == []
    assert len(names(document)) == len(set(names(document)))


def test_a_field_for_an_empty_form_brings_what_it_stands_in() -> None:
    document = FormDocument({"form": {"title": "T"}})
    assert document.add("input", ()) == (0, 0, 0, 0)
    assert look_over(document.value)[1] == []


def test_a_copy_has_names_of_its_own_and_its_conditions_follow() -> None:
    document = FormDocument()
    document.add("radio", (0, 0, 0, 0))
    path = document.add("input", (0, 0, 0, 1))
    document.node(path)["show_if"] = {"all": [{"field": "radio", "is": "first"}]}
    copied = document.duplicate((0,))
    assert names(document) == ["answer", "radio", "input", "answer_2", "radio_2", "input_2"]
    assert document.node((*copied, 0, 0, 2))["show_if"] == {"all": [{"field": "radio_2", "is": "first"}]}
    assert look_over(document.value)[1] == []


def test_moving_and_stepping() -> None:
    document = FormDocument()
    document.add("email", (0, 0, 0, 0))
    document.add("section", (0,))
    assert document.step((0, 0, 0, 0), down=True) == (0, 0, 0, 1)
    assert document.step((0, 0, 0, 1), down=True) == (1, 0, 0, 0)
    assert names(document) == ["email", "answer", "input"]
    assert document.step((0,), down=False) == (0,)
    assert document.step((), down=True) == ()
    assert document.move((1, 0, 0, 0), (0, 0, 0), 0) == (0, 0, 0, 0)
    assert document.can_hold((0, 0, 0), (1, 0, 0, 0))
    assert not document.can_hold((0, 0), (1, 0, 0, 0))
    assert not document.can_hold((0,), (0,))


def test_a_row_goes_with_its_last_field() -> None:
    document = FormDocument()
    document.add("row", (0, 0, 0))
    assert document.remove((0, 0, 1, 0)) == (0, 0, 0)
    document.add("row", (0, 0, 0))
    assert document.move((0, 0, 0, 0), (0, 0, 1), 0) == (0, 0, 0, 0)
    assert len(document.children((0, 0))) == 1


@given(st.lists(st.tuples(st.sampled_from(["add", "remove", "double", "up", "down", "move"]), st.integers(0, 99),
                          st.integers(0, 99)), max_size=25))  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_whatever_is_done_no_field_is_lost_or_named_twice(steps: list[tuple[str, int, int]]) -> None:
    document = FormDocument()
    for what, first, second in steps:
        paths = list(document.walk())
        path, other = paths[first % len(paths)], paths[second % len(paths)]
        before = sorted(names(document))
        if what == "add":
            document.add([*KINDS[1:4], *FIELD_TYPES][second % 16], path)
        elif path and what == "remove":
            document.remove(path)
        elif path and what == "double" and len(paths) < 60:
            document.duplicate(path)
        elif what in ("up", "down"):
            document.step(path, down=what == "down")
        elif document.can_hold(other, path):
            document.move(path, other, second % (len(document.children(other)) + 1))
        if what in ("up", "down", "move"):
            assert sorted(names(document)) == before
        assert len(names(document)) == len(set(names(document)))
        for each in document.walk():
            assert document.path_of(path_text(each) + ".title") == each
            assert title_of(document.node(each), KINDS[len(each)])
    json.dumps(document.value)


@pytest.mark.parametrize("value", [[], "x", {"form": []}, {"form": {"sections": {}}}, {"form": {"sections": [1]}}])
def test_what_has_no_shape_of_a_form_cannot_be_edited(value: Any) -> None:
    with pytest.raises(ConfigError, match="Mend it in a text editor first"):
        FormDocument(value)


def test_opening_changes_nothing_in_the_value_given() -> None:
    value = {"form": {"title": "T", "sections": []}}
    before = copy.deepcopy(value)
    FormDocument(value).add("input", ())
    assert value == before


def test_every_property_reads_what_it_wrote() -> None:
    for kind in ("form", "section", "fieldset", "row"):
        node: dict[str, Any] = new_form()["form"] if kind == "form" else new_node(kind)
        _round_trip(properties_of(kind, node), node)
    for kind in FIELD_TYPES:
        _round_trip(properties_of("field", {"type": kind, "multiple": True}), new_node(kind))


def _round_trip(lines: list[Property], node: dict[str, Any]) -> None:
    assert len({line.key for line in lines}) == len(lines)
    for line in lines:
        before = copy.deepcopy(node)
        line.write(node, "something")
        assert line.read(node) == "something"
        line.write(node, line.default)
        assert line.read(node) == line.default
        assert all(node[key] == before[key] for key in node if key.split(".")[0] != line.key.split(".")[0])


def test_a_rule_that_says_nothing_is_taken_out() -> None:
    node = new_node("input")
    required = next(line for line in properties_of("field", node) if line.key == "validators.required")
    required.write(node, True)
    assert node["validators"] == {"required": True}
    required.write(node, False)
    assert "validators" not in node


def test_texts_of_options_patterns_answers_and_numbers() -> None:
    options = [{"value": "a", "label": "Apple", "checked": True}, {"value": "b", "label": "b"}]
    assert options_text(options) == "a | Apple\nb"
    assert options_of("a | Pear\n\nc", options) == [
        {"value": "a", "label": "Pear", "checked": True}, {"value": "c", "label": "c"}
    ]  # fmt: skip
    assert pattern_text(["^a$", "i"]) == ("^a$", "i")
    assert pattern_text("^a$") == ("^a$", "igm")
    assert (number_of("3"), number_of("1,5"), number_of("x")) == (3, 1.5, "x")
    assert answer_text({"a": True, "b": False}) == "a"
    assert answer_of("a, b", {"type": "checkbox"}) == ["a", "b"]
    assert answer_of("4", {"type": "slider"}) == 4


@pytest.mark.parametrize(
    ("condition", "word", "rows"),
    [
        (None, "all", []),
        ({"field": "a", "is": "x"}, "all", [("a", "is", "x")]),
        ({"field": "n", "at_least": 3}, "all", [("n", "at_least", "3")]),
        ({"field": "a", "filled": False}, "all", [("a", "filled", "no")]),
        ({"any": [{"field": "a", "in": ["x", "y"]}, {"field": "n", "is": 1}]}, "any",
         [("a", "in", "x, y"), ("n", "is", "1")]),
        ({"all": [{"field": "a", "is": "x"}, {"field": "a", "is_not": "y"}]}, "all",
         [("a", "is", "x"), ("a", "is_not", "y")]),
    ],
)  # fmt: skip
def test_conditions_are_tests_and_back(condition: Any, word: str, rows: list[Any]) -> None:
    assert condition_rows(condition) == (word, rows)
    assert condition_of(word, rows, {"a": "input", "n": "number"}) == condition


@pytest.mark.parametrize("condition", [{"not": {"field": "a", "is": 1}}, {"all": [{"any": []}]}, 3, {"field": "a"}])
def test_a_condition_that_is_more_stays_json(condition: Any) -> None:
    assert condition_rows(condition) is None


def test_what_can_be_asked_is_what_the_reader_takes() -> None:
    for kind in FIELD_TYPES:
        for operator in operators_for(kind, multiple=False):
            first = {**new_node(kind), "name": "a"}
            wanted: Any = "first" if "options" in first else 1 if kind in ("number", "slider") else "2026-01-01"
            wanted = True if operator == "filled" else [wanted] if operator == "in" else wanted
            second = {**new_node("input"), "name": "b", "show_if": {"field": "a", operator: wanted}}
            value = {"title": "T", "sections": [{"fieldsets": [{"rows": [{"fields": [first, second]}]}]}]}
            assert look_over(value)[1] == [], (kind, operator)


def test_history_goes_back_and_forth() -> None:
    history = FormHistory()
    history.remember({"n": 0}, (0,), "title")
    history.remember({"n": 1}, (0,), "title")
    history.remember({"n": 2}, (1,))
    assert history.go({"n": 3}, back=True) == ({"n": 2}, (1,))
    assert history.go({"n": 2}, back=True) == ({"n": 0}, (0,))
    assert history.go({"n": 0}, back=True) is None
    assert history.go({"n": 0}, back=False) == ({"n": 2}, (0,))
    history.remember({"n": 9}, ())
    assert history.go({"n": 9}, back=False) is None
    for number in range(2 * MAX_STEPS):
        history.remember({"n": number}, ())
    assert len(history.back) == MAX_STEPS


def test_a_sample_row_fills_every_token() -> None:
    document = FormDocument()
    document.form["instruction"] = "{{shop}} {{person.name}}"
    fieldset = document.node((0, 0))
    fieldset["for_each"], fieldset["title"] = "things", "{{number}} {{item.text}} {{item.deep.er}}"
    row = sample_row(document.value)
    assert look_over(fill_form(document.value, row))[1] == []
    assert fieldset["for_each"] in row
    assert LISTS[3] == "fields"
