"""Hostile traffic over real sockets: each piece is refused, said, counted, and the run goes on."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.architects import registry
from app.clock import SystemClock
from app.data.packets import Packet, PacketType
from tests.contract.test_architect import SECRET, Stage, hear, make_task, say, staged

LIMITS: dict[str, Any] = {
    "json_body_bytes": 20_000,
    "file_bytes": 50_000,
    "upload_bytes": 80_000,
    "frame_bytes": 10_000,
    "connections": 40,
    "request_seconds": 0.3,
    "slowest_bytes_per_second": 100_000,
    "stalled_seconds": 0.3,
    "worker_request_burst": 30,
    "worker_requests_per_second": 0.1,
    "frame_burst": 40,
    "frames_per_second": 0.1,
}


async def deploy(tmp_path: Path, limits: dict[str, Any] | None = None, *, isolated: bool = False) -> staged:
    cls = registry.get("local")
    args = cls.ArgsClass(limits=LIMITS | (limits or {}), isolated=isolated)  # type: ignore[call-arg] # of the local architect
    return staged(cls(args, make_task(tmp_path / "task"), tmp_path / "build", tmp_path / "up", SystemClock()))


@pytest.fixture(params=["httptools", "h11"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The router in process parses HTTP with this."""
    pytest.importorskip(request.param)
    monkeypatch.setattr("app.architects.router.transport.fastest_parser", lambda: request.param)
    return str(request.param)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with await deploy(tmp_path) as made:
        yield made
        await goes_on(made)


@pytest.fixture(params=[False, True], ids=["in process", "isolated"])
async def any_stage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stage]:
    async with await deploy(tmp_path, isolated=request.param) as made:
        yield made
        await goes_on(made)


async def goes_on(stage: Stage) -> None:
    """The run goes on: another worker does a unit."""
    token = (await stage.register("honest", "77"))["agent_id"]
    answer = await stage.http.post("/submit_task", json={"USED_AGENT_ID": token, "final_data": "done"})
    assert answer.json() == {"status": "Submitted!"}


async def counted(stage: Stage, error: str, count: int = 1) -> None:
    """Wait until that many refusals of a kind are counted (an isolated router reports once a second)."""
    async with asyncio.timeout(10):
        while (stage.architect.refusals or Counter())[error] < count:  # noqa: ASYNC110 - a counter tells nobody
            await asyncio.sleep(0.02)


def place(stage: Stage) -> tuple[str, int]:
    host, _, port = stage.url.removeprefix("http://").rpartition(":")
    return host, int(port)


async def raw(stage: Stage, data: bytes) -> bytes:
    """Send bytes as they are; returns everything that comes back until the router closes or is done answering."""
    reader, writer = await asyncio.open_connection(*place(stage))
    writer.write(data)
    try:
        async with asyncio.timeout(10):
            return await _answer(reader)
    finally:
        writer.close()


async def _answer(reader: asyncio.StreamReader) -> bytes:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        return head + await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionResetError) as error:
        return getattr(error, "partial", b"")


def said(answer: bytes) -> tuple[int, str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)["error"]


async def closed(page: ClientConnection) -> int:
    async with asyncio.timeout(10):
        with suppress(ConnectionClosed):
            while True:
                await page.recv()
    assert page.close_code is not None
    return page.close_code


async def working(stage: Stage) -> str:
    token: str = (await stage.register())["agent_id"]
    return token


