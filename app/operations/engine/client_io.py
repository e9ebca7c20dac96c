"""Packets in, operations, packets out. Every packet may come twice; what one of them breaks stays with that packet."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from app.blueprints.gates import Refuse, refuse
from app.data.packets import DESKTOP_ID, ONBOARDING_PREFIX, Packet, PacketType
from app.data.repo import dispatch, people
from app.data.repo.core import clean_text
from app.data.states import LIVE_AGENT, AgentStatus
from app.operations.engine.admission import Given, InOnboarding, Outcome
from app.operations.engine.channels import Channels
from app.operations.engine.departures import Departures
from app.operations.engine.live_tasks import LiveTasks
from app.operations.engine.logics import at_work_of
from app.operations.engine.onboarding import OnboardingDesk, Passed
from app.operations.engine.page_errors import PageErrors
from app.operations.engine.presence import AtWork, Overdue, Presence
from app.operations.engine.refusals import RefusalLog
from app.operations.engine.run_context import RunContext, hash_of
from app.operations.engine.welcome import WelcomeDesk
from app.operations.engine.work_intake import JUDGED, REVIEWED, UNKNOWN, HandIn, WorkIntake
from app.operations.engine.worker_pool import WorkerPool

log = logging.getLogger(__name__)

MAX_NAME = 400
RETURNED = "You gave this unit back."
HANDED_IN = "This unit was handed in already: it cannot be given back any more."
NOT_OVER = "This is not over yet, so nothing can be handed in."

Handler = Callable[[Packet, str], Awaitable[None]]


class ClientIOHandler:
    """Answers the packets of one run's routers."""

    def __init__(
        self,
        context: RunContext,
        presence: Presence,
        channels: Channels,
        pool: WorkerPool,
        intake: WorkIntake,
        departures: Departures,
        live: LiveTasks,
        welcome: WelcomeDesk,
        onboarding: OnboardingDesk,
        refusals: RefusalLog,
        faults: PageErrors,
        on_submission: Callable[[], None],
    ) -> None:
        self._context = context
        self._presence = presence
        self._channels = channels
        self._pool = pool
        self._intake = intake
        self._departures = departures
        self._live = live
        self._welcome = welcome
        self._refusals = refusals
        self._on_submission = on_submission
        self._onboarding = onboarding
        self._faults = faults
        self._handlers: dict[PacketType, Handler] = {
            PacketType.REGISTER_AGENT: self._register,
            PacketType.SUBMIT_ONBOARDING: self._submit_onboarding,
            PacketType.SUBMIT_UNIT: self._submit,
            PacketType.SUBMIT_METADATA: self._submit_metadata,
            PacketType.RETURN_UNIT: self._return,
            PacketType.REQUEST_WORKER_STATE: self._worker_state,
            PacketType.MEPHISTO_BOUND_LIVE_UPDATE: self._live_update,
            PacketType.ALIVE: self._alive,
            PacketType.DISCONNECTED: self._lost,
            PacketType.REQUEST_STATUSES: self._tell_statuses,
            PacketType.RETURN_STATUSES: self._hear_statuses,
            PacketType.REQUEST_AGENT_STATUS: self._tell_status,
            PacketType.ERROR: self._page_error,
        }

    async def on_packet(self, packet: Packet, channel_id: str) -> None:
        """Handle one packet. A fault is logged and journalled; a page that waits for an answer asks again."""
        handler = self._handlers.get(packet.packet_type)
        if handler is None:
            log.info("A router sent %s, which is not for the desktop.", packet.packet_type)
            return
        try:
            await handler(packet, channel_id)
        except Exception as error:
            log.exception("A packet of run %d could not be handled: %s", self._context.run_id, packet.packet_type)
            self._faults.add("packet.failed", f"{packet.packet_type} could not be handled: {error}", {})
            if packet.packet_type is PacketType.REGISTER_AGENT:
                await self._send_refusal(packet, channel_id, refuse("failed"))

    # registration

    async def _register(self, packet: Packet, channel_id: str) -> None:
        provider_data = packet.data.get("provider_data")
        name, registration_id, visitor = _who(provider_data)
        if not name or not registration_id:
            await self._refuse(packet, channel_id, name, refuse("bad_request"))
            return
        assert isinstance(provider_data, Mapping)
        provider = self._context.provider
        external = provider.AgentClass.new_from_provider_data(provider, name, provider_data).external
        is_back = provider_data.get("returning") is True
        order = self._pool.make_order(name, registration_id, visitor, external, is_back=is_back)
        known = self._presence.find_registration(order.registration_id)
        closed = self._pool.closed()
        if known is None and closed is not None:
            await self._refuse(packet, channel_id, name, closed)
            return
        await self._answer(packet, channel_id, name, await self._pool.register(order))

    async def _answer(self, packet: Packet, channel_id: str, name: str, outcome: Outcome) -> None:
        if isinstance(outcome, Refuse):
            await self._refuse(packet, channel_id, name, outcome)
        elif isinstance(outcome, InOnboarding):
            token = self._onboarding.enter(
                outcome.onboarding_agent_id, outcome.worker_id, name, outcome.nonce, outcome.started_at, channel_id
            )
            await self._send_details(packet, channel_id, name, token, outcome.status, outcome.inputs)
        else:
            agent = self._enter(outcome, name, channel_id)
            left = self._seconds_left(agent)
            inputs = outcome.inputs
            joined = bool(outcome.started_with) and await self._departures.partners.join(agent)
            told: list[str] = []
            if outcome.again or joined:
                inputs, told = await self._live.inputs_for(agent, inputs)
            await self._send_details(packet, channel_id, name, agent.token, agent.status, inputs, left, told)
            if outcome.again:
                await self._live.replay(agent)
            else:
                await self._live.logics.start_alone(agent)
            if outcome.started_with and not joined:
                await self._live.logics.start(outcome.agent.assignment_id, outcome.started_with)

    def _enter(self, given: Given, name: str, channel_id: str) -> AtWork:
        agent = self._presence.add(at_work_of(self._context, given.agent, name, given.inputs))
        agent.channel_id = channel_id
        self._live.attach(agent)
        self._presence.heard(agent.token)
        return agent

    async def _submit_onboarding(self, packet: Packet, channel_id: str) -> None:
        done = await self._onboarding.take(packet.subject_id, packet.data.get("onboarding_data"))
        try:
            await self._after_onboarding(packet, channel_id, done)
        finally:
            if not (isinstance(done, Refuse) and done.code == "failed"):  # it may be sent again: not judged yet
                await self._onboarding.answered(packet.subject_id)

    async def _after_onboarding(self, packet: Packet, channel_id: str, done: Passed | Refuse) -> None:
        if isinstance(done, Refuse):
            await self._refuse(packet, channel_id, "", done)
            return
        order = self._pool.make_order(done.worker_name, done.registration_id, None, {})
        closed = self._pool.closed()
        outcome = closed if closed is not None else await self._pool.register(order)
        await self._answer(packet, channel_id, done.worker_name, outcome)

    async def _refuse(self, packet: Packet, channel_id: str, name: str, verdict: Refuse) -> None:
        self._refusals.add(name, verdict)
        await self._send_refusal(packet, channel_id, verdict)

    async def _send_refusal(self, packet: Packet, channel_id: str, verdict: Refuse) -> None:
        data = {
            "request_id": packet.data.get("request_id"),
            "worker_id": None,
            "agent_id": None,
            "init_task_data": None,
            "failure_reason": verdict.reason,
            "failure_code": verdict.code,
        }
        await self._channels.send(Packet(PacketType.AGENT_DETAILS, channel_id, data), channel_id)

    def _seconds_left(self, agent: AtWork) -> float | None:
        """How long the worker still has, for the page to show; None without a limit."""
        whole = self._context.config.task.assignment_duration_in_seconds
        if not whole:
            return None
        return max(0.0, whole - (self._context.clock.now() - agent.started_at).total_seconds())

    async def _send_details(
        self,
        packet: Packet,
        channel_id: str,
        name: str,
        token: str,
        status: AgentStatus,
        inputs: Any,
        seconds_left: float | None = None,
        told: Sequence[str] = (),
    ) -> None:
        data = {
            "request_id": packet.data.get("request_id"),
            "worker_id": name,
            "agent_id": token,
            "init_task_data": inputs,
            "failure_reason": None,
            "status": str(status),
            "seconds_left": seconds_left,
        }
        if told:
            data["said"] = list(told)
        await self._channels.send(Packet(PacketType.AGENT_DETAILS, channel_id, data), channel_id)

    # work

    async def _submit(self, packet: Packet, channel_id: str) -> None:
        at_work = self._presence.find_token(packet.subject_id)
        if at_work is not None and self._live.logics.is_talking(at_work):
            await self._acknowledge(packet, channel_id, NOT_OVER)
            return
        files = packet.data.get("files")
        work = HandIn(packet.subject_id, packet.data.get("final_data"), files if isinstance(files, list) else [])
        receipt = await self._intake.hand_in(work)
        await self._acknowledge(packet, channel_id, receipt.failure)
        if receipt.agent is None or receipt.failure is not None:
            return
        agent = self._presence.remove(receipt.agent.agent_id)
        if agent is not None:
            agent.status = AgentStatus.COMPLETED
            if agent.live is not None:
                agent.live.put_submission(work.outputs)
        if not receipt.again:
            self._on_submission()
            await self._live.mark_done(receipt.agent, agent.worker_name if agent is not None else "")

    async def _submit_metadata(self, packet: Packet, channel_id: str) -> None:
        agent = await self._find(packet.subject_id)
        if agent is None or agent.status in REVIEWED:
            await self._acknowledge(packet, channel_id, UNKNOWN if agent is None else JUDGED)
            return
        said = {"metadata": packet.data.get("metadata"), "files": packet.data.get("files") or []}
        await self._context.store.write(people.record_metadata, agent.agent_id, said)
        await self._acknowledge(packet, channel_id, None)

    async def _return(self, packet: Packet, channel_id: str) -> None:
        at_work = self._presence.find_token(packet.subject_id)
        if at_work is not None:
            await self._departures.let_go([Overdue(at_work, AgentStatus.RETURNED, RETURNED)])
            await self._acknowledge(packet, channel_id, None)
            return
        agent = await self._find(packet.subject_id)
        if agent is None or agent.status in LIVE_AGENT:
            await self._acknowledge(packet, channel_id, UNKNOWN)
        elif agent.status in (AgentStatus.COMPLETED, *REVIEWED):  # from another window, most likely
            await self._acknowledge(packet, channel_id, HANDED_IN)
        else:
            await self._acknowledge(packet, channel_id, None)

    async def _acknowledge(self, packet: Packet, channel_id: str, failure: str | None) -> None:
        data = {"request_id": packet.data.get("request_id"), "failure_reason": failure}
        await self._channels.send(Packet(PacketType.SUBMIT_ACKNOWLEDGED, packet.subject_id, data), channel_id)

    async def _find(self, token: str) -> dispatch.KnownAgent | None:
        token_hash = hash_of(token)
        found = await self._context.store.read(dispatch.find_by_tokens, self._context.run_id, [token_hash])
        return found.get(token_hash)

    # presence

    async def _alive(self, packet: Packet, channel_id: str) -> None:
        agent = self._presence.connected(packet.subject_id)
        if agent is not None:
            agent.channel_id = channel_id
            await self._departures.partners.connected(agent)
        else:
            self._onboarding.room.connected(packet.subject_id, channel_id)

    async def _lost(self, packet: Packet, channel_id: str) -> None:
        agent = self._presence.find_token(packet.subject_id)
        if agent is not None and agent.channel_id in ("", channel_id):  # not one who moved to another router
            self._presence.lost(packet.subject_id)
        self._onboarding.room.lost(packet.subject_id, channel_id)

    async def _tell_statuses(self, packet: Packet, channel_id: str) -> None:
        statuses: dict[str, Any] = {agent.token: str(agent.status) for agent in self._presence}
        statuses.update(self._onboarding.room.statuses())
        await self._channels.send(Packet(PacketType.RETURN_STATUSES, DESKTOP_ID, statuses), channel_id)

    async def _hear_statuses(self, packet: Packet, channel_id: str) -> None:
        """Which of its pages a router hears. Who never had a socket is not expected to be heard."""
        for token, status in packet.data.items():
            agent = self._presence.find_token(token)
            if agent is None:
                self._hear_newcomer(token, str(status), channel_id)
            elif status != AgentStatus.DISCONNECT:
                self._presence.is_there(token)
            elif agent.had_socket and agent.channel_id in ("", channel_id):
                self._presence.lost(token)

    def _hear_newcomer(self, token: str, status: str, channel_id: str) -> None:
        if status == AgentStatus.DISCONNECT:
            self._onboarding.room.lost(token, channel_id)
        else:
            self._onboarding.room.is_there(token)

    async def _tell_status(self, packet: Packet, channel_id: str) -> None:
        token = packet.subject_id
        at_work = self._presence.find_token(token)
        status: str | None = None
        if at_work is not None:
            status = at_work.status
        elif token.startswith(ONBOARDING_PREFIX):
            status = await self._onboarding.status_of(token)
        else:
            agent = await self._find(token)
            status = None if agent is None else agent.status
        data = {"request_id": packet.data.get("request_id"), "status": status}
        await self._channels.send(Packet(PacketType.AGENT_STATUS, token, data), channel_id)

    # the rest

    async def _worker_state(self, packet: Packet, channel_id: str) -> None:
        name, _, visitor = _who(packet.data.get("provider_data"))
        state = await self._welcome.describe(name, visitor)
        data = {**state, "request_id": packet.data.get("request_id")}
        await self._channels.send(Packet(PacketType.WORKER_STATE, channel_id, data), channel_id)

    async def _live_update(self, packet: Packet, channel_id: str) -> None:
        agent = self._presence.heard(packet.subject_id)
        if agent is not None:
            await self._live.hear(agent, packet.data)

    async def _page_error(self, packet: Packet, channel_id: str) -> None:
        agent = self._presence.find_token(packet.subject_id)
        said = packet.data.get("error_data", packet.data)
        details: dict[str, Any] = {"said": said}
        if agent is not None:
            details |= {"agent_id": agent.agent_id, "unit_id": agent.unit_id, "worker_id": agent.worker_id}
        who = agent.worker_name if agent is not None else "A page"
        self._faults.add("page.error", f"{who} reports: {clean_text(str(said), 300)}", details)


def _who(provider_data: object) -> tuple[str, str, str | None]:
    """Worker name, registration id and visitor; "" for what is not there or no proper text."""
    if not isinstance(provider_data, Mapping):
        return "", "", None
    name, registration = provider_data.get("worker_name"), provider_data.get("agent_registration_id")
    visitor = provider_data.get("visitor")
    proper = [
        each if isinstance(each, str) and each.strip() and len(each) <= 2 * MAX_NAME else ""
        for each in (name, registration)
    ]
    return proper[0], proper[1], visitor if isinstance(visitor, str) else None
