"""One transaction of registrations, in the writer's thread: facts, gates, claim and first data for many workers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.blueprints.gates import ONBOARDING, Candidate, Divert, Refuse, RunLimits, decide, refuse
from app.data.repo import dispatch, intake, money, onboarding, people, standings
from app.data.repo.assignments import data_of_unit
from app.data.repo.dispatch import Asker, Claim, KnownAgent
from app.data.states import LIVE_AGENT, ONBOARDING_LIVE, AgentStatus, UnitStatus
from app.data.store import Session
from app.operations.engine import gate_units
from app.operations.engine.budget import UNLIMITED, BudgetQuestion, room
from app.operations.engine.run_context import RunContext, hash_of

GONE = {
    AgentStatus.DISCONNECT: "You were away for too long: this unit is not yours any more. You can take another.",
    AgentStatus.TIMEOUT: "The time for this unit is over: it is not yours any more. You can take another.",
    AgentStatus.RETURNED: "You gave this unit back. You can take another.",
    AgentStatus.EXPIRED: "The requester has closed this unit. You need do nothing more.",
    AgentStatus.PARTNER_DISCONNECT: "The person you worked with has left, so this unit has ended.",
}


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
    only: Sequence[int] | None = None
    """One of these units, and no other: the task's own code has chosen them. None: whichever is next; empty: it has
    not chosen yet, and is asked only for those whom the gates let in."""
    is_back: bool = False
    """The page had a unit in this visit and wants that one: another is for the worker to ask for."""


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


@dataclass(frozen=True, slots=True)
class Eligible:
    """The gates let the worker in; which units are for them is for the task's own code to say."""

    worker_id: int


@dataclass(frozen=True, slots=True)
class Missed:
    """The units that were chosen for the worker are taken by now."""


Outcome = Given | InOnboarding | Refuse
Reply = Outcome | Eligible | Missed


@dataclass(frozen=True, slots=True)
class Batch:
    """What came of one transaction: an outcome for each order, worker ids by name, and the budget's count."""

    outcomes: Sequence[Reply]
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
    outcomes: dict[int, Reply] = {}
    ids: dict[str, int] = {}
    back: dict[int, KnownAgent] = {}
    room_left, given = UNLIMITED, 0
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
        asking, tests, ids = _pass_gates(session, admission, fresh, outcomes)
        room_left = room(session, admission.budget, len(asking) + len(tests))
        given = _give_tests(session, admission, tests, ids, room_left, outcomes) if tests else 0
        given += _give(session, admission, asking, ids, room_left - given, outcomes) if asking else 0
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
    if admission.closed is not None:
        return None
    if _may_go_on(session, admission, agent) and gate_units.take_back(session, admission.context, agent):
        return dispatch.find_by_ids(session, [agent.agent_id])[agent.agent_id]
    return refuse("unit_gone", reason=GONE.get(agent.status, "")) if order.is_back else None


def _may_go_on(session: Session, admission: Admission, agent: KnownAgent) -> bool:
    """Whether somebody who was gone for too long may go on with the unit, if it is free."""
    if agent.status not in (AgentStatus.DISCONNECT, AgentStatus.TIMEOUT):
        return False
    had_partners = admission.context.blueprint.is_concurrent()  # they were let go
    return not had_partners and not _late_return_is_over(admission, agent) and room(session, admission.budget, 1) >= 1


def _late_return_is_over(admission: Admission, agent: KnownAgent) -> bool:
    """Back at work only while there would be time left: else the unit would time out again at once."""
    allowed = admission.context.config.task.assignment_duration_in_seconds
    return (admission.now - agent.started_at).total_seconds() >= allowed


def _pass_gates(
    session: Session, admission: Admission, fresh: Sequence[tuple[int, Order]], outcomes: dict[int, Reply]
) -> tuple[list[tuple[int, Order]], list[tuple[int, Order, str]], dict[str, int]]:
    """The orders that may have a unit, those that get a test unit of some kind, and everybody's worker id.

    The others get their reason into `outcomes`.
    """
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
    used = gate_units.usage(session, context.run_id) if limits.has_test_units else gate_units.Usage()
    asking = []
    tests = []
    for number, order in allowed:
        worker_id = ids[order.worker_name]
        verdict = decide(_candidate(standings[worker_id], live, used), limits)
        if isinstance(verdict, Refuse):
            outcomes[number] = verdict
        elif isinstance(verdict, Divert) and verdict.kind == ONBOARDING:
            outcomes[number] = _begin_onboarding(session, admission, order, worker_id)
        elif isinstance(verdict, Divert):
            tests.append((number, order, verdict.kind))
            used = used.with_one_more(verdict.kind)
            live += 1
        elif order.only is not None and not order.only:
            outcomes[number] = Eligible(worker_id)
        else:
            asking.append((number, order))
            live += 1
    return asking, tests, ids


