"""Make the videos of this example, and videos.json with what is right in each.

Run it anew with: python examples/video_label/make_videos.py

A street from above: a person (round) and a car (square) who move and wait. What they do is written down here, so the
truth is exact. The videos are WebM (VP8), a few seconds long, without sound.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageDraw

HERE = Path(__file__).resolve().parent
WIDTH, HEIGHT, FPS = 384, 216, 20


@dataclass(frozen=True)
class Phase:
    """What somebody does for some seconds: "waits", "moves" to a place (0 to 1), or is "away"."""

    what: str
    seconds: float
    to: float = 0.0


@dataclass(frozen=True)
class Scene:
    """A video: where person and car begin (0 to 1 along their ways) and what they do, one after the other."""

    name: str
    person: tuple[float, tuple[Phase, ...]]
    car: tuple[float, tuple[Phase, ...]]


AWAY = (0.0, (Phase("away", 6.0),))
SCENES = (
    Scene(
        "crossing",
        (0.18, (Phase("waits", 2.0), Phase("moves", 3.0, 0.9), Phase("away", 1.0))),
        (0.0, (Phase("moves", 1.5, 0.3), Phase("waits", 3.0), Phase("moves", 1.5, 1.0))),
    ),
    Scene(
        "car_alone",
        AWAY,
        (0.0, (Phase("away", 1.0), Phase("moves", 2.0, 0.5), Phase("waits", 1.5), Phase("moves", 1.5, 1.0))),
    ),
    Scene(
        "person_turns_back",
        (0.1, (Phase("moves", 1.5, 0.5), Phase("waits", 1.0), Phase("moves", 1.5, 0.1), Phase("waits", 2.0))),
        AWAY,
    ),
    Scene("empty_street", AWAY, AWAY),
    Scene(
        "both_wait",
        (0.2, (Phase("waits", 4.0), Phase("moves", 2.0, 0.85))),
        (0.35, (Phase("waits", 2.5), Phase("moves", 2.0, 1.0), Phase("away", 1.5))),
    ),
    Scene(
        "two_stops",
        (0.9, (Phase("away", 1.5), Phase("moves", 2.5, 0.15), Phase("away", 2.0))),
        (0.0, (Phase("moves", 1.0, 0.25), Phase("waits", 1.0), Phase("moves", 1.0, 0.4), Phase("waits", 3.0))),
    ),
)


def main() -> None:
    """Write videos/*.webm and videos.json."""
    (HERE / "videos").mkdir(exist_ok=True)
    rows = []
    for scene in SCENES:
        path = HERE / "videos" / f"{scene.name}.webm"
        write_video(scene, path)
        truth = [*segments("person", scene.person[1]), *segments("car", scene.car[1])]
        rows.append({"video": f"videos/{path.name}", "truth": truth})
    text = ",\n".join(f"  {json.dumps(row)}" for row in rows)
    (HERE / "videos.json").write_text(f"[\n{text}\n]\n", "utf-8")


def segments(track: str, phases: tuple[Phase, ...]) -> list[dict[str, object]]:
    """What the phases are on a timeline; who is away is not marked."""
    found, start = [], 0.0
    for phase in phases:
        if phase.what != "away":
            found.append({"label": phase.what, "start": start, "end": start + phase.seconds, "track": track})
        start += phase.seconds
    return found


def place_at(start: float, phases: tuple[Phase, ...], seconds: float) -> float | None:
    """Where somebody is along their way; None while they are away."""
    place = start
    for phase in phases:
        if seconds < phase.seconds:
            if phase.what == "away":
                return None
            return place + (phase.to - place) * seconds / phase.seconds if phase.what == "moves" else place
        place = phase.to if phase.what == "moves" else place
        seconds -= phase.seconds
    return None


def write_video(scene: Scene, path: Path) -> None:
    """Draw every picture of a scene and encode them."""
    length = max(sum(phase.seconds for phase in phases) for _, phases in (scene.person, scene.car))
    with av.open(str(path), "w", format="webm") as container:
        stream = container.add_stream("libvpx", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.time_base = Fraction(1, FPS)
        stream.codec_context.gop_size = FPS  # a key picture each second: seeking is quick
        stream.bit_rate = 220_000
        for number in range(round(length * FPS)):
            frame = av.VideoFrame.from_ndarray(np.asarray(draw(scene, number / FPS)), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def draw(scene: Scene, seconds: float) -> Image.Image:
    """One picture."""
    image = Image.new("RGB", (WIDTH, HEIGHT), "#cfd8c4")
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 70, WIDTH, 150), fill="#6b7078")
    for left in range(0, WIDTH, 48):
        pen.rectangle((left, 108, left + 24, 112), fill="#e8e6dc")
    for top in range(74, 150, 14):
        pen.rectangle((246, top, 290, top + 7), fill="#f2f2ee")
    car, person = place_at(*scene.car, seconds), place_at(*scene.person, seconds)
    if car is not None:
        corner = -60 + car * (WIDTH + 60)
        pen.rectangle((corner, 116, corner + 60, 144), fill="#2f5fd0", outline="#16306e", width=2)
        pen.rectangle((corner + 38, 120, corner + 50, 140), fill="#c9dcff")
    if person is not None:
        head = 20 + person * (HEIGHT - 40)
        pen.ellipse((256, head - 12, 280, head + 12), fill="#d5452f", outline="#6b1d12", width=2)
    pen.text((8, 6), f"{seconds:4.1f} s", fill="#30343b")
    return image


if __name__ == "__main__":
    main()
