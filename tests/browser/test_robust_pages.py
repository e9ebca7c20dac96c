"""A real Chromium at real runs, while everything around the page goes wrong: clocks, tabs, sleep, networks, routers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Page, WebSocket, expect

from tests.browser.conftest import Launch, OpenPage, RealRun, begin, receipt
from tests.fakes.mute_proxy import MuteProxy, in_front_of

pytestmark = pytest.mark.browser

AGENTS = "SELECT status, count(*) FROM agents GROUP BY 1 ORDER BY 1"
SHIFTED = """
    const RealDate = Date, shift = %d * 3600 * 1000;
    Date = class extends RealDate {
      constructor(...given) { given.length ? super(...given) : super(RealDate.now() + shift); }
      static now() { return RealDate.now() + shift; }
    };
"""
"""The page's clock is so many hours off."""
SIX_TIMES_AS_FAST = """
    for (const name of ["setInterval", "setTimeout"]) {
      const real = window[name];
      window[name] = (action, milliseconds = 0, ...given) => real(action, milliseconds / 6, ...given);
    }
"""


async def until(condition: Callable[[], bool]) -> None:
    """Until something holds that neither the page nor a packet tells of."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what is in the database is told to nobody here
            await asyncio.sleep(0.02)


async def choose(page: Page, key: str = "2") -> None:
    """Give an answer to an image, without sending it; returns when the draft is kept."""
    await page.wait_for_selector(".il-stage[aria-busy=false]")
    await page.keyboard.press(key)
    kept = "Object.keys(localStorage).some(key => key.startsWith('crowdesk.draft.'))"
    async with asyncio.timeout(20):
        while not await page.evaluate(kept):  # noqa: ASYNC110 - the page's policy forbids what playwright waits with
            await asyncio.sleep(0.02)


def listen(page: Page) -> list[dict[str, Any]]:
    """What the page's sockets bring from now on."""
    heard: list[dict[str, Any]] = []

    def opened(socket: WebSocket) -> None:
        socket.on("framereceived", lambda text: heard.append(json.loads(text)))

    page.on("websocket", opened)
    return heard


def behind(link: str, port: int) -> str:
    """The same link by another port."""
    parts = urlsplit(link)
    return parts._replace(netloc=f"127.0.0.1:{port}").geturl()


def port_of(run: RealRun) -> int:
    port = urlsplit(run.live.url).port
    assert port is not None
    return port


@pytest.mark.parametrize("hours", [-7, 9])
async def test_a_page_whose_clock_is_hours_off_works_like_any_other(
    launch: Launch, open_page: OpenPage, hours: int
) -> None:
    run = await launch("image_label")
    page = await open_page("about:blank")
    await page.add_init_script(SHIFTED % hours + SIX_TIMES_AS_FAST)
    heard = listen(page)
    await page.goto(run.live.entry_link("mira.k"))
    await begin(page)
    await choose(page)
    await until(lambda: len([each for each in heard if each["packet_type"] == "heartbeat"]) >= 3)
    assert await page.locator(".cd-banner:visible").count() == 0
    await page.reload()
    await page.wait_for_selector("text=Your answers from before are here again")
    await page.keyboard.press("Enter")
    await receipt(page)
    assert run.rows(AGENTS) == [("completed", 1)]


async def test_two_tabs_of_one_visit_are_one_worker(launch: Launch, open_page: OpenPage) -> None:
    run = await launch("image_label", "mephisto.task.reconnect_grace_in_seconds=1")
    page = await open_page(run.live.entry_link("mira.k"))
    await begin(page)
    await choose(page)
    second = await page.context.new_page()
    await second.goto(page.url)
    await second.wait_for_selector("text=Your answers from before are here again")
    assert run.rows(AGENTS) == [("in task", 1)]
    [(agent_id, _)] = run.live.presence.items()
    await page.close()
    await second.bring_to_front()
    # as long as the worker is there in one tab, nothing is lost
    assert [run.live.presence[agent_id] for _ in range(3)] == [0.0] * 3
    third = await second.context.new_page()
    await third.goto(second.url)
    await third.wait_for_selector("text=Your answers from before are here again")
    await second.keyboard.press("Enter")
    shown = await receipt(second)
    assert await receipt(third) == shown  # the other tab learns by itself what became of the unit
    assert run.rows(AGENTS) == [("completed", 1)]


