"""The video_label blueprint: lists, pages, rules of an answer, truths, what reviewers and exports are told."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.blueprints.base import Segment
from app.blueprints.video_label.answers import MAX_COMMENT, MAX_NOTE, MAX_SEGMENTS, AnswerRules, check_answer
from app.blueprints.video_label.blueprint import VideoLabelArgs, VideoLabelBlueprint
from app.blueprints.video_label.timing import MAX_SECONDS, clock, known_seconds, read_clock
from app.blueprints.video_label.truth import TruthFault, is_right, read_truth
from app.blueprints.video_label.webvtt import to_webvtt
from app.errors import ConfigError

VIDEOS = Path(__file__).resolve().parents[3] / "examples" / "video_label" / "videos"
RULES = AnswerRules(("a", "b"), ("left", "right"))
LOOSE = AnswerRules(("a", "b"), overlap=True, notes=True)


def _make(folder: Path, **changes: Any) -> VideoLabelBlueprint:
    args = VideoLabelArgs(**{"labels": ["a", "b"], **changes})
    VideoLabelBlueprint.assert_task_args(args, folder)
    return VideoLabelBlueprint(args, folder)


def _segment(start: float = 1, end: float = 2, label: str = "a", **more: Any) -> dict[str, Any]:
    return {"label": label, "start": start, "end": end, **more}


def _left(start: float, end: float, label: str = "a") -> dict[str, Any]:
    return _segment(start, end, label, track="left")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("crossing", "car_alone"):
        shutil.copy(VIDEOS / f"{name}.webm", tmp_path / f"{name}.webm")
    return tmp_path


# --- the work


def test_videos_of_a_folder_come_with_their_lengths(folder: Path) -> None:
    (folder / "notes.txt").write_text("no video", "utf-8")
    rows = [item.shared for item in _make(folder, video_folder=".").iter_assignments()]
    assert [row["video"] for row in rows] == ["car_alone.webm", "crossing.webm"]
    assert rows[0] == {"video": "car_alone.webm", "duration": 6.0, "fps": 20.0, "width": 384, "height": 216}


def test_a_list_says_line_by_line_what_cannot_be_used(folder: Path) -> None:
    (folder / "rubbish.webm").write_bytes(b"\x1a\x45\xdf\xa3 rubbish")
    (folder / "list.csv").write_text(
        "video,truth,duration\n"
        "crossing.webm,a 1-2; b 3-4.5,\n"
        "gone.webm,,\n"
        "rubbish.webm,,\n"
        "car_alone.webm,a 2-1,\n"
        "car_alone.webm,c 1-2,\n"
        "https://v.example.org/1.mp4,nothing,12.5\n"
        "https://v.example.org/2.mp4,,minus one\n"
        "../crossing.webm,,\n",
        "utf-8",
    )
    task = _make(folder, video_list="list.csv")
    rows = [item.shared for item in task.iter_assignments()]
    assert [row["video"] for row in rows] == ["crossing.webm", "https://v.example.org/1.mp4"]
    assert rows[1]["duration"] == 12.5
    told = {error.line: error.message for error in task.row_errors()}
    assert sorted(told) == [3, 4, 5, 6, 8, 9]
    assert told[3] == "gone.webm is not there."
    assert "is not a video that can be shown" in told[4]
    assert "has a truth that has no label, start and end in segment 1." in told[5]
    assert 'has a truth that names "c", which is none of the labels a, b.' in told[6]
    assert "for its duration" in told[8]


def test_videos_are_served_under_names_that_tell_nothing(folder: Path) -> None:
    task = _make(folder, video_folder=".")
    pages = task.get_pages(folder / "build")
    urls = [url for url in pages.static if url.startswith("/video/")]
    assert len(urls) == 2
    assert all(url.endswith(".webm") and "car" not in url for url in urls)
    shown = task.initial_data(next(task.iter_assignments()).shared, {})
    assert shown["video_url"] in urls
    assert pages.media_sources == ()
    assert pages.task_config["preview_data"]["video_url"] in urls


def test_the_sites_of_foreign_videos_are_named(folder: Path) -> None:
    (folder / "list.txt").write_text(
        "https://v.example.org/1.mp4\nhttp://w.example.org:81/2.webm\nhttps://x.org; script-src *\ncrossing.webm\n",
        "utf-8",
    )
    pages = _make(folder, video_list="list.txt").get_pages(folder / "build")
    assert pages.media_sources == ("http://w.example.org:81", "https://v.example.org")
    assert pages.image_sources == ()


def test_the_truth_is_not_shown_and_known_to_simulated_workers(folder: Path) -> None:
    rows = [{"video": "crossing.webm", "truth": [_segment(1, 2, "b")], "street": "north"}]
    (folder / "list.json").write_text(json.dumps(rows), "utf-8")
    task = _make(folder, video_list="list.json")
    shown = task.initial_data(next(task.iter_assignments()).shared, {})
    assert "truth" not in shown
    assert shown["street"] == "north"
    answer = task.simulate_answer(shown, 1.0, 0.5)
    assert answer["segments"] == [_segment(1, 2, "b")]
    assert task.simulate_answer(shown, 0.0, 0.5)["segments"] == [_segment(1, 2, "a")]
    assert task.check_submission(shown, answer, ()) is None


@pytest.mark.parametrize(
    ("changes", "key", "words"),
    [
        ({}, "blueprint.video_folder", "no videos"),
        ({"video_folder": "nowhere"}, "blueprint.video_folder", "no folder"),
        ({"video_list": "nowhere.csv"}, "blueprint.video_list", "no file"),
        ({"video_folder": ".", "labels": []}, "blueprint.labels", "no labels"),
        ({"video_folder": ".", "labels": ["a", "a"]}, "blueprint.labels", "twice"),
        ({"video_folder": ".", "labels": ["a|b"]}, "blueprint.labels", "no label"),
        ({"video_folder": ".", "tracks": [" x"]}, "blueprint.tracks", "no track"),
        ({"video_folder": ".", "tracks": [str(n) for n in range(51)]}, "blueprint.tracks", "51 tracks"),
    ],
)
def test_arguments_that_cannot_be_are_told_with_their_key(
    folder: Path, changes: dict[str, Any], key: str, words: str
) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        _make(folder, **changes)
    assert caught.value.key == key


# --- the rules of an answer


def test_what_may_be_is_taken() -> None:
    segments = [_left(0, 2), _left(2, 3, "b"), _segment(1, 6.1, track="right")]
    assert check_answer(RULES, {"segments": segments, "comment": "fine"}, 6.0) is None
    assert check_answer(LOOSE, {"segments": [_segment(0, 3), _segment(1, 2, note="x")]}, 6.0) is None
    assert check_answer(RULES, {"nothing": True}, 6.0) is None
    assert check_answer(RULES, {"cannot_tell": True, "segments": []}, None) is None


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({}, "Please mark a segment, or say that there is nothing to mark."),
        ({"segments": [], "nothing": True, "cannot_tell": True}, "Either segments"),
        ({"segments": [_left(1, 2)], "nothing": True}, "Either segments"),
        ({"segments": [_left(1, 3), _left(2, 4)]}, "Segments 1 and 2 on left overlap at 0:02."),
        ({"segments": [_left(3, 4), _left(0, 5)]}, "Segments 1 and 2 on left overlap at 0:03."),
        ({"segments": [_left(5, 7)]}, "Segment 1 ends at 0:07, after the video, which ends at 0:06."),
        ({"segments": [_left(1, 2, "c")]}, '"c" is none of the labels'),
        ({"segments": [_segment(1, 2, track="up")]}, '"up" is none of the tracks'),
        ({"segments": [_segment(1, 2)]}, '"" is none of the tracks'),
        ({"segments": [_left(2, 2)]}, "Segment 1 has no label, or no beginning and end."),
        ({"segments": [_left(-1, 2)]}, "no beginning and end"),
        ({"segments": [_left(True, 2)]}, "no beginning and end"),
        ({"segments": [{**_left(1, 2), "note": "x"}]}, "no notes"),
        ({"segments": [{**_left(1, 2), "note": 7}]}, "note of segment 1 did not arrive as a text"),
        ({"segments": [{**_left(1, 2), "label": ["a"]}]}, "no label"),
        ({"segments": [None]}, "no label"),
        ({"segments": {"0": 1}}, "as a list"),
        ({"segments": [_left(1, 2)], "comment": "x" * (MAX_COMMENT + 1)}, "longer"),
        ({"segments": [_left(1, 2)], "comment": "\ud800"}, "as a text"),
        ({"segments": [_left(1, 2)], "nothing": "yes"}, "whole"),
        ({"segments": [_left(n / 1000, (n + 1) / 1000) for n in range(MAX_SEGMENTS + 1)]}, "more than 1000"),
    ],
)
def test_what_may_not_be_is_told_in_a_sentence(answer: Any, words: str) -> None:
    reason = check_answer(RULES, answer, 6.0)
    assert reason is not None
    assert words in reason
    assert reason.endswith(".")


def test_answers_that_the_task_does_not_offer_are_refused() -> None:
    strict = AnswerRules(("a",), nothing=False, cannot_tell=False, comment=False)
    assert check_answer(strict, {"nothing": True}, 6.0) == "In this task there is something to mark in every video."
    assert check_answer(strict, {"cannot_tell": True}, 6.0) == '"Cannot tell" is no answer in this task.'
    assert check_answer(strict, {}, 6.0) == "Please mark at least one segment."
    assert check_answer(strict, {"segments": [_segment()], "comment": "x"}, 6.0) == "This task takes no comments."
    long = {"segments": [_segment(note="n" * (MAX_NOTE + 1))]}
    assert "longer" in str(check_answer(LOOSE, long, 6.0))


def test_where_no_length_is_known_that_of_the_browser_bounds_the_times() -> None:
    answer = {"segments": [_segment(1, 50)], "duration": 20}
    assert "after the video" in str(check_answer(LOOSE, answer, None))
    assert check_answer(LOOSE, {**answer, "duration": 60}, None) is None
    for rubbish in (float("inf"), -5, "x", None, 1e300):
        assert check_answer(LOOSE, {**answer, "duration": rubbish}, None) is None
        beyond = {"segments": [_segment(1, MAX_SECONDS * 2)], "duration": rubbish}
        assert check_answer(LOOSE, beyond, None) is not None


raw_values: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5) | st.just([])
)
raw_segments = st.lists(
    st.fixed_dictionaries(
        {"label": st.sampled_from(["a", "b", "c"]) | raw_values, "start": raw_values, "end": raw_values},
        optional={"track": raw_values | st.sampled_from(["left", "right"]), "note": raw_values},
    )
    | raw_values,
    max_size=5,
)


@given(
    answer=st.fixed_dictionaries({"segments": raw_segments}, optional={"duration": raw_values, "nothing": raw_values})
)
def test_what_is_taken_keeps_the_rules_whatever_is_sent(answer: Mapping[str, Any]) -> None:
    verdict = check_answer(RULES, answer, 10.0)
    assert verdict is None or verdict.endswith(".")
    if verdict is None:
        for track in RULES.tracks:
            ends = sorted((s["start"], s["end"]) for s in answer["segments"] if s["track"] == track)
            assert all(0 <= start < end <= 10.25 for start, end in ends)
            assert all(end <= start + 0.001 for (_, end), (start, _) in pairwise(ends))
        assert all(s["label"] in RULES.labels for s in answer["segments"])


# --- what is told of an answer


def test_an_answer_is_described_with_its_segments(folder: Path) -> None:
    task = _make(folder, video_folder=".", tracks=["left", "right"])
    inputs = task.initial_data(next(task.iter_assignments()).shared, {})
    answer = {"segments": [_left(3, 4.25, "b"), _left(0, 1.5), _segment(2, 3, track="right")], "comment": "so"}
    view = task.describe_submission(inputs, answer, ())
    assert view.answer == "3 segments: left: a 0:00\u20130:01.5, right: a 0:02\u20130:03, left: b 0:03\u20130:04.25"
    assert view.labels == ("left: a", "left: b", "right: a")
    assert view.video == folder / "car_alone.webm"
    assert view.segments[0] == Segment("a", 0, 1.5, "left")
    assert (view.comment, view.tracks) == ("so", ("left", "right"))
    assert task.summarize_submission(inputs, answer, ()) == (view.answer, view.labels)


def test_that_there_is_nothing_and_that_one_cannot_tell_are_labels_of_their_own(folder: Path) -> None:
    task = _make(folder, video_folder=".")
    assert task.summarize_submission({}, {"nothing": True}, ()) == ("nothing to mark", ("nothing to mark",))
    assert task.summarize_submission({}, {"cannot_tell": True}, ()) == ("cannot tell", ("cannot tell",))
    assert task.summarize_submission({}, None, ()) == ("no answer", ())


def test_a_foreign_video_is_described_by_its_address(folder: Path) -> None:
    view = _make(folder, video_folder=".").describe_submission({"video": "https://v.example.org/1.mp4"}, {}, ())
    assert (view.video, view.video_url) == (None, "https://v.example.org/1.mp4")


def test_each_submission_offers_its_segments_as_webvtt(folder: Path) -> None:
    task = _make(folder, video_folder=".", tracks=["left", "right"])
    ((name, content),) = task.answer_files({"video": "car.webm"}, {"segments": [_left(0, 1.5)]})
    assert name == "segments.vtt"
    assert content.decode() == ("WEBVTT\n\nNOTE Video: car.webm\n\n1\n00:00:00.000 --> 00:00:01.500\n<v left>a\n")
    ((_, content),) = task.answer_files({"video": "car.webm"}, {"nothing": True})
    assert content.decode() == "WEBVTT\n\nNOTE Video: car.webm\n\nNOTE nothing to mark\n"


@given(label=st.text(max_size=20), track=st.text(max_size=20), note=st.text(max_size=40))
def test_no_text_breaks_out_of_its_cue(label: str, track: str, note: str) -> None:
    segments = [Segment(label, 1, 2, track, note), Segment("b", 3661.5, 3662)]
    text = to_webvtt(segments, [note])
    assert text.count("-->") == 2
    blocks = [block for block in text.rstrip("\n").split("\n\n") if "-->" in block]
    assert len(blocks) == 2
    assert [block.split("\n")[0] for block in blocks] == ["1", "2"]
    assert "01:01:01.500 --> 01:01:02.000" in blocks[1]


# --- truths


@pytest.mark.parametrize(
    "said",
    [
        [
            {"label": "a", "start": 1, "end": 2.5, "track": "left"},
            {"label": "b", "start": 3, "end": 4, "track": "right"},
        ],
        '[{"label": "a", "start": 1, "end": 2.5, "track": "left"},'
        ' {"label": "b", "start": 3, "end": 4, "track": "right"}]',
        "left: a 1-2.5; right: b 0:03 - 0:04",
        "right: b 3\u20134;left:a 1\u20132.5;",
    ],
)
def test_a_truth_is_read_in_each_of_its_forms(said: Any) -> None:
    assert read_truth(RULES, said) == (Segment("a", 1, 2.5, "left"), Segment("b", 3, 4, "right"))


def test_an_empty_truth_differs_from_none() -> None:
    assert read_truth(RULES, None) is None
    assert read_truth(RULES, " ") is None
    assert read_truth(RULES, "nothing") == ()
    assert read_truth(RULES, []) == ()


@pytest.mark.parametrize("said", ["a", "[", "left: a 1-x", {"a": 1}, 7, [7], "up: a 1-2", "a 1-2"])
def test_a_truth_that_cannot_be_read_says_why(said: Any) -> None:
    with pytest.raises(TruthFault, match=r"\.$"):
        read_truth(RULES, said)


def test_right_is_what_lies_within_the_tolerance() -> None:
    truth = (Segment("a", 1, 2, "left"), Segment("a", 4, 5, "left"))
    assert is_right(truth, {"segments": [_left(1.2, 1.8), _left(3.7, 5.3)]}, 0.3)
    assert not is_right(truth, {"segments": [_left(1.2, 1.8), _left(3.6, 5)]}, 0.3)
    assert not is_right(truth, {"segments": [_left(1, 2)]}, 0.3)
    assert not is_right(truth, {"segments": [_left(1, 2), _left(4, 5, "b")]}, 0.3)
    assert is_right((), {"nothing": True}, 0.3)
    assert not is_right((), {"cannot_tell": True}, 0.3)


def test_a_row_of_gold_is_looked_at_and_served(folder: Path) -> None:
    task = _make(folder, video_list=_listed(folder), tracks=["left"])
    row = task.known_row({"video": "car_alone.webm"}, "left: a 1-2")
    assert row["duration"] == 6.0
    assert len([url for url in task.get_pages(folder / "b").static if url.startswith("/video/")]) == 2
    assert task.is_right(row, "left: a 1-2", {"segments": [_left(1.4, 2.3)]})
    assert not task.is_right(row, "left: a 1-2", {"segments": [_left(1.6, 2.3)]})
    for values, truth in (
        ({"video": "gone.webm"}, None),
        ({"site": "x"}, None),
        ({"video": "car_alone.webm"}, "c 1-2"),
    ):
        with pytest.raises(ConfigError):
            task.known_row(values, truth)


def _listed(folder: Path) -> str:
    (folder / "one.txt").write_text("crossing.webm\n", "utf-8")
    return "one.txt"


# --- times


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1.25", 1.25),
        ("0:01,5", 1.5),
        ("2:03", 123),
        ("1:02:03.5", 3723.5),
        ("x", None),
        ("-1", None),
        ("999:00:00", None),
    ],
)
def test_times_as_people_write_them(text: str, seconds: float | None) -> None:
    assert read_clock(text) == seconds


@given(st.floats(0, MAX_SECONDS))
def test_a_time_that_was_written_is_read_again(seconds: float) -> None:
    assert read_clock(clock(seconds)) == pytest.approx(seconds, abs=0.001)


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), True, None, "", [], MAX_SECONDS + 1])
def test_what_is_no_length_is_none(value: Any) -> None:
    assert known_seconds(value) is None
