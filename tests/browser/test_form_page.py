"""The page of a form, from entry to receipt: conditions, blocks, files, drafts, faults; by keyboard, on a phone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from app.blueprints.form.checks import field_fault
from app.blueprints.form.model import CHOICE_TYPES, FIELD_TYPES, Field
from app.blueprints.form.parse import parse_form
from tests.browser.conftest import OpenPage, Serve, begin, receipt

pytestmark = pytest.mark.browser

AXE = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}}
YES_NO = [{"value": "y", "label": "Yes"}, {"value": "n", "label": "No"}]


def form_of(*fields: dict[str, Any], **form: Any) -> dict[str, Any]:
    rows = [{"fields": [{"label": "Q", **field}]} for field in fields]
    return {"form": {"title": "T", "sections": [{"title": "S", "fieldsets": [{"rows": rows}]}], **form}}


def task_of(folder: Path, value: Any) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "form.json").write_text(json.dumps(value), "utf-8")
    return folder


async def fill_example(page: Page) -> None:
    """The example, filled in with mouse and keys."""
    await page.click("text=something that is late")
    await page.fill("text=Which goods are named?", "a lamp")
    await page.get_by_label("How urgent is it?").press("Home")
    await page.get_by_label("How urgent is it?").press("ArrowRight")
    await page.get_by_label("How kind is draft 1?").select_option("kind")
    await page.get_by_label("How kind is draft 2?").select_option("rude")
    await page.get_by_role("textbox", name="Which words are rude?").fill("sure")
    await page.get_by_role("button", name="Move kind words up").click()


async def test_a_form_from_entry_to_receipt(serve: Serve, open_page: OpenPage, tmp_path: Path) -> None:
    desktop = await serve("form")
    page = await open_page(desktop.link("mira.k"))
    await begin(page)
    await fill_example(page)
    await page.click("summary:has-text('If you like')")
    await page.get_by_role("button", name="Add Sentence").click()
    await page.get_by_label("Your sentence").fill("One")
    await page.get_by_role("button", name="Add Sentence").click()
    await page.get_by_label("Your sentence").nth(1).fill("Two")
    await page.get_by_role("button", name="Remove Sentence 1").click()
    picture = tmp_path / "better.PNG"
    picture.write_bytes(b"\x89PNG not really")
    await page.set_input_files("input[type=file]", picture)
    await page.get_by_role("button", name="Hand in").click()
    await receipt(page)
    (given,) = desktop.all_submissions()
    assert given["final_data"] == {
        "topic": "late",
        "good": "a lamp",
        "urgency": 1,
        "kind_1": "kind",
        "kind_2": "rude",
        "rude_words_2": "sure",
        "order": ["kind", "quick", "clear"],
        "missing": {"date": False, "name": False, "excuse": False},
        "sentences": [{"sentence": "Two"}],
        "order_number": "",
    }
    (file,) = given["files"]
    assert (file["field"], file["original_name"]) == ("proof", "better.PNG")


async def test_it_is_worked_by_the_keyboard_alone(serve: Serve, open_page: OpenPage, tmp_path: Path) -> None:
    fields = (
        {"name": "r", "type": "radio", "options": YES_NO, "validators": {"required": True}},
        {"name": "c", "type": "checkbox", "options": YES_NO},
        {"name": "s", "type": "slider", "validators": {"min": 0, "max": 10, "required": True}},
        {"name": "o", "type": "ranking", "options": YES_NO, "validators": {"required": True}},
        {"name": "d", "type": "date"},
        {"name": "n", "type": "number"},
    )
    desktop = await serve("form", base_dir=task_of(tmp_path / "t", form_of(*fields)), data_csv=None)
    page = await open_page(desktop.link("mira.k"))
    await begin(page)
    await page.focus("summary")
    # the radio buttons, both boxes, the slider, the moves of the ranking, and on to the date
    for keys in (
        ["Tab", "Space"],
        ["Tab", "Tab", "Space"],
        ["Tab", "Enter"],
        ["Tab", "Tab", "Space"],
        ["Tab"],
    ):
        for key in keys:
            await page.keyboard.press(key)
    await page.get_by_label("Q").locator("visible=true").last.press("1")
    await page.keyboard.type(".5")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("button", name="Submit")).to_be_focused()
    await page.keyboard.press("Enter")
    await receipt(page)
    answers = desktop.all_submissions()[0]["final_data"]
    assert (answers["r"], answers["c"]["n"], answers["s"], answers["n"]) == ("y", True, 5, 1.5)
    assert answers["o"] == ["n", "y"]


async def test_faults_are_listed_linked_and_the_first_has_the_focus(serve: Serve, open_page: OpenPage) -> None:
    desktop = await serve("form")
    page = await open_page(desktop.link("mira.k"))
    await begin(page)
    await page.click("summary:has-text('If you like')")
    await page.get_by_label("Order number").fill("nonsense")
    await page.click("summary:has-text('If you like')")
    await page.get_by_role("button", name="Hand in").click()
    await expect(page.locator(".fm-summary-title")).to_have_text("7 answers are missing or need a change.")
    await expect(page.locator("[role=status]")).to_contain_text("7 answers are missing or need a change")
    assert await page.evaluate("document.activeElement.value") == "late"
    group = page.get_by_role("radiogroup")
    await expect(group).to_have_accessible_description("Please answer this.")
    link = page.get_by_role("link", name="Order number, if the letter names one")
    await link.click()
    field = page.get_by_label("Order number")
    await expect(field).to_be_focused()
    await expect(field).to_have_attribute("aria-invalid", "true")
    await field.fill("AB-1234")
    await expect(field).not_to_have_attribute("aria-invalid", "true")
    assert desktop.all_submissions() == []


async def test_answers_and_blocks_survive_a_reload(serve: Serve, open_page: OpenPage) -> None:
    desktop = await serve("form")
    page = await open_page(desktop.link("mira.k"))
    await begin(page)
    await fill_example(page)
    await page.click("summary:has-text('If you like')")
    for words in ("One", "Two"):
        await page.get_by_role("button", name="Add Sentence").click()
        await page.get_by_label("Your sentence").last.fill(words)
    await page.reload()
    await expect(page.locator("input[value=late]")).to_be_checked()
    await expect(page.get_by_label("Which goods are named?")).to_have_value("a lamp")
    await expect(page.get_by_label("How urgent is it?")).to_have_value("1")
    await expect(page.get_by_role("textbox", name="Which words are rude?")).to_have_value("sure")
    await expect(page.locator(".fm-ranking li").first).to_contain_text("kind words")
    await page.click("summary:has-text('If you like')")
    assert [await one.input_value() for one in await page.get_by_label("Your sentence").all()] == ["One", "Two"]


async def test_a_repeated_block_sends_its_files_beside_its_answers(
    serve: Serve, open_page: OpenPage, tmp_path: Path
) -> None:
    value = form_of(
        {"name": "who", "type": "input", "label": "Who?", "validators": {"required": True}},
        {
            "name": "photo",
            "type": "file",
            "label": "Photo",
            "show_preview": True,
            "show_if": {"field": "who", "is": "me"},
        },
    )
    fieldset = value["form"]["sections"][0]["fieldsets"][0]
    fieldset |= {"name": "people", "repeat": {"minimum": 1, "maximum": 2, "label": "Person"}}
    desktop = await serve("form", base_dir=task_of(tmp_path / "t", value), data_csv=None)
    page = await open_page(desktop.link("mira.k"))
    await begin(page)
    await expect(page.get_by_role("button", name="Remove Person 1")).to_be_hidden()
    await page.get_by_label("Who?").fill("you")
    await expect(page.locator("input[type=file]:visible")).to_have_count(0)
    await page.get_by_role("button", name="Add Person").click()
    await expect(page.get_by_label("Who?").nth(1)).to_be_focused()
    await page.keyboard.type("me")
    await expect(page.get_by_role("button", name="Add Person")).to_be_hidden()
    picture = tmp_path / "me.png"
    picture.write_bytes(bytes.fromhex(
        "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
        "1f15c4890000000d49444154789c636060606000000005000121a8b4740000000049454e44ae426082"
    ))  # fmt: skip
    await page.locator("input[type=file]:visible").set_input_files(picture)
    await expect(page.get_by_alt_text("The chosen picture me.png")).to_be_visible()
    await page.get_by_role("button", name="Submit").click()
    await receipt(page)
    (given,) = desktop.all_submissions()
    assert given["final_data"] == {"people": [{"who": "you"}, {"who": "me"}]}
    assert [(file["field"], file["original_name"]) for file in given["files"]] == [("people.1.photo", "me.png")]


async def test_a_refusal_of_the_program_leads_back_to_the_form(
    serve: Serve, open_page: OpenPage, tmp_path: Path
) -> None:
    desktop = await serve(
        "form", base_dir=task_of(tmp_path / "t", form_of({"name": "a", "type": "input"})), data_csv=None
    )
    desktop.failures.append("Q: Please look again.")
    page = await open_page(desktop.link("mira.k"))
    await begin(page)
    await page.get_by_label("Q").fill("x")
    await page.get_by_role("button", name="Submit").click()
    await expect(page.locator(".cd-foot-status")).to_have_text("Q: Please look again.")
    await expect(page.get_by_label("Q")).to_be_focused()
    await page.get_by_role("button", name="Submit").click()
    await receipt(page)


async def test_every_type_of_field_is_shown_and_answered(serve: Serve, open_page: OpenPage, tmp_path: Path) -> None:
    more = {"help": "<i>Help</i>", "tooltip": "Tip", "placeholder": "Here", "options": YES_NO, "value": "kept"}
    kept = {
        kind: ("help", "tooltip", "placeholder", *(("options",) if kind in CHOICE_TYPES else ()))
        for kind in FIELD_TYPES
    }
    kept["hidden"] = ("value",)
    fields = [
        {"name": kind, "type": kind, "label": f"A {kind}", **{key: more[key] for key in keys}}
        for kind, keys in kept.items()
    ]
    several = {
        "name": "several",
        "type": "select",
        "label": "Several",
        "multiple": True,
        "options": YES_NO,
        "value": ["n"],
    }
    value = form_of(*fields, several)
    value["form"] |= {
        "instruction": "<p>Read <a href='https://example.org'>this</a></p>",
        "show_instructions_as_modal": True,
    }
    desktop = await serve("form", base_dir=task_of(tmp_path / "t", value), data_csv=None)
    page = await open_page(desktop.link("mira.k"))
    await begin(page)
    await page.get_by_role("button", name="Instructions").click()
    await expect(page.get_by_role("dialog")).to_contain_text("Read this")
    await _look(page, tmp_path / "dialog.png")
    await page.get_by_role("button", name="Close").click()
    await _look(page, tmp_path / "all.png")
    texts = {"input": "a", "textarea": "b\nc", "email": "a@b.org", "password": "p", "number": "4", "date": "2026-02-03"}
    for kind, text in texts.items():
        await page.get_by_label(f"A {kind}").fill(text)
    await page.get_by_label("A select").select_option("y")
    await page.get_by_role("radio", name="Yes").check()
    await page.get_by_role("group", name="A checkbox").get_by_label("No").check()
    await page.get_by_label("A slider").press("End")
    await page.reload()
    await expect(page.get_by_label("A password")).to_have_value("")
    await page.get_by_role("button", name="Submit").click()
    await receipt(page)
    assert desktop.all_submissions()[0]["final_data"] == {
        **texts,
        "number": 4,
        "password": "",
        "slider": 100,
        "select": "y",
        "radio": "y",
        "checkbox": {"y": False, "n": True},
        "ranking": [],
        "hidden": "kept",
        "several": ["n"],
    }


async def test_data_never_becomes_code(serve: Serve, open_page: OpenPage, tmp_path: Path) -> None:
    hostile = '<img src=x onerror="window.hacked=1"><script>window.hacked=2</script><b>bold</b> \' " & 1<2'
    value = form_of(
        {"name": "a", "type": "radio", "label": "{{t}}", "tooltip": "{{t}}", "help": "{{t}}",
         "options": [{"value": "v", "label": "{{t}}"}]},
        title="{{t}}", instruction="{{t}}",
    )  # fmt: skip
    folder = task_of(tmp_path / "t", value)
    desktop = await serve("form", base_dir=folder, data_csv=None, static_task_data=[{"t": hostile}])
    page = await open_page(desktop.link("mira.k"))
    await begin(page)
    await expect(page.locator(".fm-instruction b")).to_have_text("bold")
    await expect(page.locator(".fm-option")).to_contain_text("<script>")
    assert await page.evaluate("window.hacked") is None


async def test_an_onboarding_is_a_form(serve: Serve, open_page: OpenPage) -> None:
    changes = {"onboarding_form": "onboarding.json", "onboarding_qualification": "reads"}
    desktop = await serve("form", onboarding=True, **changes)
    page = await open_page(desktop.link("mira.k"))
    await begin(page)
    await page.click("text=the drafts of the answer")
    await page.click("text=Are you sure?")
    await page.click("text=Read the manual.")
    await page.get_by_role("button", name="Go on").click()
    await page.wait_for_selector("text=The letter is about")
    await expect(page.get_by_role("button", name="Hand in")).to_be_visible()
    token = next(token for token in desktop.submissions if token.startswith("onboarding"))
    assert desktop.blueprint.check_onboarding({}, desktop.submissions[token][0]["onboarding_data"])


async def test_own_rules_of_the_requester_are_asked(serve: Serve, open_page: OpenPage, tmp_path: Path) -> None:
    folder = task_of(tmp_path / "t", form_of({"name": "a", "type": "input", "validators": {"hasWord": ["tea", 2]}}))
    (folder / "insertions").mkdir()
    (folder / "insertions/custom_validators.js").write_text(
        'import { words } from "./words.js";\n'
        "export function hasWord(field, value, word, times) {\n"
        "  const found = words(value).filter((one) => one === word);\n"
        "  return found.length >= times ? null : `${field.label} needs ${word}.`;\n"
        "}\n",
        "utf-8",
    )
    (folder / "insertions/words.js").write_text("export const words = (text) => text.split(' ');\n", "utf-8")
    desktop = await serve("form", base_dir=folder, data_csv=None)
    page = await open_page(desktop.link("mira.k"))
    await begin(page)
    await page.get_by_label("Q").fill("tea")
    await page.get_by_role("button", name="Submit").click()
    await expect(page.locator(".fm-summary li")).to_have_text("Q: Q needs tea.")
    await page.get_by_label("Q").fill("tea tea")
    await page.get_by_role("button", name="Submit").click()
    await receipt(page)


_CASES: list[tuple[dict[str, Any], list[Any]]] = [
    ({"type": "input", "validators": {"required": True}}, ["", " \t\u00a0\ufeff", "x", "\x1c"]),
    ({"type": "input", "validators": {"minLength": 2, "maxLength": 3}}, ["", "a", "ab", "abcd", "😀😀", "😀😀😀😀"]),
    ({"type": "input", "validators": {"minLength": 1, "maxLength": 1}}, ["ab", "a"]),
    ({"type": "textarea", "validators": {"regexp": "^b$"}}, ["a\nb\nc", "B", "ab"]),
    ({"type": "input", "validators": {"regexp": ["^\\w+-\\d{2}$", ""]}}, [" a-12 ", "é-12", "a-1"]),
    ({"type": "input", "validators": {"regexp": ["^.$", ""]}}, ["😀", "x"]),
    ({"type": "input", "validators": {"regexp": ["^.$", "u"]}}, ["😀", "xy"]),
    ({"type": "email", "validators": {"minLength": 6}}, ["a@b", "a@b.org", "ab", "a b@c.org", " a@b.org "]),
    ({"type": "number", "validators": {"min": 1, "max": 5.5}}, [None, 0, 1, 5.5, 6]),
    ({"type": "slider", "validators": {"required": True}}, [None, 0, 100, 101]),
    ({"type": "date", "validators": {"min": "2026-01-01", "max": "2026-12-31"}},
     ["", "2025-12-31", "2026-06-01", "2027-01-01"]),
    ({"type": "checkbox", "options": YES_NO, "validators": {"required": True, "minLength": 2}},
     [{"y": False, "n": False}, {"y": True, "n": False}, {"y": True, "n": True}]),
    ({"type": "select", "multiple": True, "options": YES_NO, "validators": {"maxLength": 1}}, [[], ["y"], ["y", "n"]]),
    ({"type": "radio", "options": YES_NO, "validators": {"required": True}}, [None, "y"]),
    ({"type": "ranking", "options": YES_NO, "validators": {"required": True}}, [[], ["n", "y"]]),
]  # fmt: skip


async def test_the_page_says_what_the_program_says(serve: Serve, open_page: OpenPage) -> None:
    desktop = await serve("form")
    page = await open_page(desktop.link("mira.k"))
    for value, answers in _CASES:
        (field,) = parse_form(form_of({"name": "a", **value})).fields
        for answer in answers:
            said = await _ask(page, field, answer)
            assert said == (field_fault(field, answer) or ""), (value, answer)


async def _ask(page: Page, field: Field, answer: Any) -> str:
    text: str = await page.evaluate(
        "async ([field, answer]) => (await import('/crowdesk/form_rules.js')).fieldFault(field, answer)",
        [field.as_json(), answer],
    )
    return text


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 780)], ids=["desktop", "phone"])
async def test_it_can_be_read_by_everybody(
    serve: Serve, open_page: OpenPage, tmp_path: Path, scheme: str, width: int, height: int
) -> None:
    desktop = await serve("form", title="Judge two answers to a letter")
    page = await open_page(desktop.link("mira.k"), width=width, height=height, scheme=scheme)
    await begin(page)
    await _look(page, tmp_path / "form.png")
    await fill_example(page)
    await page.click("summary:has-text('If you like')")
    await page.get_by_role("button", name="Add Sentence").click()
    await page.get_by_role("button", name="Hand in").click()
    await page.wait_for_selector(".fm-summary")
    await _look(page, tmp_path / "form-faults.png")


async def _look(page: Page, shot: Path) -> None:
    results = await Axe().run(page, options=AXE)
    found = [
        f"{broken['id']} at {node['target']}" for broken in results.response["violations"] for node in broken["nodes"]
    ]
    assert not found
    overflow = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0, f"{overflow} px wider than the window"
    await page.screenshot(path=shot, full_page=True)
