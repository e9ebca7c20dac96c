"""Decisions, money, rules and exports mean the same on every database."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from app.data.repo import decisions, money
from app.data.states import AgentStatus, PaymentState
from app.operations.desk.decision_rule import DecisionRule
from app.operations.export import export_run
from app.operations.quality import run_quality
from tests.fakes.desk_scene import PAY, DeskScene, open_scene


@pytest.fixture
async def scene(tmp_path: Path, database_url: str) -> AsyncIterator[DeskScene]:
    async with open_scene(
        tmp_path / "scene", "mock", units_each=2, workers=3, fee_percent=20, url=database_url
    ) as made:
        yield made


async def test_decisions_are_applied_and_paid_once(scene: DeskScene) -> None:
    units = scene.units
    batch = (await scene.desk.decide(units[:2], AgentStatus.REJECTED, "empty")).batch
    assert await scene.desk.undo(batch) == 2
    await scene.desk.decide(units[:3], AgentStatus.APPROVED, "good", Decimal("0.25"))
    await scene.desk.decide(units[3:4], AgentStatus.REJECTED, "empty", undoable=False)
    assert await scene.desk.apply_due(everything=True) == 3
    assert await scene.desk.approve_all(scene.run_id) == len(units) - 4
    await scene.desk.close()
    assert scene.account.total_paid() == PAY * (len(units) - 1) + Decimal("0.75")
    assert scene.account.rejected != []
    assert await scene.store.read(decisions.list_untold_rejections, "mock") == []
    assert await scene.store.read(money.list_open_payments) == []


async def test_the_ledger_is_reconciled(scene: DeskScene, tmp_path: Path) -> None:
    scene.account.script("bonus_worker", "lose answer")
    scene.account.script("bonus_worker", "lose request")
    await scene.ledger.pay_bonus(scene.worker_ids[:2], Decimal(1), "x", unit_id=scene.units[0], request_id="r")
    await scene.ledger.pay_bonus(scene.worker_ids[:2], Decimal(1), "x", unit_id=scene.units[0], request_id="r")
    assert (await scene.ledger.reconcile()).settled == 2
    rows = await scene.store.read(money.list_open_payments, None, 10, (PaymentState.SETTLED,))
    assert [row.attempts for row in rows] == [1, 2]
    assert await scene.ledger.export_csv(tmp_path / "ledger.csv") == 2


async def test_rules_quality_and_exports_read_the_same(scene: DeskScene, tmp_path: Path) -> None:
    await scene.desk.flag(scene.units[:1])
    assert (
        await scene.desk.units_by_rule(scene.run_id, DecisionRule(flagged=True, min_agreement=1.0)) == scene.units[:1]
    )
    assert await scene.desk.units_of_worker(scene.worker_ids[0], scene.run_id) != []
    assert (await run_quality(scene.store, scene.run_id)).submissions == len(scene.units)
    path = tmp_path / "out.jsonl"
    report = await export_run(scene.store, scene.run_id, path, "jsonl", settings=scene.settings)
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert report.rows == len(lines) == len(scene.units)
    assert {line["pay_amount"] for line in lines} <= {"0.50", "0.500000"}
    preview = await scene.desk.preview(scene.units, AgentStatus.APPROVED)
    assert preview.total == PAY * len(scene.units) * Decimal("1.2")
