"""Labels and boxes on images: from a folder, from a list of files, or from addresses on the web."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, ClassVar, cast

from app.args import arg
from app.blueprints.base import AssignmentData, Blueprint, BlueprintArgs, PageSet, RowError, SubmissionView
from app.blueprints.image_label.answers import AnswerRules, check_answer, read_shape, simulate, size_of
from app.blueprints.image_label.image_files import IMAGES
from app.blueprints.media_source import MediaSource
from app.blueprints.row import json_fault
from app.blueprints.served_files import check_image_origins, client_files, image_origin, page_map, plain_inputs
from app.errors import ConfigError

MAX_LABELS = 200
MAX_LABEL = 100
TRUTH_FIELDS = ("truth", "label")


@dataclass
class ImageLabelArgs(BlueprintArgs):
    """What a task of image labels can be told."""

    _blueprint_type: str = arg("image_label", help="The kind of task.")
    image_folder: str = arg("", help="A folder of PNG, JPEG, GIF or WebP images.", kind="folder", group="data")
    image_list: str = arg(
        "",
        help="A file that names the images: one path or http(s) address per line, or CSV, JSON or JSONL with a field "
        '"image"; a field "truth" is kept from the workers.',
        kind="file",
        group="data",
    )
    labels: list[str] = arg(factory=list, help="What an image can be.", kind="labels", required=True)
    multiple: bool = arg(False, help="Whether an image can have several labels.", label="Several labels")
    boxes: str = arg(
        "off", help="Whether boxes are drawn on the image.", choices=("off", "optional", "required"), label="Boxes"
    )
    cannot_tell: bool = arg(True, help='Whether "cannot tell" is an answer.', label='"Cannot tell"')
    comment: bool = arg(True, help="Whether the worker can add a comment.", label="Comment")
    instructions: str = arg("", help="What the worker should know, shown beside the image.", kind="text")
    units_per_assignment: int = arg(
        1, help="How many workers label each image.", minimum=1, maximum=1000, group="data", label="Workers per item"
    )


class ImageLabelBlueprint(Blueprint):
    """Our own page: an image with zoom and pan, labels by click or key, boxes."""

    BLUEPRINT_TYPE: ClassVar[str] = "image_label"
    TITLE: ClassVar[str] = "Image labels"
    ArgsClass: ClassVar[type[BlueprintArgs]] = ImageLabelArgs

    def __init__(self, args: BlueprintArgs, base_dir: Path) -> None:
        super().__init__(args, base_dir)
        self._args = cast(ImageLabelArgs, args)
        self._images = MediaSource(IMAGES, self._args.image_folder, self._args.image_list, base_dir)
        self._known: dict[str, Mapping[str, Any]] = {}

    @property
    def rules(self) -> AnswerRules:
        """What an answer may be."""
        args = self._args
        return AnswerRules(
            tuple(str(label) for label in args.labels), args.multiple, args.boxes, args.cannot_tell, args.comment
        )

    @classmethod
    def assert_task_args(cls, args: BlueprintArgs, base_dir: Path) -> None:
        """There are labels to choose from and images to look at."""
        task = cls(args, base_dir)
        _check_labels(task.rules.labels)
        task._images.check()

    def iter_assignments(self, start: int = 0) -> Iterator[AssignmentData]:
        """One assignment per image: `{"image": its name or address, "width", "height", ...the list's own fields}`."""
        empty: list[Mapping[str, Any]] = [{} for _ in range(self._args.units_per_assignment)]
        some = False
        for row in islice(self._images.read(), start, None):
            some = True
            yield AssignmentData(row, empty)
        if not some and start == 0:
            raise self._images.nothing_left()

    def count_assignments(self) -> int | None:
        return self._images.count()

    def units_per_assignment(self) -> int:
        return self._args.units_per_assignment

    def row_errors(self) -> Sequence[RowError]:
        return self._images.errors

    def get_pages(self, build_dir: Path) -> PageSet:
        """Reads and checks every image of a folder or list: their addresses must be known before the first worker."""
        images: dict[str, Path] = {}
        origins: set[str] = set()
        for row in chain(self._images.read(), self._known.values()):
            local = self._images.local(row["image"])
            if local is not None:
                images[local.url] = local.path
            else:
                origins.add(image_origin(row["image"]) or "")
        args = self._args
        first = next(self._images.read(), None)
        return PageSet(
            pages=page_map("image_label.html"),
            static={**images, **client_files()},
            image_sources=check_image_origins(origins - {""}, "blueprint.image_list"),
            task_config={
                "blueprint": self.BLUEPRINT_TYPE,
                "labels": list(self.rules.labels),
                "multiple": args.multiple,
                "boxes": args.boxes,
                "cannot_tell": args.cannot_tell,
                "comment": args.comment,
                "instructions": args.instructions,
                "preview_data": dict(self.initial_data(first, {})) if first is not None else {},
            },
        )

    def initial_data(self, shared: Mapping[str, Any], unit_data: Mapping[str, Any]) -> Mapping[str, Any]:
        """The row without its truth, and `image_url`, the address that the page loads.

        `next_image_url`, when there is one, is what the page loads ahead: often the worker's next image.
        """
        row = {**shared, **unit_data}
        shown = {name: value for name, value in row.items() if name not in TRUTH_FIELDS}
        image = str(row.get("image", ""))
        local = self._images.local(image)
        following = self._images.following(image)
        ahead = {"next_image_url": following.url} if following is not None else {}
        return {**shown, "image_url": local.url if local is not None else image, **ahead}

    def check_submission(
        self, inputs: Mapping[str, Any], outputs: Any, files: Sequence[Mapping[str, Any]]
    ) -> str | None:
        if files:
            return "This task takes no files."
        fault = json_fault(outputs)
        if fault is not None:
            return f"The answer {fault}"
        return check_answer(self.rules, outputs, size_of(plain_inputs(inputs)))

    def describe_submission(self, inputs: Any, outputs: Any, files: Sequence[Mapping[str, Any]]) -> SubmissionView:
        row = plain_inputs(inputs)
        answer = outputs if isinstance(outputs, dict) else {}
        found = answer.get("labels")
        labels = tuple(str(label) for label in found) if isinstance(found, list) else ()
        boxes = answer.get("boxes")
        shapes = tuple(shape for box in boxes if (shape := read_shape(box))) if isinstance(boxes, list) else ()
        cannot_tell = answer.get("cannot_tell") is True
        comment = str(answer.get("comment") or "")
        if cannot_tell:
            labels = ("cannot tell",)
        elif not labels:
            labels = tuple(dict.fromkeys(shape.label for shape in shapes))
        counted = f"{len(shapes)} box{'' if len(shapes) == 1 else 'es'}" if shapes else ""
        image = str(row.get("image", ""))
        local = self._images.local(image)
        fields = [("Labels", ", ".join(labels))]
        if shapes:
            fields.append(("Boxes", ", ".join(f"{shape.label} {_place(shape)}" for shape in shapes)))
        if comment:
            fields.append(("Comment", comment))
        return SubmissionView(
            answer=" · ".join(part for part in (", ".join(labels), counted) if part) or "no answer",
            labels=labels,
            fields=tuple(fields),
            comment=comment,
            image=local.path if local is not None else None,
            image_url="" if local is not None else image,
            shapes=shapes,
        )

    def known_row(self, values: Mapping[str, Any], truth: Any) -> Mapping[str, Any]:
        """The row with its image's name and size; the image lies where the others do, or on the web."""
        row = self._images.describe(values)
        if truth is not None:
            right = truth if isinstance(truth, list) else str(truth).split("|")
            for label in (str(part).strip() for part in right):
                if label not in self.rules.labels:
                    raise ConfigError(f'The truth "{label}" is none of the labels {", ".join(self.rules.labels)}.')
        self._known[str(row["image"])] = row
        return row

    def is_right(self, inputs: Mapping[str, Any], truth: Any, outputs: Any) -> bool:
        """The labels, or those of the boxes, are those of the truth, in any order; "cannot tell" is not right."""
        view = self.describe_submission(inputs, outputs, ())
        right = truth if isinstance(truth, list) else str(truth).split("|")
        return set(view.labels) == {str(part).strip() for part in right}

    def simulate_answer(self, inputs: Mapping[str, Any], accuracy: float, draw: float) -> Any:
        return simulate(self.rules, plain_inputs(inputs), accuracy, draw)


def _place(shape: Any) -> str:
    return f"{shape.width:.0f} x {shape.height:.0f} at {shape.left:.0f}, {shape.top:.0f}"


def _check_labels(labels: Sequence[str]) -> None:
    key = "blueprint.labels"
    if not labels:
        raise ConfigError("The task has no labels to choose from.", key=key)
    if len(labels) > MAX_LABELS:
        raise ConfigError(f"There are {len(labels)} labels; a page can show {MAX_LABELS}.", key=key)
    for label in labels:
        if not label.strip() or len(label) > MAX_LABEL or label != label.strip() or "|" in label:
            raise ConfigError(
                f'"{label}" is no label: 1 to {MAX_LABEL} characters, no blanks around it, no "|" in it.', key=key
            )
    if len(set(labels)) != len(labels):
        double = next(label for place, label in enumerate(labels) if label in labels[:place])
        raise ConfigError(f'The label "{double}" is there twice.', key=key)
