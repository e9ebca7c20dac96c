"""The HTTP endpoints of a router: requests in, packets to the desktop, answers out."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from html import escape
from typing import Any
from urllib.parse import parse_qs

from starlette.types import Receive, Scope, Send

from app.architects.router import entry
from app.architects.router.actions import Answer
from app.architects.router.http import (
    HttpRefusal,
    header,
    parse_json,
    read_body,
    read_json,
    send_bytes,
    send_file,
    send_json,
)
from app.architects.router.router import Router
from app.architects.router.site import COMMON_HEADERS, NO_STORE, attachment, content_type_of
from app.architects.router.uploads import AGENT_FIELD, NAME_SHAPE, Form, UploadReceiver
from app.data.packets import DESKTOP_ID, Packet, PacketType

Endpoint = Callable[[Router, Scope, Receive, Send], Awaitable[None]]

MAX_ID = 400
SMALL_BODY = 64 * 1024


async def request_agent(router: Router, scope: Scope, receive: Receive, send: Send) -> None:
    """`POST /request_agent`: a worker asks for a unit; the answer is the whole `agent_details` packet."""
    body = await read_json(scope, receive, router.config.limits.json_body_bytes)
    provider_data = _provider_data(body)
    worker = _identify(router, scope, provider_data)
    _limit_worker(router, f"worker:{router.address(scope)}:{worker}")
    data = {"provider_data": provider_data}
    await _relay(router, scope, send, Packet(PacketType.REGISTER_AGENT, "", data, _client_time(body)))


async def submit_onboarding(router: Router, scope: Scope, receive: Receive, send: Send) -> None:
    """`POST /submit_onboarding`: answered with the `agent_details` of the real unit, or its refusal."""
    body = await read_json(scope, receive, router.config.limits.json_body_bytes)
    provider_data = _provider_data(body)
    token = _agent_id(provider_data)
    await _check_agent(router, scope, token)
    await _relay(router, scope, send, Packet(PacketType.SUBMIT_ONBOARDING, token, provider_data, _client_time(body)))


async def submit_task(router: Router, scope: Scope, receive: Receive, send: Send) -> None:
    """`POST /submit_task`: JSON or multipart; answered when the submission is durable."""
    await _submit(router, scope, receive, send, PacketType.SUBMIT_UNIT, "final_data")


async def submit_metadata(router: Router, scope: Scope, receive: Receive, send: Send) -> None:
    """`POST /submit_metadata`: tips, feedback, opinions; JSON or multipart."""
    await _submit(router, scope, receive, send, PacketType.SUBMIT_METADATA, "metadata")


async def return_unit(router: Router, scope: Scope, receive: Receive, send: Send) -> None:
    """`POST /return_unit`: the worker gives the unit back."""
    body = await read_json(scope, receive, SMALL_BODY)
    token = _agent_id(body)
    await _check_agent(router, scope, token)
    await _relay(router, scope, send, Packet(PacketType.RETURN_UNIT, token, {}, _client_time(body)))


async def log_error(router: Router, scope: Scope, receive: Receive, send: Send) -> None:
    """`POST /log_error`: a page's own error goes to the desktop's log; a page without an agent may also have one."""
    body = await read_json(scope, receive, SMALL_BODY)
    _limit_worker(router, f"log:{router.address(scope)}")
    token = body.get(AGENT_FIELD)
    known = isinstance(token, str) and router.routing.knows(token)
    data = {"error_data": body.get("error_data"), "address": scope["client"][0] if scope["client"] else ""}
    packet = Packet(PacketType.ERROR, str(token) if known else DESKTOP_ID, data, _client_time(body))
    router.note(packet, router.address(scope))
    await send_json(send, 200, {"status": "Error log sent!"})


async def worker_state(router: Router, scope: Scope, receive: Receive, send: Send) -> None:
    """`GET /worker_state`: what the welcome page shows."""
    query = parse_qs(scope["query_string"].decode("latin-1"))
    name = next((query[key][0] for key in ("worker_id", "worker_name") if key in query), None)
    provider_data: dict[str, Any] = {"worker_name": name}
    _limit_worker(router, f"state:{router.address(scope)}:{_identify(router, scope, provider_data)}")
    await _relay(router, scope, send, Packet(PacketType.REQUEST_WORKER_STATE, "", {"provider_data": provider_data}))


async def task_config(router: Router, scope: Scope, receive: Receive, send: Send) -> None:
    """`GET /task_config.json`: the front end's configuration; the version that was asked for is echoed."""
    query = parse_qs(scope["query_string"].decode("latin-1"))
    version = query.get("mephisto_task_version", [""])[0]
    await send_json(send, 200, {**router.config.task_config, "mephisto_task_version": version})


async def is_alive(router: Router, scope: Scope, receive: Receive, send: Send) -> None:
    """`GET /is_alive`."""
    await send_json(send, 200, {"status": "Alive!"})


