"""A real store, engine, router and real sockets, and everything that goes wrong between them."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import ConnectionClosed

from app.architects import registry as architects
from app.architects.local import LocalArchitect
from app.architects.mock import MockArchitect
from app.blueprints import registry as blueprints
from app.data.packets import Packet
from app.operations.engine.live_run import LiveTaskRun
from tests.fakes.mute_proxy import in_front_of
from tests.fakes.party_task import PartyBlueprint
from tests.fakes.run_stage import Stage, make_template, open_stage
from tests.fakes.twin_architect import TwinArchitect
from tests.fakes.wire_page import WirePage

TWO = {"blueprint___blueprint_type": "party", "blueprint__is_concurrent": True, "blueprint__units_per_assignment": 2}
LOCAL = {"architect___architect_type": "local"}
SCRIPTED = {"architect___architect_type": "mock", "architect__should_run_server": True}
ISOLATED = {**LOCAL, "architect__isolated": True}


@pytest.fixture(scope="module")
async def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return await make_template(tmp_path_factory.mktemp("template"))


@pytest.fixture
async def stage(tmp_path: Path, template: Path) -> AsyncIterator[Stage]:
    blueprints.register(PartyBlueprint)
    architects.register(TwinArchitect)
    async with open_stage(tmp_path, template) as opened:
        yield opened
    blueprints.classes.pop("party")
    architects.classes.pop("twin")


@pytest.fixture
async def come(stage: Stage) -> AsyncIterator[Callable[..., WirePage]]:
    """`come(run, "ada", visit=, port=)`: a page of a worker."""
    pages: list[WirePage] = []

    def make(run: LiveTaskRun, worker: str, **options: Any) -> WirePage:
        pages.append(WirePage(run.entry_link(worker, 10_000), worker, **options))
        return pages[-1]

    yield make
    for page in pages:
        await page.close()


def port_of(run: LiveTaskRun) -> int:
    port = urlsplit(run.url).port
    assert port is not None
    return port


async def seen(condition: Callable[[], bool]) -> None:
    """Until something holds that no packet tells of."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - it is a fact of another process, or of the engine's inside
            await asyncio.sleep(0.01)


async def test_a_socket_that_comes_back_without_registering_misses_nothing_and_hears_nothing_twice(
    stage: Stage, come: Callable[..., WirePage]
) -> None:
    run = await stage.launch(**TWO, **LOCAL)
    ada, bob = await come(run, "ada").begin(), await come(run, "bob").begin()
    await bob.say("one")
    await ada.until(lambda: ada.heard() == ["one"])
    await ada.hang_up()
    await bob.say("two")
    await bob.say("three")
    await seen(lambda: stage.one("SELECT count(*) FROM live_updates WHERE direction = 'out'") == 3)
    await ada.connect()
    await ada.until(lambda: ada.heard() == ["one", "two", "three"])
    await bob.say("four")
    await ada.until(lambda: ada.heard() == ["one", "two", "three", "four"])
    await ada.hang_up()
    details = await ada.register()  # loaded again: the history comes with the data, and not once more by the socket
    assert [each["text"] for each in details["init_task_data"]["past_live_updates"]] == ["one", "two", "three", "four"]
    ada.packets.clear()
    await ada.connect()
    await bob.say("five")
    await ada.until(lambda: "five" in ada.heard())
    assert ada.heard() == ["five"]


async def test_what_went_into_a_connection_that_died_silently_is_heard_by_the_next(
    stage: Stage, come: Callable[..., WirePage]
) -> None:
    run = await stage.launch(**TWO, **LOCAL, architect__limits={"heartbeat_seconds": 1.0})
    async with in_front_of(port_of(run)) as proxy:
        ada, bob = await come(run, "ada", port=proxy.port).begin(), await come(run, "bob").begin()
        ada_at_work = run.engine.presence.find_token(ada.token)
        assert ada_at_work is not None
        beating = asyncio.create_task(beat(bob))
        proxy.mute()
        await bob.say("are you there?")
        await seen(lambda: ada_at_work.lost_at is not None)  # the router noticed: no heartbeat
        assert not ada_at_work.connected
        await bob.say("hello?")
        await stage.pass_time(run, 5)
        assert run.engine.presence.find_token(ada.token) is ada_at_work  # in its grace
        ada.leave_open()
        await ada.connect()
        await ada.until(lambda: ada.heard() == ["are you there?", "hello?"])
        await seen(lambda: ada_at_work.connected)
        await stage.pass_time(run, 30)
        assert "disconnect" not in ada.statuses()
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)


