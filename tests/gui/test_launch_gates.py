"""The gates in the launch form: edited, checked while they are typed, counted in the forecast."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication

from tests.gui.test_launch_page import Case, case

__all__ = ["case"]  # the fixture

GATED = Path(__file__).resolve().parents[2] / "examples" / "gated" / "task.yaml"


@pytest.fixture
async def gated(qapp: QApplication, case: Case) -> Case:
    case.page.model.open_yaml(GATED)
    await case.until(lambda: case.page.model.form.values.blueprint_type == "static_html", "the example fills the form")
    await case.looked()
    return case


def field(case: Case, name: str) -> Any:
    return case.page.steps.fields[f"blueprint.{name}"]


async def test_the_example_with_every_gate_is_in_order_and_its_test_units_are_counted(gated: Case) -> None:
    check = await gated.looked()
    assert check.problems == {}
    assert check.forecast is not None
    assert "48 units and" in check.forecast.formula
    rows = {name: value for name, value, _ in check.forecast.rows}
    assert rows["Screening and gold"].endswith("90 at most")


async def test_what_a_gate_lacks_stands_under_its_field(gated: Case) -> None:
    gated.page.model.form.enter("blueprint.screening_data", "nowhere.csv")
    check = await gated.looked()
    assert "no file" in check.problems["blueprint.screening_data"]
    gated.page.model.form.enter("blueprint.use_screening_task", False)
    check = await gated.looked()
    assert "blueprint.screening_data" not in check.problems, "a gate that is not used needs nothing"


async def test_fields_of_a_gate_that_is_not_used_are_not_to_be_filled_in(gated: Case) -> None:
    steps = gated.page.steps
    assert field(gated, "gold_data").isEnabled()
    steps.editors["blueprint.use_golds"].setValue(False)
    steps._edited("blueprint.use_golds")
    assert not field(gated, "gold_data").isEnabled()
    assert field(gated, "screening_data").isEnabled()


async def test_every_gate_can_be_reached_in_the_form(gated: Case) -> None:
    there = {key.split(".")[1] for key in gated.page.steps.fields}
    gates = "onboarding_qualification block_qualification use_screening_task screening_data use_golds gold_data "
    gates += "passed_qualification_name max_screening_units gold_qualification_base min_golds gold_every "
    gates += "max_incorrect_golds max_golds_per_worker max_gold_units qualifications maximum_units_per_worker "
    gates += "allowed_concurrent max_num_concurrent_units"
    assert set(gates.split()) <= there
    assert "force_rebuild" not in there
