"""Rows in files: CSV, JSON and JSONL, in any usual encoding. CSV and JSONL are never held whole in memory."""

from __future__ import annotations

import codecs
import csv
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from app.blueprints.base import RowError
from app.blueprints.row import Row, make_row
from app.errors import ConfigError

MAX_LINE_BYTES = 16 * 1024 * 1024
MAX_JSON_BYTES = 1024 * 1024 * 1024
_SNIFFED_BYTES = 1024 * 1024


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


# --- CSV


def read_header(path: Path) -> list[str]:
    """The field names of a CSV file. `ConfigError` when its first line names none."""
    with open_text(path) as stream:
        return _read_header(_csv_reader(stream), path)


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
        fields = "1 field" if len(cells) == 1 else f"{len(cells)} fields"
        return RowError(source, line, f"has {fields}; the first line names {len(header)}.")
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
