"""Serves a run from this computer: in the desktop's own process, or in a child process beside it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import re
import shutil
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.architects.base import Architect, ArchitectArgs, Channel, ServedTask
from app.architects.channel import InProcessChannel, WebSocketChannel, channel_url
from app.architects.router.config import RouterConfig, RouterConfigError
from app.architects.router.limits import MIB, Limits
from app.architects.router.router import Router
from app.architects.router.server import RouterServer
from app.architects.router.uploads import NAME_SHAPE
from app.args import arg
from app.clock import Clock
from app.errors import ArchitectError, ConfigError, EntryDoesNotExist

logger = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
READY_SECONDS = 30.0
STOP_SECONDS = 8.0
CHUNK = 256 * 1024
PROJECT_ROOT = Path(__file__).resolve().parents[2]


@dataclass
class LocalArchitectArgs(ArchitectArgs):
    """How this computer serves a run."""

    _architect_type: str = arg("local", help="Where the pages are served from.")
    lan: bool = arg(False, label="For this network", help="Let workers on this network reach the pages.")
    host: str = arg("", help="Address to serve on; empty: this computer only, or with lan all its addresses.")
    port: int = arg(0, help="Port to serve on; 0 takes a free one.", minimum=0, maximum=65535, group="advanced")
    isolated: bool = arg(
        False, help="Serve from a process of its own: more workers at once on several cores.", group="advanced"
    )
    json_body_limit_mib: int = arg(
        10, help="Largest JSON request from a worker page.", minimum=1, maximum=100, unit="MiB", group="advanced"
    )
    upload_limit_mib: int = arg(
        200, help="Largest file a worker may upload.", minimum=1, maximum=10_000, unit="MiB", group="advanced"
    )
    limits: dict[str, Any] = arg(
        factory=dict, help="Other limits of the router, by name, such as requests_per_second.", group="advanced"
    )


def router_limits(args: LocalArchitectArgs) -> Limits:
    """The limits that the arguments ask for; `ConfigError` for a wrong one."""
    values = {"json_body_bytes": args.json_body_limit_mib * MIB, "file_bytes": args.upload_limit_mib * MIB}
    values["upload_bytes"] = max(Limits.upload_bytes, values["file_bytes"])
    try:
        return Limits.from_mapping(values | args.limits)
    except ValueError as error:
        raise ConfigError(f"limits: {error}.", key="architect.limits") from None


def router_config(task: ServedTask, upload_dir: Path, limits: Limits, **more: Any) -> RouterConfig:
    """A router's configuration for a task; `more` are further fields of `RouterConfig`."""
    return RouterConfig(
        task_run_id=task.task_run_id,
        secret=task.secret,
        upload_dir=str(upload_dir),
        task_title=task.task_title,
        provider_type=task.provider_type,
        pages={url: str(path) for url, path in task.pages.items()},
        static={url: str(path) for url, path in task.static.items()},
        static_folders={url: str(path) for url, path in task.static_folders.items()},
        task_config=dict(task.task_config),
        frame_ancestors=task.frame_ancestors,
        image_sources=task.image_sources,
        media_sources=task.media_sources,
        entry_required=task.entry_required,
        limits=limits,
        **more,
    )


