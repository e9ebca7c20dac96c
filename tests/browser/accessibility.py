"""What axe-core has to say of a page, and whether it is wider than its window."""

from __future__ import annotations

from pathlib import Path

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]},
    "resultTypes": ["violations"],
}


async def check_page(page: Page, folder: Path, name: str) -> None:
    """Fail when the page breaks WCAG 2.1 A or AA as far as axe-core can tell, or is too wide; keep a picture of it."""
    results = await Axe().run(page, options=RULES)
    found = [
        f"{broken['id']}: {broken['help']} at {node['target']}: {node['failureSummary']}"
        for broken in results.response["violations"]
        for node in broken["nodes"]
    ]
    assert not found, f"{name}:\n" + "\n".join(found)
    overflow = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0, f"{name} is {overflow} px wider than the window"
    await page.screenshot(path=folder / f"{name}.png", full_page=True)
    assert (folder / f"{name}.png").stat().st_size > 2000
