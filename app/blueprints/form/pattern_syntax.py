"""The syntax of a browser's regular expressions, read into a tree. What a linear matcher cannot do is marked."""

from __future__ import annotations

from dataclasses import dataclass

FLAGS = "dgimsuvy"
_MAX_DEPTH = 50
_MAX_COUNT = 100_000
_LINE_ENDS = "\n\r\u2028\u2029"
SPACES = "\t\n\v\f\r \xa0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff" + "".join(map(chr, range(0x2000, 0x200B)))
"""What a browser takes for white space; `strip(SPACES)` is its `trim()`."""
_DIGITS = (("0", "9"),)
_WORDS = (("0", "9"), ("A", "Z"), ("_", "_"), ("a", "z"))
_BLANKS = tuple((char, char) for char in SPACES)
_CLASSES = {"d": _DIGITS, "w": _WORDS, "s": _BLANKS}
_CONTROLS = {"t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r", "0": "\0"}
_SYNTAX = "^$\\.*+?()[]{}|/"

Ranges = tuple[tuple[str, str], ...]


class PatternFault(ValueError):
    """A text that is no regular expression."""


@dataclass(frozen=True)
class Chars:
    """One character out of ranges, or out of all others."""

    ranges: Ranges
    negated: bool = False
    parts: tuple[Chars, ...] = ()
    """More sets that are joined to the ranges: a class may hold "all but digits"."""


@dataclass(frozen=True)
class Sequence:
    """One after the other."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Choice:
    """One of these."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Repeat:
    """Again and again; `most` None: without an end."""

    part: Node
    least: int
    most: int | None


@dataclass(frozen=True)
class Mark:
    """A place between characters: "^", "$", "b" or "B"."""

    kind: str


@dataclass(frozen=True)
class Beyond:
    """Something that only a browser can decide: looking around, going back, properties of letters."""


Node = Chars | Sequence | Choice | Repeat | Mark | Beyond


def read_pattern(pattern: str, flags: str) -> Node:
    """The tree of a pattern; `PatternFault` says what is wrong with it."""
    for flag in flags:
        if flag not in FLAGS:
            raise PatternFault(f'"{flag}" is no flag of a regular expression; there are {FLAGS}.')
    if len(set(flags)) != len(flags):
        raise PatternFault(f'The flags "{flags}" name one twice.')
    if "u" in flags and "v" in flags:
        raise PatternFault('The flags "u" and "v" exclude each other.')
    reader = _PatternReader(pattern, flags)
    tree = reader.choice(0)
    if reader.more():
        raise PatternFault(f'The ")" at character {reader.place + 1} closes nothing.')
    return Beyond() if "v" in flags or reader.is_beyond else tree


