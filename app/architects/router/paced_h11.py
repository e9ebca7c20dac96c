"""The paced HTTP connection over h11."""

from __future__ import annotations

import time

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from app.architects.router.paced import PacedConnection

_WHOLE = (h11.DONE, h11.MUST_CLOSE, h11.SWITCHED_PROTOCOL)


class PacedH11(PacedConnection, H11Protocol):
    """h11 bounds a request's head by itself; where it stands is read from its state."""

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        self._touched_at = time.monotonic()
        if self._began_at == 0.0:
            self.request_began()
        self._received += len(data)
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._touched_at = time.monotonic()
        if self.conn.their_state is h11.SEND_BODY:
            self._answered_at = self._touched_at
        elif self.conn.their_state is h11.IDLE:
            self._look()
            if self.conn.trailing_data[0]:
                self.request_began()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self.guard.leave(self, self.address)
        super().handle_websocket_upgrade(event)

    def _look(self) -> None:
        state = self.conn.their_state
        if state in _WHOLE or (state is h11.IDLE and not self.conn.trailing_data[0]):
            self.request_whole()
