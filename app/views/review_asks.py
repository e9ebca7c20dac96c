"""What the review page asks before it decides: a reason, an amount, a rule; and what that would cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.viewmodels.action import Action
from app.viewmodels.decisions import cost_words
from app.viewmodels.formats import count_of
from app.viewmodels.review import ReviewViewModel
from app.viewmodels.review_decisions import VERDICTS
from app.viewmodels.review_rules import RuleForm
from app.viewmodels.review_submission import Submission
from app.views.review_panels import BonusPanel, DecisionPanel, InlinePanel, RulePanel


class ReviewAsks(QWidget):
    """The panels above the buttons, at most one of them open.

    `decided(object, str, str)`: units, verdict and note, once confirmed; `left()`: a panel closed, the queue goes on.
    """

    decided = Signal(object, str, str)
    left = Signal()

    def __init__(self, model: ReviewViewModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._submission: Submission | None = None
        self.decision = DecisionPanel()
        self.bonus = BonusPanel()
        self.rule = RulePanel()
        self.panels: tuple[InlinePanel, ...] = (self.decision, self.bonus, self.rule)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 0, 12, 0)
        layout.setSpacing(0)
        for panel in self.panels:
            layout.addWidget(panel)
            panel.dismissed.connect(self._leave)
        self._pricer = self._action(self._price, model.failed.emit)
        self._finder = self._action(self._find_by_rule, model.failed.emit)
        self._gatherer = self._action(self._gather_worker, model.failed.emit)
        self._payer = self._action(self._pay_bonus, self.bonus.fail)
        self.decision.confirmed.connect(self._confirm_decision)
        self.bonus.confirmed.connect(self._payer.start)
        self.rule.changed.connect(lambda _form: self._finder.start())
        self.rule.confirmed.connect(self._confirm_rule)

    def decide(self, verdict: str, ids: Sequence[int], words: str) -> None:
        """Ask about a decision: the reason of a rejection, what many cost."""
        self._open()
        self.decision.ask(verdict, ids, words, self._model.recent_reasons())
        self._pricer.start()

    def decide_all_of(self, submission: Submission, verdict: str) -> None:
        """Ask about everything that waits of the worker of a submission."""
        self._submission = submission
        self._gatherer.start(verdict, submission)

    def pay_bonus(self, submission: Submission) -> None:
        """Ask for the bonus of the worker of a submission."""
        self._open()
        self._submission = submission
        self.bonus.ask(submission.row.worker_name, submission.row.currency)

    def decide_by_rule(self) -> None:
        """Ask for a rule."""
        self._open()
        self.rule.ask()

    def close_panels(self) -> None:
        """Another submission is shown: what was asked about the one before is dropped."""
        for panel in self.panels:
            panel.hide()
        self._fit()

    def _action(self, work: Callable[..., Any], failed: Callable[[str], None]) -> Action:
        action = Action(work, self)
        action.failed.connect(failed)
        return action

    def _open(self) -> None:
        self.close_panels()
        self._fit(open_one=True)

    def _fit(self, *, open_one: bool = False) -> None:
        """Room below an open panel, none when all are closed."""
        layout = self.layout()
        if layout is not None:
            layout.setContentsMargins(12, 0, 12, 10 if open_one else 0)

    def _leave(self) -> None:
        self._fit()
        self.left.emit()

    async def _price(self) -> None:
        """Read until the cost belongs to what is asked."""
        while True:
            ids, verdict = self.decision.unit_ids, self.decision.verdict
            found = await self._model.preview(ids, verdict)
            if (ids, verdict) == (self.decision.unit_ids, self.decision.verdict):
                self.decision.show_cost(cost_words(found, VERDICTS[verdict]), bool(found.count))
                return

    def _confirm_decision(self) -> None:
        panel = self.decision
        self.close_panels()
        self.decided.emit(panel.unit_ids, panel.verdict, panel.note.text())

    async def _gather_worker(self, verdict: str, submission: Submission) -> None:
        ids = await self._model.units_of_worker(submission.row.worker_id)
        name = submission.row.worker_name
        if ids:
            self.decide(verdict, ids, f"{count_of(len(ids), 'unit')} of {name}")
        else:
            self._model.desktop.toasts.say(f"Nothing else of {name} waits for review.", "info")

    async def _pay_bonus(self) -> None:
        amount, submission = self.bonus.amount(), self._submission
        if amount is None or submission is None:
            return
        terms = await self._model.bonus_terms(submission)
        await self._model.pay_bonus(terms, amount, self.bonus.reason())
        self.close_panels()
        self.left.emit()

    async def _find_by_rule(self) -> None:
        """Read until what was found belongs to what is typed."""
        while True:
            form: RuleForm = self.rule.form()
            try:
                ids = await self._model.units_by_rule(form.rule())
                found = await self._model.preview(ids, form.verdict)
                words, problem = cost_words(found, VERDICTS[form.verdict]), "" if ids else "No submission meets this."
            except ValueError as error:
                ids, words, problem = [], "", str(error)
            if form == self.rule.form():
                self.rule.show_found(ids, words, problem)
                return

    def _confirm_rule(self) -> None:
        form = self.rule.form()
        self.close_panels()
        self.decided.emit(self.rule.unit_ids, form.verdict, form.note.strip())
