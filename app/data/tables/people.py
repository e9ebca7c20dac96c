"""Workers, the agents they become, what the agents were shown and said, and who is barred."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, ForeignKey, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from app.data.states import AgentStatus
from app.data.tables.columns import BigId, UtcDateTime


class Worker(SQLModel, table=True):
    """A person, by the provider's own identifier."""

    __tablename__ = "workers"
    __table_args__ = (UniqueConstraint("worker_name", "provider_type", name="uq_workers_name_provider"),)
    worker_id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    worker_name: str
    provider_type: str
    creation_date: datetime = Field(sa_type=UtcDateTime)
    # ours
    visitor: str | None = None
    """In-house, open link: the visitor id that this name was first given to; another visitor may not take it."""
    last_seen_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


_LEFT = text("left_at IS NOT NULL")
_HOLDS = text("status IN ('accepted', 'waiting', 'in task', 'completed')")


class Agent(SQLModel, table=True):
    """One worker at one unit. Creating one assigns the unit in the same transaction."""

    __tablename__ = "agents"
    __table_args__ = (
        Index("ix_agents_worker_status", "worker_id", "status"),
        Index("ix_agents_run_status", "task_run_id", "status", "reviewed_at"),
        # the charts of a run count by these
        Index("ix_agents_run_started", "task_run_id", "started_at"),
        Index("ix_agents_run_submitted", "task_run_id", "submitted_at", "time_on_task_ms"),
        Index("ix_agents_run_left", "task_run_id", "left_at", sqlite_where=_LEFT, postgresql_where=_LEFT),
        # how far a worker has come in a run: the next unit is looked for from there on
        Index("ix_agents_run_worker_unit", "task_run_id", "worker_id", "unit_id"),
        Index("ix_agents_assignment_worker", "assignment_id", "worker_id"),
        Index("ix_agents_registration", "task_run_id", "registration_id"),
        # whatever else goes wrong, the database itself refuses a second holder of a unit
        Index("uq_agents_holder", "unit_id", unique=True, sqlite_where=_HOLDS, postgresql_where=_HOLDS),
    )
    agent_id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    worker_id: int = Field(sa_column=Column(BigId, ForeignKey("workers.worker_id"), nullable=False))
    unit_id: int = Field(sa_column=Column(BigId, ForeignKey("units.unit_id"), nullable=False, index=True))
    task_id: int = Field(sa_column=Column(BigId, ForeignKey("tasks.task_id"), nullable=False))
    task_run_id: int = Field(sa_column=Column(BigId, ForeignKey("task_runs.task_run_id"), nullable=False))
    assignment_id: int = Field(sa_column=Column(BigId, ForeignKey("assignments.assignment_id"), nullable=False))
    task_type: str
    provider_type: str
    status: str = AgentStatus.ACCEPTED
    creation_date: datetime = Field(sa_type=UtcDateTime)
    # ours
    registration_id: str = ""
    """`agent_registration_id` of the page: the same again is a reconnect."""
    nonce: str = ""
    """What the dispatch token is derived from, with the run's secret; worthless without it."""
    token_hash: str = Field(default="", index=True)
    started_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When the unit was handed to the worker."""
    submitted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    left_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When it left without a submission; unset again when it comes back."""
    reviewed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When the verdict that stands was given."""
    time_on_task_ms: int | None = Field(default=None, sa_type=BigId)
    """From started to submitted."""
    answer: str = ""
    """The submission in one short line, as the blueprint tells it."""
    labels: list[str] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    """What agreement is counted on."""
    left_reason: str = ""
    connection: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    """Facts of the connection the provider gave, such as session ids; no addresses."""


class OnboardingAgent(SQLModel, table=True):
    """A worker in the onboarding of a run."""

    __tablename__ = "onboarding_agents"
    __table_args__ = (Index("ix_onboarding_run_worker", "task_run_id", "worker_id"),)
    onboarding_agent_id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    worker_id: int = Field(sa_column=Column(BigId, ForeignKey("workers.worker_id"), nullable=False))
    task_id: int = Field(sa_column=Column(BigId, ForeignKey("tasks.task_id"), nullable=False))
    task_run_id: int = Field(sa_column=Column(BigId, ForeignKey("task_runs.task_run_id"), nullable=False))
    task_type: str
    status: str = AgentStatus.ONBOARDING
    creation_date: datetime = Field(sa_type=UtcDateTime)
    # ours
    registration_id: str = ""
    nonce: str = ""
    token_hash: str = Field(default="", index=True)
    submitted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    data: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    """`{"inputs": ..., "outputs": ...}`."""


class AgentData(SQLModel, table=True):
    """What an agent was shown and answered; one row per agent, written with the status it belongs to."""

    __tablename__ = "agent_data"
    agent_id: int = Field(sa_column=Column(BigId, ForeignKey("agents.agent_id"), primary_key=True, autoincrement=False))
    inputs: Any = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    outputs: Any = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    agent_metadata: Any = Field(default=None, sa_column=Column("metadata", JSON(none_as_null=True)))
    """Tips, feedback, the worker's opinion."""
    files: Any = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    """`[{filename, original_name, field, mimetype, size, sha256}]`."""
    creation_date: datetime = Field(sa_type=UtcDateTime)


class LiveUpdate(SQLModel, table=True):
    """Append-only: what a conversation or remote call said, in order."""

    __tablename__ = "live_updates"
    __table_args__ = (UniqueConstraint("agent_id", "update_id", name="uq_live_updates_agent_update"),)
    live_update_id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    agent_id: int = Field(sa_column=Column(BigId, ForeignKey("agents.agent_id"), nullable=False))
    direction: str
    """"in": from the worker's page; "out": to it."""
    update_id: str
    content: Any = Field(sa_column=Column(JSON))
    creation_date: datetime = Field(sa_type=UtcDateTime)


class Block(SQLModel, table=True):
    """A bar on a worker, hard (everywhere) or soft (one task). Lifted by setting `lifted_at`; never deleted."""

    __tablename__ = "blocks"
    __table_args__ = (Index("ix_blocks_worker", "worker_id", "lifted_at"),)
    block_id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    worker_id: int = Field(sa_column=Column(BigId, ForeignKey("workers.worker_id"), nullable=False))
    hard: bool
    task_id: int | None = Field(default=None, sa_column=Column(BigId, ForeignKey("tasks.task_id")))
    """The scope of a soft block."""
    reason: str = ""
    author: str = ""
    until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    lifted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    creation_date: datetime = Field(sa_type=UtcDateTime)
