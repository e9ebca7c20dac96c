"""Images on the requester's disk: found, checked as if they were hostile, and given names to be served under."""

from __future__ import annotations

import hashlib
import os
import struct
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import ExifTags, Image, UnidentifiedImageError

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


class ImageFault(ValueError):
    """Why a file cannot be shown as an image, to follow its name."""


def walk_images(folder: Path) -> Iterator[Path]:
    """Files with an image's suffix in the folder and below, in the order of their names; hidden ones are left out."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES:
                yield Path(place) / name


def check_image(path: Path, root: Path) -> LocalImage:
    """Open and verify one image below `root`. `ImageFault` says what is wrong with it."""
    try:
        real = path.resolve()
        if not real.is_relative_to(root):
            raise ImageFault(f"lies outside of {root}.")
        if not real.is_file():
            raise ImageFault("is not there.")
        size = real.stat().st_size
    except (OSError, ValueError) as error:
        if isinstance(error, ImageFault):
            raise
        raise ImageFault(f"cannot be read ({error}).") from None
    if size > MAX_IMAGE_BYTES:
        raise ImageFault(f"is larger than {MAX_IMAGE_BYTES // 1024 // 1024} MiB.")
    kind, width, height = _verify(real)
    if width * height > MAX_IMAGE_PIXELS or max(width, height) > MAX_SIDE:
        raise ImageFault(f"is too large to be shown: {width} x {height} pixels.")
    name = path.relative_to(root).as_posix() if path.is_relative_to(root) else real.relative_to(root).as_posix()
    return LocalImage(name, real, served_url(name, kind), width, height)


def served_url(name: str, suffix: str) -> str:
    """The URL path of an image: it tells nothing of the file's name, and stays the same over a restart."""
    return f"/image/{hashlib.sha256(b'crowdesk image ' + os.fsencode(name)).hexdigest()[:24]}{suffix}"


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
        raise ImageFault(f"is not an image that can be shown ({_short(error)}).") from None
    if width < 1 or height < 1:
        raise ImageFault("has no pixels.")
    return suffix, width, height


def _short(error: BaseException) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "neither PNG nor JPEG, GIF or WebP"
    return " ".join(str(error).split())[:120] or type(error).__name__
