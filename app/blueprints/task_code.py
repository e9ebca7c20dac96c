"""The requester's own Python file of a task: imported when the task is launched, its faults told with their line.

The file is the requester's, on the requester's machine: it is trusted as much as they are. It is not trusted to be
right: whatever it raises becomes a `TaskCodeError`, and a function that hangs is given up after its time.
"""

from __future__ import annotations

import ast
import asyncio
import hashlib
import importlib.util
import inspect
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from app.errors import AppError, ConfigError

KEY = "blueprint.task_code"
HOOK_SECONDS = 10.0
"""A hook that takes longer is given up."""


class TaskCodeError(AppError):
    """The requester's code raised, or took too long. `place` is "task.py, line 12, in classify"."""

    def __init__(self, what: str, place: str = "") -> None:
        super().__init__(f"{place}: {what}" if place else what)
        self.what, self.place = what, place


class TaskCode:
    """One imported file, and calls into it."""

    def __init__(self, path: Path, module: ModuleType) -> None:
        self.path = path
        self._module = module

    @classmethod
    def load(cls, file: str, base_dir: Path, key: str = KEY) -> TaskCode:
        """Import the file; relative names are looked for in `base_dir`. `ConfigError` with its line when it fails.

        Call it in a thread: an import can be slow.
        """
        path = check_syntax(file, base_dir, key)
        name = f"crowdesk_task_{hashlib.sha256(str(path).encode()).hexdigest()[:16]}"
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise ConfigError(f"{path} is no Python file.", key=key)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # dataclasses and pickles of the file look it up
        try:
            spec.loader.exec_module(module)
        except Exception as error:  # the requester's own code
            del sys.modules[name]
            fault = as_fault(error, path)
            raise ConfigError(f"{path.name} cannot be loaded: {fault}", key=key, file=str(path)) from error
        return cls(path, module)

    def find(self, name: str) -> Any | None:
        """What the file calls by that name, or None."""
        return getattr(self._module, name, None)

    def find_function(self, name: str) -> Callable[..., Any] | None:
        """The function of that name, or None; `ConfigError` when the name is something else."""
        found = self.find(name)
        if found is not None and not callable(found):
            raise ConfigError(f'"{name}" in {self.path.name} is no function.', key=KEY, file=str(self.path))
        return found

    def classes(self) -> list[type]:
        """The classes that the file itself defines, in its order."""
        found = [value for value in vars(self._module).values() if isinstance(value, type)]
        return [kind for kind in dict.fromkeys(found) if kind.__module__ == self._module.__name__]

    def run(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call a plain function in this thread. `TaskCodeError` when it raises."""
        try:
            return function(*args)
        except Exception as error:  # the requester's own code
            raise self._told(error) from error

    async def call(self, function: Callable[..., Any], *args: Any, seconds: float = HOOK_SECONDS) -> Any:
        """Call a function: a coroutine function on the loop, any other in a thread of its own.

        `TaskCodeError` when it raises, or gives no answer in `seconds`; a thread that hangs ends with the program.
        """
        work = function(*args) if inspect.iscoroutinefunction(function) else _in_thread(function, args)
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                return await work
        except TimeoutError as error:
            if not limit.expired():
                raise self._told(error) from error  # its own, not ours
            name = getattr(function, "__name__", "a function")
            raise TaskCodeError(f"{name} gave no answer within {seconds:g} s.", self.path.name) from None
        except Exception as error:  # the requester's own code
            raise self._told(error) from error

    def _told(self, error: Exception) -> AppError:
        return error if isinstance(error, AppError) else as_fault(error, self.path)


def check_syntax(file: str, base_dir: Path, key: str = KEY) -> Path:
    """The file's path, when it is there and is Python; nothing of it is run. `ConfigError` with its line otherwise."""
    path = (base_dir / file).expanduser().resolve()
    try:
        ast.parse(path.read_bytes(), str(path))
    except FileNotFoundError:
        raise ConfigError(f"There is no file {path}.", key=key) from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.", key=key) from None
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", 0) or 0
        raise ConfigError(f"This is no Python: {error.args[0]}.", key=key, file=str(path), line=line) from None
    return path


def as_fault(error: BaseException, path: Path) -> TaskCodeError:
    """What the requester's code raised, with the last line of its file that was on the way."""
    frames = _own_frames(error, path)
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if not frames:
        return TaskCodeError(what, path.name)
    last = frames[-1]
    inside = f", in {last.name}" if last.name != "<module>" else ""
    return TaskCodeError(what, f"{path.name}, line {last.lineno}{inside}")


def _own_frames(error: BaseException, path: Path) -> list[traceback.FrameSummary]:
    return [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]


async def _in_thread(function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    """Run in a thread that does not hold up the end of the program, as those of a pool do."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Any] = loop.create_future()

    def settle(value: Any, error: BaseException | None) -> None:
        if answer.done():
            return
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(value)

    def work() -> None:
        value: Any = None
        fault: Exception | None = None
        try:
            value = function(*args)
        except StopIteration as error:  # a future cannot carry it
            fault = RuntimeError(f"StopIteration: {error}").with_traceback(error.__traceback__)
        except Exception as error:  # noqa: BLE001 - it comes out where the caller waits
            fault = error
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, value, fault)

    threading.Thread(target=work, name=f"task code {getattr(function, '__name__', '')}", daemon=True).start()
    return await answer
