"""Tasks of the requester's own HTML: a page with `${field}` holes, a row of data for each item."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, ClassVar, cast

from app.args import arg
from app.blueprints.base import AssignmentData, Blueprint, BlueprintArgs, PageSet, RowError, SubmissionView
from app.blueprints.row import Row
from app.blueprints.row_files import check_file
from app.blueprints.rows import RowArgs, RowSource
from app.blueprints.served_files import (
    check_image_origins,
    client_files,
    image_origin,
    list_extra_files,
    page_map,
    plain_inputs,
)
from app.blueprints.static_html.answered_page import answered_page
from app.blueprints.static_html.answers import (
    check_answers,
    check_truth,
    describe_answers,
    holds_truth,
    simulate_answers,
)
from app.blueprints.static_html.form import FormField, read_form
from app.blueprints.static_html.template import Template, TemplateFault, compile_template
from app.errors import ConfigError

MAX_PAGE_BYTES = 5 * 1024 * 1024
TRUTH_FIELDS = ("truth",)
"""Fields of a row that are for rehearsals and checks; they are never sent to a worker."""
_LOOKED_AT_FIRST = 20


@dataclass
class StaticHtmlArgs(RowArgs):
    """What a task of HTML pages can be told."""

    _blueprint_type: str = arg("static_html", help="The kind of task.")
    task_source: str = arg(
        "", help="The HTML page; ${field} is filled in from the row.", kind="file", label="Worker's page", required=True
    )
    preview_source: str = arg("", help="The page shown before a worker starts; empty: the first item.", kind="file")
    extra_source_dir: str = arg(
        "", help="Files that the page uses: pictures, sounds, scripts, styles.", kind="folder", label="Extra files"
    )
    onboarding_source: str = arg(
        "", help="The page of the onboarding; a field's data-truth says what is right.", kind="file", group="advanced"
    )


class StaticHtmlBlueprint(Blueprint):
    """A requester's HTML page, one or several workers per row."""

    BLUEPRINT_TYPE: ClassVar[str] = "static_html"
    TITLE: ClassVar[str] = "HTML pages"
    ArgsClass: ClassVar[type[BlueprintArgs]] = StaticHtmlArgs
    HAS_ONBOARDING: ClassVar[bool] = True

    def __init__(self, args: BlueprintArgs, base_dir: Path) -> None:
        super().__init__(args, base_dir)
        self._args = cast(StaticHtmlArgs, args)
        self._rows = RowSource(self._args, base_dir)
        self._compiled: dict[str, Template] = {}
        self._form: list[FormField] | None = None
        self._extra: dict[str, Path] | None = None
        self._known: list[Mapping[str, Any]] = []

    @classmethod
    def assert_task_args(cls, args: BlueprintArgs, base_dir: Path) -> None:
        """The pages and the data are there, fit together, and the page asks something."""
        task = cls(args, base_dir)
        template = task._template("task_source")
        task._rows.check()
        header = task._rows.header()
        for hole in template.holes if header is not None else ():
            if hole.name not in (header or ()):
                raise ConfigError(
                    f"${{{hole.name}}} has no column in the data; there are {', '.join(header or ())}.",
                    key="blueprint.task_source",
                    file=template.source,
                    line=hole.line,
                )
        if not template.has_code and not read_form(template.outline()):
            raise ConfigError(
                "The page has no named field (input, select or textarea), so there is nothing to answer.",
                key="blueprint.task_source",
                file=template.source,
            )
        for name in ("preview_source", "onboarding_source"):
            if getattr(task._args, name):
                task._without_holes(name)
        if task._args.onboarding_qualification and not task._args.onboarding_source:
            raise ConfigError(
                "The onboarding has no page. Give onboarding_source, or take onboarding_qualification out.",
                key="blueprint.onboarding_source",
            )
        task._check_first_rows(template)
        task._extra_files()

    def iter_assignments(self, start: int = 0) -> Iterator[AssignmentData]:
        """One assignment per row that fills the page."""
        empty: list[Mapping[str, Any]] = [{} for _ in range(self._args.units_per_assignment)]
        some = False
        for row in islice(self._usable_rows(), start, None):
            some = True
            yield AssignmentData(row.values, empty)
        if not some and start == 0:
            first = next(iter(self._rows.errors), None)
            told = f" The first that was left out: line {first.line} {first.message}" if first else ""
            raise ConfigError(f"No row of the data can be used.{told}", key="blueprint.data_csv")

    def count_assignments(self) -> int | None:
        """Rows, when the data is small enough to count at once."""
        if self._rows.count() is None:
            return None
        return sum(1 for _ in self._usable_rows())

    def units_per_assignment(self) -> int:
        return self._args.units_per_assignment

    def row_errors(self) -> Sequence[RowError]:
        return self._rows.errors

    def data_preview(self, limit: int) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
        rows = [row.values for row in islice(self._rows.read(), limit)]
        columns = list(dict.fromkeys(name for values in rows for name in values))
        return columns, [[str(values.get(name, "")) for name in columns] for values in rows]

    def get_pages(self, build_dir: Path) -> PageSet:
        build_dir.mkdir(parents=True, exist_ok=True)
        static = {**self._extra_files(), **client_files()}
        template = self._template("task_source")
        config: dict[str, Any] = {
            "blueprint": self.BLUEPRINT_TYPE,
            "task_page": _write_code(template, "task", build_dir, static),
            "preview_page": self._preview(template, build_dir, static),
        }
        if self._args.onboarding_source:
            onboarding = self._without_holes("onboarding_source")
            config["onboarding_page"] = {
                "html": onboarding.fill({}),
                **_write_code(onboarding, "onboarding", build_dir, static),
            }
        return PageSet(
            pages=page_map("static_html.html"),
            static=static,
            image_sources=self._image_sources(template),
            task_config=config,
        )

    def initial_data(self, shared: Mapping[str, Any], unit_data: Mapping[str, Any]) -> Mapping[str, Any]:
        """The row, without its truth, and `html`: the page filled in."""
        row = {**shared, **unit_data}
        shown = {name: value for name, value in row.items() if name not in TRUTH_FIELDS}
        return {**shown, "html": self._template("task_source").fill(row)}

    def check_submission(
        self, inputs: Mapping[str, Any], outputs: Any, files: Sequence[Mapping[str, Any]]
    ) -> str | None:
        return check_answers(self._fields(inputs), outputs, files, strict=not self._template("task_source").has_code)

    def check_onboarding(self, inputs: Any, outputs: Any) -> bool:
        """Passed when the form is whole and each field that has a `data-truth` holds just that."""
        page = self._template("onboarding_source")
        if check_answers(read_form(page.outline()), outputs, (), strict=not page.has_code) is not None:
            return False
        return all(str(outputs.get(name, "")).strip() == truth for name, truth in page.truths.items())

    def describe_submission(self, inputs: Any, outputs: Any, files: Sequence[Mapping[str, Any]]) -> SubmissionView:
        page = self._page_of(inputs)
        described = describe_answers(read_form(page), outputs, files)
        short, labels = self.summarize_submission(inputs, outputs, files)
        return SubmissionView(
            answer=short,
            labels=labels,
            fields=described.pairs,
            html=answered_page(page, described.texts_by_name, self._extra_files()),
        )

    def summarize_submission(
        self, inputs: Any, outputs: Any, files: Sequence[Mapping[str, Any]]
    ) -> tuple[str, tuple[str, ...]]:
        described = describe_answers(self._fields(inputs), outputs, files)
        return described.short, described.labels

    def simulate_onboarding(self, inputs: Mapping[str, Any]) -> Any:
        """What passes: the right answers, and something that fits where any answer is right."""
        page = self._template("onboarding_source")
        return simulate_answers(read_form(page.outline()), {"truth": page.truths}, 1.0, 0.0)

    def known_row(self, values: Mapping[str, Any], truth: Any) -> Mapping[str, Any]:
        """A row that fills the page, of which the truth names fields or an option."""
        template = self._template("task_source")
        fault = template.fault(values)
        if fault is not None:
            raise ConfigError(f"The row {fault}")
        check_truth(read_form(template.fill(values)), truth, strict=not template.has_code)
        self._known.append(values)
        return values

    def is_right(self, inputs: Mapping[str, Any], truth: Any, outputs: Any) -> bool:
        """The fields that the truth names hold just that; a truth that is one text is that of the choices it fits."""
        return holds_truth(self._fields(inputs), outputs, truth)

    def simulate_answer(self, inputs: Mapping[str, Any], accuracy: float, draw: float) -> Any:
        return simulate_answers(read_form(self._page_of(inputs)), plain_inputs(inputs), accuracy, draw)

    def _template(self, name: str) -> Template:
        if name not in self._compiled:
            path = self._path(str(getattr(self._args, name)), name)
            self._compiled[name] = compile_template(_read_page(path, f"blueprint.{name}"), path.name)
        return self._compiled[name]

    def _without_holes(self, name: str) -> Template:
        template = self._template(name)
        for hole in template.holes:
            raise ConfigError(
                f"${{{hole.name}}} cannot be filled in here: this page is shown before there is a row.",
                key=f"blueprint.{name}",
                file=template.source,
                line=hole.line,
            )
        return template

    def _path(self, given: str, name: str) -> Path:
        if not given:
            raise ConfigError("is required: the worker's page.", key=f"blueprint.{name}")
        return (self.base_dir / Path(given).expanduser()).resolve()

    def _extra_files(self) -> dict[str, Path]:
        if not self._args.extra_source_dir:
            return {}
        if self._extra is None:
            self._extra = self._list_extra_files()
        return self._extra

    def _list_extra_files(self) -> dict[str, Path]:
        folder = self._path(self._args.extra_source_dir, "extra_source_dir")
        if not folder.is_dir():
            raise ConfigError(f"There is no folder {folder}.", key="blueprint.extra_source_dir")
        return list_extra_files(folder, "blueprint.extra_source_dir")

    def _usable_rows(self) -> Iterator[Row]:
        template = self._template("task_source")
        for row in self._rows.read():
            fault = template.fault(row.values)
            if fault is None:
                yield row
            else:
                self._rows.leave_out(RowError(row.source, row.line, fault))

    def _check_first_rows(self, template: Template) -> None:
        """Rows that name their own fields: when none of the first has a hole's field, it is the page that is wrong."""
        if self._args.data_function or self._rows.header() is not None:
            return
        first = list(islice(self._rows.read(), _LOOKED_AT_FIRST))
        for hole in template.holes if first else ():
            if not any(hole.name in row.values for row in first):
                there = ", ".join(dict.fromkeys(name for row in first for name in row.values))
                raise ConfigError(
                    f"${{{hole.name}}} is in no row of the data; there are {there}.",
                    key="blueprint.task_source",
                    file=template.source,
                    line=hole.line,
                )

    def _preview(self, template: Template, build_dir: Path, static: dict[str, Path]) -> dict[str, Any]:
        if self._args.preview_source:
            preview = self._without_holes("preview_source")
            return {"html": preview.fill({}), **_write_code(preview, "preview", build_dir, static)}
        row = next(self._usable_rows(), None)
        if row is None:
            return {"html": "", "scripts": [], "handlers": ""}
        return {"html": template.fill(row.values), **_write_code(template, "task", build_dir, static)}

    def _image_sources(self, template: Template) -> tuple[str, ...]:
        origins = {image_origin(url) for url in template.image_origins}
        names = template.image_holes()
        if names:
            for values in chain((row.values for row in self._usable_rows()), self._known):
                origins.update(image_origin(str(values[name]).strip()) for name in names)
        return check_image_origins({origin for origin in origins if origin}, "blueprint.task_source")

    def _fields(self, inputs: Any) -> list[FormField]:
        """The form as this worker saw it; it differs from row to row only where names or options come from the row."""
        if self._form is None:
            self._form = read_form(self._template("task_source").outline())
        if any("${" in text for field in self._form for text in (field.name, *field.options)):
            return read_form(self._page_of(inputs))
        return self._form

    def _page_of(self, inputs: Any) -> str:
        row = plain_inputs(inputs)
        shown = row.get("html")
        if isinstance(shown, str):
            return shown
        try:
            return self._template("task_source").fill(row)
        except TemplateFault:
            return self._template("task_source").outline()


