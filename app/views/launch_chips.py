"""Editors that hold chips: labels, and the qualifications that workers need."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QEvent, QObject, QRect, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from app.viewmodels.launch_form import (
    COMPARATORS,
    COMPARATORS_WITHOUT_VALUE,
    make_requirement,
    parts_of,
    requirement_text,
)
from app.views import theme
from app.views.widgets.buttons import Button
from app.views.widgets.flow import FlowLayout
from app.views.widgets.labels import label

LABEL_TONES = ("bad", "info", "ok", "warn", "soft")
_UNSURE = ("cannot tell", "unsure", "unclear", "don't know", "other", "none")


def label_tone(word: str, labels: Sequence[str]) -> str:
    """The tone a label is shown in: by its place among the labels of the task; those that decide nothing are idle."""
    if word.lower() in _UNSURE or word not in labels:
        return "idle"
    return LABEL_TONES[list(labels).index(word) % len(LABEL_TONES)]


class RemovableChip(QAbstractButton):
    """A word that can be taken out: click its cross, or Delete while it has the focus. `clicked` means "take out"."""

    def __init__(self, text: str, tone: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tone = tone
        self.setText(text)
        self.setFont(theme.font("small-medium"))
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(f"{text}, take out")
        self.setToolTip("Take out")

    def sizeHint(self) -> QSize:
        return QSize(self.fontMetrics().horizontalAdvance(self.text()) + (44 if self._tone else 32), 22)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.click()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        look = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = self.rect().adjusted(0, 1, 0, -1)
        tone = self._tone or "dim"
        painter.setPen(look.color("accent") if self.hasFocus() else Qt.PenStyle.NoPen)
        if not self._tone and not self.hasFocus():
            painter.setPen(look.color("line"))
        painter.setBrush(look.color(f"{self._tone}-bg") if self._tone else look.color("panel"))
        painter.translate(0.5, 0.5)
        painter.drawRoundedRect(box.adjusted(0, 0, -1, -1), 10, 10)
        painter.translate(-0.5, -0.5)
        x = 10
        if self._tone:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(look.color(tone))
            painter.drawEllipse(8, box.center().y() - 2, 6, 6)
            x = 20
        painter.setPen(look.color(tone if self._tone else "text"))
        painter.drawText(box.adjusted(x, 0, -20, 0), int(Qt.AlignmentFlag.AlignVCenter), self.text())
        look.icon("ph.x", tone).paint(painter, QRect(box.right() - 18, box.center().y() - 4, 10, 10))


class WordButton(QAbstractButton):
    """A word that can be clicked, as low as a line of text: "+ add" among chips, "show" behind a sentence."""

    def __init__(self, text: str, name: str, role: str = "body", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setText(text)
        self.setAccessibleName(name)
        self.setFont(theme.font(role))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(self.fontMetrics().horizontalAdvance(self.text()) + 12, 22)

    def paintEvent(self, event: QPaintEvent) -> None:
        look = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.hasFocus():
            painter.setPen(look.color("accent"))
            painter.drawRoundedRect(self.rect().adjusted(1, 1, -2, -2), 4, 4)
        painter.setPen(look.color("accent" if self.isCheckable() or self.underMouse() or self.hasFocus() else "dim"))
        painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignCenter), self.text())


class ChipField(QWidget):
    """The frame of an editor of chips: drawn like a line edit, red when it is marked invalid."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.flow = FlowLayout(self, 6)
        self.flow.setContentsMargins(9, 4, 9, 4)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setMinimumHeight(30)

    def clear_chips(self) -> None:
        """Take all chips out of the frame."""
        for index in reversed(range(self.flow.count())):
            item = self.flow.itemAt(index)
            widget = item.widget() if item is not None else None
            if isinstance(widget, RemovableChip):
                self.flow.takeAt(index)
                widget.hide()
                widget.deleteLater()

    def order_tabs(self) -> None:
        """Tab comes to the chips in the order that they are seen in, and behind them to what makes the next."""
        items = [self.flow.itemAt(index) for index in range(self.flow.count())]
        *chips, last = [widget for item in items if item is not None and (widget := item.widget()) is not None]
        before: QWidget | None = last.previousInFocusChain()
        while before is not None and (before in chips or before.focusPolicy() == Qt.FocusPolicy.NoFocus):
            before = before.previousInFocusChain() if before is not last else None
        if before is not None:
            for one, next_one in itertools.pairwise([before, *chips]):
                QWidget.setTabOrder(one, next_one)

    def paintEvent(self, event: QPaintEvent) -> None:
        look = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        inside = self.focusWidget()
        focused = inside is not None and inside.hasFocus()
        edge = "bad" if self.property("invalid") == "true" else "accent" if focused else "line"
        painter.setPen(look.color(edge))
        painter.setBrush(look.color("panel"))
        painter.translate(0.5, 0.5)
        painter.drawRoundedRect(self.rect().adjusted(0, 0, -1, -1), 6, 6)


