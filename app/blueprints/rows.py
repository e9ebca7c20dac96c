"""The requester's rows: from CSV, JSON, JSONL, a list, or a Python function, one at a time, each with its line.

A row that cannot be used is a `RowError` and is left out; only what makes every row useless is a `ConfigError`.
CSV and JSONL are never held whole in memory.
"""

from __future__ import annotations

import codecs
import csv
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from app.args import arg
from app.blueprints.base import BlueprintArgs, RowError
from app.blueprints.row_function import call_row_function, find_row_function
from app.errors import ConfigError

MAX_LINE_BYTES = 16 * 1024 * 1024
MAX_JSON_BYTES = 1024 * 1024 * 1024
MAX_KEPT_ERRORS = 1000
_SNIFFED_BYTES = 1024 * 1024
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


@dataclass(frozen=True, slots=True)
class Row:
    """One usable row. `line` is 1-based in `source` (the position, for rows that come from no file)."""

    source: str
    line: int
    values: dict[str, Any]


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
        with open_text(self.path) as stream:
            return _read_header(_csv_reader(stream), self.path)

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


def check_file(path: Path, key: str) -> None:
    """Raise `ConfigError` under `key` unless `path` is a file that can be read."""
    if not path.exists():
        raise ConfigError(f"There is no file {path}.", key=key)
    if not path.is_file():
        raise ConfigError(f"{path} is not a file.", key=key)
    try:
        path.open("rb").close()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.", key=key) from None


def read_rows(path: Path) -> Iterator[Row | RowError]:
    """The rows of a file, by its suffix: .csv, .tsv, .json, .jsonl or .ndjson. `ConfigError` for another."""
    suffix = path.suffix.lower()
    if suffix in (".csv", ".tsv"):
        return read_csv(path)
    if suffix in (".jsonl", ".ndjson"):
        return read_jsonl(path)
    if suffix == ".json":
        return read_json(path)
    raise ConfigError(f"{path.name} is neither CSV nor JSON nor JSONL.", file=str(path))


def make_row(source: str, line: int, values: Any) -> Row | RowError:
    """A row of plain values, or why it is none. Keys must be texts, values what JSON and a database can hold."""
    if not isinstance(values, Mapping):
        return RowError(source, line, f"is {_kind_of(values)}, not a set of named values.")
    if not values:
        return RowError(source, line, "is empty.")
    plain: dict[str, Any] = {}
    for key, value in values.items():
        if not isinstance(key, str) or not key.strip():
            return RowError(source, line, f"has a field whose name is {key!r}; names are texts.")
        plain[key] = value
    try:
        text = json.dumps(plain, ensure_ascii=False, allow_nan=False)
        text.encode("utf-8")
    except UnicodeEncodeError:
        return RowError(source, line, "holds characters that are no Unicode text.")
    except (TypeError, ValueError, RecursionError) as error:
        return RowError(source, line, f"holds a value that cannot be kept as JSON ({error}).")
    if "\\u0000" in text and _has_zero(plain):
        return RowError(source, line, "holds a zero character, which no database keeps.")
    return Row(source, line, plain)


# --- CSV


def read_csv(path: Path) -> Iterator[Row | RowError]:
    """The rows of a CSV file: comma, semicolon or tab; quoted fields may hold line ends; any usual encoding."""
    with open_text(path) as stream:
        reader = _csv_reader(stream)
        header = _read_header(reader, path)
        last = reader.line_num
        while True:
            line = last + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                last = max(reader.line_num, line)
                yield RowError(path.name, line, _csv_fault(error))
                continue
            last = reader.line_num
            if not any(cell.strip() for cell in cells):
                continue
            yield _csv_row(path.name, line, header, cells)


def _csv_row(source: str, line: int, header: list[str], cells: list[str]) -> Row | RowError:
    while len(cells) > len(header) and not cells[-1].strip():
        cells = cells[:-1]
    if len(cells) != len(header):
        return RowError(source, line, f"has {len(cells)} fields; the first line names {len(header)}.")
    return make_row(source, line, dict(zip(header, cells, strict=True)))


def _csv_fault(error: csv.Error) -> str:
    text = str(error)
    if "field larger" in text:
        return f"has a field of more than {csv.field_size_limit()} characters; is a quote missing?"
    if "end of data" in text:
        return "opens a quote that is never closed; the rows from here to the end of the file are lost in it."
    return f"has a quote where none can be ({text})."


def _csv_reader(stream: IO[str]) -> Any:
    """A strict reader, with the separator that the first line uses most."""
    first = stream.readline(MAX_LINE_BYTES)
    while first and not first.strip():
        first = stream.readline(MAX_LINE_BYTES)
    separator = max(",;\t", key=first.count)
    return csv.reader(itertools.chain([first], stream), delimiter=separator, strict=True)


