"""Regular expressions as a browser means them, matched in time that grows with the text and never faster.

A backtracking matcher can take years for a short text and a careless pattern. This one follows all ways at once, so
that hostile text costs at most states times characters. What only a browser can decide is left to the worker's page.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from app.blueprints.form.pattern_syntax import (
    SPACES,
    Beyond,
    Chars,
    Choice,
    Mark,
    Node,
    PatternFault,
    Repeat,
    Sequence,
    read_pattern,
)

MAX_PATTERN = 2000
MAX_STATES = 1000
MAX_WORK = 1_000_000
"""States times characters of one match."""
MAX_TEXT = 5000
_MAX_KNOWN = 20_000
_ORDINARY = "a1e0Aos.-@ _Z9/:+"

_CHAR, _SPLIT, _MARK, _MATCH = range(4)


@dataclass(frozen=True)
class _State:
    kind: int
    chars: Chars | None = None
    mark: str = ""
    out: int = -1
    other: int = -1


@dataclass
class Pattern:
    """A pattern that was understood. `is_decidable`: whether it can be matched here too, and not only in a browser."""

    source: str
    flags: str
    tree: Node
    states: tuple[_State, ...] = ()
    start: int = 0
    _steps: dict[tuple[frozenset[int], str], frozenset[int]] = field(default_factory=dict, repr=False)
    _reached: dict[tuple[frozenset[int], str, str], frozenset[int]] = field(default_factory=dict, repr=False)

    @property
    def is_decidable(self) -> bool:
        """Whether `matches` knows the answer."""
        return bool(self.states)

    @property
    def longest(self) -> int:
        """The longest text, in characters, that may be matched."""
        return min(MAX_TEXT, MAX_WORK // max(1, len(self.states)))

    def matches(self, text: str) -> bool:
        """Whether the pattern is found in the text; always true where only a browser can tell."""
        if not self.is_decidable:
            return True
        shown = units(text, self.flags)
        now: frozenset[int] = frozenset()
        before = ""
        for place in range(len(shown) + 1):
            after = shown[place] if place < len(shown) else ""
            now = self._closure(now | {self.start}, before, after)
            if any(self.states[number].kind == _MATCH for number in now):
                return True
            if after:
                now = self._step(now, after)
            before = after
        return False

    def examples(self, seed: int, least: int, tries: int = 60) -> Iterator[str]:
        """Texts that may match, of about `least` characters or more; each must still be tried."""
        chance = random.Random(seed)  # noqa: S311 - texts for rehearsals; the same seed must give the same
        for number in range(tries):
            text = _Maker(self, chance, stretch=number % 8 * max(1, min(least, self.longest)) // 4).make(self.tree)
            try:
                text = text.encode("utf-16", "surrogatepass").decode("utf-16")
            except UnicodeDecodeError:
                continue
            yield text
            if len(text) < least:
                missing = least - len(text)
                yield text + "a" * missing
                yield "a" * missing + text
                yield text + "1" * missing

    def _step(self, now: frozenset[int], char: str) -> frozenset[int]:
        key = (now, char)
        known = self._steps.get(key)
        if known is None:
            found = (self.states[number] for number in now)
            fold = "i" in self.flags
            known = frozenset(s.out for s in found if s.kind == _CHAR and s.chars and holds(s.chars, char, fold))
            if len(self._steps) > _MAX_KNOWN:
                self._steps.clear()
            self._steps[key] = known
        return known

    def _closure(self, start: frozenset[int], before: str, after: str) -> frozenset[int]:
        key = (start, _kind_of(before), _kind_of(after))
        known = self._reached.get(key)
        if known is not None:
            return known
        seen: set[int] = set()
        waiting = list(start)
        while waiting:
            number = waiting.pop()
            if number in seen:
                continue
            seen.add(number)
            state = self.states[number]
            if state.kind == _SPLIT:
                waiting += [place for place in (state.out, state.other) if place >= 0]
            elif state.kind == _MARK and _stands(state.mark, key[1], key[2], "m" in self.flags):
                waiting.append(state.out)
        if len(self._reached) > _MAX_KNOWN:
            self._reached.clear()
        known = self._reached[key] = frozenset(seen)
        return known


@lru_cache(maxsize=512)
def compile_pattern(source: str, flags: str = "igm") -> Pattern:
    """A pattern, ready to match. `PatternFault` says what is wrong with it."""
    if len(source) > MAX_PATTERN:
        raise PatternFault(f"The pattern is longer than {MAX_PATTERN} characters.")
    tree = read_pattern(units(source, flags), flags)
    pattern = Pattern(source, flags, tree)
    if not isinstance(tree, Beyond) and "y" not in flags:
        builder = _Builder()
        try:
            end = builder.add(_State(_MATCH))
            pattern.start = builder.build(tree, end)
            pattern.states = tuple(builder.states)
        except _TooLargeError:
            pattern.states = ()
    return pattern


def units(text: str, flags: str) -> str:
    """A text as a browser counts it: without the flag "u" a character beyond 16 bits is two."""
    if "u" in flags or "v" in flags or text.isascii() or max(text) <= "\uffff":
        return text
    raw = text.encode("utf-16-le", "surrogatepass")
    return "".join(chr(int.from_bytes(raw[place : place + 2], "little")) for place in range(0, len(raw), 2))


def holds(chars: Chars, char: str, fold: bool) -> bool:
    """Whether a character is in a set; `fold`: whether large and small letters are the same."""
    if fold:
        near = {char, char.upper(), char.lower(), char.upper().lower()}
        same = {other for other in near if len(other) == 1 and _canonical(other) == _canonical(char)}
        found = any(_in(chars, other) for other in same)
    else:
        found = _in(chars, char)
    return found != chars.negated


def _in(chars: Chars, char: str) -> bool:
    if any(low <= char <= high for low, high in chars.ranges):
        return True
    return any(_in(part, char) != part.negated for part in chars.parts)


def _canonical(char: str) -> str:
    upper = char.upper()
    if len(upper) != 1 or (ord(char) > 127 and ord(upper) < 128):
        return char
    return upper


def _kind_of(char: str) -> str:
    """What a place mark needs to know of a neighbour: none, line end, word or other."""
    if not char:
        return "none"
    if char in "\n\r\u2028\u2029":
        return "line"
    return "word" if char == "_" or (char.isascii() and char.isalnum()) else "other"


def _stands(mark: str, before: str, after: str, lines: bool) -> bool:
    if mark == "^":
        return before == "none" or (lines and before == "line")
    if mark == "$":
        return after == "none" or (lines and after == "line")
    return ((before == "word") != (after == "word")) == (mark == "b")


class _TooLargeError(Exception):
    """More states than a match may have."""


class _Builder:
    """Builds backwards: each part is told what follows it."""

    def __init__(self) -> None:
        self.states: list[_State] = []
        self._left = 20 * MAX_STATES

    def add(self, state: _State) -> int:
        if len(self.states) >= MAX_STATES:
            raise _TooLargeError
        self.states.append(state)
        return len(self.states) - 1

    def build(self, node: Node, then: int) -> int:
        self._left -= 1
        if self._left < 0:
            raise _TooLargeError
        if isinstance(node, Chars):
            return self.add(_State(_CHAR, chars=node, out=then))
        if isinstance(node, Mark):
            return self.add(_State(_MARK, mark=node.kind, out=then))
        if isinstance(node, Sequence):
            for part in reversed(node.parts):
                then = self.build(part, then)
            return then
        if isinstance(node, Choice):
            first = self.build(node.parts[-1], then)
            for part in reversed(node.parts[:-1]):
                first = self.add(_State(_SPLIT, out=self.build(part, then), other=first))
            return first
        if isinstance(node, Repeat):
            return self._repeat(node, then)
        raise _TooLargeError

    def _repeat(self, node: Repeat, then: int) -> int:
        if max(node.least, node.most or 0) > MAX_STATES:
            raise _TooLargeError
        if node.most is None:
            loop = self.add(_State(_SPLIT, out=then))
            body = self.build(node.part, loop)
            self.states[loop] = _State(_SPLIT, out=body, other=then)
            then = loop
        else:
            end = then
            for _ in range(node.most - node.least):
                then = self.add(_State(_SPLIT, out=self.build(node.part, then), other=end))
        for _ in range(node.least):
            then = self.build(node.part, then)
        return then


class _Maker:
    """Makes a text that a tree describes, by chance."""

    def __init__(self, pattern: Pattern, chance: random.Random, stretch: int) -> None:
        self._fold = "i" in pattern.flags
        self._chance = chance
        self._stretch = stretch
        self._left = 4 * MAX_TEXT

    def make(self, node: Node) -> str:
        self._left -= 1
        if self._left <= 0:
            return ""
        if isinstance(node, Chars):
            return self._char(node)
        if isinstance(node, Sequence):
            return "".join(self.make(part) for part in node.parts)
        if isinstance(node, Choice):
            return self.make(self._chance.choice(node.parts))
        if isinstance(node, Repeat):
            most = node.least + self._stretch + 1 if node.most is None else min(node.most, node.least + self._stretch)
            times = self._chance.randint(node.least, max(node.least, most))
            return "".join(self.make(node.part) for _ in range(times))
        return ""

    def _char(self, chars: Chars) -> str:
        usual = [char for char in _ORDINARY if holds(chars, char, self._fold)]
        if usual:
            return self._chance.choice(usual[:4])
        first = [low for low, _ in chars.ranges] if not chars.negated else []
        shown = (chr(code) for code in range(33, 0x3000))
        return next((char for char in (*first, *SPACES, *shown) if holds(chars, char, self._fold)), "")
