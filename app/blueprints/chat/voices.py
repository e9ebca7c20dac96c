"""Models as partners: a function of the requester's file, or a small one that says given lines."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from app.blueprints.live_agent import LiveAgent, Voice
from app.blueprints.task_code import TaskCode, TaskCodeError

SCRIPTED = "scripted"
AT_A_LOSS = "I have nothing to add."
LONGEST = 4_000


def scripted_voice(lines: Sequence[str]) -> Voice:
    """Says the lines one after the other; without any, asks back."""

    async def speak(seat: LiveAgent) -> Mapping[str, Any]:
        said = sum(1 for mine, content in seat.transcript if mine and content.get("text"))
        if lines:
            return as_message(seat, lines[said] if said < len(lines) else AT_A_LOSS)
        heard = next((c["text"] for mine, c in reversed(seat.transcript) if not mine and c.get("text")), "")
        words = " ".join(str(heard).split())[:80]
        return as_message(seat, f"You say: “{words}” What makes you say so?" if words else "What do you think?")

    return speak


def function_voice(code: TaskCode, function: Callable[..., Any], seconds: float) -> Voice:
    """Asks a function of the requester, plain or a coroutine, in a thread of its own: `reply(conversation, seat)`.

    `conversation` is `[{"speaker", "text", "mine"}, ...]`, `seat` is `{"name", "task_data"}`; it returns a text, or
    None for nothing. What it raises ends the conversation, and is told with its line.
    """
    call = _in_own_loop(function) if inspect.iscoroutinefunction(function) else function

    async def speak(seat: LiveAgent) -> Mapping[str, Any] | None:
        given = {"name": seat.name, "task_data": dict(seat.inputs.get("task_data") or {})}
        said = await code.call(call, lines_of(seat), given, seconds=seconds)
        if said is None:
            return None
        if not isinstance(said, str):
            name = getattr(function, "__name__", "the model")
            raise TaskCodeError(f"{name} returned {type(said).__name__}, not a text.", code.path.name)
        return as_message(seat, said) if said.strip() else None

    return speak


def lines_of(seat: LiveAgent) -> list[dict[str, Any]]:
    """What a seat has heard and said, as its model gets it."""
    return [
        {"speaker": seat.name if mine else str(content.get("id") or ""), "text": str(content["text"]), "mine": mine}
        for mine, content in seat.transcript
        if content.get("text")
    ]


def as_message(seat: LiveAgent, text: str) -> dict[str, Any]:
    """A text as a model's message."""
    return {"text": text.strip()[:LONGEST], "id": seat.name, "task_data": {"model": True}}


def _in_own_loop(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any) -> Any:
        return asyncio.run(function(*args))

    call.__name__ = getattr(function, "__name__", "model")
    return call