def _read_header(reader: Any, path: Path) -> list[str]:
    try:
        header = [cell.strip() for cell in next(reader, [])]
    except csv.Error as error:
        raise ConfigError(f"The first line names the fields, but it {_csv_fault(error)}", file=str(path)) from None
    while header and not header[-1]:
        header.pop()
    if not header:
        raise ConfigError("The file is empty; its first line must name the fields.", file=str(path))
    for place, name in enumerate(header, 1):
        if not name:
            raise ConfigError(f"Column {place} has no name.", file=str(path), line=1)
        if header.index(name) != place - 1:
            raise ConfigError(f'Two columns are named "{name}".', file=str(path), line=1)
        if not isinstance(make_row(path.name, 1, {name: ""}), Row):
            raise ConfigError(f"The name of column {place} is no Unicode text.", file=str(path), line=1)
    return header


def open_text(path: Path) -> IO[str]:
    """A text file opened with the encoding that its beginning shows: a byte order mark, UTF-8, or else Windows-1252.

    Bytes that the encoding does not have become lone surrogates, which `make_row` reports with their line.
    """
    with path.open("rb") as raw:
        beginning = raw.read(_SNIFFED_BYTES)
    return path.open("r", encoding=_sniff(beginning), errors="surrogateescape", newline="")


def _sniff(beginning: bytes) -> str:
    if beginning.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if beginning.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if beginning.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(beginning, final=False)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


# --- JSON


def read_jsonl(path: Path) -> Iterator[Row | RowError]:
    """The rows of a file with one JSON object per line; empty lines are passed over."""
    with path.open("rb") as stream:
        for line in itertools.count(1):
            raw = stream.readline(MAX_LINE_BYTES)
            if not raw:
                return
            if len(raw) == MAX_LINE_BYTES and not raw.endswith(b"\n"):
                yield RowError(path.name, line, f"is longer than {MAX_LINE_BYTES // 1024 // 1024} MiB.")
                while raw and not raw.endswith(b"\n"):
                    raw = stream.readline(MAX_LINE_BYTES)
                continue
            if line == 1:
                raw = raw.removeprefix(codecs.BOM_UTF8)
            if raw.strip():
                yield _jsonl_row(path.name, line, raw)


def _jsonl_row(source: str, line: int, raw: bytes) -> Row | RowError:
    try:
        return make_row(source, line, json.loads(raw.decode("utf-8"), parse_constant=_refuse_constant))
    except UnicodeDecodeError:
        return RowError(source, line, "is not UTF-8 text.")
    except json.JSONDecodeError as error:
        return RowError(source, line, f"is not JSON: {error.msg} at character {error.colno}.")
    except (ValueError, RecursionError) as error:
        return RowError(source, line, f"is not JSON that can be used: {error}.")


def read_json(path: Path) -> Iterator[Row | RowError]:
    """The rows of a JSON file that holds a list of objects. `ConfigError` (with the line) when it does not."""
    if path.stat().st_size > MAX_JSON_BYTES:
        raise ConfigError("The file is too large for JSON.", file=str(path), advice="Use JSONL, one object per line.")
    text, place = _json_text(path), 0
    decoder = json.JSONDecoder(parse_constant=_refuse_constant)
    line = 1

    def skip_blank(start: int) -> int:
        while start < len(text) and text[start] in " \t\r\n":
            start += 1
        return start

    def wrong(what: str, where: int) -> ConfigError:
        return ConfigError(what, file=str(path), line=text.count("\n", 0, where) + 1)

    place = skip_blank(place)
    if text[place : place + 1] != "[":
        raise wrong("The file must hold a list of objects: [{...}, ...].", place)
    counted, place = 0, skip_blank(place + 1)
    while text[place : place + 1] != "]":
        line += text.count("\n", counted, place)
        counted = place
        try:
            values, place = decoder.raw_decode(text, place)
        except json.JSONDecodeError as error:
            raise wrong(f"The file is not JSON: {error.msg}.", error.pos) from None
        except (ValueError, RecursionError) as error:
            raise wrong(f"The file is not JSON that can be used: {error}.", place) from None
        yield make_row(path.name, line, values)
        place = skip_blank(place)
        if text[place : place + 1] == ",":
            place = skip_blank(place + 1)
        elif text[place : place + 1] != "]":
            raise wrong("The file is not JSON: a comma or the end of the list is missing.", place)
    if skip_blank(place + 1) != len(text):
        raise wrong("There is something after the end of the list.", skip_blank(place + 1))


def _json_text(path: Path) -> str:
    try:
        raw = path.read_bytes()
        return raw.decode(json.detect_encoding(raw)).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError("The file is not UTF-8 text.", file=str(path), line=line) from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON value")


def _has_zero(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, Mapping):
        return any(_has_zero(key) or _has_zero(item) for key, item in value.items())
    if isinstance(value, list | tuple):
        return any(_has_zero(item) for item in value)
    return False


def _kind_of(value: Any) -> str:
    names = {str: "a text", list: "a list", tuple: "a list", bool: "true or false", type(None): "nothing"}
    return names.get(type(value), "a number" if isinstance(value, int | float) else f"a {type(value).__name__}")
