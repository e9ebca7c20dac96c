"""Run by alembic for every upgrade, inside the transaction that `upgrade.py` opened."""

from __future__ import annotations

from alembic import context
from sqlmodel import SQLModel

from app.data.tables import money, people, quality, tasks

assert all((money, people, quality, tasks))  # imported so that the metadata is whole

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    render_as_batch=True,  # SQLite changes a table only by making it anew
)
context.run_migrations()
