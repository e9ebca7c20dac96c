"""Status pills (dot and word) and chips (filters that are on or off)."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QSizePolicy, QWidget

from app.viewmodels.formats import digits
from app.views import theme

PILL_HEIGHT = 20
_TONES = {
    "ok": ("accepted", "approved", "in flight", "paid", "settled", "active", "granted", "serving"),
    "info": ("completed", "in task", "sent", "running"),
    "warn": (
        "assigned",
        "waiting",
        "partner disconnect",
        "pending",
        "paused",
        "interrupted",
        "unknown",
        "fast",
        "flag",
        "warning",
    ),
    "bad": ("disconnect", "rejected", "failed", "blocked", "timeout", "refused", "lost", "error"),
    "soft": ("onboarding", "soft_rejected", "soft-rejected", "soft-blocked"),
}
_TONE_OF = {status: tone for tone, statuses in _TONES.items() for status in statuses}


def tone_of(status: str) -> str:
    """The tone of a status word: "ok", "info", "warn", "bad", "soft", or "idle" for all that is at rest or unknown."""
    return _TONE_OF.get(status, "idle")


def words_of(status: str) -> str:
    """A status as it is read: `soft_rejected` becomes "soft-rejected"."""
    return status.replace("_", "-")


def pill_width(text: str) -> int:
    """How wide the pill of a word is, in pixels."""
    return QFontMetrics(theme.font("small-medium")).horizontalAdvance(text) + 28


def paint_pill(painter: QPainter, rect: QRect, text: str, tone: str) -> None:
    """Draw a pill at the left of `rect`, centred in its height, elided to its width."""
    look = theme.current()
    font = theme.font("small-medium")
    width = min(pill_width(text), rect.width())
    if width < PILL_HEIGHT:
        return
    box = QRect(rect.left(), rect.center().y() - PILL_HEIGHT // 2 + 1, width, PILL_HEIGHT)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(look.color(f"{tone}-bg"))
    painter.drawRoundedRect(box, PILL_HEIGHT / 2, PILL_HEIGHT / 2)
    painter.setBrush(look.color(tone))
    painter.drawEllipse(box.left() + 8, box.center().y() - 2, 6, 6)
    painter.setPen(look.color(tone))
    painter.setFont(font)
    words = QFontMetrics(font).elidedText(text, Qt.TextElideMode.ElideRight, width - 27)
    painter.drawText(box.adjusted(20, 0, -4, 0), int(Qt.AlignmentFlag.AlignVCenter), words)
    painter.restore()


class StatusPill(QWidget):
    """A status as dot and word on a tinted ground."""

    def __init__(self, status: str = "", tone: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._take(status, tone)
        if not status:
            self.hide()  # a word needs no `show`, which would make a window of it before it has its place

    def setStatus(self, status: str, tone: str = "") -> None:
        """Show a status word; `tone` overrides the one that belongs to it. An empty word hides the pill."""
        self._take(status, tone)
        self.setVisible(bool(status))
        self.updateGeometry()
        self.update()

    def status(self) -> str:
        """The word shown."""
        return self._text

    def sizeHint(self) -> QSize:
        return QSize(pill_width(self._text), PILL_HEIGHT + 2)

    def paintEvent(self, event: QPaintEvent) -> None:
        paint_pill(QPainter(self), self.rect(), self._text, self._tone)

    def _take(self, status: str, tone: str) -> None:
        self._text, self._tone = words_of(status), tone or tone_of(status)
        self.setAccessibleName(f"Status: {self._text}")


class Chip(QAbstractButton):
    """A small rounded switch: a filter that is on or off. Reached by Tab, toggled by Space or Enter."""

    def __init__(self, text: str, *, checkable: bool = True, menu_mark: bool = False, parent: QWidget | None = None):
        super().__init__(parent)
        self._menu_mark = menu_mark
        self.setText(text)
        self.setCheckable(checkable)
        self.setFont(theme.font())
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(self.fontMetrics().horizontalAdvance(self.text()) + 24 + (14 if self._menu_mark else 0), 26)

    def setLabel(self, text: str) -> None:
        """Change the word (a count, say) and the size that it needs."""
        if text != self.text():
            self.setText(text)
            self.updateGeometry()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if enter and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            event.ignore()  # confirms the sheet that the chip is on
        elif enter:
            self.click()
        else:
            super().keyPressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        look = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        on = self.isChecked()
        box = self.rect().adjusted(1, 1, -1, -1)
        edge = "accent" if self.hasFocus() else "accent-bg" if on else "edge" if self.underMouse() else "line"
        painter.setPen(look.color(edge))
        painter.setBrush(look.color("accent-bg" if on else "panel"))
        painter.translate(0.5, 0.5)
        painter.drawRoundedRect(box.adjusted(0, 0, -1, -1), 12, 12)
        painter.translate(-0.5, -0.5)
        painter.setPen(look.color("faint" if not self.isEnabled() else "accent" if on else "dim"))
        painter.drawText(
            box.adjusted(11, 0, -10, 0), int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), self.text()
        )
        if self._menu_mark:
            middle = box.center().y() + 1
            look.icon("ph.caret-down").paint(painter, box.right() - 21, middle - 6, 12, 12)


class ChipRow(QWidget):
    """Filter chips side by side. `exclusive`: at most one is on. `changed` carries the keys that are on."""

    changed = Signal(list)

    def __init__(self, chips: Sequence[tuple[str, str]], *, exclusive: bool = True, parent: QWidget | None = None):
        super().__init__(parent)
        self._exclusive = exclusive
        self._words = dict(chips)
        self._chips: dict[str, Chip] = {}
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        for key, text in chips:
            chip = Chip(text)
            chip.clicked.connect(lambda _on, key=key: self._clicked(key))
            self._chips[key] = chip
            layout.addWidget(chip)

    def keys(self) -> list[str]:
        """The keys of the chips that are on, in order."""
        return [key for key, chip in self._chips.items() if chip.isChecked()]

    def all_keys(self) -> list[str]:
        """The keys of all chips."""
        return list(self._chips)

    def setKeys(self, keys: Sequence[str]) -> None:
        """Switch on these chips and no others, without a signal."""
        for key, chip in self._chips.items():
            chip.setChecked(key in keys)

    def setCount(self, key: str, count: int | None) -> None:
        """Show a count behind a chip's word; None shows none."""
        word = self._words[key]
        self._chips[key].setLabel(word if count is None else f"{word} {digits(count)}")

    def _clicked(self, key: str) -> None:
        if self._exclusive and self._chips[key].isChecked():
            self.setKeys([key])
        self.changed.emit(self.keys())
