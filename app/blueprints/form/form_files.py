"""The files of a form: our own `form.json`, or those of Form Composer as they are (task_data.json and its tokens)."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from app.blueprints.row import json_fault
from app.blueprints.row_files import check_file
from app.errors import ConfigError

MAX_FORM_BYTES = 5 * 1024 * 1024
MAX_INSERTION_BYTES = 1024 * 1024
MAX_COMBINATIONS = 1_000_000
INSERTIONS = "insertions"
CUSTOM_RULES = "custom_validators.js"
TOKEN_SETS = "token_sets_values_config.json"  # noqa: S105 - the name of a file, and no secret
SEPARATE_TOKENS = "separate_token_values_config.json"
_MAX_DEPTH = 60


def load_json(path: Path, key: str) -> Any:
    """The value in a JSON file; `ConfigError` with its line when it is none."""
    check_file(path, key)
    if path.stat().st_size > MAX_FORM_BYTES:
        raise ConfigError(f"{path} is larger than {MAX_FORM_BYTES // 1024 // 1024} MiB.", key=key)
    raw = path.read_bytes()
    try:
        value = json.loads(raw.decode(json.detect_encoding(raw)).removeprefix("\ufeff"))
    except UnicodeDecodeError:
        raise ConfigError("The file is not UTF-8 text.", key=key, file=str(path)) from None
    except json.JSONDecodeError as error:
        raise ConfigError(
            f"The file is not JSON: {error.msg}, at character {error.colno}.",
            key=key,
            file=str(path),
            line=error.lineno,
        ) from None
    except (ValueError, RecursionError):
        raise ConfigError("The file is not JSON that can be used.", key=key, file=str(path)) from None
    if _depth(value) > _MAX_DEPTH:
        raise ConfigError(f"The file is nested more than {_MAX_DEPTH} deep.", key=key, file=str(path))
    fault = json_fault(value)
    if fault is not None:
        raise ConfigError(f"The file {fault}", key=key, file=str(path))
    return value


def load_forms(path: Path, key: str) -> list[Any]:
    """The forms in a file, with the insertions beside it put in: one, or a list of several."""
    value = load_json(path, key)
    forms = value if isinstance(value, list) else [value]
    if not forms:
        raise ConfigError("The file holds an empty list; it must hold a form.", key=key, file=str(path))
    return [put_in(form, path.parent, key) for form in forms]


def token_file_beside(form: Path) -> Path | None:
    """The file of tokens that Form Composer keeps beside a form, if there is one."""
    for name in (TOKEN_SETS, SEPARATE_TOKENS):
        if (form.parent / name).is_file():
            return form.parent / name
    return None


class TokenRows:
    """The rows of a file of tokens: a list of sets, or lists of which every combination is a row."""

    def __init__(self, path: Path, key: str) -> None:
        self.path = path
        value = load_json(path, key)
        self._sets: list[Mapping[str, Any]] = []
        self._lists: Mapping[str, list[Any]] = {}
        if isinstance(value, list):
            self._sets = [self._set(each, number, key) for number, each in enumerate(value)]
        elif isinstance(value, Mapping):
            self._lists = {name: self._list(name, each, key) for name, each in value.items()}
        else:
            raise ConfigError("The file holds neither sets of tokens nor lists of values.", key=key, file=str(path))
        if not len(self):
            raise ConfigError("The file gives no values for tokens.", key=key, file=str(path))
        if len(self) > MAX_COMBINATIONS:
            raise ConfigError(f"The lists make {len(self)} combinations.", key=key, file=str(path))

    def __len__(self) -> int:
        return len(self._sets) or (math.prod(len(each) for each in self._lists.values()) if self._lists else 0)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        rows: Iterator[Mapping[str, Any]] = iter(self._sets)
        if self._lists:
            combined = itertools.product(*self._lists.values())
            rows = (dict(zip(self._lists, values, strict=True)) for values in combined)
        for row in rows:
            yield {name: self._inserted(value) for name, value in row.items()}

    def _inserted(self, value: Any) -> Any:
        return read_insertion(value, self.path.parent, "blueprint.token_file") if is_insertion(value) else value

    def _set(self, value: Any, number: int, key: str) -> Mapping[str, Any]:
        found = value.get("tokens_values") if isinstance(value, Mapping) else None
        if value == {}:
            return {}
        if not isinstance(found, Mapping):
            raise ConfigError(
                f'[{number}] must be an object with "tokens_values": {{name: value, ...}}.',
                key=key,
                file=str(self.path),
            )
        return found

    def _list(self, name: str, value: Any, key: str) -> list[Any]:
        if not isinstance(value, list) or not value:
            raise ConfigError(f'"{name}" must be a list of values, not empty.', key=key, file=str(self.path))
        return value


def put_in(value: Any, folder: Path, key: str) -> Any:
    """A form with the HTML files that it names in the place of their names."""
    if isinstance(value, dict):
        return {
            name: read_insertion(part, folder, key)
            if name in ("help", "instruction", "label", "title", "tooltip") and is_insertion(part)
            else put_in(part, folder, key)
            for name, part in value.items()
        }
    if isinstance(value, list):
        return [put_in(part, folder, key) for part in value]
    return value


def is_insertion(value: Any) -> bool:
    """Whether a text is the name of an HTML file that stands for its content."""
    return (
        isinstance(value, str)
        and len(value) < 300
        and value.strip().startswith(f"{INSERTIONS}/")
        and value.strip().endswith((".html", ".htm"))
        and "<" not in value
    )


def read_insertion(value: str, folder: Path, key: str) -> str:
    """The HTML of an insertion. It must lie in the folder of the form."""
    path = (folder / value.strip()).resolve()
    if not path.is_relative_to((folder / INSERTIONS).resolve()):
        raise ConfigError(f"{value} leads out of the folder {INSERTIONS}.", key=key)
    check_file(path, key)
    if path.stat().st_size > MAX_INSERTION_BYTES:
        raise ConfigError(f"{path} is larger than {MAX_INSERTION_BYTES // 1024} KiB.", key=key)
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError("The file is not UTF-8 text.", key=key, file=str(path)) from None


def scripts_of(form: Path) -> dict[str, Path]:
    """The scripts of a form's own rules, by the address they are served at; empty when there are none."""
    folder = form.parent / INSERTIONS
    if not (folder / CUSTOM_RULES).is_file():
        return {}
    return {f"/{INSERTIONS}/{path.name}": path.resolve() for path in sorted(folder.glob("*.js")) if path.is_file()}


def _depth(value: Any) -> int:
    deepest = 0
    waiting = [(value, 1)]
    while waiting:
        part, depth = waiting.pop()
        deepest = max(deepest, depth)
        if isinstance(part, dict | list) and depth <= _MAX_DEPTH:
            waiting += [(inner, depth + 1) for inner in (part.values() if isinstance(part, dict) else part)]
    return deepest
