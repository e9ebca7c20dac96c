"""Onboarding, screening and gold units in a real Chromium, from the welcome page to the receipt or the refusal."""

from __future__ import annotations

import csv

import pytest
from playwright.async_api import Page

from tests.browser.conftest import EXAMPLES, Launch, OpenPage, RealRun, receipt

pytestmark = pytest.mark.browser

WITHOUT_ONBOARDING = ("mephisto.blueprint.onboarding_qualification=", "mephisto.blueprint.onboarding_source=")
WITHOUT_GOLDS = ("mephisto.blueprint.use_golds=false",)
WITHOUT_SCREENING = ("mephisto.blueprint.use_screening_task=false",)


def known(name: str) -> dict[str, str]:
    """Receipt number -> what is right, of a file of known rows."""
    with (EXAMPLES / "gated" / name).open(encoding="utf-8") as stream:
        return {row["number"]: row["truth.sum"] for row in csv.DictReader(stream)}


SCREENING, GOLD = known("screening.csv"), known("gold.csv")


async def come(real: RealRun, open_page: OpenPage, worker: str) -> Page:
    page = await open_page(real.live.entry_link(worker, 1))
    await page.click("#cd-start")
    return page


async def answer(page: Page, said: str) -> None:
    await page.check(f"input[name=sum][value={said}]")
    await page.click(".cd-foot button")


async def unit(page: Page) -> str:
    """The number of the receipt that is shown."""
    heading = await page.wait_for_selector("h2:has-text('Receipt')")
    assert heading is not None
    return (await heading.inner_text()).split()[1].rstrip(",")


async def do(page: Page, *, right: bool) -> str:
    """Answer the unit that is shown; its kind."""
    number = await unit(page)
    truth = SCREENING.get(number) or GOLD.get(number) or "right"
    await answer(page, truth if right else {"right": "wrong", "wrong": "right"}[truth])
    await receipt(page)
    return "screening" if number in SCREENING else "gold" if number in GOLD else "task"


async def go_on(page: Page) -> None:
    await page.click("text=Take another")


async def test_passing_every_gate_leads_to_the_work(launch: Launch, open_page: OpenPage) -> None:
    real = await launch("gated")
    page = await come(real, open_page, "mira.k")
    await page.wait_for_selector("text=Before you begin")
    await answer(page, "wrong")
    done = [await do(page, right=True)]
    for _ in range(2):
        await go_on(page)
        done.append(await do(page, right=True))
    assert done == ["screening", "gold", "task"]
    held = real.rows(
        "SELECT qualification_name, value FROM granted_qualifications JOIN qualifications USING (qualification_id)"
    )
    assert sorted(held) == [
        ("sample-receipts-correct-golds", 1),
        ("sample-receipts-introduced", 1),
        ("sample-receipts-screened", 1),
    ]


async def test_who_fails_the_onboarding_gets_no_unit(launch: Launch, open_page: OpenPage) -> None:
    real = await launch("gated")
    page = await come(real, open_page, "mira.k")
    await page.wait_for_selector("text=Before you begin")
    await answer(page, "right")
    await page.wait_for_selector("text=You did not pass the introduction")
    assert real.rows("SELECT count(*) FROM agents") == [(0,)]


async def test_who_fails_the_screening_is_paid_for_it_and_gets_no_more(launch: Launch, open_page: OpenPage) -> None:
    real = await launch("gated", *WITHOUT_ONBOARDING)
    page = await come(real, open_page, "mira.k")
    assert await do(page, right=False) == "screening"
    again = await open_page(real.live.entry_link("mira.k", 1))
    await again.wait_for_selector("text=The test unit of this task was not right")
    assert real.rows("SELECT unit_index, status FROM units WHERE unit_index < 0") == [(-1, "completed")]


async def test_wrong_golds_until_no_more_units_are_given(launch: Launch, open_page: OpenPage) -> None:
    real = await launch("gated", *WITHOUT_ONBOARDING, *WITHOUT_SCREENING)
    page = await come(real, open_page, "mira.k")
    assert await do(page, right=False) == "gold"
    await go_on(page)
    assert await do(page, right=False) == "gold"
    again = await open_page(real.live.entry_link("mira.k", 1))
    await again.wait_for_selector("text=Too many of your units whose answer is known were wrong")
    held = real.rows(
        "SELECT qualification_name, value FROM granted_qualifications JOIN qualifications USING (qualification_id)"
    )
    assert sorted(held) == [("sample-receipts-disqualified", 1), ("sample-receipts-wrong-golds", 2)]


async def test_a_page_says_nothing_of_what_is_right(launch: Launch, open_page: OpenPage) -> None:
    real = await launch("gated", *WITHOUT_ONBOARDING, *WITHOUT_GOLDS)
    page = await come(real, open_page, "mira.k")
    await unit(page)
    assert "truth" not in await page.content()
    assert "truth" not in str(real.rows("SELECT inputs FROM agent_data"))
