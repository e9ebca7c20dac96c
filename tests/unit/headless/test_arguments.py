"""The command line and its exit codes say what the documentation says."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.errors import AppError, ArchitectError, ConfigError, EntryDoesNotExist, RunHeldElsewhere, StoreError
from app.headless.arguments import parse
from app.headless.exit_codes import MEANING, ExitCode, code_of

DOCUMENTATION = Path(__file__).resolve().parents[3] / "docs" / "cli.md"


def test_no_command_is_the_window() -> None:
    assert parse([]).command is None
    assert parse(["--data-dir", "/d"]).data_dir == Path("/d")


def test_options_stand_before_or_after_the_command() -> None:
    before = parse(["--json", "--data-dir", "/d", "status", "3"])
    after = parse(["status", "3", "--data-dir", "/d", "--json"])
    assert (
        (before.json, before.data_dir, before.run) == (after.json, after.data_dir, after.run) == (True, Path("/d"), 3)
    )
    assert parse(["status"]).json is False


def test_overrides_stand_anywhere_after_the_task_file() -> None:
    found = parse(["launch", "t.yaml", "a=1", "--headless", "b.c=2", "~d", "+e=3"])
    assert (found.task, found.overrides, found.headless) == (Path("t.yaml"), ["a=1", "b.c=2", "~d", "+e=3"], True)


@pytest.mark.parametrize(
    "wrong",
    [
        ["frobnicate"], ["status", "x"], ["status", "0"], ["status", "1", "2"], ["review", "1"], ["launch"],
        ["review", "1", "--approve-all", "--decisions", "f"], ["export", "1", "--format", "xml", "--out", "x"],
        ["launch", "t.yaml", "--headles"], ["rehearse", "t.yaml"], ["launch", "t.yaml", "--workers", "a,b"],
    ],
)  # fmt: skip
def test_a_wrong_command_line_is_refused(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(wrong if wrong != ["launch", "t.yaml", "--headles"] else ["launch", "t.yaml", "--frob"])
    assert caught.value.code == ExitCode.USAGE
    assert "usage:" in capsys.readouterr().err


def test_every_exit_code_has_a_meaning_and_stands_in_the_documentation() -> None:
    assert set(MEANING) == set(ExitCode)
    text = DOCUMENTATION.read_text("utf-8")
    for code, meaning in MEANING.items():
        assert f"| {code.value} | {meaning} |" in text


def test_faults_have_their_codes() -> None:
    assert code_of(ConfigError("x")) == 3
    assert code_of(EntryDoesNotExist("x")) == 4
    assert code_of(RunHeldElsewhere("x")) == 5
    assert code_of(StoreError("x")) == 6
    assert code_of(ArchitectError("x")) == code_of(AppError("x")) == 7
