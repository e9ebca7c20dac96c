"""What every task page is served with: our client and style, and the requester's extra files."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from app.errors import ConfigError

RESOURCES = Path(__file__).resolve().parents[2] / "resources"
WEB = RESOURCES / "web"
CLIENT_PREFIX = "/crowdesk/"
MAX_EXTRA_FILES = 5000
MAX_IMAGE_ORIGINS = 50

# The router's own addresses: an extra file of such a name could never be reached.
_TAKEN = frozenset(
    (
        *("channel", "download_file", "enter", "favicon.ico", "get_timestamp", "is_alive", "log_error"),
        *("preview", "request_agent", "return_unit", "socket", "submit_metadata", "submit_onboarding", "submit_task"),
        *("task", "task_config.json", "task_index", "welcome", "worker_state", "wrap_crowd_source.js", "crowdesk"),
    )
)
_SITE = re.compile(r"https?://[^/?#]*", re.IGNORECASE)
_HOST = re.compile(r"[a-z0-9]([a-z0-9.\-]*[a-z0-9])?|\[[0-9a-f:.]+\]")


def client_files() -> dict[str, Path]:
    """Our scripts, style and letters, by URL path."""
    files = {
        CLIENT_PREFIX + path.name: path for path in sorted(WEB.iterdir()) if path.suffix in (".js", ".css", ".svg")
    }
    for weight in ("Inter_400Regular", "Inter_600SemiBold"):
        files[f"{CLIENT_PREFIX}{weight}.ttf"] = RESOURCES / "fonts" / f"{weight}.ttf"
    return files


def page_map(task_page: str) -> dict[str, Path]:
    """The pages of a task whose own page is `task_page`, by URL path."""
    page = WEB / task_page
    return {
        "/": page,
        "/task": page,
        "/task_index": page,
        "/preview": page,
        "/welcome": WEB / "welcome.html",
    }


def list_extra_files(folder: Path, key: str) -> dict[str, Path]:
    """Every file in the requester's folder, by the URL path it is served at ("/img/cat.png").

    Hidden files are left out. `ConfigError` for what leads out of the folder, hides a page of ours, or is too much.
    """
    root = folder.resolve()
    found: dict[str, Path] = {}
    for place, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(place) / name
            if name.startswith(".") or not path.is_file():
                continue
            if not path.resolve().is_relative_to(root):
                raise ConfigError(f"{path} is a link to a file outside of {root}.", key=key)
            url = "/" + path.relative_to(root).as_posix()
            if url[1:].split("/", 1)[0] in _TAKEN:
                raise ConfigError(f'"{url[1:]}" is the address of a page of Crowdesk. Rename {path}.', key=key)
            found[url] = path.resolve()
            if len(found) > MAX_EXTRA_FILES:
                raise ConfigError(f"{root} holds more than {MAX_EXTRA_FILES} files.", key=key)
    return found


def image_origin(url: str) -> str | None:
    """The origin of an http(s) address as a content security policy names it, or None when it is no such address."""
    site = _SITE.match(url)
    return _origin(site.group()) if site is not None else None


@lru_cache(maxsize=10_000)
def _origin(site: str) -> str | None:
    try:
        parts = urlsplit(site)
        host = (parts.hostname or "").encode("idna").decode("ascii").lower()
        port = parts.port
    except (ValueError, UnicodeError):
        return None
    if ":" in host:
        host = f"[{host}]"
    if parts.username is not None or not _HOST.fullmatch(host):
        return None
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "")


def check_image_origins(origins: set[str], key: str, things: str = "images") -> tuple[str, ...]:
    """The origins in order; `ConfigError` when they are more than a page's policy can name."""
    if len(origins) > MAX_IMAGE_ORIGINS:
        raise ConfigError(
            f"The {things} come from {len(origins)} sites; a page can name {MAX_IMAGE_ORIGINS} at most.",
            key=key,
            advice=f"Download the {things} and give their folder.",
        )
    return tuple(sorted(origins))


def plain_inputs(inputs: Any) -> dict[str, Any]:
    """What a worker was shown, as one mapping: stored as the row, or as its `shared` and `unit_data` parts."""
    if not isinstance(inputs, Mapping):
        return {}
    if set(inputs) == {"shared", "unit_data"}:
        parts = (inputs["shared"], inputs["unit_data"])
        return {key: value for part in parts if isinstance(part, Mapping) for key, value in part.items()}
    return dict(inputs)
