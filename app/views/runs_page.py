"""The place of runs: the list, and one run when it is opened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QMenu, QStackedLayout, QVBoxLayout, QWidget

from app.viewmodels.desktop import Desktop
from app.viewmodels.runs import RunsViewModel
from app.views.errands import Errands
from app.views.following import Following
from app.views.page import Offer, Page
from app.views.progress_delegate import ProgressDelegate
from app.views.run_view import RunView
from app.views.table_pane import TablePane
from app.views.widgets.buttons import Button
from app.views.widgets.fields import SearchField
from app.views.widgets.headers import PageHeader
from app.views.widgets.panels import Banner, EmptyPanel

_CHIPS = (
    ("in flight|setup", "in flight"),
    ("paused", "paused"),
    ("interrupted", "interrupted"),
    ("completed", "completed"),
)


class RunsPage(Page):
    """`open_at({"run_id": 3})` shows that run; without one the list, or the run that was shown last."""

    def __init__(self, desktop: Desktop) -> None:
        super().__init__()
        self.desktop = desktop
        self.viewmodel = RunsViewModel(desktop, self)
        self.run_view: RunView | None = None
        self.errands = Errands(desktop.toasts, self)
        self._shown = False
        self._stack = QStackedLayout(self)
        self._list = self._make_list()
        self._stack.addWidget(self._list)
        self.viewmodel.interrupted_changed.connect(self._show_interrupted)

    def open_at(self, where: Mapping[str, Any]) -> None:
        again, self._shown = self._shown, True
        if where.get("run_id") is not None:
            self.open_run(int(where["run_id"]))
            if self.run_view is not None and where.get("unit_id") is not None:
                self.run_view.show_unit(int(where["unit_id"]))
        elif self.run_view is not None and (again or where.get("list")):
            self.show_list()  # the place was chosen while it is shown
        elif self.run_view is not None:
            self.run_view.set_active(True)
        self.viewmodel.records.refresh()
        self.viewmodel.look()

    def left(self) -> None:
        self._shown = False
        if self.run_view is not None:
            self.run_view.set_active(False)

    def open_run(self, run_id: int) -> None:
        """Show one run."""
        if self.run_view is None or self.run_view.run.run_id != run_id:
            self._drop_run()
            view = RunView(self.desktop, run_id)
            view.back_asked.connect(self.show_list)
            view.inspector_changed.connect(self.inspector_changed)
            view.offers_changed.connect(self.offers_changed)
            self.run_view = view
            self._stack.addWidget(view)
        self._stack.setCurrentWidget(self.run_view)
        self.run_view.set_active(True)
        self.run_view.tables.pane().view.setFocus(Qt.FocusReason.OtherFocusReason)
        self.offers_changed.emit()

    def show_list(self) -> None:
        """Show all runs."""
        self._stack.setCurrentWidget(self._list)
        self._drop_run()
        self.inspector_changed.emit(None)
        self.pane.view.setFocus(Qt.FocusReason.OtherFocusReason)
        self.offers_changed.emit()

    def offers(self) -> list[Offer]:
        if self.run_view is not None:
            return self.run_view.offers()
        offers = [Offer("Launch a new run", lambda: self.desktop.go("launch"), "Ctrl+N", "ph.plus")]
        if self.viewmodel.interrupted:
            offers.append(Offer("Resume the interrupted runs", self.resume_all, "", "ph.play"))
        return offers

    def search_field(self) -> SearchField | None:
        return self.pane.search if self.run_view is None else self.run_view.tables.search_field()

    def resume_all(self) -> None:
        """Resume what was interrupted."""
        self.viewmodel.resumer.start()

    def _make_list(self) -> QWidget:
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        header = PageHeader("Runs")
        new = Button("New run", "primary", keys="Ctrl N")
        new.clicked.connect(lambda: self.desktop.go("launch"))
        header.buttons.addWidget(new)
        layout.addWidget(header)
        self.banner = Banner()
        self.banner.activated.connect(self.resume_all)
        layout.addWidget(self.banner)
        empty = EmptyPanel(
            "ph.chart-line-up",
            "No runs yet",
            "A run offers the units of a task to workers. Launch one and watch it here.",
            "Launch a task",
        )
        empty.activated.connect(lambda: self.desktop.go("launch"))
        self.pane = TablePane(
            self.viewmodel.records,
            self.desktop.ui_state,
            "runs",
            self.desktop.toasts,
            self.desktop.background,
            placeholder="Filter runs",
            chips=_CHIPS,
            chip_column="state",
            empty=empty,
        )
        Following(self.desktop, self.pane.model, self.pane)
        view = self.pane.view
        model = view.records
        view.setItemDelegateForColumn(model.column_number("done"), ProgressDelegate(view, "done", "units"))
        view.opened.connect(self.open_run)
        view.menu_asked.connect(self._open_menu)
        layout.addWidget(self.pane, 1)
        return page

    def _open_menu(self, place: QPoint) -> None:
        run_id = self.pane.view.current_id()
        if run_id is None:
            return
        model = self.pane.model
        row = model.row_of(run_id)
        state = model.value(row, "state") if row is not None else None
        served = run_id in self.desktop.operator.live_runs
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Open").triggered.connect(lambda: self.open_run(run_id))
        menu.addAction("Review").triggered.connect(lambda: self.desktop.go("review", run_id=run_id))
        elsewhere = self.desktop.served_elsewhere(run_id)
        if elsewhere and state != "completed":
            menu.addAction("Served by another Crowdesk").setEnabled(False)
        elif state in ("interrupted", "paused") and not served:
            menu.addAction("Resume").triggered.connect(lambda: self.errands.run(self.desktop.operator.resume, run_id))
        elif state == "in flight" and served:
            menu.addAction("Pause").triggered.connect(lambda: self.errands.run(self.desktop.operator.pause, run_id))
        elif state == "paused":
            menu.addAction("Resume").triggered.connect(lambda: self.errands.run(self.desktop.operator.unpause, run_id))
        menu.addSeparator()
        menu.addAction("Copy\tCtrl+C").triggered.connect(self.pane.copy)
        menu.popup(place)

    def _show_interrupted(self) -> None:
        words = self.viewmodel.words()
        if words:
            several = len(self.viewmodel.interrupted) > 1
            self.banner.say(words, "warn", "Resume all" if several else "Resume", closable=False)
        else:
            self.banner.hide()
        self.offers_changed.emit()

    def _drop_run(self) -> None:
        view, self.run_view = self.run_view, None
        if view is not None:
            view.set_active(False)
            view.close_run()
            self._stack.removeWidget(view)
            view.deleteLater()
