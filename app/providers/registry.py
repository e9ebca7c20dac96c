"""Which crowd providers there are: ours by name, others through the entry points `crowdesk.providers`."""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import entry_points

from app.errors import ConfigError
from app.providers.base import CrowdProvider

ENTRY_POINT_GROUP = "crowdesk.providers"

_OURS = {
    "inhouse": "app.providers.inhouse.provider:InhouseProvider",
    "mock": "app.providers.mock.provider:MockProvider",
}
_registered: dict[str, type[CrowdProvider]] = {}


def names() -> list[str]:
    """Every provider type that `get` knows, ours first."""
    others = {point.name for point in entry_points(group=ENTRY_POINT_GROUP)} | set(_registered)
    return [*_OURS, *sorted(others - set(_OURS))]


def get(kind: str) -> type[CrowdProvider]:
    """The provider class of a type; imported when it is first asked for. `ConfigError` names the nearest right type."""
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
    raise ConfigError(f'There is no provider "{kind}". {hint}', key="provider._provider_type")


def register(cls: type[CrowdProvider], kind: str = "") -> None:
    """Make a provider class known under its `PROVIDER_TYPE` (or `kind`). `ConfigError` when it is none."""
    if not (isinstance(cls, type) and issubclass(cls, CrowdProvider)):
        raise ConfigError(f"{cls!r} is no CrowdProvider.", key="provider._provider_type")
    _registered[kind or cls.PROVIDER_TYPE] = cls
