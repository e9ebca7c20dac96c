"""More items for a run that is in flight, from a file of rows of the kind that the run was launched with."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from app.blueprints import registry
from app.blueprints.base import AssignmentData, Blueprint, RowError
from app.errors import ConfigError
from app.operations.configuration.config import RunConfig, from_yaml

_SOURCES = {"data_csv": "", "data_json": "", "data_jsonl": "", "static_task_data": [], "data_function": ""}
_TOLD = 3
_FIELD_OF = {".csv": "data_csv", ".tsv": "data_csv", ".json": "data_json", ".jsonl": "data_jsonl"}


@dataclass(frozen=True)
class MoreItems:
    """What a file held: the items, and the rows that were left out."""

    items: Sequence[AssignmentData]
    errors: Sequence[RowError]

    @property
    def left_out(self) -> str:
        """Which rows, by their lines, and why: "2 rows are left out: line 4 has 1 field; ...". "" for none."""
        if not self.errors:
            return ""
        told = "; ".join(f"line {error.line}: {error.message.rstrip('.')}" for error in self.errors[:_TOLD])
        more = f"; and {len(self.errors) - _TOLD} more" if len(self.errors) > _TOLD else ""
        verb = "row is" if len(self.errors) == 1 else "rows are"
        return f"{len(self.errors)} {verb} left out: {told}{more}."


def read_items(init_params: str, path: Path, began: datetime) -> MoreItems:
    """The items of a file for a run of that configuration (YAML) that began to be served then.

    `ConfigError` when it holds none that fit.
    """
    config = from_yaml(init_params)
    kind = registry.get(config.blueprint_type)
    args = _with_file(config, path)
    kind.assert_task_args(args, config.base_dir)
    made: Blueprint = kind(args, config.base_dir)
    items = list(made.iter_assignments())
    errors = list(made.row_errors())
    if hasattr(args, "image_list"):
        items, unknown = _only_served(config, items, path, began)
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
    config: RunConfig, items: Sequence[AssignmentData], path: Path, began: datetime
) -> tuple[list[AssignmentData], list[RowError]]:
    """Images get their addresses when a run is deployed: files that came later, or from elsewhere, are left out."""
    before: Blueprint = registry.get(config.blueprint_type)(config.blueprint, config.base_dir)
    known = {str(item.shared.get("image")) for item in before.iter_assignments()}
    args: Any = config.blueprint
    root = config.base_dir / (args.image_folder or Path(args.image_list).parent)
    kept: list[AssignmentData] = []
    lost: list[RowError] = []
    for place, item in enumerate(items, 1):
        name = str(item.shared.get("image"))
        local = "://" not in name
        if name in known and not (local and (root / name).stat().st_ctime > began.timestamp()):
            kept.append(item)
        else:
            lost.append(RowError(path.name, place, f"{name} is not served by this run; new images need a new run."))
    return kept, lost
