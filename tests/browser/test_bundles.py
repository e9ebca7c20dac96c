"""A bundle on mephisto-task 2.0.4, as it comes from the registry, at a real run: nothing in it was changed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.async_api import Page, Route

from app.data.repo import people
from app.data.states import AgentStatus
from app.data.store import Store
from app.operations.configuration.config import load_task_file
from app.operations.engine.live_run import LiveTaskRun
from app.operations.operator import Operator
from app.settings import Settings
from app.vault import FileVault
from tests.browser.built_bundles import SOURCES, BundlesCannotBeBuilt, build
from tests.browser.conftest import OpenPage, committed, launched

pytestmark = pytest.mark.browser

ROWS = [{"text": "Boils fast and packs small.", "truth": "good"}, {"text": "It broke after a week.", "truth": "bad"}]
Launch = Callable[..., Awaitable[LiveTaskRun]]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    settings = Settings(tmp_path, f"sqlite:///{tmp_path / 'run.db'}")
    store = await Store.open(settings.database_url, locks_dir=settings.locks_dir)
    yield store
    await store.close()


@pytest.fixture
async def launch(store: Store, tmp_path: Path, bundles: dict[str, Path]) -> AsyncIterator[Launch]:
    """`await launch(**blueprint arguments)`: a run of the bundle, with a task file in Mephisto's own words."""
    operator = Operator(store, Settings(tmp_path, store.url), FileVault(tmp_path / "vault.json"))
    await operator.start()

    async def launch_it(provider: str = "inhouse", isolated: bool = False, **changes: Any) -> LiveTaskRun:
        blueprint = {
            "_blueprint_type": "static_react_task",
            "task_source": str(bundles["review"]),
            "link_task_source": False,
            "static_task_data": ROWS,
            "units_per_assignment": 1,
            "task_config": {"scale": "two words"},
        }
        task = {
            "task_name": "bundle",
            "task_title": "Rate a review",
            "task_description": "Read and rate.",
            "task_reward": 0.1,
        }
        tree = {"blueprint": blueprint | changes, "task": task, "provider": {"_provider_type": provider}}
        tree["architect"] = {"_architect_type": "local", "isolated": isolated}
        file = tmp_path / "task.yaml"
        file.write_text(yaml.safe_dump({"mephisto": tree}), "utf-8")
        run = await operator.launch(load_task_file(file, []))
        await launched(store)
        return run

    yield launch_it
    await operator.close()


def rows(store: Store, sql: str) -> list[tuple[Any, ...]]:
    """What is committed, past all of our own code."""
    connection = sqlite3.connect(store.url.removeprefix("sqlite:///"))
    found = connection.execute(sql).fetchall()
    connection.close()
    return found


def answers(store: Store) -> list[Any]:
    return [json.loads(text) for (text,) in rows(store, "SELECT outputs FROM agent_data WHERE outputs IS NOT NULL")]


async def begin(page: Page) -> None:
    await page.click("#cd-start")
    await page.wait_for_selector("#text")


async def test_the_preview_asks_for_no_unit(launch: Launch, store: Store, open_page: OpenPage) -> None:
    run = await launch()
    page = await open_page(f"{run.url}/preview")
    await page.wait_for_selector("#preview")
    assert rows(store, "SELECT * FROM agents") == []


async def test_from_the_entry_link_to_what_became_of_it(launch: Launch, store: Store, open_page: OpenPage) -> None:
    run = await launch()
    page = await open_page(run.entry_link("mira.k", 1))
    await begin(page)
    assert await page.inner_text("#text") == ROWS[0]["text"]
    assert (await page.inner_text("#worker"), await page.inner_text("#config")) == ("mira.k", "two words")
    await page.click("#good")
    await page.wait_for_selector("text=Waiting for review")  # the bundle told the provider, which shows the overview
    assert answers(store) == [{"rating": "good", "asked": ROWS[0]["text"], "nested": {"sure": True}}]
    assert rows(store, "SELECT status, answer FROM agents") == [
        ("completed", "good · Boils fast and packs small. · yes")
    ]
    await page.click("text=Take another")
    await page.wait_for_selector("#text")
    assert await page.inner_text("#text") == ROWS[1]["text"]


