"""Rows of CSV, JSON, JSONL, lists and functions: what is read, what is left out, with which line."""

from __future__ import annotations

import contextlib
import csv
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.blueprints.base import RowError
from app.blueprints.row import Row, make_row
from app.blueprints.row_files import read_rows
from app.blueprints.rows import RowArgs, RowSource
from app.errors import ConfigError


def _read(path: Path) -> tuple[list[dict[str, Any]], list[tuple[int, str]]]:
    found = list(read_rows(path))
    rows = [row.values for row in found if isinstance(row, Row)]
    return rows, [(error.line, error.message) for error in found if isinstance(error, RowError)]


def _write(tmp_path: Path, name: str, content: bytes | str) -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_csv_is_read_in_every_usual_dress(tmp_path: Path, encoding: str, separator: str) -> None:
    text = separator.join(["name", "note"]) + "\r\n" + separator.join(["Zoë", '"two\r\nlines"']) + "\r\n"
    rows, errors = _read(_write(tmp_path, "a.csv", text.encode(encoding)))
    assert rows == [{"name": "Zoë", "note": "two\r\nlines"}]
    assert errors == []


def test_ragged_rows_are_left_out_with_their_lines(tmp_path: Path) -> None:
    text = 'a,b\n1,2\n3\n"x\ny",4\n5,6,7\n8,9,,\n\n10,11\n'
    rows, errors = _read(_write(tmp_path, "a.csv", text))
    assert [row["a"] for row in rows] == ["1", "x\ny", "8", "10"]
    assert errors == [
        (3, "has 1 field; the first line names 2."),
        (6, "has 3 fields; the first line names 2."),
    ]


def test_an_open_quote_is_told_and_swallows_nothing_silently(tmp_path: Path) -> None:
    rows, errors = _read(_write(tmp_path, "a.csv", 'a,b\n1,2\n"3,4\n5,6\n'))
    assert rows == [{"a": "1", "b": "2"}]
    ((line, message),) = errors
    assert line == 3
    assert "never closed" in message


def test_what_is_no_text_is_left_out(tmp_path: Path) -> None:
    rows, errors = _read(_write(tmp_path, "a.csv", b"\xef\xbb\xbfa\nfine\n\xff\xfe\nze\x00ro\nalso fine\n"))
    assert [row["a"] for row in rows] == ["fine", "also fine"]
    assert [line for line, _ in errors] == [3, 4]


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "is empty"), ("\n\n", "is empty"), ("a,a\n1,2\n", 'named "a"'), ("a,,b\n1,2,3\n", "Column 2 has no name")],
)
def test_a_header_that_names_nothing_is_the_files_fault(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        _read(_write(tmp_path, "a.csv", text))


def test_jsonl_lines_stand_alone(tmp_path: Path) -> None:
    lines = [b'\xef\xbb\xbf{"a": 1}', b"", b'{"a": }', b"[1]", b'{"a": NaN}', b'{"a": "\\ud800"}', b'{"a": "\xff"}']
    lines += [b'{"a": "\\u0000"}', b'{"": 1}', b"{}", b'{"a": {"b": [true, null]}}']
    rows, errors = _read(_write(tmp_path, "a.jsonl", b"\n".join(lines)))
    assert rows == [{"a": 1}, {"a": {"b": [True, None]}}]
    assert [line for line, _ in errors] == [3, 4, 5, 6, 7, 8, 9, 10]


def test_a_json_list_gives_its_objects_with_their_lines(tmp_path: Path) -> None:
    rows, errors = _read(_write(tmp_path, "a.json", '[\n  {"a": 1},\n  7,\n  {\n    "a": 2\n  }\n]\n'))
    assert rows == [{"a": 1}, {"a": 2}]
    assert errors == [(3, "is a number, not a set of named values.")]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{"a": 1}', 1),
        ('[{"a": 1}\n{"a": 2}]', 2),
        ('[{"a": 1},\n{"a": oops}]', 2),
        ("[1] x", 1),
        ("", 1),
        ("[" * 9999, 1),
    ],
)
def test_a_broken_json_file_is_refused_with_the_line(tmp_path: Path, text: str, line: int) -> None:
    with pytest.raises(ConfigError) as refusal:
        _read(_write(tmp_path, "a.json", text))
    assert refusal.value.line == line


def test_rows_of_a_list_are_checked_like_any_other() -> None:
    source = RowSource(RowArgs(static_task_data=[{"a": 1}, "x", {1: 2}, {"a": object()}, {"a": 2}]), Path())
    assert [row.values for row in source.read()] == [{"a": 1}, {"a": 2}]
    assert [error.line for error in source.errors] == [2, 3, 4]


