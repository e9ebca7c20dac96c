"""A rehearsal: simulated workers on the real wire against a run's own entry links, before people come."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from app.blueprints.base import Blueprint
from app.errors import InvalidEntry
from app.operations.rehearsal.simulated_worker import Habits, SimulatedWorker, Tally, call_off

MOST_WORKERS = 10_000
ENTERING_AT_ONCE = 50


@dataclass(frozen=True)
class Crew:
    """Who comes to the rehearsal. The same seed draws the same people; shares are 0 to 1."""

    workers: int
    accuracy: float = 0.9
    units_per_minute: float = 0.0
    """Of one worker; 0: as fast as it goes."""
    drop_out: float = 0.0
    """The share of units that a worker takes and walks away from; somebody else comes in their place."""
    rudeness: float = 0.0
    """The share of units with something that no page does: double submits, rubbish frames, sudden closes, forgeries."""
    seed: int = 0
    units_each: int = 0
    """A worker goes home after so many units; 0: when there is nothing left for them."""

    def check(self) -> None:
        """`InvalidEntry` for numbers that cannot be."""
        if not 1 <= self.workers <= MOST_WORKERS:
            raise InvalidEntry("workers", f"must be 1 to {MOST_WORKERS}.")
        for name, most in (("accuracy", 1.0), ("drop_out", 0.9), ("rudeness", 1.0)):
            if not 0 <= getattr(self, name) <= most:
                raise InvalidEntry(name, f"must be 0 to {most:g}.")
        if not 0 <= self.units_per_minute <= 100_000:
            raise InvalidEntry("speed", "must be 0 to 100000 units per minute.")


@dataclass(frozen=True)
class RehearsalReport:
    """What came of it. Latencies are milliseconds, None without a measurement."""

    workers: int
    seconds: float
    tally: Tally

    @property
    def units_per_second(self) -> float:
        return self.tally.submitted / self.seconds if self.seconds else 0.0

    def as_dict(self) -> dict[str, object]:
        """Plain values, for JSON."""
        tally = self.tally
        return {
            "workers": self.workers,
            "entered": tally.entered,
            "registered": tally.registered,
            "submitted": tally.submitted,
            "dropped": tally.dropped,
            "refusals": dict(tally.refusals),
            "retries": tally.retries,
            "double_submits": tally.double_submits,
            "malformed_frames": tally.malformed_frames,
            "forged_submits": tally.forged_submits,
            "sudden_closes": tally.sudden_closes,
            "faults": tally.faults,
            "seconds": round(self.seconds, 3),
            "units_per_second": round(self.units_per_second, 1),
            "register_ms_p50": _percentile(tally.register_seconds, 0.5),
            "register_ms_p99": _percentile(tally.register_seconds, 0.99),
            "submit_ms_p50": _percentile(tally.submit_seconds, 0.5),
            "submit_ms_p99": _percentile(tally.submit_seconds, 0.99),
        }


async def rehearse(
    entry_links: Sequence[str],
    crew: Crew,
    blueprint: Blueprint,
    *,
    on_counts: Callable[[Tally], None] | None = None,
    until: asyncio.Event | None = None,
) -> RehearsalReport:
    """Let the crew work until everybody has been sent home, or `until` is set; then say what happened.

    Worker number n enters by link n modulo the number of links; an open link gets a name of the rehearsal's own.
    `on_counts` is called after every unit.
    """
    crew.check()
    if not entry_links:
        raise InvalidEntry("entry_links", "there is no link to enter by.")
    tally = Tally()
    started = time.monotonic()
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncHTTPTransport(limits=limits, retries=1) as transport:
        team = _Team(entry_links, crew, blueprint, tally, transport, on_counts)
        await team.work(until)
    return RehearsalReport(crew.workers, time.monotonic() - started, tally)


class _Team:
    def __init__(
        self, links: Sequence[str], crew: Crew, blueprint: Blueprint, tally: Tally,
        transport: httpx.AsyncBaseTransport, on_counts: Callable[[Tally], None] | None,
    ) -> None:  # fmt: skip
        self._links, self._crew, self._blueprint = links, crew, blueprint
        self._tally, self._transport, self._on_counts = tally, transport, on_counts
        self._habits = Habits(crew.accuracy, crew.units_per_minute, crew.drop_out, crew.rudeness, crew.units_each)
        self._come = 0
        # a name belongs to the visitor who gave it first: the next rehearsal needs others
        self._name = f"rehearsal {secrets.token_hex(3)}"

    async def work(self, until: asyncio.Event | None) -> None:
        places = [asyncio.ensure_future(self._place(number)) for number in range(self._crew.workers)]
        everybody = asyncio.ensure_future(asyncio.wait(places, return_when=asyncio.FIRST_EXCEPTION))
        waits: list[asyncio.Future[Any]] = [everybody]
        if until is not None:
            waits.append(asyncio.ensure_future(until.wait()))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await call_off([*waits, *places])
        for place in places:
            if not place.cancelled():
                place.result()  # a bug of a worker is a bug of the rehearsal: it comes out

    async def _place(self, number: int) -> None:
        """One place of the crew: when its worker drops out, another one comes."""
        await asyncio.sleep(number // ENTERING_AT_ONCE * 0.05)  # people do not all come in one instant
        while True:
            self._come += 1
            come = self._come
            worker = SimulatedWorker(
                f"{self._name} {come}", self._links[number % len(self._links)], self._habits, self._blueprint,
                self._tally, f"{self._crew.seed}:{come}", self._transport, self._counted,
            )  # fmt: skip
            if not await worker.work():
                return

    def _counted(self) -> None:
        if self._on_counts is not None:
            self._on_counts(self._tally)


def _percentile(seconds: Sequence[float], share: float) -> float | None:
    if not seconds:
        return None
    ranked = sorted(seconds)
    return round(ranked[min(len(ranked) - 1, int(len(ranked) * share))] * 1000, 2)