async def test_the_bundle_hears_nothing_of_mismatched_versions(launch: Launch, open_page: OpenPage) -> None:
    run = await launch()
    page = await open_page("about:blank")
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    await page.goto(run.entry_link("mira.k", 1))
    await begin(page)
    assert not [text for text in said if "ersion" in text or "Content Security Policy" in text]


async def test_a_reload_gives_the_same_unit_and_data(launch: Launch, store: Store, open_page: OpenPage) -> None:
    run = await launch()
    page = await open_page(run.entry_link("mira.k", 1))
    await begin(page)
    before = await page.inner_text("#agent")
    await page.reload()
    await page.wait_for_selector("#text")
    assert await page.inner_text("#agent") == before
    assert await page.inner_text("#text") == ROWS[0]["text"]
    assert rows(store, "SELECT count(*) FROM agents") == [(1,)]


async def test_metadata_comes_beside_the_answer(launch: Launch, store: Store, open_page: OpenPage) -> None:
    run = await launch()
    page = await open_page(run.entry_link("mira.k", 1))
    await begin(page)
    await page.click("#tip")
    await page.wait_for_selector("text=Submitted metadata")
    await page.click("#bad")
    await page.wait_for_selector("text=Waiting for review")
    ((text,),) = rows(store, "SELECT metadata FROM agent_data")
    said = json.loads(text)
    assert {"tips", "feedback"} <= set(json.dumps(said).replace('"', " ").split())


async def test_an_upload_comes_with_the_answer(
    launch: Launch, store: Store, open_page: OpenPage, tmp_path: Path
) -> None:
    run = await launch()
    picture = tmp_path / "a picture.png"
    picture.write_bytes(b"\x89PNG" + bytes(range(256)) * 40)
    page = await open_page(run.entry_link("mira.k", 1))
    await begin(page)
    await page.set_input_files("#file", str(picture))
    await page.click("#upload")
    await page.wait_for_selector("text=Waiting for review")
    ((outputs, files),) = rows(store, "SELECT outputs, files FROM agent_data")
    assert json.loads(outputs)["rating"] == "good"  # from final_string_data: final_data is the text [object Object]
    (kept,) = json.loads(files)
    assert (kept["original_name"], kept["field"], kept["size"]) == ("a picture.png", "picture", 4 + 256 * 40)
    (found,) = [path for path in run.context.run_dir.rglob(kept["filename"]) if path.is_file()]
    assert found.read_bytes() == picture.read_bytes()


async def test_what_breaks_in_the_bundle_is_in_the_journal(launch: Launch, store: Store, open_page: OpenPage) -> None:
    run = await launch()
    page = await open_page(run.entry_link("mira.k", 1), faults_expected=True)
    await begin(page)
    async with page.expect_response(lambda answer: answer.url.endswith("/log_error")) as told:
        await page.click("#break")
    assert await (await told.value).json() == {"status": "Error log sent!"}
    await page.wait_for_selector("text=Oops! Something went wrong.")
    await committed(store, "events", "SELECT 1 FROM events WHERE message LIKE '%mira.k%The review broke%'")


@pytest.mark.parametrize(("said", "passed"), [("positive", True), ("negative", False)])
async def test_the_onboarding(said: str, passed: bool, launch: Launch, store: Store, open_page: OpenPage) -> None:
    run = await launch(
        onboarding_qualification="can-read",
        onboarding_data={"question": "How does 'I love it' sound?"},
        onboarding_truth={"sounds": "positive"},
    )
    page = await open_page(run.entry_link("mira.k", 1))
    await page.click("#cd-start")
    await page.wait_for_selector("#onboarding")
    assert await page.inner_text("#onboarding") == "How does 'I love it' sound?"
    await page.click(f"#onboarding-{said}")
    if passed:
        await page.wait_for_selector("#text")
        await page.click("#good")
        await page.wait_for_selector("text=Waiting for review")
    else:
        await page.wait_for_selector("#blocked")
        assert "did not pass the introduction" in await page.inner_text("#blocked")
        assert rows(store, "SELECT * FROM agents") == []
    ((state, data),) = rows(store, "SELECT status, data FROM onboarding_agents")
    assert state == (AgentStatus.APPROVED if passed else AgentStatus.REJECTED)
    assert json.loads(data)["outputs"] == {"sounds": said}
    worker = await store.read(people.find_worker, "mira.k", "inhouse")
    assert worker is not None
    ((value,),) = rows(store, "SELECT value FROM granted_qualifications")
    assert value == int(passed)


