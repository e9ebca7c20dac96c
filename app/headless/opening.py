"""What the window is opened with, from the command line: looked at before Qt is imported."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from app import log as logs
from app import settings as settings_file
from app.errors import AppError
from app.headless.exit_codes import ExitCode
from app.headless.output import folder_fault
from app.settings import Settings


@dataclass(frozen=True)
class LaunchOrder:
    """A task file that is to be launched, and the `key=value` texts laid over it."""

    task_file: Path
    overrides: tuple[str, ...] = ()


@dataclass(frozen=True)
class Opening:
    """Settings of the data folder, and what is launched at once."""

    settings: Settings
    order: LaunchOrder | None


@dataclass(frozen=True)
class Obstacle:
    """Why there can be no window. `settings` are what was read by then: the folder, perhaps the theme."""

    fault: AppError
    settings: Settings


def prepare(arguments: argparse.Namespace) -> Opening | Obstacle | ExitCode:
    """What the arguments ask for, or what stands in its way (told on stderr as well).

    An exit code where nothing can be shown, as there is no display.
    """
    opening = _open(arguments)
    if isinstance(opening, Obstacle):
        print(opening.fault, file=sys.stderr)
    if has_display():
        return opening
    if isinstance(opening, Obstacle):
        return ExitCode.STORE
    print("There is no display for the window. Set DISPLAY, or use a command without it (--help).", file=sys.stderr)
    return ExitCode.OUTSIDE


def has_display() -> bool:
    """Whether a window could be shown. Qt itself would end the process where there is no display."""
    names = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    return not sys.platform.startswith("linux") or any(os.environ.get(name) for name in names)


def _open(arguments: argparse.Namespace) -> Opening | Obstacle:
    settings = Settings(settings_file.data_folder(arguments.data_dir), "")
    try:
        settings = settings_file.load(arguments.data_dir)
        logs.configure(settings.log_dir, verbose=arguments.verbose)
    except (AppError, OSError) as error:
        return Obstacle(folder_fault(error), settings)
    if arguments.command != "launch":
        return Opening(settings, None)
    return Opening(settings, LaunchOrder(arguments.task.absolute(), tuple(arguments.overrides)))
