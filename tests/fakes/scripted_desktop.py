"""A requester's program in a few lines: answers the packets of one real router, keeps what it gets, can go away.

It gives units out in order, one per registration id, and takes a submission once per token, as the real one does.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.architects.base import Channel, ServedTask
from app.architects.local import LocalArchitect, LocalArchitectArgs
from app.architects.router.entry import make_entry_token
from app.blueprints.base import Blueprint
from app.clock import SystemClock
from app.data.packets import DESKTOP_ID, ONBOARDING_PREFIX, Packet, PacketType
from app.providers import registry

SECRET = "a secret of the test run"


@dataclass
class Work:
    """One agent of the fake desktop."""

    worker_name: str
    inputs: dict[str, Any]
    status: str = "in task"


@dataclass
class ScriptedDesktop:
    """One run. `start` serves it; `submissions` maps a token to everything that was submitted with it, in order."""

    blueprint: Blueprint
    folder: Path
    provider_type: str = "inhouse"
    answer_seconds: float = 1.0
    title: str = "A task to try"
    state: dict[str, Any] = field(default_factory=dict)
    """Overrides of the worker's state that the welcome page shows."""
    details: dict[str, Any] = field(default_factory=dict)
    """More of what every `agent_details` says."""
    refusal: tuple[str, str] | None = None
    """(code, reason) for every registration, when set."""
    is_away: bool = False
    """True: packets are not answered, as when the program hangs."""
    onboarding: bool = False
    failures: list[str] = field(default_factory=list)
    """Reasons with which the next submissions are refused."""
    work: dict[str, Work] = field(default_factory=dict)
    submissions: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    returned: list[str] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""

    async def start(self) -> str:
        """Serve the blueprint's pages; returns the address."""
        provider = registry.get(self.provider_type)(registry.get(self.provider_type).ArgsClass(), SystemClock())
        pages = self.blueprint.get_pages(self.folder / "build")
        self._items = list(self.blueprint.iter_assignments())
        self._tokens: dict[str, str] = {}
        self._done_onboarding: set[str] = set()
        self._changed = asyncio.Event()
        task = ServedTask(
            task_run_id="run-1",
            task_title=self.title,
            provider_type=self.provider_type,
            secret=SECRET,
            pages=pages.pages,
            static={**pages.static, "/wrap_crowd_source.js": provider.write_wrapper_js(self.folder / "provider")},
            task_config={"task_title": self.title, **pages.task_config},
            image_sources=pages.image_sources,
            media_sources=pages.media_sources,
            entry_required=provider.SIGNED_ENTRY,
        )
        args = LocalArchitectArgs(limits={"answer_seconds": self.answer_seconds})
        self._architect = LocalArchitect(args, task, self.folder / "serve", self.folder / "uploads", SystemClock())
        self.url = await self._architect.deploy()
        (self._channel,) = await self._architect.get_channels()
        await self._channel.open(self._take, lambda _alive: None)
        return self.url

    async def stop(self) -> None:
        """Stop serving."""
        await self._channel.close()
        await self._architect.shutdown()

    async def drop_server(self) -> int:
        """Kill the server, as a crash does; returns its port for `serve_again`."""
        port = int(self.url.rsplit(":", 1)[1])
        await self._channel.close()
        await self._architect.shutdown()
        return port

    async def serve_again(self, port: int) -> None:
        """Serve on the same port again; the agents are still known to the desktop."""
        await self._architect.deploy(port)
        (self._channel,) = await self._architect.get_channels()
        await self._channel.open(self._take, lambda _alive: None)

    @property
    def channel(self) -> Channel:
        """The open channel."""
        return self._channel

    def link(self, worker_name: str | None) -> str:
        """An entry link for a person, or the open one."""
        return f"{self.url}/enter/{make_entry_token(SECRET, 'run-1', worker_name, 4_000_000_000)}"

    def all_submissions(self) -> list[dict[str, Any]]:
        """The first submission of every token: what a run would have recorded."""
        return [given[0] for given in self.submissions.values() if given]

    async def until(self, condition: Any) -> None:
        """Wait until a packet makes the condition true."""
        async with asyncio.timeout(20):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def tell_status(self, token: str, status: str) -> None:
        """Change an agent's status and tell its page."""
        self.work[token].status = status
        await self._channel.send(Packet(PacketType.UPDATE_STATUS, token, {"status": status}))

    async def _take(self, packet: Packet) -> None:
        self._changed.set()
        if self.is_away:
            return
        answer = self._answer(packet)
        if answer is None:
            return
        kind, data = answer
        if "request_id" in packet.data:
            data = {"request_id": packet.data["request_id"], **data}
        await self._channel.send(Packet(kind, packet.subject_id or DESKTOP_ID, data))
        self._changed.set()

    def _answer(self, packet: Packet) -> tuple[PacketType, dict[str, Any]] | None:
        token = packet.subject_id
        match packet.packet_type:
            case PacketType.REGISTER_AGENT:
                return PacketType.AGENT_DETAILS, self._register(packet.data["provider_data"])
            case PacketType.SUBMIT_ONBOARDING:
                self.submissions[token].append(packet.data)
                name = self.work[token].worker_name
                self._done_onboarding.add(name)
                return PacketType.AGENT_DETAILS, self._register(packet.data)
            case PacketType.SUBMIT_UNIT:
                return PacketType.SUBMIT_ACKNOWLEDGED, {"failure_reason": self._submit(token, packet.data)}
            case PacketType.RETURN_UNIT:
                self.returned.append(token)
                self.work[token].status = "returned"
                return PacketType.SUBMIT_ACKNOWLEDGED, {"failure_reason": None}
            case PacketType.REQUEST_WORKER_STATE:
                return PacketType.WORKER_STATE, self._state(packet.data["provider_data"]["worker_name"])
            case PacketType.REQUEST_STATUSES:
                return PacketType.RETURN_STATUSES, {token: work.status for token, work in self.work.items()}
            case PacketType.REQUEST_AGENT_STATUS:
                return PacketType.AGENT_STATUS, {"status": self.work[token].status if token in self.work else None}
            case PacketType.ERROR:
                self.errors.append(packet.data)
        return None

    def _register(self, provider_data: Mapping[str, Any]) -> dict[str, Any]:
        if self.refusal is not None:
            return {"agent_id": None, "failure_code": self.refusal[0], "failure_reason": self.refusal[1]}
        name, registration = provider_data["worker_name"], provider_data["agent_registration_id"]
        if self.onboarding and name not in self._done_onboarding:
            token = ONBOARDING_PREFIX + secrets.token_urlsafe(32)
            self.work[token] = Work(name, dict(self.blueprint.onboarding_data()), "onboarding")
            return self._details(token)
        token = self._tokens.get(registration, "")
        if not token:
            given = sum(not token.startswith(ONBOARDING_PREFIX) for token in self.work)
            if given >= len(self._items):
                return {"agent_id": None, "failure_code": "no_units", "failure_reason": "All the work is done."}
            token = self._tokens[registration] = secrets.token_urlsafe(32)
            item = self._items[given]
            self.work[token] = Work(name, dict(self.blueprint.initial_data(item.shared, item.unit_data[0])))
        return self._details(token)

    def _details(self, token: str) -> dict[str, Any]:
        work = self.work[token]
        details = {"worker_id": work.worker_name, "agent_id": token, "init_task_data": work.inputs}
        return {**details, "failure_reason": None, "status": work.status, **self.details}

    def _submit(self, token: str, data: dict[str, Any]) -> str | None:
        if self.failures:
            return self.failures.pop(0)
        self.submissions[token].append(data)
        reason = self.blueprint.check_submission(self.work[token].inputs, data["final_data"], data["files"])
        if reason is None:
            self.work[token].status = "completed"
        return reason

    def _state(self, name: str) -> dict[str, Any]:
        done = [work for work in self.work.values() if work.worker_name == name and work.status == "completed"]
        left = len(self._items) - len(self.work)
        return {
            "worker_name": name,
            "title": self.title,
            "description": "A short task, as workers see it. It takes a few seconds.",
            "instructions": "Look closely.\n\n- Take your time.\n- If you are not sure, say so.",
            "pay": "0.05",
            "currency": "EUR",
            "units_left": left,
            "can_take": left > 0,
            "refusal": None if left > 0 else "All the work is done. Thank you!",
            "submissions": [
                {"when": "2026-11-20T10:00:00Z", "status": "completed", "reason": None, "pay": "0.05", "bonus": None}
                for _ in done
            ],
            "current": any(work.worker_name == name and work.status == "in task" for work in self.work.values()),
            **self.state,
        }
