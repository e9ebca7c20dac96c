"""A conversation to read, in review and while it is held; and a line to say something in it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QTextBrowser, QVBoxLayout, QWidget

from app.viewmodels.conversation import ConversationViewModel
from app.viewmodels.desktop import Desktop
from app.viewmodels.formats import clock_time, count_of
from app.views import theme
from app.views.widgets.buttons import Button
from app.views.widgets.labels import label

_TONES = {"requester": "info", "model": "soft", "task": "dim"}
_WHO = {"requester": "you", "model": "a program"}


class ConversationLog(QTextBrowser):
    """The lines of a conversation. It is text: nothing runs, nothing is fetched. New lines are put below the others.

    One that `follows` stays at the end; else each conversation is shown from its beginning.
    """

    def __init__(self, parent: QWidget | None = None, *, follows: bool = True) -> None:
        super().__init__(parent)
        self._follows = follows
        self.setOpenLinks(False)
        self.setAccessibleName("Conversation")
        self.setMinimumHeight(120)
        self.document().setDocumentMargin(12)
        self._lines: tuple[Any, ...] = ()
        theme.current().changed.connect(self._again)

    def setLines(self, lines: Sequence[Any]) -> None:
        """Show lines (`app.blueprints.base.SpokenLine`); those that are there already stay as they are."""
        wanted = tuple(lines)
        if wanted == self._lines:
            return
        known = len(self._lines)
        bar = self.verticalScrollBar()
        at_end = bar.value() >= bar.maximum() - 4
        if self._lines != wanted[:known]:
            self.clear()
            known = 0
        cursor = QTextCursor(self.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        for place, line in enumerate(wanted[known:], known):
            if place:
                cursor.insertBlock()
            cursor.insertHtml(_as_html(line))
        self._lines = wanted
        if not self._follows:
            bar.setValue(bar.minimum())
        elif at_end:
            bar.setValue(bar.maximum())

    def lines(self) -> tuple[Any, ...]:
        """The lines that are shown."""
        return self._lines

    def _again(self) -> None:
        lines, self._lines = self._lines, ()
        self.clear()
        self.setLines(lines)


class ConversationPanel(QWidget):
    """The conversation that a unit belongs to, live, with a line to speak in where the task allows it.

    `shown_changed(bool)`: whether there is a conversation to show.
    """

    shown_changed = Signal(bool)

    def __init__(self, desktop: Desktop, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.viewmodel = ConversationViewModel(desktop, self)
        self.viewmodel.changed.connect(self._show)
        self.viewmodel.failed.connect(desktop.fail)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 10, 0, 0)
        layout.setSpacing(6)
        self.heading = label("Conversation", "heading", "dim")
        layout.addWidget(self.heading)
        self.log = ConversationLog()
        self.log.setMinimumHeight(220)
        layout.addWidget(self.log, 1)
        self.speak = QWidget()
        row = QHBoxLayout(self.speak)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        self.words = QLineEdit()
        self.words.setPlaceholderText("Say something to all")
        self.words.setAccessibleName("Say something to everybody in this conversation")
        self.words.setMaxLength(2000)
        self.words.returnPressed.connect(self._say)
        self.say_button = Button("Say")
        self.say_button.clicked.connect(self._say)
        row.addWidget(self.words, 1)
        row.addWidget(self.say_button)
        layout.addWidget(self.speak)
        self.viewmodel.spoke.connect(self.words.clear)
        self.hide()

    def show_unit(self, unit_id: int | None) -> None:
        """Show the conversation of another unit; None shows none and rests."""
        self.viewmodel.show(unit_id)

    def _show(self) -> None:
        model = self.viewmodel
        self.log.setLines(model.lines)
        there = f" · {count_of(model.at_work, 'person', 'people')} now" if model.at_work else ""
        self.heading.setText(f"Conversation · {count_of(len(model.lines), 'line')}{there}")
        self.speak.setVisible(model.may_speak)
        if self.isHidden() == model.is_conversation:
            self.setVisible(model.is_conversation)
            self.shown_changed.emit(model.is_conversation)

    def _say(self) -> None:
        self.viewmodel.say(self.words.text())


def _as_html(line: Any) -> str:
    """One line; whatever was said in it stays text."""
    colors = theme.current()
    dim = colors.color("dim").name()
    name = colors.color(_TONES.get(line.who, "accent")).name()
    note = f" ({_WHO[line.who]})" if line.who in _WHO else ""
    time = f' <span style="color:{dim}">{clock_time(line.at)}</span>' if line.at is not None else ""
    head = f'<b style="color:{name}">{escape(line.speaker + note)}</b>{time}<br>'
    said = escape(line.text).replace("\n", "<br>")
    form = "<br>".join(
        f'<span style="color:{dim}">{escape(question)}</span> {escape(answer)}' for question, answer in line.form
    )
    return f"{head}{said}{form}<br>"
