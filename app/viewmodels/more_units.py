"""More items for a run that is in flight, from a file of rows of the kind that the run was launched with."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.blueprints import registry
from app.blueprints.base import AssignmentData, Blueprint, RowError
from app.errors import ConfigError
from app.operations.config import RunConfig, from_yaml

_SOURCES = {"data_csv": "", "data_json": "", "data_jsonl": "", "static_task_data": [], "data_function": ""}
_FIELD_OF = {".csv": "data_csv", ".tsv": "data_csv", ".json": "data_json", ".jsonl": "data_jsonl"}


@dataclass(frozen=True)
class MoreItems:
    """What a file held: the items, and the rows that were left out."""

    items: Sequence[AssignmentData]
    errors: Sequence[RowError]


def read_items(init_params: str, path: Path) -> MoreItems:
    """The items of a file for a run of that configuration (YAML). `ConfigError` when it holds none that fit."""
    config = from_yaml(init_params)
    kind = registry.get(config.blueprint_type)
    args = _with_file(config, path)
    kind.assert_task_args(args, config.base_dir)
    made: Blueprint = kind(args, config.base_dir)
    items = list(made.iter_assignments())
    errors = list(made.row_errors())
    if hasattr(args, "image_list"):
        items, unknown = _only_served(config, items, path)
        errors += unknown
    if not items:
        first = f" The first: line {errors[0].line}, {errors[0].message}" if errors else ""
        raise ConfigError(f"No row of {path.name} can be made into a unit.{first}")
    return MoreItems(items, errors)


def _with_file(config: RunConfig, path: Path) -> Any:
    """The arguments of the run's blueprint, reading this file instead of what they read."""
    args: Any = config.blueprint
    names = {field.name for field in dataclasses.fields(args)}
    if "image_list" in names:
        return dataclasses.replace(args, image_folder=args.image_folder, image_list=str(path))
    field = _FIELD_OF.get(path.suffix.lower())
    if field is None or field not in names:
        kinds = "CSV, JSON or JSONL" if field is None else "no file"
        raise ConfigError(f"{path.name} cannot be read as rows.", advice=f"This task takes rows from {kinds}.")
    return dataclasses.replace(args, **{**_SOURCES, field: str(path)})


def _only_served(
    config: RunConfig, items: Sequence[AssignmentData], path: Path
) -> tuple[list[AssignmentData], list[RowError]]:
    """Images are served from the addresses that were known when the run was deployed; others are left out."""
    before: Blueprint = registry.get(config.blueprint_type)(config.blueprint, config.base_dir)
    known = {str(item.shared.get("image")) for item in before.iter_assignments()}
    kept = [item for item in items if str(item.shared.get("image")) in known]
    reason = "the run does not serve this image; new images need a new run."
    lost = [RowError(path.name, place, reason) for place, item in enumerate(items, 1) if item not in kept]
    return kept, lost
