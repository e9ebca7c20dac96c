"""The main job, whole: a real window under Xvfb, real Chromium workers, keys and mouse from outside.

With CROWDESK_SCREENSHOTS set to a folder, every screen on the way is saved there.
"""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest
from PIL import ImageChops
from playwright.async_api import Browser, Page, expect

from tests.e2e.real_desktop import RealDesktop, VirtualDisplay

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

FIRST_ROW = (260, 158)
"""A place on the first row of a table page."""
CHARTS = (217, 148, 1420, 343)
"""Where the charts of the run page are: left, top, right, bottom."""


async def enter(chromium: Browser, link: str, name: str) -> Page:
    """Open the entry link and say a name: the welcome page."""
    context = await chromium.new_context()
    page = await context.new_page()
    await page.goto(link)
    await page.fill("#cd-name", name)
    await page.keyboard.press("Enter")
    return page


async def label(page: Page, keys: str) -> None:
    """One image for each key, from the welcome page to the receipt of the last one."""
    await page.click("#cd-start")
    for place, key in enumerate(keys):
        if place:
            await page.click("text=Take another")
        await page.wait_for_selector(".il-stage[aria-busy=false]")
        await page.keyboard.press(key)
        await page.keyboard.press("Enter")
        await page.wait_for_selector("text=Sent and saved")


def keep(desktop: RealDesktop, name: str) -> None:
    folder = os.environ.get("CROWDESK_SCREENSHOTS")
    desktop.screenshot(Path(folder) / f"{name}.png" if folder else None)


async def test_launch_work_watch_review_bonus_block_export(
    display: VirtualDisplay, chromium: Browser, tmp_path: Path
) -> None:
    desktop = RealDesktop(display, tmp_path / "data")
    try:
        await desktop.wait_for_window()
        link = await launch_the_sample(desktop)
        before = desktop.screenshot().crop(CHARTS)
        pages = [await enter(chromium, link, name) for name in ("mira.k", "jun.ito", "sofie")]
        await asyncio.gather(*(label(page, keys) for page, keys in zip(pages, ("1234", "1212", "111"), strict=True)))
        done = "select count(*) from units where status = 'completed'"
        await desktop.until(lambda: desktop.ask(done) == [(11,)], "eleven submissions")
        await desktop.until(
            lambda: ImageChops.difference(before, desktop.screenshot().crop(CHARTS)).getbbox(), "charts that move"
        )
        keep(desktop, "run")
        await review_with_the_keyboard(desktop)
        await pay_a_bonus(desktop)
        await block_from_the_menu(desktop, "sofie")
        await expect_refused(desktop, pages[2])
        await label_once_more(pages[0])
        await export(desktop, tmp_path / "labels.jsonl", 12)
        assert desktop.end() == 0
    finally:
        desktop.end()
    assert "Traceback" not in (tmp_path / "program.log").read_text()


async def launch_the_sample(desktop: RealDesktop) -> str:
    """From Home by the palette to the run; the entry link, as it comes out of the clipboard."""
    await desktop.until(lambda: desktop.ask("select 1 from sqlite_master where name = 'units'"), "the database")
    await asyncio.sleep(1)
    await desktop.do("launch the sample task")
    await asyncio.sleep(2)
    keep(desktop, "launch")
    await desktop.press("ctrl+Return")
    await desktop.until(lambda: desktop.ask("select count(*) from units") == [(72,)], "72 units")
    await desktop.until(lambda: desktop.ask("select url from task_runs where url is not null"), "a served page")
    await asyncio.sleep(1)
    await desktop.press("ctrl+l")
    await asyncio.sleep(0.5)
    return await desktop.clipboard()


async def review_with_the_keyboard(desktop: RealDesktop) -> None:
    """Approve two, take the second back, soft-reject it, reject the third with a reason."""
    await desktop.press("ctrl+r")
    await asyncio.sleep(1.5)
    keep(desktop, "review")
    for key in "a", "a", "u", "s", "r":
        await desktop.press(key)
        await asyncio.sleep(0.5)
    await desktop.write("The box is around another shape.")
    await desktop.press("Return")
    verdicts = "select status, count(*) from units where status like '%ed' group by 1 order by 1"
    wanted = [("accepted", 1), ("completed", 8), ("launched", 61), ("rejected", 1), ("soft_rejected", 1)]
    await desktop.until(lambda: desktop.ask(verdicts) == wanted, "three decisions, one of each kind")
    paid = desktop.ask("select kind, amount, state from payments order by payment_id")
    assert paid == [("approval", "0.05", "settled"), ("approval", "0.05", "settled")]
    notes = desktop.ask("select review_note from worker_review where status = 'rejected'")
    assert notes == [("The box is around another shape.",)]


async def pay_a_bonus(desktop: RealDesktop) -> None:
    """A bonus for whoever did the submission that is shown."""
    await desktop.press("b")
    await asyncio.sleep(0.5)
    await desktop.write("1.50")
    await desktop.press("Tab")
    await desktop.write("Thank you for the careful boxes")
    await desktop.press("Return")
    bonus = "select amount, reason, state from payments where kind = 'bonus'"
    await desktop.until(
        lambda: desktop.ask(bonus) == [("1.50", "Thank you for the careful boxes", "settled")], "the bonus"
    )
    keep(desktop, "review-bonus")


async def block_from_the_menu(desktop: RealDesktop, name: str) -> None:
    """Find the worker, right-click, Block, give a reason."""
    await desktop.press("ctrl+5")
    await asyncio.sleep(1)
    await desktop.press("ctrl+f")
    await desktop.write(name)
    await asyncio.sleep(1)
    await desktop.click(*FIRST_ROW)
    await desktop.click(*FIRST_ROW, button=3)
    await asyncio.sleep(0.5)
    keep(desktop, "workers-menu")
    await desktop.press("Down", "Down", "Down", "Return")
    await asyncio.sleep(0.5)
    await desktop.write("Answers without looking")
    keep(desktop, "workers-block")
    await desktop.press("ctrl+Return")
    blocks = "select worker_name, hard, reason from blocks join workers using (worker_id) where lifted_at is null"
    await desktop.until(lambda: desktop.ask(blocks) == [(name, 1, "Answers without looking")], "the block", 20)


async def expect_refused(desktop: RealDesktop, page: Page) -> None:
    """The blocked worker asks for another image and is told why there is none."""
    await page.click("text=Take another")
    await expect(page.locator("body")).to_contain_text("You cannot take part")
    held = (
        "select count(*) from units join workers using (worker_id) where worker_name = 'sofie' and status = 'assigned'"
    )
    assert desktop.ask(held) == [(0,)]


async def label_once_more(page: Page) -> None:
    """The run goes on for the others."""
    await page.click("text=Take another")
    await page.wait_for_selector(".il-stage[aria-busy=false]")
    await page.keyboard.press("2")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("text=Sent and saved")


async def export(desktop: RealDesktop, path: Path, units: int) -> None:
    """Export from the run page, as JSON lines, to a path that is typed."""
    await desktop.press("ctrl+3")
    await asyncio.sleep(1)
    await desktop.click(*FIRST_ROW)
    await desktop.press("Return")
    await asyncio.sleep(1)
    await desktop.press("ctrl+e")
    await asyncio.sleep(0.8)
    keep(desktop, "export")
    await desktop.press("ctrl+Return")
    made = desktop.data_dir.parent / "sample-shapes-run-1.jsonl"
    await desktop.until(made.exists, "the exported file")
    made.rename(path)
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert len(rows) == units
    assert {row["worker_name"] for row in rows} == {"mira.k", "jun.ito", "sofie"}
