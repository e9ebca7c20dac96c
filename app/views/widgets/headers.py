"""The head of a page and the tabs of its sections."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from app.viewmodels.formats import digits
from app.views import theme
from app.views.widgets.labels import ElidedLabel
from app.views.widgets.pills import StatusPill


class PageHeader(QWidget):
    """Crumb above the title, a status pill and `chips` behind it, `buttons` at the right."""

    def __init__(self, title: str = "", crumb: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(20, 12, 20, 10)
        layout.setSpacing(12)
        words = QVBoxLayout()
        words.setSpacing(0)
        self.crumb = ElidedLabel(crumb, "body", "dim")
        self.title = ElidedLabel(title, "title")
        self.title.setMinimumHeight(24)
        words.addStretch(1)
        words.addWidget(self.crumb)
        words.addWidget(self.title)
        words.addStretch(1)
        layout.addLayout(words)
        self.pill = StatusPill()
        layout.addWidget(self.pill)
        self.chips = QHBoxLayout()
        self.chips.setSpacing(8)
        layout.addLayout(self.chips)
        layout.addStretch(1)
        self.buttons = QHBoxLayout()
        self.buttons.setSpacing(10)
        layout.addLayout(self.buttons)
        self.crumb.setVisible(bool(crumb))
        self.setMinimumHeight(66)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def setWords(self, title: str, crumb: str = "", status: str = "", tone: str = "") -> None:
        """Show a title, the crumb above it and a status (empty: no pill)."""
        self.title.setText(title)
        self.crumb.setText(crumb)
        self.crumb.setVisible(bool(crumb))
        self.pill.setStatus(status, tone)


class SectionTabs(QWidget):
    """Words with counts and a line under the one that is shown. Arrow keys move; `changed` carries the key."""

    changed = Signal(str)

    def __init__(self, tabs: Sequence[tuple[str, str]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tabs = list(tabs)
        self._counts: dict[str, int] = {}
        self._current = self._tabs[0][0] if self._tabs else ""
        self.setFont(theme.font("medium"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        self._name()

    def current(self) -> str:
        """The key of the tab that is shown."""
        return self._current

    def setCurrent(self, key: str) -> None:
        """Show a tab; emits `changed` when it was another."""
        if key == self._current or key not in dict(self._tabs):
            return
        self._current = key
        self._name()
        self.update()
        self.changed.emit(key)

    def setCount(self, key: str, count: int | None) -> None:
        """Show a count behind a tab's word; None shows none."""
        if count is None:
            self._counts.pop(key, None)
        else:
            self._counts[key] = count
        self.update()

    def sizeHint(self) -> QSize:
        boxes = self._boxes()
        return QSize((boxes[-1][1] + boxes[-1][2] + 20) if boxes else 40, 36)

    def minimumSizeHint(self) -> QSize:
        return QSize(40, 36)

    def paintEvent(self, event: QPaintEvent) -> None:
        look = theme.current()
        painter = QPainter(self)
        painter.fillRect(0, self.height() - 1, self.width(), 1, look.color("line"))
        words = dict(self._tabs)
        middle = int(Qt.AlignmentFlag.AlignVCenter)
        for key, x, width in self._boxes():
            on = key == self._current
            painter.setFont(self.font())
            painter.setPen(look.color("text" if on else "dim"))
            painter.drawText(x, 0, width, self.height() - 2, middle, words[key])
            if key in self._counts:
                offset = self.fontMetrics().horizontalAdvance(words[key]) + 5
                painter.setPen(look.color("faint"))
                painter.setFont(theme.font("small"))
                painter.drawText(x + offset, 0, width, self.height() - 2, middle, digits(self._counts[key]))
            if on:
                painter.fillRect(x, self.height() - 2, width, 2, look.color("accent"))
                if self.hasFocus():
                    painter.setPen(look.color("accent"))
                    painter.drawRoundedRect(x - 6, 4, width + 12, self.height() - 10, 4, 4)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        place = event.position().x()
        for key, x, width in self._boxes():
            if x - 9 <= place < x + width + 9:
                self.setCurrent(key)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        place = event.position().x()
        over = any(x - 9 <= place < x + width + 9 for _, x, width in self._boxes())
        self.setCursor(Qt.CursorShape.PointingHandCursor if over else Qt.CursorShape.ArrowCursor)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        keys = [key for key, _ in self._tabs]
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        if step is None or not keys:
            super().keyPressEvent(event)
            return
        self.setCurrent(keys[(keys.index(self._current) + step) % len(keys)])

    def _boxes(self) -> list[tuple[str, int, int]]:
        small = QFontMetrics(theme.font("small"))
        boxes, x = [], 20
        for key, words in self._tabs:
            width = self.fontMetrics().horizontalAdvance(words)
            if key in self._counts:
                width += 5 + small.horizontalAdvance(digits(self._counts[key]))
            boxes.append((key, x, width))
            x += width + 18
        return boxes

    def _name(self) -> None:
        self.setAccessibleName(f"Section: {dict(self._tabs).get(self._current, '')}")
