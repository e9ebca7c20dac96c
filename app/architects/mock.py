"""An architect for tests and rehearsals of the program itself: every call is recorded, every packet can be scripted."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.architects.base import Architect, ArchitectArgs, Channel, PacketHandler, ServedTask
from app.architects.local import read_upload, router_config
from app.architects.router.config import RouterConfigError
from app.architects.router.limits import Limits
from app.architects.router.router import Router
from app.architects.router.server import RouterServer
from app.args import arg
from app.clock import Clock
from app.data.packets import Packet, PacketType
from app.errors import ArchitectError

Script = Callable[[Packet], Sequence[Packet]]
"""What becomes of one packet: itself, others, several, none."""

MOCK_URL = "http://mock.invalid"


@dataclass
class MockArchitectArgs(ArchitectArgs):
    """Whether the mock serves pages at all."""

    _architect_type: str = arg("mock", help="Where the pages are served from.")
    should_run_server: bool = arg(False, help="Serve pages on a free port of this computer; else only record calls.")


class MockChannel(Channel):
    """A channel under a script. Nothing needs to be at its other end."""

    def __init__(self, router: Router | None, channel_id: str = "mock") -> None:
        self.channel_id = channel_id
        self.sent: list[Packet] = []
        """What the desktop sent, in order, as it was before the script."""
        self.delivered: list[Packet] = []
        """What the desktop was given, in order."""
        self.on_outgoing: Script = lambda packet: [packet]
        self.on_incoming: Script = lambda packet: [packet]
        self._router = router
        self._on_packet: PacketHandler | None = None
        self._on_state: Callable[[bool], None] = lambda alive: None
        self._alive = False
        self._handling: set[asyncio.Future[None]] = set()
        self._changed = asyncio.Event()

    async def open(self, on_packet: PacketHandler, on_state: Callable[[bool], None]) -> None:
        self._on_packet, self._on_state = on_packet, on_state
        if not self._alive:
            self._connect()

    async def send(self, packet: Packet) -> bool:
        if not self._alive:
            return False
        self.sent.append(packet)
        self._changed.set()
        for scripted in self.on_outgoing(packet):
            if self._router is not None:
                self._router.from_desktop(scripted)
        return True

    def is_alive(self) -> bool:
        return self._alive

    async def close(self) -> None:
        if self._alive:
            self._disconnect()
        if asyncio.current_task() not in self._handling:
            while self._handling:
                await asyncio.gather(*self._handling, return_exceptions=True)

    def inject(self, packet: Packet) -> None:
        """Give the desktop a packet as if a page had caused it, past the script."""
        if self._on_packet is None:
            raise ArchitectError("The channel was never opened.")
        self.delivered.append(packet)
        task = asyncio.ensure_future(self._handle(self._on_packet, packet))
        self._handling.add(task)
        task.add_done_callback(self._handling.discard)

    def lose(self) -> None:
        """The connection is lost: `send` says False until `restore`."""
        if self._alive:
            self._disconnect()
            self._on_state(False)

    def restore(self) -> None:
        """The connection is there again."""
        if not self._alive:
            self._connect()
            self._on_state(True)

    async def sent_packet(self, packet_type: PacketType, count: int = 1) -> Packet:
        """Wait until the desktop has sent `count` packets of a type; returns the last of these."""
        while True:
            found = [packet for packet in self.sent if packet.packet_type is packet_type]
            if len(found) >= count:
                return found[count - 1]
            self._changed.clear()
            await self._changed.wait()

    def _connect(self) -> None:
        self._alive = True
        if self._router is not None:
            self._router.attach(self._incoming)

    def _disconnect(self) -> None:
        self._alive = False
        if self._router is not None:
            self._router.detach()

    def _incoming(self, packet: Packet) -> None:
        for scripted in self.on_incoming(packet):
            self.inject(scripted)

    @staticmethod
    async def _handle(on_packet: PacketHandler, packet: Packet) -> None:
        await on_packet(packet)


class MockArchitect(Architect):
    """Lifecycle only, or a real router on this loop behind a scripted channel. `calls` holds every call, in order."""

    ARCHITECT_TYPE = "mock"
    ArgsClass = MockArchitectArgs

    def __init__(self, args: ArchitectArgs, task: ServedTask, build_dir: Path, upload_dir: Path, clock: Clock) -> None:
        super().__init__(args, task, build_dir, upload_dir, clock)
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.channel: MockChannel | None = None
        """The channel of the latest deployment."""
        self._server: RouterServer | None = None
        self._url = ""

    @property
    def refusals(self) -> Counter[str] | None:
        return self._server.router.refusals if self._server is not None else None

    async def prepare(self) -> Path:
        self.calls.append(("prepare", {}))
        self.build_dir.mkdir(parents=True, exist_ok=True)
        self.upload_dir.mkdir(parents=True, exist_ok=True)
        return self.build_dir

    async def deploy(self, preferred_port: int | None = None) -> str:
        self.calls.append(("deploy", {"preferred_port": preferred_port}))
        if self._url:
            return self._url
        args = self.args
        assert isinstance(args, MockArchitectArgs)
        if not args.should_run_server:
            self.channel = MockChannel(None)
            self._url = MOCK_URL
            return self._url
        try:
            config = router_config(self.task, self.upload_dir, Limits(), port=preferred_port or 0)
            server = RouterServer(Router(config, local=True, wall=lambda: self.clock.now().timestamp()))
        except RouterConfigError as error:
            raise ArchitectError(f"The pages cannot be served: {error}.") from None
        port = await server.start()
        self._server = server
        self.channel = MockChannel(server.router)
        self._url = f"http://127.0.0.1:{port}"
        return self._url

    async def get_channels(self) -> list[Channel]:
        self.calls.append(("get_channels", {}))
        if self.channel is None:
            raise ArchitectError("There is no router yet.", "Deploy it first.")
        return [self.channel]

    async def shutdown(self) -> None:
        self.calls.append(("shutdown", {}))
        server, self._server = self._server, None
        channel, self.channel = self.channel, None
        self._url = ""
        if channel is not None:
            await channel.close()
        if server is not None:
            await server.stop()

    async def cleanup(self) -> None:
        self.calls.append(("cleanup", {}))
        if self.build_dir.is_dir():
            for path in sorted(self.build_dir.rglob("*"), reverse=True):
                path.rmdir() if path.is_dir() else path.unlink()
            self.build_dir.rmdir()

    async def download_file(self, name: str) -> AsyncIterator[bytes]:
        self.calls.append(("download_file", {"name": name}))
        async for chunk in read_upload(self.upload_dir, name):
            yield chunk
