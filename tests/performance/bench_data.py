"""The database at a million units: making, claiming, handing in, judging, counting, listing."""

from __future__ import annotations

import asyncio
import resource
import sys
import tempfile
import time
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from app.data.engine import make_engine, parse_url
from app.data.repo import (
    assignments,
    dispatch,
    intake,
    listing,
    money,
    people,
    reviews,
    standings,
    status,
    tasks,
    totals,
)
from app.data.repo.dispatch import Asker, Claim
from app.data.repo.intake import Submission
from app.data.repo.listing import ListingQuery
from app.data.repo.money import NewPayment
from app.data.repo.reviews import NewReview
from app.data.states import AgentStatus, PaymentKind, PaymentState, RunState, UnitStatus
from app.data.store import Session, Store
from tests.performance.figures import Figures, best_of, percentile, stopwatch

NOW = datetime.now(UTC)
MILLION = int(sys.argv[1]) if len(sys.argv) > 1 else 999_999
PAY = Decimal("0.12")


def make_run(session: Session, name: str) -> int:
    task_id = tasks.get_or_create_task(session, name, "mock", None, NOW)
    requester_id = tasks.get_or_create_requester(session, "in-house", "inhouse", NOW)
    run_id = tasks.create_task_run(
        session, task_id=task_id, requester_id=requester_id, init_params="", provider_type="inhouse",
        task_type="mock", sandbox=False, currency="EUR", budget=None, now=NOW,
    )  # fmt: skip
    status.set_run_state(session, run_id, RunState.IN_FLIGHT, NOW)
    return run_id


