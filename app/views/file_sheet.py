"""A sheet that asks for a file, typed or chosen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QWidget

from app.views.sheet import Sheet
from app.views.widgets.buttons import Button
from app.views.widgets.fields import FormField
from app.views.widgets.file_dialog import FileDialog


class FileRow(QWidget):
    """A path that is typed or chosen. `choose` opens the file dialog and calls back with a path."""

    def __init__(self, placeholder: str, choose: Callable[[Callable[[str], None]], None]) -> None:
        super().__init__()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        self.edit = QLineEdit()
        self.edit.setPlaceholderText(placeholder)
        layout.addWidget(self.edit, 1)
        self.button = Button("Choose …")
        self.button.clicked.connect(lambda: choose(self.edit.setText))
        layout.addWidget(self.button)
        self.setFocusProxy(self.edit)


class FileSheet(Sheet):
    """One file that has to be there. `asks` says what the system's dialog is called and which files it shows."""

    def __init__(self, title: str, confirm: str, note: str, words: str, placeholder: str) -> None:
        super().__init__(title, confirm, note=note)
        self._title, self._kinds = words, ""
        self.row = FileRow(placeholder, self._choose)
        self.field = FormField(words, self.row)
        self.body.addWidget(self.field)
        self.row.edit.textChanged.connect(self._check)
        self._check()

    def asks(self, title: str, kinds: str) -> None:
        """The title of the dialog; `kinds` as Qt writes them: "Tables (*.csv *.tsv)"."""
        self._title, self._kinds = title, kinds

    def path(self) -> Path:
        """The file."""
        return Path(self.row.edit.text().strip()).expanduser()

    def _choose(self, chosen: Callable[[str], None]) -> None:
        dialog = FileDialog(self, self._title)
        dialog.setFileMode(FileDialog.FileMode.ExistingFile)
        dialog.setNameFilter(self._kinds)
        dialog.fileSelected.connect(chosen)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _check(self) -> None:
        typed = bool(self.row.edit.text().strip())
        missing = typed and not self.path().is_file()
        self.field.setError(f"There is no file {self.path()}." if missing else "")
        self.setReady(typed and not missing)
