"""Images on the requester's disk: found, checked as if they were hostile, and given names to be served under."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image, UnidentifiedImageError

from app.blueprints.media_source import MediaFault, MediaKind, find_below, served_url

MAX_IMAGE_BYTES = 50 * 1024 * 1024
MAX_IMAGE_PIXELS = 100_000_000
MAX_SIDE = 30_000
SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".gif", ".webp"))
_FORMATS = {"PNG": ".png", "JPEG": ".jpg", "GIF": ".gif", "WEBP": ".webp"}
_TURNED = frozenset((5, 6, 7, 8))
# What a decoder can meet in bytes that someone made up.
_DECODER_FAULTS = (
    UnidentifiedImageError,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
    ArithmeticError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


@dataclass(frozen=True, slots=True)
class LocalImage:
    """A checked image: `name` as the requester knows it, `url` as it is served, sizes in pixels as it is shown."""

    name: str
    path: Path
    url: str
    width: int
    height: int


def check_image(path: Path, root: Path) -> LocalImage:
    """Open and verify one image below `root`. `MediaFault` says what is wrong with it."""
    real, name, size = find_below(path, root)
    if size > MAX_IMAGE_BYTES:
        raise MediaFault(f"is larger than {MAX_IMAGE_BYTES // 1024 // 1024} MiB.")
    kind, width, height = _verify(real)
    if width * height > MAX_IMAGE_PIXELS or max(width, height) > MAX_SIDE:
        raise MediaFault(f"is too large to be shown: {width} x {height} pixels.")
    return LocalImage(name, real, served_url("image", name, kind), width, height)


def image_facts(row: Mapping[str, Any], image: LocalImage | None) -> dict[str, Any]:
    """The size of a file, by which boxes are checked; that of an address is not known."""
    return {} if image is None else {"width": image.width, "height": image.height}


def _verify(path: Path) -> tuple[str, int, int]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=tuple(_FORMATS)) as image:
                width, height = image.size
                suffix = _FORMATS[str(image.format)]
                # of a PNG, Pillow finds EXIF by decoding it whole, after which it cannot be verified any more
                turned = suffix != ".png" and image.getexif().get(ExifTags.Base.Orientation) in _TURNED
                image.verify()
            if turned:
                width, height = height, width
    except _DECODER_FAULTS as error:
        raise MediaFault(f"is not an image that can be shown ({_short(error)}).") from None
    if width < 1 or height < 1:
        raise MediaFault("has no pixels.")
    return suffix, width, height


def _short(error: BaseException) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "neither PNG nor JPEG, GIF or WebP"
    return " ".join(str(error).split())[:120] or type(error).__name__


IMAGES = MediaKind("image", SUFFIXES, check_image, image_facts, ("width", "height"))
