"""uvicorn's protocols with a guard: how many connections, how slowly a request may come, how long answers lie unread.

The limits of a page's own packets are in the state machine; these are of the bytes below it. One sweep a second looks
at all connections, so that none needs a timer of its own. Requests are parsed by httptools where it is installed (half
the cost of a request), else by h11, which is pure Python and runs on any host.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import logging
import time
from asyncio.transports import BaseTransport
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.utils import get_remote_addr
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

from app.architects.router.limits import Limits, address_key, is_loopback

if TYPE_CHECKING:
    from app.architects.router.paced import PacedConnection

QUIET = logging.getLogger("app.architects.router.transport")
QUIET.setLevel(logging.ERROR)  # uvicorn warns of every malformed request; here they are counted, and logged in sums


class ConnectionGuard:
    """All connections of one router: who may come in, and who has been too slow."""

    def __init__(self, limits: Limits, refuse: Callable[[str, str, str], None], *, proxied: bool) -> None:
        """`refuse(error, detail, address)` logs and counts; `proxied`: all connections come from a reverse proxy."""
        self.limits = limits
        self.refuse = refuse
        self._proxied = proxied
        self._open: set[PacedConnection | GuardedWebSocket] = set()
        self._per_address: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._open)

    def enter(self, connection: PacedConnection | GuardedWebSocket, address: str) -> str:
        """A connection was made: "" when it may stay, else why not."""
        limits = self.limits
        if len(self._open) >= limits.connections:
            return "too many connections"
        exempt = self._proxied or is_loopback(address)
        if self._per_address[address] >= limits.connections_per_address and not exempt:
            return "too many connections from one address"
        self._open.add(connection)
        self._per_address[address] += 1
        return ""

    def leave(self, connection: PacedConnection | GuardedWebSocket, address: str) -> None:
        """A connection ended. Idempotent."""
        if connection in self._open:
            self._open.remove(connection)
            self._per_address[address] -= 1
            if self._per_address[address] <= 0:
                del self._per_address[address]

    def cut_all(self) -> None:
        """End every connection at once: the router stops, and these had their time to end by themselves."""
        for connection in list(self._open):
            connection.transport.abort()

    def sweep(self, now: float) -> None:
        """Cut the connections that are too slow. To be called about once a second."""
        for connection in list(self._open):
            fault = connection.fault(now)
            if fault:
                self.refuse("slow_client", fault, connection.address)
                connection.cut()


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


def remote_address(transport: BaseTransport) -> str:
    """Whose connection this is, as limits count."""
    remote = get_remote_addr(cast(asyncio.Transport, transport))
    return address_key(remote[0]) if remote else "unknown"


def write_refusal(transport: asyncio.Transport, status: int, error: str, detail: str) -> None:
    """Write a whole answer past the parser, whose state may not allow one any more; the connection closes after it."""
    body = json.dumps({"error": error, "detail": detail})
    head = f"HTTP/1.1 {status} Refused\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
    transport.write(f"{head}connection: close\r\nx-content-type-options: nosniff\r\n\r\n{body}".encode())
