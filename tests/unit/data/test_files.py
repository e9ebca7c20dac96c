"""Folders for the owner, files written whole, names that are safe in a path."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.data import files
from app.errors import StoreError


def test_a_file_takes_its_place_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "new" / "data.csv"
    with files.written_whole(target) as file:
        file.write(b"a,b\n")
        assert not target.exists()
    assert target.read_bytes() == b"a,b\n"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert [p.name for p in target.parent.iterdir()] == ["data.csv"]


def write_half(target: Path) -> None:
    with files.written_whole(target) as file:
        file.write(b"half")
        raise KeyError("the source broke")


def test_a_file_that_breaks_off_leaves_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "data.csv"
    target.write_bytes(b"old")
    with pytest.raises(KeyError):
        write_half(target)
    assert target.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["data.csv"]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match="cannot be written"):
        files.make_private_folder(tmp_path / "file" / "folder")


def test_a_file_is_held_once(tmp_path: Path) -> None:
    hold = files.hold_file(tmp_path / "locks" / "run-1.lock")
    assert hold is not None
    assert files.hold_file(tmp_path / "locks" / "run-1.lock") is None
    hold.release()
    again = files.hold_file(tmp_path / "locks" / "run-1.lock")
    assert again is not None
    again.release()


@given(st.text(max_size=200))
def test_any_name_is_one_part_of_a_path(name: str) -> None:
    safe = files.safe_name(name)
    assert safe
    assert not set(safe) & set('/\\:*?"<>|\0')
    assert safe not in (".", "..", files.NO_PROJECT)
    assert len(safe) <= 100


def test_names_of_devices_and_our_own_are_made_different() -> None:
    for name in ("", "nul", "COM1.txt", files.NO_PROJECT):
        assert files.safe_name(name).lower() != name.lower()


@given(st.text(max_size=50), st.text(max_size=50))
def test_different_names_stay_different(one: str, other: str) -> None:
    if one != other:
        assert (
            files.safe_name(one).casefold() != files.safe_name(other).casefold() or one.casefold() == other.casefold()
        )


def test_uploads_lie_where_the_field_puts_them(tmp_path: Path) -> None:
    assert files.agent_folder(tmp_path, None, 3, 4, 5) == tmp_path / "NO_PROJECT" / "3" / "4" / "5"
    assert files.agent_folder(tmp_path, "Wings", "3", "4", "5") == tmp_path / "Wings" / "3" / "4" / "5"
