"""The architects there are: ours by name, third parties' through the entry points `crowdesk.architects`."""

from __future__ import annotations

from difflib import get_close_matches
from importlib.metadata import entry_points

from app.architects.base import Architect
from app.architects.local import LocalArchitect
from app.architects.mock import MockArchitect
from app.errors import ConfigError

ENTRY_POINTS = "crowdesk.architects"

ARCHITECTS: dict[str, type[Architect]] = {
    LocalArchitect.ARCHITECT_TYPE: LocalArchitect,
    MockArchitect.ARCHITECT_TYPE: MockArchitect,
}


def list_architect_types() -> list[str]:
    """The names of all architects, ours first."""
    return list(dict.fromkeys([*ARCHITECTS, *(point.name for point in entry_points(group=ENTRY_POINTS))]))


def get_architect(architect_type: str) -> type[Architect]:
    """The architect class of that name; `ConfigError` names the nearest one when there is none."""
    if architect_type in ARCHITECTS:
        return ARCHITECTS[architect_type]
    for point in entry_points(group=ENTRY_POINTS, name=architect_type):
        found = point.load()
        if isinstance(found, type) and issubclass(found, Architect):
            ARCHITECTS[architect_type] = found
            return found
        raise ConfigError(f'The entry point "{architect_type}" of {ENTRY_POINTS} is no Architect.', key="architect")
    nearest = get_close_matches(architect_type, list_architect_types(), n=1)
    hint = f' Did you mean "{nearest[0]}"?' if nearest else ""
    raise ConfigError(f'There is no architect "{architect_type}".{hint}', key="architect._architect_type")
