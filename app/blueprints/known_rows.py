"""The rows of screening and gold units: from a file with a `truth`, or from the task's own code."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

from app.blueprints.base import Blueprint, JudgesAnswers, RowError
from app.blueprints.gate_args import check_gates
from app.blueprints.gates import GOLD, SCREENING
from app.blueprints.row import make_row
from app.blueprints.row_files import check_file, read_rows
from app.errors import ConfigError

TRUTH = "truth"
MOST_ROWS = 10_000
"""Rows of one kind that are kept: more would only be read for nothing."""
_PARTS = f"{TRUTH}."


@dataclass(frozen=True)
class KnownRow:
    """A row whose answer is known. `number` counts from 1; `truth` is None where only the task's code can tell."""

    number: int
    shared: Mapping[str, Any]
    truth: Any = None


def check_known_rows(blueprint: Blueprint) -> None:
    """`ConfigError` for gates that contradict each other and for files of known rows that are wrong.

    Nothing of the task's code is run: what it gives is looked at when the task is launched.
    """
    args = blueprint.args
    check_gates(
        args,
        together=blueprint.is_concurrent(),
        judges=isinstance(blueprint, JudgesAnswers),
        has_code=bool(args.task_code),
    )
    for kind in kinds_of(blueprint):
        if _file_of(blueprint, kind):
            read_known_file(blueprint, kind, may_lack_truth=bool(args.task_code))


def kinds_of(blueprint: Blueprint) -> list[str]:
    """Which kinds of test units the task has: "screening", "gold"."""
    args = blueprint.args
    return [kind for kind, used in ((SCREENING, args.use_screening_task), (GOLD, args.use_golds)) if used]


def read_known_file(blueprint: Blueprint, kind: str, *, may_lack_truth: bool) -> list[KnownRow]:
    """The rows of a kind from its file. `ConfigError` names the line that is wrong: each row of it matters."""
    key = f"blueprint.{kind}_data"
    path = (blueprint.base_dir / Path(_file_of(blueprint, kind)).expanduser()).resolve()
    check_file(path, key)
    found: list[KnownRow] = []
    for row in islice(read_rows(path), MOST_ROWS):
        if isinstance(row, RowError):
            raise ConfigError(f"The row {row.message}", key=key, file=str(path), line=row.line)
        try:
            found.append(as_known(blueprint, len(found) + 1, row.values, may_lack_truth=may_lack_truth))
        except ConfigError as error:
            raise ConfigError(str(error), key=key, file=str(path), line=row.line) from None
    if not found:
        raise ConfigError(f"{path.name} holds no row.", key=key)
    return found


def rows_of_code(blueprint: Blueprint, kind: str) -> Callable[[], list[Any]] | None:
    """What draws the rows of a kind out of the task's code, to be called in a thread; None where it has none.

    `gold_data` (or `screening_data`) is a list, a generator, or a function that gives one of them; a generator without
    end is read as far as units may be made.
    """
    found = blueprint.code.find(f"{kind}_data") if blueprint.code is not None else None
    if found is None:
        return None
    most = min(MOST_ROWS, blueprint.args.max_screening_units if kind == SCREENING else blueprint.args.max_gold_units)

    def draw() -> list[Any]:
        source = found() if callable(found) else found
        if not isinstance(source, Iterable) or isinstance(source, str | bytes | Mapping):
            raise TypeError(f"{kind}_data must give a list of rows, not {type(source).__name__}")
        return list(islice(source, most))

    return draw


def as_known(blueprint: Blueprint, number: int, values: Any, *, may_lack_truth: bool) -> KnownRow:
    """A row without its truth, as the items of the task are made. `ConfigError` says why it cannot be one."""
    row = make_row(TRUTH, number, values)
    if isinstance(row, RowError):
        raise ConfigError(f"Row {number} {row.message}")
    shared = {name: value for name, value in row.values.items() if name != TRUTH and not name.startswith(_PARTS)}
    parts = {
        name.removeprefix(_PARTS): value
        for name, value in row.values.items()
        if name.startswith(_PARTS) and value not in (None, "")
    }
    truth: Any = parts or row.values.get(TRUTH)
    if truth in (None, "", [], {}):
        if not may_lack_truth:
            raise ConfigError(f'Row {number} has no "{TRUTH}": nobody could tell a right answer from a wrong one.')
        truth = None
    if isinstance(blueprint, JudgesAnswers):
        shared = dict(blueprint.known_row(shared, truth))
    return KnownRow(number, shared, truth)


def with_truth(blueprint: Blueprint, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a page was given, with the truth of the known row that it was made of: for simulated workers alone."""
    truth = _truths_shown(blueprint).get(_shown(inputs))
    return inputs if truth is None else {**inputs, TRUTH: truth}


@lru_cache(maxsize=4)
def _truths_shown(blueprint: Blueprint) -> dict[str, Any]:
    found = {}
    for kind in kinds_of(blueprint):
        for row in read_known_file(blueprint, kind, may_lack_truth=True) if _file_of(blueprint, kind) else ():
            found[_shown(blueprint.initial_data(row.shared, {}))] = row.truth
    return found


def _shown(inputs: Mapping[str, Any]) -> str:
    """What tells one row from another; what is loaded ahead does not belong to it."""
    return json.dumps({name: value for name, value in inputs.items() if name != "next_image_url"}, sort_keys=True)


def _file_of(blueprint: Blueprint, kind: str) -> str:
    return str(blueprint.args.screening_data if kind == SCREENING else blueprint.args.gold_data)
