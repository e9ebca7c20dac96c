"""Exports hold every submission, whole or not at all, and no cell that a spreadsheet would run."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.data.files import agent_folder
from app.data.repo import answers, people
from app.data.repo.live_updates import NewUpdate, append_live_updates
from app.data.states import AgentStatus
from app.errors import EntryDoesNotExist, InvalidEntry, StoreError
from app.operations import export as exports
from app.operations.export import export_run
from app.operations.export_files import offers_of
from app.operations.safe_csv import cell, encode, read_table
from tests.fakes.data_rows import NOW, claim, hand_in
from tests.fakes.desk_scene import DeskScene, open_scene


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[DeskScene]:
    async with open_scene(tmp_path / "data", items=5) as made:
        yield made


async def add_hostile(scene: DeskScene) -> int:
    """A submission by somebody who thinks of spreadsheets, with a file."""
    worker = await scene.store.write(people.get_or_create_worker, "=cmd", "inhouse", NOW)
    content = b"what was uploaded"
    entry = {
        "filename": "f00.png", "original_name": "+evil.png", "field": "photo", "mimetype": "image/png",
        "size": len(content), "sha256": hashlib.sha256(content).hexdigest(),
    }  # fmt: skip
    from app.data.repo import assignments
    from app.data.states import UnitStatus

    await scene.store.write(
        assignments.add_assignments, scene.run_id, [{"shared": {"index": 9}, "unit_data": [{}]}],
        pay_amount=scene.config.task.task_reward, unit_status=UnitStatus.LAUNCHED, now=NOW,
    )  # fmt: skip
    agent = await scene.store.write(claim, scene.run_id, worker)
    assert agent is not None
    outputs = {"answer": "=HYPERLINK(1)", "extra": {"deep": [1, 2]}, "count": -3}
    await scene.store.write(
        hand_in, agent.agent_id, outputs, NOW, inputs={"index": 9}, files=[entry], answer="=HYPERLINK(1)", labels=["@x"]
    )
    folder = agent_folder(scene.settings.runs_dir, None, scene.run_id, agent.assignment_id, agent.agent_id)
    folder.mkdir(parents=True)
    (folder / "f00.png").write_bytes(content)
    return agent.agent_id


async def test_json_lines_hold_every_submission(scene: DeskScene, tmp_path: Path) -> None:
    agent_id = await add_hostile(scene)
    await scene.desk.decide(scene.units[:1], AgentStatus.REJECTED, "empty", undoable=False)
    path = tmp_path / "out.jsonl"
    seen: list[tuple[int, int]] = []
    report = await export_run(
        scene.store, scene.run_id, path, "jsonl", settings=scene.settings, progress=lambda *done: seen.append(done)
    )
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert (report.rows, report.files, seen) == (6, 1, [(6, 6)])
    assert [line["status"] for line in lines] == ["rejected", *["completed"] * 5]
    assert (lines[0]["review_note"], lines[0]["pay_amount"], lines[0]["inputs"]) == ("empty", "0.50", {"index": 0})
    assert (lines[5]["agent_id"], lines[5]["outputs"]["answer"]) == (str(agent_id), "=HYPERLINK(1)")
    assert Path(lines[5]["files"][0]["path"]).read_bytes() == b"what was uploaded"


async def test_what_was_said_goes_with_the_submission(scene: DeskScene, tmp_path: Path) -> None:
    agent_id = await add_hostile(scene)
    said = [
        NewUpdate(agent_id, "in", "u1", {"request_id": "r1", "target": "f", "args": "1"}),
        NewUpdate(agent_id, "out", "u2", {"handles": "r1", "response": "2"}),
    ]
    await scene.store.write(append_live_updates, said, NOW)
    await export_run(scene.store, scene.run_id, tmp_path / "out.jsonl", "jsonl", settings=scene.settings)
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()]
    assert ["live_updates" in line for line in lines] == [False] * 5 + [True]
    told = [(each["direction"], each["update_id"], each["content"]) for each in lines[5]["live_updates"]]
    assert told == [(each.direction, each.update_id, each.content) for each in said]
    await export_run(scene.store, scene.run_id, tmp_path / "out", "mephisto", settings=scene.settings)
    (whole,) = (tmp_path / "out").glob(f"NO_PROJECT/{scene.run_id}/*/{agent_id}/agent_data.json")
    assert json.loads(whole.read_text("utf-8"))["live_updates"] == lines[5]["live_updates"]


async def test_csv_has_a_column_per_key_and_no_formula(scene: DeskScene, tmp_path: Path) -> None:
    await add_hostile(scene)
    path = tmp_path / "out.csv"
    report = await export_run(scene.store, scene.run_id, path, "csv", settings=scene.settings)
    assert report.paths == (path, tmp_path / "out.files.csv")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    hostile = rows[-1]
    assert (hostile["worker_name"], hostile["answer"], hostile["labels"]) == ("'=cmd", "'=HYPERLINK(1)", "'@x")
    assert (hostile["outputs.count"], hostile["outputs.extra"]) == ("-3", '{"deep": [1, 2]}')
    assert json.loads(hostile["outputs"])["count"] == -3
    assert rows[0]["outputs.answer"] == "wren"
    with report.paths[1].open(encoding="utf-8", newline="") as file:
        listed = list(csv.DictReader(file))
    assert [(entry["original_name"], len(entry["sha256"])) for entry in listed] == [("'+evil.png", 64)]


async def test_mephisto_folders_hold_data_and_files(scene: DeskScene, tmp_path: Path) -> None:
    agent_id = await add_hostile(scene)
    out = tmp_path / "out"
    report = await export_run(scene.store, scene.run_id, out, "mephisto", settings=scene.settings)
    assert (report.rows, report.files) == (6, 1)
    agent = next(out.glob(f"NO_PROJECT/{scene.run_id}/*/{agent_id}"))
    data = json.loads((agent / "agent_data.json").read_text("utf-8"))
    assert (data["inputs"], data["outputs"]["count"]) == ({"index": 9}, -3)
    assert json.loads((agent / "agent_meta.json").read_text("utf-8"))["task_end"] == NOW.timestamp()
    assert json.loads((agent.parent / "assign_data.json").read_text("utf-8")) == {
        "shared": {"index": 9},
        "unit_data": [{}],
    }
    assert (agent / "f00.png").read_bytes() == b"what was uploaded"
    with pytest.raises(StoreError, match="not empty"):
        await export_run(scene.store, scene.run_id, out, "mephisto", settings=scene.settings)


@dataclass
class _Offers:
    """What a blueprint makes of answers."""

    fails_at: int = 99
    asked: int = 0

    def answer_files(self, inputs: Any, outputs: Any) -> Sequence[tuple[str, bytes]]:
        self.asked += 1
        if self.asked > self.fails_at:
            raise OSError(28, "No space left on device")
        return [("made.vtt", f"of {inputs['index']}".encode())]


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
async def test_what_a_blueprint_makes_of_answers_stands_beside(
    scene: DeskScene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(exports, "offers_of", lambda _params: _Offers())
    path = tmp_path / f"out.{kind}"
    report = await export_run(scene.store, scene.run_id, path, kind, settings=scene.settings)
    folder = tmp_path / "out.answers"
    assert (report.rows, report.files, report.paths[-1]) == (5, 5, folder)
    assert sorted(file.read_text() for file in folder.iterdir()) == [f"of {n}" for n in range(5)]
    if kind == "jsonl":
        first = json.loads(path.read_text("utf-8").splitlines()[0])
        assert [Path(place).read_text() for place in first["answer_files"]] == ["of 0"]
        assert Path(first["answer_files"][0]).name == f"U-{first['unit_id']}-{first['agent_id']}-made.vtt"


async def test_mephisto_folders_hold_them_too(
    scene: DeskScene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "offers_of", lambda _params: _Offers())
    report = await export_run(scene.store, scene.run_id, tmp_path / "out", "mephisto", settings=scene.settings)
    assert report.files == 5
    assert len(list((tmp_path / "out").rglob("made.vtt"))) == 5


async def test_none_of_them_is_left_when_the_disk_is_full(
    scene: DeskScene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "offers_of", lambda _params: _Offers(fails_at=3))
    with pytest.raises(StoreError, match="cannot be written: No space left"):
        await export_run(scene.store, scene.run_id, tmp_path / "out.jsonl", "jsonl", settings=scene.settings)
    assert list(tmp_path.glob("*out*")) == []
    assert list(tmp_path.glob(".out*")) == []


def test_a_run_whose_blueprint_is_gone_is_exported_all_the_same() -> None:
    assert offers_of("mephisto: {blueprint: {_blueprint_type: gone}}") is None
    assert offers_of("rubbish") is None


@pytest.mark.parametrize("layout", ["jsonl", "csv", "mephisto"])
async def test_a_cancelled_export_leaves_what_was_there(
    scene: DeskScene, tmp_path: Path, layout: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "CHUNK", 1)
    folder = tmp_path / "place"
    folder.mkdir()
    path = folder / "out"
    if layout != "mephisto":
        path.write_text("before")
    begun = asyncio.Event()
    task = asyncio.create_task(
        export_run(scene.store, scene.run_id, path, layout, settings=scene.settings, progress=lambda *done: begun.set())
    )
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [one.name for one in folder.iterdir()] == ([] if layout == "mephisto" else ["out"])
    assert layout == "mephisto" or path.read_text() == "before"


async def test_an_export_that_cannot_be_is_a_sentence(scene: DeskScene, tmp_path: Path) -> None:
    with pytest.raises(EntryDoesNotExist):
        await export_run(scene.store, 99, tmp_path / "x", "jsonl", settings=scene.settings)
    with pytest.raises(InvalidEntry):
        await export_run(scene.store, scene.run_id, tmp_path / "x", "xml", settings=scene.settings)
    (tmp_path / "file").write_text("x")
    for layout in ("jsonl", "csv", "mephisto"):
        with pytest.raises(StoreError):
            await export_run(scene.store, scene.run_id, tmp_path / "file" / "x", layout, settings=scene.settings)


async def test_a_run_without_submissions_is_an_empty_export(scene: DeskScene, tmp_path: Path) -> None:
    assert list(await scene.store.read(answers.list_submitted_agents, 99)) == []


@given(st.text(max_size=12))
def test_no_text_becomes_a_formula(text: str) -> None:
    made = cell(text)
    assert not str(made).startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert str(made).removeprefix("'") == text.replace("\0", "\ufffd").removeprefix("'") or made == text


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(encode([("name", "note"), ("=a", 'say "x"'), ("b", "two\nlines")]))
    assert [cells for _, cells in read_table(path, ("name",), ("note",)).rows] == [
        {"name": "=a", "note": 'say "x"'},
        {"name": "b", "note": "two\nlines"},
    ]
