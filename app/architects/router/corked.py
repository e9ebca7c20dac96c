"""A transport that sends the head of an answer and its body as one: half the system calls, half the packets."""

from __future__ import annotations

import asyncio
from typing import Any

LONGEST_JOINED = 16 * 1024
"""What is longer is not copied to be joined."""


class CorkedTransport:
    """Holds a short write back until the next one, at most until the loop's next turn. All else is the transport's."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self.raw = transport
        self._held = b""
        self._soon = asyncio.get_running_loop().call_soon

    def __getattr__(self, name: str) -> Any:
        return getattr(self.raw, name)

    def write(self, data: bytes) -> None:
        """Send, together with what was held back."""
        held = self._held
        if held:
            self._held = b""
            if len(data) <= LONGEST_JOINED:
                self.raw.write(held + data)
                return
            self.raw.write(held)
            self.raw.write(data)
        elif len(data) <= LONGEST_JOINED:
            self._held = data
            self._soon(self.flush)
        else:
            self.raw.write(data)

    def flush(self) -> None:
        """Send what is held back."""
        held, self._held = self._held, b""
        if held and not self.raw.is_closing():
            self.raw.write(held)

    def close(self) -> None:
        """Send what is held back, then close."""
        self.flush()
        self.raw.close()
