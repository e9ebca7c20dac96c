"""Conversations in a real Chromium at a real run: two people, a model, a runner; and partners who leave."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.browser.accessibility import check_page
from tests.browser.conftest import EXAMPLES, Launch, OpenPage, RealRun, receipt

pytestmark = pytest.mark.browser

B = "mephisto.blueprint."
QUICK = ("mephisto.task.reconnect_grace_in_seconds=0",)


async def enter(open_page: OpenPage, run: RealRun, name: str, **options: object) -> Page:
    """From the entry link to the work, or to the waiting room."""
    page = await open_page(run.live.entry_link(name, 1), **options)
    await page.click("#cd-start")
    await page.wait_for_selector(".ch-work", state="attached")
    return page


async def pair(open_page: OpenPage, run: RealRun, *, first: str = "ada", second: str = "ben") -> tuple[Page, Page]:
    """Two people who are in a conversation."""
    one = await enter(open_page, run, first)
    await expect(one.locator(".cd-state")).to_contain_text("Waiting for the others")
    other = await enter(open_page, run, second)
    for page in (one, other):
        await expect(page.locator("#ch-text")).to_be_visible()
    return one, other


async def say(page: Page, text: str) -> None:
    await page.fill("#ch-text", text)
    await page.keyboard.press("Enter")


async def heard(page: Page, text: str) -> None:
    await expect(page.locator(".ch-log")).to_contain_text(text)


async def end(*pages: Page) -> None:
    for page in pages:
        await page.click(".ch-end")


async def test_two_people_talk_agree_to_end_and_hand_in(launch: Launch, open_page: OpenPage) -> None:
    run = await launch("chat")
    ada, ben = await pair(open_page, run)
    await expect(ada.locator(".ch-side")).to_contain_text("You are Ada. On Monday you are free at 10:00")
    await expect(ben.locator(".ch-side")).not_to_contain_text("You are Ada")
    assert "free_b" not in run.rows("SELECT inputs FROM agent_data WHERE agent_id = 1")[0][0]  # it is Ben's to know
    await say(ada, "Hello! Are you free at 14:00?")
    await heard(ben, "Hello! Are you free at 14:00?")
    await expect(ben.locator(".ch-line[data-who=other] .ch-who")).to_contain_text("Ada")
    await expect(ada.locator(".ch-line[data-who=me] .ch-who")).not_to_contain_text("sending")
    await say(ben, "Yes, that is fine.")
    await heard(ada, "Yes, that is fine.")
    await end(ada)
    await expect(ben.locator(".ch-turn").first).to_have_text("Ada would like to end")
    await end(ben)
    for page in (ada, ben):
        await page.fill("#ch-question-0", "14:00")
        await page.click("text=Send answers")
        await expect(page.locator(".cd-fault")).to_contain_text("Please answer: How was it to talk")
        await page.check(".ch-form >> text=pleasant >> nth=0")
        await page.click("text=Send answers")
    for page in (ada, ben):
        await page.wait_for_selector("text=The conversation is over.")
        await page.fill("#ch-comment", "Nice to meet you.")
        await page.click("text=Hand in")
        await receipt(page)
    outputs = [json.loads(row[0]) for row in run.rows("SELECT outputs FROM agent_data ORDER BY agent_id")]
    assert outputs[0]["comment"] == "Nice to meet you."
    assert [answer["response"] for answer in outputs[1]["answers"]] == ["14:00", "pleasant"]
    said = run.rows("SELECT direction, content FROM live_updates WHERE agent_id = 1 ORDER BY live_update_id")
    tokens = {json.loads(content).get("id") for _, content in said}
    assert tokens <= {"Ada", "Ben", "", None}  # a token is nobody else's to know


async def test_a_reload_keeps_all_that_was_said(launch: Launch, open_page: OpenPage) -> None:
    run = await launch("chat")
    ada, ben = await pair(open_page, run)
    await say(ada, "Good morning.")
    await heard(ben, "Good morning.")
    await say(ben, "Good morning to you.")
    await heard(ada, "Good morning to you.")
    await ada.fill("#ch-text", "I was about to say")
    await ada.wait_for_timeout(400)  # the draft is kept a moment after the last key
    await ada.reload()
    await expect(ada.locator("#ch-text")).to_have_value("I was about to say")
    lines = [
        (await line.get_attribute("data-who"), await line.inner_text()) for line in await ada.locator(".ch-line").all()
    ]
    assert [(who, text.splitlines()[-1]) for who, text in lines] == [
        ("me", "Good morning."),
        ("other", "Good morning to you."),
    ]
    await ada.keyboard.press("Tab")
    await say(ada, "Still here.")
    await heard(ben, "Still here.")


async def test_what_is_said_while_the_program_is_away_arrives_when_it_is_back(
    launch: Launch, open_page: OpenPage
) -> None:
    run = await launch("chat")
    ada, ben = await pair(open_page, run)
    await say(ben, "Before.")
    await heard(ada, "Before.")
    run_id = run.live.run_id
    await run.operator.close()
    await say(ada, "Can you hear me?")
    await expect(ada.locator(".ch-line[data-who=me] .ch-who")).to_contain_text("sending")
    await run.operator.resume(run_id)
    await expect(ben.locator(".ch-log")).to_contain_text("Can you hear me?", timeout=40_000)
    await expect(ada.locator(".ch-line[data-who=me] .ch-who")).not_to_contain_text("sending")
    await say(ben, "I can.")
    await heard(ada, "I can.")
    assert [await page.locator(".ch-line").count() for page in (ada, ben)] == [3, 3]


async def test_a_person_and_a_model_take_turns(launch: Launch, open_page: OpenPage) -> None:
    run = await launch(EXAMPLES / "chat" / "with_model.yaml")
    ada = await enter(open_page, run, "ada", width=390, height=800)
    await expect(ada.locator(".ch-people")).to_contain_text("Ben (a program)")
    await expect(ada.locator(".ch-turn").first).to_have_text("It is your turn")
    await say(ada, "Are you free at 3:00?")
    await heard(ada, "I am not free at 3:00. Could you do")
    await say(ada, "Then 14:00.")
    await heard(ada, "14:00 suits me well")
    assert await ada.evaluate("document.documentElement.scrollWidth") <= 390
    await end(ada)
    await ada.check(".ch-form >> text=always")
    await ada.click("text=Send answers")
    await ada.click("text=Hand in")
    await receipt(ada)


async def test_a_runner_of_the_requester_leads_two_people(launch: Launch, open_page: OpenPage) -> None:
    run = await launch(EXAMPLES / "chat" / "with_runner.yaml")
    one, two = await pair(open_page, run)
    for teller, guesser in ((one, two), (two, one)):
        await expect(teller.locator(".ch-log")).to_contain_text("Write three things")
        await say(teller, "I was born here. I can fly. I like tea.")
        await heard(guesser, "I can fly")
        await guesser.check(".ch-form >> text=the second")
        await guesser.click("text=Send answers")
        await heard(teller, "thinks that the second is wrong")
        await teller.check(".ch-form >> text=yes")
        await teller.click("text=Send answers")
        await heard(guesser, "has found it")
        await heard(teller, "has found it")
    for page in (one, two):
        await page.click("text=Hand in")
        await receipt(page)


async def test_a_runner_that_fails_ends_its_own_conversation_and_is_told_with_its_line(
    launch: Launch, open_page: OpenPage, tmp_path: Path
) -> None:
    code = tmp_path / "broken.py"
    code.write_text(
        "class Runner:\n    async def run_assignment(self, agents):\n"
        "        said = await agents[0].get_live_update()\n        raise ValueError(said['text'])\n",
        "utf-8",
    )
    run = await launch(EXAMPLES / "chat" / "with_runner.yaml", f"{B}task_code={code}", f"{B}turn_taking=free")
    one, two = await pair(open_page, run)
    three, four = await pair(open_page, run, first="cleo", second="dan")
    await say(one, "nonsense")
    for page in (one, two):
        await expect(page.locator(".cd-state")).to_contain_text("That was no fault of yours. You are paid 0.60 EUR")
    for page in (three, four):
        await expect(page.locator("#ch-text")).to_be_visible()
    await run.operator.close()
    (message,) = [row[0] for row in run.rows("SELECT message FROM events WHERE kind = 'assignment.failed'")]
    assert "broken.py, line 4, in run_assignment: ValueError: nonsense" in message


async def test_a_partner_who_leaves_ends_it_for_both(launch: Launch, open_page: OpenPage) -> None:
    run = await launch("chat", f"{B}partner_policy=end", *QUICK)
    ada, ben = await pair(open_page, run)
    await ben.close()
    await expect(ada.locator(".cd-state")).to_contain_text("Your partner has left")
    assert run.rows("SELECT count(*) FROM payments") == [(0,)]


async def test_a_partner_who_stays_is_paid(launch: Launch, open_page: OpenPage) -> None:
    run = await launch("chat", f"{B}partner_policy=pay", *QUICK)
    ada, ben = await pair(open_page, run)
    await ben.click("text=Give back")
    await ben.click("text=Give it back")
    await expect(ada.locator(".cd-state")).to_contain_text("You are paid 0.30 EUR for it.")
    assert run.rows("SELECT kind, state, worker_id FROM payments") == [("compensation", "settled", 1)]


async def test_a_partner_who_lost_the_connection_is_waited_for(launch: Launch, open_page: OpenPage) -> None:
    run = await launch("chat", f"{B}partner_policy=wait", f"{B}partner_wait_in_seconds=30", *QUICK)
    ada, ben = await pair(open_page, run)
    await say(ben, "I am on a train.")
    await heard(ada, "I am on a train.")
    url = ben.url
    await ben.goto("about:blank")
    await expect(ada.locator(".ch-bar")).to_contain_text("Ben lost the connection: 0:2")
    await ben.goto(url)
    await heard(ben, "I am on a train.")
    await expect(ada.locator(".ch-bar")).not_to_contain_text("lost the connection")
    await say(ada, "There you are.")
    await heard(ben, "There you are.")


async def test_a_partner_who_does_not_come_back_is_waited_for_in_vain(launch: Launch, open_page: OpenPage) -> None:
    run = await launch("chat", f"{B}partner_policy=wait", f"{B}partner_wait_in_seconds=2", *QUICK)
    ada, ben = await pair(open_page, run)
    await ben.close()
    await expect(ada.locator(".ch-bar")).to_contain_text("Ben lost the connection")
    await expect(ada.locator(".cd-state")).to_contain_text("You are paid 0.30 EUR for it.")


async def test_somebody_from_the_waiting_room_takes_the_seat(launch: Launch, open_page: OpenPage) -> None:
    run = await launch("chat", f"{B}partner_policy=replace", *QUICK)
    ada, ben = await pair(open_page, run)
    await say(ben, "I may have to go.")
    await heard(ada, "I may have to go.")
    cleo = await enter(open_page, run, "cleo")
    await expect(cleo.locator(".cd-state")).to_contain_text(
        "You are number 1 of 1 waiting. For your group one more person"
    )
    await ben.close()
    await heard(ada, "Somebody else is Ben from now on.")
    await heard(cleo, "I may have to go.")
    await expect(cleo.locator(".ch-line .ch-who").first).to_contain_text("Ben (before you)")
    await expect(cleo.locator(".ch-side")).to_contain_text("You are Ben. On Monday you are free at")
    await say(cleo, "Hello, I am new here.")
    await heard(ada, "Hello, I am new here.")
    await say(ada, "Welcome!")
    await heard(cleo, "Welcome!")
    held = run.rows("SELECT worker_id, unit_id, status FROM agents ORDER BY agent_id")
    assert held == [(1, 1, "in task"), (2, 2, "disconnect"), (3, 2, "in task")]
    assert run.rows("SELECT status FROM units ORDER BY unit_id LIMIT 4") == [
        ("assigned",),
        ("assigned",),
        ("launched",),
        ("launched",),
    ]


async def test_a_model_takes_the_seat(launch: Launch, open_page: OpenPage) -> None:
    model = (f"{B}partner_policy=model", f"{B}model=scripted", f'{B}model_lines=["How about two?"]')
    run = await launch("chat", *model, *QUICK)
    ada, ben = await pair(open_page, run)
    await say(ada, "When?")
    await heard(ben, "When?")
    await ben.close()
    await heard(ada, "Ben has left. A program answers in their place from now on.")
    await heard(ada, "How about two?")
    await end(ada)
    await ada.wait_for_selector(".ch-form")
    assert run.rows("SELECT status FROM units ORDER BY unit_id LIMIT 2") == [("assigned",), ("expired",)]


async def test_the_requester_speaks_in(launch: Launch, open_page: OpenPage) -> None:
    run = await launch("chat")
    ada, ben = await pair(open_page, run)
    await run.live.speak_in(1, "Please come to an end.")
    for page in (ada, ben):
        await expect(page.locator(".ch-line[data-who=requester]")).to_contain_text("Please come to an end.")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_page_is_accessible_from_the_waiting_room_to_the_end(
    launch: Launch, open_page: OpenPage, tmp_path: Path, scheme: str
) -> None:
    run = await launch("chat")
    ada = await enter(open_page, run, "ada", scheme=scheme)
    await expect(ada.locator(".cd-state")).to_contain_text("You are number 1 of 1 waiting.")
    await check_page(ada, tmp_path, "waiting")
    ben = await enter(open_page, run, "ben", scheme=scheme, width=360, height=740)
    await expect(ada.locator("#ch-text")).to_be_visible()
    await say(ada, "Hello")
    await say(ben, "Hello to you")
    await heard(ada, "Hello to you")
    for page, name in ((ada, "desktop"), (ben, "phone")):
        await check_page(page, tmp_path, f"talk-{name}")
        assert await page.locator(".ch-log").get_attribute("role") == "log"
        assert not await page.is_checked("#ch-sound")  # no sound that was not asked for
    await end(ada, ben)
    for page, name in ((ada, "desktop"), (ben, "phone")):
        await page.wait_for_selector(".ch-form")
        await check_page(page, tmp_path, f"form-{name}")
        await page.fill("#ch-question-0", "14:00")
        await page.check(".ch-form >> text=neither")
        await page.click("text=Send answers")
    for page, name in ((ada, "desktop"), (ben, "phone")):
        await page.wait_for_selector("text=The conversation is over.")
        await check_page(page, tmp_path, f"over-{name}")


async def test_a_conversation_is_held_with_the_keyboard_alone(launch: Launch, open_page: OpenPage) -> None:
    run = await launch(EXAMPLES / "chat" / "with_model.yaml")
    page = await open_page(run.live.entry_link("ada", 1))
    await page.focus("#cd-start")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("#ch-text:visible")
    for _ in range(12):
        if await page.evaluate("document.activeElement.id") == "ch-text":
            break
        await page.keyboard.press("Tab")
    for text in ("When are you free?", "At 14:00?"):
        await page.keyboard.type(text)
        await page.keyboard.press("Enter")
        await heard(page, text)
        await expect(page.locator(".ch-turn").first).to_have_text("It is your turn")
    await page.keyboard.press("Tab")  # to the button that sends
    await page.keyboard.press("Tab")
    await page.keyboard.press("Space")
    await page.wait_for_selector(".ch-form")
    for _ in range(12):
        if await page.evaluate("document.activeElement.type") == "radio":
            break
        await page.keyboard.press("Tab")
    await page.keyboard.press("Space")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("text=The conversation is over.")
    for _ in range(12):
        if await page.evaluate("document.activeElement.textContent") == "Hand in":
            break
        await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await receipt(page)
