"""Known rows: their truth is kept from the page, and each kind of task tells right from wrong by it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.args import check
from app.blueprints import registry
from app.blueprints.base import Blueprint, JudgesAnswers
from app.blueprints.gates import Candidate, Divert, GoldRule, Refuse, RunLimits, ScreeningRule, decide
from app.blueprints.known_rows import as_known, check_known_rows, read_known_file, with_truth
from app.errors import ConfigError

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
SHAPES = EXAMPLES.parent / "resources" / "samples" / "shapes"


def make(kind: str, base_dir: Path, **values: Any) -> Blueprint:
    args, problems = check(registry.get(kind).ArgsClass, {"_blueprint_type": kind, **values})
    assert args is not None, problems
    return registry.get(kind)(args, base_dir)


def gated(**values: Any) -> Blueprint:
    return make("static_html", EXAMPLES / "gated", task_source="task.html", data_csv="receipts.csv", **values)


IMAGES = {"image_list": "images.csv", "labels": ["circle", "square", "star"], "multiple": True}
REACT = {"task_source": "bundle.js", "data_csv": "headlines.csv", "answer_field": "topic"}


@pytest.mark.parametrize(
    ("blueprint", "row", "right", "wrong"),
    [
        (make("mock", EXAMPLES), {"question": "Q", "truth": "Four"}, {"answer": " four "}, {"answer": "five"}),
        (
            make("image_label", SHAPES, **IMAGES),
            {"image": "shape_01.jpg", "truth": "star|circle"},
            {"labels": ["circle", "star"]},
            {"labels": ["star"]},
        ),
        (
            make("static_react", EXAMPLES / "static_react", **REACT),
            {"headline": "Q", "truth": "sport"},
            {"topic": "sport"},
            {"topic": "music"},
        ),
        (gated(), {"number": "1", "truth.sum": "right"}, {"sum": "right"}, {"sum": "wrong"}),
        (gated(), {"number": "1", "truth": "wrong"}, {"sum": "wrong"}, {"sum": "right"}),
        (gated(), {"number": "1", "truth": "wrong"}, {"sum": "wrong"}, "rubbish"),
    ],
)
def test_each_kind_tells_right_from_wrong(blueprint: Blueprint, row: dict[str, Any], right: Any, wrong: Any) -> None:
    lines = {"shop": "S", "line1": "a", "line2": "b", "line3": "c", "total": "1"}
    known = as_known(blueprint, 1, {**lines, **row} if "number" in row else row, may_lack_truth=False)
    assert isinstance(blueprint, JudgesAnswers)
    shown = blueprint.initial_data(known.shared, {})
    assert not [name for name in shown if name.startswith("truth")]
    assert blueprint.is_right(shown, known.truth, right)
    assert not blueprint.is_right(shown, known.truth, wrong)


@pytest.mark.parametrize(
    ("blueprint", "row", "says"),
    [
        (make("image_label", SHAPES, **IMAGES), {"image": "shape_01.jpg", "truth": "moon"}, "none of the labels"),
        (make("image_label", SHAPES, **IMAGES), {"image": "gone.png", "truth": "star"}, r"gone\.png is not there"),
        (gated(), {"number": "1", "truth": "right"}, "The row "),
        (gated(), {"truth": ""}, 'has no "truth"'),
    ],
)
def test_a_row_that_cannot_be_a_unit_is_told(blueprint: Blueprint, row: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        as_known(blueprint, 1, row, may_lack_truth=False)


def test_a_truth_that_is_no_field_of_the_page_is_told(tmp_path: Path) -> None:
    lines = "number,shop,line1,line2,line3,total"
    (tmp_path / "gold.csv").write_text(f"{lines},truth.colour\n1,S,a,b,c,2,red\n", "utf-8")
    blueprint = gated(use_golds=True, gold_qualification_base="g", gold_data=str(tmp_path / "gold.csv"))
    with pytest.raises(ConfigError, match=r'gold\.csv:2.*field "colour"'):
        check_known_rows(blueprint)


def test_simulated_workers_are_told_the_truth_of_a_files_rows() -> None:
    blueprint = gated(use_golds=True, gold_qualification_base="g", gold_data="gold.csv")
    row = read_known_file(blueprint, "gold", may_lack_truth=False)[0]
    inputs = blueprint.initial_data(row.shared, {})
    known = with_truth(blueprint, inputs)
    assert isinstance(blueprint, JudgesAnswers)
    assert blueprint.is_right(inputs, row.truth, blueprint.simulate_answer(known, 1.0, 0.5))
    assert not blueprint.is_right(inputs, row.truth, blueprint.simulate_answer(known, 0.0, 0.5))
    assert with_truth(blueprint, {"number": "0"}) == {"number": "0"}


GATES = RunLimits(screening=ScreeningRule("screened", 5), gold=GoldRule("g", 2, every=10, max_incorrect=1, most=9))


@pytest.mark.parametrize(
    ("held", "facts", "expected"),
    [
        ({}, {}, "screening"),
        ({}, {"screening_used": 5}, "screening_over"),
        ({}, {"holds_test_unit": True}, "test_open"),
        ({"screened": 1}, {}, "gold"),
        ({"screened": 1}, {"gold_used": 9}, "gold_over"),
        ({"screened": 1, "g-correct-golds": 1}, {"holds_test_unit": True}, "test_open"),
        ({"screened": 1, "g-correct-golds": 2}, {}, "admit"),
        ({"screened": 1, "g-correct-golds": 2, "g-wrong-golds": 1}, {"holds_test_unit": True}, "test_open"),
        ({"screened": 1, "g-correct-golds": 2}, {"taken_in_task": 10}, "gold"),
        ({"screened": 1, "g-correct-golds": 2}, {"taken_in_task": 10, "holds_test_unit": True}, "admit"),
        ({"screened": 1, "g-correct-golds": 2}, {"taken_in_task": 10, "gold_used": 9}, "admit"),
        ({"screened": 1, "g-correct-golds": 2, "g-disqualified": 1}, {}, "gold_disqualified"),
    ],
)
def test_screening_comes_first_and_golds_when_they_are_due(
    held: dict[str, int], facts: dict[str, Any], expected: str
) -> None:
    verdict = decide(Candidate(qualifications=held, **facts), GATES)
    found = verdict.code if isinstance(verdict, Refuse) else verdict.kind if isinstance(verdict, Divert) else "admit"
    assert found == expected
