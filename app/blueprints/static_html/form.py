"""The form that is in an HTML page: its fields in order, their questions, options and rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

_NO_ANSWER = frozenset(("submit", "button", "reset", "image"))
_MAX_TEXT = 300


@dataclass
class FormField:
    """One field as it is submitted: all radio buttons of a name are one."""

    name: str
    kind: str
    """The input's type ("text", "radio", "checkbox", "file", "number", ...), "select" or "textarea"."""
    question: str = ""
    options: dict[str, str] = field(default_factory=dict)
    """Value -> the text beside it, for radio buttons, checkboxes and selections."""
    required: bool = False
    multiple: bool = False

    @property
    def is_choice(self) -> bool:
        """Whether the answer is one or more of `options`."""
        return self.kind in ("radio", "checkbox", "select")


def read_form(text: str) -> list[FormField]:
    """The fields of a page, in the order in which they stand."""
    reader = _FormReader()
    reader.feed(text)
    reader.close()
    return reader.fields()


@dataclass
class _Text:
    """Text that is being collected for a label, a legend or an option; `target` is the id it belongs to."""

    target: str = ""
    parts: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return " ".join("".join(self.parts).split())[:_MAX_TEXT]


@dataclass
class _Control:
    name: str
    kind: str
    attrs: dict[str, str]
    label: _Text | None
    group: _Text | None
    options: list[tuple[str | None, _Text]] = field(default_factory=list)


class _FormReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._controls: list[_Control] = []
        self._labels: list[_Text] = []
        self._for: dict[str, _Text] = {}
        self._groups: list[_Text] = []
        self._legend: _Text | None = None
        self._by_id: dict[str, _Text] = {}
        self._open_ids: list[tuple[str, _Text]] = []
        self._select: _Control | None = None
        self._option: _Text | None = None
        self._silent = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if found.get("id") and tag not in ("input", "img", "br", "hr", "option"):
            text = self._by_id.setdefault(found["id"], _Text())
            self._open_ids.append((tag, text))
        if tag == "label":
            label = _Text(found.get("for", ""))
            self._labels.append(label)
            if label.target:
                self._for[label.target] = label
        elif tag == "fieldset":
            self._groups.append(_Text())
        elif tag == "legend" and self._groups:
            self._legend = self._groups[-1]
        elif tag in ("input", "textarea", "select"):
            self._control(tag, found)
        elif tag == "option" and self._select is not None:
            self._option = _Text()
            self._select.options.append((found.get("value") if "value" in found else None, self._option))
        elif tag in ("script", "style"):
            self._silent = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == "label" and self._labels:
            self._labels.pop()
        elif tag == "fieldset" and self._groups:
            self._groups.pop()
        elif tag == "legend":
            self._legend = None
        elif tag == "select":
            self._select = self._option = None
        elif tag == "option":
            self._option = None
        elif tag in ("textarea", "script", "style") and tag == self._silent:
            self._silent = ""
        for place in range(len(self._open_ids) - 1, -1, -1):
            if self._open_ids[place][0] == tag:
                del self._open_ids[place:]
                break

    def handle_data(self, data: str) -> None:
        if self._silent:
            return
        if self._option is not None:
            self._option.parts.append(data)
            return
        if self._select is not None:
            return
        for label in self._labels:
            label.parts.append(data)
        if self._legend is not None:
            self._legend.parts.append(data)
        for _, text in self._open_ids:
            text.parts.append(data)

    def _control(self, tag: str, attrs: dict[str, str]) -> None:
        kind = attrs.get("type", "text").strip().lower() if tag == "input" else tag
        if tag == "textarea":
            self._silent = "textarea"
        label = self._labels[-1] if self._labels else None
        control = _Control(
            attrs.get("name", ""), kind or "text", attrs, label, self._groups[-1] if self._groups else None
        )
        if tag == "select":
            self._select = control
        if control.name and control.kind not in _NO_ANSWER:
            self._controls.append(control)

    def fields(self) -> list[FormField]:
        made: dict[str, FormField] = {}
        for control in self._controls:
            label = self._label_of(control)
            there = made.get(control.name)
            if there is None:
                question = label
                grouped = control.kind == "radio" or (
                    control.kind == "checkbox" and sum(c.name == control.name for c in self._controls) > 1
                )
                if grouped:
                    question = str(control.group or "")
                there = made[control.name] = FormField(
                    control.name, control.kind, question or humanise(control.name), multiple="multiple" in control.attrs
                )
            elif control.kind == "checkbox" or not there.is_choice:
                there.multiple = True
            there.required = there.required or "required" in control.attrs
            if control.kind in ("radio", "checkbox"):
                value = control.attrs.get("value", "on")
                there.options.setdefault(value, label or value)
            for value_or_none, text in control.options:
                value = str(text) if value_or_none is None else value_or_none
                there.options.setdefault(value, str(text) or value)
        return list(made.values())

    def _label_of(self, control: _Control) -> str:
        attrs = control.attrs
        candidates = [
            str(self._for.get(attrs.get("id", ""), "")) if attrs.get("id") else "",
            str(control.label or ""),
            attrs.get("aria-label", ""),
            " ".join(str(self._by_id.get(name, "")) for name in attrs.get("aria-labelledby", "").split()),
            attrs.get("title", ""),
            attrs.get("placeholder", ""),
        ]
        return next((" ".join(text.split())[:_MAX_TEXT] for text in candidates if text.strip()), "")


def humanise(name: str) -> str:
    """A field's name as words: `first_name` -> "First name"."""
    words = name.replace("_", " ").replace("-", " ").strip()
    return words[:1].upper() + words[1:] if words else name
