"""Rows of a table for the clipboard and for files, in chunks, so that millions can be written in flat memory."""

from __future__ import annotations

import asyncio
import csv
import os
from array import array
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from app.errors import AppError, StoreError
from app.viewmodels.background import Progress
from app.viewmodels.formats import digits
from app.viewmodels.record_table import Column, RecordSource
from app.viewmodels.record_texts import file_text_of, text_of

CHUNK = 1000
LARGEST_COPY = 100_000


async def copy_text(source: RecordSource, ids: array[int], columns: Sequence[int]) -> str:
    """Rows as tab-separated text with a head line, as the table shows them. `AppError` beyond `LARGEST_COPY` rows."""
    if len(ids) > LARGEST_COPY:
        raise AppError(
            f"{digits(len(ids))} rows are more than the clipboard should hold ({digits(LARGEST_COPY)}).",
            "Save them as CSV instead.",
        )
    shown = [source.columns[number] for number in columns]
    lines = ["\t".join(column.label for column in shown)]
    async for values in _rows(source, ids):
        cells = (text_of(values[number], source.columns[number].kind) for number in columns)
        lines.append("\t".join(cell.replace("\t", " ").replace("\n", " ") for cell in cells))
    return "\n".join(lines) + "\n"


async def save_csv(source: RecordSource, ids: array[int], columns: Sequence[int], path: Path, report: Progress) -> int:
    """Write rows to a CSV file (UTF-8, exact values, ISO 8601 moments); the count of rows.

    The file appears when it is whole. `StoreError` when the disk refuses; nothing half-written stays.
    """
    shown: list[Column] = [source.columns[number] for number in columns]
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    written = 0
    try:
        with await asyncio.to_thread(temporary.open, "w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([column.label for column in shown])
            chunk: list[list[str]] = []
            async for values in _rows(source, ids):
                chunk.append([_safe(file_text_of(values[number])) for number in columns])
                if len(chunk) == CHUNK:
                    await asyncio.to_thread(writer.writerows, chunk)
                    written += len(chunk)
                    chunk = []
                    report(written, len(ids))
            await asyncio.to_thread(writer.writerows, chunk)
            written += len(chunk)
        await asyncio.to_thread(os.replace, temporary, path)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}.", "Choose another place.") from error
    finally:
        temporary.unlink(missing_ok=True)
    report(written, written)
    return written


async def _rows(source: RecordSource, ids: array[int]) -> AsyncIterator[tuple[Any, ...]]:
    for start in range(0, len(ids), CHUNK):
        part = ids[start : start + CHUNK]
        rows = await source.fetch(part)
        for record_id in part:
            if record_id in rows:
                yield rows[record_id]


def _safe(text: str) -> str:
    """A cell that no spreadsheet takes for a formula: what workers write is not to be run."""
    return f"'{text}" if text[:1] in ("=", "+", "@", "\t", "\r") or (text[:1] == "-" and not _number(text)) else text


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
