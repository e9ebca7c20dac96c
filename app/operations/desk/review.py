"""The review desk: decisions about submissions, taken back while there is time, then applied with their payments."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from app.clock import Clock
from app.data.repo import decisions, ledger, reviews
from app.data.states import AgentStatus, UnitStatus
from app.data.store import Store
from app.errors import AppError, InvalidEntry, ProviderError
from app.operations.desk import verdicts
from app.operations.desk.authors import author_of
from app.operations.desk.bonuses import check_amount
from app.operations.desk.crowd import Crowd
from app.operations.desk.decision_file import CsvOutcome, read_decisions
from app.operations.desk.decision_rule import DecisionRule, choose
from app.operations.desk.payments import Ledger
from app.operations.desk.verdicts import DecisionPreview, Verdict
from app.operations.desk.workers import WorkerDesk
from app.providers.base import CrowdProvider
from app.settings import Settings

log = logging.getLogger(__name__)

CHUNK = 400
"""Units decided in one transaction: a longer one would let workers' submissions wait."""
BLOCKS_SECONDS = 60.0
"""How often is looked for blocks whose time is over. The gates go by the clock: only what is shown may lag."""
FLAG = "flag"
LATEST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Decided:
    """What came of a decision: the units it is about, without those that it passed over, and what `undo` takes."""

    batch: str
    unit_ids: tuple[int, ...]


