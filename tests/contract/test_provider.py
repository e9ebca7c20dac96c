"""What every crowd provider keeps to, whichever it is."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from app.args import check, describe
from app.clock import TurnedClock
from app.errors import ConfigError, ProviderError
from app.providers import registry
from app.providers.base import CrowdAgent, CrowdProvider, CrowdRequester, CrowdUnit, CrowdWorker, RunFacts
from app.providers.mock.account import close_accounts

FACTS = RunFacts("12", "label", "Label images", "A task", Decimal("0.10"), "EUR", 1800, 3600)
URL = "http://127.0.0.1:41873"


@pytest.fixture(autouse=True)
def forget_accounts() -> Iterator[None]:
    yield
    close_accounts()


@pytest.fixture(params=["inhouse", "mock"])
def provider(request: pytest.FixtureRequest) -> CrowdProvider:
    kind = registry.get(request.param)
    return kind(kind.ArgsClass(), TurnedClock())


def test_it_is_known_by_its_type(provider: CrowdProvider) -> None:
    assert registry.get(provider.PROVIDER_TYPE) is type(provider)
    assert provider.PROVIDER_TYPE in registry.names()


def test_its_parts_are_those_of_a_provider(provider: CrowdProvider) -> None:
    assert issubclass(provider.RequesterClass, CrowdRequester)
    assert issubclass(provider.WorkerClass, CrowdWorker)
    assert issubclass(provider.UnitClass, CrowdUnit)
    assert issubclass(provider.AgentClass, CrowdAgent)


def test_its_arguments_have_help_and_defaults(provider: CrowdProvider) -> None:
    specs = describe(provider.ArgsClass)
    assert {"_provider_type", "requester_name"} <= {spec.name for spec in specs}
    assert all(spec.meta.help for spec in specs)
    made, problems = check(provider.ArgsClass, {"_provider_type": provider.PROVIDER_TYPE})
    assert problems == []
    assert made == provider.args


def test_its_wrapper_defines_what_pages_ask_for(provider: CrowdProvider, tmp_path: Path) -> None:
    text = provider.write_wrapper_js(tmp_path / "new" / "folder").read_text("utf-8")
    names = ("function getWorkerName(", "function getAssignmentId(", "function getAgentRegistration(")
    for name in (*names, "function handleSubmitToProvider(", "window._MEPHISTO_CONFIG_"):
        assert name in text
    assert f'provider_type: "{provider.PROVIDER_TYPE}"' in text


async def test_its_account_can_be_used_once_it_is_registered(provider: CrowdProvider) -> None:
    requester = provider.RequesterClass(provider, "somebody")
    await requester.register()
    assert await requester.is_registered()
    budget = await requester.get_available_budget()
    assert budget is None or (isinstance(budget[0], Decimal) and len(budget[1]) == 3)


async def test_resources_are_made_once_and_taken_down_twice(provider: CrowdProvider) -> None:
    first = await provider.setup_resources_for_task_run(FACTS, URL)
    again = await provider.setup_resources_for_task_run(FACTS, URL)
    assert first.external == again.external
    await provider.cleanup_resources_from_task_run(FACTS, URL)
    await provider.cleanup_resources_from_task_run(FACTS, URL)
    await provider.cleanup_qualification("reader")
    await provider.cleanup_qualification("reader")


async def test_a_payment_can_be_looked_up_by_its_key(provider: CrowdProvider) -> None:
    agent = provider.AgentClass(provider, "mira", {})
    paid = await agent.approve_work(Decimal("0.10"), "EUR", "approval-1")
    found = await provider.find_payment("approval-1", paid.external)
    assert found is not None
    assert found.external == paid.external


async def test_the_same_order_twice_is_one_payment(provider: CrowdProvider) -> None:
    worker = provider.WorkerClass(provider, "mira")
    first = await worker.bonus_worker(Decimal("1.50"), "EUR", "thank you", "bonus-1", {})
    again = await worker.bonus_worker(Decimal("1.50"), "EUR", "thank you", "bonus-1", {})
    assert first.external == again.external


@pytest.mark.parametrize("amount", ["0", "-1"])
async def test_a_bonus_is_more_than_nothing(provider: CrowdProvider, amount: str) -> None:
    worker = provider.WorkerClass(provider, "mira")
    with pytest.raises(ProviderError) as refusal:
        await worker.bonus_worker(Decimal(amount), "EUR", "x", "bonus-2", {})
    assert not refusal.value.unknown_outcome


async def test_soft_rejected_work_is_paid_like_approved_work(provider: CrowdProvider) -> None:
    agent = provider.AgentClass(provider, "mira", {})
    soft = await agent.soft_reject_work(Decimal("0.10"), "EUR", "approval-2")
    assert (await agent.approve_work(Decimal("0.10"), "EUR", "approval-2")).external == soft.external


async def test_blocking_twice_and_unblocking_twice_is_no_error(provider: CrowdProvider) -> None:
    worker = provider.WorkerClass(provider, "mira")
    for _ in range(2):
        await worker.block_worker("careless")
    for _ in range(2):
        await worker.unblock_worker("a mistake")
    assert not await worker.is_blocked()
    assert await worker.is_eligible(FACTS) is None


async def test_qualifications_are_granted_and_revoked_again(provider: CrowdProvider) -> None:
    worker = provider.WorkerClass(provider, "mira")
    for value in (1, 3):
        await worker.grant_crowd_qualification("reader", value)
    for _ in range(2):
        await worker.revoke_crowd_qualification("reader")


async def test_a_unit_is_launched_and_expired_again_and_again(provider: CrowdProvider) -> None:
    unit = provider.UnitClass(provider, "7", {})
    receipt = await unit.launch(URL)
    again = provider.UnitClass(provider, "7", receipt.external)
    assert not await again.is_expired()
    assert await again.expire() >= 0.0
    assert await again.expire() >= 0.0


@pytest.mark.parametrize("data", [{}, {"assignment_id": None}, {"assignment_id": 5}, {"assignment_id": "a1", "x": [1]}])
async def test_an_agent_is_made_of_whatever_a_page_says(provider: CrowdProvider, data: dict[str, object]) -> None:
    agent = provider.AgentClass.new_from_provider_data(provider, "mira", data)
    assert agent.worker_name == "mira"
    assert all(isinstance(value, str) and value for value in agent.external.values())
    await agent.mark_done()
    await agent.reject_work("not what was asked")


def test_its_fee_is_nothing_for_nothing(provider: CrowdProvider) -> None:
    assert provider.fee(Decimal(0)) == 0
    assert provider.fee(Decimal("10")) >= 0


def test_an_unknown_provider_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match='Did you mean "inhouse"'):
        registry.get("in-house")
    with pytest.raises(ConfigError, match="There are: inhouse, mock"):
        registry.get("zzz")