def _may_have_name(session: Session, worker_id: int, visitor: str, now: datetime) -> bool:
    """Whether a visitor of the open link may go by this name: not by another visitor's, nor by one that belongs to
    somebody who worked here through a link of their own."""
    if people.get_worker(session, worker_id).visitor is None and dispatch.has_worked(session, worker_id):
        return False
    return people.bind_visitor(session, worker_id, visitor, now)


def _standings(session: Session, admission: Admission, worker_ids: Sequence[int]) -> Mapping[int, standings.Standing]:
    limits, run = admission.limits, admission.context.run
    return standings.standings(
        session,
        task_id=run.task_id,
        run_id=run.task_run_id,
        worker_ids=worker_ids,
        qualification_names=limits.qualification_names(),
        count_held=limits.allowed_concurrent > 0 or limits.has_test_units,
        count_taken=limits.maximum_units_per_worker > 0 or limits.gold is not None,
        now=admission.now,
    )


def _candidate(standing: standings.Standing, live: int, used: gate_units.Usage) -> Candidate:
    return Candidate(
        blocked=standing.blocked,
        soft_blocked=standing.soft_blocked,
        block_reason=standing.block_reason,
        block_until=standing.block_until,
        qualifications=standing.qualifications,
        held_in_run=standing.held_in_run,
        taken_in_task=standing.taken_in_task,
        live_in_run=live,
        holds_test_unit=standing.test_units_held > 0,
        screening_used=used.screening,
        gold_used=used.gold,
    )


def _give_tests(
    session: Session,
    admission: Admission,
    tests: Sequence[tuple[int, Order, str]],
    ids: Mapping[str, int],
    room_left: int,
    outcomes: dict[int, Reply],
) -> int:
    """Make and claim a screening or gold unit for each, as far as the budget goes; returns how many were given.

    None is made while there is no work that it would lead to.
    """
    context, now = admission.context, admission.now
    none = None if dispatch.find_open_units(session, context.run_id).launched else why_none(session, admission)
    given = 0
    for number, order, kind in tests:
        if none is not None or given >= room_left:
            outcomes[number] = none or refuse("budget")
            continue
        asker = Asker(ids[order.worker_name], order.registration_id, order.nonce, order.token_hash)
        made = gate_units.hand_out(session, context, kind, asker, now)
        dispatch.keep_inputs(session, {made.claim.agent_id: made.inputs}, now)
        if not context.provider.PAYMENTS_LIVE_HERE:
            money.put_refs(session, context.run.provider_type, "agents", made.claim.agent_id, order.external, now)
        agent = _as_agent(order, asker.worker_id, made.claim, AgentStatus.IN_TASK, now)
        outcomes[number] = Given(agent, made.inputs, False)
        given += 1
    return given


def _as_agent(order: Order, worker_id: int, claim: Claim, status: AgentStatus, now: datetime) -> KnownAgent:
    return KnownAgent(
        claim.agent_id, worker_id, claim.unit_id, claim.unit_index, claim.assignment_id, status,
        order.registration_id, order.nonce, order.token_hash, now, False, "",
    )  # fmt: skip


def _give(
    session: Session,
    admission: Admission,
    asking: Sequence[tuple[int, Order]],
    ids: Mapping[str, int],
    room_left: int,
    outcomes: dict[int, Reply],
) -> int:
    """Claim a unit for each, as far as the budget goes; returns how many were given."""
    context, now = admission.context, admission.now
    blueprint = context.blueprint
    within, beyond = asking[:room_left], asking[room_left:]
    askers = [Asker(ids[o.worker_name], o.registration_id, o.nonce, o.token_hash, o.only) for _, o in within]
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
        claim.agent_id: blueprint.initial_data(*data_of_unit(items[claim.assignment_id], claim.unit_index))
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
        agent = _as_agent(order, ids[order.worker_name], claim, status, now)
        outcomes[number] = Given(agent, inputs[claim.agent_id], False, with_whom)
    for (number, order), unserved in zip(within, claims, strict=True):
        if unserved is None:
            outcomes[number] = why_none(session, admission) if order.only is None else Missed()
    for number, _ in beyond:
        outcomes[number] = why_none(session, admission, over_budget=True)
    return len(made)


def why_none(session: Session, admission: Admission, *, over_budget: bool = False) -> Refuse:
    """Why there is no unit for a worker whom no gate refused."""
    units = dispatch.find_open_units(session, admission.context.run_id)
    if units.launched:
        return refuse("budget" if over_budget else "none_for_you")
    if units.created or not admission.launch_finished:
        return refuse("not_ready")
    return refuse("all_taken" if units.may_come_back else "finished")


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
    used = gate_units.usage(session, context.run_id) if admission.limits.has_test_units else gate_units.Usage()
    verdict = decide(_candidate(standing, live, used), admission.limits)
    if isinstance(verdict, Refuse):
        return verdict
    if room(session, admission.budget, 1) < 1:
        return why_none(session, admission, over_budget=True)
    found = dispatch.find_open_units(session, context.run_id)
    return None if found.launched else why_none(session, admission)
