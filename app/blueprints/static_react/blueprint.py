"""Tasks whose page is a prebuilt bundle: `bundle.js`, served as it is, as front ends made for Mephisto expect it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, cast

from app.args import arg
from app.blueprints.base import AssignmentData, Blueprint, BlueprintArgs, PageSet, RowError, SubmissionView
from app.blueprints.row import json_fault
from app.blueprints.rows import RowArgs, RowSource
from app.blueprints.served_files import (
    check_image_origins,
    client_files,
    image_origin,
    list_extra_files,
    page_map,
    plain_inputs,
)
from app.blueprints.static_react.answers import (
    check_answer,
    describe_answer,
    find_picture,
    holds_truth,
    simulate_answer,
)
from app.blueprints.static_react.bundle import (
    BUNDLE_URL,
    PAGE,
    SOUND_URL,
    STYLE_URL,
    check_bundle,
    keep_copy,
    write_page,
    write_sound,
)
from app.errors import ConfigError

TRUTH_FIELDS = ("truth",)
"""Fields of a row that are for rehearsals and checks; they are never sent to a worker."""
_TRUTHS_KNOWN = 20_000


@dataclass
class StaticReactArgs(RowArgs):
    """What a task of a bundle can be told."""

    _blueprint_type: str = arg("static_react", help="The kind of task.")
    task_source: str = arg("", help="The built script, bundle.js.", kind="file", label="Bundle", required=True)
    extra_source_dir: str = arg(
        "", help="Files that the bundle loads: pictures, sounds, styles.", kind="folder", label="Extra files"
    )
    style_source: str = arg(
        "", help="A style sheet that was built beside the bundle.", kind="file", label="Style sheet"
    )
    answer_field: str = arg(
        "",
        help="The part of an answer that tables show and that workers are compared by, such as rating; empty: all.",
        label="Compared by",
    )
    task_config: dict[str, Any] = arg(
        factory=dict,
        help="What the bundle finds in its taskConfig, such as block_mobile.",
        group="advanced",
        label="Configuration of the bundle",
    )
    image_sources: list[str] = arg(
        factory=list,
        help="Other sites whose images the bundle shows, such as https://example.org.",
        group="advanced",
        label="Sites of images",
    )
    link_task_source: bool = arg(
        False,
        help="Serve the bundle as it is on the disk at every moment, to build it anew while the task runs.",
        group="advanced",
        label="Follow the file",
    )
    onboarding_data: dict[str, Any] = arg(
        factory=dict,
        help="What the bundle gets as its data in the onboarding.",
        group="advanced",
        label="Onboarding shows",
    )
    onboarding_truth: dict[str, Any] = arg(
        factory=dict,
        help="What the onboarding's answer must hold to pass, by its names.",
        group="advanced",
        label="Onboarding is passed by",
    )


class StaticReactBlueprint(Blueprint):
    """A requester's bundle, one or several workers per row."""

    BLUEPRINT_TYPE: ClassVar[str] = "static_react"
    TITLE: ClassVar[str] = "Prebuilt bundle"
    ArgsClass: ClassVar[type[BlueprintArgs]] = StaticReactArgs
    HAS_ONBOARDING: ClassVar[bool] = True

    def __init__(self, args: BlueprintArgs, base_dir: Path) -> None:
        super().__init__(args, base_dir)
        self._args = cast(StaticReactArgs, args)
        self._rows = RowSource(self._args, base_dir)
        self._truths: dict[str, Any] | None = None

    @classmethod
    def assert_task_args(cls, args: BlueprintArgs, base_dir: Path) -> None:
        """The bundle, its files and the data are there, and can be served."""
        task = cls(args, base_dir)
        given = task._args
        check_bundle(task._path(given.task_source, "task_source"), "blueprint.task_source")
        if given.style_source:
            check_bundle(task._path(given.style_source, "style_source"), "blueprint.style_source")
        task._extra_files  # noqa: B018 - made now, so that what is wrong is told now
        task._image_sources()
        task._rows.check()
        for name in ("task_config", "onboarding_data", "onboarding_truth"):
            fault = json_fault(getattr(given, name))
            if fault is not None:
                raise ConfigError(fault, key=f"blueprint.{name}")
        for name in ("onboarding_truth", "onboarding_data"):
            if getattr(given, name) and not given.onboarding_qualification:
                raise ConfigError(
                    "There is no onboarding without onboarding_qualification.",
                    key=f"blueprint.{name}",
                    advice="Name the qualification that the onboarding grants, or take this out.",
                )

    def iter_assignments(self, start: int = 0) -> Iterator[AssignmentData]:
        """One assignment per row."""
        empty: list[Mapping[str, Any]] = [{} for _ in range(self._args.units_per_assignment)]
        some = False
        for row in islice(self._rows.read(), start, None):
            some = True
            yield AssignmentData(row.values, empty)
        if not some and start == 0:
            first = next(iter(self._rows.errors), None)
            told = f" The first that was left out: line {first.line} {first.message}" if first else ""
            raise ConfigError(f"No row of the data can be used.{told}", key="blueprint.data_csv")

    def count_assignments(self) -> int | None:
        """Rows, when the data is small enough to count at once."""
        return self._rows.count()

    def units_per_assignment(self) -> int:
        return self._args.units_per_assignment

    def row_errors(self) -> Sequence[RowError]:
        return self._rows.errors

    def get_pages(self, build_dir: Path) -> PageSet:
        build_dir.mkdir(parents=True, exist_ok=True)
        args = self._args
        own: dict[str, Path] = {}
        for url, given, name in ((BUNDLE_URL, args.task_source, "task_source"), (STYLE_URL, args.style_source, "")):
            if not given:
                continue
            path = self._path(given, name or "style_source")
            check_bundle(path, f"blueprint.{name or 'style_source'}")
            own[url] = path if args.link_task_source else keep_copy(path, build_dir)
        sound = {SOUND_URL: write_sound(build_dir)}
        page = write_page(build_dir, styled=bool(args.style_source))
        return PageSet(
            pages={url: page if path.name == PAGE else path for url, path in page_map(PAGE).items()},
            static={**sound, **self._extra_files, **client_files(), **own},
            image_sources=self._image_sources(),
            task_config={"blueprint": self.BLUEPRINT_TYPE, **args.task_config},
        )

    def onboarding_data(self) -> Mapping[str, Any]:
        return self._args.onboarding_data

    def check_onboarding(self, inputs: Any, outputs: Any) -> bool:
        """Passed when the answer holds all of `onboarding_truth`; without one, everybody who answers passes."""
        return check_answer(outputs) is None and holds_truth(outputs, self._args.onboarding_truth)

    def initial_data(self, shared: Mapping[str, Any], unit_data: Mapping[str, Any]) -> Mapping[str, Any]:
        """The row, without its truth."""
        return {name: value for name, value in {**shared, **unit_data}.items() if name not in TRUTH_FIELDS}

    def check_submission(
        self, inputs: Mapping[str, Any], outputs: Any, files: Sequence[Mapping[str, Any]]
    ) -> str | None:
        """Only what cannot be kept is refused: what an answer must hold is between the bundle and the requester."""
        return check_answer(outputs)

    def describe_submission(self, inputs: Any, outputs: Any, files: Sequence[Mapping[str, Any]]) -> SubmissionView:
        described = describe_answer(outputs, files, self._args.answer_field)
        asked = tuple(
            (name, text)
            for name, text in describe_answer(plain_inputs(inputs), (), "").pairs
            if name.split(".")[0] not in TRUTH_FIELDS
        )
        shown = tuple((f"Shown: {name}", text) for name, text in asked)
        image, image_url = find_picture([text for _, text in asked], self._extra_files, self._image_sources())
        return SubmissionView(
            answer=described.short,
            labels=described.labels,
            fields=(*shown, *described.pairs),
            image=image,
            image_url=image_url,
        )

    def summarize_submission(
        self, inputs: Any, outputs: Any, files: Sequence[Mapping[str, Any]]
    ) -> tuple[str, tuple[str, ...]]:
        described = describe_answer(outputs, files, self._args.answer_field)
        return described.short, described.labels

    def known_row(self, values: Mapping[str, Any], truth: Any) -> Mapping[str, Any]:
        """Any row: what a bundle makes of it is the bundle's."""
        return values

    def is_right(self, inputs: Mapping[str, Any], truth: Any, outputs: Any) -> bool:
        """The answer holds all of the truth by its names; a truth that is one value is that of `answer_field`."""
        wanted = truth if isinstance(truth, Mapping) else {self._args.answer_field or "answer": truth}
        return holds_truth(outputs, wanted)

    def simulate_answer(self, inputs: Mapping[str, Any], accuracy: float, draw: float) -> Any:
        truths = self._known_truths()
        own = {name: value for name, value in plain_inputs(inputs).items() if name not in TRUTH_FIELDS}
        others = list({_key(truth): truth for truth in truths.values()}.values())
        truth = inputs.get("truth", truths.get(_key(own)))
        return simulate_answer(own, truth, others, self._args.answer_field, accuracy, draw)

    def simulate_onboarding(self, inputs: Mapping[str, Any]) -> Any:
        """What passes the onboarding."""
        return dict(self._args.onboarding_truth)

    def _known_truths(self) -> dict[str, Any]:
        """What is right for a row, by what is shown of it."""
        if self._truths is None:
            self._truths = {}
            for row in islice(self._rows.read(), _TRUTHS_KNOWN):
                truth = row.values.get("truth")
                if truth not in (None, ""):
                    self._truths[_key(self.initial_data(row.values, {}))] = truth
        return self._truths

    def _path(self, given: str, name: str) -> Path:
        if not given:
            raise ConfigError("is required: the bundle that was built for the task.", key=f"blueprint.{name}")
        return (self.base_dir / Path(given).expanduser()).resolve()

    @cached_property
    def _extra_files(self) -> dict[str, Path]:
        given, key = self._args.extra_source_dir, "blueprint.extra_source_dir"
        if not given:
            return {}
        folder = self._path(given, "extra_source_dir")
        if not folder.is_dir():
            raise ConfigError(f"There is no folder {folder}.", key=key)
        return list_extra_files(folder, key)

    def _image_sources(self) -> tuple[str, ...]:
        origins = set()
        for site in self._args.image_sources:
            origin = image_origin(str(site).strip())
            if origin is None:
                raise ConfigError(
                    f'"{site}" is no address of a site. Write it as https://example.org.',
                    key="blueprint.image_sources",
                )
            origins.add(origin)
        return check_image_origins(origins, "blueprint.image_sources")


def _key(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
