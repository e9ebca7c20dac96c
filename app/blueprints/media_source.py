"""The images or videos of a task, in order: a folder, or a list of paths and addresses."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from app.blueprints.base import RowError
from app.blueprints.row import Row, make_row
from app.blueprints.row_files import check_file, open_text, read_rows
from app.blueprints.rows import MAX_KEPT_ERRORS
from app.blueprints.served_files import image_origin
from app.errors import ConfigError

_TABLE_SUFFIXES = frozenset((".csv", ".tsv", ".json", ".jsonl", ".ndjson"))
_OTHER_NAMES = ("url", "file", "path")
_COUNTED_AT_ONCE = 2000
MAX_ADDRESS = 2000


class MediaFault(ValueError):
    """Why a file cannot be shown, to follow its name."""


class LocalMedia(Protocol):
    """A checked file: `name` as the requester knows it, `url` as it is served."""

    @property
    def name(self) -> str:
        """Below the folder that all of them lie in."""

    @property
    def path(self) -> Path:
        """Where it is."""

    @property
    def url(self) -> str:
        """Its address at the router."""


M = TypeVar("M", bound=LocalMedia)


@dataclass(frozen=True)
class MediaKind(Generic[M]):
    """What is looked for. `word` ("image") names it in sentences, in rows, and in the arguments `image_folder`, ..."""

    word: str
    suffixes: frozenset[str]
    check: Callable[[Path, Path], M]
    """Opens and verifies (file, folder that it must lie in); `MediaFault`."""
    facts: Callable[[Mapping[str, Any], M | None], dict[str, Any]]
    """What a row of the list with its file (None: an address) tells the page of its own: sizes, lengths."""
    fact_names: tuple[str, ...]
    fault: Callable[[Mapping[str, Any]], str | None] = lambda row: None
    """Why a row of the list cannot be used although its file can."""


def walk_media(folder: Path, suffixes: frozenset[str]) -> Iterator[Path]:
    """Files with one of the suffixes in the folder and below, in the order of their names; hidden ones are left out."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and Path(name).suffix.lower() in suffixes:
                yield Path(place) / name


def find_below(path: Path, root: Path) -> tuple[Path, str, int]:
    """A file below `root`, links followed: its place, its name and its size in bytes. `MediaFault` when it is none."""
    try:
        real = path.resolve()
        if not real.is_relative_to(root):
            raise MediaFault(f"lies outside of {root}.")
        if not real.is_file():
            raise MediaFault("is not there.")
        size = real.stat().st_size
    except (OSError, ValueError) as error:
        if isinstance(error, MediaFault):
            raise
        raise MediaFault(f"cannot be read ({error}).") from None
    return real, (path if path.is_relative_to(root) else real).relative_to(root).as_posix(), size


def served_url(word: str, name: str, suffix: str) -> str:
    """The URL path of a file: it tells nothing of the file's name, and stays the same over a restart."""
    return f"/{word}/{hashlib.sha256(f'crowdesk {word} '.encode() + os.fsencode(name)).hexdigest()[:24]}{suffix}"


