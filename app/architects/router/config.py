"""What one router is told: plain values, the same whether it starts in the desktop's process or on a bare host."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.architects.router.limits import Limits


class RouterConfigError(ValueError):
    """A configuration that no router can start with; the text says what is wrong."""


@dataclass(frozen=True)
class RouterConfig:
    """One run's router. Paths are texts; `static_folders` are listed once, when the router is made."""

    task_run_id: str
    secret: str
    upload_dir: str
    task_title: str = ""
    provider_type: str = ""
    pages: Mapping[str, str] = field(default_factory=dict)
    static: Mapping[str, str] = field(default_factory=dict)
    static_folders: Mapping[str, str] = field(default_factory=dict)
    task_config: Mapping[str, Any] = field(default_factory=dict)
    frame_ancestors: tuple[str, ...] = ()
    image_sources: tuple[str, ...] = ()
    media_sources: tuple[str, ...] = ()
    entry_required: bool = True
    limits: Limits = field(default_factory=Limits)
    host: str = "127.0.0.1"
    port: int = 0
    """0: a free one."""
    port_required: bool = False
    """False: a free port is taken when `port` is not to be had."""
    spool_dir: str | None = None
    """Where submissions wait while the desktop is away; None: the desktop is in this process and cannot be."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses of reverse proxies whose X-Forwarded-For and -Proto are believed ("*": whoever connects)."""
    secure_cookies: bool = False
    """True where pages are served over HTTPS."""
    exit_with_stdin: bool = False
    """Stop when standard input closes: a child never outlives the program that started it."""

    def to_json(self) -> str:
        """The configuration as JSON text (it holds the secret)."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> RouterConfig:
        """Read what `to_json` wrote, or a file written by hand; `RouterConfigError` says what is wrong with it."""
        try:
            raw = json.loads(text)
        except ValueError as error:
            raise RouterConfigError(f"the configuration is no JSON: {error}") from None
        if not isinstance(raw, dict):
            raise RouterConfigError("the configuration must be a JSON object")
        known = {each.name: each for each in dataclasses.fields(cls)}
        unknown = sorted(set(raw) - set(known))
        if unknown:
            raise RouterConfigError(f"unknown key {unknown[0]!r}; there are {', '.join(known)}")
        for name in ("task_run_id", "secret", "upload_dir"):
            if not isinstance(raw.get(name), str) or not raw[name]:
                raise RouterConfigError(f"{name} must be a text")
        for name in ("pages", "static", "static_folders", "task_config", "limits"):
            if not isinstance(raw.get(name, {}), dict):
                raise RouterConfigError(f"{name} must be an object")
        for name in ("frame_ancestors", "image_sources", "media_sources", "trusted_proxies"):
            if not isinstance(raw.get(name, []), list):
                raise RouterConfigError(f"{name} must be a list")
            raw[name] = tuple(str(item) for item in raw.get(name, []))
        try:
            raw["limits"] = Limits.from_mapping(raw.get("limits", {}))
        except ValueError as error:
            raise RouterConfigError(str(error)) from None
        return cls(**raw)
