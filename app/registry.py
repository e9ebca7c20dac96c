"""Kinds of one thing (blueprints, providers, architects): ours by name, others through entry points."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from app.errors import ConfigError

T = TypeVar("T")


class Registry(Generic[T]):
    """The classes of one thing, by the type that task files name them by. A class is imported when it is asked for."""

    def __init__(self, thing: str, base: type[Any], ours: Mapping[str, str]) -> None:
        """`thing` is "blueprint", ...: others come by the entry points `crowdesk.{thing}s`, and every class tells its
        type in `{THING}_TYPE`. All of them are subclasses of `base`. `ours` is type -> "module:class".
        """
        self.thing = thing
        self.base = base
        self.ours = ours
        self.classes: dict[str, type[T]] = {}
        """Those that were asked for or registered."""
        self._key = f"{thing}._{thing}_type"

    def names(self) -> list[str]:
        """Every type that `get` knows, ours first."""
        others = set(self._entry_points()) | set(self.classes)
        return [*self.ours, *sorted(others - set(self.ours))]

    def get(self, kind: str) -> type[T]:
        """The class of a type. `ConfigError` names the nearest type where there is none, or tells why it cannot be."""
        if kind not in self.classes:
            if kind in self.ours:
                module, _, name = self.ours[kind].partition(":")
                self.register(getattr(import_module(module), name))
            elif point := self._entry_points().get(kind):
                self.register(self._load(point), kind)
            else:
                raise self._unknown(kind)
        return self.classes[kind]

    def register(self, cls: type[T], kind: str = "") -> None:
        """Make a class known under its own type, or `kind`. `ConfigError` when it is no such class."""
        if not (isinstance(cls, type) and issubclass(cls, self.base)):
            raise ConfigError(f"{cls!r} is no {self.base.__name__}.", key=self._key)
        self.classes[kind or getattr(cls, f"{self.thing.upper()}_TYPE")] = cls

    def _entry_points(self) -> dict[str, EntryPoint]:
        return {point.name: point for point in entry_points(group=f"crowdesk.{self.thing}s")}

    def _load(self, point: EntryPoint) -> Any:
        try:
            return point.load()
        except (ImportError, AttributeError) as error:
            raise ConfigError(
                f'The {self.thing} "{point.name}" cannot be loaded from {point.value}: {error}.',
                key=self._key,
                advice="Install the package that brings it anew, or take it away.",
            ) from error

    def _unknown(self, kind: str) -> ConfigError:
        nearest = get_close_matches(kind, self.names(), n=1, cutoff=0.5)
        hint = f'Did you mean "{nearest[0]}"?' if nearest else f"There are: {', '.join(self.names())}."
        return ConfigError(f'There is no {self.thing} "{kind}". {hint}', key=self._key)
