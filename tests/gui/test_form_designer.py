"""The form designer in the window: reached from the launch page, driven by keys and mouse, saved and previewed."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PySide6.QtCore import QModelIndex, QPoint, Qt
from PySide6.QtGui import QDesktopServices
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QWidget

from app.clock import SystemClock
from app.viewmodels.action import end_all_actions
from app.viewmodels.form_document import Path as Part
from app.views.action_sheets import ConfirmSheet
from app.views.form_conditions import ConditionEditor
from app.views.form_designer import FormDesignerView
from app.views.form_outline import FormOutline
from app.views.launch_page import LaunchPage
from tests.gui.desk_case import open_desktop
from tests.gui.page_case import PageCase

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "form"


class Case(PageCase):
    """The launch page with the example of forms, and the designer over it."""

    @property
    def page(self) -> LaunchPage:
        page = self.window.page()
        assert isinstance(page, LaunchPage)
        return page

    @property
    def designer(self) -> FormDesignerView:
        assert self.page.designer is not None
        return self.page.designer

    @property
    def outline(self) -> FormOutline:
        return self.designer.outline

    async def edit(self) -> FormDesignerView:
        """Press "Edit form…"."""
        self.page.edit_form()
        await self.until(lambda: not self.designer.model.opener.busy, "the form is read")
        return self.designer

    def editor(self, key: str) -> Any:
        return self.designer.properties.fields[key].editor

    def type(self, key: str, text: str) -> None:
        line = self.editor(key)
        assert isinstance(line, QLineEdit)
        line.setFocus()
        line.selectAll()
        QTest.keyClick(line, Qt.Key.Key_Delete)
        QTest.keyClicks(line, text)

    def part(self, path: Part) -> dict[str, Any]:
        return self.designer.model.document.node(path)


@pytest.fixture
async def case(qapp: QApplication, tmp_path: Path) -> AsyncIterator[Case]:
    folder = tmp_path / "task"
    shutil.copytree(EXAMPLE, folder)
    async with open_desktop(tmp_path, SystemClock()) as desktop:
        await desktop.operator.start()
        made = Case(desktop, desktop.clock, "launch", LaunchPage)
        made.begin()
        made.page.model.open_yaml(folder / "task.yaml")
        await made.until(lambda: made.page.model.form.values.blueprint_type == "form", "the task is open")
        yield made
        await end_all_actions()
        made.window.close()
        made.window.deleteLater()


async def test_the_designer_is_reached_from_the_launch_page_and_left_again(case: Case) -> None:
    button = next(one for one in case.page.findChildren(QWidget) if getattr(one, "text", str)() == "Edit form…")
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    await case.until(lambda: case.page.designer is not None and bool(case.designer.model.file), "the form is open")
    assert case.page.stack.currentWidget() is case.designer
    assert case.designer.header.title.text() == "form.json"
    assert case.designer.verdict.text() == "The form is in order."
    assert next(offer.keys for offer in case.page.offers()) == "Ctrl+S"
    case.designer.back_button.click()
    assert case.page.stack.currentIndex() == 0
    assert any(offer.words == "Edit the form of the task" for offer in case.page.offers())


async def test_a_question_is_added_and_checked_while_it_is_typed(case: Case) -> None:
    designer = await case.edit()
    case.outline.show_path((0, 0, 0, 0))
    QTest.keyClick(case.outline, Qt.Key.Key_Down)
    case.outline.show_path((0, 0, 0, 0))
    next(offer for offer in designer.offers() if offer.words == "Add a question").call()
    assert designer.properties.path == (0, 0, 0, 1)
    QTest.keyClicks(case.editor("label"), "How old is it?")
    assert case.part((0, 0, 0, 1))["label"] == "How old is it?"
    case.type("name", "topic")
    await case.until(lambda: "taken by" in designer.properties.fields["name"].error(), "the fault is shown")
    assert designer.verdict.text() == "1 thing to mend"
    case.type("name", "age")
    await case.until(lambda: designer.verdict.text() == "The form is in order.", "the form is in order")
    assert case.outline.model().index(1, 0, case.outline.currentIndex().parent()).data() == "How old is it?"


async def test_the_type_of_a_field_brings_its_own_properties(case: Case) -> None:
    designer = await case.edit()
    case.outline.show_path((0, 0, 1, 0))
    kinds = case.editor("type")
    kinds.setCurrentIndex(kinds.findData("checkbox"))
    kinds.activated.emit(kinds.currentIndex())
    assert "options" in designer.properties.fields
    assert case.part((0, 0, 1, 0))["type"] == "checkbox"
    case.editor("options").setPlainText("red | Red\nblue")
    assert case.part((0, 0, 1, 0))["options"] == [{"label": "Red", "value": "red"}, {"label": "blue", "value": "blue"}]
    assert case.part((0, 0, 1, 0))["validators"] == {"required": True}
    case.editor("validators.required").click()
    assert "validators" not in case.part((0, 0, 1, 0))
    await case.until(lambda: designer.verdict.text() == "The form is in order.", "the form is in order")


async def test_keys_move_double_and_take_out_and_every_step_is_undone(case: Case) -> None:
    designer = await case.edit()
    before = json.dumps(designer.model.document.value)
    case.outline.show_path((0, 0, 1, 0))
    case.outline.setFocus()
    QTest.keyClick(case.outline, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    assert case.outline.path() == (0, 0, 1, 1)
    QTest.keyClick(case.outline, Qt.Key.Key_D, Qt.KeyboardModifier.ControlModifier)
    assert case.part((0, 0, 1, 2))["name"] == "good_2"
    QTest.keyClick(case.outline, Qt.Key.Key_Delete)
    QTest.keyClick(case.outline, Qt.Key.Key_Delete)
    assert len(case.part((0, 0, 1))["fields"]) == 1
    assert designer.model.is_unsaved
    for _ in range(4):
        QTest.keyClick(case.outline, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert json.dumps(designer.model.document.value) == before
    assert not case.designer.model.is_unsaved
    assert not designer.undo_button.isEnabled()
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    QTest.keyClick(case.outline, Qt.Key.Key_Z, both)
    assert case.part((0, 0, 1, 1))["name"] == "good"


async def test_tab_leads_from_the_outline_through_the_properties(case: Case) -> None:
    designer = await case.edit()
    case.outline.show_path((0, 0, 1, 0))
    case.outline.setFocus()
    held = []
    for _ in range(5):
        QTest.keyClick(QApplication.focusWidget() or case.outline, Qt.Key.Key_Tab)
        focus = case.focus()
        held.append(
            next((key for key, one in designer.properties.fields.items() if focus and one.isAncestorOf(focus)), "")
        )
    assert held == ["type", "label", "name", "validators.required", "validators.minLength"]


async def test_a_part_is_dragged_elsewhere(case: Case) -> None:
    await case.edit()
    tree = case.designer.model.tree
    data = tree.mimeData([tree.index_of((1, 1, 1, 0))])
    home = tree.index_of((0, 0, 0))
    assert tree.canDropMimeData(data, Qt.DropAction.MoveAction, 0, 0, home)
    assert not tree.canDropMimeData(data, Qt.DropAction.MoveAction, 0, 0, QModelIndex())
    tree.dropMimeData(data, Qt.DropAction.MoveAction, 0, 0, home)
    assert case.part((0, 0, 0, 0))["name"] == "missing"
    assert case.outline.path() == (0, 0, 0, 0)


async def test_conditions_are_put_together(case: Case) -> None:
    designer = await case.edit()
    case.outline.show_path((1, 1, 1, 0))
    conditions = case.editor("show_if")
    assert isinstance(conditions, ConditionEditor)
    next(
        one for one in conditions.findChildren(QWidget) if getattr(one, "text", str)() == "Show it only when …"
    ).click()  # type: ignore[attr-defined]  # it is a button
    row = conditions._rows[0]
    row.field.setValue("urgency")
    row.field.edited.emit()
    await case.until(lambda: conditions._rows[0] is not row, "the field is chosen")
    second = conditions._rows[0]
    second.operator.setValue("at_least")
    second.operator.edited.emit()
    await case.until(lambda: conditions._rows[0] is not second, "the comparison is chosen")
    QTest.keyClicks(conditions._rows[0].wanted, "5")
    assert case.part((1, 1, 1, 0))["show_if"] == {"field": "urgency", "at_least": 5}
    await case.until(lambda: designer.verdict.text() == "The form is in order.", "the form is in order")


async def test_what_is_saved_is_what_the_task_is_about(case: Case) -> None:
    designer = await case.edit()
    designer.form_button.click()
    assert designer.properties.path == ()
    case.type("title", "Another title")
    designer.save_button.click()
    await case.said("Saved as")
    assert designer.model.file is not None
    assert json.loads(designer.model.file.read_text("utf-8"))["form"]["title"] == "Another title"
    assert not designer.model.is_unsaved
    await case.until(lambda: not case.page.model.looking, "a look at the task")
    assert case.page.model.check.preview is not None


async def test_unsaved_changes_are_asked_about(case: Case) -> None:
    designer = await case.edit()
    designer.form_button.click()
    case.type("title", "Unsaved")
    designer.ask_leave()
    sheet = await case.sheet(ConfirmSheet)
    sheet.dismiss()
    assert case.page.stack.currentWidget() is designer
    designer.ask_leave()
    sheet = await case.sheet(ConfirmSheet)
    sheet.confirm_button.click()
    await case.until(lambda: case.page.stack.currentIndex() == 0, "the task is shown")
    await case.edit()
    assert designer.model.document.form["title"] == "A letter to the shop"


async def test_a_window_that_closes_loses_nothing(case: Case) -> None:
    designer = await case.edit()
    designer.form_button.click()
    case.type("title", "Not saved when the window closed")
    designer.model.check()
    again = LaunchPage(case.desktop)
    again.model.form.replace(case.page.model.form.values)
    again.edit_form()
    assert again.designer is not None
    other = again.designer
    await case.until(lambda: other.model.is_unsaved, "the changes are here again")
    assert other.model.document.form["title"] == "Not saved when the window closed"
    assert "are here again" in other.banner.text()
    other.model.undo()
    assert other.model.document.form["title"] == "A letter to the shop"
    other.model.check()
    assert other.model.draft.find(other.model.file) is None
    again.deleteLater()


async def test_another_form_does_not_push_an_unsaved_one_aside(case: Case) -> None:
    designer = await case.edit()
    designer.form_button.click()
    case.type("title", "Mine")
    case.page.model.form.enter("blueprint.form_file", "onboarding.json")
    case.page.edit_form()
    assert designer.model.document.form["title"] == "Mine"
    assert "Save it or leave it first" in designer.banner.text()


async def test_a_new_form_is_begun_where_none_is_named(case: Case) -> None:
    case.page.model.form.enter("blueprint.form_file", "")
    designer = await case.edit()
    assert designer.header.title.text() == "New form"
    assert designer.verdict.text() == "The form is in order."
    dialog = designer.ask_save()
    target = case.page.model.form.values.base_dir / "mine.json"
    dialog.fileSelected.emit(str(target))
    dialog.reject()
    await case.said("Saved as")
    assert case.page.model.form.values.entered["blueprint.form_file"] == "mine.json"


async def test_a_file_that_is_no_form_is_told(case: Case, tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text('{"form": [1]}')
    case.page.model.form.enter("blueprint.form_file", str(bad))
    designer = await case.edit()
    await case.until(lambda: designer.banner.isVisible(), "the banner")
    assert "form must be an object" in designer.banner.text()


async def test_one_form_of_several_is_edited_and_the_others_stay(case: Case, tmp_path: Path) -> None:
    one = json.loads((EXAMPLE / "onboarding.json").read_text("utf-8"))
    file = tmp_path / "task_data.json"
    file.write_text(json.dumps([one, {"form": {**one["form"], "title": "Second"}}]))
    case.page.model.form.enter("blueprint.form_file", str(file))
    designer = await case.edit()
    assert designer.versions.isVisible()
    designer.versions.setValue("1")
    designer.versions.edited.emit()
    designer.form_button.click()
    case.type("title", "Changed")
    designer.save()
    await case.said("Saved as")
    assert [each["form"]["title"] for each in json.loads(file.read_text())] == ["Before you begin", "Changed"]


async def test_the_form_is_previewed_before_it_is_saved(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toString()))
    designer = await case.edit()
    designer.form_button.click()
    case.type("title", "Not saved yet")
    QTest.mouseClick(designer.preview_button, Qt.MouseButton.LeftButton, pos=QPoint(10, 10))
    await case.until(lambda: bool(opened), "the page")
    async with httpx.AsyncClient(follow_redirects=True, trust_env=False) as client:
        await client.get(opened[0])
        config = (await client.get(opened[0].split("/enter/")[0] + "/task_config.json")).json()
    assert config["preview_data"]["form"]["title"] == "Not saved yet"
    assert config["preview_data"]["message"]
    designer.model.preview.close()
    await designer.model.preview.server.wait()
    async with httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(opened[0])
