"""Runs one command of the command line and turns what came of it into an exit code."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable

from app import log as logs
from app import settings as settings_file
from app.architects.router.garbage import seldom_swept
from app.errors import AppError
from app.headless import desk_commands, run_commands
from app.headless.exit_codes import ExitCode, code_of
from app.headless.output import Output, close_quietly, folder_fault
from app.headless.signals import StopSignal, watched
from app.settings import Settings

log = logging.getLogger(__name__)

Command = Callable[[argparse.Namespace, Settings, Output, StopSignal], Awaitable[ExitCode]]

COMMANDS: dict[str, Command] = {
    "launch": run_commands.launch,
    "resume": run_commands.resume,
    "rehearse": run_commands.rehearse,
    "status": desk_commands.status,
    "review": desk_commands.review,
    "export": desk_commands.export,
}


def run_command(arguments: argparse.Namespace) -> int:
    """Carry a command out; its exit code. Faults of the world are a sentence on stderr, never a traceback."""
    try:
        settings = settings_file.load(arguments.data_dir)
        logs.configure(settings.log_dir, verbose=arguments.verbose)
    except (AppError, OSError) as error:
        print(folder_fault(error), file=sys.stderr)
        return ExitCode.STORE
    with seldom_swept():
        return asyncio.run(_carry_out(arguments, settings))


async def _carry_out(arguments: argparse.Namespace, settings: Settings) -> int:
    with watched() as stop:
        work = asyncio.ensure_future(
            COMMANDS[arguments.command](arguments, settings, Output(as_json=arguments.json), stop)
        )
        asked = asyncio.ensure_future(stop.wait())
        try:
            if arguments.command in ("status", "review", "export"):  # the others look at the signal themselves
                await asyncio.wait((work, asked), return_when=asyncio.FIRST_COMPLETED)
                if not work.done():
                    work.cancel()
            return await work
        except asyncio.CancelledError:
            if stop.code is None:
                raise
            print("Stopped. What was done until now is kept.", file=sys.stderr)
            return stop.code
        except AppError as error:
            return _say(error)
        except BrokenPipeError:
            close_quietly()
            print("Whoever read the output is gone: stopped. A run can be resumed.", file=sys.stderr)
            return ExitCode.BROKEN_PIPE
        except Exception:  # the boundary of one command, as one click is of the window
            log.exception("The command failed by a fault of the program.")
            print("A fault of the program; its log has the details.", file=sys.stderr)
            return ExitCode.BUG
        finally:
            asked.cancel()


def _say(error: AppError) -> int:
    print(str(error), file=sys.stderr)
    return code_of(error)
