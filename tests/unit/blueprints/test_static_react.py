"""Tasks of a prebuilt bundle: what is served, what an answer is, and what is wrong told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.args import check
from app.blueprints.static_react.answers import (
    MAX_NAMES,
    answer_from_truth,
    check_answer,
    describe_answer,
    find_part,
    holds_truth,
)
from app.blueprints.static_react.blueprint import StaticReactArgs, StaticReactBlueprint
from app.errors import ConfigError

ROWS = [{"text": "one", "truth": "good"}, {"text": "two", "truth": "bad"}, {"text": "three"}]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "bundle.js").write_text("document.getElementById('app').textContent = 'first';", "utf-8")
    (tmp_path / "extra").mkdir()
    (tmp_path / "extra" / "cat.png").write_bytes(b"png")
    return tmp_path


def make(folder: Path, **changes: Any) -> StaticReactBlueprint:
    values = {"task_source": "bundle.js", "static_task_data": ROWS} | changes
    args, problems = check(StaticReactArgs, values)
    assert args is not None, problems
    StaticReactBlueprint.assert_task_args(args, folder)
    return StaticReactBlueprint(args, folder)


def refused(folder: Path, **changes: Any) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        make(folder, **changes)
    return caught.value


# what is served


def test_the_bundle_and_its_files_are_served_as_they_are(folder: Path) -> None:
    pages = make(folder, extra_source_dir="extra").get_pages(folder / "build")
    assert pages.static["/bundle.js"].read_text() == (folder / "bundle.js").read_text()
    assert pages.static["/cat.png"].read_bytes() == b"png"
    page = pages.pages["/task"].read_text("utf-8")
    assert '<div id="app">' in page
    assert page.index('src="/wrap_crowd_source.js"') < page.index('src="/bundle.js"')
    assert "bundle.css" not in page


def test_a_new_build_does_not_change_a_page_that_is_served(folder: Path) -> None:
    served = make(folder).get_pages(folder / "build").static["/bundle.js"]
    (folder / "bundle.js").write_text("something_else()", "utf-8")
    assert "first" in served.read_text()
    assert make(folder).get_pages(folder / "build").static["/bundle.js"].read_text() == "something_else()"
    assert "first" in served.read_text()  # the old one is still there for those who have it open


def test_a_linked_bundle_is_the_file_itself(folder: Path) -> None:
    pages = make(folder, link_task_source=True).get_pages(folder / "build")
    assert pages.static["/bundle.js"] == folder / "bundle.js"


def test_a_style_sheet_is_linked_in_the_page(folder: Path) -> None:
    (folder / "bundle.css").write_text("body { color: red }", "utf-8")
    pages = make(folder, style_source="bundle.css").get_pages(folder / "build")
    assert '<link rel="stylesheet" href="/bundle.css">' in pages.pages["/"].read_text("utf-8")
    assert pages.static["/bundle.css"].read_text() == "body { color: red }"
    assert pages.pages["/welcome"].name == "welcome.html"


def test_the_sound_of_a_chat_is_there_and_a_task_may_bring_its_own(folder: Path) -> None:
    assert make(folder).get_pages(folder / "build").static["/notif.mp3"].read_bytes()[:4] == b"RIFF"
    (folder / "extra" / "notif.mp3").write_bytes(b"own")
    pages = make(folder, extra_source_dir="extra").get_pages(folder / "build")
    assert pages.static["/notif.mp3"].read_bytes() == b"own"


def test_the_bundle_finds_its_configuration(folder: Path) -> None:
    pages = make(folder, task_config={"block_mobile": True, "frame_height": 0}).get_pages(folder / "build")
    assert dict(pages.task_config) == {"blueprint": "static_react", "block_mobile": True, "frame_height": 0}


def test_other_sites_of_images_are_named_by_their_origin(folder: Path) -> None:
    pages = make(folder, image_sources=["https://Img.example.org/a/b.png"]).get_pages(folder / "build")
    assert pages.image_sources == ("https://img.example.org",)


# what is wrong


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"  \n", "is empty"), (b"\xef\xbb\xbf <!doctype html>", "is a page"), (b"a\0b", "is no text")],
)
def test_what_is_no_bundle_is_told(content: bytes, words: str, folder: Path) -> None:
    (folder / "bundle.js").write_bytes(content)
    error = refused(folder)
    assert error.key == "blueprint.task_source"
    assert words in str(error)


def test_a_bundle_that_is_not_there_is_told(folder: Path) -> None:
    assert refused(folder, task_source="other.js").key == "blueprint.task_source"


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"extra_source_dir": "nowhere"}, "blueprint.extra_source_dir"),
        ({"style_source": "nowhere.css"}, "blueprint.style_source"),
        ({"image_sources": ["no site"]}, "blueprint.image_sources"),
        ({"task_config": {"a": float("nan")}}, "blueprint.task_config"),
        ({"onboarding_truth": {"a": 1}}, "blueprint.onboarding_truth"),
        ({"onboarding_data": {"a": 1}}, "blueprint.onboarding_data"),
        ({"static_task_data": []}, "blueprint.data_csv"),
    ],
)
def test_what_cannot_be_is_told_with_its_key(changes: dict[str, Any], key: str, folder: Path) -> None:
    assert refused(folder, **changes).key == key


def test_rows_of_which_none_can_be_used_are_told(folder: Path) -> None:
    blueprint = make(folder, static_task_data=[7, {}])
    with pytest.raises(ConfigError, match="No row of the data can be used"):
        list(blueprint.iter_assignments())


# the data


def test_the_page_gets_the_row_without_what_is_right(folder: Path) -> None:
    blueprint = make(folder, units_per_assignment=2)
    first = next(blueprint.iter_assignments())
    assert len(first.unit_data) == 2
    assert blueprint.initial_data(first.shared, first.unit_data[1]) == {"text": "one"}


# answers


@pytest.mark.parametrize("outputs", [{}, [], "good", 3, False, {"a": [{"b": None}]}])
def test_any_json_is_an_answer(outputs: Any) -> None:
    assert check_answer(outputs) is None


def deep(levels: int) -> Any:
    made: Any = "end"
    for _ in range(levels):
        made = [made]
    return made


@pytest.mark.parametrize(
    ("outputs", "words"),
    [
        (None, "sent no answer"),
        (deep(60), "nested too deeply"),
        ({"a": list(range(MAX_NAMES + 1))}, "more than"),
        ({"a": "\0"}, "zero character"),
        ({"a": "\ud800"}, "no Unicode"),
        ({"a": float("inf")}, "cannot be kept"),
    ],
)
def test_what_cannot_be_kept_is_refused_in_words(outputs: Any, words: str) -> None:
    told = check_answer(outputs)
    assert told is not None
    assert words in told


def test_an_answer_is_described_part_by_part() -> None:
    outputs = {
        "rating": "good",
        "why": {"first": "kind", "sure": True},
        "tags": ["a", "b"],
        "rows": [{"n": 1}],
        "x": None,
    }
    described = describe_answer(outputs, [{"field": "pic", "original_name": "a.png", "size": 2048}], "")
    assert described.pairs == (
        ("rating", "good"),
        ("why.first", "kind"),
        ("why.sure", "yes"),
        ("tags", "a, b"),
        ("rows.0.n", "1"),
        ("pic", "a.png (2 KB)"),
    )
    assert described.short == "good · kind · yes · a, b · 1 · a.png (2 KB)"
    assert described.labels == ("rating: good",)


def test_a_named_part_is_what_workers_are_compared_by() -> None:
    outputs = {"review": {"tags": ["b", "a"]}, "seconds": 3}
    described = describe_answer(outputs, (), "review.tags")
    assert (described.short, described.labels) == ("b, a", ("b", "a"))
    assert describe_answer({}, (), "review.tags").short == "no answer"


def test_one_short_value_is_the_label_itself() -> None:
    assert describe_answer({"rating": 4}, (), "").labels == ("4",)
    assert describe_answer({"essay": "word " * 30}, (), "").labels == ()


@pytest.mark.parametrize(
    ("outputs", "truth", "is_right"),
    [
        ({"a": "b", "more": 1}, {"a": "b"}, True),
        ({"a": " b "}, {"a": "b"}, True),
        ({"a": 1}, {"a": "1"}, True),
        ({"a": {"b": True}}, {"a.b": True}, True),
        ({"a": {"b": 1}}, {"a.b": True}, False),
        ({"a": "true"}, {"a": True}, False),
        ({"a": ["x"]}, {"a": ["x"]}, True),
        ({"a": "c"}, {"a": "b"}, False),
        ({}, {"a": "b"}, False),
        (None, {"a": "b"}, False),
        ([{"a": 1}], {"0.a": 1}, True),
        ({"anything": 1}, {}, True),
    ],
)
def test_who_answers_what_is_right_has_passed(outputs: Any, truth: dict[str, Any], is_right: bool) -> None:
    assert holds_truth(outputs, truth) is is_right


def test_the_onboarding_is_judged_by_what_the_task_says(folder: Path) -> None:
    asked = {"onboarding_qualification": "can-read", "onboarding_data": {"q": 1}}
    blueprint = make(folder, **asked, onboarding_truth={"a": "b"})
    assert blueprint.onboarding_data() == {"q": 1}
    assert blueprint.check_onboarding({}, {"a": "b"})
    assert not blueprint.check_onboarding({}, {"a": "c"})
    assert not blueprint.check_onboarding({}, None)
    assert blueprint.check_onboarding({}, blueprint.simulate_onboarding({"q": 1}))
    assert make(folder, **asked).check_onboarding({}, {"whatever": 1})


def test_a_rehearsal_knows_what_is_right(folder: Path) -> None:
    blueprint = make(folder, answer_field="review.rating")
    assert blueprint.simulate_answer({"text": "two"}, 1.0, 0.4) == {"review": {"rating": "bad"}}
    assert blueprint.simulate_answer({"text": "two"}, 0.0, 0.4) == {"review": {"rating": "good"}}
    made_up = blueprint.simulate_answer({"text": "three"}, 1.0, 0.4)
    assert made_up["review"]["rating"].startswith("answer ")


def test_a_truth_may_be_the_whole_answer() -> None:
    assert answer_from_truth({"a": 1}, "b") == {"a": 1}
    assert answer_from_truth(3, "") == {"answer": 3}


def test_review_shows_what_was_asked_and_what_was_said(folder: Path) -> None:
    view = make(folder, answer_field="rating").describe_submission(
        {"text": "one", "truth": "good"}, {"rating": "bad"}, ()
    )
    assert (view.answer, view.labels) == ("bad", ("bad",))
    assert view.fields == (("Shown: text", "one"), ("rating", "bad"))


def test_review_shows_the_picture_that_the_row_names(folder: Path) -> None:
    blueprint = make(folder, extra_source_dir="extra", image_sources=["https://img.example.org"])
    assert blueprint.describe_submission({"pic": "./cat.png"}, {"a": 1}, ()).image == folder / "extra" / "cat.png"
    far = "https://img.example.org/dog.jpg"
    assert blueprint.describe_submission({"pic": {"url": far}}, {"a": 1}, ()).image_url == far
    for other in ("https://elsewhere.example.org/dog.jpg", "../bundle.png", "/etc/cat.png", "cat"):
        view = blueprint.describe_submission({"pic": other}, {"a": 1}, ())
        assert (view.image, view.image_url) == (None, "")


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=20,
)


@given(json_values, st.text(max_size=8))
def test_rubbish_is_described_and_never_raises(outputs: Any, field: str) -> None:
    described = describe_answer(outputs, [{"field": 3}, {"size": -1}], field)
    assert len(described.short) <= 120
    assert all(isinstance(text, str) for pair in described.pairs for text in pair)
    find_part(outputs, field)
    if check_answer(outputs) is None:
        json.dumps(outputs, allow_nan=False).encode()
