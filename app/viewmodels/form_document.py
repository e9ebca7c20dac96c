"""A form while it is edited: plain JSON with paths to its sections, fieldsets, rows and fields. No Qt."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from app.blueprints.form.model import CHOICE_TYPES
from app.errors import ConfigError

Path = tuple[int, ...]
"""() is the form itself, (1,) its second section, (1, 0, 2, 0) a field."""
KINDS = ("form", "section", "fieldset", "row", "field")
LISTS = ("sections", "fieldsets", "rows", "fields")


class FormDocument:
    """One form. Every change goes through here; `value` is what a file holds."""

    def __init__(self, value: Any = None) -> None:
        """`ConfigError` when it has not even the shape of a form; everything else can be mended here."""
        self.value: dict[str, Any] = copy.deepcopy(value) if value is not None else new_form()
        _check_shape(self.form)

    @property
    def form(self) -> Any:
        """The form itself, which may stand under `form`."""
        if isinstance(self.value, dict) and "form" in self.value and "sections" not in self.value:
            return self.value["form"]
        return self.value

    def node(self, path: Path) -> dict[str, Any]:
        """What a path leads to."""
        found = self.form
        for depth, place in enumerate(path):
            found = found[LISTS[depth]][place]
        result: dict[str, Any] = found
        return result

    def children(self, path: Path) -> list[dict[str, Any]]:
        """What is directly in it; a field has none."""
        if len(path) == len(LISTS):
            return []
        found: list[dict[str, Any]] = self.node(path)[LISTS[len(path)]]
        return found

    def walk(self, path: Path = ()) -> Iterator[Path]:
        """Every path from this on, in the order of the form."""
        yield path
        for place in range(len(self.children(path))):
            yield from self.walk((*path, place))

    def insert(self, parent: Path, place: int, node: dict[str, Any]) -> Path:
        """Put a node in, with names that nobody else has."""
        taken = self.names()
        _rename(node, taken)
        self.children(parent).insert(place, node)
        return (*parent, place)

    def add(self, kind: str, near: Path) -> Path:
        """A new part, or field of a type, after the one at `near` or at the end of it; what it needs around is made."""
        depth = KINDS.index(kind) if kind in KINDS else len(LISTS)
        if len(near) >= depth:
            return self.insert(near[: depth - 1], near[depth - 1] + 1, new_node(kind))
        parent = near
        while len(parent) < depth - 1:
            if not self.children(parent):
                self.insert(parent, 0, {LISTS[len(parent) + 1]: []})
            parent = (*parent, len(self.children(parent)) - 1)
        return self.insert(parent, len(self.children(parent)), new_node(kind))

    def duplicate(self, path: Path) -> Path:
        """The same part once more, behind it."""
        return self.insert(path[:-1], path[-1] + 1, copy.deepcopy(self.node(path)))

    def set_type(self, path: Path, kind: str) -> Path:
        """Another type of field: what only the old one could have goes, what both have stays."""
        node, fresh = self.node(path), new_node(kind)
        node["type"] = kind
        if "options" in fresh:
            node.setdefault("options", fresh["options"])
        else:
            node.pop("options", None)
        for key in ("value", "correct", "multiple", "step"):
            node.pop(key, None)
        rules = node.pop("validators", None)
        kept = {"required": rules["required"]} if isinstance(rules, dict) and "required" in rules else {}
        if rules := kept | fresh.get("validators", {}):
            node["validators"] = rules
        return path

    def remove(self, path: Path) -> Path:
        """Take a node out; returns what stands there or near it now."""
        siblings = self.children(path[:-1])
        del siblings[path[-1]]
        if siblings:
            return (*path[:-1], min(path[-1], len(siblings) - 1))
        # a row without fields says nothing: it goes with its last field
        return self.remove(path[:-1]) if KINDS[len(path)] == "field" else path[:-1]

    def move(self, path: Path, parent: Path, place: int) -> Path:
        """Take a node elsewhere; `place` counts before it is taken out. Returns its new path."""
        siblings = self.children(path[:-1])
        target = self.children(parent)
        node = siblings[path[-1]]
        if siblings is target and place > path[-1]:
            place -= 1
        del siblings[path[-1]]
        target.insert(place, node)
        if not siblings and KINDS[len(path)] == "field":
            del self.children(path[:-2])[path[-2]]
        return self._find(node)

    def can_hold(self, parent: Path, path: Path) -> bool:
        """Whether a node may be put into a parent: of the right kind, and not into itself."""
        return len(parent) == len(path) - 1 and parent[: len(path)] != path

    def step(self, path: Path, *, down: bool) -> Path:
        """Move a node one step up or down, over to the next parent at the end of one; as it is at the very end."""
        if not path:
            return path
        parent, place = path[:-1], path[-1]
        if 0 <= place + (1 if down else -1) < len(self.children(parent)):
            return self.move(path, parent, place + 2 if down else place - 1)
        homes = [each for each in self.walk() if len(each) == len(parent)]
        at = homes.index(parent) + (1 if down else -1)
        if not 0 <= at < len(homes) or not parent:
            return path
        return self.move(path, homes[at], 0 if down else len(self.children(homes[at])))

    def names(self) -> set[str]:
        """Every name that is taken."""
        return {str(self.node(path).get("name")) for path in self.walk() if self.node(path).get("name")}

    def fields_before(self, path: Path) -> list[dict[str, Any]]:
        """The fields that a condition of this part can look at."""
        return [self.node(each) for each in self.walk() if len(each) == len(LISTS) and each < path]

    def path_of(self, text: str) -> Path:
        """The node that the path of a fault names: `form.sections[0].title`."""
        found: list[int] = []
        for depth, part in enumerate(text.split(".")[1 : len(LISTS) + 1]):
            name, _, rest = part.partition("[")
            number = rest.rstrip("]")
            if name != LISTS[depth] or not number.isdigit() or int(number) >= len(self.children(tuple(found))):
                break
            found.append(int(number))
        return tuple(found)

    def _find(self, node: dict[str, Any]) -> Path:
        return next(path for path in self.walk() if self.node(path) is node)


def new_form() -> dict[str, Any]:
    """A form to begin with: one question."""
    section = new_node("section")
    section["fieldsets"][0]["rows"][0]["fields"][0]["name"] = "answer"
    return {
        "form": {"title": "A new form", "instruction": "", "sections": [section], "submit_button": {"text": "Submit"}}
    }


def new_node(kind: str) -> dict[str, Any]:
    """A new section, fieldset, row, or a field of that type."""
    if kind == "section":
        return {"title": "A section", "fieldsets": [new_node("fieldset")]}
    if kind == "fieldset":
        return {"rows": [new_node("row")]}
    if kind == "row":
        return {"fields": [new_node("input")]}
    made: dict[str, Any] = {"name": kind, "type": kind, "label": "A question"}
    if kind in CHOICE_TYPES:
        made["options"] = [{"label": "First", "value": "first"}, {"label": "Second", "value": "second"}]
    if kind == "slider":
        made["validators"] = {"min": 0, "max": 10}
    return made


def path_text(path: Path) -> str:
    """A path as faults name it: `form.sections[0].fieldsets[1]`."""
    return "form" + "".join(f".{LISTS[depth]}[{place}]" for depth, place in enumerate(path))


def title_of(node: dict[str, Any], kind: str) -> str:
    """What the outline calls a node."""
    words = node.get("label") if kind == "field" else node.get("title")
    if kind == "row":
        fields = [title_of(field, "field") for field in node["fields"]]
        return " + ".join(fields) if len(fields) > 1 else "Row"
    text = " ".join(str(words or node.get("name") or "").split())
    return text or kind.capitalize()


def _rename(node: dict[str, Any], taken: set[str]) -> None:
    """Give names that are taken a number behind; conditions inside the node follow."""
    changed: dict[str, str] = {}
    for part in _parts(node):
        name = part.get("name")
        if isinstance(name, str) and name in taken:
            number = 2
            while f"{name}_{number}" in taken:
                number += 1
            changed[name] = part["name"] = f"{name}_{number}"
        if part.get("name"):
            taken.add(str(part["name"]))
    for part in _parts(node):
        _follow(part.get("show_if"), changed)


def _parts(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for name in LISTS:
        for part in node.get(name, ()):
            yield from _parts(part)


def _follow(condition: Any, changed: dict[str, str]) -> None:
    if isinstance(condition, dict):
        if condition.get("field") in changed:
            condition["field"] = changed[condition["field"]]
        for part in condition.values():
            _follow(part, changed)
    elif isinstance(condition, list):
        for part in condition:
            _follow(part, changed)


def _check_shape(form: Any, depth: int = 0, path: str = "form") -> None:
    if not isinstance(form, dict):
        raise ConfigError(f"{path} must be an object {{...}}. Mend it in a text editor first.")
    if depth == len(LISTS):
        return
    inner = form.setdefault(LISTS[depth], [])
    if not isinstance(inner, list):
        raise ConfigError(f"{path}.{LISTS[depth]} must be a list. Mend it in a text editor first.")
    for place, part in enumerate(inner):
        _check_shape(part, depth + 1, f"{path}.{LISTS[depth]}[{place}]")
