"""The commands as programs: launched, worked at over real sockets, stopped, resumed, reviewed, exported."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from app.blueprints import registry as blueprints
from app.blueprints.base import Blueprint
from app.operations.configuration.config import load_task_file
from app.operations.rehearsal.rehearsal import Crew, RehearsalReport, rehearse

ROOT = Path(__file__).resolve().parents[2]
MOCK = ROOT / "examples" / "mock" / "task.yaml"
IMAGES = ROOT / "examples" / "image_label" / "task.yaml"


class Program:
    """`main.py` in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.events: list[dict[str, Any]] = []

    async def event(self, *names: str) -> dict[str, Any]:
        """The next event of one of these names."""
        assert self.process.stdout is not None
        while line := await asyncio.wait_for(self.process.stdout.readline(), 60):
            self.events.append(json.loads(line))
            if self.events[-1]["event"] in names:
                return self.events[-1]
        raise AssertionError(f"no {names} before the end: {self.events} {await self.errors()}")

    async def errors(self) -> str:
        assert self.process.stderr is not None
        return (await self.process.stderr.read()).decode()

    async def end(self) -> int:
        """The exit code, once it has ended; what it still said is in `events`."""
        assert self.process.stdout is not None
        while line := await asyncio.wait_for(self.process.stdout.readline(), 60):
            self.events.append(json.loads(line))
        return await asyncio.wait_for(self.process.wait(), 60)


