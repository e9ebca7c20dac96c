"""The hooks of a task's own code: called beside the loop, with a limit of time, never inside a transaction.

What a hook gets wrong is told in the run's log with file and line, and never ends the run. What becomes of the worker:

* `worker_can_do_unit`: the unit is not given to them; when no other is left either, they are told that something went
  wrong on our side.
* `validate_onboarding`: they neither pass nor fail, and may send their answer again.
* `validate_screening_unit`, `validate_gold_unit`: the unit is handed in and paid for as any other, and counts for
  nothing: they may get another one.
* `on_unit_submitted`: nothing; their work is on the disk before it is called.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from app.blueprints.base import Blueprint, JudgesAnswers
from app.blueprints.gates import GOLD, SCREENING
from app.blueprints.hook_views import TaskUnit, TaskWorker
from app.blueprints.known_rows import KnownRow, as_known, kinds_of, read_known_file, rows_of_code
from app.blueprints.task_code import HOOK_SECONDS, KEY, TaskCode, TaskCodeError
from app.data.repo import dispatch, gate_units, people, qualifications
from app.data.repo.assignments import data_of_unit
from app.data.repo.dispatch import KnownAgent
from app.data.states import UnitIndex
from app.data.store import Session
from app.errors import AppError, ConfigError
from app.operations.engine.run_context import RunContext

log = logging.getLogger(__name__)

CAN_DO, SUBMITTED, ONBOARDING = "worker_can_do_unit", "on_unit_submitted", "validate_onboarding"
VALIDATE = {SCREENING: "validate_screening_unit", GOLD: "validate_gold_unit"}
NAMES = (CAN_DO, SUBMITTED, ONBOARDING, *VALIDATE.values())
KIND_OF_INDEX = {UnitIndex.SCREENING: SCREENING, UnitIndex.GOLD: GOLD}
ROWS_SECONDS = 60.0
"""So long the task's code may take to give its screening or gold rows."""
TOLD_AGAIN = timedelta(minutes=1)
"""The same fault is written down once in so long."""
MOST_AT_ONCE = 8
"""Calls of `on_unit_submitted` under way together: the next ones wait."""
KnownRows = Mapping[str, Sequence[KnownRow]]
"""The rows of screening and gold units, by kind."""


async def load_known_rows(blueprint: Blueprint) -> KnownRows:
    """The rows of screening and gold units, and a look at the hooks. `ConfigError` when something is missing.

    The task's code has been loaded before.
    """
    code = blueprint.code
    functions = {name: code.find_function(name) for name in NAMES} if code is not None else {}
    rows: dict[str, Sequence[KnownRow]] = {}
    for kind in kinds_of(blueprint):
        told_by_code = functions.get(VALIDATE[kind]) is not None
        if not told_by_code and not isinstance(blueprint, JudgesAnswers):
            raise ConfigError(f"The task's code has no function {VALIDATE[kind]}(unit).", key=KEY)
        given = getattr(blueprint.args, f"{kind}_data")
        if given:
            rows[kind] = await asyncio.to_thread(read_known_file, blueprint, kind, may_lack_truth=told_by_code)
            continue
        draw = rows_of_code(blueprint, kind)
        if draw is None or code is None:
            raise ConfigError(f"There are no {kind} units: neither a file nor {kind}_data in the code.", key=KEY)
        try:
            drawn = await code.call(draw, seconds=ROWS_SECONDS)
        except TaskCodeError as error:
            raise ConfigError(f"{kind}_data failed: {error}", key=KEY) from error
        rows[kind] = await asyncio.to_thread(_as_known, blueprint, kind, drawn, told_by_code)
    return rows


def _as_known(blueprint: Blueprint, kind: str, drawn: Sequence[Any], told_by_code: bool) -> list[KnownRow]:
    if not drawn:
        raise ConfigError(f"{kind}_data gives no row.", key=KEY)
    try:
        return [as_known(blueprint, n, values, may_lack_truth=told_by_code) for n, values in enumerate(drawn, 1)]
    except ConfigError as error:
        raise ConfigError(f"{kind}_data: {error}", key=KEY) from None


