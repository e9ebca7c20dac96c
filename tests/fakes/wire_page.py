"""A worker's page without a browser: the real requests and the real socket, and everything that came by it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed


class WirePage:
    """One visit of one worker. `port` is another one than that of the link, for a proxy in front of it."""

    def __init__(self, link: str, worker: str, *, visit: str = "v", port: int | None = None) -> None:
        parts = urlsplit(link)
        self.worker, self.visit, self._link = worker, visit, parts.path
        self.host = f"127.0.0.1:{port or parts.port}"
        self.token = ""
        self.packets: list[dict[str, Any]] = []
        """What came by the sockets, in order."""
        self.http = httpx.AsyncClient(base_url=f"http://{self.host}", timeout=30)
        self.socket: ClientConnection | None = None
        self.closed_with: int | None = None
        self._reading: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._numbers = iter(range(1, 1_000_000))

    async def post(self, path: str, body: dict[str, Any]) -> httpx.Response:
        """One request."""
        return await self.http.post(path, json=body)

    async def register(self, **more: Any) -> dict[str, Any]:
        """Enter and ask for a unit; the details."""
        await self.http.get(self._link)
        registration = {
            "worker_name": self.worker,
            "agent_registration_id": f"{self.visit}-{self.worker}",
            "assignment_id": self.visit,
            "provider_type": "inhouse",
            **more,
        }
        answer = await self.post("/request_agent", {"provider_data": registration})
        assert answer.status_code == 200, answer.text
        details: dict[str, Any] = answer.json()["data"]
        self.token = details["agent_id"] or self.token
        return details

    async def begin(self) -> WirePage:
        """Register, and open the socket."""
        details = await self.register()
        assert details["agent_id"], details["failure_reason"]
        await self.connect()
        return self

    async def connect(self) -> None:
        """Open a socket and say alive; what was read by an earlier one stays."""
        await self.hang_up()
        self.closed_with = None
        self.socket = await connect(f"ws://{self.host}/", compression=None, ping_interval=None)
        self._reading = asyncio.create_task(self._read(self.socket))
        seen = len(self.packets)
        await self.send("alive", update_id="first")
        await self.until(lambda: any(each["packet_type"] == "update_status" for each in self.packets[seen:]))

    def leave_open(self) -> None:
        """Forget the socket without closing it, as a phone that lost its network does."""
        assert self._reading is not None
        self._reading.cancel()
        self.socket = None

    async def hang_up(self) -> None:
        """Close the socket."""
        if self.socket is not None:
            await self.socket.close()
        if self._reading is not None:
            await asyncio.gather(self._reading, return_exceptions=True)
        self.socket = self._reading = None

    async def close(self) -> None:
        """Be gone."""
        await self.hang_up()
        await self.http.aclose()

    async def send(self, kind: str, **data: Any) -> None:
        """Send a packet."""
        assert self.socket is not None
        packet = {"packet_type": kind, "subject_id": self.token, "client_timestamp": time.time(), "data": data}
        await self.socket.send(json.dumps(packet))

    async def say(self, text: str, update_id: str = "", **more: Any) -> None:
        """Say something to the task's logic."""
        name = update_id or f"{self.worker}-{next(self._numbers)}"
        await self.send("mephisto_bound_live_update", said=text, update_id=name, **more)

    async def submit(self, answer: Any = "yes") -> httpx.Response:
        """Hand in."""
        return await self.post("/submit_task", {"USED_AGENT_ID": self.token, "final_data": {"answer": answer}})

    def heard(self) -> list[str]:
        """The texts that were said to this page, each once, as pages show them: by their ids."""
        updates = {each["data"]["update_id"]: each["data"].get("text") for each in self._live()}
        return [text for text in updates.values() if text is not None]

    def statuses(self) -> list[str]:
        """Where the page was told that it stands."""
        return [each["data"]["status"] for each in self.packets if each["packet_type"] == "update_status"]

    def repeated(self) -> int:
        """How many live updates came more than once."""
        ids = [each["data"]["update_id"] for each in self._live()]
        return len(ids) - len(set(ids))

    async def until(self, condition: Callable[[], bool], seconds: float = 20) -> None:
        """Wait until what came makes something true."""
        async with asyncio.timeout(seconds):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    def _live(self) -> list[dict[str, Any]]:
        return [each for each in self.packets if each["packet_type"] == "client_bound_live_update"]

    async def _read(self, socket: ClientConnection) -> None:
        try:
            async for text in socket:
                self.packets.append(json.loads(text))
                self._changed.set()
        except ConnectionClosed:
            pass
        finally:
            self.closed_with = socket.close_code
            self._changed.set()
