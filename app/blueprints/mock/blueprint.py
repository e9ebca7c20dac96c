"""A task that asks next to nothing: for trying the program, rehearsals and tests. As many items as one likes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, cast

from app.args import arg
from app.blueprints.base import AssignmentData, Blueprint, BlueprintArgs, PageSet, SubmissionView
from app.blueprints.row import json_fault
from app.blueprints.served_files import client_files, page_map, plain_inputs

MAX_ANSWER = 10_000


@dataclass
class MockBlueprintArgs(BlueprintArgs):
    """What the mock task can be told."""

    _blueprint_type: str = arg("mock", help="The kind of task.")
    num_assignments: int = arg(
        3, help="How many items there are.", minimum=1, maximum=100_000_000, group="data", label="Items"
    )
    units_per_assignment: int = arg(
        1, help="How many workers do each item.", minimum=1, maximum=1000, group="data", label="Workers per item"
    )
    is_concurrent: bool = arg(
        False, help="Whether the workers of an item must be there at the same time.", group="advanced"
    )


class MockBlueprint(Blueprint):
    """Numbered items; the answer is any text."""

    BLUEPRINT_TYPE: ClassVar[str] = "mock"
    TITLE: ClassVar[str] = "Mock task"
    ArgsClass: ClassVar[type[BlueprintArgs]] = MockBlueprintArgs

    def __init__(self, args: BlueprintArgs, base_dir: Path) -> None:
        super().__init__(args, base_dir)
        self._args = cast(MockBlueprintArgs, args)

    @classmethod
    def assert_task_args(cls, args: BlueprintArgs, base_dir: Path) -> None:
        """The bounds of the fields say it all."""

    def iter_assignments(self, start: int = 0) -> Iterator[AssignmentData]:
        """Item n is `{"index": n, "question": ...}`; starting late costs nothing."""
        empty: list[Mapping[str, Any]] = [{} for _ in range(self._args.units_per_assignment)]
        for index in range(start, self._args.num_assignments):
            yield AssignmentData({"index": index, "question": f"What comes to mind at number {index}?"}, empty)

    def count_assignments(self) -> int | None:
        return self._args.num_assignments

    def units_per_assignment(self) -> int:
        return self._args.units_per_assignment

    def is_concurrent(self) -> bool:
        return self._args.is_concurrent

    def get_pages(self, build_dir: Path) -> PageSet:
        return PageSet(
            pages=page_map("mock.html"), static=client_files(), task_config={"blueprint": self.BLUEPRINT_TYPE}
        )

    def check_submission(
        self, inputs: Mapping[str, Any], outputs: Any, files: Sequence[Mapping[str, Any]]
    ) -> str | None:
        """Anything but an answer that is no text, or one without end."""
        answer = outputs.get("answer", "") if isinstance(outputs, dict) else None
        if not isinstance(answer, str):
            return "The answer did not arrive as a text. Please send it again."
        if len(answer) > MAX_ANSWER:
            return f"The answer is longer than {MAX_ANSWER} characters."
        fault = json_fault(outputs)
        return f"The answer {fault}" if fault else None

    def describe_submission(self, inputs: Any, outputs: Any, files: Sequence[Mapping[str, Any]]) -> SubmissionView:
        question = str(plain_inputs(inputs).get("question", "Answer"))
        answer = str(outputs.get("answer", "")) if isinstance(outputs, dict) else str(outputs or "")
        short = " ".join(answer.split())[:120]
        return SubmissionView(answer=short or "nothing", labels=(short,) if short else (), fields=((question, answer),))

    def known_row(self, values: Mapping[str, Any], truth: Any) -> Mapping[str, Any]:
        """Any row has a page."""
        return values

    def is_right(self, inputs: Mapping[str, Any], truth: Any, outputs: Any) -> bool:
        """The text is the truth, whatever its case."""
        answer = outputs.get("answer") if isinstance(outputs, dict) else outputs
        return str(answer or "").strip().casefold() == str(truth).strip().casefold()

    def simulate_answer(self, inputs: Mapping[str, Any], accuracy: float, draw: float) -> Any:
        index = inputs.get("index", 0)
        return {"answer": f"answer {index}" if draw < accuracy else f"no idea, {int(draw * 1000)}"}
