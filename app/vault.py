"""Secrets: in the system's keyring where there is one, else in a file of mode 600. Never in the database or a log."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout

from app.errors import StoreError

SERVICE = "crowdesk"
LOCK_SECONDS = 20.0
_DAMAGED_HINT = "Put a copy of it in its place, or move it away: entry links and pages of open runs are then new ones."


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

    def put_first(self, name: str, secret: str) -> str:
        """Keep a secret under a name that has none yet; returns the one that is kept."""
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

    def put_first(self, name: str, secret: str) -> str:
        kept = self.find(name)
        if kept is None:
            self.put(name, secret)
        return kept or secret

    def remove(self, name: str) -> None:
        from keyring.errors import PasswordDeleteError

        try:
            self._keyring.delete_password(self._service, name)
        except PasswordDeleteError:
            return


class FileVault:
    """One JSON file of mode 600, written atomically; a lock beside it, for other windows change it too."""

    kind = "file"

    def __init__(self, path: Path) -> None:
        self._path = path

    def find(self, name: str) -> str | None:
        return self._load().get(name)

    def put(self, name: str, secret: str) -> None:
        with self._changing() as kept:
            kept[name] = secret

    def put_first(self, name: str, secret: str) -> str:
        with self._changing() as kept:
            return kept.setdefault(name, secret)

    def remove(self, name: str) -> None:
        with self._changing() as kept:
            kept.pop(name, None)

    @contextmanager
    def _changing(self) -> Iterator[dict[str, str]]:
        """What is kept, to be changed: read and written while nobody else may. `StoreError`."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(self._path.with_suffix(".lock"), timeout=LOCK_SECONDS, mode=0o600):
                kept = self._load()
                before = dict(kept)
                yield kept
                if kept != before:
                    self._save(kept)
        except Timeout:
            raise StoreError(f"{self._path} is held by another program.", "Try again in a moment.") from None
        except OSError as error:
            hint = "See that the folder can be written and the disk has space."
            raise StoreError(f"{self._path} cannot be written: {error.strerror}.", hint) from error

    def _load(self) -> dict[str, str]:
        try:
            loaded = json.loads(self._path.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise StoreError(f"{self._path} cannot be read: {error.strerror}.", _DAMAGED_HINT) from error
        except ValueError:
            loaded = None
        if not isinstance(loaded, dict):
            raise StoreError(f"{self._path} is damaged, so the secrets in it cannot be read.", _DAMAGED_HINT)
        return loaded

    def _save(self, kept: dict[str, str]) -> None:
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
    return vault.find(name) or vault.put_first(name, secrets.token_urlsafe(32))


def _keyring_works() -> bool:
    import keyring
    from keyring.errors import KeyringError

    try:
        return float(keyring.get_keyring().priority) >= 1
    except (KeyringError, RuntimeError):
        return False
