"""The requester's own HTML page in our frame: data, scripts, files, drafts."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser.conftest import OpenPage, Serve, begin, receipt

pytestmark = pytest.mark.browser

HOSTILE = {
    "text": '<img src=x onerror="window.hacked=1"><script>window.hacked=2</script> \'q\' "d" & ${other}',
    "other": 'x" onfocus="window.hacked=3" autofocus y="',
    "link": "a b.png",
}

PAGE = """<!doctype html>
<html>
<head><title>not shown</title><style>.mine { color: rgb(1, 2, 3) }</style></head>
<body onload="document.body.dataset.loaded = 'yes'">
<p id="text">${text}</p>
<p class="mine">Shown as $${text}</p>
<input aria-label="First" name="first" value="${other}" required>
<a id="link" href=${link}>a link</a>
<label><input type="checkbox" name="many" value="a"> a</label>
<label><input type="checkbox" name="many" value="b"> b</label>
<button type="button" onclick="document.getElementById('text').dataset.clicked = this.textContent">Press</button>
<script>document.getElementById("text").dataset.script = `${crowdeskTask.data.link}`;</script>
<script src="own.js"></script>
</body></html>
"""


@pytest.fixture
def task_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "task"
    (folder / "extra").mkdir(parents=True)
    (folder / "task.html").write_text(PAGE, "utf-8")
    (folder / "extra" / "own.js").write_text("document.getElementById('text').dataset.own = 'yes';", "utf-8")
    with (folder / "rows.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, HOSTILE)
        writer.writeheader()
        writer.writerow(HOSTILE)
    return folder


async def test_the_form_is_sent_as_it_stands_with_its_file(serve: Serve, open_page: OpenPage, tmp_path: Path) -> None:
    desktop = await serve("static_html")
    page = await open_page(desktop.link("mira.k"))
    await begin(page)
    await page.wait_for_selector("text=A review of: Travel kettle")
    await page.click("text=Positive")
    await page.click("text=Quality")
    await page.click("text=Price")
    await page.select_option("#sure", "2")
    await page.fill("#words", "two words")
    await page.wait_for_selector("text=2 words")
    picture = tmp_path / "mein Bild ü.png"
    picture.write_bytes(b"\x89PNG not really" * 1000)
    await page.set_input_files("#shot", picture)
    await page.click("text=Submit")
    await receipt(page)
    (given,) = desktop.all_submissions()
    assert given["final_data"] == {"tone": "positive", "about": ["quality", "price"], "sure": "2", "words": "two words"}
    (file,) = given["files"]
    assert (file["field"], file["original_name"], file["size"]) == ("shot", picture.name, picture.stat().st_size)
    stored = tmp_path / "run0" / "uploads" / file["filename"]
    assert stored.read_bytes() == picture.read_bytes()


async def test_a_missing_answer_is_pointed_at(serve: Serve, open_page: OpenPage) -> None:
    desktop = await serve("static_html")
    page = await open_page(desktop.link("mira.k"))
    await begin(page)
    await page.click("text=Submit")
    await expect(page.locator(".cd-foot-status")).to_contain_text("How does the review sound: ")
    assert desktop.all_submissions() == []


async def test_answers_survive_a_reload(serve: Serve, open_page: OpenPage) -> None:
    desktop = await serve("static_html")
    page = await open_page(desktop.link("mira.k"))
    await begin(page)
    await page.click("text=Negative")
    await page.click("text=Delivery")
    await page.select_option("#sure", "1")
    await page.fill("#words", "late, cracked")
    await page.reload()
    await expect(page.locator("input[value=negative]")).to_be_checked()
    await expect(page.locator("input[value=delivery]")).to_be_checked()
    await expect(page.locator("input[value=quality]")).not_to_be_checked()
    await expect(page.locator("#sure")).to_have_value("1")
    await expect(page.locator("#words")).to_have_value("late, cracked")


async def test_a_file_has_to_be_chosen_again_after_a_reload_and_the_page_says_so(
    serve: Serve, open_page: OpenPage, tmp_path: Path
) -> None:
    (tmp_path / "shot.png").write_bytes(b"x")
    desktop = await serve("static_html")
    page = await open_page(desktop.link("mira.k"))
    await begin(page)
    await page.set_input_files("#shot", tmp_path / "shot.png")
    await page.reload()
    await expect(page.locator(".cd-foot-status")).to_contain_text("Please choose again: shot.png.")


@pytest.mark.parametrize(
    "source",
    ["<p>A page</p><input name=a aria-label=A><button>Hand in</button>", "<script src=hide.js></script><input name=a>"],
)
async def test_a_page_may_bring_its_own_submit(serve: Serve, open_page: OpenPage, task_dir: Path, source: str) -> None:
    (task_dir / "task.html").write_text(source, "utf-8")
    (task_dir / "extra" / "hide.js").write_text(
        "window._MEPHISTO_CONFIG_.set('HIDE_SUBMIT_BUTTON', true); window.ready = true;"
        "document.addEventListener('keydown', (event) => event.key === 'F2' && crowdeskTask.submit());",
        "utf-8",
    )
    changes = {"extra_source_dir": "extra", "preview_source": None, "data_csv": "rows.csv"}
    desktop = await serve("static_html", base_dir=task_dir, **changes)
    page = await open_page(desktop.link("mira.k"))
    await begin(page)
    await expect(page.get_by_role("button", name="Submit")).to_be_hidden()
    await page.fill("[name=a]", "mine")
    await page.keyboard.press("Enter" if "button" in source else "F2")
    await receipt(page)
    (given,) = desktop.all_submissions()
    assert given["final_data"] == {"a": "mine"}


async def test_data_never_becomes_code(serve: Serve, open_page: OpenPage, task_dir: Path) -> None:
    changes = {"extra_source_dir": "extra", "preview_source": None, "data_csv": "rows.csv"}
    desktop = await serve("static_html", base_dir=task_dir, **changes)
    page = await open_page(desktop.link("mira.k"))
    await begin(page)
    await page.wait_for_selector("[data-own=yes]")
    assert await page.inner_text("#text") == HOSTILE["text"]
    assert await page.input_value("[name=first]") == HOSTILE["other"]
    assert await page.get_attribute("#link", "href") == HOSTILE["link"]
    assert await page.evaluate("window.hacked") is None
    assert "Shown as ${text}" in await page.inner_text("main")


async def test_the_pages_own_scripts_and_handlers_run(serve: Serve, open_page: OpenPage, task_dir: Path) -> None:
    changes = {"extra_source_dir": "extra", "preview_source": None, "data_csv": "rows.csv"}
    desktop = await serve("static_html", base_dir=task_dir, **changes)
    page = await open_page(desktop.link("mira.k"))
    await begin(page)
    await page.wait_for_selector("body[data-loaded=yes]")
    assert await page.get_attribute("#text", "data-script") == HOSTILE["link"]
    await page.click("text=Press")
    assert await page.get_attribute("#text", "data-clicked") == "Press"
    assert await page.locator(".mine").evaluate("element => getComputedStyle(element).color") == "rgb(1, 2, 3)"
    for name in ("a", "b"):
        await page.check(f"input[value={name}]")
    await page.click("text=Submit")
    await receipt(page)
    (given,) = desktop.all_submissions()
    assert given["final_data"] == {"first": HOSTILE["other"], "many": ["a", "b"]}


async def test_the_preview_shows_the_requesters_page_and_sends_nothing(serve: Serve, open_page: OpenPage) -> None:
    desktop = await serve("static_html")
    page = await open_page(desktop.url + "/preview")
    await page.wait_for_selector("text=What you will do")
    await expect(page.locator("text=Submit")).to_be_disabled()
    assert desktop.work == {}


async def test_an_onboarding_comes_before_the_first_unit(serve: Serve, open_page: OpenPage, task_dir: Path) -> None:
    (task_dir / "first.html").write_text(
        "<h2>First, a question</h2><label for=q>What is two and two?</label><input id=q name=q data-truth=4 required>",
        "utf-8",
    )
    changes = {"extra_source_dir": "extra", "preview_source": None, "data_csv": "rows.csv"}
    desktop = await serve("static_html", base_dir=task_dir, onboarding_source="first.html", onboarding=True, **changes)
    page = await open_page(desktop.link("mira.k"))
    await begin(page)
    await page.wait_for_selector("text=First, a question")
    assert "data-truth" not in await page.content()
    await page.fill("#q", "4")
    await page.click("text=Submit")
    await page.wait_for_selector("#text")
    (token,) = desktop.submissions
    assert desktop.submissions[token][0]["onboarding_data"] == {"q": "4"}
    assert desktop.blueprint.check_onboarding({}, {"q": "4"})
    assert not desktop.blueprint.check_onboarding({}, {"q": "5"})
