"""What a blueprint is: a kind of task: its arguments, pages and data, and how a submission is checked and shown."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

from app.args import arg
from app.blueprints.gate_args import GateArgs
from app.blueprints.live_agent import LiveAgent
from app.blueprints.task_code import TaskCode
from app.blueprints.task_runner import LiveRules


@dataclass
class BlueprintArgs(GateArgs):
    """What every blueprint can be told."""

    _blueprint_type: str = arg("", help="The kind of task.")
    task_code: str = arg(
        "",
        help="A Python file of your own with hooks and functions of this task; it runs on this computer at launch.",
        kind="file",
        group="advanced",
    )


@dataclass(frozen=True)
class AssignmentData:
    """One item of work: what all its workers share, and one entry per unit."""

    shared: Mapping[str, Any]
    unit_data: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class RowError:
    """A row of the requester's data that was left out. `line` is 1-based in `source`."""

    source: str
    line: int
    message: str


@dataclass(frozen=True)
class PageSet:
    """What the router serves for a task. See `app.architects.base.ServedTask` for the meaning of the maps."""

    pages: Mapping[str, Path]
    static: Mapping[str, Path] = field(default_factory=dict)
    static_folders: Mapping[str, Path] = field(default_factory=dict)
    image_sources: tuple[str, ...] = ()
    media_sources: tuple[str, ...] = ()
    task_config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Shape:
    """A box drawn on an image: label, left, top, width, height in image pixels."""

    label: str
    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True)
class LiveUpdate:
    """Something that was said while a worker worked: by the page (`inward`) or to it. Kept, in order."""

    inward: bool
    content: Mapping[str, Any]
    at: datetime


@dataclass(frozen=True)
class SpokenLine:
    """A line of a conversation as a reviewer sees it. `who`: "worker", "model", "requester" or "task"."""

    speaker: str
    text: str
    who: str = "worker"
    at: datetime | None = None
    form: tuple[tuple[str, str], ...] = ()
    """What was filled in inside the conversation, as (question, answer)."""


@dataclass(frozen=True)
class RemoteCall:
    """One call of a function by the page: arguments and answer as short texts."""

    target: str
    args: str
    answer: str
    failed: bool = False
    at: datetime | None = None


@dataclass(frozen=True)
class Segment:
    """A labelled stretch of a video, in seconds, on a track; `note` is the worker's text."""

    label: str
    start: float
    end: float
    track: str = ""
    note: str = ""


@dataclass(frozen=True)
class SubmissionView:
    """A submission as a reviewer sees it. Plain values, so that every screen and export can show it.

    `answer` is one short line for tables; `labels` feed agreement; `fields` are (question, answer) pairs in the
    worker's order; `image` is a local file, when there is one, that `shapes` are drawn on; `html` is the page as the
    worker saw it, filled in (static_html), never run: no scripts. `conversation` and `calls` are what was said live;
    `segments` lie on the `video` (a local file) or the `video_url`.
    """

    answer: str
    labels: tuple[str, ...] = ()
    fields: tuple[tuple[str, str], ...] = ()
    comment: str = ""
    image: Path | None = None
    image_url: str = ""
    shapes: tuple[Shape, ...] = ()
    html: str = ""
    conversation: tuple[SpokenLine, ...] = ()
    calls: tuple[RemoteCall, ...] = ()
    video: Path | None = None
    video_url: str = ""
    segments: tuple[Segment, ...] = ()
    tracks: tuple[str, ...] = ()
    """The rows of the timeline, as the worker saw them; none: those that the segments name."""


