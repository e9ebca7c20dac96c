"""Refusals, counted by their word and logged in sums: a flood of them may not become a flood of log lines."""

from __future__ import annotations

import logging
from collections import Counter

logger = logging.getLogger(__name__)

QUIET_SECONDS = 10.0


class RefusalLog:
    """Counts every refusal; logs the first of a kind at once, and how many more there were every ten seconds."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._next_line: dict[str, float] = {}
        self._unsaid: Counter[str] = Counter()

    def add(self, error: str, detail: str, address: str, now: float) -> None:
        """One refusal. `error` is one of the router's own words, `detail` and `address` say more in the log."""
        self.counts[error] += 1
        if now < self._next_line.get(error, 0.0):
            self._unsaid[error] += 1
            return
        self._next_line[error] = now + QUIET_SECONDS
        logger.info("Refused %s from %s: %r", error, address, detail[:200])

    def flush(self, now: float) -> None:
        """Log the sums whose time has come."""
        for error in [error for error in self._unsaid if now >= self._next_line[error]]:
            logger.info("Refused %s %d times more.", error, self._unsaid.pop(error))
            self._next_line[error] = now + QUIET_SECONDS
