"""One transaction of registrations, in the writer's thread: facts, gates, claim and first data for many workers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.blueprints.gates import Admit, Candidate, Divert, Refuse, RunLimits, decide, refuse
from app.data.repo import dispatch, intake, money, onboarding, people, standings
from app.data.repo.dispatch import Asker, Claim, KnownAgent
from app.data.states import LIVE_AGENT, ONBOARDING_LIVE, AgentStatus, UnitStatus
from app.data.store import Session
from app.operations.engine.budget import UNLIMITED, BudgetQuestion, room
from app.operations.engine.run_context import RunContext, hash_of


@dataclass(slots=True)
class Order:
    """One worker's request for a unit. `visitor` is the browser that came by an open link."""

    worker_name: str
    registration_id: str
    visitor: str | None
    nonce: str
    token_hash: str
    external: Mapping[str, str] = field(default_factory=dict)
    """The provider's own ids of the visit."""
    worker_id: int | None = None
    visitor_known: bool = False


@dataclass(frozen=True, slots=True)
class Given:
    """The worker has a unit: a new one, or (`again`) the one they came back to."""

    agent: KnownAgent
    inputs: Any
    again: bool
    started_with: Sequence[int] = ()
    """The agents of a concurrent assignment that starts now."""


@dataclass(frozen=True, slots=True)
class InOnboarding:
    """The worker has to pass the onboarding first."""

    onboarding_agent_id: int
    worker_id: int
    nonce: str
    status: AgentStatus
    inputs: Any
    started_at: datetime


Outcome = Given | InOnboarding | Refuse


@dataclass(frozen=True, slots=True)
class Batch:
    """What came of one transaction: an outcome for each order, worker ids by name, and the budget's count."""

    outcomes: Sequence[Outcome]
    worker_ids: Mapping[str, int]
    counted: int
    given: int


@dataclass(frozen=True)
class Admission:
    """What a transaction of registrations goes by: plain values, fixed while it runs."""

    context: RunContext
    limits: RunLimits
    closed: Refuse | None
    launch_finished: bool
    budget: BudgetQuestion
    now: datetime
    unseen: frozenset[str] = frozenset()
    """Workers of whom it was not written down lately that they were here."""


def admit(session: Session, admission: Admission, orders: Sequence[Order]) -> Batch:
    """One transaction: who is known comes back to their unit, who may gets a new one, the others a reason."""
    run_id = admission.context.run_id
    now = admission.now
    known = dispatch.find_by_registrations(session, run_id, [order.registration_id for order in orders])
    outcomes: dict[int, Outcome] = {}
    ids: dict[str, int] = {}
    asking: list[tuple[int, Order]] = []
    back: dict[int, KnownAgent] = {}
    room_left = UNLIMITED
    fresh: list[tuple[int, Order]] = []
    for number, order in enumerate(orders):
        agent = known.get(order.registration_id)
        verdict = None if agent is None else _of_known(session, admission, order, agent)
        if verdict is None:
            fresh.append((number, order))
        elif isinstance(verdict, Refuse):
            outcomes[number] = verdict
        else:
            back[number] = verdict
    if admission.closed is not None:
        outcomes.update((number, admission.closed) for number, _ in fresh)
        fresh = []
    if fresh:
        asking, ids = _pass_gates(session, admission, fresh, outcomes)
        room_left = room(session, admission.budget, len(asking))
    given = _give(session, admission, asking, ids, room_left, outcomes) if asking else 0
    if back:
        inputs = dispatch.list_inputs(session, [agent.agent_id for agent in back.values()])
        outcomes.update((n, Given(agent, inputs.get(agent.agent_id), True)) for n, agent in back.items())
    dispatch.mark_seen(session, [ids[name] for name in ids if name in admission.unseen], now)
    return Batch([outcomes[number] for number in range(len(orders))], ids, room_left, given)


def _of_known(session: Session, admission: Admission, order: Order, agent: KnownAgent) -> KnownAgent | Refuse | None:
    """What a registration that was seen before means now; None: it counts as a new one."""
    if people.find_worker(session, order.worker_name, admission.context.run.provider_type) != agent.worker_id:
        return refuse("bad_request", reason="This visit belongs to somebody else. Please open your own link.")
    if agent.status in LIVE_AGENT:
        return agent
    if agent.status in (AgentStatus.COMPLETED, AgentStatus.APPROVED, AgentStatus.SOFT_REJECTED, AgentStatus.REJECTED):
        return refuse("already_done")
    if agent.status in (AgentStatus.DISCONNECT, AgentStatus.TIMEOUT) and admission.closed is None:
        alone = admission.context.blueprint.is_concurrent()  # the partners were let go
        if alone or _late_return_is_over(admission, agent) or room(session, admission.budget, 1) < 1:
            return None
        if intake.take_back_unit(session, agent):
            return dispatch.find_by_ids(session, [agent.agent_id])[agent.agent_id]
    return None


