"""The introduction of a task in our own frame: passed, failed, timed out and begun again."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from playwright.async_api import Page

from app.data.states import AgentStatus
from app.operations.engine.onboarding_room import TOO_LONG, OverdueNewcomer
from tests.browser.conftest import Launch, OpenPage, RealRun, begin, receipt

pytestmark = pytest.mark.browser

STATES = "SELECT status FROM onboarding_agents ORDER BY onboarding_agent_id"


@pytest.fixture
async def run(launch: Launch, tmp_path: Path) -> RealRun:
    choice = '<fieldset><legend>{}</legend><label><input type="radio" name="a" value="{}"> {}</label></fieldset>'
    (tmp_path / "task.html").write_text(choice.format("Is it ${word}?", "it is", "It is"), "utf-8")
    intro = (
        "<fieldset><legend>Two and two?</legend>"
        '<label><input type="radio" name="sum" value="four" data-truth="four" required> Four</label>'
        '<label><input type="radio" name="sum" value="five" required> Five</label></fieldset>'
    )
    (tmp_path / "intro.html").write_text(intro, "utf-8")
    blueprint = {
        "_blueprint_type": "static_html",
        "task_source": "task.html",
        "onboarding_source": "intro.html",
        "onboarding_qualification": "can-add",
        "static_task_data": [{"word": "red"}],
    }
    task = {"task_name": "t", "task_title": "A task", "task_description": "Look.", "task_reward": 0.1}
    file = tmp_path / "task.yaml"
    file.write_text(yaml.safe_dump({"mephisto": {"blueprint": blueprint, "task": task}}), "utf-8")
    return await launch(file)


async def answer(page: Page, words: str) -> None:
    await page.click(f"text={words}")
    await page.click("text=Submit")


async def time_out(run: RealRun) -> None:
    """As the watch of the run does when the time is over."""
    desk = run.live.engine.onboarding
    await desk.let_go([OverdueNewcomer(newcomer, AgentStatus.TIMEOUT, TOO_LONG) for newcomer in desk.room])


async def test_who_passes_goes_on_with_the_unit_on_the_same_page(run: RealRun, open_page: OpenPage) -> None:
    page = await open_page(run.live.entry_link("mira.k", 1))
    await begin(page)
    await page.wait_for_selector("text=Two and two?")
    (newcomer,) = run.live.engine.onboarding.room
    assert newcomer.worker_name == "mira.k"
    await answer(page, "Four")
    await page.wait_for_selector("text=Is it red?")
    assert len(run.live.newcomers) == 0
    await answer(page, "It is")
    await receipt(page)
    assert run.rows(STATES) == [("approved",)]


async def test_who_fails_is_told_so_and_sees_no_receipt(run: RealRun, open_page: OpenPage) -> None:
    page = await open_page(run.live.entry_link("mira.k", 1))
    async with page.expect_websocket() as opened:
        await begin(page)
    socket = await opened.value
    # the socket stays open, and its next heartbeat says that this is done: that is no receipt
    async with socket.expect_event("framereceived", lambda frame: '"completed"' in frame):
        await answer(page, "Five")
        await page.wait_for_selector("text=You did not pass the introduction")
    assert await page.locator("text=Sent and saved").count() == 0
    assert await page.locator("main >> text=You did not pass the introduction").count() == 1
    assert run.rows(STATES) == [("rejected",)]


async def test_whose_time_is_over_reads_so_and_begins_again(run: RealRun, open_page: OpenPage) -> None:
    page = await open_page(run.live.entry_link("mira.k", 1))
    await begin(page)
    await page.wait_for_selector("text=Two and two?")
    await time_out(run)
    await page.wait_for_selector("text=The time for this introduction is over. You can begin it again.")
    await page.click("text=Go to the overview")
    await begin(page)
    await page.wait_for_selector("text=Two and two?")
    await answer(page, "Four")
    await page.wait_for_selector("text=Is it red?")
    assert run.rows(STATES) == [("timeout",), ("approved",)]


async def test_a_reload_in_the_introduction_goes_on_with_it(run: RealRun, open_page: OpenPage) -> None:
    page = await open_page(run.live.entry_link("mira.k", 1))
    await begin(page)
    await page.wait_for_selector("text=Two and two?")
    await page.click("text=Four")
    await page.reload()
    await page.wait_for_selector("text=Two and two?")
    await answer(page, "Four")
    await page.wait_for_selector("text=Is it red?")
    assert run.rows(STATES) == [("approved",)]
