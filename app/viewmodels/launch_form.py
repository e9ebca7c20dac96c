"""The launch form as data: which fields there are, how each is edited, and the values entered so far. No widgets."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any

from app.args import ArgSpec, describe


class Editor(StrEnum):
    """How a form edits a value."""

    TEXT = "text"
    LONG_TEXT = "long text"
    NUMBER = "number"
    MONEY = "money"
    SECONDS = "seconds"
    CHOICE = "choice"
    FLAG = "flag"
    FILE = "file"
    FOLDER = "folder"
    FILES = "files"
    FORM = "form"
    LABELS = "labels"
    LIST = "list"
    MAPPING = "mapping"
    REQUIREMENTS = "requirements"


@dataclass(frozen=True)
class FieldSpec:
    """One field of the form. `key` is "section.name"; `choices` are (value, words)."""

    key: str
    label: str
    help: str
    editor: Editor
    default: Any = None
    choices: tuple[tuple[str, str], ...] = ()
    unit: str = ""
    group: str = ""
    optional: bool = False
    required: bool = False

    @property
    def name(self) -> str:
        """The argument's name, without its section."""
        return self.key.split(".", 1)[1]


_KINDS = {
    "file": Editor.FILE,
    "folder": Editor.FOLDER,
    "files": Editor.FILES,
    "form": Editor.FORM,
    "text": Editor.LONG_TEXT,
    "labels": Editor.LABELS,
    "money": Editor.MONEY,
    "seconds": Editor.SECONDS,
    "requirements": Editor.REQUIREMENTS,
    "qualifications": Editor.REQUIREMENTS,
}
_TYPES: dict[Any, Editor] = {bool: Editor.FLAG, int: Editor.NUMBER, float: Editor.NUMBER, Decimal: Editor.NUMBER}


def field_specs(section: str, args_class: type[Any]) -> list[FieldSpec]:
    """The fields of an ArgsClass, in its order; the one that names the kind (`_..._type`) is chosen elsewhere."""
    return [_field(section, spec) for spec in describe(args_class) if not spec.name.startswith("_")]


def _field(section: str, spec: ArgSpec) -> FieldSpec:
    kind, optional = _plain_type(spec.type)
    meta = spec.meta
    return FieldSpec(
        key=f"{section}.{spec.name}",
        label=_label(spec),
        help=meta.help,
        editor=_editor(spec, kind),
        default=spec.default,
        choices=tuple((str(choice), _words(choice)) for choice in meta.choices),
        unit=meta.unit,
        group=meta.group,
        optional=optional,
        required=meta.required,
    )


def _editor(spec: ArgSpec, kind: Any) -> Editor:
    if spec.meta.choices:
        return Editor.CHOICE
    if spec.meta.kind in _KINDS:
        return _KINDS[spec.meta.kind]
    if spec.name == "qualifications":
        return Editor.REQUIREMENTS
    if spec.name.endswith("_in_seconds"):
        return Editor.SECONDS
    if kind in (list, tuple, Sequence):
        return Editor.LIST
    if kind is dict:
        return Editor.MAPPING
    return _TYPES.get(kind, Editor.TEXT)


def _label(spec: ArgSpec) -> str:
    """The label without the unit that the field itself shows."""
    return spec.label.removesuffix(" in seconds")


def _plain_type(kind: Any) -> tuple[Any, bool]:
    """A type without `| None`, its origin for generics; and whether None was there."""
    optional = False
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        parts = [part for part in typing.get_args(kind) if part is not type(None)]
        optional = len(parts) < len(typing.get_args(kind))
        kind = parts[0]
    return typing.get_origin(kind) or kind, optional


def _words(choice: Any) -> str:
    text = str(choice).replace("_", " ")
    return text[:1].upper() + text[1:]


@dataclass
class FormValues:
    """What the requester entered: the three kinds, and a value per key that differs from its default."""

    blueprint_type: str
    provider_type: str
    architect_type: str
    base_dir: Path
    entered: dict[str, Any] = field(default_factory=dict)

    def get(self, spec: FieldSpec) -> Any:
        """The value of a field: entered, else its default."""
        return self.entered.get(spec.key, spec.default)

    def kinds(self) -> dict[str, str]:
        """The kind of each section that has one."""
        return {"blueprint": self.blueprint_type, "provider": self.provider_type, "architect": self.architect_type}

    def put(self, key: str, value: Any) -> None:
        """Enter a value."""
        self.entered[key] = value

    def mapping(self, specs: Sequence[FieldSpec]) -> dict[str, dict[str, Any]]:
        """`{section: {name: value}}` of what differs from the defaults, for the fields there are now."""
        made: dict[str, dict[str, Any]] = {
            **{section: {f"_{section}_type": kind} for section, kind in self.kinds().items()},
            "task": {},
        }
        for spec in specs:
            value = self.entered.get(spec.key, spec.default)
            if spec.key in self.entered and not same(value, spec.default):
                section, name = spec.key.split(".", 1)
                made[section][name] = None if value == "" and spec.optional else value
        return made


