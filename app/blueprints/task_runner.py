"""The logic of a live task: the class that a requester writes, and the rules by which a run treats partners.

A task runner is a short class in the task's own Python file:

    class Meeting(TaskRunner):
        async def run_assignment(self, agents):
            first, second = agents
            await first.observe({"text": "Please begin.", "id": "Moderator"})
            said = await first.get_live_update(timeout=300)
            await second.observe(said)

It is made anew for each assignment, and runs beside the program on a loop of its own.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, cast

from app.blueprints.live_agent import LiveAgent, Seat, Voice
from app.blueprints.task_code import KEY, TaskCode
from app.data.states import AgentStatus
from app.errors import ConfigError

DEFAULT_RUNNER = "Runner"


class TaskRunner:
    """The logic of one assignment. Write a class of your own with `run_assignment`."""

    async def run_assignment(self, agents: Sequence[Seat]) -> None:
        """Talk with the workers, in the order of their seats: `await agent.observe({...})` says something to a page,
        `await agent.get_live_update(timeout)` waits for what it says, `await agent.await_submit()` for what it hands
        in. After a restart of the program it is called again, with what was said before in `agent.past_updates`.
        """
        raise NotImplementedError


class PartnerPolicy(StrEnum):
    """What becomes of the others when one of them leaves."""

    END = "end"
    """It ends for all."""
    PAY = "pay"
    """It ends for all, and those who stayed are paid for it."""
    WAIT = "wait"
    """The others wait for whoever lost the connection; then it ends, and those who waited are paid."""
    REPLACE = "replace"
    """Somebody from the waiting room takes the seat; when nobody comes it ends, and those who waited are paid."""
    MODEL = "model"
    """The model takes the seat."""


class Fate(StrEnum):
    """What a run does when a worker leaves a conversation."""

    HOLD = "hold"
    """Nothing yet: they may come back."""
    ALONE = "alone"
    """Only they leave: it was over, or they had not begun."""
    VACATE = "vacate"
    """They leave, and the seat waits for another worker."""
    MODEL = "model"
    """They leave, and a model takes the seat."""
    END = "end"
    """Everybody leaves."""


@dataclass(frozen=True)
class PartnerRules:
    """How a run treats the partners of a worker who leaves, and those who wait for partners."""

    policy: PartnerPolicy = PartnerPolicy.END
    wait_seconds: float = 120.0
    """How long a seat is kept for whoever lost the connection, or for somebody new."""
    compensation_percent: int = 0
    """Share of the unit's pay for those who stayed; none where the policy is `end`."""
    waiting_limit_seconds: float | None = None
    """How long somebody waits for partners; None: as long as a unit may take."""

    @property
    def pays_those_who_stayed(self) -> bool:
        """Whether those whose conversation broke off are paid."""
        return self.policy is not PartnerPolicy.END and self.compensation_percent > 0


class SimulatedPartner(Protocol):
    """A simulated worker at a live task."""

    is_over: bool
    """Whether it can hand in."""

    def hear(self, update: Mapping[str, Any]) -> list[dict[str, Any]]:
        """What it says when its page hears this; at its beginning, `{}`."""
        ...


@dataclass
class LiveRules:
    """What a run has to know of a live task beside its pages. A blueprint sets its own."""

    partners: PartnerRules = field(default_factory=PartnerRules)
    seats: Callable[[Sequence[LiveAgent]], Sequence[LiveAgent]] = lambda agents: agents
    """The workers' seats and those of models, in the order that the logic gets them."""
    own_runner: Callable[[], TaskRunner] | None = None
    """Makes the requester's own runner; None: the blueprint's logic, which may run on the program's loop."""
    stand_in: Callable[[LiveAgent], Voice] | None = None
    """The model that takes a seat whose worker has left."""
    typing: bool = False
    """Whether partners are shown that somebody writes."""
    speak_in: bool = False
    """Whether the requester may say something to everybody."""
    submit_when_over: bool = False
    """Whether work is taken only once the logic is over."""
    heard_at_once: bool = False
    """Whether the logic hears a page before what it said is on the disk. What the logic says to that is kept behind it,
    and only then told: for logics that know what comes twice by themselves."""
    simulate: Callable[[Mapping[str, Any], float], SimulatedPartner] | None = None
    """A simulated worker's part in it, for a page's initial data and a draw in [0, 1)."""
    preview: Callable[[Mapping[str, Any], Mapping[str, Any] | None], list[dict[str, Any]]] | None = None
    """What a page hears in a preview: at its beginning (None), and to what it says."""


def decide_fate(
    rules: PartnerRules, *, status: AgentStatus, away_seconds: float, others: int, is_under_way: bool, has_model: bool
) -> Fate:
    """What becomes of a worker who leaves, and of the conversation.

    `status`: how they leave. `away_seconds`: since the grace of a lost connection was over. `others`: workers of the
    assignment who stay. `is_under_way`: its logic runs.
    """
    if not is_under_way:
        return Fate.ALONE
    lost = status is AgentStatus.DISCONNECT
    if rules.policy is PartnerPolicy.WAIT and lost and away_seconds < rules.wait_seconds:
        return Fate.HOLD
    if not others:
        return Fate.END
    if rules.policy is PartnerPolicy.REPLACE and rules.wait_seconds > 0:
        return Fate.VACATE
    if rules.policy is PartnerPolicy.MODEL and has_model:
        return Fate.MODEL
    return Fate.END


def find_runner(code: TaskCode, name: str = "") -> Callable[[], TaskRunner] | None:
    """What makes the runner of the requester's file: the class `name`, else the only `TaskRunner` or `Runner` in it.

    None when the file has none and none was asked for. `ConfigError` for what is no runner.
    """
    found = code.find(name) if name else _only_runner(code)
    if found is None:
        if name:
            raise ConfigError(f'There is no class "{name}" in {code.path.name}.', key=KEY, file=str(code.path))
        return None
    logic = getattr(found, "run_assignment", None)
    if not inspect.isclass(found) or not inspect.iscoroutinefunction(logic):
        shown = getattr(found, "__name__", name)
        message = f'"{shown}" in {code.path.name} is no runner: a class with "async def run_assignment(self, agents)".'
        raise ConfigError(message, key=KEY, file=str(code.path))
    return cast("Callable[[], TaskRunner]", found)


def _only_runner(code: TaskCode) -> Any:
    own = [kind for kind in code.classes() if issubclass(kind, TaskRunner) and kind is not TaskRunner]
    if len(own) > 1:
        names = ", ".join(kind.__name__ for kind in own)
        message = f"{code.path.name} has several runners ({names}). Name the one to use."
        raise ConfigError(message, key="blueprint.runner", file=str(code.path))
    return own[0] if own else code.find(DEFAULT_RUNNER)
