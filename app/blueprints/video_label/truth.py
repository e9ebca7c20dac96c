"""What is right for a video, as its row says it; whether an answer is right; answers made up for rehearsals."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from app.blueprints.base import Segment
from app.blueprints.video_label.answers import AnswerRules, read_segment, read_segments
from app.blueprints.video_label.timing import known_seconds, read_clock

NOTHING = "nothing"
_ASSUMED_SECONDS = 10.0
_TIMES = re.compile(r"(.+?)\s+([0-9.,:]+)\s*[-\u2013]\s*([0-9.,:]+)")


class TruthFault(ValueError):
    """Why a truth cannot be read: a sentence without its beginning."""


def read_truth(rules: AnswerRules, said: Any) -> tuple[Segment, ...] | None:
    """The right segments of a row; None where it says nothing about them. `TruthFault`.

    A list of `{"label", "start", "end", "track"}`, that list as JSON text, or "label 1.2-3.4; track: label 5-6". An
    empty list, or "nothing", says that there is nothing to mark.
    """
    if said is None or (isinstance(said, str) and not said.strip()):
        return None
    if isinstance(said, str):
        said = _from_text(rules, said.strip())
    if not isinstance(said, list):
        raise TruthFault("is no list of segments.")
    found = []
    for place, raw in enumerate(said, 1):
        segment = read_segment(raw)
        if segment is None:
            raise TruthFault(f"has no label, start and end in segment {place}.")
        if segment.label not in rules.labels:
            raise TruthFault(f'names "{segment.label[:80]}", which is none of the labels {", ".join(rules.labels)}.')
        if segment.track not in (rules.tracks or ("",)):
            raise TruthFault(f'names "{segment.track[:80]}", which is none of the tracks {", ".join(rules.tracks)}.')
        found.append(segment)
    return tuple(sorted(found, key=lambda segment: (segment.start, segment.end, segment.track)))


def _from_text(rules: AnswerRules, text: str) -> Any:
    if text.casefold() == NOTHING:
        return []
    if text.startswith("["):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise TruthFault("begins with [ but is no JSON.") from None
    found = []
    for part in (part.strip() for part in text.split(";")):
        if not part:
            continue
        times = _TIMES.fullmatch(part)
        if times is None:
            raise TruthFault(f'cannot be read at "{part[:80]}": write it as "label 1.2-3.4".')
        name, start, end = times[1], read_clock(times[2]), read_clock(times[3])
        track, colon, rest = name.partition(":")
        if name not in rules.labels and colon and track.strip() in rules.tracks:
            found.append({"label": rest.strip(), "track": track.strip(), "start": start, "end": end})
        else:
            found.append({"label": name, "start": start, "end": end})
    return found


def is_right(truth: Sequence[Segment], answer: Any, tolerance: float) -> bool:
    """Whether an answer marks just what the truth marks, each end no further off than `tolerance` seconds."""
    if isinstance(answer, Mapping) and answer.get("cannot_tell") is True:
        return False
    marked = list(read_segments(answer))
    if len(marked) != len(truth):
        return False
    for right in truth:
        near = [
            each
            for each in marked
            if (each.label, each.track) == (right.label, right.track)
            and abs(each.start - right.start) <= tolerance
            and abs(each.end - right.end) <= tolerance
        ]
        if not near:
            return False
        marked.remove(min(near, key=lambda each: abs(each.start - right.start) + abs(each.end - right.end)))
    return True


def simulate(
    rules: AnswerRules, row: Mapping[str, Any], truth: Sequence[Segment] | None, accuracy: float, draw: float
) -> dict[str, Any]:
    """What a simulated worker submits: the truth of the row, or else segments that depend on the video alone."""
    length = known_seconds(row.get("duration")) or _ASSUMED_SECONDS
    right = list(truth) if truth is not None else _made_up(rules, row, length)
    if draw >= accuracy:
        right = _wrong(rules, right, length, draw)
    made = [
        {
            "label": each.label,
            "start": round(min(each.start, length), 3),
            "end": round(min(each.end, length), 3),
            **({"track": each.track} if each.track else {}),
        }
        for each in right
        if min(each.end, length) - each.start >= 0.01
    ]
    nothing = not made and rules.nothing
    if not made and not nothing:
        made = [_plain(rules, rules.labels[0], length / 4, length / 2)]
    return {"segments": made, "nothing": nothing, "cannot_tell": False, "comment": "", "duration": round(length, 3)}


def _made_up(rules: AnswerRules, row: Mapping[str, Any], length: float) -> list[Segment]:
    digest = hashlib.sha256(str(row.get("video", row)).encode("utf-8", "replace")).digest()
    label = rules.labels[digest[0] % len(rules.labels)]
    track = rules.tracks[digest[1] % len(rules.tracks)] if rules.tracks else ""
    start = length * (0.1 + 0.3 * digest[2] / 255)
    return [Segment(label, start, start + length * (0.1 + 0.3 * digest[3] / 255), track)]


def _wrong(rules: AnswerRules, right: list[Segment], length: float, draw: float) -> list[Segment]:
    """Another label for the first segment, or none where one is due: as people err."""
    if not right:
        return [Segment(rules.labels[0], length / 4, length / 2, rules.tracks[0] if rules.tracks else "")]
    first, others = right[0], [label for label in rules.labels if label != right[0].label]
    if others:
        wrong = others[int(draw * 1000) % len(others)]
        return [Segment(wrong, first.start, first.end, first.track), *right[1:]]
    late = first.start + (first.end - first.start) / 2
    return [Segment(first.label, late, first.end, first.track), *right[1:]]


def _plain(rules: AnswerRules, label: str, start: float, end: float) -> dict[str, Any]:
    track = {"track": rules.tracks[0]} if rules.tracks else {}
    return {"label": label, "start": round(start, 3), "end": round(end, 3), **track}