async def get_timestamp(router: Router, scope: Scope, receive: Receive, send: Send) -> None:
    """`GET /get_timestamp`: the router's time in milliseconds."""
    await send_json(send, 200, {"timestamp": round(time.time() * 1000)})


async def favicon(router: Router, scope: Scope, receive: Receive, send: Send) -> None:
    """`GET /favicon.ico` of a task that has none: nothing, without an error in the page's console."""
    await send_bytes(send, 204, b"", [*COMMON_HEADERS])


_NOT_LET_IN = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>This link does not let you in</title>
<style>
:root { color-scheme: light dark; font: 16px/1.5 Inter, system-ui, sans-serif }
main { max-width: 30rem; margin: 18vh auto 0; padding: 0 1.5rem; text-align: center }
h1 { font-size: 1.35rem; margin: 0 0 .5rem }
p { margin: 0 }
</style></head>
<body><main><h1>This link does not let you in</h1><p>{reason}</p></main></body></html>
"""


async def enter_by_link(router: Router, scope: Scope, send: Send, token: str) -> None:
    """`GET /enter/<token>`: a right link sets the cookie and leads to the welcome page. It takes no unit."""
    config = router.config
    try:
        opened = entry.read_entry_token(config.secret, config.task_run_id, token, router.wall())
    except entry.EntryRefused as refusal:
        router.refuse(refusal.code, str(refusal), router.address(scope))
        if "text/html" not in header(scope, b"accept"):
            await send_json(send, 403, {"error": refusal.code, "detail": str(refusal)})
            return
        page = _NOT_LET_IN.replace("{reason}", escape(str(refusal)))
        policy = (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
        kind = (b"content-type", b"text/html; charset=utf-8")
        await send_bytes(send, 403, page.encode(), [kind, policy, NO_STORE, *COMMON_HEADERS])
        return
    admitted = entry.admit(opened, _entry(router, scope))
    headers = [(b"location", b"/welcome"), _set_cookie(router, scope, admitted), NO_STORE, *COMMON_HEADERS]
    await send_bytes(send, 303, b"", headers)


async def enter_name(router: Router, scope: Scope, receive: Receive, send: Send) -> None:
    """`POST /enter` `{name}`: a visitor of the open link says who they are."""
    body = await read_body(scope, receive, SMALL_BODY)
    text = body.decode("utf-8", "replace")
    if header(scope, b"content-type").startswith("application/x-www-form-urlencoded"):
        name: Any = parse_qs(text).get("name", [""])[0]
    else:
        value = parse_json(text)
        name = value.get("name") if isinstance(value, dict) else None
    visitor = _entry(router, scope)
    if visitor is None:
        raise _entry_refusal()
    try:
        named = entry.name_visitor(visitor, name if isinstance(name, str) else "")
    except entry.EntryRefused as refusal:
        raise HttpRefusal(400, refusal.code, str(refusal)) from None
    await send_json(send, 200, {"worker_name": named.worker_name}, [_set_cookie(router, scope, named)])


async def download_file(router: Router, scope: Scope, receive: Receive, send: Send, name: str) -> None:
    """`GET /download_file/<name>`: an uploaded file, for the desktop alone."""
    if not router.is_desktop(header(scope, b"authorization")):
        raise HttpRefusal(401, "channel_secret", "Only the requester's program may fetch uploaded files.")
    if NAME_SHAPE.fullmatch(name) is None:  # only names of our own making reach the file system
        raise HttpRefusal(404, "not_found", "There is no such file.")
    path = router.upload_dir / name
    headers = [
        (b"content-type", content_type_of(name).encode("ascii")),
        (b"content-disposition", attachment(name)),
        NO_STORE,
        *COMMON_HEADERS,
    ]
    await send_file(scope, receive, send, router.executor, path, headers)


POST: dict[str, Endpoint] = {
    "/request_agent": request_agent,
    "/submit_task": submit_task,
    "/submit_onboarding": submit_onboarding,
    "/submit_metadata": submit_metadata,
    "/return_unit": return_unit,
    "/log_error": log_error,
    "/enter": enter_name,
}
GET: dict[str, Endpoint] = {
    "/worker_state": worker_state,
    "/task_config.json": task_config,
    "/is_alive": is_alive,
    "/get_timestamp": get_timestamp,
    "/favicon.ico": favicon,
}


async def _submit(router: Router, scope: Scope, receive: Receive, send: Send, kind: PacketType, content: str) -> None:
    limits = router.config.limits
    upload: UploadReceiver | None = None
    if header(scope, b"content-type").lower().startswith("multipart/"):
        upload = UploadReceiver(router.upload_dir, limits, router.executor)

        async def check(token: str) -> None:
            await _check_agent(router, scope, token)

        form = await upload.receive(scope, receive, check)
        try:
            data, token = _form_data(form, content), form.fields.get(AGENT_FIELD, "")
        except HttpRefusal:
            await upload.discard()
            raise
        client_time = _client_time({"client_timestamp": _number(form.fields.get("client_timestamp", ""))})
    else:
        body = await read_json(scope, receive, limits.json_body_bytes)
        token = _agent_id(body)
        await _check_agent(router, scope, token)
        client_time = _client_time(body)
        data = {content: body.get(content), "files": [], "filesByFields": {}}
    data["client_timestamp"] = client_time
    answer = await router.ask(Packet(kind, token, data, client_time), router.address(scope))
    if upload is not None and not answer.taken:
        await upload.discard()  # a repeat is a new upload; what the desktop may have is swept at the next start
    await send_json(send, answer.status, answer.body)


def _form_data(form: Form, content: str) -> dict[str, Any]:
    """What a multipart submission says: `final_string_data` is JSON always; `final_data` may be `[object Object]`."""
    text = form.fields.get("final_string_data") if content == "final_data" else None
    if text is None:
        text = form.fields.get(content, "")
        if text == "[object Object]":
            raise HttpRefusal(400, "malformed_body", "The answers were lost in the page: they came as [object Object].")
    try:
        value = parse_json(text) if text else None
    except HttpRefusal:
        if "final_string_data" in form.fields:
            raise
        value = text
    return {content: value, "files": form.files, "filesByFields": form.files_by_fields}


async def _relay(router: Router, scope: Scope, send: Send, packet: Packet) -> None:
    answer: Answer = await router.ask(packet, router.address(scope))
    extra = [(b"retry-after", b"3")] if answer.status == 503 else None
    await send_json(send, answer.status, answer.body, extra)


async def _check_agent(router: Router, scope: Scope, token: str) -> None:
    """Refuse a token that is nobody's, before anything more is done for it."""
    _limit_worker(router, "agent:" + token[:64])
    if not router.routing.knows(token):
        await router.confirm(token, router.address(scope))


