"""Uploaded files on their way from the router's folder to the folder of the agent they belong to."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from app.architects.base import Architect
from app.data.files import make_private_folder, written_whole
from app.errors import EntryDoesNotExist, StoreError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
"""Generated names; anything else did not come from a router of ours."""


async def bring_home(architect: Architect, folder: Path, files: Sequence[Mapping[str, Any]]) -> str | None:
    """Move what was uploaded into `folder`, fetching it from a router that is not on this computer.

    Done before the submission is committed, and as often as it is handed in: files that are there stay. Returns what is
    wrong, for the worker, or None.
    """
    for file in files:
        name = str(file.get("filename") or "")
        if _NAME.fullmatch(name) is None:
            return "A file of this submission has no proper name. Please choose the file again."
        target = folder / name
        if await asyncio.to_thread(_move, architect.upload_dir / name, target):
            continue
        try:
            await _fetch(architect, name, target)
        except EntryDoesNotExist:
            return f"The file {file.get('original_name') or name} did not arrive. Please choose it again."
    return None


def _move(source: Path, target: Path) -> bool:
    """Move a file on the same disk; True when it is at its place."""
    if target.exists():
        return True
    make_private_folder(target.parent)
    try:
        os.replace(source, target)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StoreError(f"{target} cannot be written: {error.strerror}.", "See that the disk has space.") from None
    _sync_folder(target.parent)
    return True


def _sync_folder(folder: Path) -> None:
    """Make the new name durable, where a folder can be synced (not on Windows)."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


async def _fetch(architect: Architect, name: str, target: Path) -> None:
    chunks = architect.download_file(name)
    first = await anext(chunks, b"")
    with written_whole(target) as out:
        out.write(first)
        async for chunk in chunks:
            await asyncio.to_thread(out.write, chunk)
