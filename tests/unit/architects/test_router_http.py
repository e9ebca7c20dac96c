"""Bodies, JSON and ranges of the router's small HTTP layer."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.architects.router.http import (
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


async def fetch(path: Path, size: int, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    with ThreadPoolExecutor(1) as executor:
        await send_file(scope(method, **headers), _never, send, executor, path, size, '"tag"', [])
    said = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], said, b"".join(message["body"] for message in sent[1:])


async def test_a_file_is_sent_whole_in_parts_or_not_at_all(tmp_path: Path) -> None:
    content = bytes(range(256)) * 4000
    path = tmp_path / "file"
    path.write_bytes(content)
    size = len(content)
    assert (await fetch(path, size))[::2] == (200, content)
    status, headers, body = await fetch(path, size, range="bytes=300000-700000")
    assert (status, body) == (206, content[300000:700001])
    assert headers["content-range"] == f"bytes 300000-700000/{size}"
    assert (await fetch(path, size, if_none_match='W/"tag"'))[::2] == (304, b"")
    assert (await fetch(path, size, if_none_match='"old"'))[0] == 200
    assert (await fetch(path, size, range="bytes=0-1", if_range='"old"'))[0] == 200
    status, headers, body = await fetch(path, size, "HEAD")
    assert (status, headers["content-length"], body) == (200, str(size), b"")


async def test_a_file_that_is_gone_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(HttpRefusal) as refused:
        await fetch(tmp_path / "gone", 5)
    assert refused.value.status == 404


async def test_an_empty_file_is_sent(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert (await fetch(tmp_path / "empty", 0))[::2] == (200, b"")
