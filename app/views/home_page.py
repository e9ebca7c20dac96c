"""Home: what needs attention, the runs in flight, tasks to launch again; at the first start, a sample task."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLayout, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from app.viewmodels.desktop import Desktop
from app.viewmodels.formats import count_of
from app.viewmodels.home import HomeState, HomeViewModel, Need, OpenRun, Template
from app.views import theme
from app.views.page import Offer, Page
from app.views.widgets.buttons import Button
from app.views.widgets.cards import Card, MiniBar
from app.views.widgets.headers import PageHeader
from app.views.widgets.labels import ElidedLabel, label
from app.views.widgets.panels import Banner, IconMark
from app.views.widgets.pills import StatusPill
from app.views.widgets.sparkline import Sparkline


class HomePage(Page):
    """Reads again whenever something is committed; rebuilt only when what it shows has changed."""

    def __init__(self, desktop: Desktop) -> None:
        super().__init__()
        self._desktop = desktop
        self.model = HomeViewModel(desktop, self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        head = PageHeader("Home")
        launch = Button("New run", "primary", "Ctrl 2", "ph.plus")
        launch.clicked.connect(lambda: desktop.go("launch"))
        head.buttons.addWidget(launch)
        layout.addWidget(head)
        self.banner = Banner()
        layout.addWidget(self.banner)
        area = QScrollArea()
        area.setObjectName("clear")
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        body = QWidget()
        self._column = QVBoxLayout(body)
        self._column.setContentsMargins(20, 4, 20, 20)
        self._column.setSpacing(12)
        area.setWidget(body)
        body.setAutoFillBackground(False)
        layout.addWidget(area, 1)
        self.run_cards: dict[int, RunCard] = {}
        self._shape: object = None
        self.model.changed.connect(self._show)
        self.model.failed.connect(lambda sentence: self.banner.say(sentence, "bad"))

    def open_at(self, where: Mapping[str, Any]) -> None:
        self.model.set_active(True)

    def left(self) -> None:
        self.model.set_active(False)

    def offers(self) -> list[Offer]:
        state = self.model.state or HomeState()
        needs = [
            Offer(f"{need.button}: {need.words}", partial(self._act, need), icon=need.icon) for need in state.needs
        ]
        runs = [
            Offer(f"Open {run.task}", partial(self._desktop.go, "runs", run_id=run.run_id), icon="ph.chart-line")
            for run in state.runs
        ]
        return [*needs, *runs, *self.lasting_offers()]

    def lasting_offers(self) -> list[Offer]:
        again = [
            Offer(f"Launch again: {t.task}", partial(self._desktop.go, "launch", run_id=t.run_id), icon="ph.repeat")
            for t in (self.model.state or HomeState()).templates
        ]
        sample = Offer(
            "Launch the sample task", partial(self._desktop.go, "launch", sample=True), icon="ph.image-square"
        )
        return [*again, sample]

    def _show(self, state: HomeState) -> None:
        shape = (state.first_start, state.needs, tuple(run.run_id for run in state.runs), state.templates)
        if shape != self._shape:
            self._shape = shape
            self._build(state)
            self.offers_changed.emit()
        for run in state.runs:
            self.run_cards[run.run_id].show_run(run)

    def _build(self, state: HomeState) -> None:
        _clear(self._column)
        self.run_cards.clear()
        if state.first_start:
            welcome = WelcomeCard()
            welcome.sample_asked.connect(lambda: self._desktop.go("launch", sample=True))
            welcome.own_asked.connect(lambda: self._desktop.go("launch"))
            self._column.addWidget(welcome)
            self._column.addStretch(1)
            return
        if state.needs:
            self._column.addWidget(self._needs(state))
        self._column.addWidget(self._runs(state))
        if state.templates:
            self._column.addWidget(self._templates(state))
        self._column.addStretch(1)

    def _needs(self, state: HomeState) -> Card:
        card = Card("Needs attention")
        for need in state.needs:
            row = NeedRow(need)
            row.button.clicked.connect(partial(self._act, need))
            self.model.busy_changed.connect(row.button.setDisabled)
            card.body.addWidget(row)
        return card

    def _runs(self, state: HomeState) -> QWidget:
        if not state.runs:
            card = Card("Runs in flight")
            card.body.addWidget(
                label("No run is in flight. Launch one of the tasks below again, or a new one.", tone="dim")
            )
            return card
        box = QWidget()
        grid = QGridLayout(box)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(12)
        for place, run in enumerate(state.runs):
            card = RunCard(run)
            card.opened.connect(partial(self._desktop.go, "runs", run_id=run.run_id))
            card.review.clicked.connect(partial(self._desktop.go, "review", run_id=run.run_id))
            self.run_cards[run.run_id] = card
            grid.addWidget(card, place // 2, place % 2)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        return box

    def _templates(self, state: HomeState) -> Card:
        card = Card("Launch again")
        for template in state.templates:
            row = TemplateRow(template)
            row.button.clicked.connect(partial(self._desktop.go, "launch", run_id=template.run_id))
            card.body.addWidget(row)
        return card

    def _act(self, need: Need, _on: bool = False) -> None:
        if need.resumes is not None:
            self.model.resume(need.resumes)
        else:
            self._desktop.go(need.place, **dict(need.where))


class NeedRow(QWidget):
    """One thing that waits: what it is, why, and the button."""

    def __init__(self, need: Need) -> None:
        super().__init__()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 2, 0, 2)
        layout.setSpacing(12)
        layout.addWidget(IconMark(need.icon, need.tone, 32, f"{need.tone}-bg"))
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(ElidedLabel(need.words, "strong"))
        words.addWidget(ElidedLabel(need.detail, "small", "dim"))
        layout.addLayout(words, 1)
        self.button = Button(need.button, "primary" if need.resumes is not None else "plain")
        self.button.setAccessibleName(f"{need.button}: {need.words}")
        layout.addWidget(self.button)


class TemplateRow(QWidget):
    """A task that was run before."""

    def __init__(self, template: Template) -> None:
        super().__init__()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(10)
        layout.addWidget(ElidedLabel(template.task, "medium"))
        layout.addWidget(ElidedLabel(template.detail, "body", "dim"), 1)
        self.button = Button("Launch again", "quiet", icon="ph.repeat")
        self.button.setAccessibleName(f"Launch {template.task} again")
        layout.addWidget(self.button)


class RunCard(Card):
    """A run in flight: how far, who is at work, the pace of the last hour. Enter or a click opens it."""

    opened = Signal()

    def __init__(self, run: OpenRun) -> None:
        super().__init__("")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        head = QHBoxLayout()
        head.setSpacing(10)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(ElidedLabel(run.project or f"Run {run.run_id}", "small", "dim"))
        words.addWidget(ElidedLabel(run.task, "name"))
        head.addLayout(words, 1)
        self.pill = StatusPill(run.standing.value)
        head.addWidget(self.pill)
        self.body.addLayout(head)
        self._line = Sparkline(height=44)
        self.body.addWidget(self._line)
        self._bar = MiniBar()
        self.body.addWidget(self._bar)
        foot = QHBoxLayout()
        self._words = ElidedLabel("", "body", "dim")
        foot.addWidget(self._words, 1)
        self._at_work = label("", "medium")
        foot.addWidget(self._at_work)
        self.review = Button("", "quiet")
        foot.addWidget(self.review)
        self.body.addLayout(foot)
        self.show_run(run)

    def show_run(self, run: OpenRun) -> None:
        """Show how it stands now."""
        self.pill.setStatus(run.standing.value)
        self._line.setValues(run.pace)
        self._bar.setParts(run.parts)
        self._words.setText(run.words)
        self._at_work.setText(_who_serves(run))
        self.review.setText(f"Review {run.to_review}")
        self.review.updateGeometry()
        self.review.setVisible(bool(run.to_review))
        self.setAccessibleName(
            f"{run.task}, {run.standing.value}, {run.words}, {count_of(run.at_work, 'worker')} at work"
        )

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self.opened.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.opened.emit()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.hasFocus():
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(theme.current().color("accent"))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)


class WelcomeCard(Card):
    """The first start: nothing is asked, a sample task is there."""

    sample_asked = Signal()
    own_asked = Signal()
    _STEPS = (
        ("Launch it", "Two dozen small pictures of shapes, served from this computer. No account, nothing to install."),
        ("Be a worker yourself", "Open the entry link in your browser, label a picture or two, hand them in."),
        ("Watch and review", "The charts move while you work. Approve with one key, then export what was answered."),
    )

    def __init__(self) -> None:
        super().__init__("")
        self.setMaximumWidth(820)
        self.body.setContentsMargins(14, 14, 14, 14)
        row = QHBoxLayout()
        row.setSpacing(28)
        words = QVBoxLayout()
        words.setSpacing(8)
        words.addWidget(label("Your first run takes two minutes", "big"))
        words.addWidget(
            label("A sample task is ready. Later you bring your own pictures, tables or pages.", tone="dim", wrap=True)
        )
        words.addSpacing(10)
        for number, (title, text) in enumerate(self._STEPS, start=1):
            words.addLayout(_step(number, title, text))
        words.addSpacing(12)
        buttons = QHBoxLayout()
        buttons.setSpacing(10)
        self.sample = Button("Launch the sample task", "primary", icon="ph.rocket-launch")
        self.sample.clicked.connect(self.sample_asked)
        self.own = Button("Make your own", icon="ph.plus")
        self.own.clicked.connect(self.own_asked)
        buttons.addWidget(self.sample)
        buttons.addWidget(self.own)
        buttons.addStretch(1)
        words.addLayout(buttons)
        row.addLayout(words, 1)
        row.addWidget(ShapesPicture(), 0, Qt.AlignmentFlag.AlignVCenter)
        self.body.addLayout(row)


class ShapesPicture(QWidget):
    """A drawing of the sample: three shapes, one with a box around it and its label."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedSize(QSize(190, 220))
        self.setAccessibleName("A picture with shapes, one of them boxed and labelled")

    def paintEvent(self, event: QPaintEvent) -> None:
        look = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(look.color("line"))
        painter.setBrush(look.color("bg"))
        painter.drawRoundedRect(QRectF(0.5, 0.5, 189, 219), 10, 10)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(look.color("u1"))
        painter.drawEllipse(QPointF(62, 66), 30, 30)
        painter.setBrush(look.color("u2"))
        painter.drawPolygon(QPolygonF([QPointF(134, 44), QPointF(164, 96), QPointF(104, 96)]))
        painter.setBrush(look.color("u0"))
        painter.drawRoundedRect(QRectF(66, 136, 56, 46), 4, 4)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(look.color("accent"), 2))
        painter.drawRect(QRectF(56, 126, 76, 66))
        painter.setFont(theme.font("badge"))
        painter.fillRect(QRectF(55, 110, 52, 16), look.color("accent"))
        painter.setPen(look.color("on-accent"))
        painter.drawText(QRectF(55, 110, 52, 16), int(Qt.AlignmentFlag.AlignCenter), "square")


def _step(number: int, title: str, text: str) -> QHBoxLayout:
    line = QHBoxLayout()
    line.setSpacing(12)
    line.addWidget(StepNumber(number), 0, Qt.AlignmentFlag.AlignTop)
    words = QVBoxLayout()
    words.setSpacing(0)
    words.addWidget(label(title, "strong"))
    words.addWidget(label(text, "body", "dim", wrap=True))
    line.addLayout(words, 1)
    return line


class StepNumber(QWidget):
    """A number in a tinted round."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number
        self.setFixedSize(QSize(22, 22))

    def paintEvent(self, event: QPaintEvent) -> None:
        look = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(look.color("accent-bg"))
        painter.drawEllipse(1, 1, 20, 20)
        painter.setPen(look.color("accent"))
        painter.setFont(theme.font("heading"))
        painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignCenter), str(self._number))


def _clear(layout: QLayout) -> None:
    while (item := layout.takeAt(0)) is not None:
        if (widget := item.widget()) is not None:
            widget.hide()
            widget.deleteLater()


def _who_serves(run: OpenRun) -> str:
    return f"{run.at_work} at work" if run.served else "served elsewhere" if run.elsewhere else ""
