"""The spool: on disk before it is acknowledged, delivered in order, removed when the desktop has it."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from app.architects.router.actions import Answer, Keep, Redeliver, Unkeep
from app.architects.router.spool import Spool, SpoolFull, SpoolThread
from app.data.packets import Packet, PacketType


def submission(key: str, text: str = "x") -> Packet:
    return Packet(PacketType.SUBMIT_UNIT, "agent", {"request_id": key, "final_data": text})


def keys(spool: Spool) -> list[str]:
    return [packet.data["request_id"] for packet in spool.packets()]


def test_what_was_put_is_there_for_the_next_process_in_order(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 10_000)
    for key in ("c", "a", "b"):
        spool.put(submission(key))
    spool.put(submission("a"))
    assert keys(Spool(tmp_path, 10_000)) == ["c", "a", "b"]
    again = Spool(tmp_path, 10_000)
    again.put(submission("d"))
    again.remove("a")
    again.remove("a")
    assert keys(again) == keys(Spool(tmp_path, 10_000)) == ["c", "b", "d"]


def test_a_file_that_was_never_finished_was_never_acknowledged_and_goes(tmp_path: Path) -> None:
    (tmp_path / "00000000000000000001-a.tmp").write_text('{"packet')
    assert keys(Spool(tmp_path, 10_000)) == []
    assert list(tmp_path.iterdir()) == []


def test_a_full_spool_takes_no_more_until_something_is_delivered(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 500)
    spool.put(submission("a", "x" * 100))
    with pytest.raises(SpoolFull):
        spool.put(submission("b", "x" * 100))
    spool.remove("a")
    spool.put(submission("b", "x" * 100))
    assert keys(spool) == ["b"]


def test_a_full_disk_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(tmp_path, 10_000)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("app.architects.router.spool.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        spool.put(submission("a"))
    assert list(tmp_path.iterdir()) == []
    assert len(spool) == 0


@pytest.mark.logs("cannot be read")
def test_a_file_that_cannot_be_read_is_set_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spool = Spool(tmp_path, 10_000)
    spool.put(submission("a"))
    spool.put(submission("b"))
    next(tmp_path.glob("*-a.json")).write_text("rubbish")
    with caplog.at_level(logging.ERROR):
        assert keys(spool) == ["b"]
    assert [path.suffix for path in tmp_path.glob("*-a.*")] == [".bad"]


async def test_the_page_is_told_only_when_it_is_on_disk(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 10_000)
    seen: list[tuple[Answer, int]] = []
    thread = SpoolThread(spool, lambda packet: None, lambda a: seen.append((a, len(list(tmp_path.iterdir())))), _refuse)
    thread.keep(Keep(submission("a"), {"status": "Submitted!"}))
    assert seen == []
    await thread.close()
    assert seen == [(Answer("a", 200, {"status": "Submitted!"}), 1)]


async def test_a_submission_that_cannot_be_kept_is_not_acknowledged(tmp_path: Path) -> None:
    refused: list[str] = []
    answers: list[Answer] = []
    spool = Spool(tmp_path, 10)
    thread = SpoolThread(spool, lambda packet: None, answers.append, lambda error, *rest: refused.append(error))
    thread.keep(Keep(submission("a"), {"status": "Submitted!"}))
    await thread.close()
    assert [(answer.status, answer.body["error"]) for answer in answers] == [(503, "spool_failed")]
    assert refused == ["spool_failed"]


async def test_everything_is_delivered_in_order_until_it_is_acknowledged(tmp_path: Path) -> None:
    delivered: list[str] = []
    done = asyncio.Event()

    def deliver(packet: Packet) -> None:
        delivered.append(packet.data["request_id"])
        if packet.data["request_id"] == "c":
            done.set()

    kept = asyncio.Event()

    def answer(action: Answer) -> None:
        if action.request_id == "c":
            kept.set()

    thread = SpoolThread(Spool(tmp_path, 10_000), deliver, answer, _refuse)
    for key in ("a", "b", "c"):
        thread.keep(Keep(submission(key), {}))
    await asyncio.wait_for(kept.wait(), 5)
    thread.redeliver(Redeliver())
    await asyncio.wait_for(done.wait(), 5)
    assert delivered == ["a", "b", "c"]
    thread.unkeep(Unkeep("b"))
    await thread.close()
    assert keys(Spool(tmp_path, 10_000)) == ["a", "c"]


def _refuse(error: str, detail: str, address: str) -> None:
    raise AssertionError(error)
