"""The look: one table of tokens becomes a palette over Fusion, a little QSS, fonts and icons, light or dark."""

from __future__ import annotations

import json
from functools import cache, lru_cache
from pathlib import Path
from string import Template
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QIcon, QPalette
from PySide6.QtWidgets import QApplication, QWidget

RESOURCES = Path(__file__).resolve().parents[2] / "resources"
SCHEMES = ("light", "dark")
UNIT_SERIES = ("accepted", "completed", "assigned", "launched", "soft_rejected", "rejected", "expired")
"""Unit statuses in stacking order: the i-th is drawn in token `u<i>`."""

_FONT_ROLES: dict[str, tuple[int, QFont.Weight]] = {
    "body": (13, QFont.Weight.Normal),
    "strong": (13, QFont.Weight.DemiBold),
    "medium": (13, QFont.Weight.Medium),
    "small": (12, QFont.Weight.Normal),
    "small-medium": (12, QFont.Weight.Medium),
    "heading": (12, QFont.Weight.DemiBold),
    "badge": (11, QFont.Weight.DemiBold),
    "kbd": (11, QFont.Weight.Normal),
    "mono": (12, QFont.Weight.Normal),
    "section": (14, QFont.Weight.DemiBold),
    "name": (15, QFont.Weight.DemiBold),
    "title": (18, QFont.Weight.DemiBold),
    "figure": (20, QFont.Weight.DemiBold),
    "big": (26, QFont.Weight.DemiBold),
}
_NEGATIVE_SPACING = {"name": -0.2, "title": -0.2, "figure": -0.3, "big": -0.5}


@lru_cache(maxsize=1)
def load_tokens() -> dict[str, dict[str, str]]:
    """`{"light": {token: "#rrggbb"}, "dark": {...}}` of resources/style/tokens.json."""
    tokens: dict[str, dict[str, str]] = json.loads((RESOURCES / "style" / "tokens.json").read_text("utf-8"))
    return tokens


class _Sheet(Template):
    braceidpattern = "[a-z][a-z0-9-]*"


class Theme(QObject):
    """The colours, fonts and icons in use. `changed` is emitted after a switch: painted widgets repaint then."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._scheme = "light"
        self._colors: dict[str, QColor] = {}
        self._icons: dict[tuple[str, str], QIcon] = {}
        self._load()

    @property
    def scheme(self) -> str:
        """ "light" or "dark"."""
        return self._scheme

    def color(self, token: str) -> QColor:
        """The colour of a token (`text`, `accent`, `ok-bg`, `u0`, ...). `KeyError` for an unknown one."""
        return QColor(self._colors[token])

    def hex(self, token: str) -> str:
        """The colour of a token as `#rrggbb`."""
        return self._colors[token].name()

    def icon(self, name: str, tint: str = "dim") -> QIcon:
        """A Phosphor icon (`ph.house`) in the colour of a token, cached until the theme changes."""
        key = (name, tint)
        if key not in self._icons:
            self._icons[key] = _phosphor().icon(
                name, color=self.color(tint), color_active=self.color(tint), color_disabled=self.color("faint")
            )
        return self._icons[key]

    def use(self, scheme: str) -> None:
        """Take the tokens of a scheme; `apply` does the rest."""
        self._scheme = scheme
        self._load()

    def _load(self) -> None:
        self._colors = {token: QColor(value) for token, value in load_tokens()[self._scheme].items()}
        self._icons.clear()


@cache
def _phosphor() -> Any:  # qtawesome ships no types
    """The one icon font we use: all that qtawesome brings would cost 11 MiB and a tenth of a second."""
    import qtawesome  # 40 ms: not before the first icon is drawn
    from qtawesome.iconic_font import IconicFont

    folder = Path(qtawesome.__file__).parent / "fonts"
    outlines = next(folder.glob("phosphor-[0-9]*.ttf"))
    names = next(folder.glob("phosphor-charmap-*.json"))
    return IconicFont(("ph", outlines.name, names.name, str(folder)))


_current: Theme | None = None


def current() -> Theme:
    """The theme of this application."""
    global _current
    if _current is None:
        _current = Theme()
    return _current


def font(role: str = "body") -> QFont:
    """The font of a role (`body`, `strong`, `small`, `mono`, `title`, `figure`, ...), figures all of one width."""
    size, weight = _FONT_ROLES[role]
    made = QFont(["JetBrains Mono", "DejaVu Sans Mono", "monospace"] if role == "mono" else _families())
    made.setPixelSize(size)
    made.setWeight(weight)
    made.setFeature(QFont.Tag("tnum"), 1)
    if role in _NEGATIVE_SPACING:
        made.setLetterSpacing(QFont.SpacingType.AbsoluteSpacing, _NEGATIVE_SPACING[role])
    made.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    return made


def apply(app: QApplication, name: str) -> Theme:
    """Give the application the look `light`, `dark` or `system`, also while it runs. Returns the theme."""
    theme = current()
    load_fonts()
    if app.style() is None or app.style().objectName() != "fusion":
        app.setStyle("Fusion")
    theme.use(scheme_for(app, name))
    app.setFont(font())
    app.setPalette(_palette(theme))
    app.setStyleSheet(style_sheet(theme.scheme))
    theme.changed.emit()
    return theme


def scheme_for(app: QApplication, name: str) -> str:
    """The scheme that a preference means now: `system` asks the desktop, which may not say (then light)."""
    if name in SCHEMES:
        return name
    return "dark" if app.styleHints().colorScheme() == Qt.ColorScheme.Dark else "light"


def style_sheet(scheme: str) -> str:
    """resources/style/window.qss with the tokens of a scheme."""
    template = _Sheet((RESOURCES / "style" / "window.qss").read_text("utf-8"))
    return template.substitute(load_tokens()[scheme], images=(RESOURCES / "style" / scheme).as_posix())


@lru_cache(maxsize=1)
def load_fonts() -> bool:
    """Register the bundled fonts with Qt, once. Whether all could be read."""
    loaded = [QFontDatabase.addApplicationFont(str(path)) for path in sorted((RESOURCES / "fonts").glob("*.ttf"))]
    return min(loaded) >= 0


def set_property(widget: QWidget, name: str, value: object) -> None:
    """Set a property that the style sheet selects by, and have the widget styled again."""
    if widget.property(name) == value:
        return
    widget.setProperty(name, value)
    widget.style().unpolish(widget)
    widget.style().polish(widget)
    widget.update()


def _families() -> list[str]:
    return ["Inter", "Segoe UI", "Helvetica Neue", "DejaVu Sans", "sans-serif"]


def _palette(theme: Theme) -> QPalette:
    role = QPalette.ColorRole
    palette = QPalette()
    for where, token in (
        (role.Window, "bg"),
        (role.WindowText, "text"),
        (role.Base, "panel"),
        (role.AlternateBase, "bg"),
        (role.Text, "text"),
        (role.Button, "raised"),
        (role.ButtonText, "text"),
        (role.BrightText, "bad"),
        (role.ToolTipBase, "raised"),
        (role.ToolTipText, "text"),
        (role.PlaceholderText, "faint"),
        (role.Highlight, "accent"),
        (role.HighlightedText, "on-accent"),
        (role.Accent, "accent"),
        (role.Link, "accent"),
        (role.LinkVisited, "soft"),
        (role.Mid, "line"),
        (role.Dark, "line"),
        (role.Midlight, "hover"),
        (role.Light, "raised"),
        (role.Shadow, "line"),
    ):
        palette.setColor(where, theme.color(token))
    for where in (role.Text, role.WindowText, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, where, theme.color("faint"))
    return palette
