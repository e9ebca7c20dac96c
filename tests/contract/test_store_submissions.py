"""What a reviewer looks at, the same on every database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from app.data.repo import assignments, blocks, people, qualifications, reviews, status, subjects, submissions, tasks
from app.data.states import AgentStatus, UnitStatus
from app.data.store import Session, Store
from app.errors import EntryDoesNotExist
from tests.fakes.data_rows import hand_in, take

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def make_run(session: Session) -> int:
    project = tasks.get_or_create_project(session, "Shapes", NOW)
    task = tasks.get_or_create_task(session, "label-shapes", "image_label", project, NOW)
    requester = tasks.get_or_create_requester(session, "me", "inhouse", NOW)
    run_id = tasks.create_task_run(
        session, task_id=task, requester_id=requester, init_params="{}", provider_type="inhouse",
        task_type="image_label", sandbox=False, currency="EUR", budget=None, now=NOW,
    )  # fmt: skip
    items = [{"shared": {"image": f"{number}.png"}, "unit_data": [{}, {}]} for number in range(2)]
    assignments.add_assignments(
        session, run_id, items, pay_amount=Decimal("0.12"), unit_status=UnitStatus.LAUNCHED, now=NOW
    )
    return run_id


def answer(session: Session, run_id: int, name: str, label: str) -> int:
    worker = people.get_or_create_worker(session, name, "inhouse", NOW)
    agent = take(session, run_id, worker, now=NOW)
    done = NOW + timedelta(seconds=40)
    hand_in(session, agent.agent_id, {"labels": [label]}, done, inputs={"image": "0.png"}, answer=label, labels=[label])
    return agent.unit_id


async def test_a_submission_comes_with_all_that_belongs_to_it(store: Store) -> None:
    run_id = await store.write(make_run)
    first = await store.write(answer, run_id, "mira.k", "star")
    second = await store.write(answer, run_id, "dara", "circle")
    await store.write(reviews.add_flag, [first], "fast", NOW)
    await store.write(
        reviews.add_pending, "b1", [first], AgentStatus.APPROVED, review_note=None, bonus=None, author="me",
        due_at=NOW, now=NOW,
    )  # fmt: skip
    row = await store.read(submissions.get_submission, first)
    assert (row.worker_name, row.project_name, row.task_name) == ("mira.k", "Shapes", "label-shapes")
    assert (row.status, row.pending, row.flags) == (UnitStatus.COMPLETED, "approved", ("fast",))
    assert (row.outputs, row.inputs, row.labels) == ({"labels": ["star"]}, {"image": "0.png"}, ("star",))
    assert (row.pay_amount, row.time_on_task_ms, row.note) == (Decimal("0.12"), 40_000, "")
    (other,) = await store.read(submissions.list_other_answers, row.assignment_id, first)
    assert (other.unit_id, other.worker_name, other.labels) == (second, "dara", ("circle",))


async def test_a_unit_that_was_offered_again_keeps_its_earlier_answer(store: Store) -> None:
    run_id = await store.write(make_run)
    unit_id = await store.write(answer, run_id, "mira.k", "star")
    later = NOW + timedelta(minutes=5)
    mira = (await store.read(submissions.get_submission, unit_id)).worker_id
    told = reviews.NewReview(mira, "rejected", unit_id, review_note="Too short", author="me")
    await store.write(status.review_units, [unit_id], AgentStatus.REJECTED, later)
    await store.write(reviews.add_reviews, [told], later)
    assert (await store.read(submissions.get_submission, unit_id)).note == "Too short"
    await store.write(status.relaunch_units, [unit_id], later)
    assert await store.write(answer, run_id, "dara", "circle") == unit_id
    row = await store.read(submissions.get_submission, unit_id)
    assert (row.worker_name, row.note) == ("dara", ""), "what mira was told is not what dara was told"
    (other,) = await store.read(submissions.list_other_answers, row.assignment_id, unit_id)
    assert (other.worker_name, other.labels, other.earlier) == ("mira.k", ("star",), True)
    assert other.status is AgentStatus.REJECTED


async def test_a_unit_without_a_submission_is_not_there(store: Store) -> None:
    await store.write(make_run)
    with pytest.raises(EntryDoesNotExist):
        await store.read(submissions.get_submission, 1)


async def test_a_record_is_of_all_runs_with_blocks_of_this_task(store: Store) -> None:
    run_id = await store.write(make_run)
    for label in ("star", "circle"):
        await store.write(answer, run_id, "mira.k", label)
    await store.write(answer, run_id, "dara", "star")
    worker = await store.read(people.find_worker, "mira.k", "inhouse")
    assert worker is not None
    task = (await store.read(tasks.get_task_run, run_id)).task_id
    record = await store.read(submissions.get_work_record, worker, run_id)
    assert (record.done, record.runs, record.waiting, record.accepted) == (2, 1, 2, 0)
    assert record.seconds_on_task == (40.0, 40.0)
    assert record.answers == ((("star",), (("star",),)),)
    assert (record.blocked, record.soft_blocked, record.paid) == (None, None, Decimal(0))
    for hard, scope in ((False, task), (True, None)):
        await store.write(
            blocks.block_worker, worker, hard=hard, task_id=scope, reason=f"hard {hard}", author="me", until=None,
            now=NOW,
        )  # fmt: skip
    record = await store.read(submissions.get_work_record, worker, run_id)
    assert (record.blocked, record.soft_blocked) == ("hard True", "hard False")


async def test_qualifications_are_counted_by_holder(store: Store) -> None:
    reader = await store.write(qualifications.create_qualification, "reader", None, NOW)
    await store.write(qualifications.create_qualification, "writer", None, NOW)
    worker = await store.write(people.get_or_create_worker, "mira.k", "inhouse", NOW)
    await store.write(qualifications.grant, worker, reader, 1, None, NOW)
    assert await store.read(subjects.count_holders) == {"reader": 1, "writer": 0}