class Hooks:
    """The hooks of one run."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._code = context.blueprint.code
        found = {name: self._code.find_function(name) for name in NAMES} if self._code is not None else {}
        self._functions: dict[str, Callable[..., Any]] = {n: f for n, f in found.items() if f is not None}
        self._told: dict[str, datetime] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Semaphore(MOST_AT_ONCE)

    def has(self, name: str) -> bool:
        """Whether the task's code has that hook."""
        return name in self._functions

    @property
    def judges(self) -> bool:
        """Whether a submission may have to be judged before it is committed."""
        return bool(kinds_of(self._context.blueprint))

    # who may have which unit

    async def choose(self, worker: TaskWorker, units: Sequence[TaskUnit], most: int) -> tuple[list[int], bool]:
        """The first `most` units that the worker may do, by `worker_can_do_unit`, and whether it failed for any."""
        code, function = self._function(CAN_DO)
        faults: list[Exception] = []

        def look() -> list[int]:
            chosen: list[int] = []
            for unit in units:
                try:
                    if code.run(function, worker, unit):
                        chosen.append(unit.unit_id)
                except AppError as error:
                    faults.append(error)
                if len(chosen) >= most:
                    break
            return chosen

        if asyncio.iscoroutinefunction(function):
            return await self._choose_one_by_one(worker, units, most)
        try:
            chosen = await code.call(look)
        except AppError as error:
            await self._tell(CAN_DO, error, worker_id=worker.worker_id)
            return [], True
        for fault in faults[:1]:
            await self._tell(CAN_DO, fault, worker_id=worker.worker_id)
        return chosen, bool(faults)

    async def _choose_one_by_one(
        self, worker: TaskWorker, units: Sequence[TaskUnit], most: int
    ) -> tuple[list[int], bool]:
        code, function = self._function(CAN_DO)
        chosen: list[int] = []
        failed = False
        for unit in units:
            try:
                if await code.call(function, worker, unit):
                    chosen.append(unit.unit_id)
            except AppError as error:
                failed = True
                await self._tell(CAN_DO, error, worker_id=worker.worker_id, unit_id=unit.unit_id)
            if len(chosen) >= most:
                break
        return chosen, failed

    # what workers answered

    async def passed_onboarding(self, data: Mapping[str, Any]) -> bool | None:
        """What `validate_onboarding` says of `{"inputs", "outputs", "worker_name"}`; None when it failed."""
        return await self._ask(ONBOARDING, data)

    async def verdict(self, agent: KnownAgent, inputs: Any, outputs: Any, files: Sequence[Any]) -> bool | None:
        """Whether a screening or gold unit is right; None when that cannot be told."""
        kind = KIND_OF_INDEX.get(agent.unit_index)
        if kind is None or self._context.blueprint.check_submission(inputs or {}, outputs, files) is not None:
            return None
        unit = await self._view(agent, inputs, outputs, files)
        name = VALIDATE[kind]
        if self.has(name):
            return await self._ask(name, unit, worker_id=agent.worker_id, unit_id=agent.unit_id)
        blueprint = self._context.blueprint
        if not isinstance(blueprint, JudgesAnswers) or unit.truth is None:
            return None
        return blueprint.is_right(inputs or {}, unit.truth, outputs)

    def submitted(self, agent: KnownAgent, inputs: Any, outputs: Any, files: Sequence[Any]) -> None:
        """Call `on_unit_submitted` behind what is going on; the work is committed already."""
        if self.has(SUBMITTED):
            task = asyncio.create_task(self._tell_of(agent, inputs, outputs, files))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def close(self) -> None:
        """Until the calls under way have ended; each has its limit of time."""
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _tell_of(self, agent: KnownAgent, inputs: Any, outputs: Any, files: Sequence[Any]) -> None:
        async with self._turn:
            try:
                unit = await self._view(agent, inputs, outputs, files)
            except AppError as error:
                log.error("%s was not called for unit %d: %s", SUBMITTED, agent.unit_id, error)
                return
            await self._call(SUBMITTED, unit, worker_id=agent.worker_id, unit_id=agent.unit_id)

    # inside

    def _function(self, name: str) -> tuple[TaskCode, Callable[..., Any]]:
        assert self._code is not None, "there is no hook without code"
        return self._code, self._functions[name]

    async def _ask(self, name: str, *args: Any, **details: Any) -> bool | None:
        """True, False, or None for anything else: also when it failed."""
        answer = await self._call(name, *args, **details)
        return bool(answer) if isinstance(answer, bool | int) else None

    async def _call(self, name: str, *args: Any, **details: Any) -> Any:
        code, function = self._function(name)
        try:
            return await code.call(function, *args, seconds=HOOK_SECONDS)
        except AppError as error:
            await self._tell(name, error, **details)
            return None

    async def _tell(self, name: str, error: Exception, **details: Any) -> None:
        """Into the run's log, and to the requester; the same again only after a while."""
        message = f"{name}: {error}"
        now = self._context.clock.now()
        before = self._told.get(message)
        if before is not None and now - before < TOLD_AGAIN:
            return
        if len(self._told) > 1_000:
            self._told.clear()
        self._told[message] = now
        place = error.place if isinstance(error, TaskCodeError) else ""
        await self._context.record("hook.failed", message, level="error", hook=name, place=place, **details)
        self._context.notify("hook", f"The task's code failed. {message}")

    async def _view(self, agent: KnownAgent, inputs: Any, outputs: Any, files: Sequence[Any]) -> TaskUnit:
        return await self._context.store.read(view_of, self._context, agent, inputs, outputs, files)


def view_of(
    session: Session, context: RunContext, agent: KnownAgent, inputs: Any, outputs: Any, files: Sequence[Any]
) -> TaskUnit:
    """A unit that was handed in, as a hook sees it."""
    item = dispatch.list_items(session, [agent.assignment_id])[agent.assignment_id]
    shared, own = data_of_unit(item, agent.unit_index)
    given = inputs if inputs is not None else people.get_agent_data(session, agent.agent_id).inputs
    return TaskUnit(
        agent.unit_id,
        agent.assignment_id,
        agent.unit_index,
        context.run_id,
        context.run.task_name,
        {**shared, **own},
        KIND_OF_INDEX.get(agent.unit_index, "task"),
        gate_units.get_gate(session, agent.assignment_id).get("truth"),
        worker_of(session, agent.worker_id),
        given,
        outputs,
        tuple(files),
    )


def worker_of(session: Session, worker_id: int) -> TaskWorker:
    """A worker, as a hook sees them."""
    row = people.get_worker(session, worker_id)
    held = {grant.qualification_name: grant.value for grant in qualifications.list_grants(session, worker_id=worker_id)}
    return TaskWorker(row.worker_id, row.worker_name, row.provider_type, held)
