"""A data folder that cannot be used, told to people."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.errors import AppError
from app.headless.output import folder_fault


def test_the_system_s_reason_stands_in_a_sentence_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError) as caught:
        (tmp_path / "file" / "data").mkdir()
    words = folder_fault(caught.value)
    assert f"{tmp_path}/file/data: Not a directory" in words
    assert "Errno" not in words
    assert "--data-dir" in words


def test_a_sentence_of_our_own_is_kept_as_it_is() -> None:
    assert folder_fault(AppError("The settings are torn.")) == "The data folder cannot be used: The settings are torn."
