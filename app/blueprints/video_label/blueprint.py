"""Segments and tracks on a timeline of a video: from a folder, from a list of files, or from addresses on the web."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice
from pathlib import Path
from typing import Any, ClassVar, cast

from app.args import arg
from app.blueprints.base import AssignmentData, Blueprint, BlueprintArgs, PageSet, RowError, Segment, SubmissionView
from app.blueprints.media_source import MediaKind, MediaSource
from app.blueprints.row import json_fault
from app.blueprints.served_files import check_image_origins, client_files, image_origin, page_map, plain_inputs
from app.blueprints.video_label.answers import AnswerRules, check_answer, read_segments
from app.blueprints.video_label.timing import clock, known_seconds
from app.blueprints.video_label.truth import TruthFault, is_right, read_truth, simulate
from app.blueprints.video_label.video_files import VIDEOS, LocalVideo
from app.blueprints.video_label.webvtt import to_webvtt
from app.errors import ConfigError

MAX_LABELS = 200
MAX_TRACKS = 50
MAX_WORD = 100
LONGEST_ANSWER = 300
TRUTH = "truth"


@dataclass
class VideoLabelArgs(BlueprintArgs):
    """What a task of video segments can be told."""

    _blueprint_type: str = arg("video_label", help="The kind of task.")
    video_folder: str = arg("", help="A folder of WebM or MP4 videos.", kind="folder", group="data")
    video_list: str = arg(
        "",
        help="A file that names the videos: one path or http(s) address per line, or CSV, JSON or JSONL with a field "
        '"video"; a field "truth" ("label 1.2-3.4; label 5-6") is kept from the workers.',
        kind="file",
        group="data",
    )
    labels: list[str] = arg(factory=list, help="What a segment can be.", kind="labels", required=True)
    tracks: list[str] = arg(
        factory=list,
        help="Rows of the timeline, such as one for each person that is seen; none: one row without a name.",
        kind="labels",
    )
    overlap: bool = arg(False, help="Whether segments on one track may overlap.", label="Overlap")
    notes: bool = arg(False, help="Whether each segment can have a note.", label="Notes")
    nothing: bool = arg(
        True, help='Whether "nothing to mark" is an answer; no segment at all never is one.', label='"Nothing to mark"'
    )
    cannot_tell: bool = arg(True, help='Whether "cannot tell" is an answer.', label='"Cannot tell"')
    comment: bool = arg(True, help="Whether the worker can add a comment.", label="Comment")
    instructions: str = arg("", help="What the worker should know, shown beside the video.", kind="text")
    tolerance: float = arg(
        0.5,
        help="How far off the truth an end of a segment may be in screening and gold units.",
        minimum=0,
        maximum=3600,
        unit="seconds",
        group="advanced",
    )
    units_per_assignment: int = arg(
        1, help="How many workers label each video.", minimum=1, maximum=1000, group="data", label="Workers per item"
    )


class VideoLabelBlueprint(Blueprint):
    """Our own page: a video with a timeline under it, worked by keyboard, mouse or touch."""

    BLUEPRINT_TYPE: ClassVar[str] = "video_label"
    TITLE: ClassVar[str] = "Video segments"
    ArgsClass: ClassVar[type[BlueprintArgs]] = VideoLabelArgs

    def __init__(self, args: BlueprintArgs, base_dir: Path) -> None:
        super().__init__(args, base_dir)
        self._args = cast(VideoLabelArgs, args)
        self._rules = _rules_of(self._args)
        kind = MediaKind(
            VIDEOS.word,
            VIDEOS.suffixes,
            VIDEOS.check,
            VIDEOS.facts,
            VIDEOS.fact_names,
            lambda row: VIDEOS.fault(row) or self._truth_fault(row.get(TRUTH)),
        )
        self._videos: MediaSource[LocalVideo] = MediaSource(
            kind, self._args.video_folder, self._args.video_list, base_dir
        )
        self._known: dict[str, Mapping[str, Any]] = {}

    @classmethod
    def assert_task_args(cls, args: BlueprintArgs, base_dir: Path) -> None:
        """There are labels to choose from and videos to look at."""
        task = cls(args, base_dir)
        if not task._rules.labels:
            raise ConfigError("The task has no labels to choose from.", key="blueprint.labels")
        _check_words("label", task._rules.labels, MAX_LABELS)
        _check_words("track", task._rules.tracks, MAX_TRACKS)
        task._videos.check()

    def iter_assignments(self, start: int = 0) -> Iterator[AssignmentData]:
        """One assignment per video: `{"video": its name or address, "duration", "fps", ...the list's own fields}`."""
        empty: list[Mapping[str, Any]] = [{} for _ in range(self._args.units_per_assignment)]
        some = False
        for row in islice(self._videos.read(), start, None):
            some = True
            yield AssignmentData(row, empty)
        if not some and start == 0:
            raise self._videos.nothing_left()

    def count_assignments(self) -> int | None:
        return self._videos.count()

    def units_per_assignment(self) -> int:
        return self._args.units_per_assignment

    def row_errors(self) -> Sequence[RowError]:
        return self._videos.errors

    def get_pages(self, build_dir: Path) -> PageSet:
        """Looks at every video of a folder or list: their addresses must be known before the first worker."""
        videos: dict[str, Path] = {}
        origins: set[str] = set()
        for row in chain(self._videos.read(), self._known.values()):
            local = self._videos.local(row["video"])
            if local is not None:
                videos[local.url] = local.path
            else:
                origins.add(image_origin(row["video"]) or "")
        args, rules = self._args, self._rules
        first = next(self._videos.read(), None)
        return PageSet(
            pages=page_map("video_label.html"),
            static={**videos, **client_files()},
            media_sources=check_image_origins(origins - {""}, "blueprint.video_list", "videos"),
            task_config={
                "blueprint": self.BLUEPRINT_TYPE,
                "labels": list(rules.labels),
                "tracks": list(rules.tracks),
                "overlap": rules.overlap,
                "notes": rules.notes,
                "nothing": rules.nothing,
                "cannot_tell": rules.cannot_tell,
                "comment": rules.comment,
                "instructions": args.instructions,
                "preview_data": dict(self.initial_data(first, {})) if first is not None else {},
            },
        )

    def initial_data(self, shared: Mapping[str, Any], unit_data: Mapping[str, Any]) -> Mapping[str, Any]:
        """The row without its truth, and `video_url`, the address that the page plays."""
        row = {**shared, **unit_data}
        video = str(row.get("video", ""))
        local = self._videos.local(video)
        shown = {name: value for name, value in row.items() if name != TRUTH}
        return {**shown, "video_url": local.url if local is not None else video}

    def check_submission(
        self, inputs: Mapping[str, Any], outputs: Any, files: Sequence[Mapping[str, Any]]
    ) -> str | None:
        if files:
            return "This task takes no files."
        fault = json_fault(outputs)
        if fault is not None:
            return f"The answer {fault}"
        return check_answer(self._rules, outputs, known_seconds(plain_inputs(inputs).get("duration")))

    def describe_submission(self, inputs: Any, outputs: Any, files: Sequence[Mapping[str, Any]]) -> SubmissionView:
        video = str(plain_inputs(inputs).get("video", ""))
        local = self._videos.local(video)
        segments = read_segments(outputs)
        answer, labels = self._sum_up(outputs, segments)
        comment = str(outputs.get("comment") or "") if isinstance(outputs, dict) else ""
        fields = [("Labels", ", ".join(labels))]
        if segments:
            fields.append(("Segments", "; ".join(_in_words(segment) for segment in segments)))
        if comment:
            fields.append(("Comment", comment))
        return SubmissionView(
            answer=answer,
            labels=labels,
            fields=tuple(fields),
            comment=comment,
            video=local.path if local is not None else None,
            video_url="" if local is not None else video,
            segments=segments,
            tracks=self._rules.tracks,
        )

    def summarize_submission(
        self, inputs: Any, outputs: Any, files: Sequence[Mapping[str, Any]]
    ) -> tuple[str, tuple[str, ...]]:
        """Without a look at the video: it is called on the database's thread."""
        return self._sum_up(outputs, read_segments(outputs))

    def answer_files(self, inputs: Any, outputs: Any) -> Sequence[tuple[str, bytes]]:
        """The segments as WebVTT."""
        row = plain_inputs(inputs)
        answer, _ = self._sum_up(outputs, ())
        said = [f"Video: {row['video']}"] if row.get("video") else []
        segments = read_segments(outputs)
        text = to_webvtt(segments, said if segments else [*said, answer])
        return [("segments.vtt", text.encode("utf-8", "replace"))]

    def known_row(self, values: Mapping[str, Any], truth: Any) -> Mapping[str, Any]:
        """The row with its video's name and facts; the video lies where the others do, or on the web."""
        row = self._videos.describe(values)
        fault = self._truth_fault(truth)
        if fault is not None:
            raise ConfigError(fault.capitalize())
        self._known[str(row["video"])] = row
        return row

    def is_right(self, inputs: Mapping[str, Any], truth: Any, outputs: Any) -> bool:
        """The segments are those of the truth, each end at most `tolerance` off; "cannot tell" is not right."""
        try:
            right = read_truth(self._rules, truth)
        except TruthFault:
            return False
        return right is not None and is_right(right, outputs, self._args.tolerance)

    def simulate_answer(self, inputs: Mapping[str, Any], accuracy: float, draw: float) -> Any:
        row = plain_inputs(inputs)
        return simulate(self._rules, row, self._truths.get(str(row.get("video", ""))), accuracy, draw)

    @cached_property
    def _truths(self) -> dict[str, tuple[Segment, ...]]:
        """What the list says is right, by video: simulated workers are not shown it, and know it."""
        found = {}
        for name, row in self._videos.listed():
            if self._truth_fault(row.get(TRUTH)) is None:
                truth = read_truth(self._rules, row.get(TRUTH))
                if truth is not None:
                    found[name] = truth
        return found

    def _truth_fault(self, truth: Any) -> str | None:
        try:
            read_truth(self._rules, truth)
        except TruthFault as fault:
            return f"has a truth that {fault}"
        return None

    def _sum_up(self, outputs: Any, segments: Sequence[Segment]) -> tuple[str, tuple[str, ...]]:
        """One line, and what is compared with others' answers: which labels there are, on which tracks."""
        answer = outputs if isinstance(outputs, dict) else {}
        for name, words in (("cannot_tell", "cannot tell"), ("nothing", "nothing to mark")):
            if answer.get(name) is True:
                return words, (words,)
        if not segments:
            return "no answer", ()
        found = {(segment.track, segment.label) for segment in segments}
        order = [(track, label) for track in (self._rules.tracks or ("",)) for label in self._rules.labels]
        known = [each for each in order if each in found]
        others = sorted(found - set(known))
        labels = tuple(f"{track}: {label}" if track else label for track, label in [*known, *others])
        count = f"{len(segments)} segment{'' if len(segments) == 1 else 's'}"
        text = f"{count}: {', '.join(_in_words(segment) for segment in segments[:20])}"
        return (text if len(text) <= LONGEST_ANSWER else text[: LONGEST_ANSWER - 1] + "…"), labels


