"""Gives a router a port: uvicorn as a task on the running loop, in the desktop's process or alone."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time

import uvicorn

from app.architects.router.asgi import RouterApp
from app.architects.router.guard import ConnectionGuard
from app.architects.router.router import Router
from app.architects.router.transport import guarded

TICK_SECONDS = 0.5
STOP_SECONDS = 2.0


class RouterServer:
    """A router with a port. `start`, then `stop`."""

    def __init__(self, router: Router) -> None:
        self.router = router
        self._app = RouterApp(router)
        proxied = bool(router.config.trusted_proxies)
        self._guard = ConnectionGuard(router.config.limits, router.refuse, proxied=proxied)
        self._uvicorn: _Server | None = None
        self._serving: asyncio.Task[None] | None = None
        self._ticking: asyncio.Task[None] | None = None

    async def start(self) -> int:
        """Listen and serve on the running loop; returns the port. `OSError` when the host has no such address."""
        settings = self.router.config
        listener = _listen(settings.host, settings.port, required=settings.port_required)
        http, page_socket = guarded(self._guard)
        config = uvicorn.Config(
            self._app,
            http=http,
            ws=page_socket,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=list(settings.trusted_proxies) or None,
            ws_max_size=settings.limits.frame_bytes,
            ws_per_message_deflate=False,  # a small frame may not unfold into a large one
            ws_ping_interval=None,  # pages send heartbeats; a timer per socket would do the same again
            timeout_graceful_shutdown=5,
        )
        self._uvicorn = _Server(config)
        loop = asyncio.get_running_loop()
        self._serving = loop.create_task(self._uvicorn.serve([listener]), name="router")
        self._ticking = loop.create_task(self._tick(), name="router-tick")
        await self._uvicorn.listening.wait()
        port: int = listener.getsockname()[1]
        return port

    async def stop(self) -> None:
        """Stop listening, answer what is pending, close all sockets. Idempotent."""
        if self._ticking is None or self._serving is None or self._uvicorn is None:
            return
        self._ticking.cancel()
        await asyncio.gather(self._ticking, return_exceptions=True)
        self._uvicorn.should_exit = True
        await self.router.close()
        await asyncio.wait([self._serving], timeout=STOP_SECONDS)
        self._guard.cut_all()  # clients that do not read what they asked for would hold the router up
        await self._serving
        self.router.executor.shutdown(wait=False)
        self._ticking = self._serving = self._uvicorn = None

    async def _tick(self) -> None:
        router, ticks = self.router, 0
        while True:
            await asyncio.sleep(TICK_SECONDS)
            ticks += 1
            now = router.now()
            router.perform(router.routing.tick(now, router.wall()))
            if ticks % 2 == 0:
                self._guard.sweep(time.monotonic())
                router.refused.flush(now)
            if ticks % 60 == 0:
                router.workers.forget_idle(now)
                self._app.forget_idle(now)


class _Server(uvicorn.Server):
    """uvicorn on a loop that is not its own: signals stay the program's, and it says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()
        self.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment] # uvicorn has no setting

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


def _listen(host: str, port: int, *, required: bool) -> socket.socket:
    """A bound socket: of that port when it is free, else, unless it is `required`, of a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for wanted in (port,) if required else dict.fromkeys((port, 0)):
        # asyncio sets TCP_NODELAY only on sockets that name their protocol; without it every answer waits 40 ms
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, wanted))
        except OSError:
            listener.close()
            if required or wanted == 0:
                raise
        else:
            return listener
    raise AssertionError("unreachable: port 0 is bound or has raised")
