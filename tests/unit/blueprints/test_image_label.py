"""The image_label blueprint: hostile images, lists, rules of an answer."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from app.blueprints.image_label.answers import AnswerRules, check_answer
from app.blueprints.image_label.blueprint import ImageLabelArgs, ImageLabelBlueprint
from app.blueprints.image_label.image_files import check_image
from app.blueprints.media_source import MediaFault
from app.errors import ConfigError

RULES = AnswerRules(("a", "b"), multiple=False, boxes="optional", cannot_tell=True, comment=True)


def _png(width: int = 20, height: int = 10) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (width, height), "white").save(stream, "PNG")
    return stream.getvalue()


def _make(folder: Path, **changes: Any) -> ImageLabelBlueprint:
    args = ImageLabelArgs(**{"labels": ["a", "b"], **changes})
    ImageLabelBlueprint.assert_task_args(args, folder)
    return ImageLabelBlueprint(args, folder)


def _box(**changes: Any) -> dict[str, Any]:
    return {"label": "a", "left": 1, "top": 1, "width": 5, "height": 5, **changes}


def _answer(**changes: Any) -> dict[str, Any]:
    return {"labels": ["a"], "boxes": [], "cannot_tell": False, "comment": "", **changes}


def test_images_of_a_folder_come_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("b.png", "a.png", "sub/c.PNG", ".hidden.png", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(_png())
    blueprint = _make(tmp_path, image_folder=".")
    rows = [item.shared for item in blueprint.iter_assignments()]
    assert [row["image"] for row in rows] == ["a.png", "b.png", "sub/c.PNG"]
    assert rows[0] == {"image": "a.png", "width": 20, "height": 10}
    assert blueprint.count_assignments() == 3


def test_files_that_are_no_images_are_left_out_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "good.png").write_bytes(_png())
    (tmp_path / "text.png").write_bytes(b"<svg onload=alert(1)>")
    (tmp_path / "cut.png").write_bytes(_png(200, 200)[:100])
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "link.png").symlink_to("/etc/hostname")
    blueprint = _make(tmp_path, image_folder=".")
    assert [item.shared["image"] for item in blueprint.iter_assignments()] == ["good.png"]
    assert {error.message.split()[0] for error in blueprint.row_errors()} == {
        "text.png",
        "cut.png",
        "empty.jpg",
        "link.png",
    }


def test_an_image_too_large_to_be_shown_is_left_out(tmp_path: Path) -> None:
    header = _png()
    # the size in the header is what a bomb lies about
    bomb = header[:16] + (60_000).to_bytes(4, "big") + (60_000).to_bytes(4, "big") + header[24:]
    (tmp_path / "bomb.png").write_bytes(bomb)
    with pytest.raises(MediaFault):
        check_image(tmp_path / "bomb.png", tmp_path)


def test_a_turned_photo_has_the_size_in_which_it_is_shown(tmp_path: Path) -> None:
    image = Image.new("RGB", (40, 20), "white")
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(tmp_path / "photo.jpg", exif=exif)
    found = check_image(tmp_path / "photo.jpg", tmp_path)
    assert (found.width, found.height) == (20, 40)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=st.sampled_from([b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a", b"RIFF\x10\0\0\0WEBPVP8 ", b""]),
    rest=st.binary(max_size=200),
)
def test_rubbish_is_never_more_than_an_image_fault(tmp_path: Path, start: bytes, rest: bytes) -> None:
    path = tmp_path / "rubbish.png"
    path.write_bytes(start + rest)
    with contextlib.suppress(MediaFault):
        assert check_image(path, tmp_path).width > 0


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 90), byte=st.integers(0, 255))
def test_a_damaged_image_is_shown_or_left_out(tmp_path: Path, place: int, byte: int) -> None:
    data = bytearray(_png())
    data[place % len(data)] = byte
    path = tmp_path / "damaged.png"
    path.write_bytes(bytes(data))
    with contextlib.suppress(MediaFault):
        assert check_image(path, tmp_path).width > 0


def test_images_are_served_under_names_that_tell_nothing(tmp_path: Path) -> None:
    (tmp_path / "patient_miller.png").write_bytes(_png())
    (tmp_path / "pho to.jpg").write_bytes(_png())
    blueprint = _make(tmp_path, image_folder=".")
    pages = blueprint.get_pages(tmp_path / "build")
    urls = [url for url in pages.static if url.startswith("/image/")]
    assert len(urls) == 2
    assert all(url.endswith(".png") and "miller" not in url for url in urls)
    item = next(blueprint.iter_assignments())
    shown = blueprint.initial_data(item.shared, {})
    assert shown["image_url"] in urls
    assert shown["next_image_url"] in urls
    assert _make(tmp_path, image_folder=".").get_pages(tmp_path / "build").static.keys() == pages.static.keys()


def test_a_list_may_hold_files_and_addresses(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(_png())
    lines = "# images\na.png\nhttps://img.example.org/1.jpg\nftp://x/1.jpg\n../../etc/passwd\nhttps://u:p@x.org/a\n"
    (tmp_path / "images.txt").write_text(lines, "utf-8")
    blueprint = _make(tmp_path, image_list="images.txt")
    assert [item.shared["image"] for item in blueprint.iter_assignments()] == ["a.png", "https://img.example.org/1.jpg"]
    assert [error.line for error in blueprint.row_errors()] == [4, 5, 6]
    pages = blueprint.get_pages(tmp_path / "build")
    assert pages.image_sources == ("https://img.example.org",)
    view = blueprint.describe_submission({"image": "https://img.example.org/1.jpg"}, _answer(), ())
    assert (view.image, view.image_url) == (None, "https://img.example.org/1.jpg")


@pytest.mark.parametrize(
    "address",
    [
        "https://x.org; script-src *",
        "https://x.org\u2028/a",
        "https://",
        "http://[::1/a",
        "https://x.org:99999/a",
        "https://ex ample.org/",
        "javascript://x.org/%0aalert(1)",
    ],
)
def test_an_address_cannot_write_into_the_policy(tmp_path: Path, address: str) -> None:
    (tmp_path / "a.png").write_bytes(_png())
    (tmp_path / "images.json").write_text(json.dumps([{"image": address}, {"image": "a.png"}]), "utf-8")
    blueprint = _make(tmp_path, image_list="images.json")
    assert blueprint.get_pages(tmp_path / "build").image_sources == ()
    assert len(blueprint.row_errors()) == 1


def test_a_row_without_an_image_says_whether_the_cell_or_the_field_is_missing(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(_png())
    (tmp_path / "list.jsonl").write_text('{"image": "a.png"}\n{"image": " ", "site": "n"}\n{"site": "n"}\n')
    task = _make(tmp_path, image_list="list.jsonl")
    assert len(list(task.iter_assignments())) == 1
    assert [(error.line, error.message) for error in task.row_errors()] == [
        (2, 'has nothing in field "image", where the image is named.'),
        (3, "names no image: the field must be called image."),
    ]


def test_a_lists_own_fields_travel_and_its_truth_does_not(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(_png())
    (tmp_path / "images.csv").write_text("image,site,truth\na.png,north,b\n", "utf-8")
    blueprint = _make(tmp_path, image_list="images.csv")
    item = next(blueprint.iter_assignments())
    assert item.shared == {"image": "a.png", "site": "north", "truth": "b", "width": 20, "height": 10}
    shown = blueprint.initial_data(item.shared, {})
    assert shown["site"] == "north"
    assert "truth" not in shown
    assert blueprint.simulate_answer(item.shared, 1.0, 0.7)["labels"] == ["b"]
    assert blueprint.simulate_answer(item.shared, 0.0, 0.7)["labels"] == ["a"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "no images"),
        ({"image_folder": "no"}, "no folder"),
        ({"image_folder": "."}, "no image in"),
        ({"image_list": "no.txt"}, "no file"),
        ({"image_folder": ".", "labels": []}, "no labels"),
        ({"image_folder": ".", "labels": ["a", "a"]}, "there twice"),
        ({"image_folder": ".", "labels": ["a|b"]}, "is no label"),
        ({"image_folder": ".", "labels": [" a"]}, "is no label"),
        ({"image_folder": ".", "labels": [str(n) for n in range(201)]}, "201 labels"),
    ],
)
def test_a_task_that_cannot_work_is_refused_before_it_is_launched(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        _make(tmp_path, **changes)


@pytest.mark.parametrize(
    "answer",
    [
        _answer(),
        _answer(boxes=[_box()]),
        _answer(boxes=[_box(left=-0.5, width=20.9)], comment="x"),
        _answer(labels=[], cannot_tell=True, comment="too dark"),
        {"labels": ["b"]},
    ],
)
def test_an_answer_that_follows_the_rules_is_taken(answer: Any) -> None:
    assert check_answer(RULES, answer, (20, 20)) is None


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (_answer(labels=[]), "choose a label"),
        (_answer(labels=["a", "b"]), "one label only"),
        (_answer(labels=["c"]), "none of the labels"),
        (_answer(labels=["a", "a"]), "twice"),
        (_answer(labels=[["a"]]), "none of the labels"),
        (_answer(cannot_tell=True), "Either labels"),
        (_answer(cannot_tell="yes"), "did not arrive"),
        (_answer(comment="x" * 5001), "longer than"),
        (_answer(comment="\0"), "did not arrive"),
        (_answer(boxes=[_box(label="c")]), "Box 1 has no label"),
        (_answer(boxes=[_box(), _box(width=float("nan"))]), "Box 2 has no label"),
        (_answer(boxes=[_box(width=0)]), "Box 1"),
        (_answer(boxes=[_box(left=True)]), "Box 1"),
        (_answer(boxes=[_box(left=18)]), "outside of the image"),
        (_answer(boxes=[_box()] * 501), "more than 500"),
        ({"labels": {"a": 1}}, "lists"),
    ],
)
def test_an_answer_that_breaks_a_rule_is_refused_in_words(answer: Any, words: str) -> None:
    verdict = check_answer(RULES, answer, (20, 20))
    assert verdict is not None
    assert words in verdict


@pytest.mark.parametrize(
    ("changes", "answer", "words"),
    [
        ({"boxes": "off"}, _answer(boxes=[_box()]), "no boxes"),
        ({"boxes": "required"}, _answer(), "at least one box"),
        ({"cannot_tell": False}, _answer(labels=[], cannot_tell=True), "no answer in this task"),
        ({"comment": False}, _answer(comment="x"), "no comments"),
    ],
)
def test_the_tasks_own_rules_hold(changes: dict[str, Any], answer: Any, words: str) -> None:
    rules = AnswerRules(**{**vars(RULES), **changes})
    assert words in (check_answer(rules, answer, None) or "")


def test_several_labels_are_taken_where_they_may_be() -> None:
    rules = AnswerRules(("a", "b"), multiple=True, boxes="off", cannot_tell=True, comment=True)
    assert check_answer(rules, _answer(labels=["a", "b"]), None) is None


def test_review_sees_boxes_labels_and_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(_png())
    blueprint = _make(tmp_path, image_folder=".", boxes="required")
    view = blueprint.describe_submission(
        {"image": "a.png"}, _answer(labels=[], boxes=[_box(), _box(label="b"), {"x": 1}], comment="see"), ()
    )
    assert view.image == (tmp_path / "a.png").resolve()
    assert [(shape.label, shape.width) for shape in view.shapes] == [("a", 5.0), ("b", 5.0)]
    assert view.labels == ("a", "b")
    assert view.answer == "a, b · 2 boxes"
    assert view.comment == "see"
