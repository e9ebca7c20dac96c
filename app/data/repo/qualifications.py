"""Qualifications, and who holds them with what value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session

from app.data.changes import announce
from app.data.repo.core import (
    GRANTS,
    QUALIFICATIONS,
    WORKERS,
    add,
    clean_text,
    filled,
    is_postgresql,
    missing,
    one,
    run,
)
from app.errors import EntryAlreadyExists, InvalidEntry

_BIGGEST_VALUE = 2**31 - 1


@dataclass(frozen=True)
class QualificationRow:
    """A qualification and how many hold it."""

    qualification_id: int
    qualification_name: str
    description: str | None
    creation_date: datetime
    holders: int


@dataclass(frozen=True)
class GrantRow:
    """That a worker holds a qualification."""

    granted_qualification_id: int
    worker_id: int
    worker_name: str
    provider_type: str
    qualification_id: int
    qualification_name: str
    value: int
    task_run_id: int | None
    update_date: datetime


_QUALIFICATION = sa.select(
    QUALIFICATIONS.c.qualification_id,
    QUALIFICATIONS.c.qualification_name,
    QUALIFICATIONS.c.description,
    QUALIFICATIONS.c.creation_date,
    sa.select(sa.func.count())
    .where(GRANTS.c.qualification_id == QUALIFICATIONS.c.qualification_id)
    .scalar_subquery()
    .label("holders"),
)


def create_qualification(session: Session, name: str, description: str | None, now: datetime) -> int:
    """Make a qualification. `EntryAlreadyExists` for a name that is there, `InvalidEntry` for an empty one."""
    name = filled("qualification_name", name)
    if find_qualification(session, name) is not None:
        raise EntryAlreadyExists(f"There is a qualification named {name!r} already.")
    values = {"qualification_name": name, "description": description, "creation_date": now}
    made = add(session, QUALIFICATIONS, values)
    announce(session, "qualifications", (made,))
    return made


def find_qualification(session: Session, name: str) -> QualificationRow | None:
    """A qualification by name."""
    row = one(session, _QUALIFICATION.where(QUALIFICATIONS.c.qualification_name == clean_text(name).strip()))
    return None if row is None else QualificationRow(*row)


def get_or_create_qualification(session: Session, name: str, now: datetime) -> int:
    """The id of the qualification of that name."""
    found = find_qualification(session, name)
    return create_qualification(session, name, None, now) if found is None else found.qualification_id


def get_qualification(session: Session, qualification_id: int) -> QualificationRow:
    """A qualification by id."""
    row = one(session, _QUALIFICATION.where(QUALIFICATIONS.c.qualification_id == qualification_id))
    if row is None:
        raise missing("qualification", qualification_id)
    return QualificationRow(*row)


def describe_qualification(session: Session, qualification_id: int, description: str) -> None:
    """Change the description of a qualification; an empty one is none. `EntryDoesNotExist`."""
    where = QUALIFICATIONS.c.qualification_id == qualification_id
    words = clean_text(description, 2000).strip() or None
    if not run(session, sa.update(QUALIFICATIONS).where(where).values(description=words)).rowcount:
        raise missing("qualification", qualification_id)
    announce(session, "qualifications", (qualification_id,))


def delete_qualification(session: Session, qualification_id: int) -> int:
    """Delete a qualification and its grants; returns how many grants that were."""
    row = get_qualification(session, qualification_id)
    run(session, sa.delete(GRANTS).where(GRANTS.c.qualification_id == qualification_id))
    run(session, sa.delete(QUALIFICATIONS).where(QUALIFICATIONS.c.qualification_id == qualification_id))
    announce(session, "qualifications", (qualification_id,))
    announce(session, "granted_qualifications", None)
    return row.holders


def grant(
    session: Session, worker_id: int, qualification_id: int, value: int, task_run_id: int | None, now: datetime
) -> int:
    """Grant a qualification, or give the one that is held another value. Returns the grant's id."""
    if not -_BIGGEST_VALUE <= value <= _BIGGEST_VALUE:
        raise InvalidEntry("value", "it must be a whole number of at most 31 bits")
    held = (GRANTS.c.worker_id == worker_id) & (GRANTS.c.qualification_id == qualification_id)
    changed = one(
        session,
        sa.update(GRANTS)
        .where(held)
        .values(value=value, task_run_id=task_run_id, update_date=now)
        .returning(GRANTS.c.granted_qualification_id),
    )
    if changed is None:
        values = {
            "worker_id": worker_id, "qualification_id": qualification_id, "value": value, "task_run_id": task_run_id,
            "update_date": now, "creation_date": now,
        }  # fmt: skip
        made = add(session, GRANTS, values)
    else:
        made = int(changed[0])
    announce(session, "granted_qualifications", (made,))
    announce(session, "workers", (worker_id,))
    return made


def count_up(
    session: Session, worker_id: int, qualification_id: int, task_run_id: int | None, now: datetime, by: int = 1
) -> int:
    """Add to the value that a worker holds (0 for one who holds none); returns what it is now.

    One statement, so that two who count at once lose nothing. A value at its end stays there.
    """
    insert = (postgresql.insert if is_postgresql(session) else sqlite.insert)(GRANTS)
    values = {
        "worker_id": worker_id, "qualification_id": qualification_id, "value": by, "task_run_id": task_run_id,
        "update_date": now, "creation_date": now,
    }  # fmt: skip
    more = sa.case((GRANTS.c.value > _BIGGEST_VALUE - by, _BIGGEST_VALUE), else_=GRANTS.c.value + by)
    counted = insert.values(values).on_conflict_do_update(
        index_elements=["worker_id", "qualification_id"],
        set_={"value": more, "task_run_id": task_run_id, "update_date": now},
    )
    row = run(session, counted.returning(GRANTS.c.granted_qualification_id, GRANTS.c.value)).one()
    announce(session, "granted_qualifications", (int(row[0]),))
    announce(session, "workers", (worker_id,))
    return int(row[1])


def revoke(session: Session, worker_id: int, qualification_id: int) -> bool:
    """Take a qualification from a worker. False when the worker does not hold it."""
    held = (GRANTS.c.worker_id == worker_id) & (GRANTS.c.qualification_id == qualification_id)
    if not run(session, sa.delete(GRANTS).where(held)).rowcount:
        return False
    announce(session, "granted_qualifications", None)
    announce(session, "workers", (worker_id,))
    return True


def list_grants(
    session: Session, *, worker_id: int | None = None, qualification_id: int | None = None
) -> list[GrantRow]:
    """Who holds what, by qualification and worker."""
    statement = (
        sa.select(
            GRANTS.c.granted_qualification_id, GRANTS.c.worker_id, WORKERS.c.worker_name, WORKERS.c.provider_type,
            GRANTS.c.qualification_id, QUALIFICATIONS.c.qualification_name, GRANTS.c.value, GRANTS.c.task_run_id,
            GRANTS.c.update_date,
        )
        .join(WORKERS, WORKERS.c.worker_id == GRANTS.c.worker_id)
        .join(QUALIFICATIONS, QUALIFICATIONS.c.qualification_id == GRANTS.c.qualification_id)
        .order_by(QUALIFICATIONS.c.qualification_name, WORKERS.c.worker_name)
    )  # fmt: skip
    if worker_id is not None:
        statement = statement.where(GRANTS.c.worker_id == worker_id)
    if qualification_id is not None:
        statement = statement.where(GRANTS.c.qualification_id == qualification_id)
    return [GrantRow(*row) for row in run(session, statement)]
