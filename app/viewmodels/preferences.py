"""The Settings page's model: preferences checked while they are typed, where things are, and whether they answer."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import time
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from PySide6.QtCore import QObject, Signal

from app.args import ArgSpec, convert, describe
from app.data.repo import tasks
from app.data.store import Store
from app.errors import StoreError
from app.settings import Preferences, Settings
from app.vault import Vault
from app.viewmodels.action import Action

_VAULT_WORDS = {
    "keyring": "Secrets are in this system's keyring.",
    "file": "This system has no keyring: secrets are in a file that only you may read (secrets.json, mode 600).",
}

PATIENCE = 8.0
"""Seconds that a test waits for the database: a server that hangs keeps its connection and says nothing."""
VAULT_PATIENCE = 30.0


class PreferencesViewModel(QObject):
    """`changed(str)` names a preference that was set; `saved()`; `failed(str)`; `tested(str, str)`: tone, sentence.

    `vault_tested(str, str)` is the same for the place of secrets.
    """

    changed = Signal(str)
    saved = Signal()
    failed = Signal(str)
    tested = Signal(str, str)
    vault_tested = Signal(str, str)

    def __init__(self, settings: Settings, store: Store, vault: Vault, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._settings, self._store, self._vault = settings, store, vault
        self._unsaved = False
        self._specs = {spec.name: spec for spec in describe(Preferences)}
        self._saver = Action(self._save, self)
        self._saver.failed.connect(self.failed)
        self._saver.finished.connect(self._saved)
        self._tester = Action(self._test, self)
        self._tester.finished.connect(lambda sentence: self.tested.emit("ok", sentence))
        self._tester.failed.connect(lambda sentence: self.tested.emit("bad", sentence))
        self._vault_tester = Action(self._test_vault, self)
        self._vault_tester.finished.connect(lambda sentence: self.vault_tested.emit("ok", sentence))
        self._vault_tester.failed.connect(lambda sentence: self.vault_tested.emit("bad", sentence))

    def specs(self) -> Mapping[str, ArgSpec]:
        """Every preference by name, with its help, bounds and choices."""
        return self._specs

    def value(self, name: str) -> Any:
        """What a preference is now."""
        return getattr(self._settings.preferences, name)

    def set_value(self, name: str, value: Any) -> str:
        """Take a value and save it; returns what is wrong with it, empty when it was taken."""
        if isinstance(value, str):
            value = value.strip()
            if isinstance(self.value(name), Decimal):
                value = value.replace(",", ".")  # as every amount of the window may be typed
        try:
            taken = convert(self._specs[name], value)
        except ValueError as error:
            return str(error)
        if name == "currency":
            taken = str(taken).upper()
            if len(taken) != 3 or not taken.isalpha() or not taken.isascii():
                return "must be a code of three letters, like EUR."
        if taken != self.value(name):
            setattr(self._settings.preferences, name, taken)
            self.changed.emit(name)
            self._unsaved = True
            self._saver.start()
        return ""

    def test_database(self) -> None:
        """Ask the database something; `tested` says so at once and brings the answer later."""
        if not self._tester.busy:
            self.tested.emit("dim", "Asking the database …")
        self._tester.start()

    def test_vault(self) -> None:
        """Keep a secret, read it and forget it; `vault_tested` brings what came of it."""
        if not self._vault_tester.busy:
            self.vault_tested.emit("dim", "Asking the place of secrets …")
        self._vault_tester.start()

    @property
    def data_dir(self) -> Path:
        """The data folder."""
        return self._settings.data_dir

    def places(self) -> list[tuple[str, str]]:
        """Where things are: name and path or address, passwords left out."""
        return [
            ("Data folder", str(self._settings.data_dir)),
            ("Database", without_password(self._settings.database_url)),
            ("Uploaded files", str(self._settings.runs_dir)),
            ("Logs", str(self._settings.log_dir)),
        ]

    def vault_words(self) -> str:
        """Where secrets are kept."""
        return _VAULT_WORDS.get(self._vault.kind, self._vault.kind)

    async def _save(self) -> None:
        self._unsaved = False
        try:
            await asyncio.to_thread(self._settings.save)
        except OSError as error:
            raise StoreError(
                f"The settings could not be saved: {error.strerror}. They hold until the program ends.",
                "Make the data folder writable.",
            ) from error

    def _saved(self, _result: object) -> None:
        if self._unsaved:
            self._saver.start()
        else:
            self.saved.emit()

    async def _test(self) -> str:
        start = time.perf_counter()
        try:
            runs = await asyncio.wait_for(self._store.read(tasks.list_task_runs), PATIENCE)
        except TimeoutError:
            raise StoreError(
                f"The database has not answered for {PATIENCE:g} s. What was saved before is safe.",
                "See that its server and the network to it are well.",
            ) from None
        milliseconds = (time.perf_counter() - start) * 1000
        kind = "PostgreSQL" if self._store.dialect == "postgresql" else "SQLite"
        free = await asyncio.to_thread(lambda: shutil.disk_usage(self._settings.data_dir).free)
        return (
            f"{kind} answers in {milliseconds:.0f} ms and holds {len(runs)} task runs; "
            f"{free / 2**30:.1f} GiB are free in the data folder."
        )

    async def _test_vault(self) -> str:
        from keyring.errors import KeyringError  # 0.1 s: not at start-up

        name, secret = "settings-test", secrets.token_hex(8)

        def keep_and_forget() -> str | None:
            try:
                self._vault.put(name, secret)
                return self._vault.find(name)
            finally:
                self._vault.remove(name)

        try:  # a keyring may open a window of its own and wait there for a person
            kept = await asyncio.wait_for(asyncio.to_thread(keep_and_forget), VAULT_PATIENCE)
        except TimeoutError:
            raise StoreError(f"The place of secrets has not answered for {VAULT_PATIENCE:g} s. Is it locked?") from None
        except (OSError, KeyringError) as error:
            raise StoreError(f"The place of secrets refused: {error}") from error
        if kept != secret:
            raise StoreError("The place of secrets did not give back what was put in it.")
        return "A secret was kept, read again and forgotten: all is well."


def without_password(url: str) -> str:
    """A database URL as it may be shown: `postgresql://mira:***@host/studies`."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    host = parts.hostname or ""
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit(parts._replace(netloc=f"{parts.username}:***@{host}{port}"))
