"""Takes the screenshots of forms for docs/screenshots: the designer, and a filled form in review, in both themes.

Run by hand: `python -m tests.e2e.screenshots_form`. The data is that of examples/form.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

from tests.e2e.real_desktop import ROOT, RealDesktop, VirtualDisplay

FOLDER = ROOT / "docs" / "screenshots"


async def take(desktop: RealDesktop, task: Path, theme: str) -> None:
    """Both screens, in one theme."""
    await desktop.do(f"Theme: {theme}")
    await asyncio.sleep(1)
    await desktop.press("ctrl+4")
    await asyncio.sleep(3)
    desktop.screenshot(FOLDER / f"form-review-{theme}.png")
    await desktop.press("ctrl+2", "ctrl+o")
    await asyncio.sleep(1.5)
    await desktop.write(str(task))
    await desktop.press("Return")
    await asyncio.sleep(2.5)
    await desktop.press("ctrl+shift+e")
    await asyncio.sleep(1.5)
    for _ in range(11):
        await desktop.press("Down")
    await asyncio.sleep(1)
    desktop.screenshot(FOLDER / f"form-designer-{theme}.png")
    await desktop.press("alt+Left")
    await asyncio.sleep(1)


async def main() -> None:
    """A rehearsed run of the example, then the window over it."""
    folder = Path(tempfile.mkdtemp(prefix="screenshots-form-"))
    display = VirtualDisplay()
    try:
        shutil.copytree(ROOT / "examples" / "form", folder / "form")
        task = folder / "form" / "task.yaml"
        command = [sys.executable, str(ROOT / "main.py"), "--data-dir", str(folder / "data")]
        rehearsal = await asyncio.create_subprocess_exec(*command, "rehearse", str(task), "--workers", "6")
        await rehearsal.wait()
        desktop = RealDesktop(display, folder / "data")
        try:
            await desktop.wait_for_window()
            for theme in ("light", "dark"):
                await take(desktop, task, theme)
        finally:
            desktop.end()
    finally:
        display.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    asyncio.run(main())