async def test_a_live_bundle_goes_from_its_introduction_to_its_unit(
    launch: Launch, store: Store, open_page: OpenPage, bundles: dict[str, Path]
) -> None:
    run = await launch(task_source=str(bundles["live"]), onboarding_qualification="says-yes")
    page = await open_page(run.entry_link("mira.k", 1))
    await page.click("#cd-start")
    await page.wait_for_selector("#what >> text=introduction")
    await page.wait_for_selector("#connection >> text=/^connected/")
    await page.wait_for_selector("#status >> text=onboarding")
    (newcomer,) = run.engine.onboarding.room
    assert newcomer.had_socket
    await page.click("#send")
    await page.wait_for_selector("#what >> text=unit")
    await page.wait_for_selector("#status >> text=in task")
    await page.wait_for_selector("#connection >> text=/^connected/")
    assert len(run.presence) == 1
    await page.click("#send")
    await page.wait_for_selector("text=Waiting for review")
    assert answers(store) == [{"word": "yes"}]


async def test_who_failed_is_told_at_the_door_when_they_come_again(launch: Launch, open_page: OpenPage) -> None:
    run = await launch(
        onboarding_qualification="can-read",
        onboarding_data={"question": "Which?"},
        onboarding_truth={"sounds": "positive"},
    )
    page = await open_page(run.entry_link("mira.k", 1))
    await page.click("#cd-start")
    await page.click("#onboarding-negative")
    await page.wait_for_selector("#blocked")
    await page.goto(run.entry_link("mira.k", 1))
    await page.wait_for_selector("#cd-start[disabled]")


async def test_a_refusal_is_shown_by_the_bundle_itself(launch: Launch, open_page: OpenPage) -> None:
    run = await launch()
    await run.pause()
    page = await open_page(run.entry_link("mira.k", 1))
    await page.goto(f"{run.url}/task?worker_id=mira.k&id=v1")
    await page.wait_for_selector("#blocked")
    assert "paused" in (await page.inner_text("#blocked")).lower()


async def test_the_mock_provider_keeps_the_page(launch: Launch, store: Store, open_page: OpenPage) -> None:
    run = await launch("mock")
    page = await open_page(f"{run.url}/?worker_id=w1&assignment_id=a1")
    await page.wait_for_selector("#text")
    async with page.expect_response(lambda answer: answer.url.endswith("/submit_task")) as sent:
        await page.click("#good")
    assert await (await sent.value).json() == {"status": "Submitted!"}
    assert len(answers(store)) == 1


async def test_a_router_in_a_process_of_its_own_serves_it_the_same(
    launch: Launch, store: Store, open_page: OpenPage, bundles: dict[str, Path], tmp_path: Path
) -> None:
    linked = tmp_path / "linked.js"
    linked.write_bytes(bundles["review"].read_bytes())
    run = await launch(isolated=True, task_source=str(linked), link_task_source=True)
    page = await open_page(run.entry_link("mira.k", 1))
    await begin(page)
    linked.write_bytes(linked.read_bytes() + b"\n/* built anew */\n")
    served = await page.evaluate("fetch('/bundle.js').then(answer => answer.text())")
    assert served.endswith("/* built anew */\n")
    await page.click("#bad")
    await page.wait_for_selector("text=Waiting for review")
    assert [answer["rating"] for answer in answers(store)] == ["bad"]


# what stands beside the bundle


async def test_answers_that_could_not_be_sent_are_sent_again(launch: Launch, store: Store, open_page: OpenPage) -> None:
    run = await launch()
    page = await open_page(run.entry_link("mira.k", 1), faults_expected=True)
    await begin(page)
    await page.route("**/submit_task", lambda route: route.abort())
    await page.click("#bad")
    notice = page.locator("#crowdesk-notice section")
    await notice.wait_for()
    assert "not sent yet" in await notice.inner_text()
    assert answers(store) == []
    await page.unroute("**/submit_task")
    await notice.locator("button").click()
    await page.wait_for_selector("text=Waiting for review")
    assert [answer["rating"] for answer in answers(store)] == ["bad"]


