"""One look at the whole launch form, on a thread: what is wrong, the first rows, the forecast, what to do before."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from app.args import Problem, check, describe
from app.blueprints import registry as blueprints
from app.blueprints.base import Blueprint
from app.errors import AppError, ConfigError
from app.operations.configuration import config as configs
from app.operations.configuration.config import RunConfig, TaskArgs
from app.operations.forecast import Forecast, forecast
from app.viewmodels import formats
from app.viewmodels.launch_check import CheckItem, DataPreview, ForecastView, LaunchCheck

ROWS = 3
LEFT_OUT_SHOWN = 200
_SPANS = frozenset(f"task.{spec.name}" for spec in describe(TaskArgs) if spec.meta.kind == "seconds")
"""Fields that hold a span of time: their editor hands on a text that is none as it was typed."""
_PLACEHOLDERS = ("task_name", "task_title", "task_description")


@dataclass(frozen=True)
class Trial:
    """What was tried before the launch. `seconds` is how long a unit takes, None when nobody knows; `source` says who
    measured it; `rehearsed` counts simulated units, `faults` what went wrong with them."""

    seconds: float | None = None
    source: str = ""
    previewed: bool = False
    rehearsed: int = 0
    faults: int = 0


@dataclass(frozen=True)
class Asked:
    """What a look is at: the form's values by section, and what else counts."""

    values: Mapping[str, Mapping[str, Any]]
    base_dir: Path
    floor_per_hour: Decimal
    trial: Trial
    known_qualifications: Mapping[str, int]
    """Name -> how many workers hold it."""
    counted: int | None = None
    """How many items there are, where they were too many to count at once and were counted behind."""
    uncountable: bool = False
    """Counting behind was given up: a generator without an end, say."""


def look(asked: Asked) -> tuple[LaunchCheck, RunConfig | None]:
    """Check everything; the configuration is there when it can be launched. Reads files: not on the GUI's thread."""
    config, problems = configs.from_values(asked.values, asked.base_dir)
    said, general = _sort(problems)
    for key in _SPANS & said.keys():
        if isinstance(asked.values["task"].get(key.removeprefix("task.")), str):
            said[key] = "Write it like 30 min, 2 h or 3 days."
    preview: DataPreview | None = None
    try:
        blueprint = _blueprint(asked.values, asked.base_dir)
        if blueprint is not None:
            preview = _preview(blueprint, asked.counted)
    except ConfigError as error:
        said.setdefault(_key(error.key, "blueprint"), error.message)
        config = None
    except (AppError, OSError, UnicodeError) as error:
        general.append(str(error))
        config = None
    guess = None if preview is None else _forecast(asked, config)
    checklist = _checklist(asked, config, said, general, preview, guess)
    ready = config is not None and not said and not general
    units = None if guess is None else guess.units
    return (
        LaunchCheck(
            problems=said,
            general=tuple(general),
            preview=preview,
            forecast=None if guess is None else _words(asked, guess),
            checklist=tuple(checklist),
            ready=ready,
            button="Launch" if units is None else f"Launch {formats.count_of(units, 'unit')}",
            cost=_cost(guess),
            warnings={"task.budget": short} if (short := _budget_warning(guess)) else {},
        ),
        config if ready else None,
    )


def _sort(problems: Sequence[Problem]) -> tuple[dict[str, str], list[str]]:
    """Problems by the key of their field (the first of each), and those without a field."""
    said: dict[str, str] = {}
    general: list[str] = []
    for problem in problems:
        if "." in problem.name:
            said.setdefault(problem.name, _sentence(problem.message))
        else:
            general.append(_sentence(problem.message))
    return said, general


def _sentence(message: str) -> str:
    text = message.strip()
    if text.startswith("is required"):
        return "Needed."
    if text == "must be a mapping of names to values.":
        return "Write one “name: value” a line."
    word = text.split(" ", 1)[0]
    return text if "." in word or "/" in word else text[:1].upper() + text[1:]  # the name of a file stays as it is


