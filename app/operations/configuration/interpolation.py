"""`${key}` in task files: a value that stands elsewhere in the file. Nothing else: no resolver, no environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from app.operations.configuration.task_file import KeyPath, Tree

MAX_RESULT = 4_194_304
"""Characters and values that interpolation may make of a file, together."""
MAX_STEPS = 60

_OPEN = re.compile(r"(\\*)\$\{")
_KEY = re.compile(r"\.*[\w$\-/]+(?:\.[\w$\-/]+|\[\w+\])*")


def resolve(tree: Tree, variables: Mapping[str, Any]) -> dict[str, Any]:
    """The tree's values with every `${...}` replaced. `variables` are known at the top, below the file's own keys.

    `ConfigError`, with file and line, for an unknown key, a circle, a resolver such as `${oc.env:...}`.
    """
    resolver = _Resolver(tree, variables)
    return {key: resolver.value(value, (key,)) for key, value in tree.values.items()}


def escape(text: str) -> str:
    """A text that `resolve` gives back as it is."""
    return _OPEN.sub(lambda found: found.group(1) * 2 + "\\${", text)


class _Resolver:
    def __init__(self, tree: Tree, variables: Mapping[str, Any]) -> None:
        self._tree = tree
        self._variables = variables
        self._open: list[KeyPath] = []
        self._size = 0

    def value(self, value: Any, path: KeyPath) -> Any:
        """A value with what stands inside it replaced; `path` is where it was written."""
        self._count(1, path)
        if isinstance(value, dict):
            return {key: self.value(below, (*path, key)) for key, below in value.items()}
        if isinstance(value, list):
            return [self.value(below, (*path, index)) for index, below in enumerate(value)]
        if isinstance(value, str) and "${" in value:
            return self._text(value, path)
        return value

    def _text(self, text: str, path: KeyPath) -> Any:
        parts: list[Any] = []
        position = 0
        while (found := _OPEN.search(text, position)) is not None:
            slashes = len(found.group(1))
            parts.append(text[position : found.start()] + "\\" * (slashes // 2))
            if slashes % 2:
                parts.append("${")
                position = found.end()
                continue
            end = self._closing(text, found.end(), path)
            parts.append(_Found(self._look_up(text[found.end() : end], path)))
            position = end + 1
        parts.append(text[position:])
        parts = [part for part in parts if part != ""]
        if len(parts) == 1 and isinstance(parts[0], _Found):
            return parts[0].value
        made = "".join(self._as_text(part, path) for part in parts)
        self._count(len(made), path)
        return made

    def _as_text(self, part: Any, path: KeyPath) -> str:
        if not isinstance(part, _Found):
            return str(part)
        if isinstance(part.value, dict | list):
            raise self._tree.error(path, "a list or mapping cannot stand inside a text.")
        if part.value is None or isinstance(part.value, bool):
            return "null" if part.value is None else str(part.value).lower()
        return str(part.value)

    def _closing(self, text: str, start: int, path: KeyPath) -> int:
        depth = 0
        for position in range(start, len(text)):
            if text.startswith("${", position):
                depth += 1
            elif text[position] == "}":
                if depth == 0:
                    return position
                depth -= 1
        raise self._tree.error(path, '"${" is not closed.', 'Write "\\${" for the characters themselves.')

    def _look_up(self, inside: str, path: KeyPath) -> Any:
        if ":" in inside.split("${", 1)[0]:
            name = inside.split(":", 1)[0].strip()
            raise self._tree.error(
                path,
                f'"${{{name}:...}}" is not resolved: a task file reads neither the environment nor what is outside it.',
                f"Write the value, or give it on the command line: {'.'.join(str(part) for part in path)}=VALUE.",
            )
        key = str(self._text(inside, path)).strip()
        if not _KEY.fullmatch(key):
            raise self._tree.error(path, f'"${{{key}}}" is not a key.')
        target = self._absolute(key, path)
        if target in self._open or len(self._open) > MAX_STEPS:
            raise self._tree.error(path, f'"${{{key}}}" leads back to itself.')
        self._open.append(target)
        found = self.value(self._find(target, key, path), target)
        self._open.pop()
        return found

    def _absolute(self, key: str, path: KeyPath) -> KeyPath:
        dots = len(key) - len(key.lstrip("."))
        names: list[str | int] = [part for part in re.split(r"[.\[\]]+", key[dots:]) if part]
        if dots == 0:
            return tuple(names)
        if dots > len(path):
            raise self._tree.error(path, f'"${{{key}}}" leads out of the file.')
        return (*path[: len(path) - dots], *names)

    def _find(self, target: KeyPath, key: str, path: KeyPath) -> Any:
        below: Any = {**self._variables, **self._tree.values}
        for part in target:
            if isinstance(below, dict) and str(part) in below:
                below = below[str(part)]
            elif isinstance(below, list) and str(part).isdecimal() and int(part) < len(below):
                below = below[int(part)]
            else:
                raise self._tree.error(path, f'"${{{key}}}" names no key of this file.')
        return below

    def _count(self, size: int, path: KeyPath) -> None:
        self._size += size
        if self._size > MAX_RESULT:
            raise self._tree.error(path, "the interpolations grow beyond every measure.")


class _Found:
    """What an interpolation stands for, apart from the text around it."""

    def __init__(self, value: Any) -> None:
        self.value = value