def _rules_of(args: VideoLabelArgs) -> AnswerRules:
    return AnswerRules(
        labels=tuple(str(label) for label in args.labels),
        tracks=tuple(str(track) for track in args.tracks),
        overlap=args.overlap,
        notes=args.notes,
        nothing=args.nothing,
        cannot_tell=args.cannot_tell,
        comment=args.comment,
    )


def _in_words(segment: Segment) -> str:
    place = f"{' '.join(segment.label.split())[:MAX_WORD]} {clock(segment.start)}\u2013{clock(segment.end)}"
    return f"{' '.join(segment.track.split())[:MAX_WORD]}: {place}" if segment.track else place


def _check_words(thing: str, words: Sequence[str], most: int) -> None:
    key = f"blueprint.{thing}s"
    if len(words) > most:
        raise ConfigError(f"There are {len(words)} {thing}s; a page can show {most}.", key=key)
    for word in words:
        if not word.strip() or len(word) > MAX_WORD or word != word.strip() or set(word) & set("|\n\r\t"):
            raise ConfigError(
                f'"{word}" is no {thing}: 1 to {MAX_WORD} characters, no blanks around it, no "|" and no line end in '
                "it.",
                key=key,
            )
    if len(set(words)) != len(words):
        double = next(word for place, word in enumerate(words) if word in words[:place])
        raise ConfigError(f'The {thing} "{double}" is there twice.', key=key)
