"""Commands that need no run to be served: status, review, export."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from app.blueprints.base import RowError
from app.data.repo import assignments, money, tasks
from app.data.repo.tasks import RunRow
from app.data.store import Store
from app.headless.engine import open_desks
from app.headless.exit_codes import ExitCode
from app.headless.output import Output
from app.headless.signals import StopSignal
from app.operations.export import export_run
from app.settings import Settings


async def status(arguments: argparse.Namespace, settings: Settings, output: Output, stop: StopSignal) -> ExitCode:
    """`status [RUN]`: one "run" event per task run."""
    async with open_desks(settings) as desks:
        if arguments.run is not None:
            rows = [await desks.store.read(tasks.get_task_run, arguments.run)]
        else:
            rows = await desks.store.read(tasks.list_task_runs)
        if not rows:
            output.event("no_runs", "There is no task run yet.")
        for row in rows:
            facts = await _facts(desks.store, row)
            done = ", ".join(f"{count} {name}" for name, count in facts["units"].items() if count) or "no units"
            text = f"{row.task_run_id}  {row.task_name}: {row.state}; {done}; {facts['spend']} {row.currency} spent"
            output.event("run", text, facts)
    return ExitCode.DONE


async def review(arguments: argparse.Namespace, settings: Settings, output: Output, stop: StopSignal) -> ExitCode:
    """`review RUN (--approve-all | --decisions FILE.csv)`: applied at once, and sent to the provider."""
    problems: list[RowError] = []
    async with open_desks(settings) as desks:
        await desks.store.read(tasks.get_task_run, arguments.run)
        await desks.reviews.start()
        if arguments.approve_all:
            decided = {"approved": await desks.reviews.approve_all(arguments.run)}
        else:
            outcome = await desks.reviews.decide_from_csv(arguments.decisions, arguments.run)
            decided, problems = outcome.decided, outcome.problems
        await desks.reviews.close()  # so that what is said below is what the provider answered
        spend = await desks.store.read(money.run_spend, arguments.run)
        open_rows = await desks.store.read(money.list_open_payments)
        values = {
            "task_run_id": str(arguments.run),
            "decided": decided,
            "problems": [{"line": one.line, "message": one.message} for one in problems],
            "spend": str(spend.total),
            "currency": spend.currency,
            "open_payments": len(open_rows),
        }
        text = ", ".join(f"{count} {verdict}" for verdict, count in decided.items()) or "nothing"
        output.event("reviewed", f"Run {arguments.run}: {text}; {spend.total} {spend.currency} spent.", values)
    for problem in problems:
        print(f"{problem.source}:{problem.line}: {problem.message}", file=sys.stderr)
    return ExitCode.UNFINISHED if problems else ExitCode.DONE


async def export(arguments: argparse.Namespace, settings: Settings, output: Output, stop: StopSignal) -> ExitCode:
    """`export RUN --format jsonl|csv|mephisto --out PATH`."""
    async with open_desks(settings) as desks:
        report = await export_run(desks.store, arguments.run, arguments.out, arguments.format, settings=settings)
        values = {
            "task_run_id": str(arguments.run),
            "format": arguments.format,
            "rows": report.rows,
            "files": report.files,
            "paths": [str(path) for path in report.paths],
        }
        output.event("exported", f"{report.rows} submissions written to {arguments.out}.", values)
    return ExitCode.DONE


async def _facts(store: Store, row: RunRow) -> dict[str, Any]:
    counts = await store.read(assignments.unit_counts, row.task_run_id)
    spend = await store.read(money.run_spend, row.task_run_id)
    return {
        "task_run_id": str(row.task_run_id),
        "task_name": row.task_name,
        "task_type": row.task_type,
        "provider_type": row.provider_type,
        "state": str(row.state),
        "url": row.url,
        "units": {str(name): count for name, count in counts.items()},
        "spend": str(spend.total),
        "budget": None if row.budget is None else str(row.budget),
        "currency": row.currency,
        "created": row.creation_date.isoformat(timespec="milliseconds"),
    }