def _read_page(path: Path, key: str) -> str:
    check_file(path, key)
    if path.stat().st_size > MAX_PAGE_BYTES:
        raise ConfigError(f"{path} is larger than {MAX_PAGE_BYTES // 1024 // 1024} MiB.", key=key)
    raw = path.read_bytes()
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError("The page is not UTF-8 text.", key=key, file=str(path), line=line) from None


def _write_code(template: Template, stem: str, build_dir: Path, static: dict[str, Path]) -> dict[str, Any]:
    """The page's scripts and handlers as files that are served: `{"scripts": [{src, module}], "handlers": src}`."""
    scripts = []
    for script in template.scripts:
        src = script.src
        if not src:
            src = _write_file(script.code, stem, build_dir, static)
        scripts.append({"src": src, "module": script.module})
    handlers = ""
    if template.handlers:
        lines = [f"  [{json.dumps(h.event)}, function (event) {{\n{h.code}\n  }}]," for h in template.handlers]
        handlers = _write_file("window.crowdeskHandlers = [\n" + "\n".join(lines) + "\n];\n", stem, build_dir, static)
    return {"scripts": scripts, "handlers": handlers}


def _write_file(code: str, stem: str, build_dir: Path, static: dict[str, Path]) -> str:
    name = f"{stem}-{hashlib.sha256(code.encode()).hexdigest()[:12]}.js"
    path = build_dir / name
    path.write_text(code, "utf-8")
    static[f"/crowdesk/{name}"] = path
    return f"/crowdesk/{name}"
