"""The packet protocol between worker pages, routers and the desktop.

The names and shapes are those of Mephisto's front-end packages (`mephisto-task` 2.0.4, `bootstrap-chat` 2.0.2), so that
their bundles run unchanged; the types marked "ours" are added without breaking them. Standard library only: a router
takes this module along to a bare host.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

DESKTOP_ID = "mephisto"
"""`subject_id` of packets that concern the desktop itself."""

ONBOARDING_PREFIX = "onboarding_"
"""Agent ids of onboarding agents start with this."""


_ENCODER = json.JSONEncoder(separators=(",", ":"))


class PacketType(StrEnum):
    """What a packet means."""

    ALIVE = "alive"
    """browser -> router: the first frame of a socket. desktop -> router: `{read}`, the channel's own ping,
    with how many live updates it has read since the channel opened. Ours, router ->
    desktop: `{}`; the agent named by `subject_id` has its first socket open (it connected, or came back)."""
    HEARTBEAT = "heartbeat"
    """The router's answer has, of ours, `away`: the desktop's channel is closed just now."""
    REQUEST_STATUSES = "request_statuses"
    """Either side asks the other, `{}`. A router asks whenever a channel opens: it knows nobody after a restart."""
    RETURN_STATUSES = "return_statuses"
    """`{agent_id: status}`. From the desktop: the agents at work (the router then knows their tokens). From the router:
    the agents it knows, `disconnect` for those whose page has been silent too long."""
    REGISTER_AGENT = "register_agent"
    AGENT_DETAILS = "agent_details"
    """Of ours, `said`: ids of live updates that the page gets with its data; the router takes it out, and sends those
    no more."""
    SUBMIT_ONBOARDING = "submit_onboarding"
    SUBMIT_UNIT = "submit_unit"
    SUBMIT_METADATA = "submit_metadata"
    MEPHISTO_BOUND_LIVE_UPDATE = "mephisto_bound_live_update"
    CLIENT_BOUND_LIVE_UPDATE = "client_bound_live_update"
    UPDATE_STATUS = "update_status"
    ERROR = "log_error"
    # ours
    SUBMIT_ACKNOWLEDGED = "submit_acknowledged"
    """desktop -> router: `{request_id, failure_reason}`; the submission of that request is durable (or refused)."""
    REQUEST_WORKER_STATE = "request_worker_state"
    """router -> desktop: `{request_id, provider_data}`; what the welcome page asks for."""
    WORKER_STATE = "worker_state"
    """desktop -> router: `{request_id, ...}`; the answer, shown by the welcome page as it is."""
    RETURN_UNIT = "return_unit"
    """router -> desktop: the worker gives the unit back."""
    DISCONNECTED = "disconnected"
    """router -> desktop: `{}`; the last socket of the agent named by `subject_id` closed or fell silent."""
    REQUEST_AGENT_STATUS = "request_agent_status"
    """router -> desktop: `{request_id}`; a page showed the token `subject_id`, of which the router was not told."""
    AGENT_STATUS = "agent_status"
    """desktop -> router: `{request_id, status}` for the token `subject_id`; `status` null: no agent has that token."""


@dataclass(slots=True)
class Packet:
    """One message. Timestamps are float seconds since the epoch, 0.0 when not set."""

    packet_type: PacketType
    subject_id: str
    data: dict[str, Any] = field(default_factory=dict)
    client_timestamp: float = 0.0
    router_incoming_timestamp: float = 0.0
    router_outgoing_timestamp: float = 0.0
    server_timestamp: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """The packet as the JSON object that travels."""
        return {
            "packet_type": str(self.packet_type),
            "subject_id": self.subject_id,
            "data": self.data,
            "client_timestamp": self.client_timestamp,
            "router_incoming_timestamp": self.router_incoming_timestamp,
            "router_outgoing_timestamp": self.router_outgoing_timestamp,
            "server_timestamp": self.server_timestamp,
        }

    def to_json(self) -> str:
        """The packet as a text frame."""
        return _ENCODER.encode(self.to_dict())

    @classmethod
    def from_dict(cls, raw: object) -> Packet:
        """Check a decoded JSON value and make a packet of it; `PacketError` says what is wrong with it.

        `data` may be missing (a heartbeat has none); the timestamps may be missing or null.
        """
        if not isinstance(raw, dict):
            raise PacketError("a packet is a JSON object")
        try:
            packet_type = PacketType(raw.get("packet_type", ""))
        except ValueError:
            raise PacketError(f"unknown packet_type {str(raw.get('packet_type'))[:40]!r}") from None
        subject = raw.get("subject_id")
        if not isinstance(subject, str) or not 0 < len(subject) <= 200:
            raise PacketError("subject_id must be a text of 1 to 200 characters")
        data = raw.get("data")
        if data is None:
            data = {}
        if not isinstance(data, dict):
            raise PacketError("data must be a JSON object")
        return cls(packet_type, subject, data, *(_seconds(raw, name) for name in _TIMESTAMPS))

    @classmethod
    def from_json(cls, text: str | bytes) -> Packet:
        """Decode a text frame; `PacketError` when it is not a packet."""
        try:
            raw = json.loads(text)
        except (ValueError, RecursionError):
            raise PacketError("a frame must be JSON text") from None
        return cls.from_dict(raw)


class PacketError(ValueError):
    """A frame that is not a packet. Its text is safe to send back."""


_TIMESTAMPS = ("client_timestamp", "router_incoming_timestamp", "router_outgoing_timestamp", "server_timestamp")


def _seconds(raw: dict[str, Any], name: str) -> float:
    value = raw.get(name)
    if value is None:
        return 0.0
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e14:
        raise PacketError(f"{name} must be a number of seconds")
    return float(value)
