"""A live run on a stage: a real store, a real operator, a turned clock, and a channel whose other end is the test."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from app.architects.mock import MockArchitect, MockChannel
from app.clock import TurnedClock
from app.data.packets import DESKTOP_ID, Packet, PacketType
from app.data.store import Store
from app.operations.configuration.config import RunConfig, from_values
from app.operations.engine.live_run import LiveTaskRun
from app.operations.engine.notices import Notice
from app.operations.operator import Operator
from app.settings import Settings
from app.vault import FileVault
from tests.fakes.desk import ANSWERS


class StageClock(TurnedClock):
    """A turned clock that knows how many sleep on it."""

    def __init__(self) -> None:
        super().__init__()
        self.sleeping = 0
        self._slept = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        self.sleeping += 1
        self._slept.set()
        try:
            await super().sleep(seconds)
        finally:
            self.sleeping -= 1

    async def wait_asleep(self, number: int) -> None:
        """Until so many sleep."""
        while self.sleeping < number:
            self._slept.clear()
            await self._slept.wait()


async def until(condition: Callable[[], bool]) -> None:
    """Let everything else run until something holds."""
    while True:
        if condition():
            return
        await asyncio.sleep(0)


@dataclass
class Stage:
    """What a test holds."""

    folder: Path
    store: Store
    settings: Settings
    vault: FileVault
    clock: StageClock
    operator: Operator
    notices: list[Notice] = field(default_factory=list)
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    async def launch(self, **values: Any) -> LiveTaskRun:
        """Launch a mock task; returns when all its units are made. Keys as `config_of` takes them."""
        run = await self.operator.launch(config_of(self.folder, **values))
        await self.made(run)
        return run

    async def made(self, run: LiveTaskRun) -> None:
        """Until the launch is finished and the run knows it."""
        await until(lambda: run.progress.finished and run.engine.pool.launch_finished)

    def channel(self, run: LiveTaskRun) -> MockChannel:
        """The test's end of the run's channel."""
        channel = cast(MockArchitect, run.engine.architect).channel
        assert channel is not None
        return channel

    async def ask(self, run: LiveTaskRun, kind: PacketType, subject: str = "", **data: Any) -> dict[str, Any]:
        """Send a request as a router does; the answer's data."""
        request_id = f"r{next(self._numbers)}"
        channel = self.channel(run)
        channel.inject(Packet(kind, subject or DESKTOP_ID, {**data, "request_id": request_id}))
        seen = 0
        while True:
            for packet in channel.sent[seen:]:
                seen += 1
                if packet.packet_type is ANSWERS[kind] and packet.data.get("request_id") == request_id:
                    return packet.data
            channel._changed.clear()
            await channel._changed.wait()

    async def register(
        self, run: LiveTaskRun, worker: str, visit: str, *, visitor: str | None = None
    ) -> dict[str, Any]:
        """A worker asks for a unit in a visit."""
        provider_data = {
            "worker_name": worker,
            "agent_registration_id": f"{visit}-{worker}",
            "assignment_id": visit,
            "provider_type": run.context.config.provider_type,
            "verified": True,
            "visitor": visitor,
        }
        return await self.ask(run, PacketType.REGISTER_AGENT, provider_data=provider_data)

    async def token(self, run: LiveTaskRun, worker: str, visit: str) -> str:
        """The token of a registration that has to succeed."""
        details = await self.register(run, worker, visit)
        assert details["agent_id"], details["failure_reason"]
        return str(details["agent_id"])

    async def submit(self, run: LiveTaskRun, token: str, answer: Any = "yes", **data: Any) -> str | None:
        """Hand in; None, or why it was refused."""
        final = {"answer": answer}
        done = await self.ask(run, PacketType.SUBMIT_UNIT, token, final_data=final, **{"files": [], **data})
        return cast("str | None", done["failure_reason"])

    async def pass_time(self, run: LiveTaskRun, seconds: float, *, sleepers: int = 2) -> None:
        """Let time pass, second by second, each with all that becomes due in it, the end of the run included."""

        def rests() -> bool:
            return self.clock.sleeping >= sleepers or run.run_id not in self.operator.live_runs

        left = seconds
        while left > 0:
            await until(rests)
            await self.clock.turn(min(1.0, left))
            left -= 1.0
        await until(rests)

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """What is committed, past all of our own code."""
        with sqlite3.connect(self.store.url) as connection:
            found = connection.execute(statement, values).fetchall()
        connection.close()
        return found

    def one(self, statement: str, *values: Any) -> Any:
        """The first value of the first row."""
        return self.rows(statement, *values)[0][0]

    def events(self, kind: str) -> list[str]:
        """The messages of the journal of one kind."""
        return [row[0] for row in self.rows("SELECT message FROM events WHERE kind = ? ORDER BY event_id", kind)]


def config_of(folder: Path, **values: Any) -> RunConfig:
    """A mock task for in-house workers behind a channel without a server. Keys: names of any section's arguments."""
    sections: dict[str, dict[str, Any]] = {
        "task": {"task_name": "stage", "task_title": "Stage", "task_description": "Say anything.", "task_reward": "1"},
        "blueprint": {"_blueprint_type": "mock", "num_assignments": 3},
        "provider": {"_provider_type": "inhouse"},
        "architect": {"_architect_type": "mock"},
    }
    for name, value in values.items():
        section, _, key = name.partition("__")
        if value is None:
            sections[section].pop(key, None)  # as if it had not been said
        else:
            sections[section][key] = value
    config, problems = from_values(sections, folder)
    assert config is not None, problems
    return config


@asynccontextmanager
async def open_stage(folder: Path, template: Path | None = None, **options: Any) -> AsyncIterator[Stage]:
    """A stage in a folder; `template` is a database made by `make_template`, which saves the migration."""
    settings = Settings(folder, f"sqlite:///{folder / 'stage.db'}")
    if template is not None:
        shutil.copy(template, folder / "stage.db")
    store = await Store.open(settings.database_url, locks_dir=settings.locks_dir)
    clock = StageClock()
    vault = FileVault(folder / "vault.json")
    operator = Operator(store, settings, vault, clock, **{"linger_seconds": 0.0, **options})
    stage = Stage(folder, store, settings, vault, clock, operator)
    operator.subscribe_notices(stage.notices.append)
    try:
        await operator.start()
        yield stage
    finally:
        await operator.close()
        await store.close()


async def make_template(folder: Path) -> Path:
    """An empty, migrated database to copy."""
    path = folder / "template.db"
    store = await Store.open(f"sqlite:///{path}", locks_dir=folder / "locks")
    await store.close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return path