async def test_a_second_visit_gets_no_unit_beyond_what_one_may_hold(launch: Launch, open_page: OpenPage) -> None:
    run = await launch("image_label", "mephisto.task.allowed_concurrent=1")
    page = await open_page(run.live.entry_link("mira.k"))
    await begin(page)
    await choose(page)
    other = await page.context.new_page()
    await other.goto(page.url.replace("id=", "id=another"))
    await other.wait_for_selector("text=Please finish the unit that you are working on")
    await other.close()
    await page.keyboard.press("Enter")
    await receipt(page)
    assert run.rows(AGENTS) == [("completed", 1)]


async def test_back_and_reload_at_every_step_take_no_unit_and_lose_no_answer(
    launch: Launch, open_page: OpenPage
) -> None:
    run = await launch("image_label")
    page = await open_page(run.live.entry_link("mira.k"))
    await page.wait_for_selector("#cd-start")
    await page.reload()
    await page.wait_for_selector("#cd-start")
    assert run.rows(AGENTS) == []
    await begin(page)
    await choose(page)
    await page.go_back()
    await page.click("text=Go on with your unit")
    await page.wait_for_selector("text=Your answers from before are here again")
    await page.go_back()
    await page.go_forward()
    await page.wait_for_selector("text=Your answers from before are here again")
    await page.reload()
    await page.wait_for_selector("text=Your answers from before are here again")
    assert run.rows(AGENTS) == [("in task", 1)]
    taken = asyncio.Event()

    async def swallow(route: Any) -> None:
        await route.fetch()  # it arrives, and its answer does not
        taken.set()
        await route.abort()

    await page.route("**/submit_task", swallow)
    await page.keyboard.press("Enter")
    await taken.wait()
    assert run.rows(AGENTS) == [("completed", 1)]
    await page.unroute("**/submit_task")
    await page.reload()
    shown = await receipt(page)
    [(token_hash,)] = run.rows("SELECT token_hash FROM agents")
    assert token_hash[:10].upper() == shown
    await page.reload()
    assert await receipt(page) == shown
    await page.go_back()
    await page.wait_for_selector("text=Take another")
    await page.go_forward()
    assert await receipt(page) == shown
    assert run.rows(AGENTS) == [("completed", 1)]


async def test_a_unit_that_was_given_back_is_not_taken_again_by_a_reload(launch: Launch, open_page: OpenPage) -> None:
    run = await launch("image_label")
    page = await open_page(run.live.entry_link("mira.k"))
    await begin(page)
    await page.click("[aria-label='Give back this unit']")
    await page.click("text=Give it back")
    await page.wait_for_selector("text=You gave this unit back")
    await page.reload()
    await page.wait_for_selector("text=This unit has ended")
    assert run.rows(AGENTS) == [("returned", 1)]
    await page.get_by_role("button", name="Take another").click()
    await page.wait_for_selector(".il-stage[aria-busy=false]")
    assert run.rows(AGENTS) == [("in task", 1), ("returned", 1)]
    await page.go_back()
    await page.wait_for_selector("text=This unit has ended")
    assert run.rows(AGENTS) == [("in task", 1), ("returned", 1)]


