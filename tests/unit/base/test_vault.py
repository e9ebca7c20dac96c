"""Secrets in a file of mode 600."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest

from app.vault import FileVault, get_or_make, open_vault


def test_secret_is_kept_across_openings(tmp_path: Path) -> None:
    secret = get_or_make(open_vault(tmp_path, prefer_file=True), "run-1")
    assert len(secret) >= 43
    assert get_or_make(open_vault(tmp_path, prefer_file=True), "run-1") == secret


def test_removed_secret_is_gone(tmp_path: Path) -> None:
    vault = FileVault(tmp_path / "secrets.json")
    vault.put("a", "1")
    vault.put("b", "2")
    vault.remove("a")
    vault.remove("a")
    assert (vault.find("a"), vault.find("b")) == (None, "2")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file modes")
def test_only_the_owner_can_read_the_file(tmp_path: Path) -> None:
    FileVault(tmp_path / "secrets.json").put("a", "1")
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600


def test_no_temporary_file_is_left(tmp_path: Path) -> None:
    FileVault(tmp_path / "secrets.json").put("a", "1")
    assert [path.name for path in tmp_path.iterdir()] == ["secrets.json"]
