"""The configuration of a task run: from a task file, from a form, to and from YAML text; every value checked."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol, TypeVar

import yaml

from app.architects import registry as architects
from app.architects.base import ArchitectArgs
from app.args import Problem, arg, check
from app.blueprints import registry as blueprints
from app.blueprints.base import Blueprint, BlueprintArgs
from app.blueprints.known_rows import check_known_rows
from app.errors import ConfigError
from app.operations.configuration import composition
from app.operations.configuration.composition import ALIASES, KINDS, ROOT, SECTIONS, type_key
from app.operations.configuration.interpolation import escape, resolve
from app.operations.configuration.requirements import check_requirements
from app.operations.configuration.task_file import KeyPath, Tree, dump, parse_tree
from app.providers import registry as providers
from app.providers.base import ProviderArgs

T = TypeVar("T")
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

DEFAULT_KIND = {"provider": "inhouse", "architect": "local"}
IGNORED = frozenset({"database", "log_level"})
"""Keys of Mephisto's root that are settings of the program here, not of a task."""
IGNORED_TASK = frozenset({"force_rebuild"})
"""Keys of Mephisto's task section that say nothing here: pages are built at every launch."""
MAX_DECIMALS = 6


@dataclass
class TaskArgs:
    """What every task says about itself. Names and units are Mephisto's."""

    task_name: str = arg("", help="Joins the runs of one task: limits and soft blocks count by it.", required=True)
    task_title: str = arg("", help="What workers read first.", required=True)
    task_description: str = arg("", help="What is to be done, in a few sentences.", kind="text", required=True)
    task_tags: list[str] = arg(factory=list, help="Words that workers may search by.")
    task_reward: Decimal = arg(
        Decimal(0), help="Pay for one unit.", label="Pay per unit", minimum=0, maximum=100_000, kind="money"
    )
    currency: str = arg("EUR", help="The currency of pay and budget, a code of three letters.")
    budget: Decimal | None = arg(
        None, help="Reaching it pauses the run; empty: none.", minimum=0, maximum=1_000_000_000, kind="money"
    )
    project: str = arg("", help="Groups tasks; their spend is summed.")
    qualifications: list[dict[str, Any]] = arg(
        factory=list, help="Who may come: qualification_name, comparator, applicable_value.", kind="requirements"
    )
    assignment_duration_in_seconds: int = arg(
        1800, help="Time a worker has for one unit.", minimum=10, maximum=31_536_000, unit="s", kind="seconds"
    )
    task_lifetime_in_seconds: int = arg(
        2_678_400,
        help="How long workers may come.",
        minimum=60,
        maximum=315_360_000,
        unit="s",
        kind="seconds",
        group="advanced",
    )
    submission_timeout: int = arg(
        600,
        help="Time to submit once the task itself is over.",
        minimum=1,
        maximum=86_400,
        unit="s",
        kind="seconds",
        group="advanced",
    )
    no_submission_patience: int = arg(
        43_200,
        help="Without a submission for so long, you are warned.",
        minimum=60,
        maximum=31_536_000,
        unit="s",
        kind="seconds",
        group="advanced",
    )
    reconnect_grace_in_seconds: int = arg(
        10,
        help="A lost connection counts as gone after this time.",
        minimum=0,
        maximum=86_400,
        unit="s",
        kind="seconds",
        group="advanced",
    )
    allowed_concurrent: int = arg(
        0, help="Units a worker may hold at once; 0: no limit.", minimum=0, maximum=1_000_000, group="advanced"
    )
    maximum_units_per_worker: int = arg(
        0, help="Units a worker may do over all runs of this task; 0: no limit.", minimum=0, maximum=1_000_000_000
    )
    max_num_concurrent_units: int = arg(
        0, help="Units at work at once in this run; 0: no limit.", minimum=0, maximum=1_000_000_000, group="advanced"
    )


