"""Charts, the only place that knows pyqtgraph: stacked areas, lines, histograms, in the colours of the theme.

They redraw ten times a second at most, thinned to the pixels there are, and not at all while hidden.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QObject, QPointF, QSize, Qt, QTimer
from PySide6.QtGui import QColor, QPen, QShowEvent
from PySide6.QtWidgets import QLabel, QSizePolicy

from app.viewmodels import formats
from app.viewmodels.chart_data import Floats, as_csv, floats, nearest, stack, thin_by_extremes, thin_by_last
from app.views import theme

REDRAW_MS = 100
Text = Callable[[float], str]


def time_text(seconds: float) -> str:
    """A place on a time axis (seconds since 1970) in local time."""
    return formats.clock_time(datetime.fromtimestamp(seconds, UTC))


def iso_text(seconds: float) -> str:
    """A place on a time axis as files keep it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def count_text(value: float) -> str:
    """A count, grouped; a fraction keeps one decimal."""
    return formats.digits(round(value)) if value == round(value) or abs(value) >= 100 else f"{value:.1f}"


class Plot(pg.PlotWidget):  # type: ignore[misc] # pyqtgraph ships no types
    """A plot without axes, with quiet lines behind and a cursor that reads values. `x_name` heads the CSV."""

    def __init__(self, *, x_name: str = "time", x_text: Text = time_text, y_text: Text = count_text) -> None:
        super().__init__(enableMenu=False)  # making one takes as long as all else here
        self.x_name, self.x_text, self.y_text = x_name, x_text, y_text
        self.x: Floats = floats([])
        self.series: dict[str, Floats] = {}
        self.hidden: set[str] = set()
        self._dirty = False
        self._quiet = QTimer(self)
        self._quiet.setSingleShot(True)
        self._quiet.setInterval(REDRAW_MS)
        self._quiet.timeout.connect(self._redraw_if_dirty)
        self.hideButtons()
        self.setMouseEnabled(False, False)
        self.hideAxis("left")
        self.hideAxis("bottom")
        self.setFrameStyle(0)
        self.plotItem.setContentsMargins(0, 0, 0, 0)
        self.plotItem.vb.setDefaultPadding(0)
        self.setMinimumHeight(96)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._cursor = pg.InfiniteLine(angle=90, movable=False)
        self._cursor.setZValue(20)
        self._cursor.hide()
        self.addItem(self._cursor, ignoreBounds=True)
        self._grid = [pg.InfiniteLine(angle=0, movable=False) for _ in range(3)]
        for line in self._grid:
            line.setZValue(10)
            self.addItem(line, ignoreBounds=True)
        self._readout = QLabel(self)
        self._readout.setObjectName("readout")
        self._readout.setFont(theme.font("small"))
        self._readout.setTextFormat(Qt.TextFormat.PlainText)
        self._readout.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._readout.hide()
        self.viewport().setMouseTracking(True)
        self.viewport().installEventFilter(self)
        theme.current().changed.connect(self._restyle)
        self._restyle()

    def sizeHint(self) -> QSize:
        return QSize(280, 150)

    def set_numbers(self, x: Sequence[float] | Floats, series: Mapping[str, Sequence[float] | Floats]) -> None:
        """Show other numbers: x ascending, every series as long as x. `ValueError` otherwise."""
        self.x = floats(x)
        self.series = {name: floats(values) for name, values in series.items()}
        if any(len(values) != len(self.x) for values in self.series.values()):
            raise ValueError("every series must be as long as x")
        self.setAccessibleName(self._words())
        self.redraw_soon()

    def toggle(self, name: str, shown: bool) -> None:
        """Show or hide a series."""
        self.hidden.discard(name) if shown else self.hidden.add(name)
        self.redraw_soon()

    def redraw_soon(self) -> None:
        """Draw now, or when the tenth of a second since the last drawing is over, or when the chart is seen."""
        self._dirty = True
        if not self._quiet.isActive() and self.isVisible():
            self._redraw_if_dirty()

    def numbers_csv(self) -> str:
        """The numbers that are shown, hidden series left out."""
        shown = {name: values for name, values in self.series.items() if name not in self.hidden}
        return as_csv(self.x_name, self.x, shown, iso_text if self.x_text is time_text else lambda v: f"{v:g}")

    def read_at(self, index: int) -> str:
        """What the cursor says at a point: the place, then each series that is shown and is ever more than nothing."""
        lines = [self.x_text(float(self.x[index]))]
        for name, values in self.series.items():
            if name not in self.hidden and (len(self.series) == 1 or values.any()):
                words = f"{name.replace('_', '-')}  " if name else ""
                lines.append(f"{words}{self.y_text(float(values[index]))}")
        return "\n".join(lines)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._redraw_if_dirty()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.MouseMove:
            self._read(event.position())  # type: ignore[attr-defined] # a move is a QMouseEvent
        elif event.type() == QEvent.Type.Leave:
            self._cursor.hide()
            self._readout.hide()
        return bool(super().eventFilter(watched, event))

    def draw(self) -> None:
        """Draw the numbers; what each kind of chart does in its own way."""
        raise NotImplementedError

    def restyle(self) -> None:
        """Take the colours of the theme."""
        raise NotImplementedError

    def _pixels(self) -> int:
        return max(60, int(self.viewport().width()))

    def _fit(self, left: float, right: float, bottom: float, top: float) -> None:
        span = (top - bottom) or 1.0
        self.setRange(xRange=(left, right if right > left else left + 1), yRange=(bottom, top or 1.0), padding=0)
        for number, line in enumerate(self._grid, start=1):
            line.setValue(bottom + span * number / 4)

    def _redraw_if_dirty(self) -> None:
        if self._dirty and self.isVisible():
            self._dirty = False
            self._quiet.start()
            self.draw()

    def _read(self, place: QPointF) -> None:
        spot = self.plotItem.vb.mapSceneToView(place)
        index = nearest(self.x, spot.x())
        if index < 0:
            return
        self._cursor.setValue(float(self.x[index]))
        self._cursor.show()
        self._readout.setText(self.read_at(index))
        self._readout.adjustSize()
        room = self.width() - self._readout.width() - 4
        left = int(place.x()) + 12
        self._readout.move(max(4, left if left <= room else int(place.x()) - 12 - self._readout.width()), 4)
        self._readout.show()

    def _restyle(self) -> None:
        look = theme.current()
        self.setBackground(look.color("panel"))
        faint = look.color("line")
        faint.setAlphaF(0.6)
        for line in self._grid:
            line.setPen(QPen(faint, 0))
        self._cursor.setPen(QPen(look.color("dim"), 0))
        self._readout.setStyleSheet(
            f"QLabel#readout {{ background: {look.hex('raised')}; color: {look.hex('text')}; padding: 4px 8px;"
            f" border: 1px solid {look.hex('line')}; border-radius: 6px; }}"
        )
        self.restyle()

    def _words(self) -> str:
        if not len(self.x):
            return "A chart without numbers"
        last = ", ".join(f"{name} {self.y_text(float(values[-1]))}".strip() for name, values in self.series.items())
        return f"A chart of {len(self.x)} points; at its end: {last}"


