"""Projects, tasks, requesters, task runs, assignments and units."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, Column, ForeignKey, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from app.data.states import RunState, UnitStatus
from app.data.tables.columns import Amount, BigId, UtcDateTime


class Project(SQLModel, table=True):
    """A group of tasks."""

    __tablename__ = "projects"
    project_id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    project_name: str = Field(unique=True)
    creation_date: datetime = Field(sa_type=UtcDateTime)


class Task(SQLModel, table=True):
    """What is asked of people, under a name that joins its runs."""

    __tablename__ = "tasks"
    task_id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    task_name: str = Field(unique=True)
    task_type: str
    project_id: int | None = Field(default=None, sa_column=Column(BigId, ForeignKey("projects.project_id"), index=True))
    parent_task_id: int | None = Field(default=None, sa_column=Column(BigId, ForeignKey("tasks.task_id")))
    creation_date: datetime = Field(sa_type=UtcDateTime)


class Requester(SQLModel, table=True):
    """Who asks, by the name of an account at a provider."""

    __tablename__ = "requesters"
    requester_id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    requester_name: str = Field(unique=True)
    provider_type: str = Field(index=True)
    creation_date: datetime = Field(sa_type=UtcDateTime)


class TaskRun(SQLModel, table=True):
    """One launch of a task with one configuration."""

    __tablename__ = "task_runs"
    task_run_id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    task_id: int = Field(sa_column=Column(BigId, ForeignKey("tasks.task_id"), nullable=False, index=True))
    requester_id: int = Field(
        sa_column=Column(BigId, ForeignKey("requesters.requester_id"), nullable=False, index=True)
    )
    init_params: str
    """The whole validated configuration, YAML text."""
    is_completed: bool = False
    provider_type: str
    task_type: str
    sandbox: bool = False
    creation_date: datetime = Field(sa_type=UtcDateTime)
    # ours
    state: str = Field(default=RunState.SETUP, index=True)
    currency: str = "EUR"
    budget: Decimal | None = Field(default=None, sa_type=Amount)
    url: str | None = None
    started_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    launched_through: int = 0
    """How many items of the assignment data were made into assignments; a resumed launch goes on from here."""
    launch_finished: bool = False
    """All assignment data were made into units."""


class Assignment(SQLModel, table=True):
    """One item of work, for one or several workers."""

    __tablename__ = "assignments"
    assignment_id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    task_id: int = Field(sa_column=Column(BigId, ForeignKey("tasks.task_id"), nullable=False))
    task_run_id: int = Field(sa_column=Column(BigId, ForeignKey("task_runs.task_run_id"), nullable=False, index=True))
    requester_id: int = Field(sa_column=Column(BigId, ForeignKey("requesters.requester_id"), nullable=False))
    task_type: str
    provider_type: str
    sandbox: bool = False
    creation_date: datetime = Field(sa_type=UtcDateTime)
    # ours
    data: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    """`{"shared": {...}, "unit_data": [{...}, ...]}`, one item of unit_data per unit."""


_REQUEUED = text("requeued")
_NO_ROLE = text("unit_index < 0")


class Unit(SQLModel, table=True):
    """One worker's share of an assignment."""

    __tablename__ = "units"
    __table_args__ = (
        UniqueConstraint("assignment_id", "unit_index", name="uq_units_assignment_index"),
        Index("ix_units_status", "status"),
        Index("ix_units_run_status", "task_run_id", "status", "unit_id"),
        Index("ix_units_run_worker_status", "task_run_id", "worker_id", "status"),
        Index("ix_units_task_worker", "task_id", "worker_id"),
        Index(
            "ix_units_requeued", "task_run_id", "status", "unit_id", sqlite_where=_REQUEUED, postgresql_where=_REQUEUED
        ),
        Index(
            "ix_units_no_role", "task_run_id", "unit_index", "status", sqlite_where=_NO_ROLE, postgresql_where=_NO_ROLE
        ),
    )
    unit_id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    assignment_id: int = Field(sa_column=Column(BigId, ForeignKey("assignments.assignment_id"), nullable=False))
    unit_index: int
    pay_amount: Decimal = Field(sa_type=Amount)
    provider_type: str
    status: str = UnitStatus.CREATED
    agent_id: int | None = Field(
        default=None,
        sa_column=Column(BigId, ForeignKey("agents.agent_id", use_alter=True, name="fk_units_agent_id")),
    )
    worker_id: int | None = Field(default=None, sa_column=Column(BigId, ForeignKey("workers.worker_id")))
    task_type: str
    task_id: int = Field(sa_column=Column(BigId, ForeignKey("tasks.task_id"), nullable=False))
    task_run_id: int = Field(sa_column=Column(BigId, ForeignKey("task_runs.task_run_id"), nullable=False))
    sandbox: bool = False
    requester_id: int = Field(sa_column=Column(BigId, ForeignKey("requesters.requester_id"), nullable=False))
    creation_date: datetime = Field(sa_type=UtcDateTime)
    # ours
    requeued: bool = False
    """It was freed or launched again: workers who have come past it look for it too."""
