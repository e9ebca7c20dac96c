"""Rows from a Python function of the requester's own: `package.module:function` or `file.py:function`."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from app.blueprints.task_code import TaskCode, TaskCodeError
from app.errors import ConfigError

_KEY = "blueprint.data_function"
_END = object()
# What a module of the requester's own can do wrong. It is their fault, not ours, so it is told as a sentence.
_FAULTS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    NameError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)


def find_row_function(dotted: str, base_dir: Path) -> Callable[[], Iterable[Any]]:
    """The function that `dotted` names; a file is looked for in `base_dir`. `ConfigError` when it is not there."""
    return _find(dotted, base_dir)[0]


def call_row_function(dotted: str, base_dir: Path) -> Iterator[Any]:
    """The rows that the function gives, lazily. `ConfigError` when it fails, saying at which row, and in which line of
    a file."""
    function, code = _find(dotted, base_dir)
    place = 0
    try:
        if code is None:
            for place, values in enumerate(function(), 1):  # noqa: B007 - told when the function fails
                yield values
            return
        rows = code.run(lambda: iter(function()))
        while (values := code.run(next, rows, _END)) is not _END:
            place += 1
            yield values
    except TaskCodeError as error:
        raise ConfigError(f"{dotted} failed after {place} rows: {error}", key=_KEY) from error
    except _FAULTS as error:
        raise ConfigError(f"{dotted} failed after {place} rows: {_told(error)}", key=_KEY) from error


def _find(dotted: str, base_dir: Path) -> tuple[Callable[[], Iterable[Any]], TaskCode | None]:
    """The function, and the file that it is in; None: a module's."""
    place, _, name = dotted.rpartition(":")
    if not place or not name.isidentifier():
        raise ConfigError(f'"{dotted}" names no function; write package.module:function.', key=_KEY)
    code = TaskCode.load(place, base_dir, _KEY) if place.endswith(".py") else None
    try:
        function = code.find(name) if code is not None else getattr(importlib.import_module(place), name, None)
    except _FAULTS as error:
        raise ConfigError(f"{place} cannot be loaded: {_told(error)}", key=_KEY) from error
    if not callable(function):
        raise ConfigError(f'There is no function "{name}" in {place}.', key=_KEY)
    return function, code


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