@dataclass(frozen=True)
class RunConfig:
    """A whole, checked configuration. `base_dir` is where its relative paths start."""

    task: TaskArgs
    provider: ProviderArgs
    architect: ArchitectArgs
    blueprint: BlueprintArgs
    base_dir: Path = field(default_factory=Path.cwd)

    @property
    def provider_type(self) -> str:
        return self.provider._provider_type

    @property
    def architect_type(self) -> str:
        return self.architect._architect_type

    @property
    def blueprint_type(self) -> str:
        return self.blueprint._blueprint_type

    @property
    def project(self) -> str:
        return self.task.project

    @property
    def currency(self) -> str:
        return self.task.currency

    @property
    def budget(self) -> Decimal | None:
        return self.task.budget

    @property
    def qualifications(self) -> list[dict[str, Any]]:
        """`{qualification_name, comparator, applicable_value}`; comparators as in `requirements.COMPARATORS`."""
        return self.task.qualifications


class _Registry(Protocol):
    def names(self) -> list[str]: ...

    def get(self, kind: str, /) -> Any: ...


_REGISTRIES: dict[str, _Registry] = {"blueprint": blueprints, "provider": providers, "architect": architects}


def load_task_file(path: Path, overrides: Sequence[str] = ()) -> RunConfig:
    """The checked configuration of a task file. `ConfigError` names file, line, key and the nearest right key."""
    tree = composition.compose(path, overrides)
    return _config_of(tree, _task_dir(path), look_at_files=True)


def draft_of_task_file(path: Path, overrides: Sequence[str] = ()) -> tuple[dict[str, dict[str, Any]], Path]:
    """What a task file says though it may be wrong: values as `from_values` takes them, and where paths start.

    Kinds that do not exist are left out. `ConfigError` where not even so much can be read.
    """
    root, base_dir = _root_of(composition.compose(path, overrides), _task_dir(path))
    made: dict[str, dict[str, Any]] = {}
    for section in SECTIONS:
        below = root.get(section)
        made[section] = (
            {name: value for name, value in below.items() if value != "???"} if isinstance(below, dict) else {}
        )
        if section in KINDS:
            kind, problem = _kind_of(section, made[section])
            made[section].pop(type_key(section), None)
            if problem is None:
                made[section][type_key(section)] = kind
    return made, base_dir


def _task_dir(path: Path) -> Path:
    """The folder that a task file's own paths start in."""
    folder = path.resolve().parent
    if folder.parent.name == "hydra_configs":  # Mephisto's layout: TASK/hydra_configs/conf/NAME.yaml
        return folder.parent.parent
    return folder.parent if folder.name == "hydra_configs" else folder


def from_yaml(text: str, *, name: str = "the configuration of the run") -> RunConfig:
    """What `to_yaml` wrote. The files it speaks of are not looked at: a run whose data were read may go on without."""
    tree = composition.lay_defaults(parse_tree(text, name), Path.cwd())
    return _config_of(tree, Path.cwd(), look_at_files=False)


@lru_cache(maxsize=512)
def title_of(text: str) -> str:
    """The title that workers see, out of what `to_yaml` wrote; "" where there is none."""
    try:
        sections = yaml.load(text, Loader=_Loader)[ROOT]  # noqa: S506 - the safe loader, in C where that was built
        return str(sections["task"]["task_title"] or "")
    except (yaml.YAMLError, KeyError, TypeError):
        return ""


def to_yaml(config: RunConfig) -> str:
    """A task file that loads as this same configuration, from any folder."""
    sections = {
        section: {name: _writable(value) for name, value in vars(getattr(config, section)).items()}
        for section in SECTIONS
    }
    text = dump({"task_dir": escape(str(config.base_dir)), ROOT: sections})
    return "#@package _global_\n" + text


