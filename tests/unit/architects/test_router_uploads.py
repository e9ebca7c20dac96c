"""Multipart submissions: streamed to disk, hashed, limited; nothing is left of one that is refused."""

from __future__ import annotations

import contextlib
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.architects.router.config import RouterConfig
from app.architects.router.http import ClientGone, HttpRefusal
from app.architects.router.limits import Limits
from app.architects.router.router import Router
from app.architects.router.uploads import (
    NAME_SHAPE,
    SWEPT_AFTER_SECONDS,
    Form,
    UploadReceiver,
    clean_name,
    generate_name,
    sweep,
)

BOUNDARY = b"xxBOUNDARYxx"


def part(name: str, content: bytes, filename: str | None = None, extra: str = "", kind: str = "image/png") -> bytes:
    disposition = f'form-data; name="{name}"' + (f'; filename="{filename}"' if filename is not None else "") + extra
    head = f"--{BOUNDARY.decode()}\r\nContent-Disposition: {disposition}\r\n"
    if filename is not None or extra:
        head += f"Content-Type: {kind}\r\n"
    return head.encode() + b"\r\n" + content + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--" + BOUNDARY + b"--\r\n"


class Upload:
    """One submission being received into a folder, in chunks of some size."""

    def __init__(self, folder: Path, **limits: Any) -> None:
        self.folder = folder
        self.limits = Limits(**limits)
        self.checked: list[str] = []
        self.refuse = False

    async def receive(self, body: bytes, chunk: int = 7, *, gone: bool = False, kind: bytes | None = None) -> Form:
        chunks = [body[at : at + chunk] for at in range(0, len(body), chunk)] or [b""]
        messages = [{"type": "http.request", "body": each, "more_body": True} for each in chunks]
        if gone:
            messages.append({"type": "http.disconnect"})
        else:
            messages[-1]["more_body"] = False
        waiting = iter(messages)

        async def receive() -> Any:
            return next(waiting)

        content_type = kind if kind is not None else b"multipart/form-data; boundary=" + BOUNDARY
        scope = {"type": "http", "headers": [(b"content-type", content_type)]}
        with ThreadPoolExecutor(1) as executor:
            return await UploadReceiver(self.folder, self.limits, executor).receive(scope, receive, self._check)

    async def _check(self, token: str) -> None:
        self.checked.append(token)
        assert self.left() == []
        if self.refuse:
            raise HttpRefusal(404, "unknown_agent", "")

    def left(self) -> list[Path]:
        return list(self.folder.iterdir()) if self.folder.exists() else []


@pytest.mark.parametrize("chunk", [1, 7, 64, 100_000])
async def test_fields_and_files_arrive_whole_at_any_chunk_size(tmp_path: Path, chunk: int) -> None:
    content = b"\r\n--xxBOUNDARY\x00" * 300
    upload = Upload(tmp_path / "up")
    body = form(
        part("USED_AGENT_ID", b"token"),
        part("final_string_data", '{"ä": 1}'.encode()),
        part("photo", content, "kätzchen.PNG"),
        part("photo", b"", "empty.txt", kind="text/plain"),
        part("other", b"", ""),
    )
    got = await upload.receive(body, chunk)
    assert got.fields == {"USED_AGENT_ID": "token", "final_string_data": '{"ä": 1}'}
    assert [(file["original_name"], file["field"], file["mimetype"], file["size"]) for file in got.files] == [
        ("kätzchen.PNG", "photo", "image/png", len(content)),
        ("empty.txt", "photo", "text/plain", 0),
    ]
    assert list(got.files_by_fields) == ["photo"]
    for file, expected in zip(got.files, (content, b""), strict=True):
        assert NAME_SHAPE.fullmatch(file["filename"])
        stored = (tmp_path / "up" / file["filename"]).read_bytes()
        assert stored == expected
        assert file["sha256"] == hashlib.sha256(expected).hexdigest()
    assert len(upload.left()) == 2
    assert upload.checked == ["token"]


async def test_the_agent_is_checked_before_a_byte_is_written(tmp_path: Path) -> None:
    upload = Upload(tmp_path / "up")
    upload.refuse = True
    with pytest.raises(HttpRefusal):
        await upload.receive(form(part("USED_AGENT_ID", b"forged"), part("f", b"x" * 500, "a.png")))
    assert upload.checked == ["forged"]
    assert upload.left() == []


async def test_an_agent_that_is_named_last_and_forged_leaves_nothing(tmp_path: Path) -> None:
    checked: list[str] = []

    class Late(Upload):
        async def _check(self, token: str) -> None:
            checked.append(token)
            raise HttpRefusal(404, "unknown_agent", "")

    upload = Late(tmp_path / "up")
    with pytest.raises(HttpRefusal):
        await upload.receive(form(part("f", b"x" * 500, "a.png"), part("USED_AGENT_ID", b"forged")))
    assert checked == ["forged"]
    assert upload.left() == []


