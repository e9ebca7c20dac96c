"""The line at the bottom: routers, workers at work, database; at the right what goes on behind, and the accounts."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from app.viewmodels.background import BackgroundWork, Job
from app.viewmodels.formats import count_of
from app.viewmodels.window_frame import FrameStatus
from app.views import theme
from app.views.widgets.buttons import Button
from app.views.widgets.cards import MiniBar
from app.views.widgets.labels import ElidedLabel, label

HEIGHT = 28


class Dot(QWidget):
    """A dot in a tone."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tone = "idle"
        self.setFixedSize(QSize(9, 9))

    def setTone(self, tone: str) -> None:
        """Show another tone."""
        self._tone = tone
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.current().color(self._tone))
        painter.drawEllipse(1, 1, 7, 7)


class StatusBar(QWidget):
    """Shows a `FrameStatus` and the jobs of `BackgroundWork`; the first job has a bar and Cancel, more are counted."""

    def __init__(self, background: BackgroundWork, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._background = background
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(HEIGHT)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(14, 1, 14, 0)
        layout.setSpacing(6)
        self._dot = Dot()
        self._router = ElidedLabel("", "small", "dim")
        self._address = label("", "small-medium", select=True)
        self._workers = label("", "small", "dim")
        self._database_word = label("Database", "small", "dim")
        self._database = label("", "small-medium")
        left: tuple[tuple[QWidget, int], ...] = (
            (self._dot, 0),
            (self._router, 0),
            (self._address, 12),
            (self._workers, 12),
            (self._database_word, 0),
            (self._database, 0),
        )
        for widget, space in left:
            layout.addWidget(widget)
            layout.addSpacing(space)
        layout.addStretch(1)
        self._job = ElidedLabel("", "small", "dim")
        self._job.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._bar = MiniBar()
        self._bar.setFixedWidth(90)
        self._percent = label("", "small-medium")
        self._estimate = label("", "small", "dim")
        self._cancel = Button("Cancel", "quiet")
        self._cancel.setFont(theme.font("small"))
        self._cancel.setFixedHeight(22)
        self._cancel.setStyleSheet("min-height: 20px;")
        self._cancel.clicked.connect(self._cancel_first)
        for part in (self._job, self._bar, self._percent, self._estimate, self._cancel):
            layout.addWidget(part)
        layout.addSpacing(12)
        self._accounts = label("", "small", "dim")
        layout.addWidget(self._accounts)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        background.changed.connect(self._show_jobs)
        self._show_jobs()
        self.show_status(FrameStatus())

    def show_status(self, status: FrameStatus) -> None:
        """Show where pages are served, who is at work and where the data is."""
        first = status.routers[0] if status.routers else None
        worst = {"ok": 0, "warn": 1, "bad": 2}
        tones = sorted((router.tone for router in status.routers), key=lambda tone: worst.get(tone, 0))
        self._dot.setTone(tones[-1] if tones else "idle")
        self._router.setText(first.words if first else "Nothing is served now")
        more = f"  and {len(status.routers) - 1} more" if len(status.routers) > 1 else ""
        self._address.setText(f"{first.address}{more}" if first else "")
        self._address.setToolTip("\n".join(f"{router.words} {router.address}" for router in status.routers))
        self._workers.setText(count_of(status.at_work, "worker") + " at work" if first else "")
        self._database.setText(status.database)
        self._accounts.setText(status.accounts)

    def _show_jobs(self) -> None:
        job = self._first()
        for widget in (self._job, self._bar, self._percent, self._estimate, self._cancel):
            widget.setVisible(job is not None)
        if job is None:
            return
        others = len(self._background.jobs) - 1
        self._job.setText(job.words + (f" (and {others} more)" if others else ""))
        fraction = job.fraction
        self._bar.setVisible(fraction is not None)
        self._bar.setParts([(fraction or 0.0, "accent")])
        self._percent.setText(f"{fraction:.0%}" if fraction is not None else "")
        self._estimate.setText(f"· {job.estimate()}" if job.estimate() else "")
        self._cancel.setAccessibleName(f"Cancel {job.words}")

    def _first(self) -> Job | None:
        return self._background.jobs[0] if self._background.jobs else None

    def _cancel_first(self) -> None:
        if (job := self._first()) is not None:
            job.cancel()
