"""A page that calls functions of the requester while the worker works: a real run, a real model, a real Chromium."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from playwright.async_api import Page, expect

from tests.browser.conftest import EXAMPLES, Launch, OpenPage, Serve, begin, receipt
from tests.fakes.run_stage import until

pytestmark = pytest.mark.browser

PRAISE = "I love this kettle. It is sturdy and quick, and it works well."


async def ask(page: Page, text: str) -> None:
    await page.fill("#review", text)
    await page.click("#ask")


async def test_the_model_is_asked_and_its_word_is_handed_in(launch: Launch, open_page: OpenPage) -> None:
    run = await launch("remote_procedure")
    page = await open_page(run.live.entry_link("mira.k", 1))
    await begin(page)
    await ask(page, PRAISE)
    await expect(page.locator("#answer")).to_contain_text("The model says: positive")
    await ask(page, "What an awful kettle! It is slow and leaking. It does not work.")
    await expect(page.locator("#answer")).to_contain_text("The model says: negative")
    await page.click("text=No, it was fooled")
    await page.click("text=Submit")
    await receipt(page)
    ((outputs,),) = run.rows("SELECT outputs FROM agent_data")
    said = json.loads(outputs)
    assert (said["model_says"], said["times_asked"], said["verdict"]) == ("negative", "2", "wrong")
    directions = [row[0] for row in run.rows("SELECT direction FROM live_updates ORDER BY live_update_id")]
    assert directions == ["in", "out", "in", "out"]


async def test_after_a_reload_the_page_knows_what_it_asked(launch: Launch, open_page: OpenPage) -> None:
    run = await launch("remote_procedure")
    page = await open_page(run.live.entry_link("mira.k", 1))
    await begin(page)
    await ask(page, PRAISE)
    await expect(page.locator("#answer")).to_contain_text("The model says")
    await page.reload()
    await expect(page.locator("#review")).to_have_value(PRAISE)
    assert await page.evaluate("crowdeskTask.previousCalls.map((call) => call.target)") == ["how_does_it_sound"]
    answered = await page.evaluate("JSON.parse(crowdeskTask.previousCalls[0].response_json).label")
    assert answered == "positive"


async def test_a_call_that_fails_is_told_on_the_page_and_in_the_log(
    launch: Launch, open_page: OpenPage, tmp_path: Path
) -> None:
    code = tmp_path / "broken.py"
    code.write_text(
        "def how_does_it_sound(args):\n    raise KeyError('the model is not there')\n\n"
        "functions = {'how_does_it_sound': how_does_it_sound}\n",
        "utf-8",
    )
    run = await launch("remote_procedure", f"mephisto.blueprint.task_code={code}")
    page = await open_page(run.live.entry_link("mira.k", 1))
    await begin(page)
    await ask(page, PRAISE)
    await expect(page.locator("#answer")).to_contain_text("The call of how_does_it_sound failed.")
    assert await page.evaluate("crowdeskTask.call('open_the_safe').catch((error) => error.message)") == (
        'There is no function "open_the_safe".'
    )
    await page.click("text=Yes")
    await page.click("text=Submit")  # the unit goes on
    await receipt(page)
    await run.operator.close()  # what is due for the log is written
    told = [row[0] for row in run.rows("SELECT message FROM events WHERE kind = 'logic.report'")]
    assert any("broken.py, line 2, in how_does_it_sound: KeyError" in message for message in told)


async def test_a_call_outlives_a_lost_connection_and_a_restart_of_the_program(
    launch: Launch, open_page: OpenPage, tmp_path: Path
) -> None:
    code = tmp_path / "slow.py"
    gate = tmp_path / "gate"
    made = tmp_path / "made"
    code.write_text(
        "import time\nfrom pathlib import Path\n\n"
        f"GATE, MADE = Path({str(gate)!r}), Path({str(made)!r})\n\n"
        "def how_does_it_sound(args):\n"
        "    with MADE.open('a') as stream:\n        stream.write('x')\n"
        "    while not GATE.exists():\n        time.sleep(0.02)\n"
        "    return {'label': 'positive', 'confidence': 1}\n\n"
        "functions = {'how_does_it_sound': how_does_it_sound}\n",
        "utf-8",
    )
    run = await launch("remote_procedure", f"mephisto.blueprint.task_code={code}")
    page = await open_page(run.live.entry_link("mira.k", 1))
    await begin(page)
    await ask(page, PRAISE)
    await expect(page.locator("#answer")).to_contain_text("reading")
    await until(made.exists)
    run_id = run.live.run_id
    await run.operator.close()
    gate.touch()
    await run.operator.resume(run_id)
    await expect(page.locator("#answer")).to_contain_text("The model says: positive", timeout=40_000)
    assert made.read_text() == "xx"  # once before, once after


async def test_a_bundle_of_mephisto_calls_functions_unchanged(
    launch: Launch, open_page: OpenPage, bundles: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "sums.py").write_text(
        "def add(row):\n    return row['first'] + row['second']\n\ndef fail(row):\n    raise ValueError('no')\n\n"
        "function_registry = {'add': add, 'fail': fail}\n",
        "utf-8",
    )
    task = {
        "task": {"task_name": "sums", "task_title": "Sums", "task_description": "Add.", "task_reward": 0.1},
        "provider": {"_provider_type": "inhouse"},
        "architect": {"_architect_type": "local"},
        "blueprint": {
            "_blueprint_type": "remote_procedure",
            "task_source": str(bundles["remote"]),
            "static_task_data": [{"first": 2, "second": 3}],
            "task_code": "sums.py",
        },
    }
    file = tmp_path / "task.yaml"
    file.write_text(yaml.safe_dump({"mephisto": task}), "utf-8")
    run = await launch(file)
    page = await open_page(run.live.entry_link("mira.k", 1))
    await page.click("#cd-start")
    await expect(page.locator("#sum")).to_have_text("2 + 3")
    await page.click("#ask")
    await expect(page.locator("#answer")).to_have_text("5")
    await page.click("#fail")
    await expect(page.locator("#answer")).to_contain_text("The call of fail failed")
    await page.reload()
    await expect(page.locator("#before")).to_contain_text("5 ")
    await page.click("#ask")
    await expect(page.locator("#answer")).to_have_text("5")
    await page.click("#submit")
    await page.wait_for_url("**/welcome")
    assert [json.loads(row[0]) for row in run.rows("SELECT outputs FROM agent_data")] == [{"answer": "5"}]


async def test_the_preview_calls_nothing(serve: Serve, open_page: OpenPage) -> None:
    desktop = await serve("remote_procedure")
    page = await open_page(f"{desktop.url}/preview")
    await page.wait_for_selector("text=What you will do")
    assert await page.evaluate("crowdeskTask.call('x').catch((error) => error.message)") == "Nothing is called here."


def test_the_example_holds_what_it_names() -> None:
    assert (EXAMPLES / "remote_procedure" / "tone.onnx").stat().st_size < 100_000