async def beat(page: WirePage) -> None:
    while True:
        await page.send("heartbeat")
        await asyncio.sleep(0.3)


async def test_every_packet_may_come_twice_both_ways(stage: Stage, come: Callable[..., WirePage]) -> None:
    run = await stage.launch(
        **TWO, **SCRIPTED, blueprint__num_assignments=2, blueprint__onboarding_qualification="intro"
    )
    architect = run.engine.architect
    assert isinstance(architect, MockArchitect)
    assert architect.channel is not None

    def twice(packet: Packet) -> list[Packet]:
        return [packet, Packet.from_json(packet.to_json())]

    architect.channel.on_incoming = architect.channel.on_outgoing = twice
    ada, bob, cleo = come(run, "ada"), come(run, "bob"), come(run, "cleo")
    for page in (ada, bob, cleo):
        first, again = await asyncio.gather(page.register(), page.register())
        assert first["agent_id"] == again["agent_id"]
        assert str(first["agent_id"]).startswith("onboarding")
        answers = {"USED_AGENT_ID": page.token, "onboarding_data": {"answer": "yes"}, "worker_name": page.worker}
        given = [
            (await answer).json()["data"]["agent_id"]
            for answer in [page.post("/submit_onboarding", {"provider_data": answers}) for _ in range(2)]
        ]
        assert given[0] == given[1]
        page.token = given[0]
        await page.connect()
    for _ in range(2):
        await ada.say("hello", "u1")
        await bob.say("bye", "u2")
    await bob.until(lambda: bob.heard() == ["hello"])
    await ada.until(lambda: ada.heard() == ["bye"])
    metadata = {"USED_AGENT_ID": ada.token, "metadata": {"feedback": "fine"}}
    assert [(await ada.post("/submit_metadata", metadata)).status_code for _ in range(2)] == [200, 200]
    done = await asyncio.gather(*(page.submit(page.worker) for page in (ada, bob, ada, bob)))
    assert [answer.json() for answer in done] == [{"status": "Submitted!"}] * 4
    back = {"USED_AGENT_ID": cleo.token}
    assert [(await cleo.post("/return_unit", back)).status_code for _ in range(2)] == [200, 200]
    assert stage.rows("SELECT status, count(*) FROM onboarding_agents GROUP BY 1") == [("approved", 3)]
    assert stage.rows("SELECT status, count(*) FROM agents GROUP BY 1 ORDER BY 1") == [
        ("completed", 2),
        ("returned", 1),
    ]
    assert stage.rows("SELECT status, count(*) FROM units GROUP BY 1 ORDER BY 1") == [("completed", 2), ("launched", 2)]
    assert stage.rows("SELECT direction, count(*) FROM live_updates GROUP BY 1 ORDER BY 1") == [("in", 2), ("out", 2)]
    assert stage.rows("SELECT kind FROM events WHERE kind LIKE '%failed%' OR kind LIKE '%refused%'") == []


async def test_what_is_said_while_desktop_and_router_have_lost_each_other_arrives(
    stage: Stage, come: Callable[..., WirePage]
) -> None:
    run = await stage.launch(**TWO, **SCRIPTED)
    architect = run.engine.architect
    assert isinstance(architect, MockArchitect)
    channel = architect.channel
    assert channel is not None
    ada, bob = await come(run, "ada").begin(), await come(run, "bob").begin()
    await bob.say("before")
    await ada.until(lambda: ada.heard() == ["before"])
    channel.lose()
    assert list(run.presence.values()) != []
    await bob.say("meanwhile")
    for agent in run.engine.presence:
        await run.message_worker(agent.agent_id, "Please wait.")
    await stage.pass_time(run, 60)
    assert ada.heard() == ["before"]
    channel.restore()
    await ada.until(lambda: sorted(ada.heard()) == ["Please wait.", "before", "meanwhile"])
    await bob.until(lambda: bob.heard() == ["Please wait."])
    await stage.pass_time(run, 90)
    assert stage.rows("SELECT status FROM agents") == [("in task",), ("in task",)]


