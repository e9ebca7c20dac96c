"""The launch form while it is filled in: which fields there are, what was entered, which kinds are chosen."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.architects import registry as architects
from app.blueprints import registry as blueprints
from app.operations.configuration.composition import SECTIONS, type_key
from app.operations.configuration.config import RunConfig, TaskArgs
from app.providers import registry as providers
from app.viewmodels.launch_check import KindChoice
from app.viewmodels.launch_form import FieldSpec, FormValues, field_specs

_PROVIDERS = {
    "inhouse": ("In-house", "signed links, your own people"),
    "mock": ("Mock", "in memory: no people, no money"),
}
_ARCHITECTS = {
    "local": ("This computer", "pages served from here"),
    "mock": ("Mock", "recorded calls, nothing is served"),
}


class LaunchForm(QObject):
    """The form's fields and values. `replaced()`: the fields are others now; `edited()`: a value is another."""

    replaced = Signal()
    edited = Signal()

    def __init__(self, currency: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._usual_currency = currency
        self.values = self.empty()

    def blueprint_choices(self) -> list[KindChoice]:
        """The kinds of task."""
        return [KindChoice(kind, blueprints.get(kind).TITLE) for kind in blueprints.names()]

    def provider_choices(self) -> list[KindChoice]:
        """Where workers can come from."""
        return [KindChoice(kind, *_words_of(kind, _PROVIDERS)) for kind in providers.names()]

    def architect_choices(self) -> list[KindChoice]:
        """Where pages can be served."""
        return [KindChoice(kind, *_words_of(kind, _ARCHITECTS)) for kind in architects.names()]

    def specs(self, section: str) -> list[FieldSpec]:
        """The fields of "task", "blueprint", "provider" or "architect", as the kinds are chosen now."""
        return field_specs(section, _args_class(section, self.values.kinds().get(section, "")))

    def all_specs(self) -> list[FieldSpec]:
        """The fields of all sections."""
        return [spec for section in SECTIONS for spec in self.specs(section)]

    @property
    def currency(self) -> str:
        """The currency of the form."""
        return str(self.values.entered.get("task.currency") or self._usual_currency)

    @property
    def title(self) -> str:
        """What the head of the page says."""
        return str(self.values.entered.get("task.task_title") or "").strip() or "New task"

    def enter(self, key: str, value: Any) -> None:
        """A field was edited."""
        before = self.title
        self.values.put(key, value)
        if key == "task.task_title" and self._name_follows(before):
            self.values.put("task.task_name", _name_of(str(value)))
        self.edited.emit()

    def set_kind(self, section: str, kind: str) -> None:
        """Choose another blueprint, provider or architect; values of the same names stay."""
        name = f"{section}_type"
        if getattr(self.values, name) != kind:
            setattr(self.values, name, kind)
            self.replaced.emit()

    def is_untouched(self) -> bool:
        """Whether nothing was entered yet."""
        return not any(value for key, value in self.values.entered.items() if key != "task.currency")

    def start_over(self) -> None:
        """An empty form."""
        self.replace(self.empty())

    def replace(self, values: FormValues) -> None:
        """Take other values as a whole."""
        self.values = values
        self.replaced.emit()

    def mapping(self) -> dict[str, dict[str, Any]]:
        """`{section: {name: value}}` of what differs from the defaults."""
        return self.values.mapping(self.all_specs())

    def empty(self) -> FormValues:
        """The values of a form that nobody filled in."""
        values = FormValues("image_label", "inhouse", "local", Path.home())
        values.put("task.currency", self._usual_currency)
        return values

    def _name_follows(self, title: str) -> bool:
        """Whether the task's name was made from its title, and so changes with it."""
        name = str(self.values.entered.get("task.task_name") or "")
        return not name or name == _name_of(title)


def values_of(config: RunConfig) -> FormValues:
    """A form that says what a configuration says."""
    values = FormValues(config.blueprint_type, config.provider_type, config.architect_type, config.base_dir)
    for section in SECTIONS:
        args = getattr(config, section)
        for item in fields(args):
            if not item.name.startswith("_"):
                values.put(f"{section}.{item.name}", getattr(args, item.name))
    return values


def draft_values(
    draft: Mapping[str, Mapping[str, Any]], base_dir: Path, usual: FormValues
) -> tuple[FormValues, list[str]]:
    """A form that says what a task file says, wrong values too, and the keys that it has no field for.

    `usual` says what a draft that names no kind, no currency is meant to be.
    """
    kinds = {section: str(draft[section].get(type_key(section)) or kind) for section, kind in usual.kinds().items()}
    values = FormValues(kinds["blueprint"], kinds["provider"], kinds["architect"], base_dir, dict(usual.entered))
    left_out = []
    for section in SECTIONS:
        known = {item.name for item in fields(_args_class(section, kinds.get(section, "")))}
        for name, value in draft[section].items():
            if name not in known:
                left_out.append(f"{section}.{name}")
            elif not name.startswith("_"):
                values.put(f"{section}.{name}", value)
    return values, left_out


def _args_class(section: str, kind: str) -> type[Any]:
    """The arguments of a section, for the kind that is chosen there."""
    if section == "blueprint":
        return blueprints.get(kind).ArgsClass
    if section == "provider":
        return providers.get(kind).ArgsClass
    if section == "architect":
        return architects.get(kind).ArgsClass
    return TaskArgs


def _words_of(kind: str, words: dict[str, tuple[str, str]]) -> tuple[str, str]:
    return words.get(kind, (kind.replace("_", " ").capitalize(), ""))


def _name_of(title: str) -> str:
    """A task name made of a title: "Label chest images" becomes "label-chest-images"."""
    return "-".join(re.findall(r"[\w]+", title.lower()))[:80]
