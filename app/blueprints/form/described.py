"""A submission in words, and as the page that the worker filled in."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.blueprints.base import SubmissionView
from app.blueprints.form.answers import file_names
from app.blueprints.form.conditions import chosen, is_blank
from app.blueprints.form.html_text import plain_text
from app.blueprints.form.model import Field, Fieldset, Form
from app.blueprints.form.shown import Place, shown_places

_SHORT = 120
_SOURCE = re.compile(r'(<img\b[^>]*? src=")([^"]*)(")')


@dataclass(frozen=True)
class _Said:
    """One answer: the field's place, the question and the answer in words."""

    place: Place
    question: str
    text: str


def describe_answers(
    form: Form, outputs: Any, files: Sequence[Mapping[str, Any]], local_files: Mapping[str, Path]
) -> SubmissionView:
    """A submission for review; rubbish is shown as it is."""
    answers = outputs if isinstance(outputs, dict) else {}
    said = list(_said(form, answers, files))
    short, labels = _summary(form, outputs, said)
    pairs = [(each.question, each.text) for each in said]
    names = {field.name for field in form.fields} | {fieldset.name for fieldset in form.fieldsets()}
    pairs += [(str(name), str(value)) for name, value in answers.items() if name not in names]
    if not isinstance(outputs, dict) and outputs is not None:
        pairs.append(("Answer", str(outputs)))
    page = _Page(form, answers, files, local_files).write()
    return SubmissionView(answer=short, labels=labels, fields=tuple(pairs), html=page)


def summarize_answers(form: Form, outputs: Any, files: Sequence[Mapping[str, Any]]) -> tuple[str, tuple[str, ...]]:
    """The short line and the labels of a submission alone."""
    answers = outputs if isinstance(outputs, dict) else {}
    return _summary(form, outputs, list(_said(form, answers, files)))


def _summary(form: Form, outputs: Any, said: list[_Said]) -> tuple[str, tuple[str, ...]]:
    if not isinstance(outputs, dict):
        return str("" if outputs is None else outputs)[:_SHORT] or "no answer", ()
    chosen_fields = [field for field in form.fields if field.is_choice and field.type != "ranking"]
    labels = []
    for each in said:
        field = each.place.field
        if field in chosen_fields and each.text:
            values = chosen(each.place.answer)
            words = [
                field.option_labels.get(value, str(value)) if isinstance(value, str) else str(value) for value in values
            ]
            labels += words if len(chosen_fields) == 1 else [f"{each.question}: {word}" for word in words]
    short = " ".join(" · ".join(each.text for each in said if each.text.strip()).split())
    short = short if len(short) <= _SHORT else short[: _SHORT - 1] + "…"
    return short or "nothing was filled in", tuple(labels)


def _said(form: Form, answers: Mapping[str, Any], files: Sequence[Mapping[str, Any]]) -> Iterator[_Said]:
    sent = file_names(files)
    for place in shown_places(form, answers, frozenset(sent)):
        field = place.field
        if field.type == "hidden":
            continue
        question = field.label or field.name
        if place.block:
            block = place.fieldset.repeat if place.fieldset is not None else None
            question = f"{(block.label if block else '') or place.block} {place.entry + 1} · {question}"
        text = ", ".join(_file_texts(place.wire, files)) if field.type == "file" else answer_text(field, place.answer)
        yield _Said(place, question, text)


def answer_text(field: Field, answer: Any) -> str:
    """An answer in words: the labels of options, in order for a ranking."""
    if is_blank(answer):
        return ""
    if not field.is_choice:
        return str(answer)
    words = [
        field.option_labels.get(value, value) if isinstance(value, str) else str(value) for value in chosen(answer)
    ]
    if field.type == "ranking":
        return ", ".join(f"{place}. {word}" for place, word in enumerate(words, 1))
    return ", ".join(str(word) for word in words)


def _file_texts(wire: str, files: Sequence[Mapping[str, Any]]) -> list[str]:
    found = []
    for file in files:
        if isinstance(file, Mapping) and str(file.get("field", "")) == wire:
            size = file.get("size")
            told = f" ({max(1, round(size / 1024))} KB)" if isinstance(size, int) else ""
            found.append(f"{file.get('original_name') or file.get('filename') or 'a file'}{told}")
    return found


class _Page:
    """The filled form as plain HTML: what was not shown to the worker is not shown here."""

    def __init__(
        self,
        form: Form,
        answers: Mapping[str, Any],
        files: Sequence[Mapping[str, Any]],
        local_files: Mapping[str, Path],
    ) -> None:
        self._form = form
        self._answers = answers
        self._files = files
        self._local_files = local_files
        self._shown: dict[tuple[int, int], list[Place]] = {}
        for place in shown_places(form, answers, frozenset(file_names(files))):
            self._shown.setdefault((id(place.fieldset), place.entry), []).append(place)
        self._written: list[str] = []

    def write(self) -> str:
        self._add(f"<h2>{self._form.title}</h2>")
        self._html(self._form.instruction)
        for section in self._form.sections:
            shown = [each for each in section.fieldsets if self._entries(each)]
            if not shown:
                continue
            if section.title:
                self._add(f"<h3>{section.title}</h3>")
            self._html(section.instruction)
            for fieldset in shown:
                self._fieldset(fieldset)
        return "".join(self._written)

    def _entries(self, fieldset: Fieldset) -> list[int]:
        return sorted(entry for key, entry in self._shown if key == id(fieldset))

    def _fieldset(self, fieldset: Fieldset) -> None:
        if fieldset.title:
            self._add(f"<h4>{fieldset.title}</h4>")
        self._html(fieldset.instruction)
        for entry in self._entries(fieldset):
            if fieldset.repeat is not None:
                name = fieldset.repeat.label or plain_text(fieldset.title) or fieldset.name
                self._add(f"<p><b>{html.escape(name)} {entry + 1}</b></p>")
            for place in self._shown[id(fieldset), entry]:
                if place.field.type != "hidden":
                    self._field(place)

    def _field(self, place: Place) -> None:
        field = place.field
        star = " *" if field.rules.required else ""
        self._add(f"<p>{html.escape(field.label)}{star}<br>")
        if field.type == "ranking" and not is_blank(place.answer):
            words = answer_text(field, place.answer).split(", ")
            self._add("<br>".join(f"<b>{html.escape(word)}</b>" for word in words))
        elif field.type in ("radio", "checkbox"):
            self._add("<br>".join(self._options(field, place.answer)))
        else:
            texts = _file_texts(place.wire, self._files) if field.type == "file" else [answer_text(field, place.answer)]
            text = html.escape(", ".join(texts)).replace("\n", "<br>")
            self._add(f"<b>[&nbsp;{text or '—'}&nbsp;]</b>")
        self._add("</p>")
        self._html(field.help)

    def _options(self, field: Field, answer: Any) -> Iterator[str]:
        on, off = ("■", "□") if field.type == "checkbox" else ("●", "○")
        values = chosen(answer) if answer is not None else []
        for option in field.options:
            label = html.escape(option.label)
            yield f"<b>{on} {label}</b>" if option.value in values else f"{off} {label}"

    def _html(self, text: str) -> None:
        if text:
            self._add(f"<div>{_SOURCE.sub(self._local, text)}</div>")

    def _local(self, found: re.Match[str]) -> str:
        address = html.unescape(found.group(2))
        local = self._local_files.get("/" + address.removeprefix("./").removeprefix("/"))
        return f"{found.group(1)}{html.escape(local.as_uri()) if local else found.group(2)}{found.group(3)}"

    def _add(self, text: str) -> None:
        self._written.append(text)
