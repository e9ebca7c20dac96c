"""The desktop's ends of its channels: on the router's own loop, or dialled over a WebSocket."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable
from typing import Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from app.architects.base import Channel, PacketHandler
from app.data.packets import DESKTOP_ID, Packet, PacketError, PacketType
from app.errors import ArchitectError

logger = logging.getLogger(__name__)

PING_SECONDS = 5.0
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
OPEN_SECONDS = 15.0
CONFIRM_EVERY = 500
MAX_UNCONFIRMED = 20_000
MAX_FRAME = 256 * 1024 * 1024


class LocalRouter(Protocol):
    """What an in-process channel needs of a router."""

    def attach(self, deliver: Callable[[Packet], None]) -> None: ...
    def detach(self) -> None: ...
    def from_desktop(self, packet: Packet) -> None: ...


class _Deliveries:
    """Starts the handler once per packet, in the order of arrival; one that is slow holds up no other."""

    def __init__(self, on_packet: PacketHandler) -> None:
        self._on_packet = on_packet
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, packet: Packet) -> None:
        task = asyncio.get_running_loop().create_task(self._handle(packet))
        self._tasks.add(task)
        task.add_done_callback(self._done)

    async def wait(self) -> None:
        """Let what was begun end; but a handler may close the channel it came by, and waits for nobody."""
        if asyncio.current_task() not in self._tasks:
            while self._tasks:
                await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _handle(self, packet: Packet) -> None:
        await self._on_packet(packet)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("A packet could not be handled.", exc_info=error)


class InProcessChannel(Channel):
    """The way to a router on this very loop: a method call each way.

    The handler is started in a task of its own for each packet, in the order the packets came.
    """

    def __init__(self, router: LocalRouter, channel_id: str) -> None:
        self.channel_id = channel_id
        self._router = router
        self._deliveries: _Deliveries | None = None

    async def open(self, on_packet: PacketHandler, on_state: Callable[[bool], None]) -> None:
        if self._deliveries is None:
            self._deliveries = _Deliveries(on_packet)
            self._router.attach(self._deliveries.start)

    async def send(self, packet: Packet) -> bool:
        if self._deliveries is None:
            return False
        self._router.from_desktop(packet)
        return True

    def is_alive(self) -> bool:
        return self._deliveries is not None

    async def close(self) -> None:
        if self._deliveries is not None:
            deliveries, self._deliveries = self._deliveries, None
            self._router.detach()
            await deliveries.wait()


class WebSocketChannel(Channel):
    """The way to a router in another process or on another host: a WebSocket that the desktop dials.

    A packet that `send` accepted is kept until the router's answer to a later ping proves that it arrived, and is sent
    again after a reconnection; the router takes any packet twice.
    """

    def __init__(self, url: str, secret: str, channel_id: str, *, ping_seconds: float = PING_SECONDS) -> None:
        """`url` is `ws://` or `wss://`, with the path of the channel."""
        self.channel_id = channel_id
        self._url, self._secret, self._ping_seconds = url, secret, ping_seconds
        self._deliveries: _Deliveries | None = None
        self._on_state: Callable[[bool], None] = lambda alive: None
        self._socket: ClientConnection | None = None
        self._running: asyncio.Task[None] | None = None
        self._unconfirmed: deque[tuple[int, str]] = deque()
        self._sent = 0
        self._read = 0
        """Live updates read since the connection was made: the router sends those again that it does not find here."""
        self._confirm = asyncio.Event()
        self._confirmed = asyncio.Event()

    async def open(self, on_packet: PacketHandler, on_state: Callable[[bool], None]) -> None:
        if self._running is not None:
            return
        self._deliveries, self._on_state = _Deliveries(on_packet), on_state
        first: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._running = asyncio.get_running_loop().create_task(self._run(first), name=f"channel {self.channel_id}")
        try:
            await asyncio.wait_for(asyncio.shield(first), OPEN_SECONDS)
        except TimeoutError:
            first.cancel()
            await self.close()
            raise ArchitectError(f"The router at {self._url} does not answer.", "Look whether it runs.") from None
        except ArchitectError:
            await self.close()
            raise

    async def send(self, packet: Packet) -> bool:
        while len(self._unconfirmed) >= MAX_UNCONFIRMED and self._socket is not None:
            self._confirmed.clear()
            await self._confirmed.wait()
        socket = self._socket
        if socket is None:
            return False
        text = packet.to_json()
        self._sent += 1
        self._unconfirmed.append((self._sent, text))
        if len(self._unconfirmed) >= CONFIRM_EVERY:
            self._confirm.set()
        with contextlib.suppress(ConnectionClosed):  # it was accepted, and goes out again when the router is back
            await socket.send(text)
        return True

    def is_alive(self) -> bool:
        return self._socket is not None

    async def close(self) -> None:
        running, self._running = self._running, None
        if running is None:
            return
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        self._unconfirmed.clear()
        if self._deliveries is not None:
            await self._deliveries.wait()

    async def _run(self, first: asyncio.Future[None]) -> None:
        """Dial, read until the connection is lost, dial again."""
        pause = FIRST_PAUSE
        while True:
            try:
                async with connect(
                    self._url,
                    additional_headers={"Authorization": f"Bearer {self._secret}"},
                    max_size=MAX_FRAME,
                    compression=None,
                    proxy=None,
                    open_timeout=OPEN_SECONDS,
                    close_timeout=2,
                ) as socket:
                    pause = FIRST_PAUSE
                    await self._serve(socket, first)
            except InvalidStatus as error:
                if error.response.status_code == 401 and not first.done():
                    first.set_exception(ArchitectError("The router does not take this run's secret."))
                    return
                logger.info("The router at %s refused the channel: %s", self._url, error)
            except (OSError, TimeoutError, InvalidHandshake, ConnectionClosed) as error:
                logger.info("The router at %s is away: %s", self._url, error)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _serve(self, socket: ClientConnection, first: asyncio.Future[None]) -> None:
        for _, text in list(self._unconfirmed):
            await socket.send(text)
        self._socket, self._read = socket, 0
        if first.done():
            self._on_state(True)
        else:
            first.set_result(None)
        pinging = asyncio.get_running_loop().create_task(self._ping(socket))
        try:
            async for frame in socket:
                self._take(frame)
        finally:
            self._socket = None
            self._confirmed.set()
            pinging.cancel()
            await asyncio.gather(pinging, return_exceptions=True)
            if self._running is not None:
                self._on_state(False)

    def _take(self, text: str | bytes) -> None:
        assert self._deliveries is not None
        try:
            packet = Packet.from_json(text)
        except PacketError as error:
            logger.error("The router at %s sent what is no packet: %s", self._url, error)
            return
        self._deliveries.start(packet)
        if packet.packet_type is PacketType.MEPHISTO_BOUND_LIVE_UPDATE:
            self._read += 1

    async def _ping(self, socket: ClientConnection) -> None:
        """Say that the desktop is alive, and learn up to where the router has read."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._confirm.wait(), self._ping_seconds)
            self._confirm.clear()
            upto = self._sent
            await socket.send(Packet(PacketType.ALIVE, DESKTOP_ID, {"read": self._read}).to_json())
            await (await socket.ping())
            while self._unconfirmed and self._unconfirmed[0][0] <= upto:
                self._unconfirmed.popleft()
            self._confirmed.set()


def channel_url(base_url: str) -> str:
    """The WebSocket URL of the channel of a router at `base_url`."""
    return "ws" + base_url.removeprefix("http").rstrip("/") + "/channel"