def from_values(values: Mapping[str, Any], base_dir: Path) -> tuple[RunConfig | None, list[Problem]]:
    """A configuration made of what a form holds, or what is wrong with it.

    `values` is `{"task": {...}, "blueprint": {"_blueprint_type": ..., ...}, "provider": ..., "architect": ...}`, or the
    same with dotted names (`"task.task_title"`). Problems are named `section.argument`.
    """
    sections: dict[str, dict[str, Any]] = {section: {} for section in SECTIONS}
    problems: list[Problem] = []
    for key, value in values.items():
        section, _, name = key.partition(".")
        if section not in sections:
            problems.append(Problem(key, f'There is no section "{section}".', *get_close_matches(section, SECTIONS, 1)))
        elif name:
            sections[section][name] = value
        else:
            sections[section].update(value)
    config, found = _check_sections(sections, base_dir)
    if config is not None:
        found = _files_problems(config)
    problems += found
    return (None, problems) if problems else (config, [])


def _config_of(tree: Tree, task_dir: Path, *, look_at_files: bool) -> RunConfig:
    _check_top(tree)
    root, base_dir = _root_of(tree, task_dir)
    sections: dict[str, dict[str, Any]] = {section: {} for section in SECTIONS}
    for name, below in root.items():
        if name in IGNORED:
            continue
        if name not in sections:
            near = get_close_matches(name, SECTIONS, n=1, cutoff=0.5)
            advice = f'Did you mean "{near[0]}"?' if near else f"There are {', '.join(SECTIONS)}."
            raise tree.error((ROOT, name), "there is no such key.", advice)
        if below is not None and not isinstance(below, dict):
            raise tree.error((ROOT, name), "must hold keys and values.")
        sections[name] = dict(below or {})
    config, problems = _check_sections(sections, base_dir)
    if config is not None and look_at_files:
        problems = _files_problems(config)
    if config is None or problems:
        raise _first_error(tree, problems)
    return config


def _root_of(tree: Tree, task_dir: Path) -> tuple[dict[str, Any], Path]:
    """What stands below `mephisto:`, with every `${...}` replaced, and the folder that its paths start in."""
    values = resolve(tree, {"task_dir": escape(str(task_dir))})
    base_dir = Path(task_dir, str(values["task_dir"])) if values.get("task_dir") else task_dir
    root = values.get(ROOT)
    if not isinstance(root, dict):
        raise tree.error((ROOT,) if ROOT in values else (), f'the key "{ROOT}:" with the task below it is missing.')
    return root, base_dir


def _check_top(tree: Tree) -> None:
    """Top-level keys beside `mephisto` are variables for interpolation, unless they look like a slip."""
    for name, value in tree.values.items():
        if name in (ROOT, "hydra", "task_dir"):
            continue
        if name in SECTIONS and isinstance(value, dict):
            raise tree.error((name,), f'belongs below "{ROOT}:".', f"Indent it, so that it reads {ROOT}.{name}.")
        if near := get_close_matches(name, (ROOT, "defaults"), n=1, cutoff=0.75):
            raise tree.error((name,), "there is no such key.", f'Did you mean "{near[0]}"?')


def _first_error(tree: Tree, problems: Sequence[Problem]) -> ConfigError:
    """The problem that stands first in the file; the others are counted."""

    def rank(problem: Problem) -> tuple[int, int]:
        path = _path_of(problem.name)
        return (0 if path in tree.places else 1, tree.place_of(path).line)

    first = min(problems, key=rank)
    more = len(problems) - 1
    advice = f"{more} more value{'s are' if more > 1 else ' is'} wrong as well." if more else ""
    return tree.error(_path_of(first.name), first.message, advice)


def _path_of(name: str) -> KeyPath:
    return (ROOT, *name.split("."))


def _check_sections(
    sections: Mapping[str, Mapping[str, Any]], base_dir: Path
) -> tuple[RunConfig | None, list[Problem]]:
    problems: list[Problem] = []
    made: dict[str, Any] = {}
    for section in SECTIONS:
        values = {name: value for name, value in sections[section].items() if value != "???"}  # Hydra's "is missing"
        args_class: Any = TaskArgs
        if section == "task":
            values = {name: value for name, value in values.items() if name not in IGNORED_TASK}
        if section in KINDS:
            kind, problem = _kind_of(section, values)
            if problem is not None:
                problems.append(problem)
                continue
            values[type_key(section)] = kind
            args_class = _REGISTRIES[section].get(kind).ArgsClass
        args, found = check(args_class, values)
        if isinstance(args, TaskArgs):
            found = _tidy_task(args)
        problems += [dataclasses.replace(problem, name=f"{section}.{problem.name}") for problem in found]
        made[section] = args
    if problems:
        return None, problems
    return RunConfig(**made, base_dir=base_dir), []


