"""The sheets of what can be done to units and workers: reject, bonus, block, grant, revoke, message, confirm."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from PySide6.QtCore import QDate, QStringListModel, Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QCompleter,
    QDateEdit,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from app.viewmodels.amounts import AMOUNT_HINT, read_amount
from app.viewmodels.formats import count_of, money
from app.views.sheet import Sheet
from app.views.widgets.fields import FormField
from app.views.widgets.pills import ChipRow

_DATE = "date"
_DURATIONS = (("", "no end"), ("1", "1 day"), ("7", "7 days"), ("30", "30 days"), (_DATE, "until …"))


def text_area(placeholder: str, lines: int = 3) -> QPlainTextEdit:
    """A field for a few lines of plain text; Tab leaves it."""
    area = QPlainTextEdit()
    area.setPlaceholderText(placeholder)
    area.setTabChangesFocus(True)
    area.setFixedHeight(lines * area.fontMetrics().lineSpacing() + 18)
    return area


class ConfirmSheet(Sheet):
    """Says what will happen and asks once; nothing to fill in."""

    def __init__(self, title: str, confirm: str, note: str, kind: str = "primary") -> None:
        super().__init__(title, confirm, kind, note)


class DecisionSheet(Sheet):
    """Approve, soft-reject or reject: what it costs, and the note for the worker (a rejection needs one)."""

    def __init__(self, title: str, confirm: str, *, reason_needed: bool, recent: Sequence[str] = ()) -> None:
        super().__init__(title, confirm, "danger" if reason_needed else "primary")
        self._reason_needed = reason_needed
        self._known = False
        self.note_area = text_area("What the worker reads" if reason_needed else "A note for the worker (optional)")
        words = "Reason" if reason_needed else "Note"
        self.field = FormField(words, self.note_area, "The worker sees it beside the unit.")
        self.body.addWidget(self.field)
        if recent:
            self._add_recent(recent)
        self.note_area.textChanged.connect(self._check)
        self._check()

    def text(self) -> str:
        """The note as typed, without blanks around it."""
        return self.note_area.toPlainText().strip()

    def setPreviewKnown(self, text: str, tone: str, possible: bool) -> None:
        """Show what was worked out; `possible` is false when nothing of it can be decided."""
        self._known = possible
        self.setPreview(text, tone)
        self._check()

    def _add_recent(self, recent: Sequence[str]) -> None:
        chips = ChipRow([(text, text if len(text) <= 30 else text[:29] + "…") for text in recent[:3]])
        chips.changed.connect(lambda keys: self.note_area.setPlainText(keys[0]) if keys else None)
        holder = QHBoxLayout()
        holder.addWidget(chips)
        holder.addStretch(1)
        self.body.addLayout(holder)

    def _check(self) -> None:
        self.setReady(self._known and (bool(self.text()) or not self._reason_needed))


class BonusSheet(Sheet):
    """An amount for each worker and the reason that they read; the sum is said before it is sent."""

    def __init__(self, workers: int, who: str, currency: str, fee: Callable[[Decimal], Decimal]) -> None:
        super().__init__(f"Bonus for {who}", "Pay bonus")
        self._workers, self._currency, self._fee = workers, currency, fee
        self.amount_edit = QLineEdit()
        self.amount_edit.setPlaceholderText("0.50")
        self.amount_edit.setMaxLength(12)
        label = f"Amount in {currency}" + (" for each" if workers > 1 else "")
        self.amount_field = FormField(label, self.amount_edit)
        self.reason_area = text_area("Thank you for ...", 2)
        self.reason_field = FormField("Reason", self.reason_area, "The worker reads it beside the bonus.")
        self.body.addWidget(self.amount_field)
        self.body.addWidget(self.reason_field)
        self.amount_edit.textChanged.connect(self._check)
        self.reason_area.textChanged.connect(self._check)
        self._check()

    def amount(self) -> Decimal | None:
        """The amount as typed; None when it is none that can be paid."""
        return read_amount(self.amount_edit.text())

    def reason(self) -> str:
        """The reason as typed, without blanks around it."""
        return self.reason_area.toPlainText().strip()

    def _check(self) -> None:
        amount = self.amount()
        wrong = bool(self.amount_edit.text().strip()) and amount is None
        self.amount_field.setError(AMOUNT_HINT if wrong else "")
        if amount is None:
            self.setPreview("")
        else:
            total, fees = amount * self._workers, self._fee(amount) * self._workers
            each = f"{count_of(self._workers, 'worker')} × {money(amount, self._currency)} = "
            paid = (each if self._workers > 1 else "") + money(total, self._currency)
            self.setPreview(f"{paid}, and {money(fees, self._currency)} fees" if fees else f"{paid}, no fees")
        self.setReady(amount is not None and bool(self.reason()))


class BlockSheet(Sheet):
    """A bar on workers: everywhere (no tasks given), or from one of `tasks` (id, name); why; until when."""

    def __init__(self, who: str, tasks: Sequence[tuple[int, str]] | None, note: str) -> None:
        self._soft = tasks is not None
        verb = "Soft-block" if self._soft else "Block"
        super().__init__(f"{verb} {who}", verb, "danger", note)
        self.task_combo = QComboBox()
        for task_id, name in tasks or ():
            self.task_combo.addItem(name, task_id)
        if tasks is not None:
            self.body.addWidget(FormField("From the task", self.task_combo))
        self.reason_area = text_area("Why, in words that you will understand in a year", 2)
        self.reason_field = FormField(
            "Reason", self.reason_area, "Kept with the block; the worker is told it at entry."
        )
        self.body.addWidget(self.reason_field)
        self.until_chips = ChipRow(_DURATIONS)
        self.until_chips.setKeys([""])
        self.until_date = QDateEdit(QDate.currentDate().addDays(14))
        self.until_date.setMinimumDate(QDate.currentDate().addDays(1))
        self.until_date.setCalendarPopup(True)
        self.until_date.setAccessibleName("Until which day")
        row = QWidget()
        holder = QVBoxLayout(row)
        holder.setContentsMargins(0, 0, 0, 0)
        holder.addWidget(self.until_chips, 0, Qt.AlignmentFlag.AlignLeft)
        holder.addWidget(self.until_date, 0, Qt.AlignmentFlag.AlignLeft)
        self.until_date.hide()
        self.until_chips.changed.connect(lambda keys: self.until_date.setVisible(keys == [_DATE]))
        self.body.addWidget(FormField("For how long", row))
        self.reason_area.textChanged.connect(self._check)
        self._check()

    def reason(self) -> str:
        """The reason as typed, without blanks around it."""
        return self.reason_area.toPlainText().strip()

    def task_id(self) -> int | None:
        """The task that a soft block is for; None for a block everywhere."""
        data = self.task_combo.currentData()
        return int(data) if data is not None else None

    def days(self) -> int | None:
        """For how many days; None without an end."""
        keys = self.until_chips.keys()
        if keys == [_DATE]:
            return int(QDate.currentDate().daysTo(self.until_date.date()))
        return int(keys[0]) if keys and keys[0] else None

    def _check(self) -> None:
        self.setReady(bool(self.reason()) and (not self._soft or self.task_id() is not None))


class GrantSheet(Sheet):
    """A qualification, by its name (a new name makes it), and the value that the workers get."""

    def __init__(self, who: str, names: Sequence[str], chosen: str = "") -> None:
        super().__init__(f"Grant a qualification to {who}", "Grant")
        self._names = list(names)
        self.name_edit = QLineEdit(chosen)
        self.name_edit.setMaxLength(120)
        self.name_edit.setPlaceholderText("chest-reader")
        completer = QCompleter(QStringListModel(self._names, self), self)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        self.name_edit.setCompleter(completer)
        self.name_field = FormField("Qualification", self.name_edit, "A name that is new makes the qualification.")
        self.value_spin = QSpinBox()
        self.value_spin.setRange(-1_000_000, 1_000_000)
        self.value_spin.setValue(1)
        self.body.addWidget(self.name_field)
        self.body.addWidget(FormField("Value", self.value_spin, "1 for passed, 0 for failed, or a score of yours."))
        self.name_edit.textChanged.connect(self._check)
        self._check()

    def name(self) -> str:
        """The qualification's name as typed, without blanks around it."""
        return self.name_edit.text().strip()

    def value(self) -> int:
        """The value to grant."""
        return self.value_spin.value()

    def _check(self) -> None:
        name = self.name()
        self.setReady(bool(name))
        self.setPreview(f"“{name}” is new: it will be made." if name and name not in self._names else "", "info")