async def test_a_router_that_is_killed_costs_pages_nothing(stage: Stage, come: Callable[..., WirePage]) -> None:
    run = await stage.launch(**TWO, **ISOLATED)
    architect = run.engine.architect
    assert isinstance(architect, LocalArchitect)
    assert architect._child is not None
    ada, bob = await come(run, "ada").begin(), await come(run, "bob").begin()
    await ada.hang_up()
    await bob.say("held by the router")
    await seen(lambda: stage.one("SELECT count(*) FROM live_updates WHERE direction = 'out'") == 1)
    pid = architect._child.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    await bob.until(lambda: bob.closed_with is not None)
    await seen(lambda: any(notice.kind == "router_back" for notice in stage.notices))
    await ada.connect()
    await bob.connect()
    await ada.until(lambda: ada.heard() == ["held by the router"])
    await ada.say("bye")
    await bob.until(lambda: bob.heard() == ["bye"])
    await bob.say("bye")
    await ada.until(lambda: len(ada.heard()) == 2)
    assert [(await page.submit()).status_code for page in (ada, bob)] == [200, 200]
    assert stage.rows("SELECT status FROM agents") == [("completed",), ("completed",)]


async def test_a_run_whose_desktop_is_away_keeps_its_pages_and_their_work(
    stage: Stage, come: Callable[..., WirePage], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await stage.launch(**ISOLATED, blueprint__num_assignments=4)
    ada, bob, cleo = [await come(run, name).begin() for name in ("ada", "bob", "cleo")]
    line = run.engine.channels._channels[run.channels[0][0]]
    with monkeypatch.context() as patch:
        patch.setattr("app.architects.channel.connect", _no_way)
        line._socket.transport.abort()  # type: ignore[attr-defined] # the network between them is gone
        await seen(lambda: not line.is_alive())
        assert {seconds >= 0 for seconds in run.presence.values()} == {True}
        assert (await ada.submit("kept")).json() == {"status": "Submitted!"}
        assert (await ada.submit("kept")).json() == {"status": "Submitted!"}
        back = await bob.post("/return_unit", {"USED_AGENT_ID": bob.token})
        assert (back.status_code, back.json()["error"]) == (503, "desktop_away")
        await bob.send("heartbeat")
        await bob.until(lambda: bob.packets[-1]["packet_type"] == "heartbeat")
        [(unit_id,)] = stage.rows(
            "SELECT unit_id FROM agents JOIN workers USING (worker_id) WHERE worker_name = 'cleo'"
        )
        assert await run.expire_units([unit_id]) == 1  # which the page of cleo cannot be told now
        await stage.pass_time(run, 60)
    await cleo.until(lambda: "expired" in cleo.statuses())
    await seen(lambda: spooled(run) == [])
    assert work(stage) == [
        ("ada", "completed", '{"answer":"kept"}'),
        ("bob", "in task", None),
        ("cleo", "expired", None),
    ]
    assert (await bob.post("/return_unit", {"USED_AGENT_ID": bob.token})).json() == {"status": "Returned"}


async def test_a_run_that_is_over_waits_for_the_work_that_a_router_has_acknowledged(
    stage: Stage, come: Callable[..., WirePage], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await stage.launch(**ISOLATED, blueprint__num_assignments=1)
    ada = await come(run, "ada").begin()
    line = run.engine.channels._channels[run.channels[0][0]]
    with monkeypatch.context() as patch:
        patch.setattr("app.architects.channel.connect", _no_way)
        line._socket.transport.abort()  # type: ignore[attr-defined] # as above
        await seen(lambda: not line.is_alive())
        assert (await ada.submit("late")).json() == {"status": "Submitted!"}
        await run.expire_units(None)
        await seen(lambda: run.state == "completed")
        await stage.pass_time(run, 20)
        assert run.run_id in stage.operator.live_runs
    await seen(lambda: spooled(run) == [])
    assert len(stage.events("submission.refused")) + len([row for row in work(stage) if row[1] == "completed"]) == 1
    await stage.pass_time(run, 10)
    await run.wait_completed()


async def test_a_router_that_is_lost_costs_only_its_own_pages(
    stage: Stage, come: Callable[..., WirePage], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await stage.launch(architect___architect_type="twin", blueprint__num_assignments=4)
    architect = run.engine.architect
    assert isinstance(architect, TwinArchitect)
    far = urlsplit(architect.urls[1]).port
    ada, cleo = [await come(run, name).begin() for name in ("ada", "cleo")]
    bob, dave = [await come(run, name, port=far).begin() for name in ("bob", "dave")]
    await seen(lambda: list(run.presence.values()) == [0.0] * 4)
    ids = {agent.worker_name: agent.agent_id for agent in run.engine.presence}
    line = run.engine.channels._channels["far"]
    with monkeypatch.context() as patch:
        patch.setattr("app.architects.channel.connect", _no_way)
        line._socket.transport.abort()  # type: ignore[attr-defined] # the way to the other process is gone
        await seen(lambda: run.channels == [("near", True), ("far", False)])
        await cleo.hang_up()
        await run.message_worker(ids["ada"], "near")
        await run.message_worker(ids["bob"], "far")
        await ada.until(lambda: ada.heard() == ["near"])
        assert (await dave.submit()).json() == {"status": "Submitted!"}
        await stage.pass_time(run, 40)
        assert [row[:2] for row in work(stage)] == [
            ("ada", "in task"),
            ("bob", "in task"),
            ("cleo", "disconnect"),
            ("dave", "in task"),
        ]
        assert (run.presence[ids["ada"]], run.presence[ids["bob"]]) == (0.0, 40.0)
        assert (await ada.submit()).status_code == 200
    await bob.until(lambda: bob.heard() == ["far"])
    await seen(lambda: run.presence[ids["bob"]] == 0.0)
    await seen(lambda: [row[1] for row in work(stage)] == ["completed", "in task", "disconnect", "completed"])
    await stage.pass_time(run, 70)
    assert (await bob.submit()).status_code == 200
    assert (bob.repeated(), ada.repeated()) == (0, 0)


async def test_a_flood_from_one_page_holds_up_no_other_and_is_told(stage: Stage, come: Callable[..., WirePage]) -> None:
    limits = {"frames_per_second": 20, "frame_burst": 100}
    run = await stage.launch(**TWO, **LOCAL, blueprint__num_assignments=2, architect__limits=limits)
    loud, quiet = await come(run, "loud").begin(), await come(run, "quiet").begin()
    ada, bob = await come(run, "ada").begin(), await come(run, "bob").begin()
    refused = run.engine.architect.refusals
    assert refused is not None
    flooding = asyncio.create_task(flood(loud, 3))
    for number in range(20):
        began = asyncio.get_running_loop().time()
        await ada.say(f"word {number}")
        await bob.until(lambda number=number: len(bob.heard()) == number + 1)  # type: ignore[misc] # mypy on defaults
        assert asyncio.get_running_loop().time() - began < 1.0
    await flooding
    assert (refused["frame_flood"], loud.closed_with) == (3, 4429)
    # what got through was kept, and one burst is all that came through, by however many connections
    heard = stage.one("SELECT count(*) FROM live_updates WHERE direction = 'in' AND agent_id = 1")
    assert 0 < heard <= 150
    await quiet.until(lambda: 0 < len(quiet.heard()) <= 150)
    await stage.pass_time(run, 2)
    await seen(lambda: any("frame flood" in told for told in stage.events("router.refused")))


async def flood(page: WirePage, times: int) -> None:
    """Say more than one may, come back at once, and again."""
    for turn in range(times):
        await page.connect()
        with suppress(ConnectionClosed):
            for number in range(400):
                await page.say("x" * 100, f"{turn}-{number}")
        await page.until(lambda: page.closed_with is not None)


def spooled(run: LiveTaskRun) -> list[Path]:
    return list((run.engine.architect.build_dir / "spool").glob("*.json"))


def work(stage: Stage) -> list[tuple[Any, ...]]:
    """(worker, status, what was handed in) of everybody."""
    return stage.rows(
        "SELECT worker_name, agents.status, outputs FROM agents JOIN workers USING (worker_id) "
        "LEFT JOIN agent_data USING (agent_id) ORDER BY worker_name"
    )


def _no_way(*_: Any, **__: Any) -> Any:
    raise OSError("there is no way to the router")
