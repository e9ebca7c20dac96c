"""The places of the window: icon and word, a badge for what waits; collapsible to icons."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from app.views import theme
from app.views.page import Place
from app.views.widgets.buttons import IconButton
from app.views.widgets.labels import label

WIDE, NARROW = 196, 56


class SidebarItem(QAbstractButton):
    """One place. Checked is the one that is shown."""

    def __init__(self, place: Place, keys: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon = place.icon
        self._badge = ""
        self.narrow = False
        self._word = place.word
        self.setText(place.word)
        self.setCheckable(True)
        self.setAutoExclusive(True)
        self.setFixedHeight(32)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setToolTip(f"{place.word}  {keys}")
        self.setAccessibleName(place.word)
        self.setAccessibleDescription(f"Key {keys}")

    def setBadge(self, words: str) -> None:
        """Show a short text at the right, e.g. how many wait."""
        if words != self._badge:
            self._badge = words
            self.setAccessibleName(f"{self._word}, {words}" if words else self._word)
            self.update()

    def badge(self) -> str:
        """The text shown at the right."""
        return self._badge

    def sizeHint(self) -> QSize:
        return QSize(NARROW - 16 if self.narrow else WIDE - 16, 32)

    def paintEvent(self, event: QPaintEvent) -> None:
        look = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        on = self.isChecked()
        if on or self.underMouse():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(look.color("accent-bg" if on else "hover"))
            painter.drawRoundedRect(self.rect(), 6, 6)
        if self.hasFocus():
            painter.setPen(look.color("accent"))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(self.rect().adjusted(1, 1, -1, -1), 6, 6)
        tint = "accent" if on else "dim"
        middle = self.height() // 2
        look.icon(self._icon, tint).paint(painter, QRect(12 if self.narrow else 10, middle - 8, 16, 16))
        if self.narrow:
            if self._badge:
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(look.color("accent"))
                painter.drawEllipse(self.width() - 12, 6, 6, 6)
            return
        painter.setPen(look.color(tint))
        painter.setFont(theme.font("strong" if on else "body"))
        painter.drawText(self.rect().adjusted(36, 0, -40, 0), int(Qt.AlignmentFlag.AlignVCenter), self._word)
        painter.setPen(look.color("dim"))
        painter.setFont(theme.font("badge"))
        right = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight)
        painter.drawText(self.rect().adjusted(0, 0, -10, 0), right, self._badge)


class Sidebar(QWidget):
    """The places, one below the other. `chosen(str)` carries the key of a place; `collapsed_changed(bool)`."""

    chosen = Signal(str)
    collapsed_changed = Signal(bool)

    def __init__(self, places: Sequence[Place], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("backdrop")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._narrow = False
        self.items: dict[str, SidebarItem] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 12, 8, 8)
        layout.setSpacing(2)
        head = QHBoxLayout()
        head.setContentsMargins(10, 2, 0, 8)
        self._brand = label("Crowdesk", "name")
        head.addWidget(self._brand, 1)
        self._fold = IconButton("ph.list", "Collapse the sidebar  Ctrl+B", "faint")
        self._fold.clicked.connect(lambda: self.setNarrow(not self._narrow))
        head.addWidget(self._fold)
        layout.addLayout(head)
        self._head = head
        for number, place in enumerate(places, start=1):
            item = SidebarItem(place, f"Ctrl+{number}")
            item.clicked.connect(lambda _on=False, key=place.key: self.chosen.emit(key))
            self.items[place.key] = item
            layout.addWidget(item)
        layout.addStretch(1)
        self.setFixedWidth(WIDE)
        self.setAccessibleName("Places")

    def setCurrent(self, key: str) -> None:
        """Mark the place that is shown."""
        if key in self.items:
            self.items[key].setChecked(True)

    def setBadges(self, badges: dict[str, str]) -> None:
        """Show these badges; places that are not named have none."""
        for key, item in self.items.items():
            item.setBadge(badges.get(key, ""))

    def isNarrow(self) -> bool:
        """Whether only icons are shown."""
        return self._narrow

    def setNarrow(self, narrow: bool) -> None:
        """Show icons only, or icons and words."""
        if narrow == self._narrow:
            return
        self._narrow = narrow
        self._brand.setVisible(not narrow)
        self._head.setContentsMargins(6 if narrow else 10, 2, 6 if narrow else 0, 8)
        self._fold.setToolTip(f"{'Widen' if narrow else 'Collapse'} the sidebar  Ctrl+B")
        for item in self.items.values():
            item.narrow = narrow
            item.updateGeometry()
        self.setFixedWidth(NARROW if narrow else WIDE)
        self.collapsed_changed.emit(narrow)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(event.key()))
        focused = [number for number, item in enumerate(self.items.values()) if item.hasFocus()]
        if step is None or not focused:
            super().keyPressEvent(event)
            return
        items = list(self.items.values())
        items[(focused[0] + step) % len(items)].setFocus(Qt.FocusReason.TabFocusReason)