@pytest.mark.parametrize(
    ("limits", "parts", "error"),
    [
        ({"file_bytes": 10}, [part("f", b"x" * 11, "a.png")], "file_too_large"),
        ({"upload_bytes": 10}, [part("f", b"x" * 6, "a.png")] * 2, "body_too_large"),
        ({"files_per_submission": 1}, [part("f", b"x", "a.png")] * 2, "too_many_files"),
        ({"json_body_bytes": 20}, [part("final_data", b"x" * 30)], "body_too_large"),
    ],
)
async def test_what_is_too_large_is_refused_and_leaves_nothing(
    tmp_path: Path, limits: dict[str, int], parts: list[bytes], error: str
) -> None:
    upload = Upload(tmp_path / "up", **limits)
    with pytest.raises(HttpRefusal) as refused:
        await upload.receive(form(part("USED_AGENT_ID", b"t"), *parts))
    assert (refused.value.status, refused.value.error) == (413, error)
    assert upload.left() == []


async def test_a_client_that_hangs_up_leaves_nothing(tmp_path: Path) -> None:
    upload = Upload(tmp_path / "up")
    with pytest.raises(ClientGone):
        await upload.receive(part("USED_AGENT_ID", b"t") + part("f", b"x" * 500, "a.png")[:-50], gone=True)
    assert upload.left() == []


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"no form at all", None),
        (form(part("a", b"1"))[:-20], None),
        (b"--xxBOUNDARYxx\r\n\r\nno name\r\n--xxBOUNDARYxx--\r\n", None),
        (form(part("a", b"\xff\xfe")), None),
        (b"", None),
        (b"x", b"multipart/form-data"),
        (b"x", b"multipart/mixed; boundary=x"),
        (b"x", b"multipart/form-data; boundary=" + b"y" * 2000),
    ],
)
async def test_a_malformed_form_is_refused(tmp_path: Path, body: bytes, kind: bytes | None) -> None:
    upload = Upload(tmp_path / "up")
    with pytest.raises(HttpRefusal) as refused:
        await upload.receive(body, kind=kind)
    assert refused.value.status == 400
    assert upload.left() == []


@settings(max_examples=60, deadline=None)
@given(body=st.binary(max_size=300), chunk=st.integers(1, 50))
async def test_no_bytes_crash_the_receiver(tmp_path_factory: pytest.TempPathFactory, body: bytes, chunk: int) -> None:
    upload = Upload(tmp_path_factory.mktemp("up"))
    for content in (
        body,
        part("USED_AGENT_ID", b"t") + body,
        form(part("USED_AGENT_ID", b"t"), part("f", body, "a.bin")),
    ):
        with contextlib.suppress(HttpRefusal):
            got = await upload.receive(content, chunk)
            assert sorted(path.name for path in upload.left()) == sorted(file["filename"] for file in got.files)
            for path in upload.left():
                path.unlink()
        assert upload.left() == []


async def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("app.architects.router.uploads.os.fsync", full)
    upload = Upload(tmp_path / "up")
    with pytest.raises(HttpRefusal) as refused:
        await upload.receive(form(part("USED_AGENT_ID", b"t"), part("f", b"x", "a.png")))
    assert (refused.value.status, refused.value.error) == (507, "disk_full")
    assert upload.left() == []


@pytest.mark.parametrize(
    ("filename", "extra", "shown"),
    [
        ("../../etc/passwd", "", "passwd"),
        ("C:\\\\Users\\\\me\\\\a.png", "", "a.png"),
        ("caf%C3%A9.png", "", "café.png"),
        ("100%.png", "", "100%.png"),
        ("%FF.png", "", "%FF.png"),
        ("plain.png", "; filename*=UTF-8''na%C3%AFve.png", "naïve.png"),
    ],
)
async def test_the_workers_own_name_is_normalised_and_never_a_path(
    tmp_path: Path, filename: str, extra: str, shown: str
) -> None:
    upload = Upload(tmp_path / "up")
    got = await upload.receive(form(part("USED_AGENT_ID", b"t"), part("f", b"x", filename, extra)))
    assert got.files[0]["original_name"] == shown
    assert [path.parent for path in upload.left()] == [tmp_path / "up"]


@given(st.text(max_size=80))
def test_a_generated_name_holds_nothing_of_the_workers_but_a_plain_ending(name: str) -> None:
    assert NAME_SHAPE.fullmatch(generate_name(name))
    assert "/" not in clean_name(name)
    assert clean_name(name).isprintable()


def test_old_leftovers_are_swept_and_nothing_else(tmp_path: Path) -> None:
    old, fresh = 1_000_000.0, 1_000_000.0 + SWEPT_AFTER_SECONDS
    wanted = {"0" * 32 + ".png": fresh, "notes.txt": old}
    leftovers = {"1" * 32 + ".png": old, "2" * 32 + ".part": old}
    for name, when in (wanted | leftovers).items():
        (tmp_path / name).write_bytes(b"x")
        os.utime(tmp_path / name, (when, when))
    assert sweep(tmp_path, fresh + 1) == len(leftovers)
    assert {path.name for path in tmp_path.iterdir()} == set(wanted)
    assert sweep(tmp_path / "missing", fresh) == 0


def test_a_router_sweeps_when_it_starts(tmp_path: Path) -> None:
    (tmp_path / ("1" * 32 + ".png")).write_bytes(b"x")
    os.utime(tmp_path / ("1" * 32 + ".png"), (0, 0))
    router = Router(RouterConfig("1", "secret", str(tmp_path)), local=True)
    router.executor.shutdown(wait=True)
    assert list(tmp_path.iterdir()) == []
