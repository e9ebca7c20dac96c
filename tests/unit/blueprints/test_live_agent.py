"""A live agent: what the logic of a task waits for, and how it hears that nobody will answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from app.blueprints.live_agent import AgentDisconnected, AgentReturned, AgentShutdown, AgentTimeout, LiveAgent
from app.clock import TurnedClock
from app.data.states import AgentStatus


def make_agent(said: list[Mapping[str, Any]] | None = None) -> tuple[LiveAgent, TurnedClock]:
    clock = TurnedClock()

    async def say(content: Mapping[str, Any]) -> None:
        if said is not None:
            said.append(content)

    return LiveAgent(7, 0, "ada", {}, say, clock), clock


async def test_updates_are_given_in_order() -> None:
    agent, _ = make_agent()
    agent.put_update({"text": "a"})
    agent.put_update({"text": "b"})
    assert [await agent.get_live_update(), await agent.get_live_update()] == [{"text": "a"}, {"text": "b"}]


async def test_a_waiting_logic_is_woken_by_an_update() -> None:
    agent, _ = make_agent()
    waiting = asyncio.ensure_future(agent.get_live_update(timeout=10))
    await asyncio.sleep(0)
    agent.put_update({"text": "a"})
    assert await waiting == {"text": "a"}


async def test_silence_is_a_timeout() -> None:
    agent, clock = make_agent()
    waiting = asyncio.ensure_future(agent.get_live_update(timeout=10))
    await clock.turn(9.9)
    assert not waiting.done()
    await clock.turn(0.2)
    with pytest.raises(AgentTimeout):
        await waiting


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (AgentStatus.DISCONNECT, AgentDisconnected),
        (AgentStatus.RETURNED, AgentReturned),
        (AgentStatus.EXPIRED, AgentShutdown),
        (AgentStatus.TIMEOUT, AgentTimeout),
    ],
)
async def test_leaving_wakes_whoever_waits_with_its_reason(status: AgentStatus, error: type[Exception]) -> None:
    agent, _ = make_agent()
    waiting = asyncio.ensure_future(agent.get_live_update())
    await asyncio.sleep(0)
    agent.leave(status)
    with pytest.raises(error):
        await waiting
    with pytest.raises(error):
        await agent.observe({"text": "hello"})


async def test_a_seat_can_have_another_worker() -> None:
    said: list[Mapping[str, Any]] = []
    agent, _ = make_agent(said)
    agent.leave(AgentStatus.DISCONNECT)
    with pytest.raises(AgentDisconnected):
        await agent.observe({"text": "hello"})

    async def say(content: Mapping[str, Any]) -> None:
        said.append(content)

    agent.seat(8, "bob", {}, say)
    await agent.observe({"text": "hello"})
    assert (agent.agent_id, agent.worker_name, said) == (8, "bob", [{"text": "hello"}])


async def test_a_submission_is_awaited() -> None:
    agent, _ = make_agent()
    waiting = asyncio.ensure_future(agent.await_submit(5))
    await asyncio.sleep(0)
    agent.put_submission({"answer": 1})
    assert await waiting == {"answer": 1}
    assert agent.status is AgentStatus.COMPLETED
