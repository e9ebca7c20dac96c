"""The log file on a disk that takes no more."""

from __future__ import annotations

import errno
import io
import logging
from pathlib import Path

import pytest

from app.log import LogFile


class FullDisk(io.TextIOWrapper):
    def write(self, _text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def record(words: str, *values: object) -> logging.LogRecord:
    return logging.LogRecord("crowdesk", logging.INFO, "here", 1, words, values, None)


@pytest.fixture
def file(tmp_path: Path) -> LogFile:
    return LogFile(tmp_path / "crowdesk.log", delay=True)


def test_a_full_disk_is_one_sentence_and_no_traceback(file: LogFile, capsys: pytest.CaptureFixture[str]) -> None:
    file.setStream(FullDisk(io.BytesIO()))
    file.handle(record("one"))
    file.handle(record("two"))
    said = capsys.readouterr().err
    assert said == f"The log {file.baseFilename} cannot be written: No space left on device.\n"


def test_a_fault_of_the_program_in_a_log_line_is_still_shown(file: LogFile, capsys: pytest.CaptureFixture[str]) -> None:
    file.setStream(io.TextIOWrapper(io.BytesIO()))
    file.handle(record("%d", "no number"))
    assert "TypeError" in capsys.readouterr().err