def _provider_data(body: dict[str, Any]) -> dict[str, Any]:
    provider_data = body.get("provider_data")
    if not isinstance(provider_data, dict):
        raise HttpRefusal(400, "malformed_body", "provider_data must be an object.")
    return provider_data


def _identify(router: Router, scope: Scope, provider_data: dict[str, Any]) -> str:
    """Make `provider_data` say who the worker really is; returns the name. `HttpRefusal` when nobody came in."""
    provider_data["verified"], provider_data["visitor"] = False, None
    if router.config.entry_required:
        visitor = _entry(router, scope)
        if visitor is None:
            raise _entry_refusal()
        if visitor.worker_name is None:
            raise HttpRefusal(403, "name_required", "Give your name first.")
        name = visitor.worker_name
        provider_data.update(worker_name=name, verified=True, visitor=visitor.visitor)
    else:
        claimed = provider_data.get("worker_name")
        if not isinstance(claimed, str) or not 0 < len(claimed) <= MAX_ID:
            raise HttpRefusal(400, "malformed_body", f"worker_name must be a text of 1 to {MAX_ID} characters.")
        name = claimed
    for key in ("agent_registration_id", "assignment_id", "provider_type"):
        value = provider_data.get(key)
        if value is not None and (not isinstance(value, str) or len(value) > MAX_ID):
            raise HttpRefusal(400, "malformed_body", f"{key} must be a text of at most {MAX_ID} characters.")
    registration = provider_data.get("agent_registration_id")
    if router.config.entry_required and registration is not None and not registration.endswith("-" + name):
        # one worker's registration id would give another that worker's agent: it always ends with the real name
        provider_data["agent_registration_id"] = f"{registration}-{name}"
    return name


def _entry(router: Router, scope: Scope) -> entry.Entry | None:
    value = entry.find_cookie(header(scope, b"cookie"), router.cookie_name)
    if value is None:
        return None
    return entry.read_cookie(router.config.secret, router.config.task_run_id, value, router.wall())


def _entry_refusal() -> HttpRefusal:
    return HttpRefusal(403, "entry_required", "Open the link that you were given to enter.")


def _set_cookie(router: Router, scope: Scope, admitted: entry.Entry) -> tuple[bytes, bytes]:
    value = entry.make_cookie(router.config.secret, admitted)
    age = max(0, round(admitted.expires_at - router.wall()))
    text = f"{router.cookie_name}={value}; Max-Age={age}; Path=/; HttpOnly; SameSite=Lax"
    if router.config.secure_cookies or scope["scheme"] == "https":
        text += "; Secure"
    return b"set-cookie", text.encode("ascii")


def _limit_worker(router: Router, key: str) -> None:
    wait = router.workers.take(key, router.now())
    if wait:
        raise HttpRefusal(429, "too_many_requests", "Too many requests; wait a moment.", wait)


def _agent_id(body: dict[str, Any]) -> str:
    token = body.get(AGENT_FIELD)
    if not isinstance(token, str) or not 0 < len(token) <= 200:
        raise HttpRefusal(400, "malformed_body", f"{AGENT_FIELD} must be the id that /request_agent gave.")
    return token


def _client_time(body: dict[str, Any]) -> float:
    value = body.get("client_timestamp")
    return float(value) if isinstance(value, int | float) and abs(value) < 1e14 else 0.0


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
