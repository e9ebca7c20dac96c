"""A worker's browser as far as the wire is concerned: HTTP kept alive, a cookie, a WebSocket. Bare, for load."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import struct
from typing import Any


class Gone(ConnectionError):
    """The server is away, or broke off before it had answered."""


class PageClient:
    """One browser. Opens its connection when it has to; anything that breaks is `Gone`."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self.cookie = ""
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def enter(self, path: str) -> None:
        """Open an entry link and keep its cookie."""
        status, headers, _ = await self.request("GET", path)
        if status not in (302, 303, 307):
            raise AssertionError(f"the entry link answered {status}")
        self.cookie = headers["set-cookie"].split(";", 1)[0]

    async def post(self, path: str, body: Any) -> tuple[int, Any]:
        """Status and JSON of an answer."""
        status, _, text = await self.request("POST", path, json.dumps(body, separators=(",", ":")).encode())
        return status, json.loads(text)

    async def request(self, method: str, path: str, body: bytes = b"") -> tuple[int, dict[str, str], bytes]:
        """One request on the kept connection."""
        head = f"{method} {path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\nContent-Length: {len(body)}\r\n"
        if body:
            head += "Content-Type: application/json\r\n"
        if self.cookie:
            head += f"Cookie: {self.cookie}\r\n"
        try:
            if self._writer is None or self._writer.is_closing():
                self._reader, self._writer = await asyncio.open_connection(self.host, self.port)
            assert self._reader is not None
            self._writer.write(head.encode() + b"\r\n" + body)
            return await self._answer(self._reader)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            self.close()
            raise Gone(str(error)) from None

    async def _answer(self, reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)
        }
        text = await reader.readexactly(int(headers.get("content-length", "0")))
        if headers.get("connection", "").lower() == "close":
            self.close()
        return int(lines[0].split(" ", 2)[1]), headers, text

    def close(self) -> None:
        """Close the connection. Idempotent."""
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None


class PageSocket:
    """The page's WebSocket: says `alive`, answers nothing, reads what comes."""

    def __init__(self) -> None:
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self.frames = 0

    async def open(self, host: str, port: int, path: str, token: str, cookie: str = "") -> None:
        """Connect and say alive for a token."""
        reader, writer = await asyncio.open_connection(host, port)
        key = base64.b64encode(os.urandom(16)).decode()
        head = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nOrigin: http://{host}:{port}\r\nUpgrade: websocket\r\n"
        head += f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
        head += (f"Cookie: {cookie}\r\n" if cookie else "") + "\r\n"
        self._writer = writer  # from here on `close` hangs up, also when no answer comes
        writer.write(head.encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        if b" 101 " not in answer.split(b"\r\n", 1)[0]:
            raise Gone(answer.decode("latin-1").split("\r\n", 1)[0])
        self.say({"packet_type": "alive", "subject_id": token, "data": {"update_id": "first"}})
        self._reading = asyncio.create_task(self._read(reader))

    def say(self, packet: dict[str, Any]) -> None:
        """Send one packet."""
        assert self._writer is not None
        self._writer.write(frame(json.dumps(packet, separators=(",", ":")).encode()))

    async def close(self) -> None:
        """Hang up."""
        if self._writer is not None:
            self._writer.close()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                _, length = await reader.readexactly(2)
                length &= 0x7F
                if length == 126:
                    (length,) = struct.unpack(">H", await reader.readexactly(2))
                elif length == 127:
                    (length,) = struct.unpack(">Q", await reader.readexactly(8))
                await reader.readexactly(length)
                self.frames += 1
        except (OSError, asyncio.IncompleteReadError):
            return


def frame(payload: bytes) -> bytes:
    """A masked text frame."""
    mask = os.urandom(4)
    size = len(payload)
    head = bytes([0x81, 0x80 | size]) if size < 126 else bytes([0x81, 0xFE]) + struct.pack(">H", size)
    repeated = (mask * (size // 4 + 1))[:size]
    masked = (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(size, "big")
    return head + mask + masked
