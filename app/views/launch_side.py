"""The side of the launch page: the forecast, what to do before the launch, the rehearsal."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QProgressBar,
    QScrollArea,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from app.viewmodels.launch_check import CheckItem, ForecastView, LaunchCheck
from app.viewmodels.launch_rehearsal import LaunchRehearsal
from app.views.widgets.buttons import Button
from app.views.widgets.cards import KeyValueGrid
from app.views.widgets.fields import FormField
from app.views.widgets.labels import hairline, label
from app.views.widgets.panels import IconMark
from app.views.widgets.pills import StatusPill

WIDTH = 320
_MARKS = {"ok": "ph.check", "warn": "ph.warning", "bad": "ph.x", "idle": "ph.circle"}
_STATES = {"ok": "done", "warn": "mind this", "bad": "not in order", "idle": "not done yet"}
_EMPTY = ForecastView("–", "Fill in the form to see what it will cost")


class CheckList(QWidget):
    """Lines with a mark: done, mind this, not in order, not done yet."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._items: tuple[CheckItem, ...] = ()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnStretch(1, 1)

    def items(self) -> tuple[CheckItem, ...]:
        """The lines shown."""
        return self._items

    def setItems(self, items: Sequence[CheckItem]) -> None:
        """Show these lines."""
        if tuple(items) == self._items:
            return
        self._items = tuple(items)
        while (old := self._grid.takeAt(0)) is not None:
            if (widget := old.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for row, item in enumerate(items):
            tint = "faint" if item.tone == "idle" else item.tone
            mark = IconMark(_MARKS[item.tone], tint, 16)
            mark.setAccessibleName(_STATES[item.tone])
            words = label(item.words, wrap=True, tone="dim" if item.tone == "idle" else "")
            words.setAccessibleName(f"{item.words}: {_STATES[item.tone]}")
            self._grid.addWidget(mark, row, 0, Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(words, row, 1)


class RehearsalPanel(QWidget):
    """How many simulated workers, how good, how rude; their progress and what came of it."""

    asked = Signal(int, int, float, float, float)

    def __init__(self, rehearsal: LaunchRehearsal, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rehearsal = rehearsal
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(label("Rehearsal", "heading", "dim"))
        layout.addWidget(
            label(
                "Simulated workers do some units over the real wire, aside. Nothing is kept.", "small", "dim", wrap=True
            )
        )
        self.workers = _spin(5, 1, 500)
        self.units = _spin(40, 1, 10_000)
        self.accuracy = _spin(90, 0, 100, " %")
        self.drop_out = _spin(5, 0, 90, " %")
        self.rudeness = _spin(5, 0, 100, " %")
        grid = QGridLayout()
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(8)
        grid.addWidget(FormField("Workers", self.workers), 0, 0)
        grid.addWidget(FormField("Units", self.units), 0, 1)
        grid.addWidget(FormField("Right answers", self.accuracy), 1, 0)
        grid.addWidget(FormField("Walk away", self.drop_out), 1, 1)
        grid.addWidget(FormField("Bad manners", self.rudeness), 2, 0)
        layout.addLayout(grid)
        buttons = QHBoxLayout()
        self.start = Button("Start the rehearsal", icon="ph.play")
        self.start.clicked.connect(self._start)
        self.cancel = Button("Cancel")
        self.cancel.clicked.connect(rehearsal.cancel)
        buttons.addWidget(self.start)
        buttons.addWidget(self.cancel)
        buttons.addStretch(1)
        layout.addLayout(buttons)
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Progress of the rehearsal")
        layout.addWidget(self.bar)
        self.result = KeyValueGrid(100)
        layout.addWidget(self.result)
        self.problem = label("", "small", "bad", wrap=True, select=True)
        layout.addWidget(self.problem)
        rehearsal.changed.connect(self.show_state)
        self.show_state()

    def show_state(self) -> None:
        """Show where the rehearsal stands."""
        state = self._rehearsal
        shown, hidden = (self.cancel, self.start) if state.running else (self.start, self.cancel)
        shown.show()
        if hidden.hasFocus():  # hiding it would send the focus somewhere else on the page
            shown.setFocus(Qt.FocusReason.OtherFocusReason)
        hidden.hide()
        self.bar.setVisible(state.running)
        self.bar.setValue(round(state.fraction * 1000))
        self.result.setVisible(bool(state.rows))
        self.result.setRows(state.rows)
        said = [state.problem] if state.problem else [*state.faults[:3]]
        self.problem.setText("\n".join(said))
        self.problem.setVisible(bool(said))

    def _start(self) -> None:
        self.asked.emit(
            self.workers.value(), self.units.value(), self.accuracy.value() / 100, self.drop_out.value() / 100,
            self.rudeness.value() / 100,
        )  # fmt: skip


class LaunchSide(QFrame):
    """Forecast, check list and rehearsal, one below the other. The rehearsal shows itself when it is asked for."""

    def __init__(self, rehearsal: LaunchRehearsal, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("side")
        self.setFixedWidth(WIDTH)
        outer = QHBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(hairline(vertical=True))
        self._area = area = QScrollArea()
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        outer.addWidget(area, 1)
        panel = QWidget()
        panel.setObjectName("panel")
        panel.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        area.setWidget(panel)
        layout = QVBoxLayout(panel)
        layout.setContentsMargins(18, 16, 18, 16)
        layout.setSpacing(4)
        layout.addWidget(label("Forecast", "heading", "dim"))
        self.total = label("–", "big", select=True)
        layout.addWidget(self.total)
        self.formula = label("", tone="dim", wrap=True)
        layout.addWidget(self.formula)
        layout.addSpacing(10)
        self.figures = KeyValueGrid(114)
        layout.addWidget(self.figures)
        layout.addSpacing(16)
        layout.addWidget(label("Before launch", "heading", "dim"))
        layout.addSpacing(4)
        self.checklist = CheckList()
        layout.addWidget(self.checklist)
        layout.addSpacing(18)
        self.rehearsal = RehearsalPanel(rehearsal)
        self.rehearsal.hide()
        layout.addWidget(self.rehearsal)
        layout.addStretch(1)
        self.show_check(LaunchCheck())

    def scroll_to_rehearsal(self) -> None:
        """Bring the rehearsal's panel into sight."""
        self._area.ensureWidgetVisible(self.rehearsal)

    def show_check(self, check: LaunchCheck) -> None:
        """Show a forecast and a check list."""
        forecast = check.forecast or _EMPTY
        self.total.setText(forecast.total)
        self.total.setAccessibleName(f"Forecast: {forecast.total}")
        self.formula.setText(forecast.formula)
        self.figures.setRows(
            [(name, StatusPill(value, tone) if tone else value) for name, value, tone in forecast.rows]
        )
        self.checklist.setItems(check.checklist)


def _spin(value: int, least: int, most: int, suffix: str = "") -> QSpinBox:
    spin = QSpinBox()
    spin.setRange(least, most)
    spin.setValue(value)
    spin.setSuffix(suffix)
    spin.lineEdit().setTextMargins(8, 0, 0, 0)  # the style sheet's padding does not reach the line inside
    return spin
