"""One run: head with its actions, figures, charts, and the live tables of its agents, units, refusals and journal."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QMenu, QProgressBar, QVBoxLayout, QWidget

from app.viewmodels.desktop import Desktop
from app.viewmodels.formats import digits
from app.viewmodels.run import RunViewModel
from app.viewmodels.run_gates import gate_words
from app.viewmodels.worker_actions import Subjects
from app.views import theme
from app.views.dossier import DossierView
from app.views.page import Offer
from app.views.run_asks import RunAsks
from app.views.run_charts import RunCharts
from app.views.run_tables import RunTables
from app.views.unit_card import UnitCardView
from app.views.widgets.buttons import Button, IconButton
from app.views.widgets.cards import StatStrip
from app.views.widgets.headers import PageHeader
from app.views.widgets.labels import label
from app.views.widgets.panels import Banner
from app.views.widgets.pills import StatusPill
from app.views.worker_actions import ActionDesk

_TILES = {
    "done": "Done",
    "at_work": "At work now",
    "rate": "Throughput",
    "finish": "Finishes about",
    "spent": "Spent",
    "agreement": "Agreement (α)",
}
_ROOMY = 980
"""From this width on all buttons of the head have room beside the title."""


class RunView(QWidget):
    """`back_asked()`: the list of runs is wanted. `inspector_changed(object)`; `offers_changed()`: as of a page."""

    back_asked = Signal()
    inspector_changed = Signal(object)
    offers_changed = Signal()

    def __init__(self, desktop: Desktop, run_id: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.desktop = desktop
        self.run = RunViewModel(desktop, run_id, self)
        self.asks = RunAsks(desktop, self.run, self)
        self.desk = ActionDesk(desktop, self)
        self.unit_card: UnitCardView | None = None
        self.dossier: DossierView | None = None
        self._offered: tuple[object, ...] = ()
        self._make_head()
        self.banner = Banner()
        self.banner.activated.connect(self._banner_pressed)
        self.tiles = StatStrip(_TILES)
        self.tiles.tile("spent").setCursor(Qt.CursorShape.PointingHandCursor)
        self.tiles.tile("spent").setToolTip("Change the budget")
        self.tiles.tile("spent").installEventFilter(self)
        self.charts = RunCharts()
        self.charts.told.connect(desktop.toasts.say)
        self.tables = RunTables(self.run)
        self.tables.menu_asked.connect(self._open_menu)
        self.tables.opened.connect(self._open_row)
        self.tables.link_asked.connect(self.asks.copy_link)
        self.desk.history_asked.connect(self._show_dossier)
        self._lay_out()
        self.run.changed.connect(self._show)
        self.run.series_changed.connect(self._show_series)

    # what the page asks

    def set_active(self, active: bool) -> None:
        """Follow the run, or rest while the page is hidden."""
        self.run.set_active(active)

    def close_run(self) -> None:
        """Follow no longer: another run is shown."""
        self.run.close()
        self.tables.stop()

    def offers(self) -> list[Offer]:
        """What can be done with the run now."""
        facts = self.run.facts
        if facts is None:
            return []
        name = facts.run.task_name
        offers = [
            Offer("Review this run", self.asks.review, "Ctrl+R", "ph.checks", name),
            Offer("Export this run …", self.asks.ask_export, "Ctrl+E", "ph.export", name),
            Offer("Save the task file …", self.asks.ask_yaml, "", "ph.file-text", name),
            Offer("Back to all runs", self.back_asked.emit, "Alt+Left", "ph.arrow-left"),
        ]
        if self.run.live is not None:
            offers += [
                Offer("Copy the entry link", self.asks.copy_link, "Ctrl+L", "ph.link", name),
                Offer("Copy an entry link for one person …", self.asks.ask_person, "", "ph.user", name),
                Offer("Open the workers' page in the browser", self.asks.open_entry, "", "ph.globe", name),
            ]
        if not self.run.elsewhere:
            offers.append(Offer("Change the budget …", self.asks.ask_budget, "", "ph.wallet", name))
        if self.run.steerable:
            going = self.run.state == "in flight"
            words = "Pause the run" if going else "Resume the run"
            offers += [
                Offer(words, self.asks.toggle, "Space", "ph.pause" if going else "ph.play", name),
                Offer("Add units …", self.asks.ask_units, "", "ph.plus", name),
                Offer("Expire the open units …", self.asks.ask_expire, "", "ph.clock", name),
                Offer("Stop the run …", self.asks.ask_stop, "", "ph.stop", name),
            ]
        return offers

    # how

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_head()

    def _fit_head(self) -> None:
        """Where there is little room the title has it; what gives way stands in the menu too."""
        self.units_button.setVisible(self.width() >= _ROOMY and self.run.steerable)
        self.link_button.setVisible(self.width() >= _ROOMY - 90)

    def eventFilter(self, watched: Any, event: Any) -> bool:
        if not hasattr(self, "tables"):  # the page is being taken apart
            return False
        if watched is self.tiles.tile("spent") and event.type() == event.Type.MouseButtonRelease:
            self.asks.ask_budget()
        elif watched is self.header.crumb and event.type() == event.Type.MouseButtonRelease:
            self.back_asked.emit()
        return False

    def _make_head(self) -> None:
        self.header = PageHeader()
        self.header.crumb.setCursor(Qt.CursorShape.PointingHandCursor)
        self.header.crumb.setAccessibleDescription("Back to all runs: Alt+Left")
        self.header.crumb.installEventFilter(self)
        self.router = StatusPill()
        self.header.chips.addWidget(self.router)
        self.link_button = Button("Copy entry link")
        self.units_button = Button("Add units")
        self.pause_button = Button("Pause", keys="Space")
        self.stop_button = Button("Stop", "danger")
        self.more_button = IconButton("ph.dots-three", "More for this run")
        self.review_button = Button("Review", "primary", keys="Ctrl R")
        for button, slot in (
            (self.link_button, self.asks.copy_link),
            (self.units_button, self.asks.ask_units),
            (self.pause_button, self.asks.toggle),
            (self.stop_button, self.asks.ask_stop),
            (self.more_button, self._open_more),
            (self.review_button, self.asks.review),
        ):
            button.clicked.connect(slot)
            self.header.buttons.addWidget(button)

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.header)
        layout.addWidget(self.banner)
        strip = self._strip = QVBoxLayout()
        strip.setContentsMargins(20, 0, 20, 12)
        strip.setSpacing(6)
        strip.addWidget(self.tiles)
        self.gate_words = label("", "small", "dim")
        self.gate_words.setWordWrap(True)
        self.gate_words.hide()
        self.gate_words.setAccessibleName("Gates")
        strip.addWidget(self.gate_words)
        self.launch_words = label("", "small", "dim")
        self.launch_bar = QProgressBar()
        self.launch_bar.setTextVisible(False)
        self.launch_bar.setAccessibleName("Units made")
        strip.addWidget(self.launch_words)
        strip.addWidget(self.launch_bar)
        layout.addLayout(strip)
        layout.addWidget(self.charts)
        layout.addSpacing(8)
        layout.addWidget(self.tables, 1)

    def _show(self) -> None:
        run, facts = self.run, self.run.facts
        assert facts is not None
        row = facts.run
        parts = ("Runs", row.project_name, run.title and row.task_name, f"Run {row.task_run_id}")
        self.header.setWords(run.title or row.task_name, " / ".join(part for part in parts if part), run.state)
        self.router.setStatus(*run.router_words())
        for key, tile in run.tiles().items():
            self.tiles.tile(key).setFigure(tile.figure, tile.note, tile.parts)
        self._show_buttons()
        words, tone, action = run.trouble()
        if not words:
            self.banner.hide()
        elif words != self.banner.text() or not self.banner.isVisible():
            self.banner.say(words, tone, action, closable=False)
        self._strip.setContentsMargins(20, 12 if words else 0, 20, 12)
        self._show_launch()
        words = gate_words(run.gates, run.live.refusals if run.live is not None else {})
        self.gate_words.setText(words)
        self.gate_words.setVisible(bool(words))
        self.tables.show_counts()
        offered = (run.state, run.live is None, run.elsewhere)
        if offered != self._offered:
            self._offered = offered
            self.offers_changed.emit()

    def _show_buttons(self) -> None:
        run = self.run
        going = run.state == "in flight" and run.live is not None
        self.pause_button.setText("Pause" if going else "Resume")
        self.pause_button.setVisible(run.steerable)
        self.pause_button.updateGeometry()
        self.stop_button.setVisible(run.steerable)
        self.link_button.setEnabled(run.live is not None)
        self._fit_head()
        waiting = run.waiting
        self.review_button.setText(f"Review {digits(waiting)}" if waiting else "Review")
        self.review_button.updateGeometry()

    def _show_launch(self) -> None:
        words, fraction = self.run.launch_words()
        self.launch_words.setText(words)
        self.launch_words.setVisible(bool(words))
        self.launch_bar.setVisible(bool(words))
        self.launch_bar.setRange(0, 0 if fraction is None else 1000)
        if fraction is not None:
            self.launch_bar.setValue(int(1000 * fraction))

    def _show_series(self) -> None:
        self.charts.show_series(self.run.series, self.run.counts())

    def _banner_pressed(self) -> None:
        self.asks.ask_budget() if self.run.trouble()[2] == "Raise budget" else self.asks.go_on()

    def _open_more(self) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        served, steerable, here = self.run.live is not None, self.run.steerable, not self.run.elsewhere
        for words, slot, possible in (
            ("Copy the entry link\tCtrl+L", self.asks.copy_link, served),
            ("Copy entry link for one person …", self.asks.ask_person, served),
            ("Open the workers' page in the browser", self.asks.open_entry, served),
            ("Add units …", self.asks.ask_units, steerable),
            ("", None, True),
            ("Export …\tCtrl+E", self.asks.ask_export, True),
            ("Save the task file …", self.asks.ask_yaml, True),
            ("Change the budget …", self.asks.ask_budget, here),
            ("", None, True),
            ("Expire the open units …", self.asks.ask_expire, steerable),
        ):
            if slot is None:
                menu.addSeparator()
                continue
            action = menu.addAction(words)
            action.setEnabled(possible)
            action.triggered.connect(lambda _on=False, slot=slot: slot())
        menu.popup(self.more_button.mapToGlobal(self.more_button.rect().bottomLeft()))

    def _open_menu(self, subjects: Subjects, place: QPoint) -> None:
        menu = self.desk.menu(subjects, self.tables.pane().copy)
        if subjects.kind == "units":
            menu.addSeparator()
            for words, icon, slot in (
                ("Offer again (expired or rejected)", "ph.arrow-counter-clockwise", self.asks.relaunch),
                ("Expire (not taken yet)", "ph.clock", self.asks.expire),
            ):
                action = menu.addAction(theme.current().icon(icon, "dim"), words)
                action.setEnabled(not self.run.elsewhere)
                action.triggered.connect(lambda _on=False, slot=slot: slot(list(subjects.ids)))
        menu.popup(place)

    def _open_row(self, kind: str, record_id: int) -> None:
        if kind == "units":
            self.show_unit(record_id)
        elif kind == "onboarding":
            self.desk.history(Subjects(kind, [record_id], self.run.run_id))
        else:
            subjects = Subjects("agents", [record_id], self.run.run_id)
            self.desk.find_unit(subjects, self.show_unit)

    def show_unit(self, unit_id: int) -> None:
        """Show the card of a unit in the inspector."""
        if self.unit_card is None:
            self.unit_card = UnitCardView(self.desktop, self.desk)
        self.unit_card.show_unit(unit_id)
        self.inspector_changed.emit(self.unit_card)

    def _show_dossier(self, worker_id: int) -> None:
        if self.dossier is None:
            self.dossier = DossierView(self.desktop, self.desk)
        self.dossier.show_worker(worker_id)
        self.inspector_changed.emit(self.dossier)
