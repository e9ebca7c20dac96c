"""A run with a past, made through the repo: hours of work by many people, decided in part, paid, some barred."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from app.data.repo import assignments, money, people, reviews, status, tasks
from app.data.repo.money import NewPayment
from app.data.states import AgentStatus, PaymentKind, PaymentState, RunState, UnitStatus
from app.data.store import Session
from app.operations.configuration import config as configs
from app.operations.configuration.config import RunConfig
from tests.fakes.data_rows import claim, hand_in

FIRST = ("mira", "t.oduya", "lena", "p_haas", "jun.ito", "a.costa", "r.singh", "sofie", "mbeki", "k.novak", "dara")
LABELS = ("covid-19", "pneumonia", "clear", "cannot tell")


@dataclass(frozen=True)
class Past:
    """How much past: items with three units each, workers, units handed in, how many of those are decided, at work."""

    items: int = 20
    workers: int = 8
    done: int = 30
    decided: int = 20
    at_work: int = 4
    hours: float = 1.0
    pay: Decimal = Decimal("0.12")
    task_name: str = "Label chest images"
    project: str = "Chest images"
    budget: Decimal | None = Decimal(300)


def names(count: int) -> list[str]:
    """Names of so many workers."""
    return [FIRST[n % len(FIRST)] + (f"-{n // len(FIRST)}" if n >= len(FIRST) else "") for n in range(count)]


def config_of(past: Past) -> RunConfig:
    """The configuration of such a run: the mock task, so that it can be served."""
    config, problems = configs.from_values(
        {
            "task": {
                "task_name": past.task_name, "task_title": f"Name the {past.task_name}",
                "task_description": "Say what you see.",
                "task_reward": str(past.pay), "budget": None if past.budget is None else str(past.budget),
                "project": past.project,
                "qualifications": [
                    {"qualification_name": "chest-reader", "comparator": ">=", "applicable_value": 1}
                ],
            },
            "provider": {"_provider_type": "inhouse"},
            "architect": {"_architect_type": "local"},
            "blueprint": {"_blueprint_type": "mock", "num_assignments": max(1, past.items), "units_per_assignment": 3},
        },
        Path("/"),
    )  # fmt: skip
    assert config is not None, problems
    return config


def make_past(session: Session, past: Past, now: datetime, seed: int = 7) -> int:
    """Write such a run; returns its id. It is in flight."""
    chance = random.Random(seed)
    config = config_of(past)
    began = now - timedelta(hours=past.hours)
    run_id = _make_run(session, past, config, began)
    worker_ids = [people.get_or_create_worker(session, name, "inhouse", began) for name in names(past.workers)]
    done: list[int] = []
    step = timedelta(hours=past.hours) / max(1, past.done + 1)
    for number in range(past.done):
        seconds = min(600.0, max(4.0, chance.lognormvariate(4.4, 0.5)))
        handed_in = began + step * (number + 1)
        agent = claim(session, run_id, chance.choice(worker_ids), now=handed_in - timedelta(seconds=seconds))
        if agent is None:
            continue
        label = LABELS[agent.assignment_id % 3] if chance.random() < 0.85 else chance.choice(LABELS)
        outputs = {"labels": [label], "comment": "opacity lower right" if chance.random() < 0.1 else ""}
        hand_in(session, agent.agent_id, outputs, handed_in, answer=label, labels=[label])
        done.append(agent.unit_id)
    _decide(session, run_id, past, done[: past.decided], chance, now)
    for number in range(past.at_work):
        taken = now - timedelta(seconds=chance.uniform(10, 280))
        agent = claim(session, run_id, worker_ids[number % len(worker_ids)], now=taken)
        if agent is not None and number % 13 == 12:
            status.set_agent_status(
                session, agent.agent_id, AgentStatus.DISCONNECT, now=now, reason="The connection was lost."
            )
    return run_id


def _make_run(session: Session, past: Past, config: RunConfig, began: datetime) -> int:
    project_id = tasks.get_or_create_project(session, past.project, began) if past.project else None
    task_id = tasks.get_or_create_task(session, past.task_name, config.blueprint_type, project_id, began)
    requester = tasks.get_or_create_requester(session, "me", "inhouse", began)
    run_id = tasks.create_task_run(
        session, task_id=task_id, requester_id=requester, init_params=configs.to_yaml(config), provider_type="inhouse",
        task_type=config.blueprint_type, sandbox=False, currency="EUR", budget=past.budget, now=began,
    )  # fmt: skip
    for start in range(0, past.items, 5_000):
        items = [
            {"shared": {"image": f"img_{number:04d}.png", "site": "north"}, "unit_data": [{}, {}, {}]}
            for number in range(start, min(past.items, start + 5_000))
        ]
        assignments.add_assignments(
            session, run_id, items, pay_amount=past.pay, unit_status=UnitStatus.LAUNCHED, now=began
        )
    tasks.finish_launch(session, run_id)
    status.set_run_state(session, run_id, RunState.IN_FLIGHT, began)
    return run_id


def _decide(
    session: Session, run_id: int, past: Past, unit_ids: list[int], chance: random.Random, now: datetime
) -> None:
    """Decide these units over the second half of the time: most approved, a few not; pay what is due."""
    groups = 24
    size = -(-len(unit_ids) // groups) or 1
    for place in range(0, len(unit_ids), size):
        some = unit_ids[place : place + size]
        moment = now - timedelta(hours=past.hours) * (0.7 * (1 - place / max(1, len(unit_ids))))
        verdicts: dict[AgentStatus, list[int]] = {}
        for unit_id in some:
            draw = chance.random()
            verdict = AgentStatus.REJECTED if draw < 0.02 else AgentStatus.SOFT_REJECTED if draw < 0.05 else None
            verdicts.setdefault(verdict or AgentStatus.APPROVED, []).append(unit_id)
        for verdict, chosen in verdicts.items():
            reviewed = status.review_units(session, chosen, verdict, moment).reviewed
            note = "Please look at the whole image." if verdict is AgentStatus.REJECTED else None
            reviews.add_reviews(
                session,
                [
                    reviews.NewReview(one.worker_id, str(verdict), one.unit_id, review_note=note, author="me")
                    for one in reviewed
                ],
                moment,
            )
            if verdict is not AgentStatus.REJECTED:
                money.intend_payments(session, [_approval(run_id, past, one, chance) for one in reviewed], moment)


def _approval(run_id: int, past: Past, unit: status.ReviewedUnit, chance: random.Random) -> NewPayment:
    state = PaymentState.SETTLED if chance.random() < 0.985 else PaymentState.FAILED
    key = f"approval:{unit.unit_id}:{unit.agent_id}"
    return NewPayment(
        key, PaymentKind.APPROVAL, unit.worker_id, unit.unit_id, run_id, "inhouse", past.pay, "EUR", state=state
    )
