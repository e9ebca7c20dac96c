"""The static_html blueprint: what it refuses before a launch, what it takes from a worker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.blueprints.static_html.blueprint import StaticHtmlArgs, StaticHtmlBlueprint
from app.errors import ConfigError

FORM = """<h1>${name}</h1>
<label>Kind <select name="kind" required><option value="">?</option><option>A<option>B</select></label>
<label><input type="checkbox" name="many" value="1"> one</label>
<label><input type="checkbox" name="many" value="2"> two</label>
<label>Age <input type="number" name="age"></label>
<label>Photo <input type="file" name="photo" required></label>
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "task.html").write_text(FORM, "utf-8")
    (tmp_path / "rows.csv").write_text("name\nfirst\nsecond\n", "utf-8")
    return tmp_path


def _make(folder: Path, **changes: Any) -> StaticHtmlBlueprint:
    args = StaticHtmlArgs(**{"task_source": "task.html", "data_csv": "rows.csv", **changes})
    StaticHtmlBlueprint.assert_task_args(args, folder)
    return StaticHtmlBlueprint(args, folder)


FILE = [{"field": "photo", "original_name": "me.png", "filename": "x.png", "size": 2048, "mimetype": "image/png"}]


@pytest.mark.parametrize(
    ("answers", "files", "words"),
    [
        ({"kind": "A"}, [], "choose a file"),
        ({"kind": ""}, FILE, 'answer "Kind"'),
        ({"kind": "C"}, FILE, "none of its options"),
        ({"kind": ["A", "B"]}, FILE, "takes one answer"),
        ({"kind": "A", "many": ["1", "3"]}, FILE, "none of its options"),
        ({"kind": "A", "age": "old"}, FILE, "must be a number"),
        ({"kind": "A", "age": "1e999"}, FILE, "must be a number"),
        ({"kind": "A", "admin": "1"}, FILE, 'no field "admin"'),
        ({"kind": "A"}, [*FILE, {"field": "other"}], 'no field "other"'),
        ({"kind": "A\0"}, FILE, "not a text"),
        ({"kind": {"a": 1}}, FILE, "not a text"),
    ],
)
def test_a_wrong_answer_is_told_in_words(folder: Path, answers: Any, files: Any, words: str) -> None:
    verdict = _make(folder).check_submission({"name": "first"}, answers, files)
    assert verdict is not None
    assert words in verdict


def test_a_right_answer_is_taken_and_described_in_the_forms_order(folder: Path) -> None:
    blueprint = _make(folder)
    answers = {"age": "31", "many": ["1", "2"], "kind": "B"}
    assert blueprint.check_submission({"name": "first"}, answers, FILE) is None
    view = blueprint.describe_submission({"name": "first"}, answers, FILE)
    assert view.fields == (
        ("Kind", "B"),
        ("Many", "one, two"),
        ("Age", "31"),
        ("Photo", "me.png (2 KB)"),
    )
    assert view.answer == "B · one, two · 31 · me.png (2 KB)"
    assert "<h1>first</h1>" in view.html


@pytest.mark.parametrize(
    ("page", "changes", "words", "line"),
    [
        ("<p>${gone}</p><input name=a>", {}, r"\$\{gone\} has no column", 1),
        ("<p>${name}</p>", {}, "nothing to answer", 0),
        (None, {"task_source": "no.html"}, "no file", 0),
        (None, {"extra_source_dir": "no"}, "no folder", 0),
        (None, {"preview_source": "task.html"}, "cannot be filled in here", 1),
        (None, {"onboarding_qualification": "q"}, "onboarding has no page", 0),
        ("<p>\n${gone}</p><input name=a>", {"data_csv": "", "static_task_data": [{"name": 1}]}, "in no row", 2),
    ],
)
def test_a_task_that_cannot_work_is_refused_before_it_is_launched(
    folder: Path, page: str | None, changes: dict[str, Any], words: str, line: int
) -> None:
    if page is not None:
        (folder / "task.html").write_text(page, "utf-8")
    with pytest.raises(ConfigError, match=words) as refusal:
        _make(folder, **changes)
    assert refusal.value.line == line


