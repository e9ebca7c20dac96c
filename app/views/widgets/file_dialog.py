"""The system's file dialog, which gives the keyboard back to the window that it was asked from."""

from __future__ import annotations

from PySide6.QtWidgets import QFileDialog


class FileDialog(QFileDialog):
    """As Qt's. Where no window manager does it, the window below is made active again when the dialog goes."""

    def done(self, result: int) -> None:
        super().done(result)
        parent = self.parentWidget()
        if parent is not None:
            parent.window().activateWindow()
