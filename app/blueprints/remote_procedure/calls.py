"""Calls of the page: a named function of the requester's, its arguments as JSON, its answer or its fault as JSON.

The packets are those of Mephisto's remote procedures: `{request_id, target, args}` from the page, where `args` is JSON
text, and `{handles, response}` to it. Every call and every answer is kept by whoever carries them.
"""

from __future__ import annotations

import asyncio
import inspect
import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.blueprints.base import LiveUpdate, RemoteCall
from app.blueprints.live_agent import AbsentAgentError, LiveAgent
from app.blueprints.row import json_fault
from app.blueprints.task_code import TaskCode, TaskCodeError
from app.errors import AppError, ConfigError

FUNCTIONS = ("functions", "function_registry")
"""What the dictionary of functions in the task's file may be called; the second is Mephisto's name."""
AT_ONCE = 4
"""Calls of one page that run side by side; the others wait."""
MOST_WAITING = 100
LONGEST_ANSWER = 900_000
"""Characters of JSON: an answer travels in one frame of at most 1 MiB."""
_SHOWN = 2_000


@dataclass(frozen=True)
class Caller:
    """Who calls: a function that takes two arguments gets this as the second. Plain values, no way to the page."""

    worker_name: str
    agent_id: str
    task_data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """One call as it came."""

    request_id: str
    target: str
    args: str


@dataclass(frozen=True, slots=True)
class CallRules:
    """How much one page may ask for, and how long a function may take."""

    per_minute: int
    seconds: float


def find_functions(code: TaskCode | None) -> dict[str, Callable[..., Any]]:
    """The functions that pages may call, by name. `ConfigError` when the file has none, or something else there."""
    if code is None:
        raise ConfigError("The task needs a file with the functions that its page calls.", key="blueprint.task_code")
    found = next((value for name in FUNCTIONS if (value := code.find(name)) is not None), None)
    if not isinstance(found, Mapping) or not found:
        raise ConfigError(
            f"{code.path.name} names no functions for the page.",
            key="blueprint.task_code",
            advice='Write a dictionary: functions = {"classify": classify}.',
        )
    for name, function in found.items():
        if not isinstance(name, str) or not callable(function):
            raise ConfigError(
                f'"{name}" in the functions of {code.path.name} is no function.', key="blueprint.task_code"
            )
    return dict(found)


def read_call(content: Mapping[str, Any]) -> Call | None:
    """The call that an update of a page is, or None. Hostile input."""
    request_id, target, args = content.get("request_id"), content.get("target"), content.get("args", "null")
    if not (isinstance(request_id, str) and 0 < len(request_id) <= 200 and isinstance(target, str)):
        return None
    return Call(request_id, target[:200], args if isinstance(args, str) else json.dumps(args))


