"""What is wrong with a form, and where; and careful looks into values that may be anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from app.errors import ConfigError

MAX_TEXT = 200_000
MAX_KEPT = 100


@dataclass(frozen=True)
class FormFault:
    """Something that is wrong: `path` is like `form.sections[0].title`, `message` a sentence."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class FormError(ConfigError):
    """A form that cannot be used; `faults` says everything that is wrong with it, the first is its message."""

    def __init__(self, faults: list[FormFault], *, key: str = "", file: str = "") -> None:
        more = len(faults) - 1
        advice = f"There {'is 1 more fault' if more == 1 else f'are {more} more faults'}." if more else ""
        super().__init__(str(faults[0]), key=key, file=file, advice=advice)
        self.faults = faults


class Notes:
    """The faults that are found while a form is read."""

    def __init__(self) -> None:
        self.faults: list[FormFault] = []

    def add(self, path: str, message: str) -> None:
        """Keep a fault; after the first hundred no more."""
        if len(self.faults) < MAX_KEPT:
            self.faults.append(FormFault(path, message))


@dataclass(frozen=True)
class Look:
    """A look into one object of a form: every getter gives a value of its type and notes what was none."""

    values: Mapping[str, Any]
    path: str
    notes: Notes

    def at(self, key: str) -> str:
        """The path of one of its values."""
        return f"{self.path}.{key}" if self.path else key

    def fault(self, key: str, message: str) -> None:
        """Note that one of its values is wrong."""
        self.notes.add(self.at(key) if key else self.path, message)

    def only(self, known: tuple[str, ...]) -> None:
        """Note every value of a name that is not known."""
        for key in self.values:
            if key not in known:
                near = get_close_matches(str(key), known, n=1, cutoff=0.6)
                hint = f' Did you mean "{near[0]}"?' if near else ""
                self.fault("", f'There is no "{str(key)[:60]}" here.{hint}')

    def text(self, key: str, *, needed: bool = False) -> str:
        """A text; a number is taken as its digits."""
        value = self.values.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = str(value)
        if value is None or value == "":
            if needed:
                self.fault(key, "is required.")
            return ""
        if not isinstance(value, str):
            self.fault(key, f"must be a text; it is {kind_of(value)}.")
            return ""
        if len(value) > MAX_TEXT:
            self.fault(key, f"is longer than {MAX_TEXT} characters.")
            return ""
        return value

    def flag(self, key: str, default: bool = False) -> bool:
        """True or false."""
        value = self.values.get(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.fault(key, f"must be true or false; it is {kind_of(value)}.")
            return default
        return value

    def whole(self, key: str, *, least: int = 0, most: int = 1_000_000) -> int | None:
        """A whole number within bounds, or None where there is none."""
        value = self.values.get(key)
        if value is None or value == "":
            return None
        if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit() and len(value) < 12:
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self.fault(key, f"must be a whole number from {least} to {most}.")
            return None
        return value

    def list_of(self, key: str, *, most: int, needed: bool = True) -> list[Any]:
        """A list, not empty where it is needed."""
        value = self.values.get(key)
        if value is None and not needed:
            return []
        if not isinstance(value, list):
            self.fault(key, "is required: a list." if value is None else f"must be a list; it is {kind_of(value)}.")
            return []
        if needed and not value:
            self.fault(key, "must not be empty.")
        if len(value) > most:
            self.fault(key, f"holds {len(value)} entries; {most} is the most.")
        return value[:most]

    def objects(self, key: str, *, most: int) -> list[Look]:
        """The objects of a list."""
        found = []
        for place, value in enumerate(self.list_of(key, most=most)):
            inner = self.inside(f"{self.at(key)}[{place}]", value)
            if inner is not None:
                found.append(inner)
        return found

    def inside(self, path: str, value: Any) -> Look | None:
        """A look into a value that must be an object."""
        if isinstance(value, Mapping):
            return Look(value, path, self.notes)
        self.notes.add(path, f"must be an object {{...}}; it is {kind_of(value)}.")
        return None


def kind_of(value: Any) -> str:
    """What a JSON value is, in words."""
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return f"the number {value}" if abs(value) < 1e15 else "a very large number"
    if isinstance(value, str):
        return f'the text "{value[:40]}"'
    if isinstance(value, list):
        return "a list"
    return "nothing" if value is None else "an object"