def test_a_page_that_is_not_utf_8_is_refused_with_its_line(folder: Path) -> None:
    (folder / "task.html").write_bytes(b"<p>\n\xff</p>")
    with pytest.raises(ConfigError, match="not UTF-8") as refusal:
        _make(folder)
    assert refusal.value.line == 2


def test_a_row_that_does_not_fill_the_page_is_left_out(folder: Path) -> None:
    rows = [{"name": "a"}, {"other": "b"}, {"name": "c"}]
    blueprint = _make(folder, data_csv="", static_task_data=rows)
    assert [item.shared["name"] for item in blueprint.iter_assignments()] == ["a", "c"]
    assert [item.shared["name"] for item in blueprint.iter_assignments(1)] == ["c"]
    (error,) = blueprint.row_errors()
    assert (error.line, error.message) == (2, "has no value for ${name} (task.html, line 1).")


def test_no_usable_row_at_all_is_told(folder: Path) -> None:
    (folder / "rows.csv").write_text("name\n", "utf-8")
    with pytest.raises(ConfigError, match="No row of the data can be used"):
        list(_make(folder).iter_assignments())


def test_extra_files_are_served_from_a_fixed_map(folder: Path, tmp_path: Path) -> None:
    extra = folder / "extra"
    (extra / "img").mkdir(parents=True)
    (extra / "img" / "a b.png").write_bytes(b"x")
    (extra / ".secret").write_text("x", "utf-8")
    pages = _make(folder, extra_source_dir="extra").get_pages(tmp_path / "build")
    assert "/img/a b.png" in pages.static
    assert not any("secret" in url for url in pages.static)


@pytest.mark.parametrize("name", ["welcome", "task_config.json", "crowdesk"])
def test_an_extra_file_cannot_hide_a_page_of_ours(folder: Path, name: str) -> None:
    (folder / "extra").mkdir()
    (folder / "extra" / name).write_text("x", "utf-8")
    with pytest.raises(ConfigError, match="address of a page"):
        _make(folder, extra_source_dir="extra")


def test_a_link_that_leads_out_of_the_extra_files_is_refused(folder: Path) -> None:
    (folder / "extra").mkdir()
    (folder / "extra" / "out.txt").symlink_to("/etc/hostname")
    with pytest.raises(ConfigError, match="outside of"):
        _make(folder, extra_source_dir="extra")


def test_origins_of_images_in_page_and_data_go_to_the_policy(folder: Path, tmp_path: Path) -> None:
    page = '<img src="${pic}"><img src="https://b.example.org/x.png"><input name=a>'
    (folder / "task.html").write_text(page, "utf-8")
    rows = [{"pic": "https://a.example.org:8443/1.png"}, {"pic": "local.png"}, {"pic": "javascript:x"}]
    pages = _make(folder, data_csv="", static_task_data=rows).get_pages(tmp_path / "build")
    assert pages.image_sources == ("https://a.example.org:8443", "https://b.example.org")


def test_the_onboarding_is_passed_with_its_right_answers_only(folder: Path) -> None:
    (folder / "first.html").write_text('<input name="a" data-truth="4" required><input name="b">', "utf-8")
    blueprint = _make(folder, onboarding_source="first.html", onboarding_qualification="q")
    assert blueprint.check_onboarding({}, {"a": " 4 ", "b": "x"})
    for outputs in ({"a": "5"}, {}, None, {"a": "4", "c": "1"}, [1], {"a": ["4", "4"]}):
        assert not blueprint.check_onboarding({}, outputs)


def test_a_simulated_worker_knows_the_truth(folder: Path) -> None:
    blueprint = _make(folder)
    assert blueprint.simulate_answer({"name": "first", "truth": "B"}, 1.0, 0.9)["kind"] == "B"
    assert blueprint.simulate_answer({"name": "first", "truth": "B"}, 0.0, 0.9)["kind"] == "A"
