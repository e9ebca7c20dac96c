"""Which blueprints there are: ours by name, others through the entry points `crowdesk.blueprints`."""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import entry_points

from app.blueprints.base import Blueprint
from app.errors import ConfigError

ENTRY_POINT_GROUP = "crowdesk.blueprints"

_OURS = {
    "image_label": "app.blueprints.image_label.blueprint:ImageLabelBlueprint",
    "static_html": "app.blueprints.static_html.blueprint:StaticHtmlBlueprint",
    "mock": "app.blueprints.mock.blueprint:MockBlueprint",
}
_registered: dict[str, type[Blueprint]] = {}


def names() -> list[str]:
    """Every blueprint type that `get` knows, ours first."""
    others = {point.name for point in entry_points(group=ENTRY_POINT_GROUP)} | set(_registered)
    return [*_OURS, *sorted(others - set(_OURS))]


def get(kind: str) -> type[Blueprint]:
    """The class of a blueprint type; imported when it is first asked for. `ConfigError` names the nearest type."""
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
    raise ConfigError(f'There is no blueprint "{kind}". {hint}', key="blueprint._blueprint_type")


def register(cls: type[Blueprint], kind: str = "") -> None:
    """Make a blueprint class known under its `BLUEPRINT_TYPE` (or `kind`). `ConfigError` when it is none."""
    if not (isinstance(cls, type) and issubclass(cls, Blueprint)):
        raise ConfigError(f"{cls!r} is no Blueprint.", key="blueprint._blueprint_type")
    _registered[kind or cls.BLUEPRINT_TYPE] = cls
