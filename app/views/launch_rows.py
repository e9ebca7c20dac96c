"""The first rows of the work as a small table, and the rows that are left out."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QSizePolicy, QVBoxLayout, QWidget

from app.viewmodels.formats import count_of
from app.viewmodels.launch_check import DataPreview
from app.views import theme
from app.views.launch_chips import WordButton
from app.views.widgets.labels import ElidedLabel

_ROW = 31
_NUMBER = 44
_FEWEST = 90


class RowsTable(QWidget):
    """A head line and a few rows of text, painted; columns share the width by what they hold."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._columns: tuple[str, ...] = ()
        self._rows: tuple[tuple[str, ...], ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def setRows(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Show these rows; the first column numbers them."""
        self._columns, self._rows = tuple(columns), tuple(tuple(row) for row in rows)
        lines = (
            ", ".join(f"{name}: {value}" for name, value in zip(self._columns, row, strict=False)) for row in self._rows
        )
        self.setAccessibleName("First rows of the data")
        self.setAccessibleDescription("; ".join(lines))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(200, _ROW * (1 + len(self._rows)) + 1)

    def minimumSizeHint(self) -> QSize:
        return QSize(120, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        look = theme.current()
        painter = QPainter(self)
        painter.fillRect(0, 0, self.width(), 1, look.color("line"))
        places = self._places()
        painter.setFont(theme.font("small-medium"))
        painter.setPen(look.color("dim"))
        self._paint_row(painter, 0, ("#", *self._columns), places)
        painter.setFont(theme.font())
        for number, row in enumerate(self._rows, start=1):
            painter.fillRect(0, number * _ROW, self.width(), 1, look.color("line"))
            self._paint_row(painter, number * _ROW, (str(number), *(value or "—" for value in row)), places)
        painter.fillRect(0, (len(self._rows) + 1) * _ROW, self.width(), 1, look.color("line"))

    def _paint_row(self, painter: QPainter, top: int, cells: Sequence[str], places: list[tuple[int, int]]) -> None:
        look, head = theme.current(), top == 0
        for index, ((x, width), text) in enumerate(zip(places, cells, strict=False)):
            if not head:
                painter.setPen(look.color("dim" if index == 0 or text == "—" else "text"))
            shown = painter.fontMetrics().elidedText(
                " ".join(text.split()), Qt.TextElideMode.ElideRight, max(0, width - 16)
            )
            painter.drawText(QRect(x + 12, top, width - 12, _ROW), int(Qt.AlignmentFlag.AlignVCenter), shown)

    def _places(self) -> list[tuple[int, int]]:
        """Left edge and width of the number's column and of those that have room."""
        room = self.width() - _NUMBER
        shown = max(1, min(len(self._columns), room // _FEWEST))
        metrics = QFontMetrics(theme.font())
        wanted = []
        for index, name in enumerate(self._columns[:shown]):
            texts = [name, *(row[index] for row in self._rows if index < len(row))]
            wanted.append(min(420, max(metrics.horizontalAdvance(text[:80]) for text in texts) + 28))
        total = sum(wanted) or 1
        places, x = [(0, _NUMBER)], _NUMBER
        for want in wanted:
            width = max(_FEWEST, want * room // total) if total > room else want + (room - total) // len(wanted)
            places.append((x, width))
            x += width
        return places


class DataRows(QWidget):
    """The table of first rows, and one line about what is left out, which opens the whole list."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        self.table = RowsTable()
        layout.addWidget(self.table)
        line = QHBoxLayout()
        line.setSpacing(4)
        self.left_out = ElidedLabel("", "small", "warn")
        self.more = WordButton("show", "Show the rows that are left out", "small")
        self.more.setCheckable(True)
        self.more.toggled.connect(self._open)
        line.addWidget(self.left_out)
        line.addWidget(self.more)
        line.addStretch(1)
        layout.addLayout(line)
        self.list = QPlainTextEdit()
        self.list.setReadOnly(True)
        self.list.setFixedHeight(120)
        self.list.setAccessibleName("Rows that are left out")
        self.list.hide()
        layout.addWidget(self.list)
        self.setPreview(None)

    def setPreview(self, preview: DataPreview | None) -> None:
        """Show the first rows; nothing while there are none."""
        self.setVisible(preview is not None and bool(preview.rows or preview.left_out))
        if preview is None:
            return
        self.table.setRows(preview.columns, preview.rows)
        some = len(preview.left_out)
        first = ", ".join(sentence.rstrip(".") for sentence in preview.left_out[:2])
        self.left_out.setText(f"{count_of(some, 'row')} left out: {first}" if some else "")
        self.left_out.setVisible(bool(some))
        self.more.setVisible(bool(some))
        self.list.setPlainText("\n".join(preview.left_out))
        if not some:
            self.more.setChecked(False)

    def _open(self, shown: bool) -> None:
        self.list.setVisible(shown)
        self.more.setText("hide" if shown else "show")
        self.more.updateGeometry()
