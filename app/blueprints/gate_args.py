"""What a task can be told of its gates: who may come in, and what workers show before and while they work."""

from __future__ import annotations

from dataclasses import dataclass

from app.args import arg
from app.errors import ConfigError

GROUP = "gates"
_FILE = (
    'a CSV, JSON or JSONL file of rows like the task\'s own, with a field "truth" that holds the right answer and is '
    "kept from the workers"
)


@dataclass
class GateArgs:
    """The gates of a task. Names are Mephisto's where it has one."""

    onboarding_qualification: str = arg(
        "",
        help="Granted (1 passed, 0 failed) by the onboarding; empty: no onboarding.",
        label="Onboarding grants",
        group=GROUP,
    )
    block_qualification: str = arg(
        "",
        help="Workers who hold this qualification are refused; who fails the screening is given it.",
        label="Refused when held",
        group=GROUP,
    )
    use_screening_task: bool = arg(
        False,
        help="The first unit of a new worker is a test: passed, or no more units.",
        label="Screening",
        group=GROUP,
    )
    screening_data: str = arg(
        "",
        help=f"The test units of the screening: {_FILE}. Empty: the task's own code gives them.",
        kind="file",
        label="Screening units from",
        group=GROUP,
    )
    passed_qualification_name: str = arg(
        "",
        help="Granted (1) to workers who pass the screening; who holds it is not screened.",
        label="Screening grants",
        group=GROUP,
    )
    max_screening_units: int = arg(
        100,
        help="Screening units that are paid for in this run; when they are used up, new workers are refused.",
        minimum=1,
        maximum=1_000_000,
        label="Most screening units",
        group=GROUP,
    )
    use_golds: bool = arg(
        False, help="Units whose answer is known are mixed in, at the beginning and now and then.", label="Gold units",
        group=GROUP,
    )  # fmt: skip
    gold_data: str = arg(
        "",
        help=f"The gold units: {_FILE}. Empty: the task's own code gives them.",
        kind="file",
        label="Gold units from",
        group=GROUP,
    )
    gold_qualification_base: str = arg(
        "",
        help="Right and wrong answers are counted in NAME-correct-golds and NAME-wrong-golds; who has too many wrong "
        "ones is given NAME-disqualified.",
        label="Gold counts under",
        group=GROUP,
    )
    min_golds: int = arg(
        1,
        help="Gold units that a worker must have right before the first other unit.",
        minimum=0,
        maximum=1_000,
        label="Golds first",
        group=GROUP,
    )
    gold_every: int = arg(
        20,
        help="One more gold unit for so many other units; 0: only those at the beginning.",
        minimum=0,
        maximum=1_000_000,
        label="Gold for every",
        unit="units",
        group=GROUP,
    )
    max_incorrect_golds: int = arg(
        0,
        help="Gold units that a worker may have wrong; one more, and they get no more units.",
        minimum=0,
        maximum=1_000,
        label="Wrong golds allowed",
        group=GROUP,
    )
    max_golds_per_worker: int = arg(
        0,
        help="Gold units that one worker does at most, those at the beginning aside; 0: no limit.",
        minimum=0,
        maximum=1_000_000,
        label="Most golds per worker",
        group=GROUP,
    )
    max_gold_units: int = arg(
        1_000,
        help="Gold units that are paid for in this run; then only workers who have had their first ones go on.",
        minimum=1,
        maximum=1_000_000,
        label="Most gold units",
        group=GROUP,
    )


def check_gates(args: GateArgs, *, together: bool, judges: bool, has_code: bool) -> None:
    """`ConfigError` for gates that contradict each other, or have no data.

    `together`: the workers of an item work at the same time. `judges`: the blueprint knows right answers by a truth.
    """
    if args.use_screening_task:
        _check_named(args.passed_qualification_name, "passed_qualification_name", "Screening", "grants")
        _check_source(args.screening_data, "screening_data", "Screening", judges=judges, has_code=has_code)
    if args.use_golds:
        _check_named(args.gold_qualification_base, "gold_qualification_base", "Gold units", "count under")
        _check_source(args.gold_data, "gold_data", "Gold units", judges=judges, has_code=has_code)
        fewest = args.min_golds + args.max_incorrect_golds
        if 0 < args.max_golds_per_worker < fewest:
            raise ConfigError(
                f"A worker can need {fewest} gold units at the beginning, which is more than the "
                f"{args.max_golds_per_worker} that one worker may do.",
                key="blueprint.max_golds_per_worker",
            )
    for used, name, what in (
        (args.use_screening_task, "use_screening_task", "screening"),
        (args.use_golds, "use_golds", "gold"),
    ):
        if used and together:
            raise ConfigError(
                f"The workers of an item work together in this task: nobody can do a {what} unit alone.",
                key=f"blueprint.{name}",
                advice="Require a qualification that another task grants.",
            )
    names = [name for name in (args.onboarding_qualification, args.passed_qualification_name) if name]
    if args.block_qualification and args.block_qualification in names:
        raise ConfigError(
            f'"{args.block_qualification}" cannot let workers in and keep them out.',
            key="blueprint.block_qualification",
        )
    if args.use_screening_task and args.passed_qualification_name == args.onboarding_qualification:
        raise ConfigError(
            "Onboarding and screening need a qualification each.", key="blueprint.passed_qualification_name"
        )


def _check_named(name: str, key: str, what: str, does: str) -> None:
    if not name.strip():
        raise ConfigError(f"{what} needs a qualification that it {does}.", key=f"blueprint.{key}")


def _check_source(file: str, key: str, what: str, *, judges: bool, has_code: bool) -> None:
    if not file and not has_code:
        raise ConfigError(f"{what} needs a file of units whose answers are known.", key=f"blueprint.{key}")
    if not judges and not has_code:
        raise ConfigError(
            f"{what} needs a function that tells right from wrong: this kind of task does not know by itself.",
            key="blueprint.task_code",
        )
