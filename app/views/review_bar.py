"""The buttons below a submission, each with its key; they say how many units they are about."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QSizePolicy, QVBoxLayout, QWidget

from app.viewmodels.formats import digits
from app.views.review_panels import VERBS
from app.views.widgets.buttons import Button
from app.views.widgets.flow import FlowLayout
from app.views.widgets.labels import KeyCap, hairline, label

KEYS = {"approve": "A", "soft_reject": "S", "reject": "R"}


class ReviewBar(QFrame):
    """`decided(verdict)`, `bonus_asked()`, `flag_asked()`, `all_asked(verdict)`: all of the shown worker."""

    decided = Signal(str)
    bonus_asked = Signal()
    flag_asked = Signal()
    all_asked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(hairline())
        self.words = label("", "small", "dim")
        self.words.setContentsMargins(16, 6, 16, 0)
        self.words.hide()
        outer.addWidget(self.words)
        holder = QWidget()
        flow = FlowLayout(holder, 8)
        flow.setContentsMargins(16, 10, 16, 10)
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
        self.flag = Button("Flag", keys="X")
        self.flag.clicked.connect(self.flag_asked)
        flow.addWidget(self.flag)
        self.more = Button("All of worker")
        self.more.setMenu(self._make_menu())
        flow.addWidget(self.more)
        walk = QWidget()
        caps = QHBoxLayout(walk)
        caps.setContentsMargins(4, 6, 0, 6)
        caps.setSpacing(4)
        for keys, words in (("J", "Next submission"), ("K", "Previous submission")):
            cap = KeyCap(keys)
            cap.setToolTip(words)
            caps.addWidget(cap)
        flow.addWidget(walk)

    def show_state(self, count: int, *, worker: str, waiting: bool, decided: bool) -> None:
        """How many units are selected, whose the shown one is, whether it waits, whether it was decided."""
        for verdict, button in self.buttons.items():
            button.setText(_words(verdict, count))
            button.updateGeometry()
            # a rejection may be taken back; nothing else that was decided can be decided again
            button.setEnabled(bool(count) and (count > 1 or waiting or (decided and verdict == "approve")))
        self.bonus.setEnabled(bool(worker))
        self.flag.setEnabled(bool(count))
        self.more.setEnabled(bool(worker))
        self.more.setText(f"All of {worker}"[:24] if worker else "All of worker")
        self.more.updateGeometry()
        self.words.setText(f"{digits(count)} units selected")
        self.words.setVisible(count > 1)

    def _make_menu(self) -> QMenu:
        menu = QMenu(self)
        for verdict, words in VERBS.items():
            action = menu.addAction(f"{words} all that wait of this worker\tShift+{KEYS[verdict]}")
            action.triggered.connect(lambda _on=False, verdict=verdict: self.all_asked.emit(verdict))
        return menu


def _words(verdict: str, count: int) -> str:
    words = VERBS[verdict] + (f" {digits(count)}" if count > 1 else "")
    return f"{words}…" if verdict == "reject" or count > 1 else words
