"""The place of workers: one row per person over all runs and providers, the dossier beside it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QVBoxLayout

from app.viewmodels.desktop import Desktop
from app.viewmodels.shaped_records import shape_records
from app.viewmodels.worker_actions import Subjects
from app.views.dossier import DossierView
from app.views.following import Following
from app.views.page import Offer, Page
from app.views.table_pane import TablePane
from app.views.widgets.buttons import Button
from app.views.widgets.fields import SearchField
from app.views.widgets.headers import PageHeader
from app.views.widgets.panels import EmptyPanel
from app.views.worker_actions import ActionDesk

_CHIPS = (("none", "not blocked"), ("blocked", "blocked"), ("soft-blocked", "soft-blocked"))

_WIDTHS = {
    "worker": 148, "done": 54, "acceptance": 80, "agreement": 88, "median": 98, "paid": 80, "last_seen": 98,
    "blocks": 125, "qualifications": 200,
}  # fmt: skip
"""With the inspector open they fit a window of 1280 pixels once the texts give way."""


class WorkersPage(Page):
    """`open_at({"name": "mira.k"})` finds a worker; `{"worker_id": 7}` opens the dossier."""

    def __init__(self, desktop: Desktop) -> None:
        super().__init__()
        self.desktop = desktop
        self.desk = ActionDesk(desktop, self)
        self.dossier = DossierView(desktop, self.desk)
        self.dossier.setParent(self)
        self.dossier.hide()
        header = PageHeader("Workers")
        self.bonus_button = Button("Bonus …")
        self.grant_button = Button("Grant …")
        self.block_button = Button("Block …", "danger")
        for button, slot in (
            (self.bonus_button, self.desk.bonus),
            (self.grant_button, self.desk.grant),
            (self.block_button, self.desk.block),
        ):
            button.setEnabled(False)
            button.clicked.connect(lambda _on=False, slot=slot: self._with_selection(slot))
            header.buttons.addWidget(button)
        self.pane = self._make_pane()
        self.setFocusProxy(self.pane.view)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(header)
        layout.addWidget(self.pane, 1)
        self.desk.history_asked.connect(self.open_dossier)
        self.dossier.viewmodel.changed.connect(self._selection_changed)
        self.dossier.seen_changed.connect(self._selection_changed)

    def open_at(self, where: Mapping[str, Any]) -> None:
        self.pane.model.refresh()
        if where.get("name"):
            self.pane.search.setText(str(where["name"]))
        if where.get("worker_id") is not None:
            self.open_dossier(int(where["worker_id"]))

    def offers(self) -> list[Offer]:
        if not self._some():
            return []
        words = self.selection().words
        return [
            Offer("Bonus …", lambda: self._with_selection(self.desk.bonus), "B", "ph.coin", words),
            Offer("Message …", lambda: self._with_selection(self.desk.message), "", "ph.chat-text", words),
            Offer("Grant a qualification …", lambda: self._with_selection(self.desk.grant), "G", "ph.star", words),
            Offer(
                "Revoke a qualification …", lambda: self._with_selection(self.desk.revoke), "", "ph.star-half", words
            ),
            Offer("Block …", lambda: self._with_selection(self.desk.block), "", "ph.prohibit", words),
            Offer(
                "Soft-block …",
                lambda: self._with_selection(partial(self.desk.block, soft=True)),
                "",
                "ph.prohibit-inset",
                words,
            ),
            Offer("Unblock", lambda: self._with_selection(self.desk.unblock), "", "ph.lock-open", words),
        ]

    def search_field(self) -> SearchField | None:
        return self.pane.search

    def selection(self) -> Subjects:
        """The workers that are selected; else the one whose dossier is open."""
        ids = self.pane.view.selected_ids()
        if not len(ids) and self._shows_dossier():
            return self.dossier.subjects()
        row = self.pane.model.row_of(ids[0]) if len(ids) == 1 else None
        word = str(self.pane.model.value(row, "worker") or "") if row is not None else ""
        return Subjects("workers", ids, None, word)

    def open_dossier(self, worker_id: int) -> None:
        """Show a worker in the inspector."""
        self.dossier.show_worker(worker_id)
        self.inspector_changed.emit(self.dossier)

    def _make_pane(self) -> TablePane:
        desktop = self.desktop
        empty = EmptyPanel(
            "ph.users-three",
            "No workers yet",
            "Everybody who comes to one of your runs gets a row here, over all runs and providers.",
            "Launch a task",
        )
        empty.activated.connect(lambda: desktop.go("launch"))
        pane = TablePane(
            shape_records(desktop, "workers", parent=self, widths=_WIDTHS, hidden=("provider",)),
            desktop.ui_state,
            "workers",
            desktop.toasts,
            desktop.background,
            placeholder="Filter workers",
            chips=_CHIPS,
            chip_column="blocks",
            empty=empty,
            saved_views=True,
        )
        Following(desktop, pane.model, pane)
        pane.view.menu_asked.connect(self._open_menu)
        pane.view.opened.connect(self.open_dossier)
        pane.view.selection_changed.connect(self._selection_changed)
        return pane

    def _selection_changed(self) -> None:
        for button in (self.bonus_button, self.grant_button, self.block_button):
            button.setEnabled(self._some())
        current = self.pane.view.current_id()
        if self.pane.view.selected_count() == 1 and current is not None and self.dossier.isVisible():
            self.dossier.show_worker(current)
        self.offers_changed.emit()

    def _with_selection(self, slot: Any) -> None:
        if self._some():
            slot(self.selection())

    def _some(self) -> bool:
        """Whether there is somebody to act on."""
        return bool(self.pane.view.selected_count()) or self._shows_dossier()

    def _shows_dossier(self) -> bool:
        return self.dossier.isVisible() and self.dossier.viewmodel.dossier is not None

    def _open_menu(self, place: QPoint) -> None:
        self.desk.popup(self.selection(), place, self.pane.copy)
