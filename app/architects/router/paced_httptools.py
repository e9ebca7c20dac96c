"""The paced HTTP connection over httptools."""

from __future__ import annotations

import asyncio
import time
from asyncio.transports import BaseTransport
from typing import cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.architects.router.corked import CorkedTransport
from app.architects.router.paced import HEAD_BYTES, PacedConnection


class PacedHttptools(PacedConnection, HttpToolsProtocol):
    """httptools says when a request begins and ends, but bounds nothing: its head is bounded here."""

    _in_head = False

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(cast(BaseTransport, CorkedTransport(cast(asyncio.Transport, transport))))

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        self._touched_at = time.monotonic()
        self._received += len(data)
        super().data_received(data)
        if self._in_head and self._received > HEAD_BYTES and not self._refused:
            self.send_400_response("The head of the request is too large.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.request_began()
        self._in_head = True

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self.request_whole()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._touched_at = time.monotonic()
        if self._began_at and not self._in_head and self.cycle.response_complete:
            self._answered_at = self._touched_at

    def handle_websocket_upgrade(self) -> None:
        self.guard.leave(self, self.address)
        corked = cast(CorkedTransport, self.transport)
        corked.flush()
        self.transport = corked.raw  # frames go out one by one
        super().handle_websocket_upgrade()
