"""The client of every worker page: entry, draft, lost network, one submission, receipt, states."""

from __future__ import annotations

import hashlib

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import OpenPage, Serve, begin, receipt

pytestmark = pytest.mark.browser


async def test_from_link_to_receipt_with_the_keyboard_alone(serve: Serve, open_page: OpenPage) -> None:
    desktop = await serve("mock")
    page = await open_page(desktop.link("mira.k"))
    await page.wait_for_selector("#cd-start")
    await _tab_to(page, "cd-start")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("#cd-answer")
    await page.keyboard.type("nothing at all")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    shown = await receipt(page)
    ((token, given),) = desktop.submissions.items()
    assert given[0]["final_data"] == {"answer": "nothing at all"}
    assert hashlib.sha256(token.encode()).hexdigest()[:10].upper() == shown
    await expect(page.locator("text=Take another")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.wait_for_selector("#cd-answer")
    assert len(desktop.work) == 2


@pytest.mark.parametrize(("provider_type", "parameter"), [("inhouse", "id"), ("mock", "assignment_id")])
async def test_the_page_of_a_bundle_knows_its_worker_before_the_bundle_loads(
    serve: Serve, open_page: OpenPage, provider_type: str, parameter: str
) -> None:
    desktop = await serve("mock", provider_type=provider_type)
    page = await open_page(f"{desktop.url}/wrap_crowd_source.js?worker_id=mira.k&{parameter}=a7")
    script = await page.inner_text("body")
    await page.evaluate(script)
    seen = await page.evaluate("""() => {
      const heard = [];
      _MEPHISTO_CONFIG_.EVENT_EMITTER.on("X", (value) => heard.push(value));
      _MEPHISTO_CONFIG_.set("X", 3);
      return [_MEPHISTO_CONFIG_.get("X"), heard, _MEPHISTO_CONFIG_.get("AUTO_SUBMIT_ERRORS")];
    }""")
    assert seen == [3, [3], False]
    registration = await page.evaluate(f"(() => {{ {script}\n return getAgentRegistration(); }})()")
    assert registration == {
        "worker_name": "mira.k", "agent_registration_id": "a7-mira.k", "assignment_id": "a7",
        "provider_type": provider_type,
    }  # fmt: skip


async def test_looking_at_pages_takes_no_unit(serve: Serve, open_page: OpenPage) -> None:
    desktop = await serve("mock")
    page = await open_page(desktop.link("mira.k"))
    await page.wait_for_selector("#cd-start")
    for path in ("/", "/task", "/preview"):
        await page.goto(desktop.url + path)
        await page.wait_for_selector("text=This is a preview")
    assert desktop.work == {}


async def test_a_draft_survives_a_reload_and_the_unit_stays_the_same(serve: Serve, open_page: OpenPage) -> None:
    desktop = await serve("mock")
    page = await open_page(desktop.link("mira.k"))
    await begin(page)
    await page.fill("#cd-answer", "half a thought")
    await page.reload()
    await expect(page.locator("#cd-answer")).to_have_value("half a thought")
    await page.go_back()
    await page.wait_for_selector("text=Go on with your unit")
    await begin(page)
    await expect(page.locator("#cd-answer")).to_have_value("half a thought")
    assert len(desktop.work) == 1


async def test_a_lost_network_during_submit_ends_in_one_submission(serve: Serve, open_page: OpenPage) -> None:
    desktop = await serve("mock")
    page = await open_page(desktop.link("mira.k"))
    await begin(page)
    await page.fill("#cd-answer", "sent twice at most")
    await page.context.set_offline(True)
    await page.click("text=Submit")
    await page.wait_for_selector("text=Your answers are not sent yet.")
    assert await page.locator("#cd-answer").get_attribute("readonly") is not None
    assert desktop.all_submissions() == []
    await page.context.set_offline(False)
    await receipt(page)
    assert len(desktop.all_submissions()) == 1


async def test_a_lost_answer_is_asked_for_again(serve: Serve, open_page: OpenPage) -> None:
    desktop = await serve("mock", answer_seconds=0.3)
    page = await open_page(desktop.link("mira.k"))
    await begin(page)
    await page.fill("#cd-answer", "x")
    desktop.is_away = True
    await page.click("text=Submit")
    await page.wait_for_selector("text=The requester's program is away at the moment.")
    desktop.is_away = False
    await page.click("text=Try now")
    await receipt(page)
    assert len(desktop.all_submissions()) == 1


async def test_a_page_closed_while_sending_goes_on_when_it_is_opened_again(serve: Serve, open_page: OpenPage) -> None:
    desktop = await serve("mock", answer_seconds=0.3)
    page = await open_page(desktop.link("mira.k"))
    await begin(page)
    await page.fill("#cd-answer", "interrupted")
    desktop.is_away = True
    await page.click("text=Submit")
    await page.wait_for_selector("text=Your answers are not sent yet.")
    desktop.is_away = False
    await page.reload()
    await receipt(page)
    (given,) = desktop.all_submissions()
    assert given["final_data"] == {"answer": "interrupted"}


async def test_a_server_that_comes_back_is_found_again(serve: Serve, open_page: OpenPage) -> None:
    desktop = await serve("mock")
    page = await open_page(desktop.link("mira.k"))
    await begin(page)
    await page.fill("#cd-answer", "still here")
    port = await desktop.drop_server()
    await page.wait_for_selector("text=The connection is lost.")
    await desktop.serve_again(port)
    await page.wait_for_selector(".cd-banner", state="hidden")
    await page.click("text=Submit")
    await receipt(page)
    assert len(desktop.all_submissions()) == 1


async def test_a_refused_submission_can_be_mended(serve: Serve, open_page: OpenPage) -> None:
    desktop = await serve("mock")
    desktop.failures.append("Please write more.")
    page = await open_page(desktop.link("mira.k"))
    await begin(page)
    await page.fill("#cd-answer", "no")
    await page.click("text=Submit")
    await expect(page.locator(".cd-foot-status")).to_have_text("Please write more.")
    await page.fill("#cd-answer", "no, and for a reason")
    await page.click("text=Submit")
    await receipt(page)
    (given,) = desktop.all_submissions()
    assert given["final_data"]["answer"] == "no, and for a reason"


async def test_a_receipt_is_shown_again_after_a_reload(serve: Serve, open_page: OpenPage) -> None:
    desktop = await serve("mock")
    page = await open_page(desktop.link("mira.k"))
    await begin(page)
    await page.click("text=Submit")
    shown = await receipt(page)
    await page.reload()
    assert await receipt(page) == shown
    assert len(desktop.work) == 1


@pytest.mark.parametrize(
    ("code", "reason"),
    [("blocked", "You cannot take part in this task."), ("paused", "The task is paused. Come back later.")],
)
async def test_a_refusal_is_shown_in_its_own_words(serve: Serve, open_page: OpenPage, code: str, reason: str) -> None:
    desktop = await serve("mock")
    desktop.refusal = (code, reason)
    page = await open_page(desktop.link("mira.k"))
    await page.click("#cd-start")
    await page.wait_for_selector(f"text={reason}")
    desktop.refusal = None
    await page.get_by_role("button", name="Try again").click()
    await page.wait_for_selector("#cd-answer")


async def test_a_page_that_may_get_a_unit_later_asks_again_by_itself(serve: Serve, open_page: OpenPage) -> None:
    desktop = await serve("mock")
    desktop.refusal = ("all_taken", "All units are being worked on.")
    page = await open_page(desktop.link("mira.k"))
    await page.clock.install()
    await page.click("#cd-start")
    await page.wait_for_selector("text=This page asks again in")
    desktop.refusal = None
    await page.clock.run_for(25_000)
    await page.wait_for_selector("#cd-answer")


async def test_a_name_that_somebody_else_has_can_be_changed(serve: Serve, open_page: OpenPage) -> None:
    taken = "Somebody else takes part under this name."
    desktop = await serve("mock", state={"refusal_code": "name_taken", "refusal": taken, "can_take": False})
    page = await open_page(desktop.link(None))
    await page.fill("#cd-name", "Mira")
    await page.click("text=Go on")
    await expect(page.locator("#cd-name-fault")).to_have_text(taken)
    desktop.state = {}
    await page.fill("#cd-name", "Mira K")
    await page.click("text=Go on")
    await page.wait_for_selector("text=Welcome, Mira K")


async def test_time_left_is_shown_when_it_is_short(serve: Serve, open_page: OpenPage) -> None:
    desktop = await serve("mock")
    desktop.details = {"seconds_left": 130.0}
    page = await open_page(desktop.link("mira.k"))
    await begin(page)
    await expect(page.locator("header .cd-pill")).to_contain_text("2:0")
    desktop.details = {"seconds_left": 3000.0}
    await page.reload()
    await page.wait_for_selector("#cd-answer")
    await expect(page.locator("header .cd-pill")).to_be_hidden()


async def test_a_unit_can_be_given_back(serve: Serve, open_page: OpenPage) -> None:
    desktop = await serve("mock")
    page = await open_page(desktop.link("mira.k"))
    await begin(page)
    await page.click("text=Give back")
    await page.keyboard.press("Escape")
    assert desktop.returned == []
    await page.click("text=Give back")
    await page.click("text=Give it back")
    await page.wait_for_selector("text=You gave this unit back")
    assert len(desktop.returned) == 1


@pytest.mark.parametrize(
    ("status", "words"),
    [("expired", "The task has ended"), ("timeout", "The time is over"), ("waiting", "Waiting for the others")],
)
async def test_a_status_from_the_desktop_changes_the_page(
    serve: Serve, open_page: OpenPage, status: str, words: str
) -> None:
    desktop = await serve("mock")
    page = await open_page(desktop.link("mira.k"))
    await begin(page)
    await page.wait_for_selector(".cd-banner", state="hidden")
    (token,) = desktop.work
    await desktop.tell_status(token, status)
    await page.wait_for_selector(f"text={words}")
    if status == "waiting":
        await desktop.tell_status(token, "in task")
        await page.wait_for_selector("#cd-answer")


async def test_an_open_link_asks_for_a_name_once(serve: Serve, open_page: OpenPage) -> None:
    desktop = await serve("mock")
    page = await open_page(desktop.link(None))
    await page.wait_for_selector("text=Who are you?")
    await page.click("text=Go on")
    await page.wait_for_selector("text=Please type your name.")
    await page.keyboard.type("Jun Ito")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("text=Welcome, Jun Ito")
    await page.reload()
    await page.wait_for_selector("text=Welcome, Jun Ito")


async def test_without_a_link_the_page_says_how_to_come_in(serve: Serve, open_page: OpenPage) -> None:
    desktop = await serve("mock")
    page = await open_page(desktop.url + "/welcome")
    await page.wait_for_selector("text=Please come in through your link")


async def test_the_welcome_page_waits_for_a_desktop_that_is_away(serve: Serve, open_page: OpenPage) -> None:
    desktop = await serve("mock", answer_seconds=0.3)
    desktop.is_away = True
    page = await open_page(desktop.link("mira.k"))
    await page.wait_for_selector("text=The requester's program is away")
    desktop.is_away = False
    await page.click("text=Try now")
    await page.wait_for_selector("#cd-start")


async def test_the_welcome_page_shows_what_became_of_the_work(serve: Serve, open_page: OpenPage) -> None:
    work = [
        {"when": "2026-11-20T10:00:00Z", "status": "completed", "reason": None, "pay": "0.05", "bonus": None},
        {"when": "2026-11-20T09:00:00Z", "status": "approved", "reason": None, "pay": "0.05", "bonus": "0.50"},
        {"when": "2026-11-19T09:00:00Z", "status": "rejected", "reason": "Too fast.", "pay": "0.05", "bonus": None},
    ]
    state = {"submissions": work, "can_take": False, "refusal": "All the work is done."}
    desktop = await serve("mock", state=state)
    page = await open_page(desktop.link("mira.k"))
    rows = page.locator(".cd-work-list li")
    await expect(rows).to_have_count(3)
    assert "Waiting for review" in await rows.nth(0).inner_text()
    assert "€0.05 + €0.50 bonus" in await rows.nth(1).inner_text()
    assert "Too fast." in await rows.nth(2).inner_text()
    await expect(page.locator("#cd-start")).to_be_disabled()
    assert "All the work is done." in await page.inner_text("main")


async def test_an_error_of_the_page_reaches_the_desktop(serve: Serve, open_page: OpenPage) -> None:
    desktop = await serve("mock")
    page = await open_page(desktop.link("mira.k"))
    await begin(page)
    await page.evaluate("window.dispatchEvent(new ErrorEvent('error', {message: 'it broke'}))")
    await desktop.until(lambda: desktop.errors)
    assert desktop.errors[0]["error_data"]["message"] == "it broke"


async def test_the_mock_provider_stays_on_the_page(serve: Serve, open_page: OpenPage) -> None:
    desktop = await serve("mock", provider_type="mock")
    page = await open_page(f"{desktop.url}/task?worker_id=bot&assignment_id=7")
    await page.fill("#cd-answer", "beep")
    await page.click("text=Submit")
    await receipt(page)
    (work,) = desktop.work.values()
    assert work.worker_name == "bot"


async def test_the_clients_digest_is_sha_256(serve: Serve, open_page: OpenPage) -> None:
    desktop = await serve("mock")
    page = await open_page(desktop.url + "/preview")
    for text in ("", "abc", "a" * 55, "a" * 56, "a" * 64, "agent" * 50):
        digest = await page.evaluate("async (text) => (await import('/crowdesk/sha256.js')).sha256(text)", text)
        assert digest == hashlib.sha256(text.encode()).hexdigest()


async def _tab_to(page: Page, element_id: str) -> None:
    for _ in range(20):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.id") == element_id:
            return
    pytest.fail(f"#{element_id} is not reached with Tab")
