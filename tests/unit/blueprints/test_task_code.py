"""The requester's own code: loaded when it is asked for, its faults told with file and line, never let through."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.blueprints.task_code import TaskCode, TaskCodeError, check_syntax
from app.errors import ConfigError


def load(folder: Path, text: str) -> TaskCode:
    (folder / "task.py").write_text(text, "utf-8")
    return TaskCode.load("task.py", folder)


def function(code: TaskCode, name: str) -> Callable[..., Any]:
    found = code.find_function(name)
    assert found is not None
    return found


def test_what_the_file_calls_by_a_name_is_found(tmp_path: Path) -> None:
    code = load(tmp_path, "def double(n):\n    return 2 * n\n\ngold = [1]\n")
    double = code.find_function("double")
    assert double is not None
    assert code.run(double, 4) == 8
    assert code.find_function("triple") is None
    assert code.find("gold") == [1]
    with pytest.raises(ConfigError, match=r'"gold" in task\.py is no function'):
        code.find_function("gold")


def test_a_file_that_is_not_there_or_no_python_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="There is no file"):
        check_syntax("task.py", tmp_path)
    (tmp_path / "task.py").write_text("x = 1\ndef broken(:\n", "utf-8")
    with pytest.raises(ConfigError, match=r"task\.py:2: This is no Python") as told:
        check_syntax("task.py", tmp_path)
    assert (told.value.key, told.value.line) == ("blueprint.task_code", 2)
    (tmp_path / "task.py").write_bytes(b"x = '\xff'\n")
    with pytest.raises(ConfigError, match="no Python"):
        check_syntax("task.py", tmp_path)


def test_looking_at_the_syntax_runs_nothing(tmp_path: Path) -> None:
    (tmp_path / "task.py").write_text("raise SystemExit('ran')\n", "utf-8")
    assert check_syntax("task.py", tmp_path) == (tmp_path / "task.py").resolve()


def test_a_file_that_raises_as_it_is_loaded_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"task\.py, line 2: KeyError: 'model'"):
        load(tmp_path, "settings = {}\nsettings['model']\n")


def test_the_line_is_the_deepest_of_the_requesters_own(tmp_path: Path) -> None:
    code = load(tmp_path, "import json\n\ndef read(text):\n    return json.loads(text)\n")
    with pytest.raises(TaskCodeError, match=r"task\.py, line 4, in read: JSONDecodeError"):
        code.run(function(code, "read"), "{")


async def test_plain_functions_run_in_a_thread_and_coroutines_on_the_loop(tmp_path: Path) -> None:
    text = (
        "import threading\n\ndef where():\n    return threading.get_ident()\n\nasync def here():\n    return where()\n"
    )
    code = load(tmp_path, text)
    assert await code.call(function(code, "where")) != threading.get_ident()
    assert await code.call(function(code, "here")) == threading.get_ident()


async def test_a_fault_in_a_thread_is_told_where_it_is_awaited(tmp_path: Path) -> None:
    text = "class Odd(Exception):\n    pass\n\ndef odd():\n    raise Odd\n\ndef end():\n    raise StopIteration\n"
    code = load(tmp_path, text)
    with pytest.raises(TaskCodeError, match=r"task\.py, line 5, in odd: Odd$"):
        await code.call(function(code, "odd"))
    with pytest.raises(TaskCodeError, match=r"task\.py, line 8, in end: RuntimeError: StopIteration"):
        await code.call(function(code, "end"))


async def test_a_function_that_hangs_is_given_up(tmp_path: Path) -> None:
    text = "import asyncio\nimport threading\nfree = threading.Event()\n\ndef hang():\n    free.wait()\n\n"
    code = load(
        tmp_path,
        text + "async def sleep():\n    await asyncio.sleep(60)\n\ndef own():\n    raise TimeoutError('mine')\n",
    )
    try:
        for name in ("hang", "sleep"):
            with pytest.raises(TaskCodeError, match=f"{name} gave no answer within 0.01 s"):
                await code.call(function(code, name), seconds=0.01)
    finally:
        free = code.find("free")
        assert free is not None
        free.set()
    with pytest.raises(TaskCodeError, match="line 12, in own: TimeoutError: mine"):
        await code.call(function(code, "own"))


async def test_cancelling_the_caller_is_not_swallowed(tmp_path: Path) -> None:
    code = load(tmp_path, "import asyncio\n\nasync def sleep():\n    await asyncio.sleep(60)\n")
    calling = asyncio.ensure_future(code.call(function(code, "sleep")))
    await asyncio.sleep(0)
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
