"""The answer to an image: labels, boxes, "cannot tell", a comment. Checked as hostile input, made up for rehearsals."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.blueprints.base import Shape

MAX_BOXES = 500
MAX_COMMENT = 5000
# A box at the edge may stick out by the rounding of the page's zoom.
_SLACK = 1.0


@dataclass(frozen=True)
class AnswerRules:
    """What the task asks for."""

    labels: tuple[str, ...]
    multiple: bool
    boxes: str
    """"off", "optional" or "required"."""
    cannot_tell: bool
    comment: bool


def check_answer(rules: AnswerRules, answer: Any, size: tuple[float, float] | None) -> str | None:
    """None when the answer can be taken, else what is wrong. `size` is the image's, in pixels, when it is known."""
    if not isinstance(answer, dict):
        return "The answer did not arrive whole. Please reload the page and send it again."
    labels, boxes = answer.get("labels", []), answer.get("boxes", [])
    comment, cannot_tell = answer.get("comment", ""), answer.get("cannot_tell", False)
    if not isinstance(labels, list) or not isinstance(boxes, list):
        return "The labels or boxes did not arrive as lists."
    if not isinstance(comment, str) or not _is_text(comment) or not isinstance(cannot_tell, bool):
        return "The comment did not arrive as a text."
    if len(comment) > MAX_COMMENT:
        return f"The comment is longer than {MAX_COMMENT} characters."
    if comment.strip() and not rules.comment:
        return "This task takes no comments."
    if cannot_tell:
        if not rules.cannot_tell:
            return '"Cannot tell" is no answer in this task.'
        return "Either labels or boxes, or that you cannot tell." if labels or boxes else None
    return _check_labels(rules, labels) or _check_boxes(rules, boxes, size)


def _check_labels(rules: AnswerRules, labels: Sequence[Any]) -> str | None:
    for label in labels:
        if label not in rules.labels:
            return f'"{str(label)[:80]}" is none of the labels of this task.'
    if len(set(labels)) != len(labels):
        return "A label is there twice."
    if rules.boxes == "required":
        return None
    if not labels:
        return "Please choose a label."
    if len(labels) > 1 and not rules.multiple:
        return "Please choose one label only."
    return None


def _check_boxes(rules: AnswerRules, boxes: Sequence[Any], size: tuple[float, float] | None) -> str | None:
    if boxes and rules.boxes == "off":
        return "This task takes no boxes."
    if not boxes and rules.boxes == "required":
        return "Please draw at least one box."
    if len(boxes) > MAX_BOXES:
        return f"There are more than {MAX_BOXES} boxes."
    for place, box in enumerate(boxes, 1):
        shape = read_shape(box)
        if shape is None or shape.label not in rules.labels:
            return f"Box {place} has no label of this task, or no place on the image."
        if size is not None and not _is_inside(shape, size):
            return f"Box {place} lies outside of the image."
    return None


def _is_inside(shape: Shape, size: tuple[float, float]) -> bool:
    return (
        shape.left >= -_SLACK
        and shape.top >= -_SLACK
        and shape.left + shape.width <= size[0] + _SLACK
        and shape.top + shape.height <= size[1] + _SLACK
    )


def read_shape(box: Any) -> Shape | None:
    """A box as a shape, or None for what is none."""
    if not isinstance(box, Mapping) or not isinstance(box.get("label"), str):
        return None
    numbers = [box.get(name) for name in ("left", "top", "width", "height")]
    made = [float(n) for n in numbers if isinstance(n, int | float) and not isinstance(n, bool) and abs(n) < 1e7]
    if len(made) != 4 or not all(map(math.isfinite, made)) or made[2] <= 0 or made[3] <= 0:
        return None
    return Shape(box["label"], *made)


def truth_of(row: Mapping[str, Any], labels: Sequence[str]) -> list[str]:
    """The right labels: what the row says under `truth` or `label`; else some that depend on the image alone."""
    for name in ("truth", "label"):
        said = row.get(name)
        parts = said if isinstance(said, list) else [part.strip() for part in str(said or "").split("|")]
        known = [part for part in parts if part in labels]
        if known:
            return known
    digest = hashlib.sha256(str(row.get("image", row)).encode("utf-8", "replace")).digest()
    return [labels[digest[0] % len(labels)]]


def simulate(rules: AnswerRules, row: Mapping[str, Any], accuracy: float, draw: float) -> dict[str, Any]:
    """What a simulated worker submits."""
    right = truth_of(row, rules.labels)[: None if rules.multiple else 1]
    wrong = [label for label in rules.labels if label not in right]
    chosen = right if draw < accuracy or not wrong else [wrong[int(draw * 1000) % len(wrong)]]
    boxes = []
    if rules.boxes == "required":
        width, height = size_of(row) or (100.0, 100.0)
        boxes = [
            {"label": label, "left": width / 4, "top": height / 4, "width": width / 2, "height": height / 2}
            for label in chosen
        ]
    return {"labels": chosen, "boxes": boxes, "cannot_tell": False, "comment": ""}


def size_of(row: Mapping[str, Any]) -> tuple[float, float] | None:
    """The image's width and height, when the row has them."""
    width, height = row.get("width"), row.get("height")
    if isinstance(width, int | float) and isinstance(height, int | float) and width > 0 and height > 0:
        return float(width), float(height)
    return None


def _is_text(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return "\0" not in text
