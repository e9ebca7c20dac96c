"""The command line: what may be said, and what it means."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.headless import exit_codes

DESCRIPTION = """Crowdesk: launch tasks for many people, watch them, review, pay and export.

Without a command the window opens. The commands do the same work without it."""


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The arguments of a command line; exits with code 2 and a sentence when they are wrong.

    `command` is None for the window. `overrides` may stand anywhere after the task file.
    """
    parser = build_parser()
    arguments, rest = parser.parse_known_args(argv)
    if rest:
        wrong = [text for text in rest if text.startswith("-")]
        if wrong or not hasattr(arguments, "overrides"):
            parser.error(f"unrecognized arguments: {' '.join(wrong or rest)}")
        arguments.overrides = [*arguments.overrides, *rest]
    if arguments.command == "launch" and arguments.workers and not arguments.headless:
        parser.error("--workers goes with --headless; in the window the Run page makes personal links")
    return arguments


def build_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="main.py",
        description=DESCRIPTION,
        epilog="exit codes:\n" + exit_codes.table(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_common(parser, {"data_dir": None, "json": False, "verbose": False})
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for add in (_add_launch, _add_resume, _add_status, _add_review, _add_export, _add_rehearse):
        add(commands)
    return parser


_Commands = Any
"""What `add_subparsers` gives; its class is argparse's own affair."""


def _add(commands: _Commands, name: str, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=text,
        description=text[0].upper() + text[1:] + ".",
        epilog="exit codes:\n" + exit_codes.table(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_common(parser, {})
    return parser


def _add_common(parser: argparse.ArgumentParser, defaults: dict[str, Any]) -> None:
    """The options of every command. Unsaid after the command, they leave alone what was said before it."""

    def default(name: str) -> Any:
        return defaults.get(name, argparse.SUPPRESS)

    parser.add_argument("--data-dir", type=Path, default=default("data_dir"), help="the data folder (the user's own)")
    parser.add_argument("--json", action="store_true", default=default("json"), help="print JSON lines")
    parser.add_argument("--verbose", action="store_true", default=default("verbose"), help="log to the terminal too")


def _add_task(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("task", type=Path, metavar="TASK.yaml", help="the task file")
    parser.add_argument(
        "overrides", nargs="*", metavar="key=value", help="laid over the file: mephisto.task.task_reward=0.10"
    )


def _add_launch(commands: _Commands) -> None:
    parser = _add(commands, "launch", "launch a task in the window, or without it and until it is complete")
    _add_task(parser)
    parser.add_argument("--headless", action="store_true", help="without the window")
    parser.add_argument(
        "--workers", default="", metavar="A,B,C", help="with --headless: a personal link for each of these names"
    )


def _add_resume(commands: _Commands) -> None:
    parser = _add(commands, "resume", "go on with a run that was interrupted or paused")
    parser.add_argument("run", type=_run_id, help="the task run id")
    parser.add_argument("--workers", default="", metavar="A,B,C", help="a personal link for each of these names")


def _add_status(commands: _Commands) -> None:
    parser = _add(commands, "status", "what stands where: all runs, or one")
    parser.add_argument("run", nargs="?", type=_run_id, help="a task run id")


def _add_review(commands: _Commands) -> None:
    parser = _add(commands, "review", "decide about submissions")
    parser.add_argument("run", type=_run_id, help="the task run id")
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--approve-all", action="store_true", help="approve everything that waits")
    how.add_argument(
        "--decisions", type=Path, metavar="FILE.csv", help="columns unit_id, decision; if you like note, bonus"
    )


def _add_export(commands: _Commands) -> None:
    parser = _add(commands, "export", "write the data of a run")
    parser.add_argument("run", type=_run_id, help="the task run id")
    parser.add_argument("--format", choices=("jsonl", "csv", "mephisto"), required=True, help="what to write")
    parser.add_argument("--out", type=Path, required=True, metavar="PATH", help="a file; for mephisto a folder")


def _add_rehearse(commands: _Commands) -> None:
    parser = _add(commands, "rehearse", "launch a task and let simulated workers do it over the real wire")
    _add_task(parser)
    parser.add_argument("--workers", type=int, required=True, metavar="N", help="how many at once")
    parser.add_argument("--accuracy", type=float, default=0.9, help="share of right answers, 0 to 1 (0.9)")
    parser.add_argument("--speed", type=float, default=0.0, help="units per minute of one worker; 0: no pause (0)")
    parser.add_argument("--drop-out", type=float, default=0.0, help="share of units walked away from, 0 to 0.9 (0)")
    parser.add_argument("--rudeness", type=float, default=0.0, help="share of units with bad manners, 0 to 1 (0)")
    parser.add_argument("--seed", type=int, default=0, help="the same seed draws the same people (0)")


def _run_id(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f'"{text}" is no task run id; "status" lists them')
    return number
