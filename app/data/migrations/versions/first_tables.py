"""All tables of the first release.

Written by hand: what autogenerate reads back from SQLite lacks the circular key units.agent_id -> agents.agent_id.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from app.data.tables.columns import Amount, BigId, UtcDateTime

revision = "0001"
down_revision: str | None = None
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

Columns = list[sa.Column[Any] | sa.schema.Constraint]

TABLES_IN_ORDER_OF_REMOVAL = (
    *("live_updates", "agent_data", "worker_review", "unit_flags", "pending_decisions", "payments", "agents", "units"),
    *("onboarding_agents", "granted_qualifications", "events", "assignments", "task_runs", "blocks", "tasks"),
    *("workers", "requesters", "qualifications", "projects", "external_refs"),
)


def text(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.String(), nullable=null)


def number(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer(), nullable=null)


def flag(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Boolean(), nullable=False)


def time(name: str, *, null: bool = True) -> sa.Column[Any]:
    return sa.Column(name, UtcDateTime(), nullable=null)


def amount(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, Amount(), nullable=null)


def json(name: str, *, null: bool = True) -> sa.Column[Any]:
    return sa.Column(name, sa.JSON(), nullable=null)


def big(name: str, *, null: bool = True) -> sa.Column[Any]:
    return sa.Column(name, BigId, nullable=null)


def key(name: str) -> sa.Column[Any]:
    return sa.Column(name, BigId, primary_key=True)


def ref(name: str, target: str, *, null: bool = False, ondelete: str | None = None) -> sa.Column[Any]:
    return sa.Column(name, BigId, sa.ForeignKey(target, ondelete=ondelete), nullable=null)


def created() -> sa.Column[Any]:
    return time("creation_date", null=False)


def table(name: str, *columns: sa.Column[Any] | sa.schema.Constraint) -> None:
    op.create_table(name, *columns)


def index(name: str, table_name: str, *columns: str, unique: bool = False, where: str = "") -> None:
    condition = sa.text(where) if where else None
    op.create_index(name, table_name, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


def upgrade() -> None:
    _task_tables()
    _people_tables()
    _quality_tables()
    _money_tables()
    _indices()


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint("fk_units_agent_id", "units", type_="foreignkey")
    for name in TABLES_IN_ORDER_OF_REMOVAL:
        op.drop_table(name)


def _task_tables() -> None:
    table("projects", key("project_id"), text("project_name"), created(), sa.UniqueConstraint("project_name"))
    table(
        "requesters",
        key("requester_id"), text("requester_name"), text("provider_type"), created(),
        sa.UniqueConstraint("requester_name"),
    )  # fmt: skip
    table(
        "workers",
        key("worker_id"), text("worker_name"), text("provider_type"), created(),
        text("visitor", null=True), time("last_seen_at"),
        sa.UniqueConstraint("worker_name", "provider_type", name="uq_workers_name_provider"),
    )  # fmt: skip
    table(
        "tasks",
        key("task_id"), text("task_name"), text("task_type"),
        ref("project_id", "projects.project_id", null=True), ref("parent_task_id", "tasks.task_id", null=True),
        created(), sa.UniqueConstraint("task_name"),
    )  # fmt: skip
    table(
        "task_runs",
        key("task_run_id"), ref("task_id", "tasks.task_id"), ref("requester_id", "requesters.requester_id"),
        text("init_params"), flag("is_completed"), text("provider_type"), text("task_type"), flag("sandbox"), created(),
        text("state"), text("currency"), amount("budget", null=True), text("url", null=True),
        time("started_at"), time("finished_at"), number("launched_through"), flag("launch_finished"),
    )  # fmt: skip
    table(
        "assignments",
        key("assignment_id"), ref("task_id", "tasks.task_id"), ref("task_run_id", "task_runs.task_run_id"),
        ref("requester_id", "requesters.requester_id"), text("task_type"), text("provider_type"), flag("sandbox"),
        created(), json("data", null=False),
    )  # fmt: skip
    columns: Columns = [
        key("unit_id"), ref("assignment_id", "assignments.assignment_id"), number("unit_index"), amount("pay_amount"),
        text("provider_type"), text("status"), big("agent_id"), ref("worker_id", "workers.worker_id", null=True),
        text("task_type"), ref("task_id", "tasks.task_id"), ref("task_run_id", "task_runs.task_run_id"),
        flag("sandbox"), ref("requester_id", "requesters.requester_id"), created(), flag("requeued"),
        sa.UniqueConstraint("assignment_id", "unit_index", name="uq_units_assignment_index"),
    ]  # fmt: skip
    if op.get_bind().dialect.name == "sqlite":  # it takes a key to a table that is yet to come, and no other way
        columns.append(sa.ForeignKeyConstraint(["agent_id"], ["agents.agent_id"], name="fk_units_agent_id"))
    table("units", *columns)


def _people_tables() -> None:
    table(
        "agents",
        key("agent_id"), ref("worker_id", "workers.worker_id"), ref("unit_id", "units.unit_id"),
        ref("task_id", "tasks.task_id"), ref("task_run_id", "task_runs.task_run_id"),
        ref("assignment_id", "assignments.assignment_id"), text("task_type"), text("provider_type"), text("status"),
        created(), text("registration_id"), text("nonce"), text("token_hash"), time("started_at"),
        time("submitted_at"), time("left_at"), time("reviewed_at"), big("time_on_task_ms"), text("answer"),
        json("labels"), text("left_reason"), json("connection", null=False),
    )  # fmt: skip
    if op.get_bind().dialect.name != "sqlite":
        op.create_foreign_key("fk_units_agent_id", "units", "agents", ["agent_id"], ["agent_id"])
    table(
        "onboarding_agents",
        key("onboarding_agent_id"), ref("worker_id", "workers.worker_id"), ref("task_id", "tasks.task_id"),
        ref("task_run_id", "task_runs.task_run_id"), text("task_type"), text("status"), created(),
        text("registration_id"), text("nonce"), text("token_hash"), time("submitted_at"), json("data", null=False),
    )  # fmt: skip
    table(
        "agent_data",
        sa.Column("agent_id", BigId, sa.ForeignKey("agents.agent_id"), primary_key=True, autoincrement=False),
        json("inputs"), json("outputs"), json("metadata"), json("files"), created(),
    )  # fmt: skip
    table(
        "live_updates",
        key("live_update_id"), ref("agent_id", "agents.agent_id"), text("direction"), text("update_id"),
        json("content"), created(),
        sa.UniqueConstraint("agent_id", "update_id", name="uq_live_updates_agent_update"),
    )  # fmt: skip
    table(
        "blocks",
        key("block_id"), ref("worker_id", "workers.worker_id"), flag("hard"),
        ref("task_id", "tasks.task_id", null=True), text("reason"), text("author"), time("until"), time("lifted_at"),
        created(),
    )  # fmt: skip


def _quality_tables() -> None:
    table(
        "qualifications",
        key("qualification_id"), text("qualification_name"), text("description", null=True), created(),
        sa.UniqueConstraint("qualification_name"),
    )  # fmt: skip
    table(
        "granted_qualifications",
        key("granted_qualification_id"), ref("worker_id", "workers.worker_id"),
        ref("qualification_id", "qualifications.qualification_id", ondelete="CASCADE"), number("value"),
        ref("task_run_id", "task_runs.task_run_id", null=True), time("update_date", null=False), created(),
        sa.UniqueConstraint("worker_id", "qualification_id", name="uq_granted_worker_qualification"),
    )  # fmt: skip
    table(
        "worker_review",
        key("worker_review_id"), ref("unit_id", "units.unit_id", null=True), ref("worker_id", "workers.worker_id"),
        ref("task_id", "tasks.task_id", null=True), text("status"), text("review_note", null=True),
        amount("bonus", null=True), flag("blocked_worker"), big("updated_qualification_id"),
        number("updated_qualification_value", null=True), big("revoked_qualification_id"), text("author"), created(),
    )  # fmt: skip
    table(
        "pending_decisions",
        key("pending_decision_id"), text("batch"), ref("unit_id", "units.unit_id"), text("status"),
        text("review_note", null=True), amount("bonus", null=True), text("author"), time("due_at", null=False),
        created(), sa.UniqueConstraint("unit_id"),
    )  # fmt: skip
    table(
        "unit_flags",
        key("unit_flag_id"), ref("unit_id", "units.unit_id"), text("flag"), created(),
        sa.UniqueConstraint("unit_id", "flag", name="uq_unit_flags_unit_flag"),
    )  # fmt: skip
    table(
        "events",
        key("event_id"), ref("task_run_id", "task_runs.task_run_id", null=True), text("kind"), text("level"),
        text("message"), json("details", null=False), text("author"), created(),
    )  # fmt: skip


def _money_tables() -> None:
    table(
        "payments",
        key("payment_id"), text("idempotency_key"), text("kind"), ref("worker_id", "workers.worker_id"),
        ref("unit_id", "units.unit_id", null=True), ref("task_run_id", "task_runs.task_run_id", null=True),
        text("provider_type"), amount("amount"), amount("fee"), text("currency"), text("state"), text("reason"),
        text("error"), number("attempts"), time("settled_at"), time("due_at"), text("author"), created(),
        sa.UniqueConstraint("idempotency_key"),
    )  # fmt: skip
    table(
        "external_refs",
        key("external_ref_id"), text("provider_type"), text("table_name"), big("row_id", null=False), text("name"),
        text("external_id"), created(),
        sa.UniqueConstraint("provider_type", "table_name", "row_id", "name", name="uq_external_refs_row"),
    )  # fmt: skip


def _indices() -> None:
    holds = "status IN ('accepted', 'waiting', 'in task', 'completed')"
    index("ix_requesters_provider_type", "requesters", "provider_type")
    index("ix_tasks_project_id", "tasks", "project_id")
    index("ix_task_runs_task_id", "task_runs", "task_id")
    index("ix_task_runs_requester_id", "task_runs", "requester_id")
    index("ix_task_runs_state", "task_runs", "state")
    index("ix_assignments_task_run_id", "assignments", "task_run_id")
    index("ix_units_status", "units", "status")
    index("ix_units_run_status", "units", "task_run_id", "status", "unit_id")
    index("ix_units_run_worker_status", "units", "task_run_id", "worker_id", "status")
    index("ix_units_task_worker", "units", "task_id", "worker_id")
    index("ix_units_requeued", "units", "task_run_id", "status", "unit_id", where="requeued")
    index("ix_agents_worker_status", "agents", "worker_id", "status")
    index("ix_agents_run_status", "agents", "task_run_id", "status", "reviewed_at")
    index("ix_agents_run_started", "agents", "task_run_id", "started_at")
    index("ix_agents_run_submitted", "agents", "task_run_id", "submitted_at", "time_on_task_ms")
    index("ix_agents_run_left", "agents", "task_run_id", "left_at", where="left_at IS NOT NULL")
    index("ix_agents_run_worker_unit", "agents", "task_run_id", "worker_id", "unit_id")
    index("ix_agents_assignment_worker", "agents", "assignment_id", "worker_id")
    index("ix_agents_registration", "agents", "task_run_id", "registration_id")
    index("ix_agents_unit_id", "agents", "unit_id")
    index("ix_agents_token_hash", "agents", "token_hash")
    index("uq_agents_holder", "agents", "unit_id", unique=True, where=holds)
    index("ix_onboarding_run_worker", "onboarding_agents", "task_run_id", "worker_id")
    index("ix_onboarding_agents_token_hash", "onboarding_agents", "token_hash")
    index("ix_blocks_worker", "blocks", "worker_id", "lifted_at")
    index("ix_granted_qualifications_qualification_id", "granted_qualifications", "qualification_id")
    index("ix_worker_review_unit", "worker_review", "unit_id")
    index("ix_worker_review_worker", "worker_review", "worker_id")
    index("ix_pending_decisions_batch", "pending_decisions", "batch")
    index("ix_pending_decisions_due_at", "pending_decisions", "due_at")
    index("ix_events_run", "events", "task_run_id", "event_id")
    index("ix_payments_run_amount", "payments", "task_run_id", "kind", "state", "currency", "amount", "fee")
    index("ix_payments_worker", "payments", "worker_id")
    index("ix_payments_unit", "payments", "unit_id")
    index("ix_payments_state", "payments", "state")
    index("ix_payments_due_at", "payments", "due_at", where="due_at IS NOT NULL")
    index("ix_external_refs_external", "external_refs", "provider_type", "name", "external_id")