@asynccontextmanager
async def asleep(run: RealRun, page: Page, proxy: MuteProxy) -> AsyncIterator[None]:
    """The phone is put away: the page is frozen, its network silent, until the worker counts as gone; then it wakes."""
    session = await page.context.new_cdp_session(page)
    proxy.mute()
    proxy.deaf = True
    await session.send("Page.setWebLifecycleState", {"state": "frozen"})
    await until(lambda: run.rows(AGENTS) == [("disconnect", 1)])
    yield
    proxy.deaf = False
    proxy.cut_mute()
    await session.send("Page.setWebLifecycleState", {"state": "active"})


SLEEPY = ("mephisto.task.reconnect_grace_in_seconds=1", "mephisto.architect.limits={heartbeat_seconds: 2}")


async def test_a_phone_that_slept_gets_its_unit_back_with_what_was_filled_in(
    launch: Launch, open_page: OpenPage
) -> None:
    run = await launch("image_label", *SLEEPY)
    async with in_front_of(port_of(run)) as proxy:
        page = await open_page("about:blank")
        await page.add_init_script(SIX_TIMES_AS_FAST)
        await page.goto(behind(run.live.entry_link("mira.k"), proxy.port))
        await begin(page)
        await choose(page)
        async with asleep(run, page, proxy):
            pass
        await page.wait_for_selector("text=The unit is still yours")
        await until(lambda: run.rows(AGENTS) == [("in task", 1)])
        await page.keyboard.press("Enter")
        await receipt(page)
        assert run.rows(AGENTS) == [("completed", 1)]


async def test_a_phone_that_slept_is_told_when_somebody_else_has_its_unit(launch: Launch, open_page: OpenPage) -> None:
    run = await launch("image_label", *SLEEPY)
    async with in_front_of(port_of(run)) as proxy:
        page = await open_page("about:blank")
        await page.add_init_script(SIX_TIMES_AS_FAST)
        await page.goto(behind(run.live.entry_link("mira.k"), proxy.port))
        await begin(page)
        await choose(page)
        [(unit_id,)] = run.rows("SELECT unit_id FROM agents")
        async with asleep(run, page, proxy):
            await run.live.expire_units([unit_id])
        await page.wait_for_selector("text=this unit is not yours any more")
        await page.reload()
        await page.wait_for_selector("text=this unit is not yours any more")
        assert run.rows(AGENTS) == [("disconnect", 1)]


async def test_a_connection_that_dies_silently_is_noticed_before_the_worker_counts_as_gone(
    launch: Launch, open_page: OpenPage
) -> None:
    run = await launch("image_label")
    async with in_front_of(port_of(run)) as proxy:
        page = await open_page("about:blank")
        await page.add_init_script(SIX_TIMES_AS_FAST)
        heard = listen(page)
        await page.goto(behind(run.live.entry_link("mira.k"), proxy.port))
        await begin(page)
        await until(lambda: any(each["packet_type"] == "heartbeat" for each in heard))
        [agent_id] = run.live.presence
        proxy.mute()
        await run.live.message_worker(agent_id, "Said into the void")
        proxy.deaf = True
        await expect(page.locator(".cd-banner").first).to_contain_text("The connection is lost")
        proxy.deaf = False
        await page.wait_for_selector("text=Said into the void")
        await expect(page.locator(".cd-banner").first).to_be_hidden()
        assert await page.locator(".cd-message").count() == 1
        assert run.rows(AGENTS) == [("in task", 1)]


