"""The look: contrast computed from the tokens, the style sheet, the fonts and the drawn indicators."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import qtawesome
from PySide6.QtGui import QColor, QFontInfo, QFontMetrics, QPalette
from PySide6.QtWidgets import QApplication

from app.views import theme

AA_TEXT, AA_GRAPHIC = 4.5, 3.0


def _luminance(value: str) -> float:
    parts = [int(value[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _text_pairs() -> list[tuple[str, str]]:
    pairs = [("text", ground) for ground in ("bg", "panel", "raised", "hover", "select", "accent-bg")]
    pairs += [("dim", ground) for ground in ("bg", "panel", "raised", "hover", "select")]
    pairs += [("faint", ground) for ground in ("bg", "panel", "raised")]
    pairs += [("accent", ground) for ground in ("bg", "panel", "raised", "accent-bg", "select")]
    pairs += [("bad", ground) for ground in ("bg", "panel", "raised", "bad-bg")]
    pairs += [(tone, f"{tone}-bg") for tone in ("ok", "warn", "info", "idle", "soft")]
    pairs += [(tone, "panel") for tone in ("ok", "warn", "info", "idle", "soft")]
    return [*pairs, ("on-accent", "accent"), ("on-accent", "accent-hover")]


@pytest.mark.parametrize("scheme", theme.SCHEMES)
@pytest.mark.parametrize(("front", "ground"), _text_pairs())
def test_words_are_readable_on_their_ground(scheme: str, front: str, ground: str) -> None:
    tokens = theme.load_tokens()[scheme]
    assert _contrast(tokens[front], tokens[ground]) >= AA_TEXT


@pytest.mark.parametrize("scheme", theme.SCHEMES)
@pytest.mark.parametrize(
    ("front", "ground"), [("edge", "panel"), ("edge", "bg"), ("accent", "panel"), ("accent", "bg")]
)
def test_outlines_of_controls_and_focus_stand_out(scheme: str, front: str, ground: str) -> None:
    tokens = theme.load_tokens()[scheme]
    assert _contrast(tokens[front], tokens[ground]) >= AA_GRAPHIC


def test_both_schemes_have_the_same_tokens() -> None:
    tokens = theme.load_tokens()
    assert set(tokens["light"]) == set(tokens["dark"])
    assert {f"u{index}" for index in range(len(theme.UNIT_SERIES))} <= set(tokens["light"])


@pytest.mark.parametrize("scheme", theme.SCHEMES)
def test_the_style_sheet_names_only_pictures_that_exist(scheme: str) -> None:
    sheet = theme.style_sheet(scheme)
    assert "$" not in sheet
    pictures = set(re.findall(r"url\(([^)]+)\)", sheet))
    assert pictures
    assert [path for path in pictures if not Path(path).is_file()] == []


@pytest.mark.parametrize("scheme", theme.SCHEMES)
def test_drawn_indicators_use_only_colours_of_the_scheme(scheme: str) -> None:
    known = set(theme.load_tokens()[scheme].values())
    for path in (theme.RESOURCES / "style" / scheme).glob("*.svg"):
        used = set(re.findall(r"#[0-9a-f]{6}", path.read_text("utf-8")))
        assert used <= known, f"{scheme}/{path.name} uses {used - known}"


def test_switching_the_theme_changes_palette_icons_and_tells_widgets(qapp: QApplication) -> None:
    look = theme.current()
    told: list[str] = []
    look.changed.connect(lambda: told.append(look.scheme))
    before = look.icon("ph.house")
    try:
        theme.apply(qapp, "dark")
        assert qapp.palette().color(QPalette.ColorRole.Window) == QColor(theme.load_tokens()["dark"]["bg"])
        assert look.icon("ph.house") is not before
        assert told == ["dark"]
    finally:
        theme.apply(qapp, "light")
        look.changed.disconnect()


def test_system_means_light_where_the_desktop_does_not_say(qapp: QApplication) -> None:
    assert theme.scheme_for(qapp, "system") in theme.SCHEMES
    assert theme.scheme_for(qapp, "dark") == "dark"


def test_the_bundled_fonts_are_used(qapp: QApplication) -> None:
    assert theme.load_fonts()
    assert QFontInfo(theme.font()).family() == "Inter"
    assert QFontInfo(theme.font("mono")).family() == "JetBrains Mono"


@pytest.mark.parametrize("role", ["body", "small", "figure", "strong"])
def test_figures_are_all_of_one_width(qapp: QApplication, role: str) -> None:
    metrics = QFontMetrics(theme.font(role))
    assert len({metrics.horizontalAdvance(digit * 8) for digit in "0123456789"}) == 1


def test_a_colour_that_is_asked_for_may_be_changed_by_the_asker(qapp: QApplication) -> None:
    theme.current().color("accent").setAlphaF(0.1)
    assert theme.current().color("accent").alphaF() == 1


def test_every_icon_that_the_program_names_is_in_the_icon_font() -> None:
    font = next(Path(qtawesome.__file__).parent.glob("fonts/phosphor-charmap-*.json"))
    known = set(json.loads(font.read_text("utf-8")))
    named = {
        (name, path.name)
        for path in (theme.RESOURCES.parent / "app").rglob("*.py")
        for name in re.findall(r'"ph\.([a-z0-9-]+)"', path.read_text("utf-8"))
    }
    assert {entry for entry in named if entry[0] not in known} == set()
