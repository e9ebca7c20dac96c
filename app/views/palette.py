"""Ctrl+K: every action and every object by a few letters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QPainter, QPaintEvent, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import (
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from app.viewmodels.action import Action
from app.viewmodels.window_frame import Found, WindowFrame
from app.views import theme
from app.views.page import Offer
from app.views.widgets.labels import key_cap_width, label, paint_key_cap

WIDTH, ROW, MOST = 580, 36, 60
_OFFER = Qt.ItemDataRole.UserRole
_PAUSE_MS = 120


def matches(words: str, offer: Offer) -> int:
    """How well an offer fits what was typed, 0 for not at all: all words must be in it, beginnings count more."""
    text = f"{offer.words} {offer.detail}".lower()
    score = 1
    for word in words.lower().split():
        if word not in text:
            return 0
        score += 1 + 3 * text.startswith(word) + (f" {word}" in text)
    return score


class _Rows(QStyledItemDelegate):
    """Icon, words, detail in dim, key at the right."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(WIDTH - 20, ROW)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        offer: Offer = index.data(_OFFER)
        look, rect = theme.current(), option.rect
        if option.state & QStyle.StateFlag.State_Selected:
            painter.save()
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(look.color("select"))
            painter.drawRoundedRect(rect.adjusted(0, 1, 0, -1), 6, 6)
            painter.restore()
        middle = rect.center().y() + 1
        look.icon(offer.icon, "dim").paint(painter, rect.left() + 10, middle - 8, 16, 16)
        right = rect.right() - 10
        if offer.keys:
            keys = offer.keys.replace("+", " ")
            width = key_cap_width(QFontMetrics(theme.font("kbd")).horizontalAdvance(keys))
            paint_key_cap(painter, right - width, middle, keys)
            right -= width + 10
        font = theme.font()
        metrics = QFontMetrics(font)
        left = rect.left() + 36
        words = metrics.elidedText(offer.words, Qt.TextElideMode.ElideRight, right - left)
        painter.setFont(font)
        painter.setPen(look.color("text"))
        side = int(Qt.AlignmentFlag.AlignVCenter)
        painter.drawText(left, rect.top(), right - left, rect.height(), side, words)
        left += metrics.horizontalAdvance(words) + 10
        if offer.detail and left < right - 40:
            painter.setPen(look.color("faint"))
            detail = metrics.elidedText(offer.detail, Qt.TextElideMode.ElideRight, right - left)
            painter.drawText(left, rect.top(), right - left, rect.height(), side, detail)


class Palette(QWidget):
    """Lies over the window. `offers` gives the actions of now; objects are looked up while one types."""

    closed = Signal()

    def __init__(self, frame: WindowFrame, offers: Callable[[], Sequence[Offer]], window: QWidget) -> None:
        super().__init__(window)
        self._frame, self._offers = frame, offers
        self._actions: list[Offer] = []
        self._found: list[Offer] = []
        self._model = QStandardItemModel(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 10, 10, 10)
        layout.setSpacing(8)
        self.line = QLineEdit()
        self.line.setPlaceholderText("What do you want to do, or open?")
        self.line.setAccessibleName("Command palette")
        self.line.setMinimumHeight(34)
        self.list = QListView()
        self.list.setObjectName("clear")
        self.list.setModel(self._model)
        self.list.setItemDelegate(_Rows(self))
        self.list.setUniformItemSizes(True)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setAccessibleName("Actions and objects")
        self.nothing = label("Nothing fits these words.", tone="dim")
        self.nothing.setContentsMargins(10, 8, 10, 10)
        layout.addWidget(self.line)
        layout.addWidget(self.list)
        layout.addWidget(self.nothing)
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._pause.timeout.connect(self._look_up)
        self._finder = Action(frame.find, self)
        self._finder.finished.connect(self._take_found)
        self.line.textChanged.connect(self._typed)
        self.line.installEventFilter(self)
        self.list.clicked.connect(lambda _index: self.run())
        window.installEventFilter(self)
        self.hide()

    def open(self) -> None:
        """Show it, empty, with the actions of now."""
        self._actions = list(self._offers())
        self._found = []
        self.line.clear()
        self._fill()
        self._place()
        self.show()
        self.raise_()
        self.line.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def shut(self) -> None:
        """Hide it again."""
        if self.isVisible():
            self._pause.stop()
            self.hide()
            self.closed.emit()

    def run(self) -> None:
        """Do what is marked."""
        index = self.list.currentIndex()
        if index.isValid():
            offer: Offer = index.data(_OFFER)
            self.shut()
            offer.call()

    def words(self) -> list[str]:
        """The lines that are listed."""
        return [self._model.item(row).text() for row in range(self._model.rowCount())]

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.line and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            return self._key(event)
        if watched is self.line and event.type() == QEvent.Type.FocusOut:
            self.shut()
        elif watched is self.parent() and event.type() == QEvent.Type.Resize and self.isVisible():
            self._place()
        return super().eventFilter(watched, event)

    def paintEvent(self, event: QPaintEvent) -> None:
        look = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(look.color("line"))
        painter.setBrush(look.color("raised"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 10, 10)

    def _key(self, event: QKeyEvent) -> bool:
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1, Qt.Key.Key_PageUp: -8, Qt.Key.Key_PageDown: 8}
        if event.key() == Qt.Key.Key_Escape:
            self.shut()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.run()
        elif Qt.Key(event.key()) in step and self._model.rowCount():
            row = self.list.currentIndex().row() + step[Qt.Key(event.key())]
            self._mark(max(0, min(self._model.rowCount() - 1, row)))
        else:
            return False
        return True

    def _typed(self) -> None:
        self._found = []
        self._fill()
        if self.line.text().strip():
            self._pause.start()
        else:
            self._pause.stop()

    def _look_up(self) -> None:
        if not self._finder.start(self.line.text().strip()):
            self._pause.start()

    def _take_found(self, found: Sequence[Found]) -> None:
        ask = self._frame.place_asked.emit
        self._found = [
            Offer(thing.words, partial(ask, thing.place, dict(thing.where)), icon=thing.icon, detail=thing.detail)
            for thing in found
        ]
        if self.isVisible():
            self._fill()

    def _fill(self) -> None:
        typed = self.line.text().strip()
        ranked = sorted(
            ((matches(typed, offer), place, offer) for place, offer in enumerate(self._actions)),
            key=lambda entry: (-entry[0], entry[1]),
        )
        shown = [offer for score, _, offer in ranked if score] + self._found
        self._model.clear()
        for offer in shown[:MOST]:
            item = QStandardItem(offer.words)
            item.setData(offer, _OFFER)
            item.setAccessibleText(f"{offer.words} {offer.detail} {offer.keys}".strip())
            self._model.appendRow(item)
        self.nothing.setVisible(not shown)
        self.list.setVisible(bool(shown))
        if shown:
            self._mark(0)
        self._place()

    def _mark(self, row: int) -> None:
        self.list.setCurrentIndex(self._model.index(row, 0))

    def _place(self) -> None:
        window = self.parentWidget()
        if window is None:
            return
        rows = min(self._model.rowCount(), 10)
        self.list.setFixedHeight(rows * ROW + 4)
        height = 20 + 34 + 8 + (rows * ROW + 4 if rows else 40)
        width = min(WIDTH, window.width() - 40)
        self.setGeometry((window.width() - width) // 2, max(20, window.height() // 8), width, height)
