"""What stands in place of the window when the program cannot open its data."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QCloseEvent, QDesktopServices
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.views.widgets.buttons import Button
from app.views.widgets.labels import label
from app.views.widgets.panels import IconMark


class FaultWindow(QWidget):
    """What happened and what to do, in words; `closed()` when it was read."""

    closed = Signal()

    def __init__(self, message: str, advice: str, data_dir: Path) -> None:
        super().__init__()
        self.setWindowTitle("Crowdesk cannot open")
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedWidth(520)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(28, 24, 28, 20)
        layout.setSpacing(10)
        layout.addWidget(IconMark("ph.warning-circle", "bad", 44, "bad-bg"))
        layout.addWidget(label("Crowdesk cannot open its data", "title"))
        layout.addWidget(label(message, wrap=True, select=True))
        if advice:
            layout.addWidget(label(advice, tone="dim", wrap=True, select=True))
        layout.addWidget(label(f"Data folder: {data_dir}", "small", "faint", wrap=True, select=True))
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        folder = Button("Open the folder", icon="ph.folder-open")
        folder.clicked.connect(lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(data_dir))))
        close = Button("Close", "primary")
        close.clicked.connect(self.close)
        buttons.addWidget(folder)
        buttons.addWidget(close)
        layout.addSpacing(8)
        layout.addLayout(buttons)
        folder.setVisible(data_dir.is_dir())

    def closeEvent(self, event: QCloseEvent) -> None:
        super().closeEvent(event)
        self.closed.emit()
