"""The router: its rules, with the sockets, requests, files and threads that they need around them.

The state machine decides; this does what it says. `server` gives it a port.
"""

from __future__ import annotations

import asyncio
import hmac
import itertools
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from starlette.types import Scope

from app.architects.router import entry
from app.architects.router.actions import (
    Action,
    Answer,
    CloseSocket,
    DropDesktop,
    Keep,
    Redeliver,
    Refused,
    ToDesktop,
    ToSocket,
    Unkeep,
)
from app.architects.router.config import RouterConfig
from app.architects.router.http import CountedRefusal
from app.architects.router.limits import RateLimiter, address_key
from app.architects.router.outbox import Outbox
from app.architects.router.refusals import RefusalLog
from app.architects.router.routing import Routing
from app.architects.router.site import Site
from app.architects.router.spool import Spool, SpoolThread
from app.architects.router.uploads import sweep
from app.data.packets import Packet


class Router:
    """One run's router, as endpoints and sockets see it. `RouterServer` gives it a port."""

    def __init__(
        self,
        config: RouterConfig,
        *,
        local: bool,
        wall: Callable[[], float] = time.time,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`local`: the desktop is on this loop (no spool, no dialled channel). Raises `RouterConfigError` (files)."""
        self.config = config
        self.wall, self.now = wall, now
        self.upload_dir = Path(config.upload_dir)
        self.site = Site(config)
        self.cookie_name = entry.cookie_name(config.task_run_id)
        self.executor = ThreadPoolExecutor(4, thread_name_prefix="router-files")
        self.refused = RefusalLog()
        limits = config.limits
        self.workers = RateLimiter(limits.worker_requests_per_second, limits.worker_request_burst)
        spooling = config.spool_dir is not None and not local
        self.routing = Routing(limits, local=local, spooling=spooling)
        self.spool: SpoolThread | None = None
        if spooling:
            folder = Spool(Path(str(config.spool_dir)), limits.spool_bytes)
            self.spool = SpoolThread(folder, self._deliver, self._answer, self.refuse)
        if self.spool is None or self.spool.is_empty:  # what is kept still has its files here
            self.executor.submit(sweep, self.upload_dir, time.time())
        self._ids = itertools.count(1)
        self._boot = secrets.token_hex(6)
        self._answers: dict[str, asyncio.Future[Answer]] = {}
        self._boxes: dict[int, Outbox] = {}
        self._desktop: Callable[[Packet], None] | None = None
        self._channel: Outbox | None = None
        self._performers: dict[type[Any], Callable[[Any], None]] = {
            ToDesktop: lambda action: self._deliver(action.packet),
            ToSocket: self._to_socket,
            CloseSocket: self._close_socket,
            Answer: self._answer,
            Refused: lambda action: self.refuse(action.error, action.detail, action.address),
            DropDesktop: lambda action: self._drop_desktop(action.reason),
        }
        if self.spool is not None:
            self._performers |= {
                Keep: self.spool.keep,
                Unkeep: self.spool.unkeep,
                Redeliver: self.spool.redeliver,
            }

    @property
    def refusals(self) -> Counter[str]:
        """How often what was refused, by the word that the refusal carries."""
        return self.refused.counts

    # the desktop

    def attach(self, deliver: Callable[[Packet], None]) -> None:
        """A desktop on this loop takes the packets from now on; `deliver` returns at once."""
        self._desktop = deliver
        self.perform(self.routing.desktop_opened(self.now(), self.wall()))

    def detach(self) -> None:
        """The desktop on this loop takes no more packets. Idempotent."""
        if self._desktop is not None:
            self._desktop = None
            self.perform(self.routing.desktop_closed(self.now()))

    def from_desktop(self, packet: Packet) -> None:
        """The desktop says something."""
        self.perform(self.routing.desktop_packet(packet, self.now(), self.wall()))

    def is_desktop(self, authorization: str) -> bool:
        """Whether an Authorization header proves the run's secret (compared in constant time)."""
        expected = f"Bearer {self.config.secret}".encode()
        return hmac.compare_digest(authorization.encode("latin-1", "replace"), expected)

    def channel_opened(self, box: Outbox) -> None:
        """A dialled channel proved the secret; it replaces an earlier one, which the desktop must have lost."""
        if self._channel is not None:
            self._channel.close(4409, "another connection of the desktop took over", now=True)
            self.perform(self.routing.desktop_closed(self.now()))
        self._channel = box
        self.perform(self.routing.desktop_opened(self.now(), self.wall()))

    def channel_closed(self, box: Outbox) -> None:
        """A dialled channel is gone."""
        if self._channel is box:
            self._channel = None
            self.perform(self.routing.desktop_closed(self.now()))

    # pages' sockets

    def page_opened(self, box: Outbox, address: str) -> int:
        """A page's socket was accepted; returns its id."""
        socket_id = next(self._ids)
        self._boxes[socket_id] = box
        self.perform(self.routing.socket_opened(socket_id, address, self.now()))
        return socket_id

    def page_frame(self, socket_id: int, text: str | None) -> None:
        """A page's socket sent a frame; None: a binary one."""
        if text is None:
            detail = "a page's frames are text"
            self.perform(self.routing.socket_dropped(socket_id, "binary_frame", detail, self.now()))
        else:
            self.perform(self.routing.socket_frame(socket_id, text, self.now(), self.wall()))

    def page_closed(self, socket_id: int) -> None:
        """A page's socket is gone."""
        self._boxes.pop(socket_id, None)
        self.perform(self.routing.socket_closed(socket_id, self.now()))

    # pages' requests

    def refuse(self, error: str, detail: str, address: str) -> None:
        """Count and log a refusal."""
        self.refused.add(error, detail, address, self.now())

    def address(self, scope: Scope) -> str:
        """Whose request this is, for limits and logs."""
        client = scope["client"]
        return address_key(client[0]) if client else "unknown"

    async def ask(self, packet: Packet, address: str) -> Answer:
        """Give a page's request to the desktop and wait for the answer, or for the deadline."""
        request_id = packet.data["request_id"] = self._new_id()
        if not packet.subject_id:
            packet.subject_id = request_id
        return await self._wait(request_id, lambda: self.routing.request(packet, address, self.now(), self.wall()))

    async def confirm(self, token: str, address: str) -> None:
        """Let the desktop confirm a token; `HttpRefusal` when it is nobody's or the desktop does not say."""
        request_id = self._new_id()
        answer = await self._wait(
            request_id, lambda: self.routing.confirm(request_id, token, address, self.now(), self.wall())
        )
        if answer.status != 200:
            raise CountedRefusal(answer.status, answer.body["error"], answer.body["detail"])

    def note(self, packet: Packet, address: str) -> None:
        """Tell the desktop something that wants no answer."""
        packet.router_incoming_timestamp = self.wall()
        self.perform(self.routing.note(packet, address))

    def perform(self, actions: Iterable[Action]) -> None:
        """Do what the state machine says."""
        for action in actions:
            self._performers[type(action)](action)

    async def close(self) -> None:
        """Answer what is pending, close all sockets, end the threads."""
        away = {"error": "desktop_away", "detail": "The task is being stopped; this page tries again."}
        for request_id in list(self._answers):
            self.routing.abandoned(request_id)
            self._answer(Answer(request_id, 503, away))
        for box in list(self._boxes.values()):
            box.close(1001, "the router stops")
        if self._channel is not None:
            self._channel.close(1001, "the router stops")
        if self.spool is not None:
            await self.spool.close()

    # actions

    def _deliver(self, packet: Packet) -> None:
        if self._desktop is not None:
            self._desktop(packet)
        elif self._channel is not None and not self._channel.push(packet.to_json()):
            self._drop_desktop("the desktop does not read")

    def _to_socket(self, action: ToSocket) -> None:
        box = self._boxes.get(action.socket_id)
        if box is not None and not box.push(action.text):
            detail = "the page does not read its frames"
            self.perform(self.routing.socket_dropped(action.socket_id, "slow_client", detail, self.now()))

    def _close_socket(self, action: CloseSocket) -> None:
        box = self._boxes.pop(action.socket_id, None)
        if box is not None:
            box.close(action.code, action.reason)

    def _answer(self, action: Answer) -> None:
        future = self._answers.get(action.request_id)
        if future is not None and not future.done():
            future.set_result(action)

    def _drop_desktop(self, reason: str) -> None:
        if self._channel is not None:
            self.refuse("desktop_silent", reason, "channel")
            channel, self._channel = self._channel, None
            channel.close(4408, reason, now=True)
            self.perform(self.routing.desktop_closed(self.now()))

    def _new_id(self) -> str:
        return f"{self._boot}{next(self._ids):x}"

    async def _wait(self, request_id: str, start: Callable[[], list[Action]]) -> Answer:
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._answers[request_id] = future
        try:
            self.perform(start())
            return await future
        finally:
            del self._answers[request_id]
            self.routing.abandoned(request_id)
