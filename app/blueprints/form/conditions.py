"""When a part of a form is shown: `{"field": "country", "is": "USA"}`, and "all", "any" and "not" of such tests."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.blueprints.form.pattern_syntax import SPACES

OPERATORS = ("is", "is_not", "in", "has", "filled", "at_least", "at_most")
MAX_DEPTH = 8


class Condition(ABC):
    """Something that is true or not of the answers so far."""

    @abstractmethod
    def holds(self, answers: Mapping[str, Any]) -> bool:
        """Whether it is true. `answers` holds what is answered in what is shown, and nothing else."""

    @abstractmethod
    def as_json(self) -> dict[str, Any]:
        """As the file of a form has it."""

    @abstractmethod
    def names(self) -> set[str]:
        """The fields that it looks at."""


@dataclass(frozen=True)
class Test(Condition):
    """One field's answer compared with something."""

    __test__ = False  # pytest takes a class of this name for one of its own

    field: str
    operator: str
    wanted: Any

    def holds(self, answers: Mapping[str, Any]) -> bool:
        answer = answers.get(self.field)
        if self.operator == "filled":
            return (not is_blank(answer)) is self.wanted
        if is_blank(answer):
            return self.operator == "is_not"
        if self.operator in ("is", "is_not"):
            return (answer == self.wanted) is (self.operator == "is")
        if self.operator == "in":
            return answer in self.wanted
        if self.operator == "has":
            return self.wanted in chosen(answer)
        if not (isinstance(answer, str) and isinstance(self.wanted, str)) and not (
            isinstance(answer, int | float) and isinstance(self.wanted, int | float)
        ):
            return False
        return bool(answer >= self.wanted) if self.operator == "at_least" else bool(answer <= self.wanted)  # type: ignore[operator]  # both are of one kind

    def as_json(self) -> dict[str, Any]:
        wanted = list(self.wanted) if self.operator == "in" else self.wanted
        return {"field": self.field, self.operator: wanted}

    def names(self) -> set[str]:
        return {self.field}


@dataclass(frozen=True)
class Group(Condition):
    """Several conditions: `word` is "all" or "any"."""

    word: str
    parts: tuple[Condition, ...]

    def holds(self, answers: Mapping[str, Any]) -> bool:
        found = (part.holds(answers) for part in self.parts)
        return all(found) if self.word == "all" else any(found)

    def as_json(self) -> dict[str, Any]:
        return {self.word: [part.as_json() for part in self.parts]}

    def names(self) -> set[str]:
        return {name for part in self.parts for name in part.names()}


@dataclass(frozen=True)
class Opposite(Condition):
    """The contrary of a condition."""

    part: Condition

    def holds(self, answers: Mapping[str, Any]) -> bool:
        return not self.part.holds(answers)

    def as_json(self) -> dict[str, Any]:
        return {"not": self.part.as_json()}

    def names(self) -> set[str]:
        return self.part.names()


def chosen(answer: Any) -> Sequence[Any]:
    """The options that are chosen: of a list, or of the mapping that checkboxes make."""
    if isinstance(answer, Mapping):
        return [name for name, is_on in answer.items() if is_on is True]
    return answer if isinstance(answer, list | tuple) else [answer]


def is_blank(answer: Any) -> bool:
    """Whether nothing was answered."""
    if isinstance(answer, str):
        return not answer.strip(SPACES)
    if isinstance(answer, Mapping | list | tuple):
        return not chosen(answer)
    return answer is None
