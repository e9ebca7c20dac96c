"""Screening and gold units of a run are found without a look at its other units."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision: str | None = "0001"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

NAME = "ix_units_no_role"


def upgrade() -> None:
    below_zero = sa.text("unit_index < 0")
    columns = ["task_run_id", "unit_index", "status"]
    op.create_index(NAME, "units", columns, sqlite_where=below_zero, postgresql_where=below_zero)


def downgrade() -> None:
    op.drop_index(NAME, "units")
