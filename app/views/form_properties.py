"""What is said of one part of a form: a field per property, what is wrong with it below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from app.viewmodels.form_designer import FormDesigner
from app.viewmodels.form_document import KINDS, Path, path_text, title_of
from app.viewmodels.form_properties import (
    Property,
    Shape,
    answer_of,
    answer_text,
    number_of,
    options_of,
    options_text,
    pattern_text,
    properties_of,
    type_choices,
)
from app.views.form_conditions import ConditionEditor
from app.views.launch_editors import ChoiceEditor, FlagEditor, LineEditor, ListEditor, TextEditor
from app.views.launch_steps import COLUMNS, FieldGrid
from app.views.widgets.fields import FormField
from app.views.widgets.labels import label

_WIDE = (Shape.LONG, Shape.OPTIONS, Shape.CONDITION)
_HALF = ("title", "label")


class PatternEditor(QWidget):
    """A regular expression and its flags."""

    edited = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        self.source, self.flags = LineEditor(), LineEditor()
        self.source.setAccessibleName("Pattern")
        self.flags.setAccessibleName("Flags of the pattern")
        self.flags.setToolTip("i: large and small letters are the same; m: each line; s: a point is any character")
        self.flags.setFixedWidth(64)
        layout.addWidget(self.source, 1)
        layout.addWidget(self.flags)
        self.setFocusProxy(self.source)
        for line in (self.source, self.flags):
            line.edited.connect(self.edited)

    def value(self) -> Any:
        """The pattern with its flags, or nothing."""
        source = self.source.text()
        return [source, self.flags.text().strip()] if source else ""

    def setValue(self, value: Any) -> None:
        """Show a pattern."""
        source, flags = pattern_text(value)
        self.source.setText(source)
        self.flags.setText(flags)


class FormProperties(QScrollArea):
    """The properties of the current part. What is typed goes to the model at once."""

    def __init__(self, model: FormDesigner, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._path: Path = ()
        self.fields: dict[str, FormField] = {}
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        model.checked.connect(lambda _faults: self._show_faults())

    @property
    def path(self) -> Path:
        """The part that is shown."""
        return self._path

    def show_path(self, path: Path) -> None:
        """Show a part, as it is now."""
        held = self._held() if path == self._path else ""
        place = self.verticalScrollBar().value() if path == self._path else 0
        self._path = path
        inner = QWidget()
        inner.setObjectName("page")
        column = QVBoxLayout(inner)
        column.setContentsMargins(20, 14, 20, 20)
        column.setSpacing(12)
        node, kind = self._model.document.node(path), KINDS[len(path)]
        column.addWidget(label(title_of(node, kind), "section", wrap=True))
        self.fields = {}
        grid = FieldGrid()
        for line in properties_of(kind, node):
            field = self._field(line, node)
            self.fields[line.key] = field
            wide = line.shape in _WIDE
            grid.add(field, COLUMNS if wide else 2 if line.key in _HALF else 1)
        column.addWidget(grid)
        column.addStretch(1)
        self.setWidget(inner)
        self._order_tabs(inner)
        self._show_faults()
        self.verticalScrollBar().setValue(place)
        if held in self.fields:
            self.fields[held].editor.setFocus()

    def focus_first(self) -> None:
        """Put the cursor into what names the part."""
        for key in ("label", "title", *self.fields):
            if key in self.fields:
                editor = self.fields[key].editor
                editor.setFocus()
                if isinstance(editor, LineEditor):
                    editor.selectAll()
                return

    def _order_tabs(self, inner: QWidget) -> None:
        """Tab leads from the outline through the fields in the order that they are seen in."""
        before: QWidget = self
        window = self.window()  # the list of a combo box is a window of its own
        for widget in inner.findChildren(QWidget):
            if widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.window() is window:
                QWidget.setTabOrder(before, widget)
                before = widget

    def _field(self, line: Property, node: dict[str, Any]) -> FormField:
        editor: Any = self._editor(line)
        value = line.read(node)
        if line.shape is Shape.OPTIONS:
            value = options_text(value)
        elif line.shape is Shape.ANSWER:
            value = answer_text(value)
        elif line.shape is Shape.WORDS and isinstance(value, str):
            value = [value]
        editor.setValue(value)
        editor.edited.connect(lambda: self._edited(line, editor))
        if not isinstance(editor, FlagEditor):
            editor.setSizePolicy(QSizePolicy.Policy.Expanding, editor.sizePolicy().verticalPolicy())
        field = FormField(" " if line.shape is Shape.FLAG else line.label, editor, line.hint)
        editor.setAccessibleName(line.label)
        return field

    def _editor(self, line: Property) -> QWidget:
        match line.shape:
            case Shape.LONG:
                return TextEditor(3)
            case Shape.OPTIONS:
                return TextEditor(4)
            case Shape.FLAG:
                return FlagEditor(line.label)
            case Shape.TYPE:
                return ChoiceEditor(type_choices())
            case Shape.WORDS:
                return ListEditor()
            case Shape.PATTERN:
                return PatternEditor()
            case Shape.CONDITION:
                return ConditionEditor(self._model.document.fields_before(self._path))
            case _:
                return LineEditor()

    def _edited(self, line: Property, editor: Any) -> None:
        path, value = self._path, editor.value()
        if line.shape is Shape.TYPE:
            self._model.edit(path, lambda document: document.set_type(path, str(value)))
            return
        node = self._model.document.node(path)
        if line.shape is Shape.NUMBER:
            value = number_of(value) if value else ""
        elif line.shape is Shape.OPTIONS:
            value = options_of(editor.toPlainText(), node.get("options"))
        elif line.shape is Shape.ANSWER:
            value = answer_of(value, node)
        self._model.put(path, line, value)
        if line.key == "multiple":
            self.show_path(path)

    def _held(self) -> str:
        focus = self.focusWidget()
        return next((key for key, field in self.fields.items() if focus and field.isAncestorOf(focus)), "")

    def _show_faults(self) -> None:
        here = path_text(self._path)
        for key, field in self.fields.items():
            field.setError(_first(self._model.faults, f"{here}.{key}"))
        if self.fields and not any(field.error() for field in self.fields.values()):
            own = next(
                (fault.message for fault in self._model.faults if fault.path in (here, f"{here}.validators")), ""
            )
            if own:
                next(iter(self.fields.values())).setError(own)


def _first(faults: Sequence[Any], path: str) -> str:
    found = (fault for fault in faults if fault.path == path or fault.path.startswith((f"{path}.", f"{path}[")))
    return next((fault.message for fault in found), "")