async def test_a_conversation_goes_on_over_a_connection_that_died_silently(launch: Launch, open_page: OpenPage) -> None:
    run = await launch("chat")
    async with in_front_of(port_of(run)) as proxy:
        ben = await open_page(run.live.entry_link("ben"))
        await ben.click("#cd-start")
        ada = await open_page("about:blank")
        await ada.add_init_script(SIX_TIMES_AS_FAST)
        await ada.goto(behind(run.live.entry_link("ada"), proxy.port))
        await ada.click("#cd-start")
        for page in (ada, ben):
            await expect(page.locator("#ch-text")).to_be_visible()
        await say(ben, "Hello")
        await expect(ada.locator(".ch-log")).to_contain_text("Hello")
        proxy.mute()
        await say(ben, "Are you there?")
        await say(ada, "Yes, I am")
        await expect(ada.locator(".ch-log")).to_contain_text("Are you there?")
        await expect(ben.locator(".ch-log")).to_contain_text("Yes, I am")
        await say(ada, "All of it?")
        await expect(ben.locator(".ch-log")).to_contain_text("All of it?")
        lines = [await page.locator(".ch-line[data-who=other]").count() for page in (ada, ben)]
        assert lines == [2, 2]
        assert run.rows("SELECT count(*) FROM live_updates WHERE direction = 'in'") == [(4,)]
        assert run.rows(AGENTS) == [("in task", 2)]


async def say(page: Page, text: str) -> None:
    """Say something in a conversation."""
    await page.fill("#ch-text", text)
    await page.keyboard.press("Enter")


async def test_back_and_reload_in_the_introduction(launch: Launch, open_page: OpenPage) -> None:
    run = await launch("gated")
    page = await open_page(run.live.entry_link("mira.k"))
    await page.click("#cd-start")
    await page.wait_for_selector("text=Before you begin")
    await page.check("text=It is wrong")
    await page.reload()
    await page.wait_for_selector("text=Your answers from before are here again")
    assert await page.locator("input[value=wrong]").is_checked()
    await page.go_back()
    await page.click("#cd-start")
    await page.wait_for_selector("text=Before you begin")
    assert run.rows("SELECT count(*) FROM onboarding_agents") == [(1,)]
    await page.check("text=It is wrong")
    await page.route("**/submit_onboarding", lambda route: route.abort())
    await page.get_by_role("button", name="Submit").click()
    await expect(page.locator(".cd-banner").first).to_contain_text("Your answers are not sent yet")
    await page.unroute("**/submit_onboarding")
    page.on("dialog", lambda dialog: dialog.accept())  # "leave this page?"
    await page.reload()  # it is sent by itself
    await page.wait_for_selector("text=/Receipt \\d/")
    assert run.rows("SELECT status FROM onboarding_agents") == [("approved",)]
    assert run.rows(AGENTS) == [("in task", 1)]
    await page.reload()
    await page.wait_for_selector("text=/Receipt \\d/")
    assert run.rows(AGENTS) == [("in task", 1)]


async def test_while_the_requesters_program_is_away_the_page_says_so_and_its_work_is_taken(
    launch: Launch, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await launch("image_label", "mephisto.architect.isolated=true")
    page = await open_page("about:blank")
    await page.add_init_script(SIX_TIMES_AS_FAST)
    await page.goto(run.live.entry_link("mira.k"))
    await begin(page)
    await choose(page)
    line = run.live.engine.channels._channels[run.live.channels[0][0]]
    with monkeypatch.context() as patch:
        patch.setattr("app.architects.channel.connect", _no_way)
        line._socket.transport.abort()  # type: ignore[attr-defined] # the network between them is gone
        await until(lambda: not line.is_alive())
        await expect(page.locator(".cd-banner").first).to_contain_text("The requester's program is away")
        await page.keyboard.press("Enter")
        await receipt(page)
        assert run.rows(AGENTS) == [("in task", 1)]
        other = await page.context.new_page()
        await other.goto(page.url.replace("id=", "id=second"))
        await expect(other.locator(".cd-banner").first).to_contain_text("The requester's program is away")
    await until(lambda: run.rows(AGENTS)[0] == ("completed", 1))
    await other.wait_for_selector(".il-stage[aria-busy=false]")
    assert run.rows(AGENTS) == [("completed", 1), ("in task", 1)]
    assert run.rows("SELECT count(*) FROM agent_data WHERE outputs IS NOT NULL AND outputs != 'null'") == [(1,)]


def _no_way(*_: Any, **__: Any) -> Any:
    raise OSError("there is no way to the router")
