"""The sheets of a run: stop it, expire what is open, raise its budget, add units, export, a link for one person."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from pathlib import Path

from PySide6.QtCore import QUrl, Signal
from PySide6.QtWidgets import QButtonGroup, QLineEdit, QRadioButton, QSpinBox

from app.viewmodels.formats import count_of, money
from app.views.file_sheet import FileRow, FileSheet
from app.views.sheet import Sheet
from app.views.widgets.fields import FormField
from app.views.widgets.file_dialog import FileDialog
from app.views.widgets.labels import label

EXPORT_FORMATS = (
    ("jsonl", "JSON lines", "One line per submission: shown, answered, decided."),
    ("csv", "CSV", "One row per submission, a column per answer, for a spreadsheet."),
    ("mephisto", "Mephisto folders", "agent_data.json files in the folders that Mephisto's tools read."),
)
_SUFFIX = {"jsonl": ".jsonl", "csv": ".csv", "mephisto": ""}


class StopSheet(Sheet):
    """What stopping means, before it is done."""

    def __init__(self, title: str, at_work: int, open_units: int, waiting: int) -> None:
        super().__init__(f"Stop “{title}”?", "Stop run", "danger")
        for mark in _stop_lines(at_work, open_units, waiting):
            self.body.addWidget(label(mark, "body", wrap=True))
        self.setPreview("Pausing instead keeps the units: those at work finish, nobody new comes.", "dim")


class ExpireSheet(Sheet):
    """What expiring the open units means, before it is done."""

    def __init__(self, open_units: int, at_work: int) -> None:
        super().__init__("Expire open units", "Expire", "danger")
        units = count_of(open_units, "unit")
        self.body.addWidget(label(f"{units} that nobody has taken will not be offered any more.", wrap=True))
        if at_work:
            words = f"{count_of(at_work, 'unit')} at work now: they may still be handed in."
            self.body.addWidget(label(words, "body", "dim", wrap=True))
        self.setPreview("Expired units can be launched again from the table of units.", "dim")
        self.setReady(open_units > 0)


class BudgetSheet(Sheet):
    """The cap on what a run may cost; empty for none."""

    def __init__(self, budget: Decimal | None, spent: Decimal, currency: str) -> None:
        super().__init__("Budget of this run", "Set budget", note=f"Spent so far: {money(spent, currency)}.")
        self._spent, self._currency = spent, currency
        self.amount_edit = QLineEdit("" if budget is None else f"{budget:.2f}")
        self.amount_edit.setPlaceholderText("no cap")
        self.amount_edit.setMaxLength(14)
        self.amount_field = FormField(
            f"Cap in {currency}", self.amount_edit, "Reaching it pauses the run. Empty: no cap."
        )
        self.body.addWidget(self.amount_field)
        self.amount_edit.textChanged.connect(self._check)
        self.amount_edit.selectAll()
        self._check()

    def budget(self) -> Decimal | None:
        """The cap as typed; None for no cap. Ask only when the sheet was confirmed."""
        text = self.amount_edit.text().strip()
        return Decimal(text.replace(",", ".")) if text else None

    def _check(self) -> None:
        try:
            amount = self.budget()
        except InvalidOperation:
            amount = Decimal(-1)
        wrong = amount is not None and (not amount.is_finite() or amount < 0)
        self.amount_field.setError("An amount such as 300 or 300.50; empty for no cap." if wrong else "")
        if wrong or amount is None:
            self.setPreview("" if wrong else "The run will have no cap.", "dim")
        elif amount <= self._spent:
            self.setPreview("This is spent already: the run pauses at once.", "warn")
        else:
            self.setPreview(f"{money(amount - self._spent, self._currency)} are left to spend.")
        self.setReady(not wrong)


class PersonLinkSheet(Sheet):
    """A signed link that admits one person, by a name."""

    def __init__(self) -> None:
        super().__init__("Entry link for one person", "Copy link", note="It admits this person and nobody else.")
        self.name_edit = QLineEdit()
        self.name_edit.setMaxLength(80)
        self.name_edit.setPlaceholderText("mira.k")
        self.days_spin = QSpinBox()
        self.days_spin.setRange(1, 365)
        self.days_spin.setValue(31)
        self.days_spin.setSuffix(" days")
        self.body.addWidget(FormField("Name of the person", self.name_edit, "As it will stand in your tables."))
        self.body.addWidget(FormField("Valid for", self.days_spin))
        self.name_edit.textChanged.connect(lambda: self.setReady(bool(self.name())))
        self.setReady(False)

    def name(self) -> str:
        """The name as typed, without blanks around it."""
        return self.name_edit.text().strip()

    def days(self) -> int:
        """For how many days the link is good."""
        return self.days_spin.value()


class ExportSheet(Sheet):
    """Where to write what was done, and how."""

    def __init__(self, folder: Path, stem: str, units: int) -> None:
        super().__init__("Export this run", "Export", note=f"{count_of(units, 'unit')}, with answers and decisions.")
        self._folder, self._stem, self._own_path = folder, stem, True
        self._formats = QButtonGroup(self)
        for number, (_kind, words, hint) in enumerate(EXPORT_FORMATS):
            choice = QRadioButton(words)
            choice.setAccessibleDescription(hint)
            self._formats.addButton(choice, number)
            self.body.addWidget(choice)
            note = label(hint, "small", "dim", wrap=True)
            note.setContentsMargins(24, 0, 0, 4)
            self.body.addWidget(note)
            choice.setChecked(number == 0)
        self.row = FileRow("Path", self._choose)
        self.field = FormField("Into", self.row)
        self.body.addWidget(self.field)
        self.row.edit.setText(str(self._proposed()))
        self.row.edit.textEdited.connect(self._typed)
        self._formats.idToggled.connect(self._format_changed)
        self._check()

    def kind(self) -> str:
        """The format: "jsonl", "csv" or "mephisto"."""
        return EXPORT_FORMATS[max(0, self._formats.checkedId())][0]

    def path(self) -> Path:
        """The file (or, for folders, the folder) to write."""
        return Path(self.row.edit.text().strip()).expanduser()

    def _proposed(self) -> Path:
        return self._folder / f"{self._stem}{_SUFFIX[self.kind()]}"

    def _typed(self) -> None:
        self._own_path = False
        self._check()

    def _format_changed(self) -> None:
        if self._own_path:
            self.row.edit.setText(str(self._proposed()))
        else:
            self.row.edit.setText(str(self.path().with_suffix(_SUFFIX[self.kind()])))
        self._check()

    def _choose(self, chosen: Callable[[str], None]) -> None:
        dialog = FileDialog(self, "Export this run")
        dialog.setAcceptMode(FileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(_SUFFIX[self.kind()].removeprefix("."))
        dialog.setDirectoryUrl(QUrl.fromLocalFile(str(self.path().parent)))
        dialog.selectFile(self.path().name)
        dialog.fileSelected.connect(chosen)
        dialog.fileSelected.connect(lambda _path: self._typed())
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _check(self) -> None:
        text = self.row.edit.text().strip()
        parent = self.path().parent
        wrong = "Where to? Give a path." if not text else "" if parent.is_dir() else f"There is no folder {parent}."
        self.field.setError(wrong)
        exists = bool(text) and not wrong and self.path().exists()
        if exists and self.path().is_dir() and (self.kind() != "mephisto" or any(self.path().iterdir())):
            wrong, exists = f"{self.path().name} is a folder with something in it. Name another place.", False
            self.field.setError(wrong)
        elif exists and self.path().is_file() and self.kind() == "mephisto":
            wrong, exists = f"{self.path().name} is a file. Name a folder that is not there yet.", False
            self.field.setError(wrong)
        replaced = exists and self.path().is_file()
        self.setPreview("The file is there already and will be replaced." if replaced else "", "warn")
        self.setReady(not wrong)


class AddUnitsSheet(FileSheet):
    """More rows of data for a run, from a file of the kind that it was launched with.

    `file_named(Path)`: a file that is there; what is in it is wanted by `show_found` or `refuse`.
    """

    file_named = Signal(object)

    def __init__(self, hint: str) -> None:
        super().__init__("Add units", "Add units", hint, "File with more rows", "rows.csv, rows.json or rows.jsonl")
        self.asks("File with more rows", "Rows (*.csv *.json *.jsonl)")
        self.row.edit.textChanged.connect(self._name)

    def show_found(self, words: str, left_out: str) -> None:
        """What the file that is named holds, and which rows of it would be left out."""
        self.setPreview(f"{words} {left_out}".strip(), "warn" if left_out else "")

    def refuse(self, sentence: str) -> None:
        """Nothing of the file that is named can be added."""
        self.setPreview("")
        self.field.setError(sentence)
        self.setReady(False)

    def _name(self) -> None:
        self.setPreview("")
        if self.path().is_file():
            self.file_named.emit(self.path())


def _stop_lines(at_work: int, open_units: int, waiting: int) -> list[str]:
    lines = []
    if at_work:
        lines.append(f"{count_of(at_work, 'worker')} at work now: what they have not handed in is lost to them.")
    lines.append(f"{count_of(open_units, 'open unit')} will expire." if open_units else "No unit is open.")
    lines.append(
        f"{count_of(waiting, 'unit')} handed in stay for review; nothing that was handed in is lost."
        if waiting
        else "Nothing that was handed in is lost."
    )
    return lines
