"""The guard of a router's connections: how many, from where, and whether each keeps its pace.

The limits of a page's own packets are in the state machine; these are of the bytes below it. One sweep a second looks
at all connections, so that none needs a timer of its own.
"""

from __future__ import annotations

import asyncio
import json
import logging
from asyncio.transports import BaseTransport
from collections import Counter
from collections.abc import Callable
from typing import Protocol, cast

from uvicorn.protocols.utils import get_remote_addr

from app.architects.router.limits import Limits, address_key, is_loopback

QUIET = logging.getLogger("app.architects.router.transport")
QUIET.setLevel(logging.ERROR)  # uvicorn warns of every malformed request; here they are counted, and logged in sums


class Guarded(Protocol):
    """A connection, as the guard sees it."""

    transport: asyncio.Transport
    address: str

    def fault(self, now: float) -> str:
        """What is wrong with this connection's pace; "" for nothing."""
        ...

    def cut(self) -> None:
        """End the connection at once."""
        ...


class ConnectionGuard:
    """All connections of one router: who may come in, and who has been too slow."""

    def __init__(self, limits: Limits, refuse: Callable[[str, str, str], None], *, proxied: bool) -> None:
        """`refuse(error, detail, address)` logs and counts; `proxied`: all connections come from a reverse proxy."""
        self.limits = limits
        self.refuse = refuse
        self._proxied = proxied
        self._open: set[Guarded] = set()
        self._per_address: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._open)

    def enter(self, connection: Guarded, address: str) -> str:
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

    def leave(self, connection: Guarded, address: str) -> None:
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


def remote_address(transport: BaseTransport) -> str:
    """Whose connection this is, as limits count."""
    remote = get_remote_addr(cast(asyncio.Transport, transport))
    return address_key(remote[0]) if remote else "unknown"


def write_refusal(transport: asyncio.Transport, status: int, error: str, detail: str) -> None:
    """Write a whole answer past the parser, whose state may not allow one any more; the connection closes after it."""
    body = json.dumps({"error": error, "detail": detail})
    head = f"HTTP/1.1 {status} Refused\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
    transport.write(f"{head}connection: close\r\nx-content-type-options: nosniff\r\n\r\n{body}".encode())