class Blueprint(ABC):
    """A kind of task, made with its checked arguments. It does no I/O but reading the requester's files."""

    BLUEPRINT_TYPE: ClassVar[str]
    TITLE: ClassVar[str]
    """What the launch page calls it: "Image labels"."""
    ArgsClass: ClassVar[type[BlueprintArgs]] = BlueprintArgs
    HAS_ONBOARDING: ClassVar[bool] = False
    """Whether its pages can show an onboarding."""
    IS_LIVE: ClassVar[bool] = False
    """Whether pages and the task talk while the work is done: what was said belongs to the submission."""

    def __init__(self, args: BlueprintArgs, base_dir: Path) -> None:
        """`base_dir` is what relative paths in the arguments are relative to (the task file's folder)."""
        self.args = args
        self.base_dir = base_dir
        self.live = LiveRules()
        self._code: TaskCode | None = None

    @property
    def code(self) -> TaskCode | None:
        """The requester's own code of this task, once `load_code` has run; None: the task has none."""
        return self._code

    def load_code(self) -> None:
        """Import the requester's code, if the task has any: when it is launched or resumed, never before.

        Runs in a thread. `ConfigError` when the file cannot be loaded or lacks what the task needs of it.
        """
        if self.args.task_code:
            self._code = TaskCode.load(self.args.task_code, self.base_dir)

    @classmethod
    @abstractmethod
    def assert_task_args(cls, args: BlueprintArgs, base_dir: Path) -> None:
        """Raise `ConfigError` (with `key`) when files are missing or arguments contradict each other. Quick."""

    @abstractmethod
    def iter_assignments(self, start: int = 0) -> Iterator[AssignmentData]:
        """The work, item by item, lazily, from item `start` on (a resumed launch). May raise `ConfigError`."""

    @abstractmethod
    def count_assignments(self) -> int | None:
        """How many items there are, when that is known without reading all."""

    def units_per_assignment(self) -> int:
        """How many workers do each item."""
        return 1

    def is_concurrent(self) -> bool:
        """Whether the workers of an assignment are there at the same time."""
        return False

    async def run_assignment(self, agents: Sequence[LiveAgent]) -> None:
        """The logic of an assignment, once all its workers are there, in the order of their units.

        Where the workers of an assignment are not there at the same time, it is called for each worker alone. A
        blueprint that does not override it has no logic. It may leave whenever it is over; each worker then has
        `submission_timeout` to hand in. The errors of `app.blueprints.live_agent` may come out of it: the workers who
        are left are let go.
        """

    def onboarding_data(self) -> Mapping[str, Any]:
        """What the page of the onboarding gets."""
        return {}

    def check_onboarding(self, inputs: Any, outputs: Any) -> bool:
        """Whether a worker passed the onboarding. Hostile input."""
        return True

    def row_errors(self) -> Sequence[RowError]:
        """Rows of the data that are left out, and why (known after the data was read)."""
        return ()

    def data_preview(self, limit: int) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
        """Column names and the first rows, as texts: what the launch page shows."""
        columns: list[str] = []
        rows: list[list[str]] = []
        for item, _ in zip(self.iter_assignments(), range(limit), strict=False):
            merged = {**item.shared, **(item.unit_data[0] if item.unit_data else {})}
            columns.extend(name for name in merged if name not in columns)
            rows.append([str(merged.get(name, "")) for name in columns])
        return columns, rows

    @abstractmethod
    def get_pages(self, build_dir: Path) -> PageSet:
        """What the router serves; generated files go into `build_dir`."""

    def initial_data(self, shared: Mapping[str, Any], unit_data: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the page gets as `init_task_data`."""
        return {**shared, **unit_data}

    def returning_data(self, inputs: Mapping[str, Any], history: Sequence[LiveUpdate]) -> Mapping[str, Any]:
        """What a page that comes back gets as `init_task_data`, given what was said before. Live tasks only."""
        return inputs

    def check_submission(
        self, inputs: Mapping[str, Any], outputs: Any, files: Sequence[Mapping[str, Any]]
    ) -> str | None:
        """None when it can be taken; else what is missing, for the worker, in plain words. Hostile input."""
        return None

    @abstractmethod
    def describe_submission(self, inputs: Any, outputs: Any, files: Sequence[Mapping[str, Any]]) -> SubmissionView:
        """A submission for review; must not raise on rubbish."""

    def add_history(self, view: SubmissionView, history: Sequence[LiveUpdate]) -> SubmissionView:
        """The submission with what was said while it was made; `history` may hold rubbish of the page."""
        return view

    def summarize_submission(
        self, inputs: Any, outputs: Any, files: Sequence[Mapping[str, Any]]
    ) -> tuple[str, tuple[str, ...]]:
        """`answer` and `labels` of `describe_submission` alone. Called for every submission as it is recorded."""
        view = self.describe_submission(inputs, outputs, files)
        return view.answer, view.labels

    def simulate_answer(self, inputs: Mapping[str, Any], accuracy: float, draw: float) -> Any:
        """What a simulated worker submits: right with probability `accuracy`; `draw` in [0, 1) is its chance."""
        return {}


@runtime_checkable
class SimulatesFiles(Protocol):
    """A blueprint whose simulated workers send files beside their answers."""

    def simulate_files(self, inputs: Mapping[str, Any], answer: Any) -> Sequence[tuple[str, str, bytes]]:
        """The files that go with a simulated answer: (field, name, content)."""


@runtime_checkable
class SimulatesOnboarding(Protocol):
    """A blueprint whose simulated workers know how to pass its onboarding."""

    def simulate_onboarding(self, inputs: Mapping[str, Any]) -> Any:
        """What a simulated worker sends who passes."""


@runtime_checkable
class OffersFiles(Protocol):
    """A blueprint that gives answers in the format of their trade too, such as the text track of a video."""

    def answer_files(self, inputs: Any, outputs: Any) -> Sequence[tuple[str, bytes]]:
        """The files of one answer: (name, content). Of rubbish too; in memory, and quick."""


@runtime_checkable
class JudgesAnswers(Protocol):
    """A blueprint that tells a right answer from a wrong one by a row's truth: for screening and gold units."""

    def known_row(self, values: Mapping[str, Any], truth: Any) -> Mapping[str, Any]:
        """A row of screening or gold data, without its truth, as an item's data; called before `get_pages`.

        `ConfigError` when no page can be made of it, or the truth is no answer that can be given.
        """

    def is_right(self, inputs: Mapping[str, Any], truth: Any, outputs: Any) -> bool:
        """Whether a submission that can be taken is right."""
