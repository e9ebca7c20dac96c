"""The icon in the system's tray: desktop notifications, and the way back while the window is hidden."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QMenu, QSystemTrayIcon, QWidget

from app.views import theme


class Tray(QObject):
    """`opened()` and `quit_asked()` come from its menu. A system without a tray shows nothing and loses nothing."""

    opened = Signal()
    quit_asked = Signal()

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._icon: QSystemTrayIcon | None = None
        if not QSystemTrayIcon.isSystemTrayAvailable():
            return
        self._menu = QMenu(window)
        self._menu.addAction("Open Crowdesk").triggered.connect(self.opened)
        self._menu.addAction("Close Crowdesk").triggered.connect(self.quit_asked)
        self._icon = QSystemTrayIcon(QIcon(str(theme.RESOURCES / "icons" / "crowdesk.svg")), self)
        self._icon.setToolTip("Crowdesk")
        self._icon.setContextMenu(self._menu)
        self._icon.activated.connect(lambda _reason: self.opened.emit())
        self._icon.messageClicked.connect(self.opened)
        self._icon.show()

    @property
    def available(self) -> bool:
        """Whether this system has a tray."""
        return self._icon is not None

    def notify(self, title: str, text: str) -> None:
        """Tell the desktop, when the window is not the one that is used."""
        if self._icon is not None and not self._window.isActiveWindow():
            self._icon.showMessage(title, text)

    def remove(self) -> None:
        """Take the icon away."""
        if self._icon is not None:
            self._icon.hide()
