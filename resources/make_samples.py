"""Makes the sample images that the project ships: coloured shapes on soft grounds, the same on every run.

Run it from anywhere: `python resources/make_samples.py [FOLDER]`. The result is committed beside it, in
`resources/samples/shapes`: 24 images and `images.csv` with each image's truth.
"""

from __future__ import annotations

import csv
import math
import random
import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter

FOLDER = Path(__file__).resolve().parent / "samples" / "shapes"
SEED = 20261120
SHAPES = ("circle", "square", "triangle", "star")
PER_SHAPE = 6
SHARPNESS = 3
"""Everything is drawn this many times larger and scaled down, for smooth edges."""

Colour = tuple[int, int, int]
Point = tuple[float, float]

INKS: tuple[Colour, ...] = (
    (52, 87, 213),
    (23, 128, 61),
    (180, 35, 24),
    (161, 92, 7),
    (122, 63, 181),
    (11, 106, 162),
    (38, 50, 72),
)
GROUNDS: tuple[tuple[Colour, Colour], ...] = (
    ((246, 240, 229), (229, 214, 190)),
    ((233, 241, 250), (203, 221, 240)),
    ((238, 246, 236), (208, 228, 206)),
    ((247, 238, 246), (226, 209, 228)),
    ((240, 241, 245), (212, 216, 226)),
)


def main(folder: Path) -> None:
    """Write every image and the list of them into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    chance = random.Random(SEED)  # noqa: S311 - pictures, not secrets
    truths = [shape for shape in SHAPES for _ in range(PER_SHAPE)]
    chance.shuffle(truths)
    rows = []
    for number, truth in enumerate(truths, 1):
        suffix = ".jpg" if number % 2 else ".png"
        name = f"shape_{number:02d}{suffix}"
        image = draw(truth, chance)
        if suffix == ".jpg":
            image.save(folder / name, quality=84, optimize=True)
        else:
            image.quantize(128).save(folder / name, optimize=True)
        rows.append((name, truth))
    with (folder / "images.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("image", "truth"))
        writer.writerows(rows)


def draw(shape: str, chance: random.Random) -> Image.Image:
    """One image, 320 to 480 pixels wide, with one shape and a few faint strokes around it."""
    width, height = chance.randrange(320, 481, 20), chance.randrange(320, 421, 20)
    image = ground(width * SHARPNESS, height * SHARPNESS, chance)
    for _ in range(chance.randint(2, 5)):
        stroke(image, chance)
    radius = chance.uniform(0.2, 0.33) * min(image.size)
    centre = (
        chance.uniform(radius * 1.1, image.width - radius * 1.1),
        chance.uniform(radius * 1.1, image.height - radius * 1.1),
    )
    points = outline(shape, centre, radius, chance.uniform(-0.5, 0.5))
    shadow = Image.new("L", image.size, 0)
    offset = radius * 0.06
    ImageDraw.Draw(shadow).polygon([(x + offset, y + offset * 1.5) for x, y in points], fill=90)
    image.paste((40, 44, 56), mask=shadow.filter(ImageFilter.GaussianBlur(radius * 0.06)))
    ImageDraw.Draw(image).polygon(points, fill=chance.choice(INKS))
    return image.resize((width, height), Image.Resampling.LANCZOS)


def ground(width: int, height: int, chance: random.Random) -> Image.Image:
    """A soft fall of light from one corner to the other."""
    light, dark = chance.choice(GROUNDS)
    slope = Image.linear_gradient("L").rotate(chance.choice((0, 90, 180, 270))).resize((width, height))
    return Image.composite(Image.new("RGB", (width, height), dark), Image.new("RGB", (width, height), light), slope)


def stroke(image: Image.Image, chance: random.Random) -> None:
    """A faint line that belongs to no shape."""
    here = image.getpixel((image.width // 2, image.height // 2))
    assert isinstance(here, tuple)
    faint = tuple(max(0, int(part) - 22) for part in here)
    start = (chance.uniform(0, image.width), chance.uniform(0, image.height))
    turn, length = chance.uniform(0, math.tau), chance.uniform(0.15, 0.4) * image.width
    end = (start[0] + length * math.cos(turn), start[1] + length * math.sin(turn))
    ImageDraw.Draw(image).line([start, end], fill=faint, width=chance.randint(4, 10) * SHARPNESS // 2)


def outline(shape: str, centre: Point, radius: float, turn: float) -> list[Point]:
    """The corners of a shape about its centre."""
    if shape == "circle":
        steps = [(math.tau * step / 180, radius) for step in range(180)]
    elif shape == "square":
        steps = [(math.tau * step / 4 + math.pi / 4, radius) for step in range(4)]
    elif shape == "triangle":
        steps = [(math.tau * step / 3 - math.pi / 2, radius) for step in range(3)]
    else:
        steps = [(math.tau * step / 10 - math.pi / 2, radius if step % 2 == 0 else radius * 0.45) for step in range(10)]
    return [(centre[0] + r * math.cos(a + turn), centre[1] + r * math.sin(a + turn)) for a, r in steps]


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
