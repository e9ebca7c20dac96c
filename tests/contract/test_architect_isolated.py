"""A router in a process of its own: lost and found again, it keeps what it acknowledged and dies with its parent."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from app.architects.channel import WebSocketChannel, channel_url
from app.architects.local import PROJECT_ROOT, LocalArchitect, router_config
from app.architects.router.limits import Limits
from app.data.packets import Packet, PacketType
from app.errors import ArchitectError
from tests.contract.test_architect import Stage, hear, make_architect, make_task, say, staged
from tests.fakes.desk import Desk

ISOLATED = "local isolated"


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(make_architect(ISOLATED, tmp_path)) as made:
        yield made


def child_pid(stage: Stage) -> int:
    assert isinstance(stage.architect, LocalArchitect)
    child = stage.architect._child
    assert child is not None
    assert child.pid is not None
    return child.pid


async def submit(stage: Stage, token: str, data: Any) -> httpx.Response:
    return await stage.http.post("/submit_task", json={"USED_AGENT_ID": token, "final_data": data})


async def test_a_router_that_is_killed_comes_back_on_its_port_and_pages_reconnect(stage: Stage) -> None:
    token = (await stage.register())["agent_id"]
    page = await stage.page()
    await say(page, "alive", token)
    await hear(page, "update_status")
    first = child_pid(stage)
    os.kill(first, signal.SIGKILL)
    with pytest.raises(ConnectionClosed):
        await page.recv()
    await stage.desk.saw_state(False)
    await stage.desk.saw_state(True)
    assert child_pid(stage) != first
    async with stage.page() as page:
        await say(page, "alive", token)
        assert (await hear(page, "update_status"))["data"]["status"] == "in task"
    assert (await submit(stage, token, "cat")).json() == {"status": "Submitted!"}


async def test_submissions_while_the_desktop_is_away_are_acknowledged_and_delivered_once_it_is_back(
    stage: Stage,
) -> None:
    tokens = [(await stage.register(name))["agent_id"] for name in ("a", "b", "c")]
    assert stage.desk.channel is not None
    await stage.desk.channel.close()
    for number, token in enumerate(tokens):
        assert (await submit(stage, token, number)).json() == {"status": "Submitted!"}
    spool = stage.architect.build_dir / "spool"
    assert len(list(spool.glob("*.json"))) == 3
    forged = await submit(stage, "F" * 43, "x")
    assert (forged.status_code, forged.json()["error"]) == (503, "desktop_away")
    assert stage.desk.submissions == {}
    [channel] = await stage.architect.get_channels()
    await stage.desk.open(channel)
    await stage.desk.heard(PacketType.SUBMIT_UNIT, lambda packet: packet.subject_id == tokens[2])
    assert [data["final_data"] for data in stage.desk.submissions.values()] == [0, 1, 2]
    async with asyncio.timeout(10):
        while list(spool.glob("*.json")):  # noqa: ASYNC110 - another process removes them
            await asyncio.sleep(0.02)


@pytest.mark.logs("were not delivered stay")
async def test_what_was_acknowledged_outlives_the_router_and_is_delivered_by_the_next(tmp_path: Path) -> None:
    desk = Desk()
    async with staged(make_architect(ISOLATED, tmp_path), desk) as before:
        token = (await before.register())["agent_id"]
        assert desk.channel is not None
        await desk.channel.close()
        assert (await submit(before, token, "kept")).status_code == 200
        os.kill(child_pid(before), signal.SIGKILL)
    assert desk.submissions == {}
    async with staged(make_architect(ISOLATED, tmp_path), desk):
        await desk.heard(PacketType.SUBMIT_UNIT)
    assert desk.submissions[token]["final_data"] == "kept"


async def test_a_submission_under_way_when_the_desktop_goes_is_kept(stage: Stage) -> None:
    token = (await stage.register())["agent_id"]
    stage.desk.silent.add(PacketType.SUBMIT_UNIT)
    submitting = asyncio.create_task(submit(stage, token, "cat"))
    await stage.desk.heard(PacketType.SUBMIT_UNIT)
    assert stage.desk.channel is not None
    await stage.desk.channel.close()
    assert (await submitting).json() == {"status": "Submitted!"}
    stage.desk.silent.clear()
    stage.desk.packets.clear()
    [channel] = await stage.architect.get_channels()
    await stage.desk.open(channel)
    await stage.desk.heard(PacketType.SUBMIT_UNIT)


async def test_a_second_channel_with_the_secret_takes_over(stage: Stage) -> None:
    other = Desk()
    [channel] = await stage.architect.get_channels()
    await other.open(channel)
    await stage.desk.saw_state(False)
    # both dial again when they are cut: what matters is that one of them is there and the run goes on
    assert stage.desk.channel is not None
    await stage.desk.channel.close()
    await other.heard(PacketType.REQUEST_STATUSES)
    await channel.close()


async def test_a_wrong_secret_is_refused_in_words(stage: Stage) -> None:
    channel = WebSocketChannel(channel_url(stage.url), "guessed", "x")
    with pytest.raises(ArchitectError, match="does not take this run's secret"):
        await channel.open(_ignore, lambda alive: None)
    assert not channel.is_alive()
    await channel.close()


async def test_a_router_that_is_not_there_is_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.architects.channel.OPEN_SECONDS", 0.3)
    channel = WebSocketChannel("ws://127.0.0.1:9/channel", "s", "x")
    with pytest.raises(ArchitectError, match="does not answer"):
        await channel.open(_ignore, lambda alive: None)


async def test_what_the_channel_accepted_arrives_although_the_connection_is_lost(stage: Stage) -> None:
    tokens = [(await stage.register(name))["agent_id"] for name in ("a", "b")]
    os.kill(child_pid(stage), signal.SIGKILL)
    sent = 0
    while sent < 150 and await stage.desk.send(PacketType.CLIENT_BOUND_LIVE_UPDATE, tokens[0], {"n": sent}):
        sent += 1
    assert sent > 0
    await stage.desk.saw_state(True)
    async with stage.page() as page:
        await say(page, "alive", tokens[0])
        got = [(await hear(page, "client_bound_live_update"))["data"]["n"] for _ in range(sent)]
    assert got == list(range(sent))


class TestAlone:
    def config(self, tmp_path: Path, **more: Any) -> str:
        task = make_task(tmp_path / "task")
        return router_config(task, tmp_path / "up", Limits(), **more).to_json()

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "app.architects.router", *arguments]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(command, cwd=PROJECT_ROOT, text=True, **pipes)  # type: ignore[call-overload,no-any-return]

    def ready(self, process: subprocess.Popen[str]) -> int:
        assert process.stdout is not None
        event = json.loads(process.stdout.readline())
        assert event["event"] == "ready"
        return int(event["port"])

    def end(self, process: subprocess.Popen[str]) -> tuple[int, str]:
        _, errors = process.communicate(timeout=20)
        return process.returncode, errors

    @pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
    def test_it_runs_from_a_file_and_ends_cleanly_on_a_signal(self, tmp_path: Path, signum: signal.Signals) -> None:
        path = tmp_path / "router.json"
        path.write_text(self.config(tmp_path, spool_dir=str(tmp_path / "spool")))
        process = self.start("--config", str(path))
        port = self.ready(process)
        assert httpx.get(f"http://127.0.0.1:{port}/is_alive").json() == {"status": "Alive!"}
        process.send_signal(signum)
        code, errors = self.end(process)
        assert (code, "Traceback" in errors) == (0, False)

    def test_it_ends_with_its_input_when_told_so(self, tmp_path: Path) -> None:
        process = self.start()
        assert process.stdin is not None
        process.stdin.write(self.config(tmp_path, exit_with_stdin=True) + "\n")
        process.stdin.flush()
        self.ready(process)
        process.stdin.close()
        assert process.wait(timeout=20) == 0
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stderr.close()

    @pytest.mark.parametrize(("text", "complaint"), [("{}", "task_run_id"), ("nonsense", "JSON"), ("", "JSON")])
    def test_a_wrong_configuration_is_said_and_ends_it(self, text: str, complaint: str) -> None:
        process = self.start()
        said, _ = process.communicate(text + "\n", timeout=20)
        event = json.loads(said)
        assert (process.returncode, event["event"]) == (2, "failed")
        assert complaint in event["error"]

    def test_of_the_project_it_takes_along_only_the_packets(self) -> None:
        code = (
            "import json, sys, app.architects.router.__main__; "
            "print(json.dumps([name for name in sys.modules if name.startswith('app')]))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
        )
        loaded = {name for name in json.loads(done.stdout) if not name.startswith("app.architects.router")}
        assert loaded == {"app", "app.architects", "app.data", "app.data.packets"}

    async def test_behind_a_proxy_the_workers_own_address_counts(self, tmp_path: Path) -> None:
        path = tmp_path / "router.json"
        limits = Limits(requests_per_second=0.01, request_burst=2)
        task = make_task(tmp_path / "task")
        config = router_config(task, tmp_path / "up", limits, trusted_proxies=("127.0.0.1",))
        path.write_text(config.to_json())
        process = self.start("--config", str(path))
        port = self.ready(process)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            mine, other = {"x-forwarded-for": "203.0.113.5"}, {"x-forwarded-for": "203.0.113.6"}
            codes = [(await client.get("/is_alive", headers=mine)).status_code for _ in range(3)]
            assert codes == [200, 200, 429]
            assert (await client.get("/is_alive", headers=other)).status_code == 200
        process.terminate()
        assert self.end(process)[0] == 0


async def test_the_child_dies_with_the_program_that_started_it(tmp_path: Path) -> None:
    make_task(tmp_path / "task")
    script = f"""
import asyncio, os, sys
from pathlib import Path
from tests.contract.test_architect import make_architect
async def main():
    architect = make_architect({ISOLATED!r}, Path({str(tmp_path)!r}))
    print(await architect.deploy(), flush=True)
    print(architect._child.pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, cwd=PROJECT_ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    url = (await process.stdout.readline()).decode().strip()
    pid = int(await process.stdout.readline())
    process.kill()
    await process.wait()
    async with asyncio.timeout(15):
        while Path(f"/proc/{pid}").exists():  # noqa: ASYNC110 - it is no child of this process
            await asyncio.sleep(0.05)
    with pytest.raises(httpx.ConnectError):
        await asyncio.to_thread(httpx.get, url)


async def _ignore(packet: Packet) -> None:
    return None
