"""What the state machine of the router asks its shell to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.data.packets import Packet


@dataclass(slots=True)
class ToDesktop:
    """Send a packet to the desktop."""

    packet: Packet


@dataclass(slots=True)
class ToSocket:
    """Send a text frame to a page's socket."""

    socket_id: int
    text: str


@dataclass(slots=True)
class CloseSocket:
    """Close a page's socket. The machine has already forgotten it."""

    socket_id: int
    code: int
    reason: str


@dataclass(slots=True)
class Answer:
    """Answer a pending HTTP request. `taken`: the desktop has, or may have, what came with it."""

    request_id: str
    status: int
    body: dict[str, Any]
    taken: bool = True


@dataclass(slots=True)
class Refused:
    """Log and count a refusal."""

    error: str
    detail: str
    address: str


@dataclass(slots=True)
class Keep:
    """Write a submission to the spool and, once it is on disk, answer its request with `body`."""

    packet: Packet
    body: dict[str, Any]


@dataclass(slots=True)
class Unkeep:
    """The submission of that request is with the desktop: remove it from the spool."""

    request_id: str


@dataclass(slots=True)
class Redeliver:
    """Send everything in the spool to the desktop, oldest first."""


@dataclass(slots=True)
class DropDesktop:
    """Close the dialled channel: it has been silent for too long."""

    reason: str


Action = ToDesktop | ToSocket | CloseSocket | Answer | Refused | Keep | Unkeep | Redeliver | DropDesktop
