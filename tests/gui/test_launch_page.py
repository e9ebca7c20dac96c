"""The launch page over a real database: filled in, checked while typing, saved, rehearsed, previewed, launched."""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QLabel, QWidget

from app.clock import SystemClock
from app.data.repo import assignments, qualifications, tasks
from app.data.states import UnitStatus
from app.operations.configuration import config as configs
from app.viewmodels.action import end_all_actions
from app.viewmodels.desktop import Desktop
from app.viewmodels.launch import SAMPLE_TASK
from app.viewmodels.launch_check import LaunchCheck
from app.viewmodels.toasts import Toast
from app.views.launch_chips import LabelsEditor, RemovableChip, RequirementsEditor
from app.views.launch_editors import LineEditor, PathEditor, SpanEditor
from app.views.launch_page import LaunchPage
from tests.gui.desk_case import open_desktop

UNITS = 3 * (len((SAMPLE_TASK.parent / "shapes" / "images.csv").read_text("utf-8").split()) - 1)
"""Three workers for each image of the sample."""


def euros(amount: Decimal) -> str:
    """An amount as the page writes it."""
    return f"€\u00a0{amount:.2f}"


class Case:
    """A launch page, shown, and what it said."""

    def __init__(self, desktop: Desktop) -> None:
        self.desktop = desktop
        self.page = LaunchPage(desktop)
        self.checks: list[LaunchCheck] = []
        self.gone: list[tuple[str, object]] = []
        self.page.model.checked.connect(self.checks.append)
        desktop.place_asked.connect(lambda place, where: self.gone.append((place, where)))
        self.page.resize(1084, 772)
        self.page.show()

    async def until(self, true: Callable[[], bool], what: str, seconds: float = 20) -> None:
        """Wait until something holds; fails with `what`."""
        for _ in range(int(seconds * 100)):
            if true():
                return
            await asyncio.sleep(0.01)
        pytest.fail(f"never came: {what}; the banner says {self.page.banner.text()!r}")

    async def looked(self) -> LaunchCheck:
        """What is known once typing rests."""
        await self.until(lambda: bool(self.checks) and not self.page.model.looking, "a look at the form")
        return self.checks[-1]

    async def fill_sample(self) -> LaunchCheck:
        """The sample task, looked at."""
        self.page.sample.button.click()
        await self.until(lambda: self.page.model.form.title == "What shape is it?", "the sample")
        await self.until(lambda: bool(self.checks) and self.checks[-1].ready, "the sample is in order")
        return self.checks[-1]

    def editor(self, key: str) -> object:
        """The editor of a field."""
        return self.page.steps.editors[key]

    def type(self, key: str, text: str) -> None:
        """Type into a line, over what was there."""
        line = self.page.steps.editors[key]
        assert isinstance(line, LineEditor)
        line.selectAll()
        QTest.keyClick(line, Qt.Key.Key_Delete)
        QTest.keyClicks(line, text)


@pytest.fixture
async def case(qapp: QApplication, tmp_path: Path) -> AsyncIterator[Case]:
    async with open_desktop(tmp_path, SystemClock()) as desktop:
        await desktop.operator.start()
        made = Case(desktop)
        made.page.open_at({})
        yield made
        await end_all_actions()
        made.page.close()
        made.page.deleteLater()


async def test_an_empty_form_accuses_nobody(case: Case) -> None:
    await case.until(lambda: bool(case.checks), "a look at the form")
    assert all(not field.error() for field in case.page.steps.fields.values())
    assert case.page.sample.isVisible()


async def test_the_sample_task_is_one_click_away_from_a_launch(case: Case) -> None:
    check = await case.fill_sample()
    assert not case.page.sample.isVisible()
    assert case.page.launch_button.text() == f"Launch {UNITS} units"
    assert case.page.side.total.text() == euros(UNITS * Decimal("0.05"))
    assert check.preview is not None
    assert check.preview.columns[0] == "image"
    assert len(check.preview.rows) == 3
    QTest.keyClick(case.page.launch_button, Qt.Key.Key_Space)
    await case.until(lambda: bool(case.gone), "the Run page")
    place, where = case.gone[0]
    assert place == "runs"
    assert isinstance(where, dict)
    run_id = int(where["run_id"])
    row = await case.desktop.store.read(tasks.get_task_run, run_id)
    assert row.task_name == "sample-shapes"
    run = case.desktop.operator.live_runs[run_id]
    for _ in range(500):
        counts = await case.desktop.store.read(assignments.unit_counts, run_id)
        if counts.get(UnitStatus.LAUNCHED) == UNITS:
            break
        await asyncio.sleep(0.01)
    assert counts[UnitStatus.LAUNCHED] == UNITS
    assert run.url.startswith("http://127.0.0.1:")
    await case.desktop.operator.stop(run_id)


