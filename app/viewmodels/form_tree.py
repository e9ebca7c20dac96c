"""The outline of a form for a tree: its sections, fieldsets, rows and fields; dragging a node moves it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import QAbstractItemModel, QMimeData, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from app.viewmodels.form_document import KINDS, LISTS, FormDocument, Path, title_of
from app.viewmodels.form_properties import TYPE_WORDS

MIME = "application/x-crowdesk-form-part"
KIND_ROLE = Qt.ItemDataRole.UserRole + 1
DETAIL_ROLE = Qt.ItemDataRole.UserRole + 2
FAULT_ROLE = Qt.ItemDataRole.UserRole + 3
Index = QModelIndex | QPersistentModelIndex


class FormTree(QAbstractItemModel):
    """Sections at the top. An index holds the number of its path in a list that lives as long as the shape does.

    `dropped(path, parent, place)` asks for a move; the model is told with `renew` once the document has changed.
    """

    dropped = Signal(tuple, tuple, int)

    def __init__(self, document: Callable[[], FormDocument], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._paths: list[Path] = []
        self._numbers: dict[Path, int] = {}
        self._faults: dict[Path, str] = {}
        self.renew()

    def renew(self) -> None:
        """The shape of the form is another."""
        self.beginResetModel()
        self._paths = list(self._document().walk())
        self._numbers = {path: number for number, path in enumerate(self._paths)}
        self.endResetModel()

    def touched(self, path: Path) -> None:
        """A node's words are others; those of its row, too."""
        for one in (path, path[:-1]):
            if one in self._numbers and one:
                index = self.index_of(one)
                self.dataChanged.emit(index, index)

    def setFaults(self, faults: dict[Path, str]) -> None:
        """What is wrong, by node."""
        before, self._faults = self._faults, faults
        for path in {*before, *faults}:
            if before.get(path) != faults.get(path):
                self.touched(path)

    def path_at(self, index: Index) -> Path:
        """The path of an index; the form's own for none."""
        number = index.internalId() if index.isValid() else 0
        return self._paths[number] if number < len(self._paths) else ()

    def index_of(self, path: Path) -> QModelIndex:
        """The index of a path; none for the form's own, or for one that is not there."""
        if not path or path not in self._numbers:
            return QModelIndex()
        return self.createIndex(path[-1], 0, self._numbers[path])

    def index(self, row: int, column: int, parent: Index = QModelIndex()) -> QModelIndex:  # noqa: B008 - Qt's own way
        path = (*self.path_at(parent), row)
        return self.index_of(path) if column == 0 and row >= 0 else QModelIndex()

    def parent(self, index: Index | None = None) -> Any:
        if index is None:
            return super().parent()
        return self.index_of(self.path_at(index)[:-1])

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own way
        path = self.path_at(parent)
        return len(self._document().children(path)) if parent.column() <= 0 else 0

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own way
        return 1

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        path = self.path_at(index)
        kind, node = KINDS[len(path)], self._document().node(path)
        if role == Qt.ItemDataRole.DisplayRole:
            return title_of(node, kind)
        if role == KIND_ROLE:
            return str(node.get("type")) if kind == "field" else kind
        if role == DETAIL_ROLE:
            return _detail(kind, node)
        if role in (FAULT_ROLE, Qt.ItemDataRole.ToolTipRole):
            return self._faults.get(path, "")
        if role == Qt.ItemDataRole.AccessibleTextRole:
            fault = self._faults.get(path)
            words = f"{kind}: {title_of(node, kind)}, {_detail(kind, node)}".rstrip(", ")
            return f"{words}. {fault}" if fault else words
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        if not index.isValid():
            return Qt.ItemFlag.ItemIsDropEnabled
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsDragEnabled
        return flags | Qt.ItemFlag.ItemIsDropEnabled if len(self.path_at(index)) < len(LISTS) else flags

    def supportedDropActions(self) -> Qt.DropAction:
        return Qt.DropAction.MoveAction

    def mimeTypes(self) -> list[str]:
        return [MIME]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:
        data = QMimeData()
        data.setData(MIME, json.dumps(self.path_at(indexes[0])).encode())
        return data

    def canDropMimeData(self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: Index) -> bool:
        path = _path_in(data)
        return path in self._numbers and self._document().can_hold(self.path_at(parent), path)

    def dropMimeData(self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: Index) -> bool:
        if self.canDropMimeData(data, action, row, column, parent):
            place = row if row >= 0 else self.rowCount(parent)
            self.dropped.emit(_path_in(data), self.path_at(parent), place)
        # false: the view must not take the rows out itself, the document has moved them
        return False


def _path_in(data: QMimeData) -> Path:
    if not data.hasFormat(MIME):
        return ()
    return tuple(json.loads(bytes(data.data(MIME).data()).decode()))


def _detail(kind: str, node: dict[str, Any]) -> str:
    marks = []
    if kind == "field":
        marks.append(TYPE_WORDS.get(str(node.get("type")), str(node.get("type"))))
        rules = node.get("validators")
        if isinstance(rules, dict) and rules.get("required") is True:
            marks.append("required")
    if node.get("for_each"):
        marks.append(f"for each of {node['for_each']}")
    if node.get("repeat"):
        marks.append("repeated")
    if node.get("show_if"):
        marks.append("conditional")
    return " · ".join(marks)