class ReviewDesk:
    """Where decisions about work are made. `start` before use, `close` after."""

    def __init__(self, store: Store, ledger: Ledger, crowd: Crowd, settings: Settings, clock: Clock) -> None:
        self._store, self._ledger, self._crowd = store, ledger, crowd
        self._settings, self._clock = settings, clock
        self._workers = WorkerDesk(store, crowd, settings, clock)
        self._new = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None
        self._sending: set[asyncio.Task[None]] = set()
        self._applying = asyncio.Lock()
        self._own: set[str] = set()
        """Batches that were decided here and may be pending."""
        self._own_bonuses: set[int] = set()
        """Payments that were decided here and may not be final."""

    async def start(self) -> None:
        """Apply what fell due while the program was away, see to the ledger, then go on applying."""
        await self.apply_due()
        if self._loop is None:
            self._loop = asyncio.create_task(self._serve(), name="review desk")
        self._send_behind(reconcile=True)

    async def close(self) -> None:
        """Apply what was decided here and is pending (with the program, the chance to take it back ends), and stop.

        What another process decided stays pending until it is due. Idempotent.
        """
        if self._loop is not None:
            self._loop.cancel()
            with suppress(asyncio.CancelledError):
                await self._loop
            self._loop = None
        await self._apply_own()
        await asyncio.gather(*self._sending)

    async def preview(self, unit_ids: Sequence[int], verdict: Verdict, bonus: Decimal | None = None) -> DecisionPreview:
        """What a decision would do and cost. Nothing is changed."""
        verdicts.check_verdict(verdict)
        standings = await self._store.read(decisions.list_standings, unit_ids)
        providers = {run_id: await self._crowd.of_run(run_id) for run_id in {unit.task_run_id for unit in standings}}
        return verdicts.preview(standings, len(set(unit_ids)), verdict, bonus, providers)

    async def decide(
        self, unit_ids: Sequence[int], verdict: Verdict, note: str = "", bonus: Decimal | None = None,
        author: str = "", undoable: bool = True,
    ) -> Decided:  # fmt: skip
        """Decide about submissions; returns which, and the batch that `undo` takes back.

        Rejecting needs a note, which the worker reads. Units that cannot be decided so are left out; `InvalidEntry`
        when that is all of them. An undoable decision is applied when the undo time of the preferences is over; a unit
        that is decided again before that takes the newer decision.
        """
        verdicts.check_verdict(verdict)
        note = note.strip()
        if verdict is AgentStatus.REJECTED and not note:
            raise InvalidEntry("note", "a rejection needs a reason: the worker reads it.")
        if bonus is not None:
            check_amount(bonus)
            if verdict is AgentStatus.REJECTED:
                raise InvalidEntry("bonus", "work that is rejected gets none.")
        ids = await self._decidable(unit_ids, verdict)
        batch, writer = secrets.token_hex(8), author_of(self._settings, author)
        seconds = self._settings.preferences.undo_seconds
        if undoable and seconds > 0:
            now = self._clock.now()
            self._own.add(batch)
            await self._store.write(
                reviews.add_pending, batch, ids, verdict, review_note=note or None, bonus=bonus, author=writer,
                due_at=now + timedelta(seconds=seconds), now=now,
            )  # fmt: skip
            self._new.set()
        else:
            decision = verdicts.Decision(verdict, note, bonus, writer, batch)
            await self._apply_now(ids, decision)
        return Decided(batch, tuple(ids))

    async def undo(self, batch: str) -> int:
        """Take back what of a batch is not applied yet; returns how many units (0: too late)."""
        return len(await self._store.write(reviews.remove_pending, batch))

    async def give_bonus(
        self, worker_ids: Sequence[int], unit_ids: Sequence[int], amount: Decimal, reason: str, currency: str = ""
    ) -> list[int]:
        """Pay a bonus for each of the units, or (without any) to each of the workers, as the ledger does.

        Returns the payments that `take_bonus_back` takes back until the undo time of the preferences is over. They are
        written down at once, so that a crash loses none. `InvalidEntry`.
        """
        seconds = self._settings.preferences.undo_seconds
        due_at = self._clock.now() + timedelta(seconds=seconds) if seconds > 0 else None
        if unit_ids:
            ids = await self._ledger.pay_unit_bonuses(unit_ids, amount, reason, due_at=due_at)
        else:
            ids = await self._ledger.pay_bonus(worker_ids, amount, reason, currency=currency, due_at=due_at)
        if due_at is not None:
            self._own_bonuses.update(ids)
            self._new.set()
        return ids

    async def take_bonus_back(self, payment_ids: Sequence[int]) -> int:
        """Void bonuses whose undo time is not over; returns how many payments (0: too late)."""
        return await self._ledger.take_back(payment_ids)

    async def apply_due(self, everything: bool = False) -> int:
        """Apply the decisions and bonuses whose undo time is over (or all); returns how many units were changed.

        Blocks whose time is over are lifted.
        """
        done = 0
        until = LATEST if everything else self._clock.now()
        async with self._applying:
            while rows := await self._store.read(reviews.due_pending, until, CHUNK):
                providers = await self._providers_of([row.unit_id for row in rows])
                batches = {row.batch for row in rows}
                arguments = (batches, until, CHUNK, providers, self._clock.now())
                changed, left = await self._store.write(verdicts.apply_pending, *arguments)
                done += changed
                if left == len(rows):  # all of them are of runs whose provider is not there: they stay pending
                    break
            given = await self._ledger.release(until)
        await self._workers.lift_ended()
        if done or given:
            self._send_behind()
        return done

    async def _apply_own(self) -> None:
        done = 0
        async with self._applying:
            while self._own:
                batch = self._own.pop()
                rows = await self._store.read(reviews.list_pending, batch)
                providers = await self._providers_of([row.unit_id for row in rows])
                done += await self._store.write(verdicts.apply_batch, batch, providers, self._clock.now())
            if self._own_bonuses:
                done += await self._ledger.release(LATEST, sorted(self._own_bonuses))
                self._own_bonuses.clear()
        if done:
            self._send_behind()

    async def approve_all(
        self, run_id: int, author: str = "", progress: Callable[[int, int], None] | None = None
    ) -> int:
        """Approve every submission of a run that waits and about which nothing is pending; returns how many."""
        ids = await self._store.read(decisions.list_waiting_units, run_id)
        decision = verdicts.Decision(
            AgentStatus.APPROVED, "", None, author_of(self._settings, author), secrets.token_hex(8)
        )
        return await self._apply_now(ids, decision, progress)

    async def flag(self, unit_ids: Sequence[int], on: bool = True, flag: str = FLAG) -> int:
        """Put a mark on units, or take it off; returns how many changed."""
        if on:
            return await self._store.write(reviews.add_flag, unit_ids, flag, self._clock.now())
        return await self._store.write(reviews.remove_flag, unit_ids, flag)

    async def units_of_worker(self, worker_id: int, run_id: int | None) -> list[int]:
        """A worker's submissions that wait for a decision, in one run or (None) in all."""
        return await self._store.read(decisions.list_waiting_of_worker, worker_id, run_id)

    async def units_by_rule(self, run_id: int, rule: DecisionRule) -> list[int]:
        """The submissions of a run that wait for a decision and of which the whole rule holds."""
        return await choose(self._store, run_id, rule)

    async def decide_from_csv(self, path: Path, run_id: int, author: str = "") -> CsvOutcome:
        """Apply the decisions of a CSV file (unit_id, decision, note, bonus) to a run, at once.

        Rows that cannot be done are told with their line and left out; the others are done. `ConfigError` for a file
        that is no such table.
        """
        table = await asyncio.to_thread(read_decisions, path)
        wanted = {row.unit_id for row in table.rows}
        standings = {one.unit_id: one for one in await self._store.read(decisions.list_standings, sorted(wanted))}
        providers = {run_id: await self._crowd.of_run(run_id)}
        groups, problems = table.group(standings, run_id, providers)
        decided: dict[str, int] = {}
        for (verdict, note, bonus), ids in groups.items():
            decision = verdicts.Decision(verdict, note, bonus, author_of(self._settings, author), secrets.token_hex(8))
            done = await self._apply_now(ids, decision)
            decided[verdict.value] = decided.get(verdict.value, 0) + done
        return CsvOutcome(decided, problems)

    async def _decidable(self, unit_ids: Sequence[int], verdict: Verdict) -> list[int]:
        standings = await self._store.read(decisions.list_standings, unit_ids)
        ids, refusal = [], ""
        for unit in standings:
            if unit.status is UnitStatus.REJECTED and verdict is AgentStatus.APPROVED:
                provider = await self._crowd.of_run(unit.task_run_id)
                refusal = "" if provider.REJECTION_CAN_BE_TAKEN_BACK else verdicts.cannot_take_back(provider)
                if not refusal:
                    ids.append(unit.unit_id)
            elif unit.status is UnitStatus.COMPLETED:
                ids.append(unit.unit_id)
        if not ids:
            raise InvalidEntry("unit_id", refusal or "none of these units waits for this decision.")
        return ids

    async def _apply_now(
        self, unit_ids: Sequence[int], decision: verdicts.Decision, progress: Callable[[int, int], None] | None = None
    ) -> int:
        providers = await self._providers_of(unit_ids)
        done = 0
        for start in range(0, len(unit_ids), CHUNK):
            piece = list(unit_ids[start : start + CHUNK])
            done += await self._store.write(verdicts.apply, piece, decision, providers, self._clock.now())
            if progress is not None:
                progress(min(start + CHUNK, len(unit_ids)), len(unit_ids))
        if done:
            self._send_behind()
        return done

    async def _providers_of(self, unit_ids: Sequence[int]) -> dict[int, CrowdProvider]:
        """Run id -> provider, of the runs of these units; runs whose provider cannot be used are left out."""
        found: dict[int, CrowdProvider] = {}
        for run_id in await self._store.read(decisions.list_runs_of_units, unit_ids):
            try:
                found[run_id] = await self._crowd.of_run(run_id)
            except ProviderError as error:
                log.warning("decisions of run %d wait: %s", run_id, error)
        return found

    async def _serve(self) -> None:
        while True:
            self._new.clear()
            dues = (await self._store.read(reviews.next_due), await self._store.read(ledger.next_due))
            due = min((moment for moment in dues if moment is not None), default=LATEST)
            seconds = min(BLOCKS_SECONDS, max(0.0, (due - self._clock.now()).total_seconds()))
            waits: list[asyncio.Future[object]] = [
                asyncio.ensure_future(self._new.wait()),
                asyncio.ensure_future(self._clock.sleep(seconds)),
            ]
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()
                await asyncio.gather(*waits, return_exceptions=True)
            try:
                await self.apply_due()
            except AppError as error:
                log.warning("decisions could not be applied, they stay pending: %s", error)
                await self._clock.sleep(10)

    def _send_behind(self, *, reconcile: bool = False) -> None:
        """See to the ledger without keeping the requester waiting; what fails stands in its rows."""
        task = asyncio.create_task(self._send(reconcile), name="ledger")
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send(self, reconcile: bool) -> None:
        try:
            await (self._ledger.reconcile() if reconcile else self._ledger.send_open())
            await self._ledger.tell_rejections()
        except ProviderError as error:
            log.warning("the ledger could not be sent: %s", error)
        except AppError as error:
            log.warning("the ledger could not be written: %s", error)
