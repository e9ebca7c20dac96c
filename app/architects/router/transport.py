"""uvicorn's protocols with a guard: how many connections, how slowly a request may come, how long answers lie unread.

The limits of a page's own packets are in the state machine; these are of the bytes below it. One sweep a second looks
at all connections, so that none needs a timer of its own.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from asyncio.transports import BaseTransport
from collections import Counter
from collections.abc import Callable
from typing import Any, cast

import h11
from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.utils import get_remote_addr
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

from app.architects.router.limits import Limits, address_key, is_loopback

_QUIET = logging.getLogger("app.architects.router.transport")
_QUIET.setLevel(logging.ERROR)  # uvicorn warns of every malformed request; here they are counted, and logged in sums

OVERRUN_SECONDS = 10.0
"""How long the rest of a request that was answered early (413) may go on arriving."""


class ConnectionGuard:
    """All connections of one router: who may come in, and who has been too slow."""

    def __init__(self, limits: Limits, refuse: Callable[[str, str, str], None]) -> None:
        """`refuse(error, detail, address)` logs and counts."""
        self.limits = limits
        self.refuse = refuse
        self._open: set[GuardedHttp | GuardedWebSocket] = set()
        self._per_address: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._open)

    def enter(self, connection: GuardedHttp | GuardedWebSocket, address: str) -> str:
        """A connection was made: "" when it may stay, else why not."""
        limits = self.limits
        if len(self._open) >= limits.connections:
            return "too many connections"
        if self._per_address[address] >= limits.connections_per_address and not is_loopback(address):
            return "too many connections from one address"
        self._open.add(connection)
        self._per_address[address] += 1
        return ""

    def leave(self, connection: GuardedHttp | GuardedWebSocket, address: str) -> None:
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


class GuardedHttp(H11Protocol):
    """An HTTP connection under a guard."""

    guard: ConnectionGuard
    address = ""
    _refused = False
    _began_at = 0.0
    _answered_at = 0.0
    _received = 0
    _stalled_at = 0.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = _QUIET

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(cast(asyncio.Transport, transport))
        self.address = _address(transport)
        reason = self.guard.enter(self, self.address)
        if reason:
            self._refused = True
            self.guard.refuse("too_many_connections", reason, self.address)
            self._say(503, "too_many_connections", reason)
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.guard.leave(self, self.address)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        if self._began_at == 0.0:
            self._began_at = time.monotonic()
            self._received = 0
        self._received += len(data)
        super().data_received(data)
        if self.conn.their_state in (h11.DONE, h11.MUST_CLOSE, h11.SWITCHED_PROTOCOL):
            self._began_at = 0.0  # the request is whole

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._answered_at = time.monotonic() if self.conn.their_state is h11.SEND_BODY else 0.0
        if self.conn.their_state is h11.IDLE:
            self._began_at = time.monotonic() if self.conn.trailing_data[0] else 0.0
            self._received = 0

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self.guard.leave(self, self.address)
        super().handle_websocket_upgrade(event)

    def send_400_response(self, msg: str) -> None:
        self._refused = True
        self.guard.refuse("malformed_request", msg, self.address)
        self._say(400, "malformed_request", msg)
        self.transport.close()

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
            return "the client does not read what it asked for"
        if self._answered_at and now - self._answered_at > OVERRUN_SECONDS:
            return "the client goes on sending a request that was refused"
        if self._began_at:
            allowed = limits.request_seconds + self._received / limits.slowest_bytes_per_second
            if now - self._began_at > allowed:
                return "the client sends its request too slowly"
        return ""

    def cut(self) -> None:
        """End the connection at once; a request under way is told why when nothing was answered yet."""
        if self._stalled_at == 0.0 and not self._is_answering():
            self._say(408, "slow_client", "The request came too slowly.")
            self.transport.close()
        else:
            self.transport.abort()

    def _is_answering(self) -> bool:
        return self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete

    def _say(self, status: int, error: str, detail: str) -> None:
        """Write an answer past h11, whose state may not allow one any more; the connection closes after it."""
        if self.transport.is_closing() or self._is_answering():
            return
        body = json.dumps({"error": error, "detail": detail})
        head = f"HTTP/1.1 {status} Refused\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
        self.transport.write(f"{head}connection: close\r\nx-content-type-options: nosniff\r\n\r\n{body}".encode())


class GuardedWebSocket(WebSocketsSansIOProtocol):
    """A WebSocket connection under a guard, with a frame limit of its own for the desktop's channel."""

    guard: ConnectionGuard
    address = ""
    _stalled_at = 0.0
    _opened_at = 0.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = _QUIET

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        self.address = _address(transport)
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
            self.transport.abort()
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


def guarded(guard: ConnectionGuard) -> tuple[type[GuardedHttp], type[GuardedWebSocket]]:
    """The two protocol classes of one router: uvicorn makes their instances and passes nothing of ours along."""
    http = type("GuardedHttp", (GuardedHttp,), {"guard": guard})
    socket = type("GuardedWebSocket", (GuardedWebSocket,), {"guard": guard})
    return cast(type[GuardedHttp], http), cast(type[GuardedWebSocket], socket)


def _address(transport: BaseTransport) -> str:
    remote = get_remote_addr(cast(asyncio.Transport, transport))
    return address_key(remote[0]) if remote else "unknown"
