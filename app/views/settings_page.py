"""Settings: the look, money and decisions, the pages that are served, where the data is, accounts, keys."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import Any

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QRadioButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.viewmodels.desktop import Desktop
from app.viewmodels.preferences import PreferencesViewModel
from app.views import theme
from app.views.page import Offer, Page
from app.views.widgets.buttons import Button
from app.views.widgets.cards import Card, KeyValueGrid
from app.views.widgets.fields import FormField
from app.views.widgets.headers import PageHeader
from app.views.widgets.labels import KeyCap, label
from app.views.widgets.panels import Banner

WIDTH = 760
KEYS = (
    ("Command palette: every action, every object", "Ctrl K"),
    ("Filter the table in view", "Ctrl F"),
    ("Undo what was done last, while a message offers it", "Ctrl Z"),
    ("Go to a place", "Ctrl 1 … 8"),
    ("Collapse the sidebar", "Ctrl B"),
    ("Show or hide the inspector", "Ctrl I"),
    ("Select all rows of the filter", "Ctrl A"),
    ("Copy the selected rows", "Ctrl C"),
    ("Review: approve, soft-reject, reject, bonus", "A S R B"),
    ("Review: next, previous, undo, flag", "J K U X"),
    ("Close Crowdesk", "Ctrl Q"),
)


class SettingsPage(Page):
    """Every change is taken at once, checked, and saved."""

    def __init__(self, desktop: Desktop) -> None:
        super().__init__()
        self._desktop = desktop
        self.model = PreferencesViewModel(desktop.settings, desktop.store, desktop.vault, self)
        self.fields: dict[str, FormField] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(PageHeader("Settings"))
        self.banner = Banner()
        layout.addWidget(self.banner)
        area = QScrollArea()
        area.setObjectName("clear")
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(20, 4, 20, 20)
        column.setSpacing(12)
        for card in (self._look(), self._money(), self._serving(), self._data(), self._accounts(), self._keys()):
            card.setMaximumWidth(WIDTH)
            column.addWidget(card)
        column.addStretch(1)
        area.setWidget(body)
        body.setAutoFillBackground(False)
        layout.addWidget(area, 1)
        self.model.failed.connect(lambda sentence: self.banner.say(sentence, "bad"))
        self.model.saved.connect(self.banner.hide)
        self.model.tested.connect(partial(self._show_test, self.test_line))

    def offers(self) -> list[Offer]:
        return [
            Offer(f"Theme: {words}", partial(self._choose_theme, name), icon="ph.palette", detail="Settings")
            for name, words in (("light", "light"), ("dark", "dark"), ("system", "as the system"))
        ] + [
            Offer("Test the database", self.model.test_database, icon="ph.database", detail="Settings"),
            Offer("Test the place of secrets", self.model.test_vault, icon="ph.key", detail="Settings"),
        ]

    def _look(self) -> Card:
        card = Card("Theme")
        line = QHBoxLayout()
        line.setSpacing(20)
        self._themes = QButtonGroup(self)
        self._theme_buttons: dict[str, QRadioButton] = {}
        for name, words in (("system", "As the system"), ("light", "Light"), ("dark", "Dark")):
            button = QRadioButton(words)
            button.setChecked(self.model.value("theme") == name)
            button.toggled.connect(partial(self._theme_toggled, name))
            self._themes.addButton(button)
            self._theme_buttons[name] = button
            line.addWidget(button)
        line.addStretch(1)
        card.body.addLayout(line)
        return card

    def _money(self) -> Card:
        card = Card("Money and decisions")
        card.body.addLayout(self._grid("currency", "pay_per_hour_floor", "undo_seconds", "author"))
        return card

    def _serving(self) -> Card:
        card = Card("Pages for workers")
        spec = self.model.specs()["lan"]
        self.lan = QCheckBox(spec.meta.help)
        self.lan.setChecked(bool(self.model.value("lan")))
        self.lan.toggled.connect(lambda on: self._set("lan", on))
        card.body.addWidget(self.lan)
        card.body.addLayout(self._grid("json_body_limit_mib", "upload_limit_mib"))
        card.body.addWidget(label("Runs that are launched from now on take these.", "small", "faint"))
        return card

    def _data(self) -> Card:
        card = Card("Data")
        rows = KeyValueGrid()
        rows.setRows(list(self.model.places()))
        card.body.addWidget(rows)
        self.test_line = label("", "small", wrap=True)
        self.test_line.hide()
        card.body.addWidget(self.test_line)
        buttons = QHBoxLayout()
        self.test_button = Button("Test the database", icon="ph.database")
        self.test_button.clicked.connect(self.model.test_database)
        folder = Button("Open the data folder", icon="ph.folder-open")
        folder.clicked.connect(self._open_folder)
        buttons.addWidget(self.test_button)
        buttons.addWidget(folder)
        buttons.addStretch(1)
        card.body.addLayout(buttons)
        card.body.addWidget(
            label(
                "Another folder or database is named at the start: --data-dir, or the environment's "
                "CROWDESK_DATA_DIR and CROWDESK_DATABASE_URL.",
                "small",
                "faint",
                wrap=True,
            )
        )
        return card

    def _accounts(self) -> Card:
        card = Card("Accounts")
        card.body.addWidget(label("In-house", "strong"))
        card.body.addWidget(label("Your own people, by signed links. No account, no balance needed.", tone="dim"))
        card.body.addWidget(label(self.model.vault_words(), "small", "faint", wrap=True))
        self.vault_line = label("", "small", wrap=True)
        self.vault_line.hide()
        card.body.addWidget(self.vault_line)
        self.vault_button = Button("Test the place of secrets", icon="ph.key")
        self.vault_button.clicked.connect(self.model.test_vault)
        card.body.addWidget(self.vault_button, 0, Qt.AlignmentFlag.AlignLeft)
        self.model.vault_tested.connect(partial(self._show_test, self.vault_line))
        return card

    def _keys(self) -> Card:
        card = Card("Keys")
        grid = QGridLayout()
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(0, 1)
        for row, (words, keys) in enumerate(KEYS):
            grid.addWidget(label(words), row, 0)
            grid.addWidget(KeyCap(keys), row, 1, Qt.AlignmentFlag.AlignRight)
        card.body.addLayout(grid)
        return card

    def _grid(self, *names: str) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(10)
        for place, name in enumerate(names):
            spec = self.model.specs()[name]
            editor = QLineEdit(_words(self.model.value(name)))
            unit = f", {spec.meta.unit}" if spec.meta.unit else ""
            field = FormField(spec.label + unit, editor, spec.meta.help)
            editor.editingFinished.connect(lambda name=name, editor=editor: self._set(name, editor.text()))
            self.fields[name] = field
            grid.addWidget(field, place // 2, place % 2)
            grid.setColumnStretch(place % 2, 1)
        return grid

    def _set(self, name: str, value: Any) -> None:
        problem = self.model.set_value(name, value)
        field = self.fields.get(name)
        if field is not None:
            field.setError(problem[:1].upper() + problem[1:])
            if not problem and isinstance(field.editor, QLineEdit):
                field.editor.setText(_words(self.model.value(name)))
        if not problem and name == "theme":
            self._desktop.theme_chosen.emit(str(value))

    def _theme_toggled(self, name: str, on: bool) -> None:
        if on:
            self._set("theme", name)

    def _choose_theme(self, name: str) -> None:
        self._theme_buttons[name].setChecked(True)

    @staticmethod
    def _show_test(line: QLabel, tone: str, sentence: str) -> None:
        theme.set_property(line, "tone", tone)
        line.setText(sentence)
        line.show()

    def _open_folder(self) -> None:
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.model.data_dir))):
            self.banner.say(f"No program of this system opens folders. The data is in {self.model.data_dir}.", "warn")


def _words(value: Any) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
