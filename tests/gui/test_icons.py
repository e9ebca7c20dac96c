"""Every icon that the window names is in the icon font."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import qtawesome
from pytestqt.qtbot import QtBot

APP = Path(__file__).resolve().parents[2] / "app"
NAMES = sorted({name for path in APP.rglob("*.py") for name in re.findall(r'"(ph\.[a-z0-9-]+)"', path.read_text())})


@pytest.mark.parametrize("name", NAMES)
def test_icon_is_in_the_font(qtbot: QtBot, name: str) -> None:
    assert not qtawesome.icon(name).isNull()