def _kind_of(section: str, values: Mapping[str, Any]) -> tuple[str, Problem | None]:
    key = f"{section}.{type_key(section)}"
    said = values.get(type_key(section)) or DEFAULT_KIND.get(section, "")
    known = _REGISTRIES[section].names()
    if not said:
        return "", Problem(key, f"is required: the {section} is one of {', '.join(known)}.")
    kind = ALIASES.get(section, {}).get(str(said), str(said))
    if kind in known:
        return kind, None
    near = get_close_matches(kind, known, n=1, cutoff=0.5)
    hint = f' Did you mean "{near[0]}"?' if near else ""
    return "", Problem(
        key, f'There is no {section} "{said}"; there are {", ".join(known)}.{hint}', near[0] if near else ""
    )


def _tidy_task(task: TaskArgs) -> list[Problem]:
    """Put texts in order and check what field bounds cannot say."""
    problems = []
    for name in ("task_name", "task_title", "project", "currency"):
        value = " ".join(str(getattr(task, name)).split())
        if name in ("task_name", "task_title") and not value:
            problems.append(Problem(name, "is required."))
        if len(value) > 200:
            problems.append(Problem(name, "may have 200 characters at most."))
        setattr(task, name, value)
    task.currency = task.currency.upper()
    if not (len(task.currency) == 3 and task.currency.isascii() and task.currency.isalpha()):
        problems.append(Problem("currency", f'must be a code of three letters; it is "{task.currency}".'))
    if task.project == "NO_PROJECT":
        problems.append(Problem("project", '"NO_PROJECT" is reserved.'))
    for name, amount in (("task_reward", task.task_reward), ("budget", task.budget)):
        if amount is not None and int(amount.as_tuple().exponent) < -MAX_DECIMALS:
            problems.append(Problem(name, f"may have {MAX_DECIMALS} decimals at most."))
    task.task_tags = [str(tag) for tag in task.task_tags]
    task.qualifications, found = check_requirements(task.qualifications)
    return problems + found


def _files_problems(config: RunConfig) -> list[Problem]:
    """What blueprint, provider and architect say beyond their fields: files that are missing, contradictions."""
    problems = []
    checks: dict[str, Callable[[Any], None]] = {
        "blueprint": lambda kind: _check_task(kind, config),
        "provider": lambda kind: kind.assert_task_args(config.task, config.provider),
        "architect": lambda kind: kind.assert_task_args(config.architect),
    }
    for section, look in checks.items():
        try:
            look(_REGISTRIES[section].get(getattr(config, f"{section}_type")))
        except ConfigError as error:
            key = error.key.removeprefix(f"{ROOT}.")
            name = key if key.split(".")[0] in SECTIONS else f"{section}.{key}" if key else section
            problems.append(Problem(name, str(error)))
    return problems


def _check_task(kind: type[Blueprint], config: RunConfig) -> None:
    """The blueprint's files, then the data of its gates."""
    kind.assert_task_args(config.blueprint, config.base_dir)
    check_known_rows(kind(config.blueprint, config.base_dir))


def _writable(value: Any) -> Any:
    """A checked value as YAML holds it; texts so that interpolation gives them back."""
    if isinstance(value, Decimal | Path):
        return escape(str(value))
    if isinstance(value, str):
        return escape(value)
    if isinstance(value, Mapping):
        return {str(name): _writable(below) for name, below in value.items()}
    if isinstance(value, list | tuple):
        return [_writable(below) for below in value]
    return value
