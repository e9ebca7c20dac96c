"""Small pieces of HTTP over bare ASGI: bodies with a limit, JSON that is strict, refusals, files in ranges."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from starlette.types import Receive, Scope, Send

from app.architects.router.site import COMMON_HEADERS, JSON_TYPE, NO_STORE, Headers

CHUNK = 256 * 1024

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class HttpRefusal(Exception):
    """A request that is refused: an HTTP status, a word for programs and a sentence for people."""

    def __init__(self, status: int, error: str, detail: str, retry_after: int = 0) -> None:
        super().__init__(detail)
        self.status, self.error, self.detail, self.retry_after = status, error, detail, retry_after


class CountedRefusal(HttpRefusal):
    """A refusal that the state machine has counted and logged already."""


class ClientGone(Exception):
    """The client hung up before its request was whole."""


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)
_UNSAFE = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def parse_json(text: str) -> Any:
    """Decode JSON; `HttpRefusal` (400) for what is none, for NaN and Infinity, and for nesting without end.

    Characters that no database takes (U+0000, halves of a surrogate pair) become U+FFFD: an answer is never refused
    for them.
    """
    try:
        value = _DECODER.decode(text)
        return _storable(value) if _UNSAFE.search(text) else value
    except (ValueError, RecursionError):
        raise HttpRefusal(400, "malformed_json", "The body must be JSON.") from None


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return _UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {_storable(key): _storable(item) for key, item in value.items()}
    return value


def header(scope: Scope, name: bytes) -> str:
    """One header of a request, "" when it is not there."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value).decode("latin-1")
    return ""


def declared_length(scope: Scope) -> int:
    """The Content-Length, 0 when none is given (h11 has checked that it is a number)."""
    text = header(scope, b"content-length")
    return int(text) if text.isdigit() else 0


async def read_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """The whole body, at most `limit` bytes; `HttpRefusal` (413) beyond, `ClientGone` when it never becomes whole."""
    if declared_length(scope) > limit:
        raise too_large(limit)
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientGone
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        if len(body) > limit:
            raise too_large(limit)
        return body
    parts = bytearray(body)
    while message.get("more_body"):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        parts += message.get("body", b"")
        if len(parts) > limit:
            raise too_large(limit)
    return bytes(parts)


def too_large(limit: int) -> HttpRefusal:
    """The refusal of a body over its limit."""
    size = f"{limit / 1024 / 1024:g} MiB" if limit >= 1024 * 1024 else f"{limit} bytes"
    return HttpRefusal(413, "body_too_large", f"The request is larger than the {size} that are taken.")


async def read_json(scope: Scope, receive: Receive, limit: int) -> dict[str, Any]:
    """The body as a JSON object; `HttpRefusal` (400, 413) when it is none."""
    body = await read_body(scope, receive, limit)
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise HttpRefusal(400, "malformed_json", "The body must be JSON in UTF-8.") from None
    value = parse_json(text)
    if not isinstance(value, dict):
        raise HttpRefusal(400, "malformed_body", "The body must be a JSON object.")
    return value


_JSON_HEADERS: Headers = [JSON_TYPE, NO_STORE, *COMMON_HEADERS]


async def send_json(send: Send, status: int, body: dict[str, Any], extra: Headers | None = None) -> None:
    """Answer with a JSON object."""
    content = json.dumps(body, separators=(",", ":")).encode("ascii")
    await send_bytes(send, status, content, _JSON_HEADERS + extra if extra else _JSON_HEADERS)


async def send_bytes(send: Send, status: int, content: bytes, headers: Headers) -> None:
    """Answer with these bytes; a Content-Length is added."""
    length = (b"content-length", str(len(content)).encode("ascii"))
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": content})


