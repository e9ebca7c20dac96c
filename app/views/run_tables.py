"""The live tables of one run: agents, units, refused workers, the journal; each made when it is first looked at."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPoint, Signal
from PySide6.QtWidgets import QStackedLayout, QVBoxLayout, QWidget

from app.viewmodels.live_agents import LiveAgentsModel
from app.viewmodels.record_table import RecordQuery, RecordTableModel
from app.viewmodels.run import RunViewModel
from app.viewmodels.shaped_records import shape_records
from app.viewmodels.worker_actions import Subjects
from app.views.following import Following
from app.views.table_pane import TablePane
from app.views.widgets.fields import SearchField
from app.views.widgets.headers import SectionTabs
from app.views.widgets.panels import EmptyPanel

TABS = (("agents", "Agents"), ("onboarding", "Onboarding"), ("units", "Units"), ("refused", "Refused"), ("log", "Log"))
AT_WORK = "accepted|in task"
_AGENT_CHIPS = (
    (AT_WORK, "at work"),
    ("waiting", "waiting"),
    ("completed|approved|soft_rejected|rejected", "handed in"),
    ("disconnect|timeout|returned|partner disconnect|expired", "left"),
)
_UNIT_CHIPS = (
    ("launched|created", "open"),
    ("assigned", "at work"),
    ("completed", "to review"),
    ("accepted|soft_rejected", "accepted"),
    ("rejected", "rejected"),
    ("expired", "expired"),
)
_WIDTHS = {"log": {"when": 110, "level": 110, "kind": 160, "message": 520}, "refused": {"when": 110, "reason": 480}}
_NOBODY_NOW = ("Nobody is at work", "Workers appear here as soon as they take a unit.")
_NEWCOMER_CHIPS = (
    ("onboarding|waiting", "in it"),
    ("approved", "passed"),
    ("rejected", "failed"),
    ("disconnect|timeout|returned|expired", "left"),
)
_LOG_CHIPS = (("warning", "warnings"), ("error", "errors"))


class RunTables(QWidget):
    """`menu_asked(Subjects, QPoint)`; `opened(str, int)`: the kind of row ("agents", "units", "onboarding") and its id.

    `link_asked()`: nobody has come yet, and the entry link is wanted.
    """

    link_asked = Signal()
    menu_asked = Signal(object, QPoint)
    opened = Signal(str, int)

    def __init__(self, run: RunViewModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._run = run
        self.tabs = SectionTabs(TABS)
        self.panes: dict[str, TablePane] = {}
        self._stack = QStackedLayout()
        self._nobody = EmptyPanel(
            "ph.users",
            "Nobody has come yet",
            "Send the entry link to your people. They appear here as soon as they take a unit.",
            "Copy entry link",
        )
        self._nobody.activated.connect(self.link_asked)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.tabs)
        layout.addLayout(self._stack, 1)
        self._stack.addWidget(self._nobody)  # in its place: a stack shows the first one
        self.tabs.changed.connect(self.show_tab)
        self.show_tab("agents")

    def show_tab(self, key: str) -> None:
        """Show a table, made on its first visit."""
        if key not in self.panes:
            makers: dict[str, Callable[[], TablePane]] = {
                "agents": self._agents,
                "onboarding": self._newcomers,
                "units": self._units,
                "refused": self._refused,
                "log": self._log,
            }
            pane = makers[key]()
            self.panes[key] = pane
            self._stack.addWidget(pane)
            pane.model.refresh()
        self.tabs.setCurrent(key)
        self._show_current()

    def pane(self) -> TablePane:
        """The table that is shown."""
        return self.panes[self.tabs.current()]

    def search_field(self) -> SearchField:
        """Where Ctrl+F goes."""
        return self.pane().search

    def selection(self) -> Subjects | None:
        """What is selected in the table that is shown; None for nothing, or where rows are no subjects."""
        kind, pane = self.tabs.current(), self.pane()
        if kind not in ("agents", "units") or not pane.view.selected_count():
            return None
        ids = pane.view.selected_ids()
        word = ""
        if len(ids) == 1 and (row := pane.model.row_of(ids[0])) is not None:
            word = str(pane.model.value(row, "worker" if kind == "agents" else "unit") or "")
        return Subjects(kind, ids, self._run.run_id, word)

    def show_counts(self) -> None:
        """Counts behind the words of the tabs."""
        run = self._run
        self.tabs.setCount("agents", run.at_work)
        self.tabs.setCount("onboarding", run.newcomers)
        self.tabs.setCount("units", sum(run.counts().values()))
        self._show_current()
        refused = self.panes.get("refused")
        self.tabs.setCount("refused", len(refused.model.ids) if refused is not None else run.refused)

    def stop(self) -> None:
        """End what is being read; the tables are taken down."""
        for pane in self.panes.values():
            pane.model.stop()

    def _show_current(self) -> None:
        empty = self.tabs.current() == "agents" and not self._run.somebody_came
        wanted = self._nobody if empty else self.panes[self.tabs.current()]
        if self._stack.currentWidget() is not wanted:
            self._stack.setCurrentWidget(wanted)

    def _agents(self) -> TablePane:
        run, desktop = self._run, self._run.desktop
        query = RecordQuery({"status": (*AT_WORK.split("|"), "waiting")})
        model = LiveAgentsModel(
            desktop.store,
            run.run_id,
            lambda: run.live.presence if run.live is not None else {},
            desktop.clock.now,
            query,
        )
        empty = EmptyPanel("ph.users", "No agents", "Workers appear here as soon as they take a unit.")
        return self._pane("agents", model, "Filter agents", _AGENT_CHIPS, empty, unmatched=_NOBODY_NOW)

    def _newcomers(self) -> TablePane:
        run, desktop = self._run, self._run.desktop
        model = LiveAgentsModel(
            desktop.store,
            run.run_id,
            lambda: run.live.newcomers if run.live is not None else {},
            desktop.clock.now,
            kind="onboarding",
        )
        empty = EmptyPanel(
            "ph.graduation-cap",
            "Nobody was in the onboarding",
            "Who has to pass the task's introduction first appears here, with how it went.",
        )
        return self._pane("onboarding", model, "Filter newcomers", _NEWCOMER_CHIPS, empty)

    def _units(self) -> TablePane:
        empty = EmptyPanel("ph.stack", "No units yet", "They appear here as they are made from the data of the task.")
        return self._pane("units", self._model("units"), "Filter units", _UNIT_CHIPS, empty)

    def _refused(self) -> TablePane:
        text = "Workers who were not let in appear here, with the reason that they were told."
        empty = EmptyPanel("ph.hand-palm", "Nobody was refused", text)
        return self._pane("refused", self._model("refused"), "Filter refused", (), empty)

    def _log(self) -> TablePane:
        empty = EmptyPanel("ph.article", "The journal is empty", "Decisions, money and faults of this run stand here.")
        return self._pane("log", self._model("log"), "Filter the log", _LOG_CHIPS, empty, "level")

    def _model(self, kind: str) -> RecordTableModel:
        run = self._run
        scope = {"task_run_id": run.run_id}
        return shape_records(run.desktop, kind, parent=self, scope=scope, widths=_WIDTHS.get(kind, {}))

    def _pane(
        self,
        key: str,
        model: RecordTableModel,
        placeholder: str,
        chips: tuple[tuple[str, str], ...],
        empty: EmptyPanel,
        chip_column: str = "status",
        unmatched: tuple[str, str] = ("Nothing matches", "No row has what is asked for here."),
    ) -> TablePane:
        desktop = self._run.desktop
        pane = TablePane(
            model,
            desktop.ui_state,
            f"run.{key}",
            desktop.toasts,
            desktop.background,
            placeholder=placeholder,
            chips=chips,
            chip_column=chip_column,
            empty=empty,
            unmatched=unmatched,
        )
        model.setParent(pane)
        Following(desktop, model, pane)
        model.count_changed.connect(self.show_counts)
        if key in ("agents", "units"):
            pane.view.menu_asked.connect(self._ask_menu)
        if key in ("agents", "units", "onboarding"):
            pane.view.opened.connect(lambda record_id: self.opened.emit(key, record_id))
        return pane

    def _ask_menu(self, place: QPoint) -> None:
        chosen = self.selection()
        if chosen is not None:
            self.menu_asked.emit(chosen, place)
