"""Blobs by what they hold: a file is kept once under its sha256, in a local folder or any storage fsspec knows."""

from __future__ import annotations

import hashlib
import os
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from fsspec.core import url_to_fs

from app.errors import EntryDoesNotExist, StoreError

_DIGEST = re.compile(r"[0-9a-f]{64}")
_PIECE = 1 << 20


class Blobs:
    """A store of blobs at `place`: a folder's path, or a URL such as `s3://bucket/prefix` or `memory://blobs`.

    Its calls read and write files: they belong on a thread, not on the loop.
    """

    def __init__(self, place: str | Path) -> None:
        self._files, root = url_to_fs(str(place))
        self._root = str(root).rstrip("/")
        self._local = "file" in (self._files.protocol if isinstance(self._files.protocol, tuple) else ("",))

    def put(self, source: IO[bytes]) -> str:
        """Keep all that `source` gives; returns its sha256. The same content again changes nothing.

        A blob is there whole or not at all. `StoreError` when there is no room or no right to write.
        """
        partial = f"{self._root}/.partial-{uuid.uuid4().hex}"
        digest = hashlib.sha256()
        try:
            self._make_folder(self._root)
            with self._files.open(partial, "wb") as target:
                while piece := source.read(_PIECE):
                    digest.update(piece)
                    target.write(piece)
                if self._local:
                    target.flush()
                    os.fsync(target.fileno())
            name = digest.hexdigest()
            if not self.has(name):
                self._make_folder(self._path(name).rsplit("/", 1)[0])
                self._files.mv(partial, self._path(name))
        except OSError as error:
            raise StoreError(
                f"A file cannot be kept in {self._root}: {error.strerror or error}. Nothing was changed.",
                "See that there is space and that you may write there.",
            ) from None
        finally:
            if self._files.exists(partial):
                self._files.rm_file(partial)
        return name

    def has(self, digest: str) -> bool:
        """Whether there is a blob with that sha256."""
        return _DIGEST.fullmatch(digest) is not None and bool(self._files.exists(self._path(digest)))

    @contextmanager
    def opened(self, digest: str) -> Iterator[IO[bytes]]:
        """A blob, to be read. `EntryDoesNotExist` when there is none."""
        if not self.has(digest):
            raise EntryDoesNotExist(f"There is no file with the sha256 {digest[:64]}.")
        with self._files.open(self._path(digest), "rb") as file:
            yield cast(IO[bytes], file)

    def _path(self, digest: str) -> str:
        return f"{self._root}/{digest[:2]}/{digest}"

    def _make_folder(self, path: str) -> None:
        if self._local:
            Path(path).mkdir(parents=True, exist_ok=True, mode=0o700)
        else:
            self._files.makedirs(path, exist_ok=True)
