"""Cards, statistics with a small bar, grids of names and values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPainterPath, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from app.views import theme
from app.views.widgets.labels import ElidedLabel, label


class Card(QFrame):
    """A panel with a border; `title` in small words at the top, `head` for what stands right of it, `body` below."""

    def __init__(self, title: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 10, 14, 10)
        layout.setSpacing(6)
        self.head = QHBoxLayout()
        self.head.setSpacing(12)
        self.title = label(title, "heading", "dim")
        self.head.addWidget(self.title)
        self.head.addStretch(1)
        if title:
            layout.addLayout(self.head)
        self.body = QVBoxLayout()
        self.body.setSpacing(8)
        layout.addLayout(self.body, 1)


_MARGINS = 2 * 14 + 4


class MiniBar(QWidget):
    """A bar of 4 pixels: parts of a whole, each a fraction (0 to 1) and a colour token."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._parts: tuple[tuple[float, str], ...] = ()
        self.setFixedHeight(4)
        self.setMinimumWidth(24)

    def setParts(self, parts: Sequence[tuple[float, str]]) -> None:
        """Show these parts, from the left."""
        self._parts = tuple(parts)
        self.setAccessibleName(" and ".join(f"{fraction:.0%}" for fraction, _ in parts))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(80, 4)

    def paintEvent(self, event: QPaintEvent) -> None:
        look = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        shape = QPainterPath()
        shape.addRoundedRect(QRectF(self.rect()), 2, 2)
        painter.setClipPath(shape)
        painter.fillRect(self.rect(), look.color("idle-bg"))
        x = 0.0
        for fraction, token in self._parts:
            width = max(0.0, min(1.0, fraction)) * self.width()
            painter.fillRect(QRectF(x, 0, width, 4), look.color(token))
            x += width


class StatTile(QWidget):
    """One figure: its name, the figure, a note beside or below it, and a small bar when it has parts.

    `grown()`: figure or note is longer than before.
    """

    grown = Signal()

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = name
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 9, 14, 9)
        layout.setSpacing(0)
        layout.addWidget(label(name, "small", "dim"))
        line = self._line = QHBoxLayout()
        line.setSpacing(6)
        self._figure = label("–", "figure")
        self._note = ElidedLabel("", "small", "dim")
        self._note.setAlignment(Qt.AlignmentFlag.AlignBottom)
        self._note.setContentsMargins(0, 0, 0, 4)
        self._note.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
        line.addWidget(self._figure)
        line.addWidget(self._note, 1)
        layout.addLayout(line)
        self._bar = MiniBar()
        self._bar.setVisible(False)
        layout.addSpacing(4)
        layout.addWidget(self._bar)
        layout.addStretch(1)
        self.setMinimumWidth(104)

    def setFigure(self, figure: str, note: str = "", parts: Sequence[tuple[float, str]] = ()) -> None:
        """Show a figure, its note, and the parts of its bar (fraction, colour token)."""
        before = self.needed()
        self._figure.setText(figure)
        self._note.setText(note)
        self._bar.setVisible(bool(parts))
        self._bar.setParts(parts)
        self.setAccessibleName(f"{self._name}: {figure} {note}".strip())
        if self.needed() > before:
            self.grown.emit()

    def needed(self) -> int:
        """The width in which figure and note have room beside each other."""
        figure = self._figure.fontMetrics().horizontalAdvance(self._figure.text())
        return _MARGINS + figure + self._line.spacing() + self._note.fontMetrics().horizontalAdvance(self._note.text())

    def setStacked(self, stacked: bool) -> None:
        """Put the note below the figure, or beside it."""
        down, right = QHBoxLayout.Direction.TopToBottom, QHBoxLayout.Direction.LeftToRight
        self._line.setDirection(down if stacked else right)
        self._line.setSpacing(0 if stacked else 6)

    def figure(self) -> str:
        """The figure shown."""
        return self._figure.text()


class StatStrip(QFrame):
    """Figures side by side in one card, separated by hairlines."""

    def __init__(self, names: Mapping[str, str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self.tiles = {key: StatTile(name) for key, name in names.items()}
        layout = QHBoxLayout(self)
        layout.setContentsMargins(1, 1, 1, 1)
        layout.setSpacing(0)
        for index, tile in enumerate(self.tiles.values()):
            if index:
                line = QFrame()
                line.setObjectName("hairline")
                line.setFixedWidth(1)
                layout.addWidget(line)
            # all as wide as each other, whatever figures they hold: nothing moves when a number grows
            tile.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
            tile.grown.connect(self._fit)
            layout.addWidget(tile, 1)
        self._stacked_at = -1
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Notes stand below their figures when one of them has no room beside it, and stay there: nothing jumps when
        a number gets shorter again."""
        room = self.width() // max(1, len(self.tiles)) - 2
        if self._stacked_at >= self.width():
            return
        stacked = any(tile.needed() > room for tile in self.tiles.values())
        if stacked != (self._stacked_at >= 0):
            for tile in self.tiles.values():
                tile.setStacked(stacked)
        self._stacked_at = self.width() if stacked else -1

    def tile(self, key: str) -> StatTile:
        """One figure by its key. (A widget with `__getitem__` would be taken for a sequence by PySide and unpacked.)"""
        return self.tiles[key]


class KeyValueGrid(QWidget):
    """Names at the left in dim words, values at the right. Values may be selected and copied."""

    def __init__(self, name_width: int = 118, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(5)
        self._grid.setColumnMinimumWidth(0, name_width)
        self._grid.setColumnStretch(1, 1)
        self._values: dict[str, QWidget] = {}

    def setRows(self, rows: Sequence[tuple[str, str | QWidget]]) -> None:
        """Replace all rows by (name, value); texts of rows that stay are changed in place."""
        if [name for name, _ in rows] == list(self._values) and all(
            isinstance(value, str) and isinstance(self._values[name], QLabel) for name, value in rows
        ):
            for name, value in rows:
                held = self._values[name]
                if isinstance(held, QLabel) and isinstance(value, str):
                    held.setText(value)
            return
        while (item := self._grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.setParent(None)
                widget.deleteLater()
        self._values.clear()
        for row, (name, value) in enumerate(rows):
            widget = _value_label(value) if isinstance(value, str) else value
            self._grid.addWidget(label(name, tone="dim"), row, 0, Qt.AlignmentFlag.AlignTop)
            left = Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft
            self._grid.addWidget(widget, row, 1, Qt.AlignmentFlag.AlignTop if isinstance(value, str) else left)
            widget.setAccessibleName(f"{name}: {value}" if isinstance(value, str) else name)
            self._values[name] = widget

    def value(self, name: str) -> QWidget:
        """The widget that shows a value."""
        return self._values[name]


def _value_label(text: str) -> QLabel:
    made = label(text, wrap=True, select=True)
    made.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
    return made
