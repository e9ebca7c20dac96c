"""The worker's pages of a configuration, served on this computer before anything is launched; nothing is recorded."""

from __future__ import annotations

import asyncio
import json
import secrets
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from app.architects import registry as architects
from app.architects.base import Architect, Channel, ServedTask
from app.architects.router.entry import make_entry_token
from app.blueprints import registry as blueprints
from app.blueprints.base import AssignmentData, Blueprint, PageSet
from app.clock import Clock
from app.data.packets import DESKTOP_ID, ONBOARDING_PREFIX, Packet, PacketType
from app.data.states import AgentStatus
from app.errors import ConfigError
from app.operations.configuration.config import RunConfig
from app.providers import registry as providers

ROWS = 25
"""Rows that are shown, one after the other, and then again from the first."""
NAME = "preview"
ENTRY_SECONDS = 24 * 3600


@dataclass
class _Visit:
    """One unit that the requester opened."""

    shown: Mapping[str, Any]
    began: float
    done: bool = False


@dataclass
class PagePreview:
    """A local server with the pages of one configuration. `seconds_tried`: how long its units took when tried out."""

    config: RunConfig
    folder: Path
    clock: Clock
    on_tried: Callable[[], None] = lambda: None
    """Called after each unit that was tried out and would have been taken."""
    seconds_tried: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._run_id = f"preview-{secrets.token_hex(6)}"
        self._folder = self.folder / self._run_id
        self._blueprint: Blueprint = blueprints.get(self.config.blueprint_type)(
            self.config.blueprint, self.config.base_dir
        )
        self._rows: list[AssignmentData] = []
        self._visits: dict[str, _Visit] = {}
        self._tokens: dict[str, str] = {}
        self._newcomers: dict[str, str] = {}
        self._has_passed = False
        self._architect: Architect | None = None
        self._channels: list[Channel] = []

    async def open(self) -> str:
        """Start serving; returns the address to open in a browser, with its signed entry.

        `ConfigError` when the pages or the first rows cannot be made, `ArchitectError` when they cannot be served.
        """
        loop = asyncio.get_running_loop()
        pages = await loop.run_in_executor(None, self._prepare)
        provider = providers.get("inhouse")(providers.get("inhouse").ArgsClass(), self.clock)
        wrapper = await asyncio.to_thread(provider.write_wrapper_js, self._folder / "provider")
        secret = secrets.token_urlsafe(32)
        task = ServedTask(
            task_run_id=self._run_id,
            task_title=self.config.task.task_title,
            provider_type="inhouse",
            secret=secret,
            pages=pages.pages,
            static={**pages.static, "/wrap_crowd_source.js": wrapper},
            static_folders=pages.static_folders,
            task_config={"task_title": self.config.task.task_title, **pages.task_config},
            image_sources=pages.image_sources,
            media_sources=pages.media_sources,
        )
        kind = architects.get("local")
        self._architect = kind(kind.ArgsClass(), task, self._folder, self._folder / "incoming", self.clock)
        try:
            url = await self._architect.deploy()
            self._channels = await self._architect.get_channels()
            for channel in self._channels:
                await channel.open(self._take_packet, lambda _alive: None)
        except BaseException:
            await self.close()
            raise
        expires = self.clock.now().timestamp() + ENTRY_SECONDS
        return f"{url}/enter/{make_entry_token(secret, self._run_id, NAME, expires)}"

    async def close(self) -> None:
        """Stop serving and remove what was made. Idempotent."""
        channels, self._channels = self._channels, []
        for channel in channels:
            await channel.close()
        architect, self._architect = self._architect, None
        if architect is not None:
            await architect.shutdown()
        await asyncio.get_running_loop().run_in_executor(None, shutil.rmtree, self._folder, True)

    def _prepare(self) -> PageSet:
        """Runs on a thread: data and images are read."""
        self._rows = list(islice(self._blueprint.iter_assignments(), ROWS))
        if not self._rows:
            raise ConfigError("There is no row to show.", key="blueprint")
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._blueprint.get_pages(self._folder)

    async def _take_packet(self, packet: Packet) -> None:
        await self._talk(packet)
        answer = self._answer(packet)
        if answer is None:
            return
        kind, data = answer
        if "request_id" in packet.data:
            data = {"request_id": packet.data["request_id"], **data}
        subject = packet.subject_id if kind is not PacketType.AGENT_DETAILS else DESKTOP_ID
        for channel in self._channels[:1]:
            await channel.send(Packet(kind, subject or DESKTOP_ID, data))

    async def _talk(self, packet: Packet) -> None:
        """The page of a live task hears a little, so that it can be tried alone."""
        preview, visit = self._blueprint.live.preview, self._visits.get(packet.subject_id)
        said = packet.data if packet.packet_type is PacketType.MEPHISTO_BOUND_LIVE_UPDATE else None
        if preview is None or visit is None or (said is None and packet.packet_type is not PacketType.ALIVE):
            return
        told = [Packet(PacketType.CLIENT_BOUND_LIVE_UPDATE, packet.subject_id, c) for c in preview(visit.shown, said)]
        if said is not None and said.get("receipt"):
            news = {"status": self._status(packet.subject_id), "heard": said.get("update_id")}
            told.insert(0, Packet(PacketType.UPDATE_STATUS, packet.subject_id, news))
        for each in told:
            for channel in self._channels[:1]:
                await channel.send(each)

    def _answer(self, packet: Packet) -> tuple[PacketType, dict[str, Any]] | None:
        token = packet.subject_id
        match packet.packet_type:
            case PacketType.REGISTER_AGENT:
                return PacketType.AGENT_DETAILS, self._register(packet.data)
            case PacketType.SUBMIT_ONBOARDING:
                return PacketType.AGENT_DETAILS, self._submit_onboarding(token, packet.data)
            case PacketType.SUBMIT_UNIT:
                return PacketType.SUBMIT_ACKNOWLEDGED, {"failure_reason": self._submit(token, packet.data)}
            case PacketType.SUBMIT_METADATA | PacketType.RETURN_UNIT:
                return PacketType.SUBMIT_ACKNOWLEDGED, {"failure_reason": None}
            case PacketType.REQUEST_WORKER_STATE:
                return PacketType.WORKER_STATE, self._worker_state()
            case PacketType.MEPHISTO_BOUND_LIVE_UPDATE if "request_id" in packet.data:
                return PacketType.CLIENT_BOUND_LIVE_UPDATE, _no_call(packet.data)
            case PacketType.REQUEST_STATUSES:
                known = {token: self._status(token) for token in self._visits}
                return PacketType.RETURN_STATUSES, known | dict.fromkeys(self._newcomers, str(AgentStatus.ONBOARDING))
            case PacketType.REQUEST_AGENT_STATUS:
                return PacketType.AGENT_STATUS, {"status": self._status_of(token)}
            case _:
                return None

    def _status(self, token: str) -> str:
        return AgentStatus.COMPLETED if self._visits[token].done else AgentStatus.IN_TASK

    def _status_of(self, token: str) -> str | None:
        if token in self._newcomers:
            return AgentStatus.ONBOARDING
        return self._status(token) if token in self._visits else None

    def _register(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """The introduction, where the task has one, until it is passed; then the next row. The same again for a page
        that is loaded anew."""
        registration = str(data.get("provider_data", {}).get("agent_registration_id", ""))
        if self.config.blueprint.onboarding_qualification and not self._has_passed:
            token = next((token for token, visit in self._newcomers.items() if visit == registration), "")
            token = token or ONBOARDING_PREFIX + secrets.token_urlsafe(24)
            self._newcomers[token] = registration
            return _details(token, self._blueprint.onboarding_data())
        return self._next_row(registration)

    def _submit_onboarding(self, token: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """Judged as a run would, without the requester's own code. Who fails may try again: it is a preview."""
        registration = self._newcomers.pop(token, None)
        if registration is None:
            return _no_details("This page is of a preview that was closed.")
        inputs = dict(self._blueprint.onboarding_data())
        if not self._blueprint.check_onboarding(inputs, data.get("onboarding_data")):
            return _no_details("A worker who answers so does not pass. Load the page again to try once more.")
        self._has_passed = True
        return self._next_row(registration)

    def _next_row(self, registration: str) -> dict[str, Any]:
        token = self._tokens.get(registration)
        if token is None:
            token = self._tokens[registration] = secrets.token_urlsafe(24)
            item = self._rows[len(self._visits) % len(self._rows)]
            unit = item.unit_data[0] if item.unit_data else {}
            self._visits[token] = _Visit(
                shown=self._blueprint.initial_data(item.shared, unit),
                began=self.clock.monotonic(),
            )
        return _details(token, self._visits[token].shown)

    def _submit(self, token: str, data: Mapping[str, Any]) -> str | None:
        """Check it as a run would, and forget it. None when a run would have taken it."""
        visit = self._visits.get(token)
        if visit is None:
            return "This page is of a preview that was closed."
        files = data.get("files")
        reason = self._blueprint.check_submission(
            visit.shown, data.get("final_data"), files if isinstance(files, list) else []
        )
        if reason is None and not visit.done:
            visit.done = True
            self.seconds_tried.append(self.clock.monotonic() - visit.began)
            self.on_tried()
        return reason

    def _worker_state(self) -> dict[str, Any]:
        task = self.config.task
        return {
            "worker_name": NAME,
            "title": task.task_title,
            "description": task.task_description,
            "instructions": str(getattr(self.config.blueprint, "instructions", "")),
            "pay": str(task.task_reward),
            "currency": task.currency,
            "units_left": None,
            "can_take": True,
            "refusal": None,
            "submissions": [],
            "current": False,
        }


def _details(token: str, shown: Mapping[str, Any]) -> dict[str, Any]:
    return {"worker_id": NAME, "agent_id": token, "init_task_data": dict(shown), "failure_reason": None}


def _no_details(reason: str) -> dict[str, Any]:
    return {"worker_id": NAME, "agent_id": None, "failure_reason": reason, "failure_code": "onboarding_failed"}


def _no_call(call: Mapping[str, Any]) -> dict[str, Any]:
    """The requester's code runs in a launched task only: a preview must not have effects."""
    reason = "This is a preview: functions are called when the task is launched."
    return {
        "handles": call["request_id"],
        "response": json.dumps({"error": reason}),
        "update_id": secrets.token_hex(8),
    }