class LocalArchitect(Architect):
    """The router on this computer."""

    ARCHITECT_TYPE = "local"
    ArgsClass = LocalArchitectArgs

    def __init__(self, args: ArchitectArgs, task: ServedTask, build_dir: Path, upload_dir: Path, clock: Clock) -> None:
        super().__init__(args, task, build_dir, upload_dir, clock)
        self._server: RouterServer | None = None
        self._child: RouterChild | None = None
        self._url = ""

    @classmethod
    def assert_task_args(cls, args: ArchitectArgs) -> None:
        assert isinstance(args, LocalArchitectArgs)
        router_limits(args)

    @property
    def refusals(self) -> Counter[str] | None:
        if self._server is not None:
            return self._server.router.refusals
        return self._child.refusals if self._child is not None else None

    async def prepare(self) -> Path:
        self.build_dir.mkdir(parents=True, exist_ok=True)
        self.upload_dir.mkdir(parents=True, exist_ok=True)
        return self.build_dir

    async def deploy(self, preferred_port: int | None = None) -> str:
        if self._url:
            return self._url
        await self.prepare()
        args = self.args
        assert isinstance(args, LocalArchitectArgs)
        host = args.host or ("0.0.0.0" if args.lan else LOOPBACK)  # noqa: S104 - the requester asked for it
        config = router_config(
            self.task,
            self.upload_dir,
            router_limits(args),
            host=host,
            port=args.port or preferred_port or 0,
            port_required=args.port != 0,
            spool_dir=str(self.build_dir / "spool") if args.isolated else None,
            exit_with_stdin=args.isolated,
        )
        try:
            port = await (self._start_child(config) if args.isolated else self._start_here(config))
        except RouterConfigError as error:
            raise ArchitectError(f"The pages cannot be served: {error}.") from None
        except OSError as error:
            raise _not_served(config, error.strerror or str(error)) from None
        self._url = f"http://{_shown_host(host)}:{port}"
        return self._url

    async def get_channels(self) -> list[Channel]:
        name = f"local-{self.task.task_run_id}"
        if self._server is not None:
            return [InProcessChannel(self._server.router, name)]
        if self._child is not None:
            url = f"http://{_dialled_host(self._child.config.host)}:{self._child.port}"
            return [WebSocketChannel(channel_url(url), self.task.secret, name)]
        raise ArchitectError("There is no router yet.", "Deploy it first.")

    async def shutdown(self) -> None:
        server, self._server = self._server, None
        child, self._child = self._child, None
        self._url = ""
        if server is not None:
            await server.stop()
        if child is not None:
            await child.stop()

    async def cleanup(self) -> None:
        spool = self.build_dir / "spool"
        if spool.is_dir() and any(spool.glob("*.json")):
            logger.warning("Submissions that were not delivered stay in %s.", spool)
            return
        await asyncio.get_running_loop().run_in_executor(None, _remove_tree, self.build_dir)

    async def download_file(self, name: str) -> AsyncIterator[bytes]:
        async for chunk in read_upload(self.upload_dir, name):
            yield chunk

    async def _start_here(self, config: RouterConfig) -> int:
        server = RouterServer(Router(config, local=True, wall=lambda: self.clock.now().timestamp()))
        port = await server.start()
        self._server = server
        return port

    async def _start_child(self, config: RouterConfig) -> int:
        child = RouterChild(config)
        port = await child.start()
        self._child = child
        return port


def _not_served(config: RouterConfig, reason: str) -> ArchitectError:
    place = f"{config.host}:{config.port}" if config.port else config.host
    return ArchitectError(f"The pages cannot be served on {place}: {reason}.", "Choose another port or address.")


