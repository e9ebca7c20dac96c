"""Pictures of a video file, one at a time and none larger than a screen shows: for a reviewer in the window."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from av.video.frame import VideoFrame

from app.blueprints.video_label.video_files import decoder_faults, fps_of, open_video, seconds_of

MOST_WIDTH, MOST_HEIGHT = 1280, 720
_HALF_A_TICK = 0.0005


@dataclass(frozen=True)
class Picture:
    """One picture: when it is, and its pixels as RGB rows of `stride` bytes; to be turned by `rotation` degrees."""

    seconds: float
    width: int
    height: int
    stride: int
    pixels: bytes
    rotation: int


class Film:
    """A video that is open, for one thread alone. `MediaFault` out of each method. It holds two pictures at most."""

    def __init__(self, path: Path) -> None:
        self._held = ExitStack()
        self._container, self._stream = self._held.enter_context(open_video(path))
        with decoder_faults(), ExitStack() as undone:
            undone.callback(self.close)
            self.fps = fps_of(self._stream)
            self.duration = seconds_of(self._container, self._stream)
            undone.pop_all()
        self._frames: Iterator[VideoFrame] = iter(())
        self._ahead: VideoFrame | None = None

    def close(self) -> None:
        """Let go of the file."""
        self._held.close()

    def frame_at(self, seconds: float, wanted: Callable[[], bool] = lambda: True) -> VideoFrame | None:
        """The picture that is seen at that time: the last that begins before it. None where there is none.

        From the key picture before it each one has to be decoded; `wanted` is asked between them, and when it says no
        the search ends with None.
        """
        with decoder_faults():
            tick = self._stream.time_base
            self._container.seek(int(max(0.0, seconds) / tick) if tick else 0, stream=self._stream)
            self._frames = iter(self._container.decode(self._stream))
            found, self._ahead = None, None
            for frame in self._frames:
                if not wanted():
                    return None
                at = self.seconds_of(frame)
                if found is not None and at > seconds + _HALF_A_TICK:
                    self._ahead = frame
                    break
                found = frame
            return found

    def next_frame(self) -> VideoFrame | None:
        """The picture after the one that was given last; None at the end."""
        ahead, self._ahead = self._ahead, None
        with decoder_faults():
            return ahead or next(self._frames, None)

    def seconds_of(self, frame: VideoFrame) -> float:
        """When a picture begins."""
        return 0.0 if frame.pts is None or frame.time_base is None else float(frame.pts * frame.time_base)

    def draw(self, frame: VideoFrame) -> Picture:
        """The pixels of a picture, made smaller where it is larger than a screen shows."""
        with decoder_faults():
            scale = min(1.0, MOST_WIDTH / frame.width, MOST_HEIGHT / frame.height)
            size = [max(2, round(side * scale)) for side in (frame.width, frame.height)]
            plain = frame.reformat(width=size[0], height=size[1], format="rgb24")
            plane = plain.planes[0]
            return Picture(
                self.seconds_of(frame), plain.width, plain.height, plane.line_size, bytes(plane), frame.rotation
            )
