"""Each example, whole: launched in a real window, worked in Chromium, watched, reviewed by keyboard, exported.

With CROWDESK_SCREENSHOTS set to a folder, the worker's page, the run and the review of each are saved there.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import EXAMPLES
from tests.browser.test_form_page import fill_example
from tests.browser.test_gates_page import answer, do, unit
from tests.e2e.real_desktop import RealDesktop, VirtualDisplay

pytestmark = [pytest.mark.browser, pytest.mark.timeout(150)]

FIRST_ROW = (260, 158)
"""A place on the first row of a table page."""


class Visitor:
    """Somebody who came by the open link, at the work."""

    def __init__(self, chromium: Browser, link: str, kept: Path | None) -> None:
        self._chromium, self._link, self._kept = chromium, link, kept

    async def start(self, name: str) -> Page:
        """Say a name and take a unit."""
        context = await self._chromium.new_context(viewport={"width": 1100, "height": 800}, locale="en-GB")
        context.set_default_timeout(20_000)
        page = await context.new_page()
        await page.goto(self._link)
        await page.fill("#cd-name", name)
        await page.keyboard.press("Enter")
        await page.click("#cd-start")
        return page

    async def picture(self, page: Page) -> None:
        """Keep what the worker sees, where pictures are wanted."""
        if self._kept is not None:
            await page.screenshot(path=self._kept)


async def do_html(visitor: Visitor) -> None:
    page = await visitor.start("mira.k")
    await page.click("text=Positive")
    await page.click("text=Quality")
    await page.select_option("#sure", "2")
    await page.fill("#words", "fast, small")
    await visitor.picture(page)
    await page.click("text=Submit")
    await page.wait_for_selector("text=Sent and saved")


async def do_bundle(visitor: Visitor) -> None:
    page = await visitor.start("mira.k")
    await page.wait_for_selector("text=Try one first")
    await page.keyboard.press("2")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("text=Which headline says what the notice says?")
    await page.wait_for_selector(".choice")
    await page.keyboard.press("1")
    await visitor.picture(page)
    await page.keyboard.press("Enter")
    await page.wait_for_selector("text=Waiting for review")


async def do_remote(visitor: Visitor) -> None:
    page = await visitor.start("mira.k")
    await page.fill("#review", "I love this kettle. It is sturdy and quick, and it works well.")
    await page.click("#ask")
    await expect(page.locator("#answer")).to_contain_text("The model says: positive")
    await page.fill("#review", "It boils before I am awake, which is more than my last one ever did.")
    await page.click("#ask")
    await expect(page.locator("#ask")).to_be_enabled()
    await page.click("text=No, it was fooled")
    await visitor.picture(page)
    await page.click("text=Submit")
    await page.wait_for_selector("text=Sent and saved")


async def do_form(visitor: Visitor) -> None:
    page = await visitor.start("mira.k")
    await fill_example(page)
    await visitor.picture(page)
    await page.get_by_role("button", name="Hand in").click()
    await page.wait_for_selector("text=Sent and saved")


async def do_chat(visitor: Visitor) -> None:
    ada = await visitor.start("mira.k")
    await expect(ada.locator(".cd-state")).to_contain_text("Waiting for the others")
    ben = await visitor.start("jun.ito")
    lines = ("Hello! Are you free at 14:00?", "Sadly not. What about ten?", "Ten is fine. See you then!")
    for page, other, text in zip((ada, ben, ada), (ben, ada, ben), lines, strict=True):
        await page.fill("#ch-text", text)
        await page.keyboard.press("Enter")
        await expect(other.locator(".ch-log")).to_contain_text(text)
    await visitor.picture(ada)
    for page in (ada, ben):
        await page.click(".ch-end")
    for page in (ada, ben):
        await page.fill("#ch-question-0", "10:00")
        await page.check(".ch-form >> text=pleasant >> nth=0")
        await page.click("text=Send answers")
    for page in (ada, ben):
        await page.wait_for_selector("text=The conversation is over.")
        await page.click("text=Hand in")
        await page.wait_for_selector("text=Sent and saved")


async def do_video(visitor: Visitor) -> None:
    page = await visitor.start("mira.k")
    await page.wait_for_selector(".vl-stage[aria-busy=false]")
    for key in ("1", "i", "Shift+ArrowRight", "Shift+ArrowRight", "o", "Escape", "ArrowDown", "2", "i"):
        await page.keyboard.press(key)
    for key in ("Shift+ArrowRight", "o"):
        await page.keyboard.press(key)
    await expect(page.locator(".vl-segment")).to_have_count(2)
    await visitor.picture(page)
    await page.keyboard.press("Control+Enter")
    await page.wait_for_selector("text=Sent and saved")


async def do_gated(visitor: Visitor) -> None:
    page = await visitor.start("mira.k")
    await page.wait_for_selector("text=Before you begin")
    await answer(page, "wrong")
    for number in range(3):  # the screening, a gold unit, one of the task
        if number:
            await page.click("text=Take another")
        await unit(page)
        await visitor.picture(page)
        await do(page, right=True)


async def do_images(visitor: Visitor) -> None:
    page = await visitor.start("mira.k")
    await page.wait_for_selector(".il-stage[aria-busy=false]")
    await page.keyboard.press("2")
    await visitor.picture(page)
    await page.keyboard.press("Enter")
    await page.wait_for_selector("text=Sent and saved")


async def do_mock(visitor: Visitor) -> None:
    page = await visitor.start("mira.k")
    await page.fill("#cd-answer", "a lamp")
    await visitor.picture(page)
    await page.keyboard.press("Control+Enter")
    await page.wait_for_selector("text=Sent and saved")


Work = Callable[[Visitor], Awaitable[None]]
TOURS: dict[str, tuple[Work, int, Callable[[dict[str, Any]], bool]]] = {
    "image_label": (do_images, 1, lambda row: len(row["outputs"]["labels"]) == 1),
    "mock": (do_mock, 1, lambda row: row["outputs"] == {"answer": "a lamp"}),
    "static_html": (do_html, 1, lambda row: row["outputs"]["tone"] == "positive"),
    "static_react": (do_bundle, 1, lambda row: row["outputs"]["choice"] == "first"),
    "remote_procedure": (do_remote, 1, lambda row: len(row["live_updates"]) == 4),
    "form": (do_form, 1, lambda row: row["outputs"]["topic"] == "late"),
    "video_label": (do_video, 1, lambda row: len(row["outputs"]["segments"]) == 2),
    "gated": (do_gated, 3, lambda row: row["outputs"]["sum"] in ("right", "wrong")),
    "chat": (do_chat, 2, lambda row: any("What about ten?" in str(said) for said in row["live_updates"])),
}
"""What a worker does with an example, how many submissions that makes, and what its export must hold."""


def keep(desktop: RealDesktop, name: str) -> None:
    folder = os.environ.get("CROWDESK_SCREENSHOTS")
    desktop.screenshot(Path(folder) / f"{name}.png" if folder else None)


@pytest.mark.parametrize("name", TOURS)
async def test_an_example_from_launch_to_export(
    name: str, display: VirtualDisplay, chromium: Browser, tmp_path: Path
) -> None:
    work, submissions, is_right = TOURS[name]
    folder = os.environ.get("CROWDESK_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
    desktop = RealDesktop(display, tmp_path / "data", "launch", str(EXAMPLES / name / "task.yaml"))
    try:
        await desktop.wait_for_window()
        await desktop.until(lambda: desktop.ask("select url from task_runs where url is not null"), "a served page")
        await desktop.until(lambda: desktop.ask("select 1 from task_runs where launch_finished"), "the units")
        link = await copy_link(desktop)
        await work(Visitor(chromium, link, Path(folder) / f"{name}-page.png" if folder else None))
        done = "select count(*) from units where status = 'completed'"
        await desktop.until(lambda: desktop.ask(done) == [(submissions,)], "what was handed in")
        await asyncio.sleep(1.5 if folder else 0)
        keep(desktop, f"{name}-run")
        await approve_by_keyboard(desktop, name, submissions)
        lines = await export(desktop, tmp_path)
        assert len(lines) == submissions
        assert all(is_right(line) for line in lines)
        assert all(line["status"] == "approved" for line in lines)
        assert desktop.end() == 0
    finally:
        desktop.end()
    assert "Traceback" not in (tmp_path / "program.log").read_text()


async def copy_link(desktop: RealDesktop) -> str:
    """The open link, from the run page by its key."""
    for _ in range(10):
        await desktop.press("ctrl+l")
        await asyncio.sleep(0.3)
        copied = await desktop.clipboard()
        if copied.startswith("http"):
            return copied
    raise AssertionError("No link was copied.")


async def approve_by_keyboard(desktop: RealDesktop, name: str, submissions: int) -> None:
    await desktop.press("ctrl+r")
    await asyncio.sleep(1.5)
    keep(desktop, f"{name}-review")
    for _ in range(submissions):
        await desktop.press("a")
        await asyncio.sleep(0.5)
    accepted = "select count(*) from units where status = 'accepted'"
    await desktop.until(lambda: desktop.ask(accepted) == [(submissions,)], "the approvals")


async def export(desktop: RealDesktop, folder: Path) -> list[dict[str, Any]]:
    """From the run page, as JSON lines, to the place that the sheet offers."""
    await desktop.press("ctrl+3")
    await asyncio.sleep(1)
    await desktop.click(*FIRST_ROW)
    await desktop.press("Return")
    await asyncio.sleep(1)
    await desktop.press("ctrl+e")
    await asyncio.sleep(0.8)
    await desktop.press("ctrl+Return")
    made = await desktop.until(lambda: list(folder.glob("*.jsonl")), "the exported file")
    return [json.loads(line) for line in made[0].read_text("utf-8").splitlines()]