class TestChannel:
    async def test_without_the_secret_nobody_is_the_desktop(self, any_stage: Stage) -> None:
        url = any_stage.url.replace("http", "ws") + "/channel"
        secrets = [None, "", "Bearer ", "Bearer guessed", f"Basic {SECRET}", f"Bearer {SECRET}x", "Bearer \u00e9"]
        for secret in secrets:
            headers = {} if secret is None else {"Authorization": secret}
            with pytest.raises(InvalidStatus) as refused:
                await connect(url, additional_headers=headers)
            assert refused.value.response.status_code == 401
            assert json.loads(refused.value.response.body or b"{}")["error"] == "channel_secret"
        await counted(any_stage, "channel_secret", len(secrets))
        assert any_stage.desk.states == []

    async def test_a_router_in_the_desktops_process_has_no_channel_to_dial(self, stage: Stage) -> None:
        url = stage.url.replace("http", "ws") + "/channel"
        with pytest.raises(InvalidStatus):
            await connect(url, additional_headers={"Authorization": f"Bearer {SECRET}"})

    @pytest.mark.parametrize("kind", ["agent_details", "submit_unit"])
    async def test_a_page_that_speaks_as_the_desktop_is_cut_off(self, any_stage: Stage, kind: str) -> None:
        token = await working(any_stage)
        async with any_stage.page() as victim, any_stage.page() as page:
            await say(victim, "alive", token)
            await hear(victim, "update_status")
            await say(page, kind, token, status="approved", text="gotcha", agent_id="x" * 43)
            assert await closed(page) == 1008
            await counted(any_stage, "channel_hijack")
            await say(victim, "heartbeat", token)
            assert (await hear(victim))["packet_type"] == "heartbeat"
        assert any_stage.desk.tell(PacketType.SUBMIT_UNIT) == []

    async def test_a_page_that_says_it_is_the_desktop_is_cut_off(self, stage: Stage) -> None:
        async with stage.page() as page:
            await say(page, "alive", "mephisto")
            assert await closed(page) == 1008


class TestTokens:
    async def test_a_forged_token_opens_nothing(self, any_stage: Stage) -> None:
        forged = "F" * 43
        async with any_stage.page() as page:
            await say(page, "alive", forged)
            assert await closed(page) == 4404
        for path, body in (
            ("/submit_task", {"USED_AGENT_ID": forged, "final_data": 1}),
            ("/submit_metadata", {"USED_AGENT_ID": forged, "metadata": 1}),
            ("/return_unit", {"USED_AGENT_ID": forged}),
            ("/submit_onboarding", {"provider_data": {"USED_AGENT_ID": forged}}),
        ):
            answer = await any_stage.http.post(path, json=body)
            assert (answer.status_code, answer.json()["error"]) == (404, "unknown_agent")
        await counted(any_stage, "unknown_agent", 5)
        assert len(any_stage.desk.tell(PacketType.REQUEST_AGENT_STATUS)) == 1  # it costs the desktop one question
        assert any_stage.desk.tell(PacketType.SUBMIT_UNIT) == []

    async def test_a_forged_upload_writes_nothing(self, stage: Stage, tmp_path: Path) -> None:
        fields = {"USED_AGENT_ID": "F" * 43, "final_string_data": "{}"}
        answer = await stage.http.post("/submit_task", data=fields, files={"f": ("a.png", b"x" * 9000)})
        assert answer.status_code == 404
        assert list((tmp_path / "up").iterdir()) == []

    async def test_a_stale_token_is_refused_in_the_desktops_words(self, stage: Stage) -> None:
        token = await working(stage)
        del stage.desk.agents[token]
        answer = await stage.http.post("/submit_task", json={"USED_AGENT_ID": token, "final_data": 1})
        assert (answer.status_code, answer.json()["detail"]) == (409, "This work is not known.")
        await counted(stage, "refused")

    async def test_a_page_cannot_speak_for_another_agent(self, stage: Stage) -> None:
        mine, other = await working(stage), (await stage.register("eve", "2"))["agent_id"]
        async with stage.page() as page:
            await say(page, "alive", mine)
            await hear(page, "update_status")
            await say(page, "mephisto_bound_live_update", other, text="stolen")
            assert await closed(page) == 1008
        await counted(stage, "foreign_agent")
        assert stage.desk.tell(PacketType.MEPHISTO_BOUND_LIVE_UPDATE) == []


PATHS = [
    "/../../../../etc/passwd",
    "/image/../task.html",
    "/image/..%2f..%2f..%2fetc%2fpasswd",
    "/image/%2e%2e/%2e%2e/etc/passwd",
    "/image/....//....//etc/passwd",
    "/image/%00",
    "/image//etc/passwd",
    "//etc/passwd",
    "/etc/passwd",
    "/image/..%5c..%5ctask.html",
    "/image",
    "/download_file/../../task/task.html",
    "/download_file/..%2f..%2ftask%2ftask.html",
    "/enter/../../etc/passwd",
]