def _key(key: str, section: str) -> str:
    key = key.removeprefix("mephisto.")
    return key if "." in key else f"{section}.{key}"


def _blueprint(sections: Mapping[str, Mapping[str, Any]], base_dir: Path) -> Blueprint | None:
    """The blueprint of the form, also while other sections are not in order; None while its own values are not."""
    values = dict(sections.get("blueprint", {}))
    kind = blueprints.get(str(values.get("_blueprint_type", "")))
    args, problems = check(kind.ArgsClass, values)
    if args is None or problems:
        return None
    kind.assert_task_args(args, base_dir)
    return kind(args, base_dir)


def count_items(values: Mapping[str, Mapping[str, Any]], base_dir: Path, stop: Callable[[], bool]) -> int | None:
    """Read all the data and count its items, on a thread; None when it cannot be read, or when `stop` says so."""
    try:
        blueprint = _blueprint(values, base_dir)
        count = 0
        for count, _ in enumerate(blueprint.iter_assignments() if blueprint is not None else (), 1):
            if count % 64 == 0 and stop():
                return None
    except (AppError, OSError, UnicodeError):
        return None
    return count


def _preview(blueprint: Blueprint, counted: int | None) -> DataPreview:
    columns, rows = blueprint.data_preview(ROWS)
    items = blueprint.count_assignments() if counted is None else counted
    errors = list(blueprint.row_errors())
    left_out = [f"line {error.line}: {error.message}" if error.line else error.message for error in errors]
    return DataPreview(
        columns=tuple(columns),
        rows=tuple(tuple(row) for row in rows),
        items=items,
        workers_each=blueprint.units_per_assignment(),
        left_out=tuple(left_out[:LEFT_OUT_SHOWN]),
    )


def _forecast(asked: Asked, config: RunConfig | None) -> Forecast | None:
    """The forecast, also before titles are written: they cost nothing."""
    if config is None:
        task = dict(asked.values.get("task", {}))
        for name in _PLACEHOLDERS:
            task[name] = task.get(name) or "to be named"
        config, _ = configs.from_values({**asked.values, "task": task}, asked.base_dir)
    if config is None:
        return None
    minutes = asked.trial.seconds / 60 if asked.trial.seconds else None
    try:
        return forecast(
            config, floor_per_hour=asked.floor_per_hour, minutes_per_unit=minutes, assignments=asked.counted
        )
    except AppError:
        return None


def _words(asked: Asked, guess: Forecast) -> ForecastView:
    total = formats.money(guess.total, guess.currency) if guess.total is not None else "not known yet"
    each = None if not guess.paid_units or guess.pay is None else guess.pay / Decimal(guess.paid_units)
    formula = "The items of the data are being counted"
    if asked.uncountable:
        formula = "How many units there will be shows when the data is read to its end"
    if guess.units is not None and each is not None:
        fees = f"{formats.money(guess.fees, guess.currency)} fees" if guess.fees else "no fees"
        counted = formats.count_of(guess.units, "unit")
        if guess.test_units:
            counted += f" and {formats.count_of(guess.test_units, 'test unit')}"
        formula = f"{counted} × {formats.money(each, guess.currency)}, {fees}"
    rows: list[tuple[str, str, str]] = []
    seconds = asked.trial.seconds
    rows.append(
        ("Time per unit", f"{formats.duration(seconds)} ({asked.trial.source})" if seconds else "not known", "")
    )
    if guess.per_hour is not None:
        tone = "warn" if guess.per_hour < asked.floor_per_hour else "ok"
        rows.append(("Pay per hour", formats.money(guess.per_hour, guess.currency), tone))
    if guess.hours is not None:
        rows.append(("Work altogether", formats.about(guess.hours * 3600), ""))
    rows.append(("Workers needed", f"{formats.digits(guess.fewest_workers)} at least", ""))
    if guess.test_units_most:
        words = f"{formats.digits(guess.test_units)} at least, {formats.digits(guess.test_units_most)} at most"
        rows.append(("Screening and gold", words, ""))
    if guess.budget_covers is not None:
        rows.append(("Budget pays for", formats.count_of(guess.budget_covers, "unit"), ""))
    return ForecastView(total, formula, tuple(rows))


