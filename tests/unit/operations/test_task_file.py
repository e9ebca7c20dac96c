"""Task files are hostile input: only plain values come out, bounded, each with its line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import ConfigError
from app.operations.configuration import interpolation
from app.operations.configuration.task_file import MAX_BYTES, Place, Tree, dotted, dump, parse_tree, read_tree, scalar


def test_values_are_plain_and_carry_their_lines() -> None:
    tree = parse_tree("#@package _global_\nmephisto:\n  task:\n    tags: [a, no, 007]\n    pay: 1.10\n", "t.yaml")
    assert tree.package == "_global_"
    assert tree.values["mephisto"]["task"]["tags"] == ["a", "no", "007"]
    assert str(tree.values["mephisto"]["task"]["pay"]) == "1.10"
    assert tree.place_of(("mephisto", "task", "pay")) == Place("t.yaml", 5)
    assert tree.place_of(("mephisto", "task", "absent")).line == 3


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("true", True),
        ("yes", "yes"),
        ("12", 12),
        ("012", "012"),
        ("1e3", 1000.0),
        ("1:30", "1:30"),
    ],
)
def test_a_scalar_is_read_by_the_narrow_rules(text: str, value: Any) -> None:
    assert scalar(text) == value


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: !!python/object/apply:os.system ['x']\n", 1, "!!python"),
        ("a: 1\nb: !env HOME\n", 2, "!env"),
        ("a: 1\na: 2\n", 2, "twice"),
        ("a:\n  - [1\n", 3, "not YAML"),
        ("- a\n", 1, "mapping"),
        ("<<: {a: 1}\n", 1, "Merge"),
        ("? [a]\n: 1\n", 1, "key must be a text"),
    ],
)
def test_what_is_no_plain_value_is_refused_with_its_line(text: str, line: int, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_tree(text, "bad.yaml")
    assert words in str(caught.value)
    assert (caught.value.file, caught.value.line) == ("bad.yaml", line)


def test_aliases_cannot_grow_without_bound() -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    with pytest.raises(ConfigError, match="more than"):
        parse_tree("\n".join(rows), "bomb.yaml")


@pytest.mark.parametrize("text", ["a: &x [*x]", "[" * 5000, "a: " + "{b: " * 60 + "1" + "}" * 60])
def test_depth_is_bounded(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_tree(text, "deep.yaml")


def test_a_file_that_cannot_be_a_task_file_is_a_sentence(tmp_path: Path) -> None:
    big = tmp_path / "big.yaml"
    big.write_bytes(b"#" * (MAX_BYTES + 1))
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"a: \xe9\n")
    for path, words in (
        (big, "bytes at most"),
        (latin, "UTF-8"),
        (tmp_path / "none", "no such file"),
        (tmp_path, "read"),
    ):
        with pytest.raises(ConfigError, match=words):
            read_tree(path)


_plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(min_size=1, max_size=8), _plain, max_size=5))
def test_what_is_dumped_is_read_back(values: dict[str, Any]) -> None:
    assert parse_tree(dump(values), "t").values == values


@given(st.text(alphabet="\\${}ab: .", max_size=30))
def test_an_escaped_text_is_interpolated_to_itself(text: str) -> None:
    assert interpolation.resolve(Tree({"a": interpolation.escape(text)}), {}) == {"a": text}


def test_merge_joins_mappings_and_replaces_the_rest() -> None:
    tree = parse_tree("a: {b: 1, c: [1, 2]}\n", "one")
    tree.merge(parse_tree("\na: {c: [3]}\nd: 4\n", "two"))
    assert tree.values == {"a": {"b": 1, "c": [3]}, "d": 4}
    assert tree.place_of(("a", "b")).file == "one"
    assert tree.place_of(("a", "c")) == Place("two", 2)
    assert ("a", "c", 1) not in tree.places
    tree.merge(parse_tree("e: 5\n", "three"), ("a", "b"))
    assert tree.values["a"]["b"] == {"e": 5}
    assert tree.remove(("a", "b", "e"))
    assert not tree.remove(("a", "x", "e"))


def test_interpolation_finds_values_by_absolute_and_relative_keys() -> None:
    text = 'a: {b: 3, c: "${a.b}", d: "${.b}/${..e}", l: [x, y], m: "${a.l[1]}", n: "${a.${f}}"}\ne: end\nf: b\n'
    values = interpolation.resolve(parse_tree(text + 'g: "${home}"\nh: "${a.l}"\n', "t"), {"home": "/h"})
    assert values["a"] == {"b": 3, "c": 3, "d": "3/end", "l": ["x", "y"], "m": "y", "n": 3}
    assert values["g"] == "/h"
    assert values["h"] == ["x", "y"]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("${oc.env:HOME}", "environment"),
        ("${oc.env:HOME,x}", "environment"),
        ("${a}", "itself"),
        ("${nowhere.x}", "no key"),
        ("${a", "not closed"),
        ("${...x}", "out of the file"),
        ("${x y}", "not a key"),
        ("t ${m}", "inside a text"),
    ],
)
def test_an_interpolation_that_cannot_be_is_refused_with_its_place(value: str, words: str) -> None:
    tree = parse_tree(f"m: {{}}\na: '{value}'\n", "t.yaml")
    with pytest.raises(ConfigError, match=words) as caught:
        interpolation.resolve(tree, {})
    assert caught.value.line == 2


def test_a_circle_of_interpolations_is_found() -> None:
    with pytest.raises(ConfigError, match="itself"):
        interpolation.resolve(parse_tree('a: "${b}"\nb: "${c.d}"\nc: {d: "x${a}"}\n', "t"), {})


def test_interpolations_cannot_grow_without_bound() -> None:
    rows = ["a0: xxxxxxxxxx"] + [f'a{n}: "{f"${{a{n - 1}}}" * 10}"' for n in range(1, 30)]
    with pytest.raises(ConfigError, match="grow"):
        interpolation.resolve(parse_tree("\n".join(rows), "t"), {})


def test_dotted_writes_list_positions_in_brackets() -> None:
    assert dotted(("mephisto", "task", "task_tags", 0)) == "mephisto.task.task_tags[0]"
