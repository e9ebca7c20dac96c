"""Reads one field: its type, options, rules and first value, and whether any answer fits them all."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from app.blueprints.form.checks import MAX_ANSWER, field_fault, is_date, usual_answer
from app.blueprints.form.conditions import Condition, is_blank
from app.blueprints.form.faults import Look, kind_of
from app.blueprints.form.html_text import clean_html
from app.blueprints.form.made_answers import an_answer
from app.blueprints.form.model import CHOICE_TYPES, FIELD_TYPES, NUMBER_TYPES, TEXT_TYPES, Field, Option, Rules
from app.blueprints.form.pattern import Pattern, compile_pattern
from app.blueprints.form.pattern_syntax import PatternFault

MAX_OPTIONS = 1000
MAX_FILES = 20
MAX_EXTENSIONS = 100
FIELD_KEYS = (
    *("name", "type", "label", "help", "tooltip", "placeholder", "options", "multiple", "value", "validators"),
    *("show_if", "step", "show_preview", "correct", "id", "classes", "triggers", "icon", "title"),
)
RULES = ("required", "minLength", "maxLength", "min", "max", "regexp", "fileExtension")


def read_field(look: Look, show_if: Condition | None, *, custom_rules: bool, template: bool) -> Field | None:
    """A field, or None when it cannot even be told what it is."""
    kind = look.text("type", needed=True)
    if kind not in FIELD_TYPES:
        if kind:
            near = get_close_matches(kind, FIELD_TYPES, n=1, cutoff=0.6)
            hint = f' Did you mean "{near[0]}"?' if near else f" There are {', '.join(FIELD_TYPES)}."
            look.fault("type", f'There is no type of field "{kind[:40]}".{hint}')
        return None
    before = len(look.notes.faults)
    label = look.text("label", needed=kind != "hidden")
    options = _options(look) if kind in CHOICE_TYPES else ()
    rules = _rules(look, kind, custom_rules=custom_rules)
    bare = Field(
        name=look.text("name"),
        type=kind,
        label=" ".join(label.split()),
        path=look.path,
        help=clean_html(look.text("help")),
        tooltip=look.text("tooltip") or look.text("title"),
        placeholder=look.text("placeholder"),
        options=options,
        multiple=kind in ("select", "file") and look.flag("multiple"),
        step=_step(look),
        show_preview=look.flag("show_preview"),
        rules=rules,
        show_if=show_if,
    )
    changes = {key: _given(look, key, bare, template=template) for key in ("value", "correct")}
    if changes["value"] is None and kind in CHOICE_TYPES:
        changes["value"] = _checked(look, bare)
    field = replace(bare, **changes)
    if len(look.notes.faults) == before and not template:
        _can_be_answered(look, field)
    return field


def _options(look: Look) -> tuple[Option, ...]:
    found: dict[str, Option] = {}
    for each in look.objects("options", most=MAX_OPTIONS):
        each.only(("value", "label", "checked", "id", "name"))
        if "value" not in each.values:
            each.fault("value", "is required.")
            continue
        value = _option_value(each.values["value"])
        if value is None:
            each.fault("value", f"must be a text; it is {kind_of(each.values['value'])}.")
            continue
        if value in found:
            each.fault("value", f'"{value[:60]}" is the value of two options.')
        elif value in ("__proto__",):
            each.fault("value", "is a word of the browser and cannot be a value.")
        found[value] = Option(value, each.text("label") or value)
    return tuple(found.values())


def _option_value(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | str):
        text = str(value)
        return text if len(text) <= 1000 else None
    return None


def _checked(look: Look, field: Field) -> Any:
    """What the options themselves say is chosen at first."""
    options = look.values.get("options")
    checked = [
        value
        for each in (options if isinstance(options, list) else ())
        if isinstance(each, Mapping) and each.get("checked") is True
        if (value := _option_value(each.get("value"))) is not None
    ]
    if not checked or field.type == "ranking":
        return None
    return usual_answer(field, checked if field.takes_several else checked[0])


def _rules(look: Look, kind: str, *, custom_rules: bool) -> Rules:
    value = look.values.get("validators")
    inner = look.inside(look.at("validators"), {} if value is None else value)
    if inner is None:
        return Rules()
    custom = {name: each for name, each in inner.values.items() if name not in RULES}
    if custom and not custom_rules:
        inner.only(RULES)
        custom = {}
    bound = _date_bound if kind == "date" else _number_bound
    has_bounds = kind in (*NUMBER_TYPES, "date")
    least, most = (bound(inner, key) if has_bounds else None for key in ("min", "max"))
    if kind == "slider":
        least, most = 0 if least is None else least, 100 if most is None else most
    rules = Rules(
        required=inner.flag("required"),
        min_length=inner.whole("minLength"),
        max_length=inner.whole("maxLength"),
        least=least,
        most=most,
        pattern=_pattern(inner) if kind in TEXT_TYPES else None,
        extensions=_extensions(inner) if kind == "file" else (),
        custom=custom,
    )
    if rules.min_length is not None and rules.max_length is not None and rules.min_length > rules.max_length:
        inner.fault("maxLength", f"is less than minLength, {rules.min_length}.")
    if least is not None and most is not None and (str(least) > str(most) if kind == "date" else least > most):  # type: ignore[operator]  # both are numbers where it is no date
        inner.fault("max", f"is less than min, {least}.")
    return rules


def _number_bound(look: Look, key: str) -> float | None:
    value = look.values.get(key)
    if value is None or value == "":
        return None
    number = to_number(value)
    if number is None:
        look.fault(key, f"must be a number; it is {kind_of(value)}.")
    return number


def _date_bound(look: Look, key: str) -> str | None:
    value = look.text(key)
    if value and not is_date(value):
        look.fault(key, f'must be a date like 2026-01-31; it is "{value[:40]}".')
        return None
    return value or None


def to_number(value: Any) -> float | None:
    """A number, or a text that is one; None for anything else, and for what is not finite or too large."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    if not math.isfinite(number) or abs(number) >= 1e15:
        return None
    return int(number) if number.is_integer() else number