async def test_a_launch_asked_for_while_a_file_is_opened_is_of_that_file(case: Case) -> None:
    case.page.sample.button.click()
    case.page.launch()
    await case.until(lambda: bool(case.gone), "the Run page")
    (row,) = await case.desktop.store.read(tasks.list_task_runs)
    assert row.task_name == "sample-shapes"
    await case.desktop.operator.stop(row.task_run_id)


async def test_a_launch_asked_for_while_a_wrong_file_is_opened_launches_nothing(case: Case, tmp_path: Path) -> None:
    await case.fill_sample()
    said: list[str] = []
    case.page.model.failed.connect(said.append)
    path = tmp_path / "broken.yaml"
    path.write_text("mephisto: [")
    case.page.model.open_yaml(path)
    case.page.launch()
    await case.until(lambda: len(said) == 2, "two sentences")
    assert any("could not be" in sentence for sentence in said)
    assert await case.desktop.store.read(tasks.list_task_runs) == []


async def test_what_is_wrong_stands_under_its_field_while_typing(case: Case) -> None:
    await case.fill_sample()
    case.type("task.task_reward", "lots")
    check = await case.looked()
    assert not check.ready
    field = case.page.steps.fields["task.task_reward"]
    assert field.error().startswith("Must be an amount")
    assert case.page.steps.steps[2].mark.state() == "bad"
    case.type("task.task_reward", "0.10")
    await case.until(lambda: case.checks[-1].ready, "it is in order again")
    assert not field.error()
    assert case.page.side.total.text() == euros(UNITS * Decimal("0.10"))


async def test_a_launch_that_is_not_in_order_shows_the_field(case: Case) -> None:
    case.type("task.task_title", "Cats")
    case.page.launch()
    await case.until(case.page.banner.isVisible, "the banner")
    assert "not in order" in case.page.banner.text()
    assert case.page.steps.fields["task.task_description"].error() == "Needed."
    assert not case.gone


async def test_the_name_follows_the_title_until_it_has_one_of_its_own(case: Case) -> None:
    case.type("task.task_title", "Label chest images")
    name = case.editor("task.task_name")
    assert isinstance(name, LineEditor)
    assert name.text() == "label-chest-images"
    case.type("task.task_name", "chest-2")
    case.type("task.task_title", "Something else")
    assert name.text() == "chest-2"


async def test_a_budget_below_the_forecast_is_told_and_may_be_launched(case: Case) -> None:
    await case.fill_sample()
    case.type("task.budget", "1")
    check = await case.looked()
    assert check.ready
    message = case.page.steps.fields["task.budget"].message
    assert message.text() == f"below the forecast of {euros(UNITS * Decimal('0.05'))}: the run will pause"
    assert "Budget cap is below the forecast: the run will pause" in [item.words for item in check.checklist]


async def test_pay_per_hour_is_held_against_the_floor(case: Case) -> None:
    await case.fill_sample()
    estimate = case.page.steps.estimate
    QTest.keyClicks(estimate, "1 min")
    check = await case.looked()
    assert check.forecast is not None
    assert ("Pay per hour", "€\u00a03.00", "warn") in check.forecast.rows
    assert "Pay per hour is under your floor of €\u00a09.00" in [item.words for item in check.checklist]
    QTest.keyClicks(estimate, " or so")
    assert case.page.steps.estimate_field.error() == "Write it like 90 s or 2 min."
    await case.until(lambda: case.checks[-1].forecast is not check.forecast, "a look without the estimate")
    estimate.clear()
    QTest.keyClicks(estimate, "2 min")
    assert not case.page.steps.estimate_field.error()


