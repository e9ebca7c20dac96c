"""The panel at the right for what is selected. It hides itself when there is nothing."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from app.views.widgets.buttons import IconButton

WIDTH = 270


class Inspector(QWidget):
    """Shows one widget of the page; the widget stays the page's own and is given back when another is shown."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._shown: QWidget | None = None
        outer = QHBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        column = QVBoxLayout()
        column.setContentsMargins(0, 6, 6, 0)
        column.setSpacing(0)
        close = IconButton("ph.x", "Hide the inspector  Ctrl+I", "faint")
        close.clicked.connect(self.hide)
        column.addWidget(close, 0, Qt.AlignmentFlag.AlignRight)
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setObjectName("clear")
        column.addWidget(self._area, 1)
        outer.addLayout(column, 1)
        self.setMinimumWidth(WIDTH)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Inspector")
        self.hide()

    def inspect(self, widget: QWidget | None) -> None:
        """Show a widget, or hide."""
        if self._shown is not widget:
            self._give_back()
            if widget is not None:
                self._area.setWidget(widget)
                widget.setAutoFillBackground(False)  # which the scroll area has just switched on
                widget.show()
            self._shown = widget
        self.setVisible(widget is not None)

    def holds_something(self) -> bool:
        """Whether a page has given something to show."""
        return self._shown is not None

    def _give_back(self) -> None:
        taken = self._area.takeWidget()
        if taken is not None:
            taken.hide()
            taken.setParent(self._area)
