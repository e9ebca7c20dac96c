"""The program is killed at random instants while fifty workers work: nothing acknowledged is lost, nothing doubled."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sqlite3
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.fakes.page_client import Gone, PageClient, PageSocket

ROOT = Path(__file__).resolve().parents[2]
KILLS = 20
WORKERS = 50
ITEMS = 4_000
"""Two units each."""
TASK = f"""
mephisto:
  task: {{task_name: survive, task_title: Survive, task_description: Answer., task_reward: 0.1}}
  provider: {{_provider_type: inhouse}}
  architect: {{_architect_type: local}}
  blueprint: {{_blueprint_type: mock, num_assignments: {ITEMS}, units_per_assignment: 2}}
"""
RETRY_SECONDS = 0.05


@dataclass
class Site:
    """Where the pages are now, and what the workers were promised."""

    url: str = ""
    run: int = 0
    links: list[str] = field(default_factory=list)
    up: asyncio.Event = field(default_factory=asyncio.Event)
    promised: dict[str, str] = field(default_factory=dict)
    """token -> the answer whose receipt the worker has."""
    counts: Counter[str] = field(default_factory=Counter)
    over: bool = False


class Program:
    """The program in a process of its own."""

    def __init__(self, data_dir: Path, site: Site) -> None:
        self._data_dir, self._site = data_dir, site
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Resume the run that is not complete, or launch one."""
        names = ",".join(f"worker {number}" for number in range(WORKERS))
        unfinished = self._find_unfinished()
        what = ["launch", str(self._task_file()), "--headless"] if unfinished is None else ["resume", str(unfinished)]
        arguments = [*what, "--json", "--workers", names, "--data-dir", str(self._data_dir)]
        environment = {**os.environ, "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, str(ROOT / "main.py"), *arguments, env=environment, stdout=asyncio.subprocess.PIPE,
            limit=2**20,
        )  # fmt: skip
        self._reading = asyncio.create_task(self._read(self._process))

    def _task_file(self) -> Path:
        path = self._data_dir.parent / "survive.yaml"
        path.write_text(TASK)
        return path

    def _find_unfinished(self) -> int | None:
        """What a requester would see in the list of runs."""
        path = self._data_dir / "crowdesk.db"
        if not path.exists():
            return None
        with sqlite3.connect(path) as database:
            if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'task_runs'").fetchone():
                return None
            found = database.execute("SELECT task_run_id FROM task_runs WHERE state <> 'completed'").fetchone()
        database.close()
        return None if found is None else int(found[0])

    async def kill(self) -> None:
        assert self._process is not None
        assert self._reading is not None
        if self._process.returncode is not None:
            pytest.fail(f"the program ended by itself: {self._process.returncode}")
        self._site.up.clear()
        self._process.send_signal(signal.SIGKILL)
        await self._process.wait()
        await self._reading

    async def wait_end(self) -> None:
        """Until it ended by itself, all runs being complete."""
        assert self._process is not None
        assert self._reading is not None
        assert await self._process.wait() == 0
        await self._reading

    async def end(self) -> None:
        """Whatever came before: nothing is left running."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        if self._reading is not None:
            await self._reading

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        site = self._site
        while line := await process.stdout.readline():
            said: dict[str, Any] = json.loads(line)
            if said["event"] == "launched":
                site.run, site.url, site.links = int(said["task_run_id"]), said["url"], said["entry_links"]
                site.up.set()


class Person:
    """One worker: takes unit after unit, keeps what is not acknowledged, tries again for as long as it takes."""

    def __init__(self, number: int, site: Site, chance: random.Random) -> None:
        self._number, self._site, self._chance = number, site, chance
        self._visits = 0

    async def work(self) -> None:
        while not self._site.over:
            await self._site.up.wait()
            run = self._site.run
            place = urlsplit(self._site.url)
            assert place.hostname is not None
            assert place.port is not None
            client = PageClient(place.hostname, place.port)
            try:
                await client.enter(urlsplit(self._site.links[self._number]).path)
                while self._site.run == run and not self._site.over:
                    await self._one(client, run)
            except Gone:
                await asyncio.sleep(RETRY_SECONDS)
            finally:
                client.close()

    async def _one(self, client: PageClient, run: int) -> None:
        self._visits += 1
        name = f"worker {self._number}"
        visit = f"v{self._visits}"
        data = {"worker_name": name, "agent_registration_id": f"{visit}-{name}", "assignment_id": visit}
        details = await self._persist(client, run, "/request_agent", {"provider_data": data})
        if details is None:
            return
        token = details["data"]["agent_id"]
        if token is None:
            self._site.counts[details["data"]["failure_code"]] += 1
            await asyncio.sleep(RETRY_SECONDS * 4)
            return
        socket = PageSocket()
        if self._chance.random() < 0.2:
            try:
                await socket.open(client.host, client.port, "/socket", token, client.cookie)
            except (OSError, asyncio.IncompleteReadError):
                self._site.counts["socket lost"] += 1
        await asyncio.sleep(self._chance.random() * 0.05)
        answer = f"{run}/{name}/{visit}"
        done = await self._persist(
            client, run, "/submit_task", {"USED_AGENT_ID": token, "final_data": {"answer": answer}}
        )
        await socket.close()
        if done is not None and done.get("status") == "Submitted!":
            self._site.promised[token] = answer
        elif done is not None:
            self._site.counts[f"submission {done.get('error')}"] += 1

    async def _persist(self, client: PageClient, run: int, path: str, body: Any) -> Any:
        """The answer, however often the program dies in between; None when the run is over."""
        while not self._site.over and (self._site.run == run):
            try:
                status, answer = await client.post(path, body)
            except Gone:
                status, answer = 0, None
            if status in (200, 404, 409):
                return answer
            self._site.counts["tried again"] += 1
            await asyncio.sleep(RETRY_SECONDS)
        return None


@pytest.mark.kill
@pytest.mark.timeout(480)
async def test_nothing_acknowledged_is_lost_or_doubled_however_often_the_program_is_killed(tmp_path: Path) -> None:
    seed = int(os.environ.get("CROWDESK_KILL_SEED", time.time_ns() % 1_000_000))
    chance = random.Random(seed)
    site = Site()
    program = Program(tmp_path / "data", site)
    people = [Person(number, site, random.Random(seed + number)) for number in range(WORKERS)]
    working = [asyncio.create_task(person.work()) for person in people]
    try:
        for number in range(KILLS):
            await program.start()
            if number % 4 != 3:  # a quarter dies while it starts or resumes
                await site.up.wait()
            await asyncio.sleep(chance.random() * (1.2 if number % 4 != 3 else 0.9))
            await program.kill()
        await program.start()
        await program.wait_end()
    finally:
        site.over = True
        site.up.set()
        await asyncio.gather(*working, return_exceptions=True)
        await program.end()
    _check(tmp_path / "data", site, seed)


def _check(folder: Path, site: Site, seed: int) -> None:
    with sqlite3.connect(folder / "crowdesk.db") as database:
        answers = Counter(
            row[0] for row in database.execute("SELECT json_extract(outputs, '$.answer') FROM agent_data").fetchall()
        )
        units = dict(database.execute("SELECT status, count(*) FROM units GROUP BY status").fetchall())
        holders = database.execute(
            "SELECT unit_id, count(*) FROM agents WHERE status IN ('accepted', 'waiting', 'in task', 'completed') "
            "GROUP BY unit_id HAVING count(*) > 1"
        ).fetchall()
        partners = database.execute(
            "SELECT assignment_id, worker_id FROM agents WHERE status IN ('in task', 'completed') "
            "GROUP BY 1, 2 HAVING count(*) > 1"
        ).fetchall()
        runs = dict(database.execute("SELECT task_run_id, state FROM task_runs").fetchall())
        resumed = database.execute("SELECT count(*) FROM events WHERE kind = 'run.interrupted'").fetchone()[0]
        made = database.execute("SELECT task_run_id, count(*) FROM units GROUP BY 1").fetchall()
    database.close()
    missing = [answer for answer in site.promised.values() if answers[answer] == 0]
    doubled = [answer for answer, count in answers.items() if answer is not None and count > 1]
    print(
        f"\nkill -9: {KILLS} kills, seed {seed}; {resumed} resumes, runs {runs}, units {units}; "
        f"{len(site.promised)} acknowledged, {len(missing)} missing, {len(doubled)} doubled, "
        f"{len(holders)} units with two holders; {dict(site.counts)}"
    )
    assert missing == []
    assert doubled == []
    assert holders == []
    assert partners == []
    assert set(runs.values()) == {"completed"}
    assert [count for _, count in made] == [ITEMS * 2] * len(runs)
    assert units == {"completed": ITEMS * 2 * len(runs)}
    assert resumed >= KILLS / 2
