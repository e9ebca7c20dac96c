"""Reads a form out of JSON: every fault with its place, and nothing taken on trust."""

from __future__ import annotations

from typing import Any

from app.blueprints.form.condition_reader import read_condition
from app.blueprints.form.faults import FormError, FormFault, Look, Notes
from app.blueprints.form.field_reader import FIELD_KEYS, read_field
from app.blueprints.form.html_text import clean_html
from app.blueprints.form.model import Block, Field, Fieldset, Form, Row, Section
from app.blueprints.row import json_fault

MAX_SECTIONS = 100
MAX_FIELDSETS = 200
MAX_ROWS = 500
MAX_ROW_FIELDS = 12
MAX_FIELDS = 1000
MAX_REPEATS = 100

_COMMON = ("id", "classes", "show_if")
FORM_KEYS = ("title", "instruction", "sections", "submit_button", "show_instructions_as_modal", "id", "classes")
SECTION_KEYS = (
    *("title", "name", "instruction", "fieldsets", "collapsable", "initially_collapsed", "triggers", *_COMMON),
)
FIELDSET_KEYS = ("title", "name", "instruction", "help", "rows", "repeat", "for_each", *_COMMON)
ROW_KEYS = ("fields", "help", *_COMMON)
BUTTON_KEYS = ("text", "tooltip", "instruction", "id", "classes", "triggers")
_NO_NAMES = ("__proto__", "constructor", "prototype")


def parse_form(
    value: Any, *, custom_rules: bool = False, template: bool = False, key: str = "", file: str = ""
) -> Form:
    """A form of plain JSON; `FormError` with everything that is wrong.

    `custom_rules`: whether the requester brings a script with rules of their own. `template`: whether the form still
    holds `{{tokens}}`, so that values that hold one are not looked at.
    """
    form, faults = look_over(value, custom_rules=custom_rules, template=template)
    if form is None:
        raise FormError(faults, key=key, file=file)
    return form


def look_over(value: Any, *, custom_rules: bool = False, template: bool = False) -> tuple[Form | None, list[FormFault]]:
    """The form and no faults, or None and what is wrong."""
    notes = Notes()
    fault = json_fault(value)
    if fault is not None:
        return None, [FormFault("form", fault)]
    top = Look({}, "", notes).inside("form", value)
    if top is None:
        return None, notes.faults
    if "form" in top.values and "sections" not in top.values:
        inner = top.inside("form", top.values["form"])
        if inner is None:
            return None, notes.faults
        top = inner
    form = _FormReader(notes, custom_rules, template).form(top)
    return (None, notes.faults) if notes.faults else (form, [])


