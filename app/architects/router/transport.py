"""uvicorn's protocols under the guard.

Requests are parsed by httptools where it is installed (half the cost of a request), else by h11, which is pure Python
and runs on any host.
"""

from __future__ import annotations

import asyncio
import importlib.util
import time
from asyncio.transports import BaseTransport
from typing import Any, cast

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

from app.architects.router.guard import QUIET, ConnectionGuard, remote_address, write_refusal

FRAMES_AHEAD = 32
"""Frames of one socket that may wait to be looked at before no more are read."""


class GuardedWebSocket(WebSocketsSansIOProtocol):
    """A WebSocket connection under a guard, with a frame limit of its own for the desktop's channel."""

    guard: ConnectionGuard
    address = ""
    _stalled_at = 0.0
    _opened_at = 0.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = QUIET

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        self.address = remote_address(transport)
        self._opened_at = time.monotonic()
        self.guard.enter(self, self.address)  # it came out of an HTTP connection that was let in

    def connection_lost(self, exc: Exception | None) -> None:
        self.guard.leave(self, self.address)
        super().connection_lost(exc)

    def handle_connect(self, event: Request) -> None:
        if event.path.partition("?")[0] == "/channel":
            self.conn.max_message_size = self.guard.limits.channel_frame_bytes
        super().handle_connect(event)

    def send_receive_event_to_app(self) -> None:
        # uvicorn stops reading with every frame and starts again when it was taken, two system calls a frame; here it
        # stops only when frames pile up
        if self.read_paused or self.queue.qsize() >= FRAMES_AHEAD:
            super().send_receive_event_to_app()
            return
        self.read_paused = True
        super().send_receive_event_to_app()
        self.read_paused = False

    def handle_parser_exception(self) -> None:
        sent = self.conn.close_sent
        if sent is None:  # the upgrade request itself was malformed: there is no socket to close properly
            self.guard.refuse("malformed_request", "a malformed WebSocket upgrade", self.address)
            write_refusal(self.transport, 400, "malformed_request", "This is no WebSocket handshake.")
            self.transport.close()
            return
        error = "frame_too_large" if sent.code == 1009 else "malformed_frame"
        self.guard.refuse(error, sent.reason or "not a WebSocket frame", self.address)
        super().handle_parser_exception()

    async def send(self, message: ASGISendEvent) -> None:
        await super().send(message)
        if message["type"] == "websocket.http.response.body":
            self.handshake_complete = True  # uvicorn 0.54 forgets it, and logs an error for each refused handshake

    def pause_writing(self) -> None:
        self._stalled_at = time.monotonic()
        super().pause_writing()

    def resume_writing(self) -> None:
        self._stalled_at = 0.0
        super().resume_writing()

    def fault(self, now: float) -> str:
        """What is wrong with this connection's pace; "" for nothing."""
        limits = self.guard.limits
        if self._stalled_at and now - self._stalled_at > limits.stalled_seconds:
            return "the page does not read its frames"
        if not self.handshake_initiated and now - self._opened_at > limits.request_seconds:
            return "the WebSocket handshake does not come"
        return ""

    def cut(self) -> None:
        """End the connection at once."""
        self.transport.abort()


def fastest_parser() -> str:
    """The name of the fastest HTTP parser that is installed."""
    return "httptools" if importlib.util.find_spec("httptools") else "h11"


def guarded(guard: ConnectionGuard) -> tuple[type[asyncio.Protocol], type[GuardedWebSocket]]:
    """The two protocol classes of one router: uvicorn makes their instances and passes nothing of ours along."""
    if fastest_parser() == "httptools":
        from app.architects.router.paced_httptools import PacedHttptools as Paced
    else:
        from app.architects.router.paced_h11 import PacedH11 as Paced  # type: ignore[assignment] # of the same shape
    http = type("GuardedHttp", (Paced,), {"guard": guard})
    socket = type("GuardedSocket", (GuardedWebSocket,), {"guard": guard})
    return cast(type[asyncio.Protocol], http), cast(type[GuardedWebSocket], socket)
