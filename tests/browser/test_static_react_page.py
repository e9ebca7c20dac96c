"""The example of a prebuilt bundle, from the entry link to what became of the work; the notice beside any bundle."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

from tests.browser.conftest import EXAMPLES, Launch, OpenPage

pytestmark = pytest.mark.browser

RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}}
ANSWERS = "SELECT outputs FROM agent_data WHERE outputs IS NOT NULL ORDER BY agent_id"


async def choose(page: Page, key: str) -> None:
    """The keyboard alone."""
    await page.keyboard.press(key)
    await page.keyboard.press("Enter")


async def accessible(page: Page, picture: Path) -> None:
    results = await Axe().run(page, options=RULES)
    found = [f"{broken['id']}: {broken['help']} {broken['nodes']}" for broken in results.response["violations"]]
    assert not found, "\n".join(found)
    assert await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    await page.screenshot(path=picture)
    assert picture.stat().st_size > 2000


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 780)], ids=["desktop", "phone"])
async def test_from_the_entry_link_to_the_overview_by_keyboard(
    launch: Launch, open_page: OpenPage, tmp_path: Path, scheme: str, width: int, height: int
) -> None:
    run = await launch("static_react")
    page = await open_page(run.live.entry_link("mira.k", 1), width=width, height=height, scheme=scheme)
    await page.focus("#cd-start")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("text=Try one first")
    await accessible(page, tmp_path / "introduction.png")
    await choose(page, "2")
    await page.wait_for_selector("text=Which headline says what the notice says?")
    await page.wait_for_selector(".choice")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("text=Please choose one of the two headlines.")
    await accessible(page, tmp_path / "work.png")
    await choose(page, "1")
    await page.wait_for_selector("text=Waiting for review")
    ((outputs,),) = run.rows(ANSWERS)
    assert json.loads(outputs)["choice"] == "first"
    assert run.rows("SELECT answer, labels FROM agents") == [("first", '["first"]')]


async def test_who_does_not_pass_the_introduction_is_told_so(launch: Launch, open_page: OpenPage) -> None:
    run = await launch("static_react")
    page = await open_page(run.live.entry_link("mira.k", 1))
    await page.click("#cd-start")
    await page.wait_for_selector("text=Try one first")
    await choose(page, "1")
    await page.wait_for_selector("text=You did not pass the introduction")
    assert run.rows("SELECT status FROM onboarding_agents") == [("rejected",)]
    assert run.rows("SELECT count(*) FROM agents") == [(0,)]


async def test_the_preview_of_the_example_takes_nothing(launch: Launch, open_page: OpenPage, tmp_path: Path) -> None:
    run = await launch("static_react")
    page = await open_page(f"{run.live.url}/preview")
    await page.wait_for_selector("text=You read a notice of one sentence")
    await accessible(page, tmp_path / "preview.png")
    assert run.rows("SELECT count(*) FROM onboarding_agents") == [(0,)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_notice_beside_a_bundle_can_be_read_by_all(
    launch: Launch, open_page: OpenPage, tmp_path: Path, scheme: str
) -> None:
    run = await launch("static_react")
    page = await open_page(run.live.entry_link("mira.k", 1), scheme=scheme, faults_expected=True)
    await page.route("**/submit_onboarding", lambda route: route.abort())
    await page.click("#cd-start")
    await page.wait_for_selector("text=Try one first")
    await choose(page, "2")
    await page.locator("#crowdesk-notice section").wait_for()
    await accessible(page, tmp_path / "notice.png")
    await page.unroute("**/submit_onboarding")
    await page.locator("#crowdesk-notice button").click()
    await page.wait_for_selector("text=Which headline says what the notice says?")  # loaded anew, with its unit
    assert run.rows("SELECT status FROM onboarding_agents") == [("approved",)]


async def test_a_linked_bundle_follows_what_is_built(launch: Launch, open_page: OpenPage, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.js"
    words = (EXAMPLES / "static_react" / "bundle.js").read_text("utf-8")
    bundle.write_text(words, "utf-8")
    changes = (f"mephisto.blueprint.task_source={bundle}", "mephisto.blueprint.link_task_source=true")
    run = await launch("static_react", *changes)
    page = await open_page(f"{run.live.url}/preview")
    await page.wait_for_selector("text=You read a notice of one sentence")
    longer = words.replace("You read a notice of one sentence", "You read a notice, and this text is newer and longer")
    bundle.write_text(longer, "utf-8")
    await page.reload()
    await page.wait_for_selector("text=this text is newer and longer")
    assert await page.evaluate("fetch('/bundle.js').then(answer => answer.text()).then(text => text.length)") == len(
        longer
    )