async def test_answers_that_could_not_be_sent_outlive_the_page(
    launch: Launch, store: Store, open_page: OpenPage
) -> None:
    run = await launch()
    page = await open_page(run.entry_link("mira.k", 1), faults_expected=True)
    page.on("dialog", lambda dialog: dialog.accept())  # "leave this page?"
    await begin(page)
    await page.route("**/submit_task", lambda route: route.abort())
    await page.click("#good")
    await page.locator("#crowdesk-notice section").wait_for()
    await page.unroute("**/submit_task")
    await page.reload()
    await page.locator("#crowdesk-notice section button").click()
    await page.wait_for_selector("text=Waiting for review")
    assert [answer["rating"] for answer in answers(store)] == ["good"]


async def test_a_page_that_finds_nobody_comes_again_by_itself(launch: Launch, open_page: OpenPage) -> None:
    run = await launch()
    page = await open_page(run.entry_link("mira.k", 1), faults_expected=True)
    left = 1

    async def away_once(route: Route) -> None:
        nonlocal left
        if left:
            left -= 1
            body = json.dumps({"error": "desktop_away", "detail": "The requester's program does not answer just now."})
            await route.fulfill(status=503, content_type="application/json", body=body)
        else:
            await route.continue_()

    await page.route("**/request_agent", away_once)
    await page.click("#cd-start")
    notice = page.locator("#crowdesk-notice section")
    await notice.wait_for()
    assert "does not answer just now" in await notice.inner_text()
    await page.wait_for_selector("#text")  # loaded again without a hand


async def test_who_has_to_wait_is_asked_for_again(launch: Launch, open_page: OpenPage) -> None:
    run = await launch()
    await run.pause()
    page = await open_page(run.entry_link("mira.k", 1))
    await page.goto(f"{run.url}/task?worker_id=mira.k&id=v1")
    notice = page.locator("#crowdesk-notice section")
    await notice.wait_for()
    assert "This page asks again in" in await notice.inner_text()
    await run.unpause()
    await notice.locator("button").click()
    await page.wait_for_selector("#text")


async def test_an_answer_that_is_not_taken_is_told(launch: Launch, store: Store, open_page: OpenPage) -> None:
    run = await launch()
    page = await open_page(run.entry_link("mira.k", 1), faults_expected=True)
    await begin(page)
    token = await page.inner_text("#agent")
    await page.evaluate(
        "token => fetch('/submit_task', {method: 'POST', headers: {'Content-Type': 'application/json'},"
        " body: JSON.stringify({USED_AGENT_ID: token, final_data: null})})",
        token,
    )
    notice = page.locator("#crowdesk-notice section[data-tone=bad]")
    await notice.wait_for()
    assert "sent no answer" in await notice.inner_text()
    await page.click("#good")  # the unit is still theirs
    await page.wait_for_selector("text=Waiting for review")


async def test_the_notice_is_read_aloud_and_fits_a_phone(launch: Launch, open_page: OpenPage) -> None:
    run = await launch()
    page = await open_page(run.entry_link("mira.k", 1), width=390, height=780, scheme="dark", faults_expected=True)
    await begin(page)
    await page.route("**/submit_task", lambda route: route.abort())
    await page.click("#good")
    notice = page.locator("#crowdesk-notice section")
    await notice.wait_for()
    box = await notice.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    await page.wait_for_function(
        "document.querySelector('#crowdesk-notice').shadowRoot.querySelector('[role=status]').textContent.length > 20"
    )
    spoken = await notice.locator("[role=status]").text_content()
    assert spoken is not None
    assert " in " not in spoken  # the running seconds are not told again and again
    await page.keyboard.press("Tab")
    for _ in range(8):
        if await page.evaluate("document.activeElement.id") == "crowdesk-notice":
            break
        await page.keyboard.press("Tab")
    await page.unroute("**/submit_task")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("text=Waiting for review")


def test_without_npm_it_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "bin" / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(BundlesCannotBeBuilt, match=r"There is no npm; .* sh setup\.sh test"):
        build(tmp_path / "made")


def test_the_lock_names_no_address_of_a_registry() -> None:
    lock = json.loads((SOURCES / "package-lock.json").read_text("utf-8"))
    packages = {name: each for name, each in lock["packages"].items() if name}
    assert len(packages) > 20
    assert not [name for name, each in packages.items() if "resolved" in each or "integrity" not in each]
