"""Parts of a submission beside its fields: what its page called, and what came back; what was said in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QSizePolicy, QVBoxLayout, QWidget

from app.viewmodels import formats
from app.views.conversation import ConversationLog
from app.views.video_answer import VideoAnswer
from app.views.widgets.labels import hairline, label

SAID_HEIGHT = 320
MOST_CALLS = 200
"""Later ones are counted; nobody reads more, and each is three widgets."""


class CallList(QFrame):
    """Calls of functions by the page, in order: when, which with what, and the answer; failed ones stand out."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("What the page called")
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(14, 12, 14, 12)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnStretch(1, 2)
        self._grid.setColumnStretch(2, 3)

    def setCalls(self, calls: Any) -> None:
        """Show calls (`app.blueprints.base.RemoteCall`)."""
        while (old := self._grid.takeAt(0)) is not None:
            if (widget := old.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        failed = sum(1 for call in calls if call.failed)
        heading = formats.count_of(len(calls), "call")
        heading += f", {failed} failed" if failed else ""
        self._grid.addWidget(label(heading, "small-medium"), 0, 0, 1, 3)
        for row, call in enumerate(calls[:MOST_CALLS], 1):
            asked = f"{call.target}({call.args if call.args != 'null' else ''})"
            answer = call.answer or "no answer"
            when = label(formats.clock_time(call.at), "mono", "dim")
            said, heard = label(asked, "mono", wrap=True, select=True), label(answer, "mono", wrap=True, select=True)
            if call.failed:
                heard.setProperty("tone", "bad")
            heard.setAccessibleName(f"{asked} answered {answer}")
            for column, widget in enumerate((when, said, heard)):
                widget.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
                self._grid.addWidget(widget, row, column, Qt.AlignmentFlag.AlignTop)
        if len(calls) > MOST_CALLS:
            more = f"and {formats.count_of(len(calls) - MOST_CALLS, 'more call')}: the export has them all"
            self._grid.addWidget(label(more, tone="dim"), MOST_CALLS + 1, 0, 1, 3)


class AnswerParts(QWidget):
    """Holds the parts that a submission has; takes no room when it has none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(0)
        self.line = hairline()
        self._layout.addWidget(self.line)
        self.calls = CallList()
        self._layout.addWidget(self.calls)
        self.said = ConversationLog(follows=False)
        self.said.setFrameShape(QFrame.Shape.NoFrame)
        self.said.setMinimumHeight(SAID_HEIGHT)
        self._layout.addWidget(self.said, 1)
        self.video = VideoAnswer()
        self._layout.addWidget(self.video, 1)
        self.setView(None)

    def setView(self, view: Any, order: Sequence[str] = (), made: Sequence[tuple[str, bytes]] = ()) -> None:
        """Show the parts of a view (`app.blueprints.base.SubmissionView`); None: nothing.

        `order` gives labels their colours; `made` are the files that the blueprint makes of the answer.
        """
        calls = view.calls if view is not None else ()
        said = view.conversation if view is not None else ()
        filmed = view is not None and (view.video is not None or bool(view.video_url) or bool(view.segments))
        self.line.setVisible(bool(calls) or bool(said))
        self.calls.setVisible(bool(calls))
        self.calls.setCalls(calls)
        self.said.setVisible(bool(said))
        self.said.setLines(said)
        self.video.setVisible(filmed)
        self.video.setView(view if filmed else None, order, made)
        self.setVisible(bool(calls) or bool(said) or filmed)
