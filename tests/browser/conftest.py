"""A real Chromium, and real pages served by a real router, on the loop of the tests."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from app.args import check
from app.blueprints import registry
from app.blueprints.base import Blueprint
from app.data.store import Store
from app.operations.configuration.config import load_task_file
from app.operations.engine.live_run import LiveTaskRun
from app.operations.operator import Operator
from app.settings import Settings
from app.vault import FileVault
from tests.browser.built_bundles import BundlesCannotBeBuilt, build
from tests.fakes.scripted_desktop import ScriptedDesktop

CHROMIUM = "/usr/bin/chromium"
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

OpenPage = Callable[..., Awaitable[Page]]
Serve = Callable[..., Awaitable[ScriptedDesktop]]


def make_blueprint(name: str, base_dir: Path | None = None, **changes: Any) -> Blueprint:
    """The blueprint of an example, with some arguments changed."""
    file = EXAMPLES / name / "task.yaml"
    values = yaml.safe_load(file.read_text("utf-8"))["mephisto"]["blueprint"] | changes
    values = {key: value for key, value in values.items() if value is not None}
    kind = registry.get(name)
    args, problems = check(kind.ArgsClass, values)
    assert args is not None, problems
    kind.assert_task_args(args, base_dir or file.parent)
    return kind(args, base_dir or file.parent)


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Front ends on the packages mephisto-task and bootstrap-chat, built now, by name."""
    try:
        return build(tmp_path_factory.mktemp("bundles"))
    except BundlesCannotBeBuilt as error:
        pytest.fail(str(error))


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    if not Path(CHROMIUM).exists():
        found = shutil.which("chromium") or "nowhere"
        pytest.fail(f"There is no {CHROMIUM} (found: {found}). Install it: apt-get install chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, headless=True)
        yield browser
        await browser.close()


@pytest.fixture
async def open_page(browser: Browser) -> AsyncIterator[OpenPage]:
    """`await open_page(url, width=, height=, scheme=, touch=)`: a page of a fresh browser profile.

    The test fails when a page throws, or breaks its own content security policy; `faults_expected` where a page of
    somebody else throws because the test wants it to.
    """
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    def hear(kind: str, text: str) -> None:
        # what the network or a refusal says is expected where a test takes them away
        if kind == "error" and "Failed to load resource" not in text and "WebSocket connection" not in text:
            faults.append(text)

    async def open_it(
        url: str,
        *,
        width: int = 1280,
        height: int = 800,
        scheme: str = "light",
        touch: bool = False,
        faults_expected: bool = False,
    ) -> Page:
        context = await browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if scheme == "dark" else "light",
            has_touch=touch,
            locale="en-GB",
            service_workers="block",
        )
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = await context.new_page()
        if not faults_expected:
            page.on("pageerror", lambda error: faults.append(str(error)))
            page.on("console", lambda message: hear(message.type, message.text))
        await page.goto(url)
        return page

    yield open_it
    for context in contexts:
        await context.close()
    assert not faults


@pytest.fixture
async def serve(tmp_path: Path) -> AsyncIterator[Serve]:
    """`await serve("image_label", provider_type=..., **arguments)`: an example, served by a scripted desktop."""
    served: list[ScriptedDesktop] = []

    async def serve_it(name: str, *, base_dir: Path | None = None, **changes: Any) -> ScriptedDesktop:
        fields = ("provider_type", "answer_seconds", "title", "state", "onboarding")
        options = {key: changes.pop(key) for key in fields if key in changes}
        desktop = ScriptedDesktop(make_blueprint(name, base_dir, **changes), tmp_path / f"run{len(served)}", **options)
        await desktop.start()
        served.append(desktop)
        return desktop

    yield serve_it
    for desktop in served:
        await desktop.stop()


@dataclass(frozen=True)
class RealRun:
    """A run of an example, with all that is behind it."""

    store: Store
    operator: Operator
    live: LiveTaskRun

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What is committed, past all of our own code."""
        with closing(sqlite3.connect(self.store.url.removeprefix("sqlite:///"))) as connection:
            return connection.execute(sql).fetchall()


Launch = Callable[..., Awaitable[RealRun]]


async def committed(store: Store, table: str, sql: str) -> None:
    """Until a query has a row; it is asked whenever a row of the table was written."""
    written = asyncio.Event()
    subscription = store.feed.subscribe(lambda _changes: written.set(), [table])
    try:
        async with asyncio.timeout(20):
            while True:
                with closing(sqlite3.connect(store.url.removeprefix("sqlite:///"))) as connection:
                    if connection.execute(sql).fetchone():
                        return
                await written.wait()
                written.clear()
    finally:
        subscription.close()


async def launched(store: Store) -> None:
    """Until a worker who comes finds a unit: pages that come before are told to wait."""
    await committed(store, "units", "SELECT 1 FROM units WHERE status = 'launched'")


@pytest.fixture
async def launch(tmp_path: Path) -> AsyncIterator[Launch]:
    """`await launch("image_label", "mephisto.task.task_reward=1")`: an example, launched by the real program."""
    opened: list[tuple[Operator, Store]] = []

    async def launch_it(name: str | Path, *overrides: str) -> RealRun:
        folder = tmp_path / f"desk{len(opened)}"
        folder.mkdir()
        settings = Settings(folder, f"sqlite:///{folder / 'run.db'}")
        store = await Store.open(settings.database_url, locks_dir=settings.locks_dir)
        operator = Operator(store, settings, FileVault(folder / "vault.json"))
        opened.append((operator, store))
        await operator.start()
        file = name if isinstance(name, Path) else EXAMPLES / name / "task.yaml"
        live = await operator.launch(load_task_file(file, list(overrides)))
        await launched(store)
        return RealRun(store, operator, live)

    yield launch_it
    for operator, store in opened:
        await operator.close()
        await store.close()


async def begin(page: Page) -> None:
    """From the welcome page to the work."""
    await page.click("#cd-start")
    await page.wait_for_selector(".cd-foot:not([hidden])")


async def receipt(page: Page) -> str:
    """The reference number that the page shows once the work is acknowledged."""
    await page.wait_for_selector("text=Sent and saved")
    return await page.inner_text(".cd-code")
