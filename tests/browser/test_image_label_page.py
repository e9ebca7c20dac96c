"""The page for labels and boxes: by mouse, by touch, by keyboard alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.async_api import FloatRect, Page, expect

from tests.browser.conftest import OpenPage, Serve, begin, receipt
from tests.fakes.scripted_desktop import ScriptedDesktop

pytestmark = pytest.mark.browser


async def _work(desktop: ScriptedDesktop, open_page: OpenPage, **options: Any) -> Page:
    page = await open_page(desktop.link("mira.k"), **options)
    await begin(page)
    await page.wait_for_selector(".il-stage[aria-busy=false]")
    return page


def _answer(desktop: ScriptedDesktop) -> Any:
    (given,) = desktop.all_submissions()
    return given["final_data"]


async def _on_stage(page: Page, left: float, top: float) -> tuple[float, float]:
    """Screen position of a place on the image, given in parts of its width and height."""
    frame = await page.locator(".il-image").bounding_box()
    assert frame is not None
    return frame["x"] + frame["width"] * left, frame["y"] + frame["height"] * top


async def _drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    await page.mouse.move(*start)
    await page.mouse.down()
    await page.mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    await page.mouse.move(*end)
    await page.mouse.up()


async def test_a_number_key_labels_and_enter_submits(serve: Serve, open_page: OpenPage) -> None:
    desktop = await serve("image_label", boxes="off")
    page = await _work(desktop, open_page)
    await page.keyboard.press("4")
    await page.keyboard.press("Enter")
    await receipt(page)
    assert _answer(desktop) == {"labels": ["star"], "boxes": [], "cannot_tell": False, "comment": ""}


async def test_nothing_chosen_is_said_and_not_sent(serve: Serve, open_page: OpenPage) -> None:
    desktop = await serve("image_label")
    page = await _work(desktop, open_page)
    await page.keyboard.press("Enter")
    await expect(page.locator(".cd-foot-status")).to_have_text('Please choose a label, or "cannot tell".')
    await expect(page.locator("input[value=circle]")).to_be_focused()
    assert desktop.all_submissions() == []


async def test_several_labels_and_a_comment(serve: Serve, open_page: OpenPage) -> None:
    desktop = await serve("image_label", boxes="off", multiple=True)
    page = await _work(desktop, open_page)
    for key in "1", "3", "2", "2":
        await page.keyboard.press(key)
    await page.fill("#il-comment", "two of them, 4 corners")
    await page.keyboard.press("Control+Enter")
    await receipt(page)
    assert _answer(desktop)["labels"] == ["circle", "triangle"]
    assert _answer(desktop)["comment"] == "two of them, 4 corners"


async def test_cannot_tell_takes_labels_and_boxes_back(serve: Serve, open_page: OpenPage) -> None:
    desktop = await serve("image_label")
    page = await _work(desktop, open_page)
    for key in "1", "b", "c":
        await page.keyboard.press(key)
    await expect(page.locator(".il-boxes")).to_be_hidden()
    await page.click("text=Submit")
    await receipt(page)
    assert _answer(desktop) == {"labels": [], "boxes": [], "cannot_tell": True, "comment": ""}


async def test_a_box_is_drawn_moved_resized_and_deleted_with_the_mouse(serve: Serve, open_page: OpenPage) -> None:
    desktop = await serve("image_label")
    page = await _work(desktop, open_page)
    width, height = await page.evaluate("(i => [i.naturalWidth, i.naturalHeight])(document.querySelector('.il-image'))")
    await page.click("text=square")
    await _drag(page, await _on_stage(page, 0.2, 0.2), await _on_stage(page, 0.5, 0.6))
    await _drag(page, await _on_stage(page, 0.3, 0.3), await _on_stage(page, 0.4, 0.4))
    await _drag(page, await _on_stage(page, 0.6, 0.7), await _on_stage(page, 0.8, 0.9))
    await _drag(page, await _on_stage(page, 0.05, 0.05), await _on_stage(page, 0.1, 0.15))
    await expect(page.locator(".il-box")).to_have_count(2)
    await page.click("[aria-label='Delete box 2']")
    await page.click("text=Submit")
    await receipt(page)
    (box,) = _answer(desktop)["boxes"]
    assert box["label"] == "square"
    assert box["left"] == pytest.approx(0.3 * width, abs=2)
    assert box["top"] == pytest.approx(0.3 * height, abs=2)
    assert box["width"] == pytest.approx(0.5 * width, abs=2)
    assert box["height"] == pytest.approx(0.6 * height, abs=2)


async def test_a_box_is_made_and_edited_with_the_keyboard_alone(serve: Serve, open_page: OpenPage) -> None:
    desktop = await serve("image_label", boxes="required")
    page = await _work(desktop, open_page)
    await page.keyboard.press("b")
    await expect(page.locator(".il-box")).to_be_focused()
    before = await _first_box(page)
    await page.keyboard.press("3")
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Shift+ArrowRight")
    await page.keyboard.press("Shift+ArrowUp")
    after = await _first_box(page)
    assert after["x"] > before["x"]
    assert after["y"] > before["y"]
    assert after["width"] > before["width"]
    assert after["height"] < before["height"]
    await page.keyboard.press("b")
    await expect(page.locator(".il-box")).to_have_count(2)
    await page.keyboard.press("Shift+Tab")
    await expect(page.locator(".il-box").nth(0)).to_be_focused()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Delete")
    await expect(page.locator(".il-box")).to_have_count(1)
    await page.keyboard.press("Enter")
    await receipt(page)
    answer = _answer(desktop)
    assert answer["labels"] == ["triangle"]
    assert [box["label"] for box in answer["boxes"]] == ["triangle"]


async def test_a_box_stays_on_the_image(serve: Serve, open_page: OpenPage) -> None:
    desktop = await serve("image_label")
    page = await _work(desktop, open_page)
    width, height = await page.evaluate("(i => [i.naturalWidth, i.naturalHeight])(document.querySelector('.il-image'))")
    await page.keyboard.press("1")
    await _drag(page, await _on_stage(page, 0.9, 0.9), await _on_stage(page, 1.3, 1.01))
    await page.click("text=Submit")
    await receipt(page)
    (box,) = _answer(desktop)["boxes"]
    assert box["left"] + box["width"] <= width
    assert box["top"] + box["height"] <= height


async def test_the_image_zooms_about_the_pointer_and_moves(serve: Serve, open_page: OpenPage) -> None:
    desktop = await serve("image_label", boxes="off")
    page = await _work(desktop, open_page)
    await expect(page.locator(".il-zoom")).to_have_text("185 %")
    place = await _on_stage(page, 0.25, 0.25)
    await page.mouse.move(*place)
    before = await page.locator(".il-image").bounding_box()
    await page.mouse.wheel(0, -300)
    await expect(page.locator(".il-zoom")).not_to_have_text("185 %")
    again = await _on_stage(page, 0.25, 0.25)
    assert again == pytest.approx(place, abs=1)
    await _drag(page, place, (place[0] + 60, place[1] + 30))
    assert await _on_stage(page, 0.25, 0.25) == pytest.approx((place[0] + 60, place[1] + 30), abs=1)
    await page.keyboard.press("ArrowLeft")
    assert (await _on_stage(page, 0.25, 0.25))[0] == pytest.approx(place[0] + 100, abs=1)
    await page.keyboard.press("0")
    assert await page.locator(".il-image").bounding_box() == pytest.approx(before, abs=1)


async def test_two_fingers_zoom_the_image(serve: Serve, open_page: OpenPage) -> None:
    desktop = await serve("image_label")
    page = await _work(desktop, open_page, width=360, height=740, touch=True)
    before = await page.locator(".il-image").bounding_box()
    x, y = await _on_stage(page, 0.5, 0.5)
    session = await page.context.new_cdp_session(page)

    async def touch(kind: str, *points: tuple[float, float]) -> None:
        spots = [{"x": px, "y": py, "id": number} for number, (px, py) in enumerate(points)]
        await session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": spots})

    await touch("touchStart", (x - 20, y))
    await touch("touchStart", (x - 20, y), (x + 20, y))
    await touch("touchMove", (x - 60, y), (x + 60, y))
    await touch("touchEnd")
    after = await page.locator(".il-image").bounding_box()
    assert before is not None
    assert after is not None
    assert after["width"] == pytest.approx(before["width"] * 3, rel=0.05)
    await expect(page.locator(".il-box")).to_have_count(0)


async def test_a_finger_draws_a_box(serve: Serve, open_page: OpenPage) -> None:
    desktop = await serve("image_label")
    page = await _work(desktop, open_page, width=360, height=740, touch=True)
    session = await page.context.new_cdp_session(page)
    for kind, place in (("touchStart", 0.3), ("touchMove", 0.5), ("touchMove", 0.7), ("touchEnd", None)):
        spots = []
        if place is not None:
            x, y = await _on_stage(page, place, place)
            spots = [{"x": x, "y": y}]
        await session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": spots})
    await expect(page.locator(".il-box")).to_have_count(1)


async def test_labels_boxes_and_comment_survive_a_reload(serve: Serve, open_page: OpenPage) -> None:
    desktop = await serve("image_label")
    page = await _work(desktop, open_page)
    await page.keyboard.press("2")
    await page.keyboard.press("b")
    await page.keyboard.press("1")
    await page.fill("#il-comment", "to be kept")
    await page.reload()
    await expect(page.locator(".il-box")).to_have_count(1)
    await expect(page.locator("input[value=square]")).to_be_checked()
    await expect(page.locator(".il-box-list select")).to_have_value("circle")
    await expect(page.locator("#il-comment")).to_have_value("to be kept")


async def test_single_key_shortcuts_can_be_switched_off(serve: Serve, open_page: OpenPage) -> None:
    desktop = await serve("image_label", boxes="off")
    page = await _work(desktop, open_page)
    await page.click("[aria-label='Keyboard shortcuts']")
    await page.uncheck("text=Use the single-key shortcuts")
    await page.click("dialog >> text=Close")
    await page.keyboard.press("1")
    await expect(page.locator("input[value=circle]")).not_to_be_checked()


async def test_an_image_that_cannot_be_loaded_says_so(serve: Serve, open_page: OpenPage, tmp_path: Path) -> None:
    Image.new("RGB", (40, 30), "white").save(tmp_path / "gone.png")
    desktop = await serve("image_label", base_dir=tmp_path, image_list=None, image_folder=".")
    page = await open_page(desktop.link("mira.k"))
    await page.context.route("**/image/**", lambda route: route.abort())
    await begin(page)
    await page.wait_for_selector("text=The image cannot be loaded.")
    await page.context.unroute("**/image/**")
    await page.get_by_role("button", name="Try again").click()
    await expect(page.locator(".il-image")).to_have_js_property("naturalWidth", 40)


async def _first_box(page: Page) -> FloatRect:
    frame = await page.locator(".il-box").nth(0).bounding_box()
    assert frame is not None
    return frame
