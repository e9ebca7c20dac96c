"""A unit in the inspector."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.viewmodels.desktop import Desktop
from app.viewmodels.formats import ago, clock_time, duration, money
from app.viewmodels.unit_card import UnitCard, UnitCardViewModel
from app.viewmodels.worker_actions import Subjects
from app.views.conversation import ConversationPanel
from app.views.widgets.buttons import Button
from app.views.widgets.cards import KeyValueGrid
from app.views.widgets.labels import label
from app.views.widgets.pills import StatusPill, words_of
from app.views.worker_actions import ActionDesk

_NAME_WIDTH = 84
_SECTIONS = (
    ("item", "Item"),
    ("answer", "Answer"),
    ("earlier", "Earlier answers"),
    ("said", "Conversation"),
    ("decided", "Decisions"),
)


class UnitCardView(QWidget):
    """What is known of one unit, live, with what can be done to it."""

    def __init__(self, desktop: Desktop, desk: ActionDesk) -> None:
        super().__init__()
        self._desk = desk
        self.viewmodel = UnitCardViewModel(desktop, self)
        self.viewmodel.changed.connect(self._show)
        self.viewmodel.failed.connect(desktop.fail)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 0, 16, 16)
        layout.setSpacing(8)
        layout.addWidget(label("Unit", "heading", "dim"))
        head = QHBoxLayout()
        self._title = label("", "name", select=True)
        head.addWidget(self._title)
        self._pill = StatusPill()
        head.addWidget(self._pill)
        head.addStretch(1)
        layout.addLayout(head)
        self.facts = KeyValueGrid(_NAME_WIDTH)
        layout.addWidget(self.facts)
        self._sections: dict[str, tuple[QWidget, KeyValueGrid]] = {}
        self.conversation = ConversationPanel(desktop)
        self.conversation.shown_changed.connect(lambda _shown: self._show())
        layout.addWidget(self.conversation, 1)
        for key, words in _SECTIONS:
            layout.addWidget(self._section(key, words))
        self._buttons = self._make_buttons()
        layout.addWidget(self._buttons)
        layout.addStretch(1)

    def show_unit(self, unit_id: int) -> None:
        """Show a unit."""
        self.viewmodel.show(unit_id)
        self.conversation.show_unit(unit_id)

    def _section(self, key: str, words: str) -> QWidget:
        section = QWidget()
        layout = QVBoxLayout(section)
        layout.setContentsMargins(0, 10, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(label(words, "heading", "dim"))
        grid = KeyValueGrid(_NAME_WIDTH)
        layout.addWidget(grid)
        self._sections[key] = (section, grid)
        section.hide()
        return section

    def _make_buttons(self) -> QWidget:
        bar = QWidget()
        layout = QHBoxLayout(bar)
        layout.setContentsMargins(0, 12, 0, 0)
        layout.setSpacing(8)
        self.approve = Button("Approve", "primary")
        self.reject = Button("Reject …", "danger")
        self.message = Button("Message …")
        for button, slot in (
            (self.approve, self._desk.approve),
            (self.reject, self._desk.reject),
            (self.message, self._desk.message),
        ):
            button.clicked.connect(lambda _on=False, slot=slot: slot(self._subjects()))
            layout.addWidget(button)
        layout.addStretch(1)
        return bar

    def _subjects(self) -> Subjects:
        card = self.viewmodel.card
        assert card is not None, "the buttons are shown with a card only"
        return Subjects("units", [card.unit_id], card.task_run_id, f"U-{card.unit_id}")

    def _show(self) -> None:
        card = self.viewmodel.card
        if card is None:  # its conversation was read sooner
            return
        self._title.setText(f"U-{card.unit_id}")
        self._pill.setStatus(card.status)
        self.facts.setRows(_facts(card))
        self._fill("item", card.item)
        answer = [*card.answer, *((("files", ", ".join(card.files)),) if card.files else ())]
        self._fill("answer", tuple(answer))
        self._fill("earlier", card.earlier)
        said = () if self.conversation.viewmodel.is_conversation else card.said
        self._fill("said", tuple(("worker" if who == "in" else "task", words) for who, words in said))
        self._fill(
            "decided",
            tuple(
                (words_of(what), " · ".join(part for part in (whom, note, ago(when)) if part))
                for what, whom, note, when in card.decisions
            ),
        )
        waits = card.status == "completed"
        self.approve.setVisible(waits)
        self.reject.setVisible(waits)
        self.message.setVisible(card.status == "assigned")

    def _fill(self, key: str, rows: tuple[tuple[str, str], ...]) -> None:
        section, grid = self._sections[key]
        section.setVisible(bool(rows))
        names = [name for name, _ in rows]
        grid.setRows(
            [
                (name if names.count(name) == 1 else f"{name} {place}", words)
                for place, (name, words) in enumerate(rows, 1)
            ]
        )


def _facts(card: UnitCard) -> list[tuple[str, str | QWidget]]:
    rows: list[tuple[str, str | QWidget]] = [("Worker", card.worker_name or "nobody yet")]
    if card.agent_status:
        rows.append(("Agent", words_of(card.agent_status) + (f": {card.left_reason}" if card.left_reason else "")))
    rows.append(("Pay", money(card.pay_amount, card.currency)))
    if card.started_at is not None:
        rows.append(("Started", clock_time(card.started_at)))
    if card.started_at is not None and card.submitted_at is not None:
        rows.append(("Time on task", duration(card.submitted_at - card.started_at)))
        rows.append(("Handed in", ago(card.submitted_at)))
    return rows
