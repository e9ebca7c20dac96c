"""The requester's rows: from CSV, JSON, JSONL, a list, or a Python function, one at a time, each with its line.

A row that cannot be used is a `RowError` and is left out; only what makes every row useless is a `ConfigError`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.args import arg
from app.blueprints.base import BlueprintArgs, RowError
from app.blueprints.row import Row, make_row
from app.blueprints.row_files import check_file, read_csv, read_header, read_json, read_jsonl
from app.blueprints.row_function import call_row_function, find_row_function
from app.errors import ConfigError

MAX_KEPT_ERRORS = 1000
_COUNTED_AT_ONCE_BYTES = 8 * 1024 * 1024


@dataclass
class RowArgs(BlueprintArgs):
    """Where the rows of a task come from: exactly one of these."""

    data_csv: str = arg("", help="A CSV file; its first line names the fields.", kind="file", group="data")
    data_json: str = arg("", help="A JSON file that holds a list of objects.", kind="file", group="data")
    data_jsonl: str = arg("", help="A file with one JSON object per line.", kind="file", group="data")
    static_task_data: list[Any] = arg(factory=list, help="The rows themselves, a list of mappings.", group="data")
    data_function: str = arg(
        "",
        help="A Python function that gives the rows: package.module:function, or file.py:function.",
        group="data",
    )
    units_per_assignment: int = arg(
        1, help="How many workers do each item.", minimum=1, maximum=1000, group="data", label="Workers per item"
    )


_SOURCES = ("data_csv", "data_json", "data_jsonl", "static_task_data", "data_function")


class RowSource:
    """The rows that a task's arguments name. Reading it again gives the same rows in the same order."""

    def __init__(self, args: RowArgs, base_dir: Path) -> None:
        self._args = args
        self._base_dir = base_dir
        self._kind = _chosen(args)
        self._errors: dict[tuple[str, int], RowError] = {}
        self._left_out = 0
        self._counted: tuple[object, int] | None = None

    @property
    def path(self) -> Path | None:
        """The file the rows are in, when they are in one."""
        if self._kind not in ("data_csv", "data_json", "data_jsonl"):
            return None
        return (self._base_dir / Path(str(getattr(self._args, self._kind))).expanduser()).resolve()

    def check(self) -> None:
        """Raise `ConfigError` when the rows cannot be read at all. Quick: reads the beginning only."""
        path = self.path
        if path is not None:
            check_file(path, f"blueprint.{self._kind}")
        if self._kind == "data_csv":
            self.header()
        elif self._kind == "data_function":
            find_row_function(self._args.data_function, self._base_dir)

    def header(self) -> list[str] | None:
        """The field names of a CSV file; None for other sources, whose rows each name their own."""
        if self._kind != "data_csv" or self.path is None:
            return None
        return read_header(self.path)

    def read(self) -> Iterator[Row]:
        """Every usable row, lazily, in order. What is left out is in `errors` as far as it was read."""
        for found in self._read():
            if isinstance(found, RowError):
                self.leave_out(found)
            else:
                yield found

    def leave_out(self, error: RowError) -> None:
        """Keep why a row is left out. The same row again (a second reading) is kept once."""
        key = (error.source, error.line)
        if key in self._errors or len(self._errors) < MAX_KEPT_ERRORS:
            self._errors[key] = error
        else:
            self._left_out = max(self._left_out, error.line)

    @property
    def errors(self) -> list[RowError]:
        """The rows that were left out, by line, the first thousand of them."""
        kept = sorted(self._errors.values(), key=lambda error: (error.source, error.line))
        if self._left_out:
            kept.append(RowError(kept[-1].source, self._left_out, "More rows were left out, up to this one at least."))
        return kept

    def count(self) -> int | None:
        """How many usable rows there are, when that takes no long reading; else None."""
        if self._kind == "data_function":
            return None
        path = self.path
        state: object = None
        if path is not None:
            try:
                stat = path.stat()
            except OSError:
                return None
            if stat.st_size > _COUNTED_AT_ONCE_BYTES:
                return None
            state = (stat.st_size, stat.st_mtime_ns)
        if self._counted is None or self._counted[0] != state:
            self._counted = (state, sum(1 for _ in self.read()))
        return self._counted[1]

    def _read(self) -> Iterator[Row | RowError]:
        path = self.path
        if path is None:
            found: Iterable[Any] = self._args.static_task_data
            if self._kind == "data_function":
                found = call_row_function(self._args.data_function, self._base_dir)
            name = self._args.data_function or self._kind
            return (make_row(name, place, values) for place, values in enumerate(found, 1))
        readers = {"data_csv": read_csv, "data_json": read_json, "data_jsonl": read_jsonl}
        check_file(path, f"blueprint.{self._kind}")
        return readers[self._kind](path)


def _chosen(args: RowArgs) -> str:
    given = [name for name in _SOURCES if getattr(args, name)]
    if len(given) == 1:
        return given[0]
    if not given:
        raise ConfigError(
            f"The task has no data. Give one of {', '.join(_SOURCES)}.", key="blueprint.data_csv", advice=""
        )
    raise ConfigError(f"Give only one of {' and '.join(given)}.", key=f"blueprint.{given[1]}")
