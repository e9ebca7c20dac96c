"""A display of its own and a Chromium, for tests that drive the real program from outside."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from playwright.async_api import Browser, async_playwright

from tests.browser.conftest import CHROMIUM, FLAGS
from tests.e2e.real_desktop import VirtualDisplay


@pytest.fixture
def display() -> Iterator[VirtualDisplay]:
    """A virtual display, for this test alone."""
    display = VirtualDisplay()
    yield display
    display.stop()


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    """A headless Chromium, for this test alone."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, headless=True)
        yield browser
        await browser.close()
