"""A worker at the page, as the logic of a live task sees one: say something to the page, wait for what it says."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from app.clock import Clock
from app.data.states import AgentStatus
from app.errors import AppError

Observer = Callable[[Mapping[str, Any]], Awaitable[None]]
Reporter = Callable[[str], None]
Voice = Callable[["LiveAgent"], Awaitable[Mapping[str, Any] | None]]
"""Says what a model has to say in a seat, by its `transcript`; None: nothing this time."""
MOST_REMEMBERED = 2_000


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


class Seat(Protocol):
    """What the logic of a task may do with a seat. See `LiveAgent`."""

    @property
    def agent_id(self) -> int: ...

    @property
    def unit_index(self) -> int: ...

    @property
    def worker_name(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def inputs(self) -> Mapping[str, Any]: ...

    @property
    def past_updates(self) -> Sequence[Mapping[str, Any]]: ...

    @property
    def is_model(self) -> bool: ...

    async def observe(self, content: Mapping[str, Any]) -> None: ...

    async def get_live_update(self, timeout: float | None = None) -> Mapping[str, Any]: ...

    async def await_submit(self, timeout: float | None = None) -> Any: ...


class LiveAgent:
    """One seat of a live task: the worker who has it now, or the model that took their place.

    `inputs` is the initial data the page was given; `past_updates` are the updates of both directions from before a
    restart of the program, in order, so that the logic can go on where it was. A waiting worker costs a future. The
    worker of a seat can change while the logic runs: it waits through that, and goes on with whoever came.
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
        self.transcript: deque[tuple[bool, Mapping[str, Any]]] = deque(maxlen=MOST_REMEMBERED)
        """What was said in this seat (True) and to it (False) since the logic began, the latest."""
        self.is_vacant = False
        """Whoever had the seat has left, and somebody else may come."""
        self._say = say
        self.clock = clock
        self._updates: deque[Mapping[str, Any]] = deque()
        self._gone: AgentStatus | None = None
        self._submitted = False
        self._voice: Voice | None = None
        self._asked = False
        self._news: asyncio.Future[None] | None = None

    @property
    def name(self) -> str:
        """What the others call this seat: the name that its page was given, never the worker's own."""
        given = self.inputs.get("task_data")
        name = (given if isinstance(given, Mapping) else self.inputs).get("agent_display_name")
        return name if isinstance(name, str) and name else f"Worker {max(0, self.unit_index) + 1}"

    @property
    def is_model(self) -> bool:
        """Whether a model has the seat."""
        return self._voice is not None

    async def observe(self, content: Mapping[str, Any]) -> None:
        """Send an update to the page; kept first, so that a page that comes back gets it too."""
        self._raise_if_gone()
        self.transcript.append((False, content))
        if _wants_answer(content):
            self._asked = True
            self._wake()
        if self._voice is None:
            await self._say(content)

    async def get_live_update(self, timeout: float | None = None) -> Mapping[str, Any]:
        """The next update from the page, waiting for it up to `timeout` seconds; none pass while the seat is vacant.

        Raises `AgentTimeout`, `AgentDisconnected`, `AgentReturned`, `AgentShutdown`, or `AgentCompleted` when the
        worker has handed in and nothing is left to read.
        """
        while True:
            await self._wait_until(self._has_something, timeout)
            if self._updates:
                return self._updates.popleft()
            if self._voice is None:
                raise AgentCompleted(self.agent_id)
            self._asked = False
            said = await self._voice(self)
            if said is not None:
                self.transcript.append((True, said))
                return said

    async def await_submit(self, timeout: float | None = None) -> Any:
        """What the worker handed in, waiting for it; None of a model. Raises as `get_live_update` does."""
        await self._wait_until(lambda: self._submitted or self.is_model, timeout)
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
        self.transcript.append((True, content))
        self._updates.append(content)
        self._asked = False
        self._wake()

    def put_submission(self, outputs: Any) -> None:
        """The worker's submission, committed already."""
        self.submission, self._submitted = outputs, True
        self._wake()

    def leave(self, status: AgentStatus) -> None:
        """The worker has left: whoever waits for it is told."""
        self._gone = status
        self._wake()

    def vacate(self) -> None:
        """The worker has left, and the logic waits for another one in this seat."""
        self.is_vacant = True

    def seat(self, agent_id: int, worker_name: str, inputs: Mapping[str, Any], say: Observer) -> None:
        """Another worker has taken the seat."""
        self.agent_id, self.worker_name, self.inputs, self._say = agent_id, worker_name, inputs, say
        self.is_vacant, self._gone = False, None
        self._wake()

    def give_to_model(self, voice: Voice) -> None:
        """A model has the seat from now on. It speaks when it was asked to, or somebody has said something."""
        self._voice, self.is_vacant, self._gone = voice, False, None
        self._wake()

    def _has_something(self) -> bool:
        return bool(self._updates) or self._submitted or (self._voice is not None and self._asked)

    def _raise_if_gone(self) -> None:
        if self._gone is not None:
            raise _GONE.get(self._gone, AgentShutdown)(self.agent_id)

    def _wake(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    async def _wait_until(self, ready: Callable[[], bool], timeout: float | None) -> None:
        if ready():
            return
        alarm = self._alarm(timeout)
        try:
            while not ready():
                self._raise_if_gone()
                if alarm is not None and alarm.done():
                    if not self.is_vacant:
                        raise AgentTimeout(self.agent_id)
                    alarm = self._alarm(timeout)
                self._news = asyncio.get_running_loop().create_future()
                if alarm is None:
                    await self._news
                else:
                    await asyncio.wait({self._news, alarm}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._news = None
            if alarm is not None:
                alarm.cancel()

    def _alarm(self, timeout: float | None) -> asyncio.Future[None] | None:
        return None if timeout is None else asyncio.ensure_future(self.clock.sleep(timeout))


def _wants_answer(content: Mapping[str, Any]) -> bool:
    """Whether a model would answer: it was asked to, or somebody else said something."""
    data = content.get("task_data")
    asked = data.get("live_update_requested") if isinstance(data, Mapping) else None
    return bool(asked) if isinstance(asked, bool) else bool(content.get("text"))
