"""The logic of a conversation that needs no code: passes on what is said, keeps turns and limits, asks at the end."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.blueprints.chat.messages import FormQuestion, message_of, read_form_answers, wish_of
from app.blueprints.chat.talk import Talk, TalkRules
from app.blueprints.live_agent import AgentCompleted, AgentTimeout, LiveAgent

LAST_QUESTIONS = "Before you go, please answer this."
TIME_IS_OVER = "The time for this conversation is over."


@dataclass(frozen=True)
class ConversationRules:
    """How a conversation goes. A 0 is no limit."""

    talk: TalkRules = field(default_factory=TalkRules)
    minutes: float = 0.0
    silence_seconds: float = 0.0
    """By turns: whose turn it is and who writes nothing so long is let go. Else: nobody writes so long, it is over."""
    last_form: tuple[FormQuestion, ...] = ()
    """Asked of each of the people when the conversation is over, inside it."""
    longest: int = 2_000
    says_who_may_write: bool = False
    """Bundles made for Mephisto wait after each message until they are asked again."""


@dataclass
class Conversation:
    """One conversation, from the first word to the last answer. `seats` are people and models, in their order."""

    rules: ConversationRules
    seats: Sequence[LiveAgent]
    talk: Talk = field(init=False)

    def __post_init__(self) -> None:
        self.talk = Talk(self.rules.talk, len(self.seats), self._people())
        self._heard: asyncio.Queue[tuple[int, Mapping[str, Any] | BaseException]] = asyncio.Queue()
        self._answered: set[int] = set()
        self._ends_at: float | None = None
        self._said_at = self._now()

    async def run(self) -> None:
        """Until it is over. Goes on where it was, when something was said before."""
        self._recall()
        ears = [asyncio.create_task(self._listen(place)) for place in range(len(self.seats))]
        for ear in ears:
            ear.add_done_callback(self._deaf)
        try:
            await self._begin()
            self._said_at = self._now()
            ears.append(asyncio.create_task(self._watch_time()))
            if not self.talk.is_over:
                await self._talk()
            if self.rules.last_form:
                await self._ask_all()
        finally:
            for ear in ears:
                ear.cancel()
            await asyncio.gather(*ears, return_exceptions=True)

    # what was said before a restart

    def _recall(self) -> None:
        names = [seat.name for seat in self.seats]
        told: dict[str, Mapping[str, Any]] = {}
        for seat in self.seats:
            for update in seat.past_updates:
                self._recall_one(seat, update)
                passed_on = "seat" in _data_of(update) or len(self.talk.people) == 1
                if passed_on and update.get("text") and update.get("id") in names:
                    told.setdefault(str(update.get("update_id")), update)
        lines = sorted(told.values(), key=_moment)
        for update in lines:
            place = names.index(update["id"])
            self.talk.said[place] += 1
            self.talk.turn = (place + 1) % len(self.seats)
        for place, seat in enumerate(self.seats):
            if seat.is_model:
                seat.transcript.clear()
                seat.transcript.extend((update["id"] == seat.name, update) for update in lines)
            for update in seat.past_updates:  # kept, but not passed on before the program ended
                new = str(update.get("update_id")) not in told and update.get("id") == seat.name
                if new and "former" not in _data_of(update):
                    self._heard.put_nowait((place, update))

    def _recall_one(self, seat: LiveAgent, update: Mapping[str, Any]) -> None:
        data = _data_of(update)
        if isinstance(data.get("ends_at"), int | float):
            self._ends_at = data["ends_at"] / 1000
        if data.get("form_responses") is not None and update.get("id") == seat.name:
            self._answered.add(self.seats.index(seat))

    # the talk

    async def _begin(self) -> None:
        if self.rules.minutes and self._ends_at is None:
            self._ends_at = self._now() + self.rules.minutes * 60
        for place, seat in enumerate(self.seats):
            data: dict[str, Any] = {"agent_display_name": seat.name, "live_update_requested": self._may_write(place)}
            if self._ends_at is not None:
                data["ends_at"] = round(self._ends_at * 1000)
            if seat.is_model and not self.rules.talk.by_turns:
                data["live_update_requested"] = bool(seat.transcript) and not seat.transcript[-1][0]
            await seat.observe({"task_data": data, "update_id": f"begin-{sum(self.talk.said)}"})

    async def _talk(self) -> None:
        while not self.talk.is_over:
            place, update = await self._next()
            if place < 0:
                return
            self.talk.people = self._people()  # a model may have taken a seat
            wish = wish_of(update)
            if wish is not None:
                if self.talk.want_to_end(place, wish):
                    await self._tell(place, {"wants_to_end": wish, "seat": place, "name": self.seats[place].name})
                continue
            message = message_of(update, self.rules.longest, model=self.seats[place].is_model)
            if message is None:
                continue
            if self.talk.speak(place):
                await self._pass_on(place, message, update.get("update_id"))

    async def _next(self) -> tuple[int, Mapping[str, Any]]:
        """The next thing that somebody says; a place below 0 when the time is over, or nobody says anything."""
        place, update = await self._hear()
        if place >= 0:
            self._said_at = self._now()
            return place, update
        if self._ends_at is not None and self._now() >= self._ends_at:
            await self._notice(TIME_IS_OVER)
        elif self.rules.talk.by_turns and not self.seats[self.talk.turn].is_model:
            raise AgentTimeout(self.seats[self.talk.turn].agent_id)
        return -1, {}

    async def _watch_time(self) -> None:
        """Put a word into the queue when the time is over, or the silence has been too long."""
        while (due := self._due()) is not None:
            left = due - self._now()
            if left <= 0:
                self._heard.put_nowait((-1, {}))
                return
            await self.seats[0].clock.sleep(left)

    def _due(self) -> float | None:
        silent = self._said_at + self.rules.silence_seconds if self.rules.silence_seconds else None
        return min((moment for moment in (self._ends_at, silent) if moment is not None), default=None)

    def _now(self) -> float:
        return self.seats[0].clock.now().timestamp()

    async def _pass_on(self, place: int, message: Mapping[str, Any], update_id: Any) -> None:
        """Give a message to the others, under the name of its seat; each is told whether it is their turn."""
        speaker = self.seats[place]
        said = {
            **message,
            "id": speaker.name,
            "update_id": update_id if isinstance(update_id, str) and update_id else secrets.token_hex(16),
            "timestamp": round(self._now() * 1000),
        }
        mine = {"seat": place, **message.get("task_data", {})}
        hearings = [
            seat.observe({**said, "task_data": {**mine, **self._turn_of(other)}})
            for other, seat in enumerate(self.seats)
            if other != place
        ]
        await (hearings[0] if len(hearings) == 1 else asyncio.gather(*hearings))
        if self.rules.says_who_may_write and not speaker.is_model and self._may_write(place):
            await speaker.observe({"task_data": {"live_update_requested": True}})

    def _turn_of(self, place: int) -> dict[str, Any]:
        """Whether it is that seat's turn, said where there are turns; a model without turns speaks when it hears."""
        if self.seats[place].is_model and not self.rules.talk.by_turns:
            return {}
        return {"live_update_requested": self._may_write(place)}

    def _may_write(self, place: int) -> bool:
        return self.talk.may_speak(place)

    def _people(self) -> set[int]:
        return {place for place, seat in enumerate(self.seats) if not seat.is_model}

    # the end

    async def _ask_all(self) -> None:
        """The last questions, of all at once; each answers when they like."""
        form = [question.as_wire() for question in self.rules.last_form]
        people = self._people() - self._answered
        for place in sorted(people):
            data = {"respond_with_form": form, "live_update_requested": True}
            await self.seats[place].observe(
                {"text": LAST_QUESTIONS, "id": "", "update_id": "last-form", "task_data": data | {"notice": True}}
            )
        waiting = set(people)
        while waiting:
            place, update = await self._hear()  # a word about the time means nothing any more
            if place in waiting and read_form_answers(update):
                waiting.discard(place)
                await self.seats[place].observe(
                    {"task_data": {"respond_with_form": None, "live_update_requested": False}}
                )

    # ears and mouth

    async def _listen(self, place: int) -> None:
        """One seat's ear: what comes goes into the one queue."""
        try:
            while True:
                self._heard.put_nowait((place, await self.seats[place].get_live_update()))
        except AgentCompleted:
            return  # they have handed in: nothing more comes from them

    def _deaf(self, ear: asyncio.Task[None]) -> None:
        """An ear has ended: why comes out where the conversation listens."""
        error = None if ear.cancelled() else ear.exception()
        if error is not None:
            self._heard.put_nowait((-1, error))

    async def _hear(self) -> tuple[int, Mapping[str, Any]]:
        place, heard = await self._heard.get()
        if isinstance(heard, BaseException):
            raise heard
        return place, heard

    async def _tell(self, place: int, data: Mapping[str, Any]) -> None:
        for other, seat in enumerate(self.seats):
            if other != place and not seat.is_model:
                await seat.observe({"task_data": dict(data)})

    async def _notice(self, text: str) -> None:
        for seat in self.seats:
            if not seat.is_model:
                await seat.observe({"text": text, "id": "", "task_data": {"notice": True}})


def _data_of(update: Mapping[str, Any]) -> Mapping[str, Any]:
    data = update.get("task_data")
    return data if isinstance(data, Mapping) else {}


def _moment(update: Mapping[str, Any]) -> float:
    stamp = update.get("timestamp")
    return float(stamp) if isinstance(stamp, int | float) else 0.0
