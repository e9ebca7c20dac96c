"""Secrets in a file of mode 600."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from app.errors import StoreError
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
    assert {path.name for path in tmp_path.iterdir()} <= {"secrets.json", "secrets.lock"}


_WRITER = """
import sys
from pathlib import Path
from app.errors import StoreError
from app.vault import FileVault
vault = FileVault(Path(sys.argv[1]))
for number in range(40):
    vault.put(f"{sys.argv[2]}-{number}", "s")
print(vault.put_first("shared", sys.argv[2]))
"""


def test_two_processes_lose_no_secret_of_each_other(tmp_path: Path) -> None:
    """Two windows on one data folder: each launches runs and keeps their secrets."""
    path = tmp_path / "secrets.json"
    root = Path(__file__).resolve().parents[3]
    writers = [
        subprocess.Popen([sys.executable, "-c", _WRITER, str(path), name], cwd=root, stdout=subprocess.PIPE, text=True)
        for name in ("one", "two")
    ]
    said = [writer.communicate(timeout=60)[0].strip() for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0]
    vault = FileVault(path)
    assert said == [vault.find("shared")] * 2
    missing = [f"{n}-{k}" for n in ("one", "two") for k in range(40) if vault.find(f"{n}-{k}") is None]
    assert missing == []


def test_a_damaged_file_is_told_and_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    for damage in ('{"a": "1"', "[1]"):
        path.write_text(damage)
        vault = FileVault(path)
        with pytest.raises(StoreError, match="damaged"):
            vault.find("a")
        with pytest.raises(StoreError, match="damaged"):
            vault.put("b", "2")
        assert path.read_text() == damage


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        FileVault(tmp_path / "file" / "secrets.json").put("a", "1")