class RouterChild:
    """A router in a child process. It is started again, on the same port, when it dies; it dies with this process."""

    def __init__(self, config: RouterConfig) -> None:
        self.config = config
        self.port = 0
        self.refusals: Counter[str] = Counter()
        self._process: asyncio.subprocess.Process | None = None
        self._watching: asyncio.Task[None] | None = None
        self._stopping = False

    @property
    def pid(self) -> int | None:
        """The child's process id while it runs."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def start(self) -> int:
        """Start the child; returns its port. `ArchitectError` with the child's own words when it does not come up."""
        self.port = await self._spawn(self.config)
        self._watching = asyncio.get_running_loop().create_task(self._watch(), name="router-child")
        return self.port

    async def stop(self) -> None:
        """End the child: closing its input asks it, a signal insists."""
        self._stopping = True
        if self._process is not None:
            await _end(self._process)
        if self._watching is not None:
            await asyncio.gather(self._watching, return_exceptions=True)

    async def _spawn(self, config: RouterConfig) -> int:
        environment = dict(os.environ) | {"PYTHONPATH": str(PROJECT_ROOT), "PYTHONUNBUFFERED": "1"}
        process = self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "app.architects.router",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=PROJECT_ROOT,
            env=environment,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(config.to_json().encode() + b"\n")
        said = ""
        try:
            await process.stdin.drain()
            async with asyncio.timeout(READY_SECONDS):
                while line := await process.stdout.readline():
                    event = _event(line)
                    if event.get("event") == "ready":
                        return int(event["port"])
                    if event.get("event") == "failed":
                        await _end(process)
                        raise _not_served(config, str(event.get("error")))
                    said = line.decode("utf-8", "replace").strip() or said
        except (TimeoutError, ConnectionError):
            said = said or "it does not answer"
        await _end(process)
        raise ArchitectError(f"The router did not start: {said}.")

    async def _watch(self) -> None:
        """Pass on what the child says; start it again when it ends by itself."""
        pause = 0.2
        while not self._stopping:
            process = self._process
            assert process is not None
            assert process.stdout is not None
            while line := await process.stdout.readline():
                self._hear(line)
                pause = 0.2
            await process.wait()
            while not self._stopping:
                logger.info("The router's process ended (%s); it is started again.", process.returncode)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 10.0)
                try:
                    await self._respawn()
                except ArchitectError as error:
                    logger.error("%s It is tried again.", error)
                else:
                    break

    async def _respawn(self) -> None:
        config = RouterConfig(**(vars(self.config) | {"port": self.port, "port_required": True}))
        await self._spawn(config)
        if self._stopping and self._process is not None:
            await _end(self._process)

    def _hear(self, line: bytes) -> None:
        event = _event(line)
        if event.get("event") == "refusals":
            self.refusals = Counter({str(key): int(value) for key, value in event["counts"].items()})
        elif not event:
            logger.info("router: %s", line.decode("utf-8", "replace").rstrip())


async def _end(process: asyncio.subprocess.Process) -> None:
    """Close the child's input, upon which it ends by itself (`exit_with_stdin`); kill it when it does not.

    No signal while it may be ending: whoever sends one looks for its exit code first, and takes it away from the
    watcher of child processes, which then complains and reports another one.
    """
    assert process.stdin is not None
    process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()


async def read_upload(upload_dir: Path, name: str) -> AsyncIterator[bytes]:
    """The bytes of an uploaded file in chunks, read off the loop; `EntryDoesNotExist` when it is not there."""
    loop = asyncio.get_running_loop()
    try:
        if NAME_SHAPE.fullmatch(name) is None:
            raise FileNotFoundError
        file = await loop.run_in_executor(None, (upload_dir / name).open, "rb")
    except OSError:
        raise EntryDoesNotExist(f"There is no uploaded file {name[:60]!r}.") from None
    with file:
        while chunk := await loop.run_in_executor(None, file.read, CHUNK):
            yield chunk


def lan_address() -> str:
    """This computer's address on its network; `ArchitectError` when it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
        probe.connect(("192.0.2.1", 9))  # a documentation address: nothing is sent, only a route is looked up
        return str(probe.getsockname()[0])
    with contextlib.suppress(OSError):
        for *_, address in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET):
            if not str(address[0]).startswith("127."):
                return str(address[0])
    raise ArchitectError("This computer is on no network.", "Connect it, or serve to this computer only.")


def _shown_host(host: str) -> str:
    if host in ("0.0.0.0", "::"):  # noqa: S104 - recognised, not bound
        return lan_address()
    return f"[{host}]" if ":" in host else host


def _dialled_host(host: str) -> str:
    if host in ("0.0.0.0", "::"):  # noqa: S104 - recognised, not bound
        return LOOPBACK
    return f"[{host}]" if ":" in host else host


def _event(line: bytes) -> dict[str, Any]:
    if not re.match(rb'\s*\{"event"', line):
        return {}
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}


def _remove_tree(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
