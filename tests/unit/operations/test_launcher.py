"""The launcher: first units at once, all of them in the end, none twice after a crash, bad rows as events."""

from __future__ import annotations

import asyncio
import itertools
import tracemalloc
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from app.blueprints import registry as blueprints
from app.blueprints.base import AssignmentData, RowError
from app.blueprints.mock.blueprint import MockBlueprint
from app.errors import ConfigError
from tests.fakes.run_stage import Stage, config_of, open_stage, until


class FaultyBlueprint(MockBlueprint):
    """Leaves rows out, and breaks off where it is told to."""

    BLUEPRINT_TYPE: ClassVar[str] = "faulty"
    breaks_at: ClassVar[int | None] = None
    left_out: ClassVar[int] = 0

    def iter_assignments(self, start: int = 0) -> Iterator[AssignmentData]:
        for number, item in enumerate(super().iter_assignments(start), start):
            if number == self.breaks_at:
                raise ConfigError("Line 7 of the data is no JSON.")
            yield item

    def row_errors(self) -> Sequence[RowError]:
        return [RowError("data.csv", line, "the column text is empty.") for line in range(1, self.left_out + 1)]


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    monkeypatch.setattr(FaultyBlueprint, "breaks_at", None)
    monkeypatch.setattr(FaultyBlueprint, "left_out", 0)
    monkeypatch.setitem(blueprints.classes, "mock", FaultyBlueprint)
    async with open_stage(tmp_path) as opened:
        yield opened


async def test_all_units_are_made_with_progress(stage: Stage) -> None:
    run = await stage.launch(blueprint__num_assignments=10_000, blueprint__units_per_assignment=2)
    assert (run.progress.made, run.progress.total) == (20_000, 20_000)
    assert stage.rows("SELECT count(*), count(DISTINCT assignment_id) FROM units WHERE status = 'launched'") == [
        (20_000, 10_000)
    ]
    assert stage.rows("SELECT launched_through, launch_finished FROM task_runs") == [(10_000, 1)]


async def test_workers_begin_while_the_rest_is_made(stage: Stage) -> None:
    run = await stage.operator.launch(config_of(stage.folder, blueprint__num_assignments=60_000))
    for visit in itertools.count():
        details = await stage.register(run, "ada", f"v{visit}")
        if details["agent_id"]:
            break
        assert details["failure_code"] == "not_ready"
    assert not run.progress.finished
    assert await stage.submit(run, details["agent_id"]) is None
    assert not run.progress.finished


async def test_a_launch_goes_on_where_the_last_commit_left_it(stage: Stage) -> None:
    config = config_of(stage.folder, blueprint__num_assignments=30_000)
    run = await stage.operator.launch(config)
    await until(lambda: run.progress.made > 0)
    await stage.operator.close()
    made = stage.one("SELECT count(*) FROM units")
    assert 0 < made < 30_000
    await stage.made(await stage.operator.resume(run.run_id))
    indices = stage.rows("SELECT json_extract(data, '$.shared.index') FROM assignments ORDER BY assignment_id")
    assert [row[0] for row in indices] == list(range(30_000))


async def test_rows_that_were_left_out_are_journalled_the_first_of_them_one_by_one(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FaultyBlueprint, "left_out", 250)
    await stage.launch()
    told = stage.events("launch.row_left_out")
    assert (len(told), told[0]) == (200, "data.csv, line 1, was left out: the column text is empty.")
    assert stage.events("launch.rows_left_out") == ["50 more rows of the data were left out."]


async def test_a_fault_of_the_data_keeps_what_was_made_and_can_be_mended(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FaultyBlueprint, "breaks_at", 120)
    run = await stage.operator.launch(config_of(stage.folder, blueprint__num_assignments=300))
    await until(lambda: bool(stage.notices))
    assert [n.kind for n in stage.notices] == ["launch_failed"]
    assert "Line 7" in run.progress.error
    made = run.progress.made
    assert 0 < made <= 120
    await stage.submit(run, await stage.token(run, "ada", "v"))
    monkeypatch.setattr(FaultyBlueprint, "breaks_at", None)
    await stage.operator.unpause(run.run_id)
    await stage.made(run)
    assert stage.one("SELECT count(*) FROM units") == 300


async def test_memory_does_not_grow_with_the_number_of_units(stage: Stage) -> None:
    async def peak(items: int) -> int:
        tracemalloc.reset_peak()
        before: int = tracemalloc.get_traced_memory()[0]
        await stage.launch(task__task_name=f"of {items}", blueprint__num_assignments=items)
        return tracemalloc.get_traced_memory()[1] - before

    tracemalloc.start()
    try:
        small = await peak(10_000)
        assert await peak(60_000) < small + 8_000_000
    finally:
        tracemalloc.stop()


async def test_two_runs_launch_side_by_side(stage: Stage) -> None:
    async def launch(name: str) -> Any:
        return await stage.launch(task__task_name=name, blueprint__num_assignments=2_000)

    runs = await asyncio.gather(launch("a"), launch("b"))
    assert stage.rows("SELECT task_run_id, count(*) FROM units GROUP BY 1 ORDER BY 1") == [
        (run.run_id, 2_000) for run in sorted(runs, key=lambda run: run.run_id)
    ]


async def test_data_of_which_no_row_can_be_used_are_told_before_there_is_a_run(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FaultyBlueprint, "breaks_at", 0)
    with pytest.raises(ConfigError, match="Line 7"):
        await stage.operator.launch(config_of(stage.folder))
    assert stage.rows("SELECT * FROM task_runs") == []
    assert stage.operator.live_runs == {}
