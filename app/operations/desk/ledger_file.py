"""The ledger as a CSV file for accounting."""

from __future__ import annotations

import asyncio
from pathlib import Path

from app.data.files import written_whole
from app.data.repo import ledger, money
from app.data.repo.money import PaymentRow
from app.data.store import Store
from app.operations import safe_csv

CHUNK = 1_000
COLUMNS = (
    "payment_id", "created", "kind", "worker_id", "worker_name", "task_run_id", "unit_id", "provider", "amount", "fee",
    "currency", "state", "settled", "attempts", "reason", "author", "error", "idempotency_key",
)  # fmt: skip


async def write_ledger(store: Store, path: Path, task_run_id: int | None) -> int:
    """Write every payment, of one run or whole, in the order they were made; returns how many. `StoreError`."""
    ids = await store.read(ledger.list_payment_ids, task_run_id)
    pieces = [safe_csv.encode([COLUMNS])]
    for start in range(0, len(ids), CHUNK):
        rows = await store.read(money.list_payments, ids[start : start + CHUNK])
        pieces.append(await asyncio.to_thread(safe_csv.encode, [_cells(row) for row in rows]))
    await asyncio.to_thread(_write, path, pieces)
    return len(ids)


def _write(path: Path, pieces: list[bytes]) -> None:
    with written_whole(path) as out:
        out.writelines(pieces)


def _cells(row: PaymentRow) -> tuple[object, ...]:
    settled = row.settled_at.isoformat() if row.settled_at else ""
    return (
        str(row.payment_id), row.creation_date.isoformat(), row.kind.value, str(row.worker_id), row.worker_name,
        str(row.task_run_id or ""), str(row.unit_id or ""), row.provider_type, row.amount, row.fee, row.currency,
        row.state.value, settled, row.attempts, row.reason, row.author, row.error, row.idempotency_key,
    )  # fmt: skip
