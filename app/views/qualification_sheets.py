"""The sheets of qualifications: make one, describe it, grant it by names or by a file, what came of a file."""

from __future__ import annotations

import re
from collections.abc import Sequence

from PySide6.QtWidgets import QLineEdit, QPlainTextEdit, QSpinBox

from app.viewmodels.formats import count_of
from app.views.action_sheets import text_area
from app.views.file_sheet import FileSheet
from app.views.sheet import Sheet
from app.views.widgets.fields import FormField


class NewQualificationSheet(Sheet):
    """A name and what it means."""

    def __init__(self, taken: Sequence[str]) -> None:
        super().__init__("New qualification", "Make it", note="Something that workers can be known for.")
        self._taken = {name.casefold() for name in taken}
        self.name_edit = QLineEdit()
        self.name_edit.setMaxLength(120)
        self.name_edit.setPlaceholderText("chest-reader")
        self.name_field = FormField("Name", self.name_edit, "Task files ask for it by this name.")
        self.text_area = text_area("What holding it means, and the values it can have", 3)
        self.body.addWidget(self.name_field)
        self.body.addWidget(FormField("Description", self.text_area))
        self.name_edit.textChanged.connect(self._check)
        self._check()

    def name(self) -> str:
        """The name as typed, without blanks around it."""
        return self.name_edit.text().strip()

    def description(self) -> str:
        """The description as typed."""
        return self.text_area.toPlainText().strip()

    def _check(self) -> None:
        taken = self.name().casefold() in self._taken
        self.name_field.setError("There is a qualification of this name." if taken else "")
        self.setReady(bool(self.name()) and not taken)


class DescribeSheet(Sheet):
    """What a qualification means."""

    def __init__(self, name: str, description: str) -> None:
        super().__init__(f"Describe “{name}”", "Save")
        self.text_area = text_area("What holding it means, and the values it can have", 5)
        self.text_area.setPlainText(description)
        self.body.addWidget(FormField("Description", self.text_area))

    def description(self) -> str:
        """The description as typed."""
        return self.text_area.toPlainText().strip()


class GrantNamesSheet(Sheet):
    """Names of workers, one a line or with commas, and the value they get."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Grant “{name}”", "Grant")
        self.names_area = text_area("mira.k\nt.oduya", 6)
        self.value_spin = QSpinBox()
        self.value_spin.setRange(-1_000_000, 1_000_000)
        self.value_spin.setValue(1)
        self.body.addWidget(FormField("Workers", self.names_area, "One name a line, or separated by commas."))
        self.body.addWidget(FormField("Value", self.value_spin, "1 for passed, 0 for failed, or a score of yours."))
        self.names_area.textChanged.connect(self._check)
        self._check()

    def workers(self) -> list[str]:
        """The names as typed, each once."""
        parts = re.split(r"[,;\n]", self.names_area.toPlainText())
        return list(dict.fromkeys(part.strip() for part in parts if part.strip()))

    def value(self) -> int:
        """The value to grant."""
        return self.value_spin.value()

    def _check(self) -> None:
        count = len(self.workers())
        self.setPreview(count_of(count, "worker") if count else "")
        self.setReady(bool(count))


class GrantFileSheet(FileSheet):
    """A CSV file of workers and values."""

    def __init__(self, name: str) -> None:
        note = (
            "A table with the column worker_name and, if you like, value (1 when it is left out). Rows that cannot be "
            "used are told with their line; all others are granted."
        )
        super().__init__(f"Grant “{name}” from a file", "Grant", note, "CSV file", "workers.csv")
        self.asks("Workers to grant to", "Tables (*.csv *.tsv *.txt)")


class OutcomeSheet(Sheet):
    """What came of a file: how many rows were used, and the others with their line and reason."""

    def __init__(self, granted: int, problems: Sequence[tuple[int, str]]) -> None:
        super().__init__(f"{count_of(granted, 'worker')} granted", "Done")
        self.cancel_button.hide()
        self.list = QPlainTextEdit("\n".join(f"Line {line}: {words}" if line else words for line, words in problems))
        self.list.setReadOnly(True)
        self.list.setFixedHeight(180)
        self.body.addWidget(FormField(f"{count_of(len(problems), 'row')} left out", self.list))
        self.confirmed.connect(self.finish)
