"""The table model over a real store: every listing, live."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from app.data.repo import assignments, listing, tasks
from app.data.states import UnitStatus
from app.data.store import Session, Store
from app.viewmodels.feed_binding import FeedBinding
from app.viewmodels.record_table import RecordQuery, RecordTableModel
from app.viewmodels.store_source import StoreSource
from tests.gui.test_record_table import settle

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(f"sqlite:///{tmp_path / 'crowdesk.db'}", locks_dir=tmp_path / "locks")
    yield opened
    await opened.close()


def make_run(session: Session) -> int:
    task = tasks.get_or_create_task(session, "Label shapes", "image_label", None, NOW)
    requester = tasks.get_or_create_requester(session, "me", "inhouse", NOW)
    return tasks.create_task_run(
        session,
        task_id=task,
        requester_id=requester,
        init_params="",
        provider_type="inhouse",
        task_type="image_label",
        sandbox=False,
        currency="EUR",
        budget=None,
        now=NOW,
    )


def add_units(session: Session, run_id: int, count: int) -> None:
    items = [{"shared": {}, "unit_data": [{"image": f"shape_{number}.png"}]} for number in range(count)]
    assignments.add_assignments(
        session, run_id, items, pay_amount=Decimal("0.12"), unit_status=UnitStatus.LAUNCHED, now=NOW
    )


@pytest.mark.parametrize("kind", sorted(listing.LISTINGS))
async def test_every_listing_is_a_source(store: Store, kind: str) -> None:
    source = StoreSource(store, kind)
    assert source.key_table in source.tables
    assert list(await source.list_ids(RecordQuery())) == []
    assert await source.fetch([1]) == {}
    for column in source.columns:
        if column.sortable:
            await source.list_ids(RecordQuery(sort=column.name, descending=True))


async def test_units_come_in_and_are_seen_live(store: Store) -> None:
    run_id = await store.write(make_run)
    await store.write(add_units, run_id, 3)
    source = StoreSource(store, "units", {"task_run_id": run_id})
    model = RecordTableModel(source)
    binding = FeedBinding(store.feed, source.tables, model)
    binding.changed.connect(model.apply_changes)
    model.refresh()
    await settle(model)
    model.values_at(0)
    await settle(model)
    assert model.rowCount() == 3
    assert model.value(0, "status") == "launched"
    told = asyncio.Event()
    binding.changed.connect(lambda _changes: told.set())
    await store.write(add_units, run_id, 2)
    await asyncio.wait_for(told.wait(), 2)
    model.refresh()
    await settle(model)
    assert model.rowCount() == 5
    assert await source.count(RecordQuery()) == 5
    binding.close()
    model.stop()
    await settle(model)


async def test_a_moment_of_presence_is_told_from_now(store: Store) -> None:
    kinds = {column.name: column.kind for column in StoreSource(store, "agents").columns}
    assert kinds["last_heard"] == "ago"
