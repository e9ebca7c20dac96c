"""Charts: thinned, toggled, read by the cursor, saved."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.views import theme
from app.views.chart_card import ChartCard
from app.views.charts import Histogram, LineChart, Plot, StackedArea, iso_text
from app.views.widgets.sparkline import Sparkline

TINTS = {"accepted": "u0", "completed": "u1", "launched": "u3"}


def shown(qtbot: QtBot, chart: Plot) -> ChartCard:
    card = ChartCard("Units by status", chart)
    qtbot.addWidget(card)
    card.resize(640, 220)
    card.show()
    return card


def area(qtbot: QtBot, points: int = 90) -> ChartCard:
    chart = StackedArea(TINTS)
    card = shown(qtbot, chart)
    x = np.linspace(0, 5400, points)
    chart.set_numbers(
        x, {"accepted": x / 5400 * 50, "completed": np.full(points, 20.0), "launched": 50 - x / 5400 * 50}
    )
    return card


def tints_in(image: QImage) -> set[str]:
    return {image.pixelColor(x, y).name() for x in range(0, image.width(), 7) for y in range(0, image.height(), 5)}


async def test_each_series_is_seen_in_its_colour_and_gone_when_its_entry_is_off(qtbot: QtBot) -> None:
    card = area(qtbot)
    look = theme.current()
    assert {look.hex(tint) for tint in TINTS.values()} <= tints_in(card.grab().toImage())
    card.entries["completed"].click()
    card.chart._redraw_if_dirty()
    assert look.hex("u1") not in tints_in(card.chart.grab().toImage())


async def test_the_theme_is_taken_while_it_is_shown(qtbot: QtBot, qapp: QApplication) -> None:
    card = area(qtbot)
    theme.apply(qapp, "dark")
    try:
        assert theme.load_tokens()["dark"]["u0"] in tints_in(card.grab().toImage())
    finally:
        theme.apply(qapp, "light")


async def test_fifty_thousand_points_are_drawn_in_a_moment(qtbot: QtBot) -> None:
    card = area(qtbot, 50_000)
    assert isinstance(card.chart, StackedArea)
    start = time.thread_time()
    card.chart.draw()
    card.chart.grab()
    assert time.thread_time() - start < 0.25
    assert len(card.chart._areas["accepted"].xData) <= card.chart._pixels()


async def test_a_chart_redraws_ten_times_a_second_at_most(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    chart = LineChart()
    card = shown(qtbot, chart)
    assert card.isVisible()
    drawn: list[int] = []
    monkeypatch.setattr(chart, "draw", lambda: drawn.append(1))
    for number in range(100):
        chart.set_data([0, 1], [number, 1])
    assert len(drawn) == 1
    chart._quiet.stop()
    chart._redraw_if_dirty()
    assert len(drawn) == 2


async def test_a_hidden_chart_does_not_draw_until_it_is_seen(qtbot: QtBot) -> None:
    chart = LineChart()
    qtbot.addWidget(chart)
    chart.set_data([0, 1], [3, 4])
    assert chart._line.xData is None or not len(chart._line.xData)
    chart.show()
    assert list(chart._line.yData) == [3, 4]


async def test_the_cursor_reads_the_values_that_are_shown(qtbot: QtBot) -> None:
    card = area(qtbot, 3)
    card.chart.toggle("launched", False)
    assert card.chart.read_at(1).splitlines()[1:] == ["accepted  25", "completed  20"]
    histogram = Histogram()
    qtbot.addWidget(histogram)
    histogram.set_data([0, 30, 60], [4, 9])
    assert histogram.read_at(1) == "0:30 to 1:00\n9"


async def test_empty_numbers_are_drawn_as_nothing(qtbot: QtBot) -> None:
    for chart in (LineChart(), Histogram(), StackedArea(TINTS)):
        card = shown(qtbot, chart)
        if isinstance(chart, StackedArea):
            chart.set_numbers([], {name: [] for name in TINTS})
        else:
            chart.set_data([], [])
        card.grab()
        assert chart.accessibleName() == "A chart without numbers"


async def test_a_flat_line_and_a_single_point_have_a_place(qtbot: QtBot) -> None:
    chart = LineChart(filled=True)
    card = shown(qtbot, chart)
    for numbers in (([5], [0]), ([1, 2, 3], [0, 0, 0]), ([1, 2], [7, 7])):
        chart.set_data(*numbers)
        chart.draw()
        card.grab()
    (_, _), (bottom, top) = chart.viewRange()
    assert bottom == 0
    assert top > 7


def test_series_of_another_length_than_x_are_refused(qtbot: QtBot) -> None:
    chart = LineChart()
    qtbot.addWidget(chart)
    with pytest.raises(ValueError, match="as long as x"):
        chart.set_data([1, 2, 3], [1])


@pytest.mark.parametrize("ending", ["png", "svg", "csv"])
async def test_a_chart_is_saved_as_picture_drawing_and_numbers(qtbot: QtBot, tmp_path: Path, ending: str) -> None:
    card = area(qtbot)
    said: list[str] = []
    card.saved.connect(said.append)
    path = tmp_path / f"units.{ending}"
    card.save_to(path)
    assert said == [f"Units by status saved in {path}."]
    if ending == "png":
        image = QImage(str(path))
        assert image.width() == card.width() * 2
        assert QColor(theme.current().hex("u0")).name() in tints_in(image)
    elif ending == "svg":
        assert "<path" in path.read_text("utf-8")
    else:
        lines = path.read_text("utf-8").splitlines()
        assert lines[0] == "time,accepted,completed,launched"
        assert len(lines) == 91
        assert lines[1] == f"{iso_text(0)},0,20,50"


@pytest.mark.parametrize("ending", ["png", "svg", "csv"])
async def test_a_place_that_cannot_be_written_is_told(qtbot: QtBot, tmp_path: Path, ending: str) -> None:
    card = area(qtbot)
    said: list[str] = []
    card.failed.connect(said.append)
    card.save_to(tmp_path / "none" / f"units.{ending}")
    assert len(said) == 1
    assert "Choose another place" in said[0]


def test_a_sparkline_tells_its_end_to_a_screen_reader(qtbot: QtBot) -> None:
    line = Sparkline()
    qtbot.addWidget(line)
    line.resize(200, 36)
    line.setValues([float(number % 17) for number in range(5000)])
    assert "most 16" in line.accessibleName()
    assert len(line._values) <= 440
    assert theme.current().hex("accent") in tints_in(line.grab().toImage()) or line.grab().toImage().width() == 200


async def test_the_cursor_does_not_read_series_of_which_there_is_nothing(qtbot: QtBot) -> None:
    chart = StackedArea({"completed": "u1", "rejected": "u5", "expired": "u3"})
    qtbot.addWidget(chart)
    chart.set_numbers([0, 60], {"completed": [3, 4], "rejected": [1, 0], "expired": [0, 0]})
    assert chart.read_at(1).splitlines()[1:] == ["completed  4", "rejected  0"]