class LabelsEditor(ChipField):
    """Labels as chips, and a line to type the next: Enter or a comma adds it, Backspace takes out the last.

    `entry` is what takes the focus. No focus proxy: Tab would come by twice, and skip what lies between.
    """

    edited = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._labels: list[str] = []
        self.line = QLineEdit()
        self.line.setPlaceholderText("+ add")
        self.line.setAccessibleName("Add a label")
        self.line.setFixedWidth(96)
        self.line.setStyleSheet(
            "QLineEdit { border: 0; padding: 0; min-height: 20px; max-height: 20px; background: transparent; }"
        )
        self.line.installEventFilter(self)
        self.line.textEdited.connect(self._typed)
        self.flow.addWidget(self.line)
        self.entry: QWidget = self.line

    def value(self) -> Any:
        """The labels, and what is typed but not yet added."""
        pending = self.line.text().strip()
        return [*self._labels, pending] if pending and pending not in self._labels else list(self._labels)

    def setValue(self, value: Any) -> None:
        labels = parts_of(value)
        if labels != self.value():
            self._labels = list(dict.fromkeys(labels))
            self.line.clear()
            self._show()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.FocusIn, QEvent.Type.FocusOut):
            if event.type() == QEvent.Type.FocusOut:
                self._add(self.line.text())
            self.update()
        elif event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.modifiers():
                self._add(self.line.text())
                return True
            if event.key() == Qt.Key.Key_Backspace and not self.line.text() and self._labels:
                self._remove(self._labels[-1])
                return True
        return super().eventFilter(watched, event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.line.setFocus()

    def _typed(self, text: str) -> None:
        if "," in text or "\n" in text or "\t" in text:
            self._add(text)
        self.edited.emit()

    def _add(self, text: str) -> None:
        parts = [part.strip() for part in text.replace("\n", ",").replace("\t", ",").split(",")]
        new = [part for part in dict.fromkeys(parts) if part and part not in self._labels]
        if text:
            self.line.clear()
        if new:
            self._labels.extend(new)
            self._show()
            self.edited.emit()

    def _remove(self, text: str) -> None:
        self._labels.remove(text)
        self._show()
        self.line.setFocus()
        self.edited.emit()

    def _show(self) -> None:
        self.clear_chips()
        for index, text in enumerate(self._labels):
            chip = RemovableChip(text, label_tone(text, self._labels), self)
            chip.clicked.connect(lambda _on=False, text=text: self._remove(text))
            self.flow.insertWidget(index, chip)
            chip.show()
        self.order_tabs()
        self.updateGeometry()


class RequirementsEditor(QWidget):
    """The qualifications that workers need: a chip each, and a row to make the next. `entry` takes the focus."""

    edited = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._items: list[dict[str, Any]] = []
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        self.field = ChipField()
        self.add_button = WordButton("+ add", "Add a required qualification")
        self.add_button.clicked.connect(self._open)
        self.field.flow.addWidget(self.add_button)
        layout.addWidget(self.field)
        self.row = QWidget()
        self._lay_row()
        self.row.hide()
        layout.addWidget(self.row)
        self.problem = label("", "small", "bad", wrap=True)
        self.problem.hide()
        layout.addWidget(self.problem)
        self.entry: QWidget = self.add_button

    def value(self) -> Any:
        """`[{qualification_name, comparator, applicable_value}]`"""
        return [dict(item) for item in self._items]

    def setValue(self, value: Any) -> None:
        given = value if isinstance(value, list | tuple) else ()
        items = [dict(item) for item in given if isinstance(item, dict)]
        if items != self._items:
            self._items = items
            self._show()

    def setKnown(self, names: Sequence[str]) -> None:
        """The qualifications there are, to choose from."""
        typed = self.name_box.currentText()
        self.name_box.clear()
        self.name_box.addItems(list(names))
        self.name_box.setEditText(typed)

    def setProperty(self, name: str, value: Any) -> bool:
        """`invalid` marks the frame inside."""
        if name == "invalid":
            theme.set_property(self.field, name, value)
        return super().setProperty(name, value)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self.row.isVisible() and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.modifiers():
            self._add()
        elif self.row.isVisible() and event.key() == Qt.Key.Key_Escape:
            self._close()
        else:
            super().keyPressEvent(event)

    def _lay_row(self) -> None:
        layout = QHBoxLayout(self.row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        self.name_box = QComboBox()
        self.name_box.setEditable(True)
        self.name_box.setAccessibleName("Qualification")
        self.name_box.setMinimumWidth(110)
        line = self.name_box.lineEdit()
        assert line is not None
        line.setPlaceholderText("qualification")
        self.comparator_box = QComboBox()
        self.comparator_box.setAccessibleName("Comparator")
        for key, words in COMPARATORS:
            self.comparator_box.addItem(words, key)
        self.comparator_box.setCurrentIndex(2)
        self.comparator_box.currentIndexChanged.connect(self._compare)
        self.value_line = QLineEdit("1")
        self.value_line.setAccessibleName("Value")
        self.value_line.setMinimumWidth(48)
        add = Button("Add")
        add.clicked.connect(self._add)
        layout.addWidget(self.name_box, 3)
        layout.addWidget(self.comparator_box)
        layout.addWidget(self.value_line, 1)
        layout.addWidget(add)

    def _open(self) -> None:
        self.row.show()
        self.name_box.setFocus()

    def _close(self) -> None:
        self.row.hide()
        self._say("")
        self.add_button.setFocus()

    def _compare(self) -> None:
        self.value_line.setVisible(self.comparator_box.currentData() not in COMPARATORS_WITHOUT_VALUE)

    def _add(self) -> None:
        try:
            made = make_requirement(
                self.name_box.currentText(), str(self.comparator_box.currentData()), self.value_line.text()
            )
        except ValueError as error:
            self._say(str(error))
            return
        self.name_box.clearEditText()
        self._close()
        if made not in self._items:
            self._items.append(made)
            self._show()
            self.edited.emit()

    def _remove(self, item: dict[str, Any]) -> None:
        self._items.remove(item)
        self._show()
        self.add_button.setFocus()
        self.edited.emit()

    def _say(self, text: str) -> None:
        self.problem.setText(text)
        self.problem.setVisible(bool(text))

    def _show(self) -> None:
        self.field.clear_chips()
        for index, item in enumerate(self._items):
            chip = RemovableChip(requirement_text(item), "", self.field)
            chip.clicked.connect(lambda _on=False, item=item: self._remove(item))
            self.field.flow.insertWidget(index, chip)
            chip.show()
        self.field.order_tabs()
        self.field.updateGeometry()
