"""Task files: YAML text to plain values, with the file and line of every key. Task files are hostile input.

Only mappings, lists, texts, numbers, true, false and null come out of a file: no tag makes an object, no resolver runs,
and what a small file could grow into (aliases, interpolations) is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from app.errors import ConfigError

MAX_BYTES = 1_048_576
MAX_NODES = 20_000
MAX_DEPTH = 40

KeyPath = tuple[str | int, ...]

_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]{1,3})?")
_TAG = "tag:yaml.org,2002:"
_PLAIN_TAGS = frozenset(_TAG + name for name in ("str", "int", "float", "bool", "null", "timestamp", "value", "merge"))


@dataclass(frozen=True)
class Place:
    """Where a value was written. `line` is 1-based; 0 for the command line."""

    file: str
    line: int


@dataclass
class Tree:
    """Plain values and where each was written. `package` is the `#@package` header of the file, None without one."""

    values: dict[str, Any]
    places: dict[KeyPath, Place] = field(default_factory=dict)
    package: str | None = None

    def place_of(self, path: KeyPath) -> Place:
        """The place of a key, or of the nearest key above it."""
        for length in range(len(path), -1, -1):
            found = self.places.get(path[:length])
            if found is not None:
                return found
        return Place("", 0)

    def error(self, path: KeyPath, message: str, advice: str = "") -> ConfigError:
        """A `ConfigError` at the place of `path`; the message is prefixed with the dotted key."""
        place = self.place_of(path)
        key = dotted(path)
        return ConfigError(
            f"{key}: {message}" if key else message, key=key, file=place.file, line=place.line, advice=advice
        )

    def merge(self, other: Tree, at: KeyPath = ()) -> None:
        """Lay another tree over this one, below the key `at`: mappings join, everything else is replaced."""
        target = self.values
        for depth, key in enumerate(at):
            below = target.setdefault(str(key), {})
            if not isinstance(below, dict):
                self._forget(below, at[: depth + 1])
                below = target[str(key)] = {}
            target = below
        self._lay(target, other.values, at, at, other)

    def _lay(
        self, target: dict[str, Any], values: Mapping[str, Any], here: KeyPath, root: KeyPath, other: Tree
    ) -> None:
        for key, value in values.items():
            path = (*here, key)
            below = target.get(key)
            if isinstance(below, dict) and isinstance(value, dict):
                if (place := other.places.get(path[len(root) :])) is not None:
                    self.places[path] = place
                self._lay(below, value, path, root, other)
                continue
            if key in target:
                self._forget(below, path)
            target[key] = value
            self._adopt(value, path[len(root) :], path, other)

    def _adopt(self, value: Any, theirs: KeyPath, ours: KeyPath, other: Tree) -> None:
        """Take over the places of a value and of all that is in it."""
        place = other.places.get(theirs)
        if place is not None:
            self.places[ours] = place
        for key, below in _children(value):
            self._adopt(below, (*theirs, key), (*ours, key), other)

    def remove(self, path: KeyPath) -> bool:
        """Take a key out; False when it is not there."""
        target: Any = self.values
        for key in path[:-1]:
            if not isinstance(target, dict) or key not in target:
                return False
            target = target[key]
        if not isinstance(target, dict) or path[-1] not in target:
            return False
        self._forget(target.pop(path[-1]), path)
        return True

    def _forget(self, value: Any, path: KeyPath) -> None:
        self.places.pop(path, None)
        for key, below in _children(value):
            self._forget(below, (*path, key))


def _children(value: Any) -> Iterable[tuple[str | int, Any]]:
    if isinstance(value, dict):
        return value.items()
    return enumerate(value) if isinstance(value, list) else ()


class RawFloat(float):
    """A number that remembers how it was written: "1.10" stays 1.10 where a text or an amount is wanted."""

    raw: str

    def __new__(cls, raw: str) -> RawFloat:
        made = super().__new__(cls, raw)
        made.raw = raw
        return made

    def __str__(self) -> str:
        return self.raw

    __repr__ = __str__


def dotted(path: Iterable[str | int]) -> str:
    """A key path as people write it: `mephisto.task.task_tags[0]`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def read_tree(path: Path) -> Tree:
    """A YAML file as a tree. `ConfigError` when it is missing, too big, not UTF-8, or not a mapping."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError("There is no such file.", file=str(path)) from None
    except OSError as error:
        raise ConfigError(f"The file cannot be read: {error.strerror or error}.", file=str(path)) from None
    if len(raw) > MAX_BYTES:
        raise ConfigError(f"A task file may have {MAX_BYTES} bytes at most.", file=str(path))
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError("The file is not UTF-8 text.", file=str(path)) from None
    return parse_tree(text, str(path))


def parse_tree(text: str, file: str) -> Tree:
    """YAML text as a tree; `file` is the name that errors speak of."""
    if len(text) > MAX_BYTES:
        raise ConfigError(f"A task file may have {MAX_BYTES} characters at most.", file=file)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = (error.problem or error.context or "cannot be read").strip()
        raise ConfigError(f"This is not YAML: {problem}.", file=file, line=mark.line + 1 if mark else 0) from None
    except yaml.YAMLError as error:
        raise ConfigError(f"This is not YAML: {' '.join(str(error).split())}.", file=file) from None
    except RecursionError:
        raise ConfigError("The file is nested too deeply.", file=file) from None
    header = re.match(r"#\s*@package\s+(\S+)", text)
    tree = Tree({}, {(): Place(file, 1)}, header.group(1) if header else None)
    if node is None:
        return tree
    if not isinstance(node, yaml.MappingNode):
        raise ConfigError('A task file is a mapping of keys, with "mephisto:" at its top.', file=file, line=1)
    tree.values = _Reader(tree, file).value(node, ())
    return tree


class _Reader:
    """Turns the node tree into values; counts what aliases make of it."""

    def __init__(self, tree: Tree, file: str) -> None:
        self._tree = tree
        self._file = file
        self._nodes = 0

    def value(self, node: yaml.Node, path: KeyPath) -> Any:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise self._error(node, f"The file holds more than {MAX_NODES} values.")
        if len(path) > MAX_DEPTH:
            raise self._error(node, "The file is nested too deeply.")
        self._tree.places.setdefault(path, Place(self._file, node.start_mark.line + 1))
        if isinstance(node, yaml.MappingNode):
            self._refuse_tag(node, _TAG + "map")
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            self._refuse_tag(node, _TAG + "seq")
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode)
        if node.tag not in _PLAIN_TAGS:
            self._refuse_tag(node, "")
        return scalar(node.value) if node.style is None and node.tag != "!" else node.value

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        made: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise self._error(key_node, "A key must be a text.")
            key = str(key_node.value)
            if key == "<<" and key_node.style is None:
                raise self._error(key_node, 'Merge keys ("<<") are not read; write the keys out.')
            if key in lines:
                raise self._error(key_node, f'The key "{key}" is there twice; first in line {lines[key]}.')
            lines[key] = key_node.start_mark.line + 1
            self._tree.places[(*path, key)] = Place(self._file, lines[key])
            made[key] = self.value(value_node, (*path, key))
        return made

    def _refuse_tag(self, node: yaml.Node, allowed: str) -> None:
        if node.tag not in (allowed, "!"):
            shown = node.tag.replace(_TAG, "!!")
            raise self._error(node, f'The tag "{shown}" is not read: a task file holds plain values only.')

    def _error(self, node: yaml.Node, message: str) -> ConfigError:
        return ConfigError(message, file=self._file, line=node.start_mark.line + 1)


def scalar(text: str) -> Any:
    """An unquoted YAML scalar as a value. Only true and false are booleans: a label "no" stays a text."""
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE"):
        return True
    if text in ("false", "False", "FALSE"):
        return False
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return RawFloat(text)
    return text


class _Dumper(yaml.SafeDumper):
    """Quotes every text that `scalar` would read as something else."""


def _represent_text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    plain = isinstance(scalar(value), str) and value.replace("\n", "").isprintable()
    style = None if plain else '"'  # what PyYAML writes plain it may read back as a line break
    return dumper.represent_scalar(_TAG + "str", value, style=style)


_Dumper.add_representer(str, _represent_text)


def dump(values: Mapping[str, Any]) -> str:
    """Plain values as YAML text that `parse_tree` reads back as the same values."""
    text: str = yaml.dump(dict(values), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return text
