"""A bundle on bootstrap-chat 2.0.2, as it comes from the registry: two workers talk, unchanged."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.async_api import Page

from tests.browser.conftest import Launch, OpenPage, RealRun

pytestmark = pytest.mark.browser

RUNNER = """
from app.blueprints.task_runner import TaskRunner


class Interview(TaskRunner):
    async def run_assignment(self, agents):
        for number, agent in enumerate(agents, 1):
            await agent.observe({"task_data": {"agent_display_name": f"Speaker {number}"}})
        for turn in range(2):
            speaker, other = agents[turn % 2], agents[1 - turn % 2]
            await speaker.observe({"task_data": {"live_update_requested": True}})
            said = await speaker.get_live_update(timeout=60)
            await other.observe({"id": f"Speaker {turn % 2 + 1}", "text": said["text"].upper()})
        questions = [{"type": "choices", "question": "Was it good?", "choices": ["yes", "no"]}]
        await agents[0].observe({"task_data": {"live_update_requested": True, "respond_with_form": questions}})
        answer = await agents[0].get_live_update(timeout=60)
        words = answer["task_data"]["form_responses"][0]["response"]
        for agent in agents:
            await agent.observe({"id": "Moderator", "text": f"It was: {words}", "task_data": {"task_done": True}})
"""
SEE_SOCKETS = """
window.sockets = [];
window.WebSocket = class extends WebSocket {
  constructor(...given) {
    super(...given);
    window.sockets.push(this);
  }
};
"""
Talk = Callable[..., Awaitable[tuple[RealRun, Page, Page]]]


@pytest.fixture
def talk(launch: Launch, open_page: OpenPage, bundles: dict[str, Path], tmp_path: Path) -> Talk:
    """`await talk(**blueprint arguments)`: a conversation of two, each at their own browser."""

    async def begin(**changes: Any) -> tuple[RealRun, Page, Page]:
        blueprint = {
            "_blueprint_type": "chat",
            "task_source": str(bundles["talk"]),
            "style_source": str(bundles["talk"].with_suffix(".css")),
            "static_task_data": [{"topic": "A red boat"}],
            "roles": ["Describer", "Guesser"],
            "task_config": {"task_description": "Describe <b>what you see</b>.", "frame_height": 0},
        }
        task = {"task_name": "talk", "task_title": "Talk", "task_description": "Talk.", "task_reward": 0.5}
        file = tmp_path / "task.yaml"
        file.write_text(yaml.safe_dump({"mephisto": {"blueprint": blueprint | changes, "task": task}}), "utf-8")
        run = await launch(file)
        # loaded anew, a page plays its sound before anybody touched it: the browser forbids it, and the bundle throws
        first = await open_page(run.live.entry_link("ada", 1), faults_expected=True)
        await first.click("#cd-start")
        await first.wait_for_selector("text=Waiting to pair with a task...")
        second = await open_page(run.live.entry_link("ben", 1), faults_expected=True)
        await second.click("#cd-start")
        return run, first, second

    return begin


async def say(page: Page, text: str) -> None:
    """Write when the page may, and send."""
    await page.fill(".response-text-input:not([disabled])", text)
    await page.click("#id_send_msg_button")


async def lines(page: Page) -> list[tuple[str, str]]:
    """(what stands there, whether it is the worker's own)"""
    found = await page.locator(".line").evaluate_all(
        "all => all.map(one => [one.textContent.replace(/\\s+/g, ' ').trim(), one.dataset.self])"
    )
    return [(text, own) for text, own in found]


async def hear(page: Page, words: str) -> None:
    await page.wait_for_selector(f".line >> text={words}")


async def test_two_workers_talk_by_turns_and_hand_in(talk: Talk) -> None:
    run, ada, ben = await talk(turn_taking="turns", max_messages=3, end_by_agreement=False)
    await ada.wait_for_selector("text=connected")
    assert await ada.inner_text("#topic") == "A red boat"
    assert await ada.inner_text("#task-description b") == "what you see"
    await say(ada, "I see a boat")
    await hear(ben, "I see a boat")
    await say(ben, "Is it red?")
    await hear(ada, "Is it red?")
    await say(ada, "It is")
    await hear(ben, "It is")
    assert await lines(ada) == [
        ("Describer: I see a boat", "true"), ("Guesser: Is it red?", "false"), ("Describer: It is", "true"),
    ]  # fmt: skip
    assert await lines(ben) == [
        ("Describer: I see a boat", "false"), ("Guesser: Is it red?", "true"), ("Describer: It is", "false"),
    ]  # fmt: skip
    for page in (ada, ben):
        await page.click("#done-button")
        await page.wait_for_selector("text=Waiting for review")
    assert run.rows("SELECT status FROM units") == [("completed",), ("completed",)]
    said = [json.loads(text) for (text,) in run.rows("SELECT content FROM live_updates WHERE direction = 'in'")]
    assert [update["text"] for update in said if "text" in update] == ["I see a boat", "Is it red?", "It is"]


async def test_who_reloads_finds_the_conversation_and_goes_on(talk: Talk) -> None:
    run, ada, ben = await talk(turn_taking="turns", max_messages=3, end_by_agreement=False)
    await say(ada, "I see a boat")
    await hear(ben, "I see a boat")
    await say(ben, "Is it red?")
    await hear(ada, "Is it red?")
    await ada.reload()
    await hear(ada, "Is it red?")
    assert await lines(ada) == [("Describer: I see a boat", "true"), ("Guesser: Is it red?", "false")]
    await say(ada, "It is")
    await hear(ben, "It is")
    await ben.reload()
    await hear(ben, "It is")
    assert [text for text, _ in await lines(ben)] == [
        "Describer: I see a boat", "Guesser: Is it red?", "Describer: It is",
    ]  # fmt: skip
    await ben.click("#done-button")
    await ben.wait_for_selector("text=Waiting for review")
    assert run.rows("SELECT count(*) FROM agents") == [(2,)]


async def test_a_page_that_lost_its_socket_hears_what_was_said_meanwhile(talk: Talk) -> None:
    _, ada, ben = await talk(turn_taking="turns", max_messages=5, end_by_agreement=False)
    await ada.add_init_script(SEE_SOCKETS)
    await ada.reload()
    await say(ada, "One")
    await hear(ben, "One")
    await ada.evaluate("window.sockets.forEach(socket => socket.close())")
    await ada.wait_for_selector("text=disconnected")
    await say(ben, "Two")
    await hear(ada, "Two")  # the bundle connects again with its next heartbeat
    await ada.wait_for_selector("#connected-button >> text=/^connected/")
    assert [text for text, _ in await lines(ada)] == ["Describer: One", "Guesser: Two"]


async def test_a_partner_who_leaves_ends_it_with_the_bundles_own_words(talk: Talk) -> None:
    run, ada, ben = await talk(turn_taking="turns", max_messages=5, end_by_agreement=False)
    await say(ada, "Hello")
    await hear(ben, "Hello")
    await ben.evaluate(
        "token => fetch('/return_unit', {method: 'POST', headers: {'Content-Type': 'application/json'},"
        " body: JSON.stringify({USED_AGENT_ID: token})})",
        await token_of(ben),
    )
    await ada.wait_for_selector("text=One of your partners has disconnected")
    states = {state for (state,) in run.rows("SELECT status FROM agents")}
    assert states == {"returned", "partner disconnect"}


async def token_of(page: Page) -> str:
    """The id that the page has for its agent."""
    return str(
        await page.evaluate(
            "fetch('/request_agent', {method: 'POST', headers: {'Content-Type': 'application/json'},"
            " body: JSON.stringify({provider_data: getAgentRegistration()})})"
            ".then(answer => answer.json()).then(packet => packet.data.agent_id)"
        )
    )


async def test_a_logic_of_the_requester_leads_it_with_a_form(talk: Talk, tmp_path: Path) -> None:
    (tmp_path / "interview.py").write_text(RUNNER, "utf-8")
    run, ada, ben = await talk(task_code="interview.py", roles=[], units_per_assignment=2)
    await say(ada, "what do you do?")
    await hear(ben, "WHAT DO YOU DO?")
    await say(ben, "I paint")
    await hear(ada, "I PAINT")
    await ada.select_option("select", "yes")
    await ada.click("#id_send_msg_button:not([disabled])")
    for page in (ada, ben):
        await hear(page, "It was: yes")
        await page.click("#done-button")
        await page.wait_for_selector("text=Waiting for review")
    assert run.rows("SELECT status FROM units") == [("completed",), ("completed",)]
    tokens = [run.live.context.token_of(nonce) for (nonce,) in run.rows("SELECT nonce FROM agents")]
    said = [text for (text,) in run.rows("SELECT content FROM live_updates")]
    assert not [text for text in said if any(token in text for token in tokens)]  # nobody learns another's token
