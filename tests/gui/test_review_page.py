"""The review page, driven by keys over a real database."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel

from app.clock import TurnedClock
from app.data.repo import assignments, reviews, submissions
from app.data.states import AgentStatus, UnitStatus
from app.operations.desk.review import Decided
from app.viewmodels.action import end_all_actions
from app.viewmodels.desktop import Desktop
from app.viewmodels.review_submission import Submission
from app.viewmodels.window_frame import WindowFrame
from app.views.main_window import MainWindow
from app.views.page import Place
from app.views.review_page import ReviewPage
from tests.gui.desk_case import make_run, open_desktop, sample_config, submit

UNDO = 8


class Case:
    """A window that holds the review page of a run with submissions."""

    def __init__(self, desktop: Desktop, clock: TurnedClock, run_id: int, units: list[int]) -> None:
        self.desktop, self.clock, self.run_id, self.units = desktop, clock, run_id, units
        frame = desktop.parent()
        assert isinstance(frame, WindowFrame)
        self.window = MainWindow(frame, [Place("review", "Review", "ph.checks", lambda: ReviewPage(desktop))])
        self.window.resize(1280, 800)
        self.window.show()
        self.window.begin("review", {"run_id": run_id})
        page = self.window.page()
        assert isinstance(page, ReviewPage)
        self.page = page

    async def until(self, true: Callable[[], bool], what: str) -> None:
        """Wait until something holds; fails with `what` after some seconds."""
        for _ in range(1000):
            if true():
                return
            await asyncio.sleep(0.01)
        pytest.fail(f"never came: {what}")

    async def begin(self) -> None:
        """The queue is listed and its first submission is shown."""
        await self.until(lambda: self.page.submission is not None, "the first submission")
        await self.page.model.settle()
        await self.until(self._is_active, "the window is the active one")
        self.page.pane.view.setFocus()
        await self.until(self.page.pane.view.hasFocus, "the focus")

    async def press(self, key: str, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        """Press a key where the focus is. Offscreen windows lose it now and then: it is given back."""
        await self.until(self._is_active, "the window is the active one")
        target = QApplication.focusWidget() or self.page.pane.view
        QTest.keyClick(target, Qt.Key[f"Key_{key}"], modifier)

    def _is_active(self) -> bool:
        if not self.window.isActiveWindow():
            self.window.raise_()
            self.window.activateWindow()
        return self.window.isActiveWindow()

    async def statuses(self) -> Counter[UnitStatus]:
        """How many units of the run stand where."""
        return Counter(await self.desktop.store.read(assignments.unit_counts, self.run_id))

    async def let_fall_due(self) -> None:
        """Let the undo time pass, and everything that follows from it."""
        await self.page.model.settle()
        await self.clock.turn(UNDO + 1)
        await self.desktop.reviews.apply_due()


@pytest.fixture
async def case(qapp: QApplication, tmp_path: Path) -> AsyncIterator[Case]:
    clock = TurnedClock()
    async with open_desktop(tmp_path, clock, undo_seconds=UNDO) as desktop:
        config = sample_config(task_reward="0.12")
        run_id = await make_run(desktop, config, project="Shapes", rounds=2)
        units = await submit(desktop, run_id, config, 40)
        made = Case(desktop, clock, run_id, units)
        await made.begin()
        yield made
        await made.page.model.settle()
        await end_all_actions()
        made.window.let_close()
        made.window.deleteLater()


def _is_another(page: ReviewPage, shown: Submission) -> bool:
    return page.submission is not None and page.submission.unit_id != shown.unit_id


def _is_there(page: ReviewPage, row: int) -> bool:
    return page.model.table.value(row, "agreement") is not None


async def test_twenty_are_approved_by_key_and_paid_when_the_undo_time_is_over(case: Case) -> None:
    seen = []
    for _ in range(20):
        assert case.page.submission is not None
        seen.append(case.page.submission.unit_id)
        shown = case.page.submission
        await case.press("A")
        await case.until(partial(_is_another, case.page, shown), "the next submission")
    assert len(set(seen)) == 20
    await case.page.model.settle()
    assert (await case.statuses())[UnitStatus.ACCEPTED] == 0, "it can still be taken back"
    await case.let_fall_due()
    counts = await case.statuses()
    assert counts[UnitStatus.ACCEPTED] == 20
    assert counts[UnitStatus.COMPLETED] == 20
    for unit_id in seen:
        assert (await case.desktop.store.read(assignments.get_unit, unit_id)).status is UnitStatus.ACCEPTED
    await case.until(lambda: len(case.page.model.table.ids) == 20, "the decided rows leave the queue")


async def test_the_next_submission_is_there_within_fifty_milliseconds(case: Case) -> None:
    await case.page.model.shelf.settle()
    slowest = 0.0
    for _ in range(4):
        before = case.page.submission
        began = time.thread_time()  # what else the machine does is not counted
        await case.press("J")
        slowest = max(slowest, time.thread_time() - began)
        assert case.page.submission is not None, "it was read in advance"
        assert case.page.submission is not before
        await case.page.model.shelf.settle()
    assert slowest < 0.05


async def test_j_and_k_walk_the_queue(case: Case) -> None:
    first = case.page.model.shown
    await case.press("J")
    second = case.page.model.shown
    assert second != first
    await case.press("K")
    assert case.page.model.shown == first
    await case.press("K")
    assert case.page.model.shown == first, "before the first there is nothing"


async def test_a_rejection_asks_for_its_reason_in_the_page(case: Case) -> None:
    unit_id = case.page.model.shown
    assert unit_id is not None
    await case.press("R")
    panel = case.page.asks.decision
    assert panel.isVisible()
    assert not panel.confirm_button.isEnabled(), "without a reason nothing is rejected"
    panel.note.setPlainText("The box is around the background.")
    await case.until(panel.confirm_button.isEnabled, "the panel is ready")
    QTest.keyClick(panel.note, Qt.Key.Key_Return)
    assert not panel.isVisible()
    await case.let_fall_due()
    assert (await case.desktop.store.read(assignments.get_unit, unit_id)).status is UnitStatus.REJECTED
    (review,) = await case.desktop.store.read(reviews.list_reviews, unit_id=unit_id)
    assert review.review_note == "The box is around the background."
    await case.press("R")
    assert case.page.model.recent_reasons() == ["The box is around the background."]


async def test_escape_leaves_the_panel_without_a_decision(case: Case) -> None:
    await case.press("R")
    case.page.asks.decision.note.setPlainText("no")
    QTest.keyClick(case.page.asks.decision.note, Qt.Key.Key_Escape)
    assert not case.page.asks.decision.isVisible()
    await case.let_fall_due()
    assert (await case.statuses())[UnitStatus.COMPLETED] == 40


async def test_letters_typed_as_a_reason_decide_nothing(case: Case) -> None:
    await case.press("R")
    QTest.keyClicks(case.page.asks.decision.note, "a sad box")
    assert case.page.asks.decision.note.text() == "a sad box"
    QTest.keyClick(case.page.asks.decision.note, Qt.Key.Key_Escape)
    case.page.pane.search.setFocus()
    QTest.keyClicks(case.page.pane.search, "as")
    await case.let_fall_due()
    assert (await case.statuses())[UnitStatus.COMPLETED] == 40


async def test_u_takes_the_last_decision_back(case: Case) -> None:
    unit_id = case.page.model.shown
    await case.press("S")
    await case.page.model.settle()
    await case.until(lambda: unit_id not in case.page.model.table.ids, "the row leaves")
    await case.press("U")
    await case.until(lambda: unit_id in case.page.model.table.ids, "the row is back")
    await case.let_fall_due()
    assert (await case.statuses())[UnitStatus.COMPLETED] == 40


async def test_u_while_a_decision_is_being_sent_takes_that_one_back(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, decide = asyncio.Event(), case.desktop.reviews.decide

    async def slow(*args: Any, **kwargs: Any) -> Decided:
        await gate.wait()
        return await decide(*args, **kwargs)

    monkeypatch.setattr(case.desktop.reviews, "decide", slow)
    await case.press("A")
    await case.until(lambda: case.page.model.decisions._sender.busy, "it is being sent")
    await case.press("U")
    gate.set()
    await case.page.model.decisions._undoer.wait()
    await case.let_fall_due()
    assert (await case.statuses())[UnitStatus.COMPLETED] == 40


async def test_undo_says_for_how_many_it_came_too_late(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    case.desktop.toasts.added.connect(lambda toast: said.append(toast.text))
    case.page.model.decide(case.units[:5], "approve")
    await case.page.model.settle()
    await case.desktop.store.write(reviews.remove_pending_of_units, case.units[:2])
    await case.press("U")
    words = "Taken back for 3 of them, too late for 2: 5 units approved."
    await case.until(lambda: words in [text.replace("\u00a0", " ") for text in said], "the word about it")


async def test_units_that_a_decision_passed_over_are_neither_counted_nor_too_late(case: Case) -> None:
    said: list[str] = []
    case.desktop.toasts.added.connect(lambda toast: said.append(toast.text.replace("\u00a0", " ")))
    await case.desktop.reviews.decide(case.units[:2], AgentStatus.APPROVED, undoable=False)
    case.page.model.decide(case.units[:5], "soft_reject")
    await case.page.model.settle()
    assert said[-1] == "3 units soft-rejected. 2 units did not wait for it."
    await case.press("U")
    await case.until(lambda: any(text.startswith("Taken back") for text in said), "the word about it")
    assert said[-1] == "Taken back: 3 units soft-rejected. 2 units did not wait for it."


async def test_undo_comes_too_late_after_the_decision_was_applied(case: Case) -> None:
    said: list[str] = []
    case.desktop.toasts.added.connect(lambda toast: said.append(toast.text))
    await case.press("A")
    await case.let_fall_due()
    await case.press("U")
    await case.until(lambda: any(text.startswith("Too late") for text in said), "the word about it")
    assert (await case.statuses())[UnitStatus.ACCEPTED] == 1


async def test_many_are_decided_only_after_their_cost_is_shown(case: Case) -> None:
    QTest.keyClick(case.page.pane.view, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert case.page.pane.view.selected_count() == 40
    await case.press("A")
    panel = case.page.asks.decision
    assert panel.isVisible()
    await case.until(lambda: "4.80" in panel.preview.text(), "what it costs")
    assert "40 units" in panel.preview.text()
    assert "no fees" in panel.preview.text()
    QTest.keyClick(panel.note, Qt.Key.Key_Return)
    await case.let_fall_due()
    assert (await case.statuses())[UnitStatus.ACCEPTED] == 40
    await case.until(lambda: not case.page.model.table.ids, "the queue is empty")
    await case.until(case.page.pane.showing_empty, "the empty place speaks")


async def test_everything_of_one_worker_is_decided_together(case: Case) -> None:
    assert case.page.submission is not None
    name = case.page.submission.row.worker_name
    await case.press("S", Qt.KeyboardModifier.ShiftModifier)
    panel = case.page.asks.decision
    await case.until(panel.isVisible, "the panel")
    assert name in panel.title.text()
    await case.until(lambda: "unit" in panel.preview.text(), "what it costs")
    count = len(panel.unit_ids)
    assert count == 4
    QTest.keyClick(panel.note, Qt.Key.Key_Return)
    await case.let_fall_due()
    assert (await case.statuses())[UnitStatus.SOFT_REJECTED] == count


async def test_a_rule_says_what_it_finds_before_it_decides(case: Case) -> None:
    await case.press("D", Qt.KeyboardModifier.ShiftModifier)
    panel = case.page.asks.rule
    assert panel.isVisible()
    await case.until(lambda: "at least one thing" in panel.preview.text(), "an empty rule is refused")
    assert not panel.confirm_button.isEnabled()
    QTest.keyClicks(panel.agree_low, "100")
    await case.until(panel.confirm_button.isEnabled, "the rule finds something")
    found = len(panel.unit_ids)
    assert 0 < found < 40
    assert panel.confirm_button.text() == f"Approve {found} units"
    panel.confirm_button.click()
    await case.let_fall_due()
    assert (await case.statuses())[UnitStatus.ACCEPTED] == found


async def test_a_wrong_rule_is_told_in_words(case: Case) -> None:
    await case.press("D", Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClicks(case.page.asks.rule.time_high, "soon")
    await case.until(lambda: "10 s, 2 min" in case.page.asks.rule.preview.text(), "the sentence")
    assert not case.page.asks.rule.confirm_button.isEnabled()


async def test_a_bonus_is_paid_from_the_panel(case: Case) -> None:
    assert case.page.submission is not None
    worker = case.page.submission.row.worker_id
    await case.press("B")
    panel = case.page.asks.bonus
    assert panel.isVisible()
    QTest.keyClicks(panel.amount_line, "0.5x")
    assert not panel.confirm_button.isEnabled()
    panel.amount_line.setText("0.50")
    panel.reason_line.setText("Careful boxes.")
    QTest.keyClick(panel.reason_line, Qt.Key.Key_Return)
    await case.until(lambda: not panel.isVisible(), "the panel closes")
    said: list[Decimal] = []

    async def bonus() -> Decimal:
        return (await case.desktop.store.read(submissions.get_work_record, worker, case.run_id)).bonuses

    for _ in range(100):
        await case.clock.turn(UNDO + 1)
        said.append(await bonus())
        if said[-1]:
            break
        await asyncio.sleep(0.02)
    assert said[-1] == Decimal("0.50")


async def test_x_flags_and_takes_the_flag_off(case: Case) -> None:
    unit_id = case.page.model.shown
    assert unit_id is not None
    await case.press("X")
    await case.until(lambda: "flag" in (case.page.submission.row.flags if case.page.submission else ()), "the flag")
    assert (await case.desktop.store.read(submissions.get_submission, unit_id)).flags == ("flag",)
    await case.press("X")
    await case.until(lambda: case.page.submission is not None and not case.page.submission.row.flags, "it is off")
    assert (await case.desktop.store.read(submissions.get_submission, unit_id)).flags == ()


async def test_the_chips_narrow_the_queue(case: Case) -> None:
    disputed = case.page.chips
    await case.until(lambda: "disputed" in disputed._chips["disputed"].text(), "the chips")
    disputed._chips["disputed"].click()
    await case.until(lambda: 0 < len(case.page.model.table.ids) < 40, "the disputed ones")
    for row in range(len(case.page.model.table.ids)):
        await case.until(partial(_is_there, case.page, row), "its values")
        agreeing, answers = str(case.page.model.table.value(row, "agreement")).split("/")
        assert int(agreeing) < int(answers)


async def test_what_was_decided_is_listed_and_a_rejection_can_be_taken_back(case: Case) -> None:
    unit_id = case.units[0]
    await case.desktop.reviews.decide([unit_id], AgentStatus.REJECTED, note="no", undoable=False)
    case.page.chips._chips["decided"].click()
    await case.until(lambda: list(case.page.model.table.ids) == [unit_id], "the decided one")
    await case.until(
        lambda: case.page.submission is not None and case.page.submission.row.status == "rejected", "it is shown"
    )
    case.page.pane.view.setFocus()
    await case.press("A")
    await case.let_fall_due()
    assert (await case.desktop.store.read(assignments.get_unit, unit_id)).status is UnitStatus.ACCEPTED


async def test_the_submission_is_shown_with_what_others_said_and_the_worker_beside_it(case: Case) -> None:
    case.page.step(1)
    await case.page.model.settle()
    shown = case.page.submission
    assert shown is not None
    assert case.page.view.card.canvas.has_image()
    assert shown.view.labels
    assert {other.worker_name for other in shown.others} == {"mira.k", "lena-w"}
    await case.until(lambda: case.page.record.name.text() == shown.row.worker_name, "the worker's record")
    done = case.page.record.figures.value("Done")
    assert isinstance(done, QLabel)
    assert done.text() == "4 units, 1 run"


async def test_rows_that_arrive_do_not_move_what_is_looked_at(case: Case) -> None:
    case.page.step(3)
    shown = case.page.model.shown
    config = sample_config(task_reward="0.12")
    await submit(case.desktop, case.run_id, config, 6, names=("newcomer", "other"), seed=9)
    await case.until(lambda: len(case.page.model.table.ids) == 46, "the new rows")
    assert case.page.model.shown == shown
    assert case.page.pane.view.current_id() == shown


async def test_space_reads_on_in_a_submission_that_is_longer_than_the_view(case: Case) -> None:
    await case.begin()
    case.page.view.card.page.setHtml("<p>A line</p>" * 200)
    case.page.view.card.page.show()
    bar = case.page.view.verticalScrollBar()
    await case.until(lambda: bar.maximum() > 2 * bar.pageStep(), "a submission that is long")
    await case.press("Space")
    await case.until(lambda: bar.value() > bar.pageStep() // 2, "the next part of it")
    await case.press("Space", Qt.KeyboardModifier.ShiftModifier)
    await case.until(lambda: bar.value() == 0, "its beginning")


async def test_in_a_narrow_queue_the_filter_lies_under_nothing(case: Case) -> None:
    await case.begin()
    pane = case.page.pane
    pane.setFixedWidth(320)
    await case.until(lambda: pane.width() == 320, "the narrow queue")
    await case.until(lambda: pane.search.geometry().right() < pane.saved_views.geometry().left(), "room for both")
