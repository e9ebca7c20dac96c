"""A video in review: decoded on a thread, one picture at a time, played by its segments; told when it cannot be."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel

from app.blueprints.base import Segment, SubmissionView
from app.viewmodels.action import end_all_actions
from app.views.video_answer import MOST_LISTED, VideoAnswer
from app.views.widgets.buttons import Button

VIDEO = Path(__file__).resolve().parents[2] / "examples" / "video_label" / "videos" / "crossing.webm"
SEGMENTS = (Segment("waits", 0, 2, "person"), Segment("moves", 2, 2.4, "person"), Segment("moves", 1, 3, "car", "blue"))
VIEW = SubmissionView("3 segments", video=VIDEO, segments=SEGMENTS)
ORDER = ("moves", "waits")


async def until(true: Callable[[], bool], what: str) -> None:
    for _ in range(1000):
        if true():
            return
        await asyncio.sleep(0.01)
    pytest.fail(f"never came: {what}")


def decoders() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("video ")]


@pytest.fixture
async def answer(qapp: QApplication) -> AsyncIterator[VideoAnswer]:
    made = VideoAnswer()
    made.resize(640, 700)
    made.show()
    yield made
    made.close()
    await end_all_actions()
    await until(lambda: not decoders(), "the end of the decoder's thread")
    made.deleteLater()


async def shown(answer: VideoAnswer) -> QImage:
    await until(lambda: answer.picture.image is not None, "a picture")
    assert answer.picture.image is not None
    return answer.picture.image


async def test_the_first_picture_comes_and_the_length_is_known(answer: VideoAnswer) -> None:
    answer.setView(VIEW, ORDER)
    image = await shown(answer)
    assert (image.width(), image.height()) == (384, 216)
    assert answer.time.text() == "0:00 / 0:06"
    assert not answer.player.playing
    assert answer.line.rows == ["person", "car"]
    answer.setView(SubmissionView("x", video=VIDEO, segments=SEGMENTS, tracks=("car", "dog", "person")), ORDER)
    assert answer.line.rows == ["car", "dog", "person"]


async def test_nothing_waits_on_the_windows_thread(answer: VideoAnswer) -> None:
    heard: list[int] = []
    answer.player.pictured.connect(lambda *_: heard.append(threading.get_ident()))
    answer.setView(VIEW, ORDER)
    assert answer.picture.image is None
    await shown(answer)
    assert set(heard) == {threading.get_ident()}
    assert len(decoders()) == 1


async def test_a_segment_is_played_from_its_start_to_its_end(answer: VideoAnswer) -> None:
    answer.setView(VIEW, ORDER)
    await shown(answer)
    times: list[float] = []
    answer.player.pictured.connect(lambda _image, seconds: times.append(seconds))
    place = answer.line.place_of(1).center().toPoint()
    QTest.mouseClick(answer.line, Qt.MouseButton.LeftButton, pos=place)
    assert answer.player.playing
    await until(lambda: not answer.player.playing, "the end of the segment")
    assert times[0] == 2
    assert times == sorted(times)
    assert 2.2 < times[-1] < 2.4
    assert answer.line.chosen == 1


async def test_the_timeline_is_worked_by_key(answer: VideoAnswer) -> None:
    answer.setView(VIEW, ORDER)
    await shown(answer)
    QTest.keyClick(answer.line, Qt.Key.Key_Right)
    QTest.keyClick(answer.line, Qt.Key.Key_Right)
    await until(lambda: answer.player.at == 2, "the second segment")
    assert answer.line.accessibleDescription() == "segment 2: moves, person, 0:02 to 0:02.4"
    QTest.keyClick(answer.line, Qt.Key.Key_Return)
    assert answer.player.playing
    QTest.keyClick(answer.line, Qt.Key.Key_Left)
    await until(lambda: answer.player.at == 0, "the first segment")
    assert not answer.player.playing


async def test_steps_and_play_and_pause(answer: VideoAnswer) -> None:
    answer.setView(VIEW, ORDER)
    await shown(answer)
    await until(lambda: answer.player.fps == 20, "the rate")
    answer.on_button.click()
    await until(lambda: answer.time.text() == "0:00.05 / 0:06", "one picture on")
    answer.play_button.click()
    assert answer.play_button.accessibleName() == "Pause"
    await until(lambda: answer.player.at > 0.3, "some pictures")
    answer.play_button.click()
    assert answer.play_button.accessibleName() == "Play"
    QTest.mouseClick(answer.line, Qt.MouseButton.LeftButton, pos=QPoint(answer.line.width() - 9, 6))
    await until(lambda: answer.player.at > 5.8, "the end of the video")
    answer.player.seek(99)
    answer.toggle()
    await until(lambda: 0 < answer.player.at < 1, "from the beginning again")


async def test_while_it_is_hidden_no_file_is_open(answer: VideoAnswer) -> None:
    answer.setView(VIEW, ORDER)
    await shown(answer)
    answer.player.seek(3)
    await until(lambda: answer.time.text().startswith("0:03"), "the third second")
    answer.hide()
    await until(lambda: not decoders(), "the end of the thread")
    answer.picture.show_image(None)
    answer.show()
    await shown(answer)
    assert answer.time.text() == "0:03 / 0:06"


async def test_the_same_submission_again_does_not_begin_anew(answer: VideoAnswer) -> None:
    answer.setView(VIEW, ORDER)
    await shown(answer)
    (thread,) = decoders()
    answer.setView(SubmissionView("3 segments", video=VIDEO, segments=SEGMENTS), ORDER)
    assert decoders() == [thread]
    answer.setView(None)
    await until(lambda: not decoders(), "the end of the thread")


@pytest.mark.parametrize("content", [b"\x1a\x45\xdf\xa3 rubbish", b"", None])
async def test_what_cannot_be_shown_is_told_in_a_sentence(
    answer: VideoAnswer, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "bad.webm"
    if content is not None:
        path.write_bytes(content)
    answer.setView(SubmissionView("x", video=path, segments=SEGMENTS), ORDER)
    await until(lambda: answer.picture.message.startswith("bad.webm "), "the reason")
    assert answer.picture.message.endswith(".")
    assert not answer.play_button.isEnabled()
    answer.setView(VIEW, ORDER)
    await shown(answer)
    assert answer.play_button.isEnabled()


async def test_a_foreign_video_is_named_and_opened_in_the_browser(
    answer: VideoAnswer, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[QUrl] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url))
    answer.setView(SubmissionView("x", video_url="https://v.example.org/1.mp4", segments=SEGMENTS), ORDER)
    assert answer.note.text() == "The video is at https://v.example.org/1.mp4"
    assert answer.picture.isHidden()
    assert not answer.line.isHidden()
    answer.open_button.click()
    assert opened == [QUrl("https://v.example.org/1.mp4")]
    answer.setView(SubmissionView("x", video_url="javascript:alert(1)", segments=SEGMENTS), ORDER)
    assert answer.open_button.isHidden()
    answer.setView(VIEW, ORDER)
    answer.open_button.click()
    assert opened[-1] == QUrl.fromLocalFile(str(VIDEO))


async def test_the_segments_are_saved_as_webvtt(answer: VideoAnswer, tmp_path: Path) -> None:
    answer.setView(VIEW, ORDER)
    assert answer.save_button.isHidden()
    answer.setView(VIEW, ORDER, [("segments.vtt", b"WEBVTT\n")])
    assert not answer.save_button.isHidden()
    answer.save_to(tmp_path / "mine.vtt")
    await until(lambda: answer.note.text() == f"Saved as {tmp_path / 'mine.vtt'}.", "the note")
    assert (tmp_path / "mine.vtt").read_bytes() == b"WEBVTT\n"
    (tmp_path / "file").write_bytes(b"")
    answer.save_to(tmp_path / "file" / "mine.vtt")
    await until(lambda: "cannot be written" in answer.note.text() or "file" in answer.note.text().lower(), "the reason")


async def test_segments_are_listed_with_their_notes_and_counted_beyond_many(answer: VideoAnswer) -> None:
    answer.setView(VIEW, ORDER)
    buttons = [each.accessibleName() for each in answer.list.findChildren(Button)]
    assert buttons[2] == "Play segment 3: moves, car, 0:01 to 0:03"
    assert "blue" in [each.text() for each in answer.list.findChildren(QLabel)]
    many = tuple(Segment("moves", n / 100, n / 100 + 0.01) for n in range(MOST_LISTED + 5))
    answer.setView(SubmissionView("x", video=VIDEO, segments=many), ORDER)
    await until(
        lambda: len([each for each in answer.list.findChildren(Button) if not each.isHidden()]) == MOST_LISTED,
        "as many rows as are listed",
    )
    told = [each.text() for each in answer.list.findChildren(QLabel) if not each.isHidden()]
    assert told[-1] == "and 5 more segments: the timeline and the export have them all"


async def test_pictures_wait_until_the_last_was_painted(answer: VideoAnswer) -> None:
    answer.setView(VIEW, ORDER)
    await shown(answer)
    answer.player.pictured.disconnect(answer._pictured)
    seen: list[float] = []
    answer.player.pictured.connect(lambda _image, seconds: seen.append(seconds))
    answer.player.play(until=1.0)
    await until(lambda: len(seen) == 1, "a picture")
    (thread,) = decoders()
    assert thread.is_alive()
    assert seen == [0]
    answer.player.painted()
    await until(lambda: len(seen) == 2, "the next picture")
    answer.player.painted()
    await until(lambda: len(seen) == 3, "the one after it")
