"""Review: the queue at the left, the submission in the middle, its worker at the right; all of it by keyboard."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QHBoxLayout, QMenu, QSplitter, QVBoxLayout, QWidget

from app.viewmodels.desktop import Desktop
from app.viewmodels.formats import count_of
from app.viewmodels.review import QUEUES, ReviewViewModel
from app.viewmodels.review_submission import Submission
from app.viewmodels.worker_actions import Subjects
from app.views.page import Offer, Page
from app.views.record_view import WorkerRecordView
from app.views.review_asks import ReviewAsks
from app.views.review_bar import ReviewBar
from app.views.submission_view import SubmissionView
from app.views.table_pane import TablePane
from app.views.widgets.buttons import Button
from app.views.widgets.headers import PageHeader
from app.views.widgets.labels import hairline
from app.views.widgets.panels import EmptyPanel
from app.views.widgets.pills import Chip, ChipRow
from app.views.worker_actions import ActionDesk


class ReviewPage(Page):
    """The place where work is judged."""

    def __init__(self, desktop: Desktop, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.desktop = desktop
        self.model = ReviewViewModel(desktop, self)
        self.submission: Submission | None = None
        self.header = PageHeader("Review", "All runs")
        self._fill_header()
        self.pane = self._make_pane()
        self.view = SubmissionView()
        self.asks = ReviewAsks(self.model)
        self.bar = ReviewBar()
        self.record = WorkerRecordView()
        self.desk = ActionDesk(desktop, self)
        self._lay_out()
        self._connect()
        self._show_state()

    # What the frame asks

    def open_at(self, where: Mapping[str, Any]) -> None:
        """`run_id=...` shows the queue of one run (None: of all); `queue=...` one of the chips."""
        if "run_id" in where:
            self.model.set_scope(None if where["run_id"] is None else int(where["run_id"]))
        else:
            self.model.refresh()
        if where.get("queue") in QUEUES:
            self._choose_queue([str(where["queue"])])
        self.pane.view.setFocus(Qt.FocusReason.OtherFocusReason)

    def left(self) -> None:
        self.model.rest()

    def offers(self) -> list[Offer]:
        """Every decision with its key."""
        key = self._key
        return [
            Offer("Approve", key(lambda: self.decide("approve")), "A", "ph.check"),
            Offer("Soft-reject: paid, but below the bar", key(lambda: self.decide("soft_reject")), "S", "ph.minus"),
            Offer("Reject with a reason", key(lambda: self.decide("reject")), "R", "ph.x"),
            Offer("Pay a bonus", key(self.ask_bonus), "B", "ph.gift"),
            Offer("Flag, or take the flag off", key(self.flag), "X", "ph.flag"),
            Offer("Next submission", key(lambda: self.step(1)), "J", "ph.arrow-down"),
            Offer("Previous submission", key(lambda: self.step(-1)), "K", "ph.arrow-up"),
            Offer("Read on in a long submission", key(lambda: self.view.scroll_by(0.9)), "Space"),
            Offer("Back up in a long submission", key(lambda: self.view.scroll_by(-0.9)), "Shift+Space"),
            Offer("Take back the last decision", key(self.model.decisions.undo), "U", "ph.arrow-u-up-left"),
            Offer("Approve all of this worker", key(lambda: self.decide_all_of_worker("approve")), "Shift+A"),
            Offer("Soft-reject all of this worker", key(lambda: self.decide_all_of_worker("soft_reject")), "Shift+S"),
            Offer("Reject all of this worker", key(lambda: self.decide_all_of_worker("reject")), "Shift+R"),
            Offer("Decide by rule", key(self.ask_rule), "Shift+D", "ph.funnel"),
            Offer("Enlarge the image", key(lambda: self.view.card.canvas.zoom_by(1.25)), "+"),
            Offer("Show the whole image", key(self.view.card.canvas.fit), "0"),
        ]

    def toast_place(self) -> QWidget | None:
        """Over the queue: a toast comes with every decision and must hide neither the next work nor the buttons."""
        return self.pane

    # What is done

    def decide(self, verdict: str) -> None:
        """One unit at once; a rejection and many units through the panel, which says what it costs."""
        ids = self._selected()
        if not ids or (len(ids) == 1 and not self._is_seen(ids[0])):
            return
        if len(ids) == 1 and verdict != "reject":
            self._send(ids, verdict, "")
        else:
            self.asks.decide(verdict, ids, self._words_of(ids))

    def decide_all_of_worker(self, verdict: str) -> None:
        """Everything that waits of the worker of the shown submission, through the panel."""
        if self.submission is not None:
            self.asks.decide_all_of(self.submission, verdict)

    def ask_bonus(self) -> None:
        """Open the panel for a bonus to the worker of the shown submission."""
        if self.submission is not None:
            self.asks.pay_bonus(self.submission)

    def ask_rule(self) -> None:
        """Open the panel that decides by rule."""
        self.asks.decide_by_rule()

    def flag(self) -> None:
        """Flag what is selected, or take the flag off."""
        if ids := self._selected():
            self.model.flag(ids)

    def step(self, by: int) -> None:
        """Go to the next submission (1) or the previous one (-1)."""
        rows = len(self.model.table.ids)
        if rows:
            row = self.pane.view.currentIndex().row()
            self._go_to(min(max(row + by, 0), rows - 1))

    # Laying out

    def _fill_header(self) -> None:
        self.run_chip = Chip("All runs", checkable=False, menu_mark=True)
        self.run_chip.setAccessibleName("Which run")
        self.run_chip.clicked.connect(lambda: self.run_menu().popup(_below(self.run_chip)))
        self.header.chips.addWidget(self.run_chip)
        self.chips = ChipRow([(key, queue.words) for key, queue in QUEUES.items()])
        self.chips.setKeys(["to_review"])
        self.chips.changed.connect(self._choose_queue)
        self.header.chips.addWidget(self.chips)
        self.undo_button = Button("Undo", keys="U")
        self.rule_button = Button("Decide by rule…")
        self.header.buttons.addWidget(self.undo_button)
        self.header.buttons.addWidget(self.rule_button)

    def run_menu(self) -> QMenu:
        """Which run's queue is shown."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for run_id, words in [(None, "All runs"), *self.model.runs[:30]]:
            action = menu.addAction(words)
            action.setCheckable(True)
            action.setChecked(run_id == self.model.run_id)
            action.triggered.connect(lambda _on=False, run_id=run_id: self.model.set_scope(run_id))
        return menu

    def _make_pane(self) -> TablePane:
        empty = EmptyPanel(
            "ph.checks", "Nothing waits for review", "Submissions arrive here the moment that workers send them."
        )
        pane = TablePane(
            self.model.table,
            self.desktop.ui_state,
            f"review.{QUEUES[self.model.queue].listing}",
            self.desktop.toasts,
            self.desktop.background,
            placeholder="Filter",
            empty=empty,
            saved_views=True,
        )
        pane.setObjectName("panel")
        pane.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        pane.bar.setContentsMargins(12, 8, 8, 8)
        pane.search.setMinimumWidth(100)
        pane.search.setToolTip("Words of the worker, the answer, the item, or a unit such as U-18240")
        pane.view.setAccessibleName("Submissions to review")
        pane.view.current_changed.connect(self._show_current)
        pane.view.selection_changed.connect(self._show_state)
        pane.view.menu_asked.connect(self._open_menu)
        pane.model.relisted.connect(self._ensure_current)
        pane.model.rowsRemoved.connect(lambda *_: self._ensure_current())
        pane.model.rowsInserted.connect(lambda *_: self._ensure_current())
        return pane

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.header)
        layout.addWidget(hairline())
        row = QHBoxLayout()
        row.setSpacing(0)
        layout.addLayout(row, 1)
        self.split = QSplitter(Qt.Orientation.Horizontal)
        self.split.setChildrenCollapsible(False)
        self.split.setHandleWidth(1)
        middle = QWidget()
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.view, 1)
        column.addWidget(self.asks)
        column.addWidget(self.bar)
        middle.setMinimumWidth(360)
        self.pane.setMinimumWidth(320)
        self.split.addWidget(self.pane)
        self.split.addWidget(middle)
        self.split.setStretchFactor(0, 0)
        self.split.setStretchFactor(1, 1)
        self.split.setSizes([402, 560])
        row.addWidget(self.split, 1)
        row.addWidget(self.record)

    def _connect(self) -> None:
        model = self.model
        model.submission_changed.connect(self._show_submission)
        model.record_changed.connect(self.record.setRecord)
        model.counts_changed.connect(self._show_counts)
        model.scope_changed.connect(self._replace_pane)
        model.runs_changed.connect(self._show_run)
        model.failed.connect(self.desktop.fail)
        self.undo_button.clicked.connect(model.decisions.undo)
        self.rule_button.clicked.connect(self.ask_rule)
        self.bar.decided.connect(self.decide)
        self.bar.bonus_asked.connect(self.ask_bonus)
        self.bar.flag_asked.connect(self.flag)
        self.record.all_asked.connect(self.decide_all_of_worker)
        self.asks.decided.connect(self._send)
        self.asks.left.connect(self._focus_queue)

    def _key(self, call: Callable[[], object]) -> Callable[[], object]:
        """A call that a key makes, unless a sheet or another window has the focus."""

        def guarded() -> None:
            focus = QApplication.focusWidget()
            if focus is None or focus is self or self.isAncestorOf(focus) or self.isAncestorOf(focus.window()):
                call()

        return guarded

    # The queue

    def _replace_pane(self) -> None:
        before, self.pane = self.pane, self._make_pane()
        sizes = self.split.sizes()
        self.split.replaceWidget(0, self.pane)
        self.pane.setMinimumWidth(320)
        self.split.setSizes(sizes)
        before.hide()
        before.deleteLater()
        self._show_run()
        self._show_submission(None)

    def _show_run(self) -> None:
        run_id = self.model.run_id
        self.run_chip.setLabel("All runs" if run_id is None else f"Run {run_id}")
        self.run_chip.setToolTip(self.model.run_words)
        if self.submission is None:
            self.header.setWords("Review", self.model.run_words)

    def _choose_queue(self, keys: list[str]) -> None:
        self.chips.setKeys(keys)
        if keys:
            self.model.set_queue(keys[0])
            self.model.refresh()

    def _show_counts(self, counts: Mapping[str, int]) -> None:
        for key, count in counts.items():
            self.chips.setCount(key, count)

    def _ensure_current(self) -> None:
        """Where the cursor stood nothing stands any more: go on with the row that took its place."""
        if len(self.model.table.ids) and self.pane.view.current_id() is None:
            self._go_to(0)
        elif self.pane.view.current_id() != self.model.shown:
            self._show_current(self.pane.view.current_id())

    def _go_to(self, row: int) -> None:
        self.pane.view.selectRow(row)
        self.pane.view.scrollTo(self.model.table.index(row, 0))

    def _show_current(self, unit_id: object) -> None:
        if unit_id == self.model.shown:
            return
        row = self.pane.view.currentIndex().row()
        following = self.model.table.ids[row + 1 : row + 6] if row >= 0 else ()
        self.model.show(unit_id if isinstance(unit_id, int) else None, list(following))

    def _selected(self) -> list[int]:
        ids = list(self.pane.view.selected_ids())
        current = self.pane.view.current_id()
        return ids or ([current] if current is not None else [])

    def _is_seen(self, unit_id: int) -> bool:
        """Nothing is decided in the instant before its submission stands on the page."""
        return self.submission is not None and self.submission.unit_id == unit_id

    def _words_of(self, ids: Sequence[int]) -> str:
        shown = self.submission
        if len(ids) == 1 and shown is not None and shown.unit_id == ids[0]:
            return f"U-{shown.unit_id} of {shown.row.worker_name}"
        return count_of(len(ids), "unit") if len(ids) != 1 else f"U-{ids[0]}"

    def _open_menu(self, place: QPoint) -> None:
        ids = self._selected()
        run_id = self.submission.row.task_run_id if self.submission is not None and len(ids) == 1 else self.model.run_id
        subjects = Subjects("units", ids, run_id, self._words_of(ids) if len(ids) == 1 else "")
        self.desk.menu(subjects, self.pane.copy).popup(place)

    # The submission

    def _show_submission(self, submission: Submission | None) -> None:
        before = self.submission
        self.submission = submission
        if before is None or submission is None or before.unit_id != submission.unit_id:
            self.asks.close_panels()
        self.view.setSubmission(submission)
        self.header.setWords("Review", submission.where if submission is not None else self.model.run_words)
        self._show_state()

    def _show_state(self) -> None:
        shown = self.submission
        selected = self.pane.view.selected_count()
        self.pane.count.setVisible(selected <= 1)  # the bar below says how many are selected
        self.bar.show_state(
            selected or (1 if shown is not None else 0),
            shown=shown is not None,
            waiting=shown is not None and shown.row.status == "completed",
            rejected=shown is not None and shown.row.status == "rejected",
        )

    # Decisions

    def _send(self, ids: Sequence[int], verdict: str, note: str) -> None:
        """Decide, and go on at once: the reviewer does not wait for the database."""
        words = self._words_of(ids)
        self._advance_past(ids)
        self.model.decide(ids, verdict, note, words)

    def _advance_past(self, ids: Sequence[int]) -> None:
        """The next row that is not among these; else the one before them."""
        table, gone = self.model.table.ids, set(ids)
        row = max(self.pane.view.currentIndex().row(), 0)
        after = next((at for at in range(row, min(len(table), row + len(gone) + 1)) if table[at] not in gone), None)
        if after is None:
            after = next((at for at in range(min(row, len(table)) - 1, -1, -1) if table[at] not in gone), None)
        if after is not None:
            self._go_to(after)
        self._focus_queue()

    def _focus_queue(self) -> None:
        self.pane.view.setFocus(Qt.FocusReason.OtherFocusReason)


def _below(widget: QWidget) -> QPoint:
    return widget.mapToGlobal(widget.rect().bottomLeft())
