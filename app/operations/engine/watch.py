"""The watch over a live run: once a second, whose time is up, what to journal, whether anything comes in at all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

from app.data.packets import DESKTOP_ID, Packet, PacketType
from app.data.repo import journal
from app.data.states import RunState
from app.operations.engine.channels import Channels
from app.operations.engine.departures import Departures
from app.operations.engine.logics import Logics
from app.operations.engine.onboarding import OnboardingDesk
from app.operations.engine.page_errors import PageErrors
from app.operations.engine.presence import Presence
from app.operations.engine.refusals import RefusalLog
from app.operations.engine.run_context import RunContext

TICK_SECONDS = 1.0
ASK_STATUSES_SECONDS = 15.0
"""How often routers are asked whom they hear: what a lost packet would have told comes out then."""

TELL_REFUSALS_SECONDS = 60.0
"""What the router refused is told no more often than this."""


class RunWatch:
    """Keeps the rules of time of one run, until cancelled."""

    def __init__(
        self,
        context: RunContext,
        presence: Presence,
        channels: Channels,
        departures: Departures,
        onboarding: OnboardingDesk,
        logics: Logics,
        refusals: RefusalLog,
        faults: PageErrors,
        state: Callable[[], RunState],
        on_lifetime_over: Callable[[], Awaitable[None]],
        refused_by_router: Callable[[], Mapping[str, int] | None],
    ) -> None:
        """`refused_by_router`: how often the router refused what; it is told as it grows."""
        self._context = context
        self._presence = presence
        self._channels = channels
        self._departures = departures
        self._onboarding = onboarding
        self._logics = logics
        self._refusals = refusals
        self._faults = faults
        self._state = state
        self._on_lifetime_over = on_lifetime_over
        self._refused_by_router = refused_by_router
        self._told_refusals: dict[str, int] = {}
        self._told_refusals_at = context.clock.now() - timedelta(seconds=TELL_REFUSALS_SECONDS)
        self._last_submission_at = context.clock.now()
        self._asked_at = context.clock.now()
        self._started_at = context.run.started_at or context.clock.now()
        self._lifetime_over = False

    def submission_came(self) -> None:
        """Something was handed in: patience begins anew."""
        self._last_submission_at = self._context.clock.now()

    async def run(self) -> None:
        """Look once a second."""
        while True:
            self._presence.before_sleep()
            await self._context.clock.sleep(TICK_SECONDS)
            if self._presence.after_sleep(TICK_SECONDS):
                message = (
                    "This computer slept or its clock was set: nobody at work is timed out before they could return."
                )
                await self._context.record("run.clock_jumped", message, level="warning")
                self._asked_at = self._last_submission_at = self._context.clock.now()
            if not self._channels.any_alive():
                self._presence.give_chance()  # nobody can be heard: nobody is judged
            await self.look()

    async def look(self) -> None:
        """Everything that is due now."""
        overdue = self._presence.list_overdue()
        if overdue:
            await self._departures.let_go(overdue)
        await self._departures.look()
        await self._logics.look()
        await self._onboarding.look()
        await self.write_journal()
        await self._ask_statuses()
        await self._tell_refusals()
        await self._check_patience()
        await self._check_lifetime()

    async def write_journal(self) -> None:
        """Write the refusals and faults that were collected."""
        due = [*self._refusals.take_due(), *self._faults.take_due()]
        if due:
            now = self._context.clock.now()
            await self._context.store.write(journal.add_events, self._context.run_id, due, now)

    async def _ask_statuses(self) -> None:
        now = self._context.clock.now()
        if len(self._presence) and now - self._asked_at >= timedelta(seconds=ASK_STATUSES_SECONDS):
            self._asked_at = now
            await self._channels.broadcast(Packet(PacketType.REQUEST_STATUSES, DESKTOP_ID))

    async def _tell_refusals(self) -> None:
        """What the router refused since it was last told: a page that floods it, and everything of that kind."""
        now, counts = self._context.clock.now(), self._refused_by_router()
        if not counts or now - self._told_refusals_at < timedelta(seconds=TELL_REFUSALS_SECONDS):
            return
        grown = {word: count - self._told_refusals.get(word, 0) for word, count in counts.items()}
        grown = {word: count for word, count in grown.items() if count > 0}
        self._told_refusals = dict(counts)
        if grown:
            self._told_refusals_at = now
            words = ", ".join(f"{word.replace('_', ' ')} {count} times" for word, count in sorted(grown.items()))
            await self._context.record("router.refused", f"The server of the pages refused: {words}.", counts=grown)

    async def _check_patience(self) -> None:
        now = self._context.clock.now()
        patience = timedelta(seconds=self._context.config.task.no_submission_patience)
        if self._state() is not RunState.IN_FLIGHT or now - self._last_submission_at < patience:
            return
        hours = patience.total_seconds() / 3600
        message = f"Nothing was handed in for {hours:.1f} hours. Is the link with the workers? You may pause the run."
        self._last_submission_at = now
        await self._context.record("run.stalled", message, level="warning")
        self._context.notify("stalled", message)

    async def _check_lifetime(self) -> None:
        end = self._started_at + timedelta(seconds=self._context.config.task.task_lifetime_in_seconds)
        if self._lifetime_over or self._context.clock.now() < end:
            return
        self._lifetime_over = True
        message = "The task's lifetime is over: what nobody has done is expired."
        await self._context.record("run.lifetime_over", message, level="warning")
        await self._on_lifetime_over()
