"""An architect of two routers on this computer: one on the loop of the program, one in a process of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from app.architects.base import Architect, ArchitectArgs, Channel, ServedTask
from app.architects.local import LocalArchitect, LocalArchitectArgs
from app.args import arg
from app.clock import Clock


@dataclass
class TwinArchitectArgs(ArchitectArgs):
    """Limits of both routers."""

    _architect_type: str = arg("twin", help="Where the pages are served from.")
    limits: dict[str, Any] = field(default_factory=dict)


class TwinArchitect(Architect):
    """`urls` are the addresses of the two; the run's own is the first."""

    ARCHITECT_TYPE: ClassVar[str] = "twin"
    ArgsClass = TwinArchitectArgs

    def __init__(self, args: ArchitectArgs, task: ServedTask, build_dir: Path, upload_dir: Path, clock: Clock) -> None:
        super().__init__(args, task, build_dir, upload_dir, clock)
        assert isinstance(args, TwinArchitectArgs)
        self.routers = [
            LocalArchitect(
                LocalArchitectArgs(isolated=isolated, limits=args.limits),
                replace(task),
                build_dir / name,
                upload_dir,
                clock,
            )
            for name, isolated in (("near", False), ("far", True))
        ]
        self.urls: list[str] = []

    async def prepare(self) -> Path:
        for router in self.routers:
            await router.prepare()
        return self.build_dir

    async def deploy(self, preferred_port: int | None = None) -> str:
        self.urls = [await router.deploy() for router in self.routers]
        return self.urls[0]

    async def get_channels(self) -> list[Channel]:
        channels = []
        for name, router in zip(("near", "far"), self.routers, strict=True):
            [channel] = await router.get_channels()
            channel.channel_id = name
            channels.append(channel)
        return channels

    async def shutdown(self) -> None:
        for router in self.routers:
            await router.shutdown()

    async def cleanup(self) -> None:
        for router in self.routers:
            await router.cleanup()

    async def download_file(self, name: str) -> AsyncIterator[bytes]:
        async for chunk in self.routers[0].download_file(name):
            yield chunk
