"""An HTTP connection that must keep a pace: what its parser tells, and what is a fault."""

from __future__ import annotations

import asyncio
import time
from asyncio.transports import BaseTransport
from typing import Any

from app.architects.router.guard import QUIET, ConnectionGuard, remote_address, write_refusal

HEAD_BYTES = 64 * 1024
"""A request's line and headers together; pages of ours need less than 2 KiB."""

OVERRUN_SECONDS = 10.0
"""How long the rest of a request that was answered early (413) may go on arriving."""

IDLE_SECONDS = 60.0
"""How long a connection may stay open with nothing asked: browsers open some in advance."""


class PacedConnection:
    """Mixed into uvicorn's HTTP protocols, before them. A subclass says when a request begins and when it is whole."""

    guard: ConnectionGuard
    transport: asyncio.Transport
    cycle: Any
    address = ""
    _refused = False
    _touched_at = 0.0
    _began_at = 0.0
    _answered_at = 0.0
    _stalled_at = 0.0
    _received = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = QUIET

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[misc] # of uvicorn's protocol, which is mixed in after this
        self._touched_at = time.monotonic()
        self.address = remote_address(transport)
        reason = self.guard.enter(self, self.address)
        if reason:
            self._refused = True
            self.guard.refuse("too_many_connections", reason, self.address)
            self._say(503, "too_many_connections", reason)
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.guard.leave(self, self.address)
        super().connection_lost(exc)  # type: ignore[misc] # of uvicorn's protocol

    def send_400_response(self, msg: str) -> None:
        self._refused = True
        self.guard.refuse("malformed_request", msg, self.address)
        self._say(400, "malformed_request", msg)
        self.transport.close()

    def pause_writing(self) -> None:
        self._stalled_at = time.monotonic()
        super().pause_writing()  # type: ignore[misc] # of uvicorn's protocol

    def resume_writing(self) -> None:
        self._stalled_at = 0.0
        super().resume_writing()  # type: ignore[misc] # of uvicorn's protocol

    def request_began(self) -> None:
        """The first byte of a request is here."""
        self._began_at = time.monotonic()
        self._received = 0

    def request_whole(self) -> None:
        """The last byte of a request is here."""
        self._began_at = self._answered_at = 0.0

    def fault(self, now: float) -> str:
        """What is wrong with this connection's pace; "" for nothing. A connection that idles is closed in silence."""
        limits = self.guard.limits
        if self._stalled_at and now - self._stalled_at > limits.stalled_seconds:
            return "the client does not read what it asked for"
        if self._answered_at and now - self._answered_at > OVERRUN_SECONDS:
            return "the client goes on sending a request that was refused"
        if self._began_at and not self._answered_at:
            allowed = limits.request_seconds + self._received / limits.slowest_bytes_per_second
            if now - self._began_at > allowed:
                return "the client sends its request too slowly"
        elif now - self._touched_at > IDLE_SECONDS and (self.cycle is None or self.cycle.response_complete):
            self.transport.close()
        return ""

    def cut(self) -> None:
        """End the connection at once; a client that waits for an answer is told why."""
        if self._stalled_at == 0.0 and not self._is_answering():
            self._say(408, "slow_client", "The request came too slowly.")
            self.transport.close()
        else:
            self.transport.abort()

    def _is_answering(self) -> bool:
        return self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete

    def _say(self, status: int, error: str, detail: str) -> None:
        if not self.transport.is_closing() and not self._is_answering():
            write_refusal(self.transport, status, error, detail)
