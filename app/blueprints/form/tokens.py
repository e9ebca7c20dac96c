"""`{{name}}` in a form: which there are, and a form filled with one row of data."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from app.blueprints.form.faults import MAX_TEXT, FormFault

TOKEN = re.compile(r"\{\{\s*([^{}]{1,300}?)\s*\}\}")
FILLED_KEYS = ("title", "instruction", "help", "label", "tooltip", "placeholder", "value", "text", "correct")
"""Where tokens are filled in; of options "value" and "label" too, and the values that conditions compare with."""
MAX_COPIES = 200
MAX_FILLED = 500_000
"""Characters of one text once it is filled."""
_WORD_KEYS = ("title", "instruction", "help", "label", "tooltip", "placeholder")
_CONDITION_KEYS = ("is", "is_not", "in", "has", "at_least", "at_most")
_COMPARED = frozenset(_CONDITION_KEYS)


class TokenFault(ValueError):
    """A token that has no value in this row, or a value that cannot stand there."""

    def __init__(self, fault: FormFault) -> None:
        super().__init__(str(fault))
        self.fault = fault


def tokens_of(form: Any) -> list[str]:
    """The tokens that a row must fill, each once; those that a block takes from its own list are left out."""
    found: dict[str, None] = {}
    for name in _tokens_in(form):
        found.setdefault(name)
    return list(found)


class PlainTokens:
    """A look at rows without making the form: where tokens stand in words only, any words make a right form."""

    def __init__(self, form: Any) -> None:
        found = [(path, key, text) for path, key, text in _texts(_inner(form), "form") if TOKEN.search(text)]
        self.is_possible = not any(_repeated(form)) and all(key in _WORD_KEYS for _, key, _ in found)
        self._texts = found

    def are_filled_by(self, row: Mapping[str, Any]) -> bool:
        """Whether a row fills every token; False when it has to be looked at in full. `TokenFault` as `fill_form`."""
        if not self.is_possible:
            return False
        for path, key, text in self._texts:
            filled = _filled(text, lambda where, name: _value(row, where, name), path)
            if len(filled) > MAX_TEXT or (key in ("label", "title") and not filled.strip()):
                return False
        return True


def sample_row(form: Any) -> dict[str, Any]:
    """A row that fills every token with its own name, for a look at a form that has no data yet."""
    row: dict[str, Any] = {}
    for fieldset in _repeated(form):
        inner = {name for name in _all_tokens(fieldset) if name.split(".")[0] == "item"}
        entry: Any = "[item]"
        for name in sorted(inner - {"item"}):
            entry = {} if isinstance(entry, str) else entry
            _put(entry, name.split(".")[1:], f"[{name}]")
        _put(row, fieldset["for_each"].strip().split("."), [entry, entry])
    for name in tokens_of(form):
        if _find(row, name) is None:
            row[name] = f"[{name}]"
    return row or {"row": "1"}


def misplaced(form: Any) -> Iterator[FormFault]:
    """Tokens where none is filled in."""
    for where, key, text in _texts(_inner(form), "form"):
        if key not in FILLED_KEYS and key not in _COMPARED and TOKEN.search(text):
            yield FormFault(where, f"holds {TOKEN.findall(text)[0]!r}; tokens are filled in {', '.join(FILLED_KEYS)}.")


def fill_form(form: Any, row: Mapping[str, Any]) -> Any:
    """A copy of the form with the row in it and blocks of the data repeated. `TokenFault` when something is missing."""
    made = copy.deepcopy(form)
    _repeat_blocks(made, row)
    _fill(_inner(made), lambda path, name: _value(row, path, name), "form")
    return made


def _inner(form: Any) -> Any:
    """The form itself, where it stands under `form`."""
    return form["form"] if isinstance(form, dict) and "form" in form and "sections" not in form else form


def _tokens_in(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        source = value.get("for_each")
        if isinstance(source, str) and source:
            yield source.strip()
            inner = (name for key, part in value.items() if key != "for_each" for name in _tokens_in({key: part}))
            yield from (name for name in inner if name != "number" and name.split(".")[0] != "item")
            return
        for key, part in value.items():
            if isinstance(part, str):
                if key in FILLED_KEYS or key in _COMPARED:
                    yield from TOKEN.findall(part)
            else:
                yield from _tokens_in(part)
    elif isinstance(value, list):
        for part in value:
            yield from TOKEN.findall(part) if isinstance(part, str) else _tokens_in(part)


def _repeated(value: Any) -> Iterator[dict[str, Any]]:
    """The fieldsets that are made for each entry of a list."""
    if isinstance(value, dict):
        if isinstance(value.get("for_each"), str) and value["for_each"].strip():
            yield value
        for part in value.values():
            yield from _repeated(part)
    elif isinstance(value, list):
        for part in value:
            yield from _repeated(part)


def _all_tokens(value: Any) -> set[str]:
    return {name for _, _, text in _texts(value, "") for name in TOKEN.findall(text)}


def _put(holder: dict[str, Any], parts: list[str], value: Any) -> None:
    for part in parts[:-1]:
        inner = holder.get(part)
        if not isinstance(inner, dict):
            inner = holder[part] = {}
        holder = inner
    holder[parts[-1]] = value


def _texts(value: Any, path: str) -> Iterator[tuple[str, str, str]]:
    if isinstance(value, Mapping):
        for key, part in value.items():
            if isinstance(part, str):
                yield f"{path}.{key}", str(key), part
            else:
                yield from _texts(part, f"{path}.{key}")
    elif isinstance(value, list):
        for place, part in enumerate(value):
            yield from _texts(part, f"{path}[{place}]")


def _fill(value: Any, look_up: Callable[[str, str], str], path: str) -> None:
    if isinstance(value, dict):
        for key, part in value.items():
            where = f"{path}.{key}"
            if isinstance(part, str):
                if (key in FILLED_KEYS or key in _COMPARED) and "{{" in part:
                    value[key] = _filled(part, look_up, where)
            elif isinstance(part, list) and (key in ("value", "correct") or key in _COMPARED):
                value[key] = [_filled(each, look_up, where) if isinstance(each, str) else each for each in part]
            else:
                _fill(part, look_up, where)
    elif isinstance(value, list):
        for place, part in enumerate(value):
            _fill(part, look_up, f"{path}[{place}]")


def _filled(text: str, look_up: Callable[[str, str], str], path: str) -> str:
    filled = TOKEN.sub(lambda found: look_up(path, found.group(1)), text)
    if len(filled) > MAX_FILLED:
        raise TokenFault(FormFault(path, f"is longer than {MAX_FILLED} characters once it is filled in."))
    return filled


def _value(row: Mapping[str, Any], path: str, name: str) -> str:
    if name.startswith("getPresignedUrl"):
        raise TokenFault(
            FormFault(path, "asks for a signed address of a storage service; give an address that anybody can open.")
        )
    found = _find(row, name)
    if found is None:
        raise TokenFault(FormFault(path, f"{{{{{name}}}}} has no value in this row."))
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, list | Mapping):
        raise TokenFault(FormFault(path, f"{{{{{name}}}}} is a list or an object; a text or a number can stand there."))
    return str(found)


def _find(row: Mapping[str, Any], name: str) -> Any:
    if name in row:
        return "" if row[name] is None else row[name]
    found: Any = row
    for part in name.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return None
        found = found[part]
    return "" if found is None else found


def _repeat_blocks(form: Any, row: Mapping[str, Any]) -> None:
    inner = _inner(form)
    sections = inner.get("sections") if isinstance(inner, dict) else None
    for number, section in enumerate(sections if isinstance(sections, list) else ()):
        fieldsets = section.get("fieldsets") if isinstance(section, dict) else None
        if not isinstance(fieldsets, list):
            continue
        made: list[Any] = []
        for place, fieldset in enumerate(fieldsets):
            source = fieldset.get("for_each") if isinstance(fieldset, dict) else None
            path = f"form.sections[{number}].fieldsets[{place}].for_each"
            made += _copies(fieldset, source, row, path) if isinstance(source, str) and source else [fieldset]
        section["fieldsets"] = made


def _copies(fieldset: dict[str, Any], source: str, row: Mapping[str, Any], path: str) -> list[Any]:
    entries = _find(row, source.strip())
    if isinstance(entries, str):
        try:
            entries = json.loads(entries)
        except (ValueError, RecursionError):
            entries = None
    if not isinstance(entries, list):
        raise TokenFault(
            FormFault(path, f'"{source}" is no list in this row; a block is made for each of its entries.')
        )
    if len(entries) > MAX_COPIES:
        raise TokenFault(FormFault(path, f'"{source}" holds {len(entries)} entries; {MAX_COPIES} is the most.'))
    names = _names_in(fieldset)
    return [_one_copy(fieldset, names, number, entry, path) for number, entry in enumerate(entries, 1)]


def _one_copy(fieldset: dict[str, Any], names: set[str], number: int, entry: Any, path: str) -> dict[str, Any]:
    made = copy.deepcopy({key: value for key, value in fieldset.items() if key != "for_each"})
    data = {"item": entry, "number": number}

    def look_up(where: str, name: str) -> str:
        if name == "number" or name.split(".")[0] == "item":
            return _value(data, where, name)
        return f"{{{{{name}}}}}"

    _fill(made, look_up, path.removesuffix(".for_each"))
    _rename(made, names, f"_{number}")
    return made


def _names_in(fieldset: Any) -> set[str]:
    if isinstance(fieldset, Mapping):
        own = {fieldset["name"]} if isinstance(fieldset.get("name"), str) and "type" in fieldset else set()
        return own | {name for part in fieldset.values() for name in _names_in(part)}
    if isinstance(fieldset, list):
        return {name for part in fieldset for name in _names_in(part)}
    return set()


def _rename(value: Any, names: set[str], ending: str) -> None:
    if isinstance(value, dict):
        for key in ("name", "field"):
            if isinstance(value.get(key), str) and value[key] in names:
                value[key] += ending
        for part in value.values():
            _rename(part, names, ending)
    elif isinstance(value, list):
        for part in value:
            _rename(part, names, ending)
