"""What an architect is: the place that serves a run's pages, and the channels that lead to it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from app.args import arg
from app.clock import Clock
from app.data.packets import Packet


@dataclass
class ArchitectArgs:
    """What every architect can be told."""

    _architect_type: str = arg("local", help="Where the pages are served from.")


@dataclass(frozen=True)
class ServedTask:
    """What the router of one task run serves. Plain values; paths are absolute.

    `pages` maps a URL path ("/", "/welcome", "/preview", ...) to an HTML file; `static` maps a URL path
    ("/bundle.js", "/image/3fa9.png") to a file; nothing outside these maps is ever served. `static_folders` maps a
    URL prefix ("/files/") to a folder whose listing is taken once, at deployment.
    """

    task_run_id: str
    task_title: str
    provider_type: str
    secret: str
    """The run's channel secret: the desktop proves it to open a channel; entry links are signed with a key of it."""
    pages: Mapping[str, Path]
    static: Mapping[str, Path] = field(default_factory=dict)
    static_folders: Mapping[str, Path] = field(default_factory=dict)
    task_config: Mapping[str, Any] = field(default_factory=dict)
    """`/task_config.json` without `mephisto_task_version`, which the router adds."""
    frame_ancestors: tuple[str, ...] = ()
    """Origins that may put the page in an iframe; empty: none."""
    image_sources: tuple[str, ...] = ()
    """Foreign origins whose images the page may show (image_label from a list of URLs)."""
    media_sources: tuple[str, ...] = ()
    """Foreign origins whose videos and sounds the page may play (video_label from a list of URLs)."""
    entry_required: bool = True
    """True: a worker is who the signed cookie says (in-house). False: the body's `worker_name` is believed (mock)."""


PacketHandler = Callable[[Packet], Awaitable[None]]


class Channel(ABC):
    """One way to one router. Packets go out with `send`; what comes in is handed to the handler given to `open`.

    The handler is started once per packet in a task of its own, in the order the packets came; a slow one holds up no
    other. What it raises is logged.
    A channel reopens by itself after a loss, with growing pauses, until it is closed.
    """

    channel_id: str

    @abstractmethod
    async def open(self, on_packet: PacketHandler, on_state: Callable[[bool], None]) -> None:
        """Connect and prove the secret; returns when the router has accepted. `ArchitectError` when it refuses.

        `on_state(False)` is called when the connection is lost, `on_state(True)` when it is there again.
        """

    @abstractmethod
    async def send(self, packet: Packet) -> bool:
        """Send a packet; False when the router is away (nothing was sent)."""

    @abstractmethod
    def is_alive(self) -> bool:
        """Whether the router is connected now."""

    @abstractmethod
    async def close(self) -> None:
        """Close for good. Idempotent."""


class Architect(ABC):
    """Serves one task run's pages somewhere.

    Life: `prepare` -> `deploy` -> `get_channels` -> (the run) -> `shutdown` -> `cleanup`. Every step is idempotent and
    may be followed by `shutdown` and `cleanup` whether it failed or not.
    """

    ARCHITECT_TYPE: ClassVar[str]
    ArgsClass: ClassVar[type[ArchitectArgs]] = ArchitectArgs

    def __init__(self, args: ArchitectArgs, task: ServedTask, build_dir: Path, upload_dir: Path, clock: Clock) -> None:
        """`build_dir` is the architect's own scratch folder; uploaded files are streamed into `upload_dir`."""
        self.args = args
        self.task = task
        self.build_dir = build_dir
        self.upload_dir = upload_dir
        self.clock = clock

    @classmethod
    def assert_task_args(cls, args: ArchitectArgs) -> None:
        """Raise `ConfigError` when the arguments cannot work here (beyond what the field bounds say)."""

    @property
    def refusals(self) -> Counter[str] | None:
        """How often the router refused what, by the word of the refusal; None where it cannot be known."""
        return None

    @abstractmethod
    async def prepare(self) -> Path:
        """Collect what will be deployed; returns the folder it is in."""

    @abstractmethod
    async def deploy(self, preferred_port: int | None = None) -> str:
        """Start serving; returns the base URL, without a slash at its end ("http://127.0.0.1:41873").

        `preferred_port` is the one an interrupted run had: taken when free, so that pages reconnect by themselves.
        """

    @abstractmethod
    async def get_channels(self) -> list[Channel]:
        """The ways to the routers that `deploy` started, not opened yet."""

    @abstractmethod
    async def shutdown(self) -> None:
        """Stop serving. Afterwards nothing listens and no process of ours is left."""

    @abstractmethod
    async def cleanup(self) -> None:
        """Remove what `prepare` and `deploy` made. Uploaded files stay."""

    @abstractmethod
    def download_file(self, name: str) -> AsyncIterator[bytes]:
        """The bytes of an uploaded file, by its generated name, in chunks. `EntryDoesNotExist` when it is not there."""
