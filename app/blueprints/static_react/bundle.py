"""The bundle of a task: a built script that is served as it is, with a style sheet and a sound beside it."""

from __future__ import annotations

import hashlib
import io
import math
import shutil
import struct
import wave
from pathlib import Path

from app.blueprints.row_files import check_file
from app.blueprints.served_files import WEB
from app.errors import ConfigError

MAX_BUNDLE_BYTES = 100 * 1024 * 1024
BUNDLE_URL, STYLE_URL, SOUND_URL = "/bundle.js", "/bundle.css", "/notif.mp3"
PAGE = "static_react.html"
_STYLE_PLACE = "<!-- the task's own style sheet -->"
_RATE = 8000


def check_bundle(path: Path, key: str) -> None:
    """Raise `ConfigError` when this is no script that a browser could run: missing, empty, too large, a page."""
    check_file(path, key)
    size = path.stat().st_size
    if size > MAX_BUNDLE_BYTES:
        raise ConfigError(f"{path} is larger than {MAX_BUNDLE_BYTES // 1024 // 1024} MiB.", key=key)
    with path.open("rb") as file:
        head = file.read(4096)
    if not head.strip():
        raise ConfigError(
            f"{path} is empty.", key=key, advice="Build the bundle first, for example with npm run build."
        )
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        raise ConfigError(
            f"{path} is a page, not a script. Name the built bundle.js.",
            key=key,
            file=str(path),
            line=1,
            advice="Pages of HTML are tasks of the kind static_html.",
        )
    if b"\0" in head:
        raise ConfigError(f"{path} is no text, so it can be no script.", key=key, file=str(path))


def keep_copy(path: Path, build_dir: Path) -> Path:
    """A copy that a later build of the task does not change: those at work and those who come see the same page."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    copy = build_dir / f"{path.stem}-{digest}{path.suffix}"
    if not copy.exists():
        part = copy.with_suffix(".part")
        shutil.copyfile(path, part)
        part.replace(copy)
    return copy


def write_page(build_dir: Path, *, styled: bool) -> Path:
    """The page around the bundle: the one of the program, or a copy that links the task's style sheet."""
    page = WEB / PAGE
    if not styled:
        return page
    text = page.read_text("utf-8").replace(_STYLE_PLACE, f'<link rel="stylesheet" href="{STYLE_URL}">')
    made = build_dir / PAGE
    made.write_text(text, "utf-8")
    return made


def write_sound(build_dir: Path) -> Path:
    """A short soft tone, for bundles that play `notif.mp3` and bring none."""
    seconds, tone = 0.18, 660
    frames = bytearray()
    for number in range(int(_RATE * seconds)):
        loudness = 9000 * math.sin(math.pi * number / (_RATE * seconds))
        frames += struct.pack("<h", int(loudness * math.sin(2 * math.pi * tone * number / _RATE)))
    made = io.BytesIO()
    with wave.open(made, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(_RATE)
        sound.writeframes(bytes(frames))
    path = build_dir / "notif.wav"
    path.write_bytes(made.getvalue())
    return path