def same(one: Any, other: Any) -> bool:
    """Whether two values of a field say the same, texts and numbers alike."""
    if one == other:
        return True
    if isinstance(one, Mapping | list) or isinstance(other, Mapping | list):
        return list(one or ()) == list(other or ()) if _listy(one) and _listy(other) else False
    return other is not None and one is not None and str(one) == str(other)


def _listy(value: Any) -> bool:
    return value is None or isinstance(value, list | tuple)


def parts_of(value: Any) -> list[str]:
    """A list of texts as a form shows it; a file may hold one text with commas where a list is wanted."""
    parts = value if isinstance(value, list | tuple) else () if value is None else str(value).split(",")
    return [text for part in parts if (text := str(part).strip())]


_SPANS = (("day", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
_SPAN_WORDS = {
    "s": 1, "sec": 1, "second": 1, "seconds": 1, "m": 60, "min": 60, "minute": 60, "minutes": 60,
    "h": 3_600, "hour": 3_600, "hours": 3_600, "d": 86_400, "day": 86_400, "days": 86_400,
    "w": 604_800, "week": 604_800, "weeks": 604_800,
}  # fmt: skip
_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)")


def span_text(seconds: int) -> str:
    """Seconds in the largest unit that divides them: 1800 is "30 min", 90 is "90 s", 2678400 is "31 days"."""
    if seconds == 0:
        return "0 s"
    for word, size in _SPANS:
        if seconds % size == 0:
            count = seconds // size
            return f"{count} {'days' if word == 'day' and count != 1 else word}"
    return f"{seconds} s"


def span_seconds(text: str) -> int | None:
    """The seconds of "30 min", "1 h 30 min", "2 days" or "1800"; None when it is no span of time."""
    rest, total = text.strip().lower(), 0.0
    if not rest:
        return None
    while rest:
        found = _SPAN.match(rest)
        if found is None or found.group(2) not in ("", *_SPAN_WORDS):
            return None
        total += float(found.group(1)) * _SPAN_WORDS.get(found.group(2), 1)
        rest = rest[found.end() :].strip(" ,")
    return int(total) if total == int(total) else None


COMPARATORS = (
    ("Exists", "is held"),
    ("DoesNotExist", "is not held"),
    (">=", "≥"),
    (">", ">"),
    ("==", "="),
    ("!=", "≠"),
    ("<=", "≤"),
    ("<", "<"),
    ("In", "is one of"),
    ("NotIn", "is none of"),
)
"""Comparators of a required qualification, and how they read."""

COMPARATORS_WITHOUT_VALUE = ("Exists", "DoesNotExist")
COMPARATORS_OF_LISTS = ("In", "NotIn")


def requirement_text(requirement: Mapping[str, Any]) -> str:
    """A required qualification as it reads on a chip: "chest-reader ≥ 1"."""
    comparator = str(requirement.get("comparator", ""))
    words = dict(COMPARATORS).get(comparator, comparator)
    name = str(requirement.get("qualification_name", ""))
    if comparator in COMPARATORS_WITHOUT_VALUE:
        return f"{name} {words}"
    value = requirement.get("applicable_value")
    shown = ", ".join(str(part) for part in value) if isinstance(value, list | tuple) else str(value)
    return f"{name} {words} {shown}"


def make_requirement(name: str, comparator: str, value: str) -> dict[str, Any]:
    """A required qualification from what was typed; `ValueError` says what is wrong, in words."""
    name = name.strip()
    if not name:
        raise ValueError("Name the qualification.")
    made: dict[str, Any] = {"qualification_name": name, "comparator": comparator}
    if comparator in COMPARATORS_WITHOUT_VALUE:
        return {**made, "applicable_value": None}
    texts = [part.strip() for part in value.split(",")] if comparator in COMPARATORS_OF_LISTS else [value.strip()]
    try:
        numbers = [int(text) for text in texts]
    except ValueError:
        what = "whole numbers with commas between" if comparator in COMPARATORS_OF_LISTS else "a whole number"
        raise ValueError(f"Compare with {what}.") from None
    return {**made, "applicable_value": numbers if comparator in COMPARATORS_OF_LISTS else numbers[0]}
