"""The page for segments of a video: by keyboard alone, by mouse, by touch; with a real decoder in a real browser."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import pytest
from av.video.stream import VideoStream
from playwright.async_api import Page, expect

from tests.browser.conftest import EXAMPLES, Launch, OpenPage, Serve, begin, receipt
from tests.fakes.scripted_desktop import ScriptedDesktop

pytestmark = pytest.mark.browser

NAME = "video_label"


async def _work(desktop: ScriptedDesktop, open_page: OpenPage, **options: Any) -> Page:
    page = await open_page(desktop.link("mira.k"), **options)
    await begin(page)
    await page.wait_for_selector(".vl-stage[aria-busy=false]")
    return page


def _answer(desktop: ScriptedDesktop) -> Any:
    (given,) = desktop.all_submissions()
    return given["final_data"]


async def _press(page: Page, *keys: str) -> None:
    for key in keys:
        await page.keyboard.press(key)


async def _at(page: Page, time: str) -> None:
    await expect(page.locator(".vl-time")).to_have_text(f"{time} / 0:06.000")


async def _in_lane(page: Page, seconds: float, lane: int = 0) -> tuple[float, float]:
    frame = await page.locator(".vl-lane").nth(lane).bounding_box()
    assert frame is not None
    return frame["x"] + frame["width"] * seconds / 6, frame["y"] + frame["height"] / 2


async def _drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    await page.mouse.move(*start)
    await page.mouse.down()
    await page.mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    await page.mouse.move(*end)
    await page.mouse.up()


async def test_from_entry_to_receipt_by_keyboard_alone(serve: Serve, open_page: OpenPage) -> None:
    desktop = await serve(NAME)
    page = await open_page(desktop.link("mira.k"))
    await page.wait_for_selector("#cd-start")
    await page.focus("#cd-start")
    await page.keyboard.press("Enter")
    await page.wait_for_selector(".vl-stage[aria-busy=false]")
    await _press(page, "2", "i", "Shift+ArrowRight", "Shift+ArrowRight", "o")
    await _at(page, "0:02.000")
    await _press(page, "Escape", "1", "i", "Shift+ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft", "o")
    await _press(page, "Escape", "ArrowDown", "Home", "i", "Shift+ArrowRight", "o")
    await page.get_by_label("Note on segment 1").focus()
    await page.keyboard.type("blue")
    await page.keyboard.press("Control+Enter")
    await receipt(page)
    answer = _answer(desktop)
    assert answer["segments"] == [
        {"label": "moves", "start": 0, "end": 1, "track": "car", "note": "blue"},
        {"label": "waits", "start": 0, "end": 2, "track": "person"},
        {"label": "moves", "start": 2, "end": 3.05, "track": "person"},
    ]
    assert (answer["nothing"], answer["cannot_tell"], answer["duration"]) == (False, False, 6)


async def test_segments_are_reached_moved_changed_and_deleted_by_key(serve: Serve, open_page: OpenPage) -> None:
    desktop = await serve(NAME)
    page = await _work(desktop, open_page)
    await _press(page, "i", "Shift+ArrowRight", "o", "Escape", "Shift+ArrowRight", "i", "Shift+ArrowRight", "o")
    await page.focus(".vl-ruler")
    await page.keyboard.press("Tab")
    first = page.locator(".vl-segment").nth(0)
    await expect(first).to_be_focused()
    await expect(first).to_have_attribute("aria-label", "Segment 1: moves, person, 0:00.000 to 0:01.000")
    await _press(page, "2", "Control+Shift+ArrowRight", "Control+ArrowRight", "Control+ArrowRight")
    await expect(first).to_have_attribute("aria-label", "Segment 1: waits, person, 0:00.100 to 0:01.150")
    await page.keyboard.press("Home")
    await _press(page, "Shift+I")
    await expect(first).to_have_attribute("aria-label", "Segment 1: waits, person, 0:00.000 to 0:01.150")
    await page.keyboard.press("Tab")
    await expect(page.locator(".vl-segment").nth(1)).to_be_focused()
    await page.keyboard.press("Delete")
    await expect(page.locator(".vl-segment")).to_have_count(1)
    await expect(first).to_be_focused()
    await page.keyboard.press("Control+z")
    await expect(page.locator(".vl-segment")).to_have_count(2)
    await page.keyboard.press("Control+y")
    await expect(page.locator(".vl-segment")).to_have_count(1)


async def test_enter_on_a_segment_plays_just_it(serve: Serve, open_page: OpenPage) -> None:
    desktop = await serve(NAME)
    page = await _work(desktop, open_page)
    await _press(page, "Shift+ArrowRight", "i", "ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight", "o", "End")
    await page.focus(".vl-segment")
    await page.keyboard.press("Enter")
    await _at(page, "0:01.200")
    await expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()


async def test_j_k_and_l_play_there_and_back(serve: Serve, open_page: OpenPage) -> None:
    desktop = await serve(NAME)
    page = await _work(desktop, open_page)
    await page.keyboard.press("l")
    await expect(page.locator(".vl-time")).to_have_text(re.compile(r"^0:0(0\.[2-9]|[1-5])"))
    await page.keyboard.press("l")
    assert await page.evaluate("document.querySelector('video').playbackRate") == 2
    await page.keyboard.press("k")
    await expect(page.locator("video")).to_have_js_property("paused", True)
    await page.keyboard.press("End")
    await _press(page, "j")
    await expect(page.locator(".vl-time")).to_have_text(re.compile(r"^0:0(5\.[0-6]|[0-4])"))
    await page.keyboard.press("k")
    here = await page.inner_text(".vl-time")
    await _press(page, "ArrowRight", "ArrowLeft")
    assert (await page.inner_text(".vl-time"))[:5] == here[:5]


_STEP = """
new Promise((tell) => {
  document.querySelector("video").requestVideoFrameCallback((_, shown) => tell(shown.mediaTime));
  document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
})
"""


@pytest.mark.parametrize(("codec", "name"), [("libvpx", "a.webm"), ("libvpx-vp9", "a.webm")])
async def test_each_step_shows_the_next_picture_whatever_the_rate(
    serve: Serve, open_page: OpenPage, tmp_path: Path, codec: str, name: str
) -> None:
    with av.open(str(tmp_path / name), "w") as container:
        stream = cast(VideoStream, container.add_stream(codec, rate=30))
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(30):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), number * 8, np.uint8), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 30)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    desktop = await serve(NAME, base_dir=tmp_path, video_list=None, video_folder=".")
    page = await _work(desktop, open_page)
    times = [await page.evaluate(_STEP) for _ in range(8)]
    assert times == pytest.approx([number / 30 for number in range(1, 9)], abs=0.001)


async def test_segments_are_drawn_moved_and_resized_with_the_mouse(serve: Serve, open_page: OpenPage) -> None:
    desktop = await serve(NAME)
    page = await _work(desktop, open_page)
    await page.click("text=waits")
    await _drag(page, await _in_lane(page, 1), await _in_lane(page, 2))
    await _drag(page, await _in_lane(page, 3, 1), await _in_lane(page, 5, 1))
    await _drag(page, await _in_lane(page, 1.5), await _in_lane(page, 3.5))
    x, y = await _in_lane(page, 5, 1)
    await _drag(page, (x - 1, y), await _in_lane(page, 4, 1))
    await page.click("text=Submit")
    await receipt(page)
    first, second = _answer(desktop)["segments"]
    assert (first["track"], second["track"]) == ("person", "car")
    assert (first["start"], first["end"]) == pytest.approx((3, 4), abs=0.06)
    assert (second["start"], second["end"]) == pytest.approx((3, 4), abs=0.06)


async def test_segments_of_one_track_do_not_overlap_unless_they_may(serve: Serve, open_page: OpenPage) -> None:
    desktop = await serve(NAME)
    page = await _work(desktop, open_page)
    await _drag(page, await _in_lane(page, 2), await _in_lane(page, 3))
    await _drag(page, await _in_lane(page, 1), await _in_lane(page, 2.5))
    await expect(page.locator(".vl-segment").nth(0)).to_have_attribute(
        "aria-label", "Segment 1: moves, person, 0:01.000 to 0:02.000"
    )
    end = page.get_by_label("End of segment 1")
    await end.fill("0:02.5")
    await end.press("Tab")
    await expect(page.locator(".vl-fault").nth(0)).to_have_text("It would overlap segment 2.")
    await expect(end).to_have_attribute("aria-invalid", "true")
    await page.click("text=Submit")
    await expect(end).to_be_focused()
    assert desktop.all_submissions() == []
    await end.fill("1.5")
    await end.press("Tab")
    await expect(end).to_have_value("0:01.500")
    again = await serve(NAME, overlap=True)
    page = await _work(again, open_page)
    await _drag(page, await _in_lane(page, 2), await _in_lane(page, 3))
    await _press(page, "Home", "i", "End", "o")
    await expect(page.locator(".vl-segment")).to_have_count(2)
    await page.click("text=Submit")
    await receipt(page)
    assert next((each["start"], each["end"]) for each in _answer(again)["segments"]) == (0, 6)


async def test_a_finger_scrolls_and_marks_with_the_buttons(serve: Serve, open_page: OpenPage) -> None:
    desktop = await serve(NAME)
    page = await _work(desktop, open_page, width=390, height=844, touch=True)
    await page.tap("[aria-label='Begin a segment here']")
    ruler = await page.locator(".vl-ruler").bounding_box()
    assert ruler is not None
    await page.touchscreen.tap(ruler["x"] + ruler["width"] / 2, ruler["y"] + 10)
    await _at(page, "0:03.000")
    await page.tap("[aria-label='End the segment here']")
    await expect(page.locator(".vl-segment")).to_have_count(1)
    session = await page.context.new_cdp_session(page)
    box = await page.locator(".vl-segment .vl-handle[data-end=end]").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for kind, place in (("touchStart", x), ("touchMove", x - 20), ("touchMove", x - 50), ("touchEnd", None)):
        points = [] if place is None else [{"x": place, "y": y}]
        await session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    await page.click("text=Submit")  # a tap within milliseconds of a drag is none to Chromium
    await receipt(page)
    (segment,) = _answer(desktop)["segments"]
    assert segment["start"] == 0
    assert 1.5 < segment["end"] < 2.9


async def test_everything_survives_a_reload(serve: Serve, open_page: OpenPage) -> None:
    desktop = await serve(NAME)
    page = await _work(desktop, open_page)
    await _press(page, "ArrowDown", "i", "Shift+ArrowRight", "o", "Escape", "2", "Shift+ArrowRight", "i")
    await page.fill("#vl-comment", "to be kept")
    await page.reload()
    await page.wait_for_selector(".vl-stage[aria-busy=false]")
    await _at(page, "0:02.000")
    await expect(page.locator("#vl-comment")).to_have_value("to be kept")
    await expect(page.locator("input[value=waits]")).to_be_checked()
    await _press(page, "Shift+ArrowRight", "o")
    await expect(page.locator(".vl-segment")).to_have_count(2)
    await expect(page.locator(".vl-segment").nth(1)).to_have_attribute(
        "aria-label", "Segment 2: waits, car, 0:02.000 to 0:03.000"
    )


async def test_no_segment_is_no_answer_unless_the_worker_says_so(serve: Serve, open_page: OpenPage) -> None:
    desktop = await serve(NAME)
    page = await _work(desktop, open_page)
    await page.click("text=Submit")
    words = 'Please mark a segment, or choose "nothing to mark" or "cannot tell".'
    await expect(page.locator(".cd-foot-status")).to_have_text(words)
    assert desktop.all_submissions() == []
    await page.get_by_label("Cannot tell").check()
    await page.get_by_label("Nothing to mark").check()
    await expect(page.get_by_label("Cannot tell")).not_to_be_checked()
    await page.click("text=Submit")
    await receipt(page)
    assert (_answer(desktop)["segments"], _answer(desktop)["nothing"]) == ([], True)


async def test_the_timeline_zooms_about_the_playhead(serve: Serve, open_page: OpenPage) -> None:
    desktop = await serve(NAME)
    page = await _work(desktop, open_page)
    await _press(page, "Shift+ArrowRight", "Shift+ArrowRight", "Shift+ArrowRight")
    before = await page.locator(".vl-playhead").bounding_box()
    await _press(page, "+", "+")
    after = await page.locator(".vl-playhead").bounding_box()
    assert before is not None
    assert after is not None
    assert after["x"] == pytest.approx(before["x"], abs=3)
    wide = await page.evaluate("(s => s.scrollWidth / s.clientWidth)(document.querySelector('.vl-scroll'))")
    assert wide == pytest.approx(2.25, abs=0.05)
    await page.keyboard.press("0")
    wide = await page.evaluate("(s => s.scrollWidth / s.clientWidth)(document.querySelector('.vl-scroll'))")
    assert wide == 1


async def test_single_key_shortcuts_can_be_switched_off(serve: Serve, open_page: OpenPage) -> None:
    desktop = await serve(NAME)
    page = await _work(desktop, open_page)
    await page.click("[aria-label='Keyboard shortcuts']")
    await page.uncheck("text=Use the single-key shortcuts")
    await page.click("dialog >> text=Close")
    await _press(page, "i", "Shift+ArrowRight", "o")
    await _at(page, "0:00.000")
    await expect(page.locator(".vl-segment")).to_have_count(0)


async def test_a_video_that_cannot_be_played_says_so(serve: Serve, open_page: OpenPage) -> None:
    desktop = await serve(NAME)
    page = await open_page(desktop.link("mira.k"))
    await page.context.route("**/video/**", lambda route: route.abort())
    await begin(page)
    await page.wait_for_selector("text=The video cannot be played.")
    await page.context.unroute("**/video/**")
    await page.get_by_role("button", name="Try again").click()
    await page.wait_for_selector(".vl-stage[aria-busy=false]")
    await expect(page.locator("video")).to_have_js_property("videoWidth", 384)
    await expect(page.locator(".vl-trouble")).to_be_hidden()


async def test_a_video_of_another_site_is_allowed_by_the_page(
    serve: Serve, open_page: OpenPage, tmp_path: Path
) -> None:
    other = await serve(NAME)
    blueprint = other.blueprint
    address = next(iter(blueprint.get_pages(tmp_path / "b").static))
    (tmp_path / "videos.txt").write_text(f"{other.url}{address}\n", "utf-8")
    desktop = await serve(NAME, base_dir=tmp_path, video_list="videos.txt")
    page = await _work(desktop, open_page)
    await expect(page.locator("video")).to_have_js_property("videoWidth", 384)
    await _press(page, "i", "Shift+ArrowRight", "o")
    await page.click("text=Submit")
    await receipt(page)
    assert _answer(desktop)["duration"] == pytest.approx(6, abs=0.1)


async def test_a_real_run_takes_segments(launch: Launch, open_page: OpenPage) -> None:
    run = await launch(EXAMPLES / NAME / "task.yaml")
    page = await open_page(run.live.entry_link("mira.k", 1))
    await begin(page)
    await page.wait_for_selector(".vl-stage[aria-busy=false]")
    await _press(page, "i", "Shift+ArrowRight", "o")
    await page.click("text=Submit")
    await receipt(page)
    rows = run.rows("SELECT answer FROM agents")
    assert rows == [("1 segment: person: moves 0:00\u20130:01",)]
