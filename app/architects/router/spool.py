"""Submissions that came while the desktop was away: each in a file that is on disk before the worker is told.

They are delivered in the order they came, as often as needed, and removed when the desktop says it has them.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from app.architects.router.actions import Answer, Keep, Redeliver, Unkeep
from app.architects.router.uploads import sync_folder
from app.data.packets import Packet, PacketError

logger = logging.getLogger(__name__)


class SpoolFull(OSError):
    """The spool holds as much as it may."""


class Spool:
    """A folder of submissions. Its methods block on the disk: one thread calls them, off the loop."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder, self._max_bytes = folder, max_bytes
        folder.mkdir(parents=True, exist_ok=True)
        for unfinished in folder.glob("*.tmp"):
            unfinished.unlink()
        self._files: dict[str, Path] = {}
        self._bytes = 0
        self._last = 0
        for path in sorted(folder.glob("*.json")):
            stamp, _, request_id = path.stem.partition("-")
            self._files[request_id] = path
            self._bytes += path.stat().st_size
            self._last = max(self._last, int(stamp) if stamp.isdigit() else 0)

    def __len__(self) -> int:
        return len(self._files)

    def put(self, packet: Packet) -> None:
        """Write a submission; when this returns it survives a power cut. `SpoolFull`, or `OSError` of the disk."""
        request_id = packet.data["request_id"]
        if request_id in self._files:
            return
        content = packet.to_json().encode("ascii")
        if self._bytes + len(content) > self._max_bytes:
            raise SpoolFull("the spool is full")
        self._last = max(self._last + 1, time.time_ns())
        path = self._folder / f"{self._last:020d}-{request_id}.json"
        temporary = path.with_suffix(".tmp")
        try:
            with temporary.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
            sync_folder(self._folder)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        self._files[request_id] = path
        self._bytes += len(content)

    def remove(self, request_id: str) -> None:
        """The desktop has it. Idempotent."""
        path = self._files.pop(request_id, None)
        if path is not None:
            self._bytes -= path.stat().st_size
            path.unlink()

    def packets(self) -> Iterator[Packet]:
        """What is kept, oldest first, read one at a time. A file that cannot be read is set aside and logged."""
        for request_id, path in list(self._files.items()):
            try:
                yield Packet.from_json(path.read_bytes())
            except FileNotFoundError:
                continue  # removed since
            except PacketError as error:
                del self._files[request_id]
                path.rename(path.with_suffix(".bad"))
                logger.error("The kept submission %s cannot be read (%s); it was set aside.", path.name, error)


class SpoolThread:
    """A spool behind one thread: what is written, delivered and removed happens in the order it was asked for."""

    def __init__(
        self,
        spool: Spool,
        deliver: Callable[[Packet], None],
        answer: Callable[[Answer], None],
        refuse: Callable[[str, str, str], None],
    ) -> None:
        self._spool, self._deliver, self._answer, self._refuse = spool, deliver, answer, refuse
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="router-spool")
        self._tasks: set[asyncio.Task[None]] = set()
        self._delivering = False

    @property
    def is_empty(self) -> bool:
        """Whether no submission waits here for the desktop."""
        return not len(self._spool)

    def keep(self, action: Keep) -> None:
        """Write a submission, then tell its page."""
        self._start(self._keep(action))

    def unkeep(self, action: Unkeep) -> None:
        """The desktop has a submission."""
        if len(self._spool) or self._tasks:
            self._start(self._in_thread(self._spool.remove, action.request_id))

    def redeliver(self, action: Redeliver) -> None:
        """Send the desktop everything that is kept."""
        if len(self._spool) and not self._delivering:
            self._delivering = True
            self._start(self._redeliver())

    async def close(self) -> None:
        """Finish what was begun."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        self._thread.shutdown(wait=False)

    def _start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.error("The spool failed.", exc_info=task.exception())

    async def _in_thread(self, work: Callable[..., Any], *args: Any) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, work, *args)

    async def _keep(self, action: Keep) -> None:
        request_id = action.packet.data["request_id"]
        try:
            await self._in_thread(self._spool.put, action.packet)
        except OSError as error:
            detail = "The submission cannot be stored just now; this page tries again."
            self._refuse("spool_failed", str(error), "spool")
            self._answer(Answer(request_id, 503, {"error": "spool_failed", "detail": detail}))
        else:
            self._answer(Answer(request_id, 200, action.body))

    async def _redeliver(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            packets = self._spool.packets()
            while (packet := await loop.run_in_executor(self._thread, next, packets, None)) is not None:
                self._deliver(packet)
        finally:
            self._delivering = False
