"""Submissions for the review page: of every blueprint, with files, of runs whose blueprint cannot be read any more."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPointF, QUrl
from PySide6.QtGui import QImage, QTextDocument
from PySide6.QtWidgets import QApplication, QLabel

from app.data.files import run_folder
from app.data.repo import assignments, people, submissions
from app.data.store import Session
from app.errors import EntryDoesNotExist
from app.operations.configuration import config as configs
from app.viewmodels.desktop import Desktop
from app.viewmodels.review_submission import Submission, SubmissionShelf, describe_record
from app.views.image_canvas import Box, ImageCanvas
from app.views.submission_view import AnsweredPage, AnswerRow, SubmissionView
from tests.fakes.data_rows import hand_in, take
from tests.gui.desk_case import ROOT, make_run, open_desktop, sample_config, submit


@pytest.fixture
async def desktop(qapp: QApplication, tmp_path: Path) -> AsyncIterator[Desktop]:
    async with open_desktop(tmp_path) as opened:
        yield opened


async def _answer(desktop: Desktop, run_id: int, outputs: Any, files: list[dict[str, Any]] | None = None) -> int:
    """One worker takes the next unit and answers it so; the unit."""

    def write(session: Session) -> int:
        now = desktop.clock.now()
        worker = people.get_or_create_worker(session, "mira.k", "inhouse", now)
        agent = take(session, run_id, worker, now=now)
        data = assignments.get_assignment_data(session, agent.assignment_id)
        done = now + timedelta(seconds=42)
        hand_in(session, agent.agent_id, outputs, done, inputs={**data["shared"]}, files=files or [])
        return agent.unit_id

    return await desktop.store.write(write)


async def _read(desktop: Desktop, unit_id: int) -> Submission:
    shelf = SubmissionShelf(desktop.store, desktop.settings)
    return await shelf.get(unit_id)


async def test_boxes_stand_on_the_image_with_the_colours_of_their_labels(desktop: Desktop) -> None:
    run_id = await make_run(desktop, sample_config())
    boxes = [{"label": "star", "left": 10, "top": 20, "width": 30, "height": 40}]
    unit = await _answer(desktop, run_id, {"labels": ["star"], "boxes": boxes, "comment": "lower left"})
    shown = await _read(desktop, unit)
    assert shown.image is not None
    assert shown.label_order == ("circle", "square", "triangle", "star")
    assert shown.facts.startswith(f"U-{unit} · 0:42 · €")
    view = SubmissionView()
    view.setSubmission(shown)
    (box,) = view.card.canvas.boxes()
    assert (box.word, box.left, box.top, box.width, box.height, box.color) == ("1 star", 10, 20, 30, 40, 3)
    view.deleteLater()


async def test_an_answered_page_is_shown_as_text_and_fetches_nothing(desktop: Desktop) -> None:
    config = configs.load_task_file(ROOT / "examples" / "static_html" / "task.yaml")
    run_id = await make_run(desktop, config)
    (unit,) = await submit(desktop, run_id, config, 1)
    shown = await _read(desktop, unit)
    assert shown.view.fields
    assert "<script" not in shown.view.html
    page = AnsweredPage()
    kind = QTextDocument.ResourceType.ImageResource.value
    assert page.loadResource(kind, QUrl("https://example.org/tracker.png")) is None
    assert page.loadResource(QTextDocument.ResourceType.StyleSheetResource.value, QUrl("file:///etc/passwd")) is None
    page.deleteLater()


async def test_fields_of_a_plain_task_stand_as_question_and_answer(desktop: Desktop) -> None:
    config = configs.load_task_file(ROOT / "examples" / "mock" / "task.yaml")
    run_id = await make_run(desktop, config)
    unit = await _answer(desktop, run_id, {"answer": "a cat"})
    shown = await _read(desktop, unit)
    assert shown.view.fields == (("What comes to mind at number 0?", "a cat"),)
    assert shown.image is None


async def test_rubbish_is_shown_as_what_it_is(desktop: Desktop) -> None:
    run_id = await make_run(desktop, sample_config())
    unit = await _answer(desktop, run_id, ["no", {"answer": 7}])
    shown = await _read(desktop, unit)
    view = SubmissionView()
    view.setSubmission(shown)
    assert shown.view.labels == ()
    view.deleteLater()


async def test_a_run_whose_configuration_is_gone_still_shows_its_answers(desktop: Desktop) -> None:
    run_id = await make_run(desktop, sample_config())
    unit = await _answer(desktop, run_id, {"labels": ["star"]})
    gone = "UPDATE task_runs SET init_params = 'mephisto: {blueprint: {_blueprint_type: gone}}'"
    await desktop.store.write(lambda session: session.connection().exec_driver_sql(gone).rowcount)
    shown = await _read(desktop, unit)
    assert shown.view.fields == (("labels", "['star']"),)


async def test_uploaded_files_are_found_where_they_were_put_and_nowhere_else(desktop: Desktop) -> None:
    run_id = await make_run(desktop, sample_config(), project="Shapes: 3/4")
    entry = {"original_name": "cat.png", "field": "photo", "mimetype": "image/png", "size": 2048, "sha256": ""}
    unit = await _answer(
        desktop, run_id, {"labels": ["star"]}, [{**entry, "filename": "0a1b.png"}, {**entry, "filename": "../../vault"}]
    )
    shelf = SubmissionShelf(desktop.store, desktop.settings)
    folder = (await shelf.get(unit)).folder
    assert folder.is_relative_to(run_folder(desktop.settings.runs_dir, "Shapes: 3/4", run_id))
    folder.mkdir(parents=True)
    (folder / "0a1b.png").write_bytes(b"x" * 2048)
    shelf.forget(None)
    first, second = (await shelf.get(unit)).files
    assert (first.name, first.size, first.path) == ("cat.png", "2.0 KiB", folder / "0a1b.png")
    assert second.path is None


async def test_what_nobody_submitted_is_not_there(desktop: Desktop) -> None:
    run_id = await make_run(desktop, sample_config())
    with pytest.raises(EntryDoesNotExist):
        await _read(desktop, 1)
    with pytest.raises(EntryDoesNotExist):
        await desktop.store.read(submissions.get_work_record, 99, run_id)


async def test_a_record_counts_what_a_worker_did_and_how_far_they_agree(desktop: Desktop) -> None:
    config = sample_config(task_reward="0.12")
    run_id = await make_run(desktop, config, rounds=2)
    await submit(desktop, run_id, config, 60, names=("a", "b", "c"))
    worker = await desktop.store.read(people.find_worker, "a", "inhouse")
    assert worker is not None
    record = describe_record(await desktop.store.read(submissions.get_work_record, worker, run_id))
    rows = dict(record.rows)
    assert rows["Done"] == "20 units, 1 run"
    assert rows["Paid"] == "€\u00a00.00"
    assert rows["Agreement"].endswith("· 20 items")
    assert record.confusion is not None
    assert sum(sum(row) for row in record.confusion[1]) <= 20
    assert sum(record.times) == 20


def test_the_canvas_zooms_around_the_point_and_comes_back(qapp: QApplication) -> None:
    canvas = ImageCanvas()
    canvas.resize(400, 400)
    canvas.setImage(QImage(100, 100, QImage.Format.Format_RGB32), [Box("a", 10, 10, 20, 20)])
    assert canvas.scale() == pytest.approx(4.0)
    fixed = QPointF(10, 10)
    at = canvas.to_screen(fixed)
    canvas.zoom_by(2.0, at)
    assert canvas.scale() == pytest.approx(8.0)
    after = canvas.to_screen(fixed)
    assert (after - at).manhattanLength() < 0.01
    canvas.setImage(QImage(100, 100, QImage.Format.Format_RGB32), same=True)
    assert canvas.scale() == pytest.approx(8.0), "the same image stays as it is looked at"
    canvas.zoom_by(0.1)
    assert canvas.scale() == pytest.approx(4.0)
    canvas.setImage(None, message="gone")
    assert not canvas.has_image()
    canvas.deleteLater()


def test_a_long_answer_of_another_worker_is_no_narrow_column(qapp: QApplication) -> None:
    row = AnswerRow("Others")
    row.resize(420, 200)
    row.show()
    row.add_words("mira.k (earlier, rejected): 5 · because of the second line, which is not what the picture shows")
    QApplication.processEvents()
    (words,) = [each for each in row.findChildren(QLabel) if "mira.k" in each.text()]
    assert words.width() >= 240
    row.deleteLater()
