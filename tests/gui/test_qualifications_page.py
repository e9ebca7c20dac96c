"""The place of qualifications, driven by mouse and keys over a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton

from app.data.repo import qualifications, subjects
from app.views.action_sheets import ConfirmSheet
from app.views.qualification_sheets import (
    DescribeSheet,
    GrantFileSheet,
    GrantNamesSheet,
    NewQualificationSheet,
    OutcomeSheet,
)
from app.views.qualifications_page import QualificationsPage
from tests.fakes.run_history import Past
from tests.gui.page_case import PageCase, open_page

PAST = Past(items=4, workers=6, done=8, decided=0, at_work=0, task_name="birds")


@pytest.fixture
async def case(qapp: QApplication, tmp_path: Path) -> AsyncIterator[PageCase]:
    async with open_page(tmp_path, "qualifications", QualificationsPage, PAST) as (made, _):
        store, now = made.desktop.store, made.clock.now()
        await store.write(qualifications.create_qualification, "chest-reader", "Passed the test.", now)
        await store.write(qualifications.create_qualification, "english", None, now)
        people = await store.read(subjects.list_people_named, ["mira", "lena", "dara"])
        await made.desktop.workers.grant([one.worker_id for one in people], "chest-reader", 1)
        made.begin()
        await made.until(lambda: page(made).title.text() == "chest-reader", "the first one is chosen")
        holders = page(made).holders
        assert holders is not None
        await made.rows(holders.view, len(people))
        yield made


def page(case: PageCase) -> QualificationsPage:
    found = case.window.page()
    assert isinstance(found, QualificationsPage)
    return found


def press(case: PageCase, words: str) -> None:
    """Click the button of these words."""
    found = next(b for b in page(case).findChildren(QPushButton) if b.text() == words and b.isVisible())
    QTest.mouseClick(found, Qt.MouseButton.LeftButton)


def grants(case: PageCase, name: str) -> Any:
    async def read() -> dict[str, int]:
        row = await case.desktop.store.read(qualifications.find_qualification, name)
        assert row is not None
        held = await case.desktop.store.read(qualifications.list_grants, qualification_id=row.qualification_id)
        return {one.worker_name: one.value for one in held}

    return read()


async def test_the_chosen_one_shows_its_holders_and_the_runs_that_require_it(case: PageCase) -> None:
    required = page(case).facts.value("Required by").text()  # type: ignore[attr-defined] # a label
    assert required == "birds, R-1 (≥ 1)"
    held = page(case).facts.value("Held by").text()  # type: ignore[attr-defined]
    assert held.replace("\u00a0", " ") == "2 workers"


async def test_a_click_chooses_another(case: PageCase) -> None:
    case.click_row(page(case).pane.view, 1)
    await case.until(lambda: page(case).title.text() == "english", "the other one")
    assert page(case).facts.value("Required by").text() == "no run"  # type: ignore[attr-defined]
    holders = page(case).holders
    assert holders is not None
    await case.until(holders.showing_empty, "nobody holds it")


async def test_a_new_one_is_made_and_chosen_and_a_taken_name_is_refused(case: PageCase) -> None:
    press(case, "New qualification")
    sheet = await case.sheet(NewQualificationSheet)
    QTest.keyClicks(sheet.name_edit, "English")
    assert sheet.name_field.error() == "There is a qualification of this name."
    assert not sheet.confirm_button.isEnabled()
    sheet.name_edit.clear()
    QTest.keyClicks(sheet.name_edit, "fast")
    QTest.keyClicks(sheet.text_area, "Types 60 words a minute.")
    case.confirm(sheet)
    await case.closed(sheet)
    await case.until(lambda: page(case).title.text() == "fast", "the new one is chosen")
    row = await case.desktop.store.read(qualifications.find_qualification, "fast")
    assert row is not None
    assert row.description == "Types 60 words a minute."


async def test_it_is_described_anew(case: PageCase) -> None:
    press(case, "Describe …")
    sheet = await case.sheet(DescribeSheet)
    assert sheet.description() == "Passed the test."
    sheet.text_area.selectAll()
    QTest.keyClicks(sheet.text_area, "Twelve images.")
    case.confirm(sheet)
    await case.closed(sheet)
    await case.until(lambda: page(case).description.text() == "Twelve images.", "the new words")


async def test_deleting_says_how_many_grants_go_and_who_asks_for_it(case: PageCase) -> None:
    press(case, "Delete …")
    sheet = await case.sheet(ConfirmSheet)
    words = sheet.preview.text().replace("\u00a0", " ")
    assert words == "2 grants of it go too. 1 open run asks for it and will refuse everybody."
    case.confirm(sheet)
    await case.closed(sheet)
    assert await case.desktop.store.read(qualifications.find_qualification, "chest-reader") is None
    await case.until(lambda: page(case).title.text() == "english", "the next one is chosen")


async def test_grant_by_names_tells_whom_nobody_knows_and_grants_the_others(case: PageCase) -> None:
    press(case, "Grant …")
    sheet = await case.sheet(GrantNamesSheet)
    QTest.keyClicks(sheet.names_area, "sofie, p_haas")
    QTest.keyClick(sheet.names_area, Qt.Key.Key_Return)
    QTest.keyClicks(sheet.names_area, "t.oduya")
    assert sheet.preview.text().replace("\u00a0", " ") == "3 workers"
    case.confirm(sheet)
    await case.until(lambda: "nobody is called sofie" in sheet.error.text(), "the unknown name")
    assert sheet.is_open(), "what was typed is kept"
    QTest.keyClick(sheet, Qt.Key.Key_Escape)
    assert await grants(case, "chest-reader") == {"mira": 1, "lena": 1, "p_haas": 1, "t.oduya": 1}


async def test_grant_from_a_file_tells_the_rows_that_were_left_out(case: PageCase, tmp_path: Path) -> None:
    path = tmp_path / "workers.csv"
    path.write_text("worker_name,value\np_haas,4\nnobody,1\nt.oduya,much\n", "utf-8")
    press(case, "Grant from a file …")
    sheet = await case.sheet(GrantFileSheet)
    QTest.keyClicks(sheet.row.edit, str(tmp_path / "other.csv"))
    assert "There is no file" in sheet.field.error()
    sheet.row.edit.setText(str(path))
    case.confirm(sheet)
    outcome = await case.sheet(OutcomeSheet)
    lines = outcome.list.toPlainText().splitlines()
    assert [line.split(":")[0] for line in lines] == ["Line 3", "Line 4"]
    case.confirm(outcome)
    assert (await grants(case, "chest-reader"))["p_haas"] == 4


async def test_revoke_from_the_menu_of_holders_can_be_undone(case: PageCase) -> None:
    holders = page(case).holders
    assert holders is not None
    case.click_row(holders.view, 0)
    case.choose(await case.menu(holders.view), "Revoke")
    await case.rows(holders.view, 1)
    await case.undo("taken from")
    await case.rows(holders.view, 2)
    assert await grants(case, "chest-reader") == {"mira": 1, "lena": 1}


async def test_a_double_click_on_a_holder_opens_the_dossier(case: PageCase) -> None:
    holders = page(case).holders
    assert holders is not None
    case.click_row(holders.view, 0, double=True)
    await case.until(lambda: page(case).dossier is not None, "the dossier")
    dossier = page(case).dossier
    assert dossier is not None
    await case.until(lambda: bool(dossier.name.text()), "the name")
    assert dossier.name.text() in {"mira", "lena"}
