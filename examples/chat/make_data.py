"""Makes diaries.csv: pairs of diaries that have exactly one hour in common. Run: python examples/chat/make_data.py"""

import csv
import random
from pathlib import Path

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
PLANS = ("a walk by the river", "a coffee", "a game of chess", "a visit to the market", "a film", "a talk about a book")
HOURS = [f"{hour}:00" for hour in range(9, 19)]
PLACE = Path(__file__).with_name("diaries.csv")


def make_rows(number: int = 12) -> list[dict[str, str]]:
    """Rows with `plan`, `day`, each one's free hours, and `truth`, the one they share."""
    chance = random.Random(7)
    rows = []
    for place in range(number):
        common = chance.choice(HOURS)
        others = [hour for hour in HOURS if hour != common]
        chance.shuffle(others)
        first, second = others[:3], others[3:6]
        rows.append(
            {
                "plan": PLANS[place % len(PLANS)],
                "day": DAYS[place % len(DAYS)],
                "free_a": ", ".join(sorted([*first, common], key=HOURS.index)),
                "free_b": ", ".join(sorted([*second, common], key=HOURS.index)),
                "truth": common,
            }
        )
    return rows


if __name__ == "__main__":
    rows = make_rows()
    with PLACE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
