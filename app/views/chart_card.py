"""A chart in its card: title, legend whose entries toggle, a note, the ends of its axis, save as PNG, SVG, CSV."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QMenu, QSizePolicy, QWidget

from app.views import theme
from app.views.charts import Plot, StackedArea
from app.views.widgets.buttons import IconButton
from app.views.widgets.cards import Card
from app.views.widgets.file_dialog import FileDialog
from app.views.widgets.labels import ElidedLabel, label

_SCALE = 2
"""Saved pictures have twice the pixels of the screen."""


class LegendEntry(QAbstractButton):
    """A square in a series' colour and its words; off, the series is not drawn."""

    def __init__(self, words: str, tint: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tint = tint
        self.setText(words)
        self.setFont(theme.font("small-medium"))
        self.setCheckable(True)
        self.setChecked(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def setWords(self, words: str) -> None:
        """Change the words, a count among them."""
        if words != self.text():
            self.setText(words)
            self.updateGeometry()

    def sizeHint(self) -> QSize:
        return QSize(self.fontMetrics().horizontalAdvance(self.text()) + 16, 20)

    def paintEvent(self, event: QPaintEvent) -> None:
        look = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        square = QRect(1, self.height() // 2 - 4, 8, 8)
        painter.setPen(look.color(self._tint))
        painter.setBrush(look.color(self._tint) if self.isChecked() else Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(square, 2, 2)
        painter.setPen(look.color("dim" if self.isChecked() else "faint"))
        words = self.rect().adjusted(14, 0, 0, 0)
        painter.drawText(words, int(Qt.AlignmentFlag.AlignVCenter), self.text())
        if self.hasFocus():
            painter.setPen(look.color("accent"))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(self.rect().adjusted(0, 0, -1, -1), 3, 3)


class ChartCard(Card):
    """A chart with its words. `saved(str)` or `failed(str)` tells what became of a picture or of the numbers."""

    saved = Signal(str)
    failed = Signal(str)

    def __init__(self, title: str, chart: Plot, parent: QWidget | None = None) -> None:
        super().__init__(title, parent)
        self.chart = chart
        self._name = title
        self.entries: dict[str, LegendEntry] = {}
        if isinstance(chart, StackedArea):
            for name, tint in chart.tints.items():
                entry = LegendEntry(name.replace("_", "-"), tint)
                entry.toggled.connect(lambda on, name=name: chart.toggle(name, on))
                self.entries[name] = entry
                self.head.addWidget(entry)
        self.note = ElidedLabel("", "small-medium", "dim")
        self.note.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.note.hide()
        self.head.addWidget(self.note)
        self._more = IconButton("ph.download-simple", f"Save the chart {title}", "faint")
        self._more.setFixedSize(24, 22)
        self._more.clicked.connect(self._open_menu)
        self.head.addWidget(self._more)
        self.body.addWidget(chart, 1)
        self.body.setSpacing(2)
        ends = QHBoxLayout()
        self._left, self._right = label("", "kbd", "faint"), label("", "kbd", "faint")
        ends.addWidget(self._left)
        ends.addStretch(1)
        ends.addWidget(self._right)
        self.body.addLayout(ends)

    def setNote(self, words: str) -> None:
        """What stands at the right of the title."""
        self.note.setText(words)
        self.note.setVisible(bool(words))

    def setEnds(self, left: str, right: str) -> None:
        """What stands under the ends of the axis."""
        self._left.setText(left)
        self._right.setText(right)

    def setLegend(self, words: dict[str, str], shown: set[str] | None = None) -> None:
        """Change the words of legend entries; `shown` names those that have a place (None: all)."""
        for name, entry in self.entries.items():
            entry.setWords(words.get(name, name))
            entry.setVisible(shown is None or name in shown)

    def picture(self) -> QImage:
        """The card as it is drawn, in twice the pixels."""
        image = QImage(self.size() * _SCALE, QImage.Format.Format_ARGB32_Premultiplied)
        image.setDevicePixelRatio(_SCALE)
        image.fill(theme.current().color("panel"))
        self.render(image)
        return image

    def save_to(self, path: Path) -> None:
        """Save as the ending of `path` says: .png, .svg, or .csv for the numbers. Tells `saved` or `failed`."""
        kind = path.suffix.lower()
        try:
            if kind == ".csv":
                path.write_text(self.chart.numbers_csv(), "utf-8")
            elif kind == ".svg":
                self._save_svg(path)
            elif not self.picture().save(str(path)):
                raise OSError(f"{path.name} was refused")
        except OSError as error:
            self.failed.emit(f"The chart was not saved: {error}. Choose another place.")
            return
        self.saved.emit(f"{self._name} saved in {path}.")

    def _save_svg(self, path: Path) -> None:
        from PySide6.QtSvg import QSvgGenerator

        path.touch()  # so that a place that cannot be written raises; the generator says nothing
        writer = QSvgGenerator()
        writer.setFileName(str(path))
        writer.setSize(self.size())
        writer.setViewBox(self.rect())
        writer.setTitle(self._name)
        self.render(writer)

    def _open_menu(self) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for words, ending in (
            ("Save picture as PNG…", "png"),
            ("Save drawing as SVG…", "svg"),
            ("Save numbers as CSV…", "csv"),
        ):
            menu.addAction(words).triggered.connect(lambda _on=False, ending=ending: self._ask(ending))
        menu.popup(self._more.mapToGlobal(self._more.rect().bottomLeft()))

    def _ask(self, ending: str) -> None:
        dialog = FileDialog(self, f"Save {self._name}")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(FileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(ending)
        dialog.selectFile(f"{self._name.lower().replace(' ', '-')}.{ending}")
        dialog.fileSelected.connect(lambda path: self.save_to(Path(path)))
        dialog.open()
