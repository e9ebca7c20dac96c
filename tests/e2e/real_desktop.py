"""The real program in a real window on a display of its own, driven with keys and mouse from outside."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from PIL import Image, ImageGrab

ROOT = Path(__file__).resolve().parents[2]
WIDTH, HEIGHT = 1440, 900
T = TypeVar("T")


class VirtualDisplay:
    """An X server without a screen, on a free number of its own choosing."""

    def __init__(self, width: int = WIDTH, height: int = HEIGHT) -> None:
        for program in ("Xvfb", "xdotool", "xclip"):
            if shutil.which(program) is None:
                pytest.fail(f"There is no {program}. Install it: apt-get install xvfb xdotool xclip")
        reading, writing = os.pipe()
        self._process = subprocess.Popen(
            ["Xvfb", "-displayfd", str(writing), "-screen", "0", f"{width}x{height}x24", "-nolisten", "tcp"],
            pass_fds=[writing],
            stderr=subprocess.DEVNULL,
        )
        os.close(writing)
        with os.fdopen(reading) as pipe:
            self.name = f":{pipe.readline().strip()}"

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)


class RealDesktop:
    """`main.py` with a data folder, on a display."""

    def __init__(self, display: VirtualDisplay, data_dir: Path, *arguments: str) -> None:
        self.display, self.data_dir = display, data_dir
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("QT_", "CROWDESK_"))}
        self._environment = {
            **inherited, "DISPLAY": display.name, "QT_QPA_PLATFORM": "xcb", "HOME": str(data_dir.parent),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
        }  # fmt: skip
        self._log = (data_dir.parent / "program.log").open("a")
        self._process = subprocess.Popen(
            [sys.executable, str(ROOT / "main.py"), "--data-dir", str(data_dir), *arguments],
            env=self._environment, stdout=self._log, stderr=self._log, cwd=data_dir.parent,
        )  # fmt: skip

    async def wait_for_window(self) -> None:
        """Until the window is there and has the keyboard."""
        self.window = (await self._xdotool("search", "--sync", "--onlyvisible", "--name", "Crowdesk")).split()[-1]
        await self._xdotool("windowmove", self.window, "0", "0")
        await self._xdotool("windowsize", self.window, str(WIDTH), str(HEIGHT))
        await self._xdotool("windowfocus", self.window)

    async def press(self, *keys: str) -> None:
        """Press keys one after the other, by their X names ("ctrl+k", "Return", "a")."""
        for key in keys:
            await self._xdotool("key", key)

    async def write(self, text: str) -> None:
        await self._xdotool("type", "--delay", "8", text)

    async def do(self, words: str) -> None:
        """Do something by its words in the command palette."""
        await self.press("ctrl+k")
        await asyncio.sleep(0.3)  # the palette opens; what xdotool types before it has the keyboard goes elsewhere
        await self.write(words)
        await asyncio.sleep(0.4)  # and looks for objects by what was typed
        await self.press("Return")

    async def click(self, x: int, y: int, button: int = 1) -> None:
        await self._xdotool("mousemove", str(x), str(y), "click", str(button))

    async def clipboard(self) -> str:
        """What was copied last."""
        process = await asyncio.create_subprocess_exec(
            "xclip", "-o", "-selection", "clipboard", env=self._environment, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await asyncio.wait_for(process.communicate(), 20)
        return output.decode().strip()

    def screenshot(self, path: Path | None = None) -> Image.Image:
        """What is on the display, saved as `path` if one is given."""
        picture: Image.Image = ImageGrab.grab(xdisplay=self.display.name)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            picture.save(path, optimize=True)
        return picture

    def ask(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of the database, read beside the program."""
        path = self.data_dir / "crowdesk.db"
        if not path.exists():
            return []
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)
        try:
            return connection.execute(sql, values).fetchall()
        except sqlite3.OperationalError:
            return []  # the tables are being made
        finally:
            connection.close()

    async def until(self, look: Callable[[], T], what: str, seconds: float = 30) -> T:
        """Wait until `look` gives something true."""
        for _ in range(int(seconds * 10)):
            found = look()
            if found:
                return found
            if self._process.poll() is not None:
                break
            await asyncio.sleep(0.1)
        self.screenshot(self.data_dir.parent / "failed.png")
        pytest.fail(f"waited in vain for {what}; see {self.data_dir.parent}/failed.png and program.log")

    def end(self) -> int:
        """End the program as a session manager would; its exit code."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()
        finally:
            self._log.close()

    def kill(self) -> None:
        """`kill -9`."""
        self._process.kill()
        self._process.wait()

    async def _xdotool(self, *words: str) -> str:
        process = await asyncio.create_subprocess_exec(
            "xdotool", *words, env=self._environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        output, fault = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 0, fault.decode()
        return output.decode()
