"""Makes `messages.csv`, the data of this example: letters to a shop and the answers that two drafts gave.

python make_data.py
"""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

GOODS = ("kettle", "desk lamp", "rain jacket", "bread knife", "bicycle bell", "wool blanket")
TROUBLES = {
    "late": "My {good} was to come last week, and it is still not here.",
    "broken": "The {good} came broken: a part of it lay loose in the box.",
    "wrong": "You sent me a {other}, but I had ordered a {good}.",
    "praise": "I only wanted to say that the {good} is just what I hoped for.",
}
REPLIES = {
    "late": ("I am sorry. I have asked the carrier and write again tomorrow.", "Parcels can be late."),
    "broken": ("I am sorry. A new one leaves today; please keep the box.", "Please read page 4 of the manual."),
    "wrong": ("I am sorry. The right one leaves today; the label to send it back is here.", "Are you sure?"),
    "praise": ("Thank you, that makes our day.", "Your request has been recorded."),
}
ROWS = 24


def main() -> None:
    """Write the file beside this script; the same each time."""
    chance = random.Random(7)
    with (Path(__file__).parent / "messages.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, ["number", "shop", "message", "replies", "truth"])
        writer.writeheader()
        for number in range(1, ROWS + 1):
            topic = chance.choice(list(TROUBLES))
            good, other = chance.sample(GOODS, 2)
            replies = list(REPLIES[topic])
            chance.shuffle(replies)
            writer.writerow(
                {
                    "number": number,
                    "shop": chance.choice(("North Street", "Harbour", "Old Mill")),
                    "message": TROUBLES[topic].format(good=good, other=other),
                    "replies": json.dumps([{"text": text} for text in replies]),
                    "truth": topic,
                }
            )


if __name__ == "__main__":
    main()
