"""The place of payments: the ledger, its totals, and what is safe to do about what is not settled."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QMenu, QStackedLayout, QVBoxLayout

from app.viewmodels.desktop import Desktop
from app.viewmodels.formats import count_of, digits
from app.viewmodels.payments import By, PaymentsViewModel, TotalsSource, sum_words
from app.viewmodels.record_table import RecordTableModel
from app.viewmodels.shaped_records import shape_records
from app.views.action_sheets import ConfirmSheet
from app.views.errands import Errands
from app.views.following import Following
from app.views.page import Offer, Page
from app.views.table_pane import TablePane
from app.views.widgets.buttons import Button
from app.views.widgets.cards import StatStrip
from app.views.widgets.fields import SearchField
from app.views.widgets.file_dialog import FileDialog
from app.views.widgets.headers import PageHeader, SectionTabs
from app.views.widgets.panels import EmptyPanel

_TABS = (
    ("payments", "Ledger"),
    ("run", "By run"),
    ("project", "By project"),
    ("worker", "By worker"),
    ("currency", "By currency"),
)
_CHIPS = (
    ("settled", "settled"),
    ("intended|sent", "waiting"),
    ("failed", "failed"),
    ("unknown", "unknown"),
    ("cancelled", "cancelled"),
)

_WIDTHS = {"when": 110, "kind": 90, "amount": 95, "task": 170, "unit": 90, "reason": 190, "error": 190}
_HIDDEN = ("provider", "attempts", "author")


class PaymentsPage(Page):
    """`open_at({"state": "failed"})` shows payments of that state."""

    def __init__(self, desktop: Desktop) -> None:
        super().__init__()
        self.desktop = desktop
        self.viewmodel = PaymentsViewModel(desktop, self)
        self.errands = Errands(desktop.toasts, self)
        self.panes: dict[str, TablePane] = {}
        self._stack = QStackedLayout()
        self._lay_out()
        self.viewmodel.changed.connect(self._show)
        self.show_tab("payments")

    def open_at(self, where: Mapping[str, Any]) -> None:
        self.viewmodel.set_active(True)
        for pane in self.panes.values():
            pane.model.refresh()
        if where.get("state"):
            self.show_tab("payments")
            self.panes["payments"].set_filter("state", str(where["state"]).split("|"))

    def left(self) -> None:
        self.viewmodel.set_active(False)

    def offers(self) -> list[Offer]:
        offers = [
            Offer("Export the ledger as CSV …", self.ask_export, "Ctrl+E", "ph.export"),
            Offer("Reconcile with the providers", self.reconcile, "", "ph.arrows-clockwise"),
        ]
        if self.viewmodel.failed:
            offers.append(Offer("Send failed payments again …", self.ask_retry, "", "ph.arrow-clockwise"))
        return offers

    def search_field(self) -> SearchField | None:
        return self.panes[self.tabs.current()].search

    def show_tab(self, key: str) -> None:
        """Show the ledger or a table of totals, made on its first visit."""
        if key not in self.panes:
            pane = self._ledger() if key == "payments" else self._totals(next(by for by in get_args(By) if by == key))
            self.panes[key] = pane
            self._stack.addWidget(pane)
            pane.model.refresh()
        self.tabs.setCurrent(key)
        self._stack.setCurrentWidget(self.panes[key])
        self.setFocusProxy(self.panes[key].view)

    def reconcile(self) -> None:
        """Ask the providers about what is not certain. Nothing is paid twice by it."""
        self.errands.run(self.viewmodel.reconcile)

    def ask_retry(self, payment_ids: list[int] | None = None) -> None:
        """Say how many and how much, then send again what failed for certain."""

        def ask(sums: Any) -> None:
            failed = [one for one in sums if one.state == "failed"]
            count = sum(one.payments for one in failed)
            if not count:
                self.desktop.toasts.say(
                    "None of these failed for certain. Reconcile asks about what is unknown.", "warn"
                )
                return
            note = "They failed for certain, so nothing is paid twice. What is unknown is asked about first: reconcile."
            sheet = ConfirmSheet("Send failed payments again", "Send again", note)
            sheet.setPreview(f"{count_of(count, 'payment')}, {sum_words(failed)}")
            self.errands.confirm(sheet, lambda: (self.viewmodel.retry, (payment_ids,)))

        self.errands.run(self.viewmodel.sums_of, payment_ids, then=ask)

    def ask_call_off(self, payment_ids: list[int]) -> None:
        """Say how many and how much, then call off what no provider has."""

        def ask(sums: Any) -> None:
            void = [one for one in sums if one.state in ("failed", "intended")]
            count = sum(one.payments for one in void)
            if not count:
                self.desktop.toasts.say("The provider has these already; they cannot be called off.", "warn")
                return
            sheet = ConfirmSheet("Call payments off", "Call off", "The workers will not get this money.", "danger")
            sheet.setPreview(f"{count_of(count, 'payment')}, {sum_words(void)}", "warn")
            self.errands.confirm(sheet, lambda: (self.viewmodel.call_off, (payment_ids,)))

        self.errands.run(self.viewmodel.sums_of, payment_ids, then=ask)

    def ask_export(self) -> None:
        """Ask where to write the ledger."""
        dialog = FileDialog(self, "Export the ledger")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(FileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("csv")
        dialog.selectFile("ledger.csv")
        dialog.fileSelected.connect(lambda path: self.viewmodel.export(Path(path)))
        dialog.open()

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        header = PageHeader("Payments")
        self.retry_button = Button("Send failed again …")
        self.retry_button.clicked.connect(lambda: self.ask_retry())
        self.reconcile_button = Button("Reconcile")
        self.reconcile_button.setToolTip("Ask the providers about payments whose outcome is not known")
        self.reconcile_button.clicked.connect(self.reconcile)
        self.export_button = Button("Export CSV …", "primary", keys="Ctrl E")
        self.export_button.clicked.connect(self.ask_export)
        for button in (self.retry_button, self.reconcile_button, self.export_button):
            header.buttons.addWidget(button)
        self.retry_button.hide()
        layout.addWidget(header)
        self.tiles = StatStrip({"settled": "Settled", "waiting": "Waiting", "failed": "Failed", "unknown": "Unknown"})
        strip = QVBoxLayout()
        strip.setContentsMargins(20, 0, 20, 8)
        strip.addWidget(self.tiles)
        layout.addLayout(strip)
        self.tabs = SectionTabs(_TABS)
        self.tabs.changed.connect(self.show_tab)
        layout.addWidget(self.tabs)
        layout.addLayout(self._stack, 1)

    def _show(self) -> None:
        for key, tile in self.viewmodel.tiles().items():
            self.tiles.tile(key).setFigure(tile.figure, tile.note, tile.parts)
        failed = self.viewmodel.failed
        self.retry_button.setText(f"Send {digits(failed)} failed again …")
        self.retry_button.updateGeometry()
        if self.retry_button.isVisibleTo(self) != bool(failed):
            self.retry_button.setVisible(bool(failed))
            self.offers_changed.emit()
        self.tabs.setCount("payments", sum(one.payments for one in self.viewmodel.sums))

    def _ledger(self) -> TablePane:
        empty = EmptyPanel(
            "ph.coin",
            "Nothing is owed yet",
            "Every approval and every bonus becomes a line of the ledger.",
            "Go to review",
        )
        empty.activated.connect(lambda: self.desktop.go("review"))
        model = shape_records(self.desktop, "payments", parent=self, widths=_WIDTHS, hidden=_HIDDEN)
        pane = self._pane("payments", model, "Filter payments", _CHIPS, "state", empty)
        pane.view.menu_asked.connect(self._open_menu)
        pane.view.opened.connect(self._open_row)
        return pane

    def _totals(self, by: By) -> TablePane:
        source = TotalsSource(self.desktop.store, by)
        model = RecordTableModel(source, parent=self)
        empty = EmptyPanel("ph.calculator", "No totals yet", "They are the sums of the ledger; nothing is in it yet.")
        pane = self._pane(f"totals.{by}", model, f"Filter by {by}", (), "name", empty)
        pane.view.opened.connect(lambda row_id: self._find(source.words_to_find(row_id)))
        return pane

    def _find(self, words: str) -> None:
        """Show the payments that a sum is made of, by the words that find them."""
        if words:
            self.show_tab("payments")
            self.panes["payments"].search.setText(words)

    def _pane(
        self,
        key: str,
        model: RecordTableModel,
        placeholder: str,
        chips: tuple[tuple[str, str], ...],
        column: str,
        empty: EmptyPanel,
    ) -> TablePane:
        desktop = self.desktop
        pane = TablePane(
            model,
            desktop.ui_state,
            key,
            desktop.toasts,
            desktop.background,
            placeholder=placeholder,
            chips=chips,
            chip_column=column,
            empty=empty,
            saved_views=key == "payments",
        )
        model.setParent(pane)
        Following(desktop, model, pane)
        return pane

    def _open_menu(self, place: QPoint) -> None:
        pane = self.panes["payments"]
        ids = list(pane.view.selected_ids())
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Send again …").triggered.connect(lambda: self.ask_retry(ids))
        menu.addAction("Call off …").triggered.connect(lambda: self.ask_call_off(ids))
        menu.addSeparator()
        if len(ids) == 1:
            menu.addAction("Show the worker").triggered.connect(lambda: self._open_row(ids[0]))
        menu.addAction("Copy\tCtrl+C").triggered.connect(pane.copy)
        menu.popup(place)

    def _open_row(self, payment_id: int) -> None:
        pane = self.panes["payments"]
        row = pane.model.row_of(payment_id)
        if row is not None:
            self.desktop.go("workers", name=pane.model.value(row, "worker"))
