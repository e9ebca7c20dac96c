"""Bodies, JSON and ranges of the router's small HTTP layer."""

from __future__ import annotations

import asyncio
import os
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.architects.router.http import (
    CHUNK,
    ClientGone,
    HttpRefusal,
    parse_json,
    parse_range,
    read_body,
    read_json,
    send_file,
)


def receiver(*chunks: bytes, gone: bool = False) -> Any:
    messages = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    if gone:
        messages.append({"type": "http.disconnect"})
    else:
        messages[-1]["more_body"] = False
    waiting = iter(messages)

    async def receive() -> dict[str, Any]:
        return next(waiting)

    return receive


def scope(method: str = "GET", **headers: str) -> dict[str, Any]:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "method": method, "headers": raw}


async def test_a_body_may_be_as_large_as_its_limit_and_no_larger() -> None:
    assert await read_body(scope(), receiver(b"12345"), 5) == b"12345"
    assert await read_body(scope(), receiver(b"12", b"34", b"5"), 5) == b"12345"
    for chunks in ((b"123456",), (b"123", b"456")):
        with pytest.raises(HttpRefusal) as refused:
            await read_body(scope(), receiver(*chunks), 5)
        assert (refused.value.status, refused.value.error) == (413, "body_too_large")


async def test_a_declared_size_is_refused_before_anything_is_read() -> None:
    with pytest.raises(HttpRefusal) as refused:
        await read_body(scope(content_length="99999999999"), receiver(b"x"), 5)
    assert refused.value.status == 413


async def test_a_client_that_hangs_up_is_gone() -> None:
    with pytest.raises(ClientGone):
        await read_body(scope(), receiver(b"12", gone=True), 5)
    with pytest.raises(ClientGone):
        await read_body(scope(), receiver(gone=True), 5)


@pytest.mark.parametrize(
    "text", ["", "{", "NaN", '{"a": Infinity}', "[" * 100_000, "{'a': 1}", '{"a": 1} x', "\ufeff{}"]
)
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(HttpRefusal) as refused:
        parse_json(text)
    assert refused.value.status == 400


def test_characters_that_no_database_takes_are_replaced_and_nothing_else() -> None:
    text = r'{"a\u0000": ["\ud83d\ude00", "\ud83d", "x\u0000y", "\\u0000"], "n": 1.5}'
    assert parse_json(text) == {"a�": ["😀", "�", "x�y", "\\u0000"], "n": 1.5}


@pytest.mark.parametrize("body", [b"[]", b'"x"', b"\xff\xfe", b"1"])
async def test_a_body_must_be_an_object(body: bytes) -> None:
    with pytest.raises(HttpRefusal) as refused:
        await read_json(scope(), receiver(body), 100)
    assert refused.value.status == 400


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("bytes=0-4", (0, 5)),
        ("bytes=5-", (5, 10)),
        ("bytes=-3", (7, 10)),
        ("bytes=-30", (0, 10)),
        ("bytes=9-99", (9, 10)),
        ("bytes=0-1,3-4", None),
        ("bytes=5-2", None),
        ("bytes=-", None),
        ("lines=1-2", None),
    ],
)
def test_ranges(text: str, wanted: tuple[int, int] | None) -> None:
    assert parse_range(text, 10) == wanted


@pytest.mark.parametrize("text", ["bytes=10-", "bytes=99-100", "bytes=-0"])
def test_a_range_outside_the_file_is_refused(text: str) -> None:
    with pytest.raises(HttpRefusal) as refused:
        parse_range(text, 10)
    assert refused.value.status == 416


@given(st.text(alphabet="0123456789-=, bytes", max_size=20), st.integers(0, 100))
def test_no_range_leads_outside_the_file(text: str, size: int) -> None:
    try:
        wanted = parse_range(text, size)
    except HttpRefusal:
        return
    assert wanted is None or 0 <= wanted[0] < wanted[1] <= size


async def _never() -> Any:
    await asyncio.Event().wait()


