"""What stands before the window: arguments, a data folder that cannot be used, no display."""

from __future__ import annotations

import errno
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.errors import AppError
from app.headless import opening
from app.headless.arguments import parse
from app.headless.exit_codes import ExitCode
from app.headless.opening import LaunchOrder, Obstacle, Opening
from app.headless.output import folder_fault


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    for handler in [one for one in root.handlers if one not in handlers]:
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)


@pytest.fixture
def _display(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")


@pytest.fixture
def _no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def no_folder(tmp_path: Path) -> Path:
    """A data folder that nobody can make: a file is in its way."""
    (tmp_path / "file").touch()
    return tmp_path / "file" / "data"


def test_the_system_s_reason_stands_in_a_sentence_with_a_way_out(no_folder: Path) -> None:
    with pytest.raises(OSError) as caught:
        no_folder.mkdir()
    words = str(folder_fault(caught.value))
    assert f"{no_folder}: Not a directory" in words
    assert "Errno" not in words
    assert "--data-dir" in words


def test_a_sentence_of_our_own_is_kept_as_it_is() -> None:
    fault = folder_fault(AppError("The settings are torn.", "Mend them."))
    assert fault.message == "The data folder cannot be used: The settings are torn."
    assert fault.advice == "Mend them."


def test_a_full_disk_asks_for_space_and_not_for_rights() -> None:
    fault = folder_fault(OSError(errno.ENOSPC, "No space left on device", "/data/logs"))
    assert fault.advice.startswith("Free some space")
    assert "/data/logs" in fault.message


@pytest.mark.usefixtures("_display")
def test_a_folder_that_cannot_be_used_is_told_in_a_window_and_on_the_terminal(
    no_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = opening.prepare(parse(["--data-dir", str(no_folder)]))
    assert isinstance(found, Obstacle)
    assert found.settings.data_dir == no_folder
    assert str(found.fault) in capsys.readouterr().err


@pytest.mark.usefixtures("_display")
def test_wrong_settings_are_told_in_a_window(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "settings.json").write_text('{"theme": "purple"}')
    found = opening.prepare(parse(["--data-dir", str(tmp_path)]))
    assert isinstance(found, Obstacle)
    assert found.settings.data_dir == tmp_path
    assert "purple" in found.fault.message
    assert capsys.readouterr().err


@pytest.mark.usefixtures("_display")
def test_a_launch_without_headless_opens_the_window_with_an_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    line = ["launch", "task.yaml", "task.task_reward=0.1", "--data-dir", str(tmp_path / "data")]
    found = opening.prepare(parse(line))
    assert isinstance(found, Opening)
    assert found.order == LaunchOrder(tmp_path / "task.yaml", ("task.task_reward=0.1",))


@pytest.mark.usefixtures("_no_display")
def test_without_a_display_there_is_a_sentence_and_no_window(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert opening.prepare(parse(["--data-dir", str(tmp_path)])) == ExitCode.OUTSIDE
    assert "no display" in capsys.readouterr().err


@pytest.mark.usefixtures("_no_display")
def test_without_a_display_a_folder_s_fault_is_a_sentence(no_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert opening.prepare(parse(["--data-dir", str(no_folder)])) == ExitCode.STORE
    assert "Not a directory" in capsys.readouterr().err
