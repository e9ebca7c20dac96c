"""The figures of a run in words."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from app.data.states import RunState, UnitStatus
from app.viewmodels.run_figures import (
    Tile,
    agreement_tile,
    at_work_tile,
    done_tile,
    finish_tile,
    no_agreement_tile,
    progress_parts,
    spent_tile,
    throughput_tile,
)

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
COUNTS = {
    UnitStatus.ACCEPTED: 1176,
    UnitStatus.COMPLETED: 312,
    UnitStatus.ASSIGNED: 74,
    UnitStatus.LAUNCHED: 838,
}


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def test_done_counts_what_was_handed_in_and_says_of_how_many() -> None:
    tile = done_tile(COUNTS)
    assert plain(tile.figure) == "1 488"
    assert plain(tile.note) == "of 2 400 · 62 %"
    assert [token for _, token in tile.parts] == ["u0", "u1", "u2"]


def test_expired_units_are_no_part_of_the_whole_but_are_told() -> None:
    assert plain(done_tile({**COUNTS, UnitStatus.EXPIRED: 10}).note) == "of 2 400 · 62 %, 10 expired"


def test_parts_of_the_bar_are_shares_of_all_units() -> None:
    shares = {token: share for share, token in progress_parts(COUNTS)}
    assert shares["u0"] == pytest.approx(0.49)
    assert sum(shares.values()) < 1


def test_a_run_without_units_says_so_and_has_no_bar() -> None:
    assert done_tile({}) == Tile("0", "no units yet")


def test_all_expired_divides_by_nothing() -> None:
    assert plain(done_tile({UnitStatus.EXPIRED: 5}).note) == "of 0, 5 expired"


def test_at_work_tells_the_peak_only_when_it_is_known() -> None:
    assert at_work_tile(47, 61) == Tile("47", "peak 61")
    assert at_work_tile(0, None) == Tile("0", "")


@pytest.mark.parametrize(
    ("per_minute", "figure", "note"),
    [(38.42, "38.4", "units/min"), (0.5, "30.0", "units/h"), (None, "0", "units/min"), (1234.6, "1 235", "units/min")],
)
def test_throughput_is_told_per_minute_and_slow_ones_per_hour(per_minute: float | None, figure: str, note: str) -> None:
    tile = throughput_tile(per_minute)
    assert (plain(tile.figure), tile.note) == (figure, note)


def test_finish_is_open_units_over_throughput() -> None:
    assert finish_tile(RunState.IN_FLIGHT, 912, 38.0, NOW).note == "in 24 min"


@pytest.mark.parametrize(
    ("state", "remaining", "rate", "tile"),
    [
        (RunState.COMPLETED, 3, 1.0, Tile("done")),
        (RunState.PAUSED, 3, 1.0, Tile("–", "paused")),
        (RunState.IN_FLIGHT, 0, 1.0, Tile("done", "all handed in")),
        (RunState.IN_FLIGHT, None, None, Tile("–", "no units yet")),
        (RunState.IN_FLIGHT, 1, None, Tile("–", "1 unit open")),
        (RunState.IN_FLIGHT, 10**9, 0.001, Tile("–", "more than a year")),
    ],
)
def test_finish_says_why_it_cannot_be_known(
    state: RunState, remaining: int | None, rate: float | None, tile: Tile
) -> None:
    assert finish_tile(state, remaining, rate, NOW) == tile


@pytest.mark.parametrize(
    ("spent", "budget", "note", "token"),
    [
        ("178.56", "300", "of € 300 cap", "accent"),
        ("280", "300", "of € 300 cap", "warn"),
        ("300", "300", "of € 300 cap", "bad"),
    ],
)
def test_spent_is_told_against_the_cap_and_its_bar_turns_near_it(
    spent: str, budget: str, note: str, token: str
) -> None:
    tile = spent_tile(Decimal(spent), Decimal(budget), "EUR")
    assert plain(tile.note) == note
    assert tile.parts[0][1] == token


def test_a_run_without_a_cap_has_no_bar() -> None:
    assert spent_tile(Decimal("1.5"), None, "EUR").parts == ()


def test_a_cap_of_zero_is_met() -> None:
    assert spent_tile(Decimal(0), Decimal(0), "EUR").parts == ((1.0, "bad"),)


def test_agreement_tells_half_the_interval() -> None:
    assert agreement_tile(0.812, 0.78, 0.84) == Tile("0.81", "± 0.03")


@pytest.mark.parametrize(
    ("each", "submitted", "labelled", "compared", "words"),
    [
        (1, 5, 5, 0, "one answer each"),
        (2, 0, 0, 0, "no item has two yet"),
        (2, 5, 5, 0, "no item has two yet"),
        (2, 5, 0, 0, "free answers"),
        (3, 9, 9, 3, "all alike"),
    ],
)
def test_without_agreement_it_says_why(each: int, submitted: int, labelled: int, compared: int, words: str) -> None:
    assert no_agreement_tile(each, submitted, labelled, compared) == Tile("–", words)


def test_agreement_says_when_only_the_latest_were_looked_at() -> None:
    tile = agreement_tile(0.81, 0.78, 0.84, latest=500)
    assert tile == Tile("0.81", "± 0.03 · latest 500")
