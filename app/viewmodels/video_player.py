"""Plays a video without sound for a reviewer: pictures are decoded on a thread and handed over one at a time."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QImage, QTransform

from app.blueprints.media_source import MediaFault
from app.blueprints.video_label.timing import clock
from app.data.files import written_whole

if TYPE_CHECKING:
    from app.operations.video_frames import Film, Picture

__all__ = ("VideoPlayer", "clock", "rows_of", "save_file")

LATE_SECONDS = 0.15
"""A picture that comes later than this is passed over, so that what is seen keeps up with the clock."""
PATIENCE_SECONDS = 2.0


_running: set[threading.Thread] = set()
"""Decoders, and with them their players, until the window's thread has heard of their end: objects of Qt must not die
on the thread of a decoder."""


@dataclass(frozen=True)
class _Order:
    """What is wanted now: the picture at a time, and from there on until `until` when it is to play."""

    at: float
    until: float | None = None


class VideoPlayer(QObject):
    """One video, or none. Its signals come on the window's thread; nothing of it waits there.

    `opened(float)`: its length in seconds. `pictured(QImage, float)`: a picture and its time; answer with `painted`,
    the next comes after that. `playing_changed(bool)`. `failed(str)`: why it cannot be shown, in a sentence.
    """

    opened = Signal(float)
    pictured = Signal(object, float)
    playing_changed = Signal(bool)
    failed = Signal(str)
    said = Signal(object)
    """What a decoder says, on its own thread: (decoder, word, values ...)."""

    def __init__(self) -> None:
        super().__init__()
        self.said.connect(self._hear, Qt.ConnectionType.QueuedConnection)
        self._thread: _Decoder | None = None
        self.at = 0.0
        self.fps = 25.0
        self.playing = False

    @property
    def is_open(self) -> bool:
        """Whether there is a video, or one is being opened."""
        return self._thread is not None

    def open(self, path: Path, at: float = 0.0) -> None:
        """Show a file, standing still at a time."""
        self.close()
        self._thread = _Decoder(self, path)
        self.seek(at)
        self._thread.start()

    def close(self) -> None:
        """Show nothing any more, and end the thread. Idempotent; does not wait for a picture that is being decoded."""
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.end()
        self._set_playing(False)

    def seek(self, seconds: float) -> None:
        """Stand still at a time."""
        self.at = max(0.0, seconds)
        self._set_playing(False)
        if self._thread is not None:
            self._thread.order(_Order(self.at))

    def play(self, start: float | None = None, until: float | None = None) -> None:
        """Play from a time (default: from here) to another (default: the end)."""
        if self._thread is None:
            return
        self.at = self.at if start is None else max(0.0, start)
        self._thread.order(_Order(self.at, float("inf") if until is None else until))
        self._set_playing(True)

    def pause(self) -> None:
        """Stand still where it is."""
        if self.playing:
            self.seek(self.at)

    def painted(self) -> None:
        """The last picture was taken: the next may come."""
        if self._thread is not None:
            self._thread.let_on()

    def _hear(self, words: tuple[Any, ...]) -> None:
        thread, name, *values = words
        if name == "gone":
            _running.discard(thread)
        if thread is not self._thread:
            return
        if name == "opened":
            self.fps = values[1]
            self.opened.emit(values[0])
        elif name == "pictured":
            self.at = values[1]
            self.pictured.emit(*values)
        elif name == "ended":
            self._set_playing(False)
        elif name == "failed":
            self._thread = None
            self._set_playing(False)
            self.failed.emit(values[0])

    def _set_playing(self, playing: bool) -> None:
        if playing != self.playing:
            self.playing = playing
            self.playing_changed.emit(playing)


class _Decoder(threading.Thread):
    """The thread of one file. It holds one picture, and makes the next only when the last was painted."""

    def __init__(self, player: VideoPlayer, path: Path) -> None:
        super().__init__(name=f"video {path.name[:40]}", daemon=True)
        self._path = path
        self._change = threading.Condition()
        self._order: _Order | None = None
        self._ending = False
        self._is_painted = True
        self._player = player
        _running.add(self)

    # Called on the window's thread

    def order(self, order: _Order) -> None:
        """What is wanted from now on."""
        with self._change:
            self._order = order
            self._change.notify_all()

    def let_on(self) -> None:
        """The last picture was painted."""
        with self._change:
            self._is_painted = True
            self._change.notify_all()

    def end(self) -> None:
        """Leave as soon as may be."""
        with self._change:
            self._ending = True
            self._change.notify_all()

    # On its own

    def run(self) -> None:
        try:
            from app.operations.video_frames import Film  # 120 ms: not before the first video is looked at

            film = Film(self._path)
            try:
                self._say("opened", film.duration, film.fps)
                self._serve(film)
            finally:
                film.close()
        except MediaFault as fault:
            self._say("failed", f"{self._path.name} {fault}")
        finally:
            self._player.said.emit((self, "gone"))

    def _serve(self, film: Film) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._ending or self._order is not None)
                if self._ending:
                    return
                order, self._order = self._order, None
            assert order is not None, "it was waited for"
            frame = film.frame_at(min(order.at, film.duration), self._is_current)
            if frame is None:
                if self._is_current():
                    self._say("failed", f"{self._path.name} has no picture at that time.")
                continue
            self._show(film.draw(frame), order.at)
            if order.until is not None:
                self._play(film, order)

    def _play(self, film: Film, order: _Order) -> None:
        began = time.monotonic()
        until = min(order.until or 0.0, film.duration)
        while self._is_current():
            frame = film.next_frame()
            seconds = film.seconds_of(frame) if frame is not None else film.duration
            if frame is None or seconds >= until:
                self._wait(began + until - order.at)
                if self._is_current():
                    self._say("ended")
                return
            due = began + seconds - order.at
            if time.monotonic() - due <= LATE_SECONDS and self._wait(due):
                self._show(film.draw(frame), seconds)

    def _wait(self, moment: float) -> bool:
        """Until a moment of the clock; False when something else is wanted before."""
        with self._change:
            return not self._change.wait_for(lambda: not self._is_current(), max(0.0, moment - time.monotonic()))

    def _show(self, picture: Picture, seconds: float) -> None:
        with self._change:
            taken = self._change.wait_for(lambda: self._is_painted or self._ending, PATIENCE_SECONDS)
            if self._ending or not taken:
                return  # a window that is not painted needs no picture
            self._is_painted = False
        self._say("pictured", as_image(picture), seconds)

    def _is_current(self) -> bool:
        return self._order is None and not self._ending

    def _say(self, *words: Any) -> None:
        if not self._ending:
            self._player.said.emit((self, *words))


def as_image(picture: Picture) -> QImage:
    """A picture as Qt draws it, turned as it is meant to be seen."""
    plain = QImage(picture.pixels, picture.width, picture.height, picture.stride, QImage.Format.Format_RGB888)
    if picture.rotation:
        return plain.transformed(QTransform().rotate(-picture.rotation))
    return plain.copy()


async def save_file(path: Path, content: bytes) -> Path:
    """Write a file whole, or not at all. `StoreError`."""
    await asyncio.to_thread(_write, path, content)
    return path


def rows_of(tracks: Sequence[str], segments: Sequence[Any]) -> list[str]:
    """The rows of a timeline: the task's tracks, then those that segments name beside them; one at least."""
    return list(dict.fromkeys([*tracks, *(segment.track for segment in segments)])) or [""]


def _write(path: Path, content: bytes) -> None:
    with written_whole(path) as out:
        out.write(content)