class RevokeSheet(Sheet):
    """Which of the qualifications that the workers hold are taken back."""

    def __init__(self, who: str, held: Sequence[tuple[int, str]]) -> None:
        super().__init__(f"Revoke a qualification of {who}", "Revoke", "danger")
        self._boxes: dict[int, QCheckBox] = {}
        for qualification_id, words in held:
            box = QCheckBox(words)
            box.toggled.connect(self._check)
            self._boxes[qualification_id] = box
            self.body.addWidget(box)
        if len(held) == 1:
            next(iter(self._boxes.values())).setChecked(True)
        self._check()

    def chosen(self) -> list[int]:
        """Ids of the qualifications that are ticked."""
        return [key for key, box in self._boxes.items() if box.isChecked()]

    def _check(self) -> None:
        self.setReady(bool(self.chosen()))


class MessageSheet(Sheet):
    """A text for workers who are at work now."""

    def __init__(self, who: str, note: str) -> None:
        super().__init__(f"Message to {who}", "Send", note=note)
        self.text_area = text_area("Shown on the worker's page at once", 4)
        self.body.addWidget(FormField("Message", self.text_area))
        self.text_area.textChanged.connect(lambda: self.setReady(bool(self.text())))
        self.setReady(False)

    def text(self) -> str:
        """The message as typed, without blanks around it."""
        return self.text_area.toPlainText().strip()
