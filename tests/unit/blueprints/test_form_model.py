"""Reading a form, what is wrong with it and where; its conditions, tokens, HTML and answers."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.blueprints.form.answers import check_answers, is_right
from app.blueprints.form.described import describe_answers
from app.blueprints.form.faults import FormError
from app.blueprints.form.html_text import clean_html, plain_text, sources
from app.blueprints.form.model import Form
from app.blueprints.form.parse import look_over, parse_form
from app.blueprints.form.tokens import TokenFault, fill_form, misplaced, tokens_of


def form_of(*fields: dict[str, Any], **fieldset: Any) -> dict[str, Any]:
    rows = [{"fields": [{"label": "Q", **field}]} for field in fields]
    return {"form": {"title": "T", "sections": [{"title": "S", "fieldsets": [{"rows": rows, **fieldset}]}]}}


def parsed(*fields: dict[str, Any], **fieldset: Any) -> Form:
    return parse_form(form_of(*fields, **fieldset))


def faults_of(value: Any) -> list[str]:
    return [str(fault) for fault in look_over(value)[1]]


YES_NO = [{"value": "y", "label": "Yes"}, {"value": "n", "label": "No"}]
FIRST = "form.sections[0].fieldsets[0].rows[0].fields[0]"


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ({"name": "a", "type": "inputt"}, f'{FIRST}.type: There is no type of field "inputt". Did you mean "input"?'),
        ({"type": "input"}, f"{FIRST}.name: is required: answers are kept under it."),
        ({"name": "a", "type": "input", "lable": "x"}, f'{FIRST}: There is no "lable" here. Did you mean "label"?'),
        ({"name": "a", "type": "radio"}, f"{FIRST}.options: is required: a list."),
        ({"name": "a", "type": "radio", "options": []}, f"{FIRST}.options: must not be empty."),
        ({"name": "a", "type": "radio", "options": [YES_NO[0]] * 2}, '"y" is the value of two options'),
        ({"name": "a", "type": "input", "validators": {"requird": True}}, 'Did you mean "required"?'),
        ({"name": "a", "type": "input", "validators": {"required": "yes"}}, "required: must be true or false"),
        ({"name": "a", "type": "input", "validators": {"regexp": "("}}, "validators.regexp: is no regular expression"),
        ({"name": "a", "type": "input", "validators": {"minLength": 5, "maxLength": 2}}, "is less than minLength, 5."),
        ({"name": "a", "type": "number", "validators": {"min": 5, "max": 2}}, "is less than min, 5."),
        ({"name": "a", "type": "date", "validators": {"min": "2026-02-30"}}, "must be a date like 2026-01-31"),
        ({"name": "a", "type": "file", "validators": {"fileExtension": ["../x"]}}, "must hold endings"),
        ({"name": "a", "type": "radio", "options": YES_NO, "value": "maybe"}, f"{FIRST}.value: is no answer"),
        ({"name": "__proto__", "type": "input"}, "is a word of the browser"),
        ({"name": "{{a}}", "type": "input"}, "a name is the same for every row"),
        (
            {"name": "a", "type": "input", "validators": {"regexp": "^[0-9]+$", "minLength": 3, "required": True,
                                                          "maxLength": 2}},
            "is less than minLength",
        ),
        (
            {"name": "a", "type": "email", "validators": {"maxLength": 2, "required": True}},
            "No answer was found that fits all of these at once.",
        ),
        (
            {"name": "a", "type": "checkbox", "options": YES_NO, "validators": {"minLength": 3, "required": True}},
            "No answer was found",
        ),
        ({"name": "a", "type": "input", "show_if": {"field": "b", "is": "x"}}, 'No field "b" stands before this.'),
    ],
)  # fmt: skip
def test_a_fault_names_its_place(field: dict[str, Any], said: str) -> None:
    assert any(said in fault for fault in faults_of(form_of({"label": "Q", **field}))), faults_of(form_of(field))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([], "form: must be an object"),
        ({"form": 3}, "form: must be an object {...}; it is the number 3."),
        ({"form": {}}, "form.title: is required."),
        ({"form": {"title": "T", "sections": "x"}}, 'form.sections: must be a list; it is the text "x".'),
        ({"form": {"title": "T", "sections": [3]}}, "form.sections[0]: must be an object"),
        ({"form": {"title": "T", "sections": [{"fieldsets": []}]}}, "form.sections[0].fieldsets: must not be empty."),
        ({"form": {"title": "\ud800"}}, "no Unicode text"),
    ],
)
def test_a_form_that_is_none_says_so(value: Any, said: str) -> None:
    assert any(said in fault for fault in faults_of(value)), faults_of(value)


def test_the_error_holds_every_fault() -> None:
    with pytest.raises(FormError, match="There is 1 more fault") as told:
        parse_form(
            form_of({"type": "input"}, {"name": "b", "type": "nothing"}), key="blueprint.form_file", file="f.json"
        )
    assert len(told.value.faults) == 2
    assert told.value.key == "blueprint.form_file"
    assert str(told.value).startswith("f.json: form.sections[0]")


def test_two_fields_of_one_name_are_a_fault() -> None:
    found = faults_of(form_of({"name": "a", "type": "input"}, {"name": "a", "type": "input"}))
    assert found == ['form.sections[0].fieldsets[0].rows[1].fields[0].name: "a" is taken by ' + FIRST + "."]


def test_a_form_without_its_wrapper_is_taken_too() -> None:
    assert parse_form(form_of({"name": "a", "type": "input"})["form"]).fields[0].name == "a"


# --- conditions


def test_what_is_hidden_is_neither_asked_for_nor_taken() -> None:
    form = parsed(
        {"name": "has", "type": "radio", "options": YES_NO, "validators": {"required": True}},
        {"name": "what", "type": "input", "validators": {"required": True}, "show_if": {"field": "has", "is": "y"}},
    )
    assert check_answers(form, {"has": "n"}, ()) is None
    assert "Please answer this" in str(check_answers(form, {"has": "y"}, ()))
    assert check_answers(form, {"has": "y", "what": "tea"}, ()) is None
    assert 'no field "what"' in str(check_answers(form, {"has": "n", "what": "tea"}, ()))


def test_an_answer_in_a_hidden_part_hides_what_needs_it() -> None:
    form = parsed(
        {"name": "a", "type": "radio", "options": YES_NO},
        {"name": "b", "type": "radio", "options": YES_NO, "show_if": {"field": "a", "is": "y"}},
        {"name": "c", "type": "input", "validators": {"required": True}, "show_if": {"field": "b", "is": "y"}},
    )
    assert check_answers(form, {"a": "n"}, ()) is None
    assert "Q: Please answer" in str(check_answers(form, {"a": "y", "b": "y"}, ()))


@pytest.mark.parametrize(
    ("condition", "answers", "shown"),
    [
        ({"field": "n", "at_least": 3}, {"n": 3}, True),
        ({"field": "n", "at_most": 2}, {"n": 3}, False),
        ({"field": "n", "at_least": 3}, {}, False),
        ({"field": "c", "has": "y"}, {"c": {"y": True, "n": False}}, True),
        ({"field": "c", "has": "y"}, {"c": {"y": False, "n": True}}, False),
        ({"field": "c", "filled": False}, {"c": {"y": False}}, True),
        ({"field": "t", "in": ["a", "b"]}, {"t": "b"}, True),
        ({"field": "t", "is_not": "a"}, {}, True),
        ({"field": "f", "filled": True}, {}, False),
        ({"not": {"field": "t", "is": "a"}}, {"t": "a"}, False),
        ({"all": [{"field": "t", "is": "a"}, {"field": "n", "is": 1}]}, {"t": "a", "n": 1}, True),
        ({"any": [{"field": "t", "is": "a"}, {"field": "n", "is": 1}]}, {"n": 1}, True),
    ],
)
def test_conditions(condition: dict[str, Any], answers: dict[str, Any], shown: bool) -> None:
    form = parsed(
        {"name": "n", "type": "number"},
        {"name": "c", "type": "checkbox", "options": YES_NO},
        {"name": "t", "type": "input"},
        {"name": "f", "type": "file"},
        {"name": "last", "type": "input", "validators": {"required": True}, "show_if": condition},
    )
    assert (check_answers(form, answers, ()) is not None) is shown


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ({"field": "c", "is": "y"}, 'cannot be asked of "c"'),
        ({"field": "n", "is": "x"}, "must be a number"),
        ({"field": "c", "has": "z"}, '"z" is no option of "c"'),
        ({"field": "last", "is": "x"}, 'No field "last" stands before this'),
        ({"field": "n"}, "needs just one of"),
        ({"field": "n", "is": 1, "is_not": 2}, "needs just one of"),
        ({"all": []}, "must not be empty"),
        ({"field": "n", "filled": "yes"}, "must be true or false"),
    ],
)
def test_a_condition_that_cannot_be_asked_is_a_fault(condition: dict[str, Any], said: str) -> None:
    found = faults_of(
        form_of(
            {"name": "n", "type": "number"},
            {"name": "c", "type": "checkbox", "options": YES_NO},
            {"name": "last", "type": "input", "show_if": condition},
        )
    )
    assert any(said in fault for fault in found), found


# --- answers


@pytest.mark.parametrize(
    ("field", "right", "wrong"),
    [
        ({"type": "input", "validators": {"required": True}}, "x", " \t"),
        ({"type": "input", "validators": {"minLength": 2, "maxLength": 3}}, "ab", "abcd"),
        ({"type": "input", "validators": {"maxLength": 2}}, "😀😀", "abc"),
        ({"type": "input", "validators": {"regexp": "^[a-z]+$"}}, "ABC", "1"),
        ({"type": "input", "validators": {"regexp": ["^[a-z]+$", ""]}}, "abc", "ABC"),
        ({"type": "input"}, "", 3),
        ({"type": "email"}, "a@b.org", "a.b.org"),
        ({"type": "number", "validators": {"min": 1, "max": 5}}, 5, 6),
        ({"type": "number"}, 1.5, "1.5"),
        ({"type": "number"}, -3, True),
        ({"type": "date", "validators": {"min": "2026-01-01"}}, "2026-01-01", "2025-12-31"),
        ({"type": "date"}, "2024-02-29", "2025-02-29"),
        ({"type": "slider", "validators": {"required": True}}, 0, None),
        ({"type": "slider"}, 100, 101),
        ({"type": "radio", "options": YES_NO}, "y", "z"),
        ({"type": "select", "options": YES_NO, "multiple": True}, ["y", "n"], ["y", "y"]),
        ({"type": "select", "options": YES_NO}, "y", ["y"]),
        (
            {"type": "checkbox", "options": YES_NO, "validators": {"required": True}},
            {"y": True, "n": False},
            {"y": False},
        ),
        ({"type": "checkbox", "options": YES_NO, "validators": {"maxLength": 1}}, {"y": True}, {"y": True, "n": True}),
        ({"type": "checkbox", "options": YES_NO}, {}, {"z": False}),
        ({"type": "checkbox", "options": YES_NO}, {"y": True}, {"y": 1}),
        ({"type": "ranking", "options": YES_NO}, ["n", "y"], ["n"]),
        ({"type": "ranking", "options": YES_NO, "validators": {"required": True}}, ["y", "n"], []),
    ],
)
def test_each_type_takes_its_answers_and_no_others(field: dict[str, Any], right: Any, wrong: Any) -> None:
    form = parsed({"name": "a", **field})
    assert check_answers(form, {"a": right}, ()) is None
    assert check_answers(form, {"a": wrong}, ()) is not None


def test_files_come_in_fields_that_take_them() -> None:
    form = parsed({"name": "f", "type": "file", "validators": {"required": True, "fileExtension": [".PNG", "jpg"]}})
    file = {"field": "f", "original_name": "Cat.PNG"}
    assert check_answers(form, {}, [file]) is None
    assert "choose a file" in str(check_answers(form, {}, ()))
    assert "one file" in str(check_answers(form, {}, [file, file]))
    assert "ends in png or jpg" in str(check_answers(form, {}, [{**file, "original_name": "cat.exe"}]))
    assert "takes no file" in str(check_answers(form, {}, [file, {**file, "field": "g"}]))


def test_a_block_is_filled_in_as_often_as_it_says() -> None:
    form = parsed(
        {"name": "who", "type": "input", "validators": {"required": True}},
        {"name": "photo", "type": "file", "show_if": {"field": "who", "is": "me"}},
        name="people",
        repeat={"minimum": 1, "maximum": 2, "label": "Person"},
    )
    assert check_answers(form, {"people": [{"who": "a"}, {"who": "b"}]}, ()) is None
    assert "fill in 1 to 2; there are 0" in str(check_answers(form, {}, ()))
    assert "there are 3" in str(check_answers(form, {"people": [{"who": "a"}] * 3}, ()))
    assert "Person 2, Q: Please answer" in str(check_answers(form, {"people": [{"who": "a"}, {}]}, ()))
    assert "as a list" in str(check_answers(form, {"people": {"who": "a"}}, ()))
    assert 'no field "x"' in str(check_answers(form, {"people": [{"who": "a", "x": 1}]}, ()))
    file = {"field": "people.1.photo", "original_name": "a.png"}
    assert check_answers(form, {"people": [{"who": "a"}, {"who": "me"}]}, [file]) is None
    assert "takes no file" in str(check_answers(form, {"people": [{"who": "me"}, {"who": "a"}]}, [file]))


def test_a_hidden_value_stays_what_it_is() -> None:
    form = parsed({"name": "a", "type": "input"}, {"name": "h", "type": "hidden", "value": "v1"})
    assert check_answers(form, {"a": "x", "h": "v1"}, ()) is None
    assert "was changed" in str(check_answers(form, {"a": "x", "h": "v2"}, ()))


def test_right_answers_pass_and_others_do_not() -> None:
    form = parsed(
        {"name": "a", "type": "input", "correct": "Blue"},
        {"name": "b", "type": "checkbox", "options": YES_NO, "correct": ["y"]},
        {"name": "c", "type": "input"},
    )
    assert is_right(form, {"a": " blue ", "b": {"y": True, "n": False}})
    assert not is_right(form, {"a": "red", "b": {"y": True}})
    assert not is_right(form, {"a": "blue", "b": {"y": True, "n": True}})
    assert not is_right(form, "blue")
    assert "correct" not in json.dumps(form.as_json())


# --- tokens


def test_tokens_are_filled_where_they_may_stand() -> None:
    value = form_of({"name": "a", "type": "input", "label": "About {{ who }}", "help": "{{n}} {{person.name}}"})
    assert tokens_of(value) == ["who", "n", "person.name"]
    made = parse_form(fill_form(value, {"who": "Ada", "n": 3, "person": {"name": "B"}}))
    assert (made.fields[0].label, made.fields[0].help) == ("About Ada", "3 B")
    assert "{{ who }}" in json.dumps(value)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({}, "{{who}} has no value in this row"),
        ({"who": ["a"]}, "is a list or an object"),
        ({"who": {"a": 1}}, "is a list or an object"),
        ({"who": "x" * 600_000}, "is longer than"),
    ],
)
def test_a_token_without_a_value_is_told(row: dict[str, Any], said: str) -> None:
    with pytest.raises(TokenFault, match=re.escape(said)) as told:
        fill_form(form_of({"name": "a", "type": "input", "label": "{{who}}"}), row)
    assert told.value.fault.path == f"{FIRST}.label"


def test_a_signed_address_is_refused_with_a_reason() -> None:
    value = form_of({"name": "a", "type": "input", "help": '{{getPresignedUrl("https://example.org/a.png")}}'})
    with pytest.raises(TokenFault, match="give an address that anybody can open"):
        fill_form(value, {})


def test_tokens_in_other_places_are_a_fault() -> None:
    found = list(misplaced(form_of({"name": "a{{x}}", "type": "input"})))
    assert [fault.path for fault in found] == [f"{FIRST}.name"]


def test_a_block_is_made_for_each_entry_of_the_data() -> None:
    value = form_of(
        {"name": "good", "type": "radio", "options": YES_NO, "label": "{{number}}: {{item.text}} of {{shop}}"},
        {"name": "why", "type": "input", "show_if": {"field": "good", "is": "n"}},
        for_each="things",
    )
    assert tokens_of(value) == ["things", "shop"]
    form = parse_form(fill_form(value, {"things": '[{"text": "A"}, {"text": "B"}]', "shop": "S"}))
    assert [field.name for field in form.fields] == ["good_1", "why_1", "good_2", "why_2"]
    assert [field.label for field in form.fields][::2] == ["1: A of S", "2: B of S"]
    assert check_answers(form, {"good_1": "y", "good_2": "n", "why_2": "x"}, ()) is None
    with pytest.raises(TokenFault, match="is no list"):
        fill_form(value, {"things": "x", "shop": "S"})


# --- HTML


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("plain & simple\nnext", "plain &amp; simple<br>next"),
        ("<b>bold</b>", "<b>bold</b>"),
        ("<b>open", "<b>open</b>"),
        ("<script>alert(1)</script>x", "x"),
        ("<img src=x onerror=alert(1)>", '<img src="x" alt="">'),
        ('<img src="javascript:alert(1)">', '<img alt="">'),
        ('<a href="java\tscript:alert(1)">x</a>', "<a>x</a>"),
        ('<a href="https://e.org/?a=1&amp;b">x</a>',
         '<a href="https://e.org/?a=1&amp;b" target="_blank" rel="noopener noreferrer">x</a>'),
        ('<p style="position:fixed" class="cd-foot">x</p>', "<p>x</p>"),
        ("<iframe src=//e.org></iframe>x", "x"),
        ("<svg><script>1</script></svg>x", "x"),
        ("<form><input name=a><button>b</button></form>", "b"),
        ("1 <2 and x<y>z", "1 &lt;2 and x&lt;y&gt;z"),
        ("<!-- no --><b>a</b>", "<b>a</b>"),
        ('<img src="//e.org/x.png">', '<img alt="">'),
    ],
)  # fmt: skip
def test_html_keeps_what_formats_and_loses_what_acts(text: str, clean: str) -> None:
    assert clean_html(text) == clean


_ODD = ["<", ">", "</", "b", "img", "script", " src=", " onload=", "javascript:", '"', "&lt;", "&", "<!--", "svg", "\n"]


@given(st.lists(st.sampled_from(_ODD), max_size=14).map("".join))
@settings(max_examples=300, deadline=None)
def test_cleaning_again_changes_nothing_and_nothing_acts(text: str) -> None:
    clean = clean_html(text)
    assert clean_html(clean) == clean
    assert not re.search(r"<(script|svg|iframe)|<[^>]*\son\w+=|<[^>]*javascript:", clean, re.IGNORECASE)


def test_the_pictures_and_words_of_a_text() -> None:
    text = '<p>A <b>cat</b></p><img src="https://e.org/c.png"><img src="c.png">'
    assert plain_text(text) == "A cat"
    assert sources(text) == (["https://e.org/c.png", "c.png"], [])
    assert sources('<video><source src="https://e.org/v.mp4"></video>') == ([], ["https://e.org/v.mp4"])


# --- review


def test_the_review_shows_the_form_as_it_was_filled_in() -> None:
    form = parsed(
        {"name": "a", "type": "radio", "options": YES_NO, "label": "Good <?>"},
        {"name": "b", "type": "textarea", "label": "Why", "show_if": {"field": "a", "is": "y"}},
        {"name": "r", "type": "ranking", "options": YES_NO, "label": "Order"},
    )
    view = describe_answers(form, {"a": "y", "b": "<i>so</i>\n2", "r": ["n", "y"], "odd": 1}, (), {})
    assert view.fields == (
        ("Good <?>", "Yes"), ("Why", "<i>so</i>\n2"), ("Order", "1. No, 2. Yes"), ("odd", "1")
    )  # fmt: skip
    assert view.labels == ("Yes",)
    assert "<b>● Yes</b><br>○ No" in view.html
    assert "&lt;i&gt;so&lt;/i&gt;<br>2" in view.html
    assert "Why" not in describe_answers(form, {"a": "n"}, (), {}).html
