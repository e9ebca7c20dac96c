"""What the router serves by GET: a fixed map from URL paths to files, made once, with the headers of each.

No path of a request is ever joined to a folder: a request names a key of this map or gets a 404.
"""

from __future__ import annotations

import base64
import hashlib
import mimetypes
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from app.architects.router.config import RouterConfig, RouterConfigError

Headers = list[tuple[bytes, bytes]]

COMMON_HEADERS: Headers = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer")]
NO_STORE = (b"cache-control", b"no-store")
JSON_TYPE = (b"content-type", b"application/json")

OWN_PAGES = frozenset({"/welcome"})
"""Pages of our own: scripts in them run only from files and from the very blocks that the page was deployed with."""

TASK_PATHS = ("/task", "/task_index", "/")
"""The task page has three names; a task that gives one gives all."""

_INLINE_SCRIPT = re.compile(rb"<script(?P<attributes>[^>]*)>(?P<body>.*?)</script\s*>", re.DOTALL | re.IGNORECASE)
_TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".html": "text/html",
    ".htm": "text/html",
    ".json": "application/json",
    ".map": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".avif": "image/avif",
    ".ico": "image/x-icon",
    ".mp3": "audio/mpeg",
    ".wav": "audio/wav",
    ".ogg": "audio/ogg",
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".webm": "video/webm",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
    ".ttf": "font/ttf",
    ".txt": "text/plain",
    ".csv": "text/csv",
    ".pdf": "application/pdf",
    ".wasm": "application/wasm",
}
"""Fixed here: what a machine's own table says differs from host to host."""


@dataclass(frozen=True, slots=True)
class Page:
    """An HTML page, in memory. `policy` lacks the socket origins, which depend on the host that was asked."""

    body: bytes
    policy: str


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file to serve, as it is at the moment that somebody asks for it."""

    path: Path
    content_type: str


class Site:
    """Everything one router serves by GET, by URL path (percent-decoded)."""

    def __init__(self, config: RouterConfig) -> None:
        """Read the pages and list the folders; `RouterConfigError` when a file is not there."""
        self.pages: dict[str, Page] = {}
        self.files: dict[str, StaticFile] = {}
        self._config = config
        for url, name in config.static_folders.items():
            self._add_folder(url, Path(name))
        for url, name in config.static.items():
            self.files[url] = _static_file(Path(name))
        for url, name in config.pages.items():
            self.pages[url] = self._page(url, Path(name))
        task = next((self.pages[url] for url in TASK_PATHS if url in self.pages), None)
        if task is not None:
            for url in TASK_PATHS:
                self.pages.setdefault(url, task)

    def page_headers(self, page: Page, host: str) -> Headers:
        """The headers of a page that is asked for under this `Host`."""
        sockets = f" ws://{host} wss://{host}" if re.fullmatch(r"[A-Za-z0-9.\-:\[\]]{1,255}", host) else ""
        # older browsers do not count the page's own socket as 'self'
        policy = page.policy.replace("connect-src 'self'", f"connect-src 'self'{sockets}", 1)
        headers = [
            (b"content-type", b"text/html; charset=utf-8"),
            NO_STORE,
            (b"content-security-policy", policy.encode("latin-1")),
            *COMMON_HEADERS,
        ]
        if not self._config.frame_ancestors:
            headers.append((b"x-frame-options", b"DENY"))
        return headers

    def _page(self, url: str, path: Path) -> Page:
        try:
            body = path.read_bytes()
        except OSError as error:
            raise RouterConfigError(f"the page {url} cannot be read: {error}") from None
        scripts = _script_hashes(body) if url in OWN_PAGES else ["'unsafe-inline'", "'unsafe-eval'"]
        return Page(body, _policy(self._config, scripts))

    def _add_folder(self, url: str, folder: Path) -> None:
        if not folder.is_dir():
            raise RouterConfigError(f"the folder {folder} for {url} is not there")
        root = folder.resolve()
        prefix = url if url.endswith("/") else url + "/"
        for directory, _, names in os.walk(root):
            for name in names:
                path = Path(directory, name)
                if path.is_file() and path.resolve().is_relative_to(root):  # no link leads out of the folder
                    self.files[prefix + path.relative_to(root).as_posix()] = _static_file(path)


def _static_file(path: Path) -> StaticFile:
    try:
        path.stat()
    except OSError as error:
        raise RouterConfigError(f"the file {path} cannot be read: {error}") from None
    return StaticFile(path, content_type_of(path.name))


def content_type_of(name: str) -> str:
    """The content type that a file is served with, by its name's ending."""
    ending = os.path.splitext(name)[1].lower()
    kind = _TYPES.get(ending) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    return f"{kind}; charset=utf-8" if kind.startswith("text/") or kind == "application/json" else kind


def attachment(name: str) -> bytes:
    """A Content-Disposition value that makes a browser save and not show."""
    return f"attachment; filename*=UTF-8''{quote(name)}".encode("ascii")


def _policy(config: RouterConfig, scripts: Iterable[str]) -> str:
    for origin in (*config.image_sources, *config.media_sources, *config.frame_ancestors):
        if not _is_origin(origin):
            raise RouterConfigError(f"{origin!r} is no origin: write it as https://example.org")
    images, media = " ".join(config.image_sources), " ".join(config.media_sources)
    ancestors = " ".join(config.frame_ancestors)
    parts: Mapping[str, str] = {
        "default-src": "'self'",
        "script-src": " ".join(("'self'", *scripts)),
        "style-src": "'self' 'unsafe-inline'",
        "img-src": f"'self' data: blob: {images}".rstrip(),
        "media-src": f"'self' data: blob: {media}".rstrip(),
        "font-src": "'self' data:",
        "worker-src": "'self' blob:",
        "connect-src": "'self'",
        "object-src": "'none'",
        "base-uri": "'self'",
        "form-action": f"'self' {ancestors}".rstrip(),  # a page that a panel frames hands in to that panel
        "frame-ancestors": ancestors or "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in parts.items())


def _is_origin(source: str) -> bool:
    return source == "https:" or re.fullmatch(r"https?://(\*\.)?[A-Za-z0-9.\-\[\]:]+(:\*)?", source) is not None


def _script_hashes(page: bytes) -> list[str]:
    hashes = []
    for found in _INLINE_SCRIPT.finditer(page):
        if re.search(rb"\bsrc\s*=", found["attributes"], re.IGNORECASE) is None and found["body"].strip():
            digest = hashlib.sha256(found["body"].replace(b"\r\n", b"\n")).digest()
            hashes.append(f"'sha256-{base64.b64encode(digest).decode()}'")
    return hashes
