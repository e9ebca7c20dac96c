"""Pictures of a video: the one that is seen at a time, the ones after it, never larger than a screen."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from app.blueprints.media_source import MediaFault
from app.operations.video_frames import MOST_HEIGHT, MOST_WIDTH, Film

FPS = 10


def write(path: Path, frames: int = 30, width: int = 64, height: int = 48) -> Path:
    """A video whose pictures become lighter, so that each tells its number."""
    with av.open(str(path), "w", format="webm") as container:
        stream = container.add_stream("libvpx", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.gop_size = 10
        for number in range(frames):
            grey = np.full((height, width, 3), number * 8, np.uint8)
            frame = av.VideoFrame.from_ndarray(grey, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.fixture
def film(tmp_path: Path) -> Iterator[Film]:
    made = Film(write(tmp_path / "a.webm"))
    yield made
    made.close()


def test_length_and_rate_are_known(film: Film) -> None:
    assert film.duration == pytest.approx(3.0, abs=0.11)
    assert film.fps == FPS


@pytest.mark.parametrize(
    ("seconds", "number"), [(0, 0), (0.04, 0), (0.1, 1), (1.55, 15), (2.0, 20), (2.9, 29), (99, 29)]
)
def test_the_picture_at_a_time_is_the_one_that_is_seen_then(film: Film, seconds: float, number: int) -> None:
    frame = film.frame_at(seconds)
    assert frame is not None
    assert film.seconds_of(frame) == pytest.approx(number / FPS, abs=0.001)
    picture = film.draw(frame)
    assert picture.pixels[0] == pytest.approx(number * 8, abs=8)


def test_no_picture_is_left_out_after_a_jump(film: Film) -> None:
    assert film.frame_at(1.2) is not None
    times = []
    while (frame := film.next_frame()) is not None:
        times.append(round(film.seconds_of(frame), 2))
    assert times == [round(number / FPS, 2) for number in range(13, 30)]


def test_a_search_that_nobody_waits_for_ends(film: Film) -> None:
    assert film.frame_at(2.5, lambda: False) is None


def test_a_picture_larger_than_a_screen_is_made_smaller(tmp_path: Path) -> None:
    film = Film(write(tmp_path / "wide.webm", 2, 2048, 512))
    frame = film.frame_at(0)
    assert frame is not None
    picture = film.draw(frame)
    assert (picture.width, picture.height) == (MOST_WIDTH, 320)
    assert len(picture.pixels) == picture.stride * picture.height
    assert picture.height <= MOST_HEIGHT
    film.close()


def test_what_is_no_video_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.webm").write_bytes(b"\x1a\x45\xdf\xa3 rubbish")
    with pytest.raises(MediaFault, match="is not a video that can be shown"):
        Film(tmp_path / "x.webm")
    with pytest.raises(MediaFault, match="is not a video that can be shown"):
        Film(tmp_path / "gone.webm")


def test_a_video_that_breaks_off_is_told_or_ends(tmp_path: Path) -> None:
    whole = write(tmp_path / "a.webm").read_bytes()
    (tmp_path / "cut.webm").write_bytes(whole[: len(whole) // 2])
    film = Film(tmp_path / "cut.webm")
    frame = film.frame_at(99)
    assert frame is None or film.seconds_of(frame) < 3
    film.close()
