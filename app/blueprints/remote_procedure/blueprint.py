"""Tasks whose page calls functions of the requester: a model is asked, a database looked up, and the work goes on."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, ClassVar, cast

from app.args import arg
from app.blueprints.base import AssignmentData, Blueprint, BlueprintArgs, LiveUpdate, PageSet, RowError, SubmissionView
from app.blueprints.live_agent import LiveAgent
from app.blueprints.remote_procedure.calls import (
    FUNCTIONS,
    CallDesk,
    CallRules,
    describe_calls,
    find_functions,
    list_requests,
)
from app.blueprints.remote_procedure.simulated import SimulatedCaller, check_calls
from app.blueprints.served_files import page_map, plain_inputs
from app.blueprints.static_html.blueprint import StaticHtmlArgs, StaticHtmlBlueprint
from app.blueprints.static_react.blueprint import StaticReactBlueprint
from app.blueprints.task_code import check_syntax
from app.blueprints.task_runner import LiveRules
from app.errors import ConfigError


@dataclass
class RemoteProcedureArgs(StaticHtmlArgs):
    """What a task with remote procedures can be told."""

    _blueprint_type: str = arg("remote_procedure", help="The kind of task.")
    task_code: str = arg(
        "",
        help="Your Python file with the functions that the page calls: functions = {name: function}.",
        kind="file",
        label="Functions",
        required=True,
    )
    style_source: str = arg("", help="A style sheet that was built beside a bundle.", kind="file", group="advanced")
    answer_field: str = arg(
        "", help="The part of a bundle's answer that tables show; empty: all of it.", group="advanced"
    )
    task_config: dict[str, Any] = arg(
        factory=dict, help="What a bundle finds in its taskConfig, such as block_mobile.", group="advanced"
    )
    link_task_source: bool = arg(
        False, help="Serve a bundle as it is on the disk at every moment, to build it anew.", group="advanced"
    )
    calls_per_minute: int = arg(
        60, help="How often one worker's page may call in a minute.", minimum=1, maximum=6000, label="Calls a minute"
    )
    rehearsal_calls: list[Any] = arg(
        factory=list,
        help="What the pages of simulated workers call before they hand in: {target: name, args: what it is given}.",
        group="advanced",
    )
    call_seconds: float = arg(
        30.0, help="A function that takes longer is given up.", minimum=0.1, maximum=600, kind="seconds"
    )


class RemoteProcedureBlueprint(Blueprint):
    """A requester's page, HTML or a bundle, that can call the requester's Python functions while the worker works."""

    BLUEPRINT_TYPE: ClassVar[str] = "remote_procedure"
    TITLE: ClassVar[str] = "Remote procedures"
    ArgsClass: ClassVar[type[BlueprintArgs]] = RemoteProcedureArgs
    HAS_ONBOARDING: ClassVar[bool] = True
    IS_LIVE: ClassVar[bool] = True

    def __init__(self, args: BlueprintArgs, base_dir: Path) -> None:
        super().__init__(args, base_dir)
        self._args = cast(RemoteProcedureArgs, args)
        self._page = _page_class(self._args)(_page_args(self._args), base_dir)
        self._functions: Mapping[str, Callable[..., Any]] = {}
        calls = self._args.rehearsal_calls
        simulate = (lambda inputs, draw: SimulatedCaller(calls)) if calls else None
        self.live = LiveRules(heard_at_once=True, simulate=simulate)

    @classmethod
    def assert_task_args(cls, args: BlueprintArgs, base_dir: Path) -> None:
        """The page and its data are right, and there is a file with functions. Nothing of that file is run here."""
        given = cast(RemoteProcedureArgs, args)
        _page_class(given).assert_task_args(_page_args(given), base_dir)
        check_calls(given.rehearsal_calls)
        path = check_syntax(args.task_code, base_dir)
        if not any(name in _assigned(path) for name in FUNCTIONS):
            raise ConfigError(
                f"{path.name} names no functions for the page.",
                key="blueprint.task_code",
                advice='Write a dictionary: functions = {"classify": classify}.',
            )

    def load_code(self) -> None:
        super().load_code()
        self._functions = find_functions(self.code)

    def iter_assignments(self, start: int = 0) -> Iterator[AssignmentData]:
        """One assignment per row that fills the page."""
        return self._page.iter_assignments(start)

    def count_assignments(self) -> int | None:
        return self._page.count_assignments()

    def units_per_assignment(self) -> int:
        return self._args.units_per_assignment

    def row_errors(self) -> Sequence[RowError]:
        return self._page.row_errors()

    def data_preview(self, limit: int) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
        return self._page.data_preview(limit)

    def get_pages(self, build_dir: Path) -> PageSet:
        pages = self._page.get_pages(build_dir)
        config = {**pages.task_config, "blueprint": self.BLUEPRINT_TYPE, "call_seconds": self._args.call_seconds}
        if isinstance(self._page, StaticReactBlueprint):
            return replace(pages, task_config=config)
        return replace(pages, pages=page_map("remote_procedure.html"), task_config=config)

    def initial_data(self, shared: Mapping[str, Any], unit_data: Mapping[str, Any]) -> Mapping[str, Any]:
        """`{task_data: the row, previous_requests: []}`, and with a page of HTML `html`: the page filled in."""
        row = dict(self._page.initial_data(shared, unit_data))
        html = {"html": row.pop("html")} if isinstance(self._page, StaticHtmlBlueprint) else {}
        return {"task_data": row, "previous_requests": [], **html}

    def returning_data(self, inputs: Mapping[str, Any], history: Sequence[LiveUpdate]) -> Mapping[str, Any]:
        return {**inputs, "previous_requests": list_requests(history)}

    async def run_assignment(self, agents: Sequence[LiveAgent]) -> None:
        """Answer the page's calls for as long as the worker works."""
        assert self.code is not None
        rules = CallRules(self._args.calls_per_minute, self._args.call_seconds)
        for agent in agents:  # one: nobody waits for partners here
            await CallDesk(agent, self.code, self._functions, rules).serve()

    def onboarding_data(self) -> Mapping[str, Any]:
        return self._page.onboarding_data()

    def check_onboarding(self, inputs: Any, outputs: Any) -> bool:
        return self._page.check_onboarding(inputs, outputs)

    def check_submission(
        self, inputs: Mapping[str, Any], outputs: Any, files: Sequence[Mapping[str, Any]]
    ) -> str | None:
        return self._page.check_submission(_page_inputs(inputs), outputs, files)

    def describe_submission(self, inputs: Any, outputs: Any, files: Sequence[Mapping[str, Any]]) -> SubmissionView:
        return self._page.describe_submission(_page_inputs(inputs), outputs, files)

    def add_history(self, view: SubmissionView, history: Sequence[LiveUpdate]) -> SubmissionView:
        return replace(view, calls=describe_calls(history))

    def summarize_submission(
        self, inputs: Any, outputs: Any, files: Sequence[Mapping[str, Any]]
    ) -> tuple[str, tuple[str, ...]]:
        return self._page.summarize_submission(_page_inputs(inputs), outputs, files)

    def known_row(self, values: Mapping[str, Any], truth: Any) -> Mapping[str, Any]:
        """What the page's own kind makes of it."""
        return self._page.known_row(values, truth)

    def is_right(self, inputs: Mapping[str, Any], truth: Any, outputs: Any) -> bool:
        """As the page's own kind tells it."""
        return self._page.is_right(_page_inputs(inputs), truth, outputs)

    def simulate_answer(self, inputs: Mapping[str, Any], accuracy: float, draw: float) -> Any:
        return self._page.simulate_answer(_page_inputs(inputs), accuracy, draw)


def _page_class(args: RemoteProcedureArgs) -> type[StaticHtmlBlueprint | StaticReactBlueprint]:
    return StaticReactBlueprint if args.task_source.lower().endswith((".js", ".mjs")) else StaticHtmlBlueprint


def _page_args(args: RemoteProcedureArgs) -> BlueprintArgs:
    """What the page's own kind of task is told: the arguments that both know. The functions are no business of it."""
    kind = _page_class(args).ArgsClass
    known = {field.name for field in fields(kind)} & {field.name for field in fields(args)}
    return kind(**{name: getattr(args, name) for name in known - {"_blueprint_type", "task_code"}})


def _page_inputs(inputs: Any) -> dict[str, Any]:
    """What the page was filled from: the row, and the page itself."""
    given = plain_inputs(inputs)
    row = given.get("task_data")
    html = given.get("html")
    return {**(row if isinstance(row, Mapping) else {}), **({"html": html} if isinstance(html, str) else {})}


def _assigned(path: Path) -> set[str]:
    """The names that a Python file assigns to, imports or defines at its top level."""
    names: set[str] = set()
    for node in ast.parse(path.read_bytes()).body:
        if isinstance(node, ast.Assign):
            names.update(target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names.update(alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
    return names