async def test_no_path_leads_to_the_file_system(parser: str, stage: Stage) -> None:
    secret = f"authorization: Bearer {SECRET}\r\n"
    for path in PATHS:
        answer = await raw(stage, f"GET {path} HTTP/1.1\r\nhost: x\r\n{secret}\r\n".encode())
        status, _ = said(answer)
        assert status in (400, 403, 404), path
        assert b"root:" not in answer
        assert b"doctype" not in answer
    refused = stage.architect.refusals
    assert refused is not None
    assert refused.total() == len(PATHS)


class TestBodies:
    async def test_a_large_json_body_is_refused(self, any_stage: Stage) -> None:
        answer = await any_stage.http.post("/request_agent", content=b'{"a": "' + b"x" * 30_000 + b'"}')
        assert (answer.status_code, answer.json()["error"]) == (413, "body_too_large")
        await counted(any_stage, "body_too_large")

    async def test_a_large_body_without_a_length_is_refused(self, parser: str, stage: Stage) -> None:
        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(30):
                yield b"x" * 1000

        answer = await stage.http.post("/request_agent", content=chunks())
        assert (answer.status_code, answer.json()["error"]) == (413, "body_too_large")

    async def test_a_large_file_is_refused_and_leaves_nothing(self, any_stage: Stage, tmp_path: Path) -> None:
        fields = {"USED_AGENT_ID": await working(any_stage), "final_string_data": "{}"}
        answer = await any_stage.http.post("/submit_task", data=fields, files={"f": ("a.png", b"x" * 60_000)})
        assert (answer.status_code, answer.json()["error"]) == (413, "file_too_large")
        assert list((tmp_path / "up").iterdir()) == []
        await counted(any_stage, "file_too_large")

    @pytest.mark.parametrize(
        ("path", "body"),
        [
            ("/request_agent", b"{"),
            ("/request_agent", b"\xff\xfe"),
            ("/request_agent", b"[" * 15_000),
            ("/request_agent", b'{"provider_data": {"worker_name": NaN}}'),
            ("/request_agent", b"[]"),
            ("/request_agent", b"{}"),
            ("/request_agent", b'{"provider_data": {"worker_name": 5}}'),
            ("/request_agent", b'{"provider_data": {"worker_name": ""}}'),
            ("/request_agent", b'{"provider_data": {"worker_name": "a", "agent_registration_id": {}}}'),
            ("/submit_task", b'{"final_data": 1}'),
            ("/submit_task", b'{"USED_AGENT_ID": ["a"]}'),
            ("/submit_onboarding", b'{"provider_data": 1}'),
            ("/return_unit", b""),
            ("/log_error", b"nonsense"),
        ],
    )
    async def test_a_malformed_body_is_refused(self, stage: Stage, path: str, body: bytes) -> None:
        answer = await stage.http.post(path, content=body)
        assert answer.status_code == 400
        assert set(answer.json()) == {"error", "detail"}
        await counted(stage, answer.json()["error"])
        assert stage.desk.tell(PacketType.REGISTER_AGENT) == []

    @pytest.mark.parametrize(
        "data",
        [
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 50,
            b"GET / HTTP/1.1\r\nhost x\r\n\r\n",
            b"POST /request_agent HTTP/1.1\r\nhost: x\r\ncontent-length: -5\r\n\r\n",
            b"POST /request_agent HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
            b"GET /" + b"a" * 2_000_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n",
            b"GET / HTTP/1.1\r\nhost: x\r\nx: " + b"a" * 2_000_000 + b"\r\n\r\n",
            b"\r\n" * 20 + b"nonsense\r\n\r\n",
            b"POST /request_agent HTTP/1.1\r\nhost: x\r\ncontent-length: " + b"9" * 5000 + b"\r\n\r\n",
            b"POST /request_agent HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n",
        ],
    )
    async def test_what_is_no_http_is_refused(self, parser: str, stage: Stage, data: bytes) -> None:
        assert said(await raw(stage, data)) == (400, "malformed_request")
        await counted(stage, "malformed_request")


