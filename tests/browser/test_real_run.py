"""A real Chromium at a real run: store, operator, router and pages together."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.data.repo import assignments, blocks, people, status
from app.data.states import AgentStatus, UnitStatus
from app.data.store import Store
from app.operations.configuration.config import load_task_file
from app.operations.engine.live_run import LiveTaskRun
from app.operations.operator import Operator
from app.settings import Settings
from app.vault import FileVault
from tests.browser.conftest import EXAMPLES, OpenPage, begin, receipt

pytestmark = pytest.mark.browser


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    settings = Settings(tmp_path, f"sqlite:///{tmp_path / 'run.db'}")
    store = await Store.open(settings.database_url, locks_dir=settings.locks_dir)
    yield store
    await store.close()


@pytest.fixture
async def run(store: Store, tmp_path: Path) -> AsyncIterator[LiveTaskRun]:
    settings = Settings(tmp_path, store.url)
    operator = Operator(store, settings, FileVault(tmp_path / "vault.json"))
    await operator.start()
    yield await operator.launch(load_task_file(EXAMPLES / "image_label" / "task.yaml", []))
    await operator.close()


def agents(store: Store) -> list[tuple[str, str, int]]:
    """(token hash, status, unit) of every agent that is committed, past all of our own code."""
    connection = sqlite3.connect(store.url.removeprefix("sqlite:///"))
    found = connection.execute("SELECT token_hash, status, unit_id FROM agents ORDER BY agent_id").fetchall()
    connection.close()
    return found


async def test_what_a_worker_labels_is_in_the_database_when_the_receipt_is_shown(
    run: LiveTaskRun, store: Store, open_page: OpenPage
) -> None:
    page = await open_page(run.entry_link("mira.k", 1))
    await begin(page)
    await page.wait_for_selector(".il-stage[aria-busy=false]")
    await page.keyboard.press("2")
    await page.keyboard.press("Enter")
    shown = await receipt(page)
    ((token_hash, state, _),) = agents(store)
    assert (token_hash[:10].upper(), state) == (shown, AgentStatus.COMPLETED)
    await page.click("text=Go to the overview")
    await page.wait_for_selector("text=Waiting for review")


async def test_a_message_of_the_requester_stays_on_the_page_until_it_was_read(
    run: LiveTaskRun, store: Store, open_page: OpenPage
) -> None:
    page = await open_page(run.entry_link("mira.k", 1))
    await begin(page)
    await page.wait_for_selector(".il-stage[aria-busy=false]")
    ((agent_id,),) = await store.read(lambda session: list(session.execute(sa.text("SELECT agent_id FROM agents"))))
    await run.message_worker(agent_id, "Look at the <b>left</b> edge")
    await page.wait_for_selector("text=From the requester: Look at the <b>left</b> edge")
    await page.reload()
    await page.wait_for_selector("text=Look at the <b>left</b> edge")
    await page.click("text=I have read it")
    await page.reload()
    await page.wait_for_selector(".il-stage[aria-busy=false]")
    assert await page.query_selector(".cd-message") is None


async def test_a_decision_is_seen_on_the_welcome_page(run: LiveTaskRun, store: Store, open_page: OpenPage) -> None:
    page = await open_page(run.entry_link("mira.k", 1))
    await begin(page)
    await page.keyboard.press("c")
    await page.keyboard.press("Enter")
    await receipt(page)
    ((_, _, unit_id),) = agents(store)
    await store.write(status.review_units, [unit_id], AgentStatus.APPROVED, run.context.clock.now())
    await page.click("text=Go to the overview")
    await page.wait_for_selector("li >> text=Approved")


async def test_a_blocked_worker_is_told_so_at_the_door(run: LiveTaskRun, store: Store, open_page: OpenPage) -> None:
    page = await open_page(run.entry_link("p_haas", 1))
    await begin(page)
    await page.keyboard.press("1")
    await page.keyboard.press("Enter")
    await receipt(page)
    worker_id = await store.read(people.find_worker, "p_haas", "inhouse")
    assert worker_id is not None
    now = run.context.clock.now()
    await store.write(
        blocks.block_worker, worker_id, hard=True, task_id=None, reason="careless", author="", until=None, now=now
    )
    await page.click("text=Take another")
    await page.wait_for_selector("text=You can take no tasks of this requester.")
    await page.goto(run.entry_link("p_haas", 1))
    await page.wait_for_selector("text=You can take no tasks of this requester.")
    assert await page.locator("#cd-start").is_disabled()


async def test_two_workers_never_get_the_same_unit(run: LiveTaskRun, store: Store, open_page: OpenPage) -> None:
    for name in ("ada", "ben", "cleo"):
        page = await open_page(run.entry_link(name, 1))
        await begin(page)
        await page.keyboard.press("1")
        await page.keyboard.press("Enter")
        await receipt(page)
    units = [unit_id for _, _, unit_id in agents(store)]
    assert len(units) == len(set(units)) == 3
    assert (await store.read(assignments.unit_counts, run.run_id))[UnitStatus.COMPLETED] == 3
