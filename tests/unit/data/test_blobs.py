"""Blobs are kept once, whole, under what they hold."""

from __future__ import annotations

import hashlib
import io
import stat
import uuid
from pathlib import Path

import pytest

from app.data.blobs import Blobs
from app.errors import EntryDoesNotExist, StoreError

TEXT = b"a picture of a wren" * 100_000


@pytest.fixture(params=["folder", "memory"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "blobs" if request.param == "folder" else f"memory://{uuid.uuid4().hex}")


def read(blobs: Blobs, digest: str) -> bytes:
    with blobs.opened(digest) as file:
        return file.read()


def test_a_blob_is_found_by_its_sha256(blobs: Blobs) -> None:
    digest = blobs.put(io.BytesIO(TEXT))
    assert digest == hashlib.sha256(TEXT).hexdigest()
    assert blobs.has(digest)
    assert read(blobs, digest) == TEXT


def test_the_same_content_is_kept_once(blobs: Blobs) -> None:
    assert blobs.put(io.BytesIO(TEXT)) == blobs.put(io.BytesIO(TEXT))
    assert blobs.put(io.BytesIO(b"")) == hashlib.sha256(b"").hexdigest()


@pytest.mark.parametrize("digest", ["", "0" * 64, "../../etc/passwd", "A" * 64])
def test_a_blob_that_is_not_there_is_told(blobs: Blobs, digest: str) -> None:
    assert not blobs.has(digest)
    with pytest.raises(EntryDoesNotExist), blobs.opened(digest):
        pass


class Breaking(io.BytesIO):
    def read(self, size: int | None = -1) -> bytes:
        data = super().read(10)
        if not data:
            raise OSError(28, "No space left on device")
        return data


def test_a_source_that_breaks_leaves_nothing(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path / "blobs")
    with pytest.raises(StoreError, match="No space left"):
        blobs.put(Breaking(b"half a picture"))
    assert list((tmp_path / "blobs").iterdir()) == []


def test_only_the_owner_may_look_into_the_folders(tmp_path: Path) -> None:
    digest = Blobs(tmp_path / "blobs").put(io.BytesIO(TEXT))
    for folder in (tmp_path / "blobs", tmp_path / "blobs" / digest[:2]):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
