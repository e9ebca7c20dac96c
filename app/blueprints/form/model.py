"""A form as it was understood: sections, fieldsets, rows and fields with their rules. Plain values, read by `parse`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from app.blueprints.form.conditions import Condition
from app.blueprints.form.pattern import Pattern

TEXT_TYPES = ("input", "textarea", "email", "password")
NUMBER_TYPES = ("number", "slider")
CHOICE_TYPES = ("select", "radio", "checkbox", "ranking")
FIELD_TYPES = (*TEXT_TYPES, *NUMBER_TYPES, "date", *CHOICE_TYPES, "file", "hidden")


@dataclass(frozen=True)
class Option:
    """One answer that can be chosen. `value` is always a text."""

    value: str
    label: str


@dataclass(frozen=True)
class Rules:
    """What an answer must be. Lengths count characters, or chosen options, or files."""

    required: bool = False
    min_length: int | None = None
    max_length: int | None = None
    least: float | str | None = None
    most: float | str | None = None
    pattern: Pattern | None = None
    extensions: tuple[str, ...] = ()
    custom: Mapping[str, Any] = field(default_factory=dict)
    """Functions of the requester's own script, which only the page can ask."""

    def as_json(self) -> dict[str, Any]:
        """As the file of a form has them."""
        found: dict[str, Any] = dict(self.custom)
        named = {
            "required": self.required or None,
            "minLength": self.min_length,
            "maxLength": self.max_length,
            "min": self.least,
            "max": self.most,
            "regexp": [self.pattern.source, self.pattern.flags] if self.pattern else None,
            "fileExtension": list(self.extensions) or None,
        }
        found.update({name: value for name, value in named.items() if value is not None})
        return found


@dataclass(frozen=True)
class Field:
    """One question. `label` is plain text, `help` is HTML."""

    name: str
    type: str
    label: str
    path: str = ""
    help: str = ""
    tooltip: str = ""
    placeholder: str = ""
    options: tuple[Option, ...] = ()
    multiple: bool = False
    step: float = 1
    show_preview: bool = False
    value: Any = None
    """What is filled in at first, in the shape of an answer; None: nothing."""
    correct: Any = None
    """What passes the onboarding; None: anything."""
    rules: Rules = field(default_factory=Rules)
    show_if: Condition | None = None

    @property
    def is_choice(self) -> bool:
        """Whether the answer is one or several of `options`."""
        return self.type in CHOICE_TYPES

    @property
    def takes_several(self) -> bool:
        """Whether several options may be chosen."""
        return self.type == "checkbox" or (self.type == "select" and self.multiple)

    @cached_property
    def option_labels(self) -> dict[str, str]:
        """Value -> label."""
        return {option.value: option.label for option in self.options}

    def as_json(self) -> dict[str, Any]:
        """As the file of a form has it, in full; what is right stays here."""
        found: dict[str, Any] = {"name": self.name, "type": self.type, "label": self.label}
        for key in ("help", "tooltip", "placeholder", "multiple", "show_preview"):
            if getattr(self, key):
                found[key] = getattr(self, key)
        if self.is_choice:
            found["options"] = [{"value": option.value, "label": option.label} for option in self.options]
        if self.type in NUMBER_TYPES:
            found["step"] = self.step
        if self.value is not None:
            found["value"] = self.value
        rules = self.rules.as_json()
        if rules:
            found["validators"] = rules
        return found | _shown(self.show_if)


@dataclass(frozen=True)
class Row:
    """Fields beside one another."""

    fields: tuple[Field, ...]
    help: str = ""
    show_if: Condition | None = None

    def as_json(self) -> dict[str, Any]:
        """As the file of a form has it."""
        shown = {"help": self.help} if self.help else {}
        return {"fields": [field.as_json() for field in self.fields], **shown, **_shown(self.show_if)}


@dataclass(frozen=True)
class Block:
    """How often a worker may fill in a fieldset."""

    minimum: int = 1
    maximum: int = 20
    label: str = ""
    """What one of them is called: "Person"."""

    def as_json(self) -> dict[str, Any]:
        """As the file of a form has it."""
        return {"minimum": self.minimum, "maximum": self.maximum, "label": self.label}


@dataclass(frozen=True)
class Fieldset:
    """Rows under one heading; with a `repeat` the worker fills it in several times."""

    rows: tuple[Row, ...]
    name: str = ""
    title: str = ""
    instruction: str = ""
    help: str = ""
    repeat: Block | None = None
    show_if: Condition | None = None

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        """Every field in it, in order."""
        return tuple(field for row in self.rows for field in row.fields)

    def as_json(self) -> dict[str, Any]:
        """As the file of a form has it."""
        found: dict[str, Any] = {
            key: getattr(self, key) for key in ("name", "title", "instruction", "help") if getattr(self, key)
        }
        if self.repeat is not None:
            found["repeat"] = self.repeat.as_json()
        return found | {"rows": [row.as_json() for row in self.rows]} | _shown(self.show_if)


@dataclass(frozen=True)
class Section:
    """A part of the form with a heading, which may be folded."""

    title: str
    fieldsets: tuple[Fieldset, ...]
    name: str = ""
    instruction: str = ""
    collapsable: bool = True
    initially_collapsed: bool = False
    show_if: Condition | None = None

    def as_json(self) -> dict[str, Any]:
        """As the file of a form has it."""
        found: dict[str, Any] = {"title": self.title}
        for key in ("name", "instruction", "initially_collapsed"):
            if getattr(self, key):
                found[key] = getattr(self, key)
        if not self.collapsable:
            found["collapsable"] = False
        return found | {"fieldsets": [each.as_json() for each in self.fieldsets]} | _shown(self.show_if)


@dataclass(frozen=True)
class Form:
    """A whole form."""

    title: str
    sections: tuple[Section, ...]
    instruction: str = ""
    instruction_in_dialog: bool = False
    submit_text: str = "Submit"
    submit_tooltip: str = ""
    submit_instruction: str = ""

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        """Every field, in order; those of repeated blocks once."""
        return tuple(field for fieldset in self.fieldsets() for field in fieldset.fields)

    def fieldsets(self) -> Iterator[Fieldset]:
        """Every fieldset, in order."""
        for section in self.sections:
            yield from section.fieldsets

    def as_json(self) -> dict[str, Any]:
        """The form as the worker's page and the files have it: `{"title", "sections", ...}`."""
        button = {"text": self.submit_text}
        if self.submit_tooltip:
            button["tooltip"] = self.submit_tooltip
        if self.submit_instruction:
            button["instruction"] = self.submit_instruction
        found: dict[str, Any] = {"title": self.title}
        if self.instruction:
            found["instruction"] = self.instruction
        if self.instruction_in_dialog:
            found["show_instructions_as_modal"] = True
        return found | {"sections": [section.as_json() for section in self.sections], "submit_button": button}


def _shown(condition: Condition | None) -> dict[str, Any]:
    return {"show_if": condition.as_json()} if condition is not None else {}
