"""Videos on the requester's disk: looked at as if they were hostile, and given names to be served under."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from app.blueprints.media_source import MediaFault, MediaKind, find_below, served_url
from app.blueprints.video_label.timing import MAX_SECONDS, known_seconds

SUFFIXES = frozenset((".webm", ".mp4", ".m4v"))
MAX_PIXELS = 40_000_000
MAX_SCANNED_PACKETS = 3_000_000
"""A file that does not tell its length is read through, but not for ever."""
DEFAULT_FPS = 25.0
_CODECS = frozenset(("vp8", "vp9", "av1", "h264"))
_EBML, _FTYP = b"\x1a\x45\xdf\xa3", b"ftyp"
# What a demuxer or decoder can meet in bytes that someone made up.
_DECODER_FAULTS = (
    av.FFmpegError,
    ArithmeticError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class LocalVideo:
    """A checked video: `name` as the requester knows it, `url` as it is served; its length in seconds."""

    name: str
    path: Path
    url: str
    duration: float
    fps: float
    width: int
    height: int


def check_video(path: Path, root: Path) -> LocalVideo:
    """Open one video below `root` and decode its first picture. `MediaFault` says what is wrong with it."""
    real, name, _ = find_below(path, root)
    suffix = real.suffix.lower()
    if suffix not in SUFFIXES:
        raise MediaFault("is neither WebM nor MP4: browsers play those.")
    with open_video(real) as (container, stream):
        codec = stream.codec_context.codec.canonical_name
        if codec not in _CODECS:
            raise MediaFault(f"is coded as {codec}, which browsers do not play; VP8, VP9, AV1 and H.264 they do.")
        duration = seconds_of(container, stream)
        frame = next(container.decode(stream), None)
        if frame is None:
            raise MediaFault("holds no picture.")
        width, height = (frame.height, frame.width) if frame.rotation in (90, -90, 270) else (frame.width, frame.height)
        fps = fps_of(stream)
    if not 0 < duration <= MAX_SECONDS:
        raise MediaFault(f"is {duration / 3600:.1f} hours long; {MAX_SECONDS // 3600} are the most.")
    return LocalVideo(name, real, served_url("video", name, suffix), duration, fps, width, height)


def video_facts(row: Mapping[str, Any], video: LocalVideo | None) -> dict[str, Any]:
    """Length, pictures per second and size: of a file as they are, of an address as the list tells them."""
    if video is not None:
        return {"duration": video.duration, "fps": video.fps, "width": video.width, "height": video.height}
    told = known_seconds(row.get("duration"))
    return {} if told is None else {"duration": told}


@contextmanager
def decoder_faults() -> Iterator[None]:
    """What goes wrong with a video inside the block comes out as a `MediaFault`."""
    try:
        yield
    except MediaFault:
        raise
    except _DECODER_FAULTS as error:
        raise MediaFault(f"is not a video that can be shown ({_short(error)}).") from None


@contextmanager
def open_video(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """A video and its pictures, to be demuxed and decoded. `MediaFault` for whatever is wrong, then and inside.

    The kind of file is told by its first bytes, never by a search among all that the library knows: playlists and other
    kinds that lead to more files are not opened.
    """
    with decoder_faults():
        with path.open("rb") as file:
            head = file.read(12)
        if not head.startswith(_EBML) and head[4:8] != _FTYP:
            raise MediaFault("is neither WebM nor MP4.")
        kind = "matroska" if head.startswith(_EBML) else "mov"
        with av.open(str(path), "r", format=kind, metadata_errors="replace") as container:
            if not container.streams.video:
                raise MediaFault("holds no pictures.")
            stream = container.streams.video[0]
            context = stream.codec_context
            if context.width * context.height > MAX_PIXELS:
                raise MediaFault(f"is too large to be shown: {context.width} x {context.height} pixels.")
            context.options = {"max_pixels": str(MAX_PIXELS)}
            yield container, stream


def fps_of(stream: VideoStream) -> float:
    """Pictures per second, as far as the file tells them in earnest."""
    rate = float(stream.average_rate or stream.guessed_rate or DEFAULT_FPS)
    return round(rate, 3) if 1 <= rate <= 240 else DEFAULT_FPS


def seconds_of(container: InputContainer, stream: VideoStream) -> float:
    """The length that the file tells; of a recording that tells none, the end of its last picture."""
    if container.duration is not None and container.duration > 0:
        return round(container.duration / av.time_base, 3)
    last = 0.0
    for number, packet in enumerate(container.demux(stream)):
        if number > MAX_SCANNED_PACKETS:
            raise MediaFault("does not tell its length, and is too long to be read through.")
        if packet.pts is not None and packet.time_base is not None:
            last = max(last, float((packet.pts + (packet.duration or 0)) * packet.time_base))
    container.seek(0, stream=stream)
    if last <= 0:
        raise MediaFault("holds no picture.")
    return round(last, 3)


def _short(error: BaseException) -> str:
    text = error.strerror if isinstance(error, av.FFmpegError) and error.strerror else str(error)
    return " ".join(str(text).split())[:120] or type(error).__name__


def _row_fault(row: Mapping[str, Any]) -> str | None:
    told = row.get("duration")
    if told in (None, "") or known_seconds(told) is not None:
        return None
    return f"has {str(told)[:40]!r} for its duration: seconds above 0, {MAX_SECONDS} at most."


VIDEOS = MediaKind("video", SUFFIXES, check_video, video_facts, ("duration", "fps", "width", "height"), _row_fault)
