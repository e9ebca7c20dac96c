"""Arguments of tasks, providers, architects and blueprints: dataclass fields that carry help, bounds and choices.

From one such dataclass come the launch form, the command-line help and the check of a YAML file.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from typing import Any, TypeVar

T = TypeVar("T")
_META = "arg"


@dataclass(frozen=True)
class ArgMeta:
    """What a field says about itself beside its type and default."""

    help: str
    label: str = ""
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[Any, ...] = ()
    unit: str = ""
    kind: str = ""
    """How a form edits it: "" (by type), "file", "folder", "files", "text" (long), "labels", "money", "seconds"."""
    group: str = ""
    """Forms show fields of one group together; "advanced" is folded."""
    required: bool = False


def arg(
    default: Any = dataclasses.MISSING,
    *,
    factory: Any = dataclasses.MISSING,
    help: str,  # noqa: A002 - the field's word, as argparse and Hydra use it
    label: str = "",
    minimum: float | None = None,
    maximum: float | None = None,
    choices: Sequence[Any] = (),
    unit: str = "",
    kind: str = "",
    group: str = "",
    required: bool = False,
) -> Any:
    """A dataclass field with its help, bounds and choices. Give `default`, or `factory` for lists and dicts."""
    meta = ArgMeta(help, label, minimum, maximum, tuple(choices), unit, kind, group, required)
    if factory is not dataclasses.MISSING:
        return dataclasses.field(default_factory=factory, metadata={_META: meta})
    return dataclasses.field(default=default, metadata={_META: meta})


@dataclass(frozen=True)
class ArgSpec:
    """One argument, as forms, command lines and checks see it."""

    name: str
    type: Any
    default: Any
    meta: ArgMeta

    @property
    def label(self) -> str:
        """What a form writes above the field."""
        return self.meta.label or self.name.strip("_").replace("_", " ").capitalize()


@dataclass(frozen=True)
class Problem:
    """A value that cannot be: `name` is the argument, `message` a sentence, `nearest` a right name for a wrong one."""

    name: str
    message: str
    nearest: str = ""


def describe(args_class: type[Any]) -> list[ArgSpec]:
    """The arguments of an ArgsClass, in the order of its fields. Fields without `arg(...)` are left out."""
    hints = typing.get_type_hints(args_class)
    specs = []
    for field in dataclasses.fields(args_class):
        meta = field.metadata.get(_META)
        if meta is None:
            continue
        default = field.default
        if field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        specs.append(ArgSpec(field.name, hints[field.name], default, meta))
    return specs


def check(args_class: type[T], values: Mapping[str, Any]) -> tuple[T | None, list[Problem]]:
    """An `args_class` made of plain values, texts converted, and no problems; or None and what is wrong."""
    specs = {spec.name: spec for spec in describe(args_class)}
    problems: list[Problem] = []
    made: dict[str, Any] = {}
    for name, value in values.items():
        if name not in specs:
            nearest = get_close_matches(name, specs, n=1, cutoff=0.5)
            hint = f' Did you mean "{nearest[0]}"?' if nearest else ""
            problems.append(Problem(name, f'There is no argument "{name}".{hint}', nearest[0] if nearest else ""))
            continue
        try:
            made[name] = convert(specs[name], value)
        except ValueError as error:
            problems.append(Problem(name, str(error)))
    for name, spec in specs.items():
        named = any(problem.name == name for problem in problems)
        if spec.meta.required and not named and made.get(name, spec.default) in (None, "", [], {}):
            problems.append(Problem(name, "is required."))
    if problems:
        return None, problems
    return args_class(**made), []


def convert(spec: ArgSpec, value: Any) -> Any:
    """One plain value as the argument's type, bounds and choices checked; `ValueError` says what is wrong."""
    kind, optional = _strip_optional(spec.type)
    if value is None or (value == "" and kind is not str):
        if optional:
            return None
        raise ValueError("needs a value.")
    converted = _as_type(kind, value)
    meta = spec.meta
    if meta.choices and converted not in meta.choices:
        options = ", ".join(str(choice) for choice in meta.choices)
        raise ValueError(f"must be one of {options}; it is {value!r}.")
    if isinstance(converted, int | float | Decimal) and not isinstance(converted, bool):
        if meta.minimum is not None and converted < Decimal(str(meta.minimum)):
            raise ValueError(f"must be at least {meta.minimum:g}; it is {converted}.")
        if meta.maximum is not None and converted > Decimal(str(meta.maximum)):
            raise ValueError(f"must be at most {meta.maximum:g}; it is {converted}.")
    return converted


def _strip_optional(kind: Any) -> tuple[Any, bool]:
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        parts = [part for part in typing.get_args(kind) if part is not type(None)]
        return parts[0], len(parts) < len(typing.get_args(kind))
    return kind, False


def _as_type(kind: Any, value: Any) -> Any:
    origin = typing.get_origin(kind) or kind
    if origin is bool:
        return _as_bool(value)
    if origin is int:
        if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
            raise ValueError(f"must be a whole number; it is {value!r}.")
        return _number(int, value, "a whole number")
    if origin is float:
        return _number(float, value, "a number")
    if origin is Decimal:
        number = _number(Decimal, str(value), "an amount")
        if not number.is_finite():
            raise ValueError(f"must be an amount; it is {value!r}.")
        return number
    if origin is str:
        if isinstance(value, dict | list):
            raise ValueError("must be a text.")
        return str(value)
    if origin in (list, tuple):
        return _as_list(value)
    if origin is dict:
        if not isinstance(value, Mapping):
            raise ValueError("must be a mapping of names to values.")
        return dict(value)
    return value


def _as_bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "yes", "on", "1", "false", "no", "off", "0"):
        return value.lower() in ("true", "yes", "on", "1")
    raise ValueError(f"must be true or false; it is {value!r}.")


def _as_list(value: Any) -> list[Any]:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    if isinstance(value, Sequence):
        return list(value)
    raise ValueError("must be a list.")


def _number(kind: Any, value: Any, what: str) -> Any:
    if isinstance(value, bool):
        raise ValueError(f"must be {what}; it is {value!r}.")
    try:
        return kind(value)
    except (ValueError, TypeError, InvalidOperation, OverflowError):
        raise ValueError(f"must be {what}; it is {value!r}.") from None
