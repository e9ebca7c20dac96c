"""The router on the window's own loop, in process and as a child: a worker does a unit with a file."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from app.data.packets import PacketType
from app.qt_loop import QtLoop
from tests.contract.test_architect import hear, make_architect, say, staged


@pytest.mark.parametrize("kind", ["local", "local isolated"])
async def test_a_worker_does_a_unit_on_the_windows_loop(kind: str, tmp_path: Path) -> None:
    assert isinstance(asyncio.get_running_loop(), QtLoop)
    async with staged(make_architect(kind, tmp_path)) as stage:
        token = (await stage.register())["agent_id"]
        assert (await stage.http.get("/image/cat one.png")).status_code == 200
        async with stage.page() as page:
            await say(page, "alive", token)
            assert (await hear(page, "update_status"))["data"]["status"] == "in task"
            await say(page, "heartbeat", token)
            assert (await hear(page))["packet_type"] == "heartbeat"
        await stage.desk.heard(PacketType.DISCONNECTED)
        fields = {"USED_AGENT_ID": token, "final_string_data": '{"label": "cat"}'}
        content = b"x" * 300_000
        answer = await stage.http.post("/submit_task", data=fields, files={"f": ("a.png", content, "image/png")})
        assert answer.json() == {"status": "Submitted!"}
        [file] = stage.desk.submissions[token]["files"]
        fetched = b"".join([chunk async for chunk in stage.architect.download_file(file["filename"])])
        assert fetched == content
