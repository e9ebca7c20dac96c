"""A submission as the worker saw and answered it: the image with boxes, the page, or the fields; what others said."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import ceil
from typing import Any

from PySide6.QtCore import QSizeF, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QHideEvent, QShowEvent, QTextDocument
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QScrollArea,
    QSizePolicy,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from app.viewmodels.formats import count_of
from app.viewmodels.review_submission import Submission, UploadedFile
from app.views import theme
from app.views.answer_parts import AnswerParts
from app.views.image_canvas import BOX_COLORS, Box, ImageCanvas
from app.views.launch_chips import label_tone
from app.views.widgets.buttons import Button, IconButton
from app.views.widgets.flow import FlowLayout
from app.views.widgets.labels import KeyCap, hairline, label
from app.views.widgets.panels import EmptyPanel
from app.views.widgets.pills import StatusPill

AGES_MS = 5000
PAGE_PADDING = 12
TALLEST_PAGE = 20_000
_PAPER = f"QTextBrowser {{ background: #ffffff; color: #1a1d23; border: 0; padding: {PAGE_PADDING}px; }}"
_LONG_WORDS = 250


class AnsweredPage(QTextBrowser):
    """The page with the worker's answers in it. It is text: no script runs, and nothing is fetched from a network.

    It is as tall as its text, so that there is one thing to scroll; only a page without end scrolls by itself.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setOpenLinks(False)
        self.setOpenExternalLinks(False)
        self.setStyleSheet(_PAPER)
        self.setAccessibleName("The page as the worker answered it")
        self.document().documentLayout().documentSizeChanged.connect(self._fit)

    def _fit(self, size: QSizeF) -> None:
        margins = self.contentsMargins()
        height = ceil(size.height()) + margins.top() + margins.bottom() + 2 * PAGE_PADDING
        self.setFixedHeight(min(height, TALLEST_PAGE))

    def loadResource(self, kind: int, name: QUrl | str) -> Any:
        """Local pictures that the blueprint named, and nothing else."""
        url = QUrl(name)
        if kind == QTextDocument.ResourceType.ImageResource.value and url.isLocalFile():
            return super().loadResource(kind, url)
        return None


