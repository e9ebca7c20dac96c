"""What the window is opened with, from the command line: checked before Qt is imported."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

from app import log as logs
from app import settings as settings_file
from app.errors import AppError
from app.headless.exit_codes import ExitCode, code_of
from app.headless.output import folder_fault
from app.operations.configuration.config import load_task_file, to_yaml
from app.settings import Settings


@dataclass(frozen=True)
class Opening:
    """Settings of the data folder, and the task file that the Launch page begins with."""

    settings: Settings
    task_file: Path | None


def prepare(arguments: argparse.Namespace) -> Opening | ExitCode:
    """What the arguments ask for, or the exit code for what is wrong with them (told on stderr)."""
    try:
        settings = settings_file.load(arguments.data_dir)
        logs.configure(settings.log_dir, verbose=arguments.verbose)
    except (AppError, OSError) as error:
        print(folder_fault(error), file=sys.stderr)
        return ExitCode.STORE
    try:
        return Opening(settings, _task_file(settings, arguments) if arguments.command == "launch" else None)
    except AppError as error:
        print(str(error), file=sys.stderr)
        return code_of(error)


def _task_file(settings: Settings, arguments: argparse.Namespace) -> Path:
    """The task file, checked; with overrides, a copy that has them written in."""
    config = load_task_file(arguments.task, arguments.overrides)
    path: Path = arguments.task.resolve()
    if not arguments.overrides:
        return path
    settings.build_dir.mkdir(parents=True, exist_ok=True)
    copy = settings.build_dir / f"launch-{path.stem}.yaml"
    copy.write_text(to_yaml(config), "utf-8")
    return copy