def _pattern(look: Look) -> Pattern | None:
    value = look.values.get("regexp")
    if value is None or value == "":
        return None
    parts = [value] if isinstance(value, str) else value
    if not isinstance(parts, list) or not 1 <= len(parts) <= 2 or not all(isinstance(part, str) for part in parts):
        look.fault("regexp", 'must be a text, or a list of the text and its flags: ["^[a-z]+$", "i"].')
        return None
    try:
        return compile_pattern(*parts)
    except PatternFault as fault:
        look.fault("regexp", f"is no regular expression. {fault}")
    except RecursionError:
        look.fault("regexp", "is nested too deep.")
    return None


def _extensions(look: Look) -> tuple[str, ...]:
    value = look.values.get("fileExtension")
    if isinstance(value, str):
        value = [value]
    found = []
    for each in look.list_of("fileExtension", most=MAX_EXTENSIONS, needed=False) if value is None else value or ():
        text = each.strip().lower().lstrip(".") if isinstance(each, str) else ""
        if not text or len(text) > 20 or not text.replace(".", "").isalnum():
            look.fault("fileExtension", f'must hold endings like "png"; one is {kind_of(each)}.')
        else:
            found.append(text)
    return tuple(dict.fromkeys(found))


def _step(look: Look) -> float:
    value = look.values.get("step")
    if value is None or value == "":
        return 1
    number = to_number(value)
    if number is None or number <= 0:
        look.fault("step", "must be a number above 0.")
        return 1
    return number


def _given(look: Look, key: str, field: Field, *, template: bool) -> Any:
    """The first or the right answer, in the shape that answers have."""
    value = look.values.get(key)
    if value is None or value in ("", [], {}):
        return None
    if template and isinstance(value, str) and "{{" in value:
        return None
    if field.type == "file":
        look.fault(key, "A file cannot be filled in beforehand.")
        return None
    if field.type in NUMBER_TYPES:
        value = to_number(value) if not isinstance(value, list | dict) else None
    found = usual_answer(field, value)
    if found is None:
        look.fault(key, f"is no answer to this field; it is {kind_of(look.values[key])}.")
    elif isinstance(found, str) and len(found) > MAX_ANSWER:
        look.fault(key, f"is longer than {MAX_ANSWER} characters.")
    elif key == "correct" and not is_blank(found) and field_fault(field, found) is not None:
        look.fault(key, f"is refused by the field's own rules: {field_fault(field, found)}")
    return found


def _can_be_answered(look: Look, field: Field) -> None:
    """A form that nobody can hand in is found here, and not by the first worker."""
    if field.type == "hidden":
        return
    if field.type == "file":
        most = MAX_FILES if field.multiple else 1
        if (field.rules.min_length or 0) > most or (field.rules.required and field.rules.max_length == 0):
            look.fault("validators", f"A worker can choose {most} here at most; no choice fits these.")
        return
    if an_answer(field, 0) is None:
        look.fault("validators", "No answer was found that fits all of these at once.")
