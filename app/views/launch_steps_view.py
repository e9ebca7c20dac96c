"""The four steps of the launch page, made from what the chosen kinds say about their arguments."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QApplication, QSizePolicy, QVBoxLayout, QWidget

from app.viewmodels.formats import digits, sign_of
from app.viewmodels.launch_check import LaunchCheck
from app.viewmodels.launch_fields import LaunchForm
from app.viewmodels.launch_form import Editor, FieldSpec
from app.views import theme
from app.views.launch_chips import ChipField, LabelsEditor, RequirementsEditor
from app.views.launch_editors import ChoiceEditor, SpanEditor, make_line
from app.views.launch_rows import DataRows
from app.views.launch_steps import ChoiceCards, FieldGrid, Fold, StepCard
from app.views.widgets.buttons import Button
from app.views.widgets.fields import FormField

_SPANS = {Editor.LABELS: 2, Editor.LONG_TEXT: 2, Editor.MAPPING: 2, Editor.REQUIREMENTS: 2}
_TASK_FIRST = ("task_title",)
_TASK_THEN = ("task_description", "task_name")
_TASK_REST = ("project", "task_tags")
_PAY = ("task_reward", "budget", "maximum_units_per_worker", "qualifications", "assignment_duration_in_seconds")
_GATES = ("allowed_concurrent", "max_num_concurrent_units")
_GATE_FLAGS = {
    "use_screening_task": ("screening_data", "passed_qualification_name", "max_screening_units"),
    "use_golds": (
        *("gold_data", "gold_qualification_base", "min_golds", "gold_every", "max_incorrect_golds"),
        *("max_golds_per_worker", "max_gold_units"),
    ),
}
"""What says whether a gate is used, and the fields that mean something only then."""
_LABELS = {
    "task.task_title": "Title shown to workers",
    "task.task_description": "What is to be done",
    "task.task_name": "Task name",
    "task.task_tags": "Tags",
    "task.budget": "Budget cap",
    "task.maximum_units_per_worker": "Most units per worker",
    "task.qualifications": "Required",
    "task.assignment_duration_in_seconds": "Time for one unit",
    "task.allowed_concurrent": "Units held at once",
    "task.max_num_concurrent_units": "Units at work at once",
    "task.no_submission_patience": "Warn when idle for",
    "task.task_lifetime_in_seconds": "Open for",
    "provider.requester_name": "Requester",
    "architect.json_body_limit_mib": "Largest request",
    "architect.upload_limit_mib": "Largest upload",
    "blueprint.data_csv": "Rows from CSV",
    "blueprint.data_json": "Rows from JSON",
    "blueprint.data_jsonl": "Rows from JSON lines",
    "blueprint.static_task_data": "Rows given here",
    "blueprint.data_function": "Rows from a function",
    "blueprint.preview_source": "Preview page",
    "blueprint.task_source": "Page of the task",
}
_PLACEHOLDERS = {
    "task.task_title": "Label chest images",
    "task.task_description": "What workers read before they start",
    "task.task_name": "made from the title",
    "task.budget": "none",
    "task.task_reward": "0.12",
    "task.project": "none",
}
_STEP_OF = {"task": 0, "blueprint": 0, "provider": 2, "architect": 3}
_ZERO_IS_NO_LIMIT = (
    *("maximum_units_per_worker", "allowed_concurrent", "max_num_concurrent_units", "max_golds_per_worker"),
)


class LaunchStepsView(QWidget):
    """The steps. `preview_asked()`: the worker's page is wanted; `form_asked()`: the form designer is.

    `estimated(object)`: seconds for a unit, or None.
    """

    preview_asked = Signal()
    form_asked = Signal()
    estimated = Signal(object)

    def __init__(self, form: LaunchForm, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._form = form
        self.editors: dict[str, Any] = {}
        self.fields: dict[str, FormField] = {}
        self._step_of: dict[str, int] = {}
        self._estimate: object = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        self.steps = [
            StepCard(1, "Task"),
            StepCard(2, "Data"),
            StepCard(3, "Workers and pay"),
            StepCard(4, "Where pages are served"),
        ]
        for step in self.steps:
            layout.addWidget(step)
        self._fill()

    def rebuild(self) -> None:
        """The fields are others now. The focus stays on the field that it was on, open folds stay open."""
        held, folds = self._held(), [fold.is_open() for fold in self.folds()]
        for step in self.steps:
            while (item := step.body.takeAt(0)) is not None:
                if (widget := item.widget()) is not None:
                    widget.hide()
                    widget.deleteLater()
        self.editors.clear()
        self.fields.clear()
        self._step_of.clear()
        self._fill()
        for fold, is_open in zip(self.folds(), folds, strict=False):
            fold.setOpen(is_open)
        self._hold(held)

    def order_tabs(self, first: QWidget) -> None:
        """Tab leads from `first` through the steps in the order that their fields are seen in."""
        before = first
        window = self.window()  # the list of a combo box is a window of its own
        found = [one for part in self._parts() for one in (part, *part.findChildren(QWidget))]
        inside = [one for one in found if one.window() is window]
        for widget in inside:
            if widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
                QWidget.setTabOrder(before, widget)
                before = widget
        for widget in inside:
            if isinstance(widget, ChipField):
                widget.order_tabs()

    def focus_first(self) -> None:
        """Put the cursor into the first line to write in."""
        self.fields["task.task_title"].editor.setFocus(Qt.FocusReason.OtherFocusReason)

    def show_check(self, check: LaunchCheck) -> None:
        """Say what is wrong under the fields, and which steps are complete."""
        for key, field in self.fields.items():
            field.setError(check.problems.get(key, ""))
            if key in check.warnings and key not in check.problems:
                field.message.setText(check.warnings[key])
                theme.set_property(field.message, "tone", "warn")
                field.message.show()
        for fold in self.folds():
            if any(fold.isAncestorOf(self.editors[key]) for key in check.problems if key in self.editors):
                fold.setOpen(True)
        wrong = {self._step_of.get(key, _STEP_OF.get(key.split(".")[0], 0)) for key in check.problems}
        for number, step in enumerate(self.steps):
            step.mark.setState("bad" if number in wrong else "ok" if check.forecast or check.problems else "")
        self._show_data(check)
        self._refresh_name()

    def setKnownQualifications(self, names: list[str]) -> None:
        """What can be required."""
        editor = self.editors.get("task.qualifications")
        if isinstance(editor, RequirementsEditor):
            editor.setKnown(names)

    def focus_first_problem(self, check: LaunchCheck) -> None:
        """Put the cursor into the first field that is not in order."""
        for key, editor in self.editors.items():
            if key in check.problems:
                _focus(editor)
                return

    # Laying out

    def _fill(self) -> None:
        self._fill_task()
        self._fill_data()
        self._fill_workers()
        self._fill_where()

    def _parts(self) -> list[QWidget]:
        """What the steps hold now."""
        items = [step.body.itemAt(index) for step in self.steps for index in range(step.body.count())]
        return [widget for item in items if item is not None and (widget := item.widget()) is not None]

    def folds(self) -> list[Fold]:
        """What is rarely needed, step by step."""
        return [part for part in self._parts() if isinstance(part, Fold)]

    def _held(self) -> str:
        """The name of what has the focus here; "" when that is elsewhere."""
        focus = QApplication.focusWidget()
        named = {"kind": self.kind, "provider": self.providers, "architect": self.architects, **self.editors}
        return next((name for name, one in named.items() if focus and (one is focus or one.isAncestorOf(focus))), "")

    def _hold(self, name: str) -> None:
        cards = {"provider": self.providers, "architect": self.architects}
        if name in cards:
            cards[name].focus_chosen()
        elif name == "kind" or name in self.editors:
            _focus(self.editors.get(name, self.kind))

    def _fill_task(self) -> None:
        specs = {spec.name: spec for spec in self._form.specs("task")}
        blueprint = self._form.specs("blueprint")
        grid = FieldGrid()
        kinds = tuple((choice.key, choice.title) for choice in self._form.blueprint_choices())
        self.kind = ChoiceEditor(kinds)
        self.kind.setValue(self._form.values.blueprint_type)
        self.kind.edited.connect(lambda: self._form.set_kind("blueprint", str(self.kind.value())))
        grid.add(FormField("Kind", self.kind))
        for name in _TASK_FIRST:
            self._add(grid, specs[name], 0)
        preview = Button("Preview in browser", "quiet", icon="ph.arrow-square-out")
        preview.clicked.connect(self.preview_asked)
        grid.add(FormField("Worker’s page", preview))
        for name in _TASK_THEN:
            self._add(grid, specs[name], 0)
        for spec in blueprint:
            if not spec.group:
                self._add(grid, spec, 0)
        self.steps[0].body.addWidget(grid)
        fold = Fold("More about the task")
        for spec in [specs[name] for name in _TASK_REST] + [one for one in blueprint if one.group == "advanced"]:
            self._add(fold.grid, spec, 0)
        self.steps[0].body.addWidget(fold)

    def _fill_data(self) -> None:
        grid = FieldGrid()
        for spec in self._form.specs("blueprint"):
            if spec.group not in ("", "advanced", "gates", "partners"):
                self._add(grid, spec, 1)
        self.steps[1].body.addWidget(grid)
        self.rows = DataRows()
        self.steps[1].body.addWidget(self.rows)

    def _fill_workers(self) -> None:
        specs = {spec.name: spec for spec in self._form.specs("task")}
        body = self.steps[2].body
        self.providers = ChoiceCards(self._form.provider_choices())
        self.providers.setChosen(self._form.values.provider_type)
        self.providers.chosen.connect(lambda key: self._form.set_kind("provider", key))
        body.addWidget(FormField("Where workers come from", self.providers))
        grid = FieldGrid()
        for name in _PAY:
            self._add(grid, specs[name], 2)
        self.estimate = SpanEditor()
        self.estimate.setPlaceholderText("90 s")
        self.estimate.setValue(self._estimate)
        self.estimate.edited.connect(self._estimate_edited)
        self.estimate_field = FormField("A unit takes about", self.estimate)
        self.estimate_field.setToolTip("Your estimate: pay per hour is worked out from it.")
        grid.add(self.estimate_field)
        body.addWidget(grid)
        gates = Fold("Gates: onboarding, screening, gold units and limits")
        of_task = [spec for spec in self._form.specs("blueprint") if spec.group == "gates"]
        for spec in [specs[name] for name in _GATES] + of_task:
            if spec.name in _GATE_FLAGS:
                gates.grid.new_row()
            self._add(gates.grid, spec, 2)
        body.addWidget(gates)
        self._show_gates()
        if about_partners := [spec for spec in self._form.specs("blueprint") if spec.group == "partners"]:
            partners = Fold("Partners: who leaves, who waits, models")
            for spec in about_partners:
                self._add(partners.grid, spec, 2)
            body.addWidget(partners)
        fold = Fold("Durations and account")
        used = {*_TASK_FIRST, *_TASK_THEN, *_TASK_REST, *_PAY, *_GATES}
        rest = [spec for name, spec in specs.items() if name not in used]
        for spec in [*rest, *self._form.specs("provider")]:
            self._add(fold.grid, spec, 2)
        body.addWidget(fold)

    def _fill_where(self) -> None:
        body = self.steps[3].body
        specs = self._form.specs("architect")
        self.architects = ChoiceCards(self._form.architect_choices())
        self.architects.setChosen(self._form.values.architect_type)
        self.architects.chosen.connect(lambda key: self._form.set_kind("architect", key))
        body.addWidget(self.architects)
        grid, fold = FieldGrid(), Fold("Port, process and limits")
        for spec in specs:
            self._add(fold.grid if spec.group == "advanced" else grid, spec, 3)
        for widget, some in ((grid, not grid.is_empty()), (fold, not fold.grid.is_empty())):
            if some:
                body.addWidget(widget)
            else:
                widget.deleteLater()
        self._show_where()

    def _show_gates(self) -> None:
        """The fields of a gate that is not used cannot be filled in."""
        for flag, names in _GATE_FLAGS.items():
            is_on = self.editors[f"blueprint.{flag}"].value() in (True, "true")
            for name in names:
                self.fields[f"blueprint.{name}"].setEnabled(is_on)

    def _add(self, grid: FieldGrid, spec: FieldSpec, step: int) -> None:
        editor = self._make_editor(spec)
        words = "" if spec.editor is Editor.FLAG else _LABELS.get(spec.key, spec.label)
        field = FormField(words or " ", editor)
        editor.setAccessibleName(_LABELS.get(spec.key, spec.label))
        editor.setAccessibleDescription(spec.help)
        field.setToolTip(spec.help)
        if spec.key in _PLACEHOLDERS and hasattr(editor, "setPlaceholderText"):
            editor.setPlaceholderText(_PLACEHOLDERS[spec.key])
        self.editors[spec.key] = editor
        self.fields[spec.key] = field
        self._step_of[spec.key] = step
        grid.add(field, _SPANS.get(spec.editor, 1))
        if spec.editor is Editor.FORM:
            design = Button("Edit form…", "quiet", icon="ph.pencil-simple")
            design.clicked.connect(self.form_asked)
            grid.add(FormField("Form designer", design))

    def _make_editor(self, spec: FieldSpec) -> Any:
        editor: Any
        if spec.editor is Editor.LABELS:
            editor = LabelsEditor()
        elif spec.editor is Editor.REQUIREMENTS:
            editor = RequirementsEditor()
        else:
            editor = make_line(spec, self._form.values.base_dir, sign_of(self._form.currency))
            if spec.name in _ZERO_IS_NO_LIMIT:
                editor.setPlaceholderText("no limit")
        value = self._form.values.get(spec)
        editor.setValue("" if spec.name in _ZERO_IS_NO_LIMIT and value in (0, "0") else value)
        if not isinstance(editor, RequirementsEditor | LabelsEditor):
            editor.setSizePolicy(QSizePolicy.Policy.Expanding, editor.sizePolicy().verticalPolicy())
        editor.edited.connect(lambda key=spec.key: self._edited(key))
        return editor

    # What is entered

    def _edited(self, key: str) -> None:
        value = self.editors[key].value()
        if value == "" and key.split(".")[1] in _ZERO_IS_NO_LIMIT:
            value = 0
        self._form.enter(key, value)
        if key == "task.task_title":
            self._refresh_name()
        elif key == "task.currency":
            for money in ("task.task_reward", "task.budget"):
                self.editors[money].setPrefix(sign_of(self._form.currency))
        elif key.startswith("architect."):
            self._show_where()
        elif key.split(".")[1] in _GATE_FLAGS:
            self._show_gates()

    def _estimate_edited(self) -> None:
        self._estimate = self.estimate.value()
        wrong = bool(self._estimate) and not isinstance(self._estimate, int)
        self.estimate_field.setError("Write it like 90 s or 2 min." if wrong else "")
        self.estimated.emit(float(self._estimate) if isinstance(self._estimate, int) and self._estimate else None)

    def _refresh_name(self) -> None:
        editor = self.editors["task.task_name"]
        if not editor.hasFocus():
            editor.setValue(self._form.values.entered.get("task.task_name", ""))

    # What is known

    def _show_data(self, check: LaunchCheck) -> None:
        preview = check.preview
        self.rows.setPreview(preview)
        if preview is None:
            self.steps[1].note.setText("")
            return
        items = "items counted while they are made" if preview.items is None else f"{digits(preview.items)} rows"
        each = f"{preview.workers_each} workers each" if preview.workers_each != 1 else "1 worker each"
        source = self._source_name()
        self.steps[1].note.setText(" · ".join(part for part in (source, items, each) if part))

    def _source_name(self) -> str:
        for spec in self._form.specs("blueprint"):
            value = self._form.values.entered.get(spec.key)
            if spec.editor in (Editor.FILE, Editor.FOLDER) and spec.group == "data" and value:
                return str(value).rstrip("/").rsplit("/", 1)[-1]
        return ""

    def _show_where(self) -> None:
        entered = self._form.values.entered
        lan = str(entered.get("architect.lan", False)).lower() == "true"
        reach = "reachable on this network" if lan else "reachable from this computer only"
        local = self._form.values.architect_type == "local"
        self.steps[3].note.setText(f"This computer · {reach}" if local else "")


def _focus(editor: QWidget) -> None:
    """Put the focus into an editor."""
    entry = editor.entry if isinstance(editor, LabelsEditor | RequirementsEditor) else editor
    entry.setFocus(Qt.FocusReason.OtherFocusReason)
