"""Submissions with files: multipart bodies streamed to disk under names of our own, hashed on the way.

At most one network chunk of a file is in memory. A file has its final name only when all of it is on disk; when the
submission is refused or breaks off, nothing of it stays.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import os
import re
import secrets
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote_to_bytes

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.types import Receive, Scope

from app.architects.router.http import ClientGone, HttpRefusal, declared_length, header
from app.architects.router.limits import Limits

# the parser warns of every malformed byte: such forms are refused here, counted, and logged in sums
logging.getLogger("python_multipart").setLevel(logging.ERROR)

NAME_SHAPE = re.compile(r"[0-9a-f]{32}(\.[a-z0-9]{1,8})?")
"""Generated names: nothing that a worker chose but a harmless ending."""

MAX_FIELDS = 1000
SWEPT_AFTER_SECONDS = 3600.0
"""Longer than any upload, question or take-in lasts."""
AGENT_FIELD = "USED_AGENT_ID"

_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
_EXTENDED_NAME = re.compile(r"filename\*\s*=\s*(?:utf-8|UTF-8)''([^;\s]+)")


@dataclass
class Form:
    """A multipart body that was received whole. `files` are the facts of each file, as the packet carries them."""

    fields: dict[str, str] = field(default_factory=dict)
    files: list[dict[str, Any]] = field(default_factory=list)

    @property
    def files_by_fields(self) -> dict[str, list[dict[str, Any]]]:
        """The files by the name of their form field."""
        grouped: dict[str, list[dict[str, Any]]] = {}
        for facts in self.files:
            grouped.setdefault(facts["field"], []).append(facts)
        return grouped


@dataclass
class _Part:
    """One part being received. `file` is None for a field, whose bytes go to `value`."""

    name: str
    original_name: str | None
    mimetype: str
    value: bytearray = field(default_factory=bytearray)
    file: BinaryIO | None = None
    stored_name: str = ""
    size: int = 0
    digest: Any = field(default_factory=hashlib.sha256)
    waiting: list[bytes] = field(default_factory=list)
    ended: bool = False


class UploadReceiver:
    """Receives one multipart submission. Use once: `receive`, then keep the files or `discard` them."""

    def __init__(self, upload_dir: Path, limits: Limits, executor: Executor) -> None:
        self._dir, self._limits, self._executor = upload_dir, limits, executor
        self._form = Form()
        self._parts: list[_Part] = []
        self._field_bytes = 0
        self._file_bytes = 0
        self._paths: list[Path] = []
        self._headers: dict[str, bytes] = {}
        self._header_name = b""
        self._header_value = b""
        self._ended = False

    async def receive(self, scope: Scope, receive: Receive, check_agent: Callable[[str], Awaitable[None]]) -> Form:
        """The whole form. `check_agent(token)` is awaited as soon as the form has named its agent, and may refuse.

        Pages name it first, so that nothing is written for a forged one; in a form that names it last, it comes last.
        Raises `HttpRefusal` (400 malformed, 411..413 limits, 507 disk full) or `ClientGone`; nothing is left then.
        """
        try:
            return await self._receive(scope, receive, check_agent)
        except BaseException:
            await self.discard()
            raise

    async def discard(self) -> None:
        """Remove every file of this submission. Idempotent."""
        paths, self._paths = self._paths, []
        for part in self._parts:
            if part.file is not None:
                part.file.close()
        if paths:
            await asyncio.get_running_loop().run_in_executor(self._executor, _remove, paths)

    async def _receive(self, scope: Scope, receive: Receive, check: Callable[[str], Awaitable[None]]) -> Form:
        limits = self._limits
        most = limits.upload_bytes + limits.json_body_bytes
        if declared_length(scope) > most:
            raise HttpRefusal(413, "body_too_large", f"A submission may have {most} bytes with its files.")
        parser = self._parser(scope)
        checked = False
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            more = message.get("more_body", False)
            try:
                parser.write(message.get("body", b""))
                if not more:
                    parser.finalize()
            except FormParserError as error:
                raise _malformed(str(error)[:200]) from None
            if not checked and AGENT_FIELD in self._form.fields:
                await check(self._form.fields[AGENT_FIELD])
                checked = True
            await self._write()
        if not self._ended:
            raise _malformed("the form breaks off")
        if not checked:
            await check(self._form.fields.get(AGENT_FIELD, ""))
        return self._form

    def _parser(self, scope: Scope) -> MultipartParser:
        kind, options = parse_options_header(header(scope, b"content-type"))
        boundary = options.get(b"boundary", b"")
        if kind != b"multipart/form-data" or not boundary:
            raise _malformed("a multipart form needs a boundary")
        callbacks: Any = {
            "on_part_begin": self._on_part_begin,
            "on_part_data": self._on_part_data,
            "on_part_end": self._on_part_end,
            "on_header_field": self._on_header_field,
            "on_header_value": self._on_header_value,
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._on_headers_finished,
            "on_end": self._on_end,
        }
        try:
            return MultipartParser(boundary, callbacks)
        except FormParserError as error:
            raise _malformed(str(error)) from None

    # the parser's callbacks: they only sort bytes, what touches the disk waits for _write

    def _on_part_begin(self) -> None:
        self._headers = {}

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _on_header_end(self) -> None:
        self._headers[self._header_name.decode("latin-1").lower()] = self._header_value
        self._header_name = self._header_value = b""

    def _on_headers_finished(self) -> None:
        disposition = self._headers.get("content-disposition", b"")
        _, options = parse_options_header(disposition)
        if b"name" not in options:
            raise _malformed("a part of the form has no name")
        name = _text(options[b"name"])[:200]
        original = options.get(b"filename")
        extended = _EXTENDED_NAME.search(disposition.decode("latin-1"))
        if extended is not None:
            original = unquote_to_bytes(extended[1])
        kind = self._headers.get("content-type", b"application/octet-stream").decode("latin-1")[:200]
        part = _Part(name, None if original is None else clean_name(_text(original)), kind.strip())
        self._parts.append(part)
        if part.original_name is None and len(self._form.fields) >= MAX_FIELDS:
            raise HttpRefusal(413, "too_many_fields", f"A form may have {MAX_FIELDS} fields.")
        if part.original_name and len(self._form.files) >= self._limits.files_per_submission:
            raise HttpRefusal(
                413, "too_many_files", f"A submission may have {self._limits.files_per_submission} files."
            )

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        part = self._parts[-1]
        length = end - start
        if part.original_name is None:
            self._field_bytes += length
            if self._field_bytes > self._limits.json_body_bytes:
                raise HttpRefusal(
                    413, "body_too_large", f"The fields have more than {self._limits.json_body_bytes} bytes."
                )
            part.value += data[start:end]
            return
        part.size += length
        self._file_bytes += length
        if part.size > self._limits.file_bytes:
            raise HttpRefusal(413, "file_too_large", f"A file may have {self._limits.file_bytes} bytes.")
        if self._file_bytes > self._limits.upload_bytes:
            raise HttpRefusal(413, "body_too_large", f"All files may have {self._limits.upload_bytes} bytes together.")
        part.waiting.append(data[start:end])

    def _on_part_end(self) -> None:
        part = self._parts[-1]
        part.ended = True
        if part.original_name is None:
            try:
                self._form.fields[part.name] = part.value.decode("utf-8")
            except UnicodeDecodeError:
                raise _malformed(f"the field {part.name[:40]!r} is not UTF-8") from None
        elif part.original_name or part.size:
            part.stored_name = part.stored_name or generate_name(part.original_name)
            self._form.files.append(
                {
                    "filename": part.stored_name,
                    "original_name": part.original_name,
                    "field": part.name,
                    "mimetype": part.mimetype,
                    "size": part.size,
                    "sha256": "",
                }
            )

    def _on_end(self) -> None:
        self._ended = True

    async def _write(self) -> None:
        """Bring what the parser sorted to the disk, off the loop."""
        # a file input that was left empty sends a part with no name and no bytes: it is no file
        work = [part for part in self._parts if part.original_name is not None and (part.original_name or part.size)]
        if work:
            try:
                await asyncio.get_running_loop().run_in_executor(self._executor, self._write_parts, work)
            except OSError as error:
                raise HttpRefusal(507, "disk_full", f"The file cannot be stored: {error.strerror}.") from None
        self._parts = [part for part in self._parts if not part.ended]

    def _write_parts(self, parts: list[_Part]) -> None:
        for part in parts:
            if part.file is None:
                part.stored_name = part.stored_name or generate_name(part.original_name or "")
                self._dir.mkdir(parents=True, exist_ok=True)
                path = self._dir / (part.stored_name + ".part")
                part.file = path.open("xb")
                self._paths.append(path)
            for chunk in part.waiting:
                part.digest.update(chunk)
                part.file.write(chunk)
            part.waiting.clear()
            if part.ended:
                self._finish(part, part.file)

    def _finish(self, part: _Part, file: BinaryIO) -> None:
        file.flush()
        os.fsync(file.fileno())
        file.close()
        path = self._dir / part.stored_name
        os.replace(path.with_name(path.name + ".part"), path)
        self._paths[self._paths.index(path.with_name(path.name + ".part"))] = path
        sync_folder(self._dir)
        for facts in self._form.files:
            if facts["filename"] == part.stored_name:
                facts["sha256"] = part.digest.hexdigest()


def generate_name(original_name: str) -> str:
    """A name for a stored file: 128 random bits, and the ending of the worker's name when it is a plain one."""
    ending = os.path.splitext(original_name)[1].lower()
    return secrets.token_hex(16) + (ending if re.fullmatch(r"\.[a-z0-9]{1,8}", ending) else "")


