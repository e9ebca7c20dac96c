"""The answer to a video: labelled stretches of it. Checked as hostile input."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from app.blueprints.base import Segment
from app.blueprints.video_label.timing import MAX_SECONDS, clock, known_seconds

MAX_SEGMENTS = 1000
MAX_NOTE = 1000
MAX_COMMENT = 5000
LEAST_SECONDS = 0.001
_SLACK = 0.25
"""What a browser takes for the length of a file differs from what the file says by a picture or two."""
_TOUCH = 0.0005
"""Segments that meet do not overlap, whatever rounding did to them."""
_WHOLE = "did not arrive whole. Please reload the page and send it again."


@dataclass(frozen=True)
class AnswerRules:
    """What the task asks for. `tracks` is empty where there is but one, without a name."""

    labels: tuple[str, ...]
    tracks: tuple[str, ...] = ()
    overlap: bool = False
    notes: bool = False
    nothing: bool = True
    cannot_tell: bool = True
    comment: bool = True


def check_answer(rules: AnswerRules, answer: Any, duration: float | None) -> str | None:
    """None when the answer can be taken, else what is wrong. `duration`: of the video, when it is known."""
    if not isinstance(answer, dict):
        return f"The answer {_WHOLE}"
    segments, comment = answer.get("segments", []), answer.get("comment", "")
    nothing, cannot_tell = answer.get("nothing", False), answer.get("cannot_tell", False)
    if not isinstance(segments, list):
        return "The segments did not arrive as a list."
    if not isinstance(nothing, bool) or not isinstance(cannot_tell, bool):
        return f"The answer {_WHOLE}"
    fault = _text_fault(comment, "The comment", MAX_COMMENT)
    if fault is None and comment.strip() and not rules.comment:
        fault = "This task takes no comments."
    return fault or _check_choice(rules, segments, nothing, cannot_tell) or _check_segments(rules, answer, duration)


def _check_choice(rules: AnswerRules, segments: Sequence[Any], nothing: bool, cannot_tell: bool) -> str | None:
    if cannot_tell and not rules.cannot_tell:
        return '"Cannot tell" is no answer in this task.'
    if nothing and not rules.nothing:
        return "In this task there is something to mark in every video."
    if nothing + cannot_tell + bool(segments) > 1:
        return "Either segments, or that there is nothing to mark, or that you cannot tell."
    if not (nothing or cannot_tell or segments):
        if rules.nothing:
            return "Please mark a segment, or say that there is nothing to mark."
        return "Please mark at least one segment."
    if len(segments) > MAX_SEGMENTS:
        return f"There are more than {MAX_SEGMENTS} segments."
    return None


def _check_segments(rules: AnswerRules, answer: Mapping[str, Any], duration: float | None) -> str | None:
    length = duration or known_seconds(answer.get("duration")) or MAX_SECONDS
    placed: list[tuple[str, float, float, int]] = []
    for place, raw in enumerate(answer.get("segments", []), 1):
        segment = read_segment(raw)
        if segment is None:
            return f"Segment {place} has no label, or no beginning and end."
        if segment.label not in rules.labels:
            return f'Segment {place}: "{segment.label[:80]}" is none of the labels of this task.'
        if segment.track not in (rules.tracks or ("",)):
            return f'Segment {place}: "{segment.track[:80]}" is none of the tracks of this task.'
        if segment.end > length + _SLACK:
            return f"Segment {place} ends at {clock(segment.end)}, after the video, which ends at {clock(length)}."
        note = raw.get("note", "")
        fault = _text_fault(note, f"The note of segment {place}", MAX_NOTE)
        if fault is None and note.strip() and not rules.notes:
            fault = "This task takes no notes on segments."
        if fault is not None:
            return fault
        placed.append((segment.track, segment.start, segment.end, place))
    return None if rules.overlap else _find_overlap(placed)


def _find_overlap(placed: list[tuple[str, float, float, int]]) -> str | None:
    placed.sort()
    for (track, _, end, one), (next_track, start, _, other) in pairwise(placed):
        if track == next_track and start < end - _TOUCH:
            first, second = sorted((one, other))
            where = f" on {track}" if track else ""
            return f"Segments {first} and {second}{where} overlap at {clock(start)}."
    return None


def read_segment(raw: Any) -> Segment | None:
    """A stretch of a video, or None for what is none."""
    if not isinstance(raw, Mapping) or not isinstance(raw.get("label"), str):
        return None
    times = [raw.get("start"), raw.get("end")]
    made = [float(t) for t in times if isinstance(t, int | float) and not isinstance(t, bool) and abs(t) <= MAX_SECONDS]
    if len(made) != 2 or not all(map(math.isfinite, made)) or made[0] < 0 or made[1] - made[0] < LEAST_SECONDS / 2:
        return None
    track, note = raw.get("track", ""), raw.get("note", "")
    if not isinstance(track, str):
        return None
    return Segment(raw["label"], made[0], made[1], track, note if isinstance(note, str) else "")


def read_segments(answer: Any) -> tuple[Segment, ...]:
    """What of an answer are segments, in the order of their starts, as many as an answer may have."""
    found = answer.get("segments") if isinstance(answer, Mapping) else None
    if not isinstance(found, list):
        return ()
    read = (read_segment(raw) for raw in found[:MAX_SEGMENTS])
    return tuple(sorted((each for each in read if each), key=lambda each: (each.start, each.end)))


def _text_fault(text: Any, name: str, longest: int) -> str | None:
    if not isinstance(text, str) or not _is_text(text):
        return f"{name} did not arrive as a text."
    return f"{name} is longer than {longest} characters." if len(text) > longest else None


def _is_text(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return "\0" not in text
