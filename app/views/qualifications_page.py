"""The place of qualifications: the list, and beside it who holds the chosen one and what requires it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QHBoxLayout, QMenu, QSplitter, QStackedLayout, QVBoxLayout, QWidget

from app.viewmodels.desktop import Desktop
from app.viewmodels.formats import clock_time, count_of
from app.viewmodels.qualifications import QualificationsViewModel
from app.viewmodels.shaped_records import shape_records
from app.viewmodels.worker_actions import Subjects
from app.views.action_sheets import ConfirmSheet
from app.views.dossier import DossierView
from app.views.errands import Errands
from app.views.following import Following
from app.views.page import Offer, Page
from app.views.qualification_sheets import (
    DescribeSheet,
    GrantFileSheet,
    GrantNamesSheet,
    NewQualificationSheet,
    OutcomeSheet,
)
from app.views.table_pane import TablePane
from app.views.widgets.buttons import Button
from app.views.widgets.cards import KeyValueGrid
from app.views.widgets.fields import SearchField
from app.views.widgets.headers import PageHeader
from app.views.widgets.labels import label
from app.views.widgets.panels import EmptyPanel
from app.views.worker_actions import ActionDesk

_LIST_WIDTH = 430
_WIDTHS = {"qualification": 170, "holders": 80, "description": 150}


class QualificationsPage(Page):
    """`open_at({"qualification_id": 3})` chooses one."""

    def __init__(self, desktop: Desktop) -> None:
        super().__init__()
        self.desktop = desktop
        self.viewmodel = QualificationsViewModel(desktop, self)
        self.errands = Errands(desktop.toasts, self)
        self.desk = ActionDesk(desktop, self)
        self.dossier: DossierView | None = None
        self.holders: TablePane | None = None
        self._wanted: int | None = None
        self._lay_out()
        self.setFocusProxy(self.pane.view)
        self.viewmodel.changed.connect(self._show)
        self.desk.history_asked.connect(self._open_dossier)

    def open_at(self, where: Mapping[str, Any]) -> None:
        self._wanted = where.get("qualification_id")
        self.pane.model.refresh()

    def offers(self) -> list[Offer]:
        offers = self.lasting_offers()
        facts = self.viewmodel.facts
        if facts is not None:
            name = facts.row.qualification_name
            offers += [
                Offer("Grant …", self.ask_grant, "G", "ph.star", name),
                Offer("Grant from a file …", self.ask_file, "", "ph.file-text", name),
                Offer("Describe …", self.ask_description, "", "ph.pencil-simple", name),
                Offer("Delete …", self.ask_delete, "", "ph.trash", name),
            ]
        return offers

    def lasting_offers(self) -> list[Offer]:
        return [Offer("New qualification …", self.ask_new, "Ctrl+N", "ph.plus")]

    def search_field(self) -> SearchField | None:
        return self.pane.search

    def ask_new(self) -> None:
        """Ask for a name and a description; the new one is chosen then."""
        model = self.pane.model
        names = [str(model.value(row, "qualification") or "") for row in range(min(len(model.ids), 1000))]
        sheet = NewQualificationSheet(names)

        def done(made: Any) -> None:
            self._wanted = int(made)
            sheet.finish()

        def start() -> None:
            sheet.setBusy(True)
            self.errands.run(self.viewmodel.create, sheet.name(), sheet.description(), then=done, failed=sheet.fail)

        sheet.confirmed.connect(start)
        self.errands.open(sheet)

    def ask_description(self) -> None:
        """Ask what it means."""
        facts = self.viewmodel.facts
        if facts is not None:
            row = facts.row
            sheet = DescribeSheet(row.qualification_name, row.description or "")
            self.errands.confirm(sheet, lambda: (self.viewmodel.describe, (row.qualification_id, sheet.description())))

    def ask_delete(self) -> None:
        """Say how many grants go with it and which runs ask for it, then delete."""
        facts = self.viewmodel.facts
        if facts is None:
            return
        name = facts.row.qualification_name
        sheet = ConfirmSheet(f"Delete “{name}”?", "Delete", "It cannot be brought back.", "danger")
        open_runs = [one for one in facts.required_by if one.state != "completed"]
        ask, go = ("asks" if len(open_runs) == 1 else "ask"), ("goes" if facts.row.holders == 1 else "go")
        asked = f" {count_of(len(open_runs), 'open run')} {ask} for it and will refuse everybody." if open_runs else ""
        sheet.setPreview(f"{count_of(facts.row.holders, 'grant')} of it {go} too.{asked}", "warn")
        self.errands.confirm(sheet, lambda: (self.viewmodel.delete, (name,)))

    def ask_grant(self) -> None:
        """Ask for names and a value."""
        facts = self.viewmodel.facts
        if facts is not None:
            name = facts.row.qualification_name
            sheet = GrantNamesSheet(name)
            self.errands.confirm(sheet, lambda: (self.viewmodel.grant_to, (name, sheet.workers(), sheet.value())))

    def ask_file(self) -> None:
        """Ask for a file, then say what came of it."""
        facts = self.viewmodel.facts
        if facts is None:
            return
        name = facts.row.qualification_name
        sheet = GrantFileSheet(name)

        def done(outcome: Any) -> None:
            sheet.finish()
            granted = outcome.decided.get("granted", 0)
            if outcome.problems:
                problems = [(problem.line, problem.message) for problem in outcome.problems]
                self.errands.open(OutcomeSheet(granted, problems))
            else:
                self.desktop.toasts.say(f"“{name}” granted to {count_of(granted, 'worker')}.", "ok")

        def start() -> None:
            sheet.setBusy(True)
            self.errands.run(self.viewmodel.grant_from_csv, name, sheet.path(), then=done, failed=sheet.fail)

        sheet.confirmed.connect(start)
        self.errands.open(sheet)

    def _lay_out(self) -> None:
        header = PageHeader("Qualifications")
        new = Button("New qualification", "primary", keys="Ctrl N")
        new.clicked.connect(self.ask_new)
        header.buttons.addWidget(new)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        split.setHandleWidth(1)
        self.pane = self._make_list()
        split.addWidget(self.pane)
        split.addWidget(self._make_side())
        split.setSizes([_LIST_WIDTH, 700])
        split.setStretchFactor(1, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(header)
        layout.addWidget(split, 1)

    def _make_list(self) -> TablePane:
        empty = EmptyPanel(
            "ph.star",
            "No qualifications yet",
            "A qualification marks workers: who passed a test, who may read chest images. Runs can require it.",
            "New qualification",
        )
        empty.activated.connect(self.ask_new)
        model = shape_records(self.desktop, "qualifications", parent=self, widths=_WIDTHS, hidden=("since",))
        pane = self._pane("qualifications", model, empty)
        pane.view.current_changed.connect(self.viewmodel.choose)
        pane.model.relisted.connect(self._choose_wanted)
        pane.model.count_changed.connect(lambda _count: self._choose_wanted())
        pane.setMinimumWidth(300)
        return pane

    def _make_side(self) -> QWidget:
        side = QWidget()
        self._side = QStackedLayout(side)
        text = "Choose one at the left to see who holds it, since when, and which runs require it."
        self._side.addWidget(EmptyPanel("ph.star", "No qualification chosen", text))
        detail = QWidget()
        layout = QVBoxLayout(detail)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        head = QVBoxLayout()
        head.setContentsMargins(20, 12, 20, 8)
        head.setSpacing(6)
        self.title = label("", "name", select=True)
        self.description = label("", "body", "dim", wrap=True, select=True)
        self.facts = KeyValueGrid(110)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        for words, kind, slot in (
            ("Grant …", "plain", self.ask_grant),
            ("Grant from a file …", "plain", self.ask_file),
            ("Describe …", "plain", self.ask_description),
            ("Delete …", "danger", self.ask_delete),
        ):
            button = Button(words, kind)
            button.clicked.connect(slot)
            buttons.addWidget(button)
        buttons.addStretch(1)
        head.addWidget(self.title)
        head.addWidget(self.description)
        head.addWidget(self.facts)
        head.addSpacing(4)
        head.addLayout(buttons)
        layout.addLayout(head)
        self._holders_place = QVBoxLayout()
        layout.addLayout(self._holders_place, 1)
        self._side.addWidget(detail)
        return side

    def _pane(self, key: str, model: Any, empty: EmptyPanel) -> TablePane:
        desktop = self.desktop
        words = {"qualifications": "Filter qualifications", "grants": "Filter holders"}[key]
        pane = TablePane(
            model, desktop.ui_state, key, desktop.toasts, desktop.background, placeholder=words, empty=empty
        )
        model.setParent(pane)
        Following(desktop, model, pane)
        return pane

    def _choose_wanted(self) -> None:
        """Choose the one that was asked for, else keep the one that is chosen, else the first."""
        model, view = self.pane.model, self.pane.view
        if self._wanted is not None and model.row_of(self._wanted) is not None:
            view.select_ids([self._wanted], self._wanted)
            self._wanted = None
        elif view.current_id() is None and len(model.ids):
            view.select_ids([model.ids[0]], model.ids[0])

    def _show(self) -> None:
        facts = self.viewmodel.facts
        self._side.setCurrentIndex(0 if facts is None else 1)
        self.offers_changed.emit()
        if facts is None:
            return
        row = facts.row
        self.title.setText(row.qualification_name)
        self.description.setText(row.description or "No description yet.")
        names = ", ".join(f"{one.task_name}, R-{one.task_run_id} ({one.words})" for one in facts.required_by[:4])
        more = len(facts.required_by) - 4
        required = (names + (f" and {more} more" if more > 0 else "")) or "no run"
        self.facts.setRows(
            [
                ("Held by", count_of(row.holders, "worker")),
                ("Required by", required),
                ("Made", clock_time(row.creation_date)),
            ]
        )
        self._show_holders(row.qualification_id)

    def _show_holders(self, qualification_id: int) -> None:
        if self.holders is not None and self.holders.property("qualification_id") == qualification_id:
            return
        if self.holders is not None:
            self.holders.model.stop()
            self._holders_place.removeWidget(self.holders)
            self.holders.hide()
            self.holders.deleteLater()
        text = "Grant it here, from a file, or from the context menu of workers."
        empty = EmptyPanel("ph.user-plus", "Nobody holds it", text, "Grant …")
        empty.activated.connect(self.ask_grant)
        scope = {"qualification_id": qualification_id}
        model = shape_records(self.desktop, "grants", parent=self, scope=scope, widths={}, hidden=("qualification",))
        pane = self._pane("grants", model, empty)
        pane.setProperty("qualification_id", qualification_id)
        pane.view.menu_asked.connect(self._open_menu)
        pane.view.opened.connect(lambda grant_id: self._with_workers([grant_id], self.desk.history))
        self.holders = pane
        self._holders_place.addWidget(pane)
        model.refresh()

    def _open_menu(self, place: QPoint) -> None:
        assert self.holders is not None
        ids = list(self.holders.view.selected_ids())
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        facts = self.viewmodel.facts
        name = facts.row.qualification_name if facts is not None else ""
        for words, slot in (
            ("Change the value …", partial(self._grant_again, name)),
            ("Revoke", self._revoke),
            ("Bonus …", self.desk.bonus),
        ):
            menu.addAction(words).triggered.connect(partial(self._with_workers, ids, slot))
        menu.addSeparator()
        if len(ids) == 1:
            menu.addAction("History and record").triggered.connect(partial(self._with_workers, ids, self.desk.history))
        menu.addAction("Copy\tCtrl+C").triggered.connect(self.holders.copy)
        menu.popup(place)

    def _with_workers(self, grant_ids: list[int], slot: Any, _checked: bool = False) -> None:
        self.errands.run(
            self.viewmodel.workers_of, grant_ids, then=lambda ids: slot(Subjects("workers", ids)) if ids else None
        )

    def _grant_again(self, name: str, subjects: Subjects) -> None:
        self.desk.grant(subjects, name)

    def _revoke(self, subjects: Subjects) -> None:
        facts = self.viewmodel.facts
        if facts is not None:
            self.desk.revoke_one(subjects, facts.row.qualification_name)

    def _open_dossier(self, worker_id: int) -> None:
        if self.dossier is None:
            self.dossier = DossierView(self.desktop, self.desk)
            self.dossier.setParent(self)
        self.dossier.show_worker(worker_id)
        self.inspector_changed.emit(self.dossier)