def parse_range(text: str, size: int) -> tuple[int, int] | None:
    """The first and one-past-last byte that a Range header asks for; None to send the whole file.

    `HttpRefusal` (416) when the range lies outside. Several ranges at once, or another unit, mean the whole file, as
    RFC 9110 allows.
    """
    found = _RANGE.fullmatch(text.strip())
    if found is None or found[1] == found[2] == "":
        return None
    if found[1] == "":
        length = int(found[2])
        first, end = max(0, size - length), size
        if length == 0:
            first = size
    else:
        first = int(found[1])
        end = min(size, int(found[2]) + 1) if found[2] else size
        if found[2] and int(found[2]) < first:
            return None
    if first >= size:
        raise HttpRefusal(416, "range_not_satisfiable", f"The file has {size} bytes.")
    return first, end


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file as it was at the moment it was opened; what is put in its place later does not reach who reads it."""

    stream: BinaryIO
    size: int
    etag: str


async def send_file(
    scope: Scope, receive: Receive, send: Send, executor: Executor, path: Path, headers: Headers
) -> None:
    """Answer with a file: conditional (If-None-Match), in ranges, HEAD; read off the loop, one chunk in memory.

    Size and tag are those of the file that is opened: one that was changed since the deployment is sent as it is now,
    whole. `HttpRefusal` (404) when it is not there.
    """
    loop = asyncio.get_running_loop()
    try:
        file = await loop.run_in_executor(executor, _open, path)
    except OSError:
        raise HttpRefusal(404, "not_found", "The file is no longer there.") from None
    try:
        base = [*headers, (b"etag", file.etag.encode("ascii")), (b"accept-ranges", b"bytes")]
        known = header(scope, b"if-none-match")
        if known and (
            known.strip() == "*" or file.etag in [tag.strip().removeprefix("W/") for tag in known.split(",")]
        ):
            await send({"type": "http.response.start", "status": 304, "headers": base})
            await send({"type": "http.response.body", "body": b""})
            return
        wanted = None
        unchanged = header(scope, b"if-range") in ("", file.etag)
        if unchanged and (asked := header(scope, b"range")):
            wanted = parse_range(asked, file.size)
        first, end = wanted if wanted is not None else (0, file.size)
        if wanted is not None:
            base.append((b"content-range", f"bytes {first}-{end - 1}/{file.size}".encode("ascii")))
        base.append((b"content-length", str(end - first).encode("ascii")))
        await send({"type": "http.response.start", "status": 206 if wanted is not None else 200, "headers": base})
        if scope["method"] == "HEAD" or end == first:
            await send({"type": "http.response.body", "body": b""})
        else:
            await _send_part(receive, send, executor, file, path, first, end)
    finally:
        file.stream.close()


async def _send_part(
    receive: Receive, send: Send, executor: Executor, file: OpenFile, path: Path, first: int, end: int
) -> None:
    """Send a part of a file, chunk after chunk.

    The last chunk is held back when the file was written to meanwhile: without it uvicorn breaks the connection, and
    no browser runs half of a script, or one that is old at its beginning and new at its end.
    """
    loop = asyncio.get_running_loop()
    gone = loop.create_task(_hang_up(receive))
    try:
        sent = first
        while sent < end:
            chunk = await loop.run_in_executor(executor, _read_at, file.stream, sent, min(CHUNK, end - sent))
            sent += len(chunk)
            if not chunk or (sent == end and _tag_of(file.stream, path) != file.etag):
                return
            await send({"type": "http.response.body", "body": chunk, "more_body": sent < end})
            if gone.done():
                return
    finally:
        gone.cancel()


async def _hang_up(receive: Receive) -> None:
    """Ends when the client has hung up: uvicorn takes what is sent to nobody without a word."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _open(path: Path) -> OpenFile:
    stream = path.open("rb")
    try:
        return OpenFile(stream, os.fstat(stream.fileno()).st_size, _tag_of(stream, path))
    except OSError:
        stream.close()
        raise


def _tag_of(stream: BinaryIO, path: Path) -> str:
    """A tag that is another one as soon as the file is written to."""
    facts = os.fstat(stream.fileno())
    made = hashlib.sha256(f"{facts.st_mtime_ns}-{facts.st_size}-{facts.st_ino}-{path}".encode())
    return f'"{made.hexdigest()[:20]}"'


def _read_at(stream: BinaryIO, place: int, length: int) -> bytes:
    stream.seek(place)
    return stream.read(length)
