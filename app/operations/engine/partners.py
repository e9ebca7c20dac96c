"""Those who work together: what becomes of them when one leaves, who takes an open seat, who waits at which place."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.blueprints.live_agent import LiveAgent
from app.blueprints.task_runner import Fate, decide_fate
from app.data.repo import dispatch, intake, live_updates
from app.data.states import AgentStatus
from app.data.store import Session
from app.operations.engine.channels import Channels
from app.operations.engine.presence import AtWork, Presence
from app.operations.engine.run_context import RunContext

log = logging.getLogger(__name__)


@dataclass
class OpenSeat:
    """A seat of a running conversation whose worker has left."""

    assignment_id: int
    unit_id: int
    unit_index: int
    live: LiveAgent
    deadline: datetime


class Partners:
    """The company of one run: open seats, partners who are away, and the waiting room."""

    def __init__(self, context: RunContext, presence: Presence, channels: Channels) -> None:
        self._context, self._presence, self._channels = context, presence, channels
        self.rules = context.blueprint.live.partners
        self.seats: dict[int, OpenSeat] = {}
        """By unit."""
        self.is_under_way: Callable[[int], bool] = lambda assignment_id: True
        """Whether the logic of an assignment runs; set by what runs it."""
        self.say: Callable[[AtWork, Mapping[str, Any]], Any] | None = None
        """Says something to a page and keeps it; set by what does."""
        self._away: dict[int, datetime] = {}
        presence.when_shifted.append(self._shift)

    # somebody leaves

    def fate_of(self, agent: AtWork, status: AgentStatus, going: Collection[int]) -> Fate:
        """What becomes of a worker who leaves, and of the conversation."""
        now = self._context.clock.now()
        past_grace = timedelta(0)
        if agent.lost_at is not None:
            past_grace = now - agent.lost_at - self._presence.rules.reconnect_grace
        others = [
            each
            for each in self._presence.list_assignment(agent.assignment_id)
            if each.agent_id not in going and each.status is AgentStatus.IN_TASK
        ]
        return decide_fate(
            self.rules,
            status=status,
            away_seconds=past_grace.total_seconds(),
            others=len(others),
            is_under_way=self.is_under_way(agent.assignment_id),
            has_model=self._context.blueprint.live.stand_in is not None,
        )

    def _shift(self, drift: timedelta) -> None:
        self._away = {agent_id: until + drift for agent_id, until in self._away.items()}
        for seat in self.seats.values():
            seat.deadline += drift

    async def hold(self, agent: AtWork) -> None:
        """The others wait for somebody who lost the connection: they are told once until when."""
        if agent.agent_id not in self._away:
            self._away[agent.agent_id] = self._context.clock.now() + timedelta(seconds=self.rules.wait_seconds)
            await self._tell_others(agent, {"partner": self._words(agent, "away")})

    async def parted(self, agent: AtWork, fate: Fate) -> None:
        """Somebody has left: what becomes of the seat."""
        self._away.pop(agent.agent_id, None)
        live = agent.live
        if live is None:
            return
        if fate is Fate.VACATE:
            live.vacate()
            self.open_seat(agent.assignment_id, agent.unit_id, agent.unit_index, live)
            await self._tell_others(agent, {"partner": self._words(agent, "left")})
        elif fate is Fate.MODEL:
            stand_in = self._context.blueprint.live.stand_in
            assert stand_in is not None, "decided with it"
            live.give_to_model(stand_in(live))
            await self._announce(agent, f"{live.name} has left. A program answers in their place from now on.")
        else:
            live.leave(agent.status)
            if fate is Fate.END:
                self.close_seats(agent.assignment_id)

    def open_seat(self, assignment_id: int, unit_id: int, unit_index: int, live: LiveAgent) -> None:
        """Somebody may take this seat from now on, for a while."""
        until = self._context.clock.now() + timedelta(seconds=self.rules.wait_seconds)
        self.seats[unit_id] = OpenSeat(assignment_id, unit_id, unit_index, live, until)

    def close_seats(self, assignment_id: int) -> None:
        """The conversation is at its end: nobody takes its seats any more."""
        for seat in [seat for seat in self.seats.values() if seat.assignment_id == assignment_id]:
            del self.seats[seat.unit_id]

    # somebody comes

    async def join(self, agent: AtWork) -> bool:
        """A worker who was given the unit of an open seat goes on there; False when there is none."""
        seat = self.seats.get(agent.unit_id)
        if seat is None or not self.is_under_way(agent.assignment_id):
            return False
        del self.seats[agent.unit_id]
        await self._context.store.write(give_history, self._context, seat, agent.agent_id)
        await self._seat(agent, seat)
        return True

    async def fill_seats(self) -> None:
        """Let those who wait longest take the open seats."""
        for seat in list(self.seats.values()):
            for agent in self.list_waiting():
                if not agent.had_socket or agent.lost_at is not None:
                    continue
                inputs = await self._context.store.write(take_seat, self._context, seat, agent.agent_id)
                if inputs is not None:
                    self.seats.pop(seat.unit_id, None)
                    self._presence.move(agent, seat.unit_id, seat.unit_index, seat.assignment_id)
                    agent.inputs, agent.started_at = inputs, self._context.clock.now()
                    await self._seat(agent, seat)
                    break

    async def _seat(self, agent: AtWork, seat: OpenSeat) -> None:
        agent.status = AgentStatus.IN_TASK
        agent.live = seat.live
        say = self.say
        assert say is not None, "set before anybody comes"
        seat.live.seat(agent.agent_id, agent.worker_name, agent.inputs or {}, lambda content: say(agent, content))
        await self._channels.push_status(agent.token, agent.status, agent.channel_id, news={"moved": True})
        await self._tell_others(agent, {"partner": self._words(agent, "back")})
        await self._announce(agent, f"Somebody else is {seat.live.name} from now on.")

    # time

    async def look(self) -> list[OpenSeat]:
        """Once a second: who is back, who may sit down, who is told their place. Returns seats that nobody took."""
        for agent_id in list(self._away):
            agent = self._presence.find_agent(agent_id)
            if agent is None or agent.lost_at is None:
                del self._away[agent_id]
            if agent is not None and agent.lost_at is None:
                await self._tell_others(agent, {"partner": self._words(agent, "back")})
        if self.seats:
            await self.fill_seats()
        if self._context.blueprint.is_concurrent():
            await self.tell_places()
        now = self._context.clock.now()
        late = [seat for seat in self.seats.values() if now >= seat.deadline]
        for seat in late:
            del self.seats[seat.unit_id]
        return late

    # the waiting room

    def list_waiting(self) -> list[AtWork]:
        """Who waits for partners, who came first at the front."""
        waiting = [agent for agent in self._presence if agent.status is AgentStatus.WAITING]
        return sorted(waiting, key=lambda agent: (agent.started_at, agent.agent_id))

    async def tell_places(self) -> None:
        """Tell those who wait their place, where it is another than they were told."""
        needed = self._context.blueprint.units_per_assignment()
        for place, agent in enumerate(waiting := self.list_waiting(), 1):
            missing = max(0, needed - len(self._presence.list_assignment(agent.assignment_id)))
            told = (place, len(waiting), missing)
            if agent.told == told or not agent.connected:
                continue
            agent.told = told
            left = self._presence.rules.waiting_limit - (self._context.clock.now() - agent.started_at)
            seconds = max(0.0, left.total_seconds())
            room = {"position": place, "of": len(waiting), "missing": missing, "seconds_left": seconds}
            await self._channels.push_status(agent.token, agent.status, agent.channel_id, news={"waiting_room": room})

    async def connected(self, agent: AtWork) -> None:
        """A page has connected: what the others were told by word of mouth is told to it too."""
        agent.told = None
        if agent.status is AgentStatus.WAITING:
            await self.tell_places()
        for partner in self._presence.list_assignment(agent.assignment_id):
            if partner.agent_id in self._away and partner is not agent:
                await self._push(agent, {"partner": self._words(partner, "away")})
        for seat in self.seats.values():
            if seat.assignment_id == agent.assignment_id:
                await self._push(agent, {"partner": self._seat_words(seat)})

    # words

    def _words(self, agent: AtWork, what: str) -> dict[str, Any]:
        name = agent.live.name if agent.live is not None else ""
        words: dict[str, Any] = {"name": name, "seat": agent.unit_index, "is": what}
        until = self._away.get(agent.agent_id)
        if what == "left":
            until = self.seats[agent.unit_id].deadline
        if until is not None and what != "back":
            words["seconds"] = max(0.0, (until - self._context.clock.now()).total_seconds())
        return words

    def _seat_words(self, seat: OpenSeat) -> dict[str, Any]:
        left = max(0.0, (seat.deadline - self._context.clock.now()).total_seconds())
        return {"name": seat.live.name, "seat": seat.unit_index, "is": "left", "seconds": left}

    async def _tell_others(self, agent: AtWork, news: Mapping[str, Any]) -> None:
        for partner in self._presence.list_assignment(agent.assignment_id):
            if partner.agent_id != agent.agent_id:
                await self._push(partner, news)

    async def _push(self, agent: AtWork, news: Mapping[str, Any]) -> None:
        await self._channels.push_status(agent.token, agent.status, agent.channel_id, news=news)

    async def _announce(self, agent: AtWork, sentence: str) -> None:
        """A line of the conversation that everybody but `agent` gets, and that stays in it."""
        content = {"text": sentence, "id": "", "update_id": secrets.token_hex(16), "task_data": {"notice": True}}
        for partner in self._presence.list_assignment(agent.assignment_id):
            if partner.agent_id != agent.agent_id and self.say is not None:
                await self.say(partner, content)


# in the writer's thread


def take_seat(session: Session, context: RunContext, seat: OpenSeat, agent_id: int) -> Mapping[str, Any] | None:
    """Somebody who waits takes an open seat, with its data and its history; None when they cannot."""
    now = context.clock.now()
    if not intake.take_seat(session, agent_id, seat.unit_id, now):
        return None
    item = dispatch.list_items(session, [seat.assignment_id])[seat.assignment_id]
    units = item.get("unit_data") or [{}]
    unit = units[seat.unit_index] if seat.unit_index < len(units) else {}
    inputs = context.blueprint.initial_data(item.get("shared") or {}, unit)
    intake.change_inputs(session, agent_id, inputs)
    give_history(session, context, seat, agent_id)
    return inputs


def give_history(session: Session, context: RunContext, seat: OpenSeat, agent_id: int) -> None:
    """What was said in a seat is there for whoever takes it."""
    live_updates.copy_history(session, [seat.live.agent_id], agent_id, seat.live.name, context.clock.now())
