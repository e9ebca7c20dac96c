"""Segments of a video as WebVTT, the text tracks of the web: players show them over the video."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from app.blueprints.base import Segment
from app.blueprints.video_label.timing import webvtt_time

_BLANK_LINES = re.compile(r"\s*\n\s*")


def to_webvtt(segments: Iterable[Segment], remarks: Sequence[str] = ()) -> str:
    """One cue for each segment, in the order of their starts: the track as its voice, the label, then the note."""
    blocks = ["WEBVTT"]
    blocks += [f"NOTE {_one_line(text)}" for text in remarks if text.strip()]
    ordered = sorted(segments, key=lambda segment: (segment.start, segment.end, segment.track, segment.label))
    for number, segment in enumerate(ordered, 1):
        voice = f"<v {_one_line(segment.track)}>" if segment.track.strip() else ""
        lines = [
            str(number),
            f"{webvtt_time(segment.start)} --> {webvtt_time(segment.end)}",
            f"{voice}{_one_line(segment.label) or 'segment'}",
        ]
        if segment.note.strip():
            lines.append(_BLANK_LINES.sub("\n", _escaped(segment.note.strip())))
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def _one_line(text: str) -> str:
    return " ".join(_escaped(text).split())


def _escaped(text: str) -> str:
    # escaped, an arrow "-->" in a text cannot begin a cue of its own either
    plain = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
