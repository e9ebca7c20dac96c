"""No page breaks WCAG 2.1 A or AA as far as axe-core can tell; nothing is wider than a phone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.accessibility import check_page
from tests.browser.conftest import OpenPage, Serve, begin, receipt

pytestmark = pytest.mark.browser

WORK = [
    {"when": "2026-11-20T10:00:00Z", "status": "completed", "reason": None, "pay": "0.05", "bonus": None},
    {"when": "2026-11-20T09:00:00Z", "status": "approved", "reason": None, "pay": "0.05", "bonus": "0.50"},
    {"when": "2026-11-19T09:00:00Z", "status": "rejected", "reason": "Too fast.", "pay": "0.05", "bonus": None},
    {"when": "2026-11-18T09:00:00Z", "status": "timeout", "reason": None, "pay": "0.05", "bonus": None},
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1280, 800), (360, 740)], ids=["desktop", "phone"])
async def test_image_label_from_welcome_to_receipt(
    serve: Serve, open_page: OpenPage, tmp_path: Path, scheme: str, width: int, height: int
) -> None:
    desktop = await serve("image_label", title="What shape is it?", state={"submissions": WORK})
    page = await open_page(desktop.link("mira.k"), width=width, height=height, scheme=scheme)
    await page.wait_for_selector("#cd-start")
    await check_page(page, tmp_path, "welcome")
    await begin(page)
    await page.wait_for_selector(".il-stage[aria-busy=false]")
    await check_page(page, tmp_path, "image-empty")
    await page.keyboard.press("1")
    await page.keyboard.press("b")
    await check_page(page, tmp_path, "image-box")
    await page.keyboard.press("?")
    await page.wait_for_selector("dialog[open]")
    await check_page(page, tmp_path, "image-keys")
    await page.keyboard.press("Escape")
    await page.click("text=Submit")
    await receipt(page)
    await page.wait_for_selector("text=Take another")
    await check_page(page, tmp_path, "receipt")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1280, 800), (360, 740)], ids=["desktop", "phone"])
async def test_static_html_and_its_messages(
    serve: Serve, open_page: OpenPage, tmp_path: Path, scheme: str, width: int, height: int
) -> None:
    desktop = await serve("static_html", answer_seconds=0.3)
    page = await open_page(desktop.url + "/preview", width=width, height=height, scheme=scheme)
    await page.wait_for_selector("text=What you will do")
    await check_page(page, tmp_path, "preview")
    await page.goto(desktop.link("mira.k"))
    await begin(page)
    await page.click("text=Positive")
    await page.click("text=Price")
    await check_page(page, tmp_path, "form")
    await page.click("text=Submit")
    await page.wait_for_selector(".cd-foot-status[data-tone=bad]")
    await check_page(page, tmp_path, "form-missing")
    await page.select_option("#sure", "1")
    desktop.is_away = True
    await page.click("text=Submit")
    await page.wait_for_selector("text=Try now")
    await check_page(page, tmp_path, "form-waiting")
    desktop.is_away = False
    await page.click("text=Try now")
    await receipt(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)], ids=["desktop", "phone"])
async def test_video_label_with_segments_and_a_fault(
    serve: Serve, open_page: OpenPage, tmp_path: Path, scheme: str, width: int, height: int
) -> None:
    desktop = await serve("video_label", title="Who moves, who waits?")
    page = await open_page(desktop.link("mira.k"), width=width, height=height, scheme=scheme)
    await begin(page)
    await page.wait_for_selector(".vl-stage[aria-busy=false]")
    await check_page(page, tmp_path, "video-empty")
    for key in ("i", "Shift+ArrowRight", "o", "Escape", "2", "i", "Shift+ArrowRight", "o", "i"):
        await page.keyboard.press(key)
    await check_page(page, tmp_path, "video-segments")
    await page.get_by_label("End of segment 1").fill("9:00")
    await page.get_by_label("End of segment 1").press("Tab")
    await page.wait_for_selector("text=The video is from 0:00 to 0:06.000.")
    await check_page(page, tmp_path, "video-fault")
    await page.get_by_label("Cannot tell").check()
    await check_page(page, tmp_path, "video-cannot-tell")
    await page.locator(".cd-bar-title").click()
    await page.keyboard.press("?")
    await page.wait_for_selector("dialog[open]")
    await check_page(page, tmp_path, "video-keys")
    await page.goto(desktop.url + "/preview")
    await page.wait_for_selector(".vl-stage[aria-busy=false]")
    await check_page(page, tmp_path, "video-preview")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_doors_and_refusals(serve: Serve, open_page: OpenPage, tmp_path: Path, scheme: str) -> None:
    desktop = await serve("mock", answer_seconds=0.3, state={"can_take": False, "refusal": "You cannot take part."})
    page = await open_page(desktop.url + "/welcome", width=360, height=740, scheme=scheme)
    await page.wait_for_selector("text=Please come in through your link")
    await check_page(page, tmp_path, "closed")
    await page.goto(desktop.link(None))
    await page.wait_for_selector("text=Who are you?")
    await page.click("text=Go on")
    await page.wait_for_selector("text=Please type your name.")
    await check_page(page, tmp_path, "name")
    await page.fill("#cd-name", "Mira")
    await page.click("text=Go on")
    await page.wait_for_selector("text=You cannot take part.")
    await check_page(page, tmp_path, "refused")
    desktop.refusal = ("blocked", "You cannot take part.")
    await page.goto(desktop.url + "/task?worker_id=Mira&id=1")
    await page.get_by_role("heading", name="You cannot take part").wait_for()
    await check_page(page, tmp_path, "no-unit")
    desktop.is_away = True
    await page.goto(desktop.url + "/welcome")
    await page.wait_for_selector("text=The requester's program is away")
    await check_page(page, tmp_path, "away")
    desktop.is_away = False
    desktop.refusal = None
    await page.goto(desktop.url + "/task?worker_id=Mira&id=2")
    await page.wait_for_selector("#cd-answer")
    await page.click("[aria-label='Give back this unit']")
    await page.wait_for_selector("dialog[open]")
    await check_page(page, tmp_path, "give-back")
