"""CSV in and out: cells that no spreadsheet takes for a formula; files from outside read within bounds."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from app.blueprints.base import RowError
from app.errors import ConfigError

MAX_BYTES = 64 * 1024 * 1024
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def cell(value: Any) -> Any:
    """A value as a CSV cell. Texts that a spreadsheet could run as a formula get an apostrophe before them."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return value
    if isinstance(value, Decimal):
        return format(value, "f")
    text = str(value).replace("\0", "\ufffd")
    return "'" + text if text.startswith(_FORMULA) else text


def encode(rows: Iterable[Sequence[Any]]) -> bytes:
    """Rows as CSV (RFC 4180), UTF-8, formula-safe."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerows([cell(value) for value in row] for row in rows)
    return buffer.getvalue().encode("utf-8", "replace")


@dataclass(frozen=True)
class CsvTable:
    """A CSV file that was read: rows as (line number, column -> text), and the rows that were left out."""

    name: str
    rows: list[tuple[int, dict[str, str]]]
    problems: list[RowError]


def read_table(path: Path, required: Sequence[str], optional: Sequence[str] = ()) -> CsvTable:
    """Read a CSV file with a head line. `ConfigError` when it cannot be one, or lacks a required column.

    Column names are taken without regard to case; other columns are ignored. A leading apostrophe, as `cell` writes it,
    is taken off again.
    """
    try:
        raw = _read(path)
    except FileNotFoundError:
        raise ConfigError("There is no such file.", file=str(path)) from None
    except OSError as error:
        raise ConfigError(f"The file cannot be read: {error.strerror or error}.", file=str(path)) from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError("The file is not UTF-8 text.", file=str(path)) from None
    reader = csv.reader(io.StringIO(text.replace("\0", "\ufffd"), newline=""), strict=True)
    rows: list[tuple[int, dict[str, str]]] = []
    problems: list[RowError] = []
    try:
        head = [name.strip().lower() for name in next(reader, [])]
        _check_head(path, head, required)
        wanted = {name: head.index(name) for name in (*required, *optional) if name in head}
        for row in reader:
            if not any(value.strip() for value in row):
                continue
            if len(row) > len(head):
                problems.append(RowError(path.name, reader.line_num, "has more cells than the head line."))
                continue
            rows.append((reader.line_num, _cells(row, wanted)))
    except csv.Error as error:
        raise ConfigError(f"This is not CSV: {error}.", file=str(path), line=reader.line_num) from None
    return CsvTable(path.name, rows, problems)


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        raw = file.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise ConfigError(f"The file is larger than {MAX_BYTES // 1024 // 1024} MiB.", file=str(path))
    return raw


def _check_head(path: Path, head: Sequence[str], required: Sequence[str]) -> None:
    for name in required:
        if name not in head:
            near = get_close_matches(name, head, n=1, cutoff=0.6)
            advice = f'Is "{near[0]}" meant?' if near else f"The first line must name {', '.join(required)}."
            raise ConfigError(f'There is no column "{name}".', key=name, file=str(path), line=1, advice=advice)


def _cells(row: Sequence[str], wanted: Mapping[str, int]) -> dict[str, str]:
    found = {name: row[index].strip() if index < len(row) else "" for name, index in wanted.items()}
    return {
        name: text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text
        for name, text in found.items()
    }