class AnswerRow(QWidget):
    """One line of the card: a dim word, then pills and words, wrapping where there is no room."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(14, 8, 14, 8)
        layout.setSpacing(8)
        words = label(name, tone="dim")
        words.setFixedWidth(52)
        words.setFixedHeight(22)
        layout.addWidget(words, 0, Qt.AlignmentFlag.AlignTop)
        holder = QWidget()
        self.flow = FlowLayout(holder, 6)
        self.flow.setContentsMargins(0, 0, 0, 0)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        holder.setSizePolicy(policy)
        layout.addWidget(holder, 1)

    def add_pill(self, text: str, tone: str) -> None:
        """A label as a pill."""
        self.flow.addWidget(StatusPill(text, tone))

    def add_named_pill(self, text: str, pill_tone: str, name: str, tone: str = "") -> None:
        """A label with the name of who gave it; a new line never comes between them."""
        pair = QWidget()
        layout = QHBoxLayout(pair)
        layout.setContentsMargins(0, 0, 6, 0)
        layout.setSpacing(6)
        layout.addWidget(StatusPill(text, pill_tone))
        layout.addWidget(label(name, tone=tone, select=True))
        pair.setMinimumHeight(22)
        self.flow.addWidget(pair)

    def add_words(self, text: str, tone: str = "") -> None:
        """Plain words, wrapped when they are many."""
        if not text:
            return
        made = label(text, tone=tone, wrap=len(text) > 60, select=True)
        if made.wordWrap():
            made.setMinimumWidth(_LONG_WORDS)  # left to itself it takes a narrow column of many lines
        made.setMinimumHeight(22)
        self.flow.addWidget(made)


class FieldList(QWidget):
    """Questions at the left, answers at the right; both wrap, so that neither squeezes the other."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(14, 12, 14, 12)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnStretch(0, 2)
        self._grid.setColumnStretch(1, 3)

    def setFields(self, fields: Sequence[tuple[str, str]]) -> None:
        """Show (question, answer) pairs."""
        while (old := self._grid.takeAt(0)) is not None:
            if (widget := old.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for row, (question, answer) in enumerate(fields):
            asked, said = label(question, tone="dim", wrap=True), label(answer, wrap=True, select=True)
            said.setAccessibleName(f"{question}: {answer}")
            self._grid.addWidget(asked, row, 0, Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(said, row, 1, Qt.AlignmentFlag.AlignTop)


class SubmissionCard(QFrame):
    """Everything of one submission in a card. `unit_asked(int)`: another worker's answer was clicked."""

    unit_asked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(1, 1, 1, 1)
        self._layout.setSpacing(0)
        self._shown = 0
        self.canvas = ImageCanvas()
        self._layout.addWidget(self.canvas, 1)
        self.zoom_bar = self._make_zoom_bar()
        self.page = AnsweredPage()
        self._layout.addWidget(self.page)
        self.fields = FieldList()
        self._layout.addWidget(self.fields)
        self.parts = AnswerParts()
        self._layout.addWidget(self.parts)
        self.rows = QVBoxLayout()
        self.rows.setSpacing(0)
        self._layout.addLayout(self.rows)

    def setSubmission(self, submission: Submission) -> None:
        """Show a submission."""
        view = submission.view
        pictured = submission.image is not None or bool(submission.image_problem)
        self.canvas.setVisible(pictured)
        if pictured:
            same = submission.unit_id == self._shown
            self.canvas.setImage(submission.image, _boxes(submission), submission.image_problem, same=same)
        self._shown = submission.unit_id
        self.zoom_bar.setVisible(submission.image is not None)
        self.page.setVisible(bool(view.html))
        self.page.setHtml(view.html)
        seen = pictured or view.video is not None or bool(view.video_url)
        fields = [(name, answer or "—") for name, answer in view.fields] if not view.labels or not seen else []
        self.fields.setVisible(bool(fields))
        self.fields.setFields(fields)
        self.parts.setView(view, submission.label_order, submission.made)
        self._show_rows(submission)

    def keys_wanted(self) -> QWidget:
        """What takes + and - for the zoom."""
        return self.canvas

    def _make_zoom_bar(self) -> QWidget:
        bar = QFrame(self.canvas)
        bar.move(8, 8)
        bar.setStyleSheet("QFrame { background: rgba(12, 13, 16, 150); border-radius: 6px; }")
        layout = QHBoxLayout(bar)
        layout.setContentsMargins(2, 2, 2, 2)
        layout.setSpacing(0)
        for icon, name, call in (
            ("ph.magnifying-glass-plus", "Larger (+)", lambda: self.canvas.zoom_by(1.25)),
            ("ph.magnifying-glass-minus", "Smaller (-)", lambda: self.canvas.zoom_by(0.8)),
            ("ph.arrows-out", "Whole image (0)", self.canvas.fit),
        ):
            button = IconButton(icon, name, _on_dark())
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            button.clicked.connect(call)
            layout.addWidget(button)
            theme.current().changed.connect(partial(_restyle, button, icon))
        bar.adjustSize()
        return bar

    def _show_rows(self, submission: Submission) -> None:
        while (old := self.rows.takeAt(0)) is not None:
            if (widget := old.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        if answer := _answer_row(submission, with_answer=not self.fields.isVisibleTo(self)):
            self._add_row(answer)
        if submission.others:
            self._add_row(_others_row(submission))
        if submission.files:
            self._add_row(_files_row(submission.files))
        if submission.row.note:
            note = AnswerRow("Note")
            note.add_words(f"“{submission.row.note}”", "dim")
            self._add_row(note)

    def _add_row(self, row: QWidget) -> None:
        self.rows.addWidget(hairline())
        self.rows.addWidget(row)


class SubmissionView(QScrollArea):
    """The card in the middle of the review page, or a word about why there is none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inner = QWidget()
        inner.setObjectName("backdrop")
        inner.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        layout = QVBoxLayout(inner)
        layout.setContentsMargins(16, 10, 16, 14)
        layout.setSpacing(8)
        self.facts = label("", "small", "dim", select=True)
        self.status = StatusPill()
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(self.facts)
        line.addStretch(1)
        for keys, words in (("J", "Next submission"), ("K", "Previous submission")):
            cap = KeyCap(keys)
            cap.setToolTip(words)
            line.addWidget(cap)
        line.addWidget(self.status)
        layout.addLayout(line)
        self.card = SubmissionCard()
        layout.addWidget(self.card)
        self._inner = layout
        self.empty = EmptyPanel("ph.check-circle", "Nothing is selected", "Choose a submission in the list.")
        layout.addWidget(self.empty, 1)
        layout.addStretch(0)
        self.setWidget(inner)
        self.shown: Submission | None = None
        self._ages = QTimer(self)
        self._ages.setInterval(AGES_MS)
        self._ages.timeout.connect(self._show_facts)
        self.setSubmission(None)

    def setSubmission(self, submission: Submission | None) -> None:
        """Show a submission, or that there is none."""
        self.shown = submission
        self.card.setVisible(submission is not None)
        self.facts.setVisible(submission is not None)
        self.empty.setVisible(submission is None)
        if submission is None:
            self.status.setStatus("")
            return
        self._show_facts()
        row = submission.row
        tall = submission.image is not None or submission.view.video is not None
        self._inner.setStretchFactor(self.card, 1 if tall else 0)
        self._inner.setStretch(self._inner.count() - 1, 0 if tall else 1)
        self.status.setStatus(f"{row.pending} soon" if row.pending else row.status, "warn" if row.pending else "")
        self.card.setSubmission(submission)

    def scroll_by(self, views: float) -> None:
        """Scroll down by so many heights of the view; negative: up."""
        bar = self.verticalScrollBar()
        bar.setValue(bar.value() + round(views * bar.pageStep()))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._show_facts()
        self._ages.start()

    def hideEvent(self, event: QHideEvent) -> None:
        self._ages.stop()
        super().hideEvent(event)

    def _show_facts(self) -> None:
        """Again and again: how long ago it was handed in does not stand still."""
        if self.shown is not None and self.facts.text() != self.shown.facts:
            self.facts.setText(self.shown.facts)


def _on_dark() -> str:
    """The token that is light in the theme in use: for icons on the dark ground of images."""
    return "panel" if theme.current().scheme == "light" else "text"


def _restyle(button: IconButton, icon: str) -> None:
    if isValid(button):
        button.setIconName(icon, _on_dark())


def _boxes(submission: Submission) -> list[Box]:
    """The shapes of an answer; one colour for each label, in the order of the task's labels."""
    order = list(dict.fromkeys([*submission.label_order, *(shape.label for shape in submission.view.shapes)]))
    return [
        Box(
            f"{number} {shape.label}".strip(), shape.left, shape.top, shape.width, shape.height,
            order.index(shape.label) % len(BOX_COLORS),
        )
        for number, shape in enumerate(submission.view.shapes, start=1)
    ]  # fmt: skip


def _answer_row(submission: Submission, *, with_answer: bool) -> AnswerRow | None:
    """The labels, how many boxes, the comment, the flags; without the answer where it stands above field by field."""
    view, row = submission.view, AnswerRow("Answer" if with_answer else "Marks")
    if not with_answer and not (submission.row.flags or view.comment):
        return None
    for word in view.labels if with_answer else ():
        row.add_pill(word, label_tone(word, submission.label_order))
    if with_answer and not view.labels:
        row.add_words(view.answer or "nothing")
    parts = [count_of(len(view.shapes), "box", "boxes")] if view.shapes else []
    if view.comment:
        parts.append(f"“{view.comment}”")
    row.add_words(" · ".join(parts), "dim")
    for flag in submission.row.flags:
        row.add_pill(flag, "warn")
    return row


def _others_row(submission: Submission) -> AnswerRow:
    row = AnswerRow("Others")
    for other in submission.others:
        mark = f" ({other.mark})" if other.mark else ""
        name = f"{other.worker_name}{mark}"
        tone = "dim" if other.mark else ""
        if len(other.labels) == 1:
            row.add_named_pill(other.labels[0], label_tone(other.labels[0], submission.label_order), name, tone)
            continue
        for word in other.labels:
            row.add_pill(word, label_tone(word, submission.label_order))
        row.add_words(name if other.labels else f"{name}: {other.answer}", tone)
    return row


def _files_row(files: Sequence[UploadedFile]) -> AnswerRow:
    row = AnswerRow("Files")
    for file in files:
        words = f"{file.name} · {file.size}" if file.size else file.name
        button = Button(words, "quiet", icon="ph.paperclip")
        button.setToolTip(f"Open {file.name}" if file.path else "The file is not where it was put.")
        button.setEnabled(file.path is not None)
        if file.path is not None:
            path = str(file.path)
            button.clicked.connect(lambda _on=False, path=path: QDesktopServices.openUrl(QUrl.fromLocalFile(path)))
        row.flow.addWidget(button)
    return row
