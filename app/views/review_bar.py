"""The buttons below a submission, each with its key; they say how many units they are about."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QSizePolicy, QVBoxLayout, QWidget

from app.viewmodels.formats import digits
from app.views.review_panels import VERBS
from app.views.widgets.buttons import Button
from app.views.widgets.flow import FlowLayout
from app.views.widgets.labels import hairline, label

KEYS = {"approve": "A", "soft_reject": "S", "reject": "R"}


class ReviewBar(QFrame):
    """`decided(verdict)`, `bonus_asked()`, `flag_asked()`."""

    decided = Signal(str)
    bonus_asked = Signal()
    flag_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(hairline())
        self.words = label("", "small", "dim")
        self.words.setContentsMargins(14, 6, 14, 0)
        self.words.hide()
        outer.addWidget(self.words)
        holder = QWidget()
        flow = FlowLayout(holder, 6)
        flow.setContentsMargins(12, 10, 12, 10)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        holder.setSizePolicy(policy)
        outer.addWidget(holder)
        self.buttons: dict[str, Button] = {}
        for verdict, kind in (("approve", "primary"), ("soft_reject", "plain"), ("reject", "danger")):
            button = Button(_words(verdict, 1), kind, KEYS[verdict])
            button.clicked.connect(lambda _on=False, verdict=verdict: self.decided.emit(verdict))
            self.buttons[verdict] = button
            flow.addWidget(button)
        self.bonus = Button("Bonus…", keys="B")
        self.bonus.clicked.connect(self.bonus_asked)
        flow.addWidget(self.bonus)
        self.flag = Button("", keys="X", icon="ph.flag")
        self.flag.setAccessibleName("Flag, or take the flag off")
        self.flag.setToolTip("Flag, or take the flag off")
        self.flag.clicked.connect(self.flag_asked)
        flow.addWidget(self.flag)

    def show_state(self, count: int, *, shown: bool, waiting: bool, rejected: bool) -> None:
        """How many units are selected, whether one is shown, whether it waits or was rejected."""
        for verdict, button in self.buttons.items():
            button.setText(_words(verdict, count))
            button.updateGeometry()
            # a rejection may be taken back; nothing else that was decided can be decided again
            button.setEnabled(bool(count) and (count > 1 or waiting or (rejected and verdict == "approve")))
        self.bonus.setEnabled(shown)
        self.flag.setEnabled(bool(count))
        self.words.setText(f"{digits(count)} units selected")
        self.words.setVisible(count > 1)


def _words(verdict: str, count: int) -> str:
    words = VERBS[verdict] + (f" {digits(count)}" if count > 1 else "")
    return f"{words}…" if verdict == "reject" or count > 1 else words
