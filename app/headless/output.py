"""What commands print: JSON lines for programs, short lines for people."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Mapping
from typing import Any, TextIO

from app.errors import AppError, StoreError


class Output:
    """Prints events to `stream`, each at once: whoever reads a pipe must not wait for a full buffer."""

    def __init__(self, *, as_json: bool, stream: TextIO | None = None) -> None:
        self._as_json = as_json
        self._stream = stream or sys.stdout

    def event(self, name: str, text: str, values: Mapping[str, Any] | None = None) -> None:
        """One event. Programs get `{"event": name, ...values}`; people get `text` (nothing for "").

        `BrokenPipeError` when nobody reads any more.
        """
        said = {"event": name, **(values or {})}
        line = json.dumps(said, ensure_ascii=False, default=str) if self._as_json else text
        if line:
            self._stream.write(line + "\n")
            self._stream.flush()


def close_quietly() -> None:
    """After a broken pipe: let nothing be written at the interpreter's end, where it could only fail again."""
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, sys.stdout.fileno())
    os.close(sink)


def folder_fault(error: AppError | OSError) -> StoreError:
    """What is wrong with the data folder, and what to do."""
    if isinstance(error, AppError):
        return StoreError(f"The data folder cannot be used: {error.message}", error.advice)
    if error.strerror is None:
        return StoreError(f"The data folder cannot be used: {error}")
    way_out = (
        "Free some space on that disk, or name another folder with --data-dir."
        if error.errno in (errno.ENOSPC, errno.EDQUOT)
        else "See that you may write there, or name another folder with --data-dir."
    )
    place = f"{error.filename}: " if error.filename else ""
    return StoreError(f"The data folder cannot be used: {place}{error.strerror}. Nothing was written.", way_out)
