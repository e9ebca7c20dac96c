"""Reads `show_if`: only of fields that stand before, so that no two parts of a form can wait for each other."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from app.blueprints.form.conditions import MAX_DEPTH, OPERATORS, Condition, Group, Opposite, Test
from app.blueprints.form.faults import Look, kind_of
from app.blueprints.form.model import NUMBER_TYPES, Field

MAX_PARTS = 50


def read_condition(look: Look, known: Mapping[str, Field], elsewhere: set[str], *, template: bool) -> Condition | None:
    """The `show_if` of a part, or None where it has none. `elsewhere`: fields of other repeated blocks."""
    value = look.values.get("show_if")
    if value is None:
        return None
    return _Reader(look, known, elsewhere, template).read(look.at("show_if"), value, 0)


class _Reader:
    def __init__(self, look: Look, known: Mapping[str, Field], elsewhere: set[str], template: bool) -> None:
        self._look = look
        self._known = known
        self._elsewhere = elsewhere
        self._template = template

    def read(self, path: str, value: Any, depth: int) -> Condition | None:
        look = self._look.inside(path, value)
        if look is None:
            return None
        if depth > MAX_DEPTH:
            look.fault("", f"Conditions are nested more than {MAX_DEPTH} deep.")
            return None
        words = [word for word in ("all", "any", "not") if word in look.values]
        if not words:
            return self._test(look)
        look.only((words[0],))
        if words[0] == "not":
            part = self.read(look.at("not"), look.values["not"], depth + 1)
            return Opposite(part) if part is not None else None
        parts = [
            self.read(f"{look.at(words[0])}[{place}]", part, depth + 1)
            for place, part in enumerate(look.list_of(words[0], most=MAX_PARTS))
        ]
        return Group(words[0], tuple(part for part in parts if part is not None))

    def _test(self, look: Look) -> Condition | None:
        look.only(("field", *OPERATORS))
        operators = [name for name in OPERATORS if name in look.values]
        if len(operators) != 1:
            look.fault("", f"needs just one of {', '.join(OPERATORS)}.")
            return None
        name = look.text("field", needed=True)
        field = self._known.get(name)
        if field is None:
            self._missing(look, name)
            return None
        operator = operators[0]
        allowed = _operators(field)
        if operator not in allowed:
            look.fault(operator, f'cannot be asked of "{name}" ({field.type}); there is {", ".join(allowed)}.')
            return None
        return self._wanted(look, field, operator)

    def _missing(self, look: Look, name: str) -> None:
        if not name:
            return
        if name in self._elsewhere:
            look.fault("field", f'"{name}" is in another repeated block; only parts of that block can look at it.')
            return
        near = get_close_matches(name, self._known, n=1, cutoff=0.6)
        hint = f' Did you mean "{near[0]}"?' if near else " A condition looks at fields that stand before it."
        look.fault("field", f'No field "{name[:60]}" stands before this.{hint}')

    def _wanted(self, look: Look, field: Field, operator: str) -> Condition | None:
        value = look.values[operator]
        if operator == "filled":
            if not isinstance(value, bool):
                look.fault("filled", f"must be true or false; it is {kind_of(value)}.")
                return None
            return Test(field.name, operator, value)
        values = look.list_of(operator, most=1000) if operator == "in" else [value]
        found = [self._value(look, field, operator, each) for each in values]
        if None in found or not found:
            return None
        return Test(field.name, operator, tuple(found) if operator == "in" else found[0])

    def _value(self, look: Look, field: Field, operator: str, value: Any) -> Any:
        if isinstance(value, bool):
            value = "true" if value else "false"
        if field.type in NUMBER_TYPES:
            if isinstance(value, int | float):
                return value
            look.fault(operator, f'must be a number, as "{field.name}" is; it is {kind_of(value)}.')
            return None
        if isinstance(value, int | float):
            value = str(value)
        if not isinstance(value, str):
            look.fault(operator, f"must be a text; it is {kind_of(value)}.")
            return None
        if field.is_choice and value not in field.option_labels and not (self._template and "{{" in value):
            look.fault(operator, f'"{value[:60]}" is no option of "{field.name}".')
            return None
        return value


def _operators(field: Field) -> tuple[str, ...]:
    if field.type in ("file", "ranking"):
        return ("filled",)
    if field.takes_several:
        return ("has", "filled")
    if field.type in NUMBER_TYPES or field.type == "date":
        return ("is", "is_not", "in", "filled", "at_least", "at_most")
    return ("is", "is_not", "in", "filled")
