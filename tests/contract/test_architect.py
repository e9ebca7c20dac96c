"""What every architect does: serve a run's pages, carry packets both ways, leave nothing behind."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from app.architects import registry
from app.architects.base import Architect, ArchitectArgs, ServedTask
from app.architects.router.entry import make_entry_token
from app.clock import SystemClock
from app.data.packets import PacketType
from app.errors import ArchitectError, ConfigError, EntryDoesNotExist
from tests.fakes.desk import Desk

SECRET = "a secret of this run"
KINDS: dict[str, dict[str, Any]] = {
    "local": {},
    "local isolated": {"isolated": True},
    "mock": {"should_run_server": True},
}


@dataclass
class Stage:
    """One architect, deployed, with a desktop behind it."""

    architect: Architect
    url: str
    desk: Desk
    http: httpx.AsyncClient

    async def register(self, name: str = "bob", visit: str = "1") -> dict[str, Any]:
        body = {"worker_name": name, "agent_registration_id": f"{visit}-{name}", "assignment_id": visit}
        answer = await self.http.post("/request_agent", json={"provider_data": body})
        assert answer.status_code == 200, answer.text
        details: dict[str, Any] = answer.json()["data"]
        return details

    def page(self) -> connect:
        return connect(self.url.replace("http", "ws") + "/")


def make_task(folder: Path, **more: Any) -> ServedTask:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "task.html").write_text("<!doctype html><title>Task</title>")
    (folder / "welcome.html").write_text("<!doctype html><title>Welcome</title>")
    (folder / "bundle.js").write_text("go()")
    (folder / "images").mkdir(exist_ok=True)
    (folder / "images" / "cat one.png").write_bytes(b"\x89PNG" + b"x" * 1000)
    return ServedTask(
        task_run_id="7",
        task_title="Cats",
        provider_type="mock",
        secret=SECRET,
        pages={"/task": folder / "task.html", "/welcome": folder / "welcome.html"},
        static={"/bundle.js": folder / "bundle.js"},
        static_folders={"/image/": folder / "images"},
        task_config={"frame_height": 650},
        **({"entry_required": False} | more),
    )


def make_architect(kind: str, tmp_path: Path, **more: Any) -> Architect:
    cls = registry.get(kind.split()[0])
    args: ArchitectArgs = cls.ArgsClass(**KINDS[kind])
    return cls(args, make_task(tmp_path / "task", **more), tmp_path / "build", tmp_path / "up", SystemClock())


@pytest.fixture(params=list(KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def stage(kind: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(make_architect(kind, tmp_path)) as made:
        yield made


class staged:  # noqa: N801 - it is used like a function
    """Deploys an architect with a desk behind it, and takes all of it down again."""

    def __init__(self, architect: Architect, desk: Desk | None = None, port: int | None = None) -> None:
        self._architect, self._desk, self._port = architect, desk or Desk(), port

    async def __aenter__(self) -> Stage:
        await self._architect.prepare()
        url = await self._architect.deploy(self._port)
        [channel] = await self._architect.get_channels()
        await self._desk.open(channel)
        self._http = httpx.AsyncClient(base_url=url)
        return Stage(self._architect, url, self._desk, self._http)

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()
        if self._desk.channel is not None:
            await self._desk.channel.close()
        await self._architect.shutdown()
        await self._architect.cleanup()


async def say(page: ClientConnection, kind: str, token: str, **data: Any) -> None:
    packet = {"packet_type": kind, "subject_id": token, "client_timestamp": time.time(), "data": data}
    await page.send(json.dumps(packet))


async def hear(page: ClientConnection, kind: str = "") -> dict[str, Any]:
    async with asyncio.timeout(10):
        while True:
            packet: dict[str, Any] = json.loads(await page.recv())
            if not kind or packet["packet_type"] == kind:
                return packet


def is_listening(url: str) -> bool:
    host, _, port = url.removeprefix("http://").rpartition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


async def test_every_step_may_be_repeated_and_nothing_is_left(kind: str, tmp_path: Path) -> None:
    architect = make_architect(kind, tmp_path)
    assert await architect.prepare() == await architect.prepare()
    url = await architect.deploy()
    assert await architect.deploy() == url
    assert is_listening(url)
    for _ in range(2):
        await architect.shutdown()
    assert not is_listening(url)
    for _ in range(2):
        await architect.cleanup()
    assert not (tmp_path / "build").exists()


async def test_shutdown_and_cleanup_may_follow_nothing_at_all(kind: str, tmp_path: Path) -> None:
    architect = make_architect(kind, tmp_path)
    await architect.shutdown()
    await architect.cleanup()
    with pytest.raises(ArchitectError):
        await architect.get_channels()


async def test_a_port_of_before_is_taken_when_it_is_free(kind: str, tmp_path: Path) -> None:
    first = make_architect(kind, tmp_path / "a")
    url = await first.deploy()
    port = int(url.rsplit(":", 1)[1])
    second = make_architect(kind, tmp_path / "b")
    assert await second.deploy(port) != url
    await second.shutdown()
    await first.shutdown()
    assert await second.deploy(port) == url
    await second.shutdown()


async def test_a_page_that_is_not_there_is_said_in_words(kind: str, tmp_path: Path) -> None:
    architect = make_architect(kind, tmp_path)
    architect.task = replace(architect.task, pages={"/task": tmp_path / "gone.html"})
    with pytest.raises(ArchitectError, match=r"gone\.html"):
        await architect.deploy()
    await architect.shutdown()


async def test_pages_and_files_are_served_and_nothing_else(stage: Stage) -> None:
    page = await stage.http.get("/task?worker_id=1&id=2")
    assert (page.status_code, page.headers["cache-control"]) == (200, "no-store")
    assert page.text.endswith("<title>Task</title>")
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert (await stage.http.get("/")).text == page.text
    script = await stage.http.get("/bundle.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert (await stage.http.get("/bundle.js", headers={"if-none-match": script.headers["etag"]})).status_code == 304
    image = await stage.http.get("/image/cat one.png", headers={"range": "bytes=0-3"})
    assert (image.status_code, image.content, image.headers["content-type"]) == (206, b"\x89PNG", "image/png")
    head = await stage.http.head("/image/cat one.png")
    assert (head.headers["content-length"], head.content) == ("1004", b"")
    gone = await stage.http.get("/image/none.png")
    assert (gone.status_code, gone.json()["error"]) == (404, "not_found")
    wrong = await stage.http.delete("/task")
    assert (wrong.status_code, wrong.json()["error"]) == (405, "method_not_allowed")


async def test_the_small_endpoints_answer_as_bundles_expect(stage: Stage) -> None:
    config = (await stage.http.get("/task_config.json", params={"mephisto_task_version": "2.0.4"})).json()
    assert config == {"frame_height": 650, "mephisto_task_version": "2.0.4"}
    assert (await stage.http.get("/is_alive")).json() == {"status": "Alive!"}
    assert abs((await stage.http.get("/get_timestamp")).json()["timestamp"] / 1000 - time.time()) < 60
    answer = await stage.http.post("/log_error", json={"USED_AGENT_ID": None, "error_data": {"message": "oh"}})
    assert answer.json() == {"status": "Error log sent!"}
    logged = await stage.desk.heard(PacketType.ERROR)
    assert logged.data["error_data"] == {"message": "oh"}


async def test_a_unit_from_registration_to_its_durable_acknowledgement(stage: Stage) -> None:
    details = await stage.register()
    token = details["agent_id"]
    assert details["init_task_data"] == {"text": "hello"}
    assert (await stage.register())["agent_id"] == token
    async with stage.page() as page:
        await say(page, "alive", token)
        assert (await hear(page, "update_status"))["data"]["status"] == "in task"
        await stage.desk.heard(PacketType.ALIVE, lambda packet: packet.subject_id == token)
        await say(page, "heartbeat", token)
        ping = (await hear(page, "heartbeat"))["data"]["last_mephisto_ping"]
        assert abs(ping / 1000 - time.time()) < 30
        await say(page, "mephisto_bound_live_update", token, update_id="u1", request_id="q", target="f", args="{}")
        update = await stage.desk.heard(PacketType.MEPHISTO_BOUND_LIVE_UPDATE)
        assert (update.subject_id, update.data["target"]) == (token, "f")
        await stage.desk.send(PacketType.CLIENT_BOUND_LIVE_UPDATE, token, {"handles": "q", "response": "1"})
        assert (await hear(page, "client_bound_live_update"))["data"] == {"handles": "q", "response": "1"}
        await stage.desk.send(PacketType.UPDATE_STATUS, token, {"status": "waiting"})
        assert (await hear(page, "update_status"))["data"] == {"status": "waiting"}
    await stage.desk.heard(PacketType.DISCONNECTED, lambda packet: packet.subject_id == token)
    body = {"USED_AGENT_ID": token, "final_data": {"label": "cat"}, "client_timestamp": 5.0}
    for _ in range(2):
        answer = await stage.http.post("/submit_task", json=body)
        assert (answer.status_code, answer.json()) == (200, {"status": "Submitted!"})
    sent = stage.desk.submissions[token]
    assert (sent["final_data"], sent["files"], sent["client_timestamp"]) == ({"label": "cat"}, [], 5.0)
    answer = await stage.http.post("/submit_metadata", json={"USED_AGENT_ID": token, "metadata": {"tip": "x"}})
    assert answer.json() == {"status": "Submitted metadata"}
    assert (await stage.desk.heard(PacketType.SUBMIT_METADATA)).data["metadata"] == {"tip": "x"}


async def test_onboarding_leads_to_the_real_unit_and_a_unit_can_be_given_back(stage: Stage) -> None:
    token = (await stage.register())["agent_id"]
    onboarding = f"onboarding_{token}"
    stage.desk.agents[onboarding] = "onboarding"
    body = {"provider_data": {"USED_AGENT_ID": onboarding, "onboarding_data": {"ok": True}}}
    answer = await stage.http.post("/submit_onboarding", json=body)
    assert answer.json()["data"]["agent_id"] == token
    assert (await stage.desk.heard(PacketType.SUBMIT_ONBOARDING)).data["onboarding_data"] == {"ok": True}
    answer = await stage.http.post("/return_unit", json={"USED_AGENT_ID": token})
    assert answer.json() == {"status": "Returned"}


async def test_uploaded_files_are_stored_hashed_and_can_be_fetched(stage: Stage) -> None:
    token = (await stage.register())["agent_id"]
    fields = {"USED_AGENT_ID": token, "final_string_data": '{"a": 1}', "final_data": "[object Object]"}
    content = bytes(range(256)) * 3000
    answer = await stage.http.post("/submit_task", data=fields, files={"photo": ("Kätzchen.png", content, "image/png")})
    assert answer.json() == {"status": "Submitted!"}
    sent = stage.desk.submissions[token]
    assert sent["final_data"] == {"a": 1}
    [file] = sent["filesByFields"]["photo"]
    assert (file["original_name"], file["size"], file["mimetype"]) == ("Kätzchen.png", len(content), "image/png")
    fetched = b"".join([chunk async for chunk in stage.architect.download_file(file["filename"])])
    assert fetched == content
    assert (stage.architect.upload_dir / file["filename"]).read_bytes() == content
    headers = {"authorization": f"Bearer {SECRET}"}
    got = await stage.http.get(f"/download_file/{file['filename']}", headers=headers)
    assert got.content == content
    assert (await stage.http.get(f"/download_file/{file['filename']}")).status_code == 401
    for name in ("0" * 32 + ".png", "../task/task.html", ""):
        with pytest.raises(EntryDoesNotExist):
            async for _ in stage.architect.download_file(name):
                pass


async def test_a_desktop_that_is_away_is_said_and_comes_back(stage: Stage) -> None:
    token = (await stage.register())["agent_id"]
    assert stage.desk.channel is not None
    await stage.desk.channel.close()
    assert not stage.desk.channel.is_alive()
    assert not await stage.desk.send(PacketType.UPDATE_STATUS, token, {"status": "waiting"})
    away = await stage.http.get("/worker_state", params={"worker_id": "bob"})
    assert (away.status_code, away.json()["error"]) == (503, "desktop_away")
    [channel] = await stage.architect.get_channels()
    await stage.desk.open(channel)
    back = await stage.http.get("/worker_state", params={"worker_id": "bob"})
    assert back.json() == {"worker_name": "bob", "units_left": 3}


@pytest.mark.logs("that were not delivered stay")
async def test_files_stay_on_the_disk_only_while_somebody_wants_them(stage: Stage) -> None:
    """A router that keeps submissions keeps their files; one that answers that the page has to try again does not."""
    token = (await stage.register())["agent_id"]
    assert stage.desk.channel is not None
    await stage.desk.channel.close()
    fields = {"USED_AGENT_ID": token, "final_string_data": '{"a": 1}'}
    files = {"photo": ("cat.png", b"x" * 5000, "image/png")}
    answer = await stage.http.post("/submit_task", data=fields, files=files)
    stored = len(list(stage.architect.upload_dir.iterdir()))
    assert (answer.status_code, stored) in {(200, 1), (503, 0)}


async def test_files_of_answers_that_cannot_be_read_are_removed(stage: Stage) -> None:
    token = (await stage.register())["agent_id"]
    files = {"photo": ("cat.png", b"x" * 5000, "image/png")}
    for fields in ({"final_string_data": "{"}, {"final_data": "[object Object]"}):
        answer = await stage.http.post("/submit_task", data={"USED_AGENT_ID": token, **fields}, files=files)
        assert answer.status_code == 400
    assert list(stage.architect.upload_dir.iterdir()) == []


async def test_after_a_restart_pages_go_on_with_the_token_they_have(kind: str, tmp_path: Path) -> None:
    desk = Desk()
    async with staged(make_architect(kind, tmp_path), desk) as before:
        token = (await before.register())["agent_id"]
        port = int(before.url.rsplit(":", 1)[1])
        page = await before.page()
        await say(page, "alive", token)
        await hear(page, "update_status")
    with pytest.raises(ConnectionClosed):
        await page.recv()
    async with staged(make_architect(kind, tmp_path), desk, port) as after:
        assert after.url == before.url
        async with after.page() as page:
            await say(page, "alive", token)
            assert (await hear(page, "update_status"))["data"]["status"] == "in task"
        body = {"USED_AGENT_ID": token, "final_data": {"label": "dog"}}
        assert (await after.http.post("/submit_task", json=body)).json() == {"status": "Submitted!"}
    assert desk.submissions[token]["final_data"] == {"label": "dog"}


async def test_a_token_the_desktop_did_not_name_is_asked_about(stage: Stage) -> None:
    stage.desk.agents["Q" * 43] = "waiting"
    async with stage.page() as page:
        await say(page, "alive", "Q" * 43)
        assert (await hear(page, "update_status"))["data"]["status"] == "waiting"


class TestEntry:
    @pytest.fixture
    async def stage(self, kind: str, tmp_path: Path) -> AsyncIterator[Stage]:
        async with staged(make_architect(kind, tmp_path, entry_required=True)) as made:
            yield made

    async def test_the_cookie_of_a_personal_link_says_who_the_worker_is(self, stage: Stage) -> None:
        refused = await stage.http.post("/request_agent", json={"provider_data": {"worker_name": "bob"}})
        assert (refused.status_code, refused.json()["error"]) == (403, "entry_required")
        link = make_entry_token(SECRET, "7", "bob", time.time() + 60)
        entered = await stage.http.get(f"/enter/{link}")
        assert (entered.status_code, entered.headers["location"]) == (303, "/welcome")
        assert "HttpOnly" in entered.headers["set-cookie"]
        await stage.register("eve", "9")
        told = (await stage.desk.heard(PacketType.REGISTER_AGENT)).data["provider_data"]
        assert (told["worker_name"], told["verified"], told["visitor"]) == ("bob", True, None)
        assert told["agent_registration_id"] == "9-eve-bob"

    async def test_a_visitor_of_the_open_link_gives_a_name(self, stage: Stage) -> None:
        nobody = await stage.http.post("/enter", json={"name": "Ann"})
        assert (nobody.status_code, nobody.json()["error"]) == (403, "entry_required")
        await stage.http.get(f"/enter/{make_entry_token(SECRET, '7', None, time.time() + 60)}")
        unnamed = await stage.http.get("/worker_state")
        assert (unnamed.status_code, unnamed.json()["error"]) == (403, "name_required")
        assert (await stage.http.post("/enter", json={"name": " "})).json()["error"] == "bad_name"
        assert (await stage.http.post("/enter", json={"name": " Ann  Lee"})).json() == {"worker_name": "Ann Lee"}
        assert (await stage.http.get("/worker_state")).json()["worker_name"] == "Ann Lee"
        told = (await stage.desk.heard(PacketType.REQUEST_WORKER_STATE)).data["provider_data"]
        assert len(told["visitor"]) == 32

    async def test_a_preview_bot_takes_nothing(self, stage: Stage) -> None:
        link = make_entry_token(SECRET, "7", "bob", time.time() + 60)
        for path in (f"/enter/{link}", "/welcome", "/task?worker_id=bob&id=1"):
            await stage.http.get(path, follow_redirects=True)
        assert stage.desk.tell(PacketType.REGISTER_AGENT) == []

    @pytest.mark.parametrize("accept", ["application/json", "text/html"])
    async def test_a_dead_link_says_so(self, stage: Stage, accept: str) -> None:
        for token, error in (("rubbish", "not one of"), (make_entry_token(SECRET, "7", "b", 5), "expired")):
            answer = await stage.http.get(f"/enter/{token}", headers={"accept": accept})
            assert answer.status_code == 403
            assert error in answer.text
            assert "set-cookie" not in answer.headers


class TestMock:
    async def test_without_a_server_every_call_is_recorded_and_nothing_runs(self, tmp_path: Path) -> None:
        cls = registry.get("mock")
        architect = cls(cls.ArgsClass(), make_task(tmp_path / "t"), tmp_path / "b", tmp_path / "u", SystemClock())
        desk = Desk()
        await architect.prepare()
        assert await architect.deploy(8080) == "http://mock.invalid"
        [channel] = await architect.get_channels()
        await desk.open(channel)
        assert await desk.send(PacketType.UPDATE_STATUS, "a", {"status": "waiting"})
        await architect.shutdown()
        await architect.cleanup()
        calls: Any = getattr(architect, "calls")  # noqa: B009 - of the mock alone
        names = [name for name, _ in calls]
        assert names == ["prepare", "deploy", "get_channels", "shutdown", "cleanup"]
        assert calls[1] == ("deploy", {"preferred_port": 8080})

    async def test_every_packet_can_be_scripted(self, tmp_path: Path) -> None:
        from app.architects.mock import MockArchitect
        from app.data.packets import Packet

        architect = make_architect("mock", tmp_path)
        assert isinstance(architect, MockArchitect)
        async with staged(architect) as stage:
            channel = architect.channel
            assert channel is not None
            channel.on_incoming = lambda packet: [packet, packet]
            await stage.register()
            assert len(stage.desk.tell(PacketType.REGISTER_AGENT)) == 2
            channel.on_outgoing = lambda packet: []
            asking = asyncio.create_task(stage.http.get("/worker_state", params={"worker_id": "b"}))
            await channel.sent_packet(PacketType.WORKER_STATE)
            assert not asking.done()
            channel.inject(Packet(PacketType.DISCONNECTED, "somebody"))
            await stage.desk.heard(PacketType.DISCONNECTED)
            channel.lose()
            await stage.desk.saw_state(False)
            channel.on_outgoing = lambda packet: [packet]
            channel.restore()  # the router sends again what is under way
            assert (await asking).status_code == 200


class TestLocal:
    async def test_a_port_that_is_taken_is_said_in_words(self, tmp_path: Path) -> None:
        cls = registry.get("local")
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            for isolated in (False, True):
                args = cls.ArgsClass(port=port, isolated=isolated)  # type: ignore[call-arg] # of the local architect
                architect = cls(args, make_task(tmp_path / "t"), tmp_path / "b", tmp_path / "u", SystemClock())
                with pytest.raises(ArchitectError, match=r"cannot be served on .*[Aa]ddress already in use") as caught:
                    await architect.deploy()
                assert "Errno" not in caught.value.message
                assert caught.value.advice == "Choose another port or address."
                await architect.shutdown()

    async def test_a_wrong_limit_is_named(self) -> None:
        cls = registry.get("local")
        args = cls.ArgsClass(limits={"frame_size": 5})  # type: ignore[call-arg] # of the local architect
        with pytest.raises(ConfigError, match="frame_size"):
            cls.assert_task_args(args)

    async def test_for_the_network_the_address_names_this_machine(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("app.architects.local.lan_address", lambda: "192.168.7.7")
        cls = registry.get("local")
        args = cls.ArgsClass(lan=True)  # type: ignore[call-arg] # of the local architect
        architect = cls(args, make_task(tmp_path / "t"), tmp_path / "b", tmp_path / "u", SystemClock())
        url = await architect.deploy()
        assert url.startswith("http://192.168.7.7:")
        assert is_listening(url.replace("192.168.7.7", "127.0.0.1"))
        await architect.shutdown()