class _Area(pg.PlotCurveItem):  # type: ignore[misc] # pyqtgraph ships no types
    """A filled curve drawn in one piece: pyqtgraph fills fifty points at a time, and the seams show."""

    def _shouldUseFillPathList(self) -> bool:
        return False


class StackedArea(Plot):
    """Series on top of each other over time; `tints` gives the colour token of each, in stacking order."""

    def __init__(self, tints: Mapping[str, str], **texts: Any) -> None:
        self.tints = dict(tints)
        self._areas: dict[str, Any] = {}
        super().__init__(**texts)
        for place, name in enumerate(reversed(self.tints)):
            area = _Area(pen=None, fillLevel=0.0, antialias=True)
            area.setZValue(place)
            self._areas[name] = area
            self.addItem(area)
        self.restyle()

    def restyle(self) -> None:
        for name, area in self._areas.items():
            area.setBrush(theme.current().color(self.tints[name]))

    def draw(self) -> None:
        names = [name for name in self.tints if name in self.series and name not in self.hidden]
        x, values = thin_by_last(self.x, [self.series[name] for name in names], self._pixels())
        tops = dict(zip(names, stack(values), strict=True))
        for name, area in self._areas.items():
            area.setVisible(name in tops)
            if name in tops:
                area.setData(x, tops[name])
        if len(x):
            highest = float(max((top.max() for top in tops.values()), default=1.0))
            self._fit(float(x[0]), float(x[-1]), 0.0, highest)


class LineChart(Plot):
    """One line; `filled` tints what lies under it (for sums that only grow)."""

    def __init__(self, tint: str = "accent", *, filled: bool = False, **texts: Any) -> None:
        self.tint, self._filled = tint, filled
        self._line: Any = None
        super().__init__(**texts)
        self._line = _Area(antialias=True)
        self.addItem(self._line)
        self.restyle()

    def set_data(self, x: Sequence[float] | Floats, y: Sequence[float] | Floats) -> None:
        """Show other numbers."""
        self.set_numbers(x, {"": y})

    def restyle(self) -> None:
        if self._line is None:
            return
        color = theme.current().color(self.tint)
        self._line.setPen(pg.mkPen(color, width=1.5))
        if self._filled:
            ground = QColor(color)
            ground.setAlphaF(0.14)
            self._line.setFillLevel(0.0)
            self._line.setBrush(ground)

    def draw(self) -> None:
        if not len(self.x):
            self._line.setData([], [])
            return
        x, y = thin_by_extremes(self.x, self.series[""], self._pixels())
        self._line.setData(x, y)
        self._fit(float(x[0]), float(x[-1]), min(0.0, float(y.min())), float(y.max()) * 1.06)


class Histogram(Plot):
    """Bars between edges: one edge more than bars, in the unit that `x_text` reads."""

    def __init__(self, tint: str = "u1", **texts: Any) -> None:
        self.tint = tint
        self._bars: Any = None
        self._edges: Floats = floats([])
        super().__init__(**{"x_name": "seconds", "x_text": formats.duration, **texts})
        self._bars = pg.BarGraphItem(x0=[], x1=[], y0=0, height=[])
        self.addItem(self._bars)
        self.restyle()

    def set_data(self, edges: Sequence[float] | Floats, counts: Sequence[float] | Floats) -> None:
        """Show other bars: n + 1 ascending edges, n counts."""
        self._edges = floats(edges)
        self.set_numbers(self._edges[:-1], {"": counts})

    def read_at(self, index: int) -> str:
        left, right = float(self._edges[index]), float(self._edges[index + 1])
        return f"{self.x_text(left)} to {self.x_text(right)}\n{self.y_text(float(self.series[''][index]))}"

    def restyle(self) -> None:
        if self._bars is not None:
            color = theme.current().color(self.tint)
            self._bars.setOpts(brush=color, pen=QPen(Qt.PenStyle.NoPen))

    def draw(self) -> None:
        if not len(self.x):
            self._bars.setOpts(x0=[], x1=[], height=[])
            return
        counts, gaps = self.series[""], np.diff(self._edges) * 0.09
        self._bars.setOpts(x0=self._edges[:-1] + gaps, x1=self._edges[1:] - gaps, height=counts)
        self._fit(float(self._edges[0]), float(self._edges[-1]), 0.0, float(counts.max()) * 1.08)
