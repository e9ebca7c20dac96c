"""A TCP proxy that can fall silent: it goes on taking what comes, passes nothing on, and says nothing of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class MuteProxy:
    """In front of one local port. `mute` silences the connections there are; new ones pass unless `deaf`."""

    def __init__(self, port: int) -> None:
        self.port = 0
        self.deaf = False
        """New connections are taken, and nothing of theirs is passed on."""
        self._target = port
        self._lines: set[_Line] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def mute(self) -> None:
        """No connection that there is now passes anything any more; none is closed."""
        for line in self._lines:
            line.is_mute = True

    def cut_mute(self) -> None:
        """The connections that are mute are reset, as those of a phone are when it wakes."""
        for line in [line for line in self._lines if line.is_mute]:
            line.cut()

    async def close(self) -> None:
        """Cut everything."""
        assert self._server is not None
        self._server.close()
        for line in list(self._lines):
            line.cut()
        while self._lines:
            await asyncio.gather(*(line.task for line in self._lines), return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        line = _Line(task, writer, self.deaf)
        self._lines.add(line)
        try:
            await line.run(reader, self._target)
        except (OSError, asyncio.CancelledError):
            return
        finally:
            self._lines.discard(line)


class _Line:
    """One connection, with its other half."""

    def __init__(self, task: asyncio.Task[None], writer: asyncio.StreamWriter, is_mute: bool) -> None:
        self.task, self.is_mute = task, is_mute
        self._writers = [writer]

    async def run(self, reader: asyncio.StreamReader, port: int) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        self._writers.append(far_writer)
        pumps = [
            asyncio.ensure_future(self._pump(reader, far_writer)),
            asyncio.ensure_future(self._pump(far_reader, self._writers[0])),
        ]
        try:
            await asyncio.wait(pumps)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self.cut()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if not self.is_mute:
                writer.write(data)
        if not self.is_mute:  # a line that is mute does not say either that its other end has gone
            writer.close()

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        if self.task is not asyncio.current_task():
            self.task.cancel()


@asynccontextmanager
async def in_front_of(port: int) -> AsyncIterator[MuteProxy]:
    """A proxy in front of a port."""
    proxy = MuteProxy(port)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.close()
