"""The router as an ASGI application: finds the endpoint in fixed maps, turns refusals into answers, carries sockets.

There is no middleware: headers are made with each answer, and this is the hot path of every unit.
"""

from __future__ import annotations

import json

from starlette.types import Receive, Scope, Send

from app.architects.router import endpoints
from app.architects.router.http import (
    ClientGone,
    CountedRefusal,
    HttpRefusal,
    header,
    send_bytes,
    send_file,
    send_json,
)
from app.architects.router.limits import RateLimiter, is_loopback
from app.architects.router.outbox import Outbox
from app.architects.router.router import Router
from app.architects.router.site import COMMON_HEADERS, JSON_TYPE
from app.data.packets import Packet, PacketError

ENTER_PREFIX = "/enter/"
DOWNLOAD_PREFIX = "/download_file/"
STATIC_CACHE = (b"cache-control", b"no-cache")  # asked again each time, by tag: the next run may have the same port


class RouterApp:
    """What uvicorn calls, once per request or socket."""

    def __init__(self, router: Router) -> None:
        self._router = router
        limits = router.config.limits
        self._rates = RateLimiter(limits.requests_per_second, limits.request_burst)
        self._loopback = RateLimiter(limits.loopback_requests_per_second, limits.loopback_request_burst)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request or socket."""
        router = self._router
        address = router.address(scope)
        if scope["type"] == "websocket":
            await (self._channel if scope["path"] == "/channel" else self._page)(address, scope, receive, send)
            return
        try:
            wait = (self._loopback if is_loopback(address) else self._rates).take(address, router.now())
            if wait:
                raise HttpRefusal(429, "too_many_requests", "Too many requests; wait a moment.", wait)
            await self._dispatch(scope, receive, send)
        except HttpRefusal as refusal:
            if not isinstance(refusal, CountedRefusal):
                router.refuse(refusal.error, refusal.detail, address)
            extra = [(b"retry-after", str(refusal.retry_after).encode("ascii"))] if refusal.retry_after else None
            await send_json(send, refusal.status, {"error": refusal.error, "detail": refusal.detail}, extra)
        except ClientGone:
            return

    def forget_idle(self, now: float) -> None:
        """Drop what is remembered of addresses that have been quiet."""
        self._rates.forget_idle(now)
        self._loopback.forget_idle(now)

    async def _dispatch(self, scope: Scope, receive: Receive, send: Send) -> None:
        method, path = scope["method"], scope["path"]
        if method == "POST" and path in endpoints.POST:
            await endpoints.POST[path](self._router, scope, receive, send)
        elif method in ("GET", "HEAD"):
            await self._get(scope, receive, send, path)
        elif path in endpoints.POST or self._is_readable(path):
            raise HttpRefusal(405, "method_not_allowed", f"{method[:20]} cannot be used here.")
        else:
            raise HttpRefusal(404, "not_found", "There is nothing at this address.")

    async def _get(self, scope: Scope, receive: Receive, send: Send, path: str) -> None:
        router, site = self._router, self._router.site
        if (page := site.pages.get(path)) is not None:
            await send_bytes(send, 200, page.body, site.page_headers(page, header(scope, b"host")))
        elif (file := site.files.get(path)) is not None:
            headers = [(b"content-type", file.content_type.encode("ascii")), STATIC_CACHE, *COMMON_HEADERS]
            await send_file(scope, receive, send, router.executor, file.path, headers)
        elif path in endpoints.GET:
            await endpoints.GET[path](router, scope, receive, send)
        elif path.startswith(ENTER_PREFIX):
            await endpoints.enter_by_link(router, scope, send, path.removeprefix(ENTER_PREFIX))
        elif path.startswith(DOWNLOAD_PREFIX):
            await endpoints.download_file(router, scope, receive, send, path.removeprefix(DOWNLOAD_PREFIX))
        elif path in endpoints.POST:
            raise HttpRefusal(405, "method_not_allowed", f"{scope['method']} cannot be used here.")
        else:
            raise HttpRefusal(404, "not_found", "There is nothing at this address.")

    def _is_readable(self, path: str) -> bool:
        return path in self._router.site.pages or path in self._router.site.files or path in endpoints.GET

    async def _page(self, address: str, scope: Scope, receive: Receive, send: Send) -> None:
        router = self._router
        await receive()
        await send({"type": "websocket.accept"})
        box = Outbox(send, router.config.limits.outbox_bytes)
        socket_id = router.page_opened(box, address)
        try:
            while (message := await receive())["type"] == "websocket.receive":
                router.page_frame(socket_id, message.get("text"))
        finally:
            router.page_closed(socket_id)
            await box.finish()

    async def _channel(self, address: str, scope: Scope, receive: Receive, send: Send) -> None:
        router = self._router
        await receive()
        if router.routing.desktop.local or not router.is_desktop(header(scope, b"authorization")):
            router.refuse("channel_secret", "a channel without the run's secret", address)
            await _deny_socket(send, "channel_secret", "The channel is for the requester's program alone.")
            return
        await send({"type": "websocket.accept"})
        box = Outbox(send, router.config.limits.channel_frame_bytes * 4)
        router.channel_opened(box)
        try:
            while (message := await receive())["type"] == "websocket.receive":
                try:
                    packet = Packet.from_json(message.get("text") or "")
                except PacketError as error:
                    router.refuse("channel_packet", str(error), address)
                else:
                    router.from_desktop(packet)
        finally:
            router.channel_closed(box)
            await box.finish()


async def _deny_socket(send: Send, error: str, detail: str) -> None:
    """Refuse a WebSocket handshake by an HTTP answer that says why."""
    body = json.dumps({"error": error, "detail": detail}).encode("ascii")
    length = (b"content-length", str(len(body)).encode("ascii"))
    headers = [JSON_TYPE, length, *COMMON_HEADERS]
    await send({"type": "websocket.http.response.start", "status": 401, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body})
