"""A seat as a runner on another loop has it: what it asks is done on the program's loop, and waited for on its own."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

from app.blueprints.live_agent import LiveAgent
from app.data.states import AgentStatus

T = TypeVar("T")


class BridgedAgent:
    """A `LiveAgent` for the requester's own runner; see there for what each thing is."""

    def __init__(self, agent: LiveAgent, home: asyncio.AbstractEventLoop) -> None:
        """`home` is the loop that the agent lives on."""
        self._agent, self._home = agent, home
        self._asked: set[Future[Any]] = set()

    @property
    def agent_id(self) -> int:
        return self._agent.agent_id

    @property
    def unit_index(self) -> int:
        return self._agent.unit_index

    @property
    def worker_name(self) -> str:
        return self._agent.worker_name

    @property
    def name(self) -> str:
        return self._agent.name

    @property
    def inputs(self) -> Mapping[str, Any]:
        return self._agent.inputs

    @property
    def past_updates(self) -> Sequence[Mapping[str, Any]]:
        return self._agent.past_updates

    @property
    def submission(self) -> Any:
        return self._agent.submission

    @property
    def is_model(self) -> bool:
        return self._agent.is_model

    @property
    def status(self) -> AgentStatus:
        return self._agent.status

    def report(self, message: str) -> None:
        """Tell the requester: a sentence for the run's log."""
        self._home.call_soon_threadsafe(self._agent.report, str(message))

    async def observe(self, content: Mapping[str, Any]) -> None:
        """Send an update to the page."""
        await self._at_home(self._agent.observe(dict(content)))

    async def get_live_update(self, timeout: float | None = None) -> Mapping[str, Any]:
        """The next update from the page."""
        return await self._at_home(self._agent.get_live_update(timeout))

    async def await_submit(self, timeout: float | None = None) -> Any:
        """What the worker hands in."""
        return await self._at_home(self._agent.await_submit(timeout))

    def let_go(self) -> None:
        """The runner is over: what it still asks for is not waited for any more."""
        for asked in list(self._asked):
            asked.cancel()

    async def _at_home(self, work: Coroutine[Any, Any, T]) -> T:
        asked = asyncio.run_coroutine_threadsafe(work, self._home)
        self._asked.add(asked)
        asked.add_done_callback(self._asked.discard)
        return await asyncio.wrap_future(asked)
