"""What the page calls: a small model that says how a text sounds. `make_model.py` trained it."""

from __future__ import annotations

import math
import re
import zlib
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

LABELS = ("negative", "neutral", "positive")
BUCKETS = 1024
MODEL = Path(__file__).with_name("tone.onnx")


def features(text: str) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Words and pairs of words, counted in buckets: shape (BUCKETS,)."""
    words = re.findall(r"[a-z']+", text.lower())
    counts = np.zeros(BUCKETS, np.float32)
    for token in [*words, *(f"{a} {b}" for a, b in pairwise(words))]:
        counts[zlib.crc32(token.encode()) % BUCKETS] += 1
    return np.log1p(counts) / math.sqrt(max(1, len(words)))


@cache
def _session() -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(MODEL.read_bytes(), options, providers=["CPUExecutionProvider"])


def how_does_it_sound(args: dict[str, Any]) -> dict[str, Any]:
    """`{"text": ...}` -> `{"label": ..., "confidence": 0..1}`. Runs in a thread of its own."""
    text = args["text"]
    if not isinstance(text, str) or not text.strip():
        raise ValueError("There is no text to read.")
    (shares,) = _session().run(None, {"features": features(text[:5000])[np.newaxis]})
    best = int(np.argmax(shares[0]))
    return {"label": LABELS[best], "confidence": round(float(shares[0][best]), 3)}


functions = {"how_does_it_sound": how_does_it_sound}
