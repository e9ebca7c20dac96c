"""Which process serves a run: whoever holds its name on the database."""

from __future__ import annotations

from app.data.store import Store


def run_lock(run_id: int) -> str:
    """The name that the process which serves a run holds."""
    return f"run-{run_id}"


def held_by_somebody(store: Store, run_id: int) -> bool:
    """Whether any process serves a run, or is about to, this one included. Asked on the loop, as holds are taken."""
    hold = store.try_hold(run_lock(run_id))
    if hold is None:
        return True
    hold.release()
    return False
