"""What a worker's row is made of."""

from __future__ import annotations

from app.data.repo.listing_people import acceptance


def test_acceptance_is_what_was_paid_of_what_was_reviewed() -> None:
    assert acceptance({"approved": 2, "soft_rejected": 1, "rejected": 1, "completed": 9}) == 0.75
    assert acceptance({"completed": 9}) is None
