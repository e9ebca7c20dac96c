"""Trains the model of this example on sentences that it makes up, and writes `tone.onnx`. Takes a few seconds.

.venv/bin/python examples/remote_procedure/make_model.py
"""

from __future__ import annotations

import random

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tone import BUCKETS, LABELS, MODEL, features

GOOD = "great lovely sturdy quick quiet cheap elegant reliable handy perfect bright soft excellent wonderful"
BAD = "awful flimsy slow loud overpriced ugly broken useless dim rough terrible disappointing leaking cracked"
PLAIN = "black large small metal round boxed wired folded standard grey square heavy plain new"
THINGS = "kettle lamp jacket desk phone bottle chair keyboard tent mixer radio backpack"
PATTERNS = {
    "positive": ("I love this {t}, it is {w}.", "The {t} is {w} and {w2}.", "What a {w} {t}! It works well."),
    "negative": ("I hate this {t}, it is {w}.", "The {t} is {w} and {w2}.", "What a {w} {t}! It does not work."),
    "neutral": ("The {t} is {w}.", "This is a {w} {t} that came on Monday.", "It is a {w}, {w2} {t}."),
}
NOT = {"positive": "negative", "negative": "positive", "neutral": "neutral"}
SENTENCES = 3000
ROUNDS = 120


def make_sentence(chance: random.Random) -> tuple[str, str]:
    """A sentence and how it sounds; some deny what they say."""
    label = chance.choice(LABELS)
    words = {"positive": GOOD, "negative": BAD, "neutral": PLAIN}[label].split()
    first, second = chance.sample(words, 2)
    text = chance.choice(PATTERNS[label]).format(t=chance.choice(THINGS.split()), w=first, w2=second)
    if label != "neutral" and chance.random() < 0.15:
        return f"The {chance.choice(THINGS.split())} is not {first}.", NOT[label]
    return text, label


def train(seed: int = 7) -> tuple[np.ndarray, np.ndarray, float]:
    """Weights (BUCKETS, 3), bias (3,) and the share of new sentences that it gets right."""
    chance = random.Random(seed)
    made = [make_sentence(chance) for _ in range(SENTENCES)]
    x = np.stack([features(text) for text, _ in made])
    y = np.eye(len(LABELS), dtype=np.float32)[[LABELS.index(label) for _, label in made]]
    cut = SENTENCES * 4 // 5
    weights, bias = np.zeros((BUCKETS, len(LABELS)), np.float32), np.zeros(len(LABELS), np.float32)
    for _ in range(ROUNDS):
        scores = x[:cut] @ weights + bias
        shares = np.exp(scores - scores.max(1, keepdims=True))
        shares /= shares.sum(1, keepdims=True)
        step = (shares - y[:cut]) / cut
        weights -= 20.0 * (x[:cut].T @ step + 1e-5 * weights)
        bias -= 20.0 * step.sum(0)
    right = (x[cut:] @ weights + bias).argmax(1) == y[cut:].argmax(1)
    return weights, bias, float(right.mean())


def main() -> None:
    """Train, write, say how good it is."""
    weights, bias, right = train()
    graph = helper.make_graph(
        [
            helper.make_node("Gemm", ["features", "weights", "bias"], ["scores"]),
            helper.make_node("Softmax", ["scores"], ["shares"], axis=1),
        ],
        "tone",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, BUCKETS])],
        [helper.make_tensor_value_info("shares", TensorProto.FLOAT, [None, len(LABELS)])],
        [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(bias, "bias")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    MODEL.write_bytes(model.SerializeToString())
    print(f"{MODEL.name}: {right:.1%} of new sentences right, {MODEL.stat().st_size} bytes")


if __name__ == "__main__":
    main()