class TestFrames:
    async def test_a_large_frame_closes_the_socket(self, any_stage: Stage) -> None:
        async with any_stage.page() as page:
            await say(page, "alive", await working(any_stage))
            await hear(page, "update_status")
            await page.send(json.dumps({"packet_type": "heartbeat", "subject_id": "x", "data": {"a": "x" * 20_000}}))
            assert await closed(page) == 1009
        await counted(any_stage, "frame_too_large")

    @pytest.mark.parametrize(
        ("content", "code", "error"),
        [
            ("not json", 1007, "malformed_frame"),
            ("[" * 5000, 1007, "malformed_frame"),
            ('{"packet_type": "alive", "subject_id": 7}', 1007, "malformed_frame"),
            (b"\x00\x01", 1008, "binary_frame"),
        ],
    )
    async def test_a_malformed_frame_closes_the_socket(
        self, stage: Stage, content: str | bytes, code: int, error: str
    ) -> None:
        async with stage.page() as page:
            await page.send(content)
            assert await closed(page) == code
        await counted(stage, error)

    async def test_bytes_that_are_no_frame_close_the_socket(self, stage: Stage) -> None:
        async with stage.page() as page:
            page.transport.write(b"\xff" * 100)
            assert await closed(page) in (1002, 1006, 1007)
        await counted(stage, "malformed_frame")

    async def test_a_flood_of_frames_closes_the_socket(self, any_stage: Stage) -> None:
        token = await working(any_stage)
        async with any_stage.page() as page:
            await say(page, "alive", token)
            for _ in range(60):
                await say(page, "heartbeat", token)
            assert await closed(page) == 4429
        await counted(any_stage, "frame_flood")


class TestFloods:
    async def test_one_worker_cannot_register_without_end(self, any_stage: Stage) -> None:
        body = {"provider_data": {"worker_name": "bob", "agent_registration_id": "1-bob"}}
        answers = [await any_stage.http.post("/request_agent", json=body) for _ in range(35)]
        assert [answer.status_code for answer in answers] == [200] * 30 + [429] * 5
        assert int(answers[-1].headers["retry-after"]) >= 1
        assert answers[-1].json()["error"] == "too_many_requests"
        await counted(any_stage, "too_many_requests", 5)

    async def test_one_address_cannot_ask_without_end(self, tmp_path: Path) -> None:
        rates = {"loopback_requests_per_second": 20, "loopback_request_burst": 30}
        async with await deploy(tmp_path, rates) as stage:
            codes = [(await stage.http.get("/is_alive")).status_code for _ in range(60)]
            assert codes[:30] == [200] * 30
            assert 429 in codes
            await counted(stage, "too_many_requests")
            await asyncio.sleep(0.5)  # a bucket fills with time, here by ten requests
            await goes_on(stage)

    async def test_connections_are_bounded(self, parser: str, stage: Stage) -> None:
        writers = []
        for _ in range(39):
            _, writer = await asyncio.open_connection(*place(stage))
            writers.append(writer)
        await stage.http.get("/is_alive")
        reader, extra = await asyncio.open_connection(*place(stage))
        async with asyncio.timeout(10):
            assert said(await _answer(reader)) == (503, "too_many_connections")
        for writer in (*writers, extra):
            writer.close()
        await counted(stage, "too_many_connections")

    async def test_requests_that_wait_for_the_desktop_are_bounded(self, tmp_path: Path) -> None:
        async with await deploy(tmp_path, {"pending_requests": 3, "answer_seconds": 60}) as stage:
            stage.desk.silent.add(PacketType.REGISTER_AGENT)
            asking = [asyncio.create_task(_register(stage, f"w{n}")) for n in range(8)]
            await counted(stage, "too_many_pending", 5)
            waiting = stage.desk.tell(PacketType.REGISTER_AGENT)
            assert len(waiting) == 3
            stage.desk.silent.clear()
            for packet in waiting:
                data = {"request_id": packet.data["request_id"], "agent_id": None, "failure_reason": "none left"}
                await stage.desk.send(PacketType.AGENT_DETAILS, "x", data)
            assert sorted(await asyncio.gather(*asking)) == [200] * 3 + [429] * 5
            await goes_on(stage)


async def _register(stage: Stage, name: str) -> int:
    body = {"provider_data": {"worker_name": name, "agent_registration_id": f"1-{name}"}}
    return (await stage.http.post("/request_agent", json=body)).status_code


