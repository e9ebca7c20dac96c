"""Regular expressions as a browser means them, matched without going back."""

from __future__ import annotations

import re
import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.blueprints.form.pattern import MAX_TEXT, compile_pattern
from app.blueprints.form.pattern_syntax import PatternFault


@pytest.mark.parametrize(
    ("source", "flags", "text", "found"),
    [
        ("^[a-z]+$", "", "abc", True),
        ("^[a-z]+$", "", "aBc", False),
        ("^[a-z]+$", "i", "aBc", True),
        ("b", "", "abc", True),
        ("^b", "", "abc", False),
        ("^b$", "m", "a\nb\nc", True),
        ("^b$", "", "a\nb\nc", False),
        ("^.{3}$", "", "äöü", True),
        ("^.$", "", "😀", False),  # two places in a browser that is not told "u"
        ("^.$", "u", "😀", True),
        ("a.b", "", "a\nb", False),
        ("a.b", "s", "a\nb", True),
        (r"\bcat\b", "", "a cat sat", True),
        (r"\bcat\b", "", "concatenate", False),
        (r"\Bat", "", "cat", True),
        (r"^\d{2,4}$", "", "12345", False),
        (r"^\d{2,4}$", "", "123", True),
        (r"^(ab|cd)*$", "", "abcdab", True),
        (r"^(?:ab){2}$", "", "abab", True),
        (r"^(?<year>\d{4})-\d\d$", "", "2026-01", True),
        (r"^[^\d\s]+$", "", "ab c", False),
        (r"^[\w-]+$", "", "a-b_c", True),
        (r"^[\]\\]$", "", "]", True),
        (r"^[]$", "", "x", False),
        (r"^[^]$", "", "\n", True),
        (r"^\x41\u0042$", "", "AB", True),
        (r"^\u{1F600}$", "u", "😀", True),
        (r"^a{,2}$", "", "a{,2}", True),
        ("^a{$", "", "a{", True),
        ("", "", "", True),
        ("^[a-zA-Z0-9._-]+@mephisto\\.ai$", "ig", "User@Mephisto.ai", True),
        ("ſ", "i", "s", False),
        ("(a|)*b", "", "aab", True),
        ("(a*)*$", "", "aaa", True),
    ],
)
def test_it_finds_what_a_browser_finds(source: str, flags: str, text: str, found: bool) -> None:
    pattern = compile_pattern(source, flags)
    assert pattern.is_decidable
    assert pattern.matches(text) is found


@pytest.mark.parametrize(
    ("source", "flags", "said"),
    [
        ("(", "", "is not closed"),
        (")", "", "closes nothing"),
        ("[a", "", "is not closed"),
        ("[z-a]", "", "runs backwards"),
        ("*a", "", "nothing to repeat"),
        ("a**", "", "nothing to repeat"),
        ("a{3,1}", "", "counts backwards"),
        ("\\", "", "ends with a backslash"),
        ("(?x)", "", "no group that is known"),
        ("(?<1>a)", "", "no right name"),
        ("a", "q", "no flag"),
        ("a", "ii", "name one twice"),
        (r"\-", "u", "means nothing"),
        (r"\u{110000}", "u", "is no character"),
        ("{2}", "", "nothing to repeat"),
        ("(" * 60 + ")" * 60, "", "nested"),
        ("a" * 3000, "", "longer than"),
    ],
)
def test_what_is_no_expression_is_told(source: str, flags: str, said: str) -> None:
    with pytest.raises(PatternFault, match=said):
        compile_pattern(source, flags)


@pytest.mark.parametrize(
    "source", [r"(?=.*\d).{8,}", r"(a)\1", r"(?<!x)y", r"\k<n>(?<n>a)", "a{5000}", "((a{500}){500})"]
)
def test_what_only_a_browser_can_decide_is_left_to_it(source: str) -> None:
    pattern = compile_pattern(source, "")
    assert not pattern.is_decidable
    assert pattern.matches("anything")


@pytest.mark.parametrize("source", ["(a+)+$", "(a|a)*b", "(a*)*b", "(.*,){11}P", "([a-z]+)*[0-9]", "(()*)*x"])
def test_careless_patterns_take_no_longer_than_others(source: str) -> None:
    pattern = compile_pattern(source, "")
    started = time.perf_counter()
    pattern.matches("a" * min(3000, pattern.longest) + "!")
    assert time.perf_counter() - started < 2


def test_a_pattern_of_nothings_within_nothings_is_read_at_once() -> None:
    started = time.perf_counter()
    compile_pattern("(((){999}){999}){999}", "")
    assert time.perf_counter() - started < 1


def test_the_longest_text_grows_smaller_with_the_pattern() -> None:
    assert compile_pattern("a", "").longest == MAX_TEXT
    assert compile_pattern("a{900}", "").longest < MAX_TEXT


_atoms = st.sampled_from(["a", "b", "1", " ", ".", r"\d", r"\w", r"\s", "[ab]", "[^a]", "[a-c1]", "^", "$", r"\b"])
_patterns = st.recursive(
    _atoms,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda two: f"(?:{two[0]}|{two[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}"])).map(lambda two: f"(?:{two[0]}){two[1]}"),
    ),
    max_leaves=6,
)


@given(_patterns, st.text(alphabet="ab1 c_-", max_size=8))
@settings(max_examples=150, deadline=None)
def test_it_agrees_with_the_usual_matcher(source: str, text: str) -> None:
    # "$" of Python also stands before a last line end; the texts here have none
    wanted = re.search(source, text, re.ASCII) is not None
    assert compile_pattern(source, "").matches(text) is wanted


@given(st.text(alphabet="ab(|)*+?{1,2}[]^$\\dw-.", max_size=14), st.sampled_from(["", "i", "u", "im", "s"]))
@settings(max_examples=150, deadline=None)
def test_any_text_is_a_pattern_or_a_fault(source: str, flags: str) -> None:
    with suppress(PatternFault):
        assert compile_pattern(source, flags).matches("ab12") in (True, False)