async def test_labels_are_chips_that_keys_make_and_take_out(case: Case) -> None:
    labels = case.editor("blueprint.labels")
    assert isinstance(labels, LabelsEditor)
    QTest.keyClicks(labels.line, "cat,dog,bird")
    QTest.keyClick(labels.line, Qt.Key.Key_Return)
    assert labels.value() == ["cat", "dog", "bird"]
    QTest.keyClick(labels.line, Qt.Key.Key_Backspace)
    assert labels.value() == ["cat", "dog"]
    assert case.page.model.form.values.entered["blueprint.labels"] == ["cat", "dog"]


async def test_a_required_qualification_is_made_from_a_row_and_warns_when_nobody_holds_it(case: Case) -> None:
    await case.desktop.store.write(qualifications.create_qualification, "reader", None, case.desktop.clock.now())
    await case.fill_sample()
    case.page.model.refresh()
    required = case.editor("task.qualifications")
    assert isinstance(required, RequirementsEditor)
    await case.until(lambda: required.name_box.count() == 1, "the known names")
    required.add_button.click()
    required.name_box.setEditText("reader")
    required.value_line.setText("one")
    QTest.keyClick(required.value_line, Qt.Key.Key_Return)
    assert "whole number" in required.problem.text()
    required.value_line.setText("2")
    QTest.keyClick(required.value_line, Qt.Key.Key_Return)
    assert required.value() == [{"qualification_name": "reader", "comparator": ">=", "applicable_value": 2}]
    check = await case.looked()
    assert "Nobody holds “reader” yet: nobody can come in" in [item.words for item in check.checklist]


async def test_spans_are_read_as_people_write_them(case: Case) -> None:
    span = case.editor("task.assignment_duration_in_seconds")
    assert isinstance(span, SpanEditor)
    assert span.text() == "30 min"
    span.selectAll()
    QTest.keyClicks(span, "1 h 30 min")
    assert case.page.model.form.values.entered["task.assignment_duration_in_seconds"] == 5400


async def test_what_is_no_span_of_time_is_told_how_to_write_one(case: Case) -> None:
    case.type("task.assignment_duration_in_seconds", "soonish")
    await case.looked()
    field = case.page.steps.fields["task.assignment_duration_in_seconds"]
    assert field.error() == "Write it like 30 min, 2 h or 3 days."
    case.type("task.assignment_duration_in_seconds", "5 s")
    await case.until(lambda: "at least 10" in field.error(), "the bound")


async def test_a_form_saved_as_yaml_loads_as_the_same_task(case: Case, tmp_path: Path) -> None:
    await case.fill_sample()
    case.type("task.task_reward", "0.07")
    await case.looked()
    path = tmp_path / "task.yaml"
    case.page.model.save_yaml(path)
    await case.until(path.exists, "the file")
    config = configs.load_task_file(path)
    assert config.task.task_reward == Decimal("0.07")
    assert config.blueprint_type == "image_label"
    case.page.model.form.start_over()
    case.page.model.open_yaml(path)
    await case.until(lambda: case.page.model.form.title == "What shape is it?", "the form is filled again")
    reward = case.editor("task.task_reward")
    assert isinstance(reward, LineEditor)
    assert reward.text() == "0.07"


async def test_a_wrong_yaml_says_file_line_and_the_nearest_key_and_leaves_the_form(case: Case, tmp_path: Path) -> None:
    await case.fill_sample()
    path = tmp_path / "wrong.yaml"
    path.write_text(SAMPLE_TASK.read_text("utf-8").replace("task_reward", "task_rewart"), "utf-8")
    case.page.model.open_yaml(path)
    await case.until(case.page.banner.isVisible, "the sentence")
    text = case.page.banner.text()
    assert "wrong.yaml:8" in text
    assert "task_reward" in text
    assert "Traceback" not in text
    assert case.page.model.form.title == "What shape is it?"


async def test_a_task_file_that_is_ordered_is_launched_with_the_values_laid_over_it(case: Case) -> None:
    case.page.open_at({"order": SAMPLE_TASK, "overrides": ("task.task_reward=0.10",)})
    await case.until(lambda: bool(case.gone), "the Run page")
    place, where = case.gone[0]
    assert place == "runs"
    (row,) = await case.desktop.store.read(tasks.list_task_runs)
    assert where == {"run_id": row.task_run_id}
    assert configs.from_yaml(row.init_params).task.task_reward == Decimal("0.10")
    await case.desktop.operator.stop(row.task_run_id)


