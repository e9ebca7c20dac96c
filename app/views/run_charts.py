"""The charts of a run, side by side: units by status, agents at work or throughput, time on task or cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QStackedLayout, QWidget

from app.viewmodels.formats import digits, duration
from app.viewmodels.run_series import RunSeries
from app.views import theme
from app.views.chart_card import ChartCard
from app.views.charts import Histogram, LineChart, StackedArea, time_text
from app.views.theme import UNIT_SERIES
from app.views.widgets.pills import words_of

HEIGHT = 196
_GAP = 12
_LEGEND_MARGIN = 28 + 12 + 22 + 12
"""What stands in the head of a card beside title and legend: its margins, the button and the gaps."""
_TITLE = "Units by status"
_ALWAYS = ("accepted", "completed", "assigned", "launched")
_LEGENDS: tuple[tuple[int, bool, str], ...] = (
    (2, True, _TITLE),
    (2, True, "Units"),
    (1, True, _TITLE),
    (1, True, "Units"),
    (1, False, _TITLE),
    (1, False, "Units"),
    (0, False, _TITLE),
)
"""From the longest to the shortest: which series (2: the usual ones and all that occur, 1: those that occur, 0: none),
with counts or without, under which title. What is drawn has its entry, or nothing has."""


class CardSwitch(QWidget):
    """Titles in the head of a card: under the one that is shown there is a line. `chosen(int)`.

    `titles` are (words, words where there is little room); where even these have none they are cut with an ellipsis.
    """

    chosen = Signal(int)

    def __init__(self, titles: Sequence[tuple[str, str]], current: int) -> None:
        super().__init__()
        self._titles, self._current = list(titles), current
        words = [title for title, _ in titles]
        self.setFont(theme.font("heading"))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setToolTip(" | ".join(words))
        self.setAccessibleName(f"Chart: {words[current]}; arrow keys show {' or '.join(words)}")

    def sizeHint(self) -> QSize:
        return QSize(self._width_of([title for title, _ in self._titles]), 20)

    def minimumSizeHint(self) -> QSize:
        return QSize(40, 20)

    def shown_words(self) -> list[str]:
        """The titles as they are drawn in the room that there is."""
        for words in ([title for title, _ in self._titles], [short for _, short in self._titles]):
            if self._width_of(words) <= self.width():
                return words
        metrics, room = QFontMetrics(self.font()), self.width() // len(self._titles) - _GAP
        return [metrics.elidedText(short, Qt.TextElideMode.ElideRight, room) for _, short in self._titles]

    def _width_of(self, words: Sequence[str]) -> int:
        metrics = QFontMetrics(self.font())
        return sum(metrics.horizontalAdvance(one) + _GAP for one in words)

    def paintEvent(self, event: QPaintEvent) -> None:
        look, x = theme.current(), 0
        painter = QPainter(self)
        for number, words in enumerate(self.shown_words()):
            width = self.fontMetrics().horizontalAdvance(words)
            on = number == self._current
            painter.setPen(look.color("accent" if on and self.hasFocus() else "text" if on else "dim"))
            painter.drawText(x, 0, width + 2, self.height() - 2, int(Qt.AlignmentFlag.AlignVCenter), words)
            if on:
                painter.fillRect(x, self.height() - 1, width, 1, look.color("accent"))
            x += width + _GAP

    def mousePressEvent(self, event: QMouseEvent) -> None:
        x = 0
        for number, words in enumerate(self.shown_words()):
            x += self.fontMetrics().horizontalAdvance(words) + _GAP
            if event.position().x() < x:
                self.chosen.emit(number)
                return

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
        else:
            self.chosen.emit((self._current + step) % len(self._titles))


class SwitchedCards(QWidget):
    """Cards of which one is shown, chosen by the titles in its head."""

    def __init__(self, cards: Sequence[ChartCard], titles: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self.cards = list(cards)
        self._stack = QStackedLayout(self)
        for number, card in enumerate(cards):
            card.title.hide()
            switch = CardSwitch(titles, number)
            switch.chosen.connect(self.show_card)
            card.head.insertWidget(0, switch)
            self._stack.addWidget(card)

    def show_card(self, number: int) -> None:
        """Show one of the cards."""
        self._stack.setCurrentIndex(number)

    def shown(self) -> int:
        """The number of the card that is shown."""
        return self._stack.currentIndex()


class RunCharts(QWidget):
    """All charts of one run. `told(str, str)`: a sentence and its tone, when a picture was saved or was not."""

    told = Signal(str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        tints = {status: f"u{number}" for number, status in enumerate(UNIT_SERIES)}
        self.units = ChartCard(_TITLE, StackedArea(tints))
        self._agents, self._rate = LineChart(), LineChart()
        self._cost = LineChart(filled=True)
        self._times = Histogram()
        self.agents = ChartCard("Agents at work", self._agents)
        self.rate = ChartCard("Throughput", self._rate)
        self.times = ChartCard("Time on task", self._times)
        self.cost = ChartCard("Cost", self._cost)
        self.units.note.hide()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(20, 0, 20, 0)
        layout.setSpacing(_GAP)
        self._counts: dict[str, int] = {}
        layout.addWidget(self.units, 2)
        self.left = SwitchedCards((self.agents, self.rate), (("Agents at work", "At work"), ("Throughput", "Rate")))
        self.right = SwitchedCards((self.times, self.cost), (("Time on task", "Time"), ("Cost", "Cost")))
        layout.addWidget(self.left, 1)
        layout.addWidget(self.right, 1)
        for card in (self.units, self.left, self.right):  # the widths are shares, whatever stands in the cards
            card.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
        self.setFixedHeight(HEIGHT)
        for card in (self.units, self.agents, self.rate, self.times, self.cost):
            card.saved.connect(lambda words: self.told.emit(words, "ok"))
            card.failed.connect(lambda words: self.told.emit(words, "bad"))

    def show_series(self, series: RunSeries, counts: Mapping[str, int]) -> None:
        """Draw the numbers of a run; `counts` are its units by status now."""
        self._show_units(series, counts)
        self._agents.set_data(series.times, series.at_work)
        self._rate.set_data(series.times, series.per_minute)
        self._cost.set_data(series.cost_times, series.spent)
        self._times.set_data(series.time_edges, series.time_counts)
        for card in (self.units, self.agents, self.rate, self.cost):
            self._show_ends(card, series.times)
        if len(series.time_edges):
            middle = f"median {duration(series.median_seconds)}" if series.median_seconds else duration(0)
            self.times.setEnds(middle, f"{duration(series.time_edges[-1])} and more")

    def _show_units(self, series: RunSeries, counts: Mapping[str, int]) -> None:
        self.units.chart.set_numbers(series.times, series.by_status)
        self._counts = dict(counts)
        self._fit_legend()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_legend()

    def _fit_legend(self) -> None:
        """As much of the legend as there is room for: with counts, words only, or none."""
        counts = self._counts
        drawn = self.units.chart.series
        occurring = [name for name in UNIT_SERIES if counts.get(name) or (name in drawn and drawn[name].any())]
        choices = ((), occurring, [name for name in UNIT_SERIES if name in _ALWAYS or name in occurring])
        room = self.units.width() - _LEGEND_MARGIN
        heading, small = QFontMetrics(theme.font("heading")), QFontMetrics(theme.font("small-medium"))
        for choice, counted, title in _LEGENDS:
            shown = choices[choice]
            words = {name: words_of(name) + (f" {digits(counts.get(name, 0))}" if counted else "") for name in shown}
            needed = heading.horizontalAdvance(title) + sum(small.horizontalAdvance(one) + 28 for one in words.values())
            if needed <= room and (words or not choice):
                break
        self.units.title.setText(title)
        self.units.setLegend(words, set(words))

    def _show_ends(self, card: ChartCard, times: Sequence[float]) -> None:
        if len(times):
            card.setEnds(time_text(times[0]), time_text(times[-1]))
