"""Buttons: with a key cap behind the word, and square ones with an icon."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QPushButton, QSizePolicy, QStyle, QStyleOptionButton, QStylePainter, QToolButton, QWidget

from app.views import theme
from app.views.widgets.labels import key_cap_width, paint_key_cap

_ICON = 16
_GAP = 6


class Button(QPushButton):
    """A push button. `kind`: "plain", "primary", "danger" or "quiet"; `keys` is drawn as a key cap behind the word.

    The key cap only tells: the page binds the shortcut itself. `icon` is a name of the theme's icon set.
    """

    def __init__(
        self, text: str = "", kind: str = "plain", keys: str = "", icon: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(text, parent)
        self._keys = keys
        self._icon_name = icon
        self.setProperty("kind", kind)
        self.setFont(theme.font("medium"))
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        if keys:
            self.setAccessibleDescription(f"Key {keys}")

    def setKeys(self, keys: str) -> None:
        """Change the key cap; empty for none."""
        self._keys = keys
        self.updateGeometry()
        self.update()

    def setIconName(self, icon: str) -> None:
        """Show another icon before the word."""
        self._icon_name = icon
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        sides = 16 if self.property("kind") == "quiet" else 24
        if self.menu() is not None:
            sides += 16
        return QSize(self._content_width() + sides + 2, 30)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        option = QStyleOptionButton()
        self.initStyleOption(option)
        option.text = ""
        painter = QStylePainter(self)
        painter.drawControl(QStyle.ControlElement.CE_PushButton, option)
        token = self._tone()
        x = (self.width() - self._content_width() - (16 if self.menu() is not None else 0)) // 2
        middle = self.height() // 2
        if self._icon_name:
            theme.current().icon(self._icon_name, token).paint(painter, x, middle - _ICON // 2, _ICON, _ICON)
            x += _ICON + (_GAP if self.text() else 0)
        painter.setPen(theme.current().color(token))
        width = self.fontMetrics().horizontalAdvance(self._words()) + 1
        painter.drawText(x, 0, width, self.height(), int(Qt.AlignmentFlag.AlignVCenter), self._words())
        if self._keys:
            self._paint_keys(painter, x + width + _GAP, middle, token)

    def _paint_keys(self, painter: QPainter, x: int, middle: int, token: str) -> None:
        plain = token in ("text", "bad")
        paint_key_cap(painter, x, middle, self._keys, "dim" if plain else token, filled=plain)

    def _words(self) -> str:
        return self.text().replace("&&", "\0").replace("&", "").replace("\0", "&")

    def _tone(self) -> str:
        if not self.isEnabled():
            return "faint"
        tones = {"primary": "on-accent", "danger": "bad", "quiet": "accent"}
        return tones.get(str(self.property("kind")), "text")

    def _content_width(self) -> int:
        width = self.fontMetrics().horizontalAdvance(self._words()) + 1
        if self._icon_name:
            width += _ICON + (_GAP if self.text() else 0)
        if self._keys:
            width += _GAP + key_cap_width(QFontMetrics(theme.font("kbd")).horizontalAdvance(self._keys))
        return width


class IconButton(QToolButton):
    """A square button that shows an icon; `name` is what a screen reader says and the tool tip."""

    def __init__(self, icon: str, name: str, tint: str = "dim", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon_name, self._tint = icon, tint
        self.setToolTip(name)
        self.setAccessibleName(name)
        self.setIconSize(QSize(_ICON, _ICON))
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAutoRaise(True)
        self._restyle()
        theme.current().changed.connect(self._restyle)

    def setIconName(self, icon: str, tint: str = "") -> None:
        """Show another icon."""
        self._icon_name, self._tint = icon, tint or self._tint
        self._restyle()

    def _restyle(self) -> None:
        self.setIcon(theme.current().icon(self._icon_name, self._tint))
