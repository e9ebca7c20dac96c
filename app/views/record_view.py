"""The worker beside a submission: what they did and earned, how far they agree, how long they take."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from app.viewmodels.formats import digits, duration
from app.viewmodels.review_submission import RecordView
from app.views import theme
from app.views.widgets.buttons import Button
from app.views.widgets.cards import KeyValueGrid
from app.views.widgets.labels import ElidedLabel, hairline, label

WIDTH = 252
_ROW = 31


class MiniHistogram(QWidget):
    """Bars of equal width; the tool tip reads the bar under the cursor."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._counts: tuple[int, ...] = ()
        self._span = (0.0, 0.0)
        self.setFixedHeight(74)

    def setCounts(self, counts: Sequence[int], span: tuple[float, float]) -> None:
        """Show counts over a span of seconds."""
        self._counts, self._span = tuple(counts), span
        self.setAccessibleName("Time on task")
        self.setAccessibleDescription(f"{sum(counts)} submissions, up to {duration(span[1])}")
        self.setToolTip(f"{digits(sum(counts))} submissions, from {duration(span[0])} to {duration(span[1])}")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._counts or not max(self._counts):
            return
        look = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(look.color("u1"))
        width, most, height = self.width() / len(self._counts), max(self._counts), 56
        for index, count in enumerate(self._counts):
            tall = max(2.0, count / most * height) if count else 1.0
            painter.drawRoundedRect(QRectF(index * width + 0.5, height - tall, max(1.0, width - 1.5), tall), 1, 1)
        painter.setPen(look.color("faint"))
        painter.setFont(theme.font("kbd"))
        line = QRect(0, height + 2, self.width(), 16)
        painter.drawText(line, int(Qt.AlignmentFlag.AlignLeft), duration(self._span[0]))
        painter.drawText(line, int(Qt.AlignmentFlag.AlignRight), duration(self._span[1]))


class ConfusionTable(QWidget):
    """Counts of the worker's answers (rows) by what most said (columns); the diagonal is agreement."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._words: tuple[str, ...] = ()
        self._cells: tuple[tuple[int, ...], ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def setTable(self, words: Sequence[str], cells: Sequence[Sequence[int]]) -> None:
        """Show a table; `cells[i][j]`: answered `words[i]` where most said `words[j]`."""
        self._words, self._cells = tuple(words), tuple(tuple(row) for row in cells)
        lines = (f"{word}: {', '.join(map(str, row))}" for word, row in zip(words, cells, strict=True))
        self.setAccessibleName("Confusion with consensus")
        self.setAccessibleDescription(f"Columns {', '.join(words)}. " + "; ".join(lines))
        self.setToolTip("Rows: what the worker answered. Columns: what most workers answered.")
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(200, _ROW * (len(self._words) + 1) + 1)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._words:
            return
        look = theme.current()
        painter = QPainter(self)
        count = len(self._words)
        first = min(92, self.width() // 3)
        width = (self.width() - first) // count
        right = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        for line in range(count + 2):
            painter.fillRect(0, line * _ROW, self.width(), 1, look.color("line"))
        painter.setFont(theme.font("small"))
        metrics = QFontMetrics(theme.font("small"))
        painter.setPen(look.color("dim"))
        for column, word in enumerate(self._words):
            text = metrics.elidedText(word, Qt.TextElideMode.ElideRight, width - 6)
            painter.drawText(QRect(first + column * width, 0, width - 4, _ROW), right, text)
        for number, (word, row) in enumerate(zip(self._words, self._cells, strict=True)):
            top = (number + 1) * _ROW
            painter.setPen(look.color("dim"))
            text = metrics.elidedText(word, Qt.TextElideMode.ElideRight, first - 8)
            painter.drawText(QRect(4, top, first - 4, _ROW), int(Qt.AlignmentFlag.AlignVCenter), text)
            for column, cell in enumerate(row):
                tone = "text" if column == number else "bad" if cell else "faint"
                painter.setPen(look.color(tone))
                painter.drawText(QRect(first + column * width, top, width - 4, _ROW), right, digits(cell))


class WorkerRecordView(QFrame):
    """The right column of the review page. `all_asked(verdict)`: decide about all that waits of this worker."""

    all_asked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("side")
        self.setFixedWidth(WIDTH)
        outer = QHBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(hairline(vertical=True))
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        outer.addWidget(area, 1)
        panel = QWidget()
        panel.setObjectName("panel")
        panel.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        area.setWidget(panel)
        layout = QVBoxLayout(panel)
        layout.setContentsMargins(14, 14, 14, 14)
        layout.setSpacing(8)
        layout.addWidget(label("Worker", "heading", "dim"))
        self.name = ElidedLabel("–", "name")
        layout.addWidget(self.name)
        self.barred = label("", "small", "bad", wrap=True)
        layout.addWidget(self.barred)
        self.figures = KeyValueGrid(92)
        layout.addWidget(self.figures)
        self.all_button = Button("Decide all that waits")
        self.all_button.setMenu(self._make_menu())
        layout.addSpacing(2)
        layout.addWidget(self.all_button)
        layout.addSpacing(8)
        self.confusion_title = label("Confusion with consensus", "heading", "dim")
        layout.addWidget(self.confusion_title)
        self.confusion = ConfusionTable()
        layout.addWidget(self.confusion)
        layout.addSpacing(8)
        self.times_title = label("Time on task", "heading", "dim")
        layout.addWidget(self.times_title)
        self.times = MiniHistogram()
        layout.addWidget(self.times)
        layout.addStretch(1)
        self.setRecord(None)

    def _make_menu(self) -> QMenu:
        menu = QMenu(self)
        for verdict, words, keys in (
            ("approve", "Approve all of this worker", "Shift+A"),
            ("soft_reject", "Soft-reject all of this worker", "Shift+S"),
            ("reject", "Reject all of this worker…", "Shift+R"),
        ):
            action = menu.addAction(f"{words}\t{keys}")
            action.triggered.connect(lambda _on=False, verdict=verdict: self.all_asked.emit(verdict))
        return menu

    def setRecord(self, record: RecordView | None) -> None:
        """Show a worker's record, or nothing."""
        self.name.setText(record.name if record else "–")
        self.barred.setText(record.barred if record else "")
        self.barred.setVisible(bool(record and record.barred))
        self.figures.setVisible(record is not None)
        self.all_button.setVisible(record is not None)
        self.figures.setRows(record.rows if record else ())
        confusion = record.confusion if record else None
        self.confusion.setVisible(confusion is not None)
        self.confusion_title.setVisible(confusion is not None)
        if confusion is not None:
            self.confusion.setTable(*confusion)
        self.times.setVisible(bool(record and record.times))
        self.times_title.setVisible(bool(record and record.times))
        if record is not None and record.times:
            self.times.setCounts(record.times, record.times_span)
