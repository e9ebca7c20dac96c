"""Editors of the launch form: one widget per kind of value. Each has `edited`, `value()` and `setValue()`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from PySide6.QtCore import Qt, Signal, SignalInstance
from PySide6.QtGui import QAction, QFocusEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QWidget,
)

from app.viewmodels.launch_form import Editor, FieldSpec, parts_of, span_seconds, span_text
from app.views import theme
from app.views.widgets.file_dialog import FileDialog

_MOST_LINES = 8


class FieldEditor(Protocol):
    """What the form asks of an editor. `edited` carries nothing; the value is read with `value()`."""

    edited: SignalInstance

    def value(self) -> Any: ...

    def setValue(self, value: Any) -> None: ...


class LineEditor(QLineEdit):
    """One line: a text, a number, money with its sign before it, a quantity with its unit behind."""

    edited = Signal()

    def __init__(self, prefix: str = "", suffix: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._prefix, self._suffix = prefix, suffix
        self._set_margins()
        self.textEdited.connect(lambda _text: self.edited.emit())

    def value(self) -> Any:
        """The text as typed, without blanks around it."""
        return self.text().strip()

    def setValue(self, value: Any) -> None:
        """Show a value; None and an unset argument show an empty field."""
        text = "" if value is None else str(value)
        if text != self.text().strip():
            self.setText(text)

    def setPrefix(self, prefix: str) -> None:
        """The sign before the value (a currency)."""
        self._prefix = prefix
        self._set_margins()
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not (self._prefix or self._suffix):
            return
        painter = QPainter(self)
        painter.setPen(theme.current().color("dim" if self.isEnabled() else "faint"))
        box = self.rect().adjusted(11, 0, -11, 0)
        middle = Qt.AlignmentFlag.AlignVCenter
        if self._prefix:
            painter.drawText(box, int(middle | Qt.AlignmentFlag.AlignLeft), self._prefix)
        if self._suffix:
            painter.drawText(box, int(middle | Qt.AlignmentFlag.AlignRight), self._suffix)

    def _set_margins(self) -> None:
        width = self.fontMetrics().horizontalAdvance
        left = width(self._prefix) + 4 if self._prefix else 0
        self.setTextMargins(left, 0, width(self._suffix) + 6 if self._suffix else 0, 0)


class SpanEditor(LineEditor):
    """Seconds, written as people do: "30 min", "2 days". What is no span of time is handed on as it was typed."""

    def value(self) -> Any:
        """Whole seconds, or the text when it is no span."""
        seconds = span_seconds(self.text())
        return self.text().strip() if seconds is None else seconds

    def setValue(self, value: Any) -> None:
        if value == self.value() and self.text():
            return
        self.setText(span_text(value) if isinstance(value, int) else "" if value is None else str(value))

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        if isinstance(seconds := self.value(), int):
            self.setText(span_text(seconds))


class ListEditor(LineEditor):
    """A list of short texts, with commas between."""

    def value(self) -> Any:
        return [part.strip() for part in self.text().split(",") if part.strip()]

    def setValue(self, value: Any) -> None:
        parts = parts_of(value)
        if parts != self.value():
            self.setText(", ".join(parts))


class TextEditor(QPlainTextEdit):
    """Several lines of text, as high as they need within bounds; Tab leaves the field."""

    edited = Signal()

    def __init__(self, lines: int = 2, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTabChangesFocus(True)
        self._least = lines
        self._loading = False
        self._fit()
        self.textChanged.connect(self._changed)

    def value(self) -> Any:
        return self.toPlainText().strip()

    def setValue(self, value: Any) -> None:
        text = "" if value is None else str(value)
        if text == self.value():
            return
        self._loading = True
        self.setPlainText(text)
        self._loading = False

    def _fit(self) -> None:
        lines = min(max(self._least, self.document().blockCount()), _MOST_LINES)
        self.setFixedHeight(lines * self.fontMetrics().lineSpacing() + 18)

    def _changed(self) -> None:
        self._fit()
        if not self._loading:
            self.edited.emit()


class MappingEditor(TextEditor):
    """Names and values, one `name: value` a line. Lines that are neither are handed on as text."""

    def value(self) -> Any:
        made: dict[str, Any] = {}
        for line in self.toPlainText().splitlines():
            name, colon, value = line.partition(":")
            if not line.strip():
                continue
            if not colon or not name.strip():
                return self.toPlainText()
            made[name.strip()] = value.strip()
        return made

    def setValue(self, value: Any) -> None:
        if value == self.value():
            return
        pairs = value.items() if isinstance(value, Mapping) else ()
        super().setValue("\n".join(f"{name}: {one}" for name, one in pairs) if pairs or not value else str(value))


class ChoiceEditor(QComboBox):
    """One of a few words."""

    edited = Signal()

    def __init__(self, choices: tuple[tuple[str, str], ...], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        for value, words in choices:
            self.addItem(words, value)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(6)
        self.activated.connect(lambda _index: self.edited.emit())

    def value(self) -> Any:
        return self.currentData()

    def setValue(self, value: Any) -> None:
        index = self.findData(str(value))
        if index < 0 and value is not None:  # a value that a file brought and that is none of the choices
            self.addItem(str(value), str(value))
            index = self.count() - 1
        self.setCurrentIndex(index)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """The wheel scrolls the page and changes nothing on its way."""
        event.ignore()


class FlagEditor(QCheckBox):
    """Yes or no."""

    edited = Signal()

    def __init__(self, words: str, parent: QWidget | None = None) -> None:
        super().__init__(words, parent)
        self.clicked.connect(lambda _on: self.edited.emit())

    def value(self) -> Any:
        return self.isChecked()

    def setValue(self, value: Any) -> None:
        self.setChecked(value is True or str(value).lower() == "true")


class PathEditor(LineEditor):
    """A file or folder: typed, or chosen in a dialog (its button, or Alt+Down). Shown relative to the base folder."""

    def __init__(self, *, folder: bool, base_dir: Path, words: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self._folder, self._base_dir, self._words = folder, base_dir, words
        self._choose = QAction("Choose a folder…" if folder else "Choose a file…", self)
        self._choose.setShortcut("Alt+Down")
        self._choose.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        self._choose.triggered.connect(self.choose)
        self.addAction(self._choose, QLineEdit.ActionPosition.TrailingPosition)
        self.setPlaceholderText("Choose a folder" if folder else "Choose a file")
        self._restyle()
        theme.current().changed.connect(self._restyle)

    def choose(self) -> FileDialog:
        """Open the dialog; the choice lands in the field."""
        dialog = FileDialog(self, f"{self._words or 'Choose'}", str(self._start()))
        dialog.setFileMode(FileDialog.FileMode.Directory if self._folder else FileDialog.FileMode.ExistingFile)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.take)
        dialog.open()
        return dialog

    def take(self, path: str) -> None:
        """Take a chosen path, relative to the base folder where it lies in it."""
        chosen = Path(path)
        shown = chosen.relative_to(self._base_dir) if chosen.is_relative_to(self._base_dir) else chosen
        self.setText(str(shown))
        self.edited.emit()

    def _start(self) -> Path:
        there = self._base_dir / self.text().strip()
        return there if there.exists() else self._base_dir

    def _restyle(self) -> None:
        self._choose.setIcon(theme.current().icon("ph.folder-open", "dim"))


class FilesEditor(PathEditor):
    """Several files, with commas between."""

    def value(self) -> Any:
        return [part.strip() for part in self.text().split(",") if part.strip()]

    def setValue(self, value: Any) -> None:
        parts = parts_of(value)
        if parts != self.value():
            self.setText(", ".join(parts))

    def take(self, path: str) -> None:
        """Add a chosen file."""
        before = self.text().strip()
        super().take(path)
        if before:
            self.setText(f"{before}, {self.text()}")
            self.edited.emit()


def make_line(spec: FieldSpec, base_dir: Path, currency_sign: str) -> Any:
    """The editor of a field, all but chips and requirements (see `launch_chips`)."""
    editor: Any
    match spec.editor:
        case Editor.MONEY:
            editor = LineEditor(prefix=currency_sign)
        case Editor.SECONDS:
            editor = SpanEditor()
        case Editor.LONG_TEXT:
            editor = TextEditor()
        case Editor.MAPPING:
            editor = MappingEditor()
        case Editor.CHOICE:
            editor = ChoiceEditor(spec.choices)
        case Editor.FLAG:
            editor = FlagEditor(spec.label)
        case Editor.FILE | Editor.FOLDER | Editor.FORM:
            editor = PathEditor(folder=spec.editor is Editor.FOLDER, base_dir=base_dir, words=spec.label)
        case Editor.FILES:
            editor = FilesEditor(folder=False, base_dir=base_dir, words=spec.label)
        case Editor.LIST:
            editor = ListEditor()
        case _:
            editor = LineEditor(suffix=spec.unit)
    return editor
