"""The outline of a form: a tree of its parts that is walked by keys and rearranged by keys or by dragging."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QPainter
from PySide6.QtWidgets import QAbstractItemView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QTreeView, QWidget

from app.viewmodels.form_document import Path
from app.viewmodels.form_tree import DETAIL_ROLE, FAULT_ROLE, KIND_ROLE, FormTree
from app.views import theme

_ROW = 30
_ICONS = {
    "section": "ph.rows", "fieldset": "ph.stack", "row": "ph.columns", "input": "ph.text-t", "email": "ph.at",
    "textarea": "ph.text-align-left", "password": "ph.eye-slash", "number": "ph.hash", "hidden": "ph.eye-slash",
    "slider": "ph.sliders-horizontal", "date": "ph.calendar-blank", "select": "ph.caret-circle-down",
    "radio": "ph.list-bullets", "checkbox": "ph.check-square", "ranking": "ph.list-numbers", "file": "ph.paperclip",
}  # fmt: skip


class _PartDelegate(QStyledItemDelegate):
    """An icon, the words of a part, what is special about it, and a mark where something is wrong."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(120, _ROW)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        look = theme.current()
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, look.color("select"))
        if state & QStyle.StateFlag.State_HasFocus:
            painter.fillRect(rect.left(), rect.top(), 2, rect.height(), look.color("accent"))
        kind = str(index.data(KIND_ROLE))
        fault = bool(index.data(FAULT_ROLE))
        x, middle = rect.left() + 6, rect.center().y()
        look.icon(_ICONS.get(kind, "ph.text-t"), "bad" if fault else "dim").paint(painter, x, middle - 8, 16, 16)
        x += 22
        right = rect.right() - 8
        if fault:
            look.icon("ph.warning-circle", "bad").paint(painter, right - 16, middle - 8, 16, 16)
            right -= 22
        text = str(index.data())
        painter.setFont(theme.font("medium" if kind in ("section", "fieldset") else "body"))
        painter.setPen(look.color("dim" if kind == "row" else "text"))
        width = painter.fontMetrics().horizontalAdvance(text)
        shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, max(0, right - x))
        centre = int(Qt.AlignmentFlag.AlignVCenter)
        painter.drawText(QRect(x, rect.top(), max(0, right - x), rect.height()), centre, shown)
        x += width + 8
        painter.setFont(theme.font("small"))
        painter.setPen(look.color("faint"))
        detail = QFontMetrics(theme.font("small")).elidedText(
            str(index.data(DETAIL_ROLE)), Qt.TextElideMode.ElideRight, max(0, right - x)
        )
        if right - x > 24:
            painter.drawText(QRect(x, rect.top(), right - x, rect.height()), centre, detail)


class FormOutline(QTreeView):
    """`chosen(path)`: another part is the current one. `removed()`, `doubled()`, `stepped(down)`: what keys ask for."""

    chosen = Signal(tuple)
    removed = Signal()
    doubled = Signal()
    stepped = Signal(bool)

    def __init__(self, tree: FormTree, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tree = tree
        self._delegate = _PartDelegate(self)
        self.setModel(tree)
        self.setItemDelegate(self._delegate)
        self.setHeaderHidden(True)
        self.setUniformRowHeights(True)
        self.setIndentation(16)
        self.setAnimated(False)
        self.setExpandsOnDoubleClick(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.setDefaultDropAction(Qt.DropAction.MoveAction)
        self.setDropIndicatorShown(True)
        self.setAccessibleName("Parts of the form")
        tree.modelReset.connect(self.expandAll)
        theme.current().changed.connect(self.viewport().update)
        self.expandAll()

    def show_path(self, path: Path) -> None:
        """Make a part the current one; () is the form itself."""
        index = self._tree.index_of(path)
        if index.isValid():
            self.setCurrentIndex(index)
            self.scrollTo(index)
        else:
            self.clearSelection()
            self.setCurrentIndex(QModelIndex())

    def path(self) -> Path:
        """The current part."""
        return self._tree.path_at(self.currentIndex())

    def currentChanged(
        self, current: QModelIndex | QPersistentModelIndex, previous: QModelIndex | QPersistentModelIndex
    ) -> None:
        super().currentChanged(current, previous)
        self.chosen.emit(self._tree.path_at(current))

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and self._is_own(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self._is_own(event):
            super().keyPressEvent(event)
        elif event.key() == Qt.Key.Key_Delete:
            self.removed.emit()
        elif event.key() == Qt.Key.Key_D:
            self.doubled.emit()
        else:
            self.stepped.emit(event.key() == Qt.Key.Key_Down)

    def _is_own(self, event: QKeyEvent) -> bool:
        if event.modifiers() == Qt.KeyboardModifier.AltModifier:
            return event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down)
        if event.modifiers() == Qt.KeyboardModifier.ControlModifier:
            return event.key() == Qt.Key.Key_D
        return event.key() == Qt.Key.Key_Delete
