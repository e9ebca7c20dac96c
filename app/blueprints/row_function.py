"""Rows from a Python function of the requester's own: `package.module:function` or `file.py:function`."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from app.errors import ConfigError

_KEY = "blueprint.data_function"
# What the requester's own code can do wrong. It is their fault, not ours, so it is told as a sentence.
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
    place, _, name = dotted.rpartition(":")
    if not place or not name.isidentifier():
        raise ConfigError(f'"{dotted}" names no function; write package.module:function.', key=_KEY)
    try:
        module = _load_file(base_dir / place) if place.endswith(".py") else importlib.import_module(place)
    except _FAULTS as error:
        raise ConfigError(f"{place} cannot be loaded: {_told(error)}", key=_KEY) from error
    function = getattr(module, name, None)
    if not callable(function):
        raise ConfigError(f'There is no function "{name}" in {place}.', key=_KEY)
    return function  # type: ignore[no-any-return]  # what it returns is checked row by row


def call_row_function(dotted: str, base_dir: Path) -> Iterator[Any]:
    """The rows that the function gives, lazily. `ConfigError` when it fails, saying at which row."""
    function = find_row_function(dotted, base_dir)
    place = 0
    try:
        for place, values in enumerate(function(), 1):  # noqa: B007 - told when the function fails
            yield values
    except _FAULTS as error:
        raise ConfigError(f"{dotted} failed after {place} rows: {_told(error)}", key=_KEY) from error


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def _load_file(path: Path) -> ModuleType:
    path = path.expanduser().resolve()
    if not path.is_file():
        raise ConfigError(f"There is no file {path}.", key=_KEY)
    name = f"crowdesk_rows_{hashlib.sha256(str(path).encode()).hexdigest()[:16]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{path} is no Python file.", key=_KEY)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickles of the file look it up
    spec.loader.exec_module(module)
    return module
