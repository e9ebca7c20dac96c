"""What a launch would come to: units, pay, fees, pay per hour, and what the requester should know before it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from app.blueprints import registry as blueprints
from app.blueprints.base import BlueprintArgs
from app.clock import SystemClock
from app.operations.configuration.config import RunConfig
from app.providers import registry as providers

CENT = Decimal("0.01")


@dataclass(frozen=True)
class Forecast:
    """Money is in `currency`. None where it cannot be known: a generator does not say how many items it has."""

    assignments: int | None
    units_per_assignment: int
    units: int | None
    pay: Decimal | None
    fees: Decimal | None
    total: Decimal | None
    currency: str
    per_hour: Decimal | None
    """Pay per hour of work, when the time of a unit was said."""
    hours: float | None
    """Hours of work altogether."""
    budget_covers: int | None
    """How many units the budget pays for; None without a budget or without pay."""
    fewest_workers: int
    """No fewer can finish the run: each does an item once, and no more units than they may."""
    warnings: tuple[str, ...]
    test_units: int = 0
    """Screening and gold units that there will be at the least, for the fewest workers: paid for, and in `total`."""
    test_units_most: int = 0
    """How many there can be, by the limits that were set."""

    @property
    def paid_units(self) -> int | None:
        """All units that are paid for, as far as they are known."""
        return None if self.units is None else self.units + self.test_units


def forecast(
    config: RunConfig,
    *,
    floor_per_hour: Decimal = Decimal(0),
    minutes_per_unit: float | None = None,
    assignments: int | None = None,
) -> Forecast:
    """The forecast of a checked configuration. Quick: it counts what the blueprint says, and reads no data by itself.

    `floor_per_hour` is the pay below which to warn; `assignments` is how many items there are, where somebody counted
    them. `ConfigError` when the blueprint cannot count its data.
    """
    blueprint = blueprints.get(config.blueprint_type)(config.blueprint, config.base_dir)
    provider = providers.get(config.provider_type)(config.provider, SystemClock())
    reward = config.task.task_reward
    fee = provider.fee(reward)
    if assignments is None:
        assignments = blueprint.count_assignments()
    per_assignment = blueprint.units_per_assignment()
    units = None if assignments is None else assignments * per_assignment
    each = reward + fee
    per_hour = None
    if minutes_per_unit is not None and minutes_per_unit > 0:
        per_hour = (reward * 60 / Decimal(str(minutes_per_unit))).quantize(CENT, ROUND_HALF_UP)
    covers = int(config.budget // each) if config.budget is not None and each > 0 else None
    workers = per_assignment
    if units is not None and config.task.maximum_units_per_worker:
        workers = max(workers, -(-units // config.task.maximum_units_per_worker))
    tests, most_tests = _test_units(config.blueprint, workers, units or 0)
    paid = None if units is None else units + tests
    return Forecast(
        assignments=assignments,
        units_per_assignment=per_assignment,
        units=units,
        pay=None if paid is None else reward * paid,
        fees=None if paid is None else fee * paid,
        total=None if paid is None else each * paid,
        currency=config.currency,
        per_hour=per_hour,
        hours=None if paid is None or minutes_per_unit is None else paid * minutes_per_unit / 60,
        budget_covers=covers,
        fewest_workers=workers,
        warnings=tuple(_warnings(config, paid, covers, per_hour, floor_per_hour)),
        test_units=tests,
        test_units_most=most_tests,
    )


def _test_units(args: BlueprintArgs, workers: int, units: int) -> tuple[int, int]:
    """How many screening and gold units there are at the least when so many workers do the run, and at the most."""
    least = most = 0
    if args.use_screening_task:
        least += min(workers, args.max_screening_units)
        most += args.max_screening_units
    if args.use_golds:
        now_and_then = units // args.gold_every if args.gold_every else 0
        if args.max_golds_per_worker:
            now_and_then = min(now_and_then, workers * max(0, args.max_golds_per_worker - args.min_golds))
        least += min(workers * args.min_golds + now_and_then, args.max_gold_units)
        most += args.max_gold_units
    return least, most


def _warnings(
    config: RunConfig, units: int | None, covers: int | None, per_hour: Decimal | None, floor: Decimal
) -> list[str]:
    found = []
    if units == 0:
        found.append("There is no item of work in the data.")
    if covers is not None and units is not None and covers < units:
        found.append(
            f"The budget of {config.budget} {config.currency} pays for {covers} of {units} units; "
            "the run pauses when it is reached."
        )
    if covers is not None and units is None:
        found.append(f"How many units there are is not known; the run pauses after about {covers}.")
    if per_hour is not None and per_hour < floor:
        found.append(f"{per_hour} {config.currency} per hour is below the {floor} that you set as the least.")
    if config.task.task_reward == 0:
        found.append("The work is not paid.")
    return found