class MediaSource(Generic[M]):
    """Reading it again gives the same rows in the same order; each file is checked once."""

    def __init__(self, kind: MediaKind[M], folder: str, list_file: str, base_dir: Path) -> None:
        self._kind = kind
        self._folder = (base_dir / Path(folder).expanduser()).resolve() if folder else None
        self._list = (base_dir / Path(list_file).expanduser()).resolve() if list_file else None
        self._checked: dict[str, M | str] = {}
        self._errors: dict[tuple[str, int], RowError] = {}
        self._following: dict[str, str] = {}

    @property
    def root(self) -> Path | None:
        """The folder that every local file lies in."""
        return self._folder or (self._list.parent if self._list else None)

    @property
    def errors(self) -> list[RowError]:
        """What was left out, and why, as far as it was read; the first thousand."""
        return sorted(self._errors.values(), key=lambda error: (error.source, error.line))

    @property
    def key(self) -> str:
        """The argument that says where they are."""
        return f"blueprint.{self._kind.word}_list" if self._list else f"blueprint.{self._kind.word}_folder"

    def check(self) -> None:
        """Raise `ConfigError` when there is nothing to show at all. Quick: looks at the first that can be shown."""
        word = self._kind.word
        if self._folder is None and self._list is None:
            raise ConfigError(
                f"The task has no {word}s. Give {word}_folder or {word}_list.", key=f"blueprint.{word}_folder"
            )
        if self._folder is not None and not self._folder.is_dir():
            raise ConfigError(f"There is no folder {self._folder}.", key=f"blueprint.{word}_folder")
        if self._list is not None:
            check_file(self._list, f"blueprint.{word}_list")
        if next(self.read(), None) is None:
            told = f" The first: {self.errors[0].message}" if self.errors else ""
            where = self._list or self._folder
            raise ConfigError(f"There is no {word} in {where} that can be shown.{told}", key=self.key)

    def nothing_left(self) -> ConfigError:
        """That every row was left out, with the first reason."""
        first = next(iter(self.errors), None)
        told = f" The first that was left out: {first.message}" if first else ""
        return ConfigError(f"There is no {self._kind.word} that can be shown.{told}", key=self.key)

    def read(self) -> Iterator[dict[str, Any]]:
        """`{word: name or address}` with its facts and the list's other fields, one by one."""
        before = ""
        for row in self._rows():
            if isinstance(row, RowError):
                self._leave_out(row)
                continue
            fault = self._row_fault(row.values)
            if fault is not None:
                self._leave_out(RowError(row.source, row.line, fault))
                continue
            made = self._made(row.values)
            local = self.local(str(made[self._kind.word]))
            if local is not None and before:
                self._following[before] = local.name
            before = local.name if local is not None else ""
            yield made

    def describe(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """A row from elsewhere, as `read` gives those of the list. `ConfigError` when it cannot be shown."""
        fault = self._row_fault(values)
        if fault is not None:
            raise ConfigError(f"The row {fault}" if fault.startswith(("names", "has")) else fault, key=self.key)
        return self._made(values)

    def local(self, name: str) -> M | None:
        """The checked file of that name; None for an address on the web and for what cannot be shown."""
        if "://" in name or self.root is None:
            return None
        if name not in self._checked:
            try:
                self._checked[name] = self._kind.check(self.root / name, self.root)
            except MediaFault as fault:
                self._checked[name] = str(fault)
        found = self._checked[name]
        return None if isinstance(found, str) else found

    def following(self, name: str) -> M | None:
        """The file that comes after that one, as far as they were read."""
        found = self._following.get(name)
        return self.local(found) if found is not None else None

    def listed(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Names and rows as they stand in the list, looked at but not opened."""
        for row in self._rows():
            if isinstance(row, Row) and (name := self._name_of(row.values)):
                yield name, row.values

    def count(self) -> int | None:
        """How many can be shown, when there are few enough to look at all of them at once."""
        first = list(islice(self._rows(), _COUNTED_AT_ONCE + 1))
        if len(first) > _COUNTED_AT_ONCE:
            return None
        return sum(1 for _ in self.read())

    def _row_fault(self, values: Mapping[str, Any]) -> str | None:
        """Why a row cannot be shown, with the name of its file."""
        name = self._name_of(values)
        if not name:
            return self._nameless(values)
        fault = self._fault(name) or self._kind.fault(values)
        return None if fault is None else f"{name} {fault}"

    def _made(self, values: Mapping[str, Any]) -> dict[str, Any]:
        kind, name = self._kind, self._name_of(values)
        local = self.local(name)
        rest = {key: value for key, value in values.items() if key not in kind.fact_names}
        return {**rest, kind.word: local.name if local is not None else name, **kind.facts(values, local)}

    def _name_of(self, values: Mapping[str, Any]) -> str:
        names = (self._kind.word, *_OTHER_NAMES)
        return next((str(values[field]).strip() for field in names if values.get(field)), "")

    def _nameless(self, values: Mapping[str, Any]) -> str:
        """Why a row names nothing: the cell is empty, or there is no such field."""
        word = self._kind.word
        field = next((name for name in (word, *_OTHER_NAMES) if name in values), None)
        if field is not None:
            return f'has nothing in field "{field}", where the {word} is named.'
        return f"names no {word}: the field must be called {word}."

    def _fault(self, name: str) -> str | None:
        if "://" in name:
            good = len(name) <= MAX_ADDRESS and not any(c.isspace() for c in name) and image_origin(name) is not None
            return None if good else "is no http or https address."
        self.local(name)
        found = self._checked.get(name)
        return found if isinstance(found, str) else None

    def _rows(self) -> Iterator[Row | RowError]:
        word = self._kind.word
        if self._list is None:
            root = self._folder
            assert root is not None, "check() refuses a task without a folder and a list"
            for place, path in enumerate(walk_media(root, self._kind.suffixes), 1):
                yield make_row(root.name, place, {word: path.relative_to(root).as_posix()})
            return
        if self._list.suffix.lower() in _TABLE_SUFFIXES:
            yield from read_rows(self._list)
            return
        with open_text(self._list) as stream:
            for line, text in enumerate(stream, 1):
                if text.strip() and not text.lstrip().startswith("#"):
                    yield make_row(self._list.name, line, {word: text.strip()})

    def _leave_out(self, error: RowError) -> None:
        if len(self._errors) < MAX_KEPT_ERRORS:
            self._errors[error.source, error.line] = error
