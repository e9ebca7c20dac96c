"""The preview of the worker's pages: served, checked as a run would, and gone without a trace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from app.clock import SystemClock
from app.data.packets import Packet, PacketType
from app.errors import ConfigError
from app.operations.configuration import config as configs
from app.operations.configuration.config import RunConfig
from app.operations.preview import PagePreview

ROOT = Path(__file__).resolve().parents[3]


def config_of(name: str, *overrides: str) -> RunConfig:
    return configs.load_task_file(ROOT / "examples" / name / "task.yaml", overrides)


@pytest.mark.parametrize("name", ["mock", "static_html", "image_label", "static_react", "chat", "video_label"])
async def test_the_pages_of_every_blueprint_are_served(name: str, tmp_path: Path) -> None:
    preview = PagePreview(config_of(name), tmp_path, SystemClock())
    url = await preview.open()
    base = url.split("/enter/")[0]
    try:
        async with httpx.AsyncClient(base_url=base, trust_env=False, follow_redirects=True) as browser:
            welcome = await browser.get(url)
            assert welcome.status_code == 200
            assert welcome.url.path == "/welcome"
            assert (await browser.get("/wrap_crowd_source.js")).status_code == 200
            assert (await browser.get("/task")).status_code == 200
    finally:
        await preview.close()
    assert list(tmp_path.iterdir()) == []
    async with httpx.AsyncClient(trust_env=False) as browser:
        with pytest.raises(httpx.TransportError):
            await browser.get(url)


async def test_without_its_link_nobody_gets_in(tmp_path: Path) -> None:
    preview = PagePreview(config_of("mock"), tmp_path, SystemClock())
    base = (await preview.open()).split("/enter/")[0]
    async with httpx.AsyncClient(base_url=base, trust_env=False) as browser:
        registration = {"worker_name": "x", "assignment_id": "1", "agent_registration_id": "1-x", "provider_type": "x"}
        answer = await browser.post("/request_agent", json={"provider_data": registration, "client_timestamp": 0})
        assert answer.status_code == 403
    await preview.close()
    await preview.close()


async def test_data_that_cannot_be_read_are_told_and_nothing_is_served(tmp_path: Path) -> None:
    config = config_of("static_html")
    preview = PagePreview(config, tmp_path, SystemClock())
    assert hasattr(config.blueprint, "data_csv")
    config.blueprint.data_csv = str(tmp_path / "gone.csv")
    with pytest.raises(ConfigError):
        await preview.open()
    await preview.close()


async def test_an_introduction_comes_first_and_is_judged(tmp_path: Path) -> None:
    preview = PagePreview(config_of("static_react"), tmp_path, SystemClock())
    url = await preview.open()
    base = url.split("/enter/")[0]
    who = {"worker_name": "x", "assignment_id": "1", "agent_registration_id": "1-x", "provider_type": "inhouse"}
    try:
        async with httpx.AsyncClient(base_url=base, trust_env=False, follow_redirects=True) as browser:

            async def say(path: str, provider_data: dict[str, Any]) -> Any:
                answer = await browser.post(path, json={"provider_data": provider_data, "client_timestamp": 0})
                return answer.json()["data"]

            async def answer_with(token: str, choice: str) -> Any:
                return await say("/submit_onboarding", {"USED_AGENT_ID": token, "onboarding_data": {"choice": choice}})

            await browser.get(url)
            first = await say("/request_agent", who)
            assert first["agent_id"].startswith("onboarding_")
            assert first["init_task_data"]["second"] == "No bread on Tuesday"
            assert (await say("/request_agent", who))["agent_id"] == first["agent_id"]
            failed = await answer_with(first["agent_id"], "first")
            assert failed["agent_id"] is None
            assert "does not pass" in failed["failure_reason"]
            again = await say("/request_agent", who)
            real = await answer_with(again["agent_id"], "second")
            assert "notice" in real["init_task_data"]
            assert not real["agent_id"].startswith("onboarding_")
            assert (await say("/request_agent", who))["agent_id"] == real["agent_id"]
            other = await say("/request_agent", {**who, "assignment_id": "2", "agent_registration_id": "2-x"})
            assert not other["agent_id"].startswith("onboarding_")
    finally:
        await preview.close()


async def test_a_conversation_can_be_tried_alone(tmp_path: Path) -> None:
    preview = PagePreview(config_of("chat"), tmp_path, SystemClock())
    url = await preview.open()
    base = url.split("/enter/")[0]
    try:
        async with httpx.AsyncClient(base_url=base, trust_env=False, follow_redirects=True) as browser:
            await browser.get(url)
            visit = {"worker_name": "You", "assignment_id": "1", "agent_registration_id": "1-You"}
            body = {"provider_data": {**visit, "provider_type": "inhouse"}, "client_timestamp": 0}
            details = (await browser.post("/request_agent", json=body)).json()["data"]
            token = details["agent_id"]
            socket_url = base.replace("http", "ws", 1) + "/"
            cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
            headers = {"Cookie": cookie, "Origin": base}
            async with connect(socket_url, proxy=None, additional_headers=headers) as socket:
                await socket.send(Packet(PacketType.ALIVE, token, {"update_id": "a"}).to_json())
                said = {"text": "Hello", "id": token, "update_id": "u1", "receipt": True}
                await socket.send(Packet(PacketType.MEPHISTO_BOUND_LIVE_UPDATE, token, said).to_json())
                heard: list[dict[str, Any]] = []
                while not any("nobody reads this" in str(data.get("text")) for data in heard):
                    heard.append(Packet.from_json(await socket.recv()).data)
            assert [data["heard"] for data in heard if "heard" in data] == ["u1"]
            assert any(data.get("task_data", {}).get("live_update_requested") for data in heard)
    finally:
        await preview.close()
