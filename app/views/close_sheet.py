"""What to do with the runs in flight when the window closes."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QRadioButton, QVBoxLayout, QWidget

from app.viewmodels.formats import count_of
from app.views.sheet import Sheet
from app.views.widgets.labels import label

KEEP, PAUSE, STOP = "keep", "pause", "stop"


class CloseSheet(Sheet):
    """`decided(str)`: keep (serve on behind), pause (go on at the next start), or stop (the runs end here)."""

    decided = Signal(str)

    def __init__(self, runs: int, at_work: int, *, tray: bool) -> None:
        who = "Nobody is at work now." if not at_work else f"{count_of(at_work, 'worker')} at work now."
        super().__init__("Close Crowdesk?", "Keep serving", note=f"{count_of(runs, 'run')} in flight. {who}")
        where = "in the tray" if tray else "with the window minimised"
        self._options: dict[str, QRadioButton] = {}
        for key, words, what in (
            (KEEP, f"Keep serving {where}", "Workers notice nothing."),
            (
                PAUSE,
                "Pause, and close",
                "Work in progress is kept; pages reconnect by themselves when the runs are resumed at the next start.",
            ),
            (STOP, "Stop, and close", "Open units expire and the runs are over. What was submitted is kept."),
        ):
            option = QRadioButton(words)
            option.toggled.connect(self._show_choice)
            self._options[key] = option
            text = label(what, "small", "dim", wrap=True)
            text.setContentsMargins(24, 0, 0, 2)
            pair = QVBoxLayout()
            pair.setSpacing(0)
            pair.addWidget(option)
            pair.addWidget(text)
            self.body.addLayout(pair)
            option.setAccessibleDescription(what)
        self._options[KEEP].setChecked(True)
        self.confirmed.connect(lambda: self.decided.emit(self.choice()))

    def open_over(self, widget: QWidget, focus: QWidget | None = None) -> None:
        """As any sheet, with the focus on the option that is marked: arrow keys choose another at once."""
        super().open_over(widget, focus or self._options[self.choice()])

    def choice(self) -> str:
        """The option that is marked."""
        return next(key for key, option in self._options.items() if option.isChecked())

    def choose(self, key: str) -> None:
        """Mark an option."""
        self._options[key].setChecked(True)

    def _show_choice(self, on: bool) -> None:
        if on:
            words = {KEEP: "Keep serving", PAUSE: "Pause and close", STOP: "Stop and close"}[self.choice()]
            self.confirm_button.setText(words)
            self.confirm_button.updateGeometry()
