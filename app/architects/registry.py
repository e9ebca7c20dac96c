"""Which architects there are: ours by name, others through the entry points `crowdesk.architects`."""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import entry_points

from app.architects.base import Architect
from app.errors import ConfigError

ENTRY_POINT_GROUP = "crowdesk.architects"

_OURS = {
    "local": "app.architects.local:LocalArchitect",
    "mock": "app.architects.mock:MockArchitect",
}
_registered: dict[str, type[Architect]] = {}


def names() -> list[str]:
    """Every architect type that `get` knows, ours first."""
    others = {point.name for point in entry_points(group=ENTRY_POINT_GROUP)} | set(_registered)
    return [*_OURS, *sorted(others - set(_OURS))]


def get(kind: str) -> type[Architect]:
    """The class of an architect type; imported when it is first asked for. `ConfigError` names the nearest type."""
    if kind in _registered:
        return _registered[kind]
    if kind in _OURS:
        module, _, name = _OURS[kind].partition(":")
        register(getattr(import_module(module), name))
        return _registered[kind]
    for point in entry_points(group=ENTRY_POINT_GROUP, name=kind):
        register(point.load(), kind)
        return _registered[kind]
    nearest = get_close_matches(kind, names(), n=1, cutoff=0.5)
    hint = f'Did you mean "{nearest[0]}"?' if nearest else f"There are: {', '.join(names())}."
    raise ConfigError(f'There is no architect "{kind}". {hint}', key="architect._architect_type")


def register(cls: type[Architect], kind: str = "") -> None:
    """Make an architect class known under its `ARCHITECT_TYPE` (or `kind`). `ConfigError` when it is none."""
    if not (isinstance(cls, type) and issubclass(cls, Architect)):
        raise ConfigError(f"{cls!r} is no Architect.", key="architect._architect_type")
    _registered[kind or cls.ARCHITECT_TYPE] = cls
