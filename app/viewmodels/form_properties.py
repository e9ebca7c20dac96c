"""What can be said of each part of a form: one `Property` per line of the designer, and how it stands in the JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from app.blueprints.form.conditions import OPERATORS
from app.blueprints.form.field_reader import to_number
from app.blueprints.form.model import CHOICE_TYPES, FIELD_TYPES, NUMBER_TYPES, TEXT_TYPES

TYPE_WORDS = {
    "input": "Line of text", "textarea": "Long text", "email": "Email address", "password": "Password",
    "number": "Number", "slider": "Slider", "date": "Date", "select": "Drop-down list", "radio": "One of several",
    "checkbox": "Any of several", "ranking": "Ranking", "file": "File", "hidden": "Hidden value",
}  # fmt: skip
OPERATOR_WORDS = {
    "is": "is", "is_not": "is not", "in": "is one of", "has": "has", "filled": "is answered",
    "at_least": "is at least", "at_most": "is at most",
}  # fmt: skip


class Shape(StrEnum):
    """How a property is edited."""

    LINE = "line"
    LONG = "long"
    FLAG = "flag"
    NUMBER = "number"
    TYPE = "type"
    OPTIONS = "options"
    WORDS = "words"
    PATTERN = "pattern"
    CONDITION = "condition"
    ANSWER = "answer"


@dataclass(frozen=True)
class Property:
    """One line: `key` is dotted within the node ("validators.required"); `default` is what a missing value means."""

    key: str
    label: str
    shape: Shape = Shape.LINE
    hint: str = ""
    default: Any = ""

    def read(self, node: dict[str, Any]) -> Any:
        """The value, as its editor shows it."""
        found: Any = node
        for part in self.key.split("."):
            found = found.get(part) if isinstance(found, dict) else None
        return self.default if found is None else found

    def write(self, node: dict[str, Any], value: Any) -> None:
        """Put a value in; what says nothing is taken out, with what held it."""
        *holders, last = self.key.split(".")
        places = [node]
        for part in holders:
            inner = places[-1].get(part)
            if not isinstance(inner, dict):
                inner = places[-1][part] = {}
            places.append(inner)
        if value == self.default or value in ("", None, [], {}):
            places[-1].pop(last, None)
        else:
            places[-1][last] = value
        if holders and not places[-1] and holders[-1] != "repeat":
            places[-2].pop(holders[-1], None)


_NAME = Property("name", "Name", hint="Answers are kept under it.")
_SHOW = Property("show_if", "Shown", Shape.CONDITION, default=None)
_HTML = "HTML; {{name}} is filled in from the data."
_FORM = (
    Property("title", "Title", hint=_HTML),
    Property("instruction", "Instruction", Shape.LONG, _HTML),
    Property("show_instructions_as_modal", "Instruction behind a button", Shape.FLAG, default=False),
    Property("submit_button.text", "Word on the button"),
    Property("submit_button.instruction", "Beside the button", hint=_HTML),
    Property("submit_button.tooltip", "Tip on the button"),
)
_SECTION = (
    Property("title", "Title", hint=_HTML),
    Property("name", "Name"),
    Property("instruction", "Instruction", Shape.LONG, _HTML),
    Property("collapsable", "Can be folded", Shape.FLAG, default=True),
    Property("initially_collapsed", "Folded at first", Shape.FLAG, default=False),
    _SHOW,
)
_FIELDSET = (
    Property("title", "Title", hint=_HTML),
    Property("name", "Name", hint="Needed where the worker repeats it: answers are kept under it."),
    Property("instruction", "Instruction", Shape.LONG, _HTML),
    Property("help", "Help below", hint=_HTML),
    Property("for_each", "Once for each of", hint="A list in the data; {{item}} and {{number}} stand for its entries."),
    Property("repeat.maximum", "The worker adds up to", Shape.NUMBER, "Empty: the worker cannot repeat it."),
    Property("repeat.minimum", "At least", Shape.NUMBER),
    Property("repeat.label", "What one is called"),
    _SHOW,
)
_ROW = (Property("help", "Help below", hint=_HTML), _SHOW)


def properties_of(kind: str, node: dict[str, Any]) -> list[Property]:
    """The lines of a node, by its kind and, for a field, its type."""
    if kind != "field":
        return list({"form": _FORM, "section": _SECTION, "fieldset": _FIELDSET, "row": _ROW}[kind])
    return _field_properties(str(node.get("type")), bool(node.get("multiple")))


def _field_properties(kind: str, multiple: bool) -> list[Property]:
    lines = [Property("type", "Type", Shape.TYPE), Property("label", "Question"), _NAME]
    if kind == "hidden":
        return [lines[0], _NAME, Property("value", "Value"), _SHOW]
    if kind in CHOICE_TYPES:
        lines.append(Property("options", "Options, one a line", Shape.OPTIONS, "value | what the worker reads", []))
    lines.append(Property("validators.required", "Must be answered", Shape.FLAG, default=False))
    if kind in ("select", "file"):
        words = "Several options" if kind == "select" else "Several files"
        lines.append(Property("multiple", words, Shape.FLAG, default=False))
    lines += _rule_properties(kind, multiple)
    lines.append(Property("help", "Help below", Shape.LONG, _HTML))
    if kind in (*TEXT_TYPES, "select", "number"):
        lines.append(Property("placeholder", "Placeholder"))
    lines.append(Property("tooltip", "Tip"))
    if kind == "file":
        lines.append(Property("show_preview", "Show the picture that was chosen", Shape.FLAG, default=False))
    else:
        lines.append(Property("value", "Filled in at first", Shape.ANSWER))
        lines.append(Property("correct", "Right answer", Shape.ANSWER, "Of an onboarding; it is never shown."))
    return [*lines, _SHOW]


def _rule_properties(kind: str, multiple: bool) -> list[Property]:
    if kind in (*NUMBER_TYPES, "date"):
        shape = Shape.LINE if kind == "date" else Shape.NUMBER
        bounds = [Property("validators.min", "Least", shape), Property("validators.max", "Most", shape)]
        return [*bounds, Property("step", "Step", Shape.NUMBER)] if kind != "date" else bounds
    several = kind == "checkbox" or (kind in ("select", "file") and multiple)
    noun = "characters" if kind in TEXT_TYPES else "files" if kind == "file" else "options"
    rules = []
    if kind in TEXT_TYPES or several:
        rules += [
            Property("validators.minLength", f"Least {noun}", Shape.NUMBER),
            Property("validators.maxLength", f"Most {noun}", Shape.NUMBER),
        ]
    if kind in TEXT_TYPES:
        rules.append(Property("validators.regexp", "Pattern", Shape.PATTERN, "A regular expression: ^[A-Z]{2}-[0-9]+$"))
    if kind == "file":
        rules.append(Property("validators.fileExtension", "Endings", Shape.WORDS, "png, jpg", []))
    return rules


def type_choices() -> tuple[tuple[str, str], ...]:
    """The types of fields, for a list."""
    return tuple((kind, TYPE_WORDS[kind]) for kind in FIELD_TYPES)


def options_text(options: Any) -> str:
    """Options as lines: `value | label`, or one word where both are the same."""
    lines = []
    for option in options if isinstance(options, list) else ():
        value, label = (option.get("value"), option.get("label")) if isinstance(option, dict) else (option, option)
        lines.append(str(value) if label in (None, value) else f"{value} | {label}")
    return "\n".join(lines)


def options_of(text: str, before: Any) -> list[dict[str, Any]]:
    """Options out of lines; what else an option said before (`checked`) stays with its value."""
    known = {str(one.get("value")): one for one in before if isinstance(one, dict)} if isinstance(before, list) else {}
    made = []
    for line in text.splitlines():
        if line.strip():
            value, bar, label = line.partition("|")
            words = label.strip() if bar else value.strip()
            kept = {key: each for key, each in known.get(value.strip(), {}).items() if key not in ("value", "label")}
            made.append({"label": words, "value": value.strip(), **kept})
    return made


def pattern_text(value: Any) -> tuple[str, str]:
    """A regexp as its text and flags."""
    if isinstance(value, list) and value:
        return str(value[0]), str(value[1]) if len(value) > 1 else "igm"
    return str(value or ""), "igm"


def number_of(text: str) -> Any:
    """A number as it was typed, or the text when it is none."""
    number = to_number(text.strip().replace(",", "."))
    return text.strip() if number is None else number


def answer_text(value: Any) -> str:
    """A first or right answer as a line: several with commas between."""
    if isinstance(value, dict):
        value = [name for name, is_on in value.items() if is_on is True]
    return ", ".join(str(each) for each in value) if isinstance(value, list) else str(value)


def answer_of(text: str, node: dict[str, Any]) -> Any:
    """A first or right answer out of a line."""
    kind = node.get("type")
    if kind in NUMBER_TYPES:
        return number_of(text)
    if kind in ("checkbox", "ranking") or (kind == "select" and node.get("multiple")):
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


Row = tuple[str, str, str]
"""A test of a condition: field, operator, what it is compared with."""


def condition_rows(condition: Any) -> tuple[str, list[Row]] | None:
    """A condition as "all" or "any" and its tests; None where it is more than that."""
    if condition is None:
        return "all", []
    if not isinstance(condition, dict):
        return None
    word = next((word for word in ("all", "any") if word in condition), "")
    parts = condition[word] if word else [condition]
    rows = [_row(part) for part in parts] if isinstance(parts, list) else [None]
    found = [row for row in rows if row is not None]
    return (word or "all", found) if len(found) == len(rows) else None


def condition_of(word: str, rows: Sequence[Row], kinds: dict[str, str]) -> dict[str, Any] | None:
    """A condition out of its tests; `kinds` are the types of the fields by name."""
    parts: list[dict[str, Any]] = []
    for field, operator, text in rows:
        wanted: Any = text
        if operator == "filled":
            wanted = text != "no"
        elif operator == "in":
            wanted = [_wanted(part.strip(), kinds.get(field, "")) for part in text.split(",") if part.strip()]
        else:
            wanted = _wanted(text, kinds.get(field, ""))
        parts.append({"field": field, operator: wanted})
    if not parts:
        return None
    return parts[0] if len(parts) == 1 and word == "all" else {word: parts}


def condition_text(condition: Any) -> str:
    """A condition as JSON, where it is more than a list of tests."""
    return json.dumps(condition, ensure_ascii=False, indent=2)


def operators_for(kind: str, multiple: bool) -> tuple[str, ...]:
    """What can be asked of a field."""
    if kind in ("file", "ranking"):
        return ("filled",)
    if kind == "checkbox" or (kind == "select" and multiple):
        return ("has", "filled")
    ordered = ("at_least", "at_most") if kind in (*NUMBER_TYPES, "date") else ()
    return ("is", "is_not", "in", "filled", *ordered)


def _wanted(text: str, kind: str) -> Any:
    return number_of(text) if kind in NUMBER_TYPES else text


def _row(part: Any) -> Row | None:
    if not isinstance(part, dict) or not isinstance(part.get("field"), str):
        return None
    operators = [name for name in OPERATORS if name in part]
    if len(operators) != 1 or len(part) != 2:
        return None
    value = part[operators[0]]
    if operators[0] == "filled":
        return part["field"], "filled", "no" if value is False else "yes"
    text = ", ".join(str(each) for each in value) if isinstance(value, list) else str(value)
    return part["field"], operators[0], text