async def test_an_order_with_wrong_values_fills_the_form_and_marks_them(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    text = SAMPLE_TASK.read_text("utf-8").replace("image_list: shapes/images.csv", "image_list: nowhere.csv")
    path.write_text(text.replace("task_tags", "task_tagz"), "utf-8")
    case.page.open_at({"order": path, "overrides": ("task.task_reward=-3", "blueprint.labels=square")})
    await case.until(lambda: bool(case.page.banner.text()), "the sentence")
    words = case.page.banner.text()
    assert "wrong.yaml" in words or "command line" in words
    assert "Nothing was launched." in words
    await case.until(lambda: bool(case.page.steps.fields["task.task_reward"].error()), "the mark")
    assert "at least 0" in case.page.steps.fields["task.task_reward"].error()
    assert case.page.model.form.title == "What shape is it?"
    assert case.page.steps.editors["task.task_reward"].text() == "-3"
    labels = case.editor("blueprint.labels")
    assert isinstance(labels, LabelsEditor)
    assert labels.value() == ["square"]
    assert case.page.steps.steps[2].mark.state() == "bad"
    assert await case.desktop.store.read(tasks.list_task_runs) == []
    assert not case.gone


async def test_a_key_that_the_form_has_no_field_for_is_named(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(SAMPLE_TASK.read_text("utf-8").replace("task_tags", "task_tagz"), "utf-8")
    case.page.open_at({"order": path, "overrides": ("task.task_reward=-1",)})
    await case.until(case.page.banner.isVisible, "the sentence")
    assert "no field for task.task_tagz: left out" in case.page.banner.text()


async def test_rows_that_an_order_leaves_out_are_told(case: Case, tmp_path: Path) -> None:
    said: list[Toast] = []
    case.desktop.toasts.added.connect(said.append)
    shutil.copy(SAMPLE_TASK.parent / "shapes" / "shape_01.jpg", tmp_path / "cat.jpg")
    (tmp_path / "list.csv").write_text("image\ncat.jpg\nnope.png\n", "utf-8")
    case.page.open_at({"order": SAMPLE_TASK, "overrides": (f"blueprint.image_list={tmp_path}/list.csv",)})
    await case.until(lambda: bool(said), "the toast")
    assert said[0].text.startswith("1 row of the data left out: line 3: nope.png is not there.")
    assert said[0].tone == "warn"
    (row,) = await case.desktop.store.read(tasks.list_task_runs)
    await case.desktop.operator.stop(row.task_run_id)


async def test_an_order_that_names_no_file_says_so(case: Case, tmp_path: Path) -> None:
    case.page.open_at({"order": tmp_path / "none.yaml", "overrides": ()})
    await case.until(case.page.banner.isVisible, "the sentence")
    assert case.page.banner.text() == f"{tmp_path}/none.yaml: There is no such file. Nothing was launched."
    assert case.page.sample.isVisible()


async def test_an_override_that_cannot_be_read_leaves_the_file_in_the_form(case: Case) -> None:
    case.page.open_at({"order": SAMPLE_TASK, "overrides": ("task.task_reward",)})
    await case.until(case.page.banner.isVisible, "the sentence")
    assert '"task.task_reward" is not an override' in case.page.banner.text()
    assert case.page.model.form.title == "What shape is it?"
    assert not case.gone


async def test_rows_that_cannot_be_used_are_told_by_line(case: Case, tmp_path: Path) -> None:
    await case.fill_sample()
    shutil.copy(SAMPLE_TASK.parent / "shapes" / "shape_01.jpg", tmp_path / "cat.jpg")
    listing = tmp_path / "list.csv"
    listing.write_text("image\ncat.jpg\nnope.png\n", "utf-8")
    path = case.editor("blueprint.image_list")
    assert isinstance(path, PathEditor)
    path.take(str(listing))
    await case.until(lambda: bool(case.checks[-1].preview and case.checks[-1].preview.left_out), "the row left out")
    preview = case.checks[-1].preview
    assert preview is not None
    assert preview.items == 1
    assert preview.left_out == ("line 3: nope.png is not there.",)
    rows = case.page.steps.rows
    assert rows.left_out.text() == "1 row left out: line 3: nope.png is not there"
    assert not rows.list.isVisible()
    rows.more.click()
    assert rows.list.isVisible()


async def test_data_too_large_to_count_at_once_is_counted_behind(case: Case, tmp_path: Path) -> None:
    await case.fill_sample()
    shutil.copy(SAMPLE_TASK.parent / "shapes" / "shape_01.jpg", tmp_path / "cat.jpg")
    listing = tmp_path / "list.csv"
    listing.write_text("image\n" + "cat.jpg\n" * 3000, "utf-8")
    path = case.editor("blueprint.image_list")
    assert isinstance(path, PathEditor)
    path.take(str(listing))
    await case.until(lambda: case.page.launch_button.text() == "Launch 9\u00a0000 units", "the count")
    assert case.page.side.total.text() == "€\u00a0450.00"


async def test_choosing_another_kind_brings_its_own_fields(case: Case) -> None:
    assert "blueprint.labels" in case.page.steps.editors
    case.page.steps.kind.setValue("mock")
    case.page.steps.kind.edited.emit()
    assert "blueprint.labels" not in case.page.steps.editors
    assert "blueprint.num_assignments" in case.page.steps.editors
    case.page.steps.kind.setValue("static_html")
    case.page.steps.kind.edited.emit()
    assert "blueprint.task_source" in case.page.steps.editors


async def test_the_focus_stays_where_a_kind_was_chosen(case: Case) -> None:
    case.page.activateWindow()
    case.page.steps.kind.setFocus()
    case.page.steps.folds()[0].setOpen(True)
    case.page.steps.kind.setValue("static_html")
    case.page.steps.kind.edited.emit()
    assert QApplication.focusWidget() is case.page.steps.kind
    assert case.page.steps.folds()[0].is_open()
    card = case.page.steps.providers.cards["inhouse"]
    card.setFocus()
    QTest.keyClick(card, Qt.Key.Key_Right)
    assert QApplication.focusWidget() is case.page.steps.providers.cards["mock"]
    assert case.page.model.form.values.provider_type == "mock"


@pytest.mark.parametrize("kind", ["image_label", "static_html"])
async def test_tab_comes_by_every_field_once_in_the_order_they_are_seen_in(case: Case, kind: str) -> None:
    await case.fill_sample()
    case.page.activateWindow()
    for one in (kind, "mock", kind):  # fields that were made anew have their places too
        case.page.steps.kind.setValue(one)
        case.page.steps.kind.edited.emit()
    for fold in case.page.steps.folds():
        fold.setOpen(True)
    case.page.show_rehearsal()
    await case.looked()
    case.page.steps.kind.setFocus(Qt.FocusReason.TabFocusReason)
    met: list[QWidget] = []
    while (now := QApplication.focusWidget()) is not None and now not in met:
        met.append(now)
        QTest.keyClick(now, Qt.Key.Key_Tab)
    assert now is case.page.steps.kind, "it ends where it began"
    places = [one.mapTo(case.page.steps, QPoint(0, 0)) for one in met if case.page.steps.isAncestorOf(one)]
    cards = [next(step for step in case.page.steps.steps if step.isAncestorOf(one)) for one in met[: len(places)]]
    assert [case.page.steps.steps.index(card) for card in cards] == sorted(
        case.page.steps.steps.index(card) for card in cards
    )
    assert all(after.y() > before.y() - 40 for before, after in itertools.pairwise(places))
    entries = {getattr(editor, "entry", editor) for editor in case.page.steps.editors.values()}
    wanted = {entry for entry in entries if entry.isEnabled()}  # those of a gate that is not used are not
    assert wanted <= set(met)
    assert len(wanted) > len(entries) // 2
    assert case.page.side.rehearsal.start in met
    assert case.page.launch_button in met
    if kind == "image_label":
        labels = case.editor("blueprint.labels")
        assert isinstance(labels, LabelsEditor)
        chips = [one for one in met if isinstance(one, RemovableChip)]
        assert [one.text() for one in chips] == labels.value()
        assert met.index(labels.line) == met.index(chips[-1]) + 1


async def test_what_is_wrong_inside_a_fold_opens_it(case: Case) -> None:
    await case.fill_sample()
    fold = next(one for one in case.page.steps.folds() if one.isAncestorOf(case.page.steps.fields["task.currency"]))
    assert not fold.is_open()
    case.page.model.form.enter("task.currency", "euros")
    await case.until(fold.is_open, "the fold opens")
    assert "three letters" in case.page.steps.fields["task.currency"].error()


async def test_files_are_chosen_in_a_dialog_that_stops_nothing(case: Case, tmp_path: Path) -> None:
    folder = case.editor("blueprint.image_folder")
    assert isinstance(folder, PathEditor)
    dialog = folder.choose()
    assert isinstance(dialog, QFileDialog)
    dialog.fileSelected.emit(str(tmp_path))
    dialog.close()
    assert case.page.model.form.values.entered["blueprint.image_folder"] == str(tmp_path)


async def test_the_keyboard_is_back_where_it_was_after_a_file_dialog(case: Case) -> None:
    line = case.editor("blueprint.image_folder")
    assert isinstance(line, PathEditor)
    for ask in (line.choose, case.page.ask_open, case.page.ask_save):
        case.page.activateWindow()
        line.setFocus()
        dialog = ask()
        await case.until(dialog.isActiveWindow, "the dialog")
        dialog.reject()
        await case.until(case.page.isActiveWindow, "the page has the keyboard again", 3)
        assert QApplication.focusWidget() is line


async def test_the_workers_page_is_served_and_takes_an_answer_that_is_forgotten(case: Case) -> None:
    await case.fill_sample()
    opened: list[str] = []
    case.page.model.page_ready.disconnect()
    case.page.model.page_ready.connect(opened.append)
    case.page.model.open_preview()
    await case.until(lambda: bool(opened), "the address")
    base = opened[0].split("/enter/")[0]
    async with httpx.AsyncClient(base_url=base, trust_env=False, follow_redirects=True) as browser:
        assert (await browser.get(opened[0])).status_code == 200
        state = (await browser.get("/worker_state")).json()
        assert state["title"] == "What shape is it?"
        assert state["can_take"]
        images = []
        for visit in ("one", "two", "two"):
            registration = {"worker_name": "preview", "assignment_id": visit, "provider_type": "inhouse",
                            "agent_registration_id": f"{visit}-preview"}  # fmt: skip
            answer = await browser.post("/request_agent", json={"provider_data": registration, "client_timestamp": 0})
            details = answer.json()["data"]
            images.append(details["init_task_data"]["image"])
        assert images[0] != images[1]
        assert images[1] == images[2], "the same page again shows the same row"
        refused = await browser.post(
            "/submit_task", json={"USED_AGENT_ID": details["agent_id"], "final_data": {}, "client_timestamp": 0}
        )
        assert refused.status_code != 200, "it is checked as a run would check it"
        taken = await browser.post(
            "/submit_task",
            json={"USED_AGENT_ID": details["agent_id"], "final_data": {"labels": ["star"]}, "client_timestamp": 0},
        )
        assert taken.json() == {"status": "Submitted!"}
    assert await case.desktop.store.read(tasks.list_task_runs) == []
    await case.until(lambda: "The worker’s page was opened" in _words(case), "the check list")


async def test_a_rehearsal_is_done_aside_and_told(case: Case) -> None:
    await case.fill_sample()
    case.page.show_rehearsal()
    panel = case.page.side.rehearsal
    panel.workers.setValue(3)
    panel.units.setValue(12)
    panel.rudeness.setValue(0)
    panel.drop_out.setValue(0)
    case.page.activateWindow()
    panel.start.setFocus()
    panel.start.click()
    assert QApplication.focusWidget() is panel.cancel
    await case.until(lambda: bool(case.page.model.rehearsal.rows) or bool(panel.problem.text()), "its end", 60)
    assert panel.problem.text() == ""
    assert QApplication.focusWidget() is panel.start
    done = panel.result.value("Units done")
    assert isinstance(done, QLabel)
    assert int(done.text()) >= 12
    assert await case.desktop.store.read(tasks.list_task_runs) == []
    await case.until(lambda: any(words.startswith("Rehearsed with") for words in _words(case)), "the check list")


def _words(case: Case) -> list[str]:
    return [item.words for item in case.page.side.checklist.items()]
