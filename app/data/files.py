"""Folders and files of the installation: for the owner only, written whole or not at all, held by one process."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from filelock import FileLock, Timeout

from app.errors import StoreError

NO_PROJECT = "NO_PROJECT"
"""Folder of the runs of tasks that belong to no project; no project may have this name."""
_UNSAFE = re.compile(r"[^\w.\-]+")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
"""Names of devices on Windows."""


class FileHold:
    """A name held by the lock on a file; the system lets go of it when the process ends."""

    def __init__(self, lock: FileLock) -> None:
        self._lock = lock

    def release(self) -> None:
        """Let go. Idempotent."""
        self._lock.release()


def hold_file(path: Path) -> FileHold | None:
    """Hold `path` against everybody, this process included; None when it is held already."""
    make_private_folder(path.parent)
    lock = FileLock(path, timeout=0, mode=0o600, thread_local=False)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return None
    except OSError as error:
        raise _fault(path, error) from None
    return FileHold(lock)


def make_private_folder(path: Path) -> Path:
    """Make a folder, and those above it, for the owner only. `StoreError` when it cannot be made."""
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise _fault(path, error) from None
    return path


@contextmanager
def written_whole(path: Path) -> Iterator[IO[bytes]]:
    """A file to write that takes the place of `path` when the block ends well, and vanishes when it does not.

    `StoreError` for a full disk or a write-protected folder; what was at `path` is then untouched.
    """
    make_private_folder(path.parent)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name[:60]}.", suffix=".partial", dir=path.parent)
    except OSError as error:
        raise _fault(path, error) from None
    partial = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        raise _fault(path, error) from None
    finally:
        partial.unlink(missing_ok=True)


def agent_folder(
    runs_dir: Path, project_name: str | None, task_run_id: int | str, assignment_id: int | str, agent_id: int | str
) -> Path:
    """Where the files are that a worker uploaded: `<runs>/<project or NO_PROJECT>/<run>/<assignment>/<agent>`."""
    return run_folder(runs_dir, project_name, task_run_id) / str(assignment_id) / str(agent_id)


def run_folder(runs_dir: Path, project_name: str | None, task_run_id: int | str) -> Path:
    """The folder of a task run."""
    return runs_dir / (safe_name(project_name) if project_name else NO_PROJECT) / str(task_run_id)


def safe_name(name: str) -> str:
    """`name` as one part of a path on any system; different names stay different."""
    cleaned = _UNSAFE.sub("_", name).strip(". ")[:80]
    if cleaned and cleaned == name and cleaned != NO_PROJECT and not _RESERVED.fullmatch(cleaned):
        return cleaned
    return f"{cleaned or 'project'}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def _fault(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"{path} cannot be written: {error.strerror or error}. What was there before is untouched.",
        "See that the disk has space and that you may write there.",
    )
