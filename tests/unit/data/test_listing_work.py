"""An item in a few words."""

from __future__ import annotations

from typing import Any

import pytest

from app.data.repo.listing_work import item_text
from app.data.states import UnitIndex


@pytest.mark.parametrize(
    ("data", "index", "expected"),
    [
        ({"shared": {"image": "birds/img_1.png"}, "unit_data": [{}]}, 0, "img_1.png"),
        ({"shared": {"url": "https://example.org/a/wren.jpg?size=3"}, "unit_data": [{}]}, 0, "wren.jpg"),
        ({"shared": {"url": "https://example.org"}, "unit_data": [{}]}, 0, "https://example.org"),
        ({"shared": {"question": "Is it a wren / an owl?"}, "unit_data": [{}]}, 0, "Is it a wren / an owl?"),
        ({"shared": {"skip": None, "deep": {"a": 1}, "n": 7}, "unit_data": [{}]}, 0, "7"),
        ({"shared": {}, "unit_data": [{"text": "one"}, {"text": "two"}]}, 1, "two"),
        ({"shared": {}, "unit_data": [{"text": "gold"}]}, UnitIndex.GOLD, "Gold: gold"),
        ({"shared": {}, "unit_data": [{"text": "one"}]}, 2, ""),
        ({"shared": None, "unit_data": None}, UnitIndex.SCREENING, "Screening"),
        ({"shared": {"text": "x" * 500}, "unit_data": []}, 0, "x" * 80),
        ({}, 0, ""),
    ],
)
def test_an_item_is_told_by_its_first_plain_value(data: dict[str, Any], index: int, expected: str) -> None:
    assert item_text(data, index) == expected
