"""Conversations of two or more people, or of people and models: our page, or a bundle made for Mephisto's chats."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, cast

from app.blueprints.base import (
    AssignmentData,
    Blueprint,
    BlueprintArgs,
    LiveUpdate,
    PageSet,
    RowError,
    SubmissionView,
)
from app.blueprints.chat.answers import check_answer, final_answers, spoken_lines
from app.blueprints.chat.chat_args import (
    TURNS,
    ChatArgs,
    check_args,
    filled,
    people_seats,
    role_names,
    withheld_fields,
)
from app.blueprints.chat.conversation import Conversation, ConversationRules
from app.blueprints.chat.messages import read_questions
from app.blueprints.chat.simulated import ChatPartner, preview_words, simulated_answer
from app.blueprints.chat.talk import TalkRules
from app.blueprints.chat.voices import SCRIPTED, function_voice, scripted_voice
from app.blueprints.live_agent import LiveAgent, Voice
from app.blueprints.rows import RowSource
from app.blueprints.served_files import client_files, page_map, plain_inputs
from app.blueprints.static_react.blueprint import StaticReactArgs, StaticReactBlueprint
from app.blueprints.static_react.bundle import check_bundle
from app.blueprints.task_code import KEY, check_syntax
from app.blueprints.task_runner import LiveRules, PartnerPolicy, PartnerRules, find_runner
from app.errors import ConfigError

TRUTH_FIELDS = ("truth", "label")
"""Fields of a row that are for rehearsals and checks; they are never sent to a worker."""
_ROWS_LOOKED_AT = 20_000


class ChatBlueprint(Blueprint):
    """One conversation per row: seats with roles, each with a person or a model in it."""

    BLUEPRINT_TYPE: ClassVar[str] = "chat"
    TITLE: ClassVar[str] = "Conversations"
    ArgsClass: ClassVar[type[BlueprintArgs]] = ChatArgs
    IS_LIVE: ClassVar[bool] = True

    def __init__(self, args: BlueprintArgs, base_dir: Path) -> None:
        super().__init__(args, base_dir)
        given = self._args = cast(ChatArgs, args)
        self._rows = RowSource(given, base_dir)
        self._names, self._people = role_names(given), people_seats(given)
        self.live = LiveRules(
            partners=PartnerRules(
                PartnerPolicy(given.partner_policy),
                given.partner_wait_in_seconds,
                given.compensation_percent,
                given.waiting_limit_in_seconds,
            ),
            seats=self._all_seats,
            stand_in=self._voice_of if given.model else None,
            typing=given.typing_indicator,
            speak_in=given.requester_speaks,
            submit_when_over=True,
            simulate=self._simulate,
            preview=preview_words,
        )

    @classmethod
    def assert_task_args(cls, args: BlueprintArgs, base_dir: Path) -> None:
        """There are seats, something ends the conversation, and the data can be read."""
        given = cast(ChatArgs, args)
        check_args(given)
        task = cls(args, base_dir)
        task._rows.check()
        if given.task_code:
            check_syntax(given.task_code, base_dir)
        if given.task_source:
            check_bundle((base_dir / Path(given.task_source).expanduser()).resolve(), "blueprint.task_source")

    def load_code(self) -> None:
        super().load_code()
        if self.code is None:
            return
        self.live.own_runner = find_runner(self.code, self._args.runner)
        name = self._args.model
        if name not in ("", SCRIPTED) and self.code.find_function(name) is None:
            message = f'There is no function "{name}" in {self.code.path.name}.'
            raise ConfigError(message, key="blueprint.model", file=str(self.code.path))
        args = self._args
        ends = args.max_messages or args.max_minutes or args.end_by_agreement or args.silence_seconds
        if self.live.own_runner is None and not ends:
            raise ConfigError(f"{self.code.path.name} has no runner, and nothing else ends the conversation.", key=KEY)

    def iter_assignments(self, start: int = 0) -> Iterator[AssignmentData]:
        """The conversations about each row, one unit for each person in it."""
        units = [{"seat": place, "role": self._names[place]} for place in self._people]
        again = self._args.conversations_per_item
        some = False
        for row in islice(self._rows.read(), start // again, None):
            for _ in range(again if some else again - start % again):
                yield AssignmentData(row.values, units)
            some = True
        if not some and start == 0:
            first = next(iter(self._rows.errors), None)
            told = f" The first that was left out: line {first.line} {first.message}" if first else ""
            raise ConfigError(f"No row of the data can be used.{told}", key="blueprint.data_csv")

    def count_assignments(self) -> int | None:
        rows = self._rows.count()
        return None if rows is None else rows * self._args.conversations_per_item

    def units_per_assignment(self) -> int:
        return len(self._people)

    def is_concurrent(self) -> bool:
        return len(self._people) > 1

    async def run_assignment(self, agents: Sequence[LiveAgent]) -> None:
        """The conversation that needs no code of the requester."""
        await Conversation(self._rules(), agents).run()

    def row_errors(self) -> Sequence[RowError]:
        return self._rows.errors

    def get_pages(self, build_dir: Path) -> PageSet:
        args = self._args
        config = {
            "blueprint": self.BLUEPRINT_TYPE,
            "comment": args.comment,
            "typing": args.typing_indicator,
            "longest_message": args.longest_message,
            "preview_data": self._preview_data(),
        }
        if args.task_source:
            pages = StaticReactBlueprint(_bundle_args(args), self.base_dir).get_pages(build_dir)
            return replace(pages, task_config={**config, **args.task_config, "blueprint": self.BLUEPRINT_TYPE})
        return PageSet(pages=page_map("chat.html"), static=client_files(), task_config=config)

    def initial_data(self, shared: Mapping[str, Any], unit_data: Mapping[str, Any]) -> Mapping[str, Any]:
        """`{task_data, past_live_updates: []}`; the row without its truth, the seat and what its holder reads."""
        args = self._args
        row = {name: value for name, value in shared.items() if name not in TRUTH_FIELDS}
        place = unit_data.get("seat")
        seat = place if isinstance(place, int) and 0 <= place < len(self._names) else self._people[0]
        name = self._names[seat]
        withheld = withheld_fields(args, name)
        shown = {field: value for field, value in row.items() if field not in withheld}
        talk = {
            "turns": args.turn_taking == TURNS,
            "max_messages": args.max_messages,
            "min_messages": args.min_messages,
            "by_agreement": args.end_by_agreement and self.live.own_runner is None,
        }
        own = {
            "agent_display_name": name,
            "seat": seat,
            "seats": [{"name": each, "model": n not in self._people} for n, each in enumerate(self._names)],
            "instructions": filled(args.instructions, row),
            "role_instructions": filled(args.role_instructions.get(name, ""), row),
            "talk": talk,
        }
        return {"task_data": {**shown, **own}, "past_live_updates": []}

    def returning_data(self, inputs: Mapping[str, Any], history: Sequence[LiveUpdate]) -> Mapping[str, Any]:
        return {**inputs, "past_live_updates": [dict(update.content) for update in history]}

    def check_submission(
        self, inputs: Mapping[str, Any], outputs: Any, files: Sequence[Mapping[str, Any]]
    ) -> str | None:
        return check_answer(outputs, files)

    def describe_submission(self, inputs: Any, outputs: Any, files: Sequence[Mapping[str, Any]]) -> SubmissionView:
        row = plain_inputs(inputs)
        given = row.get("task_data")
        data = given if isinstance(given, Mapping) else {}
        role = str(data.get("agent_display_name") or row.get("role") or "Worker")[:100]
        answers = final_answers(outputs)
        said = outputs.get("comment") if isinstance(outputs, dict) else ""
        comment = said if isinstance(said, str) else ""
        short = "; ".join(" ".join(answer.split()) for _, answer in answers if answer) or " ".join(comment.split())
        questions = read_questions(self._args.last_questions, "blueprint.last_questions")
        chosen = {question.question for question in questions if question.choices}
        return SubmissionView(
            answer=(f"{role}: {short}" if short else role)[:400],
            labels=tuple(answer for question, answer in answers if answer.strip() and question in chosen),
            fields=(("Role", role), *answers),
            comment=comment,
        )

    def add_history(self, view: SubmissionView, history: Sequence[LiveUpdate]) -> SubmissionView:
        return replace(view, conversation=spoken_lines(history))

    def simulate_answer(self, inputs: Mapping[str, Any], accuracy: float, draw: float) -> Any:
        questions = read_questions(self._args.last_questions, "blueprint.last_questions")
        return simulated_answer(questions, accuracy, draw)

    # the parts of a conversation

    def _rules(self) -> ConversationRules:
        args = self._args
        return ConversationRules(
            TalkRules(args.turn_taking == TURNS, args.max_messages, args.min_messages, args.end_by_agreement),
            args.max_minutes,
            args.silence_seconds,
            read_questions(args.last_questions, "blueprint.last_questions"),
            args.longest_message,
            bool(args.task_source),
        )

    def _all_seats(self, agents: Sequence[LiveAgent]) -> Sequence[LiveAgent]:
        """The people and the models, in the order of the roles. A person who is not there has left a seat behind."""
        there = {agent.unit_index: agent for agent in agents}
        first = agents[0]
        seats = []
        for place, name in enumerate(self._names):
            agent = there.get(self._people.index(place)) if place in self._people else None
            if agent is None:
                agent = self._empty_seat(place, name, first)
            seats.append(agent)
        return seats

    def _empty_seat(self, place: int, name: str, beside: LiveAgent) -> LiveAgent:
        given = dict(beside.inputs.get("task_data") or {})
        told = filled(self._args.role_instructions.get(name, ""), self._row_of(given))
        mine = {"agent_display_name": name, "seat": place, "role_instructions": told}
        index = self._people.index(place) if place in self._people else -1 - place
        seat = LiveAgent(0, index, name, {"task_data": {**given, **mine}}, _say_nothing, beside.clock)
        if place not in self._people or self._args.partner_policy == PartnerPolicy.MODEL:
            seat.give_to_model(self._voice_of(seat))
        else:
            seat.vacate()
        return seat

    def _row_of(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """The whole row of a conversation, by what one of its pages was given of it."""
        if not any(withheld_fields(self._args, name) for name in self._names):
            return given
        rows = islice(self._rows.read(), _ROWS_LOOKED_AT)
        fits = (row.values for row in rows if all(row.values[key] == given[key] for key in row.values if key in given))
        return next(fits, given)

    def _voice_of(self, seat: LiveAgent) -> Voice:
        function: Callable[..., Any] | None = None
        if self._args.model != SCRIPTED and self.code is not None:
            function = self.code.find_function(self._args.model)
        if function is None or self.code is None:
            return scripted_voice(self._args.model_lines)
        return function_voice(self.code, function, self._args.model_seconds)

    def _simulate(self, inputs: Mapping[str, Any], draw: float) -> ChatPartner:
        return ChatPartner(inputs, draw)

    def _preview_data(self) -> Mapping[str, Any]:
        row = next(self._rows.read(), None)
        unit = {"seat": self._people[0]}
        return self.initial_data(row.values, unit) if row is not None else {}


def _bundle_args(args: ChatArgs) -> StaticReactArgs:
    """What the page of a bundle is told: the arguments that both know."""
    known = {field.name for field in fields(StaticReactArgs)} & {field.name for field in fields(args)}
    left_out = {"_blueprint_type", "task_code", "units_per_assignment"}
    return StaticReactArgs(**{name: getattr(args, name) for name in known - left_out})


async def _say_nothing(content: Mapping[str, Any]) -> None:
    """Nobody's page: a model hears what its seat observes."""