@asynccontextmanager
async def program(folder: Path, *arguments: str | Path) -> AsyncIterator[Program]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "main.py", *map(str, arguments), "--data-dir", str(folder), "--json", cwd=ROOT,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, limit=1 << 20,
        env={**os.environ, "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"},
    )  # fmt: skip
    try:
        yield Program(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def said(folder: Path, *arguments: str | Path) -> tuple[int, list[dict[str, Any]], str]:
    """A whole command: exit code, events, what stood on stderr."""
    async with program(folder, *arguments) as running:
        code = await running.end()
        return code, running.events, await running.errors()


def blueprint_of(path: Path) -> Blueprint:
    config = load_task_file(path)
    return blueprints.get(config.blueprint_type)(config.blueprint, config.base_dir)


async def work(links: list[str], path: Path, crew: Crew) -> RehearsalReport:
    """Simulated workers on these links, until sent home."""
    return await rehearse(links, crew, blueprint_of(path))


async def test_a_task_is_launched_done_reviewed_and_exported(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    async with program(folder, "launch", IMAGES, "task.task_reward=0.20", "--headless") as running:
        launched = await running.event("launched")
        assert running.events == [launched]
        assert set(launched) == {"event", "task_run_id", "url", "entry_links"}
        assert launched["url"].startswith("http://127.0.0.1:")
        report = await work(launched["entry_links"], IMAGES, Crew(3, accuracy=0.8, rudeness=0.3))
        assert report.tally.faults == []
        assert await running.end() == 0
        completed = running.events[-1]
    assert (completed["event"], completed["units"]["completed"]) == ("completed", report.tally.submitted)
    run_id, units = launched["task_run_id"], report.tally.submitted
    assert units == 72

    code, events, _ = await said(folder, "status")
    assert (code, [(one["task_run_id"], one["state"]) for one in events]) == (0, [(run_id, "completed")])
    code, events, _ = await said(folder, "review", run_id, "--approve-all")
    assert (code, events[0]["decided"], events[0]["spend"]) == (0, {"approved": units}, "14.40")
    code, events, _ = await said(folder, "status", run_id)
    assert (events[0]["units"]["accepted"], events[0]["spend"]) == (units, "14.40")

    lines, table = tmp_path / "out.jsonl", tmp_path / "out.csv"
    assert (await said(folder, "export", run_id, "--format", "jsonl", "--out", lines))[0] == 0
    assert (await said(folder, "export", run_id, "--format", "csv", "--out", table))[0] == 0
    exported = [json.loads(line) for line in lines.read_text("utf-8").splitlines()]
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(exported) == len(rows) == units
    assert {line["status"] for line in exported} == {"approved"}
    assert [line["unit_id"] for line in exported] == [row["unit_id"] for row in rows]
    assert all(line["outputs"]["labels"] == list(line["labels"]) for line in exported)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
async def test_a_run_is_stopped_by_a_signal_and_resumed(tmp_path: Path, number: int, code: int) -> None:
    async with program(tmp_path, "launch", MOCK, "blueprint.num_assignments=60", "--headless") as running:
        launched = await running.event("launched")
        first = await work(launched["entry_links"], MOCK, Crew(2, units_each=5))
        running.process.send_signal(number)
        assert await running.end() == code
        assert (running.events[-1]["event"], running.events[-1]["resumable"]) == ("stopped", True)
        assert "Traceback" not in await running.errors()
    done = first.tally.submitted
    _, events, _ = await said(tmp_path, "status", launched["task_run_id"])
    assert events[0]["state"] == "interrupted"
    assert events[0]["units"]["completed"] >= done >= 10
    async with program(tmp_path, "resume", launched["task_run_id"]) as running:
        again = await running.event("launched")
        assert again["task_run_id"] == launched["task_run_id"]
        await work(again["entry_links"], MOCK, Crew(3))
        assert await running.end() == 0
    assert running.events[-1]["units"]["completed"] == 120
    code, _, words = await said(tmp_path, "resume", launched["task_run_id"])
    assert (code, "complete" in words) == (3, True)


async def test_a_rehearsal_prints_the_same_events_with_its_counts(tmp_path: Path) -> None:
    code, events, words = await said(
        tmp_path, "rehearse", MOCK, "--workers", "4", "blueprint.num_assignments=15", "--rudeness", "0.5", "--seed", "7"
    )
    assert code == 0, words
    assert (events[0]["event"], events[-1]["event"]) == ("launched", "completed")
    counts = events[-1]["rehearsal"]
    assert (counts["submitted"], counts["faults"], counts["workers"]) == (30, [], 4)
    assert (
        counts["double_submits"] + counts["malformed_frames"] + counts["forged_submits"] + counts["sudden_closes"] > 0
    )
    assert events[-1]["units"]["completed"] == 30


async def test_decisions_of_a_file_are_carried_out_and_the_others_named(tmp_path: Path) -> None:
    await said(tmp_path, "rehearse", MOCK, "--workers", "2", "blueprint.num_assignments=2")
    path = tmp_path / "decisions.csv"
    path.write_text("unit_id,decision,note,bonus\n1,approve,,0.50\n2,reject,,\n3,reject,empty,\n", "utf-8")
    code, events, words = await said(tmp_path, "review", "1", "--decisions", path)
    assert (code, events[0]["decided"]) == (8, {"approved": 1, "rejected": 1})
    assert "decisions.csv:3: a rejection needs a note" in words
    code, _, words = await said(tmp_path, "review", "1", "--decisions", tmp_path / "none.csv")
    assert (code, "no such file" in words) == (3, True)


async def test_a_run_that_another_process_serves_is_left_alone(tmp_path: Path) -> None:
    async with program(tmp_path, "launch", MOCK, "--headless") as running:
        launched = await running.event("launched")
        code, _, words = await said(tmp_path, "resume", launched["task_run_id"])
        assert (code, "another process" in words) == (5, True)
        running.process.send_signal(signal.SIGTERM)
        assert await running.end() == 143


async def test_faults_of_the_world_are_sentences_with_their_code(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(MOCK.read_text("utf-8").replace("task_reward", "task_rewrad"), "utf-8")
    corrupt = tmp_path / "corrupt"
    corrupt.mkdir()
    (corrupt / "crowdesk.db").write_bytes(b"no database at all" * 500)
    (tmp_path / "file").write_text("x")
    data = tmp_path / "data"
    cases: list[tuple[int, str, Path, list[str | Path]]] = [
        (3, "no such file", data, ["launch", tmp_path / "none.yaml", "--headless"]),
        (
            3,
            'wrong.yaml:8: mephisto.task.task_rewrad: There is no argument "task_rewrad"',
            data,
            ["launch", wrong, "--headless"],
        ),
        (3, "command line", data, ["launch", MOCK, "task.task_rewrad=1", "--headless"]),
        (3, "1 to", data, ["rehearse", MOCK, "--workers", "0"]),
        (4, "no task run 77", data, ["status", "77"]),
        (4, "no task run 77", data, ["resume", "77"]),
        (4, "no task run 77", data, ["review", "77", "--approve-all"]),
        (4, "no task run 77", data, ["export", "77", "--format", "csv", "--out", tmp_path / "x.csv"]),
        (2, "no task run id", data, ["status", "seven"]),
        (2, "unrecognized", data, ["status", "1", "--frobnicate"]),
        (6, "", corrupt, ["status"]),
        (6, "", tmp_path / "file" / "below", ["status"]),
    ]
    for code, words, folder, arguments in cases:
        found, _, errors = await said(folder, *arguments)
        assert (found, words in errors, "Traceback" in errors) == (code, True, False), (arguments, errors)
        assert len(errors.strip()) > 10


async def test_a_reader_that_goes_away_ends_a_run_that_can_be_resumed(tmp_path: Path) -> None:
    script = f"{sys.executable} main.py launch {MOCK} --headless --json --data-dir {tmp_path} | head -n 1"
    shell = await asyncio.create_subprocess_exec(
        "bash", "-c", f"set -o pipefail; {script}", cwd=ROOT, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert shell.stdout is not None
    launched = json.loads(await asyncio.wait_for(shell.stdout.readline(), 60))
    await work(launched["entry_links"], MOCK, Crew(1, units_each=3))  # so that there is something to say
    _, errors = await asyncio.wait_for(shell.communicate(), 60)
    assert (shell.returncode, "Traceback" in errors.decode()) == (141, False)
    assert "is gone" in errors.decode()
    _, events, _ = await said(tmp_path, "status")
    assert events[0]["state"] == "interrupted"


async def test_no_command_imports_qt(tmp_path: Path) -> None:
    code = (
        "import sys, main\n"
        f"assert main.main(['rehearse', {str(MOCK)!r}, '--workers', '1', 'blueprint.num_assignments=1',"
        f" '--data-dir', {str(tmp_path)!r}]) == 0\n"
        "assert not [name for name in sys.modules if name.startswith(('PySide6', 'qasync', 'pyqtgraph'))]\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, errors.decode()


async def test_the_help_names_every_exit_code(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "main.py", "launch", "--help", cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    for number in ("0", "1", "2", "3", "4", "5", "6", "7", "8", "130", "141", "143"):
        assert f"  {number:>3}  " in out.decode()