def _checklist(
    asked: Asked,
    config: RunConfig | None,
    said: Mapping[str, str],
    general: Sequence[str],
    preview: DataPreview | None,
    guess: Forecast | None,
) -> list[CheckItem]:
    wrong = len(said) + len(general)
    items = [
        CheckItem("bad", f"{formats.count_of(wrong, 'value')} to fill in or mend")
        if wrong
        else CheckItem("ok", "Everything is filled in")
    ]
    items += [CheckItem("bad", sentence) for sentence in general]
    if preview is not None and preview.left_out:
        count = formats.count_of(len(preview.left_out), "row")
        items.append(CheckItem("warn", f"{count} of the data left out"))
    items.append(
        CheckItem("ok", "The worker’s page was opened")
        if asked.trial.previewed
        else CheckItem("idle", "Look at the worker’s page")
    )
    items.append(_rehearsed(asked.trial))
    if guess is not None:
        items += _money_items(asked, guess)
    if config is not None:
        items += _qualification_items(asked, config)
    return items


def _rehearsed(trial: Trial) -> CheckItem:
    if trial.faults:
        return CheckItem("bad", f"The rehearsal met {formats.count_of(trial.faults, 'fault')}")
    if trial.rehearsed:
        return CheckItem("ok", f"Rehearsed with {formats.count_of(trial.rehearsed, 'simulated unit')}")
    return CheckItem("idle", "Rehearse with simulated workers")


def _money_items(asked: Asked, guess: Forecast) -> list[CheckItem]:
    items = []
    floor = formats.money(asked.floor_per_hour, guess.currency)
    if guess.per_hour is not None and asked.floor_per_hour:
        under = guess.per_hour < asked.floor_per_hour
        words = f"Pay per hour is under your floor of {floor}" if under else f"Pay per hour is above {floor}"
        items.append(CheckItem("warn" if under else "ok", words))
    if guess.budget_covers is not None and guess.paid_units is not None:
        short = guess.budget_covers < guess.paid_units
        words = "Budget cap is below the forecast: the run will pause" if short else "Budget cap covers the forecast"
        items.append(CheckItem("warn" if short else "ok", words))
    if guess.units == 0:
        items.append(CheckItem("bad", "There is no item of work in the data"))
    if guess.pay is not None and not guess.pay and guess.units:
        items.append(CheckItem("warn", "The work is not paid"))
    return items


def _qualification_items(asked: Asked, config: RunConfig) -> list[CheckItem]:
    """A required qualification that nobody holds lets nobody in."""
    items = []
    for requirement in config.qualifications:
        name, comparator = str(requirement["qualification_name"]), str(requirement["comparator"])
        if comparator not in ("DoesNotExist", "!=", "NotIn") and not asked.known_qualifications.get(name):
            items.append(CheckItem("warn", f"Nobody holds “{name}” yet: nobody can come in"))
    return items


def _cost(guess: Forecast | None) -> str:
    if guess is None or guess.units is None:
        return ""
    total = formats.money(guess.total, guess.currency)
    return f"Makes {formats.count_of(guess.units, 'unit')}; {total} when all of them are approved."


def _budget_warning(guess: Forecast | None) -> str:
    """What stands under a budget that does not pay for all."""
    if guess is None or guess.budget_covers is None or guess.paid_units is None:
        return ""
    if guess.budget_covers >= guess.paid_units:
        return ""
    return f"below the forecast of {formats.money(guess.total, guess.currency)}: the run will pause"
