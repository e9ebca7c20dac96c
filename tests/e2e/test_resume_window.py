"""The window is killed while workers are at work: the next start offers the run, the pages come back by themselves."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.e2e.real_desktop import RealDesktop, VirtualDisplay
from tests.e2e.test_main_job import enter, label, launch_the_sample

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

UNITS = "select status, count(*) from units group by 1 order by 1"
ANSWERS = "select count(*), count(distinct unit_id) from agents where status = 'completed'"
RUN = "select state, url from task_runs"
PATIENCE = 90_000
"""Milliseconds until a page has tried again; it waits longer from time to time."""


async def choose(page: Page, key: str) -> None:
    """Choose an answer of a fresh unit, without sending it; until the draft is kept."""
    await page.wait_for_selector(".il-stage[aria-busy=false]")
    await page.keyboard.press(key)
    for _ in range(100):
        if await page.evaluate("Object.keys(localStorage).some(key => key.startsWith('crowdesk.draft.'))"):
            return
        await asyncio.sleep(0.05)
    pytest.fail("no draft was kept")


async def test_the_window_is_killed_in_mid_run_and_nothing_is_lost(
    display: VirtualDisplay, chromium: Browser, tmp_path: Path
) -> None:
    killed = RealDesktop(display, tmp_path / "data")
    again: RealDesktop | None = None
    try:
        await killed.wait_for_window()
        link = await launch_the_sample(killed)
        sending, thinking, done = [await enter(chromium, link, name) for name in ("mira.k", "jun.ito", "sofie")]
        await label(done, "12")
        for page in (sending, thinking):
            await page.click("#cd-start")
            await choose(page, "4")
        await killed.until(
            lambda: killed.ask(UNITS) == [("assigned", 2), ("completed", 2), ("launched", 68)], "two at work"
        )
        before = killed.ask(RUN)
        killed.kill()
        await sending.keyboard.press("Enter")
        await expect(sending.locator("body")).to_contain_text("Your answers are kept")

        again = RealDesktop(display, tmp_path / "data")
        await again.wait_for_window()
        await again.until(lambda: again.ask(RUN) == [("interrupted", before[0][1])], "the run is found interrupted")
        await asyncio.sleep(1.5)  # Home reads what needs attention
        await again.do("resume sample-shapes")
        await again.until(lambda: again.ask(RUN) == [("in flight", before[0][1])], "the run at its old address")

        await sending.wait_for_selector("text=Sent and saved", timeout=PATIENCE)
        await expect(thinking.locator("input:checked")).to_have_count(1)
        await thinking.reload()
        await thinking.wait_for_selector(".il-stage[aria-busy=false]", timeout=PATIENCE)
        await expect(thinking.locator("input:checked")).to_have_count(1)
        await thinking.keyboard.press("Enter")
        await thinking.wait_for_selector("text=Sent and saved", timeout=PATIENCE)
        await done.click("text=Take another")
        await done.wait_for_selector(".il-stage[aria-busy=false]")
        await again.until(lambda: again.ask(ANSWERS) == [(4, 4)], "four answers, one each")
        assert again.ask(UNITS) == [("assigned", 1), ("completed", 4), ("launched", 67)]
        assert again.end() == 0
    finally:
        killed.end()
        if again is not None:
            again.end()
    assert "Traceback" not in (tmp_path / "program.log").read_text()