class CallDesk:
    """Answers the calls of one page until the worker leaves or hands in. A call that comes again is not made again."""

    def __init__(
        self, agent: LiveAgent, code: TaskCode, functions: Mapping[str, Callable[..., Any]], rules: CallRules
    ) -> None:
        self._agent, self._code, self._functions = agent, code, functions
        self._rules = rules
        self._answers: dict[str, str] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._made_at: deque[float] = deque()

    async def serve(self) -> None:
        """Answer calls; ends with the error of `live_agent` that says how the worker left."""
        for left_open in self._left_open():
            self._begin(left_open)
        try:
            while True:
                call = read_call(await self._agent.get_live_update())
                if call is not None:
                    await self._take(call)
        finally:
            running = list(self._running.values())
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    def _left_open(self) -> list[Call]:
        """Calls from before a restart that were not answered: they are made once more."""
        calls: dict[str, Call] = {}
        for content in self._agent.past_updates:
            if isinstance(content.get("handles"), str):
                self._answers[content["handles"]] = str(content.get("response", "null"))
                calls.pop(content["handles"], None)
            elif (call := read_call(content)) is not None and call.request_id not in self._answers:
                calls[call.request_id] = call
        return list(calls.values())

    async def _take(self, call: Call) -> None:
        if call.request_id in self._running:
            return
        answer = self._answers.get(call.request_id)
        if answer is not None:  # the page did not hear it: it lost its connection at that moment
            await self._agent.observe({"handles": call.request_id, "response": answer})
        elif len(self._running) >= MOST_WAITING:
            await self._refuse(call, "Too many calls wait for their answer. Please wait for those.")
        elif (wait := self._seconds_to_wait()) > 0:
            await self._refuse(call, f"That was too often. Please wait {max(1, round(wait))} seconds.")
        else:
            self._begin(call)

    def _seconds_to_wait(self) -> float:
        """0 when one more call is allowed now, and counts it."""
        now = self._agent.clock.monotonic()
        while self._made_at and now - self._made_at[0] >= 60:
            self._made_at.popleft()
        if len(self._made_at) >= self._rules.per_minute:
            return 60 - (now - self._made_at[0])
        self._made_at.append(now)
        return 0

    def _begin(self, call: Call) -> None:
        task = asyncio.create_task(self._answer(call), name=f"call {call.target}")
        self._running[call.request_id] = task
        task.add_done_callback(lambda _: self._running.pop(call.request_id, None))

    async def _answer(self, call: Call) -> None:
        try:
            async with self._turn:
                text = await self._call(call)
        except AppError as fault:
            self._agent.report(f"{self._agent.worker_name} called {call.target}: {fault}")
            text = _error(f"The call of {call.target} failed. The requester was told.")
        except _NotCalled as refusal:
            text = _error(str(refusal))
        self._answers[call.request_id] = text
        try:
            await self._agent.observe({"handles": call.request_id, "response": text})
        except AbsentAgentError:
            return  # the logic hears of it by itself

    async def _call(self, call: Call) -> str:
        function = self._functions.get(call.target)
        if function is None:
            raise _NotCalled(f'There is no function "{call.target}".')
        try:
            args = json.loads(call.args)
        except (ValueError, RecursionError):
            raise _NotCalled("The arguments are not JSON.") from None
        inputs = self._agent.inputs
        task_data = inputs.get("task_data", inputs)
        caller = Caller(self._agent.worker_name, str(self._agent.agent_id), dict(task_data))
        given = (args, caller) if _takes_two(function) else (args,)
        answer = await self._code.call(function, *given, seconds=self._rules.seconds)
        fault = json_fault(answer)
        if fault is not None:
            raise TaskCodeError(f"what {call.target} gave {fault}", self._code.path.name)
        text = json.dumps(answer, ensure_ascii=False)
        if len(text) > LONGEST_ANSWER:
            raise TaskCodeError(f"what {call.target} gave is {len(text)} characters long", self._code.path.name)
        return text

    async def _refuse(self, call: Call, reason: str) -> None:
        """Not kept as the answer: the same call may come again."""
        await self._agent.observe({"handles": call.request_id, "response": _error(reason)})


class _NotCalled(Exception):
    """The page asked for something that cannot be; the sentence is for it."""


def _error(reason: str) -> str:
    return json.dumps({"error": reason}, ensure_ascii=False)


def _takes_two(function: Callable[..., Any]) -> bool:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # something built in
        return False
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(1 for each in parameters if each.kind in kinds and each.default is inspect.Parameter.empty) >= 2


def list_requests(history: Sequence[LiveUpdate]) -> list[dict[str, Any]]:
    """The calls that were made, in order, with their answers, as Mephisto's pages know them."""
    found: dict[str, dict[str, Any]] = {}
    for update in history:
        call = read_call(update.content) if update.inward else None
        if call is not None:
            found.setdefault(
                call.request_id,
                {
                    "uuid": call.request_id,
                    "target": call.target,
                    "args_json": call.args,
                    "response_json": None,
                    "timestamp": update.at.timestamp(),
                },
            )
        handled = update.content.get("handles")
        if not update.inward and isinstance(handled, str) and handled in found:
            found[handled]["response_json"] = str(update.content.get("response", "null"))
    return list(found.values())


def describe_calls(history: Sequence[LiveUpdate]) -> tuple[RemoteCall, ...]:
    """The calls as a reviewer reads them."""
    return tuple(
        RemoteCall(
            each["target"],
            each["args_json"][:_SHOWN],
            "" if each["response_json"] is None else each["response_json"][:_SHOWN],
            failed=each["response_json"] is None or _is_error(each["response_json"]),
            at=datetime.fromtimestamp(each["timestamp"], UTC),
        )
        for each in list_requests(history)
    )


def _is_error(text: str) -> bool:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return True
    return isinstance(value, dict) and set(value) == {"error"}
