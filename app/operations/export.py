"""Exports: the submissions of a run as JSON lines, CSV or Mephisto's folders; in pieces, whole or not at all."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any, TypeVar

from app.blueprints.base import OffersFiles
from app.data.files import NO_PROJECT, agent_folder, make_private_folder, safe_name, written_whole
from app.data.repo import answers, tasks
from app.data.repo.answers import ExportedAnswer
from app.data.repo.tasks import RunRow
from app.data.states import unit_kind
from app.data.store import Store
from app.errors import InvalidEntry, StoreError
from app.operations import safe_csv
from app.operations.export_files import AnswerFiles, offers_of
from app.settings import Settings

FORMATS = ("jsonl", "csv", "mephisto")
CHUNK = 200
MOST_COLUMNS = 400
"""Columns that answers may make of their keys; what is beyond them stays in the JSON of `outputs`."""

T = TypeVar("T")
Progress = Callable[[int, int], None]
"""Called with (done, of all)."""

_FACTS = (
    "task_run_id", "task_name", "assignment_id", "unit_id", "unit_index", "unit_kind", "agent_id", "worker_id",
    "worker_name", "provider_type", "status", "started_at", "submitted_at", "seconds", "pay_amount", "bonus",
    "currency", "review_note", "answer", "labels",
)  # fmt: skip
_FILE_COLUMNS = ("unit_id", "agent_id", "worker_name", "field", "original_name", "mimetype", "size", "sha256", "path")


@dataclass(frozen=True)
class ExportReport:
    """What was written. `files` counts uploaded files that are listed (or, in Mephisto's layout, copied), and those
    that the blueprint made of answers."""

    rows: int
    files: int
    paths: tuple[Path, ...]


async def export_run(
    store: Store,
    run_id: int,
    path: Path,
    format: str,  # noqa: A002 - the word of the command line
    *,
    settings: Settings,
    progress: Progress | None = None,
) -> ExportReport:
    """Write what was submitted in a run, reviewed or not.

    "jsonl": one object per submission. "csv": one row per submission, cells formula-safe, and a second file
    `NAME.files.csv` when workers uploaded files. "mephisto": a folder in Mephisto's layout, files copied into it. What
    the blueprint makes of answers goes into a folder `NAME.answers` beside the file, or into the agents' folders.
    Cancelling the task that runs this stops it; nothing half-written is left, and what was at `path` stays as it was.
    `EntryDoesNotExist`, `StoreError` (disk, permissions, a folder that is not empty), `InvalidEntry` (format).
    """
    if format not in FORMATS:
        raise InvalidEntry("format", f"must be one of {', '.join(FORMATS)}.")
    run = await store.read(tasks.get_task_run, run_id)
    agent_ids = await store.read(answers.list_submitted_agents, run_id)
    job = _Export(store, run, agent_ids, settings, progress or (lambda done, total: None))
    job.offers = await asyncio.to_thread(offers_of, run.init_params)
    return await {"jsonl": job.as_json_lines, "csv": job.as_csv, "mephisto": job.as_folders}[format](path)


class _Export:
    def __init__(
        self, store: Store, run: RunRow, agent_ids: Sequence[int], settings: Settings, progress: Progress
    ) -> None:
        self._store, self._run, self._ids, self._settings, self._progress = store, run, agent_ids, settings, progress
        self.offers: OffersFiles | None = None

    async def as_json_lines(self, path: Path) -> ExportReport:
        files = 0
        async with _off_loop(written_whole(path)) as out, self._made_beside(path) as made:
            async for rows in self._pieces():
                await asyncio.to_thread(self._write_lines, out, rows, made)
                files += sum(len(row.files) for row in rows)
        return self._report(files, [path], made)

    async def as_csv(self, path: Path) -> ExportReport:
        columns, uploads = await self._columns()
        head = (*_FACTS, *(f"{part}.{key}" for part, key in columns), "inputs", "outputs", "metadata", "files")
        files_path = path.with_name(f"{path.stem}.files.csv")
        async with AsyncExitStack() as stack:
            out = await stack.enter_async_context(_off_loop(written_whole(path)))
            out.write(safe_csv.encode([head]))
            listed = await stack.enter_async_context(_off_loop(written_whole(files_path))) if uploads else None
            if listed is not None:
                listed.write(safe_csv.encode([_FILE_COLUMNS]))
            made = await stack.enter_async_context(self._made_beside(path))
            async for rows in self._pieces(half=1):
                await asyncio.to_thread(self._write_cells, out, rows, columns)
                if listed is not None:
                    listed.write(safe_csv.encode(entry for row in rows for entry in self._file_rows(row)))
                if made is not None:
                    await asyncio.to_thread(made.add_all, rows)
        return self._report(uploads, [path, files_path] if uploads else [path], made)

    @asynccontextmanager
    async def _made_beside(self, path: Path) -> AsyncIterator[AnswerFiles | None]:
        """What takes the files that the blueprint makes of answers, when it makes any."""
        if self.offers is None:
            yield None
            return
        made = AnswerFiles(self.offers, path)
        async with _off_loop(made.kept()):
            yield made

    def _report(self, files: int, paths: list[Path], made: AnswerFiles | None) -> ExportReport:
        if made is not None and made.count:
            return ExportReport(len(self._ids), files + made.count, (*paths, made.folder))
        return ExportReport(len(self._ids), files, tuple(paths))

    async def as_folders(self, path: Path) -> ExportReport:
        """`PROJECT/RUN/ASSIGNMENT/assign_data.json` and `.../AGENT/agent_data.json`, `agent_meta.json`, files."""
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise StoreError(f"{path} is there already and not empty.", "Name a folder that is not there yet.")
        partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
        project = safe_name(self._run.project_name) if self._run.project_name else NO_PROJECT
        root = partial / project / str(self._run.task_run_id)
        files = 0
        try:
            await asyncio.to_thread(make_private_folder, root)
            async for rows in self._pieces():
                wanted = sorted({row.assignment_id for row in rows})
                data = await self._store.read(answers.list_assignment_data, wanted)
                files += await asyncio.to_thread(self._write_folders, root, rows, data)
            if path.exists():
                path.rmdir()
            os.replace(partial, path)
        except OSError as error:
            raise StoreError(
                f"{path} cannot be written: {error.strerror or error}.", "See to the disk's space."
            ) from None
        finally:
            await asyncio.to_thread(shutil.rmtree, partial, ignore_errors=True)
        return ExportReport(len(self._ids), files, (path,))

    async def _pieces(self, half: int | None = None) -> AsyncIterator[list[ExportedAnswer]]:
        """The submissions, piece by piece; `half` 0 or 1 when this is one of two passes."""
        total = len(self._ids)
        for start in range(0, total, CHUNK):
            rows = await self._store.read(answers.list_exported, self._ids[start : start + CHUNK])
            yield rows
            done = min(start + CHUNK, total)
            self._progress(done if half is None else (total * half + done) // 2, total)

    async def _columns(self) -> tuple[list[tuple[str, str]], int]:
        """The keys that inputs and outputs have at their top, in order of appearance; and how many files there are."""
        found: dict[tuple[str, str], None] = {}
        files = 0
        async for rows in self._pieces(half=0):
            for row in rows:
                files += len(row.files)
                for part, value in (("inputs", row.inputs), ("outputs", row.outputs)):
                    if isinstance(value, dict) and len(found) < MOST_COLUMNS:
                        found.update(((part, str(key)), None) for key in value)
        return sorted(list(found)[:MOST_COLUMNS], key=lambda column: column[0]), files

    def _facts(self, row: ExportedAnswer) -> tuple[Any, ...]:
        return (
            str(self._run.task_run_id), self._run.task_name, str(row.assignment_id), str(row.unit_id), row.unit_index,
            unit_kind(row.unit_index), str(row.agent_id), str(row.worker_id), row.worker_name,
            self._run.provider_type, row.status.value, _iso(row.started_at), _iso(row.submitted_at),
            None if row.time_on_task_ms is None else row.time_on_task_ms / 1000,
            format(row.pay_amount, "f"), format(row.bonus, "f"), self._run.currency, row.review_note, row.answer,
        )  # fmt: skip

    def _write_lines(self, out: IO[bytes], rows: Iterable[ExportedAnswer], made: AnswerFiles | None) -> None:
        for row in rows:
            line = dict(zip(_FACTS, (*self._facts(row), list(row.labels)), strict=True))
            line |= {"inputs": row.inputs, "outputs": row.outputs, "metadata": row.metadata}
            line["files"] = [{**entry, "path": str(self._place(row, entry))} for entry in row.files]
            if row.said:
                line["live_updates"] = _said(row)
            if made is not None:
                line["answer_files"] = made.add(row)
            out.write(json.dumps(line, ensure_ascii=False).encode("utf-8", "replace") + b"\n")

    def _write_cells(self, out: IO[bytes], rows: Iterable[ExportedAnswer], columns: Sequence[tuple[str, str]]) -> None:
        for row in rows:
            parts = {"inputs": row.inputs, "outputs": row.outputs}
            values = [_flat(parts[part], key) for part, key in columns]
            wholes = [_json(row.inputs), _json(row.outputs), _json(row.metadata)]
            names = "; ".join(f"{entry.get('original_name')} sha256:{entry.get('sha256')}" for entry in row.files)
            out.write(safe_csv.encode([(*self._facts(row), "|".join(row.labels), *values, *wholes, names)]))

    def _file_rows(self, row: ExportedAnswer) -> list[tuple[Any, ...]]:
        return [
            (str(row.unit_id), str(row.agent_id), row.worker_name, entry.get("field"), entry.get("original_name"),
             entry.get("mimetype"), entry.get("size"), entry.get("sha256"), str(self._place(row, entry)))
            for entry in row.files
        ]  # fmt: skip

    def _place(self, row: ExportedAnswer, entry: Any) -> Path:
        run = self._run
        folder = agent_folder(
            self._settings.runs_dir, run.project_name, run.task_run_id, row.assignment_id, row.agent_id
        )
        return folder / Path(str(entry.get("filename", ""))).name

    def _write_folders(self, root: Path, rows: Iterable[ExportedAnswer], data: dict[int, dict[str, Any]]) -> int:
        copied = 0
        for row in rows:
            assignment = root / str(row.assignment_id)
            agent = assignment / str(row.agent_id)
            agent.mkdir(parents=True)
            (assignment / "assign_data.json").write_text(_json(data.get(row.assignment_id, {})), "utf-8")
            whole = {"inputs": row.inputs, "outputs": row.outputs}
            if row.said:
                whole["live_updates"] = _said(row)
            (agent / "agent_data.json").write_text(_json(whole), "utf-8")
            (agent / "agent_meta.json").write_text(_json(self._meta(row)), "utf-8")
            for entry in row.files:
                place = self._place(row, entry)
                if place.is_file():
                    shutil.copyfile(place, agent / place.name)
                    copied += 1
            for name, content in self.offers.answer_files(row.inputs, row.outputs) if self.offers is not None else ():
                (agent / safe_name(name)).write_bytes(content)
                copied += 1
        return copied

    def _meta(self, row: ExportedAnswer) -> dict[str, Any]:
        facts = dict(zip(_FACTS, self._facts(row), strict=False))
        times = {
            "task_start": row.started_at.timestamp() if row.started_at else None,
            "task_end": row.submitted_at.timestamp() if row.submitted_at else None,
        }
        return {**times, **facts, "labels": list(row.labels), "files": list(row.files), "metadata": row.metadata}


@asynccontextmanager
async def _off_loop(held: AbstractContextManager[T]) -> AsyncIterator[T]:
    """A context whose waits for the disk are off the loop's thread."""
    value = await asyncio.to_thread(held.__enter__)
    try:
        yield value
    except BaseException:
        held.__exit__(*sys.exc_info())
        raise
    await asyncio.to_thread(held.__exit__, None, None, None)


def _said(row: ExportedAnswer) -> list[dict[str, Any]]:
    """What was said while the work was done, in order: `direction` is "in" from the page, "out" to it."""
    return [
        {
            "direction": each.direction,
            "at": _iso(each.creation_date),
            "update_id": each.update_id,
            "content": each.content,
        }
        for each in row.said
    ]


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="milliseconds")


def _json(value: Any) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _flat(value: Any, key: str) -> Any:
    found = value.get(key) if isinstance(value, dict) else None
    return found if found is None or isinstance(found, str | bool | int | float) else _json(found)
