"""Any form that is accepted can be shown, answered and handed in; any rubbish is a fault with its place."""

from __future__ import annotations

import copy
import json
from contextlib import suppress
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.blueprints.form.answers import check_answers
from app.blueprints.form.described import describe_answers, summarize_answers
from app.blueprints.form.made_answers import made_answers, made_files
from app.blueprints.form.model import FIELD_TYPES, Form
from app.blueprints.form.parse import look_over
from app.blueprints.form.tokens import TokenFault, fill_form, misplaced, tokens_of

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats() | st.text(max_size=8) | st.just("{{a}}"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
_names = st.sampled_from(["a", "b", "c", "d", "e", "f"])
_options = st.lists(st.sampled_from(["x", "y", "z", "", "1"]), min_size=1, max_size=4, unique=True).map(
    lambda values: [{"value": value, "label": f"Option {value}"} for value in values]
)
_rules = st.fixed_dictionaries(
    {},
    optional={
        "required": st.booleans(),
        "minLength": st.integers(0, 12),
        "maxLength": st.integers(0, 30),
        "min": st.integers(-20, 20) | st.floats(-5, 5).map(lambda number: round(number, 2)),
        "max": st.integers(-20, 60),
        "regexp": st.sampled_from(
            ["^[a-z]+$", "[0-9]{3}", ["^\\d+$", ""], "^(ab|cd){2,}$", "(?=.*x)", "\\bcat\\b", "@ex"]
        ),
        "fileExtension": st.just(["png", "pdf"]),
    },
)


def questions_of(field: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Tests that can be asked of a field."""
    name, kind = field["name"], field["type"]
    filled = st.booleans().map(lambda on: {"field": name, "filled": on})
    if kind in ("file", "ranking"):
        return filled
    if kind in ("number", "slider"):
        return filled | st.sampled_from(["is", "is_not", "at_least", "at_most"]).map(
            lambda word: {"field": name, word: 3}
        )
    wanted = field["options"][0]["value"] if "options" in field else "abc"
    if kind == "checkbox" or (kind == "select" and field["multiple"]):
        return filled | st.just({"field": name, "has": wanted})
    return filled | st.sampled_from(
        [{"field": name, "is": wanted}, {"field": name, "is_not": wanted}, {"field": name, "in": [wanted]}]
    )


def conditions(known: list[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Conditions that look at fields that are there; now and then at one that is not."""
    stray = st.just({"field": "nowhere", "filled": True})
    tests = st.one_of(*(questions_of(field) for field in known)) if known else stray
    return st.recursive(
        tests,
        lambda inner: (
            st.lists(inner, min_size=1, max_size=2).map(lambda parts: {"all": parts})
            | st.lists(inner, min_size=1, max_size=2).map(lambda parts: {"any": parts})
            | inner.map(lambda part: {"not": part})
        ),
        max_leaves=3,
    )


@st.composite
def fields(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(FIELD_TYPES))
    rules = draw(_rules)
    if kind == "date":
        rules = {key: value for key, value in rules.items() if key not in ("min", "max")}
        if draw(st.booleans()):
            rules["min"] = "2026-02-03"
    found: dict[str, Any] = {"name": draw(_names), "type": kind, "label": "A question", "validators": rules}
    if kind in ("select", "radio", "checkbox", "ranking"):
        found["options"] = draw(_options)
    if kind in ("select", "file"):
        found["multiple"] = draw(st.booleans())
    if kind in ("number", "slider") and draw(st.booleans()):
        found["step"] = draw(st.sampled_from([0.5, 1, 7]))
    return found


@st.composite
def forms(draw: st.DrawFn) -> dict[str, Any]:
    """Forms that are nearly right: many are accepted, the others are refused for one thing or another."""
    known: list[dict[str, Any]] = []
    taken: set[str] = set()

    def condition() -> dict[str, Any]:
        return {"show_if": draw(conditions(known))} if known and draw(st.integers(0, 3)) == 0 else {}

    def one_fieldset(name: str) -> dict[str, Any]:
        fieldset: dict[str, Any] = {"rows": [], "title": "<b>Part</b>", **condition()}
        is_repeated = draw(st.integers(0, 3)) == 0
        if is_repeated:
            fieldset |= {"name": name, "repeat": {"minimum": draw(st.integers(0, 2))}}
        before = len(known)
        for _ in range(draw(st.integers(1, 3))):
            row = {"fields": [], **condition()}
            field = draw(fields()) | condition()
            if field["name"] not in taken or draw(st.integers(0, 20)) == 0:
                taken.add(field["name"])
                known.append(field)
                row["fields"] = [field]
                fieldset["rows"].append(row)
        if is_repeated:
            del known[before:]
        return fieldset

    sections = [
        {
            "title": "Section",
            **condition(),
            "fieldsets": [one_fieldset(f"block {number} {place}") for place in range(draw(st.integers(1, 2)))],
        }
        for number in range(draw(st.integers(1, 2)))
    ]
    for section in sections:
        section["fieldsets"] = [fieldset for fieldset in section["fieldsets"] if fieldset["rows"]]
    return {"form": {"title": "A form", "sections": [section for section in sections if section["fieldsets"]]}}


def accepted(value: Any) -> Form | None:
    form, faults = look_over(value)
    assert (form is None) == bool(faults)
    assert all(fault.path and fault.message for fault in faults)
    return form


def uploads(form: Form, answers: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"field": wire, "original_name": name, "filename": name, "size": len(content)}
        for wire, name, content in made_files(form, answers)
    ]


@given(forms(), st.floats(0, 1, exclude_max=True), st.sampled_from([0.0, 0.5, 1.0]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
def test_any_form_that_is_accepted_can_be_answered(value: Any, draw: float, accuracy: float) -> None:
    form = accepted(value)
    if form is None:
        return
    answers = made_answers(form, {"row": 1}, accuracy, draw)
    assert json.loads(json.dumps(answers)) == answers
    files = uploads(form, answers)
    assert check_answers(form, answers, files) is None
    view = describe_answers(form, answers, files, {})
    assert (view.answer, view.labels) == summarize_answers(form, answers, files)
    assert "<script" not in view.html


@given(forms())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
def test_what_the_page_gets_is_the_same_form_again(value: Any) -> None:
    form = accepted(value)
    if form is not None:
        text = json.dumps(form.as_json(), sort_keys=True)
        again, faults = look_over(json.loads(text), custom_rules=True)
        assert again is not None, faults
        assert json.dumps(again.as_json(), sort_keys=True) == text


@given(forms(), st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
def test_a_form_with_a_hole_in_it_is_a_fault_and_no_traceback(value: Any, data: st.DataObject) -> None:
    value = copy.deepcopy(value)
    places = list(_places(value))
    holder, key = places[data.draw(st.integers(0, len(places) - 1))]
    holder[key] = data.draw(json_values)
    accepted(value)
    list(misplaced(value))
    with suppress(TokenFault):
        accepted(fill_form(value, {"a": 1}))
    tokens_of(value)


@given(json_values)
@settings(max_examples=60, deadline=None)
def test_rubbish_is_a_fault_and_no_traceback(value: Any) -> None:
    assert accepted(value) is None


@given(forms(), json_values | st.dictionaries(_names, json_values), st.lists(json_values, max_size=2))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
def test_hostile_answers_are_refused_or_taken_and_always_shown(value: Any, answers: Any, files: list[Any]) -> None:
    form = accepted(value)
    if form is None:
        return
    known = [file for file in files if isinstance(file, dict)]
    reason = check_answers(form, answers, known)
    assert reason is None or reason.strip()
    describe_answers(form, answers, known, {})


def _places(value: Any) -> Any:
    if isinstance(value, dict):
        for key, part in value.items():
            yield value, key
            yield from _places(part)
    elif isinstance(value, list):
        for place, part in enumerate(value):
            yield value, place
            yield from _places(part)
