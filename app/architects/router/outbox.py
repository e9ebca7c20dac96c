"""Frames on their way to one socket: sent in order by one task, bounded while the other side does not read."""

from __future__ import annotations

import asyncio
from collections import deque

from starlette.types import Send
from uvicorn.protocols.utils import ClientDisconnected


class Outbox:
    """What waits to be sent to a socket. `push` and `close` return at once."""

    def __init__(self, send: Send, max_bytes: int) -> None:
        self._send, self._max_bytes = send, max_bytes
        self._frames: deque[str] = deque()
        self._bytes = 0
        self._closing: tuple[int, str] | None = None
        self._sender: asyncio.Task[None] | None = None

    def push(self, text: str) -> bool:
        """Queue a frame; False when too much waits (the frame is not taken) or the socket is closing."""
        if self._closing is not None:
            return False
        if self._bytes + len(text) > self._max_bytes:
            return False
        self._frames.append(text)
        self._bytes += len(text)
        self._start()
        return True

    def close(self, code: int, reason: str, *, now: bool = False) -> None:
        """Close the socket after what waits was sent; `now`: without sending it."""
        if self._closing is None:
            self._closing = (code, reason)
            if now:
                self._frames.clear()
            self._start()

    async def finish(self) -> None:
        """The socket is gone: stop sending."""
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.gather(self._sender, return_exceptions=True)

    def _start(self) -> None:
        if self._sender is None or self._sender.done():
            self._sender = asyncio.get_running_loop().create_task(self._drain())

    async def _drain(self) -> None:
        try:
            while self._frames:
                text = self._frames.popleft()
                self._bytes -= len(text)
                await self._send({"type": "websocket.send", "text": text})
            if self._closing is not None:
                code, reason = self._closing
                await self._send({"type": "websocket.close", "code": code, "reason": reason[:120]})
        except (ClientDisconnected, RuntimeError):
            # the page left first; uvicorn says so by RuntimeError when its close frame was sent already
            self._frames.clear()
