"""Settings: checked while they are typed, saved at once, and what the page says of data and secrets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from app.data.store import Store
from app.settings import Settings, load
from app.vault import FileVault
from app.viewmodels import preferences
from app.viewmodels.desktop import Desktop
from app.viewmodels.preferences import PreferencesViewModel, without_password
from app.views.settings_page import SettingsPage


@pytest.fixture
async def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path, f"sqlite:///{tmp_path / 'crowdesk.db'}")


@pytest.fixture
async def store(settings: Settings) -> AsyncIterator[Store]:
    opened = await Store.open(settings.database_url, locks_dir=settings.locks_dir)
    yield opened
    await opened.close()


@pytest.fixture
def model(settings: Settings, store: Store) -> PreferencesViewModel:
    return PreferencesViewModel(settings, store, FileVault(settings.data_dir / "secrets.json"))


async def saved(model: PreferencesViewModel) -> None:
    for _ in range(4):
        await model._saver.wait()
        await asyncio.sleep(0)


async def test_a_change_is_saved_at_once_and_read_at_the_next_start(
    model: PreferencesViewModel, settings: Settings
) -> None:
    assert model.set_value("undo_seconds", " 12 ") == ""
    assert model.set_value("pay_per_hour_floor", "9.50") == ""
    assert model.set_value("currency", "chf") == ""
    await saved(model)
    again = load(settings.data_dir).preferences
    assert (again.undo_seconds, again.pay_per_hour_floor, again.currency) == (12, Decimal("9.50"), "CHF")


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("undo_seconds", "61", "at most 60"),
        ("undo_seconds", "soon", "whole number"),
        ("upload_limit_mib", "0", "at least 1"),
        ("currency", "EURO", "three letters"),
        ("pay_per_hour_floor", "nan", "amount"),
    ],
)
async def test_a_wrong_value_is_told_and_not_taken(
    model: PreferencesViewModel, settings: Settings, name: str, value: str, part: str
) -> None:
    before = model.value(name)
    assert part in model.set_value(name, value)
    assert model.value(name) == before
    assert not (settings.data_dir / "settings.json").exists()


async def test_a_folder_that_cannot_be_written_is_told_and_the_value_holds(
    model: PreferencesViewModel, settings: Settings
) -> None:
    told: list[str] = []
    model.failed.connect(told.append)
    settings.data_dir = settings.data_dir / "crowdesk.db" / "below a file"
    assert model.set_value("undo_seconds", 3) == ""
    await saved(model)
    assert "hold until the program ends" in told[0]
    assert model.value("undo_seconds") == 3


async def test_the_database_answers_its_test(model: PreferencesViewModel) -> None:
    told: list[tuple[str, str]] = []
    model.tested.connect(lambda tone, sentence: told.append((tone, sentence)))
    model.test_database()
    await model._tester.wait()
    await asyncio.sleep(0)
    assert told[-1][0] == "ok"
    assert "SQLite answers in" in told[-1][1]


def test_a_password_is_never_shown() -> None:
    assert (
        without_password("postgresql://mira:s3cret@db.lab:5433/studies") == "postgresql://mira:***@db.lab:5433/studies"
    )
    assert without_password("sqlite:////data/crowdesk.db") == "sqlite:////data/crowdesk.db"


async def test_the_place_of_secrets_is_tested_and_keeps_nothing_of_it(
    model: PreferencesViewModel, settings: Settings
) -> None:
    told: list[tuple[str, str]] = []
    model.vault_tested.connect(lambda tone, sentence: told.append((tone, sentence)))
    model.test_vault()
    await model._vault_tester.wait()
    await asyncio.sleep(0)
    assert [tone for tone, _ in told] == ["dim", "ok"]
    assert json.loads((settings.data_dir / "secrets.json").read_text()) == {}
    (settings.data_dir / "secrets.json").write_text("no JSON")
    model.test_vault()
    await model._vault_tester.wait()
    await asyncio.sleep(0)
    assert told[-1][0] == "bad"
    assert "secrets.json" in told[-1][1]


async def test_an_amount_is_taken_with_a_comma_too(model: PreferencesViewModel) -> None:
    assert model.set_value("pay_per_hour_floor", " 7,50 ") == ""
    assert model.value("pay_per_hour_floor") == Decimal("7.50")
    assert model.set_value("pay_per_hour_floor", "7,5,0") != ""
    await saved(model)


async def test_a_database_that_never_answers_is_told_and_can_be_asked_again(
    model: PreferencesViewModel, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(*_args: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(store, "read", hang)
    monkeypatch.setattr(preferences, "PATIENCE", 0.01)
    told: list[tuple[str, str]] = []
    model.tested.connect(lambda tone, sentence: told.append((tone, sentence)))
    model.test_database()
    assert told == [("dim", "Asking the database …")]
    await model._tester.wait()
    await asyncio.sleep(0)
    assert told[-1][0] == "bad"
    assert "has not answered for 0.01 s" in told[-1][1]
    assert not model._tester.busy


async def test_the_page_says_where_secrets_are(model: PreferencesViewModel) -> None:
    assert "mode 600" in model.vault_words()


@pytest.fixture
def page(qtbot: QtBot, settings: Settings, store: Store) -> SettingsPage:
    desktop = Desktop.__new__(Desktop)  # as much of one as the page asks for
    super(Desktop, desktop).__init__()
    desktop.settings, desktop.store = settings, store
    desktop.vault = FileVault(settings.data_dir / "secrets.json")
    made = SettingsPage(desktop)
    qtbot.addWidget(made)
    return made


async def test_a_wrong_entry_is_marked_until_it_is_mended(page: SettingsPage, settings: Settings) -> None:
    field = page.fields["undo_seconds"]
    assert isinstance(field.editor, QLineEdit)
    field.editor.setText("99")
    field.editor.editingFinished.emit()
    assert field.error() == "Must be at most 60; it is 99."
    field.editor.setText("5")
    field.editor.editingFinished.emit()
    assert field.error() == ""
    await saved(page.model)
    assert json.loads((settings.data_dir / "settings.json").read_text("utf-8"))["undo_seconds"] == 5


async def test_the_theme_is_chosen_and_told(page: SettingsPage, settings: Settings) -> None:
    told: list[str] = []
    page._desktop.theme_chosen.connect(told.append)
    page._theme_buttons["dark"].click()
    assert told == ["dark"]
    assert settings.preferences.theme == "dark"
    offer = next(offer for offer in page.offers() if offer.words == "Theme: light")
    offer.call()
    assert told == ["dark", "light"]
    await saved(page.model)


async def test_every_editor_is_named_for_a_screen_reader(page: SettingsPage) -> None:
    assert all(field.editor.accessibleName() for field in page.fields.values())