async def fetch(path: Path, method: str = "GET", meanwhile: Any = None, **headers: str) -> tuple[int, Any, bytes]:
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)
        if meanwhile is not None and len(sent) == 2:
            meanwhile()

    with ThreadPoolExecutor(1) as executor:
        await send_file(scope(method, **headers), _never, send, executor, path, [])
    said = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], said, b"".join(message["body"] for message in sent[1:])


async def test_a_file_is_sent_whole_in_parts_or_not_at_all(tmp_path: Path) -> None:
    content = bytes(range(256)) * 4000
    path = tmp_path / "file"
    path.write_bytes(content)
    size = len(content)
    status, headers, body = await fetch(path)
    assert (status, headers["content-length"], body) == (200, str(size), content)
    tag = headers["etag"]
    status, headers, body = await fetch(path, range="bytes=300000-700000")
    assert (status, body) == (206, content[300000:700001])
    assert headers["content-range"] == f"bytes 300000-700000/{size}"
    assert (await fetch(path, if_none_match=f"W/{tag}"))[::2] == (304, b"")
    assert (await fetch(path, if_none_match='"old"'))[0] == 200
    assert (await fetch(path, range="bytes=0-1", if_range='"old"'))[0] == 200
    assert (await fetch(path, range="bytes=0-1", if_range=tag))[0] == 206
    status, headers, body = await fetch(path, "HEAD")
    assert (status, headers["content-length"], body) == (200, str(size), b"")


async def test_a_file_that_is_gone_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(HttpRefusal) as refused:
        await fetch(tmp_path / "gone")
    assert refused.value.status == 404


async def test_an_empty_file_is_sent(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert (await fetch(tmp_path / "empty"))[::2] == (200, b"")


async def test_a_file_that_was_changed_is_sent_whole_under_another_tag(tmp_path: Path) -> None:
    path = tmp_path / "task.js"
    path.write_bytes(b"short()")
    before = (await fetch(path))[1]["etag"]
    path.write_bytes(b"something_much_longer()")
    status, headers, body = await fetch(path, if_none_match=before)
    assert (status, headers["content-length"], body) == (200, "23", b"something_much_longer()")
    assert headers["etag"] != before


async def test_a_file_that_another_takes_the_place_of_is_sent_as_it_was(tmp_path: Path) -> None:
    path, other = tmp_path / "task.js", tmp_path / "new.js"
    path.write_bytes(b"a" * 3 * CHUNK)
    other.write_bytes(b"b")
    assert (await fetch(path, meanwhile=lambda: other.replace(path)))[2] == b"a" * 3 * CHUNK


@pytest.mark.parametrize("later", [b"b", b"b" * 3 * CHUNK, b"b" * 9 * CHUNK])
async def test_a_file_that_is_written_to_while_it_is_sent_never_arrives_whole(tmp_path: Path, later: bytes) -> None:
    path = tmp_path / "task.js"
    path.write_bytes(b"a" * 3 * CHUNK)
    os.utime(path, (0, 0))  # a file system's clock may not tick between two writes
    body = (await fetch(path, meanwhile=lambda: path.write_bytes(later)))[2]
    assert len(body) < 3 * CHUNK


async def test_of_a_video_of_gigabytes_only_the_stretch_that_is_asked_for_is_read(tmp_path: Path) -> None:
    path = tmp_path / "long.webm"
    with path.open("wb") as file:
        file.truncate(6 << 30)
        file.seek(5 << 30)
        file.write(b"here")
    tracemalloc.start()
    try:
        status, headers, body = await fetch(path, range=f"bytes={5 << 30}-{(5 << 30) + 999_999}")
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()
    assert (status, body[:4], len(body)) == (206, b"here", 1_000_000)
    assert headers["content-range"] == f"bytes {5 << 30}-{(5 << 30) + 999_999}/{6 << 30}"
    status, _, body = await fetch(path, range="bytes=-10")
    assert (status, body) == (206, bytes(10))
