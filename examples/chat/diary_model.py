"""A partner that keeps a diary: it looks for hours in what was said, and says whether it is free then."""

import re

HOUR = re.compile(r"\b([01]?\d|2[0-3])(?::00|\s*(?:o'clock|h)\b)?", re.IGNORECASE)


def answer(conversation: list, seat: dict) -> str:
    """What Ben says next. `seat["task_data"]["role_instructions"]` holds the hours at which he is free."""
    free = [hour.strip() for hour in seat["task_data"]["role_instructions"].split(",")]
    heard = conversation[-1]["text"] if conversation and not conversation[-1]["mine"] else ""
    named = [f"{int(hour)}:00" for hour in HOUR.findall(heard)]
    fitting = [hour for hour in named if hour in free]
    if fitting:
        return f"{fitting[0]} suits me well. Let us meet then!"
    if named:
        return f"I am not free at {' or '.join(named)}. Could you do {free[len(conversation) // 2 % len(free)]}?"
    if not conversation:
        return "Hello! When are you free?"
    return "I only understand hours, such as 14:00. When are you free?"
