"""The forecast says what a launch costs and what to mind."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from app.operations.configuration.config import RunConfig, from_values
from app.operations.forecast import forecast


def config(**values: Any) -> RunConfig:
    made, problems = from_values(
        {
            "task": {"task_name": "n", "task_title": "t", "task_description": "d", "task_reward": "0.50"},
            "blueprint": {"_blueprint_type": "mock", "num_assignments": 10, "units_per_assignment": 3},
            "provider": {"_provider_type": "mock", "fee_percent": 20},
            **{name.replace("__", "."): value for name, value in values.items()},
        },
        Path("/"),
    )
    assert problems == []
    assert made is not None
    return made


def test_cost_counts_every_unit_and_the_fee() -> None:
    found = forecast(config(), minutes_per_unit=3)
    assert (found.assignments, found.units) == (10, 30)
    assert (found.pay, found.fees, found.total) == (Decimal("15.00"), Decimal("3.00"), Decimal("18.00"))
    assert found.per_hour == Decimal("10.00")
    assert found.hours == 1.5
    assert found.warnings == ()
    assert found.fewest_workers == 3


def test_a_budget_below_the_cost_says_how_many_units_it_pays() -> None:
    found = forecast(config(task__budget="9"))
    assert found.budget_covers == 15
    assert "pays for 15 of 30" in found.warnings[0]


def test_pay_below_the_floor_and_no_pay_are_said() -> None:
    poor = forecast(config(), minutes_per_unit=6, floor_per_hour=Decimal(9))
    assert "5.00 EUR per hour is below" in poor.warnings[0]
    assert forecast(config(task__task_reward=0)).warnings == ("The work is not paid.",)


def test_a_limit_per_worker_needs_more_workers() -> None:
    assert forecast(config(task__maximum_units_per_worker=4)).fewest_workers == 8


def test_screening_and_gold_units_are_paid_for(tmp_path: Path) -> None:
    (tmp_path / "known.csv").write_text("question,truth\nTwo and two?,four\n", "utf-8")
    known = str(tmp_path / "known.csv")
    gates = {
        "blueprint__use_screening_task": True,
        "blueprint__passed_qualification_name": "screened",
        "blueprint__screening_data": known,
        "blueprint__max_screening_units": 40,
        "blueprint__use_golds": True,
        "blueprint__gold_qualification_base": "birds",
        "blueprint__gold_data": known,
        "blueprint__min_golds": 2,
        "blueprint__gold_every": 10,
        "blueprint__max_gold_units": 60,
    }
    found = forecast(config(task__budget="20", **gates))
    assert (found.units, found.test_units, found.test_units_most) == (30, 3 + 3 * 2 + 3, 100)
    assert found.total == Decimal("0.60") * 42
    assert "pays for 33 of 42" in found.warnings[0]
