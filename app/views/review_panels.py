"""Panels of the review page that ask for what a decision needs: a reason, an amount, a rule. No dialogs."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from app.viewmodels.amounts import AMOUNT_HINT, read_amount
from app.viewmodels.formats import count_of, money, sign_of
from app.viewmodels.launch_form import span_seconds
from app.viewmodels.review_rules import RuleForm
from app.views import theme
from app.views.widgets.buttons import Button
from app.views.widgets.fields import FormField
from app.views.widgets.labels import label
from app.views.widgets.pills import ChipRow

VERBS = {"approve": "Approve", "soft_reject": "Soft-reject", "reject": "Reject"}


class NoteEdit(QPlainTextEdit):
    """Two lines of text. Enter confirms, Shift+Enter is a new line, Tab leaves the field."""

    confirmed = Signal()

    def __init__(self, placeholder: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setPlaceholderText(placeholder)
        self.setTabChangesFocus(True)
        self.setFixedHeight(2 * self.fontMetrics().lineSpacing() + 18)

    def text(self) -> str:
        """What was typed, without blanks around it."""
        return self.toPlainText().strip()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if enter and not event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.confirmed.emit()
        else:
            super().keyPressEvent(event)


class InlinePanel(QFrame):
    """A card above the buttons: what will happen, fields, confirm and cancel. Escape cancels, Enter confirms.

    `confirmed()`; `dismissed()`.
    """

    confirmed = Signal()
    dismissed = Signal()

    def __init__(self, confirm: str, kind: str = "primary", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 10, 14, 10)
        layout.setSpacing(8)
        self.title = label("", "strong", wrap=True)
        layout.addWidget(self.title)
        self.body = QVBoxLayout()
        self.body.setSpacing(8)
        layout.addLayout(self.body)
        self.error = label("", "small", "bad", wrap=True, select=True)
        self.error.hide()
        layout.addWidget(self.error)
        line = QHBoxLayout()
        line.setSpacing(8)
        self.preview = label("", "small", "dim", wrap=True)
        line.addWidget(self.preview, 1)
        self.cancel_button = Button("Cancel", keys="Esc")
        self.cancel_button.clicked.connect(self.dismiss)
        self.confirm_button = Button(confirm, kind, keys="⏎")
        self.confirm_button.clicked.connect(self.confirm)
        line.addWidget(self.cancel_button)
        line.addWidget(self.confirm_button)
        layout.addLayout(line)
        self.hide()

    def confirm(self) -> None:
        """As the button does."""
        if self.confirm_button.isEnabled():
            self.confirmed.emit()

    def dismiss(self) -> None:
        """Go away without doing anything."""
        self.hide()
        self.dismissed.emit()

    def say(self, text: str, tone: str = "dim") -> None:
        """What confirming will do."""
        theme.set_property(self.preview, "tone", tone)
        self.preview.setText(text)

    def fail(self, text: str) -> None:
        """What went wrong; empty: nothing."""
        self.error.setText(text)
        self.error.setVisible(bool(text))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.dismiss()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.confirm()
        else:
            super().keyPressEvent(event)


class DecisionPanel(InlinePanel):
    """A decision about one unit with a reason, or about many with what they cost."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Approve", parent=parent)
        self.verdict = "approve"
        self.unit_ids: tuple[int, ...] = ()
        self._possible = True
        self.note = NoteEdit("")
        self.note.confirmed.connect(self.confirm)
        self.note.textChanged.connect(self._check)
        self.body.addWidget(self.note)
        self.reasons = QHBoxLayout()
        self.body.addLayout(self.reasons)

    def ask(self, verdict: str, unit_ids: Sequence[int], words: str, recent: Sequence[str] = ()) -> None:
        """Open for a decision about units; `words` name them. A rejection asks for its reason."""
        self.verdict, self.unit_ids, self._possible = verdict, tuple(unit_ids), True
        self.title.setText(f"{VERBS[verdict]} {words}")
        self.confirm_button.setText(VERBS[verdict])
        self.confirm_button.updateGeometry()
        theme.set_property(self.confirm_button, "kind", "danger" if verdict == "reject" else "primary")
        reject = verdict == "reject"
        self.note.setPlaceholderText("The reason, as the worker reads it" if reject else "A note to the worker, if any")
        self.note.setAccessibleName("Reason" if reject else "Note")
        self.note.clear()
        self._show_recent(recent if reject else ())
        self.fail("")
        self.say("")
        self._check()
        self.show()
        self.note.setFocus(Qt.FocusReason.OtherFocusReason)

    def show_cost(self, text: str, possible: bool) -> None:
        """What was worked out; `possible` is false when nothing of it can be decided."""
        self._possible = possible
        self.say(text, "dim" if possible else "warn")
        self._check()

    def _show_recent(self, recent: Sequence[str]) -> None:
        while (old := self.reasons.takeAt(0)) is not None:
            if (widget := old.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        if recent:
            chips = ChipRow([(text, text if len(text) <= 24 else text[:23] + "…") for text in recent[:3]])
            chips.changed.connect(lambda keys: self.note.setPlainText(keys[0]) if keys else None)
            self.reasons.addWidget(chips)
            self.reasons.addStretch(1)

    def _check(self) -> None:
        self.confirm_button.setEnabled(self._possible and (self.verdict != "reject" or bool(self.note.text())))


class BonusPanel(InlinePanel):
    """A bonus for the worker of the submission: how much, and why."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Pay bonus", parent=parent)
        self._currency = ""
        self.amount_line = QLineEdit()
        self.amount_line.setPlaceholderText("0.50")
        self.amount_line.setMaxLength(12)
        self.amount_line.setFixedWidth(96)
        self.amount_line.setAccessibleName("Amount")
        self.reason_line = QLineEdit()
        self.reason_line.setPlaceholderText("Thank you for … (the worker reads it)")
        self.reason_line.setAccessibleName("Reason")
        line = QHBoxLayout()
        line.setSpacing(8)
        self.sign = label("", tone="dim")
        line.addWidget(self.sign)
        line.addWidget(self.amount_line)
        line.addWidget(self.reason_line, 1)
        self.body.addLayout(line)
        self.amount_line.textChanged.connect(self._check)
        self.reason_line.textChanged.connect(self._check)

    def ask(self, worker: str, currency: str) -> None:
        """Open for a worker."""
        self._currency = currency
        self.title.setText(f"Bonus for {worker}")
        self.sign.setText(sign_of(currency))
        self.amount_line.clear()
        self.reason_line.clear()
        self.fail("")
        self._check()
        self.show()
        self.amount_line.setFocus(Qt.FocusReason.OtherFocusReason)

    def amount(self) -> Decimal | None:
        """The amount as typed; None when it is none that can be paid."""
        return read_amount(self.amount_line.text())

    def reason(self) -> str:
        """The reason as typed."""
        return self.reason_line.text().strip()

    def _check(self) -> None:
        amount = self.amount()
        wrong = bool(self.amount_line.text().strip()) and amount is None
        theme.set_property(self.amount_line, "invalid", "true" if wrong else "false")
        if wrong:
            self.say(AMOUNT_HINT, "bad")
        else:
            self.say("" if amount is None else f"{money(amount, self._currency)} for this worker")
        self.confirm_button.setEnabled(amount is not None and bool(self.reason()))


class RulePanel(InlinePanel):
    """Decide by rule: what has to hold of a submission, what is decided, how many that are and what they cost.

    `changed(RuleForm)`: the rule is another, its cost is wanted.
    """

    changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Decide", parent=parent)
        self.title.setText("Decide about everything that waits for review and …")
        self.unit_ids: tuple[int, ...] = ()
        self.answer = QLineEdit()
        self.answer.setPlaceholderText("any")
        self.agree_low, self.agree_high = QLineEdit(), QLineEdit()
        self.agree_low.setPlaceholderText("0 %")
        self.agree_high.setPlaceholderText("100 %")
        self.time_low, self.time_high = QLineEdit(), QLineEdit()
        self.time_low.setPlaceholderText("10 s")
        self.time_high.setPlaceholderText("any")
        self.flagged = QComboBox()
        for words, value in (("either way", None), ("is flagged", True), ("is not flagged", False)):
            self.flagged.addItem(words, value)
        self.verdict = QComboBox()
        for key, words in VERBS.items():
            self.verdict.addItem(words, key)
        self.note = QLineEdit()
        self.note.setPlaceholderText("Note to the workers; a rejection needs one")
        self._fields: dict[str, FormField] = {}
        self._lay_out()
        for line in (self.answer, self.agree_low, self.agree_high, self.time_low, self.time_high, self.note):
            line.textEdited.connect(self._edited)
        for box in (self.flagged, self.verdict):
            box.activated.connect(self._edited)

    def ask(self) -> None:
        """Open with an empty rule."""
        for line in (self.answer, self.agree_low, self.agree_high, self.time_low, self.time_high, self.note):
            line.clear()
        self.flagged.setCurrentIndex(0)
        self.verdict.setCurrentIndex(0)
        self.fail("")
        self.show()
        self.answer.setFocus(Qt.FocusReason.OtherFocusReason)
        self._edited()

    def form(self) -> RuleForm:
        """What is typed."""
        return RuleForm(
            answer=self.answer.text(),
            agreement_from=self.agree_low.text(),
            agreement_to=self.agree_high.text(),
            seconds_from=self.time_low.text(),
            seconds_to=self.time_high.text(),
            flagged=self.flagged.currentData(),
            verdict=str(self.verdict.currentData()),
            note=self.note.text(),
        )

    def show_found(self, unit_ids: Sequence[int], cost: str, problem: str = "") -> None:
        """What the rule finds and costs, or what is wrong with it."""
        self.unit_ids = tuple(unit_ids)
        words = f"{VERBS[self.form().verdict]} {count_of(len(unit_ids), 'unit')}"
        self.confirm_button.setText(words)
        self.confirm_button.updateGeometry()
        self.say(problem or cost, "warn" if problem else "dim")
        needed = self.form().verdict == "reject" and not self.form().note.strip()
        self.confirm_button.setEnabled(bool(unit_ids) and not problem and not needed)

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(8)
        places = (
            ("Answer or label is", self.answer, 0, 0, 2),
            ("Flag", self.flagged, 0, 2, 2),
            ("Agreement from", self.agree_low, 1, 0, 1),
            ("to", self.agree_high, 1, 1, 1),
            ("Time from", self.time_low, 1, 2, 1),
            ("to", self.time_high, 1, 3, 1),
            ("Decision", self.verdict, 2, 0, 1),
            ("Note", self.note, 2, 1, 3),
        )
        for words, editor, row, column, span in places:
            grid.addWidget(FormField(words, editor), row, column, 1, span)
        for column in range(4):
            grid.setColumnStretch(column, 1)
        self.body.addLayout(grid)

    def _edited(self) -> None:
        for line in (self.time_low, self.time_high):
            wrong = bool(line.text().strip()) and span_seconds(line.text()) is None
            theme.set_property(line, "invalid", "true" if wrong else "false")
        self.confirm_button.setEnabled(False)
        self.changed.emit(self.form())
