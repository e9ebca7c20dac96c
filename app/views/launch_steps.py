"""The steps of the launch page: numbered cards with a grid of fields, a fold for the rest, cards to choose from."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from app.viewmodels.launch_check import KindChoice
from app.views import theme
from app.views.widgets.buttons import Button
from app.views.widgets.labels import ElidedLabel, label

COLUMNS = 3
_MARK = 20
_ARROWS: dict[int, int] = {Qt.Key.Key_Left: -1, Qt.Key.Key_Up: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Down: 1}


class StepMark(QWidget):
    """The round number of a step; a check when the step is complete, an exclamation mark when it is not in order."""

    def __init__(self, number: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._number, self._state = number, ""
        self.setFixedSize(QSize(_MARK, _MARK))
        self.setState("")

    def setState(self, state: str) -> None:
        """ "": not looked at yet; "ok": complete; "bad": something is wrong."""
        self._state = state
        words = {"ok": "complete", "bad": "not in order"}.get(state, "open")
        self.setAccessibleName(f"Step {self._number}: {words}")
        self.update()

    def state(self) -> str:
        """The state shown."""
        return self._state

    def paintEvent(self, event: QPaintEvent) -> None:
        look = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        tone = self._state or "accent"
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(look.color(f"{tone}-bg"))
        painter.drawEllipse(self.rect())
        if self._state == "ok":
            look.icon("ph.check-bold", "ok").paint(painter, self.rect().adjusted(4, 4, -4, -4))
            return
        painter.setFont(theme.font("heading"))
        painter.setPen(look.color(tone))
        text = "!" if self._state == "bad" else str(self._number)
        painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignCenter), text)


class FieldGrid(QWidget):
    """Fields in three columns, row by row; a field may take several columns."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(16)
        self._grid.setVerticalSpacing(10)
        for column in range(COLUMNS):
            self._grid.setColumnStretch(column, 1)
            self._grid.setColumnMinimumWidth(column, 150)
        self._row = self._column = 0

    def add(self, widget: QWidget, span: int = 1) -> None:
        """Put a widget into the next free place that has `span` columns."""
        if self._column + span > COLUMNS:
            self.new_row()
        self._grid.addWidget(widget, self._row, self._column, 1, span, Qt.AlignmentFlag.AlignTop)
        self._column += span

    def new_row(self) -> None:
        """Go on in a new row."""
        if self._column:
            self._row += 1
            self._column = 0

    def is_empty(self) -> bool:
        """Whether nothing was added."""
        return self._grid.count() == 0


class StepCard(QFrame):
    """One step: its mark, its title, a note at the right, and below them `body`."""

    def __init__(self, number: int, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self.setAccessibleName(f"Step {number}: {title}")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 14)
        layout.setSpacing(10)
        head = QHBoxLayout()
        head.setSpacing(8)
        self.mark = StepMark(number)
        head.addWidget(self.mark)
        head.addWidget(label(title, "section"))
        head.addStretch(1)
        self.note = ElidedLabel("", "small-medium", "dim")
        head.addWidget(self.note)
        layout.addLayout(head)
        self.body = QVBoxLayout()
        self.body.setSpacing(10)
        layout.addLayout(self.body)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)


class Fold(QWidget):
    """A button that shows and hides what is rarely needed."""

    def __init__(self, words: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._words = words
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(10)
        self.button = Button(words, "quiet", icon="ph.caret-right")
        self.button.setCheckable(True)
        self.button.toggled.connect(self.setOpen)
        layout.addWidget(self.button, 0, Qt.AlignmentFlag.AlignLeft)
        self.grid = FieldGrid()
        self.grid.hide()
        layout.addWidget(self.grid)

    def is_open(self) -> bool:
        """Whether what is inside is shown."""
        return self.button.isChecked()

    def setOpen(self, shown: bool) -> None:
        """Show what is inside, or hide it."""
        self.grid.setVisible(shown)
        self.button.setIconName("ph.caret-down" if shown else "ph.caret-right")
        self.button.setChecked(shown)


class ChoiceCard(QAbstractButton):
    """A card that is one of several: its title and a line of words."""

    def __init__(self, choice: KindChoice, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.key = choice.key
        self._title, self._words = choice.title, choice.words
        self.setText(choice.title)
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleDescription(choice.words)

    def sizeHint(self) -> QSize:
        return QSize(150, 54)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in _ARROWS:
            event.ignore()  # the cards as a whole know what an arrow means; a button would only hand the focus on
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        look = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        on = self.isChecked()
        edge = "accent" if on or self.hasFocus() else "edge" if self.underMouse() else "line"
        painter.setPen(look.color(edge))
        painter.setBrush(look.color("accent-bg" if on else "panel"))
        painter.translate(0.5, 0.5)
        painter.drawRoundedRect(self.rect().adjusted(0, 0, -1, -1), 8, 8)
        painter.translate(-0.5, -0.5)
        box = QRect(12, 8, self.width() - 24, 18)
        painter.setPen(look.color("text"))
        painter.setFont(theme.font("strong"))
        painter.drawText(box, int(Qt.AlignmentFlag.AlignVCenter), self._title)
        painter.setFont(theme.font())
        painter.setPen(look.color("dim"))
        words = painter.fontMetrics().elidedText(self._words, Qt.TextElideMode.ElideRight, box.width())
        painter.drawText(box.translated(0, 19), int(Qt.AlignmentFlag.AlignVCenter), words)


class ChoiceCards(QWidget):
    """Cards of which one is chosen; arrow keys move the choice. `chosen` carries the key."""

    chosen = Signal(str)

    def __init__(self, choices: Sequence[KindChoice], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setHorizontalSpacing(16)
        layout.setVerticalSpacing(10)
        self.cards: dict[str, ChoiceCard] = {}
        for index, choice in enumerate(choices):
            card = ChoiceCard(choice)
            card.clicked.connect(lambda _on=False, key=choice.key: self._choose(key))
            self.cards[choice.key] = card
            layout.addWidget(card, index // COLUMNS, index % COLUMNS)
        for column in range(COLUMNS):
            layout.setColumnStretch(column, 1)
            layout.setColumnMinimumWidth(column, 150)

    def setChosen(self, key: str) -> None:
        """Show which card is chosen, without a signal."""
        for card in self.cards.values():
            card.setChecked(card.key == key)

    def focus_chosen(self) -> None:
        """Put the focus on the card that is chosen."""
        for card in self.cards.values():
            if card.isChecked():
                card.setFocus(Qt.FocusReason.OtherFocusReason)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = _ARROWS.get(event.key())
        keys = list(self.cards)
        now = next((key for key, card in self.cards.items() if card.hasFocus()), None)
        if step is None or now is None:
            super().keyPressEvent(event)
            return
        key = keys[(keys.index(now) + step) % len(keys)]
        self.cards[key].setFocus()
        self._choose(key)

    def _choose(self, key: str) -> None:
        before = next((card.key for card in self.cards.values() if card.isChecked() and card.key != key), "")
        self.setChosen(key)
        if before:
            self.chosen.emit(key)
