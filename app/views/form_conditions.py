"""The editor of a condition: when a part of a form is shown."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from app.viewmodels.form_properties import (
    OPERATOR_WORDS,
    Row,
    condition_of,
    condition_rows,
    condition_text,
    operators_for,
)
from app.views.launch_editors import ChoiceEditor, LineEditor, TextEditor
from app.views.widgets.buttons import Button, IconButton
from app.views.widgets.labels import label

_YES_NO = (("yes", "yes"), ("no", "no"))
_WORDS = (("all", "When all of these hold"), ("any", "When any of these holds"))


class _TestRow(QWidget):
    """One test: a field, how it is compared, and with what."""

    edited = Signal()
    shape_changed = Signal()
    removed = Signal()

    def __init__(self, row: Row, fields: Mapping[str, tuple[str, bool]]) -> None:
        super().__init__()
        field, operator, text = row
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        self.field = ChoiceEditor(tuple((name, name) for name in fields))
        self.field.setValue(field)
        kind, multiple = fields.get(field, ("input", False))
        operators = operators_for(kind, multiple)
        self.operator = ChoiceEditor(tuple((name, OPERATOR_WORDS[name]) for name in operators))
        self.operator.setValue(operator)
        self.wanted: ChoiceEditor | LineEditor = ChoiceEditor(_YES_NO) if operator == "filled" else LineEditor()
        self.wanted.setValue(text)
        remove = IconButton("ph.x", "Take this condition out")
        remove.clicked.connect(self.removed)
        names = ((self.field, "Field"), (self.operator, "Comparison"), (self.wanted, "Value"))
        for editor, name in names:
            editor.setAccessibleName(name)
            editor.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            layout.addWidget(editor, 1)
        layout.addWidget(remove)
        self.field.edited.connect(self.shape_changed)
        self.operator.edited.connect(self.shape_changed)
        self.wanted.edited.connect(self.edited)

    def row(self) -> Row:
        """The test as it stands."""
        return str(self.field.value()), str(self.operator.value()), str(self.wanted.value())


class ConditionEditor(QWidget):
    """Tests with "all" or "any"; what is more than that is edited as JSON."""

    edited = Signal()

    def __init__(self, fields: Sequence[Mapping[str, Any]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._fields = {
            str(field["name"]): (str(field.get("type")), bool(field.get("multiple")))
            for field in fields
            if field.get("name")
        }
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(6)
        self._word = "all"
        self._rows: list[_TestRow] = []
        self._text: TextEditor | None = None

    def value(self) -> Any:
        """The condition, None for none; a text where its JSON is none."""
        if self._text is not None:
            text = self._text.value()
            try:
                return json.loads(text) if text else None
            except (ValueError, RecursionError):
                return text
        kinds = {name: kind for name, (kind, _) in self._fields.items()}
        return condition_of(self._word, [row.row() for row in self._rows], kinds)

    def setValue(self, value: Any) -> None:
        """Show a condition."""
        found = condition_rows(value)
        if found is None:
            self._clear()
            self._text = TextEditor(4)
            self._text.setValue(value if isinstance(value, str) else condition_text(value))
            self._text.setAccessibleName("Condition as JSON")
            self._text.edited.connect(self.edited)
            self._layout.addWidget(self._text)
            self._layout.addWidget(label("More than a list of tests: edited as JSON.", "small", "faint", wrap=True))
        else:
            self._word = found[0]
            self._lay_out(found[1])

    def _lay_out(self, rows: Sequence[Row]) -> None:
        self._clear()
        self._rows = [_TestRow(row, self._fields) for row in rows]
        if len(rows) > 1 or self._word == "any":
            word = ChoiceEditor(_WORDS)
            word.setValue(self._word)
            word.setAccessibleName("How the conditions go together")
            word.edited.connect(lambda: self._take_word(str(word.value())))
            self._layout.addWidget(word)
        for row in self._rows:
            row.edited.connect(self.edited)
            row.shape_changed.connect(self._reshape)
            row.removed.connect(lambda gone=row: self._remove(gone))
            self._layout.addWidget(row)
        words = "Add a condition" if rows else "Show it only when …"
        add = Button(words if self._fields else "Always: no field stands before it", "quiet", icon="ph.plus")
        add.setEnabled(bool(self._fields))
        add.clicked.connect(self._add)
        self._layout.addWidget(add)

    def _clear(self) -> None:
        self._text, self._rows = None, []
        while (item := self._layout.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()

    def _add(self) -> None:
        name = list(self._fields)[-1]
        operator = operators_for(*self._fields[name])[0]
        self._change([*(row.row() for row in self._rows), (name, operator, "yes" if operator == "filled" else "")])
        self._rows[-1].field.setFocus()

    def _remove(self, gone: _TestRow) -> None:
        self._change([row.row() for row in self._rows if row is not gone])

    def _reshape(self) -> None:
        rows = [row.row() for row in self._rows]
        fitting = []
        for field, operator, text in rows:
            allowed = operators_for(*self._fields.get(field, ("input", False)))
            chosen = operator if operator in allowed else allowed[0]
            fitting.append((field, chosen, text if (chosen == "filled") == (text in ("yes", "no")) else ""))
        fitting = [(field, one, (text or "yes") if one == "filled" else text) for field, one, text in fitting]
        # not now: the list that was clicked is still at work
        QTimer.singleShot(0, self, lambda: self._change(fitting))

    def _change(self, rows: Sequence[Row]) -> None:
        self._lay_out(rows)
        self.edited.emit()

    def _take_word(self, word: str) -> None:
        self._word = word
        self.edited.emit()