def clean_name(name: str) -> str:
    """The worker's own name of a file, to be shown: no folders, no control characters, 255 characters at most."""
    base = re.split(r"[\\/]", name)[-1]
    return "".join(character for character in base if character.isprintable())[:255].strip()


def sweep(folder: Path, now: float) -> int:
    """Remove what nobody took: submissions that were answered with a doubt, or that a killed router was receiving.

    The desktop has moved or fetched what it took; files that are still young may be on their way. Returns how many.
    """
    removed = 0
    for path in folder.iterdir() if folder.is_dir() else ():
        if not NAME_SHAPE.fullmatch(path.name.removesuffix(".part")):
            continue
        with contextlib.suppress(OSError):  # taken meanwhile, or not ours to remove: the next start tries again
            if now - path.stat().st_mtime > SWEPT_AFTER_SECONDS:
                path.unlink()
                removed += 1
    return removed


def sync_folder(folder: Path) -> None:
    """Make new names in a folder survive a power cut, where the system can."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _text(raw: bytes) -> str:
    """A name from a part's header: UTF-8 as browsers send it, percent-encoded as other clients do."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    if _PERCENT.search(text):
        with contextlib.suppress(UnicodeDecodeError):
            return unquote_to_bytes(text).decode("utf-8")
    return text


def _malformed(why: str) -> HttpRefusal:
    return HttpRefusal(400, "malformed_body", f"The form cannot be read: {why}.")


def _remove(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
