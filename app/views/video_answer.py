"""A video as the worker saw it: pictures, and under them the timeline with the segments that were marked."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QRectF, QSize, Qt, QUrl, Signal
from PySide6.QtGui import (
    QColor,
    QDesktopServices,
    QHideEvent,
    QImage,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QFrame, QGridLayout, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from app.viewmodels.action import Action
from app.viewmodels.formats import count_of
from app.viewmodels.video_player import VideoPlayer, clock, save_file
from app.views.image_canvas import GROUND
from app.views.segment_line import SegmentLine, words_of
from app.views.widgets.buttons import Button, IconButton
from app.views.widgets.file_dialog import FileDialog
from app.views.widgets.flow import FlowLayout
from app.views.widgets.labels import label

MOST_LISTED = 200
"""Later segments are counted; nobody reads more, and each is several widgets."""
_LIST_HEIGHT = 128
_LEAST_HEIGHT = 180


class VideoScreen(QWidget):
    """One picture, fitted; or a sentence where there is none. A click asks to play or pause."""

    clicked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.image: QImage | None = None
        self.message = ""
        self.setMinimumHeight(_LEAST_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Video")

    def show_image(self, image: QImage | None, message: str = "") -> None:
        """Show a picture, or a sentence."""
        self.image, self.message = image, message
        self._limit()
        self.setAccessibleDescription(message)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(480, 270)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._limit()

    def _limit(self) -> None:
        """No higher than a picture of this width is: the rest of the room is for what stands below."""
        if self.image is not None and self.image.width():
            self.setMaximumHeight(max(_LEAST_HEIGHT, round(self.width() * self.image.height() / self.image.width())))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.clicked.emit()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), GROUND)
        if self.image is None:
            painter.setPen(QColor("#98a1b3"))
            flags = int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap)
            painter.drawText(self.rect().adjusted(24, 0, -24, 0), flags, self.message)
            return
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        size = self.image.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        place = QRectF(
            (self.width() - size.width()) / 2, (self.height() - size.height()) / 2, size.width(), size.height()
        )
        painter.drawImage(place, self.image)


class VideoAnswer(QFrame):
    """The video of a submission with its segments. While it is hidden no file is open."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.player = VideoPlayer()
        self.path: Path | None = None
        self._url = ""
        self._shown: object = ()
        self._length = 0.0
        self._made: tuple[tuple[str, bytes], ...] = ()
        self.note = label("", "small", "dim", wrap=True, select=True)
        self._save = Action(save_file, self)
        self._save.finished.connect(lambda path: self.note.setText(f"Saved as {path}."))
        self._save.failed.connect(self._told)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 8)
        layout.setSpacing(4)
        self.picture = VideoScreen()
        layout.addWidget(self.picture, 1)
        layout.addWidget(self._make_controls())
        self.line = SegmentLine()
        layout.addWidget(self.line)
        self._rows = QGridLayout()
        self._rows.setContentsMargins(14, 4, 14, 4)
        self._rows.setHorizontalSpacing(12)
        self._rows.setVerticalSpacing(2)
        self._rows.setColumnStretch(3, 1)
        self.list = _listed(self._rows)
        layout.addWidget(self.list, 1)
        self.note.setContentsMargins(14, 0, 14, 0)
        layout.addWidget(self.note)
        layout.addStretch(0)
        self._connect()

    def setView(self, view: Any, order: Sequence[str] = (), made: Sequence[tuple[str, bytes]] = ()) -> None:
        """Show the video and segments of a view (`app.blueprints.base.SubmissionView`); None: nothing.

        The same again changes nothing: a video that is being watched does not begin anew because others answered.
        """
        segments = tuple(view.segments) if view is not None else ()
        shown = None
        if view is not None:
            shown = (view.video, view.video_url, segments, view.tracks, tuple(order), tuple(made))
        if shown == self._shown:
            return
        self._shown = shown
        self.player.close()
        self.path, self._url = (view.video, view.video_url) if view is not None else (None, "")
        self._made = tuple(entry for entry in made if entry[0].endswith(".vtt"))
        self.line.setSegments(segments, order, view.tracks if view is not None else ())
        self.line.setVisible(bool(segments))
        self._list_segments(segments)
        self._length = 0.0
        self.player.at = 0.0
        self._show_time(0.0)
        has_file = self.path is not None
        for widget in (self.play_button, self.back_button, self.on_button):
            widget.setEnabled(has_file)
        self.open_button.setText("Open in the default player" if has_file else "Open in the browser")
        self.open_button.setVisible(has_file or self._url.startswith(("http://", "https://")))
        self.save_button.setVisible(bool(self._made))
        self.note.setText("" if has_file or not self._url else f"The video is at {self._url}")
        self.picture.setVisible(has_file)
        self.picture.show_image(None, "The video is being opened …" if has_file else "")
        self._open()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._open()

    def hideEvent(self, event: QHideEvent) -> None:
        self.player.close()
        super().hideEvent(event)

    def play_segment(self, index: int) -> None:
        """Show and play one segment."""
        self.line.choose(index)
        segment = self.line.segments[index]
        self.player.play(segment.start, segment.end)

    def toggle(self) -> None:
        """Play, or stand still."""
        if self.player.playing:
            self.player.pause()
        elif self._length and self.player.at >= self._length - 0.05:
            self.player.play(0.0)
        else:
            self.player.play()

    def _open(self) -> None:
        if self.path is not None and self.isVisible() and not self.player.is_open:
            self.player.open(self.path, self.player.at)

    def _make_controls(self) -> QWidget:
        self.back_button = IconButton("ph.caret-left", "One picture back")
        self.play_button = IconButton("ph.play", "Play")
        self.on_button = IconButton("ph.caret-right", "One picture on")
        self.time = label("", "small", "dim")
        self.time.setMinimumHeight(28)
        self.open_button = Button("Open in the default player", "quiet", icon="ph.arrow-square-out")
        self.open_button.setToolTip("With sound, in the program that this computer plays videos with")
        self.save_button = Button("Save as WebVTT", "quiet", icon="ph.download-simple")
        holder = QWidget()
        row = FlowLayout(holder, 4)
        row.setContentsMargins(10, 4, 10, 0)
        for widget in (
            self.back_button,
            self.play_button,
            self.on_button,
            self.time,
            self.open_button,
            self.save_button,
        ):
            row.addWidget(widget)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        holder.setSizePolicy(policy)
        return holder

    def _connect(self) -> None:
        self.player.opened.connect(self._opened)
        self.player.pictured.connect(self._pictured)
        self.player.failed.connect(self._failed)
        self.player.playing_changed.connect(self._show_playing)
        self.picture.clicked.connect(self.toggle)
        self.play_button.clicked.connect(self.toggle)
        self.back_button.clicked.connect(partial(self._step, -1))
        self.on_button.clicked.connect(partial(self._step, 1))
        self.line.asked.connect(self.play_segment)
        self.line.sought.connect(self.player.seek)
        self.open_button.clicked.connect(self._open_outside)
        self.save_button.clicked.connect(self._ask_where)

    def _step(self, pictures: int) -> None:
        self.player.seek(self.player.at + pictures / self.player.fps)

    def _opened(self, seconds: float) -> None:
        self._length = seconds
        self.line.setLength(seconds)
        self._show_time(self.player.at)

    def _pictured(self, image: QImage, seconds: float) -> None:
        self.picture.show_image(image)
        self.line.setTime(seconds)
        self._show_time(seconds)
        self.player.painted()

    def _failed(self, reason: str) -> None:
        self.picture.show_image(None, reason)
        for widget in (self.play_button, self.back_button, self.on_button):
            widget.setEnabled(False)

    def _show_playing(self, playing: bool) -> None:
        self.play_button.setIconName("ph.pause" if playing else "ph.play")
        self.play_button.setAccessibleName("Pause" if playing else "Play")
        self.play_button.setToolTip("Pause" if playing else "Play")

    def _show_time(self, seconds: float) -> None:
        self.time.setText(f"{clock(seconds)} / {clock(self._length)}" if self._length else clock(seconds))

    def _open_outside(self) -> None:
        self.player.pause()
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.path)) if self.path is not None else QUrl(self._url))

    def _ask_where(self) -> None:
        dialog = FileDialog(self, "Save as WebVTT")
        dialog.setAcceptMode(FileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilter("WebVTT (*.vtt)")
        dialog.setDefaultSuffix("vtt")
        dialog.selectFile(f"{self.path.stem if self.path is not None else 'segments'}.vtt")
        dialog.fileSelected.connect(lambda name: self.save_to(Path(name)))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def save_to(self, path: Path) -> None:
        """Write the segments as WebVTT."""
        if self._made:
            self._save.start(path, self._made[0][1])

    def _told(self, reason: str) -> None:
        self.note.setText(reason)

    def _list_segments(self, segments: Sequence[Any]) -> None:
        while (old := self._rows.takeAt(0)) is not None:
            if (widget := old.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for index, segment in enumerate(segments[:MOST_LISTED]):
            button = Button(f"{index + 1} {segment.label}"[:60], "quiet", icon="ph.play")
            button.setAccessibleName(f"Play {words_of(index, segment)}")
            button.clicked.connect(partial(self.play_segment, index))
            self._rows.addWidget(button, index, 0, Qt.AlignmentFlag.AlignLeft)
            self._rows.addWidget(label(f"{clock(segment.start)} – {clock(segment.end)}", "small"), index, 1)
            self._rows.addWidget(label(segment.track, "small", "dim"), index, 2)
            self._rows.addWidget(label(segment.note, "small", wrap=True, select=True), index, 3)
        if len(segments) > MOST_LISTED:
            more = f"and {count_of(len(segments) - MOST_LISTED, 'more segment')}"
            self._rows.addWidget(
                label(f"{more}: the timeline and the export have them all", tone="dim"), MOST_LISTED, 0, 1, 4
            )
        self.list.setVisible(bool(segments))
        whole = 34 * min(len(segments), MOST_LISTED) + 12
        self.list.setMinimumHeight(min(_LIST_HEIGHT, whole))
        self.list.setMaximumHeight(whole)


def _listed(rows: QGridLayout) -> QScrollArea:
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setObjectName("clear")
    inner = QWidget()
    inner.setObjectName("page")
    inner.setLayout(rows)
    area.setWidget(inner)
    area.setAccessibleName("Segments")
    return area
