"""What is known of a configuration while it is typed, as plain values that the launch page shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class DataPreview:
    """The first rows of the work. `items` is None while their number is not known; `left_out` are sentences."""

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    items: int | None = None
    workers_each: int = 1
    left_out: tuple[str, ...] = ()

    @property
    def units(self) -> int | None:
        """How many units there will be, where that is known."""
        return None if self.items is None else self.items * self.workers_each


@dataclass(frozen=True)
class ForecastView:
    """The forecast in words. `rows` are (name, value, tone), a tone "" being plain text."""

    total: str
    formula: str
    rows: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True)
class CheckItem:
    """One line of "before launch". `tone`: "ok", "warn" (may be launched), "bad" (may not), "idle" (not done yet)."""

    tone: str
    words: str


@dataclass(frozen=True)
class LaunchCheck:
    """One look at the whole form. `problems` are sentences by field key; `general` those that have no field."""

    problems: Mapping[str, str] = field(default_factory=dict)
    general: tuple[str, ...] = ()
    warnings: Mapping[str, str] = field(default_factory=dict)
    """By field key: what should be known, though it may be launched so."""
    preview: DataPreview | None = None
    forecast: ForecastView | None = None
    checklist: tuple[CheckItem, ...] = ()
    ready: bool = False
    button: str = "Launch"
    cost: str = ""
    """What the launch will make and cost, in one sentence, for the button's tool tip."""


@dataclass(frozen=True)
class KindChoice:
    """A blueprint, provider or architect that can be chosen."""

    key: str
    title: str
    words: str = ""
