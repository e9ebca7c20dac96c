"""The rules of a conversation, without anybody in it: whose turn it is, who may end it, and when it is over."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field


@dataclass(frozen=True)
class TalkRules:
    """What holds in a conversation. A 0 is no limit."""

    by_turns: bool = False
    max_messages: int = 0
    """Of all together."""
    min_messages: int = 0
    """Each has to write so many before they can end it."""
    by_agreement: bool = True
    """Whether it ends when all people in it want that."""


@dataclass
class Talk:
    """Where a conversation of so many seats stands; `people` are those seats that are no models'."""

    rules: TalkRules
    seats: int
    people: Collection[int]
    turn: int = 0
    said: list[int] = field(default_factory=list)
    """Messages of each seat."""
    ready: set[int] = field(default_factory=set)
    """Who wants to end it."""

    def __post_init__(self) -> None:
        self.said = self.said or [0] * self.seats

    @property
    def is_over(self) -> bool:
        """Whether nobody can say anything more."""
        full = 0 < self.rules.max_messages <= sum(self.said)
        return full or (self.rules.by_agreement and bool(self.people) and self.ready >= set(self.people))

    def may_speak(self, seat: int) -> bool:
        """Whether a message of that seat would be taken now."""
        return not self.is_over and (not self.rules.by_turns or self.turn == seat)

    def may_end(self, seat: int) -> bool:
        """Whether that seat can say that it wants to end."""
        return self.rules.by_agreement and not self.is_over and self.said[seat] >= self.rules.min_messages

    def speak(self, seat: int) -> bool:
        """A message came. False: it was not theirs to say, and nothing has changed.

        Whoever goes on talking does not want to end any more.
        """
        if not self.may_speak(seat):
            return False
        self.said[seat] += 1
        self.ready.discard(seat)
        self.turn = (seat + 1) % self.seats
        return True

    def want_to_end(self, seat: int, wants: bool) -> bool:
        """Somebody wants to end it, or does not any more. False: they cannot, and nothing has changed."""
        if seat not in self.people or not self.may_end(seat):
            return False
        if wants:
            self.ready.add(seat)
        else:
            self.ready.discard(seat)
        return True