def _late_return_is_over(admission: Admission, agent: KnownAgent) -> bool:
    """Back at work only while there would be time left: else the unit would time out again at once."""
    allowed = admission.context.config.task.assignment_duration_in_seconds
    return (admission.now - agent.started_at).total_seconds() >= allowed


def _pass_gates(
    session: Session, admission: Admission, fresh: Sequence[tuple[int, Order]], outcomes: dict[int, Outcome]
) -> tuple[list[tuple[int, Order]], dict[str, int]]:
    """The orders that may have a unit, and everybody's worker id; the others get their reason into `outcomes`."""
    context, limits, now = admission.context, admission.limits, admission.now
    ids: dict[str, int] = {}
    allowed: list[tuple[int, Order]] = []
    for number, order in fresh:
        worker_id = order.worker_id
        if worker_id is None:
            worker_id = people.get_or_create_worker(session, order.worker_name, context.run.provider_type, now)
        ids[order.worker_name] = worker_id
        if order.visitor_known or _may_have_name(session, worker_id, order.visitor or "", now):
            allowed.append((number, order))
        else:
            outcomes[number] = refuse("name_taken")
    standings = _standings(session, admission, [ids[order.worker_name] for _, order in allowed])
    live = 0
    if limits.max_num_concurrent_units:
        live = dispatch.count_units(session, context.run_id, (UnitStatus.ASSIGNED,))
    asking = []
    for number, order in allowed:
        verdict = decide(_candidate(standings[ids[order.worker_name]], live), limits)
        if isinstance(verdict, Admit):
            asking.append((number, order))
            live += 1
        elif isinstance(verdict, Divert):
            outcomes[number] = _begin_onboarding(session, admission, order, ids[order.worker_name])
        else:
            outcomes[number] = verdict
    return asking, ids


def _may_have_name(session: Session, worker_id: int, visitor: str, now: datetime) -> bool:
    """Whether a visitor of the open link may go by this name: not by another visitor's, nor by one that belongs to
    somebody who worked here through a link of their own."""
    if people.get_worker(session, worker_id).visitor is None and dispatch.has_worked(session, worker_id):
        return False
    return people.bind_visitor(session, worker_id, visitor, now)


def _standings(session: Session, admission: Admission, worker_ids: Sequence[int]) -> Mapping[int, standings.Standing]:
    limits, run = admission.limits, admission.context.run
    names = {requirement.qualification_name for requirement in limits.requirements}
    if limits.onboarding_qualification:
        names.add(limits.onboarding_qualification)
    return standings.standings(
        session,
        task_id=run.task_id,
        run_id=run.task_run_id,
        worker_ids=worker_ids,
        qualification_names=names,
        count_held=limits.allowed_concurrent > 0,
        count_taken=limits.maximum_units_per_worker > 0,
        now=admission.now,
    )


def _candidate(standing: standings.Standing, live: int) -> Candidate:
    return Candidate(
        blocked=standing.blocked,
        soft_blocked=standing.soft_blocked,
        block_reason=standing.block_reason,
        block_until=standing.block_until,
        qualifications=standing.qualifications,
        held_in_run=standing.held_in_run,
        taken_in_task=standing.taken_in_task,
        live_in_run=live,
    )


