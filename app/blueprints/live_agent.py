"""A worker at the page, as the logic of a live task sees one: say something to the page, wait for what it says."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from app.clock import Clock
from app.data.states import AgentStatus
from app.errors import AppError

Observer = Callable[[Mapping[str, Any]], Awaitable[None]]
Reporter = Callable[[str], None]


class AbsentAgentError(AppError):
    """The worker is not there any more. `agent_id` says who."""

    status: AgentStatus = AgentStatus.DISCONNECT
    words = "left"

    def __init__(self, agent_id: int) -> None:
        super().__init__(f"Worker of agent {agent_id} {self.words}.")
        self.agent_id = agent_id


class AgentTimeout(AbsentAgentError):
    """Nothing came from the page in time."""

    status = AgentStatus.TIMEOUT
    words = "said nothing in time"


class AgentDisconnected(AbsentAgentError):
    """The page has gone and did not come back within its grace."""

    status = AgentStatus.DISCONNECT
    words = "lost the connection"


class AgentReturned(AbsentAgentError):
    """The worker gave the unit back."""

    status = AgentStatus.RETURNED
    words = "gave the unit back"


class AgentShutdown(AbsentAgentError):
    """The run ends, or the unit expired."""

    status = AgentStatus.EXPIRED
    words = "was let go because the run ends"


class AgentCompleted(AbsentAgentError):
    """The worker has handed in: no more updates come from the page."""

    status = AgentStatus.COMPLETED
    words = "has handed in"


_GONE: dict[AgentStatus, type[AbsentAgentError]] = {
    AgentStatus.TIMEOUT: AgentTimeout,
    AgentStatus.DISCONNECT: AgentDisconnected,
    AgentStatus.PARTNER_DISCONNECT: AgentDisconnected,
    AgentStatus.RETURNED: AgentReturned,
    AgentStatus.EXPIRED: AgentShutdown,
}


class LiveAgent:
    """One worker of a live task.

    `inputs` is the initial data the page was given; `past_updates` are the updates of both directions from before a
    restart of the program, in order, so that the logic can go on where it was. A waiting worker costs a future.
    """

    def __init__(
        self,
        agent_id: int,
        unit_index: int,
        worker_name: str,
        inputs: Mapping[str, Any],
        say: Observer,
        clock: Clock,
        past_updates: Sequence[Mapping[str, Any]] = (),
        report: Reporter = lambda message: None,
    ) -> None:
        self.agent_id = agent_id
        self.unit_index = unit_index
        self.worker_name = worker_name
        self.inputs = inputs
        self.past_updates = tuple(past_updates)
        self.submission: Any = None
        self.report = report
        """Tell the requester: a sentence for the run's log."""
        self._say = say
        self._clock = clock
        self._updates: deque[Mapping[str, Any]] = deque()
        self._gone: AgentStatus | None = None
        self._submitted = False
        self._news: asyncio.Future[None] | None = None

    async def observe(self, content: Mapping[str, Any]) -> None:
        """Send an update to the page; kept first, so that a page that comes back gets it too."""
        self._raise_if_gone()
        await self._say(content)

    async def get_live_update(self, timeout: float | None = None) -> Mapping[str, Any]:
        """The next update from the page, waiting for it up to `timeout` seconds.

        Raises `AgentTimeout`, `AgentDisconnected`, `AgentReturned`, `AgentShutdown`, or `AgentCompleted` when the
        worker has handed in and nothing is left to read.
        """
        await self._wait_until(lambda: bool(self._updates) or self._submitted, timeout)
        if not self._updates:
            raise AgentCompleted(self.agent_id)
        return self._updates.popleft()

    async def await_submit(self, timeout: float | None = None) -> Any:
        """What the worker handed in, waiting for it. Raises as `get_live_update` does."""
        await self._wait_until(lambda: self._submitted, timeout)
        return self.submission

    @property
    def status(self) -> AgentStatus:
        """`in task`, `completed`, or how the worker left."""
        if self._submitted:
            return AgentStatus.COMPLETED
        return self._gone or AgentStatus.IN_TASK

    # what the run tells it

    def put_update(self, content: Mapping[str, Any]) -> None:
        """An update from the page, kept already."""
        self._updates.append(content)
        self._wake()

    def put_submission(self, outputs: Any) -> None:
        """The worker's submission, committed already."""
        self.submission, self._submitted = outputs, True
        self._wake()

    def leave(self, status: AgentStatus) -> None:
        """The worker has left: whoever waits for it is told."""
        self._gone = status
        self._wake()

    def come_back(self) -> None:
        """The worker reconnected within the grace."""
        self._gone = None

    def _raise_if_gone(self) -> None:
        if self._gone is not None:
            raise _GONE.get(self._gone, AgentShutdown)(self.agent_id)

    def _wake(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    async def _wait_until(self, ready: Callable[[], bool], timeout: float | None) -> None:
        if ready():
            return
        alarm = None if timeout is None else asyncio.ensure_future(self._clock.sleep(timeout))
        try:
            while not ready():
                self._raise_if_gone()
                if alarm is not None and alarm.done():
                    raise AgentTimeout(self.agent_id)
                self._news = asyncio.get_running_loop().create_future()
                watched: set[asyncio.Future[Any]] = {self._news} | ({alarm} if alarm is not None else set())
                await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._news = None
            if alarm is not None:
                alarm.cancel()
