"""How many workers hold what."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlmodel import Session, col

from app.data.tables.quality import GrantedQualification, Qualification


def count_holders(session: Session) -> dict[str, int]:
    """Every qualification by its name, with how many workers hold it."""
    query = (
        select(col(Qualification.qualification_name), func.count(col(GrantedQualification.worker_id)))
        .outerjoin(
            GrantedQualification, col(GrantedQualification.qualification_id) == col(Qualification.qualification_id)
        )
        .group_by(col(Qualification.qualification_name))
        .order_by(col(Qualification.qualification_name))
    )
    return {name: count for name, count in session.execute(query)}  # noqa: C416 - rows are no pairs to the checker
