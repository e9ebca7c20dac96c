"""Makes the data of this example: receipts of small shops, some of them added up wrong.

    python make_data.py

`receipts.csv` is the work; `screening.csv` and `gold.csv` hold receipts whose answer is known.
"""

from __future__ import annotations

import csv
import random
from pathlib import Path

SHOPS = ("Harbour Bakery", "Old Mill Groceries", "North Street Books", "Station Hardware", "Garden Tools")
GOODS = ("rye bread", "oat milk", "apples", "candles", "paper", "light bulbs", "string", "soap", "tea", "notebook")
FILES = {"receipts.csv": (24, False), "screening.csv": (4, True), "gold.csv": (8, True)}


def receipt(chance: random.Random, number: int) -> dict[str, str]:
    """Three things, their prices in cents, and a sum that is right two times of three."""
    prices = [chance.randrange(60, 1200, 5) for _ in range(3)]
    is_right = chance.random() < 0.67
    total = sum(prices) + (0 if is_right else chance.choice((-100, -10, 10, 90, 100)))
    lines = zip(chance.sample(GOODS, 3), prices, strict=True)
    return {
        "number": str(number),
        "shop": chance.choice(SHOPS),
        **{f"line{n}": f"{name}, {price / 100:.2f}" for n, (name, price) in enumerate(lines, 1)},
        "total": f"{total / 100:.2f}",
        "truth.sum": "right" if is_right else "wrong",
    }


def main() -> None:
    """Write the files beside this script; the same each time."""
    chance = random.Random(11)
    number = 100
    for name, (rows, is_known) in FILES.items():
        made = [receipt(chance, number + place) for place in range(1, rows + 1)]
        number += rows
        columns = [column for column in made[0] if is_known or not column.startswith("truth")]
        with (Path(__file__).parent / name).open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(made)


if __name__ == "__main__":
    main()