def test_a_function_gives_rows_and_its_fault_is_told(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "def rows():\n    yield {'a': 1}\n    raise KeyError('gone')\n\n"
        "def fine():\n    return [{'a': n} for n in range(3)]\n",
        "utf-8",
    )
    fine = RowSource(RowArgs(data_function="mine.py:fine"), tmp_path)
    fine.check()
    assert [row.values["a"] for row in fine.read()] == [0, 1, 2]
    assert fine.count() is None
    with pytest.raises(ConfigError, match=r"failed after 1 rows: mine\.py, line 3, in rows: KeyError"):
        list(RowSource(RowArgs(data_function="mine.py:rows"), tmp_path).read())


@pytest.mark.parametrize(
    ("dotted", "words"),
    [
        ("nothing", "names no function"),
        ("gone.py:rows", "There is no file"),
        ("json:no_such", "There is no function"),
        ("no_such_package_x:rows", "cannot be loaded"),
    ],
)
def test_a_function_that_is_not_there_is_told(tmp_path: Path, dotted: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        RowSource(RowArgs(data_function=dotted), tmp_path).check()


def test_exactly_one_source_must_be_given(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no data"):
        RowSource(RowArgs(), tmp_path)
    with pytest.raises(ConfigError, match="only one of data_csv and data_json"):
        RowSource(RowArgs(data_csv="a.csv", data_json="b.json"), tmp_path)


@pytest.mark.parametrize("name", ["gone.csv", "."])
def test_a_file_that_is_not_there_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError):
        RowSource(RowArgs(data_csv=name), tmp_path).check()


def test_errors_are_kept_once_and_no_more_than_a_thousand(tmp_path: Path) -> None:
    _write(tmp_path, "a.csv", "a,b\n" + "x\n" * 5000)
    source = RowSource(RowArgs(data_csv="a.csv"), tmp_path)
    for _ in range(2):
        assert list(source.read()) == []
    assert len(source.errors) == 1001
    assert source.errors[-1].line == 5001


def test_a_changed_file_is_counted_again(tmp_path: Path) -> None:
    path = _write(tmp_path, "a.csv", "a\n1\n2\n")
    source = RowSource(RowArgs(data_csv="a.csv"), tmp_path)
    assert source.count() == 2
    path.write_text("a\n1\n2\n3 and more\n", "utf-8")
    assert source.count() == 3


@pytest.mark.parametrize("name", ["big.csv", "big.jsonl"])
def test_a_large_file_is_not_held_in_memory(tmp_path: Path, name: str) -> None:
    with (tmp_path / name).open("w", encoding="utf-8") as stream:
        if name.endswith(".csv"):
            stream.write("text\n")
        for number in range(40_000):
            text = f"{number} " + "x" * 300
            stream.write((text if name.endswith(".csv") else json.dumps({"text": text})) + "\n")
    args = RowArgs(data_csv=name) if name.endswith(".csv") else RowArgs(data_jsonl=name)
    source = RowSource(args, tmp_path)
    assert source.count() is None
    tracemalloc.start()
    assert sum(1 for _ in source.read()) == 40_000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * 1024 * 1024


cells = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(table=st.lists(st.tuples(cells, cells), min_size=1, max_size=6))
def test_what_the_csv_module_writes_is_read_back(tmp_path: Path, table: list[tuple[str, str]]) -> None:
    path = tmp_path / "back.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream, quoting=csv.QUOTE_ALL)
        writer.writerow(("first", "second"))
        writer.writerows(table)
    rows, errors = _read(path)
    assert errors == []
    assert rows == [{"first": a, "second": b} for a, b in table if a.strip() or b.strip()]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=300), suffix=st.sampled_from([".csv", ".jsonl", ".json"]))
def test_rubbish_is_rows_errors_or_a_sentence(tmp_path: Path, content: bytes, suffix: str) -> None:
    path = tmp_path / f"rubbish{suffix}"
    path.write_bytes(content)
    with contextlib.suppress(ConfigError):
        for row in read_rows(path):
            assert row.line >= 1
            if isinstance(row, Row):
                json.dumps(row.values, allow_nan=False, ensure_ascii=False).encode()


@pytest.mark.parametrize("values", [{"a": float("inf")}, {"a": {1, 2}}, {"a": b"x"}, None, [], {" ": 1}])
def test_a_row_holds_only_what_json_can(values: Any) -> None:
    assert isinstance(make_row("here", 3, values), RowError)