class _PatternReader:
    def __init__(self, pattern: str, flags: str) -> None:
        self.text = pattern
        self.place = 0
        self.is_beyond = False
        self._unicode = "u" in flags or "v" in flags
        self._any_char = Chars((), negated=True) if "s" in flags else Chars(tuple((c, c) for c in _LINE_ENDS), True)

    def more(self) -> bool:
        return self.place < len(self.text)

    def _peek(self) -> str:
        return self.text[self.place : self.place + 1]

    def _take(self, wanted: str) -> bool:
        if self.text.startswith(wanted, self.place):
            self.place += len(wanted)
            return True
        return False

    def choice(self, depth: int) -> Node:
        if depth > _MAX_DEPTH:
            raise PatternFault(f"Groups are nested more than {_MAX_DEPTH} deep.")
        parts = [self._sequence(depth)]
        while self._take("|"):
            parts.append(self._sequence(depth))
        return parts[0] if len(parts) == 1 else Choice(tuple(parts))

    def _sequence(self, depth: int) -> Node:
        parts: list[Node] = []
        while self.more() and self._peek() not in "|)":
            start = self.place
            parts.append(self._repeated(self._atom(depth), start))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _repeated(self, atom: Node, start: int) -> Node:
        counts = self._counts()
        if counts is None:
            return atom
        if isinstance(atom, Mark):
            raise PatternFault(f"There is nothing to repeat at character {start + 1}.")
        least, most = counts
        self._take("?")
        if most is not None and most < least:
            raise PatternFault(f"{{{least},{most}}} counts backwards.")
        if max(least, most or 0) > _MAX_COUNT:
            raise PatternFault(f"A repetition may count to {_MAX_COUNT}.")
        if self._counts() is not None:
            raise PatternFault(f"There is nothing to repeat at character {self.place}.")
        return Repeat(atom, least, most)

    def _counts(self) -> tuple[int, int | None] | None:
        for sign, counts in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._take(sign):
                return counts
        end = self.text.find("}", self.place) if self._peek() == "{" else -1
        if end < 0:
            return None
        least, comma, most = self.text[self.place + 1 : end].partition(",")
        if not _is_count(least) or (most and not _is_count(most)):
            return None
        self.place = end + 1
        return int(least), int(most) if most else None if comma else int(least)

    def _atom(self, depth: int) -> Node:
        start = self.place
        char = self._peek()
        if char == "{" and (self._unicode or self._counts() is not None):
            raise PatternFault(f"There is nothing to repeat at character {start + 1}.")
        self.place = start + 1
        if char == "(":
            return self._group(depth, start)
        if char == "[":
            return self._char_class(start)
        if char == "\\":
            return self._escape(in_class=False)
        if char in "^$":
            return Mark(char)
        if char in "*+?":
            raise PatternFault(f"There is nothing to repeat at character {start + 1}.")
        if char in "]}" and self._unicode:
            raise PatternFault(f'The "{char}" at character {start + 1} closes nothing.')
        return self._any_char if char == "." else Chars(((char, char),))

    def _group(self, depth: int, start: int) -> Node:
        if self._take("?"):
            if any(self._take(sign) for sign in ("=", "!", "<=", "<!")):
                self.is_beyond = True
            elif self._take("<"):
                end = self.text.find(">", self.place)
                if end < 0 or not self.text[self.place : end].isidentifier():
                    raise PatternFault(f"The group at character {start + 1} has no right name.")
                self.place = end + 1
            elif not self._take(":"):
                raise PatternFault(f'The "(?" at character {start + 1} begins no group that is known.')
        inner = self.choice(depth + 1)
        if not self._take(")"):
            raise PatternFault(f"The group at character {start + 1} is not closed.")
        # a group of its own, so that a place mark in it may be repeated
        return Sequence((inner,))

    def _escape(self, *, in_class: bool) -> Node:
        if not self.more():
            raise PatternFault("The pattern ends with a backslash.")
        char = self._peek()
        self.place += 1
        if char in "bB" and not (in_class and char == "b"):
            return Mark(char)
        if char.lower() in _CLASSES and char.isascii():
            return Chars(_CLASSES[char.lower()], negated=char.isupper())
        if char in "123456789" or (char == "0" and _is_count(self._peek())):
            return self._beyond()
        if char in "kpP" and (self._unicode or char == "k"):
            end = self.text.find("}" if char in "pP" else ">", self.place)
            self.place = end + 1 if end >= 0 else self.place
            return self._beyond()
        return self._single(char, in_class=in_class)

    def _single(self, char: str, *, in_class: bool) -> Node:
        if char == "b":
            char = "\b"
        elif char in _CONTROLS:
            char = _CONTROLS[char]
        elif char in "xu":
            char = self._hex(char)
        elif char == "c" and self._peek().isascii() and self._peek().isalpha():
            char = chr(ord(self._peek()) % 32)
            self.place += 1
        elif self._unicode and char not in _SYNTAX + ("-" if in_class else ""):
            raise PatternFault(f'"\\{char}" means nothing in a pattern with the flag "u".')
        elif char == "c":
            # a browser reads "\c" before anything else as a backslash and a "c"
            return self._beyond()
        return Chars(((char, char),))

    def _hex(self, letter: str) -> str:
        if letter == "u" and self._unicode and self._take("{"):
            end = self.text.find("}", self.place)
            digits = self.text[self.place : end] if end >= 0 else ""
            if not _is_hex(digits) or int(digits, 16) > 0x10FFFF:
                raise PatternFault(f"\\u{{{digits[:10]}}} is no character.")
            self.place = end + 1
            return chr(int(digits, 16))
        size = 2 if letter == "x" else 4
        digits = self.text[self.place : self.place + size]
        if len(digits) == size and _is_hex(digits):
            self.place += size
            return chr(int(digits, 16))
        if self._unicode:
            raise PatternFault(f"\\{letter} needs {size} hexadecimal digits.")
        return letter

    def _beyond(self) -> Node:
        self.is_beyond = True
        return Beyond()

    def _char_class(self, start: int) -> Node:
        negated = self._take("^")
        ranges: list[tuple[str, str]] = []
        parts: list[Chars] = []
        while not self._take("]"):
            if not self.more():
                raise PatternFault(f"The [ at character {start + 1} is not closed.")
            low = self._class_atom()
            if self._peek() == "-" and self.text[self.place + 1 : self.place + 2] not in ("]", ""):
                self.place += 1
                self._class_range(low, self._class_atom(), ranges, parts)
            elif isinstance(low, str):
                ranges.append((low, low))
            else:
                parts.append(low)
        return Chars(tuple(ranges), negated, tuple(parts))

    def _class_range(
        self, low: str | Chars, high: str | Chars, ranges: list[tuple[str, str]], parts: list[Chars]
    ) -> None:
        if isinstance(low, str) and isinstance(high, str):
            if low > high:
                raise PatternFault(f'The range "{low}-{high}" runs backwards.')
            ranges.append((low, high))
            return
        if self._unicode:
            raise PatternFault("A range runs from one character to another.")
        ranges.append(("-", "-"))
        for end in (low, high):
            if isinstance(end, str):
                ranges.append((end, end))
            else:
                parts.append(end)

    def _class_atom(self) -> str | Chars:
        char = self._peek()
        self.place += 1
        if char != "\\":
            return char
        found = self._escape(in_class=True)
        if isinstance(found, Chars):
            is_single = not found.negated and len(found.ranges) == 1 and found.ranges[0][0] == found.ranges[0][1]
            return found.ranges[0][0] if is_single else found
        if isinstance(found, Mark):
            # "\B" in a class is the letter, where a pattern may escape what needs none
            if self._unicode:
                raise PatternFault('"\\B" means nothing in a class.')
            return found.kind
        return Chars(())


def _is_count(text: str) -> bool:
    return bool(text) and len(text) < 10 and text.isascii() and text.isdigit()


def _is_hex(text: str) -> bool:
    return bool(text) and all(char in "0123456789abcdefABCDEF" for char in text)
