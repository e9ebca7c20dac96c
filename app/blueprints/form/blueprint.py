"""Forms that are described in JSON: our own, and those of Form Composer as they are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, islice
from pathlib import Path
from typing import Any, ClassVar, cast

from app.args import arg
from app.blueprints.base import AssignmentData, Blueprint, BlueprintArgs, PageSet, RowError, SubmissionView
from app.blueprints.form.answers import check_answers, check_truth, holds_truth, is_right
from app.blueprints.form.described import describe_answers, summarize_answers
from app.blueprints.form.faults import FormError
from app.blueprints.form.form_files import load_forms, scripts_of
from app.blueprints.form.form_rows import FormRows
from app.blueprints.form.html_text import sources
from app.blueprints.form.made_answers import made_answers, made_files
from app.blueprints.form.model import Form
from app.blueprints.form.parse import parse_form
from app.blueprints.form.tokens import TokenFault, misplaced, tokens_of
from app.blueprints.rows import RowArgs
from app.blueprints.served_files import (
    check_image_origins,
    client_files,
    image_origin,
    list_extra_files,
    page_map,
    plain_inputs,
)
from app.errors import ConfigError

TRUTH_FIELDS = ("truth",)
"""Fields of a row that are for rehearsals and checks; they are never sent to a worker."""
_NO_FORM = Form("A form that is not there any more", ())


@dataclass
class FormArgs(RowArgs):
    """What a task of forms can be told."""

    _blueprint_type: str = arg("form", help="The kind of task.")
    form_file: str = arg(
        "",
        help="The form, in JSON: one, or a list of several (a task_data.json of Form Composer). "
        "{{name}} in its texts is filled in from the data.",
        kind="form",
        label="Form",
        required=True,
    )
    token_file: str = arg(
        "",
        help="Values of the tokens as Form Composer keeps them: token_sets_values_config.json or "
        "separate_token_values_config.json. Empty: the one beside the form, when there is no other data.",
        kind="file",
        group="data",
    )
    extra_source_dir: str = arg(
        "", help="Files that the form shows: pictures, sounds.", kind="folder", label="Extra files"
    )
    onboarding_form: str = arg(
        "", help='The form of the onboarding; a field\'s "correct" says what is right.', kind="file", group="advanced"
    )


class FormBlueprint(Blueprint):
    """A form, one or several workers per row of data."""

    BLUEPRINT_TYPE: ClassVar[str] = "form"
    TITLE: ClassVar[str] = "Forms"
    ArgsClass: ClassVar[type[BlueprintArgs]] = FormArgs
    HAS_ONBOARDING: ClassVar[bool] = True

    def __init__(self, args: BlueprintArgs, base_dir: Path) -> None:
        super().__init__(args, base_dir)
        self._args = cast(FormArgs, args)
        self._loaded: FormRows | None = None
        self._onboarding: Form | None = None
        self._extra: dict[str, Path] | None = None
        self._known: list[Mapping[str, Any]] = []

    @classmethod
    def assert_task_args(cls, args: BlueprintArgs, base_dir: Path) -> None:
        """The form can be read, its tokens are in the data, and the first row fills it."""
        task = cls(args, base_dir)
        rows = task._rows()
        rows.check()
        for form in rows.forms:
            faults = list(misplaced(form))
            if faults:
                raise FormError(faults, key="blueprint.form_file", file=rows.path.name)
            rows.parse(form, template=bool(tokens_of(form)))
        if task._args.onboarding_form:
            task._onboarding_form()
        elif task._args.onboarding_qualification:
            raise ConfigError(
                "The onboarding has no form. Give onboarding_form, or take onboarding_qualification out.",
                key="blueprint.onboarding_form",
            )
        next(task.iter_assignments())
        task._extra_files()

    def iter_assignments(self, start: int = 0) -> Iterator[AssignmentData]:
        """One assignment per row that fills the form, or per form of a list."""
        empty: list[Mapping[str, Any]] = [{} for _ in range(self._args.units_per_assignment)]
        rows = self._rows()
        some = False
        for row in islice(rows.usable(), start, None):
            some = True
            yield AssignmentData(row, empty)
        if not some and start == 0:
            first = next(iter(rows.errors), None)
            told = f" The first that was left out: line {first.line} {first.message}" if first else ""
            raise ConfigError(f"No row of the data fills the form.{told}", key="blueprint.form_file")

    def count_assignments(self) -> int | None:
        return self._rows().count()

    def units_per_assignment(self) -> int:
        return self._args.units_per_assignment

    def row_errors(self) -> Sequence[RowError]:
        return self._rows().errors

    def data_preview(self, limit: int) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
        return self._rows().preview(limit)

    def onboarding_data(self) -> Mapping[str, Any]:
        """The form of the onboarding, without what is right."""
        return {"form": self._onboarding_form().as_json()} if self._args.onboarding_form else {}

    def check_onboarding(self, inputs: Any, outputs: Any) -> bool:
        """Passed when it is filled in as the form asks, and each field that has a `correct` holds just that."""
        if not self._args.onboarding_form:
            return True
        form = self._onboarding_form()
        return check_answers(form, outputs, ()) is None and is_right(form, outputs)

    def get_pages(self, build_dir: Path) -> PageSet:
        rows = self._rows()
        scripts = scripts_of(rows.path)
        first = next(rows.usable(), None)
        pictures, media = self._sites(rows)
        return PageSet(
            pages=page_map("form.html"),
            static={**self._extra_files(), **scripts, **client_files()},
            image_sources=pictures,
            media_sources=media,
            task_config={
                "blueprint": self.BLUEPRINT_TYPE,
                "custom_rules": next((url for url in scripts if url.endswith("/custom_validators.js")), ""),
                "preview_data": dict(self.initial_data(first, {})) if first is not None else {},
            },
        )

    def initial_data(self, shared: Mapping[str, Any], unit_data: Mapping[str, Any]) -> Mapping[str, Any]:
        """The row, without its truth, and `form`: the form filled with the row, cleaned."""
        row = {**shared, **unit_data}
        shown = {name: value for name, value in row.items() if name not in TRUTH_FIELDS}
        return {**shown, "form": self._rows().fill(row).as_json()}

    def check_submission(
        self, inputs: Mapping[str, Any], outputs: Any, files: Sequence[Mapping[str, Any]]
    ) -> str | None:
        return check_answers(self._form_of(inputs), outputs, files)

    def describe_submission(self, inputs: Any, outputs: Any, files: Sequence[Mapping[str, Any]]) -> SubmissionView:
        return describe_answers(self._form_of(inputs), outputs, files, self._extra_files())

    def summarize_submission(
        self, inputs: Any, outputs: Any, files: Sequence[Mapping[str, Any]]
    ) -> tuple[str, tuple[str, ...]]:
        return summarize_answers(self._form_of(inputs), outputs, files)

    def known_row(self, values: Mapping[str, Any], truth: Any) -> Mapping[str, Any]:
        """A row that fills the form, of which the truth names fields or an option."""
        try:
            form = self._rows().fill(values)
        except TokenFault as fault:
            raise ConfigError(f"The row does not fill the form: {fault}") from None
        check_truth(form, truth)
        self._known.append(values)
        return values

    def is_right(self, inputs: Mapping[str, Any], truth: Any, outputs: Any) -> bool:
        """The fields that the truth names hold just that; a truth that is one text is that of the choices it fits."""
        return holds_truth(self._form_of(inputs), outputs, truth)

    def simulate_answer(self, inputs: Mapping[str, Any], accuracy: float, draw: float) -> Any:
        return made_answers(self._form_of(inputs), plain_inputs(inputs), accuracy, draw)

    def simulate_files(self, inputs: Mapping[str, Any], answer: Any) -> Sequence[tuple[str, str, bytes]]:
        """The files that go with a simulated answer: (field, name, content)."""
        return made_files(self._form_of(inputs), answer if isinstance(answer, dict) else {})

    def simulate_onboarding(self, inputs: Mapping[str, Any]) -> Any:
        """What passes: the right answers, and something that fits where any answer is right."""
        if not self._args.onboarding_form:
            return {}
        form = self._onboarding_form()
        truth = {field.name: field.correct for field in form.fields if field.correct is not None}
        return made_answers(form, {"truth": truth}, 1.0, 0.0)

    def _rows(self) -> FormRows:
        if self._loaded is None:
            self._loaded = FormRows(self._args, self.base_dir)
        return self._loaded

    def _onboarding_form(self) -> Form:
        if self._onboarding is None:
            path = (self.base_dir / Path(self._args.onboarding_form).expanduser()).resolve()
            key = "blueprint.onboarding_form"
            forms = load_forms(path, key)
            if len(forms) > 1:
                raise ConfigError("The file holds several forms; an onboarding is one.", key=key, file=str(path))
            for name in tokens_of(forms[0]):
                raise ConfigError(
                    f"{{{{{name}}}}} cannot be filled in here: the onboarding is shown before there is a row.",
                    key=key,
                    file=str(path),
                )
            form = parse_form(forms[0], key=key, file=path.name)
            if any(field.type == "file" for field in form.fields):
                raise ConfigError("An onboarding takes no files.", key=key, file=str(path))
            self._onboarding = form
        return self._onboarding

    def _extra_files(self) -> dict[str, Path]:
        if not self._args.extra_source_dir:
            return {}
        if self._extra is None:
            folder = (self.base_dir / Path(self._args.extra_source_dir).expanduser()).resolve()
            if not folder.is_dir():
                raise ConfigError(f"There is no folder {folder}.", key="blueprint.extra_source_dir")
            self._extra = list_extra_files(folder, "blueprint.extra_source_dir")
        return self._extra

    def _sites(self, rows: FormRows) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The sites that pictures, and sounds and films come from; each row is looked at where its texts differ."""
        pictures: set[str] = set()
        media: set[str] = set()
        forms = [self._onboarding_form()] if self._args.onboarding_form else []
        every = rows.usable() if rows.may_hold_media() else islice(rows.usable(), 1)
        for form in chain(forms, (rows.fill(row) for row in every)):
            for text in _texts(form):
                shown, played = sources(text)
                pictures.update(origin for address in shown if (origin := image_origin(address)))
                media.update(origin for address in played if (origin := image_origin(address)))
        key = "blueprint.form_file"
        return check_image_origins(pictures, key), check_image_origins(media, key)

    def _form_of(self, inputs: Any) -> Form:
        """The form as this worker saw it."""
        row = plain_inputs(inputs)
        shown = row.get("form")
        try:
            if isinstance(shown, Mapping):
                return _read_again(json.dumps(shown, sort_keys=True))
            return self._rows().fill(row)
        except (ConfigError, ValueError, RecursionError):
            # what was shown was kept by another version, or its file is gone: there is nothing left to check by
            return _NO_FORM


@lru_cache(maxsize=512)
def _read_again(text: str) -> Form:
    return parse_form(json.loads(text), custom_rules=True)


def _texts(form: Form) -> Iterator[str]:
    yield from (form.title, form.instruction, form.submit_instruction)
    for section in form.sections:
        yield from (section.title, section.instruction)
        for fieldset in section.fieldsets:
            yield from (fieldset.title, fieldset.instruction, fieldset.help)
            yield from (row.help for row in fieldset.rows)
            yield from (field.help for field in fieldset.fields)