class _FormReader:
    def __init__(self, notes: Notes, custom_rules: bool, template: bool) -> None:
        self._notes = notes
        self._custom_rules = custom_rules
        self._template = template
        self._fields: dict[str, tuple[Field, str]] = {}
        """By name: the field and the repeated block that it is in."""
        self._names: dict[str, str] = {}
        """Taken names, and where."""

    def form(self, look: Look) -> Form:
        look.only(FORM_KEYS)
        button = look.values.get("submit_button")
        inner = look.inside(look.at("submit_button"), {} if button is None else button)
        inner = inner or Look({}, look.at("submit_button"), self._notes)
        inner.only(BUTTON_KEYS)
        sections = tuple(self._section(each) for each in look.objects("sections", most=MAX_SECTIONS))
        if not self._notes.faults and not any(field.type != "hidden" for field, _ in self._fields.values()):
            look.fault("sections", "There is no field, so there is nothing to answer.")
        if len(self._fields) > MAX_FIELDS:
            look.fault("sections", f"There are {len(self._fields)} fields; {MAX_FIELDS} is the most.")
        return Form(
            title=clean_html(look.text("title", needed=True)),
            sections=sections,
            instruction=clean_html(look.text("instruction")),
            instruction_in_dialog=look.flag("show_instructions_as_modal"),
            submit_text=inner.text("text") or "Submit",
            submit_tooltip=inner.text("tooltip"),
            submit_instruction=clean_html(inner.text("instruction")),
        )

    def _section(self, look: Look) -> Section:
        look.only(SECTION_KEYS)
        show_if = self._condition(look, "")
        return Section(
            title=clean_html(look.text("title")),
            fieldsets=tuple(self._fieldset(each) for each in look.objects("fieldsets", most=MAX_FIELDSETS)),
            name=look.text("name"),
            instruction=clean_html(look.text("instruction")),
            collapsable=look.flag("collapsable", True),
            initially_collapsed=look.flag("initially_collapsed"),
            show_if=show_if,
        )

    def _fieldset(self, look: Look) -> Fieldset:
        look.only(FIELDSET_KEYS)
        name = look.text("name")
        show_if = self._condition(look, "")
        repeat = self._repeat(look)
        if look.values.get("for_each") is not None:
            look.text("for_each", needed=True)
            if repeat is not None:
                look.fault("repeat", 'stands beside "for_each"; a block is repeated by the data or by the worker.')
        if repeat is not None and self._take_name(look, name):
            self._names[name] = look.path
        block = name if repeat is not None else ""
        rows = tuple(self._row(each, block) for each in look.objects("rows", most=MAX_ROWS))
        return Fieldset(
            rows=rows,
            name=name,
            title=clean_html(look.text("title")),
            instruction=clean_html(look.text("instruction")),
            help=clean_html(look.text("help")),
            repeat=repeat,
            show_if=show_if,
        )

    def _repeat(self, look: Look) -> Block | None:
        value = look.values.get("repeat")
        if value is None:
            return None
        inner = look.inside(look.at("repeat"), value)
        if inner is None:
            return None
        inner.only(("minimum", "maximum", "label"))
        minimum = inner.whole("minimum", most=MAX_REPEATS)
        maximum = inner.whole("maximum", least=1, most=MAX_REPEATS)
        block = Block(1 if minimum is None else minimum, 20 if maximum is None else maximum, inner.text("label"))
        if block.minimum > block.maximum:
            inner.fault("maximum", f"is less than the minimum, {block.minimum}.")
        return block

    def _row(self, look: Look, block: str) -> Row:
        look.only(ROW_KEYS)
        show_if = self._condition(look, block)
        fields = []
        for each in look.objects("fields", most=MAX_ROW_FIELDS):
            each.only(FIELD_KEYS)
            condition = self._condition(each, block)
            field = read_field(each, condition, custom_rules=self._custom_rules, template=self._template)
            if field is None:
                continue
            if self._take_name(each, field.name):
                self._names[field.name] = each.path
                self._fields[field.name] = (field, block)
            fields.append(field)
        return Row(tuple(fields), clean_html(look.text("help")), show_if)

    def _take_name(self, look: Look, name: str) -> bool:
        if not name.strip():
            look.fault("name", "is required: answers are kept under it.")
        elif len(name) > 100 or any(ord(char) < 32 for char in name):
            look.fault("name", "is too long, or holds characters that cannot be seen.")
        elif "{{" in name:
            look.fault("name", "holds a token; a name is the same for every row.")
        elif name in _NO_NAMES:
            look.fault("name", f'"{name}" is a word of the browser and cannot be a name.')
        elif name in self._names:
            look.fault("name", f'"{name}" is taken by {self._names[name]}.')
        elif any(part.isdigit() and place for place, part in enumerate(name.split("."))):
            look.fault("name", "holds a number between points; names of files in repeated blocks are made so.")
        else:
            return True
        return False

    def _condition(self, look: Look, block: str) -> Any:
        known = {name: field for name, (field, home) in self._fields.items() if home in ("", block)}
        elsewhere = {name for name, (_, home) in self._fields.items() if home not in ("", block)}
        return read_condition(look, known, elsewhere, template=self._template)
