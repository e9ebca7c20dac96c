"""What a command's exit code says. The table of `--help` and of docs/cli.md is made from this one."""

from __future__ import annotations

from enum import IntEnum

from app.errors import (
    AppError,
    ArchitectError,
    ConfigError,
    EntryAlreadyExists,
    EntryDoesNotExist,
    IllegalTransition,
    InvalidEntry,
    ProviderError,
    RunHeldElsewhere,
    StoreError,
)


class ExitCode(IntEnum):
    """Exit codes of all commands."""

    DONE = 0
    BUG = 1
    USAGE = 2
    INPUT = 3
    NOT_FOUND = 4
    HELD = 5
    STORE = 6
    OUTSIDE = 7
    UNFINISHED = 8
    INTERRUPTED = 130
    BROKEN_PIPE = 141
    TERMINATED = 143


MEANING: dict[ExitCode, str] = {
    ExitCode.DONE: "done",
    ExitCode.BUG: "a fault of the program itself; the log has the details",
    ExitCode.USAGE: "the command line is wrong",
    ExitCode.INPUT: "a task file, a decisions file or a value is wrong; nothing was done with it",
    ExitCode.NOT_FOUND: "there is no such task run, unit or worker",
    ExitCode.HELD: "another process runs this task run",
    ExitCode.STORE: "the database, the data folder or an output file cannot be used",
    ExitCode.OUTSIDE: "a provider, a port or a server did not do what it should",
    ExitCode.UNFINISHED: "the run ended incomplete, rows of a file were left out, or the rehearsal met faults",
    ExitCode.INTERRUPTED: "stopped by SIGINT (Ctrl+C); the run can be resumed",
    ExitCode.BROKEN_PIPE: "whoever read the output is gone; the run can be resumed",
    ExitCode.TERMINATED: "stopped by SIGTERM; the run can be resumed",
}

_OF_ERROR: tuple[tuple[type[AppError], ExitCode], ...] = (
    (ConfigError, ExitCode.INPUT),
    (InvalidEntry, ExitCode.INPUT),
    (EntryAlreadyExists, ExitCode.INPUT),
    (IllegalTransition, ExitCode.INPUT),
    (EntryDoesNotExist, ExitCode.NOT_FOUND),
    (RunHeldElsewhere, ExitCode.HELD),
    (StoreError, ExitCode.STORE),
    (ProviderError, ExitCode.OUTSIDE),
    (ArchitectError, ExitCode.OUTSIDE),
)


def code_of(error: AppError) -> ExitCode:
    """The exit code of a fault of the world."""
    return next((code for kind, code in _OF_ERROR if isinstance(error, kind)), ExitCode.OUTSIDE)


def table() -> str:
    """The codes and their meanings, one per line."""
    return "\n".join(f"  {code.value:>3}  {MEANING[code]}" for code in ExitCode)
