"""Unchanged bundles at real runs while clocks are wrong, pages are loaded again, and answers do not arrive."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.async_api import Page

from tests.browser.conftest import Launch, OpenPage
from tests.browser.test_robust_pages import AGENTS, SHIFTED, SIX_TIMES_AS_FAST, listen, until

pytestmark = pytest.mark.browser


@pytest.fixture
def task_file(bundles: dict[str, Path], tmp_path: Path) -> Any:
    """`task_file("review", **blueprint arguments)`: the file of a task with that bundle."""

    def write(name: str, **changes: Any) -> Path:
        blueprint = {
            "_blueprint_type": "static_react_task",
            "task_source": str(bundles[name]),
            "static_task_data": [{"text": "Boils fast."}, {"text": "It broke."}, {"text": "As one would think."}],
            "units_per_assignment": 1,
        }
        task = {"task_name": "b", "task_title": "Rate", "task_description": "Rate it.", "task_reward": 0.1}
        file = tmp_path / "task.yaml"
        file.write_text(yaml.safe_dump({"mephisto": {"blueprint": blueprint | changes, "task": task}}), "utf-8")
        return file

    return write


@pytest.mark.parametrize("hours", [-7, 9])
async def test_a_live_bundle_whose_clock_is_hours_off_stays_connected(
    launch: Launch, open_page: OpenPage, task_file: Any, hours: int
) -> None:
    run = await launch(task_file("live"))
    page = await open_page("about:blank")
    await page.add_init_script(SHIFTED % hours + SIX_TIMES_AS_FAST)
    heard = listen(page)
    await page.goto(run.live.entry_link("mira.k"))
    await page.click("#cd-start")
    await page.wait_for_selector("#connection >> text=/^connected/")
    # the bundle looks with each beat whether the last one's ping is older than 20 s, and gives up when it is
    await until(lambda: len([each for each in heard if each["packet_type"] == "heartbeat"]) >= 4)
    assert await page.inner_text("#connection") == "connected"
    assert await page.inner_text("#status") == "in task"
    await page.click("#send")
    await page.wait_for_selector("text=Waiting for review")
    assert run.rows(AGENTS) == [("completed", 1)]


async def test_back_and_reload_at_every_step_of_a_bundle_take_no_unit_and_lose_no_answer(
    launch: Launch, open_page: OpenPage, task_file: Any
) -> None:
    told = {"question": "How does 'I love it' sound?"}
    run = await launch(
        task_file(
            "review", onboarding_qualification="reads", onboarding_data=told, onboarding_truth={"sounds": "positive"}
        )
    )
    page = await open_page(run.live.entry_link("mira.k"), faults_expected=True)
    page.on("dialog", lambda dialog: dialog.accept())  # "leave this page?"
    await page.click("#cd-start")
    await page.wait_for_selector("#onboarding")
    await page.reload()
    await page.wait_for_selector("#onboarding")
    await page.go_back()
    await page.click("#cd-start")
    await page.click("#onboarding-positive")
    await page.wait_for_selector("#text")
    assert run.rows("SELECT status, count(*) FROM onboarding_agents GROUP BY 1") == [("approved", 1)]
    before = await page.inner_text("#agent")
    await page.reload()
    await page.wait_for_selector("#text")
    assert await page.inner_text("#agent") == before
    await go_on_from_the_welcome_page(page, before)
    assert run.rows(AGENTS) == [("in task", 1)]
    taken = asyncio.Event()

    async def swallow(route: Any) -> None:
        await route.fetch()  # it arrives, and its answer does not
        taken.set()
        await route.abort()

    await page.route("**/submit_task", swallow)
    await page.click("#good")
    await taken.wait()
    assert run.rows(AGENTS) == [("completed", 1)]
    await page.unroute("**/submit_task")
    await page.reload()
    await page.locator("#crowdesk-notice section button").first.click()
    await page.wait_for_selector("text=Waiting for review")
    assert run.rows(AGENTS) == [("completed", 1)]


async def go_on_from_the_welcome_page(page: Page, agent: str) -> None:
    await page.go_back()
    await page.click("text=Go on with your unit")
    await page.wait_for_selector("#text")
    assert await page.inner_text("#agent") == agent