def _give(
    session: Session,
    admission: Admission,
    asking: Sequence[tuple[int, Order]],
    ids: Mapping[str, int],
    room_left: int,
    outcomes: dict[int, Outcome],
) -> int:
    """Claim a unit for each, as far as the budget goes; returns how many were given."""
    context, now = admission.context, admission.now
    blueprint = context.blueprint
    within, beyond = asking[:room_left], asking[room_left:]
    askers = [Asker(ids[o.worker_name], o.registration_id, o.nonce, o.token_hash) for _, o in within]
    concurrent = blueprint.is_concurrent()
    one_each = blueprint.units_per_assignment() == 1
    claims: Sequence[Claim | None] = (
        dispatch.claim_units(session, context.run, askers, waiting=concurrent, one_worker_an_item=one_each, now=now)
        if askers
        else ()
    )
    made = [(n, order, claim) for (n, order), claim in zip(within, claims, strict=True) if claim is not None]
    items = dispatch.list_items(session, {claim.assignment_id for _, _, claim in made}) if made else {}
    inputs = {
        claim.agent_id: blueprint.initial_data(*_data_of(items[claim.assignment_id], claim.unit_index))
        for _, _, claim in made
    }
    dispatch.keep_inputs(session, inputs, now)
    if not context.provider.PAYMENTS_LIVE_HERE:  # where the provider pays, it asks for its own ids of the visit
        for _, order, claim in made:
            money.put_refs(session, context.run.provider_type, "agents", claim.agent_id, order.external, now)
    started: Mapping[int, Sequence[int]] = {}
    if concurrent and made:
        started = intake.start_full_assignments(session, {claim.assignment_id for _, _, claim in made}, now)
    for number, order, claim in made:
        with_whom = started.get(claim.assignment_id, ())
        status = AgentStatus.WAITING if concurrent and not with_whom else AgentStatus.IN_TASK
        agent = KnownAgent(
            claim.agent_id, ids[order.worker_name], claim.unit_id, claim.unit_index, claim.assignment_id, status,
            order.registration_id, order.nonce, order.token_hash, now, False, "",
        )  # fmt: skip
        outcomes[number] = Given(agent, inputs[claim.agent_id], False, with_whom)
    for (number, _), unserved in zip(within, claims, strict=True):
        if unserved is None:
            outcomes[number] = _why_none(session, admission, over_budget=False)
    for number, _ in beyond:
        outcomes[number] = _why_none(session, admission, over_budget=True)
    return len(made)


def _data_of(item: Mapping[str, Any], unit_index: int) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    unit_data = item.get("unit_data") or [{}]
    return item.get("shared") or {}, unit_data[unit_index] if unit_index < len(unit_data) else {}


def _why_none(session: Session, admission: Admission, *, over_budget: bool) -> Refuse:
    """Why there is no unit for a worker whom no gate refused."""
    units = dispatch.find_open_units(session, admission.context.run_id)
    if units.launched:
        return refuse("budget" if over_budget else "none_for_you")
    if units.created or not admission.launch_finished:
        return refuse("not_ready")
    return refuse("all_taken" if units.assigned else "finished")


def _begin_onboarding(session: Session, admission: Admission, order: Order, worker_id: int) -> InOnboarding:
    """The worker's onboarding in this run: the one they are in, or a new one."""
    context = admission.context
    begun = onboarding.find_onboarding_agent(session, context.run_id, worker_id=worker_id)
    if begun is None or begun.status not in ONBOARDING_LIVE:
        begun = onboarding.create_onboarding_agent(
            session,
            run_id=context.run_id,
            worker_id=worker_id,
            registration_id=order.registration_id,
            nonce=order.nonce,
            token_hash=hash_of(context.token_of(order.nonce, onboarding=True)),
            inputs=dict(context.blueprint.onboarding_data()),
            now=admission.now,
        )
    elif begun.registration_id != order.registration_id:  # another visit goes on with it: the unit will be that one's
        onboarding.follow_registration(session, begun.onboarding_agent_id, order.registration_id)
    return InOnboarding(
        begun.onboarding_agent_id, worker_id, begun.nonce, begun.status, begun.data.get("inputs"), begun.creation_date
    )


def look_ahead(session: Session, admission: Admission, worker_name: str, visitor: str | None) -> Refuse | None:
    """What `admit` would say to a worker who asked for a new unit, as far as it can be told without taking one."""
    context = admission.context
    worker_id = people.find_worker(session, worker_name, context.run.provider_type) or 0
    if worker_id and visitor is not None and people.get_worker(session, worker_id).visitor != visitor:
        bound = people.get_worker(session, worker_id).visitor
        if bound is not None or dispatch.has_worked(session, worker_id):
            return refuse("name_taken")
    if admission.closed is not None:
        return admission.closed
    live = 0
    if admission.limits.max_num_concurrent_units:
        live = dispatch.count_units(session, context.run_id, (UnitStatus.ASSIGNED,))
    standing = _standings(session, admission, [worker_id])[worker_id]
    verdict = decide(_candidate(standing, live), admission.limits)
    if isinstance(verdict, Refuse):
        return verdict
    if room(session, admission.budget, 1) < 1:
        return _why_none(session, admission, over_budget=True)
    found = dispatch.find_open_units(session, context.run_id)
    return None if found.launched else _why_none(session, admission, over_budget=False)
