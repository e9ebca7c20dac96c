"""Which fields are shown, given the answers: in the order of the form, so that what is hidden hides what needs it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.blueprints.form.conditions import Condition
from app.blueprints.form.model import Field, Fieldset, Form


@dataclass(frozen=True)
class Place:
    """A field that is shown: `block` and `entry` say where in a repeated block."""

    field: Field
    answer: Any
    block: str = ""
    entry: int = 0
    fieldset: Fieldset | None = None

    @property
    def wire(self) -> str:
        """The name that its files are sent under."""
        return f"{self.block}.{self.entry}.{self.field.name}" if self.block else self.field.name


def holds(condition: Condition | None, seen: Mapping[str, Any]) -> bool:
    """Whether a part with this condition is shown, `seen` being what was answered before it."""
    return condition is None or condition.holds(seen)


def shown_places(
    form: Form, answers: Mapping[str, Any], files: frozenset[str] = frozenset(), *, assume_files: bool = False
) -> Iterator[Place]:
    """Every field that is shown, in order. Answers of hidden fields do not count for what follows.

    `files` are the wire names of the fields that have files; `assume_files`: fields that require one have one.
    """
    seen: dict[str, Any] = {}
    for fieldset in _fieldsets(form, seen):
        if fieldset.repeat is None:
            yield from _rows(Place(_NOTHING, None, fieldset=fieldset), answers, seen, files, assume_files)
            continue
        entries = answers.get(fieldset.name)
        for number, entry in enumerate(entries if isinstance(entries, list) else ()):
            where = Place(_NOTHING, None, fieldset.name, number, fieldset)
            yield from _rows(where, entry if isinstance(entry, Mapping) else {}, dict(seen), files, assume_files)


def shown_blocks(form: Form, answers: Mapping[str, Any], files: frozenset[str] = frozenset()) -> Iterator[Fieldset]:
    """The repeated blocks that are shown."""
    seen: dict[str, Any] = {}
    for fieldset in _fieldsets(form, seen):
        if fieldset.repeat is not None:
            yield fieldset
        else:
            for _ in _rows(Place(_NOTHING, None, fieldset=fieldset), answers, seen, files, False):
                pass


_NOTHING = Field("", "input", "")


def _fieldsets(form: Form, seen: Mapping[str, Any]) -> Iterator[Fieldset]:
    for section in form.sections:
        if holds(section.show_if, seen):
            for fieldset in section.fieldsets:
                if holds(fieldset.show_if, seen):
                    yield fieldset


def _rows(
    where: Place, answers: Mapping[str, Any], seen: dict[str, Any], files: frozenset[str], assume_files: bool
) -> Iterator[Place]:
    assert where.fieldset is not None
    for row in where.fieldset.rows:
        if not holds(row.show_if, seen):
            continue
        for field in row.fields:
            if not holds(field.show_if, seen):
                continue
            place = Place(field, answers.get(field.name), where.block, where.entry, where.fieldset)
            if field.type == "file":
                has_file = place.wire in files or (assume_files and field.rules.required)
                seen[field.name] = ["file"] if has_file else None
            else:
                seen[field.name] = place.answer
            yield place
