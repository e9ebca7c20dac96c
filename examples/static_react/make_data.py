"""Makes headlines.csv: short notices of a town, each with two headlines, one of which says what the notice says.

Run it anew with: python examples/static_react/make_data.py
"""

import csv
import random
from pathlib import Path

PLACES = ("library", "swimming pool", "town hall", "bus station", "market square", "botanical garden")
EVENTS = (
    ("is closed on {day} for repairs", "{place} closed on {day}", "{place} open longer on {day}"),
    ("opens two hours earlier from {day} on", "Earlier opening at the {place}", "{place} to open later"),
    ("asks for volunteers on {day}", "{place} looks for helpers", "{place} has no work for volunteers"),
    ("shows old photographs until {day}", "Old pictures at the {place}", "{place} sells its old pictures"),
)
DAYS = ("Monday", "Wednesday", "Friday", "Sunday")


def rows(seed: int = 7) -> list[dict[str, str]]:
    """One row for each place and event, in an order that the seed fixes."""
    chance = random.Random(seed)
    made = []
    for place in PLACES:
        for notice, right, wrong in EVENTS:
            day = chance.choice(DAYS)
            good, bad = (_sentence(text.format(place=place, day=day)) for text in (right, wrong))
            is_first = chance.random() < 0.5
            made.append(
                {
                    "notice": f"The {place} {notice.format(day=day)}.",
                    "first": good if is_first else bad,
                    "second": bad if is_first else good,
                    "truth": "first" if is_first else "second",
                }
            )
    chance.shuffle(made)
    return made


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]


if __name__ == "__main__":
    made = rows()
    with (Path(__file__).parent / "headlines.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(made[0]))
        writer.writeheader()
        writer.writerows(made)
