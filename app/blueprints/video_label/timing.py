"""Times in a video: seconds as numbers, and as people write them (0:01.200)."""

from __future__ import annotations

import math
import re
from typing import Any

MAX_SECONDS = 12 * 3600
_CLOCK = re.compile(r"(?:(?:(\d{1,3}):)?(\d{1,3}):)?(\d{1,6}(?:[.,]\d{1,9})?)")


def known_seconds(value: Any) -> float | None:
    """A length that was told: above 0 and bounded, a number or a number as text; None for anything else."""
    if isinstance(value, str) and len(value) < 40:
        value = read_clock(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) and 0 < value <= MAX_SECONDS else None


def read_clock(text: str) -> float | None:
    """ "1.2", "0:01.2" or "1:02:03.4" in seconds; None for what is no time."""
    found = _CLOCK.fullmatch(text.strip())
    if found is None:
        return None
    hours, minutes, seconds = found.groups()
    total = int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds.replace(",", "."))
    return total if total <= MAX_SECONDS else None


def clock(seconds: float) -> str:
    """A time for people: "0:01.2", "1:02:03.45"; no more digits than it has, three at most."""
    whole = round(max(0.0, seconds) * 1000)
    minutes, rest = divmod(whole, 60_000)
    hours, minutes = divmod(minutes, 60)
    text = f"{rest // 1000:02d}.{rest % 1000:03d}".rstrip("0").rstrip(".")
    return f"{hours}:{minutes:02d}:{text}" if hours else f"{minutes}:{text}"


def webvtt_time(seconds: float) -> str:
    """A time as WebVTT has it: "00:00:01.200"."""
    whole = round(max(0.0, seconds) * 1000)
    return f"{whole // 3_600_000:02d}:{whole // 60_000 % 60:02d}:{whole // 1000 % 60:02d}.{whole % 1000:03d}"
