"""Secrets: in the system's keyring where there is one, else in a file of mode 600. Never in the database or a log."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Protocol

SERVICE = "crowdesk"


class Vault(Protocol):
    """Keeps named secrets."""

    kind: str
    """"keyring" or "file": what Settings tells the requester."""

    def find(self, name: str) -> str | None:
        """The secret of that name, or None."""
        ...

    def put(self, name: str, secret: str) -> None:
        """Keep a secret under a name, replacing what was there."""
        ...

    def remove(self, name: str) -> None:
        """Forget a secret. Idempotent."""
        ...


class KeyringVault:
    """The system keyring, under the service name `crowdesk` and the data folder's own id."""

    kind = "keyring"

    def __init__(self, namespace: str) -> None:
        import keyring  # 0.1 s: not at start-up of commands that need no secret

        self._keyring = keyring
        self._service = f"{SERVICE}:{namespace}"

    def find(self, name: str) -> str | None:
        return self._keyring.get_password(self._service, name)

    def put(self, name: str, secret: str) -> None:
        self._keyring.set_password(self._service, name, secret)

    def remove(self, name: str) -> None:
        from keyring.errors import PasswordDeleteError

        try:
            self._keyring.delete_password(self._service, name)
        except PasswordDeleteError:
            return


class FileVault:
    """One JSON file of mode 600, written atomically."""

    kind = "file"

    def __init__(self, path: Path) -> None:
        self._path = path

    def find(self, name: str) -> str | None:
        return self._load().get(name)

    def put(self, name: str, secret: str) -> None:
        self._save({**self._load(), name: secret})

    def remove(self, name: str) -> None:
        kept = self._load()
        if kept.pop(name, None) is not None:
            self._save(kept)

    def _load(self) -> dict[str, str]:
        try:
            loaded: dict[str, str] = json.loads(self._path.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        return loaded

    def _save(self, kept: dict[str, str]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._path.with_suffix(f".{secrets.token_hex(4)}.tmp")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(kept, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, self._path)


def open_vault(data_dir: Path, *, prefer_file: bool = False) -> Vault:
    """The keyring when this machine has a working one, else `data_dir`/secrets.json (mode 600)."""
    if not prefer_file and _keyring_works():
        return KeyringVault(str(data_dir.resolve()))
    return FileVault(data_dir / "secrets.json")


def get_or_make(vault: Vault, name: str) -> str:
    """The secret of that name; 256 random bits are kept under it the first time."""
    found = vault.find(name)
    if found is None:
        found = secrets.token_urlsafe(32)
        vault.put(name, found)
    return found


def _keyring_works() -> bool:
    import keyring
    from keyring.errors import KeyringError

    try:
        return float(keyring.get_keyring().priority) >= 1
    except (KeyringError, RuntimeError):
        return False