class TestSlowClients:
    @pytest.mark.parametrize(
        "data",
        [
            b"GET / HTTP/1.1\r\nhost: x\r\nx-dribble: ",
            b"POST /request_agent HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{",
            b"GET /is_alive HTTP/1.1\r\nhost: x\r\n\r\nGET / HT",
        ],
        ids=["in its head", "in its body", "in a second request"],
    )
    async def test_a_request_that_does_not_come_is_cut(self, parser: str, stage: Stage, data: bytes) -> None:
        reader, writer = await asyncio.open_connection(*place(stage))
        writer.write(data)
        async with asyncio.timeout(10):
            answer = await reader.read()
        writer.close()
        assert b"HTTP/1.1 408" in answer
        assert b'"slow_client"' in answer
        await counted(stage, "slow_client")

    async def test_a_client_that_goes_on_sending_what_was_refused_is_cut(
        self, parser: str, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("app.architects.router.paced.OVERRUN_SECONDS", 0.3)
        reader, writer = await asyncio.open_connection(*place(stage))
        writer.write(b"POST /request_agent HTTP/1.1\r\nhost: x\r\ncontent-length: 999999999\r\n\r\n{")
        assert said(await _answer(reader)) == (413, "body_too_large")
        async with asyncio.timeout(10):
            with suppress(ConnectionResetError, BrokenPipeError):
                while not reader.at_eof():
                    writer.write(b"x" * 1000)
                    await asyncio.sleep(0.01)
                    await writer.drain()
                    if (stage.architect.refusals or Counter())["slow_client"]:
                        break
        await counted(stage, "slow_client")
        writer.close()

    async def test_a_connection_that_asks_nothing_is_closed_in_silence(
        self, parser: str, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("app.architects.router.paced.IDLE_SECONDS", 0.3)
        reader, writer = await asyncio.open_connection(*place(stage))
        async with asyncio.timeout(10):
            assert await reader.read() == b""
        writer.close()
        assert (stage.architect.refusals or Counter())["slow_client"] == 0

    async def test_a_client_that_does_not_read_is_cut(self, parser: str, stage: Stage) -> None:
        big = stage.architect.upload_dir / ("0" * 32 + ".bin")
        big.write_bytes(b"\x00" * 30_000_000)
        reader, writer = await asyncio.open_connection(*place(stage), limit=1024)
        writer.write(
            f"GET /download_file/{big.name} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {SECRET}\r\n\r\n".encode()
        )
        await counted(stage, "slow_client")
        got = 0
        async with asyncio.timeout(10):
            with suppress(ConnectionResetError):
                while chunk := await reader.read(65536):
                    got += len(chunk)
        assert got < 30_000_000
        writer.close()

    async def test_a_page_that_does_not_read_its_frames_is_cut(self, tmp_path: Path) -> None:
        async with await deploy(tmp_path, {"outbox_bytes": 200_000}) as stage:
            token = await working(stage)
            reader, writer = await asyncio.open_connection(*place(stage), limit=1024)
            writer.write(
                b"GET / HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
                b"sec-websocket-version: 13\r\nsec-websocket-key: x3JJHMbDL1EzLkh9GBhXDw==\r\n\r\n"
            )
            await reader.readuntil(b"\r\n\r\n")
            text = json.dumps({"packet_type": "alive", "subject_id": token}).encode()
            writer.write(b"\x81" + bytes([0x80 | len(text)]) + b"\x00" * 4 + text)
            await stage.desk.heard(PacketType.ALIVE)
            for number in range(400):
                await stage.desk.send(PacketType.CLIENT_BOUND_LIVE_UPDATE, token, {"n": number, "x": "x" * 50_000})
                await asyncio.sleep(0)
            await counted(stage, "slow_client")
            await stage.desk.heard(PacketType.DISCONNECTED)
            writer.close()
            await goes_on(stage)


async def test_nonsense_on_the_channel_itself_is_counted_and_changes_nothing(tmp_path: Path) -> None:
    async with await deploy(tmp_path, isolated=True) as stage:
        assert stage.desk.channel is not None
        await stage.desk.channel.send(Packet(PacketType.REGISTER_AGENT, "x", {}))
        await counted(stage, "channel_packet")
        await goes_on(stage)
