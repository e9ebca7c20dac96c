"""What a task of conversations can be told, and what is checked of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.args import arg
from app.blueprints.chat.messages import read_questions
from app.blueprints.rows import RowArgs
from app.blueprints.task_runner import PartnerPolicy
from app.errors import ConfigError

MOST_SEATS = 12
LONGEST_ROLE = 60
FREE, TURNS = "free", "turns"
_HOLE = re.compile(r"\{\{\s*([^\W\d][\w-]*)\s*\}\}")


@dataclass
class ChatArgs(RowArgs):
    """What a task of conversations can be told."""

    _blueprint_type: str = arg("chat", help="The kind of task.")
    units_per_assignment: int = arg(
        0,
        help="How many people talk with each other; 0: one for each role that is no model's.",
        minimum=0,
        maximum=MOST_SEATS,
        group="data",
        label="People",
    )
    conversations_per_item: int = arg(
        1, help="How many conversations are held about each item.", minimum=1, maximum=1000, group="data"
    )
    roles: list[str] = arg(
        factory=list, help="What the seats are called, in their order; empty: Person 1, Person 2.", kind="labels"
    )
    instructions: str = arg("", help="What everybody reads; {{field}} is filled in from the row.", kind="text")
    role_instructions: dict[str, Any] = arg(
        factory=dict, help="What only one role reads, by its name; {{field}} is filled in from the row."
    )
    turn_taking: str = arg(
        FREE, help="Whether anybody writes at any time, or one after the other.", choices=(FREE, TURNS)
    )
    max_messages: int = arg(
        0, help="The conversation ends after so many messages of all together; 0: no limit.", minimum=0, maximum=10_000
    )
    max_minutes: float = arg(
        0, help="The conversation ends after so many minutes; 0: no limit.", minimum=0, maximum=10_000
    )
    end_by_agreement: bool = arg(True, help="Whether it ends when all people in it want that.")
    min_messages: int = arg(
        0, help="Each has to write so many messages before they can want to end.", minimum=0, maximum=1000
    )
    last_questions: dict[str, Any] = arg(
        factory=dict,
        help="Asked of each at the end, inside the conversation: each question with its choices, [] for a text.",
    )
    comment: bool = arg(True, help="Whether a comment can be added when handing in.", label="Comment")
    typing_indicator: bool = arg(True, help="Whether others see that somebody writes.")
    silence_seconds: int = arg(
        0,
        help="By turns: who writes nothing for so long is let go. Free: the conversation is over then. 0: no limit.",
        minimum=0,
        maximum=86_400,
        kind="seconds",
        group="advanced",
    )
    longest_message: int = arg(
        2_000, help="Characters that a message may have.", minimum=1, maximum=20_000, group="advanced"
    )
    partner_policy: str = arg(
        PartnerPolicy.END.value,
        help="When somebody leaves: end for all; end and pay those who stayed; wait for them; replace them from the "
        "waiting room; or let the model take their place.",
        choices=tuple(policy.value for policy in PartnerPolicy),
        group="partners",
    )
    partner_wait_in_seconds: int = arg(
        120,
        help="How long the others wait (wait, replace).",
        minimum=1,
        maximum=86_400,
        kind="seconds",
        group="partners",
    )
    compensation_percent: int = arg(
        100,
        help="What those who stayed are paid when it broke off, in percent of the unit's pay (not with end).",
        minimum=0,
        maximum=100,
        unit="%",
        group="partners",
    )
    waiting_limit_in_seconds: int = arg(
        600, help="How long somebody waits for partners.", minimum=5, maximum=86_400, kind="seconds", group="partners"
    )
    model: str = arg(
        "",
        help="What speaks for models: scripted, or the name of a function in the task's Python file.",
        group="partners",
    )
    model_roles: list[str] = arg(
        factory=list, help="Roles that the model has from the beginning.", kind="labels", group="partners"
    )
    model_lines: list[str] = arg(
        factory=list, help="What the scripted model says, in order.", kind="labels", group="partners"
    )
    model_seconds: float = arg(
        30.0,
        help="A model that takes longer for one answer is given up.",
        minimum=0.1,
        maximum=600,
        kind="seconds",
        group="advanced",
    )
    runner: str = arg(
        "",
        help="The class in the task's Python file that leads the conversation; empty: the only one there, or none.",
        group="advanced",
    )
    requester_speaks: bool = arg(True, help="Whether you can say something in a conversation that you watch.")
    task_source: str = arg(
        "", help="A built script that is served instead of our page, bundle.js.", kind="file", group="advanced"
    )
    style_source: str = arg("", help="A style sheet that was built beside a bundle.", kind="file", group="advanced")
    extra_source_dir: str = arg("", help="Files that a bundle loads.", kind="folder", group="advanced")
    task_config: dict[str, Any] = arg(factory=dict, help="What a bundle finds in its taskConfig.", group="advanced")


def role_names(args: ChatArgs) -> tuple[str, ...]:
    """The seats by name, in their order."""
    if args.roles:
        return tuple(str(role).strip() for role in args.roles)
    people = args.units_per_assignment or 2
    names = [f"Person {number}" for number in range(1, people + 1)]
    return (*names, *(str(role).strip() for role in args.model_roles if str(role).strip() not in names))


def people_seats(args: ChatArgs) -> tuple[int, ...]:
    """The seats that people have, as places in `role_names`."""
    models = {str(role).strip() for role in args.model_roles}
    return tuple(place for place, name in enumerate(role_names(args)) if name not in models)


def check_args(args: ChatArgs) -> None:
    """`ConfigError` for what cannot be held as a conversation."""
    names = role_names(args)
    _check_roles(args, names)
    people = people_seats(args)
    if not people:
        raise ConfigError("Every role is a model's: nobody is left to talk.", key="blueprint.model_roles")
    if len(names) < 2:
        raise ConfigError("A conversation needs two roles at least.", key="blueprint.roles")
    if args.units_per_assignment and args.units_per_assignment != len(people):
        message = f"There are {len(people)} roles for people, but units_per_assignment is {args.units_per_assignment}."
        raise ConfigError(message, key="blueprint.units_per_assignment", advice="Leave it at 0.")
    if (args.model_roles or args.partner_policy == PartnerPolicy.MODEL) and not args.model:
        raise ConfigError(
            "A model is to take part, but there is none.",
            key="blueprint.model",
            advice="Write scripted, or the name of a function in your Python file.",
        )
    if args.model not in ("", "scripted") and not args.task_code:
        raise ConfigError(f'There is no Python file with "{args.model}".', key="blueprint.task_code")
    if args.runner and not args.task_code:
        raise ConfigError(f'There is no Python file with "{args.runner}".', key="blueprint.task_code")
    _check_end(args)
    read_questions(args.last_questions, "blueprint.last_questions")


def _check_roles(args: ChatArgs, names: Sequence[str]) -> None:
    for name in names:
        if not name or len(name) > LONGEST_ROLE:
            raise ConfigError(f'"{name}" is no role: 1 to {LONGEST_ROLE} characters.', key="blueprint.roles")
    if len(set(names)) < len(names):
        raise ConfigError("Two roles have the same name.", key="blueprint.roles")
    if len(names) > MOST_SEATS:
        raise ConfigError(f"There are {len(names)} roles; {MOST_SEATS} can talk together.", key="blueprint.roles")
    for key, given in (("model_roles", args.model_roles), ("role_instructions", args.role_instructions)):
        for name in given:
            if str(name).strip() not in names:
                raise ConfigError(f'There is no role "{name}"; there are {", ".join(names)}.', key=f"blueprint.{key}")


def _check_end(args: ChatArgs) -> None:
    ends = args.max_messages or args.max_minutes or args.end_by_agreement or args.runner or args.task_code
    if not ends and not (args.silence_seconds and args.turn_taking == FREE):
        raise ConfigError(
            "Nothing ever ends the conversation.",
            key="blueprint.max_messages",
            advice="Give max_messages or max_minutes, or let it end by agreement.",
        )
    if args.max_messages and args.min_messages * len(role_names(args)) > args.max_messages and args.end_by_agreement:
        raise ConfigError("It ends before everybody can have written min_messages.", key="blueprint.min_messages")


def withheld_fields(args: ChatArgs, role: str) -> set[str]:
    """Fields of the row that only other roles read: the page of this role does not get them."""
    own = _fields_of(args.role_instructions.get(role, "")) | _fields_of(args.instructions)
    others = (_fields_of(text) for name, text in args.role_instructions.items() if str(name).strip() != role)
    return set().union(*others) - own


def _fields_of(text: Any) -> set[str]:
    return set(_HOLE.findall(str(text)))


def filled(text: Any, row: Mapping[str, Any]) -> str:
    """A text with its `{{field}}` filled in; what has no field stays as it is."""
    return _HOLE.sub(lambda hole: str(row.get(hole.group(1), hole.group())), str(text))
