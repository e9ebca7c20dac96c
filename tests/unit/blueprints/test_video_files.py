"""Videos of strangers: what can be played is told from what cannot, with a sentence, and nothing else is opened."""

from __future__ import annotations

import contextlib
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import pytest
from av.video.stream import VideoStream
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.blueprints.media_source import MediaFault
from app.blueprints.video_label import video_files
from app.blueprints.video_label.timing import MAX_SECONDS
from app.blueprints.video_label.video_files import check_video

SAMPLE = Path(__file__).resolve().parents[3] / "examples" / "video_label" / "videos" / "empty_street.webm"


def write(path: Path, codec: str = "libvpx", kind: str = "webm", frames: int = 10, live: bool = False) -> Path:
    """A small grey video of ten pictures a second; `live`: without its length, as a browser records."""
    with av.open(str(path), "w", format=kind, options={"live": "1"} if live else {}) as container:
        stream = cast(VideoStream, container.add_stream(codec, rate=10))
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(frames):
            frame = av.VideoFrame(64, 48, "yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("name", "codec", "kind"),
    [
        ("a.webm", "libvpx", "webm"),
        ("b.webm", "libvpx-vp9", "webm"),
        ("c.mp4", "libx264", "mp4"),
        ("d.m4v", "libx264", "mp4"),
    ],
)
def test_what_browsers_play_is_taken(tmp_path: Path, name: str, codec: str, kind: str) -> None:
    found = check_video(write(tmp_path / name, codec, kind), tmp_path)
    assert found.duration == pytest.approx(1.0, abs=0.11)
    assert (found.width, found.height, found.fps) == (64, 48, 10.0)
    assert found.url.endswith(Path(name).suffix)


def test_a_recording_that_tells_no_length_is_read_through(tmp_path: Path) -> None:
    path = write(tmp_path / "live.webm", live=True)
    with av.open(str(path)) as container:
        assert container.duration is None
    assert check_video(path, tmp_path).duration == pytest.approx(1.0, abs=0.11)


def test_what_browsers_do_not_play_is_told_with_its_codec(tmp_path: Path) -> None:
    with pytest.raises(MediaFault, match="coded as mpeg4, which browsers do not play"):
        check_video(write(tmp_path / "old.mp4", "mpeg4", "mp4"), tmp_path)
    with pytest.raises(MediaFault, match="neither WebM nor MP4"):
        check_video(write(tmp_path / "film.mkv", "libvpx", "matroska"), tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no video at all",
        b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:1/secret.ts\n",
        b"ffconcat version 1.0\nfile /etc/hostname\n",
        b"\x1a\x45\xdf\xa3",
        b"\0\0\0\x18ftypisom\0\0\0\0",
    ],
)
def test_playlists_and_rubbish_are_not_opened(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.mp4").write_bytes(content)
    with pytest.raises(MediaFault, match=r"\.$"):
        check_video(tmp_path / "x.mp4", tmp_path)


def test_a_video_without_end_or_without_measure_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.webm")
    monkeypatch.setattr(video_files, "MAX_PIXELS", 1000)
    with pytest.raises(MediaFault, match="too large to be shown: 64 x 48"):
        check_video(path, tmp_path)
    monkeypatch.undo()
    monkeypatch.setattr(video_files, "MAX_SECONDS", 0.5)
    with pytest.raises(MediaFault, match="hours long"):
        check_video(path, tmp_path)
    monkeypatch.undo()
    live = write(tmp_path / "live.webm", live=True)
    monkeypatch.setattr(video_files, "MAX_SCANNED_PACKETS", 3)
    with pytest.raises(MediaFault, match="too long to be read through"):
        check_video(live, tmp_path)


def test_a_file_outside_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link.webm").symlink_to(SAMPLE)
    with pytest.raises(MediaFault, match="lies outside"):
        check_video(tmp_path / "in" / "link.webm", tmp_path / "in")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 30_000), content=st.binary(min_size=1, max_size=12), cut=st.integers(20, 30_000))
def test_a_damaged_video_is_taken_or_told(tmp_path: Path, place: int, content: bytes, cut: int) -> None:
    data = bytearray(SAMPLE.read_bytes())
    data[place % len(data) : place % len(data) + len(content)] = content
    path = tmp_path / "damaged.webm"
    path.write_bytes(bytes(data[:cut]))
    with contextlib.suppress(MediaFault):
        assert 0 < check_video(path, tmp_path).duration <= MAX_SECONDS
