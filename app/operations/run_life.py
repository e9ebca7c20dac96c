"""What is written when a run begins, is left and ends. For the writer's thread."""

from __future__ import annotations

from datetime import datetime

from app.data.repo import journal, status, tasks
from app.data.states import RunState
from app.data.store import Session
from app.operations.configuration.config import RunConfig, to_yaml


def create_run(session: Session, config: RunConfig, sandbox: bool, now: datetime) -> int:
    """Requester, project, task and run, as far as they are not there."""
    requester = tasks.get_or_create_requester(session, config.provider.requester_name, config.provider_type, now)
    project = tasks.get_or_create_project(session, config.project, now) if config.project else None
    task = tasks.get_or_create_task(session, config.task.task_name, config.blueprint_type, project, now)
    run_id = tasks.create_task_run(
        session,
        task_id=task,
        requester_id=requester,
        init_params=to_yaml(config),
        provider_type=config.provider_type,
        task_type=config.blueprint_type,
        sandbox=sandbox,
        currency=config.currency,
        budget=config.budget,
        now=now,
    )
    message = f"{config.task.task_title or config.task.task_name} was launched."
    journal.add_event(session, run_id, "run.launched", "info", message, {}, "", now)
    return run_id


def interrupt(session: Session, run_id: int, was: RunState, now: datetime) -> None:
    """A run whose process is gone: it can be resumed."""
    if was is not RunState.INTERRUPTED:
        status.set_run_state(session, run_id, RunState.INTERRUPTED, now)
    message = "The program that served this run is gone. It can be resumed; nothing that was acknowledged is lost."
    journal.add_event(session, run_id, "run.interrupted", "warning", message, {"was": str(was)}, "", now)


def leave_run(session: Session, run_id: int, new: RunState, message: str, level: str, now: datetime) -> None:
    """Mark a run that is served no more, unless it is complete."""
    row = tasks.get_task_run(session, run_id)
    if row.state is RunState.COMPLETED:
        return
    if row.state is RunState.PAUSED and level == "info":
        new = RunState.PAUSED  # closing the program does not make it less paused
    if row.state is not new:
        status.set_run_state(session, run_id, new, now)
    journal.add_event(session, run_id, f"run.{new}", level, message, {}, "", now)


def end_run(session: Session, run_id: int, now: datetime) -> int:
    """Stop a run that nobody serves: what is open expires, and it is complete."""
    count = status.expire_units(session, run_id, None, now)
    tasks.finish_launch(session, run_id)
    if tasks.get_task_run(session, run_id).state is not RunState.COMPLETED:
        status.set_run_state(session, run_id, RunState.COMPLETED, now)
    journal.add_event(
        session, run_id, "run.stopped", "info", f"The run was stopped; {count} units were open.", {}, "", now
    )
    return count
