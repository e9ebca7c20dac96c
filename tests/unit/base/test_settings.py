"""The settings file."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from app import settings
from app.errors import ConfigError


def test_a_fresh_folder_has_the_defaults(tmp_path: Path) -> None:
    loaded = settings.load(tmp_path)
    assert loaded.preferences == settings.Preferences()
    assert loaded.database_url == f"sqlite:///{tmp_path / 'crowdesk.db'}"


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    first = settings.load(tmp_path)
    first.preferences.theme = "dark"
    first.preferences.pay_per_hour_floor = Decimal("12.50")
    first.save()
    assert settings.load(tmp_path).preferences == first.preferences


def test_the_database_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CROWDESK_DATABASE_URL", "postgresql://somewhere/else")
    assert settings.load(tmp_path).database_url == "postgresql://somewhere/else"


@pytest.mark.parametrize("text", ["{", '{"theme": "blue"}', '{"thema": "dark"}'])
def test_a_wrong_file_is_a_sentence_that_names_it(tmp_path: Path, text: str) -> None:
    (tmp_path / settings.FILE_NAME).write_text(text)
    with pytest.raises(ConfigError, match=settings.FILE_NAME):
        settings.load(tmp_path)