async def launch(store: Store, run_id: int, units: int, each: int) -> float:
    """Make and launch units in chunks of a thousand; units per second."""
    with stopwatch() as taken:
        for start in range(0, units // each, 1000):
            count = min(1000, units // each - start)
            items = [{"shared": {"image": f"img_{start + n:07}.png"}, "unit_data": [{}] * each} for n in range(count)]
            await store.write(
                assignments.add_assignments, run_id, items, pay_amount=PAY, unit_status=UnitStatus.LAUNCHED, now=NOW
            )
    return units / taken[0]


def claim(session: Session, run_id: int, worker_id: int, serial: int) -> int | None:
    now = datetime.now(UTC)
    values = {
        "worker_id": worker_id, "creation_date": now, "started_at": now, "registration_id": f"r{run_id}-{serial}",
        "nonce": f"{serial:032x}", "token_hash": f"{run_id:08x}{serial:056x}",
    }  # fmt: skip
    return status.claim(session, run_id, values, in_task=True)


DONE = """
INSERT INTO agents (worker_id, unit_id, task_id, task_run_id, assignment_id, task_type, provider_type, status,
  creation_date, registration_id, nonce, token_hash, started_at, submitted_at, time_on_task_ms, answer, labels,
  left_reason, connection)
SELECT :worker + CASE WHEN unit_index = 0 THEN 0 ELSE 1 + assignment_id % 50 END, unit_id, task_id, task_run_id,
  assignment_id, task_type, provider_type, 'completed', creation_date, 'd' || unit_id, '', 'd' || unit_id,
  strftime('%Y-%m-%dT%H:%M:%fZ', '2026-01-01', '+' || (unit_id / 3) || ' seconds'),
  strftime('%Y-%m-%dT%H:%M:%fZ', '2026-01-01', '+' || (unit_id / 3 + 30) || ' seconds'),
  (unit_id * 7919) % 90000, CASE WHEN unit_id % 5 = 0 THEN 'owl' ELSE 'wren' END,
  CASE WHEN unit_id % 5 = 0 THEN '["owl"]' ELSE '["wren"]' END, '', '{}'
FROM units WHERE task_run_id = :run AND unit_index < 2 AND assignment_id <= :last ORDER BY unit_id
"""
HELD = """
UPDATE units SET status = 'completed', agent_id = a.agent_id, worker_id = a.worker_id
FROM agents a WHERE a.unit_id = units.unit_id AND units.task_run_id = :run
"""


def work_through(session: Session, run_id: int, veteran: int, last: int) -> None:
    """One worker did the first unit of most assignments; fifty others share the second units."""
    connection = session.connection()
    connection.execute(sa.text(DONE), {"worker": veteran, "run": run_id, "last": last})
    connection.execute(sa.text(HELD), {"run": run_id})


async def bench_claims(figures: Figures, store: Store, run_id: int, veteran: int, fresh: int, last: int) -> None:
    def many(session: Session, worker_id: int, count: int) -> list[float]:
        times = []
        for serial in range(count):
            start = time.perf_counter()
            claim(session, run_id, worker_id, worker_id * 1_000_000 + serial)
            times.append((time.perf_counter() - start) * 1000)
        return times

    for who, worker_id in (("a new worker", fresh), (f"a worker who did {last:,}", veteran)):
        times = await store.write(many, worker_id, 300)
        figures.add(f"next unit for {who}, median", percentile(times, 0.5), "ms", most=1)
        figures.add(f"next unit for {who}, p95", percentile(times, 0.95), "ms")

    def exhaust(session: Session) -> list[float]:
        connection = session.connection()
        connection.exec_driver_sql(
            f"UPDATE units SET status = 'created' WHERE task_run_id = {run_id} AND status = 'launched'"
            f" AND assignment_id > {last}"
        )
        times = many(session, veteran, 20)
        connection.exec_driver_sql(
            f"UPDATE units SET status = 'launched' WHERE task_run_id = {run_id} AND status = 'created'"
        )
        return times

    figures.add("no unit left for that worker, median", percentile(await store.write(exhaust), 0.5), "ms", most=1)


BATCH = 32


async def bench_commits(figures: Figures, store: Store, run_id: int, each: int, workers: list[int]) -> None:
    """As many registrations and submissions as the writer takes: batches of 32, as a busy run makes them."""
    run_row = await store.read(tasks.get_task_run, run_id)
    end = time.perf_counter() + 3
    serial = iter(range(1, 10**9))
    done = 0

    def register(session: Session, some: list[int]) -> list[Claim]:
        now = datetime.now(UTC)
        registrations = [f"b{run_id}-{next(serial)}" for _ in some]
        dispatch.find_by_registrations(session, run_id, registrations)
        standings.standings(
            session, task_id=run_row.task_id, run_id=run_id, worker_ids=some, qualification_names=(),
            count_held=True, count_taken=False, now=now,
        )  # fmt: skip
        askers = [
            Asker(worker, registration, "0" * 32, f"{registration:>64}")
            for worker, registration in zip(some, registrations, strict=True)
        ]
        claims = dispatch.claim_units(session, run_row, askers, waiting=False, one_worker_an_item=each == 1, now=now)
        given = [claim for claim in claims if claim is not None]
        dispatch.list_items(session, [claim.assignment_id for claim in given])
        dispatch.keep_inputs(session, {claim.agent_id: {"image": "x.png"} for claim in given}, now)
        dispatch.mark_seen(session, some, now)
        return given

    def submit(session: Session, claims: list[Claim]) -> None:
        works = [
            Submission(claim.agent_id, claim.unit_id, {"label": "wren"}, [], "wren", ["wren"], 30_000)
            for claim in claims
        ]
        intake.record_submissions(session, works, datetime.now(UTC))

    async def work(some: list[int]) -> None:
        nonlocal done
        while time.perf_counter() < end:
            claims = await store.write(register, some)
            await store.write(submit, claims)
            done += len(claims)

    with stopwatch() as taken:
        await asyncio.gather(*(work(workers[n : n + BATCH]) for n in range(0, 4 * BATCH, BATCH)))
    figures.add(f"registered and handed in, {each} a piece, batches of 32", done / taken[0], "units/s", least=4_000)


def judge(session: Session, units: list[int]) -> int:
    """Approve, with the ledger and the record of decisions."""
    result = status.review_units(session, units, AgentStatus.APPROVED, NOW)
    money.intend_payments(
        session,
        [
            NewPayment(
                f"approval:{u.unit_id}:{u.agent_id}", PaymentKind.APPROVAL, u.worker_id, u.unit_id, u.task_run_id,
                u.provider_type, u.pay_amount, u.currency, state=PaymentState.SETTLED,
            )
            for u in result.reviewed
        ],
        NOW,
    )  # fmt: skip
    reviews.add_reviews(
        session,
        [NewReview(u.worker_id, "approved", unit_id=u.unit_id, task_id=u.task_id) for u in result.reviewed],
        NOW,
    )
    return len(result.reviewed)


async def bench_decisions(figures: Figures, store: Store, run_id: int) -> None:
    query = ListingQuery("units", {"task_run_id": run_id}, {"status": ["completed"]})
    waiting = list(await store.read(listing.list_ids, query))
    with stopwatch() as taken:
        for start in range(0, 10_000, 2_000):
            await store.write(judge, waiting[start : start + 2_000])
    figures.add("approve 10 000 with ledger and record, in five writes", taken[0], "s", most=1)
    for start in range(10_000, len(waiting), 20_000):  # the ledger of a run that is nearly done
        await store.write(judge, waiting[start : start + 20_000])


async def bench_reading(figures: Figures, store: Store, url: str, run_id: int) -> None:
    engine = make_engine(parse_url(url), readers=1)
    with Session(engine) as session:
        counting, counts = best_of(5, partial(assignments.unit_counts, session, run_id))
        spending, spend = best_of(5, partial(money.run_spend, session, run_id))
        print(f"   {sum(counts.values()):,} units, spent {spend.total} {spend.currency}")
        figures.add("status counts and spend of the run", (counting + spending) * 1000, "ms", most=100)
        for name, fn in (
            ("tiles of the run", partial(totals.run_header, session, run_id, NOW)),
            ("history of 60 steps", partial(totals.status_history, session, run_id, 60, NOW)),
            ("histogram of time on task", partial(totals.time_on_task_histogram, session, run_id, 32)),
            ("what Home points at", partial(totals.attention, session)),
        ):
            figures.add(name, best_of(3, fn)[0] * 1000, "ms")
        for kind in ("units", "agents", "review", "payments"):
            for asked, target in asks(kind):
                query = ListingQuery(kind, {"task_run_id": run_id}, **asked)
                seconds, ids = best_of(2, partial(listing.list_ids, session, query))
                words = ", ".join(f"{k} {v}" for k, v in asked.items()) or "as it comes"
                figures.add(f"{kind}: {len(ids):,} ids, {words}", seconds * 1000, "ms", most=target)
            page = list(ids[:200])
            seconds, _ = best_of(3, partial(listing.fetch_rows, session, kind, page, NOW))
            figures.add(f"{kind}: a page of 200 rows", seconds * 1000, "ms", most=100)
    engine.dispose()


def asks(kind: str) -> list[tuple[dict[str, Any], float | None]]:
    """Queries and their targets: by an index half a second; others, and search, as long as they take."""
    common: list[tuple[dict[str, Any], float | None]] = [({}, 500), ({"descending": True}, 500)]
    others: dict[str, list[tuple[dict[str, Any], float | None]]] = {
        "units": [
            ({"sort": "status"}, 500), ({"filters": {"status": ["completed"]}}, 500), ({"sort": "worker"}, None),
            ({"search": "img_0000077"}, None),
        ],
        "agents": [
            ({"sort": "status"}, 500), ({"filters": {"status": ["in task"]}}, 500), ({"sort": "last_heard"}, None),
        ],
        "review": [({"sort": "on_task"}, None), ({"filters": {"agreement": ["disputed"]}}, None)],
        "payments": [({"filters": {"state": ["settled"]}}, 500), ({"sort": "amount"}, None)],
    }  # fmt: skip
    return common + others[kind]


async def main() -> None:
    figures = Figures()
    with tempfile.TemporaryDirectory(prefix="crowdesk-bench-") as folder:
        url = f"sqlite:///{Path(folder) / 'bench.db'}"
        store = await Store.open(url, locks_dir=Path(folder) / "locks")
        figures.title("Launch")
        small = await store.write(make_run, "small")
        rate = await launch(store, small, 100_000, 1)
        figures.add("make and launch 100 000 units of one worker each", rate, "units/s", least=50_000)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        run_id = await store.write(make_run, "million")
        rate = await launch(store, run_id, MILLION, 3)
        figures.add(f"make and launch {MILLION:,} units, three a piece", rate, "units/s", least=50_000)
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        figures.add("memory that took", grown, "MiB", most=50)

        workers = [await store.write(people.get_or_create_worker, f"w{n}", "inhouse", NOW) for n in range(300)]
        first = 100_000
        last = first + MILLION // 3 - 20_000
        await store.write(work_through, run_id, workers[0], last)
        figures.title("Claims, submissions, decisions")
        await bench_claims(figures, store, run_id, workers[0], workers[99], last - first)
        await bench_commits(figures, store, small, 1, workers[100:300])
        await bench_commits(figures, store, run_id, 3, workers[100:300])
        await bench_decisions(figures, store, run_id)
        figures.title("Reading")
        await bench_reading(figures, store, url, run_id)
        figures.title("Expiry")
        with stopwatch() as taken:
            expired = await store.write(status.expire_units, small, None, NOW)
        figures.add(f"expire {expired:,} units", taken[0], "s", most=1)
        await store.close()
    print("\nmissed:", "; ".join(figures.missed) or "nothing")


if __name__ == "__main__":
    asyncio.run(main())
