"""The mock provider: every fault that can be scripted, and what it leaves behind."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from decimal import Decimal

import pytest

from app.clock import TurnedClock
from app.errors import ProviderError
from app.providers.base import RunFacts
from app.providers.mock.account import FaultKind, close_accounts, open_account
from app.providers.mock.provider import MockProvider, MockProviderArgs


@pytest.fixture(autouse=True)
def forget_accounts() -> Iterator[None]:
    yield
    close_accounts()


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def provider(clock: TurnedClock) -> MockProvider:
    return MockProvider(MockProviderArgs(), clock)


async def _bonus(provider: MockProvider, key: str = "bonus-1", amount: str = "2") -> None:
    await provider.WorkerClass(provider, "mira").bonus_worker(Decimal(amount), "EUR", "thanks", key, {})


@pytest.mark.parametrize(
    ("kind", "is_paid", "is_unknown"),
    [
        (FaultKind.REFUSE, False, False),
        (FaultKind.DISCONNECT, False, False),
        (FaultKind.LOSE_REQUEST, False, True),
        (FaultKind.LOSE_ANSWER, True, True),
    ],
)
async def test_a_fault_has_the_effect_it_says(
    provider: MockProvider, kind: FaultKind, is_paid: bool, is_unknown: bool
) -> None:
    provider.account.script("bonus_worker", kind, message="no money today")
    with pytest.raises(ProviderError) as met:
        await _bonus(provider)
    assert met.value.unknown_outcome is is_unknown
    assert ("bonus-1" in provider.account.payments) is is_paid
    assert (await provider.find_payment("bonus-1", {}) is not None) is is_paid


async def test_paying_again_after_a_lost_answer_pays_once(provider: MockProvider) -> None:
    provider.account.script("bonus_worker", FaultKind.LOSE_ANSWER)
    with pytest.raises(ProviderError):
        await _bonus(provider)
    await _bonus(provider)
    assert provider.account.total_paid() == 2


async def test_a_refusal_speaks_the_scripted_words(provider: MockProvider) -> None:
    provider.account.script("*", FaultKind.REFUSE, message="The account is closed.", times=2)
    for _ in range(2):
        with pytest.raises(ProviderError, match=r"The account is closed\."):
            await _bonus(provider)
    await _bonus(provider)


async def test_the_same_key_with_another_amount_is_refused(provider: MockProvider) -> None:
    await _bonus(provider)
    with pytest.raises(ProviderError, match="different payment"):
        await _bonus(provider, amount="3")


async def test_more_than_the_balance_is_refused_and_nothing_moves(provider: MockProvider) -> None:
    provider.account.balance = Decimal(1)
    with pytest.raises(ProviderError, match="too little money"):
        await _bonus(provider)
    assert provider.account.balance == 1
    assert provider.account.payments == {}


async def test_a_delay_is_waited_on_the_providers_clock(provider: MockProvider, clock: TurnedClock) -> None:
    provider.account.delays["launch"] = 30.0
    launching = asyncio.ensure_future(provider.UnitClass(provider, "5", {}).launch("http://x"))
    await clock.turn(29)
    assert not launching.done()
    await clock.turn(2)
    assert (await launching).external == {"mock_unit_id": "mock-unit-5"}


async def test_every_call_is_recorded_with_its_time_and_fault(provider: MockProvider, clock: TurnedClock) -> None:
    await provider.WorkerClass(provider, "mira").block_worker("careless")
    await clock.turn(60)
    provider.account.script("is_blocked", FaultKind.DISCONNECT)
    with pytest.raises(ProviderError):
        await provider.WorkerClass(provider, "mira").is_blocked()
    first, second = provider.account.calls
    assert (first.method, first.values["reason"], first.fault) == ("block_worker", "careless", None)
    assert (second.method, second.fault) == ("is_blocked", FaultKind.DISCONNECT)
    assert (second.at - first.at).total_seconds() == 60
    assert provider.account.calls_of("is_blocked") == [second]


async def test_the_account_outlives_the_client(provider: MockProvider, clock: TurnedClock) -> None:
    await _bonus(provider)
    again = MockProvider(MockProviderArgs(), clock)
    assert await again.find_payment("bonus-1", {}) is not None
    assert open_account("mock requester") is again.account
    assert MockProvider(MockProviderArgs(requester_name="another"), clock).account is not again.account


async def test_a_scripted_reason_keeps_a_worker_out(provider: MockProvider) -> None:
    facts = RunFacts("12", "label", "Label images", "A task", Decimal("0.10"), "EUR", 1800, 3600)
    provider.account.ineligible["mira"] = "Only for readers."
    assert await provider.WorkerClass(provider, "mira").is_eligible(facts) == "Only for readers."


def test_the_fee_is_a_percentage(clock: TurnedClock) -> None:
    provider = MockProvider(MockProviderArgs(fee_percent=Decimal(20)), clock)
    assert provider.fee(Decimal("1.50")) == Decimal("0.30")
