"""Tables that follow the feed only while they are on the screen: what nobody sees is not read."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QWidget

from app.viewmodels.desktop import Desktop
from app.viewmodels.feed_binding import FeedBinding
from app.viewmodels.record_table import RecordTableModel


class Following(QObject):
    """Feeds a model with what is committed while `widget` is shown; what came meanwhile is told when it is again."""

    _binding: FeedBinding | None = None  # of the class: the filter is still called while a page is taken apart

    def __init__(self, desktop: Desktop, model: RecordTableModel, widget: QWidget) -> None:
        super().__init__(widget)
        self._binding = desktop.binding(model.source.tables, self)
        self._binding.changed.connect(model.apply_changes)
        self._binding.set_active(widget.isVisible())
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if self._binding is not None and event.type() in (QEvent.Type.Show, QEvent.Type.Hide):
            self._binding.set_active(event.type() == QEvent.Type.Show)
        return False
