"""The corked transport: head and body go out as one, and nothing stays behind."""

from __future__ import annotations

import asyncio
from typing import cast

from app.architects.router.corked import LONGEST_JOINED, CorkedTransport


class Recorder:
    """A transport that notes what is sent."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def get_extra_info(self, name: str) -> str:
        return name


def corked() -> tuple[CorkedTransport, Recorder]:
    recorder = Recorder()
    return CorkedTransport(cast(asyncio.Transport, recorder)), recorder


async def test_two_writes_go_out_as_one() -> None:
    transport, recorder = corked()
    transport.write(b"head")
    transport.write(b"body")
    assert recorder.writes == [b"headbody"]
    await asyncio.sleep(0)
    assert recorder.writes == [b"headbody"]


async def test_a_lone_write_goes_out_in_the_next_turn() -> None:
    transport, recorder = corked()
    transport.write(b"continue")
    assert recorder.writes == []
    await asyncio.sleep(0)
    assert recorder.writes == [b"continue"]


async def test_what_is_long_is_not_copied() -> None:
    transport, recorder = corked()
    long = b"x" * (LONGEST_JOINED + 1)
    transport.write(b"head")
    transport.write(long)
    transport.write(long)
    assert recorder.writes == [b"head", long, long]


async def test_closing_sends_what_is_held() -> None:
    transport, recorder = corked()
    transport.write(b"bye")
    transport.close()
    assert (recorder.writes, recorder.closed) == ([b"bye"], True)
    assert transport.get_extra_info("peername") == "peername"
